//! Publishing: a document becomes a spool row and one reference per matching subscription.

use std::hint::cold_path;
use std::sync::Arc;

use super::acknowledge::{acknowledges, is_fault};
use super::exchange::{is_two_way, routes_directly};
use super::{
    Claim, Effect, MessageBox, PendingOperation, Place, PreparedBatch, Reason, Reference,
    ReferenceState, RouteId,
};
use crate::batch::Status;
use crate::config::{RoutingReports, UnroutedSuspension};
use crate::exchange::LateResponses;
use crate::id::{Key, MessageBoxId, MessageId, ReferenceId, SubscriberId};
use crate::message::{Document, DocumentName, PropertyId, Value, WireMessage};
use crate::sabotage::Sabotage;
use crate::subscription::{Match, PortState};
use crate::suspend::{RoutingFailureReport, SuspendedForm, SuspendedMessage};
use crate::time::Instant;

/// What happens to a document that nobody subscribes to.
enum Unrouted {
    /// An acknowledgement: dropped without a trace (R-ROUTE-05).
    Discard,
    /// The publish fails (R-ROUTE-01).
    Fail,
    /// The engine was told to suspend it; a response that comes too late is not resumable.
    Suspend { resumable: bool },
}

/// Whether a document is what a partner replied to a message whose sender wants no answer: nothing
/// else that is submitted comes from no location. It is never resumable (INV-62).
fn is_reply_alone(document: &Document) -> bool {
    document.name.is_submitted()
        && document.context.read(PropertyId::INBOUND_TRANSPORT_LOCATION).is_none()
}

impl MessageBox {
    /// Suspends a document where it would fail, resumable or not as it is (R-DUP-02). What the
    /// engine suspends anyway stays as it would be outside a transaction.
    pub(super) fn suspend_instead(&self, document: &mut Document) {
        if matches!(self.unrouted(document), Unrouted::Fail) {
            let suspend = PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE;
            document.context.write(suspend, Some(Value::Bool(true)));
        }
    }

    fn unrouted(&self, document: &Document) -> Unrouted {
        let context = &document.context;
        if acknowledges(context) {
            Unrouted::Discard
        } else if context.is_set(PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE) {
            Unrouted::Suspend { resumable: !is_two_way(context) && !is_reply_alone(document) }
        } else if self.acknowledgements.late == LateResponses::Suspend && routes_directly(document)
        {
            Unrouted::Suspend { resumable: false }
        } else if self.choices.unrouted_suspension == UnroutedSuspension::Engine
            && document.name.is_submitted()
            && !routes_directly(document)
        {
            //
            let may = !context.is_set(PropertyId::SUSPEND_AS_NON_RESUMABLE);
            let part = is_two_way(context) || is_reply_alone(document);
            Unrouted::Suspend { resumable: may && !part }
        } else {
            Unrouted::Fail
        }
    }

    /// The status of one submit: its documents are published together or not at all (R-RCV-04).
    ///
    /// \[M\] A document that the engine was told to suspend on a routing failure counts as taken:
    /// it is suspended alone and its siblings are published, as under recoverable processing
    /// (R-RIP-04); the sources say nothing of the standard mode.
    #[inline(always)]
    pub(super) fn judge_publish(&self, batch: &PreparedBatch, first: u32, count: u32) -> Status {
        let mut unrouted = (first..first + count)
            .filter(|at| self.is_unrouted(*at))
            .map(|at| self.unrouted(&batch.documents[at as usize]))
            .peekable();
        if unrouted.peek().is_none() {
            return Status::OK;
        }
        unrouted.fold(Status::OK, |status, unrouted| match (status, unrouted) {
            (Status::NO_SUBSCRIPTION, _) | (_, Unrouted::Fail) => Status::NO_SUBSCRIPTION,
            (_, Unrouted::Suspend { .. }) => Status::MESSAGE_SUSPENDED,
            (status, Unrouted::Discard) => status,
        })
    }

    /// Works out where the documents of a batch go, before anything is changed: the activation
    /// subscriptions, and the running instances that they correlate with.
    pub(super) fn route(&mut self, documents: &[Document]) {
        self.routes.clear();
        self.correlated.clear();
        for document in documents {
            let route = self.subscriptions.route(document);
            self.routes.push(route);
        }
        if self.instances.is_idle() {
            return;
        }
        cold_path();
        for (at, document) in (0..).zip(documents) {
            for instance in self.instances.matching(document) {
                if !document.context.predicates().is_empty()
                    && !self.admits_instance(document, instance)
                {
                    continue;
                }
                // The first response of a batch leaves nothing for a second (R-RR-10).
                let taken = self.instances.takes_one(instance)
                    && self.correlated.iter().any(|(_, known)| *known == instance);
                if !taken {
                    self.correlated.push((at, instance));
                }
            }
        }
    }

