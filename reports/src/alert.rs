//! What monitoring would have alerted on: published thresholds, held against the sampled counters.
//!
//! The management pack watches flags of throttled hosts over half an hour, PAL looks at values.
//! What was not sampled is not judged, and trends over hours are not: runs are too short for them.

use crate::number::{share, significant};
use crate::samples::{Samples, WARM_UP};

/// Alerts of one run beyond this many are left to the samples.
pub(crate) const ALERTS_MAX: usize = 12;

/// The management pack: a flag that is up for more than this share of half an hour.
const FLAG_MAX: f64 = 0.6;
const HALF_AN_HOUR: f64 = 1800.0;
/// It takes a sample a minute; from rarer ones it would not say anything.
const INTERVAL_MAX: f64 = 60.0;
/// PAL: a resource that is used up to this share of its threshold.
const USED_MAX: f64 = 0.8;

/// The flags that the management pack watches.
const FLAGS: [&str; 4] = [
    "High process memory",
    "High in-process message count",
    "High database size",
    "High thread count",
];

/// Counters with the values above which PAL alerts.
const ABOVE: [(&str, f64); 9] = [
    ("Message delivery delay (ms)", 5000.0),
    ("Message publishing delay (ms)", 5000.0),
    ("Inbound Latency (sec)", 5.0),
    ("Outbound Latency (sec)", 5.0),
    ("Outbound Adapter Latency (sec)", 5.0),
    ("Request-Response Latency (sec)", 5.0),
    ("Persistence points/Sec", 10.0),
    // Ten are too many.
    ("Dehydrating orchestrations", 9.0),
    ("% Processor Time", 60.0),
];

/// Counters with those that say how much of them there may be.
const LIMITED: [(&str, &str); 5] = [
    ("In-process message count", "In-process message count threshold"),
    ("Thread count", "Thread count threshold"),
    ("Database session", "Database session threshold"),
    ("Process memory usage (MB)", "Process memory usage threshold (MB)"),
    ("Physical memory usage (MB)", "Physical memory usage threshold (MB)"),
];

/// One alert.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alert {
    /// Whose threshold it is.
    pub(crate) by: &'static str,
    /// The counter.
    pub(crate) counter: String,
    /// What was seen.
    pub(crate) seen: String,
}

/// What monitoring would have alerted on, warm-up aside.
pub(crate) fn alerts(samples: &Samples) -> Vec<Alert> {
    let mut found = Vec::new();
    for column in &samples.columns {
        let name = column.name.as_str();
        let counter = name.rsplit('\\').next().unwrap_or(name);
        let seen = if FLAGS.contains(&counter) {
            flag(samples, name).map(|seen| ("management pack", seen))
        } else if let Some((_, limit)) = ABOVE.iter().find(|(known, _)| *known == counter) {
            above(&values(samples, name), *limit).map(|seen| ("PAL", seen))
        } else if let Some((_, limit)) = LIMITED.iter().find(|(known, _)| *known == counter) {
            let limit = format!("{}{limit}", &name[..name.len() - counter.len()]);
            used(samples, name, &limit).map(|seen| ("PAL", seen))
        } else if counter == "Host Queue - Length" {
            queue(&values(samples, name)).map(|seen| ("PAL", seen))
        } else {
            None
        };
        let alert = |(by, seen)| Alert { by, counter: name.to_owned(), seen };
        found.extend(seen.map(alert));
    }
    found
}

/// The values of a counter where there was something to measure, warm-up aside.
fn points(samples: &Samples, name: &str) -> Vec<(f64, f64)> {
    let warm_up = samples.phases.iter().filter(|phase| phase.name == WARM_UP);
    let from = warm_up.map(|phase| phase.to_seconds).fold(0.0, f64::max);
    let series = samples.series(name).unwrap_or_default();
    series.into_iter().filter(|(at, value)| *at > from && value.is_finite()).collect()
}

