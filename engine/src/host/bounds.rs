//! How many messages a host instance may take from its queues.
//!
//! What fits in memory is always a bound; two older knobs are bounds where they are set. Each has
//! two marks: at the first nothing more is taken, and not again before the second.

use std::hint::cold_path;

use super::{Frame, HostInstance, Task};
use crate::config::HostSettings;

/// Which bounds are set, and which of them were reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Whether there is any beside memory.
    set: bool,
    /// As many as the high watermark are out, and not yet fewer than the low one (R-DEQ-09).
    flooded: bool,
    /// Orchestrations have as many messages as they may, and not yet as few as they must.
    paused: bool,
}

impl Bounds {
    pub(super) const fn of(settings: &HostSettings) -> Self {
        let set = settings.watermarks.is_some() || settings.orchestration_queue.is_some();
        Self { set, flooded: false, paused: false }
    }
}

impl HostInstance {
    /// References that may be taken from the queue now (R-DEQ-04, R-DEQ-08).
    #[inline(always)]
    pub(super) fn room(&self) -> u32 {
        let internal = self.settings.internal_queue.saturating_mul(self.cpus);
        let in_process = self.settings.in_process.saturating_mul(self.cpus);
        let room =
            internal.saturating_sub(self.waiting).min(in_process.saturating_sub(self.in_process));
        if !self.bounds.set {
            return room;
        }
        cold_path();
        room.min(self.room_by_bounds())
    }

    #[cold]
    fn room_by_bounds(&self) -> u32 {
        let marks = self.settings.watermarks.map_or(u32::MAX, |marks| {
            let high = if self.bounds.flooded { 0 } else { marks.high };
            high.saturating_sub(self.in_process)
        });
        let queue = self.settings.orchestration_queue.map_or(u32::MAX, |own| {
            let most = if self.bounds.paused { 0 } else { own.pause_at };
            most.saturating_sub(self.orchestration_messages())
        });
        marks.min(queue)
    }

    /// The bounds are looked at whenever the number of messages handed out changes (R-DEQ-09).
    #[inline]
    pub(super) fn watch_bounds(&mut self) {
        if self.bounds.set {
            cold_path();
            self.mark_bounds();
        }
    }

    #[cold]
    fn mark_bounds(&mut self) {
        if let Some(marks) = self.settings.watermarks {
            self.bounds.flooded = self.in_process >= marks.high
                || (self.bounds.flooded && self.in_process >= marks.low);
        }
        if let Some(own) = self.settings.orchestration_queue {
            let queued = self.orchestration_messages();
            self.bounds.paused =
                queued >= own.pause_at || (self.bounds.paused && queued > own.resume_at);
        }
    }

    /// Messages in memory for orchestrations, which wait for their turn or take it.
    #[must_use]
    pub fn orchestration_messages(&self) -> u32 {
        self.turns().saturating_add(self.turns_waiting()).saturating_add(self.turns_put_off())
    }

    /// Orchestrations that take their turn on a thread.
    #[must_use]
    pub fn turns(&self) -> u32 {
        let turns = self.frames.iter().filter(|(_, frame)| matches!(frame, Frame::Orchestrate(_)));
        u32::try_from(turns.count()).unwrap_or(u32::MAX)
    }

    /// Orchestrations in memory with something to do, which wait for a thread.
    #[must_use]
    pub fn turns_waiting(&self) -> u32 {
        let turns = self.tasks.iter().filter(|task| matches!(task, Task::Orchestrate(_)));
        u32::try_from(turns.count()).unwrap_or(u32::MAX)
    }
}
