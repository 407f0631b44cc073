//! How the share of late documents follows the load: a line for its logarithm.
//!
//! In heavy traffic the tail of a latency is exponential in the distance to the capacity, so that
//! near the answer the logarithm of the late share is straight in the rate. The line is fitted to
//! counts by their quasi-likelihood; runs are clusters, since neighbours in one run are late
//! together, and so the errors are those of a sandwich (HC2).

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Steps of the iteration, far more than it takes.
const STEPS: usize = 60;
/// What the half-width is multiplied by: late counts are skew, and their line is not quite
/// straight. \[M\] fitted to searches with known answers.
const INFLATION: f64 = 1.1;

/// What one run saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Documents offered a second.
    pub(super) rate: f64,
    /// Documents that were late.
    pub(super) late: f64,
    /// Documents.
    pub(super) samples: f64,
}

/// The line: ln(late share) = level + slope (rate / centre - 1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    centre: f64,
    level: f64,
    slope: f64,
    /// Variances of level and slope, and their covariance.
    variance: [f64; 3],
    /// Where the runs are, as their counts weigh them: relative to the centre, less one.
    amid: f64,
    runs: usize,
}

impl Line {
    /// The line through runs at rates around `centre`; none if nothing was late, or all of it.
    pub(super) fn through(seen: &[Seen], centre: f64) -> Option<Self> {
        let late: f64 = seen.iter().map(|one| one.late).sum();
        let samples: f64 = seen.iter().map(|one| one.samples).sum();
        if late <= 0.0 || late >= samples || seen.len() < 4 {
            return None;
        }
        let mut line = Self {
            centre,
            level: libm::log(late / samples),
            slope: 0.0,
            variance: [0.0; 3],
            amid: 0.0,
            runs: seen.len(),
        };
        for _ in 0..STEPS {
            let (information, score) = line.score(seen);
            let [a, b, c] = inverse(information)?;
            let step = (a * score[0] + c * score[1], c * score[0] + b * score[1]);
            // A long step of a logarithm overshoots.
            let damping = (1.0 / (step.0.abs() + 0.05 * step.1.abs())).min(1.0);
            line.level += damping * step.0;
            line.slope += damping * step.1;
            if step.0.abs() + step.1.abs() < 1e-10 {
                break;
            }
        }
        line.variance = line.sandwich(seen)?;
        let ([weight, _, sum], _) = line.score(seen);
        line.amid = sum / weight;
        (line.level.is_finite() && line.slope.is_finite()).then_some(line)
    }

    fn x(&self, one: &Seen) -> f64 {
        one.rate / self.centre - 1.0
    }

    fn expected(&self, one: &Seen) -> f64 {
        one.samples * libm::exp(self.level + self.slope * self.x(one))
    }

    /// The information (its diagonal, then what is beside it) and the score.
    fn score(&self, seen: &[Seen]) -> ([f64; 3], [f64; 2]) {
        let (mut information, mut score) = ([0.0; 3], [0.0; 2]);
        for one in seen {
            let (x, expected) = (self.x(one), self.expected(one));
            information[0] += expected;
            information[1] += expected * x * x;
            information[2] += expected * x;
            score[0] += one.late - expected;
            score[1] += (one.late - expected) * x;
        }
        (information, score)
    }

    /// HC2: each run's error, freed of what the run itself did to the line.
    fn sandwich(&self, seen: &[Seen]) -> Option<[f64; 3]> {
        let (information, _) = self.score(seen);
        let bread = inverse(information)?;
        let [a, b, c] = bread;
        let mut meat = [0.0; 3];
        for one in seen {
            let (x, expected) = (self.x(one), self.expected(one));
            let leverage = expected * (a + 2.0 * c * x + b * x * x);
            let error = one.late - expected;
            let square = error * error / (1.0 - leverage).max(0.1);
            meat[0] += square;
            meat[1] += square * x * x;
            meat[2] += square * x;
        }
        Some(times(bread, meat))
    }

    /// The share that is late at a rate, as the line says.
    pub(super) fn share(&self, rate: f64) -> f64 {
        libm::exp(self.level + self.slope * (rate / self.centre - 1.0))
    }

    /// By how much the logarithm of the share rises with that of the rate, there.
    pub(super) fn slope_at(&self, rate: f64) -> f64 {
        self.slope * rate / self.centre
    }

    /// The variance of a count of late documents, as a multiple of its mean: neighbours are late
    /// together.
    pub(super) fn dispersion(&self, seen: &[Seen]) -> f64 {
        let error = |one: &Seen| one.late - self.expected(one);
        let squares: f64 = seen.iter().map(|one| error(one) * error(one)).sum();
        let expected: f64 = seen.iter().map(|one| self.expected(one)).sum();
        let free = (seen.len() as f64 - 2.0).max(1.0);
        squares / expected * seen.len() as f64 / free
    }

