//! What a search has found out so far, a line for each finished piece of work.
//!
//! A search that is killed and started again reads there what it need not do again, and comes to
//! the same record: every piece is a pure function of the scenario and of its key. What was found
//! by another scenario or another version is not believed, nor is anything if the first look at
//! the plant, which is always taken anew, comes out differently. It is no record: it is gone when
//! the record is there, unless its steps were used up: more of them go on from there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::experiment::fuel::{Budget, Fuel};
use crate::experiment::progress::Progress;
use crate::plan::{Problems, Scenario};

/// The file in the run folder.
const FILE: &str = "search.jsonl";
/// What a line is about that says whose lines these are.
const HEAD: &str = "search";

/// The journal of a search; without a folder it keeps nothing.
#[derive(Debug, Default)]
pub struct Journal {
    kept: Option<Mutex<Kept>>,
    /// What the search may still cost: what is read was paid for, and is paid for again.
    budget: Budget,
}

#[derive(Debug)]
struct Kept {
    path: PathBuf,
    file: File,
    head: Value,
    /// What came of a piece of work, and what it took.
    known: BTreeMap<String, (u64, Value)>,
}

impl Journal {
    /// The journal of a search of `scenario` in this folder, with what was found there before.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn open(dir: &Path, scenario: &Scenario) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let path = dir.join(FILE);
        let head = serde_json::json!([scenario.hash(), scenario.seed, env!("CARGO_PKG_VERSION")]);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        // The last line of a search that was killed may be half a line: it says nothing.
        let mut lines = text.lines().map_while(|line| serde_json::from_str(line).ok());
        let known = match lines.next() {
            Some((name, _, found)) if name == *HEAD && found == head => {
                lines.map(|(name, took, found)| (name, (took, found))).collect()
            }
            Some::<(String, u64, Value)>(_) | None => BTreeMap::new(),
        };
        let mut kept = Kept { file: File::create(&path)?, path, head, known };
        kept.rewrite()?;
        Ok(Self { kept: Some(Mutex::new(kept)), budget: Budget::default() })
    }

    /// The same, and somebody is told what the search is at.
    #[must_use]
    pub(in crate::experiment) fn watched(mut self, progress: Progress) -> Self {
        self.budget.progress = progress;
        self
    }

    /// Whether the steps of the search were used up.
    pub(super) fn is_spent(&self) -> bool {
        self.budget.is_spent()
    }

    /// The search is over, and its record is written.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn close(self) -> io::Result<()> {
        match self.kept {
            Some(_) if self.budget.is_spent() => Ok(()),
            Some(kept) => {
                let kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
                fs::remove_file(kept.path)
            }
            None => Ok(()),
        }
    }

    /// A search in worlds whose engine breaks one promise.
    #[cfg(test)]
    pub(super) fn sabotaged(sabotage: floodgate_engine::sabotage::Sabotage) -> Self {
        let mut journal = Self::default();
        journal.budget.sabotage = Some(sabotage);
        journal
    }

    /// The steps that the search may still take.
    pub(in crate::experiment) const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What `work` comes to: read, if it was done before, or done, and noted.
    pub(super) fn once<T: Serialize + DeserializeOwned>(
        &self,
        key: impl FnOnce() -> String,
        work: impl FnOnce(&mut Fuel<'_>) -> Result<T, Problems>,
    ) -> Result<T, Problems> {
        let mut fuel = Fuel::of(&self.budget);
        let Some(kept) = &self.kept else { return work(&mut fuel) };
        let key = key();
        let known = lock(kept).known.get(&key).cloned();
        let read = |(took, value)| Some((took, serde_json::from_value(value).ok()?));
        if let Some((took, found)) = known.and_then(read) {
            fuel.burn(took)?;
            return Ok(found);
        }
        let found = work(&mut fuel)?;
        lock(kept)
            .note(key, fuel.tanks(), &found)
            .map_err(|error| Problems::one(error.to_string(), None))?;
        Ok(found)
    }

    /// Work that is always done: if it was done before and came to something else, nothing that
    /// was found then is believed.
    pub(super) fn touchstone<T: Serialize>(&self, key: &str, found: &T) -> Result<(), Problems> {
        let Some(kept) = &self.kept else { return Ok(()) };
        let mut kept = lock(kept);
        let unlike =
            |(_, known): &(u64, Value)| serde_json::to_value(found).ok().as_ref() != Some(known);
        let done = match kept.known.get(key).map(unlike) {
            Some(false) => return Ok(()),
            Some(true) => {
                kept.known.clear();
                kept.restart().and_then(|()| kept.note(key.to_owned(), 0, found))
            }
            None => kept.note(key.to_owned(), 0, found),
        };
        done.map_err(|error| Problems::one(error.to_string(), None))
    }
}

impl Kept {
    fn note<T: Serialize>(&mut self, key: String, took: u64, found: &T) -> io::Result<()> {
        let value = serde_json::to_value(found)?;
        write_line(&mut self.file, (&key, took), &value)?;
        self.known.insert(key, (took, value));
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file = File::create(&self.path)?;
        self.rewrite()
    }

    fn rewrite(&mut self) -> io::Result<()> {
        write_line(&mut self.file, (HEAD, 0), &self.head)?;
        let mut known = self.known.iter();
        known.try_for_each(|(key, (took, value))| write_line(&mut self.file, (key, *took), value))
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One line in one piece: whoever is killed leaves half a line at most.
fn write_line(file: &mut File, (key, took): (&str, u64), value: &Value) -> io::Result<()> {
    let mut line = serde_json::to_string(&(key, took, value))?;
    line.push('\n');
    file.write_all(line.as_bytes())
}
