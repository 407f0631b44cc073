//! The fast queue: three short lanes for the near future, a wheel of wheels for the rest.
//!
//! Level `l` of the wheel has 64 slots, each 64^l nanoseconds wide; eleven levels cover all of
//! virtual time. An event beyond the horizon waits, unsorted, in the slot of the highest digit (to
//! base 64) in which its instant differs from `base`; hence every event of a lower level comes
//! before every event of a higher one, and bitmaps find the next occupied slot however far it is.
//!
//! When the lanes are empty the next slot is opened: a slot of few events is sorted into a lane as
//! it is, whatever its width, and a crowded one is dealt out to the levels below. So the effective
//! width of a slot follows the density of events, from one a microsecond to one an hour, and no
//! constant has to be tuned. Slots are lists of chunks from a common pool: in steady state nothing
//! is allocated and memory is touched in sequence.

use std::collections::{BinaryHeap, VecDeque};
use std::mem;

use floodgate_engine::time::Instant;

use super::{Entry, Schedule};

const DIGIT_BITS: u32 = 6;
const LEVELS: usize = 11;
const SLOTS: usize = 1 << DIGIT_BITS;
/// A slot with more events than this is dealt out to the levels below.
const RUN_MAX: usize = 32;
/// An event is put in its place in the run as long as moving the others aside is cheaper than a
/// heap.
const RUN_INSERT: usize = 64;
/// When the lane without an order holds more than this, the later events go back to the wheel.
const CROWD_MAX: usize = 64;
const CHUNK_ENTRIES: usize = 16;
/// No chunk: the end of a slot's list, and of the list of free chunks.
const NONE: u32 = u32::MAX;

/// The event queue of a run: amortised constant time per event at any density, in the exact order
/// of [`Heap`](super::Heap).
#[derive(Clone, Debug)]
pub struct Wheel<T> {
    /// What the last opened slot held, and what came before the horizon while it was short;
    /// latest first.
    run: Vec<Entry<T>>,
    /// Pushed before the horizon in their final order: a burst due now costs no sorting.
    ring: VecDeque<Entry<T>>,
    /// Pushed before the horizon in any other order.
    crowd: BinaryHeap<Entry<T>>,
    /// How long `crowd` may grow before the later events of all lanes return to the wheel.
    crowd_max: usize,
    /// Events before this instant are in the lanes, all others in the wheel; `u64::MAX` is before
    /// the horizon of `u64::MAX`.
    horizon: u64,
    /// The start of the last opened slot, against which digits are compared; never after `now`.
    base: u64,
    /// Bit l: level l has an occupied slot.
    occupied_levels: u32,
    /// Bit s of element l: slot s of level l is occupied.
    occupied: [u64; LEVELS],
    slots: Box<[[Slot; SLOTS]; LEVELS]>,
    chunks: Vec<Chunk<T>>,
    free: u32,
    /// The instant of the last popped event.
    now: u64,
    sequence: u64,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    first: u32,
    len: u32,
    /// The earliest instant in the slot.
    min: u64,
}

#[derive(Clone, Debug)]
struct Chunk<T> {
    entries: Vec<Entry<T>>,
    next: u32,
}

impl Slot {
    const EMPTY: Self = Self { first: NONE, len: 0, min: u64::MAX };
}

