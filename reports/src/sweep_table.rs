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
    parts.extend(over_prices(record));
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
    let otherwise = otherwise(record);
    parts.extend((!otherwise.is_empty()).then(|| otherwise.join("\n")));
    parts.extend(no_interval(record).map(str::to_owned));
    finish(&parts)
}

/// What the column of other prices is over, where there is one.
pub(crate) fn over_prices(record: &SweepRecord) -> Option<String> {
    (record.sets > 0).then(|| {
        format!(
            "Over prices: the least and the most with the profile's own and {} other sets of \
             prices that fit as well.",
            record.sets
        )
    })
}

/// The settings whose verdict is another with some of the other sets of prices.
pub(crate) fn otherwise(record: &SweepRecord) -> Vec<String> {
    let one = |row: &SweepRow| {
        let settings = settings_of(record, row).join(" ");
        format!("{settings}: another verdict with {} of the other sets of prices", row.otherwise)
    };
    record.rows.iter().filter(|row| row.otherwise > 0).map(one).collect()
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
    head.extend([name, "Interval", "Difference"]);
    head.extend((record.sets > 0).then_some("Over prices"));
    head.push("");
    let mut table = table(&head);
    for (number, row) in record.rows.iter().enumerate() {
        let metric = &row.metrics[at];
        let mut cells = settings_of(record, row);
        cells.push(estimate(metric));
        cells.push(metric.interval.map_or_else(String::new, |ends| interval(&metric.unit, ends)));
        cells.push(difference(metric));
        cells.extend((record.sets > 0).then(|| priced(number, metric)));
        cells.push(remark(number, metric).to_owned());
        table.add_row(cells);
    }
    let first = record.vary.len();
    rendered(table, &[first, first + 1, first + 2, first + 3][..3 + usize::from(record.sets > 0)])
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

/// A share in hundredths of a per cent, so many that are none without a sign of less.
fn percent(share: f64) -> String {
    format!("{:+.2}", (share * 1e4).round() / 1e2 + 0.0)
}

pub(crate) fn difference(metric: &SweepMetric) -> String {
    match (metric.difference, metric.difference_interval) {
        (Some(mean), Some([low, high])) => {
            format!("{} % ({} to {})", percent(mean), percent(low), percent(high))
        }
        _ => String::new(),
    }
}

/// How far the first setting, or the difference to it, moves over all sets of prices.
pub(crate) fn priced(number: usize, metric: &SweepMetric) -> String {
    match (number, metric.spread, metric.difference_spread) {
        (0, Some(ends), _) => interval(&metric.unit, ends),
        (_, _, Some([low, high])) => format!("{} to {} %", percent(low), percent(high)),
        _ => String::new(),
    }
}

pub(crate) fn remark(number: usize, metric: &SweepMetric) -> &'static str {
    let turns = metric.difference_spread.is_some_and(|[low, high]| low < 0.0 && high > 0.0);
    match (number, metric.difference, metric.distinguishable) {
        (0, ..) => "",
        (_, Some(_), true) if turns => "distinguishable, the other way at other prices",
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
