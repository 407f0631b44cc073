//! The transactional receive adapter: what is read, submitted or suspended is one transaction.
//!
//! The destructive read is enlisted, then the batch is posted with the transaction, then the
//! adapter decides (R-TXN-01, R-TXN-05). An abort puts the messages back at their source, so there
//! is nothing to remove afterwards, and nothing to remember but, under one policy, ids that expire
//! (R-TXN-12…15). Every confirm object is called once, when the outcome is known (R-TXN-03).

use super::fate::NOT_SUBMITTED;
use super::receive::PerKind;
use super::{
    Adapter, AdapterInput, CallId, ConfirmOf, ErrorSubject, Returned, WireRequest, WireResult,
};
use crate::batch::{BatchStatus, Operation, OperationKind, Status, Suspendable};
use crate::config::{OnPoison, TransactionalReceiveSettings};
use crate::id::{EndpointId, ReceiveLocationId, TransactionId};
use crate::message::{PropertyId, Value, WireMessage};
use crate::time::Instant;
use crate::transport_proxy::TransportProxy;

/// Where a location's one thread is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Reads nothing any more.
    Closed,
    /// A read is under way, in this transaction.
    Fetching(TransactionId),
    /// As many transactions are open as may be.
    Full,
    /// In `Done` of a batch, with or without more to read afterwards.
    Submitting { cookie: u64, more: bool },
    /// Waits for its next look.
    Waiting,
    /// Waits for a notification.
    Watching,
}

#[derive(Clone, Debug)]
struct Location {
    id: ReceiveLocationId,
    endpoint: EndpointId,
    phase: Phase,
    /// Removed while a read was under way.
    closing: bool,
    /// Transactions under way.
    open: u32,
    first_look: Instant,
    /// No read before this.
    not_before: Instant,
    /// Single-message batches until then, and for so many messages at least (R-TXN-18).
    single_until: Instant,
    singles_left: u32,
    /// Messages to suspend when they are read again, and until when that is known (R-TXN-13).
    remembered: Vec<(u64, Instant)>,
}

/// What a batch does with one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Intent {
    Submit,
    Suspend,
}

/// What follows when a transaction has been aborted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Afterwards {
    /// Read again: the next attempt will do something else.
    Again,
    /// Close the location (R-ORD-17).
    Close,
    /// Wait before the same is tried again.
    Pause,
}

/// One transaction: what was read in it, and the confirm objects it has.
#[derive(Clone, Debug)]
struct Unit {
    transaction: TransactionId,
    location: usize,
    items: Vec<(WireMessage, Intent)>,
    /// The batches posted in it, the last one open.
    cookies: Vec<u64>,
    /// The batch that suspends under the same transaction is posted.
    suspending: bool,
    afterwards: Afterwards,
}

/// The transactional receive adapter of one host instance.
#[derive(Clone, Debug)]
pub struct TransactionalReceiver {
    settings: TransactionalReceiveSettings,
    locations: Vec<Location>,
    units: Vec<Unit>,
    /// Batches of which no `BatchComplete` has come, also where their transaction is over.
    incomplete: Vec<u64>,
    next_cookie: u64,
    terminating: Option<CallId>,
}

impl Location {
    /// Nothing is read any more; what is read now, in another transaction maybe, goes back first.
    const fn shut(&mut self) {
        match self.phase {
            Phase::Fetching(_) => self.closing = true,
            Phase::Closed
            | Phase::Full
            | Phase::Submitting { .. }
            | Phase::Waiting
            | Phase::Watching => self.phase = Phase::Closed,
        }
    }
}

impl TransactionalReceiver {
    /// An adapter without locations.
    #[must_use]
    pub const fn new(settings: TransactionalReceiveSettings) -> Self {
        Self {
            settings,
            locations: Vec::new(),
            units: Vec::new(),
            incomplete: Vec::new(),
            next_cookie: 1,
            terminating: None,
        }
    }

    /// Of each location, transactions open and allowed, and whether it waits for a look.
    pub(super) fn places(&self) -> impl Iterator<Item = (ReceiveLocationId, (u32, u32), bool)> {
        let of = |one: &Location| (one.open, self.settings.transactions.max(1));
        self.locations.iter().map(move |one| (one.id, of(one), one.phase == Phase::Waiting))
    }