    /// Whether a document's predicates allow the host of a running instance (R-PUB-05).
    fn admits_instance(&self, document: &Document, instance: Key) -> bool {
        let Some(running) = self.instances.get(instance) else { return false };
        let own = self.subscribers[running.subscriber.index()].transports[0];
        let host = running.owner.map(|owner| self.host_of[owner.index()]);
        let host = host.or_else(|| own.map(|transport| transport.host));
        host.is_some_and(|host| document.context.admits(&self.host_properties[host.index()]))
    }

    /// Works out the route of a document that no batch brought, after those of the batch being
    /// applied: its place there, if somebody subscribes.
    pub(super) fn route_own(&mut self, document: &Document) -> Option<u32> {
        let at = u32::try_from(self.routes.len()).expect("fewer than 2^32 documents");
        let route = self.subscriptions.route(document);
        self.routes.push(route);
        if !self.instances.is_idle() {
            let mut matching = self.instances.matching(document);
            matching.retain(|instance| self.admits_instance(document, *instance));
            self.correlated.extend(matching.into_iter().map(|instance| (at, instance)));
        }
        (!self.is_unrouted(at)).then_some(at)
    }

    fn correlated_with(&self, at: u32) -> impl Iterator<Item = Key> {
        self.correlated.iter().filter(move |(place, _)| *place == at).map(|(_, key)| *key)
    }

    /// Whether nobody at all subscribes to the document at place `at` of the batch (R-PUB-06).
    pub(super) fn is_unrouted(&self, at: u32) -> bool {
        self.subscriptions.matches(self.routes[at as usize]).is_empty()
            && self.correlated_with(at).next().is_none()
    }

    /// Stores the document once per MessageBox with a match, and makes one reference per matching
    /// subscription (R-PUB-02, R-PUB-03).
    #[inline(always)]
    pub(super) fn publish(&mut self, now: Instant, document: Document, at: u32) {
        if self.is_unrouted(at) {
            cold_path();
            return self.publish_unrouted(now, document);
        }
        let route = self.routes[at as usize];
        if self.spools.len() > 1 || !self.correlated.is_empty() || !self.convoys.are_none() {
            cold_path();
            return self.publish_apart(document, route, at);
        }
        let references = self.subscriptions.matches(route).len();
        let references = u32::try_from(references).expect("fewer than 2^32 subscribers");
        let name = self.announce(&document, references, 1);
        let message = self.spools[0].store(document, references);
        if self.tracking.is_on() {
            cold_path();
            self.track_published(MessageBoxId(0), message);
        }
        for at in 0..references as usize {
            let by = self.subscriptions.matches(route)[at];
            self.refer(message, name, by, None, MessageBoxId(0));
        }
    }

    /// The general case of [`Self::publish`]: several MessageBoxes, or running instances.
    fn publish_apart(&mut self, document: Document, route: RouteId, at: u32) {
        let mut targets: Vec<(Match, Option<Key>, MessageBoxId)> = Vec::new();
        for key in self.running_for(&document, at) {
            let Some(instance) = self.instances.get(key) else { continue };
            let by = Match { subscriber: instance.subscriber, group: None };
            targets.push((by, Some(key), instance.home));
        }
        let correlated = targets.len();
        let mut turn = None;
        for at in 0..self.subscriptions.matches(route).len() {
            let by = self.subscriptions.matches(route)[at];
            // A convoy: what goes to a running instance does not activate another of its kind.
            if targets[..correlated].iter().any(|(known, ..)| known.subscriber == by.subscriber) {
                continue;
            }
            let home = self.home_of_activation(by.subscriber, &mut turn);
            let started = self.start_convoy(by.subscriber, &document, home);
            targets.push((by, started, home));
        }
        let mut homes: Vec<(MessageBoxId, u32)> = Vec::new();
        for (_, _, home) in &targets {
            match homes.iter_mut().find(|(known, _)| known == home) {
                Some((_, count)) => *count += 1,
                None => homes.push((*home, 1)),
            }
        }
        let count = |many: usize| u32::try_from(many).expect("fewer than 2^32 subscribers");
        let name = self.announce(&document, count(targets.len()), count(homes.len()));
        let rows: Vec<(MessageBoxId, MessageId)> = homes
            .iter()
            .map(|(home, references)| {
                (*home, self.spools[home.index()].store(document.clone(), *references))
            })
            .collect();
        if self.tracking.is_on()
            && let Some((home, message)) = rows.first()
        {
            self.track_published(*home, *message);
        }
        let fault = is_fault(&document.context);
        for (by, instance, home) in targets {
            let row = rows.iter().find(|(known, _)| *known == home);
            let (_, message) = row.expect("a row was stored for every home");
            self.refer(*message, name, by, instance, home);
            if let Some(instance) = instance {
                self.answered(instance, fault);
            }
        }
    }

