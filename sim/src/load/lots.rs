//! The load of LoadGen 2007: every sender thread sends a lot of messages at once, then sleeps.
//!
//! All threads start together, at the start of the load, and sending takes the time it is given:
//! none by default, so that a period is the pause alone. Of neither does public text say what it
//! is.

use floodgate_engine::time::{Duration, Instant};

use super::sender::Sending;

/// A section of a LoadGen configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lots {
    /// `NumThreadsPerSection`; at least one.
    pub threads: u32,
    /// `LotSizePerInterval`: messages sent at once; at least one.
    pub lot: u32,
    /// `SleepInterval`: the pause after a lot. Zero only together with `files`.
    pub sleep: Duration,
    /// Whose lot it is.
    pub per: LotsPer,
    /// `StopMode` `Files`: stop after so many messages of all threads together.
    pub files: Option<u64>,
    /// `StopMode` `Time`: begin no lot when so much time has passed.
    pub time: Option<Duration>,
    /// What sending takes, and what else decides about its pace.
    pub sending: Sending,
}

/// Whether the lot is each thread's or the section's. The public text does not say, and they
/// differ by a factor of `threads`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LotsPer {
    /// One lot for each pause, shared by the threads.
    Section,
    /// For each pause, one lot of every thread.
    Thread,
}

impl Lots {
    pub(super) fn checked(self) -> Self {
        assert!(self.threads > 0 && self.lot > 0, "a lot has at least one sender and one message");
        let ends = self.files.is_some() || !self.sleep.is_zero();
        assert!(ends, "lots without a pause end after a number of files");
        self
    }

    /// The instant of message `index`, counted from the start of the load.
    pub(super) fn arrival(&self, index: u64) -> Option<Instant> {
        if self.files.is_some_and(|files| index >= files) {
            return None;
        }
        let at_once = match self.per {
            LotsPer::Section => u64::from(self.lot),
            LotsPer::Thread => u64::from(self.lot) * u64::from(self.threads),
        };
        let elapsed = self.sleep.times(index / at_once);
        let in_time = self.time.is_none_or(|time| elapsed < time);
        in_time.then_some(Instant::ZERO + elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of the vendor's guide: five threads, lots of 25, a pause of 200 ms.
    const SAMPLE: Lots = Lots {
        threads: 5,
        lot: 25,
        sleep: Duration::from_millis(200),
        per: LotsPer::Thread,
        files: None,
        time: Some(Duration::from_secs(10)),
        sending: Sending { takes: Duration::ZERO, creator: None, step: Duration::ZERO },
    };

    fn instants(lots: Lots) -> Vec<u64> {
        let millis = |at: Instant| at.as_nanos() / 1_000_000;
        (0..).map_while(|index| lots.checked().arrival(index).map(millis)).collect()
    }

    #[test]
    fn the_two_readings_of_the_sample_differ_by_the_number_of_threads() {
        assert_eq!(instants(SAMPLE).len(), 6_250);
        assert_eq!(instants(Lots { per: LotsPer::Section, ..SAMPLE }).len(), 1_250);
    }

    #[test]
    fn messages_of_a_lot_come_together() {
        let lots = Lots { threads: 2, lot: 2, files: Some(9), ..SAMPLE };
        assert_eq!(instants(lots), [0, 0, 0, 0, 200, 200, 200, 200, 400]);
        let section = Lots { per: LotsPer::Section, files: Some(5), ..lots };
        assert_eq!(instants(section), [0, 0, 200, 200, 400]);
    }

    #[test]
    fn no_lot_begins_when_the_time_is_over() {
        let one = Lots { threads: 1, lot: 1, ..SAMPLE };
        let millis = |time| Some(Duration::from_millis(time));
        assert_eq!(instants(Lots { time: millis(400), ..one }), [0, 200]);
        assert_eq!(instants(Lots { time: millis(401), ..one }), [0, 200, 400]);
    }

    #[test]
    #[should_panic(expected = "end after a number of files")]
    fn lots_without_pause_need_a_number() {
        let _ = Lots { sleep: Duration::ZERO, ..SAMPLE }.checked();
    }
}
