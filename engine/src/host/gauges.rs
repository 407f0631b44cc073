//! What a host instance shows of itself: for counters, checks and its controllers.

use super::latencies::Stays;
use super::{Frame, HostInstance, Task};
use crate::id::AdapterId;
use crate::throttle::Totals;
use crate::time::Instant;

/// Gauges of a host instance, for counters and checks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HostGauges {
    /// Engine threads that exist.
    pub threads: u32,
    /// Engine threads in use.
    pub threads_busy: u32,
    /// Messages taken and not finished.
    pub in_process: u32,
    /// Messages in memory that wait for a thread (R-DEQ-04).
    pub internal_queue: u32,
    /// Batches that wait for a thread, whatever they are about.
    pub pending_batches: u32,
    /// Batches whose `Done` is held (R-DONE-03).
    pub throttled_batches: u32,
}

impl HostGauges {
    /// Messages handed out and not finished: those in process but for what still waits in memory
    /// (R-DEQ-08).
    #[must_use]
    pub const fn handed_out(&self) -> u32 {
        self.in_process.saturating_sub(self.internal_queue)
    }
}

/// What a host instance is at, for its message counters: unlike gauges, between two messages of an
/// adapter batch too.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Occupation {
    /// Threads with a batch that brings something in.
    pub threads_receiving: u32,
    /// Threads with a delivery, or with what a send adapter wants done with its messages.
    pub threads_sending: u32,
    /// Messages that adapters were given and that have no result yet (R-SND-03).
    pub transmitting: u32,
    /// Batches that bring something in and that are not completed: held outside, waiting for a
    /// thread, or on one.
    pub batches_receiving: u32,
    /// Those among them that throttling holds: outside, or on their thread.
    pub batches_throttled: u32,
    /// Receive locations that are open here (R-LIFE-06).
    pub locations: u32,
}

/// What the frames of a host instance are at.
#[derive(Clone, Copy, Debug, Default)]
struct FrameCounts {
    receiving: u32,
    sending: u32,
    /// Messages in process that no adapter was given yet, or that are orchestrations'.
    inside: u32,
}

impl HostInstance {
    /// Engine threads in use, engine threads that exist, and tasks that wait for one.
    #[must_use]
    pub fn thread_gauge(&self) -> (u32, u32, usize) {
        (self.threads.leased(), self.threads.exist(), self.tasks.len())
    }

    /// Tasks that a thread was found for, since it started.
    #[must_use]
    pub const fn tasks_begun(&self) -> u64 {
        self.tasks_begun
    }

    /// All engine threads that there may be are in use while batches wait for one: how many
    /// threads, how many batches, and since when.
    #[must_use]
    pub fn exhausted(&self) -> Option<(u32, u32, Instant)> {
        let since = self.threads.exhausted_since()?;
        let batches = self.gauges().pending_batches;
        (batches > 0).then_some((self.threads.leased(), batches, since))
    }

    /// Messages that it had to do with so far: what its controllers take rates of.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// Messages that an adapter has brought in since the process began, and their bytes.
    #[must_use]
    pub fn received_by(&self, adapter: AdapterId) -> (u64, u64) {
        self.received[adapter.index()]
    }

    /// Messages that adapters handed in, until their batch was committed.
    #[must_use]
    pub const fn inbound_latency(&self) -> &Stays {
        &self.inbound
    }

    /// Requests, from where they were handed in to where their first answer is handed back.
    #[must_use]
    pub const fn exchange_latency(&self) -> &Stays {
        self.exchanges.latency()
    }

    /// Its gauges.
    #[must_use]
    pub fn gauges(&self) -> HostGauges {
        let executions = self.tasks.iter().filter(|task| matches!(task, Task::Execute(_))).count();
        HostGauges {
            threads: self.threads.exist(),
            threads_busy: self.threads.leased(),
            in_process: self.in_process,
            internal_queue: self.waiting,
            pending_batches: u32::try_from(executions).unwrap_or(u32::MAX),
            throttled_batches: u32::try_from(self.held.len()).unwrap_or(u32::MAX),
        }
    }

    /// What it is at.
    #[must_use]
    pub fn occupation(&self) -> Occupation {
        let frames = self.frame_counts();
        let inside = self.waiting + frames.inside;
        let brings = |task: &&Task| matches!(task, Task::Execute(own) if own.brings_in());
        let waiting = self.tasks.iter().filter(brings).count();
        let held = self.held.iter().filter(|own| own.brings_in()).count();
        let count = |batches: usize| u32::try_from(batches).unwrap_or(u32::MAX);
        Occupation {
            batches_receiving: frames.receiving + count(waiting + held),
            batches_throttled: count(held + self.receiving_held()),
            threads_receiving: frames.receiving,
            threads_sending: frames.sending,
            transmitting: self.in_process.saturating_sub(inside),
            locations: self.openings.open(),
        }
    }

    fn frame_counts(&self) -> FrameCounts {
        let mut counts = FrameCounts::default();
        for (_, frame) in self.frames.iter() {
            match frame {
                Frame::Execute(execution) if execution.brings_in() => counts.receiving += 1,
                Frame::Deliver(delivery) => {
                    counts.sending += 1;
                    let kept = delivery.waiting.len() + delivery.decided.len();
                    counts.inside += u32::try_from(kept).unwrap_or(u32::MAX);
                }
                Frame::Execute(_) => counts.sending += 1,
                Frame::Orchestrate(_) => counts.inside += 1,
                Frame::Cycle
                | Frame::Dehydrate(_)
                | Frame::Resume(_)
                | Frame::Expire(_)
                | Frame::Settle(_)
                | Frame::SettleIn(..)
                | Frame::Terminate(_) => {}
            }
        }
        counts
    }
}
