//! A capacity that a backlog takes away from the plant: it is carried from an empty start alone.
//!
//! The drift test puts a backlog in, and such a plant then does less. So both ends are tested from
//! an empty start: a little below the capacity nothing grows, a little above it something does, in
//! runs that are long enough to tell the one from the other. Where chance brings a backlog about
//! that stays, the load that is kept is looked for below.

use floodgate_reports::{MstRecord, MstVerdict, Probe};

use super::capacity::{Capacity, Curve, Found, Wanted, measure};
use super::confirm::Confirmation;
use super::pinned::Held;
use super::{CONFIRM_DISTANCE, Search, told, unknown};
use crate::experiment::drift::{Drift, edge, ladder};
use crate::plan::Problems;

/// Runs from an empty start at either end.
const KEPT: usize = 3;
/// At the capacity itself the backlog is within so many standard deviations of nothing, of a plant
/// whose work and arrivals scatter as much as their mean; its growth in half of a run scatters by
/// the root of two more.
const DEVIATIONS: f64 = 4.0 * std::f64::consts::SQRT_2;
/// A run lasts for so many times as long as retries go on.
const LADDERS: f64 = 4.0;
/// Documents of a run, at most.
const DOCUMENTS_MAX: f64 = 1e6;
/// The share of what a plant gets through at its best below which no load is looked for.
const LEAST: f64 = 0.2;

