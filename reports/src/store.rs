//! The run folder: what a run, a search or a sweep leaves on disk, and reading it back.
//!
//! Every file is first written whole under another name, and only then are all of them renamed: a
//! full disk or a lost power line leaves the older result as it was.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::html::{PageError, island, mst_html, run_html, sweep_html};
use crate::latency_log;
use crate::mst::MstRecord;
use crate::record::{Record, SCHEMA_VERSION};
use crate::samples::{Column, Phase, Samples};
use crate::samples_csv;
use crate::sweep::SweepRecord;

/// The record in a folder.
pub const RECORD: &str = "record.json";
/// The time series in a folder.
pub const SAMPLES: &str = "samples.csv";
/// The latencies in a folder, as an HdrHistogram V2 interval log.
pub const LATENCY: &str = "latency.hdr";
/// The page in a folder.
pub const REPORT: &str = "report.html";

/// What stops a run folder from being written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is there, but it is not what it should be.
    #[error("{}: {reason}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refused.
    #[error("{}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// The page could not be drawn.
    #[error("{}", path.display())]
    Page {
        /// The file.
        path: PathBuf,
        /// Its reason.
        source: PageError,
    },
    /// The record was written by a newer Floodgate.
    #[error("{}: schema version {found}, this one reads up to {SCHEMA_VERSION}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The version it states.
        found: u32,
    },
}

/// What `samples.csv` has no room for, kept beside the record in `record.json`.
#[derive(Clone, Deserialize, Serialize)]
struct Sampling {
    interval_seconds: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_seconds: Option<f64>,
    columns: Vec<Column>,
    phases: Vec<Phase>,
}

/// `record.json`: the record as `run --json` prints it, and how its samples were taken.
#[derive(Serialize)]
struct Kept<'a> {
    #[serde(flatten)]
    record: &'a Record,
    sampling: Sampling,
}

/// Writes a run folder: `record.json`, `samples.csv`, `latency.hdr` and `report.html`.
///
/// `latency_ns` holds the latencies of the measured window in nanoseconds. The folder is made if it
/// is missing.
pub fn write_run(
    dir: &Path,
    record: &Record,
    samples: &Samples,
    latency_ns: &Histogram<u64>,
) -> Result<(), StoreError> {
    let sampling = Sampling {
        interval_seconds: samples.interval_seconds,
        asked_seconds: samples.asked_seconds,
        columns: samples.columns.clone(),
        phases: samples.phases.clone(),
    };
    let page = run_html(record, samples, latency_ns)
        .map_err(|source| StoreError::Page { path: dir.join(REPORT), source })?;
    let csv = samples_csv::text(samples).map_err(|error| form(dir.join(SAMPLES), error))?;
    let log = latency_log::text(&record.window, latency_ns)
        .map_err(|reason| StoreError::Form { path: dir.join(LATENCY), reason })?;
    // The record comes last: who finds a new record finds the rest new too.
    replace(
        dir,
        &[
            (SAMPLES, csv),
            (LATENCY, log),
            (REPORT, page.into_bytes()),
            (RECORD, pretty::<Record>(dir, &Kept { record, sampling })?),
        ],
    )
}

/// Writes the folder of a search: `record.json` and `report.html`.
pub fn write_mst(dir: &Path, record: &MstRecord) -> Result<(), StoreError> {
    let page =
        mst_html(record).map_err(|source| StoreError::Page { path: dir.join(REPORT), source })?;
    replace(dir, &[(REPORT, page.into_bytes()), (RECORD, pretty::<MstRecord>(dir, record)?)])
}

/// Writes the folder of a sweep: `record.json` and `report.html`.
pub fn write_sweep(dir: &Path, record: &SweepRecord) -> Result<(), StoreError> {
    let page =
        sweep_html(record).map_err(|source| StoreError::Page { path: dir.join(REPORT), source })?;
    replace(dir, &[(REPORT, page.into_bytes()), (RECORD, pretty::<SweepRecord>(dir, record)?)])
}

