//! Pauses: how throttling holds back what goes on.
//!
//! A publication pauses on its thread: that is how its adapter feels it (R-THR-03). A delivery
//! pauses without one, since it waits in memory; so its thread is free for what ends other
//! deliveries, or what is in process would never become less. As many deliveries pause at once as
//! the pool may lease threads. \[M\]
//!
//! No pause is longer than the delay that is imposed now: when what throttled is over and the delay
//! is cut, what pauses goes on that has waited for as long (the product blocks a thread *until* the
//! condition is over, and cuts the delay strongly then). Where the delay grows, what has begun
//! keeps its own.
//!
//! The product's deadlock, of a host that receives both what starts convoys and what they wait for
//! while the count in the database stops both, does not come about: a pause ends, after the longest
//! delay at the latest, and a turn gives its message up. Such convoys are late. \[M\]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::hint::cold_path;

use super::{Frame, FrameId, HostInstance, HostOutput, Task, earlier};
use crate::batch::BatchStatus;
use crate::id::AdapterId;
use crate::message_box::PreparedBatch;
use crate::throttle::Throttle;
use crate::time::{Duration, Instant};

/// \[M\] How long a transaction of the engine's own waits for a MessageBox that is away.
const REPEAT_AFTER: Duration = Duration::from_secs(10);

/// When a frame goes on, and since when it pauses, if that is throttling's doing.
type Pause = Reverse<(Instant, Option<Instant>, FrameId)>;

/// The throttle of a host instance and the frames that it holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Pauses {
    throttle: Throttle,
    ends: BinaryHeap<Pause>,
    /// Deliveries among them.
    deliveries: u32,
    /// Adapters whose next delivery waits until one of these goes on.
    aside: VecDeque<AdapterId>,
    /// What is tried again, the earliest first.
    put_off: VecDeque<(Instant, Task)>,
}

impl Pauses {
    /// When the next frame goes on.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.ends.is_empty() && self.put_off.is_empty() {
            return None;
        }
        cold_path();
        let end = self.ends.peek().map(|Reverse((end, ..))| *end);
        earlier(end, self.put_off.front().map(|(due, _)| *due))
    }

    /// A frame that holds no thread goes on at an instant.
    pub(super) fn wake_frame(&mut self, at: Instant, frame: FrameId) {
        self.ends.push(Reverse((at, None, frame)));
    }

    /// No delivery and no turn begins any more, and nobody is answered: the host instance stops.
    pub(super) fn stop_deliveries(&mut self) {
        self.aside.clear();
        self.put_off.retain(|(_, task)| !matches!(task, Task::Expire(_) | Task::Orchestrate(_)));
    }
}

impl HostInstance {
    /// From now on; of frames that pause already, those go on that have waited for as long as the
    /// delay is now (R-THR-03).
    #[cold]
    pub(super) fn throttle(&mut self, now: Instant, throttle: Throttle) {
        let before = std::mem::replace(&mut self.pauses.throttle, throttle);
        if throttle.publishing_delay < before.publishing_delay
            || throttle.delivery_delay < before.delivery_delay
        {
            self.cut_pauses(now);
        }
        self.threads.shrink(throttle.threads_less);
        for dequeuer in &mut self.dequeuers {
            dequeuer.shrink(throttle.looks_less);
        }
        if throttle.delivery_delay.is_zero() {
            let aside = std::mem::take(&mut self.pauses.aside);
            self.tasks.extend(aside.into_iter().map(Task::Deliver));
        }
    }

    /// A delay became shorter, and with it the pauses that it has made.
    fn cut_pauses(&mut self, now: Instant) {
        let throttle = self.pauses.throttle;
        let mut ends = std::mem::take(&mut self.pauses.ends).into_vec();
        for Reverse((end, since, frame)) in &mut ends {
            let Some(since) = *since else { continue };
            let delay = match self.is_delivery(*frame) {
                true => throttle.delivery_delay,
                false => throttle.publishing_delay,
            };
            *end = (since + delay).max(now).min(*end);
        }
        self.pauses.ends = ends.into();
        self.end_pauses(now);
    }

    /// A delivery may begin, on the thread that is leased for it; unless as many pause as there
    /// could be threads for.
    pub(super) fn begin_delivery(&mut self, adapter: AdapterId) {
        if self.pauses.deliveries < self.threads.allowed() {
            self.start_delivery(adapter);
        } else {
            self.threads.release();
            self.pauses.aside.push_back(adapter);
        }
    }

    /// What holds this host instance back.
    #[must_use]
    pub const fn throttled(&self) -> Throttle {
        self.pauses.throttle
    }

    /// Engine threads that wait with something to publish until they may go on (R-THR-03): for
    /// those who look from outside.
    #[must_use]
    pub fn publishing_held(&self) -> u32 {
        let publishes = |frame: &FrameId| match self.frames.get(frame.0) {
            Some(Frame::Execute(_) | Frame::Orchestrate(_)) => true,
            Some(
                Frame::Cycle
                | Frame::Dehydrate(_)
                | Frame::Deliver(_)
                | Frame::Expire(_)
                | Frame::Resume(_)
                | Frame::Settle(_)
                | Frame::SettleIn(..)
                | Frame::Terminate(_),
            )
            | None => false,
        };
        let held = self.pauses.ends.iter().filter(|Reverse((.., frame))| publishes(frame)).count();
        u32::try_from(held).unwrap_or(u32::MAX)
    }

