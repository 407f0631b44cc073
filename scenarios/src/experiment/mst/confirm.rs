//! The confirmation: the load that was found, from an empty start, with every promise judged and
//! every goal met; and the search below it where a goal is missed.

use floodgate_engine::time::Duration;
use floodgate_reports::{Limit, MstVerdict, Probe, Verdict};

use serde::{Deserialize, Serialize};

use super::Search;
use super::goals::{against, growth, is_of_windows, missed, share_of, watch};
use super::limit::busiest;
use super::pinned::{Stretch, seed_of};
use super::priced::{Prices, documents};
use super::recovery::Drained;
use crate::experiment::fuel::Fuel;
use crate::experiment::parallel::in_order;
use crate::experiment::run::{Run, run_on};
use crate::plan::Problems;
use crate::plan::expect::Expect;
use crate::plan::goal::Goal;

/// The input is held back where so much less is accepted than offered while publishing is throttled
/// for so much of the time.
const SHORT: f64 = 0.02;
const HELD: f64 = 0.5;
/// Runs with seeds of their own at every rate that is tried against a goal.
pub(super) const GOAL_REPLICATIONS: usize = 5;
/// Loads below the answer at which goals are looked at again.
pub(super) const LOWER: [f64; 4] = [0.25, 0.5, 0.75, 0.9];
/// Documents of a confirmation, at least.
const CONFIRM_DOCUMENTS: f64 = 20_000.0;
/// And where a goal is about the whole of a window, which should be the one that is written.
const CONFIRM_WINDOW: f64 = 2_000.0;
/// Documents that are enough where no goal is stated.
const CONFIRM_DOCUMENTS_MAX: f64 = 200_000.0;
/// The share of what came that is told to wait at the end of one.
const WAITS_MIN: f64 = 0.01;
/// The first of their seeds; the ones before belong to other parts of the search.
const FIRST_RUN: u64 = 10_000;

/// What is looked at beyond the answer itself.
pub(super) struct Beyond {
    /// The load that the lower ones are shares of.
    low: f64,
    /// What became of an overload, if anybody asks.
    drained: Option<Drained>,
    /// Empty starts at the lower loads, if there are goals.
    tried: Vec<Confirmation>,
}

impl Beyond {
    pub(super) fn documents(&self) -> u64 {
        let drained = self.drained.map_or(0, Drained::documents);
        drained + self.tried.iter().map(|one| one.received).sum::<u64>()
    }
}

/// One of the runs that need nothing from each other.
enum Piece {
    Overload(Option<Drained>),
    Start(Box<Confirmation>),
    Priced(Stretch),
}

/// What came out of them.
struct Pieces {
    drained: Option<Drained>,
    tried: Vec<Confirmation>,
    priced: Vec<Stretch>,
}

