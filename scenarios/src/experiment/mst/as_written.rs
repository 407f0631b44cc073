//! How many times the scenario as it is written: a search for a load that is a story in time.
//!
//! A batch at midnight, a flood, a day with an outage, a recording: such a load has no rate that
//! goes on for ever. So the whole of it is taken so many times (rates and counts; a recording in so
//! much less time), with its phases, faults, acts, warm-up and drain as they are, and runs show
//! what comes of it (`replicated.rs`). A multiple is carried when the backlog is back where it
//! began, at nothing, by the end of the drain (without a drain, at half a per cent of what was
//! offered), the garbage of cleanup jobs that have a price included; when every goal is met; and
//! when what the scenario expects that does not follow from how much is offered still comes true:
//! `sustainable`, `tracking`, the bounds of latencies, and that of something there is nothing.

use std::collections::BTreeMap;

use floodgate_engine::time::{Duration, Instant};
use floodgate_reports::{Limit, MstRecord, MstVerdict, Verdict, VerdictRow};
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::Setup;
use floodgate_sim::world::World;

use super::Ask;
use super::cleaned::{cleanup_has_price, jobs_run};
use super::confirm::LOWER;
use super::early::{Cut, Pace};
use super::goals::{against, allowed, in_words, is_of_windows, watch};
use super::journal::Journal;
use super::limit::{busiest, of_rest};
use super::pinned::seed_of;
use super::probes::unknown;
use super::replicated::{Extent, Fact, Knob, Known, Numbers, RUNS_MAX, Ran};
use super::root::WIDER;
use crate::experiment::fuel::Fuel;
use crate::experiment::judge::judge;
use crate::experiment::scale::{hasten, is_story, multipliable, multiplied};
use crate::plan::expect::{Bound, Expect, ExpectAnswers, ExpectPort};
use crate::plan::goal::Goal;
use crate::plan::{Problems, Scenario};
use crate::setup::setup;

/// The number of the scenario as it is written; each next one is a step more of it.
const ONCE: u64 = 1 << 32;
/// Documents of a run, and a multiple, beyond which none is tried.
const FEWEST: f64 = 8.0;
const MOST: f64 = 1e6;
/// Documents of a run at most, and of those that wait at once: they are in memory, 200 bytes each.
const DOCUMENTS_MAX: f64 = 1e8;
const WAITING_MAX: f64 = 3e7;
/// Looks at what is left while it is done, and before.
pub(super) const LOOKS: u64 = 256;
/// Between two looks while nobody knows yet when the loads end.
pub(super) const LOOK_MIN: Duration = Duration::from_secs(1);
/// The share of what was offered that may be left where nothing is given time for it.
const LEFT_MAX: f64 = 0.005;
/// What is done after the loads stops the plant if it takes so much of the time.
const REST: f64 = 0.01;
/// A multiple below the answer is as good as one that is this near to it.
const NEAR: f64 = 0.1;
/// The first of the seeds.
const FIRST_RUN: u64 = 80_000;

/// The multiple.
pub(super) struct Multiple<'a> {
    pub(super) scenario: &'a Scenario,
    /// The logarithm of what one number is more than the one before.
    step: f64,
    /// Goals that allow a share, and those that allow nothing.
    pub(super) shares: Vec<Goal>,
    pub(super) strict: Vec<Goal>,
    pub(super) expect: Expect,
    /// What may be unfinished at the end.
    pub(super) unfinished: u64,
    in_time: String,
    /// When a run has to be over, if somebody says so.
    seconds_max: Option<f64>,
}

/// A search under way.
pub(super) struct AsWritten<'a> {
    numbers: Numbers<'a, Multiple<'a>>,
}

/// What became of the backlog of a run.
#[derive(Clone, Copy, Debug)]
struct Back {
    /// When the run would have been over, and when nothing was left, if that was before.
    ends: Instant,
    at: Option<Instant>,
    /// How much was left of documents, and of garbage, and how much garbage there was at most.
    left: u64,
    garbage: u64,
    garbage_max: u64,
}

