//! The two controllers of a host instance: what they look at, and what they impose.
//!
//! They are looked at every tick. A rate is taken over a window; every other condition is a value
//! over its threshold. The most severe condition that holds gives the state. \[M\] how delays grow
//! and shrink is not published beyond their order: here a delay follows the excess of a rate at
//! once, grows by the tick times severity and excess for everything else, and halves when nothing
//! holds.

use std::collections::VecDeque;

use super::memory::passing;
use super::settings::{Direction, Override, ThrottleSettings};
use super::told::{Condition, Told};
use super::{DeliveryState, PublishingState, Throttle};
use crate::time::{Duration, Instant};

/// Messages that a host instance had to do with, since it started.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Documents, not interchanges, out of pipelines and orchestrations, to be published.
    pub handed_in: u64,
    /// Of those, committed or refused. \[M\] A batch that is refused is done with: its adapter
    /// hands it in again or not.
    pub committed: u64,
    /// Taken out of the MessageBox.
    pub taken: u64,
    /// Of those, finished.
    pub finished: u64,
}

/// What a controller is shown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Readings {
    /// Messages so far.
    pub totals: Totals,
    /// Messages handed out and not finished.
    pub in_process: u64,
    /// Engine threads.
    pub threads: u64,
    /// Transactions under way.
    pub sessions: u64,
    /// Messages of the host that wait, are locked or are suspended with its subscribers.
    pub queued: u64,
    /// Rows of the spool.
    pub spool: u64,
    /// Rows of tracking data.
    pub tracking: u64,
    /// Memory of the process, MB.
    pub process_memory: u64,
    /// Memory in use on the machine, MB.
    pub system_memory: u64,
}

/// A condition that holds: how far over its threshold, and how severe.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cause {
    excess: f64,
    severity: u32,
}

/// The controllers of one host instance.
#[derive(Clone, Debug)]
pub struct Controller {
    settings: ThrottleSettings,
    cpus: u64,
    /// What the totals were, oldest first; one before the window stays as its edge.
    history: VecDeque<(Instant, Totals)>,
    now: Throttle,
    told: Told,
}

impl Controller {
    /// A controller that imposes nothing yet.
    #[must_use]
    pub fn new(settings: ThrottleSettings, cpus: u32) -> Self {
        Self {
            settings,
            cpus: u64::from(cpus.max(1)),
            history: VecDeque::new(),
            now: Throttle::default(),
            told: Told::default(),
        }
    }

    /// The controller of the process that comes after this one's, which ended at `now`.
    #[must_use]
    pub fn anew(&self, now: Instant) -> Self {
        let mut next = Self::new(self.settings, 1);
        next.cpus = self.cpus;
        next.told.since = (now, now);
        next
    }

    /// What it saw when it looked last.
    #[must_use]
    pub const fn told(&self) -> &Told {
        &self.told
    }

    /// What it goes by.
    #[must_use]
    pub const fn settings(&self) -> &ThrottleSettings {
        &self.settings
    }

    /// The value above which a condition holds; zero if there is none.
    #[must_use]
    pub const fn threshold(&self, condition: Condition) -> u64 {
        condition.threshold(&self.settings, self.cpus)
    }

    /// How often it wants to be looked at.
    #[must_use]
    pub const fn tick(&self) -> Duration {
        self.settings.tick
    }

    /// What it imposes.
    #[must_use]
    pub const fn throttle(&self) -> Throttle {
        self.now
    }

    /// Looks at the conditions: what is imposed from now on.
    pub fn look(&mut self, now: Instant, readings: &Readings) -> Throttle {
        let longest = self.settings.publishing.window.max(self.settings.delivery.window);
        while self.history.get(1).is_some_and(|(at, _)| now.since(*at) >= longest) {
            self.history.pop_front();
        }
        self.history.push_back((now, readings.totals));
        self.told.readings = *readings;
        let (state, cause) = self.publishing_cause(now, readings);
        if state != self.now.publishing {
            self.told.since.0 = now;
        }
        let rate = state == PublishingState::Rate;
        self.now.publishing = state;
        let delay = self.now.publishing_delay;
        self.now.publishing_delay = self.delay(self.settings.publishing, delay, cause, rate);
        self.now.spares = match state {
            PublishingState::ProcessMemory | PublishingState::SystemMemory => {
                passing(self.settings.process_memory, self.settings.batch_memory)
            }
            PublishingState::DatabaseSize
            | PublishingState::None
            | PublishingState::Rate
            | PublishingState::Sessions
            | PublishingState::Threads
            | PublishingState::UserOverride => 0,
        };
        let (state, cause) = self.delivery_cause(now, readings);
        if state != self.now.delivery {
            self.told.since.1 = now;
        }
        let rate = state == DeliveryState::Rate;
        self.now.delivery = state;
        let delay = self.now.delivery_delay;
        self.now.delivery_delay = self.delay(self.settings.delivery, delay, cause, rate);
        self.shrink();
        self.now
    }

