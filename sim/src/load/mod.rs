//! Load: when messages arrive, and what they are. Open loop: nothing the system does delays an
//! arrival. Closed loop ([`Users`]): a user waits for the end of what it asked for.
//!
//! Every kind of load keeps its own clock, which begins at the load's start: the instants of a
//! [`Shape`] and of a replay count from there.

mod curve;
mod cycle;
mod lots;
mod pace;
mod refusal;
mod replay;
mod sender;
mod shape;
mod users;
mod variety;

pub use lots::{Lots, LotsPer};
pub use pace::Pace;
pub use refusal::{Refusals, Resend};
pub use replay::{ReplayError, ReplayFault, ReplayRow, parse_csv};
pub use sender::{Creator, Reading, Sending};
pub use shape::{Bell, Shape, Spacing};
pub use users::Users;
pub(crate) use variety::Choice;
pub use variety::{Kind, Recorded, Sizes, Variety};

use floodgate_engine::time::{Duration, Instant};

use crate::rng::Rng;
use sender::Sender;
use shape::Flow;

/// What a load is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrivalKind {
    /// As LoadGen 2007 sends: several messages at once, then a pause.
    Lots(Lots),
    /// These instants, in this order, on the load's own clock; see [`parse_csv`].
    Replay(Vec<Instant>),
    /// A rate that varies over time.
    Shape {
        /// The rate.
        shape: Shape,
        /// How the arrivals are spaced at that rate.
        spacing: Spacing,
    },
    /// As users do: each waits for the end of its request before it thinks of the next.
    Users(Users),
}

/// The arrivals of one load, one after another; it remembers a position and nothing else.
#[derive(Clone, Debug)]
pub struct Arrivals {
    source: Source,
    key: u64,
    start: Instant,
    until: Instant,
    count_max: u64,
    count: u64,
    pace: Option<Pace>,
}

#[derive(Clone, Debug)]
enum Source {
    Flow(Flow),
    Lots(Lots),
    Replay(Vec<Instant>),
    Sender(Box<Sender>),
    /// The world knows when they ask; nothing is known beforehand.
    Users,
}

impl Arrivals {
    /// A load that begins at `start` and ends with the last arrival not after `until`, or with
    /// arrival number `count`, or by its own nature, whichever comes first.
    ///
    /// `key` addresses its draws: derive it from the load's name.
    #[must_use]
    pub fn new(
        kind: ArrivalKind,
        key: u64,
        start: Instant,
        until: Option<Instant>,
        count: Option<u64>,
    ) -> Self {
        let source = match kind {
            ArrivalKind::Lots(lots) if lots.sending.is_slow() => {
                Source::Sender(Box::new(Sender::new(lots)))
            }
            ArrivalKind::Lots(lots) => Source::Lots(lots.checked()),
            ArrivalKind::Replay(instants) => {
                assert!(instants.is_sorted(), "the instants of a replay do not go back");
                Source::Replay(instants)
            }
            ArrivalKind::Shape { shape, spacing } => Source::Flow(Flow::new(shape, spacing)),
            ArrivalKind::Users(_) => Source::Users,
        };
        let (until, count_max) = (until.unwrap_or(Instant::MAX), count.unwrap_or(u64::MAX));
        Self { source, key, start, until, count_max, count: 0, pace: None }
    }

    /// The same load with a clock that runs as `pace` says.
    #[must_use]
    pub fn paced(self, pace: Option<Pace>) -> Self {
        Self { pace, ..self }
    }

    /// The same load where its destination refuses what is sent for a while. Only LoadGen's senders
    /// try again; nothing refuses the others.
    #[must_use]
    pub fn refused(self, refusals: Option<Refusals>) -> Self {
        let Some(refusals) = refusals else { return self };
        let refusals = match &self.pace {
            None => refusals.on(|at| Instant::ZERO + at.since(self.start)),
            Some(pace) => refusals.on(|at| pace.own(at)),
        };
        let source = match self.source {
            Source::Lots(lots) => Source::Sender(Box::new(Sender::new(lots).refused(refusals))),
            Source::Sender(sender) => Source::Sender(Box::new(sender.refused(refusals))),
            other @ (Source::Flow(_) | Source::Replay(_) | Source::Users) => other,
        };
        Self { source, ..self }
    }

    /// Messages whose senders gave up so far: they were never sent.
    #[must_use]
    pub const fn given_up(&self) -> u64 {
        match &self.source {
            Source::Sender(sender) => sender.given_up(),
            Source::Flow(_) | Source::Lots(_) | Source::Replay(_) | Source::Users => 0,
        }
    }

    /// A controller has looked at its monitor: the pause after a lot is stretched or shortened.
    pub fn heed(&mut self, reading: Reading) {
        if let Source::Sender(sender) = &mut self.source {
            sender.heed(reading);
        }
    }

