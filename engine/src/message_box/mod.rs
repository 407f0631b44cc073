//! The MessageBox in memory: the definition of what a transaction means.
//!
//! Every change goes through [`MessageBox::commit`], which is atomic (R-ATOM-01): it first judges
//! every operation, and touches rows only when all of them can be done. The driver decides when a
//! transaction commits and what it costs; this module decides what it does.
//!
//! What it refuses to be: a database. It keeps no history, and a garbage row is only a count.

mod dispose;
mod host_queue;
mod operate;
mod ordered;
mod publish;
mod spool;
mod transaction;

use crate::batch::{BatchStatus, OperationKind, Status};
use crate::config::{OnFailure, Topology, Transport};
use crate::hash::mix;
use crate::id::{
    AdapterId, EndpointId, HostId, HostInstanceId, MessageId, ReferenceId, SendPortId, Slab,
};
use crate::message::{Context, DocumentName};
use crate::retry::RetryPolicy;
use crate::sabotage::Sabotage;
use crate::subscription::{PortState, RouteId, SubscriptionTable};
use crate::suspend::SuspendedQueue;
use crate::time::Instant;

use host_queue::HostQueue;
use ordered::OrderedInstance;
use spool::Spool;
pub use transaction::{Action, Effect, Footprint, OutboundMessage, Place, PreparedBatch, Reason};

/// Where a reference is: exactly one of these (INV-14).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ReferenceState {
    /// In a work queue, or behind the head of an ordered port.
    Queued,
    /// With a host instance (R-DEQ-07).
    Locked(HostInstanceId),
    /// In the suspended queue.
    Suspended { resumable: bool },
}

#[derive(Clone, Debug)]
struct Reference {
    message: MessageId,
    sequence: u64,
    valid_from: Instant,
    port: SendPortId,
    /// At most 1000 (R-RETRY-01); two bytes, since there are as many of these as references.
    retries_left: u16,
    state: ReferenceState,
    on_backup: bool,
    /// Named by an operation of the batch being judged: a second one cannot be done as well.
    staged: bool,
}

impl Reference {
    const fn is_suspended(&self) -> bool {
        matches!(self.state, ReferenceState::Suspended { .. })
    }

    /// This row's share of the state hash.
    fn hash(&self) -> u64 {
        let state = match self.state {
            ReferenceState::Queued => 0,
            ReferenceState::Locked(owner) => 1 + u64::from(owner.0),
            ReferenceState::Suspended { resumable } => u64::MAX - u64::from(resumable),
        };
        let transport = u64::from(self.retries_left) << 1 | u64::from(self.on_backup);
        mix(mix(self.sequence, state), mix(self.valid_from.as_nanos(), transport))
    }
}

/// How many references are where (INV-14).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReferenceCounts {
    /// In work queues, retries and ordered followers included.
    pub work: u64,
    /// With host instances.
    pub locked: u64,
    /// Suspended.
    pub suspended: u64,
}

/// The subscriber settings that the MessageBox itself needs.
#[derive(Clone, Debug)]
struct Subscriber {
    transports: [Option<TransportSettings>; 2],
    priority: u8,
    state: PortState,
    ordered: Option<(OnFailure, OrderedInstance)>,
}

#[derive(Clone, Copy, Debug)]
struct TransportSettings {
    adapter: AdapterId,
    endpoint: EndpointId,
    host: HostId,
    retry: RetryPolicy,
}

/// One MessageBox.
#[derive(Clone, Debug)]
pub struct MessageBox {
    spool: Spool,
    references: Slab<Reference>,
    queues: Vec<HostQueue>,
    subscribers: Vec<Subscriber>,
    subscriptions: SubscriptionTable,
    suspended: SuspendedQueue,
    counts: ReferenceCounts,
    next_sequence: u64,
    /// Wrapping sum of the hashes of all rows: equal states have equal sums (INV-02).
    state_hash: u64,
    effects: Vec<Effect>,
    /// Hosts whose queue got something eligible since the driver last asked.
    ready: Vec<HostId>,
    routes: Vec<RouteId>,
    #[cfg(feature = "sabotage")]
    sabotage: Option<Sabotage>,
}