    /// `AddReceiveEndpoint`. The engine takes a request in a transaction, but its response cannot
    /// be part of that, since nobody sees the request before the commit. Like WCF this adapter
    /// refuses such a location outright; another may take it (R-TXN-10).
    fn open(
        &mut self,
        now: Instant,
        (id, endpoint): (ReceiveLocationId, EndpointId),
        two_way: bool,
        proxy: &mut TransportProxy,
    ) {
        if two_way {
            return proxy.receiver_shutting_down(id);
        }
        let at = self.locations.iter().position(|known| known.id == id).unwrap_or_else(|| {
            self.locations.push(Location {
                id,
                endpoint,
                phase: Phase::Watching,
                closing: false,
                open: 0,
                first_look: now,
                not_before: now,
                single_until: now,
                singles_left: 0,
                remembered: Vec::new(),
            });
            self.locations.len() - 1
        });
        self.locations[at].closing = false;
        if !matches!(self.locations[at].phase, Phase::Fetching(_) | Phase::Submitting { .. }) {
            self.go_on(now, at, false, proxy);
        }
    }

    /// `RemoveReceiveEndpoint`: what is read now goes back, nothing is read any more (R-LIFE-06).
    fn close(&mut self, id: ReceiveLocationId) {
        self.locations.iter_mut().filter(|known| known.id == id).for_each(Location::shut);
    }

    /// Between two reads: goes on, waits for the end of a transaction, a look, or a notification.
    fn go_on(&mut self, now: Instant, at: usize, more: bool, proxy: &mut TransportProxy) {
        let location = &mut self.locations[at];
        if self.terminating.is_some() || location.closing {
            location.phase = Phase::Closed;
        } else if location.open >= self.settings.transactions.max(1) {
            location.phase = Phase::Full;
        } else if more {
            self.read_when_due(now, at, true, proxy);
        } else {
            location.phase = Phase::Watching;
            proxy.watch(location.id);
        }
    }

    /// Reads now, or at the next look; `again` if there was one at this instant already.
    fn read_when_due(&mut self, now: Instant, at: usize, again: bool, proxy: &mut TransportProxy) {
        let location = &mut self.locations[at];
        let look = self.settings.poll.map_or(now, |interval| {
            let passed = now.since(location.first_look).as_nanos() + u64::from(again);
            location.first_look + interval.times(passed.div_ceil(interval.as_nanos().max(1)))
        });
        let due = look.max(location.not_before);
        if due > now {
            location.phase = Phase::Waiting;
            proxy.wake(due, at as u64);
        } else {
            self.fetch(now, at, proxy);
        }
    }

    fn fetch(&mut self, now: Instant, at: usize, proxy: &mut TransportProxy) {
        let transaction = proxy.begin_transaction();
        let location = &mut self.locations[at];
        location.phase = Phase::Fetching(transaction);
        location.open += 1;
        let single = now < location.single_until || location.singles_left > 0;
        let request = WireRequest::Fetch {
            endpoint: location.endpoint,
            location: location.id,
            messages: if single { 1 } else { self.settings.batch_messages },
            bytes: self.settings.batch_bytes,
            transaction: Some(transaction),
        };
        proxy.wire(at as u64, request);
    }

    fn fetched(
        &mut self,
        now: Instant,
        at: usize,
        messages: Vec<WireMessage>,
        more: bool,
        proxy: &mut TransportProxy,
    ) {
        // Its transaction may be over, and since then the service.
        let Some(location) = self.locations.get_mut(at) else { return };
        let Phase::Fetching(transaction) = location.phase else { return };
        if messages.is_empty() || self.terminating.is_some() || location.closing {
            location.open -= 1;
            proxy.abort(transaction);
            return self.go_on(now, at, false, proxy);
        }
        location.phase = Phase::Submitting { cookie: self.next_cookie, more };
        location.remembered.retain(|(_, until)| now < *until);
        let remembered = &location.remembered;
        let intent = |message: &WireMessage| {
            let known = remembered.iter().any(|(number, _)| *number == message.number);
            if known { Intent::Suspend } else { Intent::Submit }
        };
        let items = messages.into_iter().map(|message| (intent(&message), message));
        let items = items.map(|(intent, message)| (message, intent)).collect();
        self.units.push(Unit {
            transaction,
            location: at,
            items,
            cookies: Vec::new(),
            suspending: false,
            afterwards: Afterwards::Pause,
        });
        let last = self.units.len() - 1;
        if !self.post(last, proxy).is_success() {
            self.post_failed(now, last, proxy);
        }
    }

    /// Posts the messages of a transaction inside it (R-TXN-02).
    fn post(&mut self, unit: usize, proxy: &mut TransportProxy) -> Status {
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        let unit = &mut self.units[unit];
        let mut batch = match proxy.get_batch(cookie) {
            Ok(batch) => batch,
            Err(status) => return status,
        };
        batch.reserve(unit.items.len());
        for (message, intent) in &unit.items {
            batch.add(match intent {
                Intent::Submit => Operation::Submit(message.clone()),
                Intent::Suspend => {
                    // Why it is suspended stays with it (R-ADPT-17).
                    proxy.set_error_info(ErrorSubject::Wire(message.number), NOT_SUBMITTED);
                    Operation::MoveToSuspendQueue(Suspendable::Wire(message.clone()))
                }
            });
        }
        let status = proxy.done_in(batch, unit.transaction);
        if status.is_success() {
            unit.cookies.push(cookie);
            self.incomplete.push(cookie);
        }
        status
    }

