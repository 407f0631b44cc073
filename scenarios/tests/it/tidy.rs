//! The house rules, executable: floors, pages, catalogue, sizes, words.
//!
//! Every test collects all offenders before it fails, and names them by path from the top of the
//! repository. Nothing here runs another program: `Cargo.toml` files are read as TOML, Rust files
//! as text.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use floodgate_scenarios::catalogue::{CATALOGUE, Source};
use floodgate_scenarios::plan::Problem;
use floodgate_scenarios::plan::profile::PROFILES;
use floodgate_sim::check::Rule;

const LINES_MAX: usize = 600;
const COLUMNS_MAX: usize = 100;
/// Of a line with a string literal: rustfmt cannot break those.
const COLUMNS_OF_TEXT_MAX: usize = 140;

/// Files over a limit, with their size: it may shrink, not grow, and when it is within the limit
/// the row must go.
const TOO_LONG: &[(&str, usize)] = &[];
const TOO_WIDE: &[(&str, usize)] = &[
    ("scenarios/src/plan/bind.rs", 101),
    ("scenarios/src/plan/value.rs", 110),
    ("scenarios/tests/it/bad_input.rs", 290),
    ("scenarios/tests/it/loadgen.rs", 111),
    ("sim/src/trace.rs", 102),
];

/// Who may depend on what, tests included; `floodgate-` crates by their whole name.
const FLOORS: &[Floor] = &[
    Floor { folder: "engine", depends: &["quick-xml", "rustc-hash"], tests: &[] },
    Floor {
        folder: "sim",
        depends: &["floodgate-engine", "hdrhistogram", "libm", "rustc-hash"],
        tests: &["floodgate-engine", "floodgate-sim", "insta", "proptest"],
    },
    Floor {
        folder: "reports",
        depends: &[
            "askama",
            "base64",
            "comfy-table",
            "csv",
            "hdrhistogram",
            "libm",
            "plotters",
            "serde",
            "serde_json",
            "thiserror",
        ],
        tests: &["insta"],
    },
    Floor {
        folder: "scenarios",
        depends: &[
            "clap",
            "comfy-table",
            "floodgate-engine",
            "floodgate-reports",
            "floodgate-sim",
            "indicatif",
            "libm",
            "miette",
            "quick-xml",
            "serde",
            "serde_json",
            "statrs",
            "strsim",
            "thiserror",
            "toml",
        ],
        tests: &["floodgate-sim", "insta", "proptest"],
    },
    Floor {
        folder: "benches",
        depends: &["floodgate-engine", "floodgate-scenarios", "floodgate-sim", "serde", "toml"],
        tests: &["criterion"],
    },
];

/// What one crate may depend on.
struct Floor {
    folder: &'static str,
    depends: &'static [&'static str],
    tests: &'static [&'static str],
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names in a folder, folders with a slash at the end.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| {
        panic!("{folder}: {error}");
    });
    let name = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() { format!("{name}/") } else { name }
    };
    entries.map(|entry| name(entry.unwrap())).collect()
}

/// Every Rust file of the repository, by its path from the top.
fn rust_files() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<String> = FLOORS.iter().map(|floor| floor.folder.to_owned()).collect();
    while let Some(folder) = folders.pop() {
        for name in names(&folder) {
            match name.strip_suffix('/') {
                Some("target") => {}
                Some(inner) => folders.push(format!("{folder}/{inner}")),
                None if has_ending(&name, "rs") => found.push(format!("{folder}/{name}")),
                None => {}
            }
        }
    }
    found.sort();
    assert!(found.len() > 50, "the Rust files of the repository are found");
    found
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == ending)
}

fn none(offenders: &[String], rule: &str) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

/// The names under `[table]` and under `[target.….table]`.
fn dependencies(manifest: &toml::Table, table: &str) -> Vec<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(toml::Table::values).filter_map(|t| t.as_table());
    std::iter::once(manifest)
        .chain(targets)
        .filter_map(|holder| holder.get(table)?.as_table())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

#[test]
fn floors_depend_on_what_they_may() {
    let workspace: toml::Table = read("Cargo.toml").parse().unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(members, FLOORS.iter().map(|floor| floor.folder).collect(), "every crate is listed");
    let mut offenders = Vec::new();
    for floor in FLOORS {
        let manifest: toml::Table = read(&format!("{}/Cargo.toml", floor.folder)).parse().unwrap();
        let allowed = [
            ("dependencies", floor.depends),
            ("build-dependencies", &[]),
            ("dev-dependencies", floor.tests),
        ];
        for (table, allowed) in allowed {
            for name in dependencies(&manifest, table) {
                if !allowed.contains(&name.as_str()) {
                    offenders.push(format!("{} [{table}]: {name}", floor.folder));
                }
            }
        }
    }
    none(&offenders, "dependencies that the floors do not allow");
}

