//! Interchanges: one wire message that holds many documents, found one at a time (R-PIPE-07).

use std::hint::cold_path;
use std::sync::Arc;

use crate::hash::mix;
use crate::message::{
    Body, DefectKind, Document, DocumentName, Parts, PropertyId, Value, WireMessage,
};
use crate::pipeline::{
    Component, FlatFile, Found, Splitter, Stage, XmlDisassembler, looks_like_xml, promote,
};

/// The rest of the interchange cannot be read: the whole of it fails, recoverable processing or
/// not (R-RIP-05).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Unreadable {
    /// The 1-based document at which it ended.
    pub(crate) document: u32,
}

/// A document as the disassembler hands it out.
#[derive(Debug)]
pub(crate) struct Extracted {
    pub(crate) document: Document,
    /// It cannot be processed, though others can (R-RIP-05).
    pub(crate) bad: bool,
}

/// What the chosen disassembler finds in one wire message.
pub(crate) struct Interchange<'a> {
    wire: &'a WireMessage,
    /// The one that recognised the message; none in an empty stage.
    component: Option<&'a Component>,
    finder: Finder<'a>,
    /// Sequence numbers given (R-MSG-10).
    given: u32,
    recovers: bool,
}

enum Finder<'a> {
    /// A described body: so many documents, of equal shares.
    Described {
        documents: u32,
    },
    /// A preserved interchange of so many documents: the bad one first, then the rest as one
    /// message (R-RIP-11).
    Preserved {
        documents: u32,
        step: Preserving,
    },
    Lines {
        lines: std::str::Lines<'a>,
        settings: &'a FlatFile,
    },
    /// The message passes as it is (R-PIPE-03).
    Whole,
    Xml {
        splitter: Box<Splitter<'a>>,
        settings: &'a XmlDisassembler,
    },
}

/// How far a preserved interchange has come out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Preserving {
    Begun,
    Finished,
    /// The bad document is out, the others are to come.
    WithoutBad,
}

impl<'a> Interchange<'a> {
    /// Probes the components of the stage in their order; the first that recognises the message
    /// runs (R-PIPE-02). `None`: there are components and none does (R-PIPE-03).
    pub(crate) fn open(stage: &'a [Component], wire: &'a WireMessage) -> Option<Self> {
        if stage.is_empty() {
            let finder = Finder::Whole;
            return Some(Self { wire, component: None, finder, given: 0, recovers: false });
        }
        let found = stage.iter().find_map(|component| Some((component, finder(component, wire)?)));
        let (component, finder) = found?;
        let recovers = component.recovers();
        Some(Self { wire, component: Some(component), finder, given: 0, recovers })
    }

    /// The component that runs, as a stage of its own.
    pub(crate) fn component(&self) -> &'a [Component] {
        self.component.map_or(&[], std::slice::from_ref)
    }

    /// Whether bad documents are suspended one by one.
    pub(crate) const fn recovers(&self) -> bool {
        self.recovers
    }

    /// The next document with its fields promoted (R-PIPE-12), or why there can be no more; `None`
    /// at the end.
    pub(crate) fn next(&mut self) -> Option<Result<Extracted, Unreadable>> {
        let mut next = self.extract();
        if let Some(Ok(own)) = &mut next
            && promote(self.component, &mut own.document).is_err()
        {
            own.bad = true;
        }
        next
    }

    fn extract(&mut self) -> Option<Result<Extracted, Unreadable>> {
        let sequence = self.given + 1;
        let broken_here = self.wire.defect.is_some_and(|defect| {
            defect.stage == Stage::Disassemble
                && defect.document == sequence
                && defect.kind == DefectKind::Unreadable
        });
        let described = matches!(self.wire.parts.body(), Body::Described { .. });
        let extracted = match &mut self.finder {
            Finder::Whole => (self.given == 0).then(|| whole(self.wire)),
            Finder::Described { documents } => {
                let documents = *documents;
                (sequence <= documents).then(|| described_at(self.wire, sequence, documents))
            }
            Finder::Preserved { documents, step } => {
                return preserved(self.wire, self.recovers, *documents, step).map(Ok);
            }
            Finder::Lines { lines, settings } => {
                let line = lines.find(|line| !line.trim().is_empty());
                line.map(|line| a_line(self.wire, sequence, line, settings))
            }
            Finder::Xml { splitter, settings } => match splitter.next()? {
                Ok(found) => Some(an_element(self.wire, sequence, found, settings)),
                Err(_) => return Some(Err(Unreadable { document: sequence })),
            },
        };
        let extracted = extracted?;
        if described && broken_here && !matches!(self.finder, Finder::Whole) {
            return Some(Err(Unreadable { document: sequence }));
        }
        self.given = sequence;
        Some(Ok(extracted))
    }
}