    /// Rate throttling leaves the pools alone, as does an operator; everything else takes a thread
    /// at every look and gives it back when it is over.
    fn shrink(&mut self) {
        let publishing = match self.now.publishing {
            PublishingState::None | PublishingState::Rate | PublishingState::UserOverride => false,
            PublishingState::DatabaseSize
            | PublishingState::ProcessMemory
            | PublishingState::Sessions
            | PublishingState::SystemMemory
            | PublishingState::Threads => true,
        };
        let (engine, dequeue) = match self.now.delivery {
            DeliveryState::None | DeliveryState::Rate | DeliveryState::UserOverride => {
                (false, false)
            }
            DeliveryState::InProcess => (false, true),
            DeliveryState::ProcessMemory | DeliveryState::SystemMemory | DeliveryState::Threads => {
                (true, true)
            }
        };
        let step = |less: u32, more: bool| match more {
            true => less.saturating_add(1).min(POOL_LESS_MAX),
            false => less.saturating_sub(1),
        };
        self.now.threads_less = step(self.now.threads_less, publishing || engine);
        self.now.looks_less = step(self.now.looks_less, dequeue);
    }

    fn delay(
        &self,
        direction: Direction,
        delay: Duration,
        cause: Option<Cause>,
        rate: bool,
    ) -> Duration {
        let seconds = match cause {
            None => delay.as_secs_f64() / 2.0,
            Some(Cause { excess, .. }) if rate => excess - 1.0,
            Some(Cause { excess, severity }) => {
                let step = self.settings.tick.as_secs_f64() * f64::from(severity) / 100.0;
                delay.as_secs_f64() + step * excess
            }
        };
        // Below a millisecond it is over.
        if seconds < 1e-3 {
            return Duration::ZERO;
        }
        // The clamp keeps the product far below what a u64 holds.
        let seconds = seconds.min(direction.delay_max.as_secs_f64());
        Duration::from_nanos((seconds * 1e9).round() as u64)
    }

    /// How much more comes in than may for what goes out, if the window holds enough to say.
    fn rate_excess(
        &self,
        now: Instant,
        direction: Direction,
        (arrived, left): (impl Fn(&Totals) -> u64, impl Fn(&Totals) -> u64),
    ) -> Option<Cause> {
        let inside = |at: Instant| now.since(at) <= direction.window;
        let (_, first) = self.history.iter().find(|(at, _)| inside(*at))?;
        let (_, last) = self.history.back()?;
        // A process that started anew counts from zero.
        let came = arrived(last).saturating_sub(arrived(first));
        let went = left(last).saturating_sub(left(first));
        let allowed = went as f64 * f64::from(direction.overdrive) / 100.0;
        let off = direction.delay_max.is_zero() || came < u64::from(direction.samples);
        if off || came as f64 <= allowed {
            return None;
        }
        Some(Cause { excess: came as f64 / allowed.max(1.0), severity: 100 })
    }

    /// A value over its threshold; a threshold of zero is off.
    fn over(value: u64, threshold: u64, severity: u32) -> Option<Cause> {
        (threshold > 0 && value > threshold)
            .then(|| Cause { excess: value as f64 / threshold as f64, severity })
    }

    /// Too much memory in the process, unless it is small in any case.
    fn process_memory(&self, readings: &Readings) -> Option<Cause> {
        let large = readings.process_memory >= SMALL_PROCESS;
        let threshold = self.settings.process_memory;
        Self::over(readings.process_memory, threshold, self.settings.severities.memory)
            .filter(|_| large)
    }

    /// Too much in the database: in the subscribers' queues, in the spool, in tracking.
    fn database(&self, readings: &Readings) -> Option<Cause> {
        let settings = &self.settings;
        let severity = settings.severities.database;
        let legs = [
            (readings.queued, settings.messages),
            (readings.spool, settings.messages.saturating_mul(settings.spool_factor)),
            (readings.tracking, settings.messages.saturating_mul(settings.tracking_factor)),
        ];
        legs.into_iter()
            .filter_map(|(value, threshold)| Self::over(value, threshold, severity))
            .max_by(|a, b| a.excess.total_cmp(&b.excess))
    }

