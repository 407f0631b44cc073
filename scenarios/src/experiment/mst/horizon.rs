//! How long a run has to last before its counts are worth anything.
//!
//! A queue forgets what it was like in a time that grows without bound near the capacity: with
//! Poisson arrivals and exponential work 1 / (√capacity - √rate)², as much longer as the arrivals
//! and the work scatter more, and no less than a document takes by itself. That is the *relaxation
//! time*. A run that is shorter than a hundred of them says what it began with, and a line through
//! such runs lies too high: nothing that a goal is told by rests on one. Runs that only say where
//! to look are a seventh as long.

use floodgate_reports::Probe;

use super::capacity::{Capacity, Curve};
use super::goals::{in_words, is_of_windows};
use super::{Search, is_by_chance, unknown};
use crate::plan::Scenario;
use crate::plan::goal::Goal;
use crate::setup::Arriving;

/// Relaxation times in a run whose counts go into an answer, at its own load.
pub(in crate::experiment) const RELAXATIONS: f64 = 100.0;
/// A run that only brackets lasts for so many times less.
const BRACKETING: f64 = 7.0;

/// What the relaxation time of a plant follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forgets {
    /// Documents a second that it can do.
    pub(super) capacity: f64,
    /// Seconds of a document by itself.
    pub(super) alone: f64,
    /// How much its work and its arrivals scatter, as a multiple of what those of one place with
    /// exponential work and Poisson arrivals do.
    pub(super) scatter: f64,
}

impl Forgets {
    /// The relaxation time at `rate` in seconds.
    fn at(&self, rate: f64) -> f64 {
        self.scatter.max(1.0) * self.queue(rate) + self.alone
    }

    /// How many documents at `rate` are late together, in heavy traffic: the variance of a count of
    /// them, as a multiple of its mean. Above a far level a queue is a random walk that drifts
    /// down, and twice what it spends there in the mean, once it is there, is a relaxation time.
    fn together(&self, rate: f64) -> f64 {
        (rate * self.scatter * self.queue(rate)).max(1.0)
    }

    /// The relaxation time of a queue with Poisson arrivals and exponential work.
    fn queue(&self, rate: f64) -> f64 {
        let away = (self.capacity.sqrt() - rate.sqrt()).max(0.0);
        1.0 / (away * away)
    }
}

impl Search<'_> {
    /// What the relaxation time of a plant that can do `rate` follows; what is planned for an
    /// instant is not the same in a longer run.
    pub(super) fn forgets(
        &self,
        curve: &Curve,
        own: Option<&Capacity>,
        rate: f64,
    ) -> Option<Forgets> {
        let scatter = own.map_or(1.0, |own| scatter(self.scenario, variance_of_work(own)));
        let alone = curve.rate(1).filter(|rate| *rate > 0.0).map_or(0.0, |rate| 1.0 / rate);
        (!self.is_timed()).then_some(Forgets { capacity: rate, alone, scatter })
    }

    /// The relaxation time at `rate` in seconds; nothing where no capacity is known.
    pub(super) fn relaxation(&self, rate: f64) -> f64 {
        self.forgets.map_or(0.0, |forgets| forgets.at(rate))
    }

    /// How many documents at `rate` are late together; none where no capacity is known.
    pub(super) fn together(&self, rate: f64) -> Option<f64> {
        self.forgets.map(|forgets| forgets.together(rate))
    }

    /// Seconds of a run at `rate` whose counts go into an answer.
    pub(super) fn horizon(&self, rate: f64) -> f64 {
        RELAXATIONS * self.relaxation(rate)
    }

    /// Seconds of one that only says where to look: less where work scatters less.
    pub(super) fn glance(&self, rate: f64) -> f64 {
        let scatter = self.forgets.map_or(1.0, |forgets| forgets.scatter);
        self.horizon(rate) / BRACKETING * scatter.min(1.0)
    }

    /// Documents of a run from an empty start at `rate` that the goals are judged by, at least. A
    /// goal about whole windows is about those that are written.
    pub(super) fn documents_seen(&self, rate: f64) -> f64 {
        let is_of_windows = self.scenario.goals.iter().any(is_of_windows);
        if is_of_windows || self.scenario.goals.is_empty() {
            0.0
        } else {
            self.horizon(rate) * rate
        }
    }

    /// Whether a run at `rate` may last for as long as it has to.
    pub(super) fn may_be_seen(&self, rate: f64) -> bool {
        self.horizon(rate) <= self.ask.seconds_max
    }

    /// What is said of a load at which it may not.
    pub(super) fn unseen(&self, rate: f64, goal: &Goal) -> Probe {
        let evidence = format!(
            "{}: a queue forgets in {:.0} s here, so that a run has to last for {:.0} s, \
             {RELAXATIONS} of those relaxation times, and --max-seconds allows {:.0} s: raise it, \
             or ask for a goal that binds at less load",
            in_words(goal),
            self.relaxation(rate),
            self.horizon(rate).ceil(),
            self.ask.seconds_max
        );
        unknown(rate, &evidence)
    }
}

