//! What the messages of a scenario carry: which properties somebody promotes or writes, and which
//! values those with a closed set may have.
//!
//! The engine's own properties have one author each, so a look at the ports tells whether anybody
//! sets them. A property of somebody's own schema is set by `promotes` alone.

use floodgate_engine::message::PropertyTable;

use crate::plan::load::Load;
use crate::plan::nearest::nearest;
use crate::plan::rate::Rate;
use crate::plan::receive::{ReceiveLocation, ReceivePipeline};
use crate::plan::scenario::Scenario;

/// Promoted on whatever is received.
const ALWAYS: [&str; 5] = [
    "BTS.InboundTransportLocation",
    "BTS.InboundTransportType",
    "BTS.InterchangeSequenceNumber",
    "BTS.ReceivePortID",
    "BTS.ReceivePortName",
];
/// Written on whatever is received, and never promoted.
const WRITTEN: [&str; 3] = ["BTS.InterchangeID", "BTS.MessageID", "BTS.ReceiveLocationName"];
/// Of acknowledgements and error messages these are written, never promoted.
const FOR_PEOPLE: [&str; 6] = [
    "BTS.AckDescription",
    "ErrorReport.Description",
    "ErrorReport.FailureAdapter",
    "ErrorReport.FailureInstanceID",
    "ErrorReport.FailureMessageID",
    "ErrorReport.FailureTime",
];

/// The properties that may be named; the engine's own marks are nobody's business (R-CTX-01).
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    PropertyTable::system().iter().copied().filter(|name| !name.starts_with("Floodgate."))
}

/// Whether a name claims to be a property of the engine, or nearly is one. Other names may be of
/// somebody's own schema, which a scenario has none of.
pub(super) fn is_own(property: &str) -> bool {
    let of = |namespace: &str| property.starts_with(namespace);
    ["BTS.", "ErrorReport.", "Floodgate.", "XLANGs."].into_iter().any(of)
        || nearest(property, known()).is_some()
}

/// What would promote a property that nothing promotes here (R-SUB-04); `None` if something does.
pub(super) fn who_would(scenario: &Scenario, property: &str) -> Option<&'static str> {
    if FOR_PEOPLE.contains(&property) {
        return Some("it is written for people, and no filter sees it");
    }
    if ALWAYS.contains(&property) || property.starts_with("BTS.Ack") {
        return None;
    }
    if locations(scenario).any(|own| own.promotes.iter().any(|field| field.property == property)) {
        return None;
    }
    let (somebody, who) = match property {
        "BTS.MessageType" => {
            (are_typed(scenario), "a receive pipeline other than PassThruReceive does")
        }
        "BTS.SPID" | "BTS.SPName" => (
            scenario.send_ports.iter().any(|port| port.two_way.is_some()),
            "responses have it: say 'two_way' on a send port",
        ),
        "BTS.EpmRRCorrelationToken" | "BTS.RouteDirectToTP" => (
            scenario.receive_ports.iter().any(|port| port.two_way.is_some()),
            "requests have it: say 'two_way' on a receive port",
        ),
        "BTS.CorrelationToken" => (
            scenario.orchestrations.iter().any(|own| own.answer.is_some()),
            "an orchestration that waits for an 'answer' does",
        ),
        "BTS.SPTransportID" => {
            (scenario.orchestrations.iter().any(|own| own.to.is_some()), "an orchestration does")
        }
        "BTS.SuspendMessageOnRoutingFailure" => (
            locations(scenario).any(|own| own.suspend_on_routing_failure),
            "say 'suspend_on_routing_failure = true' on a location",
        ),
        error if error.starts_with("ErrorReport.") => {
            let routes = scenario.receive_ports.iter().any(|port| port.route_failed)
                || scenario.send_ports.iter().any(|port| port.route_failed);
            (routes, "say 'route_failed = true' on a port")
        }
        _ => (
            false,
            "neither a pipeline nor the engine promotes it; filters see promoted properties only",
        ),
    };
    (!somebody).then_some(who)
}

