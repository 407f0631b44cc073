//! So many calls a second, and some at once: a partner that meters those who call it.

use std::collections::VecDeque;

use floodgate_engine::time::{Duration, Instant};

use super::SinkCall;
use crate::meter::Level;
use crate::resource::{Fcfs, Usage};

/// What a partner lets through, as a token bucket: it holds `burst` calls, is full at the
/// beginning, and gets another one `every` so often. A call that finds it empty waits in line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QuotaSettings {
    /// From one call to the next in the long run.
    pub every: Duration,
    /// Calls that may begin at once after a pause; at least one.
    pub burst: u32,
}

/// A bucket, and the calls that wait for it.
///
/// A bucket that lacks n calls is a server with n jobs of length `every`: it is full when the
/// server is idle, and empty when it has as many jobs as the bucket holds.
#[derive(Clone, Debug)]
pub(crate) struct Quota {
    settings: QuotaSettings,
    missing: Fcfs,
    full_at: Instant,
    line: VecDeque<SinkCall>,
    waiting: Level,
    begun: u64,
}

impl Quota {
    pub(crate) fn new(settings: QuotaSettings, (from, to): (Instant, Instant)) -> Self {
        assert!(settings.burst > 0, "a bucket that holds nothing lets nothing through");
        let mut missing = Fcfs::new(1);
        missing.observe(from, to);
        let waiting = Level::over(from, to);
        let (full_at, line) = (Instant::ZERO, VecDeque::new());
        Self { settings, missing, full_at, line, waiting, begun: 0 }
    }

    /// A call comes: nothing if it may begin at once, else it waits in line. The first in line
    /// asks to be looked at again at an instant.
    pub(crate) fn comes(&mut self, now: Instant, call: &SinkCall) -> Admission {
        let at = self.free_at();
        if self.line.is_empty() && at <= now {
            self.take(now);
            return Admission::Begins;
        }
        self.line.push_back(*call);
        self.waiting.set(now, self.line.len() as u64);
        if self.line.len() == 1 { Admission::First(at) } else { Admission::Waits }
    }

    /// The first in line may begin now, if it is still there, and when the next one is to be
    /// looked at.
    pub(crate) fn next(&mut self, now: Instant) -> (Option<SinkCall>, Option<Instant>) {
        let ready = self.free_at() <= now;
        let call = if ready { self.line.pop_front() } else { None };
        if call.is_some() {
            self.take(now);
            self.waiting.set(now, self.line.len() as u64);
        }
        (call, (!self.line.is_empty()).then(|| self.free_at()))
    }

    /// The calls of a process that is gone never begin.
    pub(crate) fn forget(&mut self, node: u32) {
        self.line.retain(|call| call.node != node);
    }

    /// How much of the rate was used, and how calls waited for it.
    pub(crate) fn usage(&self, now: Instant) -> Usage {
        let waited = self.waiting.area(now) / u128::from(self.begun.max(1));
        Usage {
            queue_mean: self.waiting.mean(now),
            wait_mean: Duration::from_nanos(u64::try_from(waited).unwrap_or(u64::MAX)),
            ..self.missing.usage()
        }
    }

    /// When there is a call in the bucket.
    fn free_at(&self) -> Instant {
        let less = self.settings.every.times(u64::from(self.settings.burst) - 1);
        Instant::ZERO + self.full_at.since(Instant::ZERO + less)
    }

    fn take(&mut self, now: Instant) {
        self.full_at = self.missing.submit(now, self.settings.every);
        self.begun += u64::from(self.waiting.covers(now));
    }
}

/// What becomes of a call that comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// It begins.
    Begins,
    /// It is the first in line, which is looked at again then.
    First(Instant),
    /// It waits behind others.
    Waits,
}
