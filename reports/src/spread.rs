//! How far a prediction moves over all prices that fit what was published as well.

use serde::{Deserialize, Serialize};

use crate::figure::figures;
use crate::number::significant;

figures! {
    /// What comes out with the other sets of prices that fit as well as those of the profile.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct SpreadUse {
        /// How many other sets there are. Unit: sets.
        pub sets: u64,
        /// With how many of them it comes out otherwise: another verdict, or no answer. Unit: sets.
        pub otherwise: u64,
        /// How far each figure moves.
        pub figures: Vec<FigureSpread>,
    }

    /// How far one figure moves.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct FigureSpread {
        /// The figure, as scenarios call it.
        pub figure: String,
        /// What its values are counted in.
        pub unit: String,
        /// With the prices of the profile.
        pub value: f64,
        /// The least of all sets, the profile's included.
        pub low: f64,
        /// The most of them.
        pub high: f64,
    }
}

impl SpreadUse {
    /// What it is over, in words.
    pub(crate) fn over(&self) -> String {
        let other = match self.otherwise {
            0 => String::new(),
            some => format!("; with {some} of them it comes out otherwise"),
        };
        format!("{} other sets of prices that fit as well{other}", self.sets)
    }
}

impl FigureSpread {
    /// A figure that has `value` with the profile's prices, and `others` with the other sets.
    pub fn of(figure: &str, unit: &str, value: f64, others: impl Iterator<Item = f64>) -> Self {
        let (low, high) = others.fold((value, value), |(low, high), other| {
            (f64::min(low, other), f64::max(high, other))
        });
        Self { figure: figure.to_owned(), unit: unit.to_owned(), value, low, high }
    }

    /// The value and both ends, as people read them.
    pub(crate) fn cells(&self) -> [String; 3] {
        [self.value, self.low, self.high]
            .map(|value| format!("{} {}", significant(value, 4), self.unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_value_lies_inside() {
        let of = |others: &[f64]| {
            let spread = FigureSpread::of("rate", "/s", 5.0, others.iter().copied());
            (spread.low, spread.high)
        };
        assert_eq!(of(&[6.0, 7.0]), (5.0, 7.0));
        assert_eq!(of(&[4.0, 6.0]), (4.0, 6.0));
        assert_eq!(of(&[]), (5.0, 5.0));
    }
}
