//! `floodgate mst`: the maximum sustainable throughput.
//!
//! The plant is kept full, and what it then gets through is its capacity, with an interval. A
//! preloaded drift test on either side says the same of loads, or contradicts; then, and where no
//! capacity can be measured, a bracket is searched by drift tests alone. The low end is confirmed
//! from an empty start: every promise kept, nothing suspended, every goal met; a goal that is
//! missed there is searched for below. Runs that need nothing from each other go on at the same
//! time, and the answer does not depend on how many threads there are.

mod again;
mod as_written;
mod ask;
mod bracket;
mod capacity;
mod cleaned;
mod command;
mod confirm;
mod early;
mod elasticity;
mod explain;
mod full;
mod glance;
mod goals;
mod horizon;
mod journal;
mod kept;
mod late;
mod limit;
mod pinned;
mod places;
mod planned;
mod pooled;
mod priced;
mod probes;
mod reach;
mod recovery;
mod removal;
mod replicated;
mod root;
#[cfg(test)]
mod sabotaged;
mod shift;
mod shows;
mod sides;
mod stein;
mod through;
mod tracked;
mod turn;
mod users;

use self::as_written::AsWritten;
pub use self::ask::{Ask, PRECISION, RECOVERY_SECONDS, SECONDS_MAX, STEPS_EXPLAINED, STEPS_MAX};
use self::bracket::{DOUBLED, NEARBY};
use self::capacity::{Capacity, Curve, Found, RUN_DOCUMENTS, Wanted};
use self::cleaned::KEEP_UP;
pub(super) use self::cleaned::{cleanup_has_price, jobs_run};
pub use self::command::execute;
use self::confirm::Beyond;
use self::horizon::Forgets;
pub(super) use self::horizon::RELAXATIONS;
pub use self::journal::Journal;
pub(super) use self::limit::{busiest, why};
use self::pinned::{Held, Stretch};
use self::planned::at_rest;
pub use self::priced::search_again;
use self::priced::{Prices, is_capacity};
use self::probes::{told, unknown};
use self::root::{Bound, Shares, WIDER};
use self::tracked::Tracked;
use self::users::Users;
use super::clock::WallClock;
use super::drift::{Drift, ladder};
use super::scale::{Period, has_room, offered_rate, scaled, searchable};
use crate::plan::load::Load;
use crate::plan::rate::Rate;
use crate::plan::{Problems, Scenario};
use floodgate_engine::time::Duration;
use floodgate_reports as reports;
use floodgate_reports::{CurvePoint, MstRecord, MstVerdict, Probe};

/// How often an interval made this way should hold the true value.
const CONFIDENCE: f64 = 0.95;
/// The share of the asked width that is measured; the rest is for what a measurement leaves out.
const MEASURED_SHARE: f64 = 0.9;
/// Drift tests to confirm a capacity are so many half-widths from it.
const CONFIRM_DISTANCE: f64 = 2.0;

/// The two ends of what is known, if anything is.
type Interval = Option<(f64, f64)>;

/// A search under way.
struct Search<'a> {
    scenario: &'a Scenario,
    /// The same with faults that pass, where it has some.
    planned: Option<&'a Scenario>,
    /// What the scenario offers as written.
    written: f64,
    ask: Ask,
    journal: &'a Journal,
    /// After which its loads repeat together.
    period: Period,
    /// The share of its documents that goes through what is full, as far as is known.
    through: f64,
    probes: Vec<Probe>,
    documents: u64,
    broken: bool,
    /// Two ways to find out the same thing came to two answers.
    inconsistent: bool,
    /// What was seen in no run may be seen in a longer one.
    unproven: bool,
    /// What the time in which the plant forgets follows, where its capacity is known.
    forgets: Option<Forgets>,
    /// The goal that binds, where the load that just meets it was found.
    bound: Option<Bound>,
    /// What went on beyond the answer while the answer was confirmed.
    beyond: Option<Beyond>,
    /// What the full plant got through with other prices, while the answer was confirmed.
    priced: Vec<Stretch>,
    /// What it gets through with the backlog that it does worst with, if it was measured.
    worst: Option<Found>,
    /// How tracking is judged, where it has a price.
    tracked: Option<Tracked>,
    /// What is being found out, for a search that comes to no end.
    about: &'static str,
}

