//! Binding: one line per key that both reads it into its field and writes it out again.

use super::nearest::suggestion;
use super::node::{Node, Place, Plain, Table};
use super::report::Report;
use super::row::{Kind, Presence, Row, Shape};
use super::value::{Value, describe};

/// A table of a scenario file.
pub(crate) trait Bind: Default {
    /// Its rows.
    const SHAPE: &'static Shape;

    /// Reads or writes every key.
    fn bind(&mut self, b: &mut Binder<'_>);
}

/// Carries a table's keys into fields, or fields into keys.
pub(crate) struct Binder<'a> {
    shape: &'static Shape,
    asked: Vec<&'static str>,
    mode: Mode<'a>,
}

enum Mode<'a> {
    /// A value in place of the table is called by the key that it stands at.
    Read {
        table: &'a Table,
        at: Place,
        report: &'a mut Report,
        is_short: bool,
    },
    Write {
        table: Table,
    },
}

/// Reads the table `node` into `value`, or notes why it cannot be.
pub(crate) fn read_table<T: Bind>(value: &mut T, node: &Node, report: &mut Report) {
    let shape = T::SHAPE;
    let short;
    let mut is_short = false;
    let table = match (&node.plain, shape.short) {
        (Plain::Table(table), _) => table,
        (_, Some(key)) => {
            let mut table = Table::default();
            table.set(key, node.at, node.clone());
            short = table;
            is_short = true;
            &short
        }
        _ => {
            let message = format!("'{}': expected a table, found {}", report.key, node.describe());
            report.refuse(node.at, message, "not a table", keys(shape));
            return;
        }
    };
    for entry in &table.entries {
        if shape.row(&entry.key).is_none() {
            let message = format!("unknown key '{}' in {}", entry.key, shape.name);
            let help = suggestion(&entry.key, shape.rows.iter().map(|row| row.key));
            report.refuse(entry.key_at, message, "no such key", help);
        }
    }
    let mode = Mode::Read { table, at: node.at, report, is_short };
    let mut binder = Binder { shape, asked: Vec::new(), mode };
    value.bind(&mut binder);
    let bound = |row: &Row| binder.asked.contains(&row.key) || !shape.one_of.is_empty();
    debug_assert!(shape.rows.iter().all(bound), "every row of {} must be bound", shape.name);
}

/// Writes `value` as a table.
pub(crate) fn write_table<T: Bind + Clone>(value: &T) -> Node {
    let mode = Mode::Write { table: Table::default() };
    let mut binder = Binder { shape: T::SHAPE, asked: Vec::new(), mode };
    // Binding borrows the fields mutably in both directions; writing leaves them as they are.
    value.clone().bind(&mut binder);
    match binder.mode {
        Mode::Write { table } => Node::made(Plain::Table(table)),
        Mode::Read { .. } => Node::made(Plain::Table(Table::default())),
    }
}

fn keys(shape: &Shape) -> String {
    let keys: Vec<&str> = shape.rows.iter().map(|row| row.key).collect();
    format!("its keys: {}", keys.join(", "))
}

