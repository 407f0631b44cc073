//! The request-response receive adapter: an HTTP-like listener whose clients wait for answers.
//!
//! A client's message is submitted as a request with a token of its own, and the client is answered
//! by what `TransmitMessage` brings for that token: the response, or the engine's fault. One-way
//! locations are answered as soon as their batch is complete. What fails is refused to the client
//! rather than suspended, unless it is set otherwise (R-RR-16, R-SUSP-02).
//! An answer may come before `BatchComplete` and before `Done` returned (R-BC-08): clients are
//! known from the moment of their post. After a failed batch nobody waits (R-RR-13).

use rustc_hash::FxHashMap;

use super::aside::{Aside, PAUSE_OVER};
use super::door::{Door, Next};
use super::fate::{NOT_SENT, NOT_SUBMITTED};
use super::receive::PerKind;
use super::{
    Adapter, AdapterInput, Answer, CallId, ErrorSubject, Returned, Transmission, WireRequest,
    WireResult,
};
use crate::batch::{BatchStatus, Operation, OperationKind, Status, Suspendable};
use crate::config::RequestSettings;
use crate::id::{EndpointId, ReceiveLocationId, ReferenceId};
use crate::message::WireMessage;
use crate::message_box::{Exchange, OutboundMessage};
use crate::time::Instant;
use crate::transport_proxy::TransportProxy;

/// Batches made of one set of messages before the clients are refused (R-FILT-04).
const BATCH_ATTEMPTS_MAX: u32 = 4;
/// Tokens of answers lie above those of fetches.
const ANSWERS: u64 = 1 << 32;

#[derive(Clone, Debug)]
struct Location {
    id: ReceiveLocationId,
    endpoint: EndpointId,
    two_way: bool,
    door: Door,
}

/// What a batch does with one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Intent {
    Request(u64),
    Submit,
    Suspend,
}

#[derive(Clone, Debug)]
struct Outstanding {
    location: usize,
    items: Vec<(WireMessage, Intent)>,
    attempts: u32,
}

/// A client that waits for its answer.
#[derive(Clone, Copy, Debug)]
struct Client {
    location: usize,
    request: u64,
    /// Its batch is complete: only now can the wait be withdrawn.
    submitted: bool,
    answered: bool,
    /// It went away.
    gone: bool,
}

/// A batch of one operation, of whose outcome only matters whether it could be stored.
#[derive(Clone, Copy, Debug)]
enum Settling {
    Cancel(u64),
    Delete(ReferenceId),
    Suspend(ReferenceId),
}

/// An answer on its way to a client.
#[derive(Clone, Copy, Debug)]
struct Answering {
    reference: ReferenceId,
    fault: bool,
    call: Option<CallId>,
}

/// The request-response receive adapter of one host instance.
#[derive(Clone, Debug)]
pub struct Requester {
    settings: RequestSettings,
    cpus: u32,
    locations: Vec<Location>,
    outstanding: FxHashMap<u64, Outstanding>,
    clients: FxHashMap<u64, Client>,
    answering: FxHashMap<u64, Answering>,
    /// Batches that end messages or waits, not complete yet.
    settling: FxHashMap<u64, Settling>,
    aside: Aside<Settling>,
    terminating: Option<CallId>,
    next_cookie: u64,
    next_token: u64,
}

impl Requester {
    /// An adapter without locations.
    #[must_use]
    pub fn new(settings: RequestSettings) -> Self {
        Self {
            settings,
            cpus: 1,
            locations: Vec::new(),
            outstanding: FxHashMap::default(),
            clients: FxHashMap::default(),
            answering: FxHashMap::default(),
            settling: FxHashMap::default(),
            aside: Aside::default(),
            terminating: None,
            next_cookie: 1,
            next_token: 1,
        }
    }

    /// The same on a machine with so many CPUs: its listeners are counted for each.
    #[must_use]
    pub fn on(self, cpus: u32) -> Self {
        Self { cpus, ..self }
    }

