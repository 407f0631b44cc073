//! What a process has in memory besides messages: garbage and caches.
//!
//! A pure machine, shown what ended and what holds at every look of the controllers. Messages that
//! ended leave garbage until it is collected: by the runtime itself when there is as much as it
//! lets be, or forced, when the process comes near its threshold. Caches fill while there is work,
//! and shrink while delivery is throttled for memory. \[M\] no amounts and no steps are published.

use super::controller::SMALL_PROCESS;
use super::{DeliveryState, Holdings, Memory, ThrottleSettings};

/// A cache fills by such a part of its whole at a look, and loses such a part of itself.
const FILLS: u64 = 20;
const SHRINKS: u64 = 2;

/// Garbage and caches of one process.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Heap {
    garbage: u64,
    caches: u64,
    /// Messages that had ended at the last look.
    seen: u64,
    /// Collections that were forced.
    forced: u64,
}

impl Heap {
    /// Of a process that has just begun.
    pub const EMPTY: Self = Self { garbage: 0, caches: 0, seen: 0, forced: 0 };

    /// Bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.garbage.saturating_add(self.caches)
    }

    /// Collections that were forced since the beginning.
    #[must_use]
    pub const fn forced(&self) -> u64 {
        self.forced
    }

    /// So many messages, of `mean` bytes each, have ended since the process began: those that are
    /// new leave what they took. A process that began anew has neither garbage nor caches.
    pub fn grow(&mut self, memory: &Memory, ended: u64, mean: u64) {
        if ended < self.seen {
            *self = Self { forced: self.forced, ..Self::default() };
        }
        let new = ended - self.seen;
        self.seen = ended;
        let left = memory.of(Holdings { messages: new, bytes: new.saturating_mul(mean) });
        self.garbage = self.garbage.saturating_add(left);
        if self.garbage >= memory.garbage {
            self.garbage = 0;
        }
        // Who has nothing to do loads nothing; so an idle world comes to its end.
        let more = if new > 0 { (memory.caches / FILLS).max(1) } else { 0 };
        self.caches = self.caches.saturating_add(more).min(memory.caches);
    }

    /// The controllers looked at a process of so many MB, this included: caches shrink while
    /// delivery is throttled for memory, and above the trigger, which state 4 is, a collection is
    /// forced (R-THR-02). Whether one was.
    pub fn look(
        &mut self,
        settings: &ThrottleSettings,
        process: u64,
        delivery: DeliveryState,
    ) -> bool {
        match delivery {
            DeliveryState::ProcessMemory | DeliveryState::SystemMemory => self.caches /= SHRINKS,
            DeliveryState::InProcess
            | DeliveryState::None
            | DeliveryState::Rate
            | DeliveryState::Threads
            | DeliveryState::UserOverride => {}
        }
        let trigger = settings.process_memory.saturating_mul(settings.gc_trigger.into());
        let is_forced =
            trigger > 0 && process >= SMALL_PROCESS && process.saturating_mul(100) > trigger;
        if is_forced {
            self.garbage = 0;
            self.forced += 1;
        }
        is_forced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;
    const MEMORY: Memory =
        Memory { base: 0, per_message: 0, factor: 200, garbage: 100 * MB, caches: 40 * MB };

    #[test]
    fn garbage_is_what_ended_until_the_runtime_or_a_controller_collects_it() {
        // R-THR-02.
        let mut heap = Heap::default();
        let memory = Memory { caches: 0, ..MEMORY };
        heap.grow(&memory, 30, MB);
        assert_eq!(heap.bytes(), 60 * MB);
        heap.grow(&memory, 49, MB);
        assert_eq!(heap.bytes(), 98 * MB);
        heap.grow(&memory, 50, MB);
        assert_eq!((heap.bytes(), heap.forced()), (0, 0), "as much as the runtime lets be");
        heap.grow(&memory, 80, MB);
        let settings = ThrottleSettings { process_memory: 500, ..ThrottleSettings::default() };
        for (process, trigger, forced) in
            [(400, 80, false), (401, 80, true), (299, 50, false), (600, 0, false)]
        {
            let settings = ThrottleSettings { gc_trigger: trigger, ..settings };
            let mut heap = heap;
            assert_eq!(heap.look(&settings, process, DeliveryState::None), forced, "{process}");
            let left = if forced { (0, 1) } else { (60 * MB, 0) };
            assert_eq!((heap.bytes(), heap.forced()), left, "{process}");
        }
        let off = ThrottleSettings { process_memory: 0, ..settings };
        assert!(!heap.look(&off, 9_999, DeliveryState::None), "no threshold, nothing forced");
        // A process that begins anew has none; what was forced before it stays counted.
        assert!(heap.look(&settings, 401, DeliveryState::None));
        heap.grow(&memory, 3, MB);
        assert_eq!((heap.bytes(), heap.forced()), (6 * MB, 1));
        heap.grow(&Memory { garbage: 0, ..memory }, 40, MB);
        assert_eq!(heap.bytes(), 0, "where none may be, there is none");
    }

    #[test]
    fn caches_fill_by_use_and_shrink_while_memory_is_short() {
        // R-THR-03.
        let mut heap = Heap::default();
        heap.grow(&MEMORY, 0, 0);
        assert_eq!(heap.bytes(), 0, "nothing was done");
        let bytes: Vec<u64> = (1..26)
            .map(|ended| {
                heap.grow(&MEMORY, ended, 0);
                heap.bytes() / MB
            })
            .collect();
        assert_eq!((bytes[0], bytes[9], bytes[19], bytes[24]), (2, 20, 40, 40));
        let settings = ThrottleSettings::default();
        for (state, left) in [
            (DeliveryState::None, 40),
            (DeliveryState::Threads, 40),
            (DeliveryState::ProcessMemory, 20),
            (DeliveryState::SystemMemory, 10),
        ] {
            heap.look(&settings, 0, state);
            assert_eq!(heap.bytes() / MB, left, "{state:?}");
        }
    }
}
