//! A sink: the partner that a send adapter transmits to.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::hint::cold_path;

use floodgate_engine::adapter::Transmission;
use floodgate_engine::hash::{mix, name_key};
use floodgate_engine::id::ReceiveLocationId;
use floodgate_engine::message::PropertyId;
use floodgate_engine::time::{Duration, Instant};

use super::quota::Quota;
use crate::meter::Pool;
use crate::resource::Usage;
use crate::rng::{Purpose, Rng};
use crate::setup::{Failure, Reply, SinkSettings};

/// A call on the wire: who waits for it, and what it carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SinkCall {
    pub(crate) node: u32,
    pub(crate) token: u64,
    pub(crate) transmission: Transmission,
    /// Attempts made on this transport before this one.
    pub(crate) attempt: u32,
}

/// How a call ends, decided when it begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct CallOutcome {
    pub(crate) takes: Duration,
    pub(crate) sent: bool,
}

/// A partner's end that takes messages.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    settings: SinkSettings,
    /// The key of its draws: its name's.
    key: u64,
    busy: u32,
    waiting: VecDeque<SinkCall>,
    down: Vec<(Instant, Instant)>,
    pool: Pool,
    quota: Option<Box<Quota>>,
}

/// Draws of one attempt lie this far from those of the next.
const DRAWS_PER_ATTEMPT: u64 = 64;
/// Sets the draws of errands apart from those of calls.
const ERRANDS: u64 = 0x6572_7261_6e64_7321;

impl Sink {
    pub(crate) fn new(name: &str, settings: SinkSettings, window: (Instant, Instant)) -> Self {
        let quota = settings.quota.map(|quota| Box::new(Quota::new(quota, window)));
        Self {
            settings,
            quota,
            key: name_key(name),
            busy: 0,
            waiting: VecDeque::new(),
            down: Vec::new(),
            pool: Pool::over(window.0, window.1),
        }
    }

    /// What may change of it.
    pub(super) fn account(&self) -> impl Debug + '_ {
        let Self { settings: _, key: _, busy, waiting, down, pool: _, quota } = self;
        (busy, waiting, down, quota)
    }

    /// A sink of another name that behaves as `model` is set to; its outages are its own.
    pub(crate) fn like(model: &Self, name: &str, window: (Instant, Instant)) -> Self {
        Self::new(name, model.settings.clone(), window)
    }

    pub(crate) fn plan_outage(&mut self, from: Instant, lasts: Duration) {
        self.down.push((from, from + lasts));
    }

    /// What it sends back to a solicit (R-SR-02).
    pub(crate) fn reply(&self) -> Option<Reply> {
        self.settings.reply.clone()
    }

    pub(crate) const fn forward_to(&self) -> Option<ReceiveLocationId> {
        self.settings.forward_to
    }

    /// What meters its calls, if anything does.
    pub(crate) fn quota(&mut self) -> Option<&mut Quota> {
        self.quota.as_deref_mut()
    }

    /// How its quota was used, if it has one.
    pub(crate) fn quota_usage(&self, now: Instant) -> Option<Usage> {
        self.quota.as_ref().map(|quota| quota.usage(now))
    }

    /// A call arrives: whether it begins now; it waits if all places are taken.
    pub(crate) fn admits(&mut self, now: Instant, call: &SinkCall) -> bool {
        let begins = self.settings.limit == 0 || self.busy < self.settings.limit;
        if begins {
            self.busy += 1;
        } else {
            cold_path();
            self.waiting.push_back(*call);
        }
        self.measure(now, begins);
        begins
    }

    #[inline(always)]
    fn measure(&mut self, now: Instant, begins: bool) {
        if self.settings.limit > 0 {
            cold_path();
            let (busy, limit) = (u64::from(self.busy), u64::from(self.settings.limit));
            self.pool.set(now, busy, limit, self.waiting.len() as u64);
            if begins {
                self.pool.begins(now);
            }
        }
    }

    /// How busy its places were, if their number is limited.
    pub(crate) fn usage(&self, now: Instant) -> Option<Usage> {
        (self.settings.limit > 0).then(|| self.pool.usage(now))
    }

    /// Calls of `node` that have not begun: its process is gone, and they never will.
    pub(crate) fn forget(&mut self, node: u32) {
        self.waiting.retain(|call| call.node != node);
        if let Some(quota) = self.quota() {
            quota.forget(node);
        }
    }

    /// A call ended: its place goes to the one that waited longest.
    #[inline(always)]
    pub(crate) fn end(&mut self, now: Instant) -> Option<SinkCall> {
        let next = self.waiting.pop_front();
        if next.is_none() {
            self.busy -= 1;
        }
        self.measure(now, next.is_some());
        next
    }

    /// How a call that begins now will end.
    #[inline(always)]
    pub(crate) fn outcome(&self, now: Instant, rng: &Rng, call: &SinkCall) -> CallOutcome {
        let entity = mix(call.transmission.lineage, self.key);
        let draws = u64::from(call.attempt) * DRAWS_PER_ATTEMPT;
        let sent = !self.is_down(now) && !fails(self.settings.failure, rng, entity, call);
        let takes = match self.settings.fail_takes {
            Some(takes) if !sent => takes,
            Some(_) | None => self
                .settings
                .wire
                .sample(|draw| rng.uniform(Purpose::Wire, entity, draws + u64::from(draw))),
        };
        CallOutcome { takes, sent }
    }

    /// How an errand that begins now will end; the end itself takes no part in it.
    pub(crate) fn errand(&self, rng: &Rng, call: &SinkCall) -> CallOutcome {
        let entity = mix(mix(call.transmission.lineage, self.key), ERRANDS);
        let draws = u64::from(call.attempt) * DRAWS_PER_ATTEMPT;
        let errand = &self.settings.errand;
        let takes =
            errand.takes.sample(|draw| rng.uniform(Purpose::Wire, entity, draws + u64::from(draw)));
        CallOutcome { takes, sent: !fails(errand.failure, rng, entity, call) }
    }

    /// The property with the credentials that are part of this endpoint.
    pub(crate) const fn credentials(&self) -> Option<PropertyId> {
        self.settings.errand.credentials
    }

    fn is_down(&self, now: Instant) -> bool {
        self.down.iter().any(|(from, to)| (*from..*to).contains(&now))
    }
}

/// Whether an attempt fails by plan.
#[inline(always)]
fn fails(failure: Failure, rng: &Rng, entity: u64, call: &SinkCall) -> bool {
    if failure == Failure::Never {
        return false;
    }
    cold_path();
    match failure {
        Failure::Never => false,
        Failure::Always => true,
        Failure::First(attempts) => call.attempt < attempts,
        Failure::Every(nth) => call.transmission.document.wire.is_multiple_of(nth.max(1)),
        Failure::PerMille(share) => {
            let drawn = rng.draw(Purpose::Failure, entity, u64::from(call.attempt));
            drawn % 1000 < u64::from(share)
        }
    }
}
