//! The plain queue: a binary heap. Slow when millions of events wait, and plainly right.

use std::collections::BinaryHeap;

use floodgate_engine::time::Instant;

use super::{Entry, Schedule};

/// A binary heap of events: what every other [`Schedule`] must agree with.
#[derive(Clone, Debug)]
pub struct Heap<T> {
    entries: BinaryHeap<Entry<T>>,
    now: u64,
    sequence: u64,
}

impl<T> Heap<T> {
    /// An empty queue, at instant zero.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: BinaryHeap::new(), now: 0, sequence: 0 }
    }
}

impl<T> Default for Heap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Schedule<T> for Heap<T> {
    fn push(&mut self, at: Instant, tie: u32, item: T) {
        let at = at.as_nanos();
        assert!(at >= self.now, "an event may not be scheduled in the past");
        self.entries.push(Entry { at, sequence: self.sequence, tie, item });
        self.sequence += 1;
    }

    fn pop(&mut self) -> Option<(Instant, T)> {
        let entry = self.entries.pop()?;
        self.now = entry.at;
        Some((Instant::from_nanos(entry.at), entry.item))
    }

    fn next_at(&self) -> Option<Instant> {
        self.entries.peek().map(|entry| Instant::from_nanos(entry.at))
    }

    fn len(&self) -> usize {
        self.entries.len()
    }
}
