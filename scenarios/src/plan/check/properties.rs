//! What filters ask about: properties that nobody knows, and those that nothing promotes.
//!
//! A filter sees promoted properties only, and nothing holds for an absent one (R-SUB-04). So a
//! condition on a property that nothing in the scenario promotes never holds: a warning, since the
//! product lets one deploy such a port. A name that the engine's own namespaces do not have
//! cannot be deployed at all.

use floodgate_engine::message::PropertyTable;

use super::Checker;
use crate::plan::filter::{Condition, Filter, FilterValue, Operator};
use crate::plan::nearest::nearest;
use crate::plan::receive::ReceivePipeline;
use crate::plan::scenario::Scenario;

/// Promoted on whatever is received, on responses and on what is addressed to one port.
const ALWAYS: [&str; 9] = [
    "BTS.CorrelationToken",
    "BTS.EpmRRCorrelationToken",
    "BTS.InboundTransportLocation",
    "BTS.ReceivePortName",
    "BTS.RouteDirectToTP",
    "BTS.SPGroupID",
    "BTS.SPName",
    "BTS.SPTransportID",
    "BTS.MessageDestination",
];
/// Of acknowledgements and error messages these are written, never promoted.
const WRITTEN: [&str; 6] = [
    "BTS.AckDescription",
    "ErrorReport.Description",
    "ErrorReport.FailureAdapter",
    "ErrorReport.FailureInstanceID",
    "ErrorReport.FailureMessageID",
    "ErrorReport.FailureTime",
];

/// The system properties that are true or false.
const TRUTHS: [&str; 8] = [
    "BTS.IsDynamicSend",
    "BTS.IsSolicitResponse",
    "BTS.Loopback",
    "BTS.RouteDirectToTP",
    "BTS.SuspendAsNonResumable",
    "BTS.SuspendMessageOnMappingFailure",
    "BTS.SuspendMessageOnRoutingFailure",
    "XLANGs.SuspendShapePassed",
];
/// Those that are whole numbers; all others are texts.
const NUMBERS: [&str; 3] =
    ["BTS.ActionOnFailure", "BTS.InterchangeSequenceNumber", "BTS.RetryCount"];

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.send_ports.iter().enumerate() {
        if let Some(filter) = &port.filter {
            asked(checker, &format!("send_port.{n}.filter"), filter);
        }
    }
    for (n, group) in scenario.send_port_groups.iter().enumerate() {
        if let Some(filter) = &group.filter {
            asked(checker, &format!("send_port_group.{n}.filter"), filter);
        }
    }
    for (n, own) in scenario.orchestrations.iter().enumerate() {
        asked(checker, &format!("orchestration.{n}.filter"), &own.filter);
    }
}

/// The conditions of one filter; each property is told of once.
pub(super) fn asked(checker: &mut Checker<'_>, path: &str, filter: &Filter) {
    let mut told: Vec<&str> = Vec::new();
    for property in filter.groups.iter().flatten().map(|condition| condition.property.as_str()) {
        if told.contains(&property) {
            continue;
        }
        told.push(property);
        if !known().any(|name| name == property) && is_own(property) {
            let message = format!("no property is called '{property}'");
            let help = match nearest(property, known()) {
                Some(near) => format!("R-CTX-01: did you mean '{near}'?"),
                None => "R-CTX-01: such as BTS.ReceivePortName, BTS.MessageType".to_owned(),
            };
            checker.refuse(path, message, help);
        } else if let Some(who) = who_would(checker.scenario, property) {
            let message = format!("nothing promotes '{property}': this condition never holds");
            checker.warn(path, message, format!("R-SUB-04: {who}"));
        }
    }
    for condition in filter.groups.iter().flatten() {
        compared(checker, path, condition);
    }
}

/// A condition compares like with like: another type is unequal and has no order, which is
/// allowed and surely not meant.
fn compared(checker: &mut Checker<'_>, path: &str, condition: &Condition) {
    let property = condition.property.as_str();
    let Some(value) = &condition.value else { return };
    if !known().any(|name| name == property) {
        return;
    }
    let (own, write) = match property {
        own if TRUTHS.contains(&own) => ("true or false", "true or false"),
        own if NUMBERS.contains(&own) => ("a whole number", "a number without quotes"),
        _ => ("a text", "the value in double quotes"),
    };
    let found = match value {
        FilterValue::Bool(_) => "true or false",
        FilterValue::Integer(_) => "a whole number",
        FilterValue::Text(_) => "a text",
    };
    let bits = condition.operator == Operator::BitwiseAnd && own != "a whole number";
    if found == own && !bits {
        return;
    }
    let outcome = match condition.operator {
        Operator::NotEqual => "always holds where it is present",
        Operator::BitwiseAnd
        | Operator::Equal
        | Operator::Exists
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Less
        | Operator::LessOrEqual => "never holds",
    };
    let (message, advice) = if bits {
        let message = format!("'{property}' is {own} and has no bits: this condition {outcome}");
        (message, "R-SUB-02: '&' is for whole numbers".to_owned())
    } else {
        let message =
            format!("'{property}' is {own} and is compared with {found}: this condition {outcome}");
        (message, format!("R-SUB-02: write {write}"))
    };
    checker.warn(path, message, advice);
}

/// Whether a name claims to be a property of the engine, or nearly is one. Other names may be of
/// somebody's own schema, which a scenario has none of.
fn is_own(property: &str) -> bool {
    let of = |namespace: &str| property.starts_with(namespace);
    ["BTS.", "ErrorReport.", "Floodgate.", "XLANGs."].into_iter().any(of)
        || nearest(property, known()).is_some()
}

/// The properties that filters may ask about; the engine's own marks are nobody's business.
fn known() -> impl Iterator<Item = &'static str> {
    PropertyTable::system().iter().copied().filter(|name| !name.starts_with("Floodgate."))
}

/// What would promote a property that nothing promotes here; `None` if something does.
fn who_would(scenario: &Scenario, property: &str) -> Option<&'static str> {
    if WRITTEN.contains(&property) {
        return Some("it is written for people, and no filter sees it");
    }
    if ALWAYS.contains(&property) || property.starts_with("BTS.Ack") {
        return None;
    }
    if property.starts_with("ErrorReport.") {
        let routes = scenario.receive_ports.iter().any(|port| port.route_failed)
            || scenario.send_ports.iter().any(|port| port.route_failed);
        return (!routes).then_some("say 'route_failed = true' on a port");
    }
    if property == "BTS.MessageType" {
        return (!types(scenario)).then_some("a receive pipeline other than PassThruReceive does");
    }
    let mut locations = scenario.receive_ports.iter().flat_map(|port| &port.locations);
    if locations.any(|own| own.promotes.iter().any(|field| field.property == property)) {
        return None;
    }
    Some("neither a pipeline nor the engine promotes it; filters see promoted properties only")
}

/// Whether some document is of a type that its pipeline, or a map, has promoted.
fn types(scenario: &Scenario) -> bool {
    let locations = scenario.receive_ports.iter().flat_map(|port| &port.locations);
    let disassembles =
        locations.into_iter().any(|own| own.pipeline != ReceivePipeline::PassThruReceive);
    let maps =
        scenario.receive_ports.iter().any(|port| port.maps.iter().any(|map| map.to.is_some()));
    let replies = scenario.send_ports.iter().any(|port| port.two_way.is_some());
    disassembles || maps || replies
}
