//! Between content and context: a receive pipeline promotes fields of a document, a send pipeline
//! writes properties back into them (R-PIPE-12).
//!
//! A field is the first element of its name that holds text alone. A described body has no
//! elements: it is said beforehand what a promotion finds there, and a demotion makes it longer.

use std::sync::Arc;

use quick_xml::escape::{escape, unescape};
use quick_xml::events::Event;
use quick_xml::reader::NsReader;

use super::{Component, ReceivePipeline};
use crate::message::{
    Body, Context, Document, DocumentName, Parts, PropertyId, PropertyRefusal, Value,
};

/// A field that a disassembler promotes (R-PIPE-12).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Promotion {
    /// The local name of the element that holds it.
    pub element: Arc<str>,
    /// What it becomes.
    pub property: PropertyId,
    /// What a described body has there; nothing, and nothing is promoted of one.
    pub described: Option<Value>,
}

/// A property that an assembler writes into the content (R-PIPE-12).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Demotion {
    /// Which.
    pub property: PropertyId,
    /// The local name of the element that takes it; a document without one stays as it is.
    pub element: Arc<str>,
}

impl Promotion {
    /// What a text of the content is promoted as. \[M\] One that reads as a whole number or as a
    /// truth is promoted as that, since there are no schemas that would say so.
    #[must_use]
    pub fn value(text: &str) -> Value {
        match (text.parse::<i64>(), text) {
            (Ok(number), _) if number.to_string() == text => Value::Int(number),
            (_, "true") => Value::Bool(true),
            (_, "false") => Value::Bool(false),
            (Ok(_) | Err(_), _) => Value::text(text),
        }
    }

    /// What it finds in a body.
    fn find(&self, body: &Body) -> Option<Value> {
        let Body::Real(bytes) = body else { return self.described.clone() };
        let text = Field::find(bytes, &self.element)?.text()?;
        Some(Self::value(&text))
    }
}

/// Promotes the fields of a document as its disassembler is told to (R-PIPE-12).
///
/// # Errors
/// A text too long to promote (R-CTX-05).
pub(crate) fn promote(
    disassembler: Option<&Component>,
    document: &mut Document,
) -> Result<(), PropertyRefusal> {
    let fields = disassembler.map_or(&[][..], Component::promotions);
    for field in fields {
        let found = field.find(document.parts.body());
        // What the template holds already is not written again: it would be one no longer.
        if found.is_some() && document.context.promoted(field.property) != found.as_ref() {
            document.context.promote(field.property, found)?;
        }
    }
    Ok(())
}

/// Writes properties into the fields of a message that leaves (R-PIPE-12).
pub(super) fn demote(
    fields: &[Demotion],
    name: DocumentName,
    context: &Context,
    parts: &mut Parts,
) {
    for field in fields {
        let own = name.identity(field.property);
        let text = match own.as_ref().or_else(|| context.read(field.property)) {
            Some(Value::Bool(value)) => value.to_string(),
            Some(Value::Int(value)) => value.to_string(),
            Some(Value::Text(value)) => value.to_string(),
            Some(Value::Object) | None => continue,
        };
        let body = match parts.body() {
            Body::Described { bytes, documents } => {
                let more = u32::try_from(text.len()).unwrap_or(u32::MAX);
                let (bytes, documents) = (bytes.saturating_add(more), *documents);
                Some(Body::Described { bytes, documents })
            }
            Body::Real(bytes) => {
                let found = Field::find(bytes, &field.element);
                found.map(|found| Body::Real(Arc::from(found.with(&text).into_bytes())))
            }
        };
        if let Some(body) = body {
            *parts = parts.with_body(body);
        }
    }
}

impl ReceivePipeline {
    /// Puts into `context` beforehand what the disassembler will promote for a described message of
    /// this type, so that all its documents share one context (R-MSG-11, R-PIPE-12). Pass-through
    /// leaves it out.
    ///
    /// # Errors
    /// A text too long to promote (R-CTX-05).
    pub fn promote_type(
        &self,
        context: &mut Context,
        document_type: &str,
    ) -> Result<(), PropertyRefusal> {
        let Some(first) = self.disassemble.iter().find(|own| own.disassembles()) else {
            return Ok(());
        };
        for field in first.promotions() {
            if let Some(value) = &field.described {
                context.promote(field.property, Some(value.clone()))?;
            }
        }
        context.promote(PropertyId::MESSAGE_TYPE, Some(Value::text(document_type)))
    }
}

