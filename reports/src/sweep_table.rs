//! A sweep for a terminal: a table for each metric, then what limits each setting.

use crate::number::{confidence, count, maybe_seconds, mean, per_second, significant, stretch};
use crate::sweep::{SweepMetric, SweepRecord, SweepRow};
use crate::table::{finish, rendered, table};

/// One sweep: every metric of every setting beside the first one, and what limits it.
pub fn sweep_summary(record: &SweepRecord) -> String {
    let (settings, seeds) = (record.rows.len(), u64::from(record.seeds));
    let noun = if settings == 1 { "setting" } else { "settings" };
    let mut parts = vec![format!(
        "{}: {settings} {noun}, {} seeds each from {}, {}\n\
         Differences are to the first setting, seed by seed; each interval holds with {} %.",
        record.scenario,
        count(seeds),
        record.seed,
        record.verdict().word(),
        confidence(record.confidence),
    )];
    let metrics = record.rows.first().map_or(0, |row| row.metrics.len());
    parts.extend((0..metrics).map(|at| metric_table(record, at)));
    parts.push(limit_table(record));
    let failed = record.rows.iter().flat_map(|row| {
        row.failed.iter().map(|what| format!("{}: {what}", settings_of(record, row).join(" ")))
    });
    let failed: Vec<String> = failed.collect();
    if !failed.is_empty() {
        parts.push(format!("Not passed:\n{}", failed.join("\n")));
    }
    parts.extend(no_interval(record).map(str::to_owned));
    finish(&parts)
}

/// Why some setting has means and no intervals, if so.
pub(crate) fn no_interval(record: &SweepRecord) -> Option<&'static str> {
    let bare = |row: &SweepRow| row.estimate.is_some() && row.interval.is_none();
    (record.seeds > 1 && record.rows.iter().any(bare)).then_some(
        "Without an interval where some distribution has no variance: means of such runs do not \
         settle, and no difference can be told.",
    )
}

/// The values of a row, in the order of the keys.
pub(crate) fn settings_of(record: &SweepRecord, row: &SweepRow) -> Vec<String> {
    let value = |key: &str| row.settings.get(key).cloned().unwrap_or_default();
    record.vary.iter().map(|varied| value(&varied.key)).collect()
}

fn keys(record: &SweepRecord) -> Vec<&str> {
    record.vary.iter().map(|varied| varied.key.as_str()).collect()
}

fn metric_table(record: &SweepRecord, at: usize) -> String {
    let name = record.rows.first().map_or("", |row| row.metrics[at].name.as_str());
    let mut head = keys(record);
    head.extend([name, "Interval", "Difference", ""]);
    let mut table = table(&head);
    for (number, row) in record.rows.iter().enumerate() {
        let metric = &row.metrics[at];
        let mut cells = settings_of(record, row);
        cells.push(estimate(metric));
        cells.push(metric.interval.map_or_else(String::new, |ends| interval(&metric.unit, ends)));
        cells.push(difference(metric));
        cells.push(remark(number, metric).to_owned());
        table.add_row(cells);
    }
    let first = record.vary.len();
    rendered(table, &[first, first + 1, first + 2])
}

pub(crate) fn estimate(metric: &SweepMetric) -> String {
    value(&metric.unit, metric.estimate)
}

/// A value of a metric with this unit.
pub(crate) fn value(unit: &str, value: Option<f64>) -> String {
    match (unit, value) {
        ("s", value) => maybe_seconds(value).to_string(),
        ("documents/s", Some(value)) => per_second(value).to_string(),
        (_, Some(value)) => mean(value),
        (_, None) => "–".to_owned(),
    }
}

pub(crate) fn interval(unit: &str, [low, high]: [f64; 2]) -> String {
    if unit == "s" {
        stretch(low, high)
    } else {
        format!("{} to {}", significant(low, 4), significant(high, 4))
    }
}

pub(crate) fn difference(metric: &SweepMetric) -> String {
    // Adding zero turns a negative zero into a plain one.
    let percent = |value: f64| format!("{:+.2}", value * 100.0 + 0.0);
    match (metric.difference, metric.difference_interval) {
        (Some(mean), Some([low, high])) => {
            format!("{} % ({} to {})", percent(mean), percent(low), percent(high))
        }
        _ => String::new(),
    }
}

pub(crate) fn remark(number: usize, metric: &SweepMetric) -> &'static str {
    match (number, metric.difference, metric.distinguishable) {
        (0, ..) => "",
        (_, None, _) => "no difference to be had",
        (_, Some(_), true) => "distinguishable",
        (_, Some(_), false) => "not distinguishable",
    }
}

fn limit_table(record: &SweepRecord) -> String {
    let mut head = keys(record);
    head.extend(["Verdict", "Limited by", "Why"]);
    let mut table = table(&head);
    for row in &record.rows {
        let mut cells = settings_of(record, row);
        cells.push(row.verdict.word().to_owned());
        let limit = row.limit.as_ref();
        cells.push(limit.map_or_else(String::new, |limit| limit.resource.clone()));
        cells.push(limit.map_or_else(String::new, |limit| limit.explanation.clone()));
        table.add_row(cells);
    }
    rendered(table, &[])
}
