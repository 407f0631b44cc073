//! Whether the cleanup jobs keep up with what the documents could do.
//!
//! Nothing holds a document back because its rows are removed late: no queue grows then, and the
//! spool does (R-GC-04). So of a load that the documents can do it is asked whether the garbage of
//! some MessageBox grows. The jobs are held for a while, so that each has more than enough to do;
//! then the growth of its garbage over windows is a plain sum, and the sequential test of the drift
//! decides. What a job gets through follows the load, for it waits for a processor: the excess is
//! read as a line between two loads, and the next ones are tried on either side of its root; where
//! that brings too little, in the middle. Jobs that do not run keep up with no load.

use floodgate_engine::id::MessageBoxId;
use floodgate_engine::time::{Duration, Instant};
use floodgate_reports::{Limit, MstRecord, MstVerdict, Probe};
use floodgate_sim::world::World;

use serde::{Deserialize, Serialize};

use super::bracket::STEPS_MAX;
use super::pinned::seed_of;
use super::{Interval, Search};
use crate::experiment::drift::{
    DRAINED, Drift, PRELOAD_SECONDS, Question, Sequential, warm_up, window_length,
};
use crate::experiment::fuel::Fuel;
use crate::experiment::scale::preloaded;
use crate::plan::{Problems, Scenario};

/// What binds where the jobs stop a plant before its documents do.
pub(super) const KEEP_UP: &str = "the cleanup jobs keep up";
/// Rows that come or go at one instant: those of a batch.
const EDGE: f64 = 20.0;
/// The share of the width that two loads on either side of the line's root are apart.
const ASIDE: f64 = 0.45;
/// The share of what lies between two loads that a step along the line has to take away.
const PROGRESS: f64 = 0.25;
/// Runs of the jobs for which they are held, at least.
const RUNS_HELD: u64 = 2;
/// The first of the seeds; the ones before belong to other parts of the search.
const FIRST_RUN: u64 = 60_000;

/// What a look at the jobs came to.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Kept {
    drift: Drift,
    /// What the garbage of the worst MessageBox grew by, as a share of what was added to it.
    excess: f64,
    worst: Option<Worst>,
    seconds: f64,
    documents: u64,
    broken: bool,
    evidence: String,
}

/// The MessageBox whose job is furthest behind.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Worst {
    name: String,
    /// Rows a second.
    removed: f64,
    added: f64,
}

/// What could be said of the jobs.
pub(super) enum Cleaned {
    /// They keep up with all that the documents can do.
    NoLimit,
    /// They do so up to a lower load; what stops it there.
    Limit((f64, f64), Limit),
    /// They do not run at all.
    Never,
    /// Nobody can tell.
    Unknown,
}

/// One MessageBox while it is looked at.
struct Looked {
    home: MessageBoxId,
    garbage: u64,
    removed: u64,
    test: Sequential,
    drift: Drift,
    grown: f64,
    gone: f64,
}