/// Searches for the maximum sustainable throughput of `scenario`.
///
/// # Errors
///
/// A load without a rate, what no interval can be had of, or a replay file that cannot be read.
pub fn search(name: &str, scenario: &Scenario, ask: Ask) -> Result<MstRecord, Problems> {
    search_on(name, scenario, ask, &Journal::default())
}

/// The same, with a journal: what is there already is not done again.
///
/// # Errors
///
/// The same, and what the journal's file makes.
pub fn search_on(
    name: &str,
    scenario: &Scenario,
    ask: Ask,
    journal: &Journal,
) -> Result<MstRecord, Problems> {
    let clock = WallClock::start();
    let mut record = empty(name, scenario);
    if let Some(story) = AsWritten::of(scenario, ask, journal)? {
        story.search(&mut record)?;
        record.confidence = record.confidence.filter(|_| record.verdict.is_sure());
        record.wall_seconds = clock.elapsed().as_secs_f64();
        return Ok(record);
    }
    if let Some(users) = Users::of(scenario, ask, journal)? {
        users.search(&mut record)?;
        record.confidence = record.confidence.filter(|_| record.verdict.is_sure());
        record.wall_seconds = clock.elapsed().as_secs_f64();
        return Ok(record);
    }
    let at_rest = at_rest(scenario);
    let mut search = Search::of(at_rest.as_ref().unwrap_or(scenario), ask, journal)?;
    search.planned = at_rest.is_some().then_some(scenario);
    journal.budget().fill(ask.steps_max);
    search.turn_to(search.about);
    match search.find(&mut record).and_then(|()| search.lives_through(&mut record)) {
        Ok(()) => {}
        // What was found so far is no answer.
        Err(problems) => search.give_up(problems, &mut record)?,
    }
    // It was run, though nobody asked in the end.
    search.documents += search.beyond.as_ref().map_or(0, Beyond::documents);
    record.verdict = search.overall(record.verdict);
    record.confidence = record.confidence.filter(|_| record.verdict.is_sure());
    record.probes = search.probes;
    record.documents_simulated = search.documents;
    record.wall_seconds = clock.elapsed().as_secs_f64();
    Ok(record)
}

/// A record of a search that has found nothing yet.
fn empty(name: &str, scenario: &Scenario) -> MstRecord {
    MstRecord {
        schema_version: reports::SCHEMA_VERSION,
        scenario: name.to_owned(),
        asked: String::new(),
        scenario_hash: scenario.hash(),
        seed: scenario.seed,
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        mst: None,
        interval: None,
        confidence: Some(CONFIDENCE),
        goal: "backlog does not grow".to_owned(),
        capacity: None,
        recover: None,
        recover_interval: None,
        users: None,
        users_interval: None,
        scale: None,
        scale_interval: None,
        scale_documents: None,
        scale_seconds: None,
        verdict: MstVerdict::Undecided,
        limit: None,
        next_limit: None,
        elasticities_of: None,
        elasticities: Vec::new(),
        spread: None,
        curve: Vec::new(),
        probes: Vec::new(),
        documents_simulated: 0,
        wall_seconds: 0.0,
    }
}

impl<'a> Search<'a> {
    fn of(scenario: &'a Scenario, ask: Ask, journal: &'a Journal) -> Result<Self, Problems> {
        let period = searchable(scenario)?;
        has_room(scenario, period, ask.seconds_max)?;
        Ok(Self {
            scenario,
            planned: None,
            journal,
            period,
            through: 1.0,
            written: offered_rate(scenario)?,
            ask,
            probes: Vec::new(),
            documents: 0,
            broken: false,
            inconsistent: false,
            unproven: false,
            forgets: None,
            bound: None,
            beyond: None,
            priced: Vec::new(),
            worst: None,
            tracked: Tracked::of(scenario, &ask, bracket::blur(ask.precision))?,
            about: "what gets through with a backlog that is held",
        })
    }
}