impl MessageBox {
    /// An empty MessageBox with the topology's subscriptions enlisted.
    #[must_use]
    pub fn new(topology: &Topology) -> Self {
        let mut subscriptions = SubscriptionTable::default();
        for (index, port) in topology.send_ports.iter().enumerate() {
            if port.state != PortState::Bound {
                subscriptions.enlist(SendPortId::from(index), &port.name, port.filter.clone());
            }
        }
        let subscribers = topology.send_ports.iter().map(|port| {
            let settings = |transport: &Transport| TransportSettings {
                adapter: transport.adapter,
                endpoint: transport.endpoint,
                host: transport.host,
                retry: transport.retry,
            };
            Subscriber {
                transports: [Some(settings(&port.primary)), port.backup.as_ref().map(settings)],
                priority: port.priority,
                state: port.state,
                ordered: port.ordered.map(|on_failure| (on_failure, OrderedInstance::default())),
            }
        });
        Self {
            spool: Spool::default(),
            references: Slab::default(),
            queues: vec![HostQueue::default(); topology.hosts.len()],
            subscribers: subscribers.collect(),
            subscriptions,
            suspended: SuspendedQueue::default(),
            counts: ReferenceCounts::default(),
            next_sequence: 1,
            state_hash: 0,
            effects: Vec::new(),
            ready: Vec::new(),
            routes: Vec::new(),
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }

    /// Breaks this MessageBox on purpose, so that a test can show that its property bites.
    #[cfg(feature = "sabotage")]
    pub fn sabotage(&mut self, sabotage: Sabotage) {
        self.sabotage = Some(sabotage);
    }

    /// What was changed since the last call, in order; the buffer is swapped, not copied.
    pub fn take_effects(&mut self, into: &mut Vec<Effect>) {
        into.clear();
        std::mem::swap(&mut self.effects, into);
    }

    /// Hosts whose queue got something eligible since the last call.
    pub fn take_ready(&mut self, into: &mut Vec<HostId>) {
        into.clear();
        std::mem::swap(&mut self.ready, into);
    }

    /// When a waiting reference becomes eligible next: ask [`Self::wake`] then.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.queues.iter().filter_map(HostQueue::next_due).min()
    }

    /// Reports the hosts whose waiting references are due (see [`Self::take_ready`]).
    pub fn wake(&mut self, now: Instant) {
        for (index, queue) in self.queues.iter_mut().enumerate() {
            // What is due now must not hide from `poll_timeout` what is due later.
            if queue.promote_due(now) {
                self.ready.push(HostId::from(index));
            }
        }
    }

    /// Whether a look by `host` would find something.
    #[must_use]
    pub fn has_eligible(&self, now: Instant, host: HostId) -> bool {
        self.queues[host.index()].has_eligible(now)
    }

    /// Where the references are (INV-14).
    #[must_use]
    pub const fn reference_counts(&self) -> ReferenceCounts {
        self.counts
    }

    /// References counted one by one: the audit of [`Self::reference_counts`].
    #[must_use]
    pub fn recount(&self) -> ReferenceCounts {
        let mut counts = ReferenceCounts::default();
        for (_, reference) in self.references.iter() {
            *counts.of(reference.state) += 1;
        }
        counts
    }

    /// Rows that somebody refers to.
    #[must_use]
    pub fn spool_live(&self) -> u64 {
        self.spool.live()
    }

    /// Rows that wait for the cleanup job.
    #[must_use]
    pub fn spool_garbage(&self) -> u64 {
        self.spool.garbage()
    }

    /// The cleanup job's work: removes up to `rows` garbage rows (R-GC-02).
    pub fn collect(&mut self, rows: u64) -> u64 {
        self.spool.collect(rows)
    }

    /// What waits for an operator.
    #[must_use]
    pub const fn suspended(&self) -> &SuspendedQueue {
        &self.suspended
    }

    /// The multiset hash of all rows, routing failure reports aside (INV-02).
    #[must_use]
    pub const fn state_hash(&self) -> u64 {
        self.state_hash
    }

    /// The context of the document that a reference refers to.
    #[must_use]
    pub fn context_of(&self, reference: ReferenceId) -> Option<&Context> {
        let reference = self.references.get(reference.0)?;
        Some(&self.spool.row(reference.message).document.context)
    }

