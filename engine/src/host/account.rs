//! What may change in a host instance, for an explorer that tells worlds apart by it.

use std::fmt::{self, Debug};

use super::HostInstance;

impl HostInstance {
    /// All that may change while it lives; neither what it was built with nor what is only
    /// remembered, as where a location is found.
    ///
    /// Every field is named, so that a new one has to be judged.
    pub fn account(&self) -> impl Debug + '_ {
        let Self {
            id,
            host,
            life,
            made,
            openings,
            cpus: _,
            settings: _,
            topology: _,
            locations: _,
            neutral: _,
            threads,
            tasks,
            publishing,
            held,
            frames,
            transmitters,
            errors,
            waiting,
            in_process,
            shares,
            begun,
            bounds,
            dequeuers,
            pauses,
            exchanges,
            residents,
            totals,
            inbound,
            taken_bytes,
            // They only count, and nobody decides by them.
            received: _,
            tasks_begun: _,
            midway,
            outputs,
            #[cfg(feature = "sabotage")]
                sabotage: _,
        } = self;
        fmt::from_fn(move |f| {
            f.debug_struct("HostInstance")
                .field("id", id)
                .field("host", host)
                .field("life", life)
                .field("made", made)
                .field("openings", openings)
                .field("threads", threads)
                .field("tasks", tasks)
                .field("publishing", publishing)
                .field("held", held)
                .field("frames", frames)
                .field("transmitters", transmitters)
                .field("errors", errors)
                .field("waiting", &(waiting, in_process))
                .field("shares", &(shares, begun))
                .field("bounds", bounds)
                .field("dequeuers", dequeuers)
                .field("pauses", pauses)
                .field("exchanges", exchanges)
                .field("residents", residents)
                .field("totals", totals)
                .field("inbound", inbound)
                .field("taken_bytes", taken_bytes)
                .field("midway", midway)
                .field("outputs", outputs)
                .finish()
        })
    }
}
