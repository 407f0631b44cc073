//! The MessageBox in memory: the definition of what a transaction means.
//!
//! Every change goes through [`MessageBox::commit`], which is atomic (R-ATOM-01): it first judges
//! every operation, and touches rows only when all of them can be done. The driver decides when a
//! transaction commits and what it costs; this module decides what it does.
//!
//! What it refuses to be: a database. It keeps no history, and a garbage row is only a count.

mod account;
mod acknowledge;
mod administrator;
mod cold;
mod convoy;
mod counts;
mod dequeue;
mod dispose;
mod dynamic;
mod exchange;
mod failed;
mod footprint;
mod garbage;
mod group;
mod host_queue;
mod instance;
mod lanes;
mod lengths;
mod locks;
mod mark;
mod operate;
mod ordered;
mod policy;
mod port;
mod publish;
mod remark;
mod resident;
mod service;
mod spare;
mod spool;
mod staging;
mod subscriber;
mod tally;
mod thrown;
mod tracking;
mod transaction;

use std::hint::cold_path;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::batch::{BatchStatus, OperationKind, Status};
use crate::config::{Choices, LargeMessages, SubscriberKind, Topology};
use crate::error_report::FailedRouting;
use crate::hash::mix;
use crate::id::{
    HostId, HostInstanceId, Key, MessageBoxId, MessageId, OrchestrationId, ReferenceId, Slab,
    SubscriberId,
};
use crate::message::{Context, DocumentName, PropertyId, Value};
use crate::sabotage::Sabotage;
use crate::subscription::{PortState, RouteId, SubscriptionTable};
use crate::suspend::SuspendedQueue;
use crate::time::Instant;

use acknowledge::Acknowledgements;
pub use administrator::{MessageState, SubscriptionDetails, SubscriptionType};
use convoy::Convoys;
pub use convoy::OrchestrationStatus;
pub use counts::ReferenceCounts;
pub use dequeue::Ready;
use dynamic::Addresses;
pub use exchange::{Closing, Wait, Waiting};
pub use footprint::{Footprint, Footprints};
pub use group::BoxRefusal;
use host_queue::HostQueue;
use instance::Instances;
pub use lengths::QueueLengths;
use lengths::{LockedAt, SuspendedAt};
pub use operate::{InstanceRefusal, Operated};
pub use policy::{CleanupOrder, DequeueOrder, MessageBoxPolicy, Unavailability};
use port::Enlistable;
pub use port::{PortOperation, PortRefusal};
use remark::Remarks;
pub use remark::{LogEntry, Remark};
pub use resident::{Stay, Staying};
pub use service::{
    Allowed, InstanceOperation, PendingOperation, ReferenceCode, SavedMessage, ServiceClass,
    ServiceInstance, ServiceInstanceId, ServiceStatus, SubState,
};
pub(crate) use spare::Spare;
use spool::{Row, Spool};
use staging::Staging;
pub use staging::TransactionState;
use subscriber::{Subscriber, TransportSettings};
pub use tally::OrchestrationCounts;
use tracking::Tracking;
pub use tracking::{BodyBatch, TrackingBatch};
pub use transaction::{
    Action, Effect, Exchange, OutboundMessage, Part, Place, PreparedBatch, Reason, Rest,
};

/// Where a reference is: exactly one of these (INV-14).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ReferenceState {
    /// In a work queue, or behind the head of an ordered port.
    Queued,
    /// With a host instance (R-DEQ-07).
    Locked(HostInstanceId),
    /// In the suspended queue; `by_stop` because its port or group was not started (R-SUB-10).
    Suspended { resumable: bool, by_stop: bool },
}

/// What has named a reference already, so that nothing else can name it as well.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Claim {
    /// Nothing.
    #[default]
    None,
    /// An operation of the batch that is being judged.
    Batch,
    /// A batch whose transaction has no outcome yet.
    Transaction,
}