impl Search<'_> {
    /// What the cleanup jobs say of a plant whose documents can do what lies between these two.
    pub(super) fn cleaned(&mut self, (low, high): (f64, f64)) -> Result<Cleaned, Problems> {
        if !jobs_run(self.scenario) {
            return Ok(Cleaned::Never);
        }
        if !cleanup_has_price(self.scenario) {
            return Ok(Cleaned::NoLimit);
        }
        let first = self.keeps_up(low)?;
        match first.drift {
            Drift::Balanced | Drift::Shrinking => return Ok(Cleaned::NoLimit),
            Drift::Growing => {}
            Drift::Undecided => return Ok(Cleaned::Unknown),
        }
        // What is removed there would be all that is added at this load.
        let guess = low / (1.0 + first.excess / (1.0 - first.excess).max(0.01));
        let (mut ends, mut above): ((Option<(f64, f64)>, f64), Kept) = ((None, low), first);
        let mut rate = guess;
        let (mut apart, mut beside): (f64, Option<Vec<f64>>) = (f64::INFINITY, None);
        for _ in 0..STEPS_MAX {
            let found = self.keeps_up(rate)?;
            match found.drift {
                Drift::Growing => (ends.1, above) = (rate, found),
                Drift::Balanced => {
                    return Ok(self.limit((rate, rate), high, (ends.1, &above)));
                }
                Drift::Shrinking => ends.0 = Some((rate, found.excess)),
                // Too near to the answer to be told from it: what lies beside it is not.
                Drift::Undecided if beside.is_none() => {
                    let aside = ASIDE * self.width();
                    beside = Some(vec![rate * (1.0 + aside), rate * (1.0 - aside)]);
                }
                // What is known of both sides is as wide as it is.
                Drift::Undecided => {
                    let Some((below, _)) = ends.0 else { return Ok(Cleaned::Unknown) };
                    return Ok(self.limit((below, ends.1), high, (ends.1, &above)));
                }
            }
            let next = beside.as_mut().and_then(|all| {
                all.retain(|at| *at < ends.1 && ends.0.is_none_or(|(below, _)| *at > below));
                all.pop()
            });
            if let Some((below, _)) = ends.0
                && self.is_narrow(below, ends.1)
            {
                return Ok(self.limit((below, ends.1), high, (ends.1, &above)));
            }
            rate = match (next, ends.0) {
                (Some(next), _) => next,
                (None, None) => ends.1 / 2.0,
                (None, Some(below)) => {
                    step(below, (ends.1, above.excess), &mut apart, self.width())
                }
            };
        }
        Ok(Cleaned::Unknown)
    }

    /// Takes over what the jobs say, and what binds then.
    pub(super) fn is_cleaned(
        &mut self,
        (low, high): (f64, f64),
        record: &mut MstRecord,
    ) -> Result<(Interval, Option<Limit>), Problems> {
        match self.cleaned((low, high))? {
            Cleaned::NoLimit => Ok((Some((low, high)), None)),
            Cleaned::Limit(ends, limit) => {
                record.goal = KEEP_UP.to_owned();
                record.recover = Some(ends.0.min(record.recover.unwrap_or(ends.0)));
                Ok((Some(ends), Some(limit)))
            }
            Cleaned::Never => {
                record.goal = KEEP_UP.to_owned();
                record.verdict = MstVerdict::Unsustainable;
                record.recover = None;
                record.limit = Some(never(self.scenario));
                Ok((None, None))
            }
            Cleaned::Unknown => {
                record.goal = KEEP_UP.to_owned();
                Ok((None, None))
            }
        }
    }

    /// The limit between two loads, of a plant whose documents can do `most`; what was seen at a
    /// load above it says what stops it.
    fn limit(&self, (low, high): (f64, f64), most: f64, (at, above): (f64, &Kept)) -> Cleaned {
        let blur = self.blur();
        let ends = (low * (1.0 - blur), (high * (1.0 + blur)).min(most));
        let Some(worst) = &above.worst else { return Cleaned::Unknown };
        let limit = Limit {
            resource: format!("{} cleanup job", worst.name),
            explanation: format!(
                "at {at:.1}/s it removes {:.1} rows a second of {:.1} that come: no queue grows, \
                 the spool does (R-GC-04)",
                worst.removed, worst.added
            ),
            utilisation: Some(1.0),
            bound: None,
            at_least: false,
        };
        Cleaned::Limit(ends, limit)
    }

    /// Whether the jobs keep up with a load, noted.
    fn keeps_up(&mut self, rate: f64) -> Result<Kept, Problems> {
        let question = Question {
            rate,
            delta: self.blur(),
            through: 1.0,
            seed: seed_of(self.scenario, FIRST_RUN + self.probes.len() as u64),
            seconds_max: self.ask.seconds_max,
            period: self.period.at(rate / self.written),
        };
        let key = || format!("cleaned {question:?}");
        let scenario = self.scaled(rate);
        let kept = self.journal.once(key, |fuel| look(&scenario, &question, fuel))?;
        self.documents += kept.documents;
        self.broken |= kept.broken;
        self.probes.push(Probe {
            rate,
            seconds: kept.seconds,
            seeds: vec![question.seed],
            verdict: match kept.drift {
                _ if kept.broken => MstVerdict::Broken,
                Drift::Balanced | Drift::Shrinking => MstVerdict::Sustainable,
                Drift::Growing => MstVerdict::Unsustainable,
                Drift::Undecided => MstVerdict::Undecided,
            },
            evidence: kept.evidence.clone(),
        });
        Ok(kept)
    }
}

