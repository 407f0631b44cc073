//! Pauses: what throttling takes from an engine thread before it goes on.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Frame, FrameId, HostInstance};
use crate::throttle::Throttle;
use crate::time::{Duration, Instant};

/// The throttle of a host instance and the frames that it holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Pauses {
    throttle: Throttle,
    ends: BinaryHeap<Reverse<(Instant, FrameId)>>,
}

impl Pauses {
    /// When the next frame goes on.
    pub(super) fn due(&self) -> Option<Instant> {
        self.ends.peek().map(|Reverse((end, _))| *end)
    }
}

impl HostInstance {
    /// From now on; frames that pause already go on when they were told to.
    pub(super) fn throttle(&mut self, throttle: Throttle) {
        self.pauses.throttle = throttle;
    }

    /// What holds this host instance back.
    #[must_use]
    pub const fn throttled(&self) -> Throttle {
        self.pauses.throttle
    }

    fn delay_of(&self, frame: FrameId) -> Duration {
        let throttle = &self.pauses.throttle;
        match self.frames.get(frame.0) {
            Some(Frame::Execute(execution)) if execution.publishes() => throttle.publishing_delay,
            Some(Frame::Deliver(_)) => throttle.delivery_delay,
            // An orchestration's turn ends in a publication (R-PUB-01).
            Some(Frame::Orchestrate(_)) => throttle.publishing_delay,
            Some(
                Frame::Execute(_)
                | Frame::Expire
                | Frame::Resume(_)
                | Frame::Settle
                | Frame::SettleIn(..)
                | Frame::Terminate(_),
            )
            | None => Duration::ZERO,
        }
    }

    /// The work of a frame is done: it goes on, or pauses first, its thread held (R-THR-03).
    pub(super) fn work_done(&mut self, now: Instant, frame: FrameId) {
        let delay = self.delay_of(frame);
        if delay.is_zero() {
            self.proceed(now, frame);
        } else {
            self.pauses.ends.push(Reverse((now + delay, frame)));
        }
    }

    /// Frames whose pause is over go on.
    pub(super) fn end_pauses(&mut self, now: Instant) {
        while let Some(Reverse((end, frame))) = self.pauses.ends.peek().copied()
            && end <= now
        {
            self.pauses.ends.pop();
            self.proceed(now, frame);
        }
    }
}
