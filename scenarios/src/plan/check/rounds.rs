//! Send ports that are told of failures which they cause themselves.
//!
//! Nothing acknowledges an acknowledgement (R-ACK-01), so a port that fails to send one is told
//! nothing. But what it sends may come back as a document, by a receive port or as a reply, and
//! that may fail in turn.

use std::iter;

use super::Checker;
use crate::plan::fault::{FaultKind, Side};
use crate::plan::filter::{Condition, Filter, FilterValue, Operator};
use crate::plan::scenario::Scenario;
use crate::plan::send::{Failure, PortState, SendPort, Transport};

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.send_ports.iter().enumerate().filter(|(_, port)| is_started(port)) {
        let Some((from, failing)) = told_of(scenario, port) else { continue };
        let message = format!(
            "'{}' takes the NACK of what it causes: it sends, {from} comes of it, '{}' fails to \
             send that on, and its NACK goes to '{}' again, as often as it fails",
            port.name, failing.name, port.name
        );
        let help = "R-ACK-01: let it send elsewhere, or ask for the NACKs of one port by \
                    'and BTS.AckSendPortName == …'";
        let path = format!("send_port.{n}.filter");
        if is_sure(scenario, port, failing) {
            checker.refuse(&path, format!("{message}: always"), help);
        } else {
            checker.warn(&path, message, help);
        }
    }
}

/// What comes of what `port` sends, in words, and the port that may fail to send that on and of
/// whose failure `port` is told.
fn told_of<'a>(scenario: &'a Scenario, port: &SendPort) -> Option<(String, &'a SendPort)> {
    let mut others = scenario.send_ports.iter().filter(|own| is_started(own));
    let filter = port.filter.as_ref()?;
    others.find_map(|other| {
        let wants = asks(other, filter);
        let from = comes_back(port, other).filter(|_| wants && fails(scenario, other))?;
        Some((from, other))
    })
}

/// Whether it goes round for ever: `port` always sends what it is told, and `other` always gets
/// that and never sends it.
fn is_sure(scenario: &Scenario, port: &SendPort, other: &SendPort) -> bool {
    let always = matches!(other.primary.fail, Some(Failure::Always | Failure::PerMille(1000)));
    let is_only = |own: &Condition, of: [(&str, &str); 2]| {
        let is = |(key, name): (&str, &str)| own.property == key && holds(own, name);
        own.operator == Operator::Equal && of.into_iter().any(is)
    };
    let whole = |port: &SendPort, of: [(&str, &str); 2]| {
        let groups = port.filter.iter().flat_map(|filter| &filter.groups);
        groups.into_iter().any(|group| group.iter().all(|own| is_only(own, of)))
    };
    let told = [("BTS.AckType", "NACK"), ("BTS.AckSendPortName", other.name.as_str())];
    let to = port.primary.forward_to.as_deref();
    always
        && other.backup.is_none()
        && !fails(scenario, port)
        && whole(port, told)
        && to.is_some_and(|to| whole(other, [("BTS.ReceivePortName", to); 2]))
}

/// Whether the filter takes the NACK of a message that `other` did not send.
fn asks(other: &SendPort, filter: &Filter) -> bool {
    let nack = |own: &Condition| match own.property.as_str() {
        "BTS.AckType" => holds(own, "NACK"),
        "BTS.AckSendPortName" => holds(own, &other.name),
        "BTS.ReceivePortName" | "BTS.SPName" => false,
        _ => true,
    };
    let about = |own: &Condition| own.property.starts_with("BTS.Ack");
    filter.groups.iter().any(|group| group.iter().any(about) && group.iter().all(nack))
}

/// What `other` gets of what `port` has sent, in words.
fn comes_back(port: &SendPort, other: &SendPort) -> Option<String> {
    let filter = other.filter.as_ref()?;
    let takes = |key: &str, name: &str| {
        let admits = |own: &Condition| match own.property.as_str() {
            "BTS.ReceivePortName" | "BTS.SPName" => own.property == key && holds(own, name),
            property => !property.starts_with("BTS.Ack"),
        };
        filter.groups.iter().any(|group| group.iter().all(admits))
    };
    transports(port).find_map(|own| {
        let forwarded = own.forward_to.as_ref().filter(|to| takes("BTS.ReceivePortName", to));
        let replied = port.two_way.is_some() && own.reply.is_some();
        match forwarded {
            Some(to) => Some(format!("a document of '{to}'")),
            None if replied && takes("BTS.SPName", &port.name) => Some("a reply".to_owned()),
            None => None,
        }
    })
}

/// Whether a condition holds for this text, as far as it is seen.
pub(super) fn holds(own: &Condition, text: &str) -> bool {
    let is = own.value.as_ref().is_none_or(|value| *value == FilterValue::Text(text.to_owned()));
    match own.operator {
        Operator::Equal => is,
        Operator::NotEqual => !is,
        Operator::BitwiseAnd
        | Operator::Exists
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Less
        | Operator::LessOrEqual => true,
    }
}

fn fails(scenario: &Scenario, port: &SendPort) -> bool {
    let down = |side: Side| {
        let is_it = |name: (&str, Side)| name == (port.name.as_str(), side);
        let mut faults = scenario.faults.iter();
        faults.any(|own| own.kind == FaultKind::EndpointDown && own.transport().is_some_and(is_it))
    };
    let broken = |own: &Transport| own.fail.is_some() || own.adapter.throws.is_some();
    let primary = broken(&port.primary) || down(Side::Primary);
    primary && port.backup.as_ref().is_none_or(|own| broken(own) || down(Side::Backup))
}

fn transports(port: &SendPort) -> impl Iterator<Item = &Transport> {
    iter::once(&port.primary).chain(&port.backup)
}

fn is_started(port: &SendPort) -> bool {
    port.state == PortState::Started
}
