//! The end of a run in which more waits than anybody has memory for.
//!
//! A load beyond what a plant can do waits, and what waits is there, document by document. So a
//! run ends where more of them wait, or are suspended, than it may hold: at the very arrival that
//! is too much, or, where they are of the engine's own making, at the next sample. What would have
//! become of them is not known then, which the outcome says.

use floodgate_engine::time::Instant;

use super::World;
use crate::endpoint::Endpoint;
use crate::queue::Wheel;

/// What waited when it was too much.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Overfull {
    /// When.
    pub at: Instant,
    /// Documents offered and not finished.
    pub waiting: u64,
    /// Messages that are suspended.
    pub suspended: u64,
    /// The bytes of what waits in front of the engine and in the spool.
    pub bytes: u64,
}

/// What may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Documents at most.
    most: u64,
    pub(super) overfull: Option<Overfull>,
}

impl Room {
    pub(super) const fn for_at_most(most: u64) -> Self {
        Self { most, overfull: None }
    }
}

impl World {
    /// What waited when it was too much, if that ended the run.
    #[must_use]
    pub const fn overfull(&self) -> Option<Overfull> {
        self.room.overfull
    }

    /// Ends the run if more waits, or is suspended, than may.
    #[inline(always)]
    pub(super) fn keep_room(&mut self, backlog: u64) {
        if backlog + self.suspended_now() > self.room.most {
            self.overfill();
        }
    }

    #[inline(always)]
    fn suspended_now(&self) -> u64 {
        self.message_box.suspended().len() as u64
    }

    /// Too much waits: this is the end, whatever is under way.
    #[cold]
    #[inline(never)]
    fn overfill(&mut self) {
        self.ring.clear();
        self.queue = Wheel::default();
        self.end = self.now;
        let outside = |endpoint: &Endpoint| match endpoint {
            Endpoint::Source(source) => source.waiting_bytes(),
            Endpoint::Sink(_) => 0,
        };
        let bytes =
            self.endpoints.iter().map(outside).sum::<u64>() + self.message_box.spool_bytes();
        let (at, waiting, suspended) = (self.now, self.backlog(), self.suspended_now());
        self.room.overfull.get_or_insert(Overfull { at, waiting, suspended, bytes });
    }
}
