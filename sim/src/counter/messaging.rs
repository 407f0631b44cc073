//! The counters of messages and of the threads that carry them, host by host.

use floodgate_engine::host::Occupation;

use super::{AGENT, Between, HostCounter, HostTotals, MESSAGING, Which};
use crate::world::Done;

/// What is sampled of every host: what its adapters and its engine have done, and are at.
pub(super) const COUNTERS: [HostCounter; 16] = [
    (MESSAGING, "Documents received", "documents", Which::All, |host| {
        host.now.done.received as f64
    }),
    (MESSAGING, "Documents received/Sec", "documents/s", Which::All, |host| {
        host.done_per_second(|done| done.received)
    }),
    (MESSAGING, "Documents processed", "documents", Which::All, |host| {
        host.now.done.processed as f64
    }),
    (MESSAGING, "Documents processed/Sec", "documents/s", Which::All, |host| {
        host.done_per_second(|done| done.processed)
    }),
    (MESSAGING, "Documents resubmitted", "documents", Which::Sending, |host| {
        host.now.done.resubmitted as f64
    }),
    (MESSAGING, "Documents suspended", "documents", Which::All, |host| {
        host.now.done.suspended as f64
    }),
    (MESSAGING, "Documents suspended/Sec", "documents/s", Which::All, |host| {
        host.done_per_second(|done| done.suspended)
    }),
    (MESSAGING, "Documents submitted/Batch", "documents a batch", Which::Receiving, |host| {
        let batches = host.done_since(|done| done.receiving_batches);
        let documents = host.done_since(|done| done.received);
        if batches > 0.0 { documents / batches } else { f64::NAN }
    }),
    (MESSAGING, "Documents transmitted/Batch", "documents a batch", Which::Sending, |host| {
        // An adapter that knows no batches is given one message at a time.
        let batches = |of: &HostTotals| {
            let each = of.adapters.iter().map(|own| match own.sent.batches {
                0 => own.sent.given,
                batches => batches,
            });
            each.sum::<u64>()
        };
        let given = |of: &HostTotals| of.adapters.iter().map(|own| own.sent.given).sum::<u64>();
        let begun = batches(host.now) - batches(host.before);
        let given = given(host.now) - given(host.before);
        if begun > 0 && given > 0 { given as f64 / begun as f64 } else { f64::NAN }
    }),
    (MESSAGING, "Active receive locations", "locations", Which::Receiving, |host| {
        host.now.occupation.locations.into()
    }),
    (MESSAGING, "Active receive threads", "threads", Which::All, |host| {
        host.now.occupation.threads_receiving.into()
    }),
    (MESSAGING, "Active send threads", "threads", Which::All, |host| {
        host.now.occupation.threads_sending.into()
    }),
    (MESSAGING, "Pending transmitted messages", "messages", Which::Sending, |host| {
        host.now.occupation.transmitting.into()
    }),
    (MESSAGING, "Request/Response timeouts", "requests", Which::Answering, |host| {
        host.now.done.timeouts as f64
    }),
    (MESSAGING, "Throttled receive batches", "batches", Which::All, |host| {
        host.now.occupation.batches_throttled.into()
    }),
    (AGENT, "Total batches committed", "batches", Which::All, |host| host.now.done.batches as f64),
];

impl Between<'_> {
    /// How much more of something the host has done at the end of the interval.
    fn done_since(&self, read: fn(&Done) -> u64) -> f64 {
        read(&self.now.done) as f64 - read(&self.before.done) as f64
    }

    pub(super) fn done_per_second(&self, read: fn(&Done) -> u64) -> f64 {
        self.done_since(read) / self.seconds
    }
}

impl HostTotals {
    /// Adds what one more instance of the host has done, and what it is at.
    pub(crate) fn add_done(&mut self, more: &Done, at: Occupation) {
        let now = &mut self.occupation;
        now.threads_receiving += at.threads_receiving;
        now.threads_sending += at.threads_sending;
        now.transmitting += at.transmitting;
        now.locations += at.locations;
        now.batches_receiving += at.batches_receiving;
        now.batches_throttled += at.batches_throttled;
        let all = &mut self.done;
        all.received += more.received;
        all.receiving_batches += more.receiving_batches;
        all.processed += more.processed;
        all.published += more.published;
        all.resubmitted += more.resubmitted;
        all.suspended += more.suspended;
        all.batches += more.batches;
        all.timeouts += more.timeouts;
    }
}
