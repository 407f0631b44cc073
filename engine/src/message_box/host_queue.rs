//! A host's work queue: what is eligible now, by priority and publication order, and what waits
//! for an instant.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::fmt;
use std::hint::cold_path;

use crate::id::ReferenceId;
use crate::time::Instant;

/// Priorities run from 1 (first) to 10 (last) (R-SUB-08).
pub(super) const PRIORITIES: usize = 10;

/// One priority's eligible references.
///
/// Fresh ones arrive in publication order, so a ring keeps them sorted for free; those that come
/// back (a retry, a resume) are few and sorted by a heap. The smaller head goes first (R-CLK-08).
#[derive(Clone, Debug, Default)]
struct Lane {
    fresh: VecDeque<ReferenceId>,
    /// Publication order of the last fresh one.
    fresh_last: u64,
    returned: BinaryHeap<Reverse<(u64, ReferenceId)>>,
}

impl Lane {
    #[inline(always)]
    fn push(&mut self, sequence: u64, reference: ReferenceId) {
        if self.fresh.is_empty() || self.fresh_last < sequence {
            self.fresh_last = sequence;
            self.fresh.push_back(reference);
        } else {
            cold_path();
            self.returned.push(Reverse((sequence, reference)));
        }
    }

    #[inline(always)]
    fn pop(&mut self, sequence_of: impl Fn(ReferenceId) -> u64) -> Option<ReferenceId> {
        if let Some(Reverse((returned, _))) = self.returned.peek() {
            cold_path();
            if self.fresh.front().is_none_or(|fresh| *returned < sequence_of(*fresh)) {
                return self.returned.pop().map(|Reverse((_, reference))| reference);
            }
        }
        let reference = self.fresh.pop_front()?;
        // A flood's memory is given back once the flood is over.
        if self.fresh.capacity() > 4096 && self.fresh.len() < self.fresh.capacity() / 8 {
            cold_path();
            self.fresh.shrink_to(self.fresh.len() * 2);
        }
        Some(reference)
    }

    fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.returned.is_empty()
    }
}

/// A host's work queue in one MessageBox (R-MBX-01).
#[derive(Clone, Default)]
pub(super) struct HostQueue {
    lanes: [Lane; PRIORITIES],
    /// A bit for every lane that holds something: the lowest is the first to go.
    occupied: u16,
    /// Not eligible before an instant (R-DEQ-06): by due time, then publication order.
    delayed: BinaryHeap<Reverse<(Instant, u64, u8, ReferenceId)>>,
}

impl fmt::Debug for HostQueue {
    /// The lanes that hold something, by priority.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lanes, occupied: _, delayed } = self;
        let lanes: BTreeMap<_, _> =
            (1..).zip(lanes).filter(|(_, lane): &(u8, _)| !lane.is_empty()).collect();
        f.debug_struct("HostQueue").field("lanes", &lanes).field("delayed", delayed).finish()
    }
}

impl HostQueue {
    /// Adds an eligible reference.
    #[inline(always)]
    pub(super) fn push(&mut self, priority: u8, sequence: u64, reference: ReferenceId) {
        let lane = usize::from(priority) - 1;
        self.lanes[lane].push(sequence, reference);
        self.occupied |= 1 << lane;
    }

    /// Whether nothing is here, neither eligible nor waiting for its time.
    pub(super) fn is_empty(&self) -> bool {
        self.occupied == 0 && self.delayed.is_empty()
    }

    /// Everything in it, in no order that matters.
    pub(super) fn ids(&self) -> Vec<ReferenceId> {
        let lanes = self.lanes.iter().flat_map(|lane| {
            let returned = lane.returned.iter().map(|Reverse((_, id))| *id);
            lane.fresh.iter().copied().chain(returned)
        });
        lanes.chain(self.delayed.iter().map(|Reverse((.., id))| *id)).collect()
    }

