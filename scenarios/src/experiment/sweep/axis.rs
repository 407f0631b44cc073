//! Axes of a sweep: where its settings stand when the values of the one key that is varied are
//! numbers.

use floodgate_reports::{SweepAxis, SweepLine, SweepPublished};

use super::design::{Question, Sweep};
use crate::plan::along::Along;
use crate::plan::published::Published;
use crate::plan::quantity::number;

/// The axis of a sweep along one key; none where several are varied, or what is
/// no number from zero on.
pub(super) fn axis(sweep: &Sweep) -> Option<SweepAxis> {
    let [vary] = sweep.vary.as_slice() else { return None };
    let known: Option<Vec<_>> = vary.values.iter().map(|value| formed(value)).collect();
    let known = known?;
    let (form, _, unit) = *known.first()?;
    let is_alike =
        |(own, at, counted): &(&str, f64, &str)| *own == form && *counted == unit && *at >= 0.0;
    known.iter().all(is_alike).then(|| SweepAxis {
        name: if form.is_empty() { vary.key.clone() } else { format!("{}, {form}", vary.key) },
        unit: unit.to_owned(),
        at: known.iter().map(|(_, at, _)| *at).collect(),
    })
}

/// What was published of the figures of its runs, and what they depend on.
pub(super) fn published(sweep: &Sweep) -> Vec<SweepPublished> {
    let rows: &[Published] = match sweep.question {
        Question::Mst { .. } => &[],
        Question::Run => &sweep.base.published,
    };
    let one = |row: &Published| {
        let along = row.along.as_ref().and_then(|along| Some((along, measured(sweep, along)?)));
        let (axis, lines) = along.map_or((None, Vec::new()), |(along, axis)| {
            let lines = along.lines.iter().map(|line| SweepLine {
                name: line.name.clone(),
                at: line.at,
                slope: line.slope,
            });
            (Some(axis), lines.collect())
        });
        SweepPublished {
            metric: row.figure.title(),
            value: row.value,
            source: row.source.clone(),
            axis,
            lines,
        }
    };
    rows.iter().map(one).collect()
}

/// The axis in what the figure depends on, if that is what is varied.
fn measured(sweep: &Sweep, along: &Along) -> Option<SweepAxis> {
    let (one, unit) = number(&along.one)?;
    let axis = axis(sweep).filter(|axis| axis.unit == unit)?;
    let is_varied = sweep.vary.first().is_some_and(|vary| vary.key == along.key);
    is_varied.then(|| SweepAxis {
        name: along.name.clone(),
        unit: String::new(),
        at: axis.at.iter().map(|at| at / one).collect(),
    })
}

/// A number with its unit, and the form it is the only parameter of, as in `{ poisson = 1200 }`.
fn formed(value: &str) -> Option<(&str, f64, &'static str)> {
    let table = value.trim().strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
    let (form, text) = match table {
        Some(inner) => inner.split_once('=')?,
        None => ("", value),
    };
    let text = text.trim().trim_matches(['"', '\'']);
    number(text).map(|(at, unit)| (form.trim(), at, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_forms_of_one_parameter() {
        for (value, expected) in [
            ("20ms", Some(("", 0.02, "s"))),
            ("'20 ms'", Some(("", 0.02, "s"))),
            ("{ exponential = '20 ms' }", Some(("exponential", 0.02, "s"))),
            ("{ poisson = 1200 }", Some(("poisson", 1200.0, ""))),
            ("{ uniform = { low = 1, high = 2 } }", None),
            ("{ low = 1, high = 2 }", None),
            ("true", None),
        ] {
            assert_eq!(formed(value), expected, "{value}");
        }
    }
}