impl<'a> AsWritten<'a> {
    /// The search, if the scenario is such a story, or if that was asked for.
    ///
    /// # Errors
    ///
    /// What stands against it.
    pub(super) fn of(
        scenario: &'a Scenario,
        ask: Ask,
        journal: &'a Journal,
    ) -> Result<Option<Self>, Problems> {
        if !ask.as_written && !is_story(scenario) {
            return Ok(None);
        }
        multipliable(scenario)?;
        let goals = scenario.goals.iter().cloned();
        let is_share = |goal: &Goal| allowed(goal).is_some() && !is_of_windows(goal);
        let (shares, strict) = goals.partition(is_share);
        let unfinished = scenario.expect.unfinished.as_ref();
        let multiple = Multiple {
            scenario,
            step: libm::log1p(ask.precision / 2.0),
            shares,
            strict,
            expect: expected(&scenario.expect),
            unfinished: unfinished.and_then(|own| own.at_most.or(own.exactly)).unwrap_or(0),
            in_time: in_time(scenario),
            seconds_max: ask.written_max,
        };
        Ok(Some(Self { numbers: Numbers::new(multiple, ask, journal) }))
    }

    /// The whole search, into `record`.
    pub(super) fn search(mut self, record: &mut MstRecord) -> Result<(), Problems> {
        let numbers = &self.numbers;
        numbers.journal.budget().fill(numbers.ask.steps_max);
        record.goal.clone_from(&numbers.knob.in_time);
        let found = self.find(record);
        self.numbers.finish(found, record)
    }

    /// The answer, or why there is none.
    fn find(&mut self, record: &mut MstRecord) -> Result<(), Problems> {
        let Some((low, high)) = self.numbers.between(record)? else { return Ok(()) };
        let multiple = &self.numbers.knob;
        let (least, most) = (multiple.factor(low), multiple.factor(high));
        let (below, above) = (&self.numbers.known[&low], &self.numbers.known[&high]);
        record.goal.clone_from(&above.goal);
        record.mst = Some(below.rate);
        record.interval = Some([below.rate, below.rate * most / least]);
        record.scale = Some(least);
        record.scale_interval = Some([least, most]);
        record.scale_documents = Some(below.offered);
        record.scale_seconds = Some(below.first.ends);
        record.verdict = match below.suspended > 0 && !multiple.may_suspend() {
            true => MstVerdict::Lossy,
            false => MstVerdict::Sustainable,
        };
        [record.limit, record.next_limit] = self.limits(low)?;
        let below = self.below(low, least);
        if self.numbers.is_contradicted((low, high), &below)? {
            record.verdict = MstVerdict::NonMonotone;
            return Ok(());
        }
        let (width, asked) = (most / least - 1.0, self.numbers.ask.precision);
        if record.verdict == MstVerdict::Sustainable && width > WIDER * asked {
            let (width, asked) = (100.0 * width, 100.0 * asked);
            let why =
                format!("{width:.2} % lie between met and missed, and {asked:.2} % was asked");
            self.numbers.probes.push(unknown(record.mst.unwrap_or_default(), &why));
            record.verdict = MstVerdict::Undecided;
        }
        Ok(())
    }

    /// Multiples below the answer at which nobody has looked.
    fn below(&self, low: u64, least: f64) -> Vec<u64> {
        let multiple = &self.numbers.knob;
        let seen = self.numbers.seen.range(..low).map(|(number, _)| multiple.factor(*number));
        let seen: Vec<f64> = seen.collect();
        let is_near = |factor: f64| seen.iter().any(|one| (one / factor - 1.0).abs() <= NEAR);
        let factors = LOWER.iter().map(|share| least * share);
        factors.filter(|factor| !is_near(*factor)).map(|factor| multiple.number(factor)).collect()
    }

    /// What stops the plant: where the answer is what it does after the loads, what is full then.
    fn limits(&mut self, low: u64) -> Result<[Option<Limit>; 2], Problems> {
        let first = &self.numbers.known[&low].first;
        let (from, to) = first.rest;
        if to - from <= REST * first.ends {
            return Ok(first.busiest.clone());
        }
        let multiple = &self.numbers.knob;
        let at = |seconds: f64| Instant::ZERO + Duration::from_secs_f64(seconds);
        let key = || format!("rest {}", multiple.key(low, 0));
        self.numbers.journal.once(key, |fuel| {
            let (_, setup) = multiple.made(low, 0)?;
            of_rest(setup, (at(from), at(to)), fuel)
        })
    }
}

/// What is expected of any multiple: nothing that follows from how much is offered.
fn expected(own: &Expect) -> Expect {
    let never = |bound: &Option<Bound>| {
        bound.clone().filter(|bound| bound.at_most == Some(0) || bound.exactly == Some(0))
    };
    let port = |port: &ExpectPort| ExpectPort {
        name: port.name.clone(),
        suspended: never(&port.suspended),
        latency_p99: port.latency_p99.clone(),
        ..ExpectPort::default()
    };
    let answers = |own: &ExpectAnswers| ExpectAnswers {
        failed: never(&own.failed),
        faults: never(&own.faults),
        late: never(&own.late),
        broken: never(&own.broken),
        ..ExpectAnswers::default()
    };
    Expect {
        sustainable: own.sustainable.filter(|is| *is),
        tracking: own.tracking.filter(|is| *is),
        suspended: never(&own.suspended),
        error_messages: never(&own.error_messages),
        routing_failures: never(&own.routing_failures),
        latency_max: own.latency_max.clone(),
        answers: own.answers.as_ref().map(answers),
        ports: own.ports.iter().map(port).collect(),
        ..Expect::default()
    }
}

