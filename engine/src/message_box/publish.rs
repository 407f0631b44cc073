//! Publishing: a document becomes a spool row and one reference per matching subscription.

use super::{
    Action, Effect, MessageBox, Place, PreparedBatch, Reason, Reference, ReferenceState, RouteId,
};
use crate::batch::Status;
use crate::hash::mix;
use crate::id::{MessageId, ReferenceId, SendPortId};
use crate::message::{Document, DocumentName, PropertyId, Value, WireMessage};
use crate::sabotage::Sabotage;
use crate::subscription::PortState;
use crate::suspend::{RoutingFailureReport, SuspendedForm, SuspendedMessage};
use crate::time::Instant;

/// What happens to a document that nobody subscribes to.
enum Unrouted {
    /// An acknowledgement: dropped without a trace (R-ROUTE-05).
    Discard,
    /// The publish fails (R-ROUTE-01).
    Fail,
    /// The engine was told to suspend it.
    Suspend,
}

impl MessageBox {
    fn unrouted(document: &Document) -> Unrouted {
        let context = &document.context;
        let acknowledges = |kind| context.read(PropertyId::ACK_TYPE) == Some(&Value::text(kind));
        if context.is_set(PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE) {
            Unrouted::Suspend
        } else if acknowledges("ACK") || acknowledges("NACK") {
            Unrouted::Discard
        } else {
            Unrouted::Fail
        }
    }

    /// The status of one submit: its documents are published together or not at all (R-RCV-04).
    ///
    /// \[M\] A document that the engine was told to suspend on a routing failure counts as taken:
    /// it is suspended alone and its siblings are published, as under recoverable processing
    /// (R-RIP-04); the sources say nothing of the standard mode.
    pub(super) fn judge_publish(&self, batch: &PreparedBatch, first: u32, count: u32) -> Status {
        let own = first as usize..(first + count) as usize;
        let routes = self.routes[own.clone()].iter();
        let mut unrouted = batch.documents[own]
            .iter()
            .zip(routes)
            .filter(|(_, route)| self.subscriptions.ports(**route).is_empty())
            .map(|(document, _)| Self::unrouted(document))
            .peekable();
        if unrouted.peek().is_none() {
            return Status::OK;
        }
        unrouted.fold(Status::OK, |status, unrouted| match (status, unrouted) {
            (Status::NO_SUBSCRIPTION, _) | (_, Unrouted::Fail) => Status::NO_SUBSCRIPTION,
            (_, Unrouted::Suspend) => Status::MESSAGE_SUSPENDED,
            (status, Unrouted::Discard) => status,
        })
    }

    /// Stores the document once and makes one reference per matching subscription (R-PUB-03).
    pub(super) fn publish(&mut self, now: Instant, document: Document, route: RouteId) {
        let ports = self.subscriptions.ports(route);
        if ports.is_empty() {
            return self.publish_unrouted(now, document);
        }
        let references = u32::try_from(ports.len()).expect("fewer than 2^32 subscribers");
        let (name, fingerprint, lineage) =
            (document.name, document.fingerprint(), document.lineage);
        self.effects.push(Effect::Published { document: name, references, fingerprint, lineage });
        self.state_hash = self.state_hash.wrapping_add(super::spool::Row::hash(&document));
        let message = self.spool.store(document, references);
        for at in 0..references as usize {
            let port = self.subscriptions.ports(route)[at];
            self.refer(message, name, port);
        }
    }

    fn refer(&mut self, message: MessageId, document: DocumentName, port: SendPortId) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let subscriber = &mut self.subscribers[port.index()];
        let own = subscriber.transports[0].expect("every port has a primary transport");
        let stopped = subscriber.state == PortState::Stopped;
        let state = if stopped {
            ReferenceState::Suspended { resumable: true }
        } else {
            ReferenceState::Queued
        };
        let reference = Reference {
            message,
            sequence,
            valid_from: Instant::ZERO,
            port,
            retries_left: super::retries(own.retry),
            state,
            on_backup: false,
            staged: false,
        };
        self.state_hash = self.state_hash.wrapping_add(reference.hash());
        *self.counts.of(state) += 1;
        let id = ReferenceId(self.references.insert(reference));
        let place = Place { reference: id, document, port, host: own.host, sequence };
        self.effects.push(Effect::Referenced { at: place, retries_left: own.retry.count });
        if stopped {
            // R-SUB-10: routed, but to the suspended queue.
            self.spool.suspend(message, true);
            self.suspended.references += 1;
            let reason = Reason::PortStopped;
            self.effects.push(Effect::SuspendedReference { at: place, resumable: true, reason });
            return;
        }
        let offers_followers = self.is_sabotaged(Sabotage::OfferOrderedFollowers);
        match &mut self.subscribers[port.index()].ordered {
            Some((_, instance)) if !offers_followers => {
                if instance.push(id) == Some(id) {
                    self.enqueue(place);
                }
            }
            Some(_) | None => self.enqueue(place),
        }
    }

    fn publish_unrouted(&mut self, now: Instant, document: Document) {
        match Self::unrouted(&document) {
            Unrouted::Suspend => {
                self.report(now, &document);
                let name = document.name;
                let form = SuspendedForm::Document(Box::new(document));
                self.keep_suspended(now, form, name, true, Reason::Routing);
            }
            Unrouted::Discard | Unrouted::Fail => {}
        }
    }

    /// A rolled-back batch leaves a report for every document nobody subscribed to (INV-22).
    pub(super) fn report_routing_failures(&mut self, now: Instant, batch: &PreparedBatch) {
        let routes = std::mem::take(&mut self.routes);
        for (_, action) in &batch.actions {
            let Action::Publish { first, count } = action else { continue };
            let own = *first as usize..(*first + *count) as usize;
            for (document, route) in batch.documents[own.clone()].iter().zip(&routes[own]) {
                let nobody = self.subscriptions.ports(*route).is_empty();
                if nobody && matches!(Self::unrouted(document), Unrouted::Fail) {
                    self.report(now, document);
                }
            }
        }
        self.routes = routes;
    }

    fn report(&mut self, now: Instant, document: &Document) {
        let (name, context) = (document.name, document.context.clone());
        self.suspended.reports.push(RoutingFailureReport { document: name, context, since: now });
        self.effects.push(Effect::RoutingFailureReport { document: name });
    }

    pub(super) fn suspend_wire(
        &mut self,
        now: Instant,
        wire: Box<WireMessage>,
        resumable: bool,
        reason: Reason,
    ) {
        let name = DocumentName::of_wire(wire.number);
        self.keep_suspended(now, SuspendedForm::Wire(wire), name, resumable, reason);
    }

    fn keep_suspended(
        &mut self,
        now: Instant,
        form: SuspendedForm,
        name: DocumentName,
        resumable: bool,
        reason: Reason,
    ) {
        let row = mix(mix(name.wire, u64::from(name.sequence)), u64::MAX);
        self.state_hash = self.state_hash.wrapping_add(row);
        self.suspended.messages.push(SuspendedMessage { form, resumable, reason, since: now });
        self.effects.push(Effect::SuspendedMessage { document: name, resumable, reason });
    }
}
