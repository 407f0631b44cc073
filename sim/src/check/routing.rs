//! Checks on routing: INV-19, 22, 23, 25.
//!
//! The states of ports and groups are followed from the acts that changed them, and routes are
//! worked out from the predicates themselves, without the engine's index.

use std::hint::cold_path;

use floodgate_engine::batch::{BatchStatus, Status};
use floodgate_engine::config::{RoutingReports, Topology, UnroutedSuspension};
use floodgate_engine::id::{
    OrchestrationId, ReferenceId, SendPortGroupId, SendPortId, SubscriberId,
};
use floodgate_engine::message::{Document, DocumentName, Predicate, PropertyId, Value};
use floodgate_engine::message_box::{Effect, Place, PortOperation, Reason};
use floodgate_engine::subscription::{Filter, PortState};
use rustc_hash::FxHashMap;

use super::{Checks, Docket, Rule};

/// A document whose route is worked out from the predicates themselves.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    document: DocumentName,
    ports: Vec<SubscriberId>,
    /// Orchestrations whose running instances it may correlate with.
    correlates: Vec<SubscriberId>,
    /// What must be told of it when nobody subscribes: `false` for an acknowledgement.
    reported: bool,
    /// Whether the engine suspends it in the place of a failure: a batch that fails for another
    /// reason reports nothing of it.
    suspended: bool,
    /// Whether a wait for a response may be where it goes.
    awaited: bool,
}

/// The first documents, and then one in so many, have their routes worked out again: as many of the
/// first as looks at so many ports allow, between these two.
const ROUTES_CHECKED_FIRST: (u64, u64) = (64, 256);
const PORTS_LOOKED_AT: u64 = 65_536;
const ROUTES_CHECKED_EVERY: u64 = 1024;

#[derive(Clone, Debug)]
pub(super) struct Routing {
    routed: u64,
    /// How many of the first documents are checked.
    first: u64,
    ports: Vec<PortState>,
    groups: Vec<PortState>,
    hosts: Vec<Vec<(PropertyId, Value)>>,
    /// What documents demand of hosts: only of those that demand something.
    demands: FxHashMap<DocumentName, Vec<Predicate>>,
    /// Orchestrations of which a message starts an instance or joins a running one, by a property.
    convoys: Vec<(SubscriberId, PropertyId)>,
    /// A batch that is rolled back takes its reports along (R-CLK-14).
    reports_go: bool,
    /// The engine suspends what nobody subscribes to.
    engine_suspends: bool,
    /// The reference that must be suspended next, since its port or group is not started.
    held: Option<ReferenceId>,
}

impl Routing {
    /// Whether no document was left out yet.
    pub(super) const fn sees_all(&self) -> bool {
        self.routed < self.first
    }

    pub(super) fn new(topology: &Topology) -> Self {
        let orchestrations = (0..topology.orchestrations.len()).map(OrchestrationId::from);
        let convoys = orchestrations.filter_map(|id| {
            let convoy = topology.orchestrations[id.index()].program.convoy?;
            Some((topology.subscriber_of_orchestration(id), convoy.property))
        });
        Self {
            convoys: convoys.collect(),
            routed: 0,
            first: {
                let (least, most) = ROUTES_CHECKED_FIRST;
                (PORTS_LOOKED_AT / (topology.send_ports.len() as u64).max(1)).clamp(least, most)
            },
            ports: topology.send_ports.iter().map(|port| port.state).collect(),
            groups: topology.send_port_groups.iter().map(|group| group.state).collect(),
            hosts: topology.hosts.iter().map(|host| host.properties.clone()).collect(),
            demands: FxHashMap::default(),
            reports_go: topology.choices.routing_reports == RoutingReports::WithBatch,
            engine_suspends: topology.choices.unrouted_suspension == UnroutedSuspension::Engine,
            held: None,
        }
    }

    /// Whether a send port is enlisted now.
    pub(super) fn is_enlisted(&self, port: SendPortId) -> bool {
        self.ports[port.index()] != PortState::Bound
    }