/// Whether the jobs run and could be behind.
pub(in crate::experiment) fn cleanup_has_price(scenario: &Scenario) -> bool {
    let costs = &scenario.costs;
    let prices = [costs.collect_sql_row, costs.collect_row, costs.collect_cold_row];
    jobs_run(scenario) && prices.iter().any(|one| !one.is_zero())
}

/// Whether the jobs run: the first MessageBox says it for all.
pub(in crate::experiment) fn jobs_run(scenario: &Scenario) -> bool {
    scenario.message_boxes.first().is_none_or(|own| own.jobs)
}

/// What stops a plant whose jobs do not run.
pub(super) fn never(scenario: &Scenario) -> Limit {
    let name = scenario.message_boxes.first().map_or("", |own| own.name.as_str());
    Limit {
        resource: format!("{name} cleanup job"),
        explanation: "it does not run ('jobs' is false): no queue grows, the spool does, at any \
                      load (R-GC-04)"
            .to_owned(),
        utilisation: None,
        bound: None,
        at_least: false,
    }
}

/// The load to try next: where the line says, or the middle where the last step has taken too
/// little off what lies between. Of jobs that caught up it is not told by how much they could.
fn step(below: (f64, f64), above: (f64, f64), apart: &mut f64, width: f64) -> f64 {
    let before = std::mem::replace(apart, above.0 - below.0);
    let is_slow = *apart > before * (1.0 - PROGRESS);
    if is_slow { (below.0 * above.0).sqrt() } else { next(below, above, width) }
}

/// The load that says most: a little beside the root of a line through both ends, on the side of
/// the one that is further from it.
fn next((below, less): (f64, f64), (above, more): (f64, f64), width: f64) -> f64 {
    let share = (-less / (more - less)).clamp(0.0, 1.0);
    let root = below + share * (above - below);
    let aside = if root - below > above - root { 1.0 - ASIDE * width } else { 1.0 + ASIDE * width };
    let (least, most) = (below * (1.0 + width / 4.0), above * (1.0 - width / 4.0));
    if least < most { (root * aside).clamp(least, most) } else { (below * above).sqrt() }
}

/// A plant whose jobs have more than enough to do from now on.
pub(super) struct Begun {
    pub(super) world: World,
    /// Rows a second that were added to each MessageBox while its job was held.
    added: Vec<f64>,
    /// Rows of each that may be there when its job has done all that it could.
    drained: Vec<f64>,
    /// A window: whole periods of the loads.
    pub(super) window: Duration,
}

impl Begun {
    /// Runs until the jobs are at work, after they were held for a while; none where they run so
    /// seldom that no probe sees them.
    pub(super) fn of(
        scenario: &Scenario,
        question: &Question,
        fuel: &mut Fuel<'_>,
    ) -> Result<Option<Self>, Problems> {
        let window = window_length(question);
        let held = Instant::ZERO + warm_up(scenario, question)?.max(window);
        let every = scenario.message_boxes[0].cleanup;
        let lasts = Duration::from_secs_f64(PRELOAD_SECONDS).max(every.times(RUNS_HELD));
        if lasts.as_secs_f64() > question.seconds_max {
            return Ok(None);
        }
        let windows = lasts.as_nanos().div_ceil(window.as_nanos().max(1));
        let start = held + window.times(windows);
        let mut setup = preloaded(scenario, 0, start)?;
        setup.seed = question.seed;
        let mut world = World::new(&setup);
        advance(&mut world, held, fuel)?;
        world.hold_cleanup(true);
        let before: Vec<(u64, u64)> = boxes(&world).map(|home| seen(&world, home)).collect();
        advance(&mut world, start, fuel)?;
        let seconds = start.since(held).as_secs_f64();
        let added = |home: MessageBoxId| {
            let (now, before) = (seen(&world, home), before[home.index()]);
            ((now.0 + now.1) - (before.0 + before.1)) as f64 / seconds
        };
        let added: Vec<f64> = boxes(&world).map(added).collect();
        world.hold_cleanup(false);
        // They begin with their next run; then for what the documents do while they are at work.
        let runs = start.as_nanos() / every.as_nanos().max(1) + 1;
        advance(&mut world, Instant::ZERO + every.times(runs) + window, fuel)?;
        // What comes between two runs is there when a job has done all that it could.
        let between = (PRELOAD_SECONDS * DRAINED).max(every.as_secs_f64());
        let drained = added.iter().map(|rate| rate * between + EDGE).collect();
        Ok(Some(Self { world, added, drained, window }))
    }

