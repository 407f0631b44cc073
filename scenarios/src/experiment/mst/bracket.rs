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
    /// asked, looked for from `rate` on; `None` when the budget ran out.
    pub(super) fn bracket(&mut self, mut rate: f64) -> Result<Option<(f64, f64)>, Problems> {
        let (mut low, mut high): (Option<f64>, Option<f64>) = (None, None);
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
}