    /// Takes a reference out, wherever it is.
    pub(super) fn forget(&mut self, reference: ReferenceId) {
        for (at, lane) in self.lanes.iter_mut().enumerate() {
            lane.fresh.retain(|id| *id != reference);
            lane.returned.retain(|Reverse((_, id))| *id != reference);
            if lane.is_empty() {
                self.occupied &= !(1 << at);
            }
        }
        self.delayed.retain(|Reverse((.., id))| *id != reference);
    }

    /// Adds a reference that becomes eligible at `due`.
    pub(super) fn delay(
        &mut self,
        due: Instant,
        priority: u8,
        sequence: u64,
        reference: ReferenceId,
    ) {
        self.delayed.push(Reverse((due, sequence, priority, reference)));
    }

    /// Takes the next eligible reference: smallest priority number first (INV-28), then
    /// publication order.
    ///
    /// `sequence_of` tells the publication order of a queued reference, which only a comparison
    /// with one that came back needs; zero for one that is gone.
    #[inline(always)]
    pub(super) fn pop(
        &mut self,
        now: Instant,
        sequence_of: impl Fn(ReferenceId) -> u64,
    ) -> Option<ReferenceId> {
        let at = self.first_priority(now)?;
        let lane = &mut self.lanes[at];
        let first = lane.pop(sequence_of);
        if lane.is_empty() {
            self.occupied &= !(1 << at);
        }
        first
    }

    /// The smallest priority number that is eligible at `now`.
    pub(super) fn first_priority(&mut self, now: Instant) -> Option<usize> {
        self.promote_due(now);
        (self.occupied != 0).then(|| self.occupied.trailing_zeros() as usize)
    }

    /// What is due by `now` becomes eligible; whether there was any.
    #[inline]
    pub(super) fn promote_due(&mut self, now: Instant) -> bool {
        self.next_due().is_some_and(|due| due <= now) && self.promote(now)
    }

    #[cold]
    #[inline(never)]
    fn promote(&mut self, now: Instant) -> bool {
        let before = self.delayed.len();
        while let Some(Reverse((due, ..))) = self.delayed.peek()
            && *due <= now
        {
            if let Some(Reverse((_, sequence, priority, reference))) = self.delayed.pop() {
                self.push(priority, sequence, reference);
            }
        }
        self.delayed.len() < before
    }

    /// Places in it, waiting ones included.
    pub(super) fn len(&self) -> usize {
        let lanes = self.lanes.iter().map(|lane| lane.fresh.len() + lane.returned.len());
        lanes.sum::<usize>() + self.delayed.len()
    }

    /// How many references a look at `now` would find, counted up to `max`.
    pub(super) fn eligible(&self, now: Instant, max: usize) -> usize {
        let mut waiting = 0;
        let mut occupied = self.occupied;
        while occupied != 0 {
            let lane = &self.lanes[occupied.trailing_zeros() as usize];
            waiting += lane.fresh.len() + lane.returned.len();
            occupied &= occupied - 1;
        }
        let due = usize::from(self.next_due().is_some_and(|due| due <= now));
        (waiting + due).min(max)
    }

    /// Whether a look at `now` would find something.
    pub(super) fn has_eligible(&self, now: Instant) -> bool {
        self.occupied != 0 || self.next_due().is_some_and(|due| due <= now)
    }

    /// When the next waiting reference becomes eligible.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delayed.peek().map(|Reverse((due, ..))| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Key, Slab};
    use crate::time::Duration;

    fn references(count: usize) -> Vec<ReferenceId> {
        let mut slab = Slab::default();
        (0..count).map(|n| -> Key { slab.insert(n) }).map(ReferenceId).collect()
    }

