//! Which receive locations of a host instance are open, and when that changes.
//!
//! An adapter knows only `AddReceiveEndpoint` and `RemoveReceiveEndpoint`; dates, windows, retries
//! and operators are the engine's business (R-LIFE-06).

use std::sync::Arc;

use super::HostInstance;
use crate::adapter::AdapterInput;
use crate::config::{Capabilities, ReceiveLocation, Topology};
use crate::id::{AdapterId, HostId, ReceiveLocationId};
use crate::time::Instant;

/// What is done to a receive location.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LocationAct {
    /// Its own adapter closes it: it is broken (R-LIFE-07, R-LIFE-08).
    Break,
    /// An operator disables it (R-LIFE-06).
    Disable,
    /// An operator enables it.
    Enable,
    /// Its configuration changed (R-LIFE-05).
    Update,
}

/// One location of the host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub(super) location: ReceiveLocationId,
    pub(super) adapter: AdapterId,
    /// As configured or as an operator left it: it outlives the process.
    pub(super) enabled: bool,
    /// Its adapter has it.
    open: bool,
    /// Its adapter may have it: an isolated one has to register it first (R-LIFE-11).
    pub(super) registered: bool,
    /// Broken here, and to be tried again at an instant (R-LIFE-08).
    retry_at: Option<Instant>,
}

/// The locations of one host.
#[derive(Clone, Debug)]
pub(super) struct Openings {
    pub(super) own: Vec<Opening>,
    /// Locations of the topology that are not open here.
    closed: Vec<bool>,
    any_closed: bool,
    isolated: bool,
    due: Option<Instant>,
}

impl Openings {
    /// The locations of `host`, none of them open yet. Those of other hosts count as open where
    /// they are enabled: whose adapter submits there is not judged.
    pub(super) fn of(topology: &Topology, host: HostId) -> Self {
        let locations = topology.receive_locations.iter().enumerate();
        let own = locations.filter(|(_, location)| location.host == host);
        let isolated = topology.is_isolated(host);
        let closed =
            |location: &ReceiveLocation| !location.enabled || (isolated && location.host == host);
        Self {
            own: own
                .map(|(at, location)| Opening {
                    location: ReceiveLocationId::from(at),
                    adapter: location.adapter,
                    enabled: location.enabled,
                    open: false,
                    registered: !isolated,
                    retry_at: None,
                })
                .collect(),
            closed: topology.receive_locations.iter().map(closed).collect(),
            any_closed: topology.receive_locations.iter().any(closed),
            isolated,
            due: None,
        }
    }

    /// The process is gone: nothing is open, and what operators did stays done.
    pub(super) fn forget(&mut self) {
        for opening in &mut self.own {
            opening.open = false;
            opening.registered = !self.isolated;
            opening.retry_at = None;
            self.closed[opening.location.index()] = true;
        }
        self.any_closed = self.closed.contains(&true);
        self.due = None;
    }

    /// Whether no location is closed: then no message needs to be asked for its own.
    pub(super) const fn all_open(&self) -> bool {
        !self.any_closed
    }

    /// How many of its own locations are open.
    pub(super) fn open(&self) -> u32 {
        let open = self.own.iter().filter(|opening| opening.open);
        u32::try_from(open.count()).unwrap_or(u32::MAX)
    }

    pub(super) fn is_open(&self, location: ReceiveLocationId) -> bool {
        !self.closed[location.index()]
    }

    /// When a location is to be looked at next.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn set(&mut self, at: usize, open: bool) {
        self.own[at].open = open;
        self.closed[self.own[at].location.index()] = !open;
        self.any_closed = self.closed.contains(&true);
    }

    /// An operator's word, or a fault's: kept even while the process is down.
    pub(super) fn set_enabled(&mut self, location: ReceiveLocationId, enabled: bool) {
        for opening in self.own.iter_mut().filter(|opening| opening.location == location) {
            opening.enabled = enabled;
        }
    }
}