    /// `Done` failed: while stopping, abort and stop; else one try to suspend (R-TXN-16).
    fn post_failed(&mut self, now: Instant, at: usize, proxy: &mut TransportProxy) {
        let stopping = proxy.get_batch(0).is_err();
        if !stopping && !self.units[at].suspending && self.suspend_all(at, proxy) {
            return;
        }
        let (location, transaction) = (self.units[at].location, self.units[at].transaction);
        proxy.abort(transaction);
        if stopping {
            self.locations[location].phase = Phase::Closed;
        } else {
            self.go_on(now, location, true, proxy);
        }
    }

    /// The second batch under the same transaction; `false` if it cannot even be posted.
    fn suspend_all(&mut self, at: usize, proxy: &mut TransportProxy) -> bool {
        let unit = &mut self.units[at];
        unit.suspending = true;
        let non_resumable =
            self.settings.on_poison == OnPoison::SuspendInTransaction { resumable: false };
        for (message, intent) in &mut unit.items {
            *intent = Intent::Suspend;
            if non_resumable {
                let flag = PropertyId::SUSPEND_AS_NON_RESUMABLE;
                message.context.write(flag, Some(Value::Bool(true)));
            }
        }
        self.post(at, proxy).is_success()
    }

    fn complete(&mut self, now: Instant, status: &BatchStatus, proxy: &mut TransportProxy) {
        self.incomplete.retain(|cookie| *cookie != status.cookie);
        let posted = |unit: &Unit| unit.cookies.last() == Some(&status.cookie);
        let Some(at) = self.units.iter().position(posted) else { return };
        if status.overall.is_success() {
            return proxy.commit(self.units[at].transaction);
        }
        match self.settings.on_poison {
            // If suspending fails too there is nothing left but to abort (R-TXN-15). [M] Where
            // the transaction itself was lost, the next one begins with the suspension, or the
            // message would be read for ever (R-FMR-07, R-TXN-14).
            _ if self.units[at].suspending => {
                if status.any(Status::TRANSACTION_ABORTED) {
                    self.remember(at, status, now + self.settings.single_for);
                }
            }
            OnPoison::Stop => self.units[at].afterwards = Afterwards::Close,
            OnPoison::SuspendInTransaction { .. } if self.units[at].items.len() == 1 => {
                if self.suspend_all(at, proxy) {
                    return;
                }
            }
            OnPoison::SuspendInTransaction { .. } => self.go_singly(now, at),
            OnPoison::SuspendOnNextRead { remember } => {
                self.remember(at, status, now + remember);
            }
        }
        proxy.abort(self.units[at].transaction);
    }

    /// After an error: single-message batches for a while, so that the bad one is found
    /// (R-TXN-18).
    fn go_singly(&mut self, now: Instant, at: usize) {
        let unit = &mut self.units[at];
        unit.afterwards = Afterwards::Again;
        let location = &mut self.locations[unit.location];
        location.single_until = now + self.settings.single_for;
        location.singles_left = u32::try_from(unit.items.len()).unwrap_or(u32::MAX);
    }

    /// Remembers what could not be submitted (R-TXN-12 b), and anew what is not suspended after
    /// all, or two bad messages could take turns for ever. If nothing is learnt, because only a
    /// suspension failed, the next read would do the same again.
    fn remember(&mut self, at: usize, status: &BatchStatus, until: Instant) {
        let unit = &mut self.units[at];
        let location = &mut self.locations[unit.location];
        let mut statuses = PerKind::of(status);
        for (message, intent) in &unit.items {
            let kind = match intent {
                Intent::Submit => OperationKind::Submit,
                Intent::Suspend => OperationKind::MoveToSuspendQueue,
            };
            let stands = statuses.next(kind).is_success();
            let known = location.remembered.iter_mut().find(|(known, _)| *known == message.number);
            match known {
                Some((_, remembered_until)) => *remembered_until = until,
                None if stands => {}
                None => {
                    location.remembered.push((message.number, until));
                    unit.afterwards = Afterwards::Again;
                }
            }
        }
    }

