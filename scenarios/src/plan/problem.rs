//! Problems: what a file says wrong, where, and what would be right.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

/// One mistake in a file, or one oddity.
#[derive(Clone, Debug)]
pub struct Problem {
    pub(crate) message: String,
    pub(crate) label: String,
    pub(crate) help: Option<String>,
    pub(crate) severity: Severity,
    pub(crate) spot: Option<Spot>,
}

/// Where a problem stands.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) source: Arc<NamedSource<String>>,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Spot {
    /// The bytes from `start` to `end` of `source`, brought to character boundaries.
    pub(crate) fn new(source: Arc<NamedSource<String>>, start: usize, end: usize) -> Self {
        let text = source.inner();
        let start = floor_boundary(text, start);
        let end = floor_boundary(text, end).max(start);
        let before = &text[..start];
        let line = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before[line_start..].chars().count() + 1;
        Self { start, end, line, column, source }
    }
}

/// The greatest character boundary of `text` that is not after `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

impl Problem {
    /// A problem without a place.
    #[must_use]
    pub fn general(message: impl Into<String>, help: Option<String>) -> Self {
        let message = message.into();
        Self { message, label: String::new(), help, severity: Severity::Error, spot: None }
    }

    /// What is wrong, after `file:line:column` when it has a place.
    #[must_use]
    pub fn located(&self) -> String {
        match &self.spot {
            Some(Spot { source, line, column, .. }) => {
                format!("{}:{line}:{column}: {}", source.name(), self.message)
            }
            None => self.message.clone(),
        }
    }

    /// Whether it is an oddity only, not a mistake.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        matches!(self.severity, Severity::Advice | Severity::Warning)
    }

    /// Whether it is a trap: nothing is odd, but few mean it.
    #[must_use]
    pub fn is_advice(&self) -> bool {
        self.severity == Severity::Advice
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The file, or the `--set` argument, that has it.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.spot.as_ref().map(|spot| spot.source.name())
    }

    /// Its line, counted from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.spot.as_ref().map(|spot| spot.line)
    }

    /// Its column in characters, counted from 1.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.spot.as_ref().map(|spot| spot.column)
    }
}

impl PartialEq for Problem {
    /// A problem is the same wherever it stands: reformatting a file changes no problem.
    fn eq(&self, other: &Self) -> bool {
        self.message == other.message && self.severity == other.severity
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.spot.as_ref().map(|spot| spot.source.as_ref() as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let spot = self.spot.as_ref()?;
        let label = (!self.label.is_empty()).then(|| self.label.clone());
        let span = LabeledSpan::new(label, spot.start, spot.end - spot.start);
        Some(Box::new(std::iter::once(span)))
    }
}

/// Everything wrong with one input, in the order of the text.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    problems: Vec<Problem>,
}

impl Problems {
    /// These problems.
    #[must_use]
    pub fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// One problem without a place.
    #[must_use]
    pub fn one(message: impl Into<String>, help: Option<String>) -> Self {
        Self::new(vec![Problem::general(message, help)])
    }

    /// The problem of a file that the system does not give.
    #[must_use]
    pub fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::one(format!("cannot read '{}': {error}", path.display()), None)
    }

    /// The problems, in the order of the text.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The problems by value.
    #[must_use]
    pub fn into_vec(self) -> Vec<Problem> {
        self.problems
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [one] => one.fmt(f),
            many => write!(f, "{} problems", many.len()),
        }
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