    /// The running instances that a document goes to. One that a message before it in the same
    /// batch started is among them (R-ORD-21); a wait is if it was found when the batch was routed,
    /// or is to get a fault by whatever it subscribes to (R-RR-07, R-RR-08).
    fn running_for(&self, document: &Document, at: u32) -> Vec<Key> {
        if self.convoys.are_none() {
            return self.correlated_with(at).collect();
        }
        let waits = |key: &Key| self.instances.get(*key).is_some_and(|row| row.wait.is_some());
        let mut running: Vec<Key> = self.correlated_with(at).filter(waits).collect();
        let matching = self.instances.matching(document).into_iter();
        running.extend(matching.filter(|key| !waits(key) && self.admits_instance(document, *key)));
        running
    }

    /// Where a new activation lives: an ordered port's instance stays where it is, others go
    /// round-robin, all references of one message together (R-MMB-02, R-MMB-03). \[M\] whether the
    /// subscribers of one message are spread is not documented.
    fn home_of_activation(
        &mut self,
        subscriber: SubscriberId,
        turn: &mut Option<MessageBoxId>,
    ) -> MessageBoxId {
        if let Some(home) = self.subscribers[subscriber.index()].home {
            return home;
        }
        let home = match *turn {
            Some(home) => home,
            None => *turn.insert(self.take_turn()),
        };
        if self.subscribers[subscriber.index()].ordered.is_some() {
            self.subscribers[subscriber.index()].home = Some(home);
        }
        home
    }

    /// Tells of a document about to be stored, and counts it in the state.
    #[inline(always)]
    fn announce(&mut self, document: &Document, references: u32, bodies: u32) -> DocumentName {
        let (name, fingerprint, lineage) =
            (document.name, document.fingerprint(), document.lineage);
        let effect = Effect::Published { document: name, references, bodies, fingerprint, lineage };
        self.effects.push(effect);
        let rows = super::spool::Row::hash(document).wrapping_mul(u64::from(bodies));
        self.state_hash = self.state_hash.wrapping_add(rows);
        name
    }

    /// R-SUB-10: routed, but to the suspended queue.
    #[cold]
    fn suspend_routed(&mut self, place: Place, message: MessageId) {
        self.spools[place.home.index()].suspend(message, true);
        if let Some(reference) = self.references.get(place.reference.0) {
            self.suspended_at.change(reference, true);
        }
        self.suspended.references += 1;
        let reason = Reason::PortStopped;
        self.effects.push(Effect::SuspendedReference { at: place, resumable: true, reason });
    }

    #[inline(always)]
    fn refer(
        &mut self,
        message: MessageId,
        document: DocumentName,
        by: Match,
        instance: Option<Key>,
        home: MessageBoxId,
    ) {
        let subscriber = by.subscriber;
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let settings = &self.subscribers[subscriber.index()];
        let own = settings.transports[0].as_ref();
        let retry = own.expect("every subscriber has a primary transport").retry;
        // Through a group both must be started, directly only the port itself (R-SUB-11).
        let stopped = settings.state == PortState::Stopped
            || by.group.is_some_and(|group| !self.enlistable.is_started(group));
        let state = if stopped {
            ReferenceState::Suspended { resumable: true, by_stop: true }
        } else {
            ReferenceState::Queued
        };
        let reference = Reference {
            message,
            sequence,
            valid_from: Instant::ZERO,
            subscriber,
            instance: instance.and_then(super::instance::as_place),
            retries_left: super::dispose::retries(retry),
            state,
            pending: PendingOperation::None,
            scheduled: false,
            dehydrated: false,
            on_backup: false,
            home: u8::try_from(home.0).expect("fewer than 256 MessageBoxes"),
            claim: Claim::None,
        };
        if let Some(instance) = instance {
            self.instances.refer(instance);
        }
        self.state_hash = self.state_hash.wrapping_add(reference.hash());
        *self.counts.of(state) += 1;
        let host = self.host(&reference);
        let id = ReferenceId(self.references.insert(reference));
        let place = Place { reference: id, document, subscriber, home, host, sequence };
        let activates = self.activates(id, instance);
        if activates && self.subscribers[subscriber.index()].stateful {
            self.convoys.tally.of(subscriber).created += 1;
        }
        self.effects.push(Effect::Referenced {
            at: place,
            group: by.group,
            activates,
            retries_left: retry.count,
        });
        if stopped {
            return self.suspend_routed(place, message);
        }
        if !self.convoys.are_none() && self.join_convoy(place) {
            return;
        }
        let offers_followers = self.is_sabotaged(Sabotage::OfferOrderedFollowers);
        let settings = &self.subscribers[subscriber.index()];
        let has_lanes = settings.dynamic && settings.ordered.is_some();
        let lane = if has_lanes { self.lane_for(id) } else { 0 };
        match &mut self.subscribers[subscriber.index()].ordered {
            Some(lanes) if !offers_followers => {
                if lanes.push(lane, id) == Some(id) {
                    self.enqueue(place);
                }
            }
            Some(_) | None => self.enqueue(place),
        }
    }

