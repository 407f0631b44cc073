//! XML as a stream of opened and closed elements, each with its place.

use quick_xml::Reader;
use quick_xml::events::attributes::AttrError;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Error, XmlVersion};

/// An element as it opens or closes.
#[derive(Debug)]
pub(super) enum Step {
    /// It opens; the attributes are decoded.
    Open { name: String, attributes: Vec<(String, String)>, at: usize },
    /// It closes; the text is what stood directly in it, trimmed.
    Close { text: String, at: usize },
}

/// Why a text is not XML, and where.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) at: usize,
    pub(super) message: String,
}

/// Reads `text` element by element; `take` gets each step.
pub(super) fn read(text: &str, mut take: impl FnMut(Step)) -> Result<(), Malformed> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    // The text directly in each open element, and where it began.
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut roots = 0_usize;
    loop {
        let before = position(reader.buffer_position());
        let event = reader.read_event().map_err(|error| Malformed {
            at: position(reader.error_position()),
            message: error.to_string(),
        })?;
        let text_here = match event {
            Event::Start(start) => {
                roots += usize::from(open.is_empty());
                if roots > 1 {
                    return Err(Malformed { at: before, message: "a second root element".into() });
                }
                take(opened(&start, before)?);
                open.push((String::new(), before));
                continue;
            }
            Event::End(_) => {
                if let Some((text, at)) = open.pop() {
                    take(Step::Close { text: text.trim().to_owned(), at });
                }
                continue;
            }
            Event::Text(text) => text.xml10_content().into_owned(),
            Event::CData(text) => text.xml10_content().into_owned(),
            Event::GeneralRef(reference) => resolve(&reference, before)?,
            Event::Eof => break,
            Event::Comment(_)
            | Event::Decl(_)
            | Event::DocType(_)
            | Event::Empty(_)
            | Event::PI(_) => continue,
        };
        match open.last_mut() {
            Some((text, _)) => text.push_str(&text_here),
            None if text_here.trim().is_empty() => {}
            None => {
                let message = "text outside the root element".to_owned();
                return Err(Malformed { at: before, message });
            }
        }
    }
    match open.last() {
        Some((_, at)) => Err(Malformed { at: *at, message: "this element is never closed".into() }),
        None if roots == 0 => Err(Malformed { at: 0, message: "there is no element".into() }),
        None => Ok(()),
    }
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn opened(start: &BytesStart<'_>, at: usize) -> Result<Step, Malformed> {
    let wrong = |error: AttrError| Malformed { at, message: error.to_string() };
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(wrong)?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error: Error| Malformed { at, message: error.to_string() })?;
        attributes.push((attribute.key.as_ref().to_string(), value.into_owned()));
    }
    Ok(Step::Open { name: start.name().as_ref().to_string(), attributes, at })
}

/// The text of `&amp;`, `&#x41;` and the like.
fn resolve(reference: &BytesRef<'_>, at: usize) -> Result<String, Malformed> {
    let wrong = |message: String| Malformed { at, message };
    if let Some(character) = reference.resolve_char_ref().map_err(|e| wrong(e.to_string()))? {
        return Ok(character.to_string());
    }
    let name = reference.xml10_content();
    match quick_xml::escape::resolve_xml_entity(&name) {
        Some(text) => Ok(text.to_owned()),
        None => Err(wrong(format!("unknown entity '&{name};'"))),
    }
}
