//! Overrides: `--set host.Send.poll=500ms`, put into the document before it is read.
//!
//! A path is followed along the rows, so that it is wrong exactly where a file would be wrong.
//! Tables that have names are addressed by name or by number; what an override says is then read
//! and refused like everything else, with the override as the source.

use toml::de::DeValue;

use super::bind::{default_node, write_table};
use super::nearest::suggestion;
use super::node::{Node, Place, Plain, Table};
use super::report::Report;
use super::row::{Kind, Presence, Shape};
use super::scenario::{SCENARIO, Scenario};

/// Puts every `key=value` of `overrides`, given by `option`, into `document`.
pub(crate) fn apply(document: &mut Node, option: &str, overrides: &[String], report: &mut Report) {
    for text in overrides {
        let key = text.split_once('=').map_or(text.as_str(), |(key, _)| key.trim());
        let source = report.source(&format!("{option} {key}"), text.clone());
        let at = Place { source, start: 0, end: text.len() };
        let Some((path, value)) = text.split_once('=') else {
            let help = "write key=value, like host.Send.poll=500ms";
            report.refuse(at, "an override without a value", "no '=' here", help);
            continue;
        };
        let value_at = Place { start: path.len() + 1, ..at };
        let Some(value) = value_of(value, value_at, report) else { continue };
        let mut path = Path { text: path, next: 0, source };
        if let Err(refusal) = put(document, &SCENARIO, &mut path, value) {
            report.refuse(refusal.at, refusal.message, refusal.label, refusal.help);
        }
    }
}

/// Whether an override of `key` would lead anywhere, or what is wrong with it and what would be
/// right.
pub(crate) fn leads(scenario: &Scenario, key: &str) -> Result<(), (String, String)> {
    let mut path = Path { text: key, next: 0, source: 0 };
    put(&mut write_table(scenario), &SCENARIO, &mut path, Node::text(""))
        .map_err(|refusal| (refusal.message, refusal.help))
}

/// The value as TOML, or as a bare string when it is not TOML and does not begin like it.
fn value_of(text: &str, at: Place, report: &mut Report) -> Option<Node> {
    let at = Place { start: at.start + (text.len() - text.trim_start().len()), ..at };
    let at = Place { end: at.start + text.trim().len(), ..at };
    let text = text.trim();
    match DeValue::parse(text) {
        Ok(value) => {
            let mut node = Node::from_toml(value.get_ref(), at);
            at_once(&mut node, at);
            Some(node)
        }
        Err(error) if text.starts_with(['[', '{', '"', '\'']) => {
            let message = format!("not TOML: {}", error.message());
            report.refuse(at, message, "here", "see https://toml.io for the syntax");
            None
        }
        Err(_) => Some(Node::new(Plain::Text(text.to_owned()), at)),
    }
}

/// Gives every part of a value the place of the whole: an override is one line anyway.
fn at_once(node: &mut Node, at: Place) {
    node.at = at;
    match &mut node.plain {
        Plain::List(items) => items.iter_mut().for_each(|item| at_once(item, at)),
        Plain::Table(table) => {
            for entry in &mut table.entries {
                entry.key_at = at;
                at_once(&mut entry.node, at);
            }
        }
        Plain::Bool(_) | Plain::Date(_) | Plain::Float(_) | Plain::Integer(_) | Plain::Text(_) => {}
    }
}

/// A path of an override and how far it has been followed.
struct Path<'a> {
    text: &'a str,
    next: usize,
    source: usize,
}

/// Why a path leads nowhere.
struct Refusal {
    at: Place,
    message: String,
    label: &'static str,
    help: String,
}

impl<'a> Path<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.next..).unwrap_or("")
    }

    /// The step that ends `end` bytes further on.
    fn take(&mut self, end: usize) -> (&'a str, Place) {
        let step = self.rest().get(..end).unwrap_or("");
        let at = Place { source: self.source, start: self.next, end: self.next + end };
        self.next = (self.next + end + 1).min(self.text.len());
        (step.trim(), at)
    }

    fn step(&mut self) -> (&'a str, Place) {
        let rest = self.rest();
        self.take(rest.find('.').unwrap_or(rest.len()))
    }

    fn done(&self) -> bool {
        self.rest().is_empty()
    }
}

