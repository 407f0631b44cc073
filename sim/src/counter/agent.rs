//! The counters of the message agent: what comes and goes, and how a host is throttled.

use std::cmp::Ordering;

use floodgate_engine::host::HostInstance;
use floodgate_engine::throttle::{Condition, Controller, Override, Totals as Messages};
use floodgate_engine::time::Instant;

use super::{AGENT, Between, HostCounter, HostTotals, Which};

/// What the message agents of all instances of a host show together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AgentTotals {
    messages: Messages,
    /// Delays in milliseconds, states, seconds in them, overrides: of publishing, of delivery.
    delay: [f64; 2],
    state: [u8; 2],
    duration: [f64; 2],
    said: [u8; 2],
    /// Conditions that hold for some instance, and thresholds, by their places in
    /// [`Condition::ALL`].
    high: [bool; 8],
    threshold: [u64; 8],
    database: u64,
    sessions: u64,
    process_memory: u64,
    system_memory: u64,
    collections: u64,
}

impl AgentTotals {
    /// Adds the garbage collections that were forced upon an instance.
    pub(crate) const fn add_collections(&mut self, forced: u64) {
        self.collections += forced;
    }

    /// Adds what an instance has had to do with.
    pub(crate) fn add(&mut self, instance: &HostInstance) {
        let (own, more) = (&mut self.messages, instance.totals());
        own.handed_in += more.handed_in;
        own.committed += more.committed;
        own.taken += more.taken;
        own.finished += more.finished;
    }

    /// Adds what its controllers show at `now`; of several instances the worst counts, and of
    /// threads, sessions and messages in process the sum, as of their thresholds.
    pub(crate) fn add_controller(&mut self, now: Instant, controller: &Controller) {
        let (throttle, told) = (controller.throttle(), controller.told());
        let settings = controller.settings();
        let delays = [throttle.publishing_delay, throttle.delivery_delay];
        let states = [throttle.publishing.code(), throttle.delivery.code()];
        let since = [told.since.0, told.since.1];
        let said = [settings.publishing.said, settings.delivery.said];
        for way in 0..2 {
            self.delay[way] = self.delay[way].max(delays[way].as_secs_f64() * 1e3);
            let lasts = now.since(since[way]).as_secs_f64();
            self.duration[way] = match states[way].cmp(&self.state[way]) {
                Ordering::Greater => lasts,
                Ordering::Equal => self.duration[way].max(lasts),
                Ordering::Less => self.duration[way],
            };
            self.state[way] = self.state[way].max(states[way]);
            self.said[way] = match said[way] {
                Override::Automatic => 0,
                Override::Always => 1,
                Override::Never => 2,
            };
        }
        for (place, condition) in Condition::ALL.into_iter().enumerate() {
            self.high[place] |= told.is_high(condition);
            let (all, own) = (&mut self.threshold[place], controller.threshold(condition));
            // As what is held against it.
            *all = if is_summed(condition) { *all + own } else { (*all).max(own) };
        }
        self.database = self.database.max(told.readings.queued);
        self.sessions += told.readings.sessions;
        self.process_memory = self.process_memory.max(told.readings.process_memory);
        self.system_memory = self.system_memory.max(told.readings.system_memory);
    }
}

/// Whether a host shows what a condition looks at as the sum over its instances.
const fn is_summed(condition: Condition) -> bool {
    match condition {
        Condition::DatabaseSession | Condition::InProcess | Condition::Threads => true,
        Condition::DatabaseSize
        | Condition::DeliveryRate
        | Condition::ProcessMemory
        | Condition::PublishingRate
        | Condition::SystemMemory => false,
    }
}

/// A counter of the state of one direction: publishing is the first of two.
macro_rules! ways {
    ($($field:ident: $delivery:literal, $publishing:literal, $unit:literal;)*) => {[$(
        (AGENT, $delivery, $unit, Which::Throttled, |host| host.now.agent.$field[1].into()),
        (AGENT, $publishing, $unit, Which::Throttled, |host| host.now.agent.$field[0].into()),
    )*]};
}

