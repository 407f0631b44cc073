//! A source: the folder, queue or socket in front of a receive location.

use std::collections::VecDeque;

use floodgate_engine::id::ReceiveLocationId;
use floodgate_engine::message::WireMessage;
use floodgate_engine::time::{Duration, Instant};
use rustc_hash::FxHashMap;

use crate::dist::Dist;
use crate::rng::{Purpose, Rng};

/// Messages in the order of their arrival, and who wants to know of the next one.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    wire: Dist,
    messages: VecDeque<WireMessage>,
    /// Fetched and neither removed nor left, with who has them; kept only where processes may
    /// end.
    held: Vec<(u32, WireMessage)>,
    /// Adapters that look elsewhere until something arrives: told one at a time, in turn.
    watchers: VecDeque<(u32, ReceiveLocationId)>,
    /// Clients behind it, who wait for their answers, if it is no store.
    clients: Option<Clients>,
}

/// Clients that wait for an answer, each for so long.
#[derive(Clone, Debug, Default)]
struct Clients {
    patience: Option<Duration>,
    /// When they came, by the numbers of their requests; kept only if it matters.
    since: FxHashMap<u64, Instant>,
}

impl Source {
    pub(crate) fn new(wire: Dist) -> Self {
        Self {
            wire,
            messages: VecDeque::new(),
            held: Vec::new(),
            watchers: VecDeque::new(),
            clients: None,
        }
    }

    /// A door that clients come to; each goes away when it has waited for as long as it will.
    pub(crate) fn of_clients(wire: Dist, patience: Option<Duration>) -> Self {
        let clients = Some(Clients { patience, ..Clients::default() });
        Self { clients, ..Self::new(wire) }
    }

    pub(crate) const fn is_of_clients(&self) -> bool {
        self.clients.is_some()
    }

    /// How long its clients wait, if they go away at all.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.clients.as_ref().and_then(|clients| clients.patience)
    }

    /// Messages that nobody has fetched.
    pub(crate) fn waiting(&self) -> u64 {
        self.messages.len() as u64
    }

    /// Their bytes.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.messages.iter().map(|message| message.parts.bytes()).sum()
    }

    /// Whether the client of a request is still there to hear an answer at `now`.
    pub(crate) fn hears(&self, request: u64, now: Instant) -> bool {
        let Some(clients) = &self.clients else { return true };
        let since = clients.since.get(&request);
        let left = |since: &Instant| clients.patience.is_some_and(|lasts| *since + lasts < now);
        !since.is_some_and(left)
    }

    /// How long an answer takes to its client.
    pub(crate) fn answer_time(&self, rng: &Rng, lineage: u64) -> Duration {
        if self.wire.is_zero() {
            return Duration::ZERO;
        }
        self.wire.sample(|draw| rng.uniform(Purpose::Wire, lineage, u64::from(draw)))
    }

    /// A message arrives; returns who is to be told.
    pub(crate) fn arrive(&mut self, message: WireMessage) -> Option<(u32, ReceiveLocationId)> {
        if let Some(clients) = &mut self.clients
            && clients.patience.is_some()
        {
            clients.since.insert(message.number, message.arrived);
        }
        self.messages.push_back(message);
        self.watchers.pop_front()
    }

    /// An adapter wants to be told; returns it at once when there is something already.
    pub(crate) fn watch(&mut self, node: u32, location: ReceiveLocationId) -> bool {
        if self.messages.is_empty() {
            self.watchers.push_back((node, location));
        }
        !self.messages.is_empty()
    }

    /// Takes the oldest messages: up to `count`, up to `bytes`, but one at least (R-LMS-05).
    pub(crate) fn fetch(&mut self, count: u32, bytes: u64) -> Vec<WireMessage> {
        let mut size = 0;
        let fits = |message: &&WireMessage| {
            let first = size == 0;
            size += message.parts.bytes();
            first || size <= bytes
        };
        let taken = self.messages.iter().take(count as usize).take_while(fits).count();
        self.messages.drain(..taken).collect()
    }

    /// Takes back what was read in a transaction that was aborted, where it was; returns who is to
    /// be told.
    pub(crate) fn give_back(
        &mut self,
        messages: Vec<WireMessage>,
    ) -> impl Iterator<Item = (u32, ReceiveLocationId)> {
        let told = messages.len().min(self.watchers.len());
        self.messages.extend(messages);
        // Numbers are given in the order of arrival.
        self.messages.make_contiguous().sort_by_key(|message| message.number);
        self.watchers.drain(..told)
    }

    /// Remembers what `node` fetched: until it removes a message, it is still at the source.
    pub(crate) fn hold(&mut self, node: u32, messages: &[WireMessage]) {
        self.held.extend(messages.iter().map(|message| (node, message.clone())));
    }

    /// `node` removes messages.
    pub(crate) fn give_up(&mut self, node: u32, numbers: &[u64]) {
        self.held.retain(|(by, message)| *by != node || !numbers.contains(&message.number));
    }

    /// What was fetched can be fetched again, in its old place (R-DUP-01).
    pub(crate) fn put_back(&mut self, messages: Vec<WireMessage>) {
        self.messages.extend(messages);
        self.messages.make_contiguous().sort_by_key(|message| message.number);
    }

    /// The process of `node` is gone: nobody watches for it, and what it held is found again.
    /// Returns the numbers of those. Clients are gone with their connection.
    pub(crate) fn forget(&mut self, node: u32) -> Vec<u64> {
        self.watchers.retain(|(by, _)| *by != node);
        let (lost, held) =
            std::mem::take(&mut self.held).into_iter().partition(|(by, _)| *by == node);
        self.held = held;
        let lost: Vec<(u32, WireMessage)> = lost;
        let numbers = lost.iter().map(|(_, message)| message.number).collect();
        if !self.is_of_clients() {
            self.put_back(lost.into_iter().map(|(_, message)| message).collect());
        }
        numbers
    }

    /// `node` is not told of arrivals at `location` any more.
    pub(crate) fn unwatch(&mut self, node: u32, location: ReceiveLocationId) {
        self.watchers.retain(|watcher| *watcher != (node, location));
    }

    /// Who is to be told of what was put back: one for each message, as for arrivals.
    pub(crate) fn wake_watchers(&mut self) -> Vec<(u32, ReceiveLocationId)> {
        let count = self.messages.len().min(self.watchers.len());
        self.watchers.drain(..count).collect()
    }

    /// Whether a message is here, or was fetched and is not removed.
    pub(crate) fn has(&self, number: u64) -> bool {
        let held = self.held.iter().map(|(_, message)| message);
        self.messages.iter().chain(held).any(|message| message.number == number)
    }

    pub(crate) fn has_more(&self) -> bool {
        !self.messages.is_empty()
    }

    /// How long it takes to fetch `messages`, one after another.
    pub(crate) fn fetch_time(&self, rng: &Rng, messages: &[WireMessage]) -> Duration {
        if self.wire.is_zero() {
            return Duration::ZERO;
        }
        let one = |message: &WireMessage| {
            self.wire.sample(|draw| rng.uniform(Purpose::Wire, message.lineage, u64::from(draw)))
        };
        messages.iter().map(one).fold(Duration::ZERO, |sum, time| sum + time)
    }
}
