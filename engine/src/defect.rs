//! Defects: what is wrong with a described message, which has no bytes to be wrong in.

use crate::pipeline::Stage;

/// A fault that a described message carries: which stage it trips, at which document, and how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Defect {
    /// The stage that fails, if the pipeline has a component there.
    pub stage: Stage,
    /// The 1-based document of the interchange that fails.
    pub document: u32,
    /// What is wrong there.
    pub kind: DefectKind,
}

impl Defect {
    /// The ordinary fault: this document is not valid at this stage.
    #[must_use]
    pub const fn at(stage: Stage, document: u32) -> Self {
        Self { stage, document, kind: DefectKind::Invalid }
    }
}

/// What is wrong with a described message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DefectKind {
    /// Its sender cannot be authenticated (R-RCV-06).
    Forged,
    /// One document is bad, and the next one can still be found (R-RIP-05).
    #[default]
    Invalid,
    /// What follows cannot be read either, as when XML is not well-formed (R-RIP-05).
    Unreadable,
    /// No disassembler knows it for its own (R-PIPE-03).
    Unrecognised,
}