/// Whether some message has the property at all, promoted or written (R-CTX-02).
pub(super) fn is_there(scenario: &Scenario, property: &str) -> bool {
    WRITTEN.contains(&property)
        || who_would(scenario, property).is_none()
        || match property {
            "BTS.OutboundTransportLocation" | "BTS.OutboundTransportType" => {
                scenario.loads.iter().any(|load| !load.outbound.is_empty())
            }
            "BTS.IsDynamicSend" => scenario.send_ports.iter().any(|port| port.dynamic.is_some()),
            "BTS.IsRequestResponse" => {
                scenario.receive_ports.iter().any(|port| port.two_way.is_some())
            }
            "BTS.IsSolicitResponse" => {
                scenario.send_ports.iter().any(|port| port.two_way.is_some())
            }
            "BTS.SuspendMessageOnMappingFailure" => {
                locations(scenario).any(|own| own.suspend_on_mapping_failure)
            }
            people => FOR_PEOPLE.contains(&people),
        }
}

/// What a property with a closed set of values is, and the values it may have here; `None` if
/// any value will do.
pub(super) fn values<'a>(
    scenario: &'a Scenario,
    property: &str,
) -> Option<(&'static str, Vec<&'a str>)> {
    let receive_ports = || scenario.receive_ports.iter().map(|port| port.name.as_str()).collect();
    let send_ports = || scenario.send_ports.iter().map(|port| port.name.as_str()).collect();
    match property {
        "BTS.ReceivePortID"
        | "BTS.ReceivePortName"
        | "BTS.AckReceivePortID"
        | "BTS.AckReceivePortName"
        | "ErrorReport.ReceivePortName" => Some(("receive port", receive_ports())),
        "BTS.InboundTransportLocation"
        | "BTS.AckInboundTransportLocation"
        | "ErrorReport.InboundTransportLocation" => {
            Some(("receive location", locations(scenario).map(|own| own.name.as_str()).collect()))
        }
        "BTS.InboundTransportType" => {
            let names = locations(scenario).map(|own| own.adapter.kind.type_name());
            Some(("receive adapter", names.collect()))
        }
        "BTS.SPID" | "BTS.SPName" => {
            let two_way = scenario.send_ports.iter().filter(|port| port.two_way.is_some());
            Some(("two-way send port", two_way.map(|port| port.name.as_str()).collect()))
        }
        "BTS.AckSendPortID"
        | "BTS.AckSendPortName"
        | "BTS.SPTransportID"
        | "ErrorReport.SendPortName" => Some(("send port", send_ports())),
        "BTS.AckType" => Some(("kind of acknowledgement", vec!["ACK", "NACK"])),
        "BTS.MessageType" => Some(("document type", types(scenario)?)),
        "ErrorReport.ErrorType" => Some(("type of error", vec!["FailedMessage"])),
        _ => None,
    }
}

/// All types that a document of the scenario may have (R-MSG-11); `None` where they are not known
/// before the run, since a recording or real bytes say them.
pub(super) fn types(scenario: &Scenario) -> Option<Vec<&str>> {
    let mut all = types_of_loads(scenario.loads.iter())?;
    let maps = (scenario.receive_ports.iter().flat_map(|port| &port.maps))
        .chain(scenario.send_ports.iter().flat_map(|port| &port.maps));
    all.extend(maps.filter_map(|map| map.to.as_deref()));
    for port in &scenario.send_ports {
        let transports = std::iter::once(&port.primary).chain(&port.backup);
        let replies = transports.filter_map(|own| own.reply.as_ref());
        all.extend(replies.map(|reply| reply.document_type.as_str()));
        let maps = port.two_way.iter().flat_map(|own| &own.maps);
        all.extend(maps.filter_map(|map| map.to.as_deref()));
    }
    Some(all)
}

/// The types of what these loads send.
pub(super) fn types_of_loads<'a>(loads: impl Iterator<Item = &'a Load>) -> Option<Vec<&'a str>> {
    let mut all = Vec::new();
    for load in loads {
        if load.body.is_some() || matches!(load.rate, Rate::Replay(_)) {
            return None;
        }
        all.extend(load.kinds().map(|kind| kind.document_type));
    }
    Some(all)
}

/// Whether some document is of a type that its pipeline, or a map, has promoted.
pub(super) fn are_typed(scenario: &Scenario) -> bool {
    let disassembles =
        locations(scenario).any(|own| own.pipeline != ReceivePipeline::PassThruReceive);
    let maps =
        scenario.receive_ports.iter().any(|port| port.maps.iter().any(|map| map.to.is_some()));
    let replies = scenario.send_ports.iter().any(|port| port.two_way.is_some());
    disassembles || maps || replies
}

fn locations(scenario: &Scenario) -> impl Iterator<Item = &ReceiveLocation> {
    scenario.receive_ports.iter().flat_map(|port| &port.locations)
}