/// An element that holds text alone, and where it stands.
struct Field<'a> {
    whole: &'a str,
    /// From the beginning of its tag to the end of that.
    tag: std::ops::Range<usize>,
    /// Where its closing tag begins; none if it has none.
    closing: Option<usize>,
    name: String,
}

impl<'a> Field<'a> {
    /// The first element of this local name, if it holds no other.
    fn find(bytes: &'a [u8], name: &str) -> Option<Self> {
        let whole = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}');
        let mut reader = NsReader::from_str(whole);
        let mut found: Option<Self> = None;
        loop {
            let before = usize::try_from(reader.buffer_position()).ok()?;
            let event = reader.read_event().ok()?;
            let after = usize::try_from(reader.buffer_position()).ok()?;
            match (event, &mut found) {
                (Event::Start(_) | Event::Empty(_), Some(_)) | (Event::Eof, _) => return None,
                (Event::End(_), Some(field)) => {
                    field.closing = Some(before);
                    return found;
                }
                (Event::Start(tag), None) if tag.local_name().into_inner() == name => {
                    let name = tag.name().into_inner().to_owned();
                    found = Some(Self { whole, tag: before..after, closing: None, name });
                }
                (Event::Empty(tag), None) if tag.local_name().into_inner() == name => {
                    let name = tag.name().into_inner().to_owned();
                    return Some(Self { whole, tag: before..after, closing: None, name });
                }
                (
                    Event::CData(_)
                    | Event::Comment(_)
                    | Event::Decl(_)
                    | Event::DocType(_)
                    | Event::Empty(_)
                    | Event::End(_)
                    | Event::GeneralRef(_)
                    | Event::PI(_)
                    | Event::Start(_)
                    | Event::Text(_),
                    _,
                ) => {}
            }
        }
    }

    /// Its text; none if that has more in it than characters.
    fn text(&self) -> Option<String> {
        let closing = self.closing.unwrap_or(self.tag.end);
        let inside = &self.whole[self.tag.end..closing];
        (!inside.contains('<')).then(|| unescape(inside).ok())?.map(String::from)
    }

    /// The whole text with another value in this field.
    fn with(&self, text: &str) -> String {
        let (before, tag) = (&self.whole[..self.tag.start], &self.whole[self.tag.clone()]);
        let text = escape(text);
        match self.closing {
            Some(closing) => format!("{before}{tag}{text}{}", &self.whole[closing..]),
            None => {
                let tag = tag.trim_end_matches("/>").trim_end();
                let after = &self.whole[self.tag.end..];
                format!("{before}{tag}>{text}</{}>{after}", self.name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Outcome, Outgoing, SendPipeline, XmlAssembler, XmlDisassembler};
    use super::*;
    use crate::message::{DocumentName, WireMessage};
    use crate::time::Instant;

    const TOTAL: PropertyId = PropertyId(900);
    const NAME: DocumentName = DocumentName { wire: 1, sequence: 1, split: false };

    fn promoting(described: Option<Value>) -> ReceivePipeline {
        let (element, property) = (Arc::from("Total"), TOTAL);
        let own = XmlDisassembler {
            envelope: Some(Arc::from("B")),
            promotes: vec![Promotion { element, property, described }],
            ..XmlDisassembler::default()
        };
        ReceivePipeline {
            disassemble: vec![Component::XmlDisassembler(own)],
            ..ReceivePipeline::xml()
        }
    }

    fn demoting() -> SendPipeline {
        let (property, element) = (TOTAL, Arc::from("Total"));
        let demotes = vec![Demotion { property, element }];
        let assemble = Some(Component::XmlAssembler(XmlAssembler { demotes }));
        SendPipeline { assemble, ..SendPipeline::xml() }
    }

    fn received(pipeline: &ReceivePipeline, body: Body) -> Option<Vec<Option<Value>>> {
        let wire = WireMessage {
            number: 1,
            lineage: 1,
            arrived: Instant::ZERO,
            context: Context::default(),
            parts: Parts::of(body),
            defect: None,
            seekable: true,
        };
        let mut out = Vec::new();
        let outcome = pipeline.execute(&[], &wire, &mut out);
        let done = matches!(outcome, Outcome::Done(_));
        done.then(|| out.iter().map(|document| document.promoted(TOTAL)).collect())
    }

    fn real(text: &str) -> Body {
        Body::Real(Arc::from(text.as_bytes()))
    }

    #[test]
    fn the_fields_of_each_document_are_promoted() {
        // R-PIPE-12: from the content of each, or nothing.
        let documents = "<o><p:Total xmlns:p='urn:p'>12</p:Total></o><o><Total>a &amp; b</Total>\
                         <Total>2</Total></o><o/><o><Total>012</Total></o>\
                         <o><Total>true</Total></o><o><Total/></o><o><Total><x/></Total></o>";
        let text = format!("<E><B>{documents}</B></E>");
        let found = received(&promoting(None), real(&text));
        let text = |text| Some(Value::text(text));
        let due = [
            Some(Value::Int(12)),
            text("a & b"),
            None,
            text("012"),
            Some(Value::Bool(true)),
            text(""),
            None,
        ];
        assert_eq!(found.as_deref(), Some(&due[..]));
        // R-CTX-05: what is too long to promote fails the document, and with it the interchange.
        let long = format!("<E><B><o><Total>{}</Total></o></B></E>", "x".repeat(256));
        assert_eq!(received(&promoting(None), real(&long)), None);
    }

    #[test]
    fn a_described_body_has_what_it_is_said_to_have() {
        // R-PIPE-12, R-PIPE-10: and the template beforehand, but not that of pass-through.
        let described = || Body::Described { bytes: 9, documents: 2 };
        let five = || Some(Value::Int(5));
        assert_eq!(received(&promoting(five()), described()), Some(vec![five(), five()]));
        assert_eq!(received(&promoting(None), described()), Some(vec![None, None]));
        let mut context = Context::default();
        promoting(five()).promote_type(&mut context, "T").unwrap();
        assert_eq!(context.promoted(TOTAL), five().as_ref());
        let mut context = Context::default();
        ReceivePipeline::pass_through().promote_type(&mut context, "T").unwrap();
        assert_eq!(context, Context::default());
    }

    #[test]
    fn properties_are_written_into_the_content_that_leaves() {
        // R-PIPE-12, R-PIPE-14: the stored text stays, and every attempt gives the same.
        let mut stored = Context::default();
        stored.promote(TOTAL, Some(Value::text("1 < 2"))).unwrap();
        let stored = stored.demoted();
        let cases = [
            ("<o><Total>7</Total><b/></o>", "<o><Total>1 &lt; 2</Total><b/></o>"),
            ("<o><p:Total a='1' /></o>", "<o><p:Total a='1'>1 &lt; 2</p:Total></o>"),
            ("<o><b/></o>", "<o><b/></o>"),
        ];
        for (text, due) in cases {
            let own: Arc<[u8]> = Arc::from(text.as_bytes());
            for _ in 0..2 {
                let bytes = own.len() as u64 + 100;
                let sent = demoting().execute(&[], NAME, &stored, bytes, Some(&own));
                let Outgoing::Ready { bytes, real: Some(real), .. } = sent else {
                    panic!("it goes out with its text: {sent:?}")
                };
                assert_eq!(std::str::from_utf8(&real), Ok(due));
                assert_eq!(bytes, due.len() as u64 + 100, "other parts stay");
            }
            assert_eq!(&*own, text.as_bytes());
        }
    }

    #[test]
    fn a_described_body_grows_by_what_is_written_into_it() {
        // R-PIPE-12: by five characters, from the stored size each time.
        let bytes = |context: &Context, pipeline: &SendPipeline| match pipeline.execute(
            &[],
            NAME,
            context,
            100,
            None,
        ) {
            Outgoing::Ready { bytes, .. } => bytes,
            Outgoing::Consumed | Outgoing::Failed(_) => panic!("it goes out"),
        };
        let mut context = Context::default();
        assert_eq!(bytes(&context, &demoting()), 100);
        context.write(TOTAL, Some(Value::Int(12345)));
        assert_eq!(bytes(&context, &demoting()), 105);
        assert_eq!(bytes(&context, &SendPipeline::xml()), 100);
        assert!(!demoting().is_neutral(&[]));
    }
}
