//! Fitting the prices of a profile to a published laboratory, and saying how well they are known.
//!
//! A laboratory ([`lab`]) is data: plants with their published figures, parameters with their
//! priors. A plant is simulated as its scenario says, or with what the laboratory changes; where a
//! published rate is a capacity it has to be saturated, by users who never think or by a load that
//! is too much for it. The fit is Levenberg-Marquardt on logarithms: the squares of the
//! figures' errors and of the distances from the priors are made least. So it always starts from
//! the priors, what the figures do not say the priors do, and a second fit gives the same.

pub mod lab;
pub mod matrix;
pub mod plant;
pub mod profile;
pub mod report;

use floodgate_sim::dist::inverse_normal;
use floodgate_sim::rng::{Purpose, Rng};
use plant::{Found, Plant};

use lab::Lab;
use matrix::{Matrix, identity, solve};

/// Anything that can go wrong in a command.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// By how much the squares of a fit have to grow before that is no luck any more.
const CLEARLY: f64 = 4.0;
/// What an acceptable set of prices may miss a figure by.
pub const ACCEPTABLE: f64 = 0.05;

/// A fit of a laboratory: where it is, and what is known there.
#[derive(Debug)]
pub struct Fit<'a> {
    lab: &'a Lab,
    /// The logarithm of each parameter against its prior.
    pub at: Vec<f64>,
    /// The logarithm of each simulated figure against the published one.
    pub residuals: Vec<f64>,
    /// Derivatives of the residuals: a row a figure, a column a parameter.
    pub jacobian: Matrix,
}

impl<'a> Fit<'a> {
    /// Starts from the priors and goes on until nothing gets better.
    ///
    /// # Errors
    ///
    /// When a scenario of the laboratory cannot be read or run.
    pub fn find(lab: &'a Lab, mut tell: impl FnMut(u32, f64)) -> Result<Self> {
        let mut fit = Self::at(lab, vec![0.0; lab.parameters.len()])?;
        let mut damping = 1e-2;
        for round in 1..=lab.rounds {
            let before = fit.badness();
            tell(round, before);
            let mut improved = false;
            for _ in 0..6 {
                let step = fit.step(damping, None);
                let at: Vec<f64> = (fit.at.iter().zip(&step))
                    .map(|(at, step)| at + step.clamp(-0.7, 0.7))
                    .collect();
                let residuals = lab.residuals(&at)?;
                if badness(lab, &residuals, &at, None) < before {
                    (fit.at, fit.residuals, improved) = (at, residuals, true);
                    damping *= 0.3;
                    break;
                }
                damping *= 5.0;
            }
            let gained = before - fit.badness();
            if improved {
                fit.jacobian = lab.jacobian(&fit.at, Some(&fit.residuals))?;
            }
            if gained < before * 1e-3 {
                break;
            }
        }
        Self::at(lab, lab.rounded(&fit.at))
    }

    /// The laboratory at a point.
    ///
    /// # Errors
    ///
    /// When a scenario of the laboratory cannot be read or run.
    pub fn at(lab: &'a Lab, at: Vec<f64>) -> Result<Self> {
        let residuals = lab.residuals(&at)?;
        let jacobian = lab.jacobian(&at, None)?;
        Ok(Self { lab, at, residuals, jacobian })
    }

    /// What is made least.
    #[must_use]
    pub fn badness(&self) -> f64 {
        badness(self.lab, &self.residuals, &self.at, None)
    }

    /// `JᵀJ`, each figure in units of its error, but for those of plant `leave`.
    #[must_use]
    pub fn information(&self, leave: Option<usize>) -> Matrix {
        let count = self.at.len();
        let mut sum = vec![vec![0.0; count]; count];
        for (figure, row) in self.jacobian.iter().enumerate() {
            if leave == Some(self.lab.figures[figure].plant) {
                continue;
            }
            for a in 0..count {
                for b in 0..count {
                    sum[a][b] += row[a] * row[b] / self.lab.error.powi(2);
                }
            }
        }
        sum
    }

    /// The same with what the priors say.
    #[must_use]
    pub fn precision(&self, leave: Option<usize>) -> Matrix {
        let mut matrix = self.information(leave);
        for (at, parameter) in self.lab.parameters.iter().enumerate() {
            matrix[at][at] += parameter.spread.powi(-2);
        }
        matrix
    }

