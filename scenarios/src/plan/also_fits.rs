//! Sets of prices that fit what a profile was fitted to as well as its own do.
//!
//! A fit leaves room: other prices miss no published figure by more than a few per cent either.
//! Every cause of a profile says what its prices are in each of them, as factors on its own: the
//! first factors of all causes are one set, the second ones the next.

use super::bind::{Bind, Binder};
use super::cost::Costs;
use super::nearest::suggestion;
use super::row::{Kind, Row, Shape};

/// Prices that rise and fall together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cause {
    /// What they are the price of.
    pub name: String,
    /// The coefficients.
    pub prices: Vec<String>,
    /// What they are multiplied by in each set.
    pub factors: Vec<f64>,
}

pub(crate) static CAUSE: Shape = Shape::of(
    "also_fits",
    "prices that rise and fall together, in other sets of prices that fit as well",
    &[
        Row::required("name", Kind::Text, "what they are the price of"),
        Row::required("prices", Kind::List(&Kind::Text), "the coefficients"),
        Row::required(
            "factors",
            Kind::List(&Kind::Number(0.001, 1000.0)),
            "what they are multiplied by, one number for each set",
        ),
    ],
);

impl Bind for Cause {
    const SHAPE: &'static Shape = &CAUSE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("name", &mut self.name);
        b.key("prices", &mut self.prices);
        b.key("factors", &mut self.factors);
        let unknown = |name: &&String| !Costs::NAMES.contains(&name.as_str());
        if let Some(name) = self.prices.iter().find(unknown) {
            let help = suggestion(name, Costs::NAMES.iter().copied());
            b.refuse("prices", &format!("'prices': '{name}' is no price"), &help);
        }
    }
}

/// What is wrong with all of them together, and what would be right.
pub(super) fn mistake(causes: &[Cause], costs: &Costs) -> Option<(String, &'static str)> {
    let sets = causes.first()?.factors.len();
    let mut seen: Vec<&String> = Vec::new();
    for cause in causes {
        let (name, count) = (&cause.name, cause.factors.len());
        if count != sets {
            let first = &causes[0].name;
            let message = format!("'{name}' has {count} factors, '{first}' has {sets}");
            return Some((message, "one factor of each cause makes a set"));
        }
        for price in &cause.prices {
            if seen.contains(&price) {
                let message = format!("'{price}' stands in two causes");
                return Some((message, "a price belongs to one cause"));
            }
            if costs.get(price).is_some_and(|own| own.is_zero()) {
                let message = format!("'{price}' of '{name}' costs nothing here");
                return Some((message, "factors are on a price of this profile"));
            }
            seen.push(price);
        }
    }
    None
}

/// How many other sets there are.
pub(super) fn sets(causes: &[Cause]) -> usize {
    causes.first().map_or(0, |cause| cause.factors.len())
}

/// Set `index`: what `costs` are there. A price that is not the profile's `own` is known to whoever
/// gave it and stays.
pub(super) fn priced(causes: &[Cause], index: usize, own: &Costs, costs: &Costs) -> Costs {
    let mut priced = costs.clone();
    for cause in causes {
        for price in &cause.prices {
            if let (Some(own), Some(now)) = (own.get(price), costs.get(price))
                && own == now
            {
                let nanos = own.as_nanos() as f64 * cause.factors[index];
                priced
                    .set(price, floodgate_engine::time::Duration::from_nanos(nanos.round() as u64));
            }
        }
    }
    priced
}