/// Puts `value` where the rest of `path` leads in the table `node`.
fn put(
    node: &mut Node,
    shape: &'static Shape,
    path: &mut Path<'_>,
    value: Node,
) -> Result<(), Refusal> {
    let (step, at) = path.step();
    let Some(row) = shape.row(step) else {
        return Err(Refusal {
            at,
            message: format!("unknown key '{step}' in {}", shape.name),
            label: "no such key",
            help: suggestion(step, shape.rows.iter().map(|row| row.key)),
        });
    };
    let table = as_table(node, shape);
    if shape.one_of.contains(&row.key) && table.get(row.key).is_none() {
        // Another form gives way, with all its keys.
        table.entries.clear();
    }
    if path.done() {
        table.set(row.key, at, value);
        return Ok(());
    }
    match &row.kind {
        Kind::Table(inner) => {
            if table.get(row.key).is_none() {
                let made = match row.presence {
                    Presence::Default(text) => default_node(text),
                    Presence::Optional(_) | Presence::Profile | Presence::Required => {
                        Node::new(Plain::Table(Table::default()), at)
                    }
                };
                table.set(row.key, at, Node { at, ..made });
            }
            match table.get_mut(row.key) {
                Some(node) => put(node, inner, path, value),
                None => Ok(()),
            }
        }
        Kind::Tables(inner) => {
            let parent = table.get("name").and_then(Node::as_text).unwrap_or("").to_owned();
            let item = find(table.get_mut(row.key), row.key, &parent, path)?;
            if path.done() {
                *item = value;
                return Ok(());
            }
            put(item, inner, path, value)
        }
        Kind::Bool
        | Kind::Duration
        | Kind::Filter
        | Kind::Integer(..)
        | Kind::List(_)
        | Kind::Number(..)
        | Kind::PositiveDuration
        | Kind::Size
        | Kind::Prose
        | Kind::Text
        | Kind::Word(_)
        | Kind::Yes => {
            let (step, at) = path.step();
            Err(Refusal {
                at,
                message: format!("'{}' has no key '{step}'", row.key),
                label: "the path should have ended before",
                help: format!("'{}' is {}", row.key, super::value::describe(&row.kind)),
            })
        }
    }
}

/// The node as a table; a bare value becomes the key that it stands for.
fn as_table<'n>(node: &'n mut Node, shape: &'static Shape) -> &'n mut Table {
    if node.as_table().is_none() {
        let mut table = Table::default();
        if let Some(short) = shape.short {
            table.set(short, node.at, node.clone());
        }
        node.plain = Plain::Table(table);
    }
    match &mut node.plain {
        Plain::Table(table) => table,
        Plain::Bool(_)
        | Plain::Date(_)
        | Plain::Float(_)
        | Plain::Integer(_)
        | Plain::List(_)
        | Plain::Text(_) => unreachable!("the node was made a table above"),
    }
}

/// The table of a list that the path names, by its name or its number.
fn find<'n>(
    list: Option<&'n mut Node>,
    key: &str,
    parent: &str,
    path: &mut Path<'_>,
) -> Result<&'n mut Node, Refusal> {
    let items: &mut [Node] = match list.map(|node| &mut node.plain) {
        Some(Plain::List(items)) => items,
        _ => &mut [],
    };
    let names = names(items, parent);
    let rest = path.rest();
    // Names may have dots in them, so the longest name that fits is the one meant.
    let fits = |name: &&String| {
        rest.strip_prefix(name.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('.'))
    };
    let named = names.iter().filter(fits).max_by_key(|name| name.len());
    let (step, at) = match named {
        Some(name) => path.take(name.len()),
        None => path.step(),
    };
    let number = names.iter().position(|name| name == step).or_else(|| step.parse().ok());
    let count = items.len();
    number.and_then(|number| items.get_mut(number)).ok_or_else(|| Refusal {
        at,
        message: format!("no {key} is called '{step}'"),
        label: "no such name",
        help: match count {
            0 => format!("the scenario has no {key}"),
            n => format!(
                "{}, or a number up to {}",
                suggestion(step, names.iter().map(String::as_str)),
                n - 1
            ),
        },
    })
}

/// What the tables of a list are called, by themselves or by default.
fn names(items: &[Node], parent: &str) -> Vec<String> {
    let text = |item: &Node, key: &str| Some(item.as_table()?.get(key)?.as_text()?.to_owned());
    let name = |(n, item): (usize, &Node)| {
        text(item, "name").unwrap_or_else(|| match text(item, "to") {
            Some(to) => {
                let before =
                    items[..n].iter().filter(|other| text(other, "to").as_ref() == Some(&to));
                format!("{to}.{}", before.count())
            }
            None if parent.is_empty() => n.to_string(),
            None => format!("{parent}.{n}"),
        })
    };
    items.iter().enumerate().map(name).collect()
}