/// The stems of the TOML files in a folder.
fn stems(folder: &str) -> BTreeSet<String> {
    let toml = |name: String| Some(name.strip_suffix(".toml")?.to_owned());
    names(folder).into_iter().filter_map(toml).collect()
}

#[test]
fn every_catalogue_file_is_in_the_program_and_says_what_it_is_about() {
    let listed: Vec<&str> = CATALOGUE.iter().map(|(name, _)| *name).collect();
    assert!(listed.is_sorted(), "the catalogue is in alphabetical order");
    let listed: BTreeSet<String> = listed.into_iter().map(str::to_owned).collect();
    assert_eq!(listed, stems("scenarios/catalogue"));
    let profiles: BTreeSet<String> = PROFILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(profiles, stems("scenarios/profiles"));
    for (name, text) in CATALOGUE {
        assert_eq!(*text, read(&format!("scenarios/catalogue/{name}.toml")), "{name}");
        let scenario = Source::find(name).unwrap().read(&[]).unwrap();
        assert!(scenario.about.len() >= 20, "{name} says what it is about");
        assert!(scenario.warnings.iter().all(Problem::is_advice), "{name} has no warnings");
    }
}

/// What a file may measure: the limit, or its row in the list of exceptions.
fn limit(exceptions: &[(&str, usize)], path: &str, limit: usize) -> usize {
    exceptions.iter().find(|(known, _)| *known == path).map_or(limit, |(_, size)| *size)
}

/// Exceptions that are needed no longer.
fn outgrown(exceptions: &[(&str, usize)], needed: &BTreeSet<String>) -> Vec<String> {
    let idle = exceptions.iter().filter(|(path, _)| !needed.contains(*path));
    idle.map(|(path, _)| format!("{path} is within the limit: take it off the list")).collect()
}

#[test]
fn files_are_short() {
    let (mut offenders, mut needed) = (Vec::new(), BTreeSet::new());
    for path in rust_files() {
        let lines = read(&path).lines().count();
        if lines > LINES_MAX {
            needed.insert(path.clone());
        }
        if lines > limit(TOO_LONG, &path, LINES_MAX) {
            offenders.push(format!("{path}: {lines} lines"));
        }
    }
    offenders.extend(outgrown(TOO_LONG, &needed));
    none(&offenders, "files that are too long");
}

/// Columns that this line may have; a table in documentation cannot be broken at all.
fn columns_max(line: &str) -> usize {
    let text = line.trim_start();
    if text.starts_with("//! |") || text.starts_with("/// |") {
        usize::MAX
    } else if text.contains('"') && !text.starts_with("//") {
        COLUMNS_OF_TEXT_MAX
    } else {
        COLUMNS_MAX
    }
}

#[test]
fn lines_are_short() {
    let (mut offenders, mut needed) = (Vec::new(), BTreeSet::new());
    for path in rust_files() {
        for (number, line) in (1..).zip(read(&path).lines()) {
            let (columns, allowed) = (line.chars().count(), columns_max(line));
            if columns > allowed {
                needed.insert(path.clone());
                if columns > limit(TOO_WIDE, &path, allowed) {
                    offenders.push(format!("{path}:{number}: {columns} columns of {allowed}"));
                }
            }
        }
    }
    offenders.extend(outgrown(TOO_WIDE, &needed));
    none(&offenders, "lines that are too long");
}

#[test]
fn every_module_says_why_it_exists() {
    let silent = |path: &String| path.contains("/src/") && !read(path).starts_with("//! ");
    let offenders: Vec<String> = rust_files().into_iter().filter(silent).collect();
    none(&offenders, "modules without a //! header");
}

/// Words with what is wrong about them; put together so that this file does not hold them.
const WORDS: &[&str] =
    &[concat!("to", "do!("), concat!("unimple", "mented!("), concat!("#[ig", "nore")];
const CLOCKS: &[&str] =
    &[concat!("thread::", "sleep"), concat!("System", "Time"), concat!("Instant::", "now")];
/// The one file outside `benches/` that may read a clock.
const CLOCK: &str = "scenarios/src/experiment/clock.rs";

