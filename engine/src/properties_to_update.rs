//! `PropertiesToUpdate`: what a send adapter wants to find in the context at the next delivery.
//!
//! Ordinary writes to a delivered message are lost with the delivery. What stands in this small
//! XML text, given with `Resubmit` or `MoveToSuspendQ`, is kept by the engine (R-CTX-10).

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::message::{PropertyId, PropertyTable, Value};

/// The namespace of the properties that this engine calls `BTS.…`.
pub const SYSTEM_NAMESPACE: &str = "http://schemas.microsoft.com/BizTalk/2003/system-properties";

/// Why a text was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It is not well-formed XML, or not of the documented shape.
    Malformed,
    /// A value does not fit its variant type, or the type is none of the three (R-CTX-10).
    Type,
}

/// The text that lists `properties`: name, namespace and value each (R-CTX-10).
#[must_use]
pub fn to_xml(properties: &[(&str, &str, Value)]) -> String {
    let escape = |text: &str| quick_xml::escape::escape(text).into_owned();
    let mut xml = "<PropertiesToUpdate>".to_owned();
    for (name, namespace, value) in properties {
        let (vt, text) = match value {
            // What cannot be stored cannot be kept either (R-CTX-09).
            Value::Object => continue,
            Value::Int(number) => (3, number.to_string()),
            Value::Text(text) => (8, escape(text)),
            Value::Bool(flag) => (11, i32::from(*flag).to_string()),
        };
        let (name, namespace) = (escape(name), escape(namespace));
        xml += &format!(
            "<Property name=\"{name}\" nameSpace=\"{namespace}\" vt=\"{vt}\">{text}</Property>"
        );
    }
    xml + "</PropertiesToUpdate>"
}

/// Reads the text. A property whose name the topology does not know is passed over: nobody could
/// ask for it.
///
/// # Errors
/// [`Refusal`] when the text cannot be read; \[M\] the operation that brought it is then refused.
pub fn parse(xml: &str, known: &PropertyTable) -> Result<Vec<(PropertyId, Value)>, Refusal> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    let (mut updates, mut depth, mut text) = (Vec::new(), 0_u32, String::new());
    let mut property = None;
    loop {
        match reader.read_event().map_err(|_| Refusal::Malformed)? {
            Event::Start(start) => {
                depth += 1;
                match (depth, start.name().as_ref()) {
                    (1, "PropertiesToUpdate") => {}
                    (2, "Property") => property = Some(declared(&start)?),
                    _ => return Err(Refusal::Malformed),
                }
                text.clear();
            }
            Event::End(_) => {
                depth -= 1;
                let Some((name, variant)) = property.take() else { continue };
                let value = typed(&variant, text.trim()).ok_or(Refusal::Type)?;
                updates.extend(known.find(&name).map(|id| (id, value)));
            }
            Event::Text(part) => text += &part.xml10_content(),
            Event::CData(part) => text += &part.xml10_content(),
            Event::GeneralRef(reference) => text += &resolved(&reference)?,
            Event::Eof if depth == 0 => return Ok(updates),
            Event::Eof => return Err(Refusal::Malformed),
            Event::Comment(_)
            | Event::Decl(_)
            | Event::DocType(_)
            | Event::Empty(_)
            | Event::PI(_) => {}
        }
    }
}

/// The name and the variant type of a property.
fn declared(start: &BytesStart<'_>) -> Result<(String, String), Refusal> {
    let (mut name, mut namespace, mut variant) = (None, None, None);
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| Refusal::Malformed)?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|_| Refusal::Malformed)?
            .into_owned();
        match attribute.key.as_ref() {
            "name" => name = Some(value),
            "nameSpace" => namespace = Some(value),
            "vt" => variant = Some(value),
            _ => {}
        }
    }
    let (name, namespace) = (name.ok_or(Refusal::Malformed)?, namespace.unwrap_or_default());
    let prefix = if namespace == SYSTEM_NAMESPACE { "BTS" } else { &namespace };
    Ok((format!("{prefix}.{name}"), variant.ok_or(Refusal::Type)?))
}

/// The value that `text` stands for under a variant code: 3 is an int, 8 a string, 11 a bool.
fn typed(variant: &str, text: &str) -> Option<Value> {
    match variant {
        "3" => text.parse::<i32>().ok().map(|number| Value::Int(number.into())),
        "8" => Some(Value::text(text)),
        "11" => match text {
            "0" | "false" | "False" => Some(Value::Bool(false)),
            "1" | "-1" | "true" | "True" => Some(Value::Bool(true)),
            _ => None,
        },
        _ => None,
    }
}

fn resolved(reference: &BytesRef<'_>) -> Result<String, Refusal> {
    let numbered = reference.resolve_char_ref().map_err(|_| Refusal::Malformed)?;
    if let Some(character) = numbered {
        return Ok(character.to_string());
    }
    let name = reference.xml10_content();
    let named = quick_xml::escape::resolve_xml_entity(&name);
    named.map(str::to_owned).ok_or(Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_in_all_three_types() {
        // R-CTX-10.
        let mut known = PropertyTable::default();
        let (a, b) = (known.intern("http://mine.A"), known.intern("http://mine.B"));
        let xml = to_xml(&[
            ("A", "http://mine", Value::text("x < \"y\" & z")),
            ("RetryCount", SYSTEM_NAMESPACE, Value::Int(2)),
            ("B", "http://mine", Value::Bool(true)),
            ("Unknown", "http://mine", Value::Int(1)),
        ]);
        let expected = vec![
            (a, Value::text("x < \"y\" & z")),
            (PropertyId::RETRY_COUNT, Value::Int(2)),
            (b, Value::Bool(true)),
        ];
        assert_eq!(parse(&xml, &known), Ok(expected));
    }

    #[test]
    fn what_is_not_of_the_documented_shape_is_refused() {
        // R-CTX-10.
        let known = PropertyTable::default();
        let property = |vt: &str, text: &str| {
            format!(
                "<PropertiesToUpdate><Property name='RetryCount' nameSpace='{SYSTEM_NAMESPACE}' \
                 vt='{vt}'>{text}</Property></PropertiesToUpdate>"
            )
        };
        let cases = [
            (property("3", "x"), Refusal::Type),
            (property("11", "yes"), Refusal::Type),
            (property("5", "1.5"), Refusal::Type),
            ("<Properties/>".to_owned(), Refusal::Malformed),
            ("<PropertiesToUpdate><Property vt='3'>1</Property>".to_owned(), Refusal::Malformed),
            ("<PropertiesToUpdate>".to_owned(), Refusal::Malformed),
        ];
        for (xml, refusal) in cases {
            assert_eq!(parse(&xml, &known), Err(refusal), "{xml}");
        }
        assert_eq!(
            parse(&property("11", "0"), &known),
            Ok(vec![(PropertyId::RETRY_COUNT, Value::Bool(false))])
        );
        assert_eq!(parse("<PropertiesToUpdate/>", &known), Ok(Vec::new()));
    }
}
