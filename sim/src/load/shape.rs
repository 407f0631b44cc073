//! A rate that varies over time, and the arrivals that keep to it.
//!
//! The k-th arrival is where the integral of the rate reaches a sum of k gaps: each gap is 1 for
//! constant spacing, and for Poisson an exponential number of mean 1 drawn for arrival k. So the
//! same draws serve every shape: under one seed a higher rate is the same traffic, faster.

use floodgate_engine::time::{Duration, Instant};

use super::curve::{Curve, Form};
use super::cycle::{Cycle, Part};
use crate::dist::unit_exponential;
use crate::rng::{Purpose, Rng};

const NANOS_PER_SECOND: f64 = 1e9;

/// How arrivals are spaced at a given rate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Spacing {
    /// Evenly; the first arrival comes after one full gap.
    Constant,
    /// At random, each independent of all others.
    Poisson,
}

/// A rate in arrivals per second over the load's own clock: constant, sloping or waving pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape(Pieces);

#[derive(Clone, Debug, PartialEq)]
enum Pieces {
    /// The same day again and again.
    Cycle(Cycle),
    Floodgate {
        base: f64,
        peak: f64,
        every: Duration,
        lasts: Duration,
        first: Instant,
    },
    /// One rate, then a slope, then another rate.
    Ramp {
        from: f64,
        to: f64,
        at: Instant,
        lasts: Duration,
    },
    /// Each rate holds from its instant to the next one's.
    Steps(Vec<(Instant, f64)>),
}

/// One day of a load: quiet, up to a peak and down again, quiet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bell {
    /// The rate outside of it.
    pub low: f64,
    /// The rate at the top.
    pub peak: f64,
    /// When it begins to rise, in its day.
    pub from: Duration,
    /// When it is at the top.
    pub top: Duration,
    /// When it is down again.
    pub to: Duration,
    /// How long a day is.
    pub every: Duration,
}

impl Shape {
    /// The same rate for ever.
    #[must_use]
    pub fn constant(per_second: f64) -> Self {
        Self::steps(vec![(Instant::ZERO, per_second)])
    }

    /// Each rate holds from its instant on until the next one's, the last one for ever; before
    /// the first instant the rate is zero. Instants go up.
    #[must_use]
    pub fn steps(steps: Vec<(Instant, f64)>) -> Self {
        assert!(steps.is_sorted_by(|a, b| a.0 < b.0), "each step begins after the one before it");
        steps.iter().for_each(|step| check_rate(step.1));
        Self(Pieces::Steps(steps))
    }

    /// The rate `base`, and from `first` on, at the beginning of each period `every`, the rate
    /// `peak` for as long as it `lasts`; for ever.
    #[must_use]
    pub fn floodgate(
        base: f64,
        peak: f64,
        every: Duration,
        lasts: Duration,
        first: Instant,
    ) -> Self {
        check_rate(base);
        check_rate(peak);
        assert!(!every.is_zero(), "floods are some time apart");
        assert!(lasts <= every, "a flood is over before the next");
        if base <= 0.0 && (peak <= 0.0 || lasts.is_zero()) {
            // It would never come to an end, nor to an arrival.
            return Self::constant(0.0);
        }
        Self(Pieces::Floodgate { base, peak, every, lasts, first })
    }

    /// The rate `from` until `at`, then evenly to the rate `to` within `lasts`, and that for ever.
    #[must_use]
    pub fn ramp(from: f64, to: f64, at: Instant, lasts: Duration) -> Self {
        check_rate(from);
        check_rate(to);
        assert!(!lasts.is_zero(), "a ramp takes time");
        Self(Pieces::Ramp { from, to, at, lasts })
    }

    /// A sine between the rates `low` and `high`, with the period `every`, at its top at the
    /// instant `top` of each period; for ever.
    #[must_use]
    pub fn sine(low: f64, high: f64, every: Duration, top: Duration) -> Self {
        check_rate(low);
        check_rate(high);
        let up = Duration::from_nanos(every.as_nanos() / 2);
        assert!(!up.is_zero(), "a period takes time");
        let begins = (top.as_nanos() + every.as_nanos() - up.as_nanos()) % every.as_nanos();
        let parts = vec![Part::wave(up, low, high), Part::wave(every - up, high, low)];
        Self::cycle(parts, Duration::from_nanos(begins))
    }