/// Reads the record of a sweep from its folder or from its `record.json`.
pub fn read_sweep(path: &Path) -> Result<SweepRecord, StoreError> {
    read_json(path)
}

/// Reads the record of a run from its folder, from its `record.json` or from the page that embeds
/// it.
pub fn read_record(path: &Path) -> Result<Record, StoreError> {
    read_json(path)
}

/// Reads the record of a search from its folder, from its `record.json` or from the page that
/// embeds it.
pub fn read_mst(path: &Path) -> Result<MstRecord, StoreError> {
    read_json(path)
}

/// Reads the time series of a run from its folder.
pub fn read_samples(dir: &Path) -> Result<Samples, StoreError> {
    #[derive(Deserialize)]
    struct Sampled {
        sampling: Sampling,
    }
    let Sampled { sampling } = read_json(dir)?;
    let path = dir.join(SAMPLES);
    let rows = samples_csv::rows(&read(&path)?).map_err(|error| form(path, error))?;
    let Sampling { interval_seconds, asked_seconds, columns, phases } = sampling;
    Ok(Samples { interval_seconds, asked_seconds, columns, rows, phases })
}

/// Reads the latencies of a run, in nanoseconds, from its folder.
pub fn read_latencies(dir: &Path) -> Result<Histogram<u64>, StoreError> {
    let path = dir.join(LATENCY);
    latency_log::histogram(&read(&path)?).map_err(|reason| StoreError::Form { path, reason })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    #[derive(Deserialize)]
    struct Stated {
        schema_version: u32,
    }
    let path = if path.is_dir() { path.join(RECORD) } else { path.to_owned() };
    let text = String::from_utf8(read(&path)?).map_err(|error| form(path.clone(), error))?;
    let is_page = path.extension().is_some_and(|end| end == "html" || end == "htm");
    let json = match (is_page, island::find(&text)) {
        (false, _) => text.as_str(),
        (true, Some(json)) => json,
        (true, None) => return Err(form(path, "no record is embedded in this page")),
    };
    let stated: Stated = serde_json::from_str(json).map_err(|error| form(path.clone(), error))?;
    if stated.schema_version > SCHEMA_VERSION {
        return Err(StoreError::Schema { path, found: stated.schema_version });
    }
    serde_json::from_str(json).map_err(|error| form(path, error))
}

fn form(path: PathBuf, reason: impl ToString) -> StoreError {
    StoreError::Form { path, reason: reason.to_string() }
}

/// The JSON of a value, once it has proved to be readable as `T`.
///
/// JSON has no word for infinity or for what is not a number; such a figure is refused here, by
/// line, and not left for a reader to stumble over.
fn pretty<T: DeserializeOwned>(dir: &Path, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let wrong = |error| form(dir.join(RECORD), error);
    let mut text = serde_json::to_vec_pretty(value).map_err(wrong)?;
    serde_json::from_slice::<T>(&text).map_err(wrong)?;
    text.push(b'\n');
    Ok(text)
}

fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })
}

/// Puts all files into the folder, or leaves the older ones alone.
fn replace(dir: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), StoreError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::Io { path, source }
    };
    fs::create_dir_all(dir).map_err(at(dir))?;
    let partial = |name: &str| dir.join(format!(".{name}.partial"));
    let written = files.iter().try_for_each(|(name, bytes)| {
        let path = partial(name);
        write_whole(&path, bytes).map_err(at(&path))
    });
    if written.is_err() {
        for (name, _) in files {
            // The reason to report is the first one; what cannot be removed either is hidden by its
            // name.
            fs::remove_file(partial(name)).ok();
        }
        return written;
    }
    files.iter().try_for_each(|(name, _)| {
        let path = dir.join(name);
        fs::rename(partial(name), &path).map_err(at(&path))
    })
}

/// The bytes are on the disk, not only on their way, before the rename makes them the result.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}
