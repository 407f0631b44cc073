//! Numbers for people: no more digits than are useful, and the unit apart from the number.

use std::fmt;

/// A number and its unit, ready to print; the unit may be empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Quantity {
    pub(crate) number: String,
    pub(crate) unit: &'static str,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = if matches!(self.unit, "" | "/s") { "" } else { " " };
        write!(f, "{}{gap}{}", self.number, self.unit)
    }
}

/// What stands where there is no number.
pub(crate) const NOTHING: &str = "–";

/// A unit of time: below what it is used, what it is worth in seconds, and its sign.
const TIMES: [(f64, f64, &str); 6] = [
    (1e-6, 1e-9, "ns"),
    (1e-3, 1e-6, "µs"),
    (1.0, 1e-3, "ms"),
    (600.0, 1.0, "s"),
    (36_000.0, 60.0, "min"),
    (f64::INFINITY, 3_600.0, "h"),
];

/// The unit that suits a time of `seconds`: its worth in seconds and its sign.
pub(crate) fn time_unit(seconds: f64) -> (f64, &'static str) {
    let suits = |(below, _, _): &&(f64, f64, &str)| seconds.abs() < *below;
    TIMES.iter().find(suits).map_or((1.0, "s"), |(_, worth, sign)| (*worth, *sign))
}

/// A time, with three digits in the unit that suits it.
pub(crate) fn seconds(value: f64) -> Quantity {
    if !value.is_finite() {
        return Quantity { number: NOTHING.into(), unit: "" };
    }
    let (worth, unit) = if value.abs() < 5e-10 { (1.0, "s") } else { time_unit(value) };
    Quantity { number: significant(value / worth, 3), unit }
}

/// A stretch of time, both ends in the unit that suits the later one.
pub(crate) fn stretch(from: f64, to: f64) -> String {
    let (worth, unit) = time_unit(to);
    format!("{} to {} {unit}", significant(from / worth, 3), significant(to / worth, 3))
}

/// A mean of something counted: to a hundredth while it is small.
pub(crate) fn mean(value: f64) -> String {
    match value.abs() {
        small if small > 0.0 && small < 0.005 => "< 0.01".to_owned(),
        small if small > 0.0 && small < 1.0 => format!("{value:.2}"),
        _ => significant(value, 3),
    }
}

/// A time that may not have been measured.
pub(crate) fn maybe_seconds(value: Option<f64>) -> Quantity {
    seconds(value.unwrap_or(f64::NAN))
}

/// A rate, with four digits: three would hide what a gate of half a per cent sees.
pub(crate) fn per_second(value: f64) -> Quantity {
    Quantity { number: significant(value, 4), unit: "/s" }
}

/// A rate that may not have been found.
pub(crate) fn maybe_per_second(value: Option<f64>) -> Quantity {
    value.map_or(Quantity { number: NOTHING.into(), unit: "" }, per_second)
}

/// A share as per cent.
pub(crate) fn share(value: f64) -> Quantity {
    let number = if value.is_finite() { format!("{:.1}", value * 100.0) } else { NOTHING.into() };
    Quantity { number, unit: "%" }
}

/// A confidence as per cent, no digits for show: `95`, `99.9`.
pub(crate) fn confidence(value: f64) -> String {
    let text = format!("{:.1}", value * 100.0);
    text.strip_suffix(".0").map_or(text.clone(), ToOwned::to_owned)
}

/// How far an answer moves per one per cent of a knob, to a hundredth.
pub(crate) fn elasticity(value: f64) -> Quantity {
    // Adding zero turns a negative zero into a plain one.
    let rounded = libm::round(value * 100.0) / 100.0 + 0.0;
    let number = if value.is_finite() { format!("{rounded:+.2}") } else { NOTHING.into() };
    Quantity { number, unit: "%" }
}

/// A whole number with its thousands apart.
pub(crate) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A number rounded to so many significant digits, thousands apart.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return NOTHING.into();
    }
    let digits = digits.max(1);
    // The formatter rounds exactly, so the decimal exponent is right also where 9.9996 becomes
    // 10.00.
    let scientific = format!("{value:.*e}", digits - 1);
    let rounded = scientific.parse::<f64>().unwrap_or(value);
    let exponent = scientific.split_once('e').and_then(|(_, e)| e.parse::<i64>().ok()).unwrap_or(0);
    let wanted = i64::try_from(digits).unwrap_or(1) - 1 - exponent;
    let decimals = if rounded == 0.0 { 0 } else { usize::try_from(wanted).unwrap_or(0).min(9) };
    grouped(&format!("{rounded:.decimals$}"))
}

/// Puts a comma between the thousands of a plain decimal number.
pub(crate) fn grouped(plain: &str) -> String {
    let (whole, fraction) = plain.find('.').map_or((plain, ""), |dot| plain.split_at(dot));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_more_digits_than_asked_for() {
        let check = |value: f64, digits, text: &str| assert_eq!(significant(value, digits), text);
        check(0.0, 4, "0");
        check(289.96, 4, "290.0");
        check(9.9996, 4, "10.00");
        check(0.012_345, 3, "0.0123");
        check(1_234_567.0, 4, "1,235,000");
        check(-1_234.4, 4, "-1,234");
        check(f64::NAN, 3, "–");
        check(1e-12, 3, "0.000000000");
    }

    #[test]
    fn a_time_takes_the_unit_that_suits_it() {
        let check = |value, text: &str| assert_eq!(seconds(value).to_string(), text);
        check(0.0, "0 s");
        check(2.5e-7, "250 ns");
        check(0.000_25, "250 µs");
        check(0.043_21, "43.2 ms");
        check(1.0, "1.00 s");
        check(905.0, "15.1 min");
        check(72_000.0, "20.0 h");
        check(f64::NAN, "–");
        assert_eq!(stretch(120.0, 720.0), "2.00 to 12.0 min");
        assert_eq!(
            [0.0, 0.001, 0.02, 3.9, 11.38].map(mean),
            ["0", "< 0.01", "0.02", "3.90", "11.4"]
        );
        assert_eq!(maybe_seconds(None).to_string(), "–");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }
}
