//! Real XML: a text is read once, forward, and its documents are handed out as they are found.
//!
//! The reader is a library's. What it leaves to its caller is asked for here: one root, nothing
//! but white space around it, attributes that can be read, prefixes that are declared.

use quick_xml::NsReader;
use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, PrefixDeclaration, ResolveResult};

/// The text is not well-formed from here on: nothing after it can be found (R-RIP-05).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NotWellFormed;

/// A document found in a text.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Found {
    /// Namespace, `#` and name of its root (R-MSG-11); the name alone without a namespace.
    pub(crate) message_type: String,
    /// Its text: a document of its own, with the namespaces that it inherits declared on it.
    pub(crate) text: String,
}

/// Finds the documents of a text, one at a time (R-PIPE-07).
pub(crate) struct Splitter<'a> {
    text: &'a str,
    reader: NsReader<&'a [u8]>,
    envelope: Option<&'a str>,
    /// Elements open now.
    depth: usize,
    roots: u32,
    /// The depth at which documents begin, once the envelope's body was entered.
    documents_at: Option<usize>,
    /// Whether the envelope's body was found.
    entered: bool,
    /// The document that is being read: what goes before its text, where that begins, its type.
    current: Option<(String, usize, String)>,
}

impl<'a> Splitter<'a> {
    /// A reader of `text`; the documents are the children of the element `envelope`, or the root.
    pub(crate) fn new(text: &'a str, envelope: Option<&'a str>) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        Self {
            text,
            reader: NsReader::from_str(text),
            envelope,
            depth: 0,
            roots: 0,
            documents_at: envelope.is_none().then_some(0),
            entered: envelope.is_none(),
            current: None,
        }
    }

    /// The next document; `None` at the end of a well-formed text that had its envelope.
    pub(crate) fn next(&mut self) -> Option<Result<Found, NotWellFormed>> {
        loop {
            let before = self.position();
            let Ok(event) = self.reader.read_event() else { return Some(Err(NotWellFormed)) };
            let found = match event {
                Event::Start(start) => {
                    let opened = self.open(&start, before);
                    self.depth += 1;
                    opened.map(|()| None)
                }
                Event::Empty(start) => self.open(&start, before).map(|()| self.close()),
                Event::End(_) => self.leave(),
                Event::Text(text) if self.depth == 0 => {
                    let blank = text.trim_ascii().is_empty();
                    if blank { Ok(None) } else { Err(NotWellFormed) }
                }
                Event::CData(_) | Event::GeneralRef(_) if self.depth == 0 => Err(NotWellFormed),
                Event::Eof => return self.end(),
                Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::DocType(_)
                | Event::GeneralRef(_)
                | Event::PI(_)
                | Event::Text(_) => Ok(None),
            };
            match found {
                Ok(None) => {}
                Ok(Some(found)) => return Some(Ok(found)),
                Err(broken) => return Some(Err(broken)),
            }
        }
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// An element opens at `before`.
    fn open(&mut self, start: &BytesStart<'_>, before: usize) -> Result<(), NotWellFormed> {
        self.roots += u32::from(self.depth == 0);
        if self.roots > 1 || start.attributes().any(|attribute| attribute.is_err()) {
            return Err(NotWellFormed);
        }
        if self.documents_at == Some(self.depth) {
            let inherited = self.inherited(start, before)?;
            let message_type = self.type_of(start)?;
            self.current = Some((inherited, before, message_type));
        } else if !self.entered
            && self.envelope.is_some_and(|name| start.local_name().into_inner() == name)
        {
            self.entered = true;
            self.documents_at = Some(self.depth + 1);
        }
        self.type_of(start).map(drop)
    }

    /// An element closes that was opened before.
    fn leave(&mut self) -> Result<Option<Found>, NotWellFormed> {
        self.depth = self.depth.checked_sub(1).ok_or(NotWellFormed)?;
        Ok(self.close())
    }

    /// The element at this depth is closed: a document may end with it, or the envelope's body.
    fn close(&mut self) -> Option<Found> {
        if self.envelope.is_some() && self.documents_at == Some(self.depth + 1) {
            self.documents_at = None;
        }
        if self.documents_at != Some(self.depth) {
            return None;
        }
        let (mut text, from, message_type) = self.current.take()?;
        // What goes before already holds the opening tag's name.
        let name_end = from + 1 + name_length(&self.text[from + 1..]);
        text.push_str(&self.text[name_end..self.position()]);
        Some(Found { message_type, text })
    }

    fn end(&mut self) -> Option<Result<Found, NotWellFormed>> {
        let whole = self.depth == 0 && self.roots == 1 && self.entered;
        // Asked again, it stays at the end.
        (!whole).then_some(Err(NotWellFormed))
    }

    /// The document's opening tag up to its name, and the namespaces in scope that the tag does
    /// not declare itself: without them its prefixes would mean nothing.
    fn inherited(&self, start: &BytesStart<'_>, before: usize) -> Result<String, NotWellFormed> {
        let mut own = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| NotWellFormed)?;
            own.extend(attribute.key.as_namespace_binding().map(declared));
        }
        let name_end = before + 1 + name_length(&self.text[before + 1..]);
        let mut text = self.text[before..name_end].to_owned();
        for (prefix, Namespace(namespace)) in self.reader.resolver().bindings() {
            let name = declared(prefix);
            if !own.contains(&name) {
                text.push_str(&format!(" {name}=\"{}\"", escape(namespace)));
            }
        }
        Ok(text)
    }

    fn type_of(&self, start: &BytesStart<'_>) -> Result<String, NotWellFormed> {
        let (namespace, name) = self.reader.resolver().resolve_element(start.name());
        match namespace {
            ResolveResult::Bound(Namespace(namespace)) => {
                Ok(format!("{namespace}#{}", name.into_inner()))
            }
            ResolveResult::Unbound => Ok(name.into_inner().to_owned()),
            ResolveResult::Unknown(_) => Err(NotWellFormed),
        }
    }
}