    #[inline(never)]
    fn publish_unrouted(&mut self, now: Instant, document: Document) {
        match self.unrouted(&document) {
            Unrouted::Suspend { resumable } => {
                self.report(now, &document);
                let (name, identity) = (document.name, (document.name, document.lineage));
                let (context, arrived) = (document.context.clone(), document.arrived);
                let to = self.wait_of(&context);
                let form = SuspendedForm::Document(Box::new(document));
                self.keep_suspended(now, form, name, resumable, Reason::Routing);
                self.owe_inbound_nack(identity, &context, (arrived, Reason::Routing), to);
            }
            Unrouted::Discard | Unrouted::Fail => {}
        }
    }

    /// A rolled-back batch leaves a report for every document nobody subscribed to (INV-22),
    /// unless reports go with their batch (R-CLK-14). That a response came too late is told in any
    /// case.
    pub(super) fn report_routing_failures(&mut self, now: Instant, batch: &PreparedBatch) {
        for (_, action) in &batch.actions {
            for at in action.published() {
                let document = &batch.documents[at as usize];
                if self.is_unrouted(at) && matches!(self.unrouted(document), Unrouted::Fail) {
                    match self.choices.routing_reports {
                        RoutingReports::Apart => self.report(now, document),
                        RoutingReports::WithBatch => self.tell_late(document),
                    }
                }
            }
        }
    }

    /// Tells of a response that nobody waits for (R-CLK-16).
    fn tell_late(&mut self, document: &Document) {
        if routes_directly(document) {
            let orphan = self.is_orphan(&document.context);
            self.effects.push(Effect::LateResponse { document: document.name, orphan });
        }
    }

    pub(super) fn report(&mut self, now: Instant, document: &Document) {
        self.tell_late(document);
        let (name, context) = (document.name, document.context.clone());
        let (document, settled) = (name, false);
        self.suspended.reports.push(RoutingFailureReport {
            document,
            context,
            since: now,
            settled,
        });
        self.effects.push(Effect::RoutingFailureReport { document: name });
    }

    #[inline(never)]
    pub(super) fn suspend_wire(
        &mut self,
        now: Instant,
        wire: Box<WireMessage>,
        (resumable, reason): (bool, Reason),
        error: Option<Arc<str>>,
    ) {
        let name = DocumentName::of_wire(wire.number);
        if self.wait_of(&wire.context).is_none() {
            let identity = (name, wire.lineage);
            self.owe_inbound_nack(identity, &wire.context, (wire.arrived, reason), None);
        }
        self.keep_suspended(now, SuspendedForm::Wire(wire), name, resumable, reason);
        if let Some(last) = self.suspended.messages.last_mut() {
            last.error = error;
        }
    }

    /// Keeps a message for an operator, unless an error message takes its place (R-FMR-02).
    pub(super) fn keep_suspended(
        &mut self,
        now: Instant,
        form: SuspendedForm,
        name: DocumentName,
        resumable: bool,
        reason: Reason,
    ) {
        if self.route_message(now, &form, name, reason)
            && !self.is_sabotaged(Sabotage::SuspendWhatIsRouted)
        {
            return;
        }
        self.state_hash = self.state_hash.wrapping_add(SuspendedMessage::row_hash(name));
        self.suspended.numbered += 1;
        self.suspended.messages.push(SuspendedMessage {
            number: self.suspended.numbered,
            resuming: false,
            form,
            resumable,
            reason,
            error: None,
            since: now,
        });
        self.effects.push(Effect::SuspendedMessage { document: name, resumable, reason });
    }
}