impl Search<'_> {
    /// The capacity where the curve is highest, if that is elsewhere than where it was measured.
    pub(super) fn at_the_top(
        &mut self,
        held: &Held<'_>,
        (curve, own): (&Curve, &Capacity),
        wanted: Wanted,
    ) -> Result<Option<Capacity>, Problems> {
        let top = curve.points.iter().filter(|point| point.0 < own.backlog);
        let Some(top) = top.max_by(|a, b| a.1.total_cmp(&b.1)) else { return Ok(None) };
        if top.1 <= own.mean.value + own.mean.half {
            return Ok(None);
        }
        let (found, documents) = measure(held, self.scenario, *top, edge(self.scenario), wanted)?;
        self.documents += documents;
        match found {
            Found::Measured(capacity) => {
                self.broken |= capacity.broken.is_some();
                self.probes.push(told(&capacity));
                // A point of the curve may be higher by chance.
                let is_more =
                    capacity.mean.value - capacity.mean.half > own.mean.value + own.mean.half;
                Ok(is_more.then_some(*capacity))
            }
            Found::Unknown(why) => {
                self.probes.push(unknown(top.1, why));
                Ok(None)
            }
        }
    }

    /// The interval of what a plant keeps from an empty start, of one that a backlog slows: what it
    /// gets through at its best is an upper end, and what is left of it with a backlog is what it
    /// recovers at.
    ///
    /// Chance alone may bring such a plant as much to do as it does not get rid of again, so that
    /// it need not keep what it gets through with a little: then the load that it does keep is
    /// looked for below.
    pub(super) fn kept_from_empty(
        &mut self,
        capacity: &Capacity,
    ) -> Result<Option<(f64, f64)>, Problems> {
        let (value, half) = (capacity.mean.value, capacity.mean.half);
        if half > value * self.ask.precision {
            return Ok(None);
        }
        let width = (self.ask.precision / 2.0).max(half / value);
        let (below, above) = (value * (1.0 - width), value * (1.0 + CONFIRM_DISTANCE * width));
        let grown = self.grown(&[below, above], width)?;
        if grown[1] <= width {
            let evidence = format!(
                "from an empty start {:.1} % of what comes for what is full is left over at \
                 {above:.1}/s: it can do more than this",
                100.0 * grown[1]
            );
            self.probes.push(unknown(value, &evidence));
            return Ok(None);
        }
        if is_kept(grown[0], width) {
            return Ok(Some((below, value + half)));
        }
        self.told_not_kept(below, grown[0]);
        self.kept_below(below, width)
    }

    /// The same, of a load that is not kept: a bracket below it.
    fn kept_below(&mut self, top: f64, width: f64) -> Result<Option<(f64, f64)>, Problems> {
        let (mut low, mut high): (Option<f64>, f64) = (None, top);
        let mut away = width;
        while high > top * LEAST {
            let rate = match low {
                Some(low) if high <= low * (1.0 + width) => {
                    let blur = width / 2.0;
                    return Ok(Some((low * (1.0 - blur), high * (1.0 + blur))));
                }
                Some(low) => (low * high).sqrt(),
                None => {
                    away *= 2.0;
                    top * (1.0 - away).max(LEAST / 2.0)
                }
            };
            let grown = self.grown(&[rate], width)?[0];
            if is_kept(grown, width) {
                low = Some(rate);
            } else {
                self.told_not_kept(rate, grown);
                high = rate;
            }
        }
        Ok(None)
    }

    /// Whether a plant gets something else through than with a `held` backlog because documents
    /// come at instants of their own (its looks fall in with them): then what a `bracket` of its
    /// loads says is the answer, and empty starts say the same.
    pub(super) fn follows_its_loads(
        &mut self,
        held: (f64, f64),
        bracket: (f64, f64),
    ) -> Result<bool, Problems> {
        if held.0 <= bracket.1 && bracket.0 <= held.1 || self.is_timed() {
            return Ok(false);
        }
        let width = self.ask.precision / 2.0;
        let above = bracket.1 * (1.0 + CONFIRM_DISTANCE * width);
        let grown = self.grown(&[bracket.0, above], width)?;
        if !is_kept(grown[0], width) || grown[1] <= width {
            return Ok(false);
        }
        let evidence = format!(
            "it gets {:.3} to {:.3}/s through where a document comes whenever one ends, and its loads \
             come at other instants: empty starts keep {:.3}/s, as a backlog does, and not {above:.3}/s",
            held.0, held.1, bracket.0
        );
        let probe = unknown(bracket.0, &evidence);
        self.probes.push(Probe { verdict: MstVerdict::Sustainable, ..probe });
        Ok(true)
    }

    /// The share of what comes for what is full that is left over in the second halves of empty
    /// starts at these rates, long enough to tell so much from nothing, and for whatever tries
    /// again to have tried.
    fn grown(&mut self, rates: &[f64], width: f64) -> Result<Vec<f64>, Problems> {
        let ladder = ladder(self.scenario, self.ask.seconds_max)?.as_secs_f64();
        let fastest = rates.iter().copied().fold(0.0, f64::max);
        let enough = (DEVIATIONS / width).powi(2) / KEPT as f64;
        let enough = enough.max(LADDERS * ladder * fastest);
        let all = rates.iter().flat_map(|rate| [*rate; KEPT]).collect::<Vec<_>>();
        // Of what is too much only those that go through what is full are.
        let through = self.through;
        let over = |one: &Confirmation| one.grown / through;
        let tried = self.starts_judged(&all, enough.min(DOCUMENTS_MAX), |one| {
            let grown = over(&one);
            if is_kept(grown, width) { one } else { one.not_kept(grown) }
        })?;
        let mean = |own: &[Confirmation]| own.iter().map(over).sum::<f64>() / KEPT as f64;
        Ok(tried.chunks(KEPT).map(mean).collect())
    }

    fn told_not_kept(&mut self, rate: f64, grown: f64) {
        let evidence = format!(
            "from an empty start {:.1} % of what comes for what is full is left over, in the mean of \
             {KEPT}: it is not kept",
            100.0 * grown
        );
        let probe = unknown(rate, &evidence);
        self.probes.push(Probe { verdict: MstVerdict::Unsustainable, ..probe });
    }

    /// Whether a plant that carries `low` from an empty start never gets rid of a backlog there:
    /// with the one that it does worst with it gets less through, and such a backlog does grow.
    pub(super) fn is_lost_to_a_backlog(
        &mut self,
        low: f64,
        record: &MstRecord,
    ) -> Result<bool, Problems> {
        let Some([_, most]) = record.recover_interval.filter(|[_, most]| *most < low) else {
            return Ok(false);
        };
        // What is to be told from none is half of what should be there.
        let (drift, growth) = self.drifts(&[low], (low - most) / low / 2.0)?[0];
        Ok(match drift {
            Drift::Growing => true,
            Drift::Balanced | Drift::Shrinking => false,
            Drift::Undecided => growth > 0.0,
        })
    }
}

