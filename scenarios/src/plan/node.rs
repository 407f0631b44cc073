//! The document as read: values that know where they stand.
//!
//! The `toml` crate's spanned document is turned into these, overrides are put in, and the
//! expanded form is built of them, so there is one tree for all three.

use toml::de::{DeInteger, DeTable, DeValue};

/// A stretch of one of the sources of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) source: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Place {
    /// The place of a value that nobody wrote: a default.
    pub(crate) const NOWHERE: Self = Self { source: usize::MAX, start: 0, end: 0 };
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) plain: Plain,
    pub(crate) at: Place,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Plain {
    Bool(bool),
    /// A date or time; no key takes one.
    Date(String),
    Float(f64),
    Integer(i128),
    List(Vec<Node>),
    Table(Table),
    Text(String),
}

/// Keys with their values, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Place,
    pub(crate) node: Node,
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node)
    }

    /// Sets `key`, in its old position when it had one.
    pub(crate) fn set(&mut self, key: &str, key_at: Place, node: Node) {
        match self.get_mut(key) {
            Some(old) => *old = node,
            None => self.entries.push(Entry { key: key.to_owned(), key_at, node }),
        }
    }
}

impl Node {
    pub(crate) fn new(plain: Plain, at: Place) -> Self {
        Self { plain, at }
    }

    /// A value that nobody wrote.
    pub(crate) fn made(plain: Plain) -> Self {
        Self::new(plain, Place::NOWHERE)
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::made(Plain::Text(text.to_owned()))
    }

    /// The value of the `toml` crate, found in `source`.
    pub(crate) fn from_toml(value: &DeValue<'_>, at: Place) -> Self {
        let place = |span: std::ops::Range<usize>| Place { start: span.start, end: span.end, ..at };
        let plain = match value {
            DeValue::String(text) => Plain::Text(text.to_string()),
            DeValue::Integer(integer) => from_integer(integer),
            DeValue::Float(float) => match float.as_str().parse() {
                Ok(number) => Plain::Float(number),
                Err(_) => Plain::Text(float.as_str().to_owned()),
            },
            DeValue::Boolean(value) => Plain::Bool(*value),
            DeValue::Datetime(date) => Plain::Date(date.to_string()),
            DeValue::Array(items) => Plain::List(
                items.iter().map(|i| Self::from_toml(i.get_ref(), place(i.span()))).collect(),
            ),
            DeValue::Table(table) => Plain::Table(Self::table_from_toml(table, at)),
        };
        Self { plain, at }
    }

    /// The table of the `toml` crate, found in the source of `at`.
    pub(crate) fn table_from_toml(table: &DeTable<'_>, at: Place) -> Table {
        let place = |span: std::ops::Range<usize>| Place { start: span.start, end: span.end, ..at };
        let entries = table.iter().map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_at: place(key.span()),
            node: Self::from_toml(value.get_ref(), place(value.span())),
        });
        Table { entries: entries.collect() }
    }

    /// The table, if it is one.
    pub(crate) fn as_table(&self) -> Option<&Table> {
        if let Plain::Table(table) = &self.plain { Some(table) } else { None }
    }

    /// The list, if it is one.
    pub(crate) fn as_list(&self) -> Option<&[Self]> {
        if let Plain::List(items) = &self.plain { Some(items) } else { None }
    }

    /// The string, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Plain::Text(text) = &self.plain { Some(text) } else { None }
    }

    /// Whether it is `true` or `false`, and which.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        if let Plain::Bool(value) = self.plain { Some(value) } else { None }
    }

    /// The whole number, if it is one.
    pub(crate) fn as_integer(&self) -> Option<i128> {
        if let Plain::Integer(number) = self.plain { Some(number) } else { None }
    }

    /// The number, whole or not, if it is one.
    pub(crate) fn as_number(&self) -> Option<f64> {
        if let Plain::Float(number) = self.plain {
            return Some(number);
        }
        self.as_integer().map(|number| number as f64)
    }

    /// The child called `step`: a key of a table or a number of a list.
    fn child(&self, step: &str) -> Option<&Self> {
        if let Some(table) = self.as_table() {
            return table.get(step);
        }
        self.as_list()?.get(step.parse::<usize>().ok()?)
    }

    /// The value at `path`: `send_port.2.primary.host`.
    pub(crate) fn find(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |here, step| here.child(step))
    }

    /// The place of `path`, or of the nearest thing around it.
    pub(crate) fn place(&self, path: &str) -> Place {
        let mut here = self;
        let mut at = self.at;
        for step in path.split('.') {
            let Some(next) = here.child(step) else { break };
            here = next;
            if here.at != Place::NOWHERE {
                at = here.at;
            }
        }
        at
    }

    /// What an error calls the value.
    pub(crate) fn describe(&self) -> String {
        match &self.plain {
            Plain::Bool(value) => value.to_string(),
            Plain::Date(date) => format!("the date {date}"),
            Plain::Float(number) => format!("{number:?}"),
            Plain::Integer(number) => number.to_string(),
            Plain::List(_) => "a list".to_owned(),
            Plain::Table(_) => "a table".to_owned(),
            Plain::Text(text) => {
                let mut short: String = text.chars().take(40).collect();
                if short.len() < text.len() {
                    short.push('…');
                }
                format!("{short:?}")
            }
        }
    }
}

fn from_integer(integer: &DeInteger<'_>) -> Plain {
    let digits = integer.as_str().replace('_', "");
    match i128::from_str_radix(&digits, integer.radix()) {
        Ok(number) => Plain::Integer(number),
        // Beyond i128 no bound of any key holds; as a float it still prints in the error.
        Err(_) => Plain::Float(digits.parse().unwrap_or(f64::INFINITY)),
    }
}