    /// The step that would be best if all were linear.
    fn step(&self, damping: f64, leave: Option<usize>) -> Vec<f64> {
        let mut matrix = self.precision(leave);
        for (at, row) in matrix.iter_mut().enumerate() {
            row[at] *= 1.0 + damping;
        }
        let mut downhill: Vec<f64> = (self.lab.parameters.iter().zip(&self.at))
            .map(|(parameter, at)| -at / parameter.spread.powi(2))
            .collect();
        for (figure, row) in self.jacobian.iter().enumerate() {
            if leave == Some(self.lab.figures[figure].plant) {
                continue;
            }
            for (downhill, slope) in downhill.iter_mut().zip(row) {
                *downhill -= slope * self.residuals[figure] / self.lab.error.powi(2);
            }
        }
        solve(matrix, downhill)
    }

    /// How the parameters vary together, given figures and priors.
    #[must_use]
    pub fn covariance(&self) -> Matrix {
        let precision = self.precision(None);
        identity(self.at.len()).into_iter().map(|unit| solve(precision.clone(), unit)).collect()
    }

    /// The residuals of plant `left` when the others alone are fitted: the best of three full steps
    /// from here, with the derivatives of this place. A step is halved where it makes the others
    /// clearly worse; that a run or two of luck makes them a little worse is no reason to stay.
    ///
    /// # Errors
    ///
    /// When a scenario of the laboratory cannot be read or run.
    pub fn without(&self, left: usize) -> Result<Vec<f64>> {
        let (at, residuals) = (self.at.clone(), self.residuals.clone());
        let mut fit = Self { lab: self.lab, at, residuals, jacobian: self.jacobian.clone() };
        let worth = |residuals: &[f64], at: &[f64]| badness(self.lab, residuals, at, Some(left));
        let mut best = (f64::MAX, Vec::new());
        for _ in 0..3 {
            let before = worth(&fit.residuals, &fit.at);
            let mut step = fit.step(1e-3, Some(left));
            for _ in 0..3 {
                let at: Vec<f64> =
                    fit.at.iter().zip(&step).map(|(at, step)| at + step.clamp(-0.7, 0.7)).collect();
                let residuals = self.lab.residuals(&at)?;
                let found = worth(&residuals, &at);
                if found < before + CLEARLY {
                    (fit.at, fit.residuals) = (at, residuals);
                    break;
                }
                step.iter_mut().for_each(|step| *step /= 2.0);
            }
            let found = worth(&fit.residuals, &fit.at);
            if found < best.0 {
                best = (found, fit.residuals.clone());
            }
        }
        Ok(best.1)
    }

    /// Sets of prices drawn about this one, wide enough to reach what is not acceptable any more,
    /// of which those are kept that miss no figure by more than [`ACCEPTABLE`], or by more than
    /// this fit itself does.
    ///
    /// # Errors
    ///
    /// When a scenario of the laboratory cannot be read or run.
    pub fn acceptable(&self, draws: u64) -> Result<Vec<Vec<f64>>> {
        let root = matrix::root(&self.covariance());
        let rng = Rng::new(2010, 0);
        let drawn: Vec<Vec<f64>> = (0..draws)
            .map(|draw| {
                let normal: Vec<f64> = (0..self.at.len() as u64)
                    .map(|one| inverse_normal(rng.uniform(Purpose::Work, draw, one)))
                    .collect();
                let moved = root.iter().map(|row| matrix::dot(row, &normal));
                self.at.iter().zip(moved).map(|(at, moved)| at + moved).collect()
            })
            .collect();
        let residuals = self.lab.residuals_of(&drawn)?;
        let fits = |residuals: &Vec<f64>| {
            residuals.iter().zip(&self.residuals).all(|(found, best)| {
                found.exp_m1().abs() <= ACCEPTABLE.max(best.exp_m1().abs() + 0.005)
            })
        };
        let kept = drawn.into_iter().zip(residuals).filter(|(_, residuals)| fits(residuals));
        Ok(kept.map(|(at, _)| at).collect())
    }

    /// What a plant gives with each of `sets`.
    ///
    /// # Errors
    ///
    /// When it cannot be read or run.
    pub fn predict(&self, plant: &Plant, sets: &[Vec<f64>]) -> Result<Vec<Found>> {
        self.lab.predict(plant, sets)
    }
}

/// The squares of the errors, but for those of plant `leave`, and of the distances from the priors.
fn badness(lab: &Lab, residuals: &[f64], at: &[f64], leave: Option<usize>) -> f64 {
    let counts = |figure: usize| leave != Some(lab.figures[figure].plant);
    let figures = residuals.iter().enumerate().filter(|(figure, _)| counts(*figure));
    let figures: f64 = figures.map(|(_, one)| (one / lab.error).powi(2)).sum();
    let priors = lab.parameters.iter().zip(at);
    figures + priors.map(|(parameter, at)| (at / parameter.spread).powi(2)).sum::<f64>()
}