/// Whether so little is left over of empty starts that it is chance, where `width` was to be told
/// from nothing.
const fn is_kept(grown: f64, width: f64) -> bool {
    grown < width / 2.0
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Ask, Journal};
    use super::*;
    use crate::plan::Scenario;

    #[test]
    fn what_is_kept_from_an_empty_start_is_found_below_what_is_not() {
        // It does 100 a second, and with much to do 50: what more than 2000 others were published
        // after is read again, by a disk that takes 20 ms.
        let plant = include_bytes!("../../../theory/one_place.toml");
        let changes = [
            "receive_port.In.location.0.host=R",
            "message_box.MsgBox.cached_rows=2000",
            "cost.data_cold_row=20 ms",
        ];
        let changes = changes.map(str::to_owned);
        let scenario = Scenario::parse("t.toml", plant, Path::new(""), &changes).expect("right");
        let journal = Journal::default();
        let ask = Ask { precision: 0.2, recovery: 0.0, threads: 2, ..Ask::DEFAULT };
        let mut search = Search::of(&scenario, ask, &journal).expect("it can be scaled");
        let (low, high) = search.kept_below(130.0, 0.1).unwrap().expect("it keeps less");
        assert!(low < 100.0 && 100.0 < high && high < 1.22 * low, "{low} to {high}");
        let told = |probe: &&Probe| probe.evidence.ends_with("it is not kept");
        assert!(search.probes.iter().any(|probe| told(&probe)), "{:?}", search.probes);
        // No run in which a part of what came is left over is told as one that can go on.
        let starts = search.probes.iter().filter(|probe| probe.evidence.starts_with("empty start"));
        let waits = |probe: &&Probe| probe.evidence.ends_with("for what is full is left over");
        let (grown, kept): (Vec<_>, Vec<_>) = starts.partition(waits);
        assert!(!grown.is_empty() && !kept.is_empty(), "{:?}", search.probes);
        assert!(grown.iter().all(|one| one.verdict == MstVerdict::Unsustainable), "{grown:?}");
        assert!(kept.iter().all(|one| one.verdict == MstVerdict::Sustainable), "{kept:?}");
    }

    #[test]
    fn what_waits_for_its_next_attempt_is_not_left_over() {
        // Every document is refused once, and tried again 100 s later: of 25 a second 2500 wait.
        let plant = include_bytes!("../../../theory/one_place.toml");
        let changes = [
            "send_port.Out.primary.fail={ first = 1 }",
            "send_port.Out.primary.retry={ count = 1, interval = '100 s' }",
        ];
        let changes = changes.map(str::to_owned);
        let scenario = Scenario::parse("t.toml", plant, Path::new(""), &changes).expect("right");
        let journal = Journal::default();
        let ask = Ask { precision: 0.2, threads: 2, ..Ask::DEFAULT };
        let mut search = Search::of(&scenario, ask, &journal).expect("it can be scaled");
        // It does 50 a second.
        let grown = search.grown(&[25.0, 75.0], 0.1).unwrap();
        assert!(is_kept(grown[0], 0.1) && !is_kept(grown[1], 0.1), "{grown:?}");
        assert_eq!(search.probes[0].verdict, MstVerdict::Sustainable, "{:?}", search.probes);
    }

    #[test]
    fn empty_starts_say_which_of_two_answers_the_loads_bear_out() {
        let plant = include_bytes!("../../../theory/one_place.toml");
        let scenario = Scenario::parse("t.toml", plant, Path::new(""), &[]).expect("right");
        let journal = Journal::default();
        let ask = Ask { precision: 0.4, threads: 2, ..Ask::DEFAULT };
        let mut search = Search::of(&scenario, ask, &journal).expect("it can be scaled");
        // It does 100 a second.
        let mut follows = |bracket| search.follows_its_loads((50.0, 60.0), bracket).unwrap();
        assert!(follows((90.0, 110.0)) && !follows((65.0, 70.0)));
        assert_eq!(search.overall(MstVerdict::Sustainable), MstVerdict::Sustainable);
    }
}