    /// The document that a reference refers to.
    #[must_use]
    pub fn name_of(&self, reference: ReferenceId) -> Option<DocumentName> {
        let reference = self.references.get(reference.0)?;
        Some(self.spool.row(reference.message).document.name)
    }

    /// What committing `batch` will ask of the database, before it runs.
    pub fn footprint(&mut self, batch: &PreparedBatch) -> Footprint {
        let mut footprint = Footprint { rows: 0, bytes: 0 };
        for document in &batch.documents {
            let route = self.subscriptions.route(document);
            let references = self.subscriptions.ports(route).len();
            footprint.rows += 1 + u32::try_from(references).expect("fewer than 2^32 subscribers");
            footprint.bytes += document.parts.bytes();
        }
        let publishes =
            |action: &Action| matches!(action, Action::Publish { .. } | Action::Nothing);
        let others = batch.actions.iter().filter(|(_, action)| !publishes(action)).count();
        footprint.rows += u32::try_from(others).expect("fewer than 2^32 operations");
        footprint
    }

    /// What a look for up to `max` references will ask of the database: a row per lock taken.
    #[must_use]
    pub fn dequeue_footprint(&self, now: Instant, host: HostId, max: u32) -> Footprint {
        let eligible = self.queues[host.index()].eligible(now, max as usize);
        Footprint { rows: u32::try_from(eligible).unwrap_or(max), bytes: 0 }
    }

    /// Commits a batch for host instance `owner`: all of it, or none (R-ATOM-01, R-ATOM-02).
    ///
    /// Routing failure reports are written even when the batch is rolled back (R-ROUTE-04).
    pub fn commit(
        &mut self,
        now: Instant,
        owner: HostInstanceId,
        batch: PreparedBatch,
    ) -> BatchStatus {
        let statuses = self.judge(owner, &batch);
        let done = |at: usize| statuses[at].1.is_success();
        let sabotaged = self.is_sabotaged(Sabotage::ApplyFailedBatches);
        let doable = sabotaged.then(|| (0..statuses.len()).map(done).collect::<Vec<bool>>());
        let status = BatchStatus::assemble(batch.cookie, statuses);
        if status.overall.is_success() {
            self.apply(now, batch);
        } else {
            self.report_routing_failures(now, &batch);
            for (_, action) in &batch.actions {
                self.unstage(action);
            }
            if let Some(doable) = doable {
                self.apply_doable(now, batch, &doable);
            }
        }
        status
    }

    /// The sabotage of [`Sabotage::ApplyFailedBatches`]: the rest of a failed batch. A publish is
    /// left to itself, since it does nothing with a document that nobody subscribes to.
    fn apply_doable(&mut self, now: Instant, mut batch: PreparedBatch, doable: &[bool]) {
        for ((_, action), doable) in batch.actions.iter_mut().zip(doable) {
            if !doable && !matches!(action, Action::Publish { .. }) {
                *action = Action::Nothing;
            }
        }
        self.apply(now, batch);
    }

    #[cfg(feature = "sabotage")]
    fn is_sabotaged(&self, by: Sabotage) -> bool {
        self.sabotage == Some(by)
    }

    #[cfg(not(feature = "sabotage"))]
    #[expect(clippy::unused_self, reason = "the twin under the feature `sabotage` uses it")]
    const fn is_sabotaged(&self, _by: Sabotage) -> bool {
        false
    }

    /// One status per operation; touches nothing but the stage marks and the scratch of routes.
    fn judge(
        &mut self,
        owner: HostInstanceId,
        batch: &PreparedBatch,
    ) -> Vec<(OperationKind, Status)> {
        self.routes.clear();
        for document in &batch.documents {
            let route = self.subscriptions.route(document);
            self.routes.push(route);
        }
        let judged = batch.actions.iter().map(|(kind, action)| {
            let status = match action {
                Action::Nothing => Status::OK,
                Action::Refuse(status) | Action::SuspendWire { status, .. } => *status,
                Action::Publish { first, count } => self.judge_publish(batch, *first, *count),
                Action::DefaultFailure(reference)
                | Action::Delete(reference)
                | Action::Resubmit(reference, _)
                | Action::SuspendReference(reference) => self.stage(owner, *reference),
                Action::NextTransport(reference) => match self.stage(owner, *reference) {
                    Status::OK if !self.has_backup(*reference) => Status::NO_BACKUP_TRANSPORT,
                    staged => staged,
                },
            };
            (*kind, status)
        });
        judged.collect()
    }