impl Search<'_> {
    /// Loads below `low` at which goals are looked at again, the places of their seeds, and
    /// documents of a run there.
    fn lower(&self, low: f64) -> impl Iterator<Item = (f64, usize, f64)> {
        let is_goal = !self.scenario.goals.is_empty();
        let loads = LOWER.iter().filter(move |_| is_goal).map(move |share| low * share);
        loads.zip(0..).map(|(rate, at)| (rate, at, self.documents_seen(rate)))
    }

    /// An overload of a plant that can do `capacity`, unless that is `known`, empty starts at these
    /// loads, and full plants at these prices, all at the same time; the overload takes longest, so
    /// that it begins first.
    fn pieces(
        &self,
        (capacity, known): (f64, Option<Drained>),
        starts: &[(f64, usize, f64)],
        prices: Option<&Prices>,
    ) -> Result<Pieces, Problems> {
        let priced = 1 + starts.len();
        let count = priced + prices.map_or(0, Prices::count);
        let all = in_order(count, self.ask.threads, |at| match (at, prices) {
            (0, _) if known.is_some() => Ok(Piece::Overload(known)),
            (0, _) => self.overload(capacity).map(Piece::Overload),
            (_, Some(prices)) if at >= priced => {
                prices.look(at - priced, self.journal).map(Piece::Priced)
            }
            _ => {
                let (rate, replication, least) = starts[at - 1];
                self.tried(rate, replication, least).map(|one| Piece::Start(Box::new(one)))
            }
        });
        let mut found = Pieces { drained: known, tried: Vec::new(), priced: Vec::new() };
        for piece in all {
            match piece? {
                Piece::Overload(drained) => found.drained = drained,
                Piece::Start(one) => found.tried.push(*one),
                Piece::Priced(look) => found.priced.push(look),
            }
        }
        Ok(found)
    }

    /// An empty start at `low`. At the same time goes on what is asked next if all is well there,
    /// and kept for then.
    pub(super) fn first_start(
        &mut self,
        low: f64,
        capacity: f64,
        prices: Option<&Prices>,
    ) -> Result<Confirmation, Problems> {
        // The seeds are those that these runs have when they are made one after another.
        let mut starts = vec![(low, 0, 0.0)];
        starts.extend(self.lower(low));
        let Pieces { drained, mut tried, priced } =
            self.pieces((capacity, None), &starts, prices)?;
        let one = tried.remove(0);
        self.documents += documents(&priced);
        self.priced = priced;
        self.beyond = Some(Beyond { low, drained, tried });
        self.note_all(&[low], std::slice::from_ref(&one));
        Ok(one)
    }

    /// What is left to find out of an answer: whether the plant, which can do `capacity`, comes
    /// back from an overload, and whether a goal that is met at `low` is missed at a lower load.
    pub(super) fn judged_beyond(
        &mut self,
        capacity: f64,
        low: f64,
    ) -> Result<MstVerdict, Problems> {
        let starts: Vec<_> = self.lower(low).collect();
        let rates: Vec<f64> = starts.iter().map(|start| start.0).collect();
        let (drained, tried) = match self.beyond.take() {
            Some(known) if known.low.total_cmp(&low).is_eq() => (known.drained, known.tried),
            known => {
                // The load has moved, the capacity has not.
                let wasted = known.iter().flat_map(|known| &known.tried);
                self.documents += wasted.map(|one| one.received).sum::<u64>();
                let drained = known.and_then(|known| known.drained);
                let found = self.pieces((capacity, drained), &starts, None)?;
                (found.drained, found.tried)
            }
        };
        let came_back = self.came_back(capacity, drained);
        if came_back == MstVerdict::Metastable {
            self.documents += tried.iter().map(|one| one.received).sum::<u64>();
            return Ok(came_back);
        }
        self.note_all(&rates, &tried);
        for (rate, one) in rates.iter().zip(tried) {
            // One run may miss by chance; all of them do not.
            if one.missed.is_some() {
                let again = self.goal_starts(&[*rate; GOAL_REPLICATIONS])?;
                if again.iter().all(|one| one.missed.is_some()) {
                    return Ok(MstVerdict::NonMonotone);
                }
            }
        }
        Ok(came_back)
    }

    /// Runs from an empty start at these rates, each with a seed of its own, at the same time.
    pub(super) fn empty_starts(&mut self, rates: &[f64]) -> Result<Vec<Confirmation>, Problems> {
        self.starts(rates, &vec![0.0; rates.len()])
    }

    /// The same, over so many documents at least, and judged by more than by what they are alone.
    pub(super) fn starts_judged(
        &mut self,
        rates: &[f64],
        least: f64,
        judged: impl Fn(Confirmation) -> Confirmation,
    ) -> Result<Vec<Confirmation>, Problems> {
        let tried = in_order(rates.len(), self.ask.threads, |at| self.tried(rates[at], at, least));
        let tried = tried.into_iter().map(|one| one.map(&judged)).collect::<Result<Vec<_>, _>>()?;
        self.note_all(rates, &tried);
        Ok(tried)
    }

    /// The same, each for as long as its goals have to be looked at.
    pub(super) fn goal_starts(&mut self, rates: &[f64]) -> Result<Vec<Confirmation>, Problems> {
        let least: Vec<f64> = rates.iter().map(|rate| self.documents_seen(*rate)).collect();
        self.starts(rates, &least)
    }

    fn starts(&mut self, rates: &[f64], least: &[f64]) -> Result<Vec<Confirmation>, Problems> {
        let one = |at: usize| self.tried(rates[at], at, least[at]);
        let tried = in_order(rates.len(), self.ask.threads, one);
        let tried = tried.into_iter().collect::<Result<Vec<_>, _>>()?;
        self.note_all(rates, &tried);
        Ok(tried)
    }

    fn tried(&self, rate: f64, at: usize, least: f64) -> Result<Confirmation, Problems> {
        let key = || format!("empty start {rate} {at} {least}");
        self.journal.once(key, |fuel| self.empty_start(rate, (at, least), fuel))
    }

    fn note_all(&mut self, rates: &[f64], tried: &[Confirmation]) {
        for (rate, one) in rates.iter().zip(tried) {
            self.documents += one.received;
            self.broken |= one.verdict == MstVerdict::Broken;
            self.probes.push(Probe {
                rate: *rate,
                seconds: one.seconds,
                seeds: vec![one.seed],
                verdict: one.verdict,
                evidence: one.evidence(),
            });
        }
    }

    fn empty_start(
        &self,
        rate: f64,
        (replication, least): (usize, f64),
        fuel: &mut Fuel<'_>,
    ) -> Result<Confirmation, Problems> {
        let mut scenario = self.scaled(rate);
        if replication > 0 {
            scenario.seed = seed_of(self.scenario, FIRST_RUN + replication as u64);
        }
        scenario.expect = Expect::default();
        let documents = |documents: f64| Duration::from_secs_f64(documents / rate);
        // What is judged over the window needs all of it; promises are judged document by document.
        let most = scenario.goals.is_empty().then(|| documents(CONFIRM_DOCUMENTS_MAX));
        for load in &mut scenario.loads {
            load.count = None;
            let written = load.measure.unwrap_or(Duration::ZERO);
            let enough = most.map_or(written, |most| written.min(most));
            let least = least.max(confirm_documents(&self.scenario.goals));
            load.measure = Some(enough.max(documents(least)));
        }
        scenario.drain = Duration::ZERO;
        let lasts = scenario.loads.iter().filter_map(|load| load.measure).max();
        let lasts = lasts.unwrap_or(Duration::ZERO);
        watch(&mut scenario, lasts);
        let run = run_on("confirmation", &scenario, fuel)?;
        Ok(Confirmation::of(rate, &run, &self.scenario.goals))
    }
}

