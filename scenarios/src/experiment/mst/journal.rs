//! What a search has found out so far, a line for each finished piece of work.
//!
//! A search that is killed and started again reads there what it need not do again, and comes to
//! the same record: every piece is a pure function of the scenario and of its key. What was found
//! by another scenario or another version is not believed, nor is anything if the first look at
//! the plant, which is always taken anew, comes out differently. It is no record: it is gone when
//! the record is there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::plan::{Problems, Scenario};

/// The file in the run folder.
const FILE: &str = "search.jsonl";
/// What a line is about that says whose lines these are.
const HEAD: &str = "search";

/// The journal of a search; without a folder it keeps nothing.
#[derive(Debug, Default)]
pub struct Journal {
    kept: Option<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    path: PathBuf,
    file: File,
    head: Value,
    known: BTreeMap<String, Value>,
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
            Some((name, found)) if name == *HEAD && found == head => lines.collect(),
            Some::<(String, Value)>(_) | None => BTreeMap::new(),
        };
        let mut kept = Kept { file: File::create(&path)?, path, head, known };
        kept.rewrite()?;
        Ok(Self { kept: Some(Mutex::new(kept)) })
    }

    /// The search is over, and its record is written.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn close(self) -> io::Result<()> {
        match self.kept {
            Some(kept) => {
                let kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
                fs::remove_file(kept.path)
            }
            None => Ok(()),
        }
    }

    /// What `work` comes to: read, if it was done before, or done, and noted.
    pub(super) fn once<T: Serialize + DeserializeOwned>(
        &self,
        key: impl FnOnce() -> String,
        work: impl FnOnce() -> Result<T, Problems>,
    ) -> Result<T, Problems> {
        let Some(kept) = &self.kept else { return work() };
        let key = key();
        let known = lock(kept).known.get(&key).cloned();
        if let Some(found) = known.and_then(|value| serde_json::from_value(value).ok()) {
            return Ok(found);
        }
        let found = work()?;
        lock(kept).note(key, &found).map_err(|error| Problems::one(error.to_string(), None))?;
        Ok(found)
    }

    /// Work that is always done: if it was done before and came to something else, nothing that
    /// was found then is believed.
    pub(super) fn touchstone<T: Serialize>(&self, key: &str, found: &T) -> Result<(), Problems> {
        let Some(kept) = &self.kept else { return Ok(()) };
        let mut kept = lock(kept);
        let unlike = |known: &Value| serde_json::to_value(found).ok().as_ref() != Some(known);
        let done = match kept.known.get(key).map(unlike) {
            Some(false) => return Ok(()),
            Some(true) => {
                kept.known.clear();
                kept.restart().and_then(|()| kept.note(key.to_owned(), found))
            }
            None => kept.note(key.to_owned(), found),
        };
        done.map_err(|error| Problems::one(error.to_string(), None))
    }
}

impl Kept {
    fn note<T: Serialize>(&mut self, key: String, found: &T) -> io::Result<()> {
        let value = serde_json::to_value(found)?;
        write_line(&mut self.file, &key, &value)?;
        self.known.insert(key, value);
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file = File::create(&self.path)?;
        self.rewrite()
    }

    fn rewrite(&mut self) -> io::Result<()> {
        write_line(&mut self.file, HEAD, &self.head)?;
        let mut known = self.known.iter();
        known.try_for_each(|(key, value)| write_line(&mut self.file, key, value))
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One line in one piece: whoever is killed leaves half a line at most.
fn write_line(file: &mut File, key: &str, value: &Value) -> io::Result<()> {
    let mut line = serde_json::to_string(&(key, value))?;
    line.push('\n');
    file.write_all(line.as_bytes())
}
