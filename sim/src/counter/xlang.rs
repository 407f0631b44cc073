//! The counters of orchestrations, of those hosts that run any.
//!
//! An instance that waits is in the MessageBox alone, unless its host dehydrates by time and
//! memory: then there is more to show.

use super::{Between, HostCounter, HostTotals, Which};

const XLANG: &str = "XLANG/s Orchestrations";

/// Two counters of something that happens: how often so far, and how often in a second.
macro_rules! counted {
    ($($total:literal, $rate:literal, $unit:literal, $read:expr;)*) => {[
        $(
            (XLANG, $total, $unit, Which::Orchestrating, |host| {
                let read: fn(&HostTotals) -> u64 = $read;
                read(host.now) as f64
            }),
            (XLANG, $rate, concat!($unit, "/s"), Which::Orchestrating, |host| {
                host.per_second($read)
            }),
        )*
        (XLANG, "Running orchestrations", "orchestrations", Which::Orchestrating, |host| {
            host.now.turns.into()
        }),
        (XLANG, "Runnable orchestrations", "orchestrations", Which::Orchestrating, |host| {
            host.now.turns_waiting.into()
        }),
        (XLANG, "Idle orchestrations", "orchestrations", Which::Orchestrating, |host| {
            host.now.orchestrations.waiting as f64
        }),
        (XLANG, "Pending messages", "messages", Which::Orchestrating, |host| {
            f64::from(host.now.turns) + f64::from(host.now.turns_waiting)
        }),
        (XLANG, "Orchestrations resident in-memory", "orchestrations", Which::Orchestrating, |host| {
            let waiting = host.now.dehydration.dehydratable as f64;
            f64::from(host.now.turns) + f64::from(host.now.turns_waiting) + waiting
        }),
    ]};
}

/// What is sampled of every host with an orchestration.
pub(super) const COUNTERS: [HostCounter; 19] = counted! {
    "Orchestrations completed", "Orchestrations completed/Sec", "orchestrations",
        |host| host.orchestrations.completed;
    "Orchestrations created", "Orchestrations created/Sec", "orchestrations",
        |host| host.orchestrations.created;
    "Orchestrations dehydrated", "Orchestrations dehydrated/Sec", "orchestrations",
        |host| host.orchestrations.dehydrated;
    "Orchestrations discarded", "Orchestrations discarded/Sec", "orchestrations",
        |host| host.orchestrations.discarded;
    "Orchestrations rehydrated", "Orchestrations rehydrated/Sec", "orchestrations",
        |host| host.orchestrations.rehydrated;
    "Orchestrations suspended", "Orchestrations suspended/Sec", "orchestrations",
        |host| host.orchestrations_suspended;
    "Persistence points", "Persistence points/Sec", "points",
        |host| host.orchestrations.persisted;
};

/// What is sampled besides: of every host with an orchestration, and of those whose wait in memory.
pub(super) const DEHYDRATION: [HostCounter; 5] = [
    (XLANG, "Online MessageBox databases", "databases", Which::Orchestrating, |host| {
        host.now.online as f64
    }),
    (XLANG, "Dehydratable orchestrations", "orchestrations", Which::Dehydrating, |host| {
        host.now.dehydration.dehydratable as f64
    }),
    (XLANG, "Dehydrating orchestrations", "orchestrations", Which::Dehydrating, |host| {
        host.now.dehydration.dehydrating.into()
    }),
    (XLANG, "Dehydration cycles", "cycles", Which::Dehydrating, |host| {
        host.now.dehydration.cycles as f64
    }),
    (XLANG, "Dehydration threshold", "s", Which::Dehydrating, |host| {
        host.now.dehydration.threshold.as_secs_f64()
    }),
];

impl Between<'_> {
    /// How often something happened in a second of the interval.
    fn per_second(&self, read: fn(&HostTotals) -> u64) -> f64 {
        (read(self.now) as f64 - read(self.before) as f64) / self.seconds
    }
}
