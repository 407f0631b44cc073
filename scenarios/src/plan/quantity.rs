//! Quantities: numbers with units. A unit is never guessed.

use floodgate_engine::time::Duration;

/// Why a text is not a quantity.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// More digits than the unit can be divided into.
    #[error("'{0}' is finer than {1}")]
    Fine(String, &'static str),
    /// More than fits.
    #[error("'{0}' is too much")]
    Large(String),
    /// No number at the beginning.
    #[error("'{0}' does not begin with a number")]
    Number(String),
    /// A number and nothing else.
    #[error("'{0}' has no unit")]
    NoUnit(String, &'static str),
    /// A unit that is not known.
    #[error("'{0}' is not a unit")]
    Unit(String, &'static str),
}

impl Refusal {
    /// What would be right.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Fine(_, finest) => format!("round it to {finest}"),
            Self::Large(_) => "give less".to_owned(),
            Self::Number(_) => "write a number and its unit, without a sign".to_owned(),
            Self::NoUnit(_, units) | Self::Unit(_, units) => format!("units: {units}"),
        }
    }
}

/// A unit, by its names, and what one of it is.
type Unit = (&'static [&'static str], u64);

const DURATIONS: &[Unit] = &[
    (&["ns"], 1),
    (&["us", "µs", "μs"], 1_000),
    (&["ms"], 1_000_000),
    (&["s", "sec"], 1_000_000_000),
    (&["min"], 60_000_000_000),
    (&["h", "hour", "hours"], 3_600_000_000_000),
    (&["day", "days", "d"], 86_400_000_000_000),
];

const SIZES: &[Unit] = &[
    (&["B", "byte", "bytes"], 1),
    (&["KB", "KiB"], 1 << 10),
    (&["MB", "MiB"], 1 << 20),
    (&["GB", "GiB"], 1 << 30),
];

/// The span that `text` says: `500 ms`, `1.5 s`, `0.4 us`.
///
/// # Errors
///
/// What is not a number with one of the units of time.
pub fn duration(text: &str) -> Result<Duration, Refusal> {
    parse(text, DURATIONS, "ns, us, ms, s, min, h, day", "a nanosecond").map(Duration::from_nanos)
}

/// The bytes that `text` says: `10 KB` is 10 × 1024.
///
/// # Errors
///
/// What is not a number with one of the units of size.
pub fn size(text: &str) -> Result<u64, Refusal> {
    parse(text, SIZES, "B, KB, MB, GB (a KB is 1024 B)", "a byte")
}

/// What `text` says in the unit of its kind, whatever that is: seconds, bytes, or just a number.
#[must_use]
pub fn number(text: &str) -> Option<(f64, &'static str)> {
    let plain = |text: &str| text.replace('_', "").parse().ok().filter(|own: &f64| own.is_finite());
    match (duration(text), size(text)) {
        (Ok(span), _) => Some((span.as_secs_f64(), "s")),
        (_, Ok(bytes)) => Some((bytes as f64, "B")),
        (Err(_), Err(_)) => plain(text.trim()).map(|own| (own, "")),
    }
}

/// The span in the largest unit that prints it without loss.
#[must_use]
pub fn print_duration(span: Duration) -> String {
    span.to_string()
}

/// The largest unit that prints the bytes without loss.
#[must_use]
pub fn print_size(bytes: u64) -> String {
    let fits = |(_, size): &&Unit| bytes > 0 && bytes.is_multiple_of(*size);
    let (names, size) = SIZES.iter().rev().find(fits).unwrap_or(&SIZES[0]);
    format!("{} {}", bytes / size, names[0])
}

fn parse(
    text: &str,
    units: &[Unit],
    names: &'static str,
    finest: &'static str,
) -> Result<u64, Refusal> {
    let text = text.trim();
    let digits = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '_')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim();
    let shown: String = text.chars().take(40).collect();
    let (number, scale) = decimal(number).ok_or_else(|| Refusal::Number(shown.clone()))?;
    if unit.is_empty() {
        return Err(Refusal::NoUnit(shown, names));
    }
    let Some((_, size)) = units.iter().find(|(known, _)| known.contains(&unit)) else {
        return Err(Refusal::Unit(unit.chars().take(40).collect(), names));
    };
    let total =
        number.checked_mul(u128::from(*size)).ok_or_else(|| Refusal::Large(shown.clone()))?;
    if !total.is_multiple_of(scale) {
        return Err(Refusal::Fine(shown, finest));
    }
    u64::try_from(total / scale).map_err(|_| Refusal::Large(shown))
}

/// The digits of a decimal number and the power of ten they are divided by: `1.5` is 15 of 10.
fn decimal(text: &str) -> Option<(u128, u128)> {
    let text = text.replace('_', "");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if whole.is_empty() || (text.contains('.') && fraction.is_empty()) || text.len() > 30 {
        return None;
    }
    let digits = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Some((digits, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        for (text, nanos) in [
            ("500 ms", 500_000_000),
            ("500ms", 500_000_000),
            ("5 min", 300_000_000_000),
            ("250 us", 250_000),
            ("2 h", 7_200_000_000_000),
            ("1.5 s", 1_500_000_000),
            ("1 day", 86_400_000_000_000),
            ("0.4 us", 400),
            ("350 ns", 350),
            ("0 s", 0),
            ("1_000 ms", 1_000_000_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, why) in [
            ("500", "'500' has no unit"),
            ("", "'' does not begin with a number"),
            ("-5 s", "'-5 s' does not begin with a number"),
            ("5 fortnights", "'fortnights' is not a unit"),
            ("1..5 s", "'1..5 s' does not begin with a number"),
            ("1. s", "'1. s' does not begin with a number"),
            ("0.5 ns", "'0.5 ns' is finer than a nanosecond"),
            ("1000000 day", "'1000000 day' is too much"),
            ("5 KB", "'KB' is not a unit"),
            ("1e3 s", "'e3 s' is not a unit"),
        ] {
            assert_eq!(duration(text).map_err(|e| e.to_string()), Err(why.to_owned()), "{text}");
        }
    }

    #[test]
    fn numbers_are_counted_in_the_unit_of_their_kind() {
        for (text, expected) in [
            ("250 ms", Some((0.25, "s"))),
            ("0s", Some((0.0, "s"))),
            ("10 KB", Some((10_240.0, "B"))),
            (" 1_200.5 ", Some((1_200.5, ""))),
            ("-3", Some((-3.0, ""))),
            ("inf", None),
            ("continue", None),
            ("5 fortnights", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_are_binary_and_print_without_loss() {
        for (text, bytes, printed) in [
            ("10 KB", 10_240, "10 KB"),
            ("512 B", 512, "512 B"),
            ("1 MB", 1 << 20, "1 MB"),
            ("1 MiB", 1 << 20, "1 MB"),
            ("102400 B", 102_400, "100 KB"),
            ("0.5 KB", 512, "512 B"),
            ("0 B", 0, "0 B"),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
            assert_eq!(print_size(bytes), printed);
        }
    }
}
