//! Probes: the figures of a run, named as the product's performance counters print them.
//!
//! One row in [`COLUMNS`] a figure. Probes only look: switching them on or off moves no digest.

use floodgate_engine::time::{Duration, Instant};

use crate::counter::Merged;

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Better {
    /// The more the better.
    Higher,
    /// The less the better.
    Lower,
    /// Neither.
    Neither,
}

/// What the probes look at: totals and gauges of the world at one instant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Snapshot {
    /// When.
    pub at: Instant,
    /// Documents offered by the loads, in total.
    pub offered: u64,
    /// Documents accepted into the MessageBox, in total.
    pub received: u64,
    /// Documents transmitted, in total.
    pub processed: u64,
    /// Documents handed back for a retry, in total.
    pub resubmitted: u64,
    /// Documents suspended, in total.
    pub suspended: u64,
    /// Offered and not finished.
    pub backlog: u64,
    /// Rows of the spool, garbage included.
    pub spool: u64,
    /// Rows of the spool that nobody refers to.
    pub garbage: u64,
    /// References in work queues.
    pub work: u64,
    /// References with host instances.
    pub locked: u64,
    /// Messages handed out and not finished.
    pub in_process: u64,
    /// References and messages in suspended queues.
    pub suspended_now: u64,
    /// Batches of receive adapters that the engine has not completed.
    pub pending_batches: u64,
    /// Those among them that are held, outside or on their thread.
    pub throttled_batches: u64,
    /// Engine threads in use.
    pub threads_busy: u64,
    /// Engine threads that exist.
    pub threads: u64,
    /// The highest publishing state of any host instance, as the counters number them.
    pub publishing_state: u64,
    /// The longest delay imposed on publishing, in milliseconds.
    pub publishing_delay: u64,
    /// The highest delivery state of any host instance.
    pub delivery_state: u64,
    /// The longest delay imposed on delivery, in milliseconds.
    pub delivery_delay: u64,
    /// Memory of the largest process of a throttled host, in MB.
    pub process_memory: u64,
}

/// A figure as it is sampled.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The counter's name.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Which way it is better.
    pub better: Better,
    /// Whether it is a rate: two intervals made one have the mean, of a gauge the later value.
    is_rate: bool,
    read: fn(&Snapshot, &Snapshot) -> f64,
}

/// Rows kept: a series that grows longer halves its resolution, so that no run can fill the memory.
const ROWS_MAX: usize = 20_000;

fn rate(total: fn(&Snapshot) -> u64, before: &Snapshot, now: &Snapshot) -> f64 {
    let span = now.at.since(before.at).as_secs_f64();
    if span > 0.0 { (total(now) - total(before)) as f64 / span } else { 0.0 }
}

macro_rules! column {
    ($name:literal, $unit:literal, $better:ident, per_second $field:ident) => {
        Column {
            name: $name,
            unit: $unit,
            better: Better::$better,
            is_rate: true,
            read: |before, now| rate(|snapshot| snapshot.$field, before, now),
        }
    };
    ($name:literal, $unit:literal, $better:ident, $field:ident) => {
        Column {
            name: $name,
            unit: $unit,
            better: Better::$better,
            is_rate: false,
            read: |_, now| now.$field as f64,
        }
    };
}

/// All figures that are sampled. To add one: a field of [`Snapshot`] and a row here.
pub const COLUMNS: &[Column] = &[
    column!("Documents offered/Sec", "documents/s", Neither, per_second offered),
    column!("Documents received/Sec", "documents/s", Higher, per_second received),
    column!("Documents processed/Sec", "documents/s", Higher, per_second processed),
    column!("Documents resubmitted/Sec", "documents/s", Lower, per_second resubmitted),
    column!("Documents suspended/Sec", "documents/s", Lower, per_second suspended),
    column!("Backlog", "documents", Lower, backlog),
    column!("Spool Size", "rows", Lower, spool),
    column!("Spool Size (garbage)", "rows", Lower, garbage),
    column!("Host Queue - Length", "messages", Lower, work),
    column!("Host Queue - Suspended Msgs - Length", "messages", Lower, suspended_now),
    column!("Locked messages", "messages", Neither, locked),
    column!("In-process message count", "messages", Neither, in_process),
    column!("Pending receive batches", "batches", Lower, pending_batches),
    column!("Throttled receive batches", "batches", Lower, throttled_batches),
    column!("Engine threads in use", "threads", Neither, threads_busy),
    column!("Thread count", "threads", Neither, threads),
    column!("Message publishing throttling state", "state", Lower, publishing_state),
    column!("Message publishing delay (ms)", "ms", Lower, publishing_delay),
    column!("Message delivery throttling state", "state", Lower, delivery_state),
    column!("Message delivery delay (ms)", "ms", Lower, delivery_delay),
    column!("Process memory usage (MB)", "MB", Lower, process_memory),
];