    /// A user asks at `now`: an arrival like the others, unless the load is over.
    pub(crate) fn asked(&mut self, now: Instant) -> bool {
        let open = self.count < self.count_max && now <= self.until;
        self.count += u64::from(open);
        open
    }

    /// Whether no user may ask any more.
    pub(crate) const fn is_over(&self) -> bool {
        self.count >= self.count_max
    }

    /// When `span` of the load's time has passed since `now`.
    pub(crate) fn after(&self, now: Instant, span: Duration) -> Option<Instant> {
        let at = match &self.pace {
            None => Some(now + span),
            Some(pace) => pace.after(now, span),
        };
        at.filter(|at| *at <= self.until)
    }

    /// When it begins and when it ends by itself.
    pub(crate) const fn span(&self) -> (Instant, Instant) {
        (self.start, self.until)
    }

    /// The instant of the next arrival, never before that of the last; none when the load is over.
    #[inline(always)]
    pub fn next(&mut self, rng: &Rng) -> Option<Instant> {
        if self.count >= self.count_max {
            return None;
        }
        let own = match &mut self.source {
            Source::Flow(flow) => flow.next(rng, self.key),
            Source::Lots(lots) => lots.arrival(self.count),
            Source::Replay(instants) => {
                usize::try_from(self.count).ok().and_then(|index| instants.get(index).copied())
            }
            Source::Sender(sender) => sender.next(self.count),
            Source::Users => None,
        };
        // An arrival at the end of time is none: only a sum that overflowed can be there.
        let at = match &self.pace {
            None => own.map(|own| self.start + Duration::from_nanos(own.as_nanos())),
            Some(pace) => own.and_then(|own| pace.real(own)),
        };
        match at.filter(|at| *at <= self.until && *at < Instant::MAX) {
            Some(at) => {
                self.count += 1;
                Some(at)
            }
            None => {
                self.count_max = self.count;
                None
            }
        }
    }

    /// How many arrivals there have been: the index of the next.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_nanos(5_000_000_000);

    fn steady(until: Option<Instant>, count: Option<u64>) -> Vec<u64> {
        let kind = ArrivalKind::Shape { shape: Shape::constant(4.0), spacing: Spacing::Constant };
        take(&mut Arrivals::new(kind, 0, START, until, count))
    }

    /// Milliseconds of all arrivals, and that the end is the end.
    fn take(arrivals: &mut Arrivals) -> Vec<u64> {
        let rng = Rng::new(0, 0);
        let all: Vec<u64> = std::iter::from_fn(|| arrivals.next(&rng))
            .map(|at| at.as_nanos() / 1_000_000)
            .collect();
        assert_eq!(arrivals.next(&rng), None);
        assert_eq!(arrivals.count(), all.len() as u64);
        all
    }

    #[test]
    fn a_load_ends_by_instant_or_by_count_whichever_is_first() {
        let end = START + Duration::from_secs(1);
        assert_eq!(steady(Some(end), None), [5_250, 5_500, 5_750, 6_000]);
        assert_eq!(steady(Some(end), Some(3)), [5_250, 5_500, 5_750]);
        assert_eq!(steady(Some(end), Some(9)), [5_250, 5_500, 5_750, 6_000]);
        assert_eq!(steady(Some(START), None), [0; 0]);
        assert_eq!(steady(None, Some(0)), [0; 0]);
    }

    #[test]
    fn a_replay_counts_from_the_start_of_the_load() {
        let instants = [0, 1, 1, 9].map(|secs| Instant::ZERO + Duration::from_secs(secs));
        let kind = ArrivalKind::Replay(instants.to_vec());
        let mut all = Arrivals::new(kind.clone(), 0, START, None, None);
        assert_eq!(take(&mut all), [5_000, 6_000, 6_000, 14_000]);
        let end = Some(START + Duration::from_secs(8));
        assert_eq!(take(&mut Arrivals::new(kind, 0, START, end, None)), [5_000, 6_000, 6_000]);
    }

    #[test]
    fn lots_count_from_the_start_of_the_load() {
        let lots = Lots {
            threads: 2,
            lot: 1,
            sleep: Duration::from_millis(200),
            per: LotsPer::Thread,
            files: Some(5),
            time: None,
            sending: Sending::default(),
        };
        let mut all = Arrivals::new(ArrivalKind::Lots(lots), 0, START, None, None);
        assert_eq!(take(&mut all), [5_000, 5_000, 5_200, 5_200, 5_400]);
    }

    #[test]
    #[should_panic(expected = "do not go back")]
    fn a_replay_out_of_order_is_refused() {
        let kind = ArrivalKind::Replay(vec![START, Instant::ZERO]);
        let _ = Arrivals::new(kind, 0, START, None, None);
    }
}