    /// A reference is made: its port is enlisted, and if it is not started it is suspended next.
    pub(super) fn referenced(
        &mut self,
        docket: &mut Docket,
        at: &Place,
        group: Option<SendPortGroupId>,
    ) {
        let state = self.ports.get(at.subscriber.index()).copied();
        let group = group.map(|group| self.groups[group.index()]);
        docket.judge(Rule::PortStates, state != Some(PortState::Bound), || {
            format!("{} reaches {}, which is not enlisted", at.document, at.subscriber)
        });
        let started =
            |state: Option<PortState>| state.is_none_or(|state| state == PortState::Started);
        if !started(state) || !started(group) {
            self.held = Some(at.reference);
        }
        self.host(docket, at);
    }

    pub(super) fn port_state(
        &mut self,
        docket: &mut Docket,
        port: SendPortId,
        (from, to): (PortState, PortState),
    ) {
        let known = std::mem::replace(&mut self.ports[port.index()], to);
        transition(docket, known, from, to);
    }

    pub(super) fn group_state(
        &mut self,
        docket: &mut Docket,
        group: SendPortGroupId,
        (from, to): (PortState, PortState),
    ) {
        let known = std::mem::replace(&mut self.groups[group.index()], to);
        transition(docket, known, from, to);
    }

    /// Whether a reference must be suspended by the next effect.
    pub(super) const fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// What was routed to something that is not started is suspended at once (INV-25).
    pub(super) fn held(&mut self, docket: &mut Docket, effect: &Effect) {
        let held = self.held;
        let suspended = matches!(effect,
            Effect::SuspendedReference { at, reason: Reason::PortStopped, .. }
                if Some(at.reference) == held);
        if !suspended {
            self.held = None;
        }
        docket.judge(Rule::PortStates, suspended, || {
            format!("{held:?} was routed to a port that is not started, and is not suspended")
        });
    }

    /// A reference is suspended: for its port's state only if it was routed just now (INV-25).
    pub(super) fn suspended(&mut self, docket: &mut Docket, at: &Place, reason: Reason) {
        let held = self.held.take();
        if reason == Reason::PortStopped {
            docket.judge(Rule::PortStates, held == Some(at.reference), || {
                format!("{} is suspended, though its port is started", at.document)
            });
        }
    }

    /// The host where a reference is allows what its document demands (INV-23).
    #[inline(always)]
    pub(super) fn host(&self, docket: &mut Docket, at: &Place) {
        if self.demands.is_empty() {
            return;
        }
        cold_path();
        let Some(demands) = self.demands.get(&at.document) else { return };
        let host = &self.hosts[at.host.index()];
        let value = |property: PropertyId| {
            host.iter().find(|(known, _)| *known == property).map(|(_, value)| value)
        };
        let kept = demands.iter().all(|(property, demanded)| value(*property) == demanded.as_ref());
        docket.judge(Rule::HostByPredicates, kept, || {
            format!("{} reaches {}, which it may not", at.document, at.host)
        });
    }

    /// Whether a subscription of this filter, or of this identity, matches.
    fn matches(
        document: &Document,
        (to, name): (Option<&Value>, &str),
        filter: Option<&Filter>,
    ) -> usize {
        let direct = matches!(to, Some(Value::Text(to)) if **to == *name);
        let filtered =
            filter.is_some_and(|filter| filter.matches(|property| document.promoted(property)));
        usize::from(direct) + usize::from(filtered)
    }

    /// What is due for a document now.
    pub(super) fn expected(&self, topology: &Topology, document: &Document) -> Expected {
        cold_path();
        let ports = self.route(topology, document);
        let reported = document.context.read(PropertyId::ACK_TYPE).is_none();
        // A response: its client waits for it, or an orchestration does.
        let tells = |property| document.promoted(property).is_some();
        let awaited = tells(PropertyId::ROUTE_DIRECT_TO_TP) || tells(PropertyId::CORRELATION_TOKEN);
        let convoys = self.convoys.iter();
        let correlates =
            convoys.filter(|(_, property)| document.promoted(*property).is_some()).map(|own| own.0);
        let correlates = correlates.collect();
        let told = PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE;
        let suspended = self.engine_suspends || document.context.is_set(told);
        Expected { document: document.name, ports, correlates, reported, suspended, awaited }
    }

