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
/// Loads of which a test cannot tell, before the bracket stays as it is.
const DOUBTS_MAX: u32 = 4;
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
    /// further than its double. Where tests cannot tell, both are as close as they can tell them;
    /// `None` where one of them is not known at all.
    pub(super) fn bracket(
        &mut self,
        mut rate: f64,
        mut stride: f64,
    ) -> Result<Option<(f64, f64)>, Problems> {
        let (mut low, mut high): (Option<f64>, Option<f64>) = (None, None);
        let mut doubt: Option<Doubt> = None;
        let mut is_balanced = false;
        stride = stride.min(DOUBLED);
        for _ in 0..STEPS_MAX {
            match self.drift(rate)? {
                Drift::Shrinking => low = Some(rate),
                Drift::Growing => high = Some(rate),
                Drift::Balanced => {
                    // A little more cannot go on, unless what gets through follows what comes.
                    low = Some(rate);
                    stride = if is_balanced { stride } else { 1.0 + self.width() };
                    is_balanced = true;
                }
                Drift::Undecided => doubt = Some(Doubt::at(rate, doubt, self.width())),
            }
            doubt = doubt.filter(|own| {
                low.is_none_or(|low| low < own.low) && high.is_none_or(|high| own.high < high)
            });
            rate = match (low, high, &doubt) {
                (Some(low), Some(high), _) if self.is_narrow(low, high) => {
                    return Ok(Some((low, high)));
                }
                (_, _, Some(doubt)) => match doubt.beside(low, high) {
                    Some(rate) => rate,
                    None => return Ok(low.zip(high)),
                },
                (Some(low), Some(high), None) => (low * high).sqrt(),
                (Some(low), None, None) => low * stride,
                (None, Some(high), None) => high / stride,
                (None, None, None) => return Ok(None),
            };
            stride = (stride * stride).min(DOUBLED);
        }
        Ok(low.zip(high))
    }
}

/// Loads of which a test cannot tell: what lies beside them may be told.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    low: f64,
    high: f64,
    /// How far beside them the next one is, as a factor.
    aside: f64,
    /// How many there are.
    count: u32,
}

impl Doubt {
    /// One more of them.
    fn at(rate: f64, before: Option<Self>, width: f64) -> Self {
        match before {
            // Both sides of the first are as far apart as a bracket may be.
            None => {
                let aside = 1.0 + ((1.0 + width).sqrt() - 1.0) * (1.0 - f64::EPSILON.sqrt());
                Self { low: rate, high: rate, aside, count: 1 }
            }
            Some(own) => Self {
                low: own.low.min(rate),
                high: own.high.max(rate),
                aside: own.aside * own.aside,
                count: own.count + 1,
            },
        }
    }

    /// The next load to look at, unless both sides are known or there was too much doubt.
    fn beside(&self, low: Option<f64>, high: Option<f64>) -> Option<f64> {
        let (below, above) = (self.low / self.aside, self.high * self.aside);
        let is_open = [low.is_none_or(|low| low < below), high.is_none_or(|high| above < high)];
        match is_open {
            _ if self.count > DOUBTS_MAX => None,
            [_, true] => Some(above),
            [true, false] => Some(below),
            [false, false] => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Ask, Journal};
    use super::*;
    use crate::catalogue::Source;
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

    #[test]
    fn where_the_backlog_stays_as_it_is_the_answer_lies_above() {
        // Looks of the host fall in with what comes: with 0.8 to 0.86 a second as much gets through
        // as comes, whatever waits.
        let scenario = Source::find("multi_message_box").unwrap().read(&[]).unwrap();
        let journal = Journal::default();
        let ask = Ask { precision: 0.1, seconds_max: 3600.0, threads: 2, ..Ask::DEFAULT };
        let mut search = Search::of(&scenario, ask, &journal).unwrap();
        let (low, high) = search.bracket(0.8, 1.1).unwrap().expect("it is found");
        assert!((0.84..0.88).contains(&low) && high < 0.93, "{low} to {high}");
        assert_eq!(search.probes[0].verdict, MstVerdict::Sustainable);
    }

    #[test]
    fn beside_a_load_of_which_nobody_can_tell_lie_two_of_which_somebody_can() {
        let width = 0.05;
        let doubt = Doubt::at(100.0, None, width);
        let above = doubt.beside(None, None).unwrap();
        let below = doubt.beside(None, Some(above)).unwrap();
        assert!(above <= below * (1.0 + width) && below * (1.0 + width) < above * 1.001);
        // Then both sides are known.
        assert_eq!(doubt.beside(Some(below), Some(above)), None);
        // Or of that one neither: the next is further from the first.
        let doubt = Doubt::at(above, Some(doubt), width);
        assert!(doubt.low < above && doubt.beside(Some(below), None).unwrap() > above * 1.03);
        // A search comes to an end.
        let more = |doubt, rate| Doubt::at(rate, Some(doubt), width);
        let doubt = [110.0, 120.0, 130.0].into_iter().fold(doubt, more);
        assert_eq!(doubt.beside(None, None), None);
    }

    #[test]
    fn where_tests_cannot_tell_the_bracket_is_as_close_as_they_can() {
        // In so short a time what is not far from 100 a second is told from it by chance alone.
        let plant = include_bytes!("../../../theory/one_place.toml");
        let scenario = Scenario::parse("t.toml", plant, Path::new(""), &[]).expect("right");
        let journal = Journal::default();
        let ask = Ask { precision: 0.01, seconds_max: 160.0, threads: 2, ..Ask::DEFAULT };
        let mut search = Search::of(&scenario, ask, &journal).expect("it can be scaled");
        let (low, high) = search.bracket(80.0, 1.5).unwrap().expect("both ends were seen");
        assert!(low < 100.0 && 100.0 < high && !search.is_narrow(low, high), "{low} to {high}");
        assert!(search.is_wide(low, high), "{:?}", search.probes);
    }

    fn search_width(ask: &Ask) -> f64 {
        ask.precision * BRACKET_SHARE
    }
}
