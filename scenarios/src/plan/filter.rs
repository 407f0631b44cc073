//! Filters: what a send port subscribes to.
//!
//! The product's two levels and no more: conditions joined by `and` make a group, groups are
//! joined by `or`. There are no parentheses, so there is nothing to be wrong about precedence.

use std::fmt;
use std::ops::Range;

use super::node::Node;
use super::report::Report;
use super::row::Kind;
use super::value::{Value, describe};

/// A filter: any of its groups may hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter {
    /// Groups of conditions that must all hold.
    pub groups: Vec<Vec<Condition>>,
}

/// One condition of a filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Condition {
    /// The promoted property: `BTS.ReceivePortName`.
    pub property: String,
    /// How it is compared.
    pub operator: Operator,
    /// What it is compared with; absent for `exists`.
    pub value: Option<FilterValue>,
}

/// How a property is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operator {
    /// `&`: a bit in common
    BitwiseAnd,
    /// `==`
    Equal,
    /// `exists`
    Exists,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `!=`
    NotEqual,
}

/// What a property is compared with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FilterValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A double-quoted string.
    Text(String),
}

/// Longest first, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 8] = [
    ("&", Operator::BitwiseAnd),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("exists", Operator::Exists),
];

/// What is wrong in a filter, and where in its text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FilterError {
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: &'static str,
}

impl Filter {
    pub(crate) fn parse(text: &str) -> Result<Self, FilterError> {
        let mut reader = Reader { text, at: 0 };
        let mut groups = vec![vec![reader.condition()?]];
        loop {
            let start = reader.skip_space();
            match reader.word() {
                "" if reader.at == text.len() => return Ok(Self { groups }),
                "and" => {
                    let condition = reader.condition()?;
                    if let Some(group) = groups.last_mut() {
                        group.push(condition);
                    }
                }
                "or" => groups.push(vec![reader.condition()?]),
                _ => {
                    return Err(reader.wrong(
                        start,
                        "expected 'and', 'or' or the end of the filter",
                        "conditions are joined by 'and', groups by 'or'; there are no parentheses",
                    ));
                }
            }
        }
    }
}

/// Reads a filter from left to right.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_space(&mut self) -> usize {
        self.at += self.rest().len() - self.rest().trim_start().len();
        self.at
    }

    /// Letters, digits, dots, signs: up to a space or an operator.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let ends = |c: char| c.is_whitespace() || "=!<>&\"()".contains(c);
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// The mistake that stands from `start` to the end of the next word or sign.
    fn wrong(&mut self, start: usize, message: &str, help: &'static str) -> FilterError {
        if self.at == start && self.word().is_empty() {
            self.at += self.rest().chars().next().map_or(0, char::len_utf8);
        }
        let found = match &self.text[start..self.at] {
            "" => "the end of the filter".to_owned(),
            found => format!("'{found}'"),
        };
        FilterError { at: start..self.at, message: format!("{message}, found {found}"), help }
    }

    fn condition(&mut self) -> Result<Condition, FilterError> {
        let start = self.skip_space();
        let property = self.word();
        let named = property
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_'));
        if !named || !property.contains('.') {
            let help = "R-CTX-01: a property is Namespace.Property, like BTS.ReceivePortName";
            return Err(self.wrong(start, "expected a property", help));
        }
        let operator = self.operator()?;
        let value = match operator {
            Operator::Exists => None,
            Operator::BitwiseAnd
            | Operator::Equal
            | Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::NotEqual => Some(self.value()?),
        };
        Ok(Condition { property: property.to_owned(), operator, value })
    }

    fn operator(&mut self) -> Result<Operator, FilterError> {
        let start = self.skip_space();
        for (sign, operator) in OPERATORS {
            let Some(rest) = self.rest().strip_prefix(sign) else { continue };
            if operator == Operator::Exists && rest.starts_with(|c: char| c.is_alphanumeric()) {
                continue;
            }
            self.at += sign.len();
            return Ok(operator);
        }
        let help = "R-SUB-02: operators: == != < <= > >= & exists";
        Err(self.wrong(start, "expected an operator", help))
    }

    fn value(&mut self) -> Result<FilterValue, FilterError> {
        let start = self.skip_space();
        if self.rest().starts_with('"') {
            return self.quoted(start);
        }
        let word = self.word();
        match (word, word.parse()) {
            ("true", _) => Ok(FilterValue::Bool(true)),
            ("false", _) => Ok(FilterValue::Bool(false)),
            (_, Ok(number)) => Ok(FilterValue::Integer(number)),
            (_, Err(_)) => Err(self.wrong(
                start,
                "expected a value",
                "R-CTX-01: values: a \"double-quoted\" string, a whole number, true or false",
            )),
        }
    }

    /// A string in double quotes; a backslash takes the next character as it is.
    fn quoted(&mut self, start: usize) -> Result<FilterValue, FilterError> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += offset + 1;
                    return Ok(FilterValue::Text(text));
                }
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                _ => text.push(character),
            }
        }
        self.at = self.text.len();
        let message = "the string has no closing quote".to_owned();
        Err(FilterError { at: start..self.at, message, help: "put a \" where it ends" })
    }
}