    /// Batches among those that bring something in.
    pub(super) fn receiving_held(&self) -> usize {
        let brings = |Reverse((.., frame)): &&Pause| {
            let held = self.frames.get(frame.0);
            matches!(held, Some(Frame::Execute(own)) if own.brings_in())
        };
        self.pauses.ends.iter().filter(brings).count()
    }

    fn delay_of(&self, frame: FrameId) -> Duration {
        let throttle = &self.pauses.throttle;
        match self.frames.get(frame.0) {
            Some(Frame::Execute(execution)) if execution.publishes() => {
                let spared = throttle.spares > 0 && self.is_spared(execution);
                if spared { Duration::ZERO } else { throttle.publishing_delay }
            }
            Some(Frame::Deliver(_)) => throttle.delivery_delay,
            // An orchestration's turn ends in a publication (R-PUB-01).
            Some(Frame::Orchestrate(_)) => throttle.publishing_delay,
            Some(
                Frame::Cycle
                | Frame::Dehydrate(_)
                | Frame::Execute(_)
                | Frame::Expire(_)
                | Frame::Resume(_)
                | Frame::Settle(_)
                | Frame::SettleIn(..)
                | Frame::Terminate(_),
            )
            | None => Duration::ZERO,
        }
    }

    /// The work of a frame is done: it goes on, or pauses first, a delivery without its thread and
    /// everything else with it (R-THR-03).
    pub(super) fn work_done(&mut self, now: Instant, frame: FrameId) {
        self.hand_in(frame);
        let delay = self.delay_of(frame);
        if delay.is_zero() {
            return self.proceed(now, frame);
        }
        cold_path();
        if self.is_delivery(frame) {
            self.threads.release();
            self.pauses.deliveries += 1;
        }
        self.pauses.ends.push(Reverse((now + delay, Some(now), frame)));
    }

    /// What the pipelines, or the shapes of an orchestration, have made of a batch goes to the
    /// message agent, which publishes it: that is where its controllers count (R-THR-02).
    #[inline(always)]
    fn hand_in(&mut self, frame: FrameId) {
        match self.frames.get(frame.0) {
            Some(Frame::Execute(execution)) => {
                self.totals.handed_in += u64::from(execution.documents());
            }
            Some(Frame::Orchestrate(message)) => {
                cold_path();
                self.totals.handed_in += self.published_by(message);
            }
            Some(
                Frame::Cycle
                | Frame::Dehydrate(_)
                | Frame::Deliver(_)
                | Frame::Expire(_)
                | Frame::Resume(_)
                | Frame::Settle(_)
                | Frame::SettleIn(..)
                | Frame::Terminate(_),
            )
            | None => {}
        }
    }

    fn is_delivery(&self, frame: FrameId) -> bool {
        matches!(self.frames.get(frame.0), Some(Frame::Deliver(_)))
    }

    /// The frame of a transaction of the engine's own. One MessageBox is all or nothing, and the
    /// process goes with it; one of several may be away for itself, so the batch is kept.
    pub(super) fn settling(&self, batch: &PreparedBatch) -> Frame {
        let kept = (self.dequeuers.len() > 1).then(|| Box::new(batch.clone()));
        Frame::Settle(kept)
    }

    /// A transaction of the engine's own is over, unless a MessageBox was away: then it is put
    /// off, and its messages are still being delivered (R-FILT-02, R-MMB-06).
    #[cold]
    pub(super) fn settled(
        &mut self,
        now: Instant,
        kept: Option<Box<PreparedBatch>>,
        status: &BatchStatus,
    ) {
        match kept.filter(|_| status.could_not_store()) {
            Some(batch) => self.put_off(now, Task::Repeat(batch)),
            None => {
                self.settle(status.operations.iter().map(|kind| kind.messages.len()).sum());
            }
        }
    }

    /// Turns among what is tried again.
    pub(super) fn turns_put_off(&self) -> u32 {
        let tasks = self.pauses.put_off.iter();
        let turns = tasks.filter(|(_, task)| matches!(task, Task::Orchestrate(_)));
        u32::try_from(turns.count()).unwrap_or(u32::MAX)
    }

    /// A task whose MessageBox is away waits for it, without a thread.
    pub(super) fn put_off(&mut self, now: Instant, task: Task) {
        self.pauses.put_off.push_back((now + REPEAT_AFTER, task));
    }

    /// A transaction of the engine's own, once more.
    #[cold]
    pub(super) fn repeat(&mut self, batch: PreparedBatch) {
        let frame = self.settling(&batch);
        let frame = FrameId(self.frames.insert(frame));
        self.outputs.push_back(HostOutput::Transact { frame, batch, transaction: None });
    }

    /// Frames whose pause is over go on, deliveries as soon as there is a thread again, and what
    /// was put off waits for one.
    #[cold]
    pub(super) fn end_pauses(&mut self, now: Instant) {
        while let Some(Reverse((end, _, frame))) = self.pauses.ends.peek().copied()
            && end <= now
        {
            self.pauses.ends.pop();
            if self.is_delivery(frame) {
                self.pauses.deliveries -= 1;
                self.tasks.push_back(Task::HandOver(frame));
                self.tasks.extend(self.pauses.aside.pop_front().map(Task::Deliver));
            } else {
                self.proceed(now, frame);
            }
        }
        while let Some((_, task)) = self.pauses.put_off.pop_front_if(|(due, _)| *due <= now) {
            self.tasks.push_back(task);
        }
    }
}
