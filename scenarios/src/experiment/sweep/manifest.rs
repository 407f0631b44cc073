//! The manifest: a sweep as one JSON document that every machine of a job array reads.
//!
//! It holds the text of the scenario and not its path, so that nobody runs another one. Files that
//! the text names (a profile by path, a replay) must be where they were; the hash of every setting
//! tells if a profile is another.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::design::{Question, Sweep, Vary};
use crate::catalogue::Source;
use crate::plan::{Problems, Scenario, fingerprint};

/// The form that this program writes and reads.
pub const MANIFEST_VERSION: u32 = 1;

/// A sweep, ready to be dealt out.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of this document.
    pub manifest_version: u32,
    /// The version of Floodgate that planned it: another one may run another engine.
    pub engine_version: String,
    /// What reports call the scenario.
    pub scenario: String,
    /// What messages call its file.
    pub file: String,
    /// Where its relative paths start from.
    pub folder: String,
    /// Its text.
    pub text: String,
    /// What is changed in every setting.
    pub set: Vec<String>,
    /// What is varied.
    pub vary: Vec<Vary>,
    /// Seeds of each setting.
    pub seeds: u32,
    /// What is asked of every cell.
    pub question: Question,
    /// Whether every setting runs with every other set of prices that fits as well, too.
    #[serde(default)]
    pub spread: bool,
    /// The hash of the scenario of every setting.
    pub hashes: Vec<String>,
    /// Settings times seeds, times the sets of prices.
    pub cells: usize,
    /// Into how many shards the cells are dealt: cell `c` belongs to shard `c` modulo this.
    pub shards: u64,
}

/// What every form has.
#[derive(Deserialize)]
struct Stated {
    manifest_version: u32,
    engine_version: String,
}

impl Manifest {
    /// Deals a sweep out.
    ///
    /// # Errors
    ///
    /// No shards, or more of them than cells.
    pub fn of(sweep: &Sweep, shards: u64) -> Result<Self, Problems> {
        let cells = sweep.cells();
        if shards == 0 || shards > cells as u64 {
            let help = format!("the sweep has {cells} runs: from 1 to {cells}");
            return Err(Problems::one(format!("found {shards} shards"), Some(help)));
        }
        Ok(Self {
            manifest_version: MANIFEST_VERSION,
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: sweep.source.name.clone(),
            file: sweep.source.file.clone(),
            folder: sweep.source.folder.to_string_lossy().into_owned(),
            text: String::from_utf8_lossy(&sweep.source.bytes).into_owned(),
            set: sweep.set.clone(),
            vary: sweep.vary.clone(),
            seeds: sweep.seeds,
            question: sweep.question,
            spread: !sweep.priced.is_empty(),
            hashes: sweep.scenarios.iter().map(Scenario::hash).collect(),
            cells,
            shards,
        })
    }

    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is no manifest, or one of another version.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let bytes = std::fs::read(path).map_err(|error| Problems::unreadable(path, &error))?;
        let at = path.display();
        let stated: Stated = serde_json::from_slice(&bytes).map_err(|error| {
            let help = "a manifest is what `floodgate plan SCENARIO --shards N` prints";
            Problems::one(format!("'{at}' is no manifest: {error}"), Some(help.to_owned()))
        })?;
        if stated.manifest_version != MANIFEST_VERSION {
            let found = stated.manifest_version;
            let message = format!("'{at}' is a manifest of version {found}");
            let help = format!("this floodgate reads version {MANIFEST_VERSION}: plan again");
            return Err(Problems::one(message, Some(help)));
        }
        let own = env!("CARGO_PKG_VERSION");
        if stated.engine_version != own {
            let found = stated.engine_version;
            let message = format!("'{at}' was planned by floodgate {found}");
            let help = format!("this is floodgate {own}: plan, run and merge with one version");
            return Err(Problems::one(message, Some(help)));
        }
        serde_json::from_slice(&bytes).map_err(|error| {
            Problems::one(format!("'{at}' is not as a manifest should be: {error}"), None)
        })
    }

    /// The sweep that was dealt out.
    ///
    /// # Errors
    ///
    /// What is wrong with its scenario; a setting that is no longer what was planned.
    pub fn sweep(&self) -> Result<Sweep, Problems> {
        let source = Source {
            file: self.file.clone(),
            name: self.scenario.clone(),
            folder: PathBuf::from(&self.folder),
            bytes: self.text.clone().into_bytes(),
        };
        let (set, vary) = (self.set.clone(), self.vary.clone());
        let mut sweep = Sweep::new(source, set, vary, self.seeds, self.question)?;
        if self.spread {
            sweep = sweep.with_spread()?;
        }
        for (at, scenario) in sweep.scenarios.iter().enumerate() {
            let (found, planned) = (scenario.hash(), self.hashes.get(at));
            if planned != Some(&found) {
                let planned = planned.map_or("nothing", String::as_str);
                let message = format!("setting {at} has the hash {found}, planned was {planned}");
                let help = "the manifest was edited, or a cost profile is another: plan again";
                return Err(Problems::one(message, Some(help.to_owned())));
            }
        }
        // What is left is derived, and decides which cells a shard runs.
        if Self::of(&sweep, self.shards)? != *self {
            let message = "the manifest contradicts itself".to_owned();
            let help = "it was edited, or its text is no UTF-8: plan again".to_owned();
            return Err(Problems::one(message, Some(help)));
        }
        Ok(sweep)
    }

    /// What tells one manifest from another.
    #[must_use]
    pub fn id(&self) -> String {
        fingerprint(&serde_json::to_vec(self).expect("a manifest has no infinite figures"))
    }

    /// The cells of shard `index`, dealt out like cards: neighbours take about as long.
    pub fn cells_of(&self, index: u64) -> impl Iterator<Item = usize> {
        let shards = self.shards;
        (0..self.cells).filter(move |cell| *cell as u64 % shards == index)
    }
}
