//! Planned faults, and what becomes of processes that end.

use floodgate_engine::id::{EndpointId, HostId, HostInstanceId, ReceiveLocationId};
use floodgate_engine::time::Instant;
use floodgate_sim::load::{Refusals, Resend};
use floodgate_sim::setup::{Fault, LifeSettings};

use super::Names;
use super::convert::position;
use crate::plan;
use crate::plan::fault::FaultKind;
use crate::plan::load::Load;
use crate::plan::rate::Rate;

/// What becomes of processes that end; whether they are watched is for the faults to say.
pub(super) fn life(own: &plan::life::Life) -> LifeSettings {
    LifeSettings {
        dead_after: own.dead_after,
        dead_job: own.dead_job,
        transactions_commit: own.transactions_commit,
        wires_arrive: own.wires_arrive,
        stop_limit: own.stop_limit,
        database_limit: own.database_limit,
        watched: false,
    }
}

impl Names<'_> {
    pub(super) fn faults(&self) -> Vec<Fault> {
        self.scenario.faults.iter().filter_map(|fault| self.fault(fault)).collect()
    }

    /// When the destination of a load is down; its senders know what to do then.
    pub(super) fn refusals(&self, load: &Load) -> Option<Refusals> {
        let Rate::Lots(lots) = &load.rate else { return None };
        let hit = |fault: &&plan::fault::Fault| fault.load.as_deref() == Some(load.name.as_str());
        let span = |fault: &plan::fault::Fault| {
            let from = Instant::ZERO + fault.at;
            (from, from + fault.lasts.unwrap_or_default())
        };
        let spans: Vec<_> = self.scenario.faults.iter().filter(hit).map(span).collect();
        let resend = Resend { interval: lots.retry.interval, number: lots.retry.number };
        (!spans.is_empty()).then_some(Refusals { spans, resend })
    }

    /// A fault of the plan; the keys of its kind were checked when it was read.
    /// What happens to a load is no fault of the plant's.
    fn fault(&self, own: &plan::fault::Fault) -> Option<Fault> {
        let (at, lasts) = (Instant::ZERO + own.at, own.lasts);
        Some(match own.kind {
            FaultKind::ClockSkew => Fault::ClockSkew {
                instance: self.instance(own),
                at,
                lasts,
                by: own.ahead.or(own.behind).unwrap_or_default(),
                ahead: own.ahead.is_some(),
            },
            FaultKind::DatabaseOffline => {
                Fault::DatabaseOffline { at, lasts: lasts.unwrap_or_default() }
            }
            FaultKind::DestinationDown => return None,
            FaultKind::EndpointDown => Fault::EndpointDown {
                endpoint: EndpointId::from(position(
                    self.topology.endpoints.iter(),
                    own.endpoint.as_deref().unwrap_or_default(),
                )),
                at,
                lasts: lasts.unwrap_or_default(),
            },
            FaultKind::HostCrash => Fault::HostCrash { instance: self.instance(own), at, lasts },
            FaultKind::HostStop => Fault::HostStop { instance: self.instance(own), at, lasts },
            FaultKind::LocationBroken => {
                let location = self.location(own);
                let instance = own.server.as_ref().map(|server| {
                    let host = self.topology.receive_locations[location.index()].host;
                    self.instance_on(host, server)
                });
                Fault::LocationBroken { location, instance, at, lasts }
            }
            FaultKind::LocationDisabled => {
                Fault::LocationDisabled { location: self.location(own), at, lasts }
            }
        })
    }

    /// The instance of a fault's host on its server.
    fn instance(&self, own: &plan::fault::Fault) -> HostInstanceId {
        let host = self.host(own.host.as_deref().unwrap_or_default());
        self.instance_on(host, own.server.as_deref().unwrap_or_default())
    }

    /// The location of a fault.
    fn location(&self, own: &plan::fault::Fault) -> ReceiveLocationId {
        let names = self.topology.receive_locations.iter().map(|location| &location.name);
        ReceiveLocationId::from(position(names, own.location.as_deref().unwrap_or_default()))
    }

    fn instance_on(&self, host: HostId, server: &str) -> HostInstanceId {
        let server = self.server(server);
        let mut instances = self.topology.host_instances.iter();
        let at = instances.position(|at| at.host == host && at.server == server);
        HostInstanceId::from(at.expect("instances were checked when the scenario was read"))
    }
}