/// Whether garbage must be gone, too: where its jobs could be behind and have the time.
fn is_cleaned(scenario: &Scenario) -> bool {
    let may_be_late = cleanup_has_price(scenario) && scenario.tracking.is_none();
    let has_time = scenario.drain_at_most() > scenario.message_boxes[0].cleanup.times(2);
    !jobs_run(scenario) || may_be_late && has_time
}

/// What it means that time is left.
fn in_time(scenario: &Scenario) -> String {
    let drain = scenario.drain_at_most();
    let rows = if is_cleaned(scenario) { ", nor garbage in the spool" } else { "" };
    match drain.is_zero() {
        true => format!("at most {} % is left when the loads end{rows}", LEFT_MAX * 100.0),
        false => format!("nothing is left {drain} after the loads{rows}"),
    }
}

impl Multiple<'_> {
    fn factor(&self, number: u64) -> f64 {
        libm::exp(self.step * (number.cast_signed() - ONCE.cast_signed()) as f64)
    }

    /// The number of the multiple that is so much or a little less.
    fn number(&self, factor: f64) -> u64 {
        let steps = (libm::log(factor) / self.step).floor() as i64;
        ONCE.saturating_add_signed(steps)
    }

    fn may_suspend(&self) -> bool {
        let expected = self.scenario.expect.suspended.as_ref();
        let mut goals = self.scenario.goals.iter();
        goals.any(|goal| matches!(goal, Goal::Suspended(_)))
            || expected.is_some_and(|bound| !bound.admits(0) || bound.admits(1))
    }

    /// The scenario so many times, and its setup, of one run.
    fn made(&self, number: u64, run: u64) -> Result<(Scenario, Setup), Problems> {
        let factor = self.factor(number);
        let mut scenario = multiplied(self.scenario, factor);
        let distance = number.abs_diff(ONCE) * 2 + u64::from(number < ONCE);
        // As many seeds as there may be runs for each multiple: no two share one.
        scenario.seed = seed_of(self.scenario, FIRST_RUN + distance * RUNS_MAX + run);
        scenario.expect = self.expect.clone();
        // Of multiples as many may wait as are tried.
        scenario.waiting_max = scenario.waiting_max.max(WAITING_MAX as u64);
        watch(&mut scenario, self.planned().since(Instant::ZERO));
        let mut setup = setup(&scenario, 0)?;
        hasten(&mut setup, &scenario, factor);
        Ok((scenario, setup))
    }

    /// When the loads end that say so.
    pub(super) fn planned(&self) -> Instant {
        if let Some(timetable) = self.scenario.timetable() {
            return timetable.loads_end;
        }
        let loads = self.scenario.loads.iter();
        let ends = loads.filter_map(|load| Some(load.start + load.warm_up + load.measure?));
        Instant::ZERO + ends.max().unwrap_or(Duration::ZERO)
    }

    /// Runs to the end, or until that is known, and sees when nothing is left.
    fn through(
        &self,
        world: &mut World,
        (far, extent): (Instant, Extent),
        fuel: &mut Fuel<'_>,
    ) -> Result<(Back, Option<Cut>), Problems> {
        let is_cleaned = is_cleaned(self.scenario);
        let most = self.seconds_max.map(|most| Instant::ZERO + Duration::from_secs_f64(most));
        let (mut back, mut garbage_max, mut pace) = (None, 0, Pace::default());
        let mut look = self.next_look(Instant::ZERO, true);
        let mut cut = None;
        while fuel.run_until(world, most.map_or(look, |most| look.min(most)))? {
            let is_open = world.ends_by() >= far;
            let garbage = world.message_box().spool_garbage();
            garbage_max = garbage_max.max(garbage);
            let is_back = world.backlog() <= self.unfinished && !(is_cleaned && garbage > 0);
            back = match (is_open, is_back) {
                (false, true) => back.or(Some(look)),
                (true, _) | (_, false) => None,
            };
            cut = self.over_early(world, (extent, is_open), &mut pace);
            if cut.is_some() {
                break;
            }
            if let Some(most) = most.filter(|most| *most <= look) {
                if back.is_some() && !self.is_timed() {
                    // Nothing comes any more.
                    break;
                }
                return Err(fuel.end(self.overlong(world, most)));
            }
            look = self.next_look(look, is_open);
        }
        let garbage = if is_cleaned { world.message_box().spool_garbage() } else { 0 };
        let left = world.backlog().saturating_sub(self.unfinished);
        let level = &world.meters().backlog;
        let is_back = left == 0 && garbage == 0;
        // The level says when a document was last done, where no row is waited for.
        let last = level.since();
        let at = back.map_or(world.now(), |at| if is_cleaned { at } else { at.min(last) });
        // Loads that go on where a run is cut would have ended as planned.
        let is_open = world.ends_by() >= far;
        let planned = self.planned().max(world.now()) + self.scenario.drain_at_most();
        let ends = if is_open && cut.is_some() { planned } else { world.ends_by() };
        Ok((Back { ends, at: is_back.then_some(at), left, garbage, garbage_max }, cut))
    }

    /// What is said of a run that would go on for longer than it may.
    fn overlong(&self, world: &World, most: Instant) -> String {
        let ends = self.planned() + self.scenario.drain_at_most();
        format!(
            "A run as it is written was not over at {most}, when {} documents were left, and \
             --max-seconds allows no more: raise it ({:.0} would do for the load as it is \
             planned), or leave it out",
            world.backlog(),
            ends.as_secs_f64()
        )
    }

    /// The share of the time that was left, or that was lacking: at the pace of before.
    fn left(&self, back: Back, offered: u64) -> f64 {
        let ends = back.ends.as_secs_f64();
        let drain = self.scenario.drain_at_most();
        if drain.is_zero() {
            let may_be = LEFT_MAX * offered as f64;
            let done = (offered as f64 - back.left as f64).max(1.0);
            return (may_be - back.left as f64) / done;
        }
        if let Some(at) = back.at {
            return back.ends.since(at).as_secs_f64() / ends;
        }
        let done = offered.saturating_sub(back.left).max(1) as f64;
        let removed = back.garbage_max.saturating_sub(back.garbage).max(1) as f64;
        let documents = back.left as f64 / done;
        let rows = back.garbage as f64 / removed * drain.as_secs_f64() / ends;
        -documents.max(rows).max(f64::MIN_POSITIVE)
    }
}

