//! LoadGen's throttle controllers: a monitored value is held in its range by the pause after a lot.

use floodgate_engine::id::ServerId;
use floodgate_engine::time::{Duration, Instant};

use super::{Due, World};
use crate::endpoint::Endpoint;
use crate::load::Reading;
use crate::setup::{Controller, Monitor};

/// A controller at work.
#[derive(Clone, Debug)]
pub(super) struct Controlling {
    settings: Controller,
    /// The total at the last look, of what is a rate.
    last: u64,
    /// Whether the next look changes the pause: the first one of a load that begins later only
    /// takes notice, since what was before is none of its doing.
    heeds: bool,
}

impl Controlling {
    pub(super) const fn new(settings: Controller) -> Self {
        Self { settings, last: 0, heeds: true }
    }
}

/// The work of a server whose processor somebody monitors.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    server: ServerId,
    /// CPU time given to it since the last look, and what it had not got through by then.
    given: Duration,
    left: Duration,
    looked: Instant,
}

impl Watched {
    pub(super) const fn new(server: ServerId) -> Self {
        Self { server, given: Duration::ZERO, left: Duration::ZERO, looked: Instant::ZERO }
    }

    /// Work for a server.
    pub(super) fn give(&mut self, server: ServerId, cost: Duration) {
        if server == self.server {
            self.given += cost;
        }
    }

    /// The share of `cores` that was used since the last look, in percent.
    fn look(&mut self, now: Instant, cores: u32) -> f64 {
        let could = now.since(self.looked).times(u64::from(cores));
        let had = self.left + self.given;
        (self.left, self.given, self.looked) = (had - could, Duration::ZERO, now);
        let did = had.min(could);
        if could.is_zero() { 0.0 } else { 100.0 * did.as_secs_f64() / could.as_secs_f64() }
    }
}

impl World {
    pub(super) fn start_controller(&mut self, load: u32) {
        let own = &mut self.loads[load as usize];
        if let Some(controlling) = &mut own.controller {
            let starts = own.arrivals.span().0;
            controlling.heeds = starts == Instant::ZERO;
            let first = if controlling.heeds { starts + controlling.settings.poll } else { starts };
            self.schedule(first, Due::Monitor(load));
        }
    }

    /// A controller looks at its monitor.
    #[cold]
    pub(super) fn monitor(&mut self, load: u32) {
        let own = &self.loads[load as usize];
        let Some(controlling) = own.controller.as_ref().filter(|_| own.open) else { return };
        let settings = controlling.settings;
        let value = self.monitored(load as usize, settings);
        let own = &mut self.loads[load as usize];
        let controlling = own.controller.as_mut();
        if controlling.is_some_and(|own| std::mem::replace(&mut own.heeds, true)) {
            own.arrivals.heed(if value < settings.low {
                Reading::Below
            } else if value > settings.high {
                Reading::Above
            } else {
                Reading::Inside
            });
        }
        self.schedule(self.now + settings.poll, Due::Monitor(load));
    }

    fn monitored(&mut self, load: usize, settings: Controller) -> f64 {
        let level = |value: u64| value as f64;
        match settings.monitor {
            Monitor::Cpu(server) => {
                let (now, cores) = (self.now, self.topology.servers[server.index()].cpus);
                let mut watched = self.watched.iter_mut();
                // Two controllers of one server have a watch each.
                let mine = watched.find(|one| one.0 as usize == load);
                mine.map_or(0.0, |(_, watched)| watched.look(now, cores))
            }
            Monitor::Files => {
                let own = &self.loads[load];
                let waiting = |at: &floodgate_engine::id::ReceiveLocationId| {
                    let endpoint = self.topology.receive_locations[at.index()].endpoint;
                    match &self.endpoints[endpoint.index()] {
                        Endpoint::Source(source) => source.waiting(),
                        Endpoint::Sink(_) => 0,
                    }
                };
                level(own.locations.iter().map(waiting).sum())
            }
            Monitor::Processed => self.per_second(load, self.meters.processed, settings.poll),
            Monitor::Queue => level(self.message_box.reference_counts().work),
            Monitor::Received => self.per_second(load, self.meters.received, settings.poll),
            Monitor::Spool => level(self.spool()),
        }
    }

    /// What a total has grown by since the last look.
    fn per_second(&mut self, load: usize, total: u64, poll: Duration) -> f64 {
        let Some(controlling) = &mut self.loads[load].controller else { return 0.0 };
        let grown = total - std::mem::replace(&mut controlling.last, total);
        grown as f64 / poll.as_secs_f64()
    }
}