    /// A reference may be named once per batch, and only by the host instance that has it.
    fn stage(&mut self, owner: HostInstanceId, id: ReferenceId) -> Status {
        match self.references.get_mut(id.0) {
            Some(reference)
                if reference.state == ReferenceState::Locked(owner) && !reference.staged =>
            {
                reference.staged = true;
                Status::OK
            }
            Some(_) | None => Status::FAIL,
        }
    }

    fn unstage(&mut self, action: &Action) {
        let (Action::DefaultFailure(id)
        | Action::Delete(id)
        | Action::NextTransport(id)
        | Action::Resubmit(id, _)
        | Action::SuspendReference(id)) = action
        else {
            return;
        };
        if let Some(reference) = self.references.get_mut(id.0) {
            reference.staged = false;
        }
    }

    /// A backup exists and the message is on the primary (R-RETRY-11, INV-38).
    fn has_backup(&self, id: ReferenceId) -> bool {
        self.references.get(id.0).is_some_and(|reference| {
            !reference.on_backup && self.subscribers[reference.port.index()].transports[1].is_some()
        })
    }

    fn apply(&mut self, now: Instant, batch: PreparedBatch) {
        let PreparedBatch { actions, documents, .. } = batch;
        let mut documents = documents.into_iter();
        let mut routes = std::mem::take(&mut self.routes);
        for (_, action) in actions {
            match action {
                Action::Nothing | Action::Refuse(_) => {}
                Action::Publish { first, count } => {
                    for (document, at) in documents.by_ref().take(count as usize).zip(first..) {
                        self.publish(now, document, routes[at as usize]);
                    }
                }
                Action::SuspendWire { wire, resumable, reason, .. } => {
                    self.suspend_wire(now, wire, resumable, reason);
                }
                Action::Delete(id) => self.finish(id, |at| Effect::Deleted { at }),
                Action::Resubmit(id, at) => self.resubmit(now, id, at.max(now)),
                Action::NextTransport(id) => self.move_to_next_transport(id),
                Action::SuspendReference(id) => self.suspend_reference(id, Reason::Adapter),
                Action::DefaultFailure(id) => self.default_failure(now, id),
            }
        }
        routes.clear();
        self.routes = routes;
    }

    fn transport(&self, reference: &Reference) -> TransportSettings {
        let transports = &self.subscribers[reference.port.index()].transports;
        transports[usize::from(reference.on_backup)]
            .expect("a reference is on a transport its port has")
    }

    fn place(&self, id: ReferenceId, reference: &Reference) -> Place {
        Place {
            reference: id,
            document: self.spool.row(reference.message).document.name,
            port: reference.port,
            host: self.transport(reference).host,
            sequence: reference.sequence,
        }
    }

    /// Changes a row and keeps the counts and the state hash in step.
    fn change(&mut self, id: ReferenceId, change: impl FnOnce(&mut Reference)) -> Place {
        let reference = self.references.get_mut(id.0).expect("judged before it is changed");
        self.state_hash = self.state_hash.wrapping_sub(reference.hash());
        *self.counts.of(reference.state) -= 1;
        let was_suspended = reference.is_suspended();
        change(reference);
        reference.staged = false;
        *self.counts.of(reference.state) += 1;
        if reference.is_suspended() != was_suspended {
            self.spool.suspend(reference.message, !was_suspended);
        }
        self.state_hash = self.state_hash.wrapping_add(reference.hash());
        let reference = self.references.get(id.0).expect("changed just now");
        self.place(id, reference)
    }

    fn priority(&self, port: SendPortId) -> u8 {
        self.subscribers[port.index()].priority
    }

