//! Values: how each kind is read from a document, written to one, and described to people.

use floodgate_engine::time::Duration;

use super::bind::{Bind, read_table, write_table};
use super::nearest::suggestion;
use super::node::{Node, Plain};
use super::quantity;
use super::report::Report;
use super::row::{Kind, TEXT_MAX};

/// A value of a key.
pub(crate) trait Value: Sized {
    /// Reads it, or notes why it cannot be.
    fn read(kind: &Kind, node: &Node, report: &mut Report) -> Option<Self>;

    /// Writes it; `None` when it is absent.
    fn write(&self, kind: &Kind) -> Option<Node>;
}

/// What a value of `kind` looks like.
pub(crate) fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Duration => "a duration with its unit, like \"500 ms\"".to_owned(),
        Kind::Filter => "a filter, like 'BTS.ReceivePortName == \"Orders\"'".to_owned(),
        Kind::Integer(0, u64::MAX) => "a whole number that is not negative".to_owned(),
        Kind::Integer(low, high) => format!("a whole number from {low} to {high}"),
        Kind::List(kind) => format!("a list; each of it {}", describe(kind)),
        Kind::Number(low, high) => format!("a number from {low} to {high}"),
        Kind::PositiveDuration => {
            "a duration longer than zero with its unit, like \"500 ms\"".to_owned()
        }
        Kind::Size => "a size with its unit, like \"10 KB\"".to_owned(),
        Kind::Table(shape) => {
            let keys: Vec<&str> = shape.rows.iter().map(|row| row.key).collect();
            format!("a table of {}", keys.join(", "))
        }
        Kind::Tables(shape) => format!("a list of tables, {}", shape.meaning),
        Kind::Prose => "a string that is not empty".to_owned(),
        Kind::Text => format!("a string of 1 to {TEXT_MAX} characters"),
        Kind::Word(words) => format!("one of {}", words.join(", ")),
        Kind::Yes => "true".to_owned(),
    }
}

/// Notes that `node` is not of `kind`.
fn mismatch(kind: &Kind, node: &Node, report: &mut Report, help: &str) {
    let expected = describe(kind);
    let message = format!("'{}': expected {expected}, found {}", report.key, node.describe());
    report.refuse(node.at, message, format!("expected {expected}"), help);
}

/// The word of a `Kind::Word`, or a note that it is none.
pub(crate) fn word<'a>(kind: &Kind, node: &'a Node, report: &mut Report) -> Option<&'a str> {
    let Kind::Word(words) = kind else { return None };
    match node.as_text() {
        Some(text) if words.contains(&text) => Some(text),
        Some(text) => {
            let message = format!("'{}': unknown word {}", report.key, node.describe());
            let help = suggestion(text, words.iter().copied());
            report.refuse(node.at, message, format!("expected {}", describe(kind)), help);
            None
        }
        None => {
            mismatch(kind, node, report, "");
            None
        }
    }
}

impl<T: Bind + Clone> Value for T {
    fn read(_kind: &Kind, node: &Node, report: &mut Report) -> Option<Self> {
        let mut value = Self::default();
        // A table with problems is kept all the same, so that the positions of its neighbours
        // stay those of the document; the problems stop the reading in the end.
        read_table(&mut value, node, report);
        Some(value)
    }

    fn write(&self, _kind: &Kind) -> Option<Node> {
        Some(write_table(self))
    }
}

impl<T: Value> Value for Option<T> {
    fn read(kind: &Kind, node: &Node, report: &mut Report) -> Option<Self> {
        T::read(kind, node, report).map(Some)
    }

    fn write(&self, kind: &Kind) -> Option<Node> {
        self.as_ref()?.write(kind)
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(kind: &Kind, node: &Node, report: &mut Report) -> Option<Self> {
        let of = item(kind);
        let Some(items) = node.as_list() else {
            let help = if let Kind::Tables(_) = kind {
                format!("write it as [[{}]]", report.key)
            } else {
                "put it in brackets: [ … ]".to_owned()
            };
            mismatch(kind, node, report, &help);
            return None;
        };
        Some(items.iter().filter_map(|item| T::read(of, item, report)).collect())
    }

    fn write(&self, kind: &Kind) -> Option<Node> {
        let of = item(kind);
        Some(Node::made(Plain::List(self.iter().filter_map(|value| value.write(of)).collect())))
    }
}

/// The kind of the items of a list; tables ignore theirs.
fn item(kind: &Kind) -> &Kind {
    if let Kind::List(of) = kind { of } else { kind }
}

impl Value for bool {
    fn read(kind: &Kind, node: &Node, report: &mut Report) -> Option<Self> {
        let only_true = matches!(kind, Kind::Yes);
        let value = node.as_bool().filter(|value| *value || !only_true);
        if value.is_none() {
            mismatch(kind, node, report, if only_true { "leave it out instead" } else { "" });
        }
        value
    }

