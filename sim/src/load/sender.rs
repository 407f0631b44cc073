//! LoadGen's senders where sending takes time: rounds of messages, a pause after each lot, a
//! creator that makes the messages, and a controller that stretches the pause.
//!
//! Threads keep step: a round is one message of each, and the next one begins when all have sent.
//! \[M\] The public text does not say how threads of a section are spread.

use std::collections::VecDeque;

use floodgate_engine::time::{Duration, Instant};

use super::lots::{Lots, LotsPer};
use super::refusal::Refusals;

/// What makes the messages before they are sent: without one they are there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Creator {
    /// One for the synchronous creator, more for the asynchronous one.
    pub threads: u32,
    /// How long one thread needs for a message.
    pub takes: Duration,
    /// Messages that wait for a sender, at most; at least one.
    pub queue: u32,
}

/// Where a monitored value is, seen from its range.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reading {
    /// Above: send less.
    Above,
    /// Below: send more.
    Below,
    /// Inside: go on.
    Inside,
}

/// How a section sends, beyond its lots and pauses.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sending {
    /// How long one thread needs to send a message.
    pub takes: Duration,
    /// What makes the messages.
    pub creator: Option<Creator>,
    /// By how much a controller changes the pause at a time; zero without one. The pause goes from
    /// nothing to a hundred times what it was, and never stays where no step leads out of.
    pub step: Duration,
}

impl Sending {
    /// Whether messages of a lot come one after another, so that they must be followed one by one.
    pub(super) fn is_slow(&self) -> bool {
        *self != Self::default()
    }
}

/// A section at work.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    lots: Lots,
    /// When the round under way began, and how much of it has been sent.
    round: Instant,
    in_round: u32,
    /// When the slowest message of the round is sent.
    round_ends: Instant,
    /// Rounds of the lot that have begun.
    rounds: u32,
    pause: Duration,
    /// When the last messages were made, and when the last were taken.
    made: VecDeque<Instant>,
    taken: VecDeque<Instant>,
    /// When its destination refuses what it sends, and what it does then.
    refusals: Option<Refusals>,
    given_up: u64,
}

impl Sender {
    pub(super) fn new(lots: Lots) -> Self {
        let ends = lots.files.is_some()
            || !lots.sending.takes.is_zero()
            || !lots.sending.creator.is_none_or(|creator| creator.takes.is_zero())
            || (!lots.sleep.is_zero() && lots.sending.step.is_zero());
        assert!(ends, "sending without a pause takes time or has an end");
        Self {
            lots,
            round: Instant::ZERO,
            in_round: 0,
            round_ends: Instant::ZERO,
            rounds: 1,
            pause: lots.sleep,
            made: VecDeque::new(),
            taken: VecDeque::new(),
            refusals: None,
            given_up: 0,
        }
    }

    /// The same with a destination that refuses what is sent for a while.
    pub(super) fn refused(self, refusals: Refusals) -> Self {
        let takes = !self.lots.sending.takes.is_zero() || !self.lots.sleep.is_zero();
        let waits = refusals.resend.number > 0 && !refusals.resend.interval.is_zero();
        assert!(takes || waits, "a send that fails takes time, or a pause comes after it");
        Self { refusals: Some(refusals), ..self }
    }

    /// Messages that were given up so far.
    pub(super) const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// When the next message has been sent, on the load's clock; `index` counts from zero.
    pub(super) fn next(&mut self, index: u64) -> Option<Instant> {
        if self.lots.files.is_some_and(|files| index >= files) {
            return None;
        }
        while let Some(sent) = self.send() {
            match sent {
                Ok(sent) => return Some(sent),
                Err(_) => self.given_up += 1,
            }
        }
        None
    }

