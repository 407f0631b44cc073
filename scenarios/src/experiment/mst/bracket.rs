//! The bracket: where no capacity can be measured, loads that shrink a backlog and loads that grow
//! it close in on each other.

use floodgate_reports::{MstVerdict, Probe};

use super::Search;
use super::pinned::seed_of;
use crate::experiment::drift::{Drift, DriftProbe, Question, probe};
use crate::experiment::parallel::in_order;
use crate::plan::Problems;

/// Doublings or halvings before the search gives up.
pub(super) const STEPS_MAX: u32 = 24;
/// From one rate to the next where nothing says how far the capacity is.
pub(super) const DOUBLED: f64 = 2.0;
/// The first step from what it is about, in widths that the bracket may have.
pub(super) const NEARBY: f64 = 4.0;
/// The share of the asked width that the bracket may have; the rest is what a sequential test can
/// mistake on either side, a quarter each.
pub(super) const BRACKET_SHARE: f64 = 0.5;

/// What a test may mistake on either side, for an interval so wide.
pub(super) const fn blur(precision: f64) -> f64 {
    precision * (1.0 - BRACKET_SHARE) / 2.0
}

impl Search<'_> {
    /// The relative drift that a probe tells from none: a verdict at a rate says that the capacity
    /// is not further than this on the wrong side of it.
    pub(super) fn blur(&self) -> f64 {
        blur(self.ask.precision)
    }

    pub(super) fn is_narrow(&self, low: f64, high: f64) -> bool {
        high <= low * (1.0 + self.width())
    }

    /// The width that a bracket may have.
    pub(super) const fn width(&self) -> f64 {
        self.ask.precision * BRACKET_SHARE
    }

    /// Preloaded drift tests at these rates, each for a drift of `delta`, at the same time: the
    /// verdicts, and how many documents the backlog grew by in a second.
    pub(super) fn drifts(
        &mut self,
        rates: &[f64],
        delta: f64,
    ) -> Result<Vec<(Drift, f64)>, Problems> {
        let first = self.probes.len() as u64 + 1;
        let question = |at: usize| Question {
            rate: rates[at],
            delta,
            through: self.through,
            seed: seed_of(self.scenario, first + at as u64),
            seconds_max: self.ask.seconds_max,
            period: self.period.at(rates[at] / self.written),
        };
        let one = |at: usize| {
            let question = question(at);
            let key = || format!("drift {question:?}");
            self.journal.once(key, |fuel| probe(&self.scaled(rates[at]), &question, fuel))
        };
        let probes = in_order(rates.len(), self.ask.threads, one);
        let probes = probes.into_iter().collect::<Result<Vec<_>, _>>()?;
        let questions: Vec<Question> = (0..rates.len()).map(question).collect();
        for (question, probe) in questions.iter().zip(&probes) {
            self.note(question, probe);
        }
        Ok(probes.iter().map(|probe| (probe.drift, probe.growth)).collect())
    }

    fn drift(&mut self, rate: f64) -> Result<Drift, Problems> {
        let blur = self.blur();
        Ok(self.drifts(&[rate], blur)?[0].0)
    }

    fn note(&mut self, question: &Question, probe: &DriftProbe) {
        self.documents += probe.documents;
        self.broken |= probe.broken.is_some();
        let verdict = match (&probe.broken, probe.drift) {
            (Some(_), _) => MstVerdict::Broken,
            (None, Drift::Balanced | Drift::Shrinking) => MstVerdict::Sustainable,
            (None, Drift::Growing) if probe.held.is_some() => MstVerdict::InputThrottled,
            (None, Drift::Growing) => MstVerdict::Unsustainable,
            (None, Drift::Undecided) => MstVerdict::Undecided,
        };
        let more = [&probe.held, &probe.broken].map(|one| {
            let one = one.as_ref();
            one.map_or(String::new(), |what| format!("; {what}"))
        });
        self.probes.push(Probe {
            rate: question.rate,
            seconds: probe.seconds,
            seeds: vec![question.seed],
            verdict,
            evidence: format!("{}{}", probe.evidence, more.concat()),
        });
    }

    /// The highest rate known to shrink a backlog and the lowest known to grow it, as close as
    /// asked, looked for from `rate` on by that `stride` first and twice as far each time, but not
    /// further than its double; `None` when the budget ran out.
    pub(super) fn bracket(
        &mut self,
        mut rate: f64,
        mut stride: f64,
    ) -> Result<Option<(f64, f64)>, Problems> {
        let (mut low, mut high): (Option<f64>, Option<f64>) = (None, None);
        stride = stride.min(DOUBLED);
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
                (Some(low), None) => low * stride,
                (None, Some(high)) => high / stride,
                (None, None) => return Ok(None),
            };
            stride = (stride * stride).min(DOUBLED);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Ask, Journal};
    use super::*;
    use crate::plan::Scenario;

    #[test]
    fn a_bracket_that_begins_nearby_takes_few_probes() {
        let plant = include_bytes!("../../../theory/one_place.toml");
        let scenario = Scenario::parse("t.toml", plant, Path::new(""), &[]).expect("right");
        let journal = Journal::default();
        let ask = Ask { precision: 0.2, recovery: 0.0, ..Ask::DEFAULT };
        let probes = |stride: f64| {
            let mut search = Search::of(&scenario, ask, &journal).expect("it can be scaled");
            let (low, high) = search.bracket(110.0, stride).unwrap().expect("it is found");
            assert!(low < 105.0 && 95.0 < high && search.is_narrow(low, high), "{low} to {high}");
            search.probes.len()
        };
        let (near, far) = (probes(1.0 + search_width(&ask)), probes(DOUBLED));
        assert!(near < far, "{near} and {far}");
    }

    fn search_width(ask: &Ask) -> f64 {
        ask.precision * BRACKET_SHARE
    }
}