/// A run from an empty start, judged.
#[derive(Deserialize, Serialize)]
pub(super) struct Confirmation {
    pub(super) verdict: MstVerdict,
    /// What it would be if every goal were met.
    pub(super) otherwise: MstVerdict,
    /// Documents offered a second.
    pub(super) rate: f64,
    /// The goal that it missed.
    pub(super) missed: Option<String>,
    /// The promise that was broken, or what else is wrong.
    failed: Option<String>,
    pub(super) received: u64,
    /// What waited at its end, as a share of what had come.
    waits: f64,
    /// By how much that grew in its second half, as a share of what came then: what waits for its
    /// next attempt anyway is no part of it.
    pub(super) grown: f64,
    pub(super) seconds: f64,
    seed: u64,
    /// What counts against each goal, and how much there was.
    pub(super) against: Vec<(f64, f64)>,
    /// What was busiest.
    pub(super) busiest: [Option<Limit>; 2],
}

impl Confirmation {
    pub(super) fn of(rate: f64, run: &Run, goals: &[Goal]) -> Self {
        let record = &run.record;
        let failed = record.verdicts.iter().find(|row| row.verdict == Verdict::Fail);
        let missed = goals.iter().find_map(|goal| missed(goal, &run.outcome));
        let suspended = record.documents.suspended;
        let may_lose = goals.iter().any(|goal| matches!(goal, Goal::Suspended(_)));
        let held = held(run);
        let lost = || format!("{suspended} documents were suspended");
        let (otherwise, failed) = match failed {
            Some(failed) => (MstVerdict::Broken, Some(failed.name.clone())),
            None if held.is_some() => (MstVerdict::InputThrottled, held),
            None if suspended > 0 && !may_lose => (MstVerdict::Lossy, Some(lost())),
            None => (MstVerdict::Sustainable, None),
        };
        let is_missed = missed.is_some() && otherwise != MstVerdict::Broken;
        let offered = (run.outcome.meters.offered as f64).max(1.0);
        Self {
            verdict: if is_missed { MstVerdict::Unsustainable } else { otherwise },
            otherwise,
            rate,
            missed,
            failed,
            received: record.documents.received,
            waits: run.outcome.unfinished as f64 / offered,
            grown: growth(&run.outcome) / offered,
            seconds: record.virtual_seconds,
            seed: record.seed,
            against: goals.iter().map(|goal| against(goal, &run.outcome)).collect(),
            busiest: busiest(&run.outcome.resources),
        }
    }

