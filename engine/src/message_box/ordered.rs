//! The one service instance of an ordered send port (R-ORD-05).

use std::collections::VecDeque;

use crate::id::ReferenceId;

/// All messages of an ordered port in publication order; only the head is ever offered.
///
/// The head stays the head until it reaches a terminal state, so that at most one message of the
/// port is outstanding across all host instances (R-ORD-04, R-ORD-06, INV-45).
#[derive(Clone, Debug, Default)]
pub(super) struct OrderedInstance {
    queue: VecDeque<ReferenceId>,
    /// The head is in a work queue, waits for a retry, or is with an adapter.
    offered: bool,
    /// Suspended as a whole: stop on failure (R-ORD-08).
    stopped: bool,
}

impl OrderedInstance {
    /// Appends a message; returns the head if it is to be offered now.
    pub(super) fn push(&mut self, reference: ReferenceId) -> Option<ReferenceId> {
        self.queue.push_back(reference);
        self.offer()
    }

    /// The next head to put into the work queue, unless one is out or the instance is stopped.
    fn offer(&mut self) -> Option<ReferenceId> {
        if self.offered || self.stopped {
            return None;
        }
        let head = *self.queue.front()?;
        self.offered = true;
        Some(head)
    }

    /// The head reached a terminal state; returns the next one to offer.
    pub(super) fn head_left(&mut self, reference: ReferenceId) -> Option<ReferenceId> {
        let head = self.queue.pop_front();
        assert_eq!(head, Some(reference), "only the head of an ordered port can be outstanding");
        self.offered = false;
        self.offer()
    }

    /// The head failed for good and the rest stay behind it (R-ORD-08, INV-46).
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.offered = false;
    }

    /// A resumed message takes its place; only one that was routed to a stopped port has none yet.
    pub(super) fn rejoin(&mut self, reference: ReferenceId) {
        if !self.queue.contains(&reference) {
            self.queue.push_back(reference);
        }
    }

    /// An operator resumes the instance: it starts again with the failed head (R-ORD-09).
    pub(super) fn resume(&mut self) -> Option<ReferenceId> {
        self.stopped = false;
        self.offer()
    }

    /// An operator terminates the instance: all its messages go (R-ORD-09).
    pub(super) fn terminate(&mut self) -> Vec<ReferenceId> {
        self.stopped = false;
        self.offered = false;
        self.queue.drain(..).collect()
    }

    /// Whether a message waits here, the head included.
    pub(super) fn contains(&self, reference: ReferenceId) -> bool {
        self.queue.contains(&reference)
    }

    /// All its messages in publication order.
    pub(super) fn iter(&self) -> impl Iterator<Item = ReferenceId> {
        self.queue.iter().copied()
    }

    /// Whether the instance is suspended.
    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The message whose turn it is.
    pub(super) fn head(&self) -> Option<ReferenceId> {
        self.queue.front().copied()
    }

    /// Whether the head is out: in a work queue, waiting for a retry, or with an adapter.
    pub(super) const fn is_out(&self) -> bool {
        self.offered
    }

    /// The last message, and how many wait without being offered.
    pub(super) fn behind(&self) -> Option<(ReferenceId, u64)> {
        let last = *self.queue.back()?;
        let waiting = self.queue.len() - usize::from(self.offered || self.stopped);
        Some((last, waiting as u64))
    }

    /// Messages behind and including the head.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}