    fn write(&self, _kind: &Kind) -> Option<Node> {
        Some(Node::made(Plain::Bool(*self)))
    }
}

/// Whether a text of this kind may be as long as `text` is.
fn fits(kind: &Kind, text: &str) -> bool {
    !matches!(kind, Kind::Text) || text.chars().count() <= TEXT_MAX
}

impl Value for String {
    fn read(kind: &Kind, node: &Node, report: &mut Report) -> Option<Self> {
        match node.as_text() {
            Some(text) if !text.trim().is_empty() && fits(kind, text) => Some(text.to_owned()),
            _ => {
                mismatch(kind, node, report, "");
                None
            }
        }
    }

    fn write(&self, _kind: &Kind) -> Option<Node> {
        (!self.is_empty()).then(|| Node::text(self))
    }
}

impl Value for f64 {
    fn read(kind: &Kind, node: &Node, report: &mut Report) -> Option<Self> {
        let bounds = if let Kind::Number(low, high) = kind { *low..=*high } else { 0.0..=0.0 };
        let number = node.as_number().filter(|number| bounds.contains(number));
        if number.is_none() {
            mismatch(kind, node, report, "");
        }
        // Minus zero is within the bounds and prints a sign that says nothing.
        number.map(|number| number + 0.0)
    }

    fn write(&self, _kind: &Kind) -> Option<Node> {
        Some(Node::made(Plain::Float(*self)))
    }
}

impl Value for u64 {
    fn read(kind: &Kind, node: &Node, report: &mut Report) -> Option<Self> {
        if let (Kind::Size, Plain::Text(text)) = (kind, &node.plain) {
            return quantity::size(text)
                .map_or_else(|error| refused(kind, node, report, &error), Some);
        }
        let fits = |number: &Self| matches!(kind, Kind::Integer(low, high) if (low..=high).contains(&number));
        let number = node.as_integer().and_then(|number| Self::try_from(number).ok()).filter(fits);
        if number.is_none() {
            mismatch(kind, node, report, unit_help(kind, node));
        }
        number
    }

    fn write(&self, kind: &Kind) -> Option<Node> {
        Some(if let Kind::Size = kind {
            Node::text(&quantity::print_size(*self))
        } else {
            Node::made(Plain::Integer(i128::from(*self)))
        })
    }
}

impl Value for u32 {
    fn read(kind: &Kind, node: &Node, report: &mut Report) -> Option<Self> {
        let number = u64::read(kind, node, report)?;
        Self::try_from(number).ok()
    }

    fn write(&self, kind: &Kind) -> Option<Node> {
        u64::from(*self).write(kind)
    }
}

impl Value for Duration {
    fn read(kind: &Kind, node: &Node, report: &mut Report) -> Option<Self> {
        let Some(text) = node.as_text() else {
            mismatch(kind, node, report, unit_help(kind, node));
            return None;
        };
        match quantity::duration(text) {
            Ok(span) if span.is_zero() && matches!(kind, Kind::PositiveDuration) => {
                mismatch(kind, node, report, "");
                None
            }
            Ok(span) => Some(span),
            Err(error) => refused(kind, node, report, &error),
        }
    }

    fn write(&self, _kind: &Kind) -> Option<Node> {
        Some(Node::text(&self.to_string()))
    }
}

/// Notes why a quantity could not be read.
fn refused<T>(
    kind: &Kind,
    node: &Node,
    report: &mut Report,
    error: &quantity::Refusal,
) -> Option<T> {
    let message = format!("'{}': {error}", report.key);
    report.refuse(node.at, message, format!("expected {}", describe(kind)), error.help());
    None
}

/// The help for a bare number where a unit is needed.
fn unit_help(kind: &Kind, node: &Node) -> &'static str {
    if node.as_number().is_none() {
        return "";
    }
    if let Kind::Duration | Kind::PositiveDuration = kind {
        "a bare number has no unit; write it as a string with ns, us, ms, s, min, h or day"
    } else if let Kind::Size = kind {
        "a bare number has no unit; write it as a string with B, KB, MB or GB"
    } else {
        ""
    }
}