    /// The outcome: the confirm objects are told, and the location goes on.
    fn ended(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        committed: bool,
        proxy: &mut TransportProxy,
    ) {
        let Some(at) = self.units.iter().position(|unit| unit.transaction == transaction) else {
            return;
        };
        let unit = self.units.remove(at);
        for cookie in &unit.cookies {
            proxy.confirm(ConfirmOf::Batch(*cookie), committed);
        }
        let location = &mut self.locations[unit.location];
        location.open -= 1;
        if committed {
            let read = u32::try_from(unit.items.len()).unwrap_or(u32::MAX);
            location.singles_left = location.singles_left.saturating_sub(read);
            let suspended = |number: &u64| unit.items.iter().any(|(m, _)| m.number == *number);
            location.remembered.retain(|(number, _)| !suspended(number));
        } else {
            self.aborted(now, &unit, proxy);
        }
        if self.locations[unit.location].phase == Phase::Full {
            // The source may have more, and has again what was given back.
            self.go_on(now, unit.location, true, proxy);
        }
    }

    fn aborted(&mut self, now: Instant, unit: &Unit, proxy: &mut TransportProxy) {
        let location = &mut self.locations[unit.location];
        match unit.afterwards {
            Afterwards::Again => {}
            Afterwards::Pause => location.not_before = now + self.settings.pause,
            Afterwards::Close if location.phase != Phase::Closed && !location.closing => {
                location.shut();
                proxy.receiver_shutting_down(location.id);
            }
            Afterwards::Close => {}
        }
    }

    fn done_returned(
        &mut self,
        now: Instant,
        cookie: u64,
        status: Status,
        proxy: &mut TransportProxy,
    ) {
        if !status.is_success() {
            self.incomplete.retain(|posted| *posted != cookie);
        }
        let posted = |unit: &Unit| unit.cookies.last() == Some(&cookie);
        if !status.is_success()
            && let Some(at) = self.units.iter().position(posted)
        {
            // No callback will come, and there is no confirm object (R-DONE-04).
            self.units[at].cookies.pop();
            self.post_failed(now, at, proxy);
        }
        let returned =
            (self.locations.iter().enumerate()).find_map(|(at, location)| match location.phase {
                Phase::Submitting { cookie: posted, more } if posted == cookie => Some((at, more)),
                Phase::Closed
                | Phase::Fetching(_)
                | Phase::Full
                | Phase::Submitting { .. }
                | Phase::Waiting
                | Phase::Watching => None,
            });
        if let Some((at, more)) = returned {
            self.go_on(now, at, more, proxy);
        }
    }

    fn arrived(&mut self, now: Instant, id: ReceiveLocationId, proxy: &mut TransportProxy) {
        let watching = |location: &Location| location.id == id && location.phase == Phase::Watching;
        if let Some(at) = self.locations.iter().position(watching) {
            self.read_when_due(now, at, false, proxy);
        }
    }

    /// Nothing is pending any more: `Terminate` returns (R-SHUT-01).
    fn terminate_if_idle(&mut self, proxy: &mut TransportProxy) {
        let reading = |location: &Location| matches!(location.phase, Phase::Fetching(_));
        if self.units.is_empty()
            && self.incomplete.is_empty()
            && !self.locations.iter().any(reading)
            && let Some(call) = self.terminating.take()
        {
            self.locations.clear();
            proxy.returned(call, Returned::Terminated);
        }
    }
}

impl Adapter for TransactionalReceiver {
    #[inline(never)]
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        match input {
            AdapterInput::AddReceiveEndpoint { location, endpoint, two_way } => {
                self.open(now, (location, endpoint), two_way, proxy);
            }
            AdapterInput::RemoveReceiveEndpoint { location } => self.close(location),
            AdapterInput::Arrived { location } => self.arrived(now, location, proxy),
            AdapterInput::BatchComplete(status) => self.complete(now, &status, proxy),
            AdapterInput::DoneReturned { cookie, status } => {
                self.done_returned(now, cookie, status, proxy);
            }
            AdapterInput::TransactionDone { transaction, committed } => {
                self.ended(now, transaction, committed, proxy);
            }
            AdapterInput::Wake { token } => {
                let at = token as usize;
                let waits = self.locations.get(at).is_some_and(|at| at.phase == Phase::Waiting);
                if waits && self.terminating.is_none() {
                    self.fetch(now, at, proxy);
                }
            }
            AdapterInput::WireDone { token, result: WireResult::Fetched { messages, more } } => {
                self.fetched(now, token as usize, messages, more, proxy);
            }
            AdapterInput::Terminate { call } => self.terminating = Some(call),
            AdapterInput::WireDone { .. }
            | AdapterInput::Initialize
            | AdapterInput::Isolated(_)
            | AdapterInput::Load
            | AdapterInput::UpdateEndpointConfig { .. } => {}
            AdapterInput::BeginBatch { .. }
            | AdapterInput::Clear { .. }
            | AdapterInput::Done { .. }
            | AdapterInput::TransmitMessage { .. } => {
                unreachable!("a receive adapter is not a transmitter")
            }
        }
        self.terminate_if_idle(proxy);
    }
}