/// The attribute that declares a prefix.
fn declared(prefix: PrefixDeclaration<'_>) -> String {
    match prefix {
        PrefixDeclaration::Default => "xmlns".to_owned(),
        PrefixDeclaration::Named(name) => format!("xmlns:{name}"),
    }
}

/// The length of the element name at the beginning of `text`.
fn name_length(text: &str) -> usize {
    text.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(text.len())
}

/// Whether bytes look like XML at all: how the disassembler probes (R-PIPE-03).
pub(crate) fn looks_like_xml(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| text.trim_start_matches('\u{feff}').trim_start().starts_with('<'))
}

/// Whether a document has an element of this local name.
pub(super) fn has_element(bytes: &[u8], name: &str) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut reader = NsReader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start) | Event::Empty(start))
                if start.local_name().into_inner() == name =>
            {
                return true;
            }
            Ok(Event::Eof) | Err(_) => return false,
            Ok(
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
            ) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, envelope: Option<&str>) -> Vec<Result<(String, String), NotWellFormed>> {
        let mut splitter = Splitter::new(text, envelope);
        let mut all = Vec::new();
        while let Some(found) = splitter.next() {
            let stop = found.is_err();
            all.push(found.map(|found| (found.message_type, found.text)));
            if stop {
                break;
            }
        }
        all
    }

    fn types(text: &str, envelope: Option<&str>) -> Vec<Option<String>> {
        let all = split(text, envelope).into_iter();
        all.map(|found| found.ok().map(|(message_type, _)| message_type)).collect()
    }

    #[test]
    fn the_root_names_the_type() {
        // R-MSG-11: namespace, '#', local name; the prefix is nobody's business.
        let cases = [
            ("<Order/>", "Order"),
            ("<Order xmlns='urn:o'><a/></Order>", "urn:o#Order"),
            ("\u{feff}<?xml version='1.0'?>\n<p:Order xmlns:p='urn:o'/>\n", "urn:o#Order"),
        ];
        for (text, expected) in cases {
            assert_eq!(types(text, None), [Some(expected.to_owned())], "{text}");
        }
    }

    #[test]
    fn an_envelope_yields_its_children_each_a_document_of_its_own() {
        // R-RCV-01, INV-60: in the order of the text, with the namespaces they inherit.
        let text = "<e:Env xmlns:e='urn:e' xmlns='urn:o'><e:Head/><e:Body>\
                    <Order n='1'><Line/></Order> <e:Other/><Order xmlns='urn:p'/></e:Body></e:Env>";
        let found: Vec<_> = split(text, Some("Body")).into_iter().map(Result::unwrap).collect();
        let types: Vec<&str> = found.iter().map(|(message_type, _)| &**message_type).collect();
        assert_eq!(types, ["urn:o#Order", "urn:e#Other", "urn:p#Order"]);
        assert_eq!(found[0].1, "<Order xmlns:e=\"urn:e\" xmlns=\"urn:o\" n='1'><Line/></Order>");
        // Each of them reads as one document of the same type again.
        for (message_type, text) in &found {
            assert_eq!(&split(text, None)[0].as_ref().unwrap().0, message_type, "{text}");
        }
    }

    #[test]
    fn what_is_not_well_formed_ends_the_reading() {
        // R-RIP-05: documents before the place are found, none after it.
        let broken = [
            "",
            "plain text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>rest",
            "<a x='1' x='2'/>",
            "<a x=1/>",
            "<p:a/>",
            "<a><p:b/></a>",
        ];
        for text in broken {
            assert_eq!(split(text, None).last(), Some(&Err(NotWellFormed)), "{text}");
        }
        let text = "<E><B><a/><b/><c></B></E>";
        assert_eq!(types(text, Some("B")), [Some("a".into()), Some("b".into()), None]);
    }

    #[test]
    fn a_text_without_its_envelope_is_not_taken_for_a_document() {
        assert_eq!(types("<Order/>", Some("Body")), [None]);
        assert_eq!(types("<Env><Body/></Env>", Some("Body")), []);
    }

    #[test]
    fn only_the_first_body_is_the_body() {
        let text = "<E><B><a/></B><B><b/></B></E>";
        assert_eq!(types(text, Some("B")), [Some("a".into())]);
    }

    #[test]
    fn nothing_but_blanks_is_beside_the_one_root() {
        // R-MSG-11: text, references and attributes that no reader would accept.
        for text in ["<a/><b/>", "<a/>x", "<a/><![CDATA[x]]>", "&amp;<a/>", "<a x='1' x='2'/>"] {
            assert!(types(text, None).contains(&None), "{text}");
        }
        for text in ["<a><![CDATA[x]]>&amp;y</a>", " <a x='1'/>\n"] {
            assert_eq!(types(text, None), [Some("a".to_owned())], "{text}");
        }
    }
}