impl Search<'_> {
    /// From now on something else is being found out.
    fn turn_to(&mut self, about: &'static str) {
        self.about = about;
        self.journal.budget().progress.turn_to(about);
    }

    fn scaled(&self, rate: f64) -> Scenario {
        scaled(self.scenario, rate / self.written)
    }

    /// The whole search, into `record`.
    fn find(&mut self, record: &mut MstRecord) -> Result<(), Problems> {
        let held = Held::of(self.scenario, self.journal)?;
        let (curve, capacity) = self.capacity(&held)?;
        let point = |(backlog, rate): &(u64, f64)| CurvePoint { backlog: *backlog, rate: *rate };
        record.curve = curve.points.iter().map(point).collect();
        if curve.lost.is_some() {
            record.verdict = MstVerdict::Lossy;
        }
        if curve.is_endless || curve.lost.is_some() || self.is_unstopped(&curve) {
            return Ok(());
        }
        if let Some(limit) = self.stands_still(&curve) {
            (record.verdict, record.limit) = (MstVerdict::Unsustainable, Some(limit));
            return Ok(());
        }
        self.turn_to("loads on either side of the capacity");
        let (capacity, measured) = self.measured(&held, &curve, capacity)?;
        let interval = match (measured, &capacity) {
            (Some(interval), _) => Some(interval),
            (None, found) => {
                let own = found.as_ref().map(|own| own.mean.value);
                let about = own.or_else(|| curve.top().map(|top| top.1).filter(|top| *top > 0.0));
                let blur = self.blur();
                let found = match about {
                    Some(rate) => self.bracket(rate, 1.0 + NEARBY * self.width())?,
                    None => self.bracket(self.written, DOUBLED)?,
                };
                found.map(|(low, high)| (low * (1.0 - blur), high * (1.0 + blur)))
            }
        };
        if let (None, Some(own), Some(bracket)) = (measured, &capacity, interval) {
            let held = (own.mean.value - own.mean.half, own.mean.value + own.mean.half);
            if !self.follows_its_loads(held, bracket)? {
                self.compare("with a held backlog", held, bracket);
            }
        }
        let capacity = capacity.filter(|_| measured.is_some());
        let Some((low, high)) = interval else { return Ok(()) };
        record.capacity = Some(f64::midpoint(low, high));
        self.forgets = self.forgets(&curve, capacity.as_ref(), f64::midpoint(low, high));
        self.turn_to("the cleanup jobs and the recovery from a backlog");
        self.recovers(&curve, low, record);
        let (ends, cleanup) = self.is_cleaned((low, high), record)?;
        let Some((low, high)) = ends else { return Ok(()) };
        self.turn_to("tracking");
        if self.is_tracking_late((low, high), record)? {
            // What the capacity follows is no matter of the answer.
            return Ok(());
        }
        let priced = capacity.as_ref().filter(|_| self.ask.spread && cleanup.is_none());
        let prices = priced.and_then(|own| Prices::of(self.scenario, own));
        self.turn_to("the goals, and the answer from an empty start");
        self.confirm((low, high), prices.as_ref(), record)?;
        self.turn_to("the limit, and what the answer follows");
        match cleanup.filter(|_| record.goal == KEEP_UP) {
            None => {
                self.explain(&held, capacity.as_ref(), record)?;
                let capacity = capacity.filter(|_| self.ask.spread && is_capacity(record));
                capacity.map_or(Ok(()), |own| self.spread(&own, record))
            }
            Some(behind) => self.explain_behind(behind, (&held, capacity.as_ref()), record),
        }
    }

    /// The capacity, and its interval where loads on either side of it agree.
    fn measured(
        &mut self,
        held: &Held<'_>,
        curve: &Curve,
        capacity: Option<Capacity>,
    ) -> Result<(Option<Capacity>, Interval), Problems> {
        let Some(own) = capacity else { return Ok((None, None)) };
        let agreed = self.agreed(&own)?;
        if curve.falls_at.is_some() {
            // What a backlog shrinks at is kept from an empty start, and more than that may be.
            let interval = self.kept_from_empty(&own)?;
            return Ok((Some(own), interval.or(agreed)));
        }
        if agreed.is_some() {
            return Ok((Some(own), agreed));
        }
        let wanted = self.wanted(self.ask.precision / 2.0 * MEASURED_SHARE)?;
        if let Some(top) = self.at_the_top(held, (curve, &own), wanted)?
            && let Some(interval) = self.kept_from_empty(&top)?
        {
            return Ok((Some(top), Some(interval)));
        }
        Ok((Some(own), None))
    }

    /// What a search that found `verdict` says in the end: it counts only if every promise was
    /// kept, and if two ways to the same answer met there.
    const fn overall(&self, verdict: MstVerdict) -> MstVerdict {
        let open = matches!(verdict, MstVerdict::Sustainable | MstVerdict::Undecided);
        if self.broken {
            MstVerdict::Broken
        } else if open && self.inconsistent {
            MstVerdict::Inconsistent
        } else if self.unproven && matches!(verdict, MstVerdict::Sustainable) {
            MstVerdict::Undecided
        } else {
            verdict
        }
    }

    /// Whether what was said before, and what a search says after it, is the same thing.
    fn compare(&mut self, how: &str, before: (f64, f64), after: (f64, f64)) {
        if before.0 <= after.1 && after.0 <= before.1 {
            return;
        }
        self.inconsistent = true;
        let evidence = format!(
            "{how} it is between {:.2} and {:.2}/s, and between {:.2} and {:.2}/s by a bracket: \
             they contradict each other",
            before.0, before.1, after.0, after.1
        );
        self.probes.push(Probe {
            verdict: MstVerdict::Inconsistent,
            ..unknown(f64::midpoint(after.0, after.1), &evidence)
        });
    }

    /// The search cannot go on: there is no answer but that, what it was about, and how far its
    /// runs had got.
    fn give_up(&mut self, problems: Problems, record: &mut MstRecord) -> Result<(), Problems> {
        let budget = self.journal.budget();
        let Some(why) = budget.over(&problems, self.ask.steps_max) else { return Err(problems) };
        let so_far = self.so_far();
        let instead = match self.period.at(1.0).as_secs_f64() > self.ask.seconds_max {
            true => "; --as-written asks how many times the whole scenario is carried",
            false => "",
        };
        let why = format!("{why}; it was about {}{so_far}{instead}", self.about);
        self.probes.push(unknown(self.written, &why));
        self.documents = budget.documents();
        self.beyond = None;
        (record.mst, record.interval) = (None, None);
        record.verdict = MstVerdict::Undecided;
        Ok(())
    }

    /// The loads that were told by then, of a search that came to no end.
    fn so_far(&self) -> String {
        let of = |verdict: MstVerdict| {
            let own = self.probes.iter().filter(move |probe| probe.verdict == verdict);
            own.map(|probe| probe.rate)
        };
        let least = of(MstVerdict::Unsustainable).reduce(f64::min);
        let most = of(MstVerdict::Sustainable).reduce(f64::max);
        let said = |rate: Option<f64>, word: &str| {
            rate.map_or(String::new(), |rate| format!("; {rate:.2}/s {word}"))
        };
        format!("{}{}", said(most, "can go on"), said(least, "cannot"))
    }

    /// What is asked of a measurement, for an interval of so much on either side.
    fn wanted(&self, half: f64) -> Result<Wanted, Problems> {
        let warm_up = self.scenario.loads.iter().map(|load| load.warm_up).max();
        Ok(Wanted {
            half,
            confidence: CONFIDENCE,
            documents: RUN_DOCUMENTS,
            warm_up: warm_up.unwrap_or(Duration::ZERO),
            ladder: ladder(self.scenario, self.ask.seconds_max)?,
            through: self.through,
            seconds_max: self.ask.seconds_max,
            threads: self.ask.threads,
        })
    }

    /// Whether something is planned for an instant of the load's time, which a held backlog and an
    /// overload do not keep to.
    const fn is_timed(&self) -> bool {
        !self.scenario.faults.is_empty() || !self.scenario.acts.is_empty()
    }

    /// The interval of the capacity, if loads below it shrink a backlog and loads above it do not.
    fn agreed(&mut self, capacity: &Capacity) -> Result<Option<(f64, f64)>, Problems> {
        let (value, half) = (capacity.mean.value, capacity.mean.half);
        let width = (self.ask.precision / 2.0).max(half / value);
        if half > value * self.ask.precision {
            return Ok(None);
        }
        let far = CONFIRM_DISTANCE * width;
        let rates = [value * (1.0 - far), value * (1.0 + far)];
        let mut drifts = self.drifts(&rates, width)?;
        for ((own, rate), side) in drifts.iter_mut().zip(rates).zip([-1.0, 1.0]) {
            if own.0 == Drift::Undecided && own.1 * side <= 0.0 {
                *own = self.drift_again(rate, width, capacity)?;
            }
        }
        let below = |(drift, growth): (Drift, f64)| match drift {
            Drift::Shrinking => true,
            Drift::Balanced | Drift::Growing => false,
            // Where a window cuts whole batches the test is slow; then the sign will do.
            Drift::Undecided => growth < 0.0,
        };
        let above = |(drift, growth): (Drift, f64)| match drift {
            Drift::Growing => true,
            Drift::Balanced | Drift::Shrinking => false,
            Drift::Undecided => growth > 0.0,
        };
        Ok((below(drifts[0]) && above(drifts[1])).then_some((value - half, value + half)))
    }

    /// The goals that are shares, and then the low end from an empty start; when a goal is missed
    /// there, the search goes on below.
    fn confirm(
        &mut self,
        (low, high): (f64, f64),
        prices: Option<&Prices>,
        record: &mut MstRecord,
    ) -> Result<(), Problems> {
        // What is planned for an instant is not the same in a longer run.
        let is_share = self.scenario.goals.iter().any(|goal| goals::allowed(goal).is_some());
        let shares = match is_share && !self.is_timed() {
            true => self.by_share((low, high))?,
            false => Shares::Met,
        };
        let (ends, outcome) = match shares {
            Shares::Just(ends, outcome, goal) => {
                record.goal = goal;
                (ends, *outcome)
            }
            Shares::Hopeless(goal) => {
                // Missed even at a thousandth of the capacity: no load is low enough.
                record.goal = goal;
                record.verdict = MstVerdict::Unsustainable;
                return Ok(());
            }
            Shares::Unseen(goal) => {
                record.goal = goal;
                return Ok(());
            }
            Shares::Met | Shares::Unknown(_) => {
                let outcome = match record.capacity.filter(|_| !self.is_timed()) {
                    Some(capacity) => {
                        let prices = prices.filter(|_| matches!(shares, Shares::Met));
                        self.first_start(low, capacity, prices)?
                    }
                    None => self.empty_starts(&[low])?.remove(0),
                };
                match (&shares, outcome.missed.clone()) {
                    (Shares::Met, None) => ((low, high), outcome),
                    (_, missed) => {
                        let Some((below, above, outcome)) = self.bracket_goals((low, high))? else {
                            record.goal = missed.unwrap_or_else(|| record.goal.clone());
                            record.verdict = MstVerdict::Unsustainable;
                            return Ok(());
                        };
                        if let (true, Some(missed)) = (below < low, missed) {
                            record.goal = missed;
                        }
                        if let Shares::Unknown(Some(line)) = shares {
                            self.compare("by a line of the goal", line, (below, above));
                        }
                        ((below, above), outcome)
                    }
                }
            }
        };
        let (low, high) = ends;
        record.mst = Some(f64::midpoint(low, high));
        record.interval = Some([low, high]);
        record.verdict = outcome.verdict;
        if record.verdict == MstVerdict::Sustainable && !self.is_timed() {
            let capacity = record.capacity.unwrap_or(low);
            record.verdict = self.judged_beyond(capacity, low)?;
            let open = matches!(record.verdict, MstVerdict::Sustainable | MstVerdict::Undecided);
            if open && self.is_lost_to_a_backlog(low, record)? {
                record.verdict = MstVerdict::Metastable;
            }
        }
        if record.verdict == MstVerdict::Sustainable && self.is_wide(low, high) {
            record.verdict = MstVerdict::Undecided;
        }
        [record.limit, record.next_limit] = outcome.busiest;
        Ok(())
    }

    /// Whether an interval is wider than was asked, which is said.
    fn is_wide(&mut self, low: f64, high: f64) -> bool {
        let middle = f64::midpoint(low, high);
        let asked = self.ask.precision / 2.0;
        let width = (high - low) / 2.0 / middle;
        let is_wide = width > WIDER * asked;
        if is_wide {
            let (width, asked) = (100.0 * width, 100.0 * asked);
            let evidence = format!("the interval is ± {width:.2} %, and ± {asked:.2} % was asked");
            self.probes.push(unknown(middle, &evidence));
        }
        is_wide
    }
}

/// Whether chance says when documents come.
fn comes_by_chance(scenario: &Scenario) -> bool {
    scenario.loads.iter().any(is_by_chance)
}

/// Whether it does of this load.
const fn is_by_chance(load: &Load) -> bool {
    !matches!(load.rate, Rate::Constant(_) | Rate::Lots(_))
}