    fn route(&self, topology: &Topology, document: &Document) -> Vec<SubscriberId> {
        let mut reached = Vec::new();
        let to_port = document.promoted(PropertyId::SP_TRANSPORT_ID);
        let to_group = document.promoted(PropertyId::SP_GROUP_ID);
        for (index, port) in topology.send_ports.iter().enumerate() {
            let host = &topology.hosts[port.primary.host.index()];
            if self.ports[index] == PortState::Bound || !document.context.admits(&host.properties) {
                continue;
            }
            let own = (to_port.as_ref(), port.name.as_str());
            let mut matches = Self::matches(document, own, port.filter.as_ref());
            for (group, state) in topology.send_port_groups.iter().zip(&self.groups) {
                let member = group.ports.iter().any(|member| member.index() == index);
                if member && *state != PortState::Bound {
                    let own = (to_group.as_ref(), group.name.as_str());
                    matches += Self::matches(document, own, group.filter.as_ref());
                }
            }
            reached.extend(std::iter::repeat_n(SubscriberId::from(index), matches));
        }
        for (index, orchestration) in topology.orchestrations.iter().enumerate() {
            let host = &topology.hosts[orchestration.host.index()];
            let matches = orchestration.filter.matches(|property| document.promoted(property));
            if matches && document.context.admits(&host.properties) {
                reached.push(topology.subscriber_of_orchestration(index.into()));
            }
        }
        reached
    }
}

/// A state follows another only by the table, and from where it was (INV-25).
fn transition(docket: &mut Docket, known: PortState, from: PortState, to: PortState) {
    let leads = |operation: &PortOperation| operation.leads_to(from) == Some(to);
    let kept = known == from && PortOperation::ALL.iter().any(leads);
    docket.judge(Rule::PortStates, kept, || {
        format!("a state went from {from:?} to {to:?}, it was {known:?}")
    });
}

impl Checks {
    /// The subscribers a document must reach, worked out from the predicates themselves; only
    /// for some documents, since it looks at every port.
    #[inline(always)]
    pub(crate) fn expect_route(
        &mut self,
        topology: &Topology,
        document: &Document,
    ) -> Option<Expected> {
        let demands = document.context.predicates();
        if !demands.is_empty() {
            self.routing.demands.insert(document.name, demands.to_vec());
        }
        let number = self.routing.routed;
        self.routing.routed += 1;
        if number >= self.routing.first && !number.is_multiple_of(ROUTES_CHECKED_EVERY) {
            return None;
        }
        Some(self.routing.expected(topology, document))
    }

    /// Compares an expected route with what the commit did.
    pub(crate) fn check_route(
        &mut self,
        expected: &Expected,
        status: &BatchStatus,
        effects: &[Effect],
    ) {
        let Expected { document, ports, correlates, reported, suspended, awaited } = expected;
        let reports = effects.iter().filter(|effect| {
            matches!(effect, Effect::RoutingFailureReport { document: known } if known == document)
        });
        let reports = reports.count();
        if reports > 0 || status.any(Status::NO_SUBSCRIPTION) {
            let stays = status.overall.is_success() || !self.routing.reports_go;
            let due = usize::from(ports.is_empty() && *reported && stays);
            // Whether somebody waits for a response is judged by INV-26; a convoy may run.
            let undone = *suspended && !status.overall.is_success();
            let others = *awaited || !correlates.is_empty() || undone;
            let kept = reports == due || (others && reports < due);
            self.docket.judge(Rule::OneReportPerFailure, kept, || {
                format!("{reports} routing failure reports for {document}, due {due}")
            });
        }
        if !status.overall.is_success() {
            return;
        }
        let mut made: Vec<SubscriberId> = effects
            .iter()
            .filter_map(|effect| {
                let Effect::Referenced { at, activates, .. } = effect else { return None };
                // An instance subscription is an equality of its own (R-SUB-05): whoever has the
                // value joins the convoy, whether or not the filter would start one.
                let joins = correlates.contains(&at.subscriber) && ports.contains(&at.subscriber);
                let by_filter = *activates || joins;
                (by_filter && at.document == *document).then_some(at.subscriber)
            })
            .collect();
        made.sort_unstable();
        self.docket.judge(Rule::RoutedByPredicate, made == *ports, || {
            format!("{document} reached {made:?}, its predicates say {ports:?}")
        });
    }
}
