//! Axes: where they begin and end, and which ticks a person would have put on them.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::number::{grouped, time_unit};

/// One axis of a chart.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) ticks: Vec<Tick>,
}

/// One tick, in the units of the data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: String,
}

/// How many ticks an axis has at most.
const TICKS_MAX: f64 = 6.0;

/// Steps of a clock that a person reads without arithmetic, above one second.
const CLOCK_STEPS: [f64; 20] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0,
    14_400.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0,
];

impl Axis {
    /// Virtual time from zero.
    pub(crate) fn time(to: f64) -> Self {
        let to = if to.is_finite() && to > 0.0 { to } else { 1.0 };
        let clock = CLOCK_STEPS.into_iter().find(|step| to > 5.0 && to / step <= TICKS_MAX);
        let step = clock.unwrap_or_else(|| nice_step(to / TICKS_MAX));
        // The unit is that of the step: an hour in quarters is read in minutes.
        let (worth, unit) = match step {
            step if step < 1.0 => time_unit(step),
            step if step < 60.0 => (1.0, "s"),
            step if step < 3_600.0 => (60.0, "min"),
            _ => (3_600.0, "h"),
        };
        Self { from: 0.0, to, ticks: ticks(0.0, to, step, worth, unit) }
    }

    /// Plain values from zero to a round number no lower than `max`.
    pub(crate) fn value(max: f64) -> Self {
        let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
        let (worth, unit) = match max {
            max if max >= 1e6 => (1e6, "M"),
            max if max >= 1e4 => (1e3, "k"),
            _ => (1.0, ""),
        };
        Self::round(max, worth, unit)
    }

    /// Times from zero to a round number no lower than `max` seconds.
    pub(crate) fn seconds(max: f64) -> Self {
        let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
        let (worth, unit) = time_unit(max);
        Self::round(max, worth, unit)
    }

    fn round(max: f64, worth: f64, unit: &str) -> Self {
        let step = nice_step(max / worth / TICKS_MAX) * worth;
        let to = libm::ceil(max / step - 1e-9) * step;
        Self { from: 0.0, to, ticks: ticks(0.0, to, step, worth, unit) }
    }

    /// Values between two ends, with a little room on both sides.
    pub(crate) fn between(low: f64, high: f64) -> Self {
        let room = ((high - low) * 0.08).max(high.abs() * 0.01).max(1e-9);
        let (from, to) = ((low - room).max(0.0), high + room);
        let step = nice_step((to - from) / TICKS_MAX);
        let first = libm::ceil(from / step) * step;
        Self { from, to, ticks: ticks(first, to, step, 1.0, "") }
    }

    /// Times on a logarithmic scale: positions are powers of ten of a second.
    pub(crate) fn decades(low: f64, high: f64) -> Self {
        let from = libm::floor(libm::log10(low));
        let to = libm::ceil(libm::log10(high)).max(from + 1.0);
        let step = libm::ceil((to - from) / TICKS_MAX);
        let label = |at: f64| {
            let seconds = libm::pow(10.0, at);
            // A little more, so that 999.9999 µs is not printed for 1 ms; a power of ten of minutes
            // is no round time.
            let (worth, unit) = time_unit((seconds * 1.000_001).min(1.0));
            format!("{} {unit}", trimmed(seconds / worth, 1))
        };
        let ticks = steps(from, to, step).map(|at| Tick { at, label: label(at) }).collect();
        Self { from, to, ticks }
    }

    /// Percentiles by their number of nines: 1 is 90 %, 2 is 99 %, and so on.
    pub(crate) fn nines(to: f64) -> Self {
        let to = to.clamp(1.0, 9.0);
        // No space before the sign: seven of these stand side by side.
        let label = |at: f64| match at as usize {
            0 => "0%".to_owned(),
            1 => "90%".to_owned(),
            2 => "99%".to_owned(),
            nines => format!("99.{}%", "9".repeat(nines - 2)),
        };
        // Where six nines and more share the axis, the labels are too long for one each.
        let labelled = |at: &f64| to < 6.0 || *at <= 4.0 || libm::fmod(*at, 2.0) < 0.5;
        let ticks = steps(0.0, to, 1.0).filter(labelled).map(|at| Tick { at, label: label(at) });
        let ticks = ticks.collect();
        Self { from: 0.0, to, ticks }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (low, high): (i32, i32)) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        low + libm::round(f64::from(high - low) * share) as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight().allow_light_points() {
            true => Vec::new(),
            false => self.ticks.iter().map(|tick| tick.at).collect(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(value: &f64) -> String {
        value.to_string()
    }

    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|tick| tick.at.total_cmp(value).is_eq());
        tick.map(|tick| tick.label.clone()).unwrap_or_default()
    }
}