impl Operator {
    /// The operator as a filter writes it.
    #[must_use]
    pub fn sign(self) -> &'static str {
        let row = OPERATORS.iter().find(|(_, operator)| *operator == self);
        row.map_or("exists", |(sign, _)| sign)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, group) in self.groups.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { " or " })?;
            for (n, condition) in group.iter().enumerate() {
                f.write_str(if n == 0 { "" } else { " and " })?;
                condition.fmt(f)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.property, self.operator.sign())?;
        match &self.value {
            None => Ok(()),
            Some(FilterValue::Bool(value)) => write!(f, " {value}"),
            Some(FilterValue::Integer(number)) => write!(f, " {number}"),
            Some(FilterValue::Text(text)) => {
                write!(f, " \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
        }
    }
}

impl Value for Filter {
    fn read(kind: &Kind, node: &Node, report: &mut Report) -> Option<Self> {
        let Some(text) = node.as_text() else {
            let message = format!("'{}': expected a filter, found {}", report.key, node.describe());
            report.refuse(node.at, message, "not a string", describe(kind));
            return None;
        };
        match Self::parse(text) {
            Ok(filter) => Some(filter),
            Err(error) => {
                let at = report.inside(node.at, text, error.at);
                let message = format!("'{}': {}", report.key, error.message);
                report.refuse(at, message, "here", error.help);
                None
            }
        }
    }

    fn write(&self, _kind: &Kind) -> Option<Node> {
        Some(Node::text(&self.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_print_as_they_are_read() {
        for text in [
            "BTS.ReceivePortName == \"Orders\"",
            "A.B exists",
            "A.B & 6",
            "A.B exists and C.D != -5 or E.F >= 7 and G.H == true or I.J < 1",
            "A.B == \"say \\\"and\\\" \\\\ or\"",
        ] {
            let filter = Filter::parse(text).unwrap();
            assert_eq!(filter.to_string(), text);
        }
        let spaced = Filter::parse("  A.B==\"x\"   or\tC.D<=3 ").unwrap();
        assert_eq!(spaced.to_string(), "A.B == \"x\" or C.D <= 3");
        assert_eq!(spaced.groups.len(), 2);
    }

    #[test]
    fn mistakes_are_pointed_at() {
        for (text, at, message) in [
            ("", 0..0, "expected a property, found the end of the filter"),
            ("Name == 1", 0..4, "expected a property, found 'Name'"),
            ("A.B = 1", 4..5, "expected an operator, found '='"),
            ("A.B == ", 7..7, "expected a value, found the end of the filter"),
            ("A.B == Orders", 7..13, "expected a value, found 'Orders'"),
            ("A.B == \"x", 7..9, "the string has no closing quote"),
            ("(A.B == 1)", 0..1, "expected a property, found '('"),
            (
                "A.B == 1 xor C.D == 2",
                9..12,
                "expected 'and', 'or' or the end of the filter, found 'xor'",
            ),
            ("A.B == 1 and", 12..12, "expected a property, found the end of the filter"),
            ("A.B existsnot", 4..13, "expected an operator, found 'existsnot'"),
            ("é.ü é", 6..8, "expected an operator, found 'é'"),
        ] {
            let error = Filter::parse(text).unwrap_err();
            assert_eq!((error.at, error.message.as_str()), (at, message), "{text}");
        }
    }
}
