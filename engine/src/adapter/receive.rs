//! The one-way receive adapter: fetch, submit in batches, remove what the engine took.
//!
//! FILE-, queue- and push-like adapters are this machine with other settings. It looks again at
//! once while there is more; a polling one waits for its next look. Sources are removed only
//! after a status that is not negative (R-ADPT-04), and a failed batch is filtered and submitted
//! again (R-FILT-01…04).

use rustc_hash::FxHashMap;

use super::fate::NOT_SUBMITTED;
use super::{Adapter, AdapterInput, CallId, ErrorSubject, Returned, WireRequest, WireResult};
use crate::batch::{BatchStatus, Operation, OperationKind, Status, Suspendable};
use crate::config::ReceiveSettings;
use crate::id::{EndpointId, ReceiveLocationId};
use crate::message::WireMessage;
use crate::time::{Duration, Instant};
use crate::transport_proxy::TransportProxy;

/// Batches made of one set of messages before the adapter gives up and keeps the sources
/// (R-FILT-04: the sample adapters bound it by three).
const BATCH_ATTEMPTS_MAX: u32 = 4;
/// The token of removals: their answer needs no attention.
const REMOVAL: u64 = u64::MAX;

/// The token of the pause after which messages that could not be stored are left at their source.
const PAUSE_OVER: u64 = u64::MAX - 1;
/// That pause: \[M\] the documents only say that the source keeps its messages.
pub(super) const PAUSE: Duration = Duration::from_secs(10);

/// Where a location's one thread is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// The location is closed, or the adapter terminates.
    Closed,
    /// A fetch is under way.
    Fetching,
    /// As many batches are outstanding as may be.
    Full,
    /// In `Done` of a batch, with or without more to fetch afterwards.
    Submitting { cookie: u64, more: bool },
    /// Waits for a notification.
    Watching,
    /// Waits for its next look.
    Waiting,
}

#[derive(Clone, Debug)]
struct Location {
    id: ReceiveLocationId,
    endpoint: EndpointId,
    /// Between `AddReceiveEndpoint` and `RemoveReceiveEndpoint` (R-LIFE-06).
    open: bool,
    phase: Phase,
    outstanding: u32,
    /// The first look; the others are whole intervals later.
    first_look: Instant,
}

/// What a batch does with one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Intent {
    Submit,
    Suspend,
}

#[derive(Clone, Debug)]
struct Outstanding {
    location: usize,
    items: Vec<(WireMessage, Intent)>,
    attempts: u32,
}

/// The receive adapter of one host instance.
#[derive(Clone, Debug)]
pub struct Receiver {
    settings: ReceiveSettings,
    locations: Vec<Location>,
    outstanding: FxHashMap<u64, Outstanding>,
    /// Removals under way.
    removals: u32,
    /// What the engine could not store, by location, for the end of the pause.
    refused: Vec<(usize, Vec<WireMessage>)>,
    /// In `Terminate` (R-SHUT-01).
    terminating: Option<CallId>,
    next_cookie: u64,
}

impl Location {
    /// Closes now unless something is under way that will.
    fn close_if_idle(&mut self) {
        match self.phase {
            Phase::Closed | Phase::Fetching | Phase::Submitting { .. } => {}
            Phase::Full | Phase::Waiting | Phase::Watching => self.phase = Phase::Closed,
        }
    }
}

impl Receiver {
    /// An adapter without locations.
    #[must_use]
    pub fn new(settings: ReceiveSettings) -> Self {
        Self {
            settings,
            locations: Vec::new(),
            outstanding: FxHashMap::default(),
            removals: 0,
            refused: Vec::new(),
            terminating: None,
            next_cookie: 1,
        }
    }

    /// Of each location, batches outstanding and allowed, and whether it waits for a look.
    pub(super) fn places(&self) -> impl Iterator<Item = (ReceiveLocationId, (u32, u32), bool)> {
        let of = |one: &Location| (one.outstanding, self.settings.batches);
        self.locations.iter().map(move |one| (one.id, of(one), one.phase == Phase::Waiting))
    }