    fn enqueue(&mut self, place: Place) {
        let priority = self.priority(place.port);
        self.queues[place.host.index()].push(priority, place.sequence, place.reference);
        if self.ready.last() != Some(&place.host) {
            self.ready.push(place.host);
        }
    }

    fn offer(&mut self, head: ReferenceId) {
        let place = self
            .place(head, self.references.get(head.0).expect("an ordered port's messages exist"));
        self.enqueue(place);
    }

    fn remove(&mut self, id: ReferenceId) {
        let Some(reference) = self.references.remove(id.0) else { return };
        self.state_hash = self.state_hash.wrapping_sub(reference.hash());
        *self.counts.of(reference.state) -= 1;
        let suspended = reference.is_suspended();
        if suspended {
            self.suspended.references -= 1;
        }
        if let Some(document) = self.spool.release(reference.message, suspended) {
            self.state_hash = self.state_hash.wrapping_sub(spool::Row::hash(&document));
            self.effects.push(Effect::Collectable { document: document.name });
        }
    }

    /// Locks up to `max` eligible references of `host` to `owner`, in the order of priority and
    /// publication (R-DEQ-01, R-DEQ-05), and hands out what `TransmitMessage` will carry.
    pub fn dequeue(
        &mut self,
        now: Instant,
        host: HostId,
        owner: HostInstanceId,
        max: u32,
        out: &mut Vec<OutboundMessage>,
    ) {
        let before = out.len();
        out.reserve(self.queues[host.index()].eligible(now, max as usize));
        while out.len() - before < max as usize {
            let references = &self.references;
            let sequence = |id: ReferenceId| references.get(id.0).map_or(0, |found| found.sequence);
            let Some(id) = self.queues[host.index()].pop(now, sequence) else { break };
            // A terminated reference may still be named by its queue.
            if self.references.get(id.0).is_none_or(|found| found.state != ReferenceState::Queued) {
                continue;
            }
            let place =
                self.change(id, |reference| reference.state = ReferenceState::Locked(owner));
            self.effects.push(Effect::Locked { at: place, owner });
            out.push(self.outbound(id));
        }
    }

    fn outbound(&self, id: ReferenceId) -> OutboundMessage {
        let reference = self.references.get(id.0).expect("locked just now");
        let document = &self.spool.row(reference.message).document;
        let transport = self.transport(reference);
        OutboundMessage {
            reference: id,
            document: document.name,
            sequence: reference.sequence,
            lineage: document.lineage,
            arrived: document.arrived,
            port: reference.port,
            on_backup: reference.on_backup,
            adapter: transport.adapter,
            endpoint: transport.endpoint,
            retries_left: u32::from(reference.retries_left),
            retry_interval: transport.retry.interval,
            bytes: document.parts.bytes(),
            fingerprint: document.fingerprint(),
            context: document.context.clone(),
        }
    }

    /// Messages queued at an ordered port, its head included.
    #[must_use]
    pub fn ordered_backlog(&self, port: SendPortId) -> usize {
        self.subscribers[port.index()].ordered.as_ref().map_or(0, |(_, instance)| instance.len())
    }

    /// Documents that some subscriber has still to get: live rows with a reference that is not
    /// suspended.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        self.spool.live() - self.spool.stuck()
    }

    /// The names of the documents that wait for an operator, in no promised order.
    #[must_use]
    pub fn suspended_names(&self) -> Vec<DocumentName> {
        let suspended =
            |reference: &Reference| matches!(reference.state, ReferenceState::Suspended { .. });
        (self.references.iter())
            .filter(|(_, reference)| suspended(reference))
            .map(|(_, reference)| self.spool.row(reference.message).document.name)
            .collect()
    }
}

/// A transport's retries as a reference keeps them.
fn retries(policy: RetryPolicy) -> u16 {
    u16::try_from(policy.count).unwrap_or(u16::MAX)
}

impl ReferenceCounts {
    fn of(&mut self, state: ReferenceState) -> &mut u64 {
        match state {
            ReferenceState::Queued => &mut self.work,
            ReferenceState::Locked(_) => &mut self.locked,
            ReferenceState::Suspended { .. } => &mut self.suspended,
        }
    }

    /// All references.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.work + self.locked + self.suspended
    }
}
