//! The counters of orchestrations, of those hosts that run any.
//!
//! What the product prints and nothing here is: scopes and their transactions, code that waits in
//! memory for a message, and the memory of the process; an instance that waits is in the MessageBox
//! alone.

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
        (XLANG, "Orchestrations resident in-memory", "orchestrations", Which::Orchestrating, |host| {
            f64::from(host.now.turns) + f64::from(host.now.turns_waiting)
        }),
    ]};
}

/// What is sampled of every host with an orchestration.
pub(super) const COUNTERS: [HostCounter; 18] = counted! {
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

impl Between<'_> {
    /// How often something happened in a second of the interval.
    fn per_second(&self, read: fn(&HostTotals) -> u64) -> f64 {
        (read(self.now) as f64 - read(self.before) as f64) / self.seconds
    }
}
