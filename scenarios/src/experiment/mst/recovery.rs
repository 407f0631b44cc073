//! Recovery: whether a plant that was given too much comes back.
//!
//! Overloaded until five minutes' worth of its capacity waits (`--recovery`), then offered less
//! than it can do, a plant works off what waits at the difference. One that needs more than twice
//! as long, or never comes back, does worse the more there is to do: it is metastable.

use floodgate_engine::time::{Duration, Instant};
use floodgate_reports::{MstRecord, MstVerdict, Probe};
use floodgate_sim::load::{ArrivalKind, Pace};
use floodgate_sim::world::World;

use serde::{Deserialize, Serialize};

use super::capacity::{Capacity, Curve, Found, Wanted, measure};
use super::pinned::{Held, seed_of};
use super::stein::Mean;
use super::{Search, told, unknown};
use crate::experiment::drift::edge;
use crate::experiment::fuel::Fuel;
use crate::plan::Problems;
use crate::setup::setup;

/// The overload and the load afterwards, as shares of the capacity.
const OVERLOAD: f64 = 1.4;
const AFTERWARDS: f64 = 0.8;
/// It must be over in so many times what the difference takes.
const PATIENCE: f64 = 2.0;
/// A backlog below this share of what there was is gone, if it was less before.
const GONE: f64 = 0.05;
/// Documents that wait, at most: they are all in memory.
const WAITING_MAX: f64 = 2e6;
/// It was an overload where so large a share of what should wait did.
const WAITED: f64 = 0.5;
/// Looks while it drains.
const LOOKS: u32 = 200;
/// The seed of this run; the others belong to other parts of the search.
const RUN: u64 = 700;

/// What became of an overload.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Drained {
    /// Documents that waited when it ended, and that should have by what it can do.
    backlog: u64,
    expected: f64,
    /// Seconds until they were gone; `None` if that took too long.
    after: Option<f64>,
    /// Seconds that it might take.
    limit: f64,
    /// Virtual seconds of the run, and documents in it.
    seconds: f64,
    documents: u64,
    /// Whether a promise was broken.
    broken: bool,
}

impl Drained {
    pub(super) const fn documents(self) -> u64 {
        self.documents
    }
}

/// Half of the interval of what a plant recovers at, relative to it, at least.
const HALF_MIN: f64 = 0.02;
/// A window may take so much less than a probe, where that is fewer documents than a capacity has.
const WINDOWS_MIN: f64 = 8.0;