/// How `component` would take the message apart, if it recognises it.
fn finder<'a>(component: &'a Component, wire: &'a WireMessage) -> Option<Finder<'a>> {
    let unknown = wire.defect.is_some_and(|defect| defect.kind == DefectKind::Unrecognised);
    match (component, wire.parts.body()) {
        (Component::Custom(_), _) => Some(Finder::Whole),
        (Component::XmlDisassembler(settings), Body::Described { documents, .. }) if !unknown => {
            let documents = *documents;
            Some(match settings.preserves {
                true => Finder::Preserved { documents, step: Preserving::Begun },
                false => Finder::Described { documents },
            })
        }
        (Component::FlatFileDisassembler(_), Body::Described { documents, .. }) if !unknown => {
            Some(Finder::Described { documents: *documents })
        }
        (Component::XmlDisassembler(settings), Body::Real(bytes)) if looks_like_xml(bytes) => {
            let text = std::str::from_utf8(bytes).ok()?;
            let splitter = Box::new(Splitter::new(text, settings.envelope.as_deref()));
            Some(Finder::Xml { splitter, settings })
        }
        (Component::FlatFileDisassembler(settings), Body::Real(bytes))
            if !looks_like_xml(bytes) =>
        {
            let text = std::str::from_utf8(bytes).ok()?;
            Some(Finder::Lines { lines: text.lines(), settings })
        }
        (
            Component::Decoder
            | Component::FlatFileDisassembler(_)
            | Component::PartyResolver
            | Component::XmlAssembler(_)
            | Component::XmlDisassembler(_)
            | Component::XmlValidator(_),
            Body::Described { .. } | Body::Real(_),
        ) => None,
    }
}

/// Splits a described body whose documents all pass, without a look at any of them: the common
/// case, which allocates nothing. Zero documents are a consumed message (R-RCV-02).
#[inline(always)]
pub(crate) fn split_described(splits: bool, wire: &WireMessage, out: &mut Vec<Document>) {
    let count = match wire.parts.body() {
        Body::Described { documents, .. } if splits => *documents,
        Body::Described { .. } | Body::Real(_) => 1,
    };
    out.extend((1..=count).map(|sequence| one_of(wire, sequence, count)));
}

/// The `sequence`-th of `count` documents of a described body (INV-60).
fn one_of(wire: &WireMessage, sequence: u32, count: u32) -> Document {
    let split = count > 1;
    let parts = if split { share(wire, count) } else { wire.parts.clone() };
    named(wire, sequence, split, parts)
}

fn named(wire: &WireMessage, sequence: u32, split: bool, parts: Parts) -> Document {
    Document {
        name: DocumentName { wire: wire.number, sequence, split },
        lineage: if split { mix(wire.lineage, u64::from(sequence)) } else { wire.lineage },
        arrived: wire.arrived,
        context: wire.context.clone(),
        parts,
    }
}

/// A split document's part of a described body: equal shares, never empty.
fn share(wire: &WireMessage, count: u32) -> Parts {
    let bytes = wire.parts.body().bytes() / u64::from(count);
    Parts::of(Body::Described {
        bytes: u32::try_from(bytes.max(1)).unwrap_or(u32::MAX),
        documents: 1,
    })
}

fn whole(wire: &WireMessage) -> Extracted {
    Extracted { document: named(wire, 1, false, wire.parts.clone()), bad: false }
}

fn is_invalid(wire: &WireMessage, sequence: u32) -> bool {
    wire.defect.is_some_and(|defect| {
        defect.stage == Stage::Disassemble
            && defect.document == sequence
            && defect.kind == DefectKind::Invalid
    })
}

