//! The partners' ends: sources that receive adapters read, sinks that send adapters write to.
//!
//! They are the outside world: what they hold survives everything the engine does.

mod quota;
mod sink;
mod source;

use std::fmt::Debug;

pub(crate) use quota::Admission;
pub use quota::QuotaSettings;
pub(crate) use sink::{Sink, SinkCall};
pub(crate) use source::Source;

/// A partner's end.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    /// Takes messages.
    Sink(Box<Sink>),
    /// Holds messages.
    Source(Source),
}

impl Endpoint {
    /// What may change of it, for an explorer; not what only measures.
    pub(crate) fn account(&self) -> impl Debug + '_ {
        match self {
            Self::Sink(sink) => (Some(sink.account()), None),
            Self::Source(source) => (None, Some(source)),
        }
    }
}
