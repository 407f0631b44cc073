//! What pipelines and ports have beside their standard parts: components of one's own, and maps.

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// The stage that a component of one's own stands in.
    pub enum OwnStage {
        /// Send: the assembler's.
        Assemble = "assemble",
        /// Receive: the decoder's, before the message is taken apart.
        Decode = "decode",
        /// Send: the encoder's.
        Encode = "encode",
        /// Send: before the assembler.
        PreAssemble = "pre_assemble",
        /// Receive: the party resolver's.
        ResolveParty = "resolve_party",
        /// Receive: the validator's, once per document.
        #[default]
        Validate = "validate",
    }
}

words! {
    /// What a component of one's own does.
    pub enum Does {
        /// It returns nothing.
        #[default]
        Consume = "consume",
        /// It throws.
        Fail = "fail",
        /// It puts another body in place of the message's.
        Rewrite = "rewrite",
        /// It suspends what it was handed.
        Suspend = "suspend",
    }
}

/// A component of one's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnComponent {
    /// Where it stands.
    pub stage: OwnStage,
    /// What it does.
    pub does: Does,
    /// To which document of an interchange; to all when absent.
    pub document: Option<u32>,
    /// To the documents of every n-th interchange; of all when absent.
    pub every: Option<u64>,
    /// Whether it acts on faults alone.
    pub faults: bool,
    /// The bytes of the body that it writes.
    pub size: Option<u64>,
}

/// One map of a port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// The document type it takes; any when absent.
    pub from: Option<String>,
    /// The document type it makes; the same when absent.
    pub to: Option<String>,
    /// Bytes that it makes of a thousand.
    pub size_per_mille: u32,
}

pub(crate) static OWN_COMPONENT: Shape = Shape::of(
    "component",
    "a pipeline component of one's own",
    &[
        Row::required("stage", Kind::Word(OwnStage::WORDS), "where it stands"),
        Row::required("does", Kind::Word(Does::WORDS), "what it does"),
        Row::optional(
            "document",
            Kind::Integer(1, 1_000_000),
            "every document",
            "to which document of an interchange, counted from 1",
        ),
        Row::optional(
            "every",
            Kind::Integer(1, 1_000_000_000),
            "every interchange",
            "to the documents of every n-th interchange of the run",
        ),
        Row::default("faults", Kind::Bool, "false", "to faults alone (R-ADD-06)"),
        Row::optional("size", Kind::Size, "it writes no body", "bytes of the body that it writes"),
    ],
);

pub(crate) static MAP: Shape = Shape::of(
    "map",
    "a map of a port: each document takes the first that takes its type",
    &[
        Row::optional("from", Kind::Text, "any document", "the document type it takes"),
        Row::optional("to", Kind::Text, "the type stays", "the document type it makes"),
        Row::default(
            "size_per_mille",
            Kind::Integer(0, 1_000_000),
            "1000",
            "bytes that it makes of a thousand",
        ),
    ],
);

impl Bind for OwnComponent {
    const SHAPE: &'static Shape = &OWN_COMPONENT;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("stage", &mut self.stage);
        b.key("does", &mut self.does);
        b.key("document", &mut self.document);
        b.key("every", &mut self.every);
        b.key("faults", &mut self.faults);
        b.key("size", &mut self.size);
        if b.reading() && self.document.is_some() && self.every.is_some() {
            b.refuse("every", "'every' stands beside 'document'", "keep one of them");
        }
        if b.reading() && self.faults && (self.document.is_some() || self.every.is_some()) {
            b.refuse("faults", "'faults' stands beside 'document' or 'every'", "keep one of them");
        }
        if b.reading() && (self.does == Does::Rewrite) != self.size.is_some() {
            let help = "R-ADD-06: does = 'rewrite' needs a 'size', and nothing else has one";
            b.refuse("does", "'rewrite' and 'size' go together", help);
        }
    }
}

impl Bind for Map {
    const SHAPE: &'static Shape = &MAP;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("from", &mut self.from);
        b.key("to", &mut self.to);
        b.key("size_per_mille", &mut self.size_per_mille);
    }
}
