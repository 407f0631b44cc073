//! The suspended queue: what waits for an operator.

use std::sync::Arc;

use crate::hash::mix;
use crate::message::{Context, Document, DocumentName, WireMessage};
use crate::message_box::Reason;
use crate::time::Instant;

/// A suspended message that no reference holds.
#[derive(Clone, Debug)]
pub struct SuspendedMessage {
    /// Its number in the suspended queue, never used again.
    pub number: u64,
    /// An operator resumed it, and its publication is under way.
    pub resuming: bool,
    /// In which form it is kept: resuming the wire form runs the pipeline again (INV-61).
    pub form: SuspendedForm,
    /// Whether an operator may resume it.
    pub resumable: bool,
    /// Why it is here.
    pub reason: Reason,
    /// What its adapter said of the failure (R-MSG-09).
    pub error: Option<Arc<str>>,
    /// Since when.
    pub since: Instant,
}

/// The form of a suspended message.
#[derive(Clone, Debug)]
pub enum SuspendedForm {
    /// After pipeline and map: resuming publishes it directly, unless it is chosen otherwise
    /// (R-RIP-08, X-03).
    Document(Box<Document>),
    /// A document as a component was handed it, as a message that enters the pipeline anew:
    /// resuming starts at its beginning (R-RCV-09).
    Handed {
        /// The document.
        document: DocumentName,
        /// The message it is now.
        wire: Box<WireMessage>,
    },
    /// As submitted: resuming starts at the beginning of the pipeline (R-RCV-08).
    Wire(Box<WireMessage>),
}

/// A routing failure report: the failed document's context, no body, never resumable
/// (R-ROUTE-02; service class 64).
#[derive(Clone, Debug)]
pub struct RoutingFailureReport {
    /// The document that nobody subscribed to.
    pub document: DocumentName,
    /// A snapshot of its context.
    pub context: Context,
    /// When.
    pub since: Instant,
    /// An operator dealt with the message it is about: it goes with the next run of the master's
    /// job (R-ROUTE-03).
    pub settled: bool,
}

/// Suspended messages and reports of one MessageBox. References that are suspended stay in the
/// reference table and are only counted here.
#[derive(Clone, Debug, Default)]
pub struct SuspendedQueue {
    /// Messages without a reference.
    pub messages: Vec<SuspendedMessage>,
    /// Reports, which survive the rollback of the batch that caused them (R-ROUTE-04).
    pub reports: Vec<RoutingFailureReport>,
    /// References in a suspended state.
    pub references: usize,
    /// Messages that were ever suspended without a reference.
    pub numbered: u64,
}

impl SuspendedMessage {
    /// Its share of the state hash.
    pub(crate) const fn row_hash(name: DocumentName) -> u64 {
        mix(mix(name.wire, name.sequence as u64), u64::MAX)
    }

    /// The context that it is kept with.
    #[must_use]
    pub fn context(&self) -> &Context {
        match &self.form {
            SuspendedForm::Document(document) => &document.context,
            SuspendedForm::Handed { wire, .. } | SuspendedForm::Wire(wire) => &wire.context,
        }
    }

    /// The message's name.
    #[must_use]
    pub fn name(&self) -> DocumentName {
        match &self.form {
            SuspendedForm::Document(document) => document.name,
            SuspendedForm::Handed { document, .. } => *document,
            SuspendedForm::Wire(wire) => DocumentName::of_wire(wire.number),
        }
    }
}

impl SuspendedQueue {
    /// The message of this number, if it still waits.
    #[must_use]
    pub fn message(&self, number: u64) -> Option<&SuspendedMessage> {
        self.messages.iter().find(|message| message.number == number)
    }

    pub(crate) fn message_mut(&mut self, number: u64) -> Option<&mut SuspendedMessage> {
        self.messages.iter_mut().find(|message| message.number == number)
    }

    /// Everything that waits for an operator, reports aside.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len() + self.references
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u64) -> SuspendedMessage {
        let wire = WireMessage {
            number: 100 + number,
            lineage: 0,
            arrived: Instant::ZERO,
            context: Context::default(),
            parts: crate::message::Parts::of(crate::message::Body::Described {
                bytes: 1,
                documents: 1,
            }),
            defect: None,
            seekable: true,
        };
        SuspendedMessage {
            number,
            resuming: false,
            form: SuspendedForm::Wire(Box::new(wire)),
            resumable: true,
            reason: Reason::Pipeline,
            error: None,
            since: Instant::ZERO,
        }
    }

    #[test]
    fn messages_are_found_by_number_and_references_are_counted() {
        // R-SUSP-01: both wait for an operator.
        let mut queue = SuspendedQueue::default();
        assert!(queue.is_empty());
        queue.messages = vec![message(1), message(2)];
        queue.references = 3;
        assert_eq!((queue.len(), queue.is_empty()), (5, false));
        assert_eq!(queue.message(2).map(SuspendedMessage::name), Some(DocumentName::of_wire(102)));
        assert!(queue.message(3).is_none());
        queue.message_mut(1).expect("it waits").resuming = true;
        assert_eq!(
            queue.messages.iter().map(|one| one.resuming).collect::<Vec<_>>(),
            [true, false]
        );
        assert!(queue.message_mut(3).is_none());
    }

    #[test]
    fn every_message_has_a_share_of_its_own_in_the_state_hash() {
        // INV-02: what differs by one message may not look the same.
        let name = |wire, sequence| DocumentName { wire, sequence, split: true };
        let shares = [name(1, 1), name(1, 2), name(2, 1)].map(SuspendedMessage::row_hash);
        let distinct: std::collections::BTreeSet<u64> = shares.into_iter().collect();
        assert_eq!(distinct.len(), 3);
    }
}