    /// A listener of a location does what is next.
    fn listen(&mut self, at: usize, next: Next, proxy: &mut TransportProxy) {
        let location = &self.locations[at];
        match next {
            Next::Fetch(room) => {
                let request = WireRequest::Fetch {
                    endpoint: location.endpoint,
                    location: location.id,
                    messages: self.settings.batch_messages.min(room),
                    bytes: u64::MAX,
                    transaction: None,
                };
                proxy.wire(at as u64, request);
            }
            Next::Nothing => {}
            Next::Watch => proxy.watch(location.id),
        }
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
            let next = self.locations[at].door.found_nobody();
            return self.listen(at, next, proxy);
        }
        let door = &mut self.locations[at].door;
        door.let_in(u32::try_from(messages.len()).unwrap_or(u32::MAX));
        if door.is_closed() {
            // Who came while the location closed is turned away (R-LIFE-06, R-SHUT-03).
            for message in messages {
                self.respond(at, message.number, Answer::Failed, proxy);
            }
            return;
        }
        door.submits(self.next_cookie, more);
        let two_way = self.locations[at].two_way;
        let mut items = Vec::with_capacity(messages.len());
        for message in messages {
            let intent = if two_way {
                Intent::Request(self.welcome(now, at, &message, proxy))
            } else {
                Intent::Submit
            };
            items.push((message, intent));
        }
        if self.post(now, Outstanding { location: at, items, attempts: 1 }, proxy) {
            let next = self.locations[at].door.goes_on();
            self.listen(at, next, proxy);
        }
    }

    /// A client is known by its token from now on.
    fn welcome(
        &mut self,
        now: Instant,
        location: usize,
        message: &WireMessage,
        proxy: &mut TransportProxy,
    ) -> u64 {
        let token = self.next_token;
        self.next_token += 1;
        let client = Client {
            location,
            request: message.number,
            submitted: false,
            answered: false,
            gone: false,
        };
        self.clients.insert(token, client);
        let leaves = self.settings.cancel_after;
        // One of several answers ends nothing; the client of those leaves with the time-out.
        let leaves = leaves.or(self.settings.timeout.filter(|_| !self.settings.first_only));
        if let Some(after) = leaves {
            proxy.wake(now + after, token);
        }
        token
    }

    /// Whether the engine took the batch.
    fn post(&mut self, now: Instant, outstanding: Outstanding, proxy: &mut TransportProxy) -> bool {
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        let Ok(mut batch) = proxy.get_batch(cookie) else {
            self.refuse_all(outstanding, proxy);
            return false;
        };
        let expires = self.settings.timeout.map(|timeout| now + timeout);
        for (message, intent) in &outstanding.items {
            let message = message.clone();
            batch.add(match intent {
                Intent::Request(token) => Operation::SubmitRequest {
                    request: message,
                    token: *token,
                    first_only: self.settings.first_only,
                    expires,
                },
                Intent::Submit => Operation::Submit(message),
                Intent::Suspend => Operation::MoveToSuspendQueue(Suspendable::Wire(message)),
            });
        }
        let taken = proxy.done(batch).is_success();
        if taken {
            self.outstanding.insert(cookie, outstanding);
        } else {
            self.refuse_all(outstanding, proxy);
        }
        taken
    }

    fn refuse_all(&mut self, refused: Outstanding, proxy: &mut TransportProxy) {
        for (message, intent) in refused.items {
            self.refuse(refused.location, &message, intent, proxy);
        }
    }

    /// The client gets an error (R-RR-16); nothing else will come for it.
    fn refuse(
        &mut self,
        location: usize,
        message: &WireMessage,
        intent: Intent,
        proxy: &mut TransportProxy,
    ) {
        if let Intent::Request(token) = intent {
            self.clients.remove(&token);
        }
        self.respond(location, message.number, Answer::Failed, proxy);
    }

    /// An answer that no message of the engine's waits for.
    fn respond(
        &mut self,
        location: usize,
        request: u64,
        answer: Answer,
        proxy: &mut TransportProxy,
    ) {
        let endpoint = self.locations[location].endpoint;
        proxy.wire(u64::MAX, WireRequest::Respond { endpoint, request, answer });
        self.leaves(location, proxy);
    }

    /// There is room for another client.
    fn leaves(&mut self, at: usize, proxy: &mut TransportProxy) {
        let next = self.locations[at].door.left();
        self.listen(at, next, proxy);
    }

    fn place(&self, id: ReceiveLocationId) -> Option<usize> {
        self.locations.iter().position(|location| location.id == id)
    }

    fn done_returned(&mut self, returned: u64, proxy: &mut TransportProxy) {
        for at in 0..self.locations.len() {
            let next = self.locations[at].door.returned(returned);
            self.listen(at, next, proxy);
        }
    }

    fn complete(&mut self, now: Instant, status: &BatchStatus, proxy: &mut TransportProxy) {
        if let Some(settling) = self.settling.remove(&status.cookie)
            && status.could_not_store()
        {
            return self.aside.lay(now, [settling], proxy);
        }
        let Some(done) = self.outstanding.remove(&status.cookie) else { return };
        if !status.overall.is_success() {
            return self.resubmit_filtered(now, done, status, proxy);
        }
        let mut statuses = PerKind::of(status);
        let location = done.location;
        for (message, intent) in done.items {
            match intent {
                Intent::Request(token) => {
                    let status = statuses.next(OperationKind::SubmitRequest);
                    self.submitted(token, status, proxy);
                }
                Intent::Submit => {
                    // A suspended message was taken all the same (R-RR-16).
                    let answer = taken(statuses.next(OperationKind::Submit));
                    self.respond(location, message.number, answer, proxy);
                }
                Intent::Suspend => {
                    let two_way = self.locations[location].two_way;
                    let answer = if two_way { Answer::Failed } else { Answer::Accepted };
                    self.respond(location, message.number, answer, proxy);
                }
            }
        }
    }

    /// A request was taken: its answer will come, or has come already.
    fn submitted(&mut self, token: u64, status: Status, proxy: &mut TransportProxy) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        client.submitted = true;
        if status == Status::SECURITY_CHECK_FAILED {
            let client = *client;
            self.clients.remove(&token);
            self.respond(client.location, client.request, Answer::Unauthorized, proxy);
        } else if client.gone {
            self.withdraw(token, proxy);
        } else if self.terminating.is_some() {
            self.dismiss(token, proxy);
        }
    }

    /// What failed is refused, or suspended; innocents are submitted again (R-FILT-03).
    fn resubmit_filtered(
        &mut self,
        now: Instant,
        failed: Outstanding,
        status: &BatchStatus,
        proxy: &mut TransportProxy,
    ) {
        let location = failed.location;
        if failed.attempts >= BATCH_ATTEMPTS_MAX {
            return self.refuse_all(failed, proxy);
        }
        let mut statuses = PerKind::of(status);
        let mut items = Vec::new();
        for (message, intent) in failed.items {
            let kind = match intent {
                Intent::Request(_) => OperationKind::SubmitRequest,
                Intent::Submit => OperationKind::Submit,
                Intent::Suspend => OperationKind::MoveToSuspendQueue,
            };
            if statuses.next(kind).is_success() {
                items.push((message, intent));
            } else if self.settings.suspend_failed && intent != Intent::Suspend {
                if let Intent::Request(token) = intent {
                    self.clients.remove(&token);
                }
                // Why it is suspended stays with it (R-ADPT-17).
                proxy.set_error_info(ErrorSubject::Wire(message.number), NOT_SUBMITTED);
                items.push((message, Intent::Suspend));
            } else {
                self.refuse(location, &message, intent, proxy);
            }
        }
        if !items.is_empty() {
            self.post(now, Outstanding { location, items, attempts: failed.attempts + 1 }, proxy);
        }
    }

    /// A client went away: nobody waits for the response any more (R-RR-11).
    fn leave(&mut self, token: u64, proxy: &mut TransportProxy) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        client.gone = true;
        if client.answered {
            self.clients.remove(&token);
        } else if client.submitted && self.settings.cancel_after.is_some() {
            self.withdraw(token, proxy);
        }
    }

    fn withdraw(&mut self, token: u64, proxy: &mut TransportProxy) {
        let Some(client) = self.clients.remove(&token) else { return };
        self.settle(Settling::Cancel(token), proxy);
        self.leaves(client.location, proxy);
    }

    fn settle(&mut self, settling: Settling, proxy: &mut TransportProxy) {
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        let Ok(mut batch) = proxy.get_batch(cookie) else { return };
        batch.add(match settling {
            Settling::Cancel(token) => Operation::CancelResponse { token },
            Settling::Delete(reference) => Operation::Delete(reference),
            Settling::Suspend(reference) => {
                Operation::MoveToSuspendQueue(Suspendable::Reference(reference))
            }
        });
        // Refused, it stays with the engine, and whoever starts next finds it (R-SHUT-04).
        if proxy.done(batch).is_success() {
            self.settling.insert(cookie, settling);
        }
    }

    /// The engine brings an answer: a response, or its fault (R-RR-04, R-RR-07).
    fn transmit(&mut self, call: CallId, message: &OutboundMessage, proxy: &mut TransportProxy) {
        let (token, fault) = match message.exchange {
            Exchange::Response { token, fault } => (token, fault),
            Exchange::Answer | Exchange::OneWay | Exchange::Solicit => {
                return proxy.returned(call, Returned::Failed);
            }
        };
        let Some(client) = self.clients.get_mut(&token).filter(|client| !client.gone) else {
            // The client went away: there is nobody to tell.
            self.clients.remove(&token);
            return proxy.returned(call, Returned::Sent);
        };
        let first = !std::mem::replace(&mut client.answered, true);
        let client = *client;
        if fault || self.settings.first_only {
            self.clients.remove(&token);
        }
        let answer =
            if fault { Answer::Failed } else { Answer::Response(Transmission::of(message)) };
        let endpoint = self.locations[client.location].endpoint;
        let wire = ANSWERS + self.next_cookie;
        self.next_cookie += 1;
        let held = self.settings.blocking.then_some(call);
        let reference = message.reference;
        self.answering.insert(wire, Answering { reference, fault, call: held });
        proxy.wire(wire, WireRequest::Respond { endpoint, request: client.request, answer });
        if held.is_none() {
            proxy.returned(call, Returned::Pending);
        }
        if first {
            self.leaves(client.location, proxy);
        }
    }

    /// An answer reached its client, or the client was gone. A fault that nobody hears is done
    /// with; a response is kept for the operator.
    fn answered(&mut self, token: u64, sent: bool, proxy: &mut TransportProxy) {
        let Some(Answering { reference, fault, call }) = self.answering.remove(&token) else {
            return;
        };
        let done = sent || fault;
        match call {
            Some(call) => {
                proxy.returned(call, if done { Returned::Sent } else { Returned::Failed });
            }
            None if done => self.settle(Settling::Delete(reference), proxy),
            None => {
                proxy.set_error_info(ErrorSubject::Reference(reference), NOT_SENT);
                self.settle(Settling::Suspend(reference), proxy);
            }
        }
    }

    /// Nobody will answer this client (R-RR-15).
    fn dismiss(&mut self, token: u64, proxy: &mut TransportProxy) {
        if let Some(client) = self.clients.remove(&token)
            && !client.answered
            && !client.gone
        {
            self.respond(client.location, client.request, Answer::Failed, proxy);
        }
    }

    /// `Terminate`: clients that still wait are refused (R-RR-15); those whose batch is under way,
    /// when it is complete.
    fn terminate(&mut self, call: CallId, proxy: &mut TransportProxy) {
        for location in &mut self.locations {
            location.door.close();
        }
        let submitted = self.clients.iter().filter(|(_, client)| client.submitted);
        let mut waiting: Vec<u64> = submitted.map(|(token, _)| *token).collect();
        waiting.sort_unstable();
        for token in waiting {
            self.dismiss(token, proxy);
        }
        self.terminating = Some(call);
    }

    fn end_if_idle(&mut self, proxy: &mut TransportProxy) {
        if self.outstanding.is_empty()
            && self.answering.is_empty()
            && self.settling.is_empty()
            && let Some(call) = self.terminating.take()
        {
            proxy.returned(call, Returned::Terminated);
        }
    }

    fn open(&mut self, location: ReceiveLocationId, endpoint: EndpointId, two_way: bool) {
        match self.place(location) {
            Some(at) => self.locations[at].door.open(),
            None => {
                let listeners = self.settings.threads_per_cpu.saturating_mul(self.cpus);
                let door = Door::new(listeners, self.settings.concurrent);
                self.locations.push(Location { id: location, endpoint, two_way, door });
            }
        }
    }
}