    /// A bell curve each day: half a wave up and half a wave down, as steep as their lengths say.
    #[must_use]
    pub fn bell(bell: Bell) -> Self {
        let Bell { low, peak, from, top, to, every } = bell;
        check_rate(low);
        check_rate(peak);
        assert!(from <= top && top <= to && to <= every && from < to, "a bell rises and falls");
        let parts = vec![
            Part::flat(from, low),
            Part::wave(top - from, low, peak),
            Part::wave(to - top, peak, low),
            Part::flat(every - to, low),
        ];
        Self::cycle(parts, Duration::ZERO)
    }

    fn cycle(parts: Vec<Part>, begins: Duration) -> Self {
        let cycle = Cycle::new(parts, begins);
        // One without arrivals would never come to an end, nor to an arrival.
        if cycle.is_silent() { Self::constant(0.0) } else { Self(Pieces::Cycle(cycle)) }
    }

    /// Segment `index` of the rate: they follow each other without gaps from instant zero, and
    /// the one that ends at `Instant::MAX` is the last.
    fn segment(&self, index: u64) -> Segment {
        match &self.0 {
            Pieces::Cycle(cycle) => cycle.segment(index),
            Pieces::Ramp { from, to, at, lasts } => {
                let (begin, end) = (*at, *at + *lasts);
                match index {
                    0 => Segment::flat(Instant::ZERO, begin, *from),
                    1 => Segment {
                        from: begin,
                        to: end,
                        per_second: from.max(*to),
                        curve: Some(Curve {
                            form: Form::Slope,
                            from: *from,
                            to: *to,
                            seconds: lasts.as_secs_f64(),
                            skipped: 0.0,
                        }),
                    },
                    _ => Segment::flat(end, Instant::MAX, *to),
                }
            }
            Pieces::Floodgate { base, peak, every, lasts, first } => {
                let Some(flood) = index.checked_sub(1) else {
                    return Segment::flat(Instant::ZERO, *first, *base);
                };
                let from = *first + every.times(flood / 2);
                if flood.is_multiple_of(2) {
                    Segment::flat(from, from + *lasts, *peak)
                } else {
                    let to = *first + every.times(flood / 2 + 1);
                    Segment::flat(from + *lasts, to, *base)
                }
            }
            Pieces::Steps(steps) => {
                let index = usize::try_from(index).expect("a segment for each step");
                let begins = |index: usize| steps.get(index).map(|step| step.0);
                let (from, per_second) = match index.checked_sub(1) {
                    None => (Instant::ZERO, 0.0),
                    Some(step) => steps[step],
                };
                Segment::flat(from, begins(index).unwrap_or(Instant::MAX), per_second)
            }
        }
    }
}

fn check_rate(per_second: f64) {
    assert!(per_second.is_finite() && per_second >= 0.0, "a rate is a number from zero up");
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) from: Instant,
    pub(super) to: Instant,
    /// The rate; of a curve the greatest.
    pub(super) per_second: f64,
    pub(super) curve: Option<Curve>,
}

impl Segment {
    pub(super) const fn flat(from: Instant, to: Instant, per_second: f64) -> Self {
        Self { from, to, per_second, curve: None }
    }

    /// How many arrivals are due in all of it.
    fn due(&self) -> f64 {
        self.curve.map_or_else(|| self.due_from(self.from), |curve| curve.total())
    }

    /// When `mass` arrivals of a curve are due.
    fn instant_of(&self, curve: Curve, mass: f64) -> Instant {
        let nanos = curve.seconds_to(mass) * NANOS_PER_SECOND;
        (self.from + Duration::from_nanos((nanos + 0.5) as u64)).min(self.to)
    }

    /// How many arrivals are due from `at` to its end, where the rate is constant.
    fn due_from(&self, at: Instant) -> f64 {
        self.per_second * self.to.since(at).as_nanos() as f64 / NANOS_PER_SECOND
    }