/// How much the documents of Poisson arrivals, and work of so much variance a document, scatter
/// together, as a multiple of what those of one place with exponential work do.
fn scatter(scenario: &Scenario, work: f64) -> f64 {
    const LEAST: f64 = 0.01;
    // All documents of an interchange come at once.
    let by_chance = scenario.loads.iter().filter(|load| is_by_chance(load));
    let lumps = by_chance.map(|load| f64::from(Arriving::of(scenario, load).most));
    f64::midpoint(lumps.fold(0.0, f64::max), work).max(LEAST)
}

/// The variance of a document's work, as a multiple of that of exponential work.
fn variance_of_work(capacity: &Capacity) -> f64 {
    /// Student's quantile of the first stage, about.
    const QUANTILE: f64 = 2.13;
    let (mean, runs) = (capacity.mean, capacity.seeds.len() as f64);
    let deviation = capacity.chance * runs.sqrt() / QUANTILE;
    deviation * deviation * capacity.spans.1.as_secs_f64() / mean.value
}

#[cfg(test)]
mod tests {
    use floodgate_sim::rng::{Purpose, Rng};

    use super::Forgets;

    /// Late documents in each of `batches` batches of an M/M/1 of which 85 % are busy.
    fn late(batches: u64, documents: u64, over: f64) -> Vec<f64> {
        let rng = Rng::new(1, 0);
        let drawn = |purpose, document| -libm::log(rng.uniform(purpose, 0, document));
        let mut waits = 0.0_f64;
        let mut batch = |batch: u64| {
            let mut count = 0.0;
            for document in batch * documents..(batch + 1) * documents {
                let served = waits + drawn(Purpose::Wire, document);
                count += f64::from(u8::from(served > over));
                waits = (served - drawn(Purpose::Arrival, document) / 0.85).max(0.0);
            }
            count
        };
        (0..batches).map(&mut batch).collect()
    }

    #[test]
    fn as_many_are_late_together_as_come_in_a_relaxation_time() {
        // 2 % are late: exp(-0.15 * 26). The count scatters 140 times as much as if each were late
        // by itself.
        let counts = late(100, 10_000, 26.0);
        let mean = counts.iter().sum::<f64>() / 100.0;
        let squares: f64 = counts.iter().map(|one| (one - mean) * (one - mean)).sum();
        let found = squares / 99.0 / mean;
        let forgets = Forgets { capacity: 1.0, alone: 0.0, scatter: 1.0 };
        let expected = forgets.together(0.85);
        assert!((0.02 * 0.9..0.02 * 1.1).contains(&(mean / 1e4)), "{mean}");
        assert!((0.7..1.4).contains(&(found / expected)), "{found} {expected}");
    }
}