fn described_at(wire: &WireMessage, sequence: u32, count: u32) -> Extracted {
    Extracted { document: one_of(wire, sequence, count), bad: is_invalid(wire, sequence) }
}

/// A preserved interchange is one message (R-RIP-11). Where bad documents are suspended one by
/// one, the bad one comes out first and the message holds the others; else it is bad as a whole.
fn preserved(
    wire: &WireMessage,
    recovers: bool,
    documents: u32,
    step: &mut Preserving,
) -> Option<Extracted> {
    let bad = (1..=documents).find(|sequence| is_invalid(wire, *sequence));
    match (*step, bad) {
        (Preserving::Finished, _) => None,
        (Preserving::Begun, Some(sequence)) if recovers && documents > 1 => {
            *step = Preserving::WithoutBad;
            let document = named(wire, sequence, true, share(wire, documents));
            Some(Extracted { document, bad: true })
        }
        (Preserving::Begun, _) => {
            *step = Preserving::Finished;
            let document = named(wire, 1, false, wire.parts.clone());
            (documents > 0).then_some(Extracted { document, bad: bad.is_some() })
        }
        (Preserving::WithoutBad, _) => {
            *step = Preserving::Finished;
            let left = documents - 1;
            let bytes = u64::from(left) * share(wire, documents).bytes();
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            let parts = Parts::of(Body::Described { bytes, documents: left });
            Some(Extracted { document: named(wire, 1, false, parts), bad: false })
        }
    }
}

/// A line of a flat file, which has the right number of fields or is bad (R-RIP-05).
fn a_line(wire: &WireMessage, sequence: u32, line: &str, settings: &FlatFile) -> Extracted {
    let fields = line.split(',').count();
    let parsed = settings.fields == 0 || u32::try_from(fields) == Ok(settings.fields);
    let document = named(wire, sequence, true, real(line));
    typed(document, &settings.document_type, !parsed)
}

/// An element found in a text: bad if its schema is missing or there twice (R-RIP-05).
fn an_element(
    wire: &WireMessage,
    sequence: u32,
    found: Found,
    settings: &XmlDisassembler,
) -> Extracted {
    let schemas = settings.schemas.iter().filter(|known| ***known == *found.message_type).count();
    let known = settings.schemas.is_empty() || schemas == 1;
    let split = settings.envelope.is_some();
    let document = named(wire, sequence, split, real(&found.text));
    typed(document, &found.message_type, !known)
}

fn real(text: &str) -> Parts {
    Parts::of(Body::Real(Arc::from(text.as_bytes())))
}

/// The disassembler promotes the type it found (R-MSG-11); one too long to promote is no type.
fn typed(mut document: Document, message_type: &str, bad: bool) -> Extracted {
    let promoted =
        document.context.promote(PropertyId::MESSAGE_TYPE, Some(Value::text(message_type)));
    Extracted { document, bad: bad || promoted.is_err() }
}

