//! `floodgate mst`: the maximum sustainable throughput, by bracketing.
//!
//! Loads are scaled together. From the rate as written the search doubles or halves until a load
//! that shrinks a backlog and one that grows it are known, then halves the bracket until it is as
//! narrow as asked. Each probe is a preloaded drift test with a seed of its own. The low end is
//! then confirmed from an empty start: every promise kept, nothing suspended, every goal met; a
//! goal that is missed there is searched for below.

use std::process::ExitCode;

use floodgate_engine::time::Duration;
use floodgate_reports as reports;
use floodgate_reports::{Limit, MstRecord, MstVerdict, Probe, Verdict};

use super::clock::WallClock;
use super::drift::{Drift, DriftProbe, Question, probe};
use super::run::{Run, run_silently};
use super::scale::{Period, offered_rate, scaled, searchable};
use crate::cli::{MstArgs, say, say_json, warn};
use crate::plan::goal::Goal;
use crate::plan::{Problems, Scenario};

/// Doublings or halvings before the search gives up.
const STEPS_MAX: u32 = 24;
/// Virtual seconds of one probe, unless said otherwise.
pub const SECONDS_MAX: f64 = 4.0 * 3600.0;
/// The share of the asked width that the bracket may have; the rest is what a sequential test can
/// mistake on either side, a quarter each.
const BRACKET_SHARE: f64 = 0.5;
/// How often an interval made this way should hold the true value.
const CONFIDENCE: f64 = 0.95;
/// Runs with seeds of their own at every rate that is tried against a goal.
const GOAL_REPLICATIONS: u64 = 5;
/// A goal that is missed at this fraction of the capacity is not a matter of load.
const HOPELESS: f64 = 1000.0;
/// Below this share of its capacity a resource is not what stops the load.
const LIMIT_UTILISATION_MIN: f64 = 0.5;
/// Documents of a confirmation, at least.
const CONFIRM_DOCUMENTS: f64 = 20_000.0;

/// Searches, prints what was found, and leaves a folder if asked to.
///
/// # Errors
///
/// Mistakes of the scenario, and of the file system.
pub fn execute(args: &MstArgs) -> miette::Result<ExitCode> {
    let (name, scenario) = args.scenario.read()?;
    if !args.json {
        warn(&scenario.warnings);
    }
    let record = search(&name, &scenario, args.precision, args.max_seconds.unwrap_or(SECONDS_MAX))?;
    if let Some(dir) = &args.out {
        reports::write_mst(dir, &record).map_err(|error| Problems::one(error.to_string(), None))?;
    }
    if args.json {
        say_json(&record)?;
    } else {
        say(reports::mst_summary(&record).trim_end())?;
    }
    Ok(ExitCode::from(record.exit_code()))
}

/// A search under way.
struct Search<'a> {
    scenario: &'a Scenario,
    /// After which its loads repeat together.
    period: Period,
    /// What the scenario offers as written.
    written: f64,
    precision: f64,
    seconds_max: f64,
    probes: Vec<Probe>,
    documents: u64,
    broken: bool,
}

/// Searches for the maximum sustainable throughput of `scenario`.
///
/// # Errors
///
/// A load without a rate, what no interval can be had of, or a replay file that cannot be read.
pub fn search(
    name: &str,
    scenario: &Scenario,
    precision: f64,
    seconds_max: f64,
) -> Result<MstRecord, Problems> {
    let clock = WallClock::start();
    let period = searchable(scenario)?;
    let mut search = Search {
        scenario,
        period,
        written: offered_rate(scenario)?,
        precision,
        seconds_max,
        probes: Vec::new(),
        documents: 0,
        broken: false,
    };
    let bracket = search.bracket()?;
    let mut record = MstRecord {
        schema_version: reports::SCHEMA_VERSION,
        scenario: name.to_owned(),
        scenario_hash: scenario.hash(),
        seed: scenario.seed,
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        mst: None,
        interval: None,
        confidence: CONFIDENCE,
        goal: "backlog does not grow".to_owned(),
        capacity: None,
        recover: None,
        verdict: MstVerdict::Undecided,
        limit: None,
        next_limit: None,
        elasticities: Vec::new(),
        probes: Vec::new(),
        documents_simulated: 0,
        wall_seconds: 0.0,
    };
    if let Some((low, high)) = bracket {
        record.capacity = Some(f64::midpoint(low, high));
        record.recover = Some(low);
        search.confirm(low, high, &mut record)?;
    }
    if search.broken {
        record.verdict = MstVerdict::Broken;
    }
    record.probes = search.probes;
    record.documents_simulated = search.documents;
    record.wall_seconds = clock.elapsed().as_secs_f64();
    Ok(record)
}