/// The next step of 1, 2 or 5 times a power of ten that is no smaller than `least`.
fn nice_step(least: f64) -> f64 {
    let power = libm::pow(10.0, libm::floor(libm::log10(least)));
    [1.0, 2.0, 5.0, 10.0]
        .map(|mantissa| mantissa * power)
        .into_iter()
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(power)
}

/// `from`, `from + step`, … up to `to`, without the error of adding up.
fn steps(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    (0..=60).map(move |n| from + f64::from(n) * step).take_while(move |at| *at <= to + step * 1e-9)
}

fn ticks(first: f64, to: f64, step: f64, worth: f64, unit: &str) -> Vec<Tick> {
    let decimals = (0..9)
        .find(|n| {
            let scaled = step / worth * libm::pow(10.0, f64::from(*n));
            (scaled - libm::round(scaled)).abs() < 1e-6 && scaled > 0.5
        })
        .unwrap_or(9);
    // `k` and `M` cling to their number, a unit does not.
    let gap = if matches!(unit, "" | "k" | "M") { "" } else { " " };
    let label = |at: f64| match at.abs() < step * 1e-6 {
        true => "0".to_owned(),
        false => format!("{}{gap}{unit}", trimmed(at / worth, decimals)),
    };
    steps(first, to, step).map(|at| Tick { at, label: label(at) }).collect()
}

fn trimmed(value: f64, decimals: i32) -> String {
    let text = format!("{value:.*}", usize::try_from(decimals).unwrap_or(0));
    match text.contains('.') {
        true => grouped(text.trim_end_matches('0').trim_end_matches('.')),
        false => grouped(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> String {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn ticks_are_those_a_person_would_choose() {
        let check = |axis: Axis, expected: &str| assert_eq!(labels(&axis), expected);
        check(Axis::time(0.0), "0 | 200 ms | 400 ms | 600 ms | 800 ms | 1,000 ms");
        check(Axis::time(12.0), "0 | 2 s | 4 s | 6 s | 8 s | 10 s | 12 s");
        check(Axis::time(720.0), "0 | 2 min | 4 min | 6 min | 8 min | 10 min | 12 min");
        check(Axis::time(28_800.0), "0 | 2 h | 4 h | 6 h | 8 h");
        check(Axis::value(0.0), "0 | 0.2 | 0.4 | 0.6 | 0.8 | 1");
        check(Axis::value(290.0), "0 | 50 | 100 | 150 | 200 | 250 | 300");
        check(Axis::value(2_300_000.0), "0 | 0.5M | 1M | 1.5M | 2M | 2.5M");
        check(Axis::seconds(0.043), "0 | 10 ms | 20 ms | 30 ms | 40 ms | 50 ms");
        check(Axis::decades(0.002, 7.0), "1 ms | 10 ms | 100 ms | 1 s | 10 s");
        check(Axis::nines(3.2), "0% | 90% | 99% | 99.9%");
        check(Axis::nines(6.9), "0% | 90% | 99% | 99.9% | 99.99% | 99.9999%");
        check(Axis::between(240.0, 300.0), "240 | 260 | 280 | 300");
    }

    #[test]
    fn an_axis_reaches_beyond_its_data() {
        for max in [0.001, 0.7, 1.0, 9.99, 290.0, 1e7] {
            let axis = Axis::value(max);
            assert!(axis.to >= max * (1.0 - 1e-9), "{max}: {axis:?}");
            assert!(axis.ticks.len() >= 3, "{max}: {axis:?}");
        }
    }
}
