//! What one job of an array has run, and putting all of them together.

use std::path::Path;

use floodgate_reports::SweepRecord;
use serde::{Deserialize, Serialize};

use super::cell::Cell;
use super::manifest::Manifest;
use super::rows::rows;
use crate::plan::Problems;

/// The cells of one shard.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// The manifest it was run from.
    pub manifest: String,
    /// Which shard it is, counted from 0.
    pub index: u64,
    /// Its cells, in the order of their index.
    pub cells: Vec<Cell>,
}

impl Shard {
    /// Reads a shard.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is no shard.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let bytes = std::fs::read(path).map_err(|error| Problems::unreadable(path, &error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let help = "a shard is what `floodgate run-shard MANIFEST` writes".to_owned();
            Problems::one(format!("'{}' is no shard: {error}", path.display()), Some(help))
        })
    }
}

/// The record of a sweep whose shards have all run, the same to the byte as without shards.
///
/// # Errors
///
/// A shard of another manifest, one that is there twice, is missing, or has not all its cells.
pub fn merge(manifest: &Manifest, shards: Vec<Shard>) -> Result<SweepRecord, Problems> {
    let sweep = manifest.sweep()?;
    let (id, count) = (manifest.id(), manifest.shards);
    let mut cells: Vec<Option<Cell>> = vec![None; manifest.cells];
    for shard in shards {
        let index = shard.index;
        if shard.manifest != id {
            let message = format!("shard {index} was run from the manifest {}", shard.manifest);
            let help = format!("the manifest given is {id}: merge what was run from it");
            return Err(Problems::one(message, Some(help)));
        }
        in_range(manifest, index)?;
        let places: Vec<usize> = manifest.cells_of(index).collect();
        if places.len() != shard.cells.len() {
            let found = shard.cells.len();
            let message = format!("shard {index} has {found} runs of {}", places.len());
            return Err(Problems::one(message, Some("run the shard again".to_owned())));
        }
        for (place, cell) in places.into_iter().zip(shard.cells) {
            if cell.values.len() != sweep.metrics().len() || cell.seed != sweep.scenario(place).seed
            {
                let message = format!("run {place} of shard {index} is not what was planned");
                return Err(Problems::one(message, Some("run the shard again".to_owned())));
            }
            if cells[place].replace(cell).is_some() {
                let help = format!("give each of the {count} shards once");
                return Err(Problems::one(format!("shard {index} is given twice"), Some(help)));
            }
        }
    }
    let missing = (0..count).filter(|index| {
        manifest.cells_of(*index).next().is_some_and(|first| cells[first].is_none())
    });
    let missing: Vec<String> = missing.map(|index| index.to_string()).collect();
    if !missing.is_empty() {
        let message = format!("missing of {count} shards: {}", missing.join(", "));
        let help = "run them with `floodgate run-shard MANIFEST --index I`".to_owned();
        return Err(Problems::one(message, Some(help)));
    }
    let cells: Vec<Cell> = cells.into_iter().flatten().collect();
    Ok(rows(&sweep, &cells))
}

/// Refuses an index that the manifest has no shard for.
pub(super) fn in_range(manifest: &Manifest, index: u64) -> Result<(), Problems> {
    let count = manifest.shards;
    if index < count {
        return Ok(());
    }
    let help = format!("the manifest has {count} shards: from 0 to {}", count - 1);
    Err(Problems::one(format!("there is no shard {index}"), Some(help)))
}