impl Search<'_> {
    fn scaled(&self, rate: f64) -> Scenario {
        scaled(self.scenario, rate / self.written)
    }

    /// The relative drift that a probe tells from none: a verdict at a rate says that the capacity
    /// is not further than this on the wrong side of it.
    fn blur(&self) -> f64 {
        self.precision * (1.0 - BRACKET_SHARE) / 2.0
    }

    fn is_narrow(&self, low: f64, high: f64) -> bool {
        high <= low * (1.0 + self.precision * BRACKET_SHARE)
    }

    fn drift(&mut self, rate: f64) -> Result<Drift, Problems> {
        let question = Question {
            rate,
            period: self.period.at(rate / self.written),
            delta: self.blur(),
            seed: self.scenario.seed.wrapping_add(self.probes.len() as u64 + 1),
            seconds_max: self.seconds_max,
        };
        let probe = probe(&self.scaled(rate), &question)?;
        self.note(rate, &question, &probe);
        Ok(probe.drift)
    }

    fn note(&mut self, rate: f64, question: &Question, probe: &DriftProbe) {
        self.documents += probe.documents;
        self.broken |= probe.broken.is_some();
        let verdict = match (&probe.broken, probe.drift) {
            (Some(_), _) => MstVerdict::Broken,
            (None, Drift::Balanced | Drift::Shrinking) => MstVerdict::Sustainable,
            (None, Drift::Growing) => MstVerdict::Unsustainable,
            (None, Drift::Undecided) => MstVerdict::Undecided,
        };
        let broken = probe.broken.as_ref().map_or(String::new(), |what| format!("; {what}"));
        self.probes.push(Probe {
            rate,
            seconds: probe.seconds,
            seeds: vec![question.seed],
            verdict,
            evidence: format!("{}{broken}", probe.evidence),
        });
    }

    /// The highest rate known to shrink a backlog and the lowest known to grow it, as close as
    /// asked; `None` when the budget ran out.
    fn bracket(&mut self) -> Result<Option<(f64, f64)>, Problems> {
        let (mut low, mut high): (Option<f64>, Option<f64>) = (None, None);
        let mut rate = self.written;
        for _ in 0..STEPS_MAX {
            match self.drift(rate)? {
                Drift::Shrinking => low = Some(rate),
                Drift::Growing => high = Some(rate),
                Drift::Balanced => return Ok(Some((rate, rate))),
                Drift::Undecided => return Ok(None),
            }
            rate = match (low, high) {
                (Some(low), Some(high)) if self.is_narrow(low, high) => {
                    return Ok(Some((low, high)));
                }
                (Some(low), Some(high)) => (low * high).sqrt(),
                (Some(low), None) => low * 2.0,
                (None, Some(high)) => high / 2.0,
                (None, None) => return Ok(None),
            };
        }
        Ok(None)
    }

    /// The low end from an empty start; when a goal is missed there, the search goes on below.
    fn confirm(&mut self, low: f64, high: f64, record: &mut MstRecord) -> Result<(), Problems> {
        let blur = self.blur();
        let outcome = self.empty_start(low, 0)?;
        let (low, high, confirmed) = match outcome.missed.clone() {
            None => (low * (1.0 - blur), high * (1.0 + blur), outcome),
            Some(goal) => {
                record.goal = goal;
                let Some(found) = self.bracket_goals(low)? else {
                    // Missed even at a thousandth of the capacity: no load is low enough.
                    record.verdict = MstVerdict::Unsustainable;
                    return Ok(());
                };
                found
            }
        };
        record.mst = Some(f64::midpoint(low, high));
        record.interval = Some([low, high]);
        record.verdict = confirmed.verdict;
        (record.limit, record.next_limit) = limits(&confirmed.run);
        Ok(())
    }

    /// The highest rate found at which every replication meets the goals, and the lowest at which
    /// every one misses one. Between them replications disagree: that is the interval's width.
    fn bracket_goals(&mut self, fails: f64) -> Result<Option<(f64, f64, Confirmation)>, Problems> {
        let (mut all_fail, mut some_fail) = (fails, fails);
        let mut passes: Option<(f64, Confirmation)> = None;
        let mut rate = fails / 2.0;
        for _ in 0..STEPS_MAX {
            let mut tried = Vec::new();
            for replication in 0..GOAL_REPLICATIONS {
                tried.push(self.empty_start(rate, replication)?);
            }
            let missed = tried.iter().filter(|one| one.missed.is_some()).count() as u64;
            if missed > 0 {
                some_fail = some_fail.min(rate);
            }
            if missed == GOAL_REPLICATIONS {
                all_fail = rate;
            }
            if missed == 0 {
                passes = tried.pop().map(|last| (rate, last));
            }
            rate = match &passes {
                Some((passes, _)) if self.is_narrow(*passes, some_fail) => break,
                Some((passes, _)) => (passes * some_fail).sqrt(),
                None if some_fail < fails / HOPELESS => break,
                None => some_fail / 2.0,
            };
        }
        Ok(passes.map(|(passes, last)| (passes, all_fail, last)))
    }

    fn empty_start(&mut self, rate: f64, replication: u64) -> Result<Confirmation, Problems> {
        let mut scenario = self.scaled(rate);
        scenario.seed = scenario.seed.wrapping_add(replication);
        scenario.expect = crate::plan::expect::Expect::default();
        let seconds = Duration::from_secs_f64(CONFIRM_DOCUMENTS / rate);
        for load in &mut scenario.loads {
            load.count = None;
            let measure = load.measure.unwrap_or(Duration::ZERO).max(seconds);
            load.measure = Some(measure);
        }
        scenario.drain = Duration::ZERO;
        let run = run_silently("confirmation", &scenario)?;
        self.documents += run.record.documents.received;
        let failed = run.record.verdicts.iter().find(|row| row.verdict == Verdict::Fail);
        self.broken |= failed.is_some();
        let missed = self.scenario.goals.iter().find_map(|goal| missed(goal, &run));
        let verdict = match (&missed, failed) {
            (_, Some(_)) => MstVerdict::Broken,
            (Some(_), None) => MstVerdict::Unsustainable,
            (None, None) if run.record.documents.suspended > 0 => MstVerdict::Lossy,
            (None, None) => MstVerdict::Sustainable,
        };
        let detail = failed.map(|row| row.name.clone()).or_else(|| missed.clone());
        self.probes.push(Probe {
            rate,
            seconds: run.record.virtual_seconds,
            seeds: vec![scenario.seed],
            verdict,
            evidence: format!(
                "empty start, {} documents: {}",
                run.record.documents.received,
                detail.unwrap_or_else(|| "every promise kept, every goal met".to_owned())
            ),
        });
        Ok(Confirmation { run, missed, verdict })
    }
}

