//! Published values beside the simulated ones: how far a run is from what was measured.

use serde::{Deserialize, Serialize};

use crate::figure::figures;
use crate::number::{NOTHING, significant};

figures! {
    /// A published value beside the simulated one.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct PublishedUse {
        /// What figure of the run it is compared with.
        pub figure: String,
        /// What was published, in the row's unit.
        pub published: f64,
        /// What this run came to, in the same unit; null where it has no such figure.
        pub simulated: Option<f64>,
        /// The unit of both.
        pub unit: String,
        /// By how much the simulated value is above the published one. Unit: %.
        pub error_percent: Option<f64>,
        /// The least and the most error with the other sets of prices that fit as well, if that was
        /// found out. Unit: %.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub spread_percent: Option<[f64; 2]>,
        /// Where it was published.
        pub source: String,
    }
}

impl PublishedUse {
    /// A published value in its unit, and what a run came to in the same unit.
    pub fn of(
        figure: String,
        (published, unit): (f64, &str),
        simulated: Option<f64>,
        source: &str,
    ) -> Self {
        let simulated = simulated.filter(|value| value.is_finite());
        let error = |simulated: f64| (simulated - published) / published * 100.0;
        Self {
            figure,
            published,
            simulated,
            unit: unit.to_owned(),
            error_percent: simulated.filter(|_| published > 0.0).map(error),
            spread_percent: None,
            source: source.to_owned(),
        }
    }

    /// The same row, with the errors that it has with other sets of prices.
    #[must_use]
    pub fn spread_over(self, errors: impl Iterator<Item = f64>) -> Self {
        let Some(own) = self.error_percent else { return self };
        let ends = errors.fold([own, own], |[low, high], error| [low.min(error), high.max(error)]);
        Self { spread_percent: Some(ends), ..self }
    }

    /// The published value, the simulated one, the error, and how far that moves with other
    /// prices, as people read them.
    pub(crate) fn cells(&self) -> [String; 4] {
        let value = |value: f64| format!("{} {}", significant(value, 4), self.unit);
        // Adding zero turns a negative zero into a plain one.
        let tenths = |error: f64| libm::round(error * 10.0) / 10.0 + 0.0;
        let error = |error: f64| format!("{:+.1} %", tenths(error));
        let nothing = || NOTHING.to_owned();
        [
            value(self.published),
            self.simulated.map_or_else(nothing, value),
            self.error_percent.map_or_else(nothing, error),
            self.spread_percent.map_or_else(String::new, |[low, high]| {
                format!("{:+.1} to {:+.1} %", tenths(low), tenths(high))
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_of_the_published_value() {
        let row = |published, simulated| {
            let row = PublishedUse::of("x".into(), (published, "rows"), simulated, "here");
            row.cells()
        };
        assert_eq!(row(290.0, Some(275.5)), ["290.0 rows", "275.5 rows", "-5.0 %", ""]);
        assert_eq!(row(50.0, Some(75.0)), ["50.00 rows", "75.00 rows", "+50.0 %", ""]);
        assert_eq!(row(50.0, None), ["50.00 rows", "–", "–", ""]);
        assert_eq!(row(0.0, Some(3.0)), ["0 rows", "3.000 rows", "–", ""], "no share of nothing");
        assert_eq!(row(50.0, Some(f64::NAN))[1], "–");
        let row = PublishedUse::of("x".into(), (100.0, "rows"), Some(101.0), "here");
        let row = row.spread_over([-2.0, 0.5].into_iter());
        assert_eq!(row.cells()[3], "-2.0 to +1.0 %", "its own error counts");
    }
}
