//! What a commit's effects are to the checks: one dispatch for all of them, so that each check is
//! asked only about what it judges.

use std::hint::cold_path;

use floodgate_engine::config::Topology;
use floodgate_engine::message::DocumentName;
use floodgate_engine::message_box::{Effect, MessageBox};

use super::{Checks, Rule};

impl Checks {
    /// A commit's changes, in order.
    #[inline(always)]
    pub(crate) fn effects(
        &mut self,
        effects: &[Effect],
        message_box: &MessageBox,
        topology: &Topology,
    ) {
        let mut plain = true;
        for effect in effects {
            plain &= self.effect(effect);
        }
        if self.references.counts_tries() {
            cold_path();
            self.notes(effects, message_box);
        }
        // What follows looks at a commit as a whole, and nothing plain is of interest there.
        if !plain || self.expects_replies() {
            cold_path();
            self.exchange_effects(effects);
        }
        if !plain {
            cold_path();
            self.interchanges(effects, message_box, topology);
        }
    }

    /// One change; `true` if it is one of those that every document brings, and means no more.
    #[expect(clippy::too_many_lines, reason = "a list: an arm for each effect")]
    #[inline(always)]
    fn effect(&mut self, effect: &Effect) -> bool {
        self.homes.effect(&mut self.docket, effect);
        if self.routing.holds() {
            cold_path();
            self.routing.held(&mut self.docket, effect);
        }
        match effect {
            Effect::Published { references, bodies, fingerprint, document, .. } => {
                if document.is_submitted() {
                    self.interchanges.comes_out(document.wire);
                }
                self.published(*document, *references);
                self.references.published(*references, *bodies, *fingerprint);
                !document.is_made() && !self.follows(*document)
            }
            Effect::Referenced { at, retries_left, group, .. } => {
                self.routing.referenced(&mut self.docket, at, *group);
                self.referenced(at, *retries_left);
                self.enters(at);
                !at.document.is_made()
            }
            Effect::Locked { at, .. } => {
                self.routing.host(&mut self.docket, at);
                self.leaves(at);
                self.queues.taken(&mut self.docket, at);
                self.locked(at);
                self.on_time(at);
                true
            }
            Effect::Consumed { at } => {
                self.ended(at);
                true
            }
            Effect::Deleted { at } => {
                self.deleted(at);
                true
            }
            Effect::Collectable { .. } => {
                self.references.collectable();
                true
            }
            Effect::RoutedReference { at, reason, .. } => {
                self.leaves(at);
                self.attempts_complete(at, *reason);
                self.ended(at);
                false
            }
            Effect::Resubmitted { at, retries_left, due } => {
                if *due <= self.docket.now {
                    self.enters(at);
                }
                self.resubmitted(at, *retries_left);
                self.scheduled(at, *due);
                true
            }
            Effect::MovedToNextTransport { at, retries_left } => {
                self.enters(at);
                self.moved_on(at, *retries_left);
                true
            }
            Effect::SuspendedReference { at, reason, resumable } => {
                self.routing.suspended(&mut self.docket, at, *reason);
                self.leaves(at);
                self.suspended(at, *reason, *resumable);
                false
            }
            Effect::Resumed { at } => {
                self.enters(at);
                self.resumed(at);
                true
            }
            Effect::Scheduled { at, due } => {
                self.leaves(at);
                self.scheduled(at, *due);
                true
            }
            Effect::Terminated { at } => {
                self.leaves(at);
                self.ended(at);
                false
            }
            Effect::Unlocked { at, owner } => {
                self.enters(at);
                self.unlocked(at, *owner);
                true
            }
            Effect::PropertiesUpdated { at, retries_left } => {
                self.kept_retries(at, *retries_left);
                true
            }
            Effect::PortState { port, from, to } => {
                self.routing.port_state(&mut self.docket, *port, (*from, *to));
                true
            }
            Effect::GroupState { group, from, to } => {
                self.routing.group_state(&mut self.docket, *group, (*from, *to));
                true
            }
            Effect::Logged { .. }
            | Effect::OperationPending { .. }
            | Effect::ReportRemoved { .. } => true,
            Effect::Acknowledgement { .. }
            | Effect::ExchangeClosed { .. }
            | Effect::ExchangeOpened { .. }
            | Effect::LateResponse { .. }
            | Effect::Passed { .. }
            | Effect::RoutedMessage { .. }
            | Effect::RoutingFailureReport { .. }
            | Effect::SuspendedMessage { .. }
            | Effect::SuspendedMessageGone { .. }
            | Effect::ThrownMessage { .. } => false,
        }
    }

    /// A document is stored: the one before it has got all its references.
    fn published(&mut self, document: DocumentName, references: u32) {
        self.published_again(document);
        let owed = self.references.owed();
        self.docket.judge(Rule::OneReferenceOneEnd, owed == 0, || {
            format!(
                "{owed} references of the document before {document} ({references}) were not made"
            )
        });
    }
}
