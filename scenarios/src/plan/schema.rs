//! The JSON Schema of scenario files, for editors; made from the rows.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::row::{Kind, Presence, Row, Shape, TEXT_MAX};
use super::scenario::SCENARIO;

const DURATION: &str =
    r"^\s*[0-9][0-9_]*(\.[0-9]+)?\s*(ns|us|µs|μs|ms|s|sec|min|h|hour|hours|d|day|days)\s*$";
const SIZE: &str = r"^\s*[0-9][0-9_]*(\.[0-9]+)?\s*(B|byte|bytes|KB|KiB|MB|MiB|GB|GiB)\s*$";

/// The JSON Schema (draft 2020-12) of scenario files.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = BTreeMap::new();
    let mut root = table(&SCENARIO, &mut definitions);
    if let Value::Object(root) = &mut root {
        root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        root.insert("title".into(), json!("Floodgate scenario"));
        root.insert("$defs".into(), definitions.into_iter().collect::<Map<_, _>>().into());
    }
    root
}

type Definitions = BTreeMap<String, Value>;

/// A reference to the definition of `shape`, which is made when it is not there yet.
fn reference(shape: &'static Shape, definitions: &mut Definitions) -> Value {
    let name = shape.name.replace(' ', "_");
    if !definitions.contains_key(&name) {
        definitions.insert(name.clone(), Value::Null);
        let mut schema = table(shape, definitions);
        if let Some(row) = shape.short.and_then(|short| shape.row(short)) {
            let short = value(&row.kind, definitions);
            schema = json!({ "description": shape.meaning, "anyOf": [short, schema] });
        }
        definitions.insert(name.clone(), schema);
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn table(shape: &'static Shape, definitions: &mut Definitions) -> Value {
    let properties: Map<String, Value> =
        shape.rows.iter().map(|row| (row.key.to_owned(), property(row, definitions))).collect();
    let required: Vec<&str> = shape
        .rows
        .iter()
        .filter(|row| matches!(row.presence, Presence::Required))
        .map(|row| row.key)
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": shape.meaning,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    if !shape.one_of.is_empty() {
        let forms: Vec<Value> =
            shape.one_of.iter().map(|form| json!({ "required": [form] })).collect();
        schema["oneOf"] = forms.into();
    }
    schema
}

fn property(row: &'static Row, definitions: &mut Definitions) -> Value {
    let mut schema = value(&row.kind, definitions);
    let absent = match row.presence {
        Presence::Default(text) => {
            if let Some(default) = default(text) {
                schema["default"] = default;
            }
            String::new()
        }
        Presence::Optional(meaning) => format!("; without it: {meaning}"),
        Presence::Profile => "; without it: as the cost profile says".to_owned(),
        Presence::Required => String::new(),
    };
    schema["description"] = format!("{}{absent}", row.meaning).into();
    schema
}

/// The default as JSON, for editors that fill it in.
fn default(text: &str) -> Option<Value> {
    let document: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    serde_json::to_value(document.get("value")?).ok()
}

fn value(kind: &'static Kind, definitions: &mut Definitions) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Duration | Kind::PositiveDuration => json!({ "type": "string", "pattern": DURATION }),
        Kind::Filter | Kind::Prose => json!({ "type": "string", "minLength": 1 }),
        Kind::Text => json!({ "type": "string", "minLength": 1, "maxLength": TEXT_MAX }),
        Kind::Integer(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Kind::List(of) => json!({ "type": "array", "items": value(of, definitions) }),
        Kind::Number(low, high) => json!({ "type": "number", "minimum": low, "maximum": high }),
        Kind::Size => json!({ "type": "string", "pattern": SIZE }),
        Kind::Table(shape) => reference(shape, definitions),
        Kind::Tables(shape) => {
            json!({ "type": "array", "items": reference(shape, definitions) })
        }
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Yes => json!({ "const": true }),
    }
}
