//! The capacity of a plant: its throughput when there is always enough to do.
//!
//! First a curve: the throughput at one document in the plant, at eight, at sixty-four. Where more
//! does not help any more the plant is full, and there the capacity is measured by Stein's two
//! stages. A curve that falls again belongs to a plant that does worse the more there is to do.

use floodgate_engine::time::Duration;

use super::pinned::{Budget, Held, Lost, Pilot, Stretch, WARM_UP_BACKLOGS, seed_of};
use super::stein::{FIRST, Mean, Stein, mean};
use crate::experiment::parallel::in_order;
use crate::plan::throttling::Throttling;
use crate::plan::{Problems, Scenario};

/// Backlogs of the curve: all these, and then more until the plant is full.
const BACKLOGS: [u64; 5] = [1, 8, 64, 512, 4096];
/// From one backlog to the next.
const STEP: u64 = 8;
/// A plant that gets so much through, documents a second, and more with more, is filled no further:
/// nothing that is modelled stops it.
const FAST: f64 = 100_000.0;
/// A plant that is not full with so many documents has no capacity that can be found like this.
const BACKLOG_MAX: u64 = 300_000;
/// Where documents wait for their retries, most of a backlog does: no more of it is held than so
/// many documents get through while it fills.
const RETRIED_MAX: f64 = 1_000_000.0;
/// What goes on at less than this share of how it began stands still.
const STANDSTILL: f64 = 0.01;
/// Below this backlog batches are not full and pools are not grown.
const BACKLOG_MIN: u64 = 64;
/// Half-widths of the interval by which a curve that falls is below its top.
const FALL: f64 = 2.0;
/// Documents of a point of the curve.
const PILOT_DOCUMENTS: u64 = 20_000;
/// By so much, relative to it, a point scatters that rests on so many.
const BY_CHANCE: f64 = 0.01;
/// Documents of a window of the curve of a throttled plant, unless it is long enough.
const WINDOW_DOCUMENTS_MIN: f64 = 400.0;
/// Documents of a run of the two stages.
pub(super) const RUN_DOCUMENTS: f64 = 10_000.0;
/// A warm-up is cut short at so many documents.
const WARM_UP_DOCUMENTS: u64 = 30_000;
/// Runs after which the interval stays as wide as it is.
const RUNS_MAX: usize = 400;
/// Rather than more runs than so many there are so few, whose windows last as much longer.
const RUNS_MANY: usize = 64;
const RUNS_FEW: usize = 32;
/// Warm-ups that are tried, each four times as long as the one before.
const WARM_UPS_MAX: u32 = 3;
/// The same where the capacity is measured: a second resource that is nearly as busy as the first
/// one fills slowly.
const RESTS_MAX: u32 = 5;
const LONGER: u64 = 4;
/// Standard errors between the halves of the windows that no chance explains.
const UNSETTLED: f64 = 4.0;
/// What documents that gather somewhere may take from the throughput, of half an interval.
const GATHERING: f64 = 0.5;
/// The confidence of one standard error.
const ONE_SIGMA: f64 = 0.68;
/// The golden section: windows begin at instants that no wave of the plant falls in with.
const GOLDEN: f64 = 0.618_033_988_749_894_9;
/// The first run of the two stages; the ones before it belong to other parts of the search.
const FIRST_RUN: u64 = 1000;

/// The capacity, and what it rests on.
#[derive(Debug)]
pub(super) struct Capacity {
    /// The mean throughput with its interval.
    pub(super) mean: Mean,
    /// What of half the interval is chance: the rest is documents that gather somewhere.
    pub(super) chance: f64,
    /// The backlog at which it was measured.
    pub(super) backlog: u64,
    /// Warm-up and window of one run.
    pub(super) spans: (Duration, Duration),
    /// Runs, and their seeds in order.
    pub(super) seeds: Vec<u64>,
    /// The first broken promise.
    pub(super) broken: Option<String>,
}