    /// The worst condition that holds, unless an operator has a say.
    fn publishing_cause(
        &mut self,
        now: Instant,
        readings: &Readings,
    ) -> (PublishingState, Option<Cause>) {
        let causes = self.publishing_causes(now, readings);
        for (state, cause) in &causes {
            self.told.note(Condition::of_publishing(*state), cause.is_some());
        }
        let said = Cause { excess: 1.0, severity: self.settings.severities.said };
        match self.settings.publishing.said {
            Override::Never => return (PublishingState::None, None),
            Override::Always => return (PublishingState::UserOverride, Some(said)),
            Override::Automatic => {}
        }
        let found = causes.into_iter().filter(|(_, cause)| cause.is_some());
        found.min_by_key(|(state, _)| state.rank()).unwrap_or((PublishingState::None, None))
    }

    fn publishing_causes(
        &self,
        now: Instant,
        readings: &Readings,
    ) -> [(PublishingState, Option<Cause>); 6] {
        let (settings, severities) = (&self.settings, &self.settings.severities);
        let per_cpu = |threshold: u64| threshold.saturating_mul(self.cpus);
        let over = Self::over;
        let rate = self.rate_excess(
            now,
            settings.publishing,
            (|totals| totals.handed_in, |totals| totals.committed),
        );
        let memory = severities.memory;
        [
            (PublishingState::ProcessMemory, self.process_memory(readings)),
            (
                PublishingState::SystemMemory,
                over(readings.system_memory, settings.system_memory, memory),
            ),
            (
                PublishingState::Threads,
                over(readings.threads, per_cpu(settings.threads), severities.said),
            ),
            (PublishingState::DatabaseSize, self.database(readings)),
            (
                PublishingState::Sessions,
                over(readings.sessions, per_cpu(settings.sessions), severities.said),
            ),
            (PublishingState::Rate, rate),
        ]
    }

    /// The worst condition that holds, unless an operator has a say.
    fn delivery_cause(
        &mut self,
        now: Instant,
        readings: &Readings,
    ) -> (DeliveryState, Option<Cause>) {
        let causes = self.delivery_causes(now, readings);
        for (state, cause) in &causes {
            self.told.note(Condition::of_delivery(*state), cause.is_some());
        }
        let said = Cause { excess: 1.0, severity: self.settings.severities.said };
        match self.settings.delivery.said {
            Override::Never => return (DeliveryState::None, None),
            Override::Always => return (DeliveryState::UserOverride, Some(said)),
            Override::Automatic => {}
        }
        let found = causes.into_iter().filter(|(_, cause)| cause.is_some());
        found.min_by_key(|(state, _)| state.rank()).unwrap_or((DeliveryState::None, None))
    }

    fn delivery_causes(
        &self,
        now: Instant,
        readings: &Readings,
    ) -> [(DeliveryState, Option<Cause>); 5] {
        let (settings, severities) = (&self.settings, &self.settings.severities);
        let per_cpu = |threshold: u64| threshold.saturating_mul(self.cpus);
        let over = Self::over;
        let rate = self.rate_excess(
            now,
            settings.delivery,
            (|totals| totals.taken, |totals| totals.finished),
        );
        let memory = severities.memory;
        [
            (DeliveryState::ProcessMemory, self.process_memory(readings)),
            (
                DeliveryState::SystemMemory,
                over(readings.system_memory, settings.system_memory, memory),
            ),
            (
                DeliveryState::InProcess,
                over(readings.in_process, per_cpu(settings.in_process), severities.in_process),
            ),
            (
                DeliveryState::Threads,
                over(readings.threads, per_cpu(settings.threads), severities.said),
            ),
            (DeliveryState::Rate, rate),
        ]
    }
}