    /// The rate at which this share is late.
    pub(super) fn root(&self, share: f64) -> f64 {
        self.centre * (1.0 + (libm::log(share) - self.level) / self.slope)
    }

    /// The standard error of that rate.
    pub(super) fn error(&self, share: f64) -> f64 {
        self.error_at((libm::log(share) - self.level) / self.slope)
    }

    /// The standard error that it would have amid the runs.
    pub(super) fn error_amid(&self) -> f64 {
        self.error_at(self.amid)
    }

    fn error_at(&self, x: f64) -> f64 {
        let [level, slope, both] = self.variance;
        let squares = level + 2.0 * x * both + x * x * slope;
        self.centre * squares.max(0.0).sqrt() / self.slope.abs()
    }

    /// Half of the interval that holds a rate of this standard error with `confidence`.
    pub(super) fn half(&self, error: f64, confidence: f64) -> f64 {
        let free = (self.runs - 2) as f64;
        let student = StudentsT::new(0.0, 1.0, free).expect("four runs or more");
        INFLATION * student.inverse_cdf(f64::midpoint(1.0, confidence)) * error
    }

    /// Whether the share rises with the load at all.
    pub(super) fn is_up(&self) -> bool {
        self.slope > 0.0
    }

    /// Whether the share rises with the load beyond doubt: else the goal is no matter of load.
    pub(super) fn rises(&self) -> bool {
        self.slope > 3.0 * self.variance[1].sqrt()
    }
}

/// The inverse of a symmetric matrix: its diagonal, then what is beside it.
fn inverse([a, b, c]: [f64; 3]) -> Option<[f64; 3]> {
    let determinant = a * b - c * c;
    let usable = determinant.is_finite() && determinant > f64::MIN_POSITIVE;
    usable.then(|| [b / determinant, a / determinant, -c / determinant])
}

/// Bread, meat and bread again.
fn times([a, b, c]: [f64; 3], [d, e, f]: [f64; 3]) -> [f64; 3] {
    let (p, q) = (a * d + c * f, a * f + c * e);
    let (r, s) = (c * d + b * f, c * f + b * e);
    [p * a + q * c, r * c + s * b, p * c + q * b]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(rate: f64) -> Seen {
        // M/M/1 at 1000 a second, late after 50 ms: exp(-(1000 - rate) 0.05).
        let samples = rate * 60.0;
        Seen { rate, late: samples * libm::exp(-(1000.0 - rate) * 0.05), samples }
    }

    #[test]
    fn a_straight_tail_is_found_exactly() {
        let seen: Vec<Seen> = [880.0, 890.0, 900.0, 910.0, 920.0].into_iter().map(exact).collect();
        let line = Line::through(&seen, 900.0).unwrap();
        // SLO.MM1.0.05: 1000 - ln(100) / 0.05.
        assert!((line.root(0.01) - 907.896_596).abs() < 1e-5, "{line:?}");
        assert!(line.rises() && line.error(0.01) < 1e-3);
    }

    #[test]
    fn scattered_runs_give_the_error_that_their_scatter_has() {
        // Every other run has a fifth more or less: the level is off by 0.2 / sqrt(runs), and the
        // rate by that over the slope of 45.
        let seen: Vec<Seen> = (0..40)
            .map(|at| {
                let mut one = exact(if at % 2 == 0 { 898.0 } else { 918.0 });
                one.late *= if at / 2 % 2 == 0 { 1.2 } else { 0.8 };
                one
            })
            .collect();
        let line = Line::through(&seen, 908.0).unwrap();
        let expected = 908.0 * 0.2 / 40.0_f64.sqrt() / 45.4;
        assert!((line.error(0.01) / expected - 1.0).abs() < 0.1, "{}", line.error(0.01));
        assert!(line.half(1.0, 0.95) > 2.0);
        // Runs that lay elsewhere say less of this place than they would if they lay here.
        let aside = Line::through(&seen, 930.0).unwrap();
        assert!((aside.error_amid() / line.error_amid() - 1.0).abs() < 0.01);
        assert!(aside.error(0.02) > 1.2 * aside.error_amid());
    }

    #[test]
    fn nothing_late_says_nothing() {
        let none = |rate| Seen { late: 0.0, ..exact(rate) };
        assert!(Line::through(&[900.0; 8].map(none), 900.0).is_none());
        // One rate alone has no slope.
        assert!(Line::through(&[900.0; 8].map(exact), 900.0).is_none());
    }
}