    /// Goes on for so long.
    pub(super) fn run(&mut self, lasts: Duration, fuel: &mut Fuel<'_>) -> Result<(), Problems> {
        let until = self.world.now() + lasts;
        advance(&mut self.world, until, fuel)
    }

    /// Garbage of each MessageBox, and the rows that its job has removed; none where it may have
    /// had nothing to do.
    pub(super) fn at_work(&self) -> Vec<Option<(u64, u64)>> {
        let one = |home| Some(seen(&self.world, home)).filter(|_| !self.is_drained(home));
        boxes(&self.world).map(one).collect()
    }

    /// Whether so little garbage is there that its job may have had nothing to do.
    fn is_drained(&self, home: MessageBoxId) -> bool {
        seen(&self.world, home).0 as f64 <= self.drained[home.index()]
    }
}

fn advance(world: &mut World, until: Instant, fuel: &mut Fuel<'_>) -> Result<(), Problems> {
    fuel.run_until(world, until)?;
    world.wait_until(until);
    Ok(())
}

/// Runs a load with jobs that have more than enough to do.
fn look(scenario: &Scenario, question: &Question, fuel: &mut Fuel<'_>) -> Result<Kept, Problems> {
    let Some(mut begun) = Begun::of(scenario, question, fuel)? else {
        return Ok(rare(scenario.message_boxes[0].cleanup));
    };
    let added = begun.added.clone();
    let least = added.iter().copied().filter(|rate| *rate > 0.0).fold(f64::INFINITY, f64::min);
    if least.is_infinite() {
        return Ok(told(&begun.world, &[], 0.0));
    }
    // Windows in which what may be mistaken is as much as what a batch cuts.
    let windows = (EDGE / (question.delta * least) / begun.window.as_secs_f64()).ceil().max(1.0);
    let length = begun.window.times(windows as u64);
    let seconds = length.as_secs_f64();
    let looked = boxes(&begun.world).filter(|home| added[home.index()] > 0.0);
    let mut looked: Vec<Looked> = looked
        .map(|home| {
            let (garbage, removed) = seen(&begun.world, home);
            let test = Sequential::of(question.delta * added[home.index()] * seconds, EDGE);
            Looked { home, garbage, removed, test, drift: Drift::Undecided, grown: 0.0, gone: 0.0 }
        })
        .collect();
    while looked[0].test.has_time(seconds, question.seconds_max) {
        begun.run(length, fuel)?;
        looked.iter_mut().for_each(|one| one.look(&begun));
        let is = |drift| move |one: &Looked| one.drift == drift;
        if looked.iter().any(is(Drift::Growing)) || looked.iter().all(is(Drift::Shrinking)) {
            break;
        }
    }
    for one in looked.iter_mut().filter(|one| one.drift == Drift::Undecided) {
        if one.test.is_balanced() {
            one.drift = Drift::Balanced;
        }
    }
    Ok(told(&begun.world, &looked, seconds))
}

/// Nothing was looked at: the jobs run too seldom for a probe.
fn rare(every: Duration) -> Kept {
    let evidence = format!(
        "the cleanup jobs run every {every}: {RUNS_HELD} of their runs are longer than a probe; raise \
         --max-seconds"
    );
    let (drift, excess, worst) = (Drift::Undecided, 0.0, None);
    Kept { drift, excess, worst, seconds: 0.0, documents: 0, broken: false, evidence }
}