impl Search<'_> {
    /// Measures what the plant gets through with the backlog that it does worst with, in two stages
    /// like a capacity. Where that is no less than what it gets through at its best, `own`, the
    /// curve fell by chance.
    pub(super) fn check_fall(
        &mut self,
        held: &Held<'_>,
        curve: &mut Curve,
        own: &Capacity,
    ) -> Result<(), Problems> {
        let Some(backlog) = curve.falls_at else { return Ok(()) };
        // A backlog with which it does not come to rest has no throughput.
        let rate = curve.rate(backlog).filter(|rate| *rate > 0.0);
        let Some(rate) = rate.filter(|_| curve.restless_at.is_none()) else { return Ok(()) };
        let wanted = self.wanted(HALF_MIN.max(self.ask.precision / 2.0))?;
        let documents = (rate * self.ask.seconds_max / WINDOWS_MIN).min(wanted.documents);
        let wanted = Wanted { documents, ..wanted };
        let at = (backlog, rate);
        let (found, documents) = measure(held, self.scenario, at, edge(self.scenario), wanted)?;
        self.documents += documents;
        let is_chance =
            |worst: &Capacity| worst.mean.value + worst.mean.half >= own.mean.value - own.mean.half;
        if let Found::Measured(worst) = &found {
            self.broken |= worst.broken.is_some();
            self.probes.push(told(worst));
            if is_chance(worst) {
                curve.falls_at = None;
                return Ok(());
            }
        }
        self.worst = Some(found);
        Ok(())
    }

    /// The load from which the plant recovers with any backlog: what it can do from empty, or what
    /// it gets through with the backlog that it does worst with.
    pub(super) fn recovers(&mut self, curve: &Curve, low: f64, record: &mut MstRecord) {
        let Some(backlog) = curve.falls_at else {
            record.recover = Some(low);
            return;
        };
        match self.worst.take() {
            Some(Found::Measured(found)) => {
                let Mean { value, half } = found.mean;
                record.recover = Some(value.min(low));
                record.recover_interval = Some([(value - half).max(0.0), value + half]);
            }
            Some(Found::Unknown(why)) => {
                let why = format!("what it recovers at, with {backlog} documents: {why}");
                self.probes.push(unknown(curve.rate(backlog).unwrap_or(low), &why));
            }
            None => {}
        }
    }

    /// The plant, which can do `rate`, after an overload; none if nobody asks.
    pub(super) fn overload(&self, rate: f64) -> Result<Option<Drained>, Problems> {
        if self.ask.recovery <= 0.0 {
            return Ok(None);
        }
        let seed = seed_of(self.scenario, RUN);
        let key = || format!("overload {rate} {} {} {seed}", self.worth(rate), self.through);
        self.journal.once(key, |fuel| self.overloaded(rate, seed, fuel)).map(Some)
    }

    /// Whether it came back: sustainable, metastable, or undecided where it was not overloaded.
    pub(super) fn came_back(&mut self, rate: f64, drained: Option<Drained>) -> MstVerdict {
        let Some(drained) = drained else { return MstVerdict::Sustainable };
        let Drained { backlog, expected, after, limit, seconds, documents, broken } = drained;
        self.documents += documents;
        self.broken |= broken;
        let end = after.map_or_else(
            || format!("were not gone after {limit:.0} s"),
            |after| format!("were gone after {after:.0} s of {limit:.0}"),
        );
        let is_overloaded = backlog as f64 >= WAITED * expected;
        let verdict = match after {
            None if is_overloaded => MstVerdict::Metastable,
            Some(_) if is_overloaded => MstVerdict::Sustainable,
            _ => MstVerdict::Undecided,
        };
        let short = if is_overloaded {
            String::new()
        } else {
            format!("; {expected:.0} should have waited: it was no overload")
        };
        self.probes.push(Probe {
            rate: rate * AFTERWARDS,
            seconds,
            seeds: vec![seed_of(self.scenario, RUN)],
            verdict,
            evidence: format!(
                "after an overload of {OVERLOAD} times the capacity {backlog} documents \
                 {end}{short}"
            ),
        });
        verdict
    }

    /// Seconds of the capacity that wait when the overload ends: less than was asked for where a
    /// probe may not take as long as that needs, or so many documents cannot be held.
    fn worth(&self, rate: f64) -> f64 {
        let each = 1.0 / (OVERLOAD - 1.0) + PATIENCE / (1.0 - AFTERWARDS);
        self.ask.recovery.min(self.ask.seconds_max / each).min(WAITING_MAX / rate)
    }

    fn overloaded(&self, rate: f64, seed: u64, fuel: &mut Fuel<'_>) -> Result<Drained, Problems> {
        let scenario = self.scaled(rate * AFTERWARDS);
        let warm_up = scenario.loads.iter().map(|load| load.start + load.warm_up).max();
        let flood = Instant::ZERO + warm_up.unwrap_or(Duration::ZERO) + Duration::from_secs(10);
        let lasts = self.worth(rate) / (OVERLOAD - 1.0);
        let over = flood + Duration::from_secs_f64(lasts);
        let mut setup = setup(&scenario, 0)?;
        setup.seed = seed;
        for load in &mut setup.loads {
            (load.until, load.count) = (None, None);
            if let ArrivalKind::Lots(lots) = &mut load.arrivals {
                (lots.files, lots.time) = (None, None);
            }
            let paces = [(Instant::ZERO, 1.0), (flood, OVERLOAD / AFTERWARDS), (over, 1.0)];
            load.pace = Some(Pace::new(load.start, &paces, setup.end));
        }
        let mut world = World::new(&setup);
        let mut wait = |world: &mut World, until: Instant| {
            fuel.run_until(world, until)?;
            world.wait_until(until);
            Ok::<_, Problems>(())
        };
        wait(&mut world, flood)?;
        let before = world.backlog();
        wait(&mut world, over)?;
        let backlog = world.backlog();
        let gone = before.max((backlog as f64 * GONE) as u64);
        let limit = PATIENCE * backlog as f64 / (self.through * rate * (1.0 - AFTERWARDS));
        let mut after = (backlog <= gone).then_some(0.0);
        for look in 1..=LOOKS {
            if after.is_some() {
                break;
            }
            let seconds = limit * f64::from(look) / f64::from(LOOKS);
            wait(&mut world, over + Duration::from_secs_f64(seconds))?;
            after = (world.backlog() <= gone).then_some(seconds);
        }
        Ok(Drained {
            backlog,
            expected: self.through * rate * self.worth(rate),
            after,
            limit,
            seconds: world.now().as_secs_f64(),
            documents: world.meters().offered,
            broken: !world.checks().violations().is_empty(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Ask, Journal};
    use super::*;
    use crate::catalogue::Source;
    use crate::experiment::drift::Drift;
    use crate::experiment::fuel::Budget;
    use crate::plan::Scenario;

    const ASK: Ask =
        Ask { precision: 0.1, seconds_max: 3600.0, recovery: 60.0, threads: 1, ..Ask::DEFAULT };

    #[test]
    fn what_waits_is_gone_in_time_or_it_is_not() {
        let scenario = Source::find("throttled_host").unwrap().read(&[]).unwrap();
        let journal = Journal::default();
        let mut search = Search::of(&scenario, ASK, &journal).unwrap();
        // It can do 100 a second: a minute of that, at 20 a second, is gone after five minutes.
        let drained = search.overloaded(100.0, 1, &mut Fuel::of(&Budget::default())).unwrap();
        assert!((5500..6700).contains(&drained.backlog), "{drained:?}");
        let after = drained.after.expect("it can do this");
        assert!((after / 300.0 - 1.0).abs() < 0.1, "{drained:?}");
        // A plant that can do half of what is said of it never comes back.
        let drained = search.overload(200.0).unwrap();
        assert_eq!(search.came_back(200.0, drained), MstVerdict::Metastable);
        assert_eq!(search.probes[0].verdict, MstVerdict::Metastable);
        // One that can do twice of it was never overloaded, and is not said to have come back.
        let drained = search.overload(50.0).unwrap();
        assert_eq!(search.came_back(50.0, drained), MstVerdict::Undecided);
        assert!(search.probes[1].evidence.contains("it was no overload"), "{:?}", search.probes);
    }

    #[test]
    fn of_an_overload_that_a_part_of_the_documents_makes_that_part_waits() {
        // A third of the documents goes to a partner that takes 100 a second, the others to one
        // that takes any number, from a host of its own: 300 a second. A third of the excess waits.
        let text =
            include_str!("../../../catalogue/throttled_host.toml").replace("throttling", "#");
        let own = "[[host]]\nname = 'Apart'\non = ['bts1']\n[[receive_port]]\nname = 'More'\n\
                   [[receive_port.location]]\nadapter = 'file'\nhost = 'Receive'\n\
                   [[send_port]]\nname = 'Any'\nhost = 'Apart'\n\
                   filter = 'BTS.ReceivePortName == \"More\"'\n[send_port.primary]\n\
                   adapter = 'file'\n[[load]]\nto = 'More'\nrate = { constant = 600.0 }\n\
                   count = 60_000\n";
        let text = text.replace("[expect]", &format!("{own}[expect]"));
        let scenario = Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[]).unwrap();
        let journal = Journal::default();
        let mut search = Search::of(&scenario, ASK, &journal).unwrap();
        search.find_through(300.0).unwrap();
        assert!((search.through - 1.0 / 3.0).abs() < 0.02, "{}", search.through);
        let drained = search.overload(300.0).unwrap();
        assert_eq!(search.came_back(300.0, drained), MstVerdict::Sustainable, "{drained:?}");
        // It is told that the others do not wait, and a backlog grows by a third of what is too
        // much: a test of drifts looks for no more.
        assert!(search.probes[0].evidence.contains("grows by 33 %"), "{:?}", search.probes);
        let [less, more] = [0.96, 1.04].map(|by| 300.0 * by);
        let drifts = search.drifts(&[less, more], 0.02).unwrap();
        let told: Vec<Drift> = drifts.iter().map(|drift| drift.0).collect();
        assert_eq!(told, [Drift::Shrinking, Drift::Growing]);
        assert!(drifts[1].1 > 3.0 && drifts[1].1 < 5.0, "{drifts:?}");
    }

    #[test]
    fn a_sender_that_stops_by_itself_is_overloaded_all_the_same() {
        let lots = "load.0.rate={ lots = { threads = 1, lot = 10, sleep = '100 ms' } }";
        let changes = [lots, "load.0.count=2000"].map(str::to_owned);
        let scenario = Source::find("throttled_host").unwrap().read(&changes).unwrap();
        let journal = Journal::default();
        let search = Search::of(&scenario, ASK, &journal).unwrap();
        let drained = search.overloaded(100.0, 1, &mut Fuel::of(&Budget::default())).unwrap();
        assert!((5500..6700).contains(&drained.backlog), "{drained:?}");
    }
}