impl<T> Wheel<T> {
    /// An empty queue, at instant zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            run: Vec::new(),
            ring: VecDeque::new(),
            crowd: BinaryHeap::new(),
            crowd_max: CROWD_MAX,
            horizon: 0,
            base: 0,
            occupied_levels: 0,
            occupied: [0; LEVELS],
            slots: Box::new([[Slot::EMPTY; SLOTS]; LEVELS]),
            chunks: Vec::new(),
            free: NONE,
            now: 0,
            sequence: 0,
            len: 0,
        }
    }

    /// What waits, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (Instant, &T)> {
        let near = self.run.iter().chain(&self.ring).chain(&self.crowd);
        let far = self.chunks.iter().flat_map(|chunk| &chunk.entries);
        near.chain(far).map(|entry| (Instant::from_nanos(entry.at), &entry.item))
    }

    #[inline]
    fn is_near(&self, at: u64) -> bool {
        at < self.horizon || self.horizon == u64::MAX
    }

    /// Puts an event into the lanes.
    #[inline]
    fn push_near(&mut self, entry: Entry<T>) {
        // Reverse order: the last of the ring is the least of it.
        if self.ring.back().is_none_or(|last| entry < *last) {
            return self.ring.push_back(entry);
        }
        self.push_between(entry);
    }

    /// Puts an event before one that was pushed earlier.
    fn push_between(&mut self, entry: Entry<T>) {
        if self.run.len() < RUN_INSERT {
            // It is the last one pushed: of equal instants and ties it is the latest.
            let mut at = self.run.partition_point(|known| known.at > entry.at);
            let later = |known: &Entry<T>| known.at == entry.at && known.tie > entry.tie;
            while self.run.get(at).is_some_and(later) {
                at += 1;
            }
            return self.run.insert(at, entry);
        }
        self.crowd.push(entry);
        if self.crowd.len() > self.crowd_max {
            self.thin_out();
        }
    }

    /// Draws the horizon nearer: a wide slot was opened when it held few events, and has drawn a
    /// crowd since. Keeps the first events (and all of the last one's instant) in the lanes.
    #[cold]
    fn thin_out(&mut self) {
        let mut all: Vec<Entry<T>> = mem::take(&mut self.crowd).into_vec();
        all.append(&mut self.run);
        all.extend(self.ring.drain(..));
        all.sort_unstable();
        let keep_from = all.len().saturating_sub(RUN_MAX);
        let horizon = all[keep_from].at.saturating_add(1);
        // A horizon at the end of time includes it: nothing is left for the wheel.
        let keep_from = match horizon {
            u64::MAX => 0,
            _ => all.partition_point(|entry| entry.at >= horizon),
        };
        if keep_from > 0 {
            self.horizon = horizon;
        }
        self.run.extend(all.drain(keep_from..));
        for entry in all.drain(..) {
            self.place(entry);
        }
        self.crowd = BinaryHeap::from(all);
        // When one instant alone is a crowd, thinning it out again soon would be in vain.
        self.crowd_max = CROWD_MAX.max(2 * self.run.len());
    }

    /// Puts an event into its slot of the wheel.
    #[inline]
    fn place(&mut self, entry: Entry<T>) {
        // With the lowest bit set, the highest differing digit of equal instants is digit 0.
        let difference = (entry.at ^ self.base) | 1;
        let level = (difference.ilog2() / DIGIT_BITS) as usize;
        let digit = (entry.at >> (DIGIT_BITS * level as u32)) as usize % SLOTS;
        let slot = &mut self.slots[level][digit];
        if (slot.len as usize).is_multiple_of(CHUNK_ENTRIES) {
            if self.free == NONE {
                self.free = u32::try_from(self.chunks.len()).expect("fewer than 2^32 chunks");
                assert!(self.free < NONE, "the number of chunks fits its index");
                self.chunks.push(Chunk { entries: Vec::with_capacity(CHUNK_ENTRIES), next: NONE });
            }
            let chunk = &mut self.chunks[self.free as usize];
            let next_free = mem::replace(&mut chunk.next, slot.first);
            slot.first = mem::replace(&mut self.free, next_free);
            self.occupied_levels |= 1 << level;
            self.occupied[level] |= 1 << digit;
        }
        slot.min = slot.min.min(entry.at);
        slot.len += 1;
        self.chunks[slot.first as usize].entries.push(entry);
    }

    /// The next occupied slot: its level and its digit.
    #[inline]
    fn next_slot(&self) -> Option<(usize, usize)> {
        if self.occupied_levels == 0 {
            return None;
        }
        let level = self.occupied_levels.trailing_zeros() as usize;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// Fills the empty lanes from the next slots of the wheel.
    fn refill(&mut self) {
        while let Some((level, digit)) = self.next_slot() {
            let slot = mem::replace(&mut self.slots[level][digit], Slot::EMPTY);
            self.occupied[level] &= !(1 << digit);
            if self.occupied[level] == 0 {
                self.occupied_levels &= !(1 << level);
            }
            let width = 1_u64 << (DIGIT_BITS * level as u32);
            self.base = slot.min & !(width - 1);
            // A slot of the lowest level is one instant: nothing below could divide it.
            let opens = slot.len as usize <= RUN_MAX || level == 0;
            let mut next = slot.first;
            while next != NONE {
                next = self.empty_chunk(next, opens);
            }
            if opens {
                self.horizon = self.base.saturating_add(width);
                self.crowd_max = CROWD_MAX;
                self.run.sort_unstable();
                return;
            }
        }
    }

    /// Moves a chunk's entries to the run, or down the wheel; frees it and gives the one after it.
    fn empty_chunk(&mut self, index: u32, to_run: bool) -> u32 {
        let mut entries = mem::take(&mut self.chunks[index as usize].entries);
        if to_run {
            self.run.append(&mut entries);
        } else {
            for entry in entries.drain(..) {
                self.place(entry);
            }
        }
        let chunk = &mut self.chunks[index as usize];
        chunk.entries = entries;
        let next = mem::replace(&mut chunk.next, self.free);
        self.free = index;
        next
    }

    /// The first event of the lanes.
    #[inline]
    fn first_near(&self) -> Option<(&Entry<T>, Lane)> {
        // Reverse order: the greatest entry is the earliest event.
        let mut first = self.run.last().map(|entry| (entry, Lane::Run));
        if let Some(entry) = self.ring.front()
            && first.is_none_or(|(best, _)| entry > best)
        {
            first = Some((entry, Lane::Ring));
        }
        if let Some(entry) = self.crowd.peek()
            && first.is_none_or(|(best, _)| entry > best)
        {
            first = Some((entry, Lane::Crowd));
        }
        first
    }
}

