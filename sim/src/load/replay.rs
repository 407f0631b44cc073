//! A recorded load: when each message arrived, and perhaps how large and of which type it was, from
//! a CSV file.

use std::error::Error;
use std::fmt;

use floodgate_engine::time::{Duration, Instant};

/// One message of a recorded load.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReplayRow {
    /// When it arrives, on the load's own clock.
    pub at: Instant,
    /// How large it is, where the file says.
    pub size_bytes: Option<u64>,
    /// Its document type, where the file says.
    pub document_type: Option<String>,
}

/// Why a recorded load cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReplayError {
    /// The line of the file, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: ReplayFault,
}

/// What is wrong with a line of a recorded load.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReplayFault {
    /// There are more columns than three.
    Columns {
        /// How many.
        found: usize,
    },
    /// It arrives before the line above it.
    Order {
        /// Its first column.
        found: String,
        /// The instant of the line above.
        after: Instant,
    },
    /// The first column is no number of seconds.
    Seconds {
        /// What it is.
        found: String,
    },
    /// The third column is no document type: it is empty, or too long to be promoted.
    DocumentType {
        /// What it is.
        found: String,
    },
    /// The second column is no number of bytes.
    Size {
        /// What it is.
        found: String,
    },
}

/// Characters of a document type, at most: it is promoted (R-CTX-05).
const TYPE_MAX: usize = 255;

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.fault {
            ReplayFault::Columns { found } => {
                write!(
                    f,
                    "allowed are 'seconds', 'seconds,size' or 'seconds,size,type', found {found} \
                     columns"
                )
            }
            ReplayFault::DocumentType { found } => {
                write!(f, "type must be 1 to {TYPE_MAX} characters, found '{found}'")
            }
            ReplayFault::Order { found, after } => {
                let after = after.as_secs_f64();
                write!(f, "seconds must not go back: allowed from {after}, found '{found}'")
            }
            ReplayFault::Seconds { found } => {
                write!(f, "seconds must be a number from 0 to 18000000000, found '{found}'")
            }
            ReplayFault::Size { found } => {
                write!(f, "size must be a whole number of bytes up to 4 GB, found '{found}'")
            }
        }
    }
}

impl Error for ReplayError {}

/// Reads a recorded load: each line is `seconds`, `seconds,size` or `seconds,size,type`, with
/// seconds since the start of the load, decimals allowed, and size in bytes. Before a type the size
/// may be empty.
///
/// Blank lines do not count, nor does a header: a first line that begins with a letter and has no
/// digit, so that a number that was mistyped is none. A byte order mark, which spreadsheets write,
/// is no part of the text.
pub fn parse_csv(text: &str) -> Result<Vec<ReplayRow>, ReplayError> {
    let mut rows: Vec<ReplayRow> = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let filled = (1..).zip(text.lines()).map(|(line, text)| (line, text.trim()));
    let mut filled = filled.filter(|(_, text)| !text.is_empty()).peekable();
    let _header = filled.next_if(|(_, text)| {
        text.starts_with(char::is_alphabetic) && !text.contains(|one: char| one.is_ascii_digit())
    });
    for (line, text) in filled {
        let earliest = rows.last().map_or(Instant::ZERO, |row| row.at);
        rows.push(parse_row(text, earliest).map_err(|fault| ReplayError { line, fault })?);
    }
    Ok(rows)
}