impl Binder<'_> {
    fn row(&self, key: &str) -> &'static Row {
        self.shape.row(key).expect("every bound key has a row")
    }

    /// Reads `key` into `slot`, or writes it from there.
    pub(crate) fn key<T: Value>(&mut self, key: &str, slot: &mut T) {
        let row = self.row(key);
        self.asked.push(row.key);
        match &mut self.mode {
            Mode::Write { table } => {
                if let Some(node) = slot.write(&row.kind) {
                    table.set(key, Place::NOWHERE, node);
                }
            }
            Mode::Read { table, at, report, is_short } => {
                let name = if *is_short { report.key } else { row.key };
                let outer = std::mem::replace(&mut report.key, name);
                let absent;
                let required =
                    matches!((&row.presence, &row.kind), (Presence::Required, Kind::Tables(_)));
                let none = |node: &&Node| required && node.as_list().is_some_and(<[_]>::is_empty);
                let node = match table.get(key) {
                    Some(node) if !none(&node) => Some(node),
                    _ => {
                        absent = when_absent(row, self.shape, *at, report);
                        absent.as_ref()
                    }
                };
                if let Some(value) = node.and_then(|node| T::read(&row.kind, node, report)) {
                    *slot = value;
                }
                report.key = outer;
            }
        }
    }

    /// Whether keys are read, not written.
    pub(crate) fn reading(&self) -> bool {
        matches!(self.mode, Mode::Read { .. })
    }

    /// Whether the table that is read has `key`.
    pub(crate) fn has(&self, key: &str) -> bool {
        matches!(&self.mode, Mode::Read { table, .. } if table.get(key).is_some())
    }

    /// Notes a mistake at `key`, or at the table when it is not there.
    pub(crate) fn refuse(&mut self, key: &str, message: &str, help: &str) {
        if let Mode::Read { table, at, report, .. } = &mut self.mode {
            let at = table.get(key).map_or(*at, |node| node.at);
            report.refuse(at, message, "here", help);
        }
    }

    /// The one form that the table has, or a note that it has none or several.
    pub(crate) fn form(&mut self) -> Option<&'static str> {
        let forms = self.shape.one_of;
        let Mode::Read { table, at, report, .. } = &mut self.mode else { return None };
        let found: Vec<&str> = forms.iter().copied().filter(|f| table.get(f).is_some()).collect();
        if let [form] = found.as_slice() {
            return forms.iter().copied().find(|known| known == form);
        }
        let message = match found.as_slice() {
            [] => format!("this {} says nothing", self.shape.name),
            several => {
                format!("this {} says several things: {}", self.shape.name, several.join(", "))
            }
        };
        let help = format!("give exactly one of: {}", forms.join(", "));
        report.refuse(*at, message, "exactly one is needed", help);
        None
    }

    /// Notes it when the table has no key at all.
    pub(crate) fn some_of(&mut self) {
        let shape = self.shape;
        if let Mode::Read { table, at, report, .. } = &mut self.mode
            && table.entries.is_empty()
        {
            let message = format!("this {} says nothing", shape.name);
            report.refuse(*at, message, "at least one key is needed", keys(shape));
        }
    }
}

/// What is read in place of a key that is not there.
fn when_absent(
    row: &'static Row,
    shape: &'static Shape,
    at: Place,
    report: &mut Report,
) -> Option<Node> {
    match row.presence {
        Presence::Default(text) => Some(default_node(text)),
        Presence::Optional(_) => None,
        Presence::Profile => {
            let span = report.profile.default_of(row.key)?;
            Some(Node::text(&span.to_string()))
        }
        Presence::Required => {
            let message = format!("'{}' is missing in {}", row.key, shape.name);
            let label = format!("no '{}' here", row.key);
            let help = if let Kind::Tables(_) = &row.kind {
                format!("{}: give at least one [[{}]]", row.meaning, row.key)
            } else {
                format!("{}: {}", row.meaning, describe(&row.kind))
            };
            report.refuse(at, message, label, help);
            None
        }
    }
}

/// The value of a row's default text.
pub(crate) fn default_node(text: &str) -> Node {
    let value = toml::de::DeValue::parse(text).expect("the default of every row is TOML");
    let mut node = Node::from_toml(value.get_ref(), Place::NOWHERE);
    nowhere(&mut node);
    node
}

/// Takes the places out of a node: they belong to no source.
fn nowhere(node: &mut Node) {
    node.at = Place::NOWHERE;
    match &mut node.plain {
        Plain::List(items) => items.iter_mut().for_each(nowhere),
        Plain::Table(table) => {
            for entry in &mut table.entries {
                entry.key_at = Place::NOWHERE;
                nowhere(&mut entry.node);
            }
        }
        Plain::Bool(_) | Plain::Date(_) | Plain::Float(_) | Plain::Integer(_) | Plain::Text(_) => {}
    }
}

/// Binds an enumeration whose variants are keys of which exactly one is there.
macro_rules! choice {
    ($self:ident, $b:ident, { $( $key:literal => $($variant:ident)+ ),+ $(,)? }) => {
        if $b.reading() {
            match $b.form() {
                $( Some($key) => $crate::plan::bind::choice!(@read $self, $b, $key, $($variant)+), )+
                _ => {}
            }
        } else {
            $( $crate::plan::bind::choice!(@write $self, $b, $key, $($variant)+); )+
        }
    };
    (@read $self:ident, $b:ident, $key:literal, unit $variant:ident) => {{
        $b.key($key, &mut true);
        *$self = Self::$variant;
    }};
    (@read $self:ident, $b:ident, $key:literal, $variant:ident) => {{
        let mut value = Default::default();
        $b.key($key, &mut value);
        *$self = Self::$variant(value);
    }};
    (@write $self:ident, $b:ident, $key:literal, unit $variant:ident) => {
        if matches!($self, Self::$variant) {
            $b.key($key, &mut true);
        }
    };
    (@write $self:ident, $b:ident, $key:literal, $variant:ident) => {
        if let Self::$variant(value) = $self {
            $b.key($key, value);
        }
    };
}
pub(crate) use choice;