/// 48 bytes: there are as many of these as documents and subscriptions.
#[derive(Clone, Debug)]
struct Reference {
    message: MessageId,
    sequence: u64,
    valid_from: Instant,
    subscriber: SubscriberId,
    /// The running instance it goes to, if it does not activate one: its place, plus one.
    instance: Option<NonZeroU32>,
    /// At most 1000 (R-RETRY-01); two bytes, since there are as many of these as references.
    retries_left: u16,
    state: ReferenceState,
    /// What an operator wants done when its host instance lets go of it (R-MBX-05).
    pending: PendingOperation,
    /// It was found outside its service window, and waits for it.
    scheduled: bool,
    /// It was suspended while it waited so, and resumed (R-MBX-09).
    dehydrated: bool,
    on_backup: bool,
    /// The MessageBox it lives in: as small as the number of those.
    home: u8,
    claim: Claim,
}

// A table of two million of them has 16 MB for each eight bytes more.
const _: () = assert!(size_of::<Reference>() <= 48);

impl Reference {
    const fn home(&self) -> MessageBoxId {
        MessageBoxId(self.home as u32)
    }

    const fn is_suspended(&self) -> bool {
        matches!(self.state, ReferenceState::Suspended { .. })
    }

    /// This row's share of the state hash.
    fn hash(&self) -> u64 {
        let state = match self.state {
            ReferenceState::Queued => 0,
            ReferenceState::Locked(owner) => 1 + u64::from(owner.0),
            ReferenceState::Suspended { resumable, .. } => u64::MAX - u64::from(resumable),
        };
        let transport = u64::from(self.retries_left) << 1 | u64::from(self.on_backup);
        // Publication numbers and states are small: apart by a rotation. An instant is spread by
        // an odd factor before the rest of its word is added.
        let when = self.valid_from.as_nanos().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mix(self.sequence ^ state.rotate_left(44), when.wrapping_add(transport))
    }
}

/// The MessageBoxes of a group, the master first (R-MMB-01). One is the common case.
#[derive(Clone, Debug)]
pub struct MessageBox {
    /// One per MessageBox.
    spools: Vec<Spool>,
    references: Slab<Reference>,
    hosts: usize,
    /// One per MessageBox and host: `home * hosts + host`.
    queues: Vec<HostQueue>,
    /// What only one host instance may take: `home * host instances + instance`.
    own_queues: Vec<HostQueue>,
    instances: Instances,
    /// The MessageBoxes that take activations, and whose turn it is (R-MMB-02, R-MMB-04).
    publishing: Vec<MessageBoxId>,
    /// Nobody is to take any, so that the master does.
    master_stands_in: bool,
    turn: usize,
    /// Those that cannot be reached; almost always none.
    offline: Vec<MessageBoxId>,
    host_of: Vec<HostId>,
    /// What messages may demand of the hosts (R-CTX-08).
    host_properties: Vec<Vec<(PropertyId, Value)>>,
    subscribers: Vec<Subscriber>,
    /// What each subscriber's number stands for.
    kinds: Vec<SubscriberKind>,
    subscriptions: SubscriptionTable,
    /// Where messages of dynamic send ports go.
    addresses: Addresses,
    enlistable: Enlistable,
    policy: MessageBoxPolicy,
    choices: Choices,
    remarks: Remarks,
    convoys: Convoys,
    /// Whether some transport has a service window: then every look asks for it.
    windows: bool,
    suspended: SuspendedQueue,
    staging: Staging,
    failed_routing: FailedRouting,
    /// Tracking data that nobody has moved yet.
    tracking: Tracking,
    large_messages: LargeMessages,
    counts: ReferenceCounts,
    locked_at: LockedAt,
    suspended_at: SuspendedAt,
    next_sequence: u64,
    /// Wrapping sum of the hashes of all rows: equal states have equal sums (INV-02).
    state_hash: u64,
    effects: Vec<Effect>,
    /// Queues that got something eligible since the driver last asked.
    ready: Vec<Ready>,
    /// The routes of the documents of the batch being judged.
    routes: Vec<RouteId>,
    acknowledgements: Acknowledgements,
    /// Messages that the engine made itself so far.
    made: u64,
    /// From here on, subscribers are waits for a response.
    first_response_subscriber: usize,
    /// The running instances that its documents correlate with, by place in the batch.
    correlated: Vec<(u32, Key)>,
    spare: Spare,
    #[cfg(feature = "sabotage")]
    sabotage: Option<Sabotage>,
}

