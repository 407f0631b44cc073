//! `samples.csv`: one row a sample, one column a counter, and the phase each sample fell into.

use crate::samples::{SampleRow, Samples};

/// The columns in front of the counters.
const FIXED: [&str; 2] = ["at_seconds", "phase"];

/// The file. Numbers are written with all their digits; an empty cell is a value that was not
/// measured.
pub(crate) fn text(samples: &Samples) -> csv::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names = samples.columns.iter().map(|column| column.name.as_str());
    writer.write_record(FIXED.into_iter().chain(names))?;
    for row in &samples.rows {
        let fixed = [row.at_seconds.to_string(), phase(samples, row.at_seconds).to_owned()];
        writer
            .write_record(fixed.into_iter().chain(row.values.iter().map(|value| cell(*value))))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// The rows of the file.
pub(crate) fn rows(text: &[u8]) -> Result<Vec<SampleRow>, RowError> {
    let mut reader = csv::Reader::from_reader(text);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let number = |cell: &str| match cell {
            "" => Ok(f64::NAN),
            digits => digits
                .parse::<f64>()
                .map_err(|_| RowError::Number { line, found: digits.to_owned() }),
        };
        let at_seconds = number(record.get(0).unwrap_or_default())?;
        let values = record.iter().skip(FIXED.len()).map(number).collect::<Result<_, _>>()?;
        rows.push(SampleRow { at_seconds, values });
    }
    Ok(rows)
}

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowError {
    #[error(transparent)]
    Csv(#[from] csv::Error),
    #[error("line {line}: expected a number, found `{found}`")]
    Number { line: u64, found: String },
}

fn cell(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

/// The phase that a sample at this instant tells of. What it counts happened before it, so at the
/// border of two phases it belongs to the one that is over; at the very end to the last.
fn phase(samples: &Samples, at: f64) -> &str {
    let covers = samples.phases.iter().find(|phase| at <= phase.to_seconds);
    let phase = covers.or_else(|| samples.phases.last().filter(|last| at >= last.to_seconds));
    phase.map_or("", |phase| phase.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Better, Column, Phase};

    fn samples() -> Samples {
        let column =
            |name: &str| Column { name: name.into(), unit: "rows".into(), better: Better::Lower };
        let phase = |name: &str, from_seconds, to_seconds| Phase {
            name: name.into(),
            measured: None,
            from_seconds,
            to_seconds,
        };
        let row = |at_seconds, values| SampleRow { at_seconds, values };
        Samples {
            interval_seconds: 0.1,
            asked_seconds: None,
            columns: vec![column("Spool Size"), column("Host Queue, \"A\"")],
            rows: vec![
                row(0.1, vec![0.1 + 0.2, 1.0]),
                row(0.2, vec![f64::NAN, 1e300]),
                row(0.3, vec![2.0, -0.5]),
            ],
            phases: vec![phase("warm-up", 0.0, 0.2), phase("measure", 0.2, 0.3)],
        }
    }

    #[test]
    fn every_digit_comes_back() {
        let kept = samples();
        let read = rows(&text(&kept).unwrap()).unwrap();
        assert_eq!(read.len(), 3);
        let bits = |rows: &[SampleRow]| -> Vec<u64> {
            rows.iter().flat_map(|row| &row.values).map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(&read), bits(&kept.rows));
    }

    #[test]
    fn the_file_reads_by_eye() {
        let text = String::from_utf8(text(&samples()).unwrap()).unwrap();
        insta::assert_snapshot!(text.replace(&format!("1{}", "0".repeat(300)), "1e300"), @r#"
        at_seconds,phase,Spool Size,"Host Queue, ""A"""
        0.1,warm-up,0.30000000000000004,1
        0.2,warm-up,,1e300
        0.3,measure,2,-0.5
        "#);
    }

    #[test]
    fn a_sample_belongs_to_the_phase_that_its_counts_are_of() {
        let samples = samples();
        let at = [0.0, 0.2, 0.200_000_1, 0.3, 0.4].map(|at| phase(&samples, at));
        assert_eq!(at, ["warm-up", "warm-up", "measure", "measure", "measure"]);
    }

    #[test]
    fn a_wrong_number_is_named_with_its_line() {
        let error = rows(b"at_seconds,phase,a\n1,,2\n2,,x\n").unwrap_err();
        assert_eq!(error.to_string(), "line 3: expected a number, found `x`");
    }
}