#[test]
fn nothing_is_left_behind_and_nobody_reads_a_clock() {
    let mut offenders = Vec::new();
    for path in rust_files() {
        let may_read_clocks = path == CLOCK || path.starts_with("benches/");
        let clocks = if may_read_clocks { &[] } else { CLOCKS };
        for (number, line) in (1..).zip(read(&path).lines()) {
            let words = WORDS.iter().chain(clocks).filter(|word| line.contains(**word));
            offenders.extend(words.map(|word| format!("{path}:{number}: {word}")));
        }
    }
    none(&offenders, "words that may not stand here");
    assert!(read(CLOCK).contains(CLOCKS[2]), "the exception is still needed");
}

#[test]
fn every_rule_has_a_number_and_a_promise_of_its_own() {
    let ids: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    let promises: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.promise()).collect();
    assert_eq!((ids.len(), promises.len()), (Rule::ALL.len(), Rule::ALL.len()));
    let numbered = |id: &&str| {
        id.strip_prefix("INV-").is_some_and(|number| {
            number.len() == 2 && number.bytes().all(|digit| digit.is_ascii_digit())
        })
    };
    assert!(ids.iter().all(numbered), "{ids:?}");
    assert!(Rule::ALL.iter().map(|rule| rule.id()).is_sorted(), "rules are in order");
}

/// The tree in the README: what stands at the top level, and under each floor.
fn readme_tree() -> (BTreeSet<String>, Vec<(String, BTreeSet<String>)>) {
    let readme = read("README.md");
    let house = readme.split("## The house").nth(1).expect("the README has a tree");
    let tree = house.split("```").nth(1).unwrap().lines().skip(1);
    let (mut top, mut floors) = (BTreeSet::new(), Vec::<(String, BTreeSet<String>)>::new());
    for line in tree {
        if let Some(inner) = line.strip_prefix("  ") {
            let (_, names) = floors.last_mut().expect("names stand under a folder");
            names.extend(inner.split_whitespace().map(str::to_owned));
        } else {
            // A description stands two spaces or more behind the names.
            let listed = line.split("  ").next().unwrap_or_default();
            top.extend(listed.split(' ').map(str::to_owned));
            floors.push((listed.to_owned(), BTreeSet::new()));
        }
    }
    floors.retain(|(_, names)| !names.is_empty());
    (top, floors)
}

/// What `.gitignore` keeps out of the top level.
fn is_ignored(name: &str) -> bool {
    let ignored = read(".gitignore");
    let name = name.trim_end_matches('/');
    name == ".git" || ignored.lines().any(|line| line.trim_matches('/') == name)
}

#[test]
fn the_tree_in_the_readme_is_the_real_one() {
    let (top, floors) = readme_tree();
    let real = names(".").into_iter().filter(|name| !is_ignored(name)).collect();
    assert_eq!(top, real, "the top level (left: README, right: real)");
    assert_eq!(floors.len(), 4, "every floor shows its modules");
    for (folder, listed) in floors {
        let beside = |name: &String| !["Cargo.toml", "src/", "tests/"].contains(&name.as_str());
        let modules: BTreeSet<String> = names(&format!("{folder}src")).into_iter().collect();
        // A module that has a file and a folder is shown once, as a folder.
        let once = |name: &String| match name.strip_suffix(".rs") {
            Some("lib" | "main") => None,
            Some(stem) if modules.contains(&format!("{stem}/")) => None,
            Some(stem) => Some(stem.to_owned()),
            None => Some(name.clone()),
        };
        let real: BTreeSet<String> = (modules.iter().filter_map(once))
            .chain(names(&folder).into_iter().filter(beside))
            .collect();
        assert_eq!(listed, real, "{folder} (left: README, right: real)");
    }
}

#[test]
fn the_pages_name_what_exists() {
    let mut offenders = Vec::new();
    let top = names(".");
    for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = read(page);
        let without_blocks: String = text.split("```").step_by(2).collect();
        for span in without_blocks.split('`').skip(1).step_by(2) {
            let is_path = span.split_once('/').is_some_and(|(first, _)| {
                top.contains(&format!("{first}/")) && !span.contains([' ', '…', '*'])
            });
            if is_path && !first_exists(span) {
                offenders.push(format!("{page}: {span}"));
            }
        }
    }
    none(&offenders, "paths that lead nowhere");
}

fn first_exists(path: &str) -> bool {
    root().join(path).exists() || is_ignored(path.split('/').next().unwrap_or_default())
}

#[test]
fn pages_are_no_longer_than_they_may_be() {
    for (page, lines_max) in [("README.md", 120), ("ARCHITECTURE.md", 300)] {
        assert!(read(page).lines().count() <= lines_max, "{page} has at most {lines_max} lines");
    }
}