/// MB below which a process is not throttled for its memory (published).
pub(super) const SMALL_PROCESS: u64 = 300;
/// More threads than any pool has.
const POOL_LESS_MAX: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(ticks: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(500).times(ticks)
    }

    /// What a controller imposes after each of `ticks` looks at the same readings, whose totals
    /// grow by `per_tick`.
    fn looks(
        settings: ThrottleSettings,
        ticks: u64,
        readings: Readings,
        per_tick: Totals,
    ) -> Vec<Throttle> {
        let mut controller = Controller::new(settings, 2);
        (0..ticks)
            .map(|tick| {
                let totals = Totals {
                    handed_in: per_tick.handed_in * tick,
                    committed: per_tick.committed * tick,
                    taken: per_tick.taken * tick,
                    finished: per_tick.finished * tick,
                };
                controller.look(at(tick), &Readings { totals, ..readings })
            })
            .collect()
    }

    #[test]
    fn a_rate_is_held_to_its_line_and_leaves_the_pools_alone() {
        // R-THR-02, R-THR-03. Published example: 200 a second out and 125 % let 250 in.
        let tick = |handed_in| Totals { handed_in, committed: 100, ..Totals::default() };
        let calm = looks(ThrottleSettings::default(), 40, Readings::default(), tick(125));
        assert!(calm.iter().all(|now| *now == Throttle::default()));
        let over = looks(ThrottleSettings::default(), 40, Readings::default(), tick(150));
        let last = over[39];
        assert_eq!(last.publishing, PublishingState::Rate);
        // 150 for 125: a fifth too much, a fifth of a second.
        assert_eq!(last.publishing_delay, Duration::from_millis(200));
        assert_eq!((last.threads_less, last.delivery), (0, DeliveryState::None));
    }

    #[test]
    fn every_condition_that_holds_is_told_whatever_came_of_it() {
        // Published: a flag a condition, and how long a state lasts; an operator changes neither.
        let full = Readings { queued: 60_000, in_process: 2_001, ..Readings::default() };
        let mut settings = ThrottleSettings::default();
        for said in [Override::Automatic, Override::Never] {
            settings.publishing.said = said;
            let mut controller = Controller::new(settings, 2);
            controller.look(at(3), &full);
            controller.look(at(5), &full);
            let told = *controller.told();
            let high = Condition::ALL.map(|condition| told.is_high(condition));
            assert_eq!(high, [true, false, false, true, false, false, false, false]);
            let throttled_since = if said == Override::Automatic { at(3) } else { at(0) };
            assert_eq!(told.since, (throttled_since, at(3)));
            controller.look(at(6), &Readings::default());
            assert!(!controller.told().is_high(Condition::InProcess));
            assert_eq!(controller.told().since.1, at(6));
        }
        let controller = Controller::new(settings, 2);
        assert_eq!(controller.threshold(Condition::InProcess), 2_000, "of two CPUs");
    }

    #[test]
    fn a_window_with_too_few_messages_says_nothing() {
        // Published: fewer samples than the minimum and the window is discarded.
        let slow = Totals { handed_in: 3, committed: 1, ..Totals::default() };
        let now = looks(ThrottleSettings::default(), 30, Readings::default(), slow);
        assert_eq!(now[29].publishing, PublishingState::None);
        let fast = Totals { handed_in: 4, committed: 1, ..Totals::default() };
        let now = looks(ThrottleSettings::default(), 30, Readings::default(), fast);
        assert_eq!(now[29].publishing, PublishingState::Rate);
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        // X-09, R-THR-02: the sampling window is 15,000 ms. A burst in the first half second, and
        // nothing after it, throttles as long as its beginning is in the window.
        let mut controller = Controller::new(ThrottleSettings::default(), 2);
        let mut throttled = Vec::new();
        for tick in 0..60 {
            let handed_in = if tick == 0 { 0 } else { 1000 };
            let totals = Totals { handed_in, committed: handed_in / 10, ..Totals::default() };
            let now = controller.look(at(tick), &Readings { totals, ..Readings::default() });
            if now.publishing == PublishingState::Rate {
                throttled.push(at(tick).as_nanos() / 1_000_000);
            }
        }
        assert_eq!(throttled.first(), Some(&500));
        assert_eq!(throttled.last(), Some(&15_000));
    }

    #[test]
    fn the_database_throttles_slowest_and_memory_fastest() {
        // Published: severities 1, 75 and 500.
        let none = Totals::default();
        let settings = ThrottleSettings { process_memory: 400, ..ThrottleSettings::default() };
        let twice = |readings| looks(settings, 10, readings, none)[9];
        let database = twice(Readings { queued: 100_000, ..Readings::default() });
        let in_process = twice(Readings { in_process: 4_000, ..Readings::default() });
        let memory = twice(Readings { process_memory: 800, ..Readings::default() });
        assert_eq!(database.publishing, PublishingState::DatabaseSize);
        assert_eq!(in_process.delivery, DeliveryState::InProcess);
        assert_eq!(
            (memory.publishing, memory.delivery),
            (PublishingState::ProcessMemory, DeliveryState::ProcessMemory)
        );
        // Ten looks of half a second at twice the threshold: 10 s by the severity.
        let tenth = |delay: Duration| delay.as_nanos() / 100_000_000;
        assert_eq!(tenth(database.publishing_delay), 1);
        assert_eq!(tenth(in_process.delivery_delay), 75);
        assert_eq!(tenth(memory.publishing_delay), 500);
        assert_eq!((memory.threads_less, in_process.threads_less), (10, 0));
        assert_eq!((database.threads_less, database.looks_less), (10, 0));
        assert_eq!((memory.looks_less, in_process.looks_less), (10, 10));
    }

    #[test]
    fn every_leg_of_the_database_counts_and_zero_switches_it_off() {
        let none = Totals::default();
        let state = |settings, readings| looks(settings, 1, readings, none)[0].publishing;
        let legs = [
            Readings { queued: 50_001, ..Readings::default() },
            Readings { spool: 500_001, ..Readings::default() },
            Readings { tracking: 500_001, ..Readings::default() },
        ];
        for leg in legs {
            let normal = ThrottleSettings::default();
            assert_eq!(state(normal, leg), PublishingState::DatabaseSize);
            let off = ThrottleSettings { messages: 0, ..normal };
            assert_eq!(state(off, leg), PublishingState::None);
            let lifted = ThrottleSettings { messages: 2_000_000, ..normal };
            assert_eq!(state(lifted, leg), PublishingState::None);
        }
        let no_spool = ThrottleSettings { spool_factor: 0, ..ThrottleSettings::default() };
        assert_eq!(state(no_spool, legs[1]), PublishingState::None);
    }

    #[test]
    fn the_most_severe_condition_names_the_state() {
        // R-THR-03: process memory, in-process messages, threads, database, the others.
        let settings =
            ThrottleSettings { process_memory: 1, threads: 1, ..ThrottleSettings::default() };
        let mut readings = Readings {
            process_memory: 400,
            threads: 9,
            queued: 60_000,
            in_process: 9_000,
            ..Readings::default()
        };
        let state = |readings| {
            let now = looks(settings, 1, readings, Totals::default())[0];
            (now.publishing.code(), now.delivery.code())
        };
        assert_eq!(state(readings), (4, 4));
        readings.process_memory = 0;
        assert_eq!(state(readings), (9, 3));
        readings.threads = 0;
        assert_eq!(state(readings), (6, 3));
        readings.in_process = 0;
        assert_eq!(state(readings), (6, 0));
    }

    #[test]
    fn memory_spares_small_processes_and_small_batches() {
        // Published: processes below 300 MB are not throttled, batches below 1 % are not delayed.
        let settings = ThrottleSettings { process_memory: 200, ..ThrottleSettings::default() };
        let now = |process_memory| {
            let readings = Readings { process_memory, ..Readings::default() };
            looks(settings, 1, readings, Totals::default())[0]
        };
        assert_eq!(now(299), Throttle::default());
        assert_eq!(now(300).publishing, PublishingState::ProcessMemory);
        assert_eq!(now(300).spares, 2_000_000);
    }

    #[test]
    fn an_operator_has_the_last_word() {
        let said = |said| Direction { said, ..Direction::default() };
        let full = Readings { queued: 60_000, in_process: 9_000, ..Readings::default() };
        let never = ThrottleSettings {
            publishing: said(Override::Never),
            delivery: said(Override::Never),
            ..ThrottleSettings::default()
        };
        let now = looks(never, 20, full, Totals::default());
        assert!(now.iter().all(|now| *now == Throttle::default()));
        let always = ThrottleSettings {
            publishing: said(Override::Always),
            delivery: said(Override::Always),
            ..ThrottleSettings::default()
        };
        let now = looks(always, 2, Readings::default(), Totals::default())[1];
        assert_eq!((now.publishing.code(), now.delivery.code()), (11, 10));
        assert_eq!((now.publishing_delay, now.threads_less), (SECOND, 0));
    }

    #[test]
    fn a_delay_is_bounded_and_halves_when_the_condition_is_over() {
        let mut controller = Controller::new(
            ThrottleSettings { process_memory: 8, ..ThrottleSettings::default() },
            1,
        );
        let full = Readings { process_memory: 400, ..Readings::default() };
        for tick in 0..10 {
            controller.look(at(tick), &full);
        }
        assert_eq!(controller.throttle().publishing_delay, super::super::MAX_DELAY);
        let over = controller.look(at(10), &Readings::default());
        assert_eq!(over.publishing_delay, Duration::from_secs(150));
        assert_eq!((over.publishing, over.threads_less), (PublishingState::None, 9));
        for tick in 11..40 {
            controller.look(at(tick), &Readings::default());
        }
        assert_eq!(controller.throttle(), Throttle::default());
    }
}