    /// One more message is sent: when it is, or when it was given up. None when the time is over.
    fn send(&mut self) -> Option<Result<Instant, Instant>> {
        if self.in_round == self.width() {
            self.begin_round();
        }
        let in_lot = self.rounds == 1 && self.in_round == 0;
        let begun = self.lots.time.is_none_or(|time| self.round < Instant::ZERO + time);
        if in_lot && !begun {
            return None;
        }
        self.in_round += 1;
        let begins = self.create();
        let takes = self.lots.sending.takes;
        let sent = begins + takes;
        let outcome = self.refusals.as_ref().map_or(Ok(sent), |own| own.outcome(sent, takes));
        let (Ok(ends) | Err(ends)) = outcome;
        self.round_ends = self.round_ends.max(ends);
        Some(outcome)
    }

    /// A controller has looked at its monitor.
    pub(super) fn heed(&mut self, reading: Reading) {
        let step = self.lots.sending.step;
        self.pause = match reading {
            Reading::Above => (self.pause + step).min(self.lots.sleep.times(100)),
            Reading::Below => self.pause - step,
            Reading::Inside => self.pause,
        };
    }

    /// Messages of the round under way.
    fn width(&self) -> u32 {
        match self.lots.per {
            LotsPer::Thread => self.lots.threads,
            // The last round of a lot is what the others have left.
            LotsPer::Section => {
                let before = self.lots.threads.saturating_mul(self.rounds - 1);
                self.lots.threads.min(self.lots.lot.saturating_sub(before))
            }
        }
    }

    /// Rounds of a lot.
    fn rounds_of_lot(&self) -> u32 {
        match self.lots.per {
            LotsPer::Thread => self.lots.lot,
            LotsPer::Section => self.lots.lot.div_ceil(self.lots.threads),
        }
    }

    fn begin_round(&mut self) {
        self.in_round = 0;
        self.round = self.round_ends;
        self.rounds += 1;
        if self.rounds > self.rounds_of_lot() {
            self.rounds = 1;
            self.round = self.round_ends + self.pause;
        }
        self.round_ends = self.round;
    }

    /// When a thread of this round has its message in hand.
    fn create(&mut self) -> Instant {
        let Some(creator) = self.lots.sending.creator else { return self.round };
        let oldest = |line: &VecDeque<Instant>, length: u32| {
            let full = line.len() >= length as usize;
            if full { line.front().copied() } else { None }.unwrap_or(Instant::ZERO)
        };
        // A thread begins when it is done with its last one and there is room.
        let free = oldest(&self.made, creator.threads).max(oldest(&self.taken, creator.queue));
        let made = free + creator.takes;
        let taken = made.max(self.round);
        push(&mut self.made, made, creator.threads);
        push(&mut self.taken, taken, creator.queue);
        taken
    }
}

/// The newest at the end, so many of them.
fn push(line: &mut VecDeque<Instant>, at: Instant, length: u32) {
    if line.len() >= length as usize {
        line.pop_front();
    }
    line.push_back(at);
}

#[cfg(test)]
mod tests {
    use super::super::refusal::Resend;
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    const LOTS: Lots = Lots {
        threads: 2,
        lot: 3,
        sleep: MS.times(100),
        per: LotsPer::Thread,
        files: None,
        time: None,
        sending: Sending { takes: MS.times(10), creator: None, step: Duration::ZERO },
    };

    fn millis(sender: &mut Sender, count: u64) -> Vec<u64> {
        (0..count).map_while(|n| sender.next(n)).map(|at| at.as_nanos() / 1_000_000).collect()
    }

    fn sent(lots: Lots, count: u64) -> Vec<u64> {
        millis(&mut Sender::new(lots), count)
    }

    #[test]
    fn a_pause_comes_after_the_lot_is_sent() {
        // Three rounds of two take 30 ms, then a pause of 100 ms.
        assert_eq!(sent(LOTS, 10), [10, 10, 20, 20, 30, 30, 140, 140, 150, 150]);
        // The section's lot of three is two rounds: of two, and of one.
        let section = Lots { per: LotsPer::Section, ..LOTS };
        assert_eq!(sent(section, 8), [10, 10, 20, 130, 130, 140, 250, 250]);
    }

