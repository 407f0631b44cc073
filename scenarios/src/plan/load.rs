//! Loads: who sends what to which receive port, and for how long it is measured.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::dynamic::{OUTBOUND, Outbound};
use super::mix::{SHARE, Share};
use super::rate::{RATE, Rate};
use super::row::{Kind, Row, Shape};
use super::size::{SIZES, Sizes};
use super::word::words;

words! {
    /// The pipeline stage that a poisoned document fails in.
    pub enum Stage {
        /// The assembler of a send port.
        Assemble = "assemble",
        /// The decoder.
        Decode = "decode",
        /// The disassembler.
        #[default]
        Disassemble = "disassemble",
        /// The first map that takes the document, inbound or outbound.
        Map = "map",
        /// The party resolver.
        ResolveParty = "resolve_party",
        /// The validator.
        Validate = "validate",
    }
}

words! {
    /// What is wrong with a poisoned document.
    pub enum Wrong {
        /// Its sender cannot be authenticated.
        Forged = "forged",
        /// It is not valid; the next one can still be found.
        #[default]
        Invalid = "invalid",
        /// What follows it cannot be read either.
        Unreadable = "unreadable",
        /// No disassembler knows the interchange.
        Unrecognised = "unrecognised",
    }
}

/// A stream of interchanges sent to one receive port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// The receive port.
    pub to: String,
    /// Its name; `<port>.<n>` when the file gives none.
    pub name: String,
    /// The receive location; the locations of the port in turn when absent.
    pub location: Option<String>,
    /// Bytes of one document.
    pub size: Sizes,
    /// The document type, promoted as the message type.
    pub document_type: String,
    /// Documents in one interchange.
    pub documents: u32,
    /// Real bytes of one interchange, in place of 'size' and 'documents'.
    pub body: Option<String>,
    /// Its kinds of interchanges, if they are not all alike.
    pub mix: Vec<Share>,
    /// Which documents cannot be processed.
    pub poison: Option<Poison>,
    /// Where its messages ask to go, in turn; they do not say when there is none.
    pub outbound: Vec<Outbound>,
    /// When interchanges come.
    pub rate: Rate,
    /// When the load begins.
    pub start: Duration,
    /// Interchanges after which it ends.
    pub count: Option<u64>,
    /// Time after `start` that is not measured.
    pub warm_up: Duration,
    /// Time after the warm-up that is measured; the load ends with it.
    pub measure: Option<Duration>,
}

/// Which documents cannot be processed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Poison {
    /// Every n-th interchange has one.
    pub every: u64,
    /// Which document of the interchange, counted from 1.
    pub document: u32,
    /// The stage it fails in.
    pub stage: Stage,
    /// What is wrong with it.
    pub kind: Wrong,
}

static POISON: Shape = Shape::of(
    "poison",
    "which documents cannot be processed",
    &[
        Row::required("every", Kind::Integer(1, 1_000_000_000), "every n-th interchange has one"),
        Row::default(
            "document",
            Kind::Integer(1, 1_000_000),
            "1",
            "which document of the interchange, counted from 1",
        ),
        Row::default(
            "stage",
            Kind::Word(Stage::WORDS),
            "'disassemble'",
            "the pipeline stage it fails in",
        ),
        Row::default("kind", Kind::Word(Wrong::WORDS), "'invalid'", "what is wrong with it"),
    ],
)
.inline();

pub(crate) static LOAD: Shape = Shape::of(
    "load",
    "a stream of interchanges sent to one receive port",
    &[
        Row::required("to", Kind::Text, "the receive port"),
        Row::optional("name", Kind::Text, "<to>.<n>, counted from 0", "its name"),
        Row::optional(
            "location",
            Kind::Text,
            "the locations of the port in turn",
            "the receive location",
        ),
        Row::default("size", Kind::Table(&SIZES), "'10 KB'", "bytes of one document"),
        Row::default(
            "document_type",
            Kind::Text,
            "'Document'",
            "the document type, promoted as the message type",
        ),
        Row::default("documents", Kind::Integer(1, 1_000_000), "1", "documents in one interchange"),
        Row::optional(
            "body",
            Kind::Text,
            "'size' and 'documents' describe it",
            "real bytes of one interchange",
        ),
        Row::default(
            "mix",
            Kind::Tables(&SHARE),
            "[]",
            "its kinds of interchanges, drawn by weight; what a kind leaves out is the load's",
        ),
        Row::optional(
            "poison",
            Kind::Table(&POISON),
            "every document can be processed",
            "which documents cannot be processed",
        ),
        Row::default(
            "outbound",
            Kind::Tables(&OUTBOUND),
            "[]",
            "where its messages ask dynamic send ports to go, in turn",
        ),
        Row::required("rate", Kind::Table(&RATE), "when interchanges come"),
        Row::default("start", Kind::Duration, "'0 s'", "when the load begins"),
        Row::optional(
            "count",
            Kind::Integer(1, 1_000_000_000_000),
            "'measure' ends it",
            "interchanges after which the load ends",
        ),
        Row::default("warm_up", Kind::Duration, "'0 s'", "time after start that is not measured"),
        Row::optional(
            "measure",
            Kind::PositiveDuration,
            "'count' ends it",
            "time after the warm-up that is measured; the load ends with it",
        ),
    ],
);

impl Bind for Load {
    const SHAPE: &'static Shape = &LOAD;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("to", &mut self.to);
        b.key("name", &mut self.name);
        b.key("location", &mut self.location);
        b.key("size", &mut self.size);
        b.key("document_type", &mut self.document_type);
        b.key("documents", &mut self.documents);
        b.key("body", &mut self.body);
        b.key("mix", &mut self.mix);
        b.key("poison", &mut self.poison);
        b.key("outbound", &mut self.outbound);
        b.key("rate", &mut self.rate);
        b.key("start", &mut self.start);
        b.key("count", &mut self.count);
        b.key("warm_up", &mut self.warm_up);
        b.key("measure", &mut self.measure);
    }
}

impl Bind for Poison {
    const SHAPE: &'static Shape = &POISON;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("every", &mut self.every);
        b.key("document", &mut self.document);
        b.key("stage", &mut self.stage);
        b.key("kind", &mut self.kind);
    }
}