    /// With every goal met: that was judged of this run and others together.
    pub(super) fn with_goals_met(self) -> Self {
        Self { verdict: self.otherwise, missed: None, ..self }
    }

    /// Where so much of what comes for what is full is left over that it is not chance.
    pub(super) fn not_kept(self, grown: f64) -> Self {
        if self.verdict != MstVerdict::Sustainable {
            return self;
        }
        let percent = 100.0 * grown;
        let why = format!("{percent:.1} % of what comes for what is full is left over");
        Self { verdict: MstVerdict::Unsustainable, failed: Some(why), ..self }
    }

    pub(super) fn evidence(&self) -> String {
        let is_missed = self.verdict == MstVerdict::Unsustainable;
        let both = [&self.missed, &self.failed];
        let detail = both.into_iter().skip(usize::from(!is_missed)).flatten().next();
        let waits = match self.failed {
            None if self.waits >= WAITS_MIN => {
                format!("; {:.1} % of what came waits at the end", 100.0 * self.waits)
            }
            _ => String::new(),
        };
        let detail = detail.map_or("every promise kept, every goal met", String::as_str);
        format!("empty start, {} documents: {detail}{waits}", self.received)
    }
}

/// Documents of a confirmation, at least.
pub(super) fn confirm_documents(goals: &[Goal]) -> f64 {
    if goals.iter().any(is_of_windows) { CONFIRM_WINDOW } else { CONFIRM_DOCUMENTS }
}

/// Whether less was accepted than offered while publishing waited (R-THR-02).
fn held(run: &Run) -> Option<String> {
    let meters = &run.outcome.meters;
    let (offered, accepted) = (meters.offered_in_window as f64, meters.received_in_window as f64);
    let state = "Message publishing throttling state";
    let held = share_of(&run.outcome, state, |state| state > 0.0);
    (held >= HELD && accepted < offered * (1.0 - SHORT)).then(|| {
        format!(
            "{:.1} of {:.1} documents/s were accepted, while publishing was throttled {:.0} % of \
             the time",
            run.record.rate.received,
            run.record.rate.offered,
            100.0 * held
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Ask, Journal};
    use super::*;
    use crate::catalogue::Source;

    #[test]
    fn a_goal_that_every_run_misses_with_less_to_do_is_found() {
        let ask =
            Ask { precision: 0.1, seconds_max: 3600.0, recovery: 60.0, threads: 1, ..Ask::DEFAULT };
        for (over, misses) in [("1 ms", true), ("60 s", false)] {
            let goal = format!("goal=[{{ late = {{ over = '{over}', at_most = 0.01 }} }}]");
            let scenario = Source::find("throttled_host").unwrap().read(&[goal]).unwrap();
            let journal = Journal::default();
            let mut search = Search::of(&scenario, ask, &journal).unwrap();
            let found = search.judged_beyond(100.0, 90.0).unwrap();
            let expected = if misses { MstVerdict::NonMonotone } else { MstVerdict::Sustainable };
            assert_eq!(found, expected, "{over}");
        }
    }

    #[test]
    fn two_answers_that_lie_apart_contradict_each_other_and_a_broken_promise_is_worse() {
        let scenario = Source::find("throttled_host").unwrap().read(&[]).unwrap();
        let journal = Journal::default();
        let mut search = Search::of(&scenario, Ask::DEFAULT, &journal).unwrap();
        search.compare("with a held backlog", (98.0, 100.0), (99.5, 101.0));
        assert_eq!(search.overall(MstVerdict::Sustainable), MstVerdict::Sustainable);
        assert!(search.probes.is_empty());
        search.compare("with a held backlog", (98.0, 100.0), (100.5, 101.0));
        assert_eq!(search.probes[0].verdict, MstVerdict::Inconsistent);
        let verdicts = [MstVerdict::Sustainable, MstVerdict::Lossy];
        let found = verdicts.map(|verdict| search.overall(verdict));
        assert_eq!(found, [MstVerdict::Inconsistent, MstVerdict::Lossy]);
        let broken = Confirmation {
            verdict: MstVerdict::Broken,
            ..search.empty_starts(&[20.0]).unwrap().remove(0)
        };
        search.note_all(&[20.0], &[broken]);
        assert_eq!(search.overall(MstVerdict::Sustainable), MstVerdict::Broken);
    }
}