/// What the client of a one-way message is told once its batch is complete (R-RR-16).
const fn taken(status: Status) -> Answer {
    if status.0 == Status::SECURITY_CHECK_FAILED.0 {
        Answer::Unauthorized
    } else {
        Answer::Accepted
    }
}

impl Adapter for Requester {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        match input {
            AdapterInput::AddReceiveEndpoint { location, endpoint, two_way } => {
                self.open(location, endpoint, two_way);
                proxy.watch(location);
            }
            AdapterInput::Arrived { location } => {
                if let Some(at) = self.place(location) {
                    let next = self.locations[at].door.arrived();
                    self.listen(at, next, proxy);
                }
            }
            AdapterInput::BatchComplete(status) => self.complete(now, &status, proxy),
            AdapterInput::DoneReturned { cookie, .. } => self.done_returned(cookie, proxy),
            AdapterInput::TransmitMessage { call, message } => {
                self.transmit(call, &message, proxy);
            }
            AdapterInput::Wake { token: PAUSE_OVER } => {
                for settling in self.aside.take() {
                    self.settle(settling, proxy);
                }
            }
            AdapterInput::Wake { token } => self.leave(token, proxy),
            AdapterInput::WireDone { token, result: WireResult::Fetched { messages, more } } => {
                self.fetched(now, token as usize, messages, more, proxy);
            }
            AdapterInput::WireDone { token, result } => {
                self.answered(token, matches!(result, WireResult::Sent), proxy);
            }
            AdapterInput::RemoveReceiveEndpoint { location } => {
                if let Some(at) = self.place(location) {
                    self.locations[at].door.close();
                }
            }
            AdapterInput::UpdateEndpointConfig { location, endpoint } => {
                if let Some(at) = self.place(location) {
                    self.locations[at].endpoint = endpoint;
                }
            }
            AdapterInput::Terminate { call } => self.terminate(call, proxy),
            AdapterInput::Initialize
            | AdapterInput::Isolated(_)
            | AdapterInput::Load
            | AdapterInput::TransactionDone { .. } => {}
            AdapterInput::BeginBatch { .. }
            | AdapterInput::Clear { .. }
            | AdapterInput::Done { .. } => {
                unreachable!("answers go to their clients one at a time")
            }
        }
        self.end_if_idle(proxy);
    }
}