struct Confirmation {
    run: Run,
    missed: Option<String>,
    verdict: MstVerdict,
}

/// The goal in words, if the run missed it.
fn missed(goal: &Goal, run: &Run) -> Option<String> {
    match goal {
        Goal::Late(late) => {
            let histogram = run.outcome.latency();
            let in_time = histogram.count_between(0, late.over.as_nanos());
            // What is under way for longer than was allowed is late as well. As many as arrive in
            // that time may still be on their way in good time.
            let under_way = run.record.rate.offered * late.over.as_secs_f64();
            let overdue = (run.outcome.unfinished as f64 - under_way).max(0.0);
            let samples = histogram.len() as f64 + overdue;
            let share = 1.0 - in_time as f64 / samples.max(1.0);
            let goal =
                format!("late: at most {} of the documents over {}", late.at_most, late.over);
            (share > late.at_most).then_some(goal)
        }
        Goal::Backlog(backlog) => {
            let max = run.outcome.meters.backlog.max();
            (max > backlog.at_most)
                .then(|| format!("backlog: at most {} documents", backlog.at_most))
        }
    }
}

/// The two busiest resources at the low end of the interval, if they are busy enough to matter.
pub(super) fn limits(run: &Run) -> (Option<Limit>, Option<Limit>) {
    let mut resources: Vec<_> = run.record.resources.iter().collect();
    resources.sort_by(|a, b| b.utilisation.total_cmp(&a.utilisation));
    let limit = |resource: &&reports::ResourceUse| {
        (resource.utilisation >= LIMIT_UTILISATION_MIN).then(|| Limit {
            resource: resource.name.clone(),
            explanation: format!(
                "busy {:.1} % of the time, {:.1} waiting on average",
                resource.utilisation * 100.0,
                resource.queue_mean
            ),
        })
    };
    let nothing = || Limit {
        resource: "none that is modelled".to_owned(),
        explanation: "every processor, lock, thread pool and limited partner is less than half \
                      busy; an adapter's own workers and waiting times are no resources here"
            .to_owned(),
    };
    let first = resources.first().and_then(limit).or_else(|| Some(nothing()));
    (first, resources.get(1).and_then(limit))
}