fn values(samples: &Samples, name: &str) -> Vec<f64> {
    points(samples, name).into_iter().map(|(_, value)| value).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The largest mean of the flag over half an hour, if that is too large.
fn flag(samples: &Samples, name: &str) -> Option<String> {
    if samples.interval_seconds > INTERVAL_MAX {
        return None;
    }
    let points = points(samples, name);
    let span = (HALF_AN_HOUR / samples.interval_seconds).round() as usize;
    let raised: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let worst = raised.windows(span.max(1)).map(mean).fold(0.0, f64::max);
    (worst > FLAG_MAX).then(|| format!("up for {} of half an hour", share(worst)))
}

/// How often a value was above its limit, and the largest.
fn above(values: &[f64], limit: f64) -> Option<String> {
    let over = values.iter().filter(|value| **value > limit).count();
    let worst = values.iter().copied().fold(0.0, f64::max);
    let of = over as f64 / values.len().max(1) as f64;
    (over > 0).then(|| {
        let (worst, limit) = (significant(worst, 3), significant(limit, 3));
        format!("above {limit} in {} of the samples, {worst} at most", share(of))
    })
}

/// How much of what there may be was used at most; a limit of zero is none.
fn used(samples: &Samples, name: &str, limit: &str) -> Option<String> {
    let limit = values(samples, limit).into_iter().fold(0.0, f64::max);
    let worst = values(samples, name).into_iter().fold(0.0, f64::max);
    let reached = limit > 0.0 && worst >= limit * USED_MAX;
    reached.then(|| format!("{} of its threshold at most", share(worst / limit)))
}

fn queue(values: &[f64]) -> Option<String> {
    let mean = mean(values);
    (mean > 1.0).then(|| format!("{} in the mean, where 1 is a backlog", significant(mean, 3)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Better, Column, Phase, SampleRow};

    /// Samples of one counter and, beside it, of its threshold; the first is warm-up.
    fn samples(interval: f64, name: &str, limit: Option<(&str, f64)>, values: &[f64]) -> Samples {
        let column = |name: &str| Column {
            name: format!("\\Object(Host)\\{name}"),
            unit: String::new(),
            better: Better::Neither,
        };
        let row = |(at, value): (usize, &f64)| SampleRow {
            at_seconds: (at + 1) as f64 * interval,
            values: std::iter::once(*value).chain(limit.map(|(_, limit)| limit)).collect(),
        };
        let columns = std::iter::once(column(name)).chain(limit.map(|(name, _)| column(name)));
        Samples {
            interval_seconds: interval,
            asked_seconds: None,
            columns: columns.collect(),
            rows: values.iter().enumerate().map(row).collect(),
            phases: vec![Phase {
                name: WARM_UP.to_owned(),
                measured: None,
                from_seconds: 0.0,
                to_seconds: interval,
            }],
        }
    }

    fn seen(samples: &Samples) -> Vec<String> {
        alerts(samples).into_iter().map(|alert| format!("{}: {}", alert.by, alert.seen)).collect()
    }

    #[test]
    fn a_flag_has_to_be_up_for_most_of_half_an_hour() {
        let up = |minutes: usize| {
            let mut values = vec![0.0; 61];
            values[20..20 + minutes].fill(1.0);
            values
        };
        let of = |minutes| seen(&samples(60.0, "High database size", None, &up(minutes)));
        assert_eq!(of(18), [""; 0], "0.6 is not more than 0.6");
        assert_eq!(of(19), ["management pack: up for 63.3 % of half an hour"]);
        let all = samples(61.0, "High database size", None, &up(30));
        assert_eq!(seen(&all), [""; 0], "the samples are too rare to say");
        let short = samples(60.0, "High database size", None, &[1.0; 29]);
        assert_eq!(seen(&short), [""; 0], "nor are there enough");
        let other = samples(60.0, "High database session", None, &[1.0; 61]);
        assert_eq!(seen(&other), [""; 0], "there is no rule for it");
    }

    #[test]
    fn a_value_above_its_limit_is_told_with_how_often_and_how_far() {
        let delay =
            |values: &[f64]| seen(&samples(1.0, "Message delivery delay (ms)", None, values));
        assert_eq!(delay(&[9000.0, 5000.0, f64::NAN]), [""; 0], "warm-up aside");
        let found = delay(&[0.0, 5001.0, 0.0, 7200.0, 0.0]);
        assert_eq!(found, ["PAL: above 5,000 in 50.0 % of the samples, 7,200 at most"]);
        let queue = |values: &[f64]| seen(&samples(1.0, "Host Queue - Length", None, values));
        assert_eq!(queue(&[9.0, 2.0, 0.0]), [""; 0]);
        assert_eq!(queue(&[0.0, 4.0, 0.0]), ["PAL: 2.00 in the mean, where 1 is a backlog"]);
    }

    #[test]
    fn a_resource_near_its_threshold_is_told_and_one_without_is_not() {
        let threads = |limit| {
            let limit = Some(("Thread count threshold", limit));
            seen(&samples(1.0, "Thread count", limit, &[100.0, 79.0, 80.0]))
        };
        assert_eq!(threads(100.0), ["PAL: 80.0 % of its threshold at most"]);
        assert_eq!([threads(101.0), threads(0.0)], [vec![], vec![]] as [Vec<String>; 2]);
    }
}
