//! The report of a reading: sources, and every problem found in them so far.

use std::sync::Arc;

use miette::{NamedSource, Severity};
use toml::de::DeTable;

use super::node::{Node, Place, Plain};
use super::problem::{Problem, Problems, Spot};
use super::profile::Profile;

/// As many problems are shown: whoever takes a log for a scenario need not scroll past all of it.
const MOST: usize = 100;

/// Sources and the problems found in them.
#[derive(Debug, Default)]
pub(crate) struct Report {
    sources: Vec<Arc<NamedSource<String>>>,
    problems: Vec<(Place, Problem)>,
    /// Where keys that leave their default to the profile find it.
    pub(crate) profile: Profile,
    /// The key that is being read, for messages.
    pub(crate) key: &'static str,
}

impl Report {
    /// Takes in a source and returns its number.
    pub(crate) fn source(&mut self, name: &str, text: String) -> usize {
        self.sources.push(Arc::new(NamedSource::new(name, text).with_language("TOML")));
        self.sources.len() - 1
    }

    /// Reads a TOML file; `None` when it is not one, and the problems say why.
    pub(crate) fn open(&mut self, file: &str, bytes: &[u8]) -> Option<Node> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let start = error.valid_up_to();
                let source = self.source(file, String::from_utf8_lossy(bytes).into_owned());
                let at = Place { source, start, end: start };
                self.refuse(at, "the file is not UTF-8", "this byte", "save it as UTF-8");
                return None;
            }
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = self.source(file, text.to_owned());
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            let at = Place { source, start: span.start, end: span.end };
            let message = format!("not TOML: {}", error.message());
            self.refuse(at, message, "here", "see https://toml.io for the syntax");
        }
        let at = Place { source, start: 0, end: 0 };
        let table = Node::table_from_toml(table.get_ref(), at);
        // What a recovered parse makes of broken text would only raise problems nobody has.
        errors.is_empty().then(|| Node::new(Plain::Table(table), at))
    }

    /// Notes a mistake.
    pub(crate) fn refuse(
        &mut self,
        at: Place,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.note(Severity::Error, at, [message.into(), label.into(), help.into()]);
    }

    /// Notes an oddity.
    pub(crate) fn warn(
        &mut self,
        at: Place,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.note(Severity::Warning, at, [message.into(), label.into(), help.into()]);
    }

    /// Notes a trap.
    pub(crate) fn advise(
        &mut self,
        at: Place,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.note(Severity::Advice, at, [message.into(), label.into(), help.into()]);
    }

    /// Takes over the problems of another reading.
    pub(crate) fn adopt(&mut self, problems: Problems) {
        self.problems.extend(problems.into_vec().into_iter().map(|p| (Place::NOWHERE, p)));
    }

    /// The place of `part` of the string `text` that stands at `at`; the whole string when it is
    /// written with escapes, so that its bytes are not those of the source.
    pub(crate) fn inside(&self, at: Place, text: &str, part: std::ops::Range<usize>) -> Place {
        let source = self.sources.get(at.source).map(|source| source.inner().as_str());
        let raw = source.and_then(|source| source.get(at.start..at.end)).unwrap_or("");
        match raw.find(text) {
            Some(offset) if !text.is_empty() => {
                let start = at.start + offset;
                Place { start: start + part.start, end: start + part.end, ..at }
            }
            _ => at,
        }
    }

    fn note(&mut self, severity: Severity, at: Place, [message, label, help]: [String; 3]) {
        let help = (!help.is_empty()).then_some(help);
        self.problems.push((at, Problem { message, label, help, severity, spot: None }));
    }

    /// The value and its warnings, or every problem in the order of the text.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<(T, Vec<Problem>), Problems> {
        self.problems.sort_by_key(|(at, _)| (at.source, at.start));
        let wrong = self.problems.iter().any(|(_, problem)| !problem.is_warning());
        let more = self.problems.len().saturating_sub(MOST);
        let sources = self.sources;
        let problems = self.problems.into_iter().take(MOST).map(|(at, problem)| {
            let source = sources.get(at.source).cloned();
            let spot = source.map(|source| Spot::new(source, at.start, at.end));
            Problem { spot: spot.or(problem.spot), ..problem }
        });
        let mut problems: Vec<Problem> = problems.collect();
        if more > 0 {
            problems.push(Problem::general(format!("and {more} more problems"), None));
        }
        if wrong { Err(Problems::new(problems)) } else { Ok((value, problems)) }
    }
}
