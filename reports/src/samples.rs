//! The time series of one run: what the performance counters would have shown.

use serde::{Deserialize, Serialize};

use crate::number::seconds;

/// The counter of scheduled arrivals per second, drawn in the chart of rates.
pub const OFFERED: &str = "Documents offered/Sec";
/// The counter of documents accepted per second, drawn in the chart of rates.
pub const RECEIVED: &str = "Documents received/Sec";
/// The counter of documents transmitted per second, drawn in the chart of rates.
pub const PROCESSED: &str = "Documents processed/Sec";
/// The counter of rows in the spool, drawn in the chart of spool and backlog.
pub const SPOOL_SIZE: &str = "Spool Size";
/// Documents that have arrived at the generator's side and are not finished, drawn beside the
/// spool.
pub const BACKLOG: &str = "Backlog";

/// The phase that counts towards no rate and no latency; the charts shade it.
pub const WARM_UP: &str = "warm-up";

/// Every counter at equal intervals of virtual time.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Samples {
    /// The time between two samples. Unit: s.
    pub interval_seconds: f64,
    /// The time that was asked for, where that would be more samples than a run keeps. Unit: s.
    pub asked_seconds: Option<f64>,
    /// What was sampled, in the order of each row's values.
    pub columns: Vec<Column>,
    /// The samples, oldest first.
    pub rows: Vec<SampleRow>,
    /// The parts of the run, such as warm-up and measure, oldest first.
    pub phases: Vec<Phase>,
}

/// One counter.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Column {
    /// The counter's name, as BizTalk's performance counters print it.
    pub name: String,
    /// The unit of its values.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
}

/// Which way of a counter is better.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// More is better, as for a rate.
    Higher,
    /// Less is better, as for a latency.
    Lower,
    /// It only describes.
    Neither,
}

/// Every counter at one instant.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SampleRow {
    /// The instant on the virtual clock. Unit: s.
    pub at_seconds: f64,
    /// One value a column; not a number where there was nothing to measure.
    pub values: Vec<f64>,
}

/// One part of a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Phase {
    /// Its name, such as [`WARM_UP`] or `measure`.
    pub name: String,
    /// Whether it counts towards rates and latencies, where the scenario says so.
    #[serde(default)]
    pub measured: Option<bool>,
    /// Where it begins. Unit: s.
    pub from_seconds: f64,
    /// Where it ends. Unit: s.
    pub to_seconds: f64,
}

impl Phase {
    /// Whether the charts shade it: it counts towards nothing.
    pub fn is_shaded(&self) -> bool {
        self.measured.map_or(self.name == WARM_UP, |measured| !measured)
    }
}

impl Samples {
    /// That there are fewer samples than were asked for, in words.
    pub(crate) fn thinned(&self) -> Option<String> {
        let [asked, kept] = [self.asked_seconds?, self.interval_seconds].map(seconds);
        Some(format!("A sample each {kept}: one each {asked}, as asked, would be over 20,000."))
    }

    /// The series of one counter as (instant, value), or nothing when it was not sampled.
    pub fn series(&self, name: &str) -> Option<Vec<(f64, f64)>> {
        let index = self.columns.iter().position(|column| column.name == name)?;
        let point = |row: &SampleRow| Some((row.at_seconds, *row.values.get(index)?));
        Some(self.rows.iter().filter_map(point).collect())
    }
}
