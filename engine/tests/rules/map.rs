//! The map: which rule is named where, in the program and in its tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::choice::{self, Choice};
use crate::citation;
use crate::pin;
use crate::source::Source;
use crate::table::{self, Class, Family, Rule};

/// Whose code and tests count.
const FLOORS: &[&str] = &["engine", "sim", "scenarios"];
/// The table of the promises that are judged while a world runs.
const CHECKS: &str = "sim/src/check/mod.rs";

/// What stands of a rule.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Status {
    /// Code names it and a test proves it.
    Kept,
    /// A test proves it; no code says so.
    TestOnly,
    /// An invariant that every run is judged by, and no test names.
    Judged,
    /// Not all variants of a golden sequence are proven.
    Partly,
    /// Code names it, no test does.
    Untested,
    /// Nobody names it.
    Open,
    /// A value, compared with a literal.
    Data,
    /// A value that no test compares with a literal.
    DataNotPinned,
    /// Not for this engine.
    OutOfScope,
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::TestOnly => "test only",
            Self::Judged => "judged",
            Self::Partly => "partly",
            Self::Untested => "untested",
            Self::Open => "open",
            Self::Data => "data",
            Self::DataNotPinned => "data, not pinned",
            Self::OutOfScope => "out of scope",
        }
    }

    /// Would something fail if the rule were broken?
    pub(crate) const fn is_covered(self) -> bool {
        matches!(self, Self::Kept | Self::TestOnly | Self::Judged | Self::Data)
    }
}

/// Where one rule is named: files of the program, and tests by file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    pub(crate) code: BTreeSet<String>,
    pub(crate) tests: BTreeMap<String, BTreeSet<String>>,
    /// The literals of the rule's sentence that these tests hold.
    pinned: BTreeSet<String>,
    /// The variants that these tests name.
    variants: BTreeSet<char>,
}

/// Everything that is known.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    pub(crate) families: Vec<Family>,
    pub(crate) places: BTreeMap<String, Places>,
    pub(crate) choices: Vec<Choice>,
    /// Invariants in the table of checks.
    judged: BTreeSet<String>,
}

impl Map {
    /// Reads the table and the sources.
    pub(crate) fn read() -> Self {
        let families = table::read(&read("engine/rules.tsv"));
        let choices = choice::read(&read("engine/choices.tsv"));
        let (places, judged) = (BTreeMap::new(), BTreeSet::new());
        let mut map = Self { families, places, choices, judged };
        let rules: BTreeMap<String, Rule> =
            map.rules().map(|rule| (rule.id.clone(), rule.clone())).collect();
        for source in sources() {
            map.add(&source, &rules);
        }
        map
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.families.iter().flat_map(|family| &family.rules)
    }

    pub(crate) fn status(&self, rule: &Rule) -> Status {
        let places = self.places.get(&rule.id);
        let coded = places.is_some_and(|places| !places.code.is_empty());
        let tested = places.is_some_and(|places| !places.tests.is_empty());
        let pinned = places.is_some_and(|places| places.pinned == pin::stated(&rule.sentence));
        match (rule.class, coded, tested) {
            (Class::OutOfScope, _, _) => Status::OutOfScope,
            (Class::Data, _, _) if pinned => Status::Data,
            (Class::Data, _, _) => Status::DataNotPinned,
            (Class::Behaviour, _, true) if !self.lacks(rule).is_empty() => Status::Partly,
            (Class::Behaviour, true, true) => Status::Kept,
            (Class::Behaviour, false, true) => Status::TestOnly,
            (Class::Behaviour, _, false) if self.judged.contains(&rule.id) => Status::Judged,
            (Class::Behaviour, true, false) => Status::Untested,
            (Class::Behaviour, false, false) => Status::Open,
        }
    }

    /// The variants of a golden sequence that no test names.
    pub(crate) fn lacks(&self, rule: &Rule) -> BTreeSet<char> {
        let due = match rule.family() {
            "GS" => citation::lettered(&rule.sentence),
            _ => BTreeSet::new(),
        };
        let named = self.places.get(&rule.id).map(|places| &places.variants);
        due.into_iter().filter(|letter| !named.is_some_and(|n| n.contains(letter))).collect()
    }

    fn add(&mut self, source: &Source, rules: &BTreeMap<String, Rule>) {
        for (at, line) in source.lines.iter().enumerate() {
            if source.path == CHECKS && source.is_program(at) {
                let named = line.texts.iter().flat_map(|text| citation::ids(text));
                for id in named {
                    self.place(&id).code.insert(source.path.clone());
                    self.judged.insert(id);
                }
            }
            for id in citation::ids(&line.comment) {
                if source.is_program(at) {
                    self.place(&id).code.insert(source.path.clone());
                } else if let Some(test) = source.test_at(at) {
                    let stated = rules.get(&id).map(|rule| pin::stated(&rule.sentence));
                    let (code, texts) = (source.code_of(test), source.texts_of(test));
                    let held = pin::held(&stated.unwrap_or_default(), &code, &texts);
                    let variants = citation::variants(&line.comment, &id);
                    let place = self.place(&id);
                    place.tests.entry(source.path.clone()).or_default().insert(test.name.clone());
                    place.pinned.extend(held);
                    place.variants.extend(variants);
                }
            }
        }
    }

    fn place(&mut self, id: &str) -> &mut Places {
        self.places.entry(id.to_owned()).or_default()
    }
}

/// The sources whose word counts.
pub(crate) fn sources() -> Vec<Source> {
    let files = FLOORS.iter().flat_map(|floor| files(floor, &["rs"]));
    files.map(|path| Source::new(&path, &read(&path))).collect()
}

/// The sources that say what a scenario may contain.
pub(crate) fn plan() -> Vec<String> {
    files("scenarios/src/plan", &["rs"]).iter().map(|path| read(path)).collect()
}

/// Every text that may name a rule, by its path from the top; these tests hold bad examples.
pub(crate) fn texts() -> Vec<String> {
    let mut all: Vec<String> = ["engine", "sim", "scenarios", "reports", "benches"]
        .iter()
        .flat_map(|folder| files(folder, &["rs", "toml", "html"]))
        .filter(|path| !path.starts_with("engine/tests/rules/"))
        .collect();
    all.extend(
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned),
    );
    all
}

/// The files of a folder with one of these endings, in order.
fn files(folder: &str, endings: &[&str]) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(root().join(&folder)).expect("the folder can be read");
        for entry in entries.map(|entry| entry.expect("the folder can be read")) {
            let name = entry.file_name().into_string().expect("names are text");
            let path = format!("{folder}/{name}");
            if entry.file_type().expect("a file has a type").is_dir() {
                if name != "target" {
                    folders.push(path);
                }
            } else if Path::new(&name).extension().is_some_and(|e| endings.iter().any(|x| e == *x))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a folder").to_owned()
}

/// The text of a file, by its path from the top.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
