//! A server's processor: one of the two disciplines behind one face.

use floodgate_engine::time::{Duration, Instant};

use super::{Fcfs, ProcessorSharing, Usage};
use crate::setup::Discipline;

/// The cores of one server.
#[derive(Clone, Debug)]
pub enum Processor {
    /// One job a core, the others wait.
    Fcfs(Fcfs),
    /// All jobs at once, each at an equal share.
    Sharing(ProcessorSharing),
}

impl Processor {
    /// `cores` cores under a discipline.
    #[must_use]
    pub fn new(cores: u32, discipline: Discipline) -> Self {
        match discipline {
            Discipline::FirstComeFirstServed => Self::Fcfs(Fcfs::new(cores)),
            Discipline::ProcessorSharing => Self::Sharing(ProcessorSharing::new(cores)),
        }
    }

    /// Takes a job. Under first come first served its end is known at once; under processor
    /// sharing it depends on what comes after, so ask [`Self::poll_timeout`].
    #[inline(always)]
    pub fn submit(&mut self, now: Instant, job: u64, demand: Duration) -> Option<Instant> {
        match self {
            Self::Fcfs(cores) => Some(cores.submit(now, demand)),
            Self::Sharing(cores) => {
                cores.submit(now, job, demand);
                None
            }
        }
    }

    /// When the next shared job ends, as far as is known now.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Fcfs(_) => None,
            Self::Sharing(cores) => cores.poll_timeout(),
        }
    }

    /// Appends the shared jobs that have ended by `now`.
    pub fn complete(&mut self, now: Instant, finished: &mut Vec<u64>) {
        match self {
            Self::Fcfs(_) => {}
            Self::Sharing(cores) => cores.complete(now, finished),
        }
    }

    /// Service that was submitted and is not given by `now`.
    #[must_use]
    pub fn work_left(&self, now: Instant) -> Duration {
        match self {
            Self::Fcfs(cores) => cores.work_left(now),
            Self::Sharing(cores) => cores.work_left(now),
        }
    }

    /// Statistics count from `from` to `to`.
    pub fn observe(&mut self, from: Instant, to: Instant) {
        match self {
            Self::Fcfs(cores) => cores.observe(from, to),
            Self::Sharing(cores) => cores.observe(from, to),
        }
    }

    /// How busy the cores were in the observed window.
    #[must_use]
    pub fn usage(&self) -> Usage {
        match self {
            Self::Fcfs(cores) => cores.usage(),
            Self::Sharing(cores) => cores.usage(),
        }
    }
}
