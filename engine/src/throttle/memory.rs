//! Memory of a process: what its messages take there, and what that means for throttling.
//!
//! Messages are described and not held, so memory is reckoned: a base, and for every message in
//! memory its bytes times a factor and something for itself. \[M\] no such figures are published,
//! beyond that a document object model takes up to ten times the bytes of its message.

use super::Heap;

/// Bytes of a megabyte, as counters print it.
const MB: u64 = 1_000_000;

/// Messages that a process holds in memory.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Holdings {
    /// How many.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Holdings {
    /// One message more.
    pub const fn add(&mut self, bytes: u64) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// What a process takes in memory. \[M\]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Memory {
    /// Bytes of a process without messages.
    pub base: u64,
    /// Bytes of a message besides its content.
    pub per_message: u64,
    /// Memory of a message's content, in per cent of its bytes.
    pub factor: u32,
    /// Bytes of messages that ended and were not collected yet, at most; with nothing they are gone
    /// at once.
    pub garbage: u64,
    /// Bytes that caches take where there is room.
    pub caches: u64,
}

impl Memory {
    /// Bytes that these messages take.
    #[must_use]
    pub const fn of(&self, held: Holdings) -> u64 {
        let content = held.bytes as u128 * self.factor as u128 / 100;
        let own = held.messages as u128 * self.per_message as u128;
        let sum = content + own;
        if sum > u64::MAX as u128 { u64::MAX } else { sum as u64 }
    }

    /// Memory of the process that holds them, in MB.
    #[must_use]
    pub const fn process(&self, held: Holdings) -> u64 {
        self.with(held, &Heap::EMPTY)
    }

    /// The same with what else it has there.
    #[must_use]
    pub const fn with(&self, held: Holdings, heap: &Heap) -> u64 {
        self.base.saturating_add(self.of(held)).saturating_add(heap.bytes()) / MB
    }
}

/// The bytes of a batch that a process with this threshold, in MB, lets pass while its memory is
/// short: `share` per cent of it (batch memory threshold).
#[must_use]
pub(super) const fn passing(threshold: u64, share: u32) -> u64 {
    threshold.saturating_mul(MB / 100).saturating_mul(share as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_a_base_and_so_much_for_each_message_and_its_bytes() {
        let memory =
            Memory { base: 100 * MB, per_message: 10_000, factor: 250, ..Memory::default() };
        let mut held = Holdings::default();
        assert_eq!(memory.process(held), 100);
        for _ in 0..100 {
            held.add(40_000);
        }
        // 100 times 100,000 bytes of content and 10,000 of its own.
        assert_eq!((memory.of(held), memory.process(held)), (11_000_000, 111));
        assert_eq!(memory.of(Holdings { messages: u64::MAX, bytes: u64::MAX }), u64::MAX);
    }

    #[test]
    fn a_hundredth_of_the_threshold_passes_by_default() {
        assert_eq!(passing(512, 1), 5_120_000);
        assert_eq!((passing(512, 0), passing(0, 1)), (0, 0));
    }
}