/// What is sampled of every host: messages that come and go.
pub(super) const FLOWS: [HostCounter; 7] = [
    // A message that was taken is an instance, or starts or wakes one.
    (AGENT, "Active instance count", "instances", Which::All, |host| {
        f64::from(host.now.gauges.in_process) + host.now.dehydration.dehydratable as f64
    }),
    (AGENT, "Message publishing incoming rate", "messages/s", Which::All, |host| {
        host.rate(|messages| messages.handed_in)
    }),
    // Committed, and not refused; the controllers are through with those, too.
    (AGENT, "Message publishing outgoing rate", "messages/s", Which::All, |host| {
        host.done_per_second(|done| done.published)
    }),
    (AGENT, "Message delivery incoming rate", "messages/s", Which::All, |host| {
        host.rate(|messages| messages.taken)
    }),
    (AGENT, "Message delivery outgoing rate", "messages/s", Which::All, |host| {
        host.rate(|messages| messages.finished)
    }),
    (AGENT, "Total messages published", "messages", Which::All, |host| {
        host.now.done.published as f64
    }),
    (AGENT, "Total messages delivered", "messages", Which::All, |host| {
        host.now.agent.messages.taken as f64
    }),
];

/// What is sampled of every throttled host, direction by direction.
pub(super) const STATES: [HostCounter; 8] = ways! {
    delay: "Message delivery delay (ms)", "Message publishing delay (ms)", "ms";
    state: "Message delivery throttling state", "Message publishing throttling state", "state";
    duration: "Message delivery throttling state duration",
        "Message publishing throttling state duration", "s";
    said: "Message delivery throttling user override",
        "Message publishing throttling user override", "override";
};

/// A counter that is one while a condition holds.
macro_rules! flags {
    ($($condition:ident: $name:literal;)*) => {[$(
        (AGENT, $name, "0 or 1", Which::Throttled, |host| {
            f64::from(u8::from(host.now.agent.high[Condition::$condition as usize]))
        }),
    )*]};
}

/// What is sampled of every throttled host, condition by condition.
pub(super) const FLAGS: [HostCounter; 8] = flags! {
    DeliveryRate: "High message delivery rate";
    PublishingRate: "High message publishing rate";
    ProcessMemory: "High process memory";
    SystemMemory: "High system memory";
    Threads: "High thread count";
    InProcess: "High in-process message count";
    DatabaseSize: "High database size";
    DatabaseSession: "High database session";
};

/// What the controllers of a throttled host look at, and how much of it there may be.
pub(super) const LIMITS: [HostCounter; 10] = [
    (".NET CLR Memory", "# Induced GC", "collections", Which::Throttled, |host| {
        host.now.agent.collections as f64
    }),
    (AGENT, "Database size", "messages", Which::Throttled, |host| host.now.agent.database as f64),
    (AGENT, "Database session", "sessions", Which::Throttled, |host| {
        host.now.agent.sessions as f64
    }),
    (AGENT, "Database session threshold", "sessions", Which::Throttled, |host| {
        host.threshold(Condition::DatabaseSession)
    }),
    (AGENT, "In-process message count threshold", "messages", Which::Throttled, |host| {
        host.threshold(Condition::InProcess)
    }),
    (AGENT, "Thread count threshold", "threads", Which::Throttled, |host| {
        host.threshold(Condition::Threads)
    }),
    (AGENT, "Process memory usage (MB)", "MB", Which::Throttled, |host| {
        host.now.agent.process_memory as f64
    }),
    (AGENT, "Process memory usage threshold (MB)", "MB", Which::Throttled, |host| {
        host.threshold(Condition::ProcessMemory)
    }),
    (AGENT, "Physical memory usage (MB)", "MB", Which::Throttled, |host| {
        host.now.agent.system_memory as f64
    }),
    (AGENT, "Physical memory usage threshold (MB)", "MB", Which::Throttled, |host| {
        host.threshold(Condition::SystemMemory)
    }),
];

impl Between<'_> {
    /// Messages in a second of the interval; none where a process died meanwhile.
    fn rate(&self, read: fn(&Messages) -> u64) -> f64 {
        let of = |host: &HostTotals| read(&host.agent.messages);
        let came = of(self.now).checked_sub(of(self.before));
        came.map_or(f64::NAN, |came| came as f64 / self.seconds)
    }

    fn threshold(&self, condition: Condition) -> f64 {
        self.now.agent.threshold[condition as usize] as f64
    }
}
