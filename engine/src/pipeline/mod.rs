//! Pipelines: fixed stages of components between the wire and the MessageBox.
//!
//! A receive pipeline turns one wire message into zero, one or many documents; a send pipeline
//! turns one document into what goes on the wire. Which stages exist and their order is fixed
//! (R-PIPE-01); what a stage does depends on the components configured in it.

mod component;
mod content;
mod receive;
mod report;
mod send;
mod xml;

use crate::batch::Status;
use crate::message::{Context, PropertyId, Value};
use crate::message_box::Reason;

pub use component::{
    Act, Component, Custom, FlatFile, When, XmlAssembler, XmlDisassembler, XmlValidator,
};
pub(crate) use content::promote;
pub use content::{Demotion, Promotion};
pub use receive::{FailedDocument, Form, Outcome, ReceivePipeline, Reception};
pub use send::{Outgoing, SendPipeline};
pub(crate) use xml::{Found, Splitter, looks_like_xml};

/// Components that a stage has at most (R-PIPE-05).
pub const STAGE_COMPONENTS_MAX: usize = 255;

/// The stages, receive then send, with the map between pipeline and MessageBox (R-PIPE-11).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Receive: decode, once per wire message.
    Decode,
    /// Receive: disassemble; the first component that recognises the message runs (R-PIPE-02).
    Disassemble,
    /// Receive: validate, once per document.
    Validate,
    /// Receive: resolve the sender's party, once per document.
    ResolveParty,
    /// The map of the port: after a receive pipeline, before a send pipeline.
    Map,
    /// Send: pre-assemble.
    PreAssemble,
    /// Send: assemble.
    Assemble,
    /// Send: encode.
    Encode,
}

impl Stage {
    /// Whether it comes after the receive pipeline: a fault in it travels with the document.
    #[must_use]
    pub const fn is_after_receive(self) -> bool {
        match self {
            Self::Decode | Self::Disassemble | Self::Validate | Self::ResolveParty => false,
            Self::Map | Self::PreAssemble | Self::Assemble | Self::Encode => true,
        }
    }

    /// Gives a described document a fault that this stage will trip over.
    pub(crate) fn mark(self, context: &mut Context) {
        context.write(PropertyId::FLAW, Some(Value::Int(self as i64)));
    }

    /// Whether a described document has a fault for this stage.
    pub(crate) fn trips(self, context: &Context) -> bool {
        context.read(PropertyId::FLAW) == Some(&Value::Int(self as i64))
    }
}

/// The first of a pipeline's stages that holds more components than it may (R-PIPE-05).
fn overfull(stages: &[(Stage, &[Component])]) -> Option<Stage> {
    let full = |(stage, components): &&(Stage, &[Component])| {
        let most = if *stage == Stage::Assemble { 1 } else { STAGE_COMPONENTS_MAX };
        components.len() > most
    };
    stages.iter().find(full).map(|(stage, _)| *stage)
}

impl ReceivePipeline {
    /// The first stage that holds more components than it may, if there is one (R-PIPE-05).
    #[must_use]
    pub fn overfull(&self) -> Option<Stage> {
        overfull(&self.stages())
    }
}

impl SendPipeline {
    /// The first stage that holds more components than it may, if there is one (R-PIPE-05).
    #[must_use]
    pub fn overfull(&self) -> Option<Stage> {
        overfull(&self.stages())
    }
}

/// Where a pipeline or a map failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The failing stage.
    pub stage: Stage,
    /// The 1-based document that failed.
    pub document: u32,
    /// What the adapter is told where nothing can be suspended.
    pub status: Status,
    /// The place of the failing component in its stage; zero for a map.
    pub component: usize,
}

impl Failure {
    /// Why a message is suspended that failed here.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self.stage {
            Stage::Map => Reason::Map,
            Stage::Decode | Stage::Disassemble | Stage::Validate | Stage::ResolveParty => {
                Reason::Pipeline
            }
            Stage::PreAssemble | Stage::Assemble | Stage::Encode => Reason::SendPipeline,
        }
    }
}
