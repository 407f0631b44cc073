//! A source: the folder, queue or socket in front of a receive location.

use std::collections::VecDeque;

use floodgate_engine::id::ReceiveLocationId;
use floodgate_engine::message::WireMessage;
use floodgate_engine::time::Duration;

use crate::dist::Dist;
use crate::rng::{Purpose, Rng};

/// Messages in the order of their arrival, and who wants to know of the next one.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    wire: Dist,
    messages: VecDeque<WireMessage>,
    /// Adapters that look elsewhere until something arrives: told one at a time, in turn.
    watchers: VecDeque<(u32, ReceiveLocationId)>,
}

impl Source {
    pub(crate) fn new(wire: Dist) -> Self {
        Self { wire, messages: VecDeque::new(), watchers: VecDeque::new() }
    }

    /// A message arrives; returns who is to be told.
    pub(crate) fn arrive(&mut self, message: WireMessage) -> Option<(u32, ReceiveLocationId)> {
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
