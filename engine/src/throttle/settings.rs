//! How a host is throttled: the settings that the product's dashboard has for each host, with its
//! defaults.

use super::{MAX_DELAY, Memory};
use crate::time::Duration;

/// What an operator says about throttling (the dashboard's override).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Override {
    /// The conditions decide.
    #[default]
    Automatic,
    /// Throttled, whatever the conditions.
    Always,
    /// Not throttled, whatever the conditions.
    Never,
}

/// One direction: publishing into the MessageBox, or delivery out of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Direction {
    /// Messages that the window must hold, or its rate says nothing.
    pub samples: u32,
    /// The time over which rates are taken.
    pub window: Duration,
    /// What may come in for what goes out, in per cent.
    pub overdrive: u32,
    /// The longest delay; zero switches rate throttling off.
    pub delay_max: Duration,
    /// The operator's word.
    pub said: Override,
}

impl Default for Direction {
    fn default() -> Self {
        Self {
            samples: 100,
            window: Duration::from_secs(15),
            overdrive: 125,
            delay_max: MAX_DELAY,
            said: Override::Automatic,
        }
    }
}

/// How fast the delay grows while a condition holds, in per cent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Severities {
    /// Memory of the process or of the machine.
    pub memory: u32,
    /// Messages in the database.
    pub database: u32,
    /// Messages in process.
    pub in_process: u32,
    /// An operator's word; also of threads and sessions, for which no other is published.
    /// \[M\]
    pub said: u32,
}

impl Default for Severities {
    fn default() -> Self {
        Self { memory: 500, database: 1, in_process: 75, said: 100 }
    }
}

/// When a host instance is throttled, and how (R-THR-02, R-THR-03).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ThrottleSettings {
    /// Publishing.
    pub publishing: Direction,
    /// Delivery.
    pub delivery: Direction,
    /// Messages of this host in its subscribers' queues; zero switches all that depends on it off.
    pub messages: u64,
    /// Rows of the spool, as a multiple of `messages`; zero is off.
    pub spool_factor: u64,
    /// Rows of tracking data, as a multiple of `messages`; zero is off.
    pub tracking_factor: u64,
    /// Messages handed out and not finished, per CPU; zero is off.
    pub in_process: u64,
    /// Threads, per CPU; zero is off.
    pub threads: u64,
    /// Database sessions, per CPU; zero is off.
    pub sessions: u64,
    /// Memory of the process in MB; zero is off.
    pub process_memory: u64,
    /// Memory in use on the machine in MB; zero is off.
    pub system_memory: u64,
    /// What the process takes in memory; without it no memory is seen.
    pub memory: Option<Memory>,
    /// Batches that pass while memory is short: their share of the process threshold, in per cent.
    pub batch_memory: u32,
    /// The share of the process threshold, in per cent, above which garbage collections are forced;
    /// zero is off. \[M\] what it is a share of is not said.
    pub gc_trigger: u32,
    /// How fast delays grow.
    pub severities: Severities,
    /// How often the conditions are looked at. \[M\] the product's step is its polling interval.
    pub tick: Duration,
}

impl ThrottleSettings {
    /// Messages in process, per CPU, above which delivery is throttled, if it is for them.
    #[must_use]
    pub fn in_process_threshold(&self) -> Option<u32> {
        let watched = self.in_process > 0 && self.delivery.said != Override::Never;
        watched.then(|| u32::try_from(self.in_process).unwrap_or(u32::MAX))
    }
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        Self {
            publishing: Direction::default(),
            delivery: Direction::default(),
            messages: 50_000,
            spool_factor: 10,
            tracking_factor: 10,
            in_process: 1000,
            threads: 0,
            sessions: 0,
            process_memory: 0,
            system_memory: 0,
            memory: None,
            batch_memory: 1,
            gc_trigger: 80,
            severities: Severities::default(),
            tick: Duration::from_millis(500),
        }
    }
}