impl Knob for Multiple<'_> {
    fn goals(&self) -> &[Goal] {
        &self.shares
    }

    fn in_time(&self) -> &str {
        &self.in_time
    }

    fn written(&self) -> u64 {
        ONCE
    }

    /// What lacks time has so much too much to do, if it was at work all the time; if not, less
    /// than that. What is missed otherwise is half as much next. Below a few documents there is
    /// nothing to tell.
    fn fewer(&self, than: u64, known: &Known) -> u64 {
        let share = match known.left {
            Some(left) if left < 0.0 => 1.0 / (1.0 - left),
            Some(_) | None => 0.5,
        };
        let fewest = FEWEST / known.offered.max(1.0);
        if fewest > 0.5 {
            return than;
        }
        self.number(self.factor(than) * share.max(fewest)).min(than - 1)
    }

    /// What has time left had no more to do than could be done in what it took.
    fn more(&self, than: u64, known: &BTreeMap<u64, Known>) -> u64 {
        let own = &known[&than];
        let factor = self.factor(than);
        let left = own.left.unwrap_or(0.0).min(0.99);
        let mut next = factor * (1.0 / (1.0 - left)).max(2.0);
        let before = known.range(..than).next_back();
        if let Some((number, before)) = before
            && let Some(more) = before.left.filter(|more| left > 0.0 && *more > 1.5 * left)
        {
            // The time that is left shrinks in a straight line: a little beyond where it is gone.
            let slope = (factor - self.factor(*number)) / (more - left);
            let beyond = libm::exp(2.0 * self.step);
            next = ((factor + left * slope) * beyond).clamp(factor * beyond, factor * 2.0);
        }
        let waiting = WAITING_MAX / own.first.waiting.max(1) as f64;
        let most = (DOCUMENTS_MAX / own.offered.max(1.0)).min(waiting) * factor;
        self.number(next.min(most).min(MOST)).max(than)
    }

    fn between(&self, low: (u64, &Known), high: (u64, &Known)) -> Option<u64> {
        let (more, less) = (low.1.left?, high.1.left?);
        let (below, above) = (self.factor(low.0), self.factor(high.0));
        let next = || self.number(below + (above - below) * more / (more - less));
        (more >= 0.0 && less < 0.0).then(next)
    }

    /// Two steps are as wide as asked.
    fn apart(&self, _: u64) -> f64 {
        2.0
    }

    fn said(&self, number: u64) -> String {
        format!("{:.4} times", self.factor(number))
    }

    fn key(&self, number: u64, run: u64) -> String {
        let most = self.seconds_max.map_or(String::new(), |most| format!(" to {most}"));
        format!("as written {} {run}{most}", self.factor(number))
    }

    /// One run as it is written, so many times.
    fn run(
        &self,
        (number, run): (u64, u64),
        extent: Extent,
        fuel: &mut Fuel<'_>,
    ) -> Result<Ran, Problems> {
        let (scenario, setup) = self.made(number, run)?;
        let mut world = World::new(&setup);
        let (back, cut) = self.through(&mut world, (setup.end, extent), fuel)?;
        let outcome = world.conclude();
        // What would have come of loads that went on when the run was cut.
        let share = self.planned().as_secs_f64() / outcome.ended.as_secs_f64().max(1e-9);
        let share = if cut.is_some() { share.max(1.0) } else { 1.0 };
        let offered = (outcome.meters.offered as f64 * share).round() as u64;
        if offered == 0 && number >= ONCE && cut.is_none() {
            let message = "the loads offer nothing, and nothing is a multiple of that".to_owned();
            return Err(Problems::one(message, None));
        }
        let (verdicts, _) = judge(&scenario, &outcome);
        let is_expected = |row: &&VerdictRow| row.name.starts_with("expect.");
        let (expected, promises): (Vec<_>, Vec<_>) = verdicts.iter().partition(is_expected);
        let broken = promises.iter().find(|row| row.verdict == Verdict::Fail);
        let ran = Ran {
            against: self.shares.iter().map(|goal| against(goal, &outcome)).collect(),
            facts: self.facts(&expected, &outcome),
            left: Some(self.left(back, offered)),
            rest: (self.closed(back), back.at.unwrap_or(back.ends).as_secs_f64()),
            offered,
            waiting: outcome.meters.backlog.max(),
            documents: outcome.meters.received,
            seconds: outcome.ended.as_secs_f64(),
            seed: scenario.seed,
            digest: outcome.digest.clone(),
            broken: broken.map(|row| row.name.clone()),
            suspended: outcome.meters.suspended,
            busiest: busiest(&outcome.resources),
            ..self.spans(back, offered)
        };
        Ok(match cut {
            Some(cut) => shortened(ran, cut),
            None => ran,
        })
    }
}