fn boxes(world: &World) -> impl Iterator<Item = MessageBoxId> {
    (0..world.message_box().boxes()).map(MessageBoxId::from)
}

/// Garbage of a MessageBox, and the rows that its job has removed.
fn seen(world: &World, home: MessageBoxId) -> (u64, u64) {
    (world.message_box().garbage_of(home), world.removed_from(home))
}

impl Looked {
    /// A window more.
    fn look(&mut self, begun: &Begun) {
        let (garbage, removed) = seen(&begun.world, self.home);
        let growth = garbage as f64 - self.garbage as f64;
        (self.grown, self.gone) =
            (self.grown + growth, self.gone + (removed - self.removed) as f64);
        (self.garbage, self.removed) = (garbage, removed);
        let decided = self.test.add(growth);
        if self.drift != Drift::Undecided {
            return;
        }
        if begun.is_drained(self.home) {
            self.drift = Drift::Shrinking;
        } else if let Some(drift) = decided {
            self.drift = drift;
        }
    }

    fn excess(&self) -> f64 {
        self.grown / (self.grown + self.gone).max(1.0)
    }
}

fn told(world: &World, looked: &[Looked], seconds: f64) -> Kept {
    let broken = !world.checks().violations().is_empty();
    let (now, documents) = (world.now().as_secs_f64(), world.meters().received);
    let worst = looked.iter().max_by(|a, b| a.excess().total_cmp(&b.excess()));
    let Some(worst) = worst else {
        let evidence = "nothing is added to what the cleanup jobs remove".to_owned();
        let (drift, excess, worst) = (Drift::Shrinking, -1.0, None);
        return Kept { drift, excess, worst, seconds: now, documents, broken, evidence };
    };
    let drifts = [Drift::Growing, Drift::Undecided, Drift::Balanced, Drift::Shrinking];
    let is_any = |drift: &&Drift| looked.iter().any(|one| one.drift == **drift);
    let windows = worst.test.windows();
    let per_second = |rows: f64| rows / (windows as f64 * seconds);
    let own = Worst {
        name: world.name_of_box(worst.home).to_owned(),
        removed: per_second(worst.gone),
        added: per_second(worst.gone + worst.grown),
    };
    let evidence = format!(
        "garbage of {}: {:+.2} rows/s over {windows} windows of {seconds:.2} s, {:.1} rows/s removed",
        own.name,
        per_second(worst.grown),
        own.removed
    );
    Kept {
        drift: drifts.iter().find(is_any).copied().unwrap_or(Drift::Undecided),
        excess: worst.excess(),
        worst: Some(own),
        seconds: now,
        documents,
        broken,
        evidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_leads_to_where_nothing_grows() {
        // A job of a hundred rows a second that gets through a little less as more comes.
        let excess = |rate: f64| 1.0 - (110.0 - rate / 10.0) / rate;
        let (mut below, mut above, mut steps) = (60.0, 140.0, 0);
        while above > below * 1.005 {
            let rate = next((below, excess(below)), (above, excess(above)), 0.005);
            assert!(below < rate && rate < above);
            if excess(rate) > 0.0 {
                above = rate;
            } else {
                below = rate;
            }
            steps += 1;
        }
        assert!(below <= 100.0 && above >= 100.0 && steps <= 8, "{below} {above} {steps}");
    }

    #[test]
    fn a_line_that_leads_nowhere_is_left() {
        // The same job, in windows so long that what it has to spare is not seen: it caught up.
        let excess = |rate: f64| (1.0 - (110.0 - rate / 10.0) / rate).max(-0.000_1);
        let (mut below, mut above, mut steps, mut apart) = (60.0, 140.0, 0, f64::INFINITY);
        while above > below * 1.001 {
            let ends = ((below, excess(below)), (above, excess(above)));
            let rate = step(ends.0, ends.1, &mut apart, 0.001);
            assert!(below < rate && rate < above);
            *if excess(rate) > 0.0 { &mut above } else { &mut below } = rate;
            steps += 1;
        }
        assert!(below <= 100.0 && above >= 100.0 && steps <= 18, "{below} {above} {steps}");
    }
}