/// The series that a run leaves.
#[derive(Clone, Debug)]
pub struct Samples {
    interval: Duration,
    next: Instant,
    last: Snapshot,
    parts: Vec<(String, &'static str)>,
    rows: Vec<(Instant, Vec<f64>)>,
}

impl Samples {
    /// A series with a value every `interval`.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        let interval = if interval.is_zero() { Duration::from_secs(1) } else { interval };
        Self {
            interval,
            next: Instant::ZERO + interval,
            last: Snapshot::default(),
            parts: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// When the next sample is due.
    #[must_use]
    pub const fn due(&self) -> Instant {
        self.next
    }

    /// The further columns, of single hosts and MessageBoxes: names and units.
    #[must_use]
    pub fn parts(&self) -> &[(String, &'static str)] {
        &self.parts
    }

    /// A series that has these columns too: by their unit gauges, or means over an interval.
    #[must_use]
    pub fn with_parts(self, parts: Vec<(String, &'static str)>) -> Self {
        Self { parts, ..self }
    }

    /// Takes the sample that is due, with the values of the further columns.
    pub fn take(&mut self, snapshot: Snapshot, parts: &[f64]) {
        debug_assert_eq!(parts.len(), self.parts.len(), "every column has a value");
        let own = COLUMNS.iter().map(|column| (column.read)(&self.last, &snapshot));
        let row = own.chain(parts.iter().copied()).collect();
        self.rows.push((snapshot.at, row));
        self.last = snapshot;
        self.next = snapshot.at + self.interval;
        if self.rows.len() >= ROWS_MAX {
            self.halve();
        }
    }

    /// Makes one row of two, and doubles the interval.
    fn halve(&mut self) {
        let merged = self.rows.chunks(2).map(|pair| {
            let (first, last) = (&pair[0], &pair[pair.len() - 1]);
            let own = COLUMNS.iter().map(|own| match own.is_rate {
                true => Merged::Mean,
                false => Merged::Last,
            });
            let parts = self.parts.iter().map(|(name, unit)| Merged::of((name, unit)));
            let values = own
                .chain(parts)
                .zip(first.1.iter().zip(&last.1))
                .map(|(merged, (a, b))| merged.value(*a, *b));
            (last.0, values.collect())
        });
        self.rows = merged.collect();
        self.interval = self.interval.times(2);
        self.next = self.last.at + self.interval;
    }

    /// The samples, one value per column.
    #[must_use]
    pub fn rows(&self) -> &[(Instant, Vec<f64>)] {
        &self.rows
    }

    /// Their interval.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_intervals_made_one_a_latency_is_not_that_of_the_second_alone() {
        let names = [
            ("\\BizTalk:Messaging Latency(H)\\Inbound Latency (sec)", "s"),
            ("\\BizTalk:Messaging(H)\\Documents received/Sec", "documents/s"),
            ("\\BizTalk:Message Agent(H)\\Message delivery throttling state duration", "s"),
        ];
        let parts = names.map(|(name, unit)| (name.to_owned(), unit));
        let mut samples =
            Samples::every(Duration::from_secs(1)).with_parts(parts.into_iter().collect());
        for second in 1..=ROWS_MAX as u64 {
            let at = Instant::ZERO + Duration::from_secs(second);
            // Something in every other interval, and in half of those nothing before it.
            let latency = [1.0, 3.0, f64::NAN, 5.0][second as usize % 4];
            samples.take(Snapshot { at, ..Snapshot::default() }, &[latency, 4.0, second as f64]);
        }
        let found: Vec<&[f64]> =
            samples.rows().iter().take(2).map(|(_, row)| &row[COLUMNS.len()..]).collect();
        assert_eq!(found, [&[3.0, 4.0, 2.0], &[3.0, 4.0, 4.0]]);
    }

    #[test]
    fn a_long_series_halves_its_resolution_and_keeps_its_totals() {
        let mut samples = Samples::every(Duration::from_nanos(1_000_000_000));
        let mut offered = 0;
        for second in 1..=50_000_u64 {
            offered += 3;
            let at = samples.due();
            if at == Instant::ZERO + Duration::from_secs(second) {
                samples.take(Snapshot { at, offered, backlog: second, ..Snapshot::default() }, &[]);
            }
        }
        assert!(samples.rows().len() < ROWS_MAX);
        assert_eq!(samples.interval(), Duration::from_secs(4));
        assert!(samples.rows().iter().all(|(_, values)| (values[0] - 3.0).abs() < 1e-9));
    }
}
