//! A laboratory as data: `benches/labs/*.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::Result;
use super::matrix::Matrix;
use super::plant::{Found, Plant, in_parallel};

/// What was published, and what is fitted to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    /// What it is.
    pub about: String,
    /// The profile that it gives prices for.
    pub profile: String,
    /// What a published figure may be off, as a share: the weight of a figure in the fit.
    pub error: f64,
    /// The published figures that are fitted, by how their names begin; others only check.
    /// A plant may say other ones.
    pub fits: Vec<String>,
    /// Rounds of the fit at most.
    pub rounds: u32,
    /// The step of a derivative, in logarithms: small enough to be linear, large enough that what a
    /// rate owes to chance does not hide what a weak cause does.
    pub step: f64,
    /// Its plants, each with its published figures.
    pub plants: Vec<Plant>,
    /// What is fitted.
    #[serde(rename = "parameter")]
    pub parameters: Vec<Parameter>,
    /// What is assumed, since the figures do not say it.
    #[serde(default, rename = "assumed")]
    pub assumptions: Vec<Assumption>,
    /// The published figures that are fitted, plant by plant.
    #[serde(skip)]
    pub figures: Vec<Fitted>,
}

/// A published figure that is fitted.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The number of its plant.
    pub plant: usize,
    /// What it is.
    pub title: String,
}

/// A cause with an unknown size: prices that are scaled together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it is called.
    pub name: String,
    /// How far from the prior it may be without much surprise, in logarithms.
    pub spread: f64,
    /// What it stands for, and which figures tell it.
    pub why: String,
    /// The prior of each price, in microseconds.
    pub prices: BTreeMap<String, f64>,
}

/// A price that keeps its prior.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumption {
    /// The price, in microseconds.
    pub price: String,
    /// Its prior.
    pub value: f64,
    /// Another value that could be defended, to see what depends on it.
    pub instead: f64,
    /// Why it cannot be told, and where the value comes from.
    pub why: String,
}

impl Lab {
    /// Reads `benches/labs/<name>.toml`.
    ///
    /// # Errors
    ///
    /// When there is none, or it does not say what a laboratory says.
    pub fn load(name: &str) -> Result<Self> {
        let labs = Path::new(env!("CARGO_MANIFEST_DIR")).join("labs");
        let path = labs.join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let mut lab: Self = toml::from_str(&text)?;
        for (at, plant) in lab.plants.iter().enumerate() {
            let fits = plant.fits().unwrap_or(&lab.fits);
            for published in plant.scenario()?.published {
                let title = published.figure.title();
                if fits.iter().any(|begin| title.starts_with(begin)) {
                    lab.figures.push(Fitted { plant: at, title });
                }
            }
        }
        Ok(lab)
    }

    /// The prices at a point, in microseconds, by name; those that are assumed included.
    #[must_use]
    pub fn prices(&self, at: &[f64]) -> BTreeMap<&str, f64> {
        let assumed = self.assumptions.iter().map(|one| (one.price.as_str(), one.value));
        let fitted = self.parameters.iter().zip(at).flat_map(|(parameter, log)| {
            parameter.prices.iter().map(move |(name, prior)| (name.as_str(), prior * log.exp()))
        });
        assumed.chain(fitted).collect()
    }

    /// The point whose prices can be written down: the first price of each parameter has four
    /// digits.
    #[must_use]
    pub fn rounded(&self, at: &[f64]) -> Vec<f64> {
        let round = |(parameter, log): (&Parameter, &f64)| {
            let prior = parameter.prices.values().next().copied().unwrap_or(1.0);
            (four_digits(prior * log.exp()) / prior).ln()
        };
        self.parameters.iter().zip(at).map(round).collect()
    }

    /// The logarithms of all simulated figures against the published ones, in the order of
    /// [`Lab::figures`].
    ///
    /// # Errors
    ///
    /// When a scenario cannot be read or run.
    pub fn residuals(&self, at: &[f64]) -> Result<Vec<f64>> {
        let one = self.residuals_of(&[at.to_vec()])?;
        Ok(one.into_iter().next().unwrap_or_default())
    }

    /// The same at many points at once.
    ///
    /// # Errors
    ///
    /// When a scenario cannot be read or run.
    pub fn residuals_of(&self, points: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        let prices: Vec<_> = points.iter().map(|at| self.prices(at)).collect();
        self.residuals_at(&prices)
    }

    /// The same at many price lists.
    ///
    /// # Errors
    ///
    /// When a scenario cannot be read or run.
    pub fn residuals_at(&self, prices: &[BTreeMap<&str, f64>]) -> Result<Vec<Vec<f64>>> {
        // What only checks need not run.
        let fitted = |plant: &usize| self.figures.iter().any(|figure| figure.plant == *plant);
        let plants: Vec<usize> = (0..self.plants.len()).filter(fitted).collect();
        let found = in_parallel(prices.len() * plants.len(), |job| {
            let plant = plants[job % plants.len()];
            let found = self.plants[plant].run(&prices[job / plants.len()])?;
            let own = self.figures.iter().filter(|figure| figure.plant == plant);
            own.map(|figure| found.residual(&figure.title)).collect::<Result<Vec<_>>>()
        })?;
        Ok(found.chunks(plants.len()).map(<[Vec<f64>]>::concat).collect())
    }

    /// Derivatives of the residuals: a row a figure, a column a parameter. From `here` where the
    /// residuals are known, which is good enough to go on; else from both sides.
    ///
    /// # Errors
    ///
    /// When a scenario cannot be read or run.
    pub fn jacobian(&self, at: &[f64], here: Option<&[f64]>) -> Result<Matrix> {
        let moved = |parameter: usize, by: f64| {
            let mut moved = at.to_vec();
            moved[parameter] += by;
            moved
        };
        let up = (0..at.len()).map(|one| moved(one, self.step));
        let down = (0..at.len()).map(|one| moved(one, -self.step)).filter(|_| here.is_none());
        let found = self.residuals_of(&up.chain(down).collect::<Vec<_>>())?;
        let (up, down) = found.split_at(at.len());
        let figures = up.first().map_or(0, Vec::len);
        let slope = |figure: usize, one: usize| match here {
            Some(here) => (up[one][figure] - here[figure]) / self.step,
            None => (up[one][figure] - down[one][figure]) / (2.0 * self.step),
        };
        Ok((0..figures)
            .map(|figure| (0..at.len()).map(|one| slope(figure, one)).collect())
            .collect())
    }

    /// What a plant gives with each of the sets of prices.
    ///
    /// # Errors
    ///
    /// When it cannot be read or run.
    pub fn predict(&self, plant: &Plant, sets: &[Vec<f64>]) -> Result<Vec<Found>> {
        in_parallel(sets.len(), |set| plant.run(&self.prices(&sets[set])))
    }
}

/// A number with the digits that are worth writing down.
#[must_use]
pub fn four_digits(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powi(value.log10().floor() as i32 - 3).max(0.001);
    (value / unit).round() * unit
}
