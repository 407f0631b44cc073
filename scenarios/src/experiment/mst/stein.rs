//! Stein's two stages: as many runs as an interval of the asked width needs, known after the first
//! few.
//!
//! The variance is taken from the first stage alone, and so is the quantile. Then the interval
//! holds what it says although its width decided how many runs there are; adding runs until an
//! interval looks narrow does not.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Runs of the first stage.
pub(super) const FIRST: usize = 16;

/// What the first stage says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stein {
    /// The standard deviation of one run.
    deviation: f64,
    quantile: f64,
}

/// A mean with what it may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mean {
    pub(super) value: f64,
    pub(super) half: f64,
}

impl Stein {
    /// Of the runs of the first stage, for intervals that hold the truth with `confidence`.
    pub(super) fn of(first: &[f64], confidence: f64) -> Self {
        let count = first.len() as f64;
        let mean = mean(first);
        let squares: f64 = first.iter().map(|one| (one - mean) * (one - mean)).sum();
        let student = StudentsT::new(0.0, 1.0, count - 1.0).expect("two runs or more");
        Self {
            deviation: (squares / (count - 1.0)).sqrt(),
            quantile: student.inverse_cdf(f64::midpoint(1.0, confidence)),
        }
    }

    /// Runs in all, for an interval of `half` on either side.
    pub(super) fn runs(self, half: f64) -> usize {
        let needed = (self.quantile * self.deviation / half).powi(2).ceil();
        (needed as usize).max(FIRST)
    }

    /// The mean of all runs, with its interval.
    pub(super) fn mean(self, all: &[f64]) -> Mean {
        let half = self.quantile * self.deviation / (all.len() as f64).sqrt();
        Mean { value: mean(all), half }
    }
}

/// The mean of `values`.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use floodgate_sim::rng::{Purpose, Rng};

    #[test]
    fn so_many_runs_as_the_first_ones_scatter() {
        // Deviation 1, t(15; 0.975) = 2.131450: (2.131450 / 0.1)² = 454.3.
        let first: Vec<f64> =
            (0..16).map(|at| 100.0 + if at % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let stein = Stein::of(&first, 0.95);
        let scale = (16.0_f64 / 15.0).sqrt();
        assert_eq!(stein.runs(0.1 * scale), 455);
        assert_eq!(stein.runs(10.0), FIRST);
        let all = stein.mean(&first);
        assert!((all.value - 100.0).abs() < 1e-12 && (all.half - 0.532_863 * scale).abs() < 1e-6);
    }

    #[test]
    fn the_cost_of_an_interval_is_the_square_of_what_scatters_over_what_is_asked() {
        // CAP.N05: times between documents that scatter by as much as their mean, and ± 0.5 % of
        // it with 95 %: (1.96 / 0.005)² = 153,658.35 documents, once the deviation is known.
        let deviating = |count: usize| {
            let by = ((count - 1) as f64 / count as f64).sqrt();
            let all: Vec<f64> =
                (0..count).map(|at| 1.0 + if at % 2 == 0 { by } else { -by }).collect();
            Stein::of(&all, 0.95).runs(0.005) as f64
        };
        let share = deviating(200_000) / 153_658.352_9;
        assert!((share - 1.0).abs() < 1e-4, "{share}");
        // Sixteen runs do not know it so well: t(15) is 8.75 % greater than z.
        let share = deviating(FIRST) / 153_658.352_9;
        assert!((share - 1.182_644).abs() < 1e-4, "{share}");
    }

    /// Normal values by the sum of twelve uniforms, near enough.
    fn sample(rng: &Rng, search: u64, at: u64) -> f64 {
        let one = |n| rng.uniform(Purpose::Wire, search, at * 12 + n);
        10.0 + (0..12).map(one).sum::<f64>() - 6.0
    }

    #[test]
    fn the_interval_holds_what_it_says_where_adding_until_narrow_does_not() {
        // 2000 searches: the standard error of a coverage of 95 % is 0.5 points. Seed 1.
        let (rng, half, searches) = (Rng::new(1, 0), 0.35, 2000_u64);
        let (mut stein, mut naive) = (0, 0);
        for search in 0..searches {
            let mut values: Vec<f64> = (0..16).map(|at| sample(&rng, search, at)).collect();
            let first = Stein::of(&values, 0.95);
            let runs = first.runs(half) as u64;
            values.extend((16..runs).map(|at| sample(&rng, search, at)));
            let found = first.mean(&values);
            assert!(found.half <= half + 1e-12);
            stein += u32::from((found.value - 10.0).abs() <= found.half);
            // From three runs on, one more until the interval looks narrow.
            let mut few: Vec<f64> = (0..3).map(|at| sample(&rng, search, at)).collect();
            while Stein::of(&few, 0.95).mean(&few).half > half {
                few.push(sample(&rng, search, few.len() as u64));
            }
            let found = Stein::of(&few, 0.95).mean(&few);
            naive += u32::from((found.value - 10.0).abs() <= found.half);
        }
        let share = |covered: u32| f64::from(covered) / searches as f64;
        assert!((0.935..0.965).contains(&share(stein)), "{}", share(stein));
        assert!(share(naive) < 0.93, "{}", share(naive));
    }
}