    fn fetch(&mut self, at: usize, proxy: &mut TransportProxy) {
        let location = &mut self.locations[at];
        location.phase = Phase::Fetching;
        let request = WireRequest::Fetch {
            endpoint: location.endpoint,
            location: location.id,
            messages: self.settings.batch_messages,
            bytes: self.settings.batch_bytes,
            transaction: None,
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
        if messages.is_empty() {
            return self.rest(now, at, false, proxy);
        }
        if !self.locations[at].open || self.terminating.is_some() {
            self.leave(at, messages, proxy);
            return self.rest(now, at, false, proxy);
        }
        self.locations[at].phase = Phase::Submitting { cookie: self.next_cookie, more };
        let items = messages.into_iter().map(|message| (message, Intent::Submit)).collect();
        self.post(Outstanding { location: at, items, attempts: 1 }, proxy);
    }

    /// Posts a batch and remembers what is in it until it is complete (R-MSG-08).
    fn post(&mut self, outstanding: Outstanding, proxy: &mut TransportProxy) {
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        // While the engine stops, sources stay where they are (R-DONE-06).
        let Ok(mut batch) = proxy.get_batch(cookie) else { return };
        batch.reserve(outstanding.items.len());
        for (message, intent) in &outstanding.items {
            batch.add(match intent {
                Intent::Submit => Operation::Submit(message.clone()),
                Intent::Suspend => {
                    Operation::MoveToSuspendQueue(Suspendable::Wire(message.clone()))
                }
            });
        }
        if proxy.done(batch).is_success() {
            self.locations[outstanding.location].outstanding += 1;
            self.outstanding.insert(cookie, outstanding);
        }
    }

    /// Puts back what the engine did not take.
    fn leave(&self, at: usize, messages: Vec<WireMessage>, proxy: &mut TransportProxy) {
        let endpoint = self.locations[at].endpoint;
        proxy.wire(REMOVAL, WireRequest::Leave { endpoint, messages });
    }

    /// Nothing could be stored, and no message is to blame: the sources keep all of them for
    /// another time (R-DONE-06, R-DUP-01).
    fn keep_sources(&mut self, now: Instant, kept: Outstanding, proxy: &mut TransportProxy) {
        let messages = kept.items.into_iter().map(|(message, _)| message).collect();
        if !self.locations[kept.location].open || self.terminating.is_some() {
            return self.leave(kept.location, messages, proxy);
        }
        if self.refused.is_empty() {
            proxy.wake(now + PAUSE, PAUSE_OVER);
        }
        self.refused.push((kept.location, messages));
    }

    fn leave_refused(&mut self, proxy: &mut TransportProxy) {
        for (at, messages) in std::mem::take(&mut self.refused) {
            self.leave(at, messages, proxy);
        }
    }

    fn add_endpoint(
        &mut self,
        now: Instant,
        id: ReceiveLocationId,
        endpoint: EndpointId,
        proxy: &mut TransportProxy,
    ) {
        let known = self.locations.iter().position(|location| location.id == id);
        let at = known.unwrap_or_else(|| {
            let (phase, outstanding) = (Phase::Closed, 0);
            let location =
                Location { id, endpoint, open: true, phase, outstanding, first_look: now };
            self.locations.push(location);
            self.locations.len() - 1
        });
        let location = &mut self.locations[at];
        location.open = true;
        if location.phase == Phase::Closed {
            location.phase = Phase::Watching;
            location.first_look = now;
            proxy.watch(id);
        }
    }

    /// What is outstanding goes on; nothing new begins (R-LIFE-06).
    fn remove_endpoint(&mut self, id: ReceiveLocationId) {
        for location in self.locations.iter_mut().filter(|location| location.id == id) {
            location.open = false;
            location.close_if_idle();
        }
    }

    fn terminate(&mut self, call: CallId, proxy: &mut TransportProxy) {
        self.terminating = Some(call);
        self.leave_refused(proxy);
        for location in &mut self.locations {
            location.close_if_idle();
        }
    }

    /// `Terminate` returns once every `Done` has had its `BatchComplete` and what is owned by the
    /// engine is removed from its source (R-SHUT-02, INV-57).
    fn try_to_return(&mut self, proxy: &mut TransportProxy) {
        let busy = (self.locations.iter()).any(|location| location.phase != Phase::Closed);
        if let Some(call) = self.terminating
            && self.outstanding.is_empty()
            && self.removals == 0
            && !busy
        {
            self.terminating = None;
            self.locations.clear();
            proxy.returned(call, Returned::Terminated);
        }
    }

    fn done_returned(
        &mut self,
        now: Instant,
        cookie: u64,
        status: Status,
        proxy: &mut TransportProxy,
    ) {
        if !status.is_success()
            && let Some(kept) = self.outstanding.remove(&cookie)
        {
            // A `Done` that failed brings no `BatchComplete` (R-DONE-04).
            self.locations[kept.location].outstanding -= 1;
            self.keep_sources(now, kept, proxy);
        }
        let returned =
            (self.locations.iter().enumerate()).find_map(|(at, location)| match location.phase {
                Phase::Submitting { cookie: posted, more } if posted == cookie => Some((at, more)),
                Phase::Closed
                | Phase::Fetching
                | Phase::Full
                | Phase::Submitting { .. }
                | Phase::Watching
                | Phase::Waiting => None,
            });
        if let Some((at, more)) = returned {
            self.rest(now, at, more, proxy);
        }
    }

    /// Between two fetches: goes on, waits for a free batch, a look, or a notification.
    fn rest(&mut self, now: Instant, at: usize, more: bool, proxy: &mut TransportProxy) {
        let location = &mut self.locations[at];
        if !location.open || self.terminating.is_some() {
            location.phase = Phase::Closed;
            return;
        }
        match self.settings.poll {
            Some(interval) if !self.settings.notify => {
                if location.outstanding >= self.settings.batches {
                    location.phase = Phase::Full;
                } else if more {
                    let next = next_look(now, location.first_look, interval);
                    location.phase = Phase::Waiting;
                    proxy.wake(next, at as u64);
                } else {
                    // Empty looks are not events: the source says when one would find something.
                    location.phase = Phase::Watching;
                    proxy.watch(location.id);
                }
            }
            Some(_) | None => {
                if location.outstanding >= self.settings.batches {
                    location.phase = Phase::Full;
                } else if more {
                    self.fetch(at, proxy);
                } else {
                    location.phase = Phase::Watching;
                    proxy.watch(location.id);
                }
            }
        }
    }

    fn arrived(&mut self, now: Instant, id: ReceiveLocationId, proxy: &mut TransportProxy) {
        let Some(at) = self.locations.iter().position(|location| location.id == id) else { return };
        let location = &mut self.locations[at];
        if location.phase != Phase::Watching {
            return;
        }
        match self.settings.poll {
            Some(interval) if !self.settings.notify => {
                location.phase = Phase::Waiting;
                proxy.wake(look_at_or_after(now, location.first_look, interval), at as u64);
            }
            Some(_) | None => self.fetch(at, proxy),
        }
    }

    fn complete(&mut self, now: Instant, status: &BatchStatus, proxy: &mut TransportProxy) {
        let Some(done) = self.outstanding.remove(&status.cookie) else { return };
        let at = done.location;
        self.locations[at].outstanding -= 1;
        if status.overall.is_success() {
            let numbers = done.items.iter().map(|(message, _)| message.number).collect();
            let endpoint = self.locations[at].endpoint;
            self.removals += 1;
            proxy.wire(REMOVAL, WireRequest::Remove { endpoint, numbers });
        } else if is_nobodys_fault(status.overall) {
            self.keep_sources(now, done, proxy);
        } else {
            self.resubmit_filtered(done, status, proxy);
        }
        if self.locations[at].phase == Phase::Full
            && self.locations[at].outstanding < self.settings.batches
        {
            // The source may have more; a polling location finds out at its next look.
            self.rest(now, at, true, proxy);
        }
    }

    /// Failed submits are suspended, innocents are submitted again (R-FILT-03); a message whose
    /// suspension failed stays at its source.
    fn resubmit_filtered(
        &mut self,
        failed: Outstanding,
        status: &BatchStatus,
        proxy: &mut TransportProxy,
    ) {
        if failed.attempts >= BATCH_ATTEMPTS_MAX {
            return;
        }
        let mut statuses = PerKind::of(status);
        let kept = failed.items.into_iter().filter_map(|(message, intent)| match intent {
            Intent::Submit if statuses.next(OperationKind::Submit).is_success() => {
                Some((message, Intent::Submit))
            }
            Intent::Submit => {
                // Why it is suspended stays with it (R-ADPT-17).
                proxy.set_error_info(ErrorSubject::Wire(message.number), NOT_SUBMITTED);
                Some((message, Intent::Suspend))
            }
            Intent::Suspend => (statuses.next(OperationKind::MoveToSuspendQueue).is_success())
                .then_some((message, Intent::Suspend)),
        });
        let items: Vec<_> = kept.collect();
        if !items.is_empty() {
            self.post(
                Outstanding { location: failed.location, items, attempts: failed.attempts + 1 },
                proxy,
            );
        }
    }
}

/// The engine stops, or its database is away: the messages are innocent.
fn is_nobodys_fault(status: Status) -> bool {
    status == Status::SHUTTING_DOWN || status == Status::PERSISTENCE_FAILURE
}

/// The first look strictly after `now`.
fn next_look(now: Instant, first: Instant, interval: Duration) -> Instant {
    look_at_or_after(now + Duration::from_nanos(1), first, interval)
}

/// The first look not before `now`.
fn look_at_or_after(now: Instant, first: Instant, interval: Duration) -> Instant {
    let intervals = now.since(first).as_nanos().div_ceil(interval.as_nanos().max(1));
    first + interval.times(intervals)
}

/// Walks the per-message statuses of each kind in the order of the add calls (R-BC-04).
pub(super) struct PerKind<'a> {
    status: &'a BatchStatus,
    next: [usize; OperationKind::ALL.len()],
}