    /// How many nanoseconds `gaps` arrivals take.
    fn nanos(&self, gaps: f64) -> f64 {
        gaps * NANOS_PER_SECOND / self.per_second
    }
}

/// The arrivals of a shape, one after another.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    shape: Shape,
    segment: Segment,
    index: u64,
    position: Position,
}

/// Where in its segment a flow stands, without a sum of rounded instants that could drift.
#[derive(Clone, Copy, Debug)]
enum Position {
    /// So many arrivals in this segment, the first of which had part of its gap before it.
    Constant { arrivals: u64, gap_before: f64 },
    /// At this instant and this fraction of a nanosecond, after so many arrivals in all; in a
    /// curve, where so much of its integral has been used up.
    Poisson { at: Instant, fraction: f64, arrivals: u64, mass: f64 },
}

impl Flow {
    pub(super) fn new(shape: Shape, spacing: Spacing) -> Self {
        let segment = shape.segment(0);
        let position = match spacing {
            Spacing::Constant => Position::Constant { arrivals: 0, gap_before: 0.0 },
            Spacing::Poisson => {
                Position::Poisson { at: Instant::ZERO, fraction: 0.0, arrivals: 0, mass: 0.0 }
            }
        };
        Self { shape, segment, index: 0, position }
    }

    /// The next arrival, on the load's own clock.
    pub(super) fn next(&mut self, rng: &Rng, key: u64) -> Option<Instant> {
        match self.position {
            Position::Constant { arrivals, gap_before } => self.next_even(arrivals, gap_before),
            Position::Poisson { at, fraction, arrivals, mass } => {
                let gap = unit_exponential(rng.uniform(Purpose::Arrival, key, arrivals));
                self.next_random((at, fraction), mass, gap).map(|(at, fraction, mass)| {
                    let arrivals = arrivals + 1;
                    self.position = Position::Poisson { at, fraction, arrivals, mass };
                    // The fraction rounds, but not past the segment in which the arrival is due.
                    let rounded = at + Duration::from_nanos(u64::from(fraction >= 0.5));
                    rounded.min(self.segment.to)
                })
            }
        }
    }

    fn next_even(&mut self, mut arrivals: u64, mut gap_before: f64) -> Option<Instant> {
        loop {
            let segment = self.segment;
            if let Some(curve) = segment.curve {
                let mass = (arrivals + 1) as f64 - gap_before;
                if mass <= curve.total() {
                    self.position = Position::Constant { arrivals: arrivals + 1, gap_before };
                    return Some(segment.instant_of(curve, mass));
                }
            } else if segment.per_second > 0.0 {
                // Counted from the start of the segment: no error adds up over its arrivals.
                let nanos = segment.nanos((arrivals + 1) as f64 - gap_before);
                let at = segment.from + Duration::from_nanos((nanos + 0.5) as u64);
                if at <= segment.to && at < Instant::MAX {
                    self.position = Position::Constant { arrivals: arrivals + 1, gap_before };
                    return Some(at);
                }
            }
            self.enter_next_segment()?;
            gap_before += segment.due() - arrivals as f64;
            arrivals = 0;
        }
    }

    /// Goes on from `at` and a fraction of a nanosecond until the integral has grown by `gap`.
    /// In a curve the integral itself is kept, from its beginning: `mass`.
    fn next_random(
        &mut self,
        (mut at, mut fraction): (Instant, f64),
        mut mass: f64,
        mut gap: f64,
    ) -> Option<(Instant, f64, f64)> {
        loop {
            let segment = self.segment;
            if let Some(curve) = segment.curve {
                let total = curve.total();
                if mass + gap <= total {
                    mass += gap;
                    return Some((segment.instant_of(curve, mass).max(at), 0.0, mass));
                }
                self.enter_next_segment()?;
                gap -= total - mass;
                (at, fraction, mass) = (segment.to, 0.0, 0.0);
                continue;
            }
            let due = segment.due_from(at) - segment.per_second * fraction / NANOS_PER_SECOND;
            if segment.per_second > 0.0 && (gap <= due || segment.to == Instant::MAX) {
                let nanos = segment.nanos(gap) + fraction;
                let whole = nanos as u64;
                let at = at + Duration::from_nanos(whole);
                return (at < Instant::MAX).then_some((at, nanos - whole as f64, 0.0));
            }
            self.enter_next_segment()?;
            gap -= due;
            (at, fraction) = (segment.to, 0.0);
        }
    }

