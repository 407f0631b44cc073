//! Every place of a scenario that names a property: names that nobody knows, properties that
//! nothing promotes, values that none has.
//!
//! A filter sees promoted properties only, and nothing holds for an absent one (R-SUB-04). So a
//! condition on a property that nothing in the scenario promotes never holds: a warning, since the
//! product lets one deploy such a port. A name that the engine's own namespaces do not have
//! cannot be deployed at all, whichever key names it.

use super::Checker;
use super::carried::{is_own, is_there, known, values, who_would};
use crate::plan::filter::{Condition, Filter, FilterValue, Operator};
use crate::plan::nearest::{nearest, suggestion};
use crate::plan::orchestration::Orchestration;
use crate::plan::receive::ReceiveLocation;
use crate::plan::scenario::Scenario;

/// The system properties that are true or false.
const TRUTHS: [&str; 9] = [
    "BTS.IsDynamicSend",
    "BTS.IsRequestResponse",
    "BTS.IsSolicitResponse",
    "BTS.Loopback",
    "BTS.RouteDirectToTP",
    "BTS.SuspendAsNonResumable",
    "BTS.SuspendMessageOnMappingFailure",
    "BTS.SuspendMessageOnRoutingFailure",
    "XLANGs.SuspendShapePassed",
];
/// Those that are whole numbers; all others are texts.
const NUMBERS: [&str; 6] = [
    "BTS.AckFailureCategory",
    "BTS.ActionOnFailure",
    "BTS.InterchangeSequenceNumber",
    "BTS.RetryCount",
    "BTS.RetryInterval",
    "ErrorReport.FailureCategory",
];

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.send_ports.iter().enumerate() {
        if let Some(filter) = &port.filter {
            asked(checker, &format!("send_port.{n}.filter"), filter);
        }
        let sides = [("primary", Some(&port.primary)), ("backup", port.backup.as_ref())];
        for (side, transport) in sides {
            let Some(own) = transport.and_then(|own| own.errand.credentials.as_ref()) else {
                continue;
            };
            let path = format!("send_port.{n}.{side}.errand.credentials");
            if is_named(checker, &path, own) && !is_there(scenario, own) {
                let message = format!("no message has '{own}': all have the same credentials");
                checker.warn(&path, message, "R-ADD-04: a field that is promoted has it");
            }
        }
        for (k, own) in port.demotes.iter().enumerate() {
            let path = format!("send_port.{n}.demotes.{k}.property");
            if is_named(checker, &path, &own.property) && !is_there(scenario, &own.property) {
                let message = format!("no message has '{}': nothing is written", own.property);
                checker.warn(&path, message, "R-PIPE-12: a field that is promoted has it");
            }
        }
    }
    for (n, group) in scenario.send_port_groups.iter().enumerate() {
        if let Some(filter) = &group.filter {
            asked(checker, &format!("send_port_group.{n}.filter"), filter);
        }
    }
    for (n, own) in scenario.orchestrations.iter().enumerate() {
        asked(checker, &format!("orchestration.{n}.filter"), &own.filter);
        correlates(checker, &format!("orchestration.{n}.convoy.on"), own);
    }
    for (n, host) in scenario.hosts.iter().enumerate() {
        for (k, own) in host.properties.iter().enumerate() {
            is_named(checker, &format!("host.{n}.properties.{k}.property"), &own.property);
        }
    }
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        for (k, location) in port.locations.iter().enumerate() {
            received(checker, &format!("receive_port.{n}.location.{k}"), location);
        }
    }
}

/// What a location promotes, and what its messages demand.
fn received(checker: &mut Checker<'_>, path: &str, location: &ReceiveLocation) {
    for (k, own) in location.promotes.iter().enumerate() {
        is_named(checker, &format!("{path}.promotes.{k}.property"), &own.property);
    }
    for (k, demand) in location.demands.iter().enumerate() {
        let at = format!("{path}.demands.{k}.property");
        let named = is_named(checker, &at, &demand.property);
        if named && !can_be_met(checker.scenario, demand.property.as_str(), demand.value.as_deref())
        {
            let message = format!(
                "no host meets the demand on '{}': these messages reach nobody",
                demand.property
            );
            let help = "R-CTX-08: a host has it in 'properties', with the same value";
            checker.warn(&at, message, help);
        }
    }
}