/// What can be said of the capacity.
#[derive(Debug)]
pub(super) enum Found {
    /// It was measured.
    Measured(Box<Capacity>),
    /// It was not; why.
    Unknown(&'static str),
}

/// The curve of throughput over backlog, and what it cost.
#[derive(Debug, Default)]
pub(super) struct Curve {
    /// Backlogs, and the documents that they let through a second.
    pub(super) points: Vec<(u64, f64)>,
    /// The smallest backlog from which on more does not help.
    pub(super) full_at: Option<u64>,
    /// The backlog at which the plant does worst, if that is worse than with less.
    pub(super) falls_at: Option<u64>,
    /// The smallest backlog at which the plant has not come to rest however long it was held: what
    /// it gets through there and beyond is no point of a curve.
    pub(super) restless_at: Option<u64>,
    /// The plant does everything in no time.
    pub(super) is_endless: bool,
    /// What it had to do it did in part, and then nothing more, however much or little there was.
    pub(super) stands_still: bool,
    /// Where its throughput has no end: documents that ended as suspended, of all that ended, if
    /// none was delivered, however many were there.
    pub(super) lost: Option<Lost>,
    /// Documents simulated.
    pub(super) documents: u64,
    /// The first broken promise.
    pub(super) broken: Option<String>,
}

impl Curve {
    /// The most that it gets through.
    pub(super) fn top(&self) -> Option<(u64, f64)> {
        self.points.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// With how many documents it gets how much through, where that is more than anything that is
    /// modelled stops.
    pub(super) fn unstopped(&self) -> Option<(u64, f64)> {
        let last = self.points.last().copied();
        last.filter(|last| self.full_at.is_none() && last.1 >= FAST && self.top() == Some(*last))
    }

    /// The throughput at a backlog of the curve.
    pub(super) fn rate(&self, backlog: u64) -> Option<f64> {
        self.points.iter().find(|point| point.0 == backlog).map(|point| point.1)
    }
}

/// What the search asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Half the width of the interval, relative to the capacity.
    pub(super) half: f64,
    pub(super) confidence: f64,
    /// Documents of one run.
    pub(super) documents: f64,
    /// The warm-up of the loads.
    pub(super) warm_up: Duration,
    /// How long retries go on: until then they have not filled.
    pub(super) ladder: Duration,
    /// The share of the documents that goes through what is full: the others do not stay, and those
    /// that do are replaced by so many fewer of what is offered.
    pub(super) through: f64,
    pub(super) seconds_max: f64,
    pub(super) threads: usize,
}

/// The throughput over the backlog, from one document to where more does not help.
///
/// Every backlog is looked at over the same window with the same draws, so that nothing differs
/// but what the backlog does.
pub(super) fn curve(held: &Held<'_>, scenario: &Scenario, ask: Wanted) -> Result<Curve, Problems> {
    let budget = Budget {
        warm_up: ask.warm_up,
        warm_up_documents: WARM_UP_DOCUMENTS,
        documents: PILOT_DOCUMENTS,
        seconds_max: ask.seconds_max,
    };
    let seed = seed_of(scenario, 0);
    let first = first_pilot(held, seed, &budget)?;
    let (mut documents, mut broken) = (first.documents, first.broken.clone());
    let (Some(rate), lost, warm_up) = (first.rate, first.lost, first.warm_up) else {
        return Ok(first.without_points());
    };
    let mut lasts = window(scenario, rate, PILOT_DOCUMENTS as f64);
    let mut look = |backlogs: &[u64], spans: (Duration, Duration)| {
        let one = |at: usize| held.stretch(backlogs[at], seed, spans);
        let looks = all(backlogs.len(), ask.threads, one)?;
        documents += looks.iter().map(|look| look.documents).sum::<u64>();
        broken = broken.take().or_else(|| looks.iter().find_map(|look| look.broken.clone()));
        Ok(looks.iter().map(|look| look.rate).collect::<Vec<_>>())
    };
    let backlogs: Vec<u64> = BACKLOGS.into_iter().chain(beyond_throttling(scenario)).collect();
    let mut rates = look(&backlogs, (warm_up, lasts))?;
    let mut restless = None;
    // Delays that throttling adds grow for as long as their cause holds: what a plant does with
    // them is known when it does the same much later.
    if scenario.hosts.iter().any(|host| host.throttling.is_some()) {
        let mut waits = warm_up;
        for _ in 0..WARM_UPS_MAX {
            waits = waits.times(LONGER);
            // Where hardly anything goes on, a window holds what it holds by chance.
            let holds = |rate: &f64| rate * lasts.as_secs_f64();
            let is_long = rates.iter().all(|rate| holds(rate) >= WINDOW_DOCUMENTS_MIN);
            lasts = lasts.times(if is_long { 1 } else { LONGER });
            if (waits + lasts).as_secs_f64() > ask.seconds_max {
                break;
            }
            let later = look(&backlogs, (waits, lasts))?;
            restless = first_unlike(&rates, &later, (ask.half, lasts));
            rates = later;
            if restless.is_none() && is_long {
                break;
            }
        }
    }
    let mut points: Vec<_> = backlogs.into_iter().zip(rates).collect();
    let mut rises = restless.is_none() && rises_at_last(&points, ask.half);
    while rises {
        let (before, through) = points[points.len() - 1];
        if through >= FAST {
            break;
        }
        let next = before * STEP;
        let filled = Duration::from_secs_f64((WARM_UP_BACKLOGS * next) as f64 / rate);
        let warm_up = warm_up.max(filled);
        if next > BACKLOG_MAX || !is_worth_it(ask, (warm_up + lasts).as_secs_f64(), through) {
            break;
        }
        let both = look(&[before, next], (warm_up, lasts))?;
        // The longer of two warm-ups is right.
        points.pop();
        points.extend([(before, both[0]), (next, both[1])]);
        rises = rises_at_last(&points, ask.half);
    }
    let stands_still = points.iter().all(|point| point.1 < rate * STANDSTILL);
    let curve = match restless {
        Some(at) => short(points, at, ask.half),
        None => shaped(points, rises, ask.half),
    };
    let curve = Curve { documents, broken, stands_still, ..curve };
    match lost.filter(|_| curve.full_at.is_none()) {
        Some(lost) => lost_alone(held, lost, (seed, &budget), curve),
        None => Ok(curve),
    }
}

/// What is lost with much to do may be delivered with little.
fn lost_alone(
    held: &Held<'_>,
    lost: Lost,
    (seed, budget): (u64, &Budget),
    curve: Curve,
) -> Result<Curve, Problems> {
    let alone = held.pilot(BACKLOGS[0], seed, budget)?;
    let documents = curve.documents + alone.documents;
    Ok(Curve { documents, lost: alone.lost.map(|own| own.and(lost)), ..curve })
}

/// Whether a probe may take so many seconds, and, where documents wait for their retries, so many
/// of them at this rate are worth it.
fn is_worth_it(ask: Wanted, seconds: f64, rate: f64) -> bool {
    let few = ask.ladder.is_zero() || rate * seconds <= RETRIED_MAX;
    few && seconds <= ask.seconds_max
}

/// A first look, at the largest backlog with which the plant does anything: much to do may bring it
/// to a standstill.
fn first_pilot(held: &Held<'_>, seed: u64, budget: &Budget) -> Result<Pilot, Problems> {
    let mut first = held.pilot(BACKLOGS[BACKLOGS.len() - 1], seed, budget)?;
    for less in BACKLOGS.iter().rev().skip(1) {
        if first.rate.is_some() || first.is_endless {
            break;
        }
        let next = held.pilot(*less, seed, budget)?;
        let documents = first.documents + next.documents;
        let stands_still = first.stands_still && next.stands_still;
        first = Pilot { documents, stands_still, broken: first.broken.or(next.broken), ..next };
    }
    Ok(first)
}

impl Pilot {
    /// The curve of a plant that nothing gets through, or everything at once.
    fn without_points(self) -> Curve {
        let Self { is_endless, stands_still, lost, documents, broken, .. } = self;
        Curve { is_endless, stands_still, lost, documents, broken, ..Curve::default() }
    }
}

/// The first backlog at which a plant does not do the same later, as far as windows can tell.
fn first_unlike(rates: &[f64], later: &[f64], (half, lasts): (f64, Duration)) -> Option<usize> {
    let unlike = |(a, b): (&f64, &f64)| {
        let documents = a.max(*b) * lasts.as_secs_f64();
        // Standard errors of a difference, of work that scatters as much as its mean.
        let chance = UNSETTLED * (2.0 / documents.max(1.0)).sqrt();
        (a - b).abs() > a.max(*b) * (FALL * half).max(chance)
    };
    rates.iter().zip(later).position(unlike)
}

/// The curve below a backlog with which the plant does not come to rest.
fn short(points: Vec<(u64, f64)>, at: usize, half: f64) -> Curve {
    let (backlog, rate) = points[at];
    let mut curve = shape(points[..at].to_vec(), false, half);
    let top = curve.points.iter().map(|point| point.1).fold(0.0, f64::max);
    if curve.falls_at.is_none() {
        let falls = rate < top * (1.0 - FALL * half);
        // Full with less, or nowhere that is known.
        curve.full_at = highest(&curve.points).filter(|_| falls);
        curve.falls_at = falls.then_some(backlog);
    }
    Curve { restless_at: Some(backlog), ..curve }
}

/// Twice the messages in the database at which hosts are throttled, if they are.
fn beyond_throttling(scenario: &Scenario) -> Option<u64> {
    let at = |own: &Throttling| u64::from(own.messages) * 2;
    let of_hosts = scenario.hosts.iter().filter_map(|host| host.throttling.as_ref().map(at));
    of_hosts.max().filter(|at| *at > BACKLOGS[BACKLOGS.len() - 1] && *at <= BACKLOG_MAX)
}

/// Whether the last step brought more than the interval is wide on one side, and so much as nothing
/// before: a little more than the worst is no reason to go on.
fn rises_at_last(points: &[(u64, f64)], half: f64) -> bool {
    let Some((last, before)) = points.split_last().filter(|(_, before)| !before.is_empty()) else {
        return true;
    };
    before.iter().all(|point| last.1 > point.1 * (1.0 + half))
}

/// The smallest backlog that most gets through with.
fn highest(points: &[(u64, f64)]) -> Option<u64> {
    let top = points.iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    top.map(|point| point.0)
}

/// What the points say; where they are no longer filled and the last rise may be chance, what they
/// say as far as chance lets them. What is measured there has to agree with tests of loads anyway.
fn shaped(points: Vec<(u64, f64)>, rises: bool, half: f64) -> Curve {
    let found = shape(points.clone(), rises, half);
    if found.full_at.is_some() || !rises || half >= BY_CHANCE {
        return found;
    }
    let rises = rises_at_last(&points, FALL * BY_CHANCE);
    shape(points, rises, BY_CHANCE)
}

fn shape(points: Vec<(u64, f64)>, rises: bool, half: f64) -> Curve {
    let top = points.iter().map(|point| point.1).fold(0.0, f64::max);
    let first = points.iter().find(|point| point.1 >= top * (1.0 - half)).map(|point| point.0);
    // A fall worth the name is more than the width of the interval.
    let after = points.iter().filter(|point| Some(point.0) > first);
    let worst = after.min_by(|a, b| a.1.total_cmp(&b.1));
    let falls_at = worst.filter(|worst| worst.1 < top * (1.0 - FALL * half)).map(|worst| worst.0);
    // One step more than where it looks full: what is missing there is an eighth of what was
    // missing before.
    let beyond = first.map(|first| (first * STEP).max(BACKLOG_MIN));
    let full_at = match falls_at {
        // What it gets through with less is less, by as much as a curve is judged to.
        Some(_) => highest(&points),
        None => points.iter().map(|point| point.0).find(|backlog| Some(*backlog) >= beyond),
    };
    let full_at = full_at.filter(|_| !rises && top > 0.0);
    Curve { points, full_at, falls_at, ..Curve::default() }
}

/// The capacity of the plant at `backlog`, where it gets `rate` through, roughly; the documents
/// simulated come with it.
pub(super) fn measure(
    held: &Held<'_>,
    scenario: &Scenario,
    (backlog, rate): (u64, f64),
    edge: f64,
    ask: Wanted,
) -> Result<(Found, u64), Problems> {
    let mut lasts = window(scenario, rate, ask.documents);
    let standing = (WARM_UP_BACKLOGS * backlog) as f64;
    let filled = Duration::from_secs_f64(standing / (rate * ask.through));
    // Where much happens in the warm-up, less of it will do, unless the plant says otherwise.
    let enough = Duration::from_secs_f64(WARM_UP_DOCUMENTS as f64 / rate);
    let mut warm_up = ask.warm_up.min(enough).max(filled).max(ask.ladder);
    let mut documents = 0;
    for _ in 0..RESTS_MAX {
        // The last window begins almost as much later as one lasts.
        if (warm_up + lasts.times(2)).as_secs_f64() > ask.seconds_max {
            return Ok((Found::Unknown("one run would take longer than a probe may"), documents));
        }
        let run = |at: usize| {
            // Where all begin full, all keep step for a long time, so that windows which began at
            // the same time would all cut the same wave at the same place.
            let share = (at as f64 * GOLDEN).fract();
            let later = Duration::from_secs_f64(share * lasts.as_secs_f64().max(2.0 * edge / rate));
            let seed = seed_of(scenario, FIRST_RUN + at as u64);
            held.stretch(backlog, seed, (warm_up + later, lasts))
        };
        let mut runs = all(FIRST, ask.threads, run)?;
        if !(has_settled(&runs, ask.half) && is_at_rest(&runs, ask.half)) {
            documents += simulated(&runs);
            warm_up = warm_up.times(LONGER);
            continue;
        }
        let rates = |runs: &[Stretch]| runs.iter().map(|own| own.rate).collect::<Vec<_>>();
        let stein = Stein::of(&rates(&runs), ask.confidence);
        let half = ask.half * mean(&rates(&runs));
        let count = stein.runs(half);
        // What scatters so much is looked at for longer rather than warmed up more often.
        let room = (ask.seconds_max - warm_up.as_secs_f64()) / 2.0 / lasts.as_secs_f64();
        let longer = (count / RUNS_FEW).min(room as usize);
        if count > RUNS_MANY && lasts < warm_up && longer > 1 {
            documents += simulated(&runs);
            lasts = lasts.times(longer as u64);
            continue;
        }
        let count = count.min(RUNS_MAX);
        runs.extend(all(count - FIRST, ask.threads, |at| run(FIRST + at))?);
        let found = stein.mean(&rates(&runs));
        let cut = edge / lasts.as_secs_f64() / runs.len() as f64;
        let chance = found.half + cut;
        let capacity = Capacity {
            mean: Mean { half: chance + gathering(&runs), ..found },
            chance,
            backlog,
            spans: (warm_up, lasts),
            seeds: (0..runs.len()).map(|at| seed_of(scenario, FIRST_RUN + at as u64)).collect(),
            broken: runs.iter().find_map(|own| own.broken.clone()),
        };
        return Ok((Found::Measured(Box::new(capacity)), documents + simulated(&runs)));
    }
    Ok((Found::Unknown("its throughput has not settled"), documents))
}

fn all<T: Send>(
    count: usize,
    threads: usize,
    run: impl Fn(usize) -> Result<T, Problems> + Sync,
) -> Result<Vec<T>, Problems> {
    in_order(count, threads, run).into_iter().collect()
}

fn simulated(runs: &[Stretch]) -> u64 {
    runs.iter().map(|own| own.documents).sum()
}

/// Whether the second halves of the windows are like the first ones, as far as it matters.
fn has_settled(runs: &[Stretch], half: f64) -> bool {
    let differences: Vec<f64> = runs.iter().map(|own| own.halves[1] - own.halves[0]).collect();
    let rates: Vec<f64> = runs.iter().map(|own| own.rate).collect();
    let by = mean(&differences);
    let scatter = Stein::of(&differences, ONE_SIGMA).mean(&differences).half;
    by.abs() <= (UNSETTLED * scatter).max(half * mean(&rates))
}

/// Whether documents gather nowhere in the plant, as far as it matters.
///
/// Where two resources are nearly as busy, what is held moves from before the one to before the
/// other for a long time. All the while the first works for more documents than come out, and
/// neither half of a window shows it.
fn is_at_rest(runs: &[Stretch], half: f64) -> bool {
    let rates: Vec<f64> = runs.iter().map(|own| own.rate).collect();
    gathering(runs) <= GATHERING * half * mean(&rates)
}

/// Documents a second that gather at the place where most do, beyond what chance explains.
pub(super) fn gathering(runs: &[Stretch]) -> f64 {
    let places = runs.first().map_or(0, |own| own.drifts.len());
    let at = |place: usize| {
        let drifts: Vec<f64> = runs.iter().map(|own| own.drifts[place]).collect();
        let found = Stein::of(&drifts, ONE_SIGMA).mean(&drifts);
        let by = found.value.abs();
        if by > UNSETTLED * found.half { by } else { 0.0 }
    };
    (0..places).map(at).fold(0.0, f64::max)
}

/// Whole periods of the jobs of the MessageBox, long enough for so many documents.
fn window(scenario: &Scenario, rate: f64, documents: f64) -> Duration {
    let least = Duration::from_secs_f64(documents / rate);
    let period = scenario.message_boxes.iter().map(|own| own.cleanup).max();
    match period.filter(|period| !period.is_zero() && *period <= least.times(LONGER)) {
        Some(period) => period.times(least.as_nanos().div_ceil(period.as_nanos())),
        None => least,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::journal::Journal;
    use super::*;

    const LUMPS: &str =
        "{ kind = 'synthetic', workers = 1000, completion = { batch = 100, wait = '10 s' } }";

    /// One place that does 100 a second and tells of a hundred at once, and what else is set.
    fn lumpy(more: &[&str]) -> Scenario {
        let plant = include_bytes!("../../../theory/one_place.toml");
        let adapter = format!("send_port.Out.primary.adapter={LUMPS}");
        let set = ["receive_port.In.location.0.host=R", &adapter];
        let set: Vec<String> = set.iter().chain(more).map(|one| (*one).to_owned()).collect();
        Scenario::parse("t.toml", plant, Path::new(""), &set).expect("right")
    }

    fn wanted(documents: f64, through: f64) -> Wanted {
        let (warm_up, ladder) = (Duration::from_millis(100), Duration::ZERO);
        let (half, seconds_max, threads) = (0.02, 1e4, 2);
        Wanted { half, confidence: 0.95, documents, warm_up, ladder, through, seconds_max, threads }
    }

    fn measured(scenario: &Scenario, at: (u64, f64), wanted: Wanted) -> Capacity {
        let journal = Journal::default();
        let held = Held::of(scenario, &journal).expect("it can be held");
        match measure(&held, scenario, at, 1.0, wanted).expect("no budget").0 {
            Found::Measured(capacity) => *capacity,
            Found::Unknown(why) => panic!("{why}"),
        }
    }

    #[test]
    fn windows_cut_the_waves_of_a_full_plant_anywhere() {
        // It tells of a hundred at once, every second: three or four times in 3.5 s, by where the
        // window begins.
        let rarely = "message_box.MsgBox.cleanup=1 h";
        let scenario = lumpy(&["send_port.Out.primary.wire=10 ms", rarely]);
        let Mean { value, half } = measured(&scenario, (512, 100.0), wanted(350.0, 1.0)).mean;
        assert!((value - 100.0).abs() < half.min(3.0), "{value} ± {half}");
    }

    #[test]
    fn a_plant_warms_up_for_as_long_as_what_stays_takes_to_leave() {
        // Of 100 a second a fifth is what stays: four times 512 of them leave in 102.4 s.
        let found = measured(&lumpy(&[]), (512, 100.0), wanted(1000.0, 0.2));
        assert_eq!(found.spans.0, Duration::from_millis(102_400));
    }

    #[test]
    fn what_was_tried_and_is_not_told_stands_somewhere() {
        // In half of the second that a hundred take, fifty are tried.
        let scenario = lumpy(&["send_port.Out.primary.wire=10 ms"]);
        let journal = Journal::default();
        let held = Held::of(&scenario, &journal).expect("it can be held");
        let spans = (Duration::from_millis(10_250), Duration::from_millis(500));
        let found = held.stretch(1024, 1, spans).expect("no budget");
        assert_eq!((found.rate, &found.drifts[..3]), (0.0, &[0.0, -100.0, 100.0][..]));
    }

    #[test]
    fn a_plant_that_a_backlog_slows_is_full_where_it_does_best() {
        // A point within what the curve is judged to is not the top of one that falls.
        let points = vec![(1, 31.2), (8, 193.5), (64, 197.7), (512, 175.3), (4096, 174.8)];
        for half in [0.0045, 0.045] {
            let found = shape(points.clone(), false, half);
            assert_eq!((found.full_at, found.falls_at), (Some(64), Some(4096)), "{half}");
        }
        let found = short(points, 3, 0.045);
        assert_eq!((found.full_at, found.falls_at), (Some(64), Some(512)));
    }

    #[test]
    fn a_plant_that_is_filled_no_further_is_full_as_far_as_chance_tells() {
        let points = [(512, 284.0), (4096, 295.5), (32_768, 296.0), (262_144, 298.0)];
        assert_eq!(shape(points.to_vec(), true, 0.005).full_at, None);
        let found = shaped(points.to_vec(), true, 0.005);
        assert_eq!((found.full_at, found.falls_at), (Some(32_768), None));
        // So much more is no chance.
        let rising = [(512, 67.7), (4096, 125.9), (32_768, 138.9)];
        assert_eq!(shaped(rising.to_vec(), true, 0.005).full_at, None);
    }

    #[test]
    fn a_backlog_that_mostly_waits_for_retries_is_no_longer_filled() {
        let ask = |seconds| Wanted {
            ladder: Duration::from_secs(seconds),
            seconds_max: 5000.0,
            ..wanted(RUN_DOCUMENTS, 1.0)
        };
        assert!(is_worth_it(ask(0), 5000.0, 400.0) && is_worth_it(ask(60), 5000.0, 200.0));
        assert!(!is_worth_it(ask(60), 5000.0, 201.0) && !is_worth_it(ask(0), 5001.0, 1.0));
    }

    #[test]
    fn nothing_stops_what_is_fast_and_rises_to_the_end() {
        let curve = |points: &[(u64, f64)], rises| shape(points.to_vec(), rises, 0.01).unstopped();
        let fast = [(512, 10_240.0), (4096, 81_920.0), (32_768, 655_360.0)];
        assert_eq!(curve(&fast, true), Some((32_768, 655_360.0)));
        // Full, or too slow to say so.
        assert_eq!(curve(&[(1, 2e5), (64, 4e5), (512, 4e5)], false), None);
        assert_eq!(curve(&fast[..2], true), None);
    }
}