#[derive(Clone, Copy, Debug)]
enum Lane {
    Crowd,
    Ring,
    Run,
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Schedule<T> for Wheel<T> {
    #[inline(always)]
    fn push(&mut self, at: Instant, tie: u32, item: T) {
        let at = at.as_nanos();
        assert!(at >= self.now, "an event may not be scheduled in the past");
        let entry = Entry { at, sequence: self.sequence, tie, item };
        self.sequence += 1;
        self.len += 1;
        if self.is_near(at) {
            self.push_near(entry);
        } else {
            self.place(entry);
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<(Instant, T)> {
        self.pop_until(Instant::MAX)
    }

    #[inline]
    fn pop_until(&mut self, end: Instant) -> Option<(Instant, T)> {
        if self.len == 0 {
            return None;
        }
        if self.run.is_empty() && self.ring.is_empty() && self.crowd.is_empty() {
            self.refill();
        }
        let (first, lane) = self.first_near()?;
        if first.at > end.as_nanos() {
            return None;
        }
        let entry = match lane {
            Lane::Crowd => self.crowd.pop(),
            Lane::Ring => self.ring.pop_front(),
            Lane::Run => self.run.pop(),
        }?;
        self.len -= 1;
        self.now = entry.at;
        Some((Instant::from_nanos(entry.at), entry.item))
    }

    #[inline]
    fn next_at(&self) -> Option<Instant> {
        let near = self.first_near().map(|(entry, _)| entry.at);
        let at =
            near.or_else(|| self.next_slot().map(|(level, digit)| self.slots[level][digit].min));
        at.map(Instant::from_nanos)
    }

    fn len(&self) -> usize {
        self.len
    }
}
