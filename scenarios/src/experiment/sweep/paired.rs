//! Means with Student's interval, and differences taken pair by pair.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// How often an interval made this way holds the true value.
pub(super) const CONFIDENCE: f64 = 0.95;

/// A mean and where it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::experiment) struct Estimate {
    pub(in crate::experiment) mean: f64,
    pub(in crate::experiment) low: f64,
    pub(in crate::experiment) high: f64,
}

impl Estimate {
    /// The mean of independent values with Student's interval; `None` for fewer than two.
    pub(in crate::experiment) fn of(values: &[f64]) -> Option<Self> {
        if values.len() < 2 {
            return None;
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let error = (squares / (count - 1.0) / count).sqrt();
        let student = StudentsT::new(0.0, 1.0, count - 1.0).ok()?;
        let half = error * student.inverse_cdf(f64::midpoint(1.0, CONFIDENCE));
        Some(Self { mean, low: mean - half, high: mean + half })
    }

    /// The interval, wider by `by` on either side.
    pub(in crate::experiment) fn widened(self, by: f64) -> Self {
        Self { low: self.low - by, high: self.high + by, ..self }
    }

    /// Whether zero is outside.
    pub(in crate::experiment) fn is_nonzero(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }

    pub(in crate::experiment) fn ends(self) -> [f64; 2] {
        [self.low, self.high]
    }
}

/// The differences of each value to its partner, relative to the partner; `None` where a partner
/// is zero and the value is not.
pub(super) fn relative(values: &[f64], partners: &[f64]) -> Option<Vec<f64>> {
    let one = |(value, partner): (&f64, &f64)| {
        let difference = value - partner;
        if difference.abs() <= 0.0 {
            return Some(0.0);
        }
        (partner.abs() > 0.0).then(|| difference / partner)
    };
    values.iter().zip(partners).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        // Mean 3, standard error sqrt(0.5), t(4; 0.975) = 2.776445.
        let found = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() < 1e-5;
        assert!(near(found.mean, 3.0) && near(found.low, 1.036_757), "{found:?}");
        assert!(near(found.high, 4.963_243), "{found:?}");
        assert_eq!(Estimate::of(&[1.0]), None);
    }

    #[test]
    fn an_interval_that_touches_zero_tells_nothing() {
        let of = |low, high| Estimate { mean: f64::midpoint(low, high), low, high };
        assert!(of(0.1, 0.2).is_nonzero() && of(-0.2, -0.1).is_nonzero());
        assert!(!of(-0.1, 0.2).is_nonzero() && !of(0.0, 0.2).is_nonzero());
        assert!(!of(0.1, 0.2).widened(0.1).is_nonzero());
    }

    #[test]
    fn differences_are_relative_to_the_partner_of_the_same_seed() {
        assert_eq!(relative(&[3.0, 1.0], &[2.0, 4.0]), Some(vec![0.5, -0.75]));
        assert_eq!(relative(&[0.0], &[0.0]), Some(vec![0.0]));
        assert_eq!(relative(&[1.0], &[0.0]), None);
    }
}