impl HostInstance {
    /// The receive adapters with an enabled location here, in the order of the topology
    /// (R-LIFE-02).
    pub(super) fn receivers(&self) -> Vec<AdapterId> {
        let mut found: Vec<AdapterId> = (self.openings.own.iter())
            .filter(|opening| opening.enabled)
            .map(|opening| opening.adapter)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Opens and closes what is to be open and closed by `now` (R-LIFE-06, R-LIFE-10).
    #[cold]
    pub(super) fn keep_schedules(&mut self, now: Instant) {
        if self.openings.due.is_some_and(|due| due <= now) {
            self.turn(now);
        }
    }

    /// Brings every location to the state it ought to be in at `now`, and finds out when to look
    /// again.
    pub(super) fn turn(&mut self, now: Instant) {
        let topology = Arc::clone(&self.topology);
        let mut due: Option<Instant> = None;
        for at in 0..self.openings.own.len() {
            let Opening { location, enabled, open, registered, retry_at, .. } =
                self.openings.own[at];
            let schedule = topology.schedule(location);
            if retry_at.is_some_and(|retry| retry <= now) {
                self.openings.own[at].retry_at = None;
            }
            let broken = retry_at.is_some_and(|retry| retry > now);
            let active = schedule.is_none_or(|own| own.is_active(now));
            let wanted = enabled && registered && !broken && active;
            if wanted != open {
                self.set_open(at, wanted);
            }
            let change = schedule.and_then(|own| own.next_change(now)).filter(|_| enabled);
            let retry = retry_at.filter(|retry| *retry > now);
            due = [due, change, retry].into_iter().flatten().min();
        }
        self.openings.due = due;
    }

    fn set_open(&mut self, at: usize, open: bool) {
        let Opening { location, adapter, .. } = self.openings.own[at];
        self.openings.set(at, open);
        let input = if open {
            self.make_receiver(adapter);
            self.add_endpoint(location)
        } else {
            AdapterInput::RemoveReceiveEndpoint { location }
        };
        self.call(adapter, input);
    }

    fn add_endpoint(&self, location: ReceiveLocationId) -> AdapterInput {
        let opened = &self.topology.receive_locations[location.index()];
        let endpoint = opened.endpoint;
        // `TwoWayReceivePort` (R-LIFE-04).
        let two_way = self.topology.exchanges.request_port(opened.port).is_some();
        AdapterInput::AddReceiveEndpoint { location, endpoint, two_way }
    }

    /// A location is enabled, disabled, updated, or reported broken by its adapter.
    #[cold]
    pub(super) fn location(&mut self, now: Instant, id: ReceiveLocationId, act: LocationAct) {
        let Some(at) = self.openings.own.iter().position(|opening| opening.location == id) else {
            return;
        };
        let Opening { adapter, open, .. } = self.openings.own[at];
        match act {
            LocationAct::Break => {
                // The adapter closed it by itself, so it is told nothing (R-LIFE-07).
                self.openings.set(at, false);
                match self.settings.fault_tolerance {
                    Some(interval) => self.openings.own[at].retry_at = Some(now + interval),
                    None => self.openings.own[at].enabled = false,
                }
            }
            LocationAct::Disable => self.openings.own[at].enabled = false,
            LocationAct::Enable => {
                self.openings.own[at].enabled = true;
                self.openings.own[at].retry_at = None;
                self.ask_again(at);
            }
            LocationAct::Update if open => {
                let endpoint = self.topology.receive_locations[id.index()].endpoint;
                self.call(adapter, AdapterInput::UpdateEndpointConfig { location: id, endpoint });
            }
            LocationAct::Update => {}
        }
        if self.life == super::Life::Running {
            self.turn(now);
        }
    }

    /// Whether its adapter has a location now (R-LIFE-06).
    #[must_use]
    pub fn has_open(&self, location: ReceiveLocationId) -> bool {
        let own = self.openings.own.iter().find(|opening| opening.location == location);
        own.is_some_and(|opening| opening.open)
    }

    /// Whether an adapter is one that receives.
    pub(super) fn receives(&self, adapter: AdapterId) -> bool {
        self.topology.capabilities(adapter).has(Capabilities::RECEIVE)
    }
}