    fn enter_next_segment(&mut self) -> Option<()> {
        if self.segment.to == Instant::MAX {
            return None;
        }
        self.index += 1;
        self.segment = self.shape.segment(self.index);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    /// The first `count` arrivals, in nanoseconds.
    fn flow(shape: Shape, spacing: Spacing, count: usize) -> Vec<u64> {
        let rng = Rng::new(3, 0);
        let mut flow = Flow::new(shape, spacing);
        let nanos = std::iter::from_fn(|| flow.next(&rng, 1)).map(Instant::as_nanos);
        nanos.take(count).collect()
    }

    fn even_millis(shape: Shape, count: usize) -> Vec<u64> {
        let nanos = flow(shape, Spacing::Constant, count);
        nanos.iter().map(|at| at / 1_000_000).collect()
    }

    #[test]
    fn a_constant_rate_comes_evenly_after_one_gap() {
        assert_eq!(even_millis(Shape::constant(10.0), 4), [100, 200, 300, 400]);
        let thirds = flow(Shape::constant(3.0), Spacing::Constant, 3);
        assert_eq!(thirds, [333_333_333, 666_666_667, 1_000_000_000]);
    }

    #[test]
    fn a_constant_rate_does_not_drift_over_a_hundred_million_arrivals() {
        let hundred_millionth = |per_second| {
            let mut flow = Flow::new(Shape::constant(per_second), Spacing::Constant);
            flow.position = Position::Constant { arrivals: 100_000_000 - 1, gap_before: 0.0 };
            flow.next(&Rng::new(0, 0), 0).expect("the rate never ends").as_nanos()
        };
        assert_eq!(hundred_millionth(3_000.0), 33_333_333_333_333);
        // After 104 days an `f64` no longer tells nanoseconds apart.
        assert!(hundred_millionth(3.0).abs_diff(33_333_333_333_333_333) <= 2);
    }

    #[test]
    fn ten_thousand_floods_lose_no_arrival() {
        // 0.3 + 2.7 arrivals a period: binary fractions hold neither.
        let shape =
            Shape::floodgate(0.6, 5.4, Duration::from_secs(1), Duration::from_millis(500), at(0));
        let mut flow = Flow::new(shape, Spacing::Constant);
        let rng = Rng::new(0, 0);
        let last = std::iter::from_fn(|| flow.next(&rng, 0)).nth(30_000 - 1);
        let error = last.expect("it never ends").as_nanos().abs_diff(10_000_000_000_000);
        assert!(error < 1_000, "off by {error} ns");
    }

    #[test]
    fn gaps_span_steps_and_skip_the_idle() {
        // Half a gap at 2/s until 250 ms, nothing until 1 s, then half a gap at 10/s.
        let steps = vec![(at(0), 2.0), (at(250), 0.0), (at(1_000), 10.0), (at(1_200), 0.0)];
        assert_eq!(even_millis(Shape::steps(steps.clone()), 9), [1_050, 1_150]);
        let late = vec![(at(500), 10.0), (at(700), 1.0)];
        assert_eq!(even_millis(Shape::steps(late), 4), [600, 700, 1_700, 2_700]);
        assert_eq!(even_millis(Shape::steps(vec![]), 1), [0; 0]);
        assert_eq!(even_millis(Shape::constant(0.0), 1), [0; 0]);
        let random = flow(Shape::steps(steps), Spacing::Poisson, 100);
        assert!(random.len() < 12, "the rate ends");
        assert!(random.iter().all(|at| *at <= 250_000_000 || *at >= 1_000_000_000), "{random:?}");
    }

    #[test]
    fn a_floodgate_opens_periodically() {
        let every = Duration::from_secs(1);
        let shape = Shape::floodgate(0.0, 20.0, every, Duration::from_millis(100), at(300));
        assert_eq!(even_millis(shape, 6), [350, 400, 1_350, 1_400, 2_350, 2_400]);
        let shape = Shape::floodgate(5.0, 25.0, every, Duration::from_millis(200), at(400));
        let expected = [
            200, 400, 440, 480, 520, 560, 600, 800, 1_000, 1_200, 1_400, 1_440, 1_480, 1_520,
            1_560, 1_600, 1_800,
        ];
        assert_eq!(even_millis(shape, expected.len()), expected);
        let shut = Shape::floodgate(0.0, 9.0, every, Duration::ZERO, at(0));
        assert_eq!(even_millis(shut, 1), [0; 0]);
    }

    #[test]
    fn a_ramp_spaces_its_arrivals_by_its_slope() {
        // 10/s, then from 10/s to 30/s within a second: 20 arrivals, then 30/s.
        let shape = Shape::ramp(10.0, 30.0, at(1_000), Duration::from_secs(1));
        let all = even_millis(shape, 60);
        assert_eq!(all[..10], [100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]);
        assert_eq!((all[10], all[29], all[59]), (1_091, 2_000, 3_000));
        // Half way up, 10 x 0.5 + 20 x 0.5 x 0.5 / 2 are due.
        let in_half = all.iter().filter(|at| (1_001..=1_500).contains(*at)).count();
        assert_eq!(in_half, 7);
        let down = Shape::ramp(30.0, 0.0, at(0), Duration::from_secs(2));
        assert_eq!(even_millis(down, 100).len(), 30);
    }

    const HOUR: Duration = Duration::from_minutes(60);

    /// The published example at a tenth: nothing at 8, 8 a second at noon, nothing at 21.
    fn bell_day() -> Shape {
        Shape::bell(Bell {
            low: 0.0,
            peak: 8.0,
            from: HOUR.times(8),
            top: HOUR.times(12),
            to: HOUR.times(21),
            every: HOUR.times(24),
        })
    }

    #[test]
    fn a_bell_curve_has_its_area_every_day_and_its_peak_at_the_top() {
        // The last one of a day comes at its very end.
        let hour = |nanos: u64| (nanos - 1) / HOUR.as_nanos();
        // Half of 8 a second over 4 h up and 9 h down, two days of it.
        let a_day = 4 * 13 * 3_600;
        let all = flow(bell_day(), Spacing::Constant, 2 * a_day);
        assert!(all.is_sorted());
        assert_eq!(hour(all[a_day - 1]), 20);
        assert_eq!(hour(all[a_day]), 32);
        assert_eq!(hour(all[2 * a_day - 1]), 44);
        let up = all.iter().take(a_day).filter(|at| hour(**at) < 12).count();
        assert!(up.abs_diff(4 * 4 * 3_600) <= 1, "{up}");
        let at_noon = (12 * 3_600 - 30) * 1_000_000_000..(12 * 3_600 + 30) * 1_000_000_000;
        let around_noon = all.iter().filter(|at| at_noon.contains(*at)).count();
        assert!((478..=480).contains(&around_noon), "{around_noon}");
    }

    #[test]
    fn a_poisson_bell_is_the_even_one_with_random_gaps() {
        let all = flow(bell_day(), Spacing::Poisson, 200_000);
        assert!(all.is_sorted());
        let of_day = all.iter().filter(|at| **at < 24 * HOUR.as_nanos()).count() as f64;
        let mean = 187_200.0;
        // Four standard deviations of a Poisson count.
        assert!((of_day - mean).abs() < 4.0 * libm::sqrt(mean), "{of_day}");
        assert!(all.iter().all(|at| (8..21).contains(&(at / HOUR.as_nanos() % 24))));
    }

    #[test]
    fn a_sine_swings_between_its_rates_from_any_instant_on() {
        for top in [0, 3, 6, 11] {
            let every = Duration::from_secs(24);
            let shape = Shape::sine(50.0, 150.0, every, Duration::from_secs(top));
            let all = flow(shape, Spacing::Constant, 24 * 100 * 3);
            assert!(all.is_sorted());
            let second = |of: u64| all.iter().filter(|at| **at / 1_000_000_000 % 24 == of).count();
            let (high, low) = (second(top), second((top + 12) % 24));
            assert!((447..=450).contains(&high) && (150..=153).contains(&low), "{high} {low}");
            assert!(all[24 * 100 * 3 - 1].abs_diff(72_000_000_000) < 10, "three periods, no drift");
        }
    }

    #[test]
    fn a_day_without_arrivals_has_no_next() {
        assert_eq!(even_millis(Shape::sine(0.0, 0.0, HOUR, Duration::ZERO), 1), [0; 0]);
        let flat = Bell {
            low: 0.0,
            peak: 0.0,
            from: Duration::ZERO,
            top: HOUR,
            to: HOUR,
            every: HOUR.times(2),
        };
        assert_eq!(even_millis(Shape::bell(flat), 1), [0; 0]);
        // A peak that nothing leads down from still has its way up.
        let sharp = Shape::bell(Bell { peak: 1.0, ..flat });
        assert_eq!(even_millis(sharp, 3_600).len(), 3_600);
    }

    #[test]
    fn curved_arrivals_are_pinned() {
        let every = Duration::from_secs(10);
        let sine = Shape::sine(1.0, 9.0, every, Duration::from_secs(2));
        let ramp = Shape::ramp(0.0, 8.0, at(100), Duration::from_secs(4));
        let pinned = [flow(sine, Spacing::Poisson, 4), flow(ramp, Spacing::Poisson, 4)];
        assert_eq!(
            pinned,
            [
                [40_258_690, 136_333_493, 361_364_157, 422_078_436],
                [602_978_670, 1_033_905_272, 1_650_825_419, 1_784_542_679]
            ]
        );
    }

    #[test]
    fn a_poisson_load_has_the_mean_and_the_variance_of_its_rate() {
        // Per second: 40 in the first half and 160 in the second make 100.
        let half = Duration::from_millis(500);
        let shape = Shape::floodgate(40.0, 160.0, Duration::from_secs(1), half, at(500));
        let arrivals = flow(shape, Spacing::Poisson, 500_000);
        assert!(arrivals.is_sorted());
        let mut counts = [[0.0_f64; 2]; 4_500];
        for nanos in arrivals {
            let half_second = (nanos / 500_000_000) as usize;
            if let Some(second) = counts.get_mut(half_second / 2) {
                second[half_second % 2] += 1.0;
            }
        }
        for (half, expected) in [20.0, 80.0].into_iter().enumerate() {
            let counts = counts.map(|second| second[half]);
            let mean = counts.iter().sum::<f64>() / 4_500.0;
            let variance = counts.iter().map(|n| (n - mean) * (n - mean)).sum::<f64>() / 4_499.0;
            let sigma = libm::sqrt(expected / 4_500.0);
            assert!((mean - expected).abs() < 4.0 * sigma, "mean {mean}");
            // The variance of an estimate of variance v is about 2 v^2 / n.
            assert!((variance / expected - 1.0).abs() < 0.085, "variance {variance}");
        }
    }

    #[test]
    fn a_higher_rate_is_the_same_traffic_faster() {
        let slow = flow(Shape::constant(10.0), Spacing::Poisson, 1_000);
        let fast = flow(Shape::constant(20.0), Spacing::Poisson, 1_000);
        for (slow, fast) in slow.iter().zip(fast) {
            assert!(slow.abs_diff(2 * fast) <= 2, "{slow} {fast}");
        }
    }

    #[test]
    fn poisson_arrivals_are_pinned() {
        let shape = Shape::steps(vec![(at(0), 4.0), (at(700), 40.0)]);
        assert_eq!(
            flow(shape, Spacing::Poisson, 6),
            [63_246_886, 218_044_764, 601_264_870, 700_942_101, 701_450_148, 751_841_846]
        );
    }
}