    #[test]
    fn priority_first_then_publication_order_retries_included() {
        // R-DEQ-05, R-CLK-08, INV-28.
        let ids = references(5);
        let mut queue = HostQueue::default();
        queue.push(7, 3, ids[3]);
        queue.push(7, 4, ids[4]);
        queue.push(7, 1, ids[1]); // came back: older than what waits
        queue.push(2, 9, ids[0]);
        let sequence_of = |id: ReferenceId| if id == ids[3] { 3 } else { 4 };
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(Instant::ZERO, sequence_of)).collect();
        assert_eq!(order, [ids[0], ids[1], ids[3], ids[4]]);
    }

    #[test]
    fn nothing_is_eligible_before_its_time() {
        // R-DEQ-06, INV-29.
        let ids = references(1);
        let due = Instant::ZERO + Duration::from_secs(5);
        let mut queue = HostQueue::default();
        queue.delay(due, 7, 1, ids[0]);
        let before = Instant::from_nanos(due.as_nanos() - 1);
        assert_eq!((queue.pop(before, |_| 1), queue.has_eligible(before)), (None, false));
        assert_eq!((queue.next_due(), queue.has_eligible(due)), (Some(due), true));
        assert_eq!(queue.pop(due, |_| 1), Some(ids[0]));
    }

    #[test]
    fn of_equals_the_fresh_one_goes_first_and_an_empty_ring_takes_what_comes() {
        // R-CLK-08: the smaller number first; one number is never given twice.
        let ids = references(4);
        let mut queue = HostQueue::default();
        queue.push(7, 5, ids[0]);
        queue.push(7, 5, ids[1]);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(Instant::ZERO, |_| 5)).collect();
        assert_eq!(order, [ids[0], ids[1]]);
        // Nothing fresh waits: what comes back is as good as fresh.
        queue.push(7, 3, ids[2]);
        queue.push(7, 4, ids[3]);
        assert!(queue.lanes[6].returned.is_empty());
        let of = |id: ReferenceId| if id == ids[2] { 3 } else { 4 };
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(Instant::ZERO, of)).collect();
        assert_eq!(order, [ids[2], ids[3]]);
    }

    #[test]
    fn the_memory_of_a_flood_is_given_back_when_it_is_over() {
        // No rule: a deep queue leaves no deep memory, and a shallow one is left alone.
        let mut queue = HostQueue::default();
        let mut flood = |count: usize, left: usize| {
            for (sequence, id) in (1..).zip(references(count)) {
                queue.push(7, sequence, id);
            }
            let grown = queue.lanes[6].fresh.capacity();
            for _ in left..count {
                assert!(queue.pop(Instant::ZERO, |_| 1).is_some());
            }
            let rest = queue.lanes[6].fresh.capacity();
            while queue.pop(Instant::ZERO, |_| 1).is_some() {}
            (grown, rest)
        };
        let (grown, rest) = flood(2000, 2);
        assert_eq!(rest, grown, "too little to bother");
        let (grown, rest) = flood(20_000, 10_000);
        assert_eq!(rest, grown, "half is still there");
        let (grown, rest) = flood(20_000, 1000);
        assert!(rest < grown / 2 && rest >= 1000, "{rest} of {grown}");
    }

    #[test]
    fn a_queue_is_empty_without_what_waits_for_its_time_and_counts_it_once_it_is_due() {
        // R-DEQ-06, INV-29.
        let ids = references(4);
        let due = Instant::ZERO + Duration::from_secs(5);
        let mut queue = HostQueue::default();
        assert!(queue.is_empty());
        queue.delay(due, 7, 1, ids[0]);
        assert!(!queue.is_empty() && !queue.promote_due(Instant::ZERO));
        assert_eq!([Instant::ZERO, due].map(|at| queue.eligible(at, 9)), [0, 1]);
        queue.push(7, 2, ids[1]);
        queue.push(3, 3, ids[2]);
        assert_eq!([Instant::ZERO, due].map(|at| queue.eligible(at, 9)), [2, 3]);
        assert_eq!(queue.eligible(due, 1), 1);
        assert!(queue.promote_due(due) && !queue.promote_due(due));
        for _ in 0..3 {
            assert!(queue.pop(due, |_| 2).is_some());
        }
        assert!(queue.is_empty());
        queue.push(7, 4, ids[3]);
        assert!(!queue.is_empty());
    }
}