impl<'a> PerKind<'a> {
    pub(super) fn of(status: &'a BatchStatus) -> Self {
        Self { status, next: [0; OperationKind::ALL.len()] }
    }

    /// The status of the next message added with `kind`; failure if the engine named none.
    pub(super) fn next(&mut self, kind: OperationKind) -> Status {
        let at = &mut self.next[kind as usize];
        *at += 1;
        let messages = self.status.of(kind).map(|operation| &operation.messages);
        messages.and_then(|messages| messages.get(*at - 1)).copied().unwrap_or(Status::FAIL)
    }
}

impl Adapter for Receiver {
    #[inline(never)]
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        match input {
            AdapterInput::AddReceiveEndpoint { location, endpoint, two_way: _ } => {
                self.add_endpoint(now, location, endpoint, proxy);
            }
            AdapterInput::RemoveReceiveEndpoint { location } => self.remove_endpoint(location),
            AdapterInput::UpdateEndpointConfig { location, endpoint } => {
                for known in self.locations.iter_mut().filter(|known| known.id == location) {
                    known.endpoint = endpoint;
                }
            }
            AdapterInput::Terminate { call } => self.terminate(call, proxy),
            AdapterInput::Arrived { location } => self.arrived(now, location, proxy),
            AdapterInput::BatchComplete(status) => self.complete(now, &status, proxy),
            AdapterInput::DoneReturned { cookie, status } => {
                self.done_returned(now, cookie, status, proxy);
            }
            AdapterInput::Wake { token: PAUSE_OVER } => self.leave_refused(proxy),
            AdapterInput::Wake { token } => {
                let waiting = self.locations.get(token as usize);
                if waiting.is_some_and(|location| location.phase == Phase::Waiting) {
                    self.fetch(token as usize, proxy);
                }
            }
            AdapterInput::WireDone { token, result: WireResult::Fetched { messages, more } } => {
                self.fetched(now, token as usize, messages, more, proxy);
            }
            AdapterInput::WireDone { result: WireResult::Removed, .. } => {
                self.removals = self.removals.saturating_sub(1);
            }
            AdapterInput::WireDone { .. } => {}
            AdapterInput::BeginBatch { .. }
            | AdapterInput::Clear { .. }
            | AdapterInput::Done { .. }
            | AdapterInput::TransmitMessage { .. } => {
                unreachable!("a receive adapter is not a transmitter")
            }
            AdapterInput::Initialize
            | AdapterInput::Isolated(_)
            | AdapterInput::Load
            | AdapterInput::TransactionDone { .. } => {}
        }
        if self.terminating.is_some() {
            self.try_to_return(proxy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_lie_whole_intervals_after_the_first() {
        let (first, five) = (Instant::from_nanos(2), Duration::from_nanos(5));
        let cases = [(2, 2, 7), (3, 7, 7), (7, 7, 12), (8, 12, 12)];
        for (now, at_or_after, after) in cases {
            let now = Instant::from_nanos(now);
            assert_eq!(look_at_or_after(now, first, five).as_nanos(), at_or_after);
            assert_eq!(next_look(now, first, five).as_nanos(), after);
        }
    }
}
