//! What can go wrong in a scenario, as far as it is seen before a run; in doubt, it can.

use std::iter;

use floodgate_engine::config::EmptyMaximum;

use crate::plan::filter::{Condition, FilterValue, Operator};
use crate::plan::load::Load;
use crate::plan::node::{Node, Plain};
use crate::plan::rate::Rate;
use crate::plan::receive::{Authentication, ReceivePort};
use crate::plan::scenario::Scenario;
use crate::plan::send::{PortState, SendPort, Transport};
use crate::plan::when::Active;

/// Whether somebody waits for an answer, or asks a partner for one.
fn is_two_way(scenario: &Scenario) -> bool {
    scenario.receive_ports.iter().any(|port| port.two_way.is_some())
        || scenario.send_ports.iter().any(|port| port.two_way.is_some())
}

/// Whether a plan changes what runs: faults and operators.
fn is_disturbed(scenario: &Scenario) -> bool {
    !scenario.faults.is_empty() || !scenario.acts.is_empty()
}

/// Whether some attempt to send may fail, so that there is another one.
pub(super) fn attempts_fail(scenario: &Scenario) -> bool {
    let fails = |own: &Transport| {
        let adapter = &own.adapter;
        own.fail.is_some()
            || own.errand.fail.is_some()
            || adapter.throws.is_some()
            || adapter.transactional
            || (adapter.batch == 0 && scenario.choices.empty_maximum == EmptyMaximum::Refused)
    };
    let transports = |port: &SendPort| {
        port.dynamic.is_some() || iter::once(&port.primary).chain(&port.backup).any(fails)
    };
    is_disturbed(scenario) || is_two_way(scenario) || scenario.send_ports.iter().any(transports)
}

/// Whether something may be published that nobody subscribes to.
pub(super) fn is_unrouted(scenario: &Scenario) -> bool {
    is_disturbed(scenario)
        || is_two_way(scenario)
        || !scenario.orchestrations.is_empty()
        || scenario.receive_ports.iter().any(|port| !is_subscribed(scenario, port))
}

/// Whether some port surely gets everything that comes by `port`.
fn is_subscribed(scenario: &Scenario, port: &ReceivePort) -> bool {
    let takes = |own: &Condition| {
        own.property == "BTS.ReceivePortName"
            && own.operator == Operator::Equal
            && own.value == Some(FilterValue::Text(port.name.clone()))
    };
    let is_taken = |own: &SendPort| {
        let groups = own.filter.iter().flat_map(|filter| &filter.groups);
        own.state != PortState::Bound && groups.into_iter().any(|group| group.iter().all(takes))
    };
    port.locations.iter().all(|own| own.demands.is_empty())
        && scenario.send_ports.iter().any(is_taken)
}

/// Whether something that is received may fail on its way to the MessageBox.
fn is_spoiled(scenario: &Scenario) -> bool {
    let load = |own: &Load| {
        own.poison.is_some() || own.body.is_some() || matches!(own.rate, Rate::Replay(_))
    };
    let port = |own: &ReceivePort| {
        own.authentication != Authentication::None
            || own.locations.iter().any(|location| !location.components.is_empty())
    };
    scenario.loads.iter().any(load)
        || scenario.receive_ports.iter().any(port)
        || is_two_way(scenario)
}

/// Whether the engine may suspend something in an adapter's batch.
pub(super) fn batches_suspend(scenario: &Scenario, engine_suspends: bool) -> bool {
    let mut locations = scenario.receive_ports.iter().flat_map(|port| &port.locations);
    let suspends =
        engine_suspends || locations.any(|own| own.suspend_on_routing_failure || own.recoverable);
    is_spoiled(scenario) || (suspends && is_unrouted(scenario))
}

/// Whether some adapter's batch may fail.
pub(super) fn batches_fail(scenario: &Scenario) -> bool {
    let mut locations = scenario.receive_ports.iter().flat_map(|port| &port.locations);
    attempts_fail(scenario)
        || is_unrouted(scenario)
        || is_spoiled(scenario)
        || locations.any(|own| own.adapter.transactional || own.active != Active::default())
}

/// The characters of the longest text in a document, what it is about aside.
pub(super) fn longest_text(document: &Node) -> usize {
    match &document.plain {
        Plain::Text(text) => text.chars().count(),
        Plain::List(items) => items.iter().map(longest_text).max().unwrap_or(0),
        Plain::Table(table) => {
            let entries = table.entries.iter().filter(|entry| entry.key != "about");
            entries.map(|entry| longest_text(&entry.node)).max().unwrap_or(0)
        }
        Plain::Bool(_) | Plain::Date(_) | Plain::Float(_) | Plain::Integer(_) => 0,
    }
}