    #[test]
    fn it_stops_by_files_or_begins_no_lot_after_its_time() {
        assert_eq!(sent(Lots { files: Some(3), ..LOTS }, 99), [10, 10, 20]);
        let time = |millis| Lots { time: Some(MS.times(millis)), ..LOTS };
        assert_eq!(sent(time(130), 99).len(), 6);
        assert_eq!(sent(time(131), 99).len(), 12);
    }

    #[test]
    fn without_time_to_send_it_is_the_closed_form() {
        let plain = Lots { sending: Sending::default(), files: Some(40), ..LOTS };
        let expected: Vec<u64> =
            (0..40).map_while(|n| plain.arrival(n)).map(|at| at.as_nanos() / 1_000_000).collect();
        assert_eq!(sent(plain, 99), expected);
    }

    #[test]
    fn a_creator_limits_the_rate() {
        // One thread, 25 ms a message: the two senders wait for each.
        let creator = Creator { threads: 1, takes: MS.times(25), queue: 10 };
        let slow = Sending { creator: Some(creator), ..LOTS.sending };
        // The pause fills the queue: the next lot finds four ready.
        assert_eq!(
            sent(Lots { sending: slow, ..LOTS }, 12),
            [35, 60, 85, 110, 135, 160, 270, 270, 280, 280, 290, 310]
        );
        let two = Sending { creator: Some(Creator { threads: 2, ..creator }), ..LOTS.sending };
        assert_eq!(sent(Lots { sending: two, ..LOTS }, 6), [35, 35, 60, 60, 85, 85]);
        // A queue of one holds a single message over the pause.
        let short = Sending { creator: Some(Creator { queue: 1, ..creator }), ..LOTS.sending };
        let all = sent(Lots { sending: short, ..LOTS }, 8);
        assert_eq!(all[6..], [270, 295]);
    }

    /// Three tries, 50 ms apart, of a destination that is away from 15 ms to `to`.
    fn refused(lots: Lots, to: u64) -> Sender {
        let at = |millis| Instant::ZERO + MS.times(millis);
        let resend = Resend { interval: MS.times(50), number: 2 };
        Sender::new(lots).refused(Refusals { spans: vec![(at(15), at(to))], resend })
    }

    #[test]
    fn a_failed_send_is_tried_again_and_the_others_of_its_round_wait() {
        // Both of the second round fail at 20 ms and get there 60 ms later; then all goes on.
        assert_eq!(millis(&mut refused(LOTS, 80), 6), [10, 10, 80, 80, 90, 90]);
        // Back too late for the first retry, in time for the second.
        assert_eq!(millis(&mut refused(LOTS, 81), 6), [10, 10, 140, 140, 150, 150]);
    }

    #[test]
    fn a_message_is_given_up_after_its_last_retry_and_does_not_count_as_a_file() {
        // Tries at 20, 80 and 140 ms fail: the second round is lost, and so is the third one's
        // first try, at 150 ms.
        let mut sender = refused(Lots { files: Some(5), ..LOTS }, 151);
        assert_eq!(millis(&mut sender, 99), [10, 10, 210, 210, 320]);
        assert_eq!(sender.given_up(), 2);
        let never = Refusals { spans: Vec::new(), resend: Resend { interval: MS, number: 9 } };
        let mut untouched = Sender::new(LOTS).refused(never);
        assert_eq!(millis(&mut untouched, 10), sent(LOTS, 10));
    }

    #[test]
    fn a_controller_stretches_and_shortens_the_pause_and_is_never_stuck() {
        let step = Sending { step: MS.times(40), ..LOTS.sending };
        let mut sender = Sender::new(Lots { lot: 1, threads: 1, sending: step, ..LOTS });
        assert_eq!(millis(&mut sender, 2), [10, 120]);
        for _ in 0..5 {
            sender.heed(Reading::Below);
        }
        sender.heed(Reading::Inside);
        assert_eq!(millis(&mut sender, 3), [130, 140, 150]);
        sender.heed(Reading::Above);
        assert_eq!(millis(&mut sender, 2), [200, 250]);
        for _ in 0..10_000 {
            sender.heed(Reading::Above);
        }
        assert_eq!(millis(&mut sender, 1), [10_260]);
    }
}