impl Multiple<'_> {
    /// When the loads were over, in seconds.
    fn closed(&self, back: Back) -> f64 {
        back.ends.since(Instant::ZERO + self.scenario.drain_at_most()).as_secs_f64()
    }

    /// When a run ends, and documents a second of the time of its loads.
    fn spans(&self, back: Back, offered: u64) -> Ran {
        let ends = back.ends.as_secs_f64();
        let begins = self.scenario.loads.iter().map(|load| load.start).min().unwrap_or_default();
        // What is there at once has all of the time.
        let lasts = self.closed(back).max(self.planned().as_secs_f64()) - begins.as_secs_f64();
        let lasts = if lasts > 0.0 { lasts } else { (ends - begins.as_secs_f64()).max(1e-9) };
        Ran { ends, rate: offered as f64 / lasts, ..Ran::default() }
    }

    /// What is so or not in a run: what is expected, and goals that allow nothing.
    fn facts(&self, expected: &[&VerdictRow], outcome: &Outcome) -> Vec<Fact> {
        let fact = |row: &&VerdictRow| Fact {
            what: row.name.clone(),
            is_so: match row.verdict {
                Verdict::Pass => Some(true),
                Verdict::Fail => Some(false),
                Verdict::Unknown => None,
            },
            detail: row.detail.clone(),
        };
        let strict = self.strict.iter().map(|goal| {
            let (bad, all) = against(goal, outcome);
            let detail = format!("{bad} of {all}");
            Fact { what: in_words(goal), is_so: Some(bad <= 0.0), detail }
        });
        expected.iter().map(fact).chain(strict).collect()
    }
}

/// What is known of a run that was ended early: nothing but that for which it was.
fn shortened(mut ran: Ran, cut: Cut) -> Ran {
    for fact in &mut ran.facts {
        fact.is_so = cut.missed.contains(&fact.what).then_some(false);
    }
    Ran { against: cut.against, left: cut.left, broken: cut.broken, is_cut: true, ..ran }
}