fn parse_row(text: &str, earliest: Instant) -> Result<ReplayRow, ReplayFault> {
    /// Some 570 years, below the end of virtual time.
    const SECONDS_MAX: f64 = 18e9;
    let columns: Vec<&str> = text.split(',').map(str::trim).collect();
    let (seconds, size, kind) = match columns[..] {
        [seconds] => (seconds, None, None),
        [seconds, size] => (seconds, Some(size), None),
        [seconds, "", kind] => (seconds, None, Some(kind)),
        [seconds, size, kind] => (seconds, Some(size), Some(kind)),
        _ => return Err(ReplayFault::Columns { found: columns.len() }),
    };
    let found = || seconds.to_owned();
    let value: f64 = seconds.parse().map_err(|_| ReplayFault::Seconds { found: found() })?;
    if !(0.0..=SECONDS_MAX).contains(&value) {
        return Err(ReplayFault::Seconds { found: found() });
    }
    let at = Instant::ZERO + Duration::from_secs_f64(value);
    if at < earliest {
        return Err(ReplayFault::Order { found: found(), after: earliest });
    }
    let bytes = |size: &str| match size.parse::<u32>() {
        Ok(bytes) => Ok(u64::from(bytes)),
        Err(_) => Err(ReplayFault::Size { found: size.to_owned() }),
    };
    let known = |kind: &str| match kind.chars().count() {
        1..=TYPE_MAX => Ok(kind.to_owned()),
        _ => Err(ReplayFault::DocumentType { found: kind.to_owned() }),
    };
    let document_type = kind.map(known).transpose()?;
    Ok(ReplayRow { at, size_bytes: size.map(bytes).transpose()?, document_type })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(millis: u64, size_bytes: Option<u64>) -> ReplayRow {
        let at = Instant::ZERO + Duration::from_millis(millis);
        ReplayRow { at, size_bytes, document_type: None }
    }

    fn typed(millis: u64, size_bytes: Option<u64>, kind: &str) -> ReplayRow {
        ReplayRow { document_type: Some(kind.to_owned()), ..row(millis, size_bytes) }
    }

    #[test]
    fn one_column_to_three_with_header_and_blank_lines() {
        let cases = [
            ("", vec![]),
            ("seconds\n", vec![]),
            ("\u{feff}seconds\n0.5", vec![row(500, None)]),
            ("\u{feff}0.5", vec![row(500, None)]),
            (
                "0.5\n1\n1\n2.25",
                vec![row(500, None), row(1_000, None), row(1_000, None), row(2_250, None)],
            ),
            (
                "seconds,size,type\n1,5,Order\n2,,Invoice\n3,7\n",
                vec![
                    typed(1_000, Some(5), "Order"),
                    typed(2_000, None, "Invoice"),
                    row(3_000, Some(7)),
                ],
            ),
            (
                "\nSeconds, Size\r\n\r\n0, 10\r\n 1e1 ,20\r\n",
                vec![row(0, Some(10)), row(10_000, Some(20))],
            ),
        ];
        for (text, rows) in cases {
            assert_eq!(parse_csv(text), Ok(rows), "{text:?}");
        }
    }

    #[test]
    fn nanoseconds_survive() {
        let rows = parse_csv("1000000.123456789").expect("a number of seconds");
        assert_eq!(rows[0].at.as_nanos(), 1_000_000_123_456_789);
    }

    #[test]
    fn an_error_names_the_line_what_was_found_and_what_is_allowed() {
        let cases = [
            ("s\n1\n\nx", "line 4: seconds must be a number from 0 to 18000000000, found 'x'"),
            (
                "1\nseconds",
                "line 2: seconds must be a number from 0 to 18000000000, found 'seconds'",
            ),
            ("O.5", "line 1: seconds must be a number from 0 to 18000000000, found 'O.5'"),
            ("-1", "line 1: seconds must be a number from 0 to 18000000000, found '-1'"),
            ("0\nNaN", "line 2: seconds must be a number from 0 to 18000000000, found 'NaN'"),
            ("0\ninf", "line 2: seconds must be a number from 0 to 18000000000, found 'inf'"),
            (",5", "line 1: seconds must be a number from 0 to 18000000000, found ''"),
            ("2\n1.5", "line 2: seconds must not go back: allowed from 2, found '1.5'"),
            ("1,2\n1,2.5", "line 2: size must be a whole number of bytes up to 4 GB, found '2.5'"),
            ("1,", "line 1: size must be a whole number of bytes up to 4 GB, found ''"),
            (
                "1,4294967296",
                "line 1: size must be a whole number of bytes up to 4 GB, found '4294967296'",
            ),
            ("1,2,", "line 1: type must be 1 to 255 characters, found ''"),
            (
                "1,2,3,4",
                "line 1: allowed are 'seconds', 'seconds,size' or 'seconds,size,type', found 4 \
                 columns",
            ),
        ];
        for (text, message) in cases {
            let error = parse_csv(text).expect_err(text);
            assert_eq!(error.to_string(), message);
        }
    }
}
