//! The expanded form: a scenario written out with every default, and the hash of it.

use super::bind::write_table;
use super::load::{LOAD, Load};
use super::node::{Node, Plain, Table};
use super::row::{Kind, Shape};
use super::scenario::{SCENARIO, Scenario};

impl Scenario {
    /// The scenario as TOML with every default written out. Reading it gives an equal scenario.
    #[must_use]
    pub fn expanded_toml(&self) -> String {
        to_toml(&write_table(self), &SCENARIO)
    }

    /// The expanded form as JSON.
    #[must_use]
    pub fn expanded_json(&self) -> serde_json::Value {
        to_json(&write_table(self))
    }

    /// 128 bits, in hex, that tell one experiment from another: a digest of the expanded form
    /// without the seed. Comments, formatting and the order of keys do not move it; a changed
    /// cost profile does, because the expanded form has every cost.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut node = write_table(self);
        if let Plain::Table(table) = &mut node.plain {
            table.entries.retain(|entry| entry.key != "seed");
        }
        fingerprint(to_toml(&node, &SCENARIO).as_bytes())
    }
}

/// 128 bits of these bytes, in hex.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    format!("{:032x}", fnv1a_128(bytes))
}

/// FNV-1a: not against malice, but stable, short and the same on every platform.
fn fnv1a_128(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

/// A table as a TOML document, in the order of the rows of `shape`.
pub(crate) fn to_toml(node: &Node, shape: &'static Shape) -> String {
    let mut text = String::new();
    if let Plain::Table(table) = &node.plain {
        write_body(&mut text, table, shape, "");
    }
    text
}

/// One `[[load]]` section.
pub(crate) fn load_toml(load: &Load) -> String {
    let mut text = "[[load]]\n".to_owned();
    if let Plain::Table(table) = &write_table(load).plain {
        write_body(&mut text, table, &LOAD, "load");
    }
    text
}

/// Keys of one line first, then the tables that have headers of their own.
fn write_body(text: &mut String, table: &Table, shape: &'static Shape, path: &str) {
    let rows = || shape.rows.iter().filter_map(|row| Some((row, table.get(row.key)?)));
    for (row, node) in rows().filter(|(row, _)| section(&row.kind).is_none()) {
        text.push_str(&format!("{} = {}\n", row.key, inline(node)));
    }
    for (row, node) in rows() {
        let Some(inner) = section(&row.kind) else { continue };
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{}", row.key);
        match &node.plain {
            Plain::Table(table) => {
                text.push_str(&format!("\n[{path}]\n"));
                write_body(text, table, inner, &path);
            }
            Plain::List(items) => {
                for table in items.iter().filter_map(Node::as_table) {
                    text.push_str(&format!("\n[[{path}]]\n"));
                    write_body(text, table, inner, &path);
                }
            }
            Plain::Bool(_)
            | Plain::Date(_)
            | Plain::Float(_)
            | Plain::Integer(_)
            | Plain::Text(_) => {}
        }
    }
}

/// The shape of a key that is written under a header of its own.
fn section(kind: &Kind) -> Option<&'static Shape> {
    let (Kind::Table(shape) | Kind::Tables(shape)) = kind else { return None };
    (!shape.inline).then_some(*shape)
}

/// A value on one line.
pub(crate) fn inline(node: &Node) -> String {
    match &node.plain {
        Plain::Bool(value) => value.to_string(),
        Plain::Date(date) => date.clone(),
        Plain::Float(number) => format!("{number:?}"),
        Plain::Integer(number) => number.to_string(),
        Plain::List(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Plain::Table(table) if table.entries.is_empty() => "{}".to_owned(),
        Plain::Table(table) => {
            let keys = table.entries.iter();
            let keys: Vec<String> =
                keys.map(|entry| format!("{} = {}", entry.key, inline(&entry.node))).collect();
            format!("{{ {} }}", keys.join(", "))
        }
        Plain::Text(text) => quoted(text),
    }
}

/// A string on one line: the writer of the `toml` crate would break it at its line ends.
fn quoted(text: &str) -> String {
    if text.chars().any(char::is_control) {
        // Every escape of a JSON string is one of TOML's, which escapes DEL as well.
        return serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F");
    }
    toml::Value::String(text.to_owned()).to_string()
}

fn to_json(node: &Node) -> serde_json::Value {
    match &node.plain {
        Plain::Bool(value) => (*value).into(),
        Plain::Date(text) | Plain::Text(text) => text.as_str().into(),
        Plain::Float(number) => (*number).into(),
        Plain::Integer(number) => u64::try_from(*number).ok().into(),
        Plain::List(items) => items.iter().map(to_json).collect(),
        Plain::Table(table) => {
            table.entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.node))).collect()
        }
    }
}
