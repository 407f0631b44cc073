//! `latency.hdr`: an HdrHistogram V2 interval log of one interval, the measured window.
//!
//! Its instants are seconds of the virtual clock and it states no start time, so equal runs leave
//! equal bytes. The compressed form is written because the Java log reader, which every plotter
//! builds on, reads no other.

use std::time::Duration;

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, LogEntry,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use crate::record::Window;

/// The log, with the values in nanoseconds and the column of maxima in seconds.
pub(crate) fn text(window: &Window, latency_ns: &Histogram<u64>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("[Floodgate: latencies in nanoseconds, instants in virtual seconds]")
        .with_max_value_divisor(1e9)
        .begin_log_with(&mut bytes, &mut serializer)
        .map_err(|error| error.to_string())?;
    let from = instant(window.from_seconds);
    let length = instant(window.to_seconds).saturating_sub(from);
    log.write_histogram(latency_ns, from, length, None).map_err(|error| format!("{error:?}"))?;
    Ok(bytes)
}

/// Every interval of a log as one histogram.
pub(crate) fn histogram(log: &[u8]) -> Result<Histogram<u64>, String> {
    let mut all: Option<Histogram<u64>> = None;
    for entry in IntervalLogIterator::new(log) {
        let LogEntry::Interval(interval) = entry.map_err(|error| format!("{error:?}"))? else {
            continue;
        };
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(interval.encoded_histogram())
            .map_err(|error| error.to_string())?;
        let one: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| error.to_string())?;
        match &mut all {
            None => all = Some(one),
            Some(all) => all.add(&one).map_err(|error| error.to_string())?,
        }
    }
    all.ok_or_else(|| "no interval in this log".to_owned())
}

fn instant(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { from_seconds: 120.0, to_seconds: 720.0 };

    #[test]
    fn percentiles_come_back_equal() {
        let mut kept = Histogram::<u64>::new(3).unwrap();
        for n in 1..=100_000_u64 {
            kept.record(n * n).unwrap();
        }
        let read = histogram(&text(&WINDOW, &kept).unwrap()).unwrap();
        assert_eq!(read, kept);
        for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
            assert_eq!(read.value_at_quantile(quantile), kept.value_at_quantile(quantile));
        }
    }

    #[test]
    fn an_empty_run_leaves_an_empty_log() {
        let kept = Histogram::<u64>::new(3).unwrap();
        let log = text(&WINDOW, &kept).unwrap();
        assert!(histogram(&log).unwrap().is_empty());
        assert!(histogram(b"").is_err());
        let text = String::from_utf8(log).unwrap();
        assert!(text.contains("\n120.000,600.000,0.000,"), "virtual instants: {text}");
    }
}