/// Whether some host has the property with this value, or lacks it where none is demanded.
fn can_be_met(scenario: &Scenario, property: &str, value: Option<&str>) -> bool {
    scenario.hosts.iter().any(|host| {
        let own = host.properties.iter().find(|own| own.property == property);
        own.map(|own| own.value.as_str()) == value
    })
}

/// A convoy needs what its messages share: without it every message starts an instance, and there
/// is no order to keep.
fn correlates(checker: &mut Checker<'_>, path: &str, own: &Orchestration) {
    let Some(convoy) = &own.convoy else { return };
    if !is_named(checker, path, &convoy.on) {
        return;
    }
    if let Some(who) = who_would(checker.scenario, &convoy.on) {
        let message = format!("nothing promotes '{}': no two messages share it", convoy.on);
        checker.refuse(path, message, format!("R-ORD-03, R-SUB-04: {who}"));
    }
}

/// Refuses what cannot be the name of a property (R-CTX-01).
fn is_named(checker: &mut Checker<'_>, path: &str, property: &str) -> bool {
    if property.is_empty() {
        // Refused where it was read.
        return false;
    }
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !property.contains('.') || !property.split('.').all(is_part) {
        let message = format!("expected a property, found '{property}'");
        let help = "R-CTX-01: a property is Namespace.Property, like BTS.ReceivePortName";
        checker.refuse(path, message, help);
        return false;
    }
    if !is_own(property) || known().any(|name| name == property) {
        return true;
    }
    let message = format!("no property is called '{property}'");
    let help = match nearest(property, known()) {
        Some(near) => format!("R-CTX-01: did you mean '{near}'?"),
        None => "R-CTX-01: such as BTS.ReceivePortName, BTS.MessageType".to_owned(),
    };
    checker.refuse(path, message, help);
    false
}

/// The conditions of one filter; each property is told of once.
fn asked(checker: &mut Checker<'_>, path: &str, filter: &Filter) {
    let mut told: Vec<&str> = Vec::new();
    for property in filter.groups.iter().flatten().map(|condition| condition.property.as_str()) {
        if told.contains(&property) {
            continue;
        }
        told.push(property);
        if !is_named(checker, path, property) {
            continue;
        }
        if let Some(who) = who_would(checker.scenario, property) {
            let message = format!("nothing promotes '{property}': this condition never holds");
            checker.warn(path, message, format!("R-SUB-04: {who}"));
        }
    }
    for condition in filter.groups.iter().flatten() {
        compared(checker, path, condition);
        matched(checker, path, condition);
    }
}

/// A condition on a property of which all values are known before the run: another value is never
/// seen (R-SUB-02).
fn matched(checker: &mut Checker<'_>, path: &str, condition: &Condition) {
    let scenario = checker.scenario;
    let property = condition.property.as_str();
    let Some(FilterValue::Text(value)) = &condition.value else { return };
    if condition.operator != Operator::Equal || who_would(scenario, property).is_some() {
        return;
    }
    if let Some((what, all)) = values(scenario, property)
        && !all.contains(&value.as_str())
    {
        let message = format!("no {what} is called '{value}': this never matches");
        checker.warn(path, message, format!("R-SUB-02: {}", suggestion(value, all)));
    } else if property == "BTS.AckType"
        && value == "ACK"
        && !scenario.send_ports.iter().any(|port| port.notify_delivery)
    {
        let message = "nobody is told of a delivery: this never matches";
        let help = "R-ACK-01: say 'notify_delivery = true' on a send port; 'NACK' needs nothing";
        checker.warn(path, message, help);
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