impl MessageBox {
    /// An empty MessageBox with the topology's subscriptions enlisted.
    #[must_use]
    pub fn new(topology: &Topology) -> Self {
        let mut subscriptions = SubscriptionTable::new(topology);
        let enlistable = Enlistable::new(topology);
        enlistable.enlist_all(&mut subscriptions, |port| {
            topology.send_ports[port.index()].state != PortState::Bound
        });
        for (index, orchestration) in topology.orchestrations.iter().enumerate() {
            let id = topology.subscriber_of_orchestration(OrchestrationId::from(index));
            subscriptions.subscribe(id, orchestration.filter.clone());
        }
        let boxes = topology.box_count();
        let publishing: Vec<MessageBoxId> = (0..boxes)
            .filter(|at| topology.message_boxes.get(*at).is_none_or(|config| config.publishes))
            .map(MessageBoxId::from)
            .collect();
        Self {
            spools: vec![Spool::default(); boxes],
            references: Slab::default(),
            hosts: topology.hosts.len(),
            queues: vec![HostQueue::default(); boxes * topology.hosts.len()],
            own_queues: vec![HostQueue::default(); boxes * topology.host_instances.len()],
            instances: Instances::default(),
            // Somewhere an activation has to go: the master, if nobody else may be used.
            master_stands_in: publishing.is_empty(),
            publishing: if publishing.is_empty() { vec![MessageBoxId(0)] } else { publishing },
            turn: 0,
            offline: Vec::new(),
            host_of: topology.host_instances.iter().map(|instance| instance.host).collect(),
            host_properties: topology.hosts.iter().map(|host| host.properties.clone()).collect(),
            subscribers: (0..topology.subscribers())
                .map(|at| Subscriber::of(topology, SubscriberId::from(at)))
                .collect(),
            kinds: (0..topology.subscribers())
                .map(|at| topology.subscriber(SubscriberId::from(at)))
                .collect(),
            subscriptions,
            addresses: Addresses::of(topology),
            enlistable,
            policy: topology.policy,
            choices: topology.choices,
            remarks: Remarks::default(),
            convoys: Convoys::of(topology),
            windows: !topology.windows.is_empty(),
            suspended: SuspendedQueue::default(),
            staging: Staging::default(),
            failed_routing: FailedRouting::new(topology),
            tracking: Tracking::new(topology),
            large_messages: topology.large_messages,
            counts: ReferenceCounts::default(),
            locked_at: LockedAt::of(boxes, topology.host_instances.len()),
            suspended_at: SuspendedAt::default(),
            next_sequence: 1,
            state_hash: 0,
            effects: Vec::new(),
            ready: Vec::new(),
            acknowledgements: Acknowledgements::of(topology),
            made: 0,
            first_response_subscriber: topology.send_ports.len() + topology.orchestrations.len(),
            routes: Vec::new(),
            correlated: Vec::new(),
            spare: Spare::default(),
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

    /// The cleanup job's work: removes up to `rows` garbage rows (R-GC-02).
    pub fn collect(&mut self, rows: u64) -> u64 {
        self.spools
            .iter_mut()
            .fold(0, |before, spool| before + spool.collector().collect(rows - before))
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
        Some(&self.row(reference).document.context)
    }

    /// The document that a reference refers to.
    #[must_use]
    pub fn name_of(&self, reference: ReferenceId) -> Option<DocumentName> {
        let reference = self.references.get(reference.0)?;
        Some(self.row(reference).document.name)
    }

    /// Commits a batch for host instance `owner`: all of it, or none (R-ATOM-01, R-ATOM-02).
    ///
    /// Routing failure reports are written even when the batch is rolled back (R-ROUTE-04).
    pub fn commit(
        &mut self,
        now: Instant,
        owner: HostInstanceId,
        mut batch: PreparedBatch,
    ) -> BatchStatus {
        let opened = self.open_waits(owner, &mut batch);
        let statuses = self.judge_in_reach(owner, &batch);
        let done = |at: usize| statuses[at].1.is_success();
        let sabotaged = self.is_sabotaged(Sabotage::ApplyFailedBatches);
        let doable = sabotaged.then(|| (0..statuses.len()).map(done).collect::<Vec<bool>>());
        let mut status = BatchStatus::assemble(batch.cookie, statuses);
        if status.overall.is_success() {
            self.tell_waits(&opened, &batch);
            self.apply(now, batch);
            self.publish_owed(now);
        } else {
            self.take_back_waits(&opened);
            if self.is_out_of_reach(&batch) {
                status.overall = Status::PERSISTENCE_FAILURE;
            } else {
                self.report_routing_failures(now, &batch);
            }
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
    #[inline(never)]
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
        self.route(&batch.documents);
        let judged = batch.actions.iter().map(|(kind, action)| {
            let status = match action {
                Action::Await(..)
                | Action::CancelResponse(_)
                | Action::Dehydrate(_)
                | Action::Empty(_)
                | Action::Expire { .. }
                | Action::Nothing => Status::OK,
                Action::Refuse(status) | Action::SuspendWire { status, .. } => *status,
                Action::Publish { first, count } => self.judge_publish(batch, *first, *count),
                Action::PublishPart(part) => {
                    part.status(self.judge_publish(batch, part.first, part.count))
                }
                Action::ForgetSuspended(number) => self.judge_forget(*number),
                Action::Consume(reference)
                | Action::DefaultFailure(reference)
                | Action::Delete(reference)
                | Action::Fail(reference, _)
                | Action::Resubmit(reference, _)
                | Action::SuspendInstance(reference, _)
                | Action::SuspendLate(reference)
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

    /// A backup exists and the message is on the primary (R-RETRY-11, INV-38). One whose host the
    /// message's predicates do not allow is none for it (INV-23). \[M\] not documented.
    #[inline(never)]
    fn has_backup(&self, id: ReferenceId) -> bool {
        let Some(reference) = self.references.get(id.0).filter(|known| !known.on_backup) else {
            return false;
        };
        let backup = self.subscribers[reference.subscriber.index()].transports[1];
        let context = &self.row(reference).document.context;
        backup.is_some_and(|backup| context.admits(&self.host_properties[backup.host.index()]))
    }

    fn apply(&mut self, now: Instant, batch: PreparedBatch) {
        let PreparedBatch { actions, documents, remarks, .. } = batch;
        let errors = remark::wire_errors(&remarks);
        self.keep_remarks(remarks);
        self.convoys.at(now);
        let mut documents = documents.into_iter();
        for (_, action) in actions {
            match action {
                Action::Await(id, token, patience) => self.await_answer(id, token, patience),
                Action::Dehydrate(instance) => self.dehydrate(instance),
                Action::ForgetSuspended(number) => self.forget_suspended(number),
                Action::Empty(_) | Action::Nothing | Action::Refuse(_) => {}
                Action::Publish { first, count } => {
                    for (document, at) in documents.by_ref().take(count as usize).zip(first..) {
                        self.publish(now, document, at);
                    }
                }
                Action::PublishPart(part) => {
                    let count = part.count as usize;
                    for (document, at) in documents.by_ref().take(count).zip(part.first..) {
                        self.publish(now, document, at);
                    }
                    self.end_part(now, *part);
                }
                Action::SuspendWire { wire, resumable, reason, .. } => {
                    let error = errors.iter().find(|(wire_number, _)| *wire_number == wire.number);
                    let error = error.map(|(_, text)| Arc::clone(text));
                    self.suspend_wire(now, wire, (resumable, reason), error);
                }
                Action::Consume(id) => self.finish(id, |at| Effect::Consumed { at }),
                Action::Fail(id, reason) => self.suspend_reference(now, id, reason),
                Action::Delete(id) => {
                    self.owe_ack(id);
                    self.finish(id, |at| Effect::Deleted { at });
                }
                Action::CancelResponse(correlation) => self.cancel_wait(&correlation),
                Action::Expire { request, correlation, fault } => {
                    self.expire_wait(request, &correlation, fault);
                }
                Action::SuspendLate(id) => self.suspend_late(now, id),
                Action::Resubmit(id, at) => self.resubmit(now, id, at.max(now)),
                Action::NextTransport(id) => self.move_to_next_transport(id),
                Action::SuspendInstance(id, reason) => self.suspend_instance(now, id, reason),
                Action::SuspendReference(id) => self.suspend_reference(now, id, Reason::Adapter),
                Action::DefaultFailure(id) => self.default_failure(now, id),
            }
        }
    }

    #[inline(always)]
    fn row(&self, reference: &Reference) -> &Row {
        self.spools[usize::from(reference.home)].row(reference.message)
    }

    /// The host whose queue a reference is in: that of its one taker, or its transport's.
    #[inline(always)]
    fn host(&self, reference: &Reference) -> HostId {
        if let Some(place) = reference.instance {
            cold_path();
            if let Some(owner) = self.instances.owner_at(place) {
                return self.host_of[owner.index()];
            }
        }
        self.host_of_transport(reference)
    }

    #[inline(always)]
    fn host_of_transport(&self, reference: &Reference) -> HostId {
        let subscriber = &self.subscribers[reference.subscriber.index()];
        match &subscriber.transports[usize::from(reference.on_backup)] {
            Some(own) if !subscriber.dynamic => own.host,
            Some(_) | None => {
                cold_path();
                self.transport(reference).host
            }
        }
    }

    fn transport(&self, reference: &Reference) -> TransportSettings {
        let subscriber = &self.subscribers[reference.subscriber.index()];
        let own = subscriber.transports[usize::from(reference.on_backup)].as_ref();
        let own = own.expect("a reference is on a transport its port has");
        if subscriber.dynamic {
            cold_path();
            return self.dynamic_transport(reference, *own).unwrap_or(*own);
        }
        *own
    }

    #[inline(always)]
    fn place(&self, id: ReferenceId, reference: &Reference) -> Place {
        Place {
            reference: id,
            document: self.row(reference).document.name,
            subscriber: reference.subscriber,
            home: reference.home(),
            host: self.host(reference),
            sequence: reference.sequence,
        }
    }

    /// Changes a row and keeps the counts and the state hash in step.
    fn change(&mut self, id: ReferenceId, change: impl FnOnce(&mut Reference)) -> Place {
        self.changed(id, change).0
    }

    /// The same, with a copy of the changed row.
    #[inline]
    fn changed(
        &mut self,
        id: ReferenceId,
        change: impl FnOnce(&mut Reference),
    ) -> (Place, Reference) {
        let reference = self.references.get_mut(id.0).expect("judged before it is changed");
        self.state_hash = self.state_hash.wrapping_sub(reference.hash());
        *self.counts.of(reference.state) -= 1;
        let (before, was_suspended) = (reference.state, reference.is_suspended());
        change(reference);
        reference.claim = Claim::None;
        let changed = reference.clone();
        *self.counts.of(changed.state) += 1;
        if changed.state != before {
            self.locked_at.ends(changed.home, before);
        }
        if changed.is_suspended() != was_suspended {
            cold_path();
            self.spools[usize::from(changed.home)].suspend(changed.message, !was_suspended);
            self.suspended_at.change(&changed, !was_suspended);
        }
        self.state_hash = self.state_hash.wrapping_add(changed.hash());
        (self.place(id, &changed), changed)
    }
}