/// How many documents a message holds for a Disassemble stage: what an account of arrivals counts.
/// A text that cannot be read counts for what was found in it, and for one at least.
#[inline(always)]
pub(crate) fn count(stage: &[Component], wire: &WireMessage) -> u32 {
    match wire.parts.body() {
        Body::Described { documents, .. } if stage.iter().any(Component::disassembles) => {
            *documents
        }
        Body::Described { .. } => 1,
        Body::Real(_) => {
            cold_path();
            let Some(mut interchange) = Interchange::open(stage, wire) else { return 1 };
            let mut found = 0;
            while let Some(Ok(_)) = interchange.next() {
                found += 1;
            }
            found.max(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Context, Defect, Part};
    use crate::time::Instant;

    fn wire(number: u64, body: Body) -> WireMessage {
        WireMessage {
            number,
            lineage: number,
            arrived: Instant::ZERO,
            context: Context::default(),
            parts: Parts::of(body),
            defect: None,
            seekable: true,
        }
    }

    fn described(number: u64, documents: u32) -> WireMessage {
        wire(number, Body::Described { bytes: 100, documents })
    }

    fn text(text: &str) -> WireMessage {
        wire(1, Body::Real(Arc::from(text.as_bytes())))
    }

    fn all(stage: &[Component], wire: &WireMessage) -> Vec<Result<Extracted, Unreadable>> {
        let mut interchange = Interchange::open(stage, wire).expect("somebody recognises it");
        std::iter::from_fn(|| interchange.next()).take(9).collect()
    }

    fn xml(settings: XmlDisassembler) -> Vec<Component> {
        vec![Component::XmlDisassembler(settings)]
    }

    #[test]
    fn documents_of_an_interchange_share_its_identity_and_count_from_one() {
        // R-MSG-10, INV-60.
        let stage = [Component::xml_disassembler()];
        let split = |number, documents| {
            all(&stage, &described(number, documents))
                .into_iter()
                .map(|found| found.unwrap().document)
        };
        let (one, other): (Vec<_>, Vec<_>) = (split(1, 3).collect(), split(2, 1).collect());
        let identity = |document: &Document| document.read(PropertyId::INTERCHANGE_ID).unwrap();
        assert!(one.iter().all(|document| identity(document) == identity(&one[0])));
        assert_ne!(identity(&one[0]), identity(&other[0]));
        let sequence = |document: &Document| document.read(PropertyId::INTERCHANGE_SEQUENCE_NUMBER);
        let found: Vec<_> = one.iter().chain(&other).filter_map(sequence).collect();
        assert_eq!(found, [1, 2, 3, 1].map(Value::Int));
    }

    #[test]
    fn the_quick_way_and_the_careful_way_find_the_same() {
        let stage = [Component::xml_disassembler()];
        for documents in 0..4 {
            let wire = described(7, documents);
            let mut quick = Vec::new();
            split_described(true, &wire, &mut quick);
            let careful = all(&stage, &wire).into_iter().map(|found| found.unwrap().document);
            let facts = |document: &Document| {
                (document.name, document.lineage, document.parts.clone(), document.fingerprint())
            };
            let (quick, careful): (Vec<_>, Vec<_>) =
                (quick.iter().map(facts).collect(), careful.map(|found| facts(&found)).collect());
            assert_eq!(quick, careful);
        }
    }

    #[test]
    fn the_first_component_that_recognises_a_message_runs() {
        // R-PIPE-02, R-PIPE-03: probing in order; none is a failure; an empty stage passes.
        let flat = || FlatFile { document_type: Arc::from("urn:f#Line"), ..FlatFile::default() };
        let stage = [Component::xml_disassembler(), Component::FlatFileDisassembler(flat())];
        let types = |wire: &WireMessage| -> Vec<String> {
            let documents = all(&stage, wire).into_iter().map(|found| found.unwrap().document);
            let name = |document: Document| document.promoted(PropertyId::MESSAGE_TYPE);
            documents.filter_map(name).map(|value| value.to_string()).collect()
        };
        assert_eq!(types(&text("<a xmlns='urn:a'/>")), ["\"urn:a#a\""]);
        assert_eq!(types(&text("1,2\n\n3,4\n")), ["\"urn:f#Line\"", "\"urn:f#Line\""]);
        assert!(Interchange::open(&stage[..1], &text("1,2")).is_none());
        let mut unknown = described(1, 3);
        unknown.defect =
            Some(Defect { kind: DefectKind::Unrecognised, ..Defect::at(Stage::Disassemble, 1) });
        assert!(Interchange::open(&stage, &unknown).is_none());
        assert_eq!(all(&[], &unknown).len(), 1);
    }

    #[test]
    fn the_body_gives_a_message_its_type() {
        // R-MSG-02: whatever comes with it.
        let stage = [Component::xml_disassembler()];
        let [order, bill] = ["<o xmlns='urn:a'/>", "<b xmlns='urn:b'/>"];
        for (body, other, own) in [(order, bill, "urn:a#o"), (bill, order, "urn:b#b")] {
            let mut message = text(body);
            let content = Body::Real(Arc::from(other.as_bytes()));
            let part = Part { name: Arc::from("other"), body: content, properties: Vec::new() };
            message.parts.add(part).unwrap();
            let found = all(&stage, &message).remove(0).unwrap().document;
            assert_eq!(found.promoted(PropertyId::MESSAGE_TYPE), Some(Value::text(own)));
        }
    }

    #[test]
    fn a_bad_document_does_not_hide_the_next_and_broken_text_does() {
        // R-RIP-05, for described and for real bodies.
        let verdicts = |stage: &[Component], wire: &WireMessage| -> Vec<Option<bool>> {
            all(stage, wire).into_iter().map(|found| found.ok().map(|found| found.bad)).collect()
        };
        let stage = xml(XmlDisassembler {
            envelope: Some(Arc::from("B")),
            schemas: vec![Arc::from("good"), Arc::from("twice"), Arc::from("twice")],
            ..XmlDisassembler::default()
        });
        let body = "<E><B><good/><twice/><unknown/><good/></B></E>";
        assert_eq!(verdicts(&stage, &text(body)), [false, true, true, false].map(Some));
        let broken = verdicts(&stage, &text("<E><B><good/><good></B></E>"));
        assert_eq!(broken[..2], [Some(false), None]);

        let mut invalid = described(1, 3);
        invalid.defect = Some(Defect::at(Stage::Disassemble, 2));
        assert_eq!(verdicts(&stage, &invalid), [false, true, false].map(Some));
        invalid.defect =
            Some(Defect { kind: DefectKind::Unreadable, ..Defect::at(Stage::Disassemble, 2) });
        assert_eq!(verdicts(&stage, &invalid)[..2], [Some(false), None]);

        let stage =
            [Component::FlatFileDisassembler(FlatFile { fields: 2, ..FlatFile::default() })];
        assert_eq!(verdicts(&stage, &text("1,2\n1,2,3\n3,4")), [false, true, false].map(Some));
    }

    #[test]
    fn a_preserved_interchange_is_one_message() {
        // R-RIP-11, all four combinations.
        let outcome = |preserves, recoverable, defect| -> Vec<(u32, u64, bool)> {
            let stage =
                xml(XmlDisassembler { preserves, recoverable, ..XmlDisassembler::default() });
            let mut wire = wire(1, Body::Described { bytes: 300, documents: 3 });
            wire.defect = defect;
            let fact = |found: Result<Extracted, Unreadable>| {
                let found = found.unwrap();
                (found.document.name.sequence, found.document.parts.bytes(), found.bad)
            };
            all(&stage, &wire).into_iter().map(fact).collect()
        };
        let second = Some(Defect::at(Stage::Disassemble, 2));
        for recoverable in [false, true] {
            let split = [(1, 100, false), (2, 100, true), (3, 100, false)];
            assert_eq!(outcome(false, recoverable, second), split);
            assert_eq!(outcome(true, recoverable, None), [(1, 300, false)]);
        }
        assert_eq!(outcome(true, false, second), [(1, 300, true)]);
        assert_eq!(outcome(true, true, second), [(2, 100, true), (1, 200, false)]);
    }

    #[test]
    fn an_empty_interchange_is_consumed() {
        // R-RCV-02, R-ADD-10.
        assert!(all(&[Component::xml_disassembler()], &described(1, 0)).is_empty());
        assert_eq!(count(&[Component::xml_disassembler()], &described(1, 0)), 0);
    }

    #[test]
    fn a_document_is_named_as_a_part_where_its_message_was_taken_apart() {
        // R-MSG-10, R-RIP-11: what is left of a preserved interchange is the message still.
        let parts = |stage: Vec<Component>, wire: &WireMessage| -> Vec<bool> {
            let found = all(&stage, wire).into_iter();
            found.map(|found| found.unwrap().document.name.split).collect()
        };
        let envelope = |envelope: Option<&str>| {
            xml(XmlDisassembler { envelope: envelope.map(Arc::from), ..XmlDisassembler::default() })
        };
        assert_eq!(parts(envelope(Some("B")), &text("<B><a/><b/></B>")), [true, true]);
        assert_eq!(parts(envelope(None), &text("<B><a/><b/></B>")), [false]);
        let preserved = |defect: Option<Defect>| {
            let own = XmlDisassembler { preserves: true, recoverable: true, ..Default::default() };
            parts(xml(own), &WireMessage { defect, ..described(1, 3) })
        };
        assert_eq!(preserved(None), [false]);
        assert_eq!(preserved(Some(Defect::at(Stage::Disassemble, 2))), [true, false]);
    }
}
