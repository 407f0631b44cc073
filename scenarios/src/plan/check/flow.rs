//! How documents go: send ports that nothing reaches, and loops that nothing leaves.

use super::Checker;
use crate::plan::filter::{Condition, Filter, FilterValue, Operator};
use crate::plan::orchestration::Orchestration;
use crate::plan::scenario::Scenario;
use crate::plan::send::{PortState, SendPort};

pub(super) fn check(checker: &mut Checker<'_>) {
    ways_in(checker);
    let scenario = checker.scenario;
    if let Some(cycle) = find_cycle(scenario, names) {
        let message = format!("documents go round for ever: {}", describe(scenario, &cycle));
        let help = "let one of these ports send elsewhere, without 'forward_to'";
        checker.refuse(&forward_path(&cycle), message, help);
    } else if let Some(cycle) = find_cycle(scenario, may_match) {
        let message = format!("documents may go round for ever: {}", describe(scenario, &cycle));
        let help = "add 'and BTS.ReceivePortName == …' to the filter, if they should not";
        checker.warn(&forward_path(&cycle), message, help);
    }
}

/// The receive port that a condition asks for by name.
fn asked_for(condition: &Condition) -> Option<&str> {
    let by_name = condition.property == "BTS.ReceivePortName";
    match &condition.value {
        Some(FilterValue::Text(name)) if by_name && condition.operator == Operator::Equal => {
            Some(name)
        }
        Some(FilterValue::Bool(_) | FilterValue::Integer(_) | FilterValue::Text(_)) | None => None,
    }
}

fn ways_in(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.send_ports.iter().enumerate() {
        let bound = |own: &Orchestration| {
            let answers = own.answer.as_ref().and_then(|answer| answer.to.as_deref());
            [own.to.as_deref(), answers].contains(&Some(port.name.as_str()))
        };
        let in_group =
            scenario.send_port_groups.iter().any(|group| group.ports.contains(&port.name));
        if port.filter.is_none() && (in_group || scenario.orchestrations.iter().any(bound)) {
            continue;
        }
        // A filter that is there and cannot be read was refused.
        let written = checker.document.find(&format!("send_port.{n}.filter")).is_some();
        if port.filter.is_none() && !written {
            let message = format!("send port '{}' has no filter: nothing reaches it", port.name);
            let help = "give it a filter, like 'BTS.ReceivePortName == \"…\"'";
            checker.warn(&format!("send_port.{n}"), message, help);
        }
    }
}

/// Whether the filter names the receive port.
fn names(filter: &Filter, port: &str) -> bool {
    filter.groups.iter().flatten().any(|condition| asked_for(condition) == Some(port))
}

/// Whether some group of the filter does not ask for another receive port.
fn may_match(filter: &Filter, port: &str) -> bool {
    // What only acknowledgements have (R-ACK-02), no document has: those are followed by `rounds`.
    let acknowledges = |own: &Condition| {
        own.property.starts_with("BTS.Ack")
            && matches!(own.operator, Operator::Equal | Operator::Exists)
    };
    let admits =
        |own: &Condition| asked_for(own).is_none_or(|name| name == port) && !acknowledges(own);
    filter.groups.iter().any(|group| group.iter().all(admits))
}

/// One hop: a send port of the scenario, by number, and the transport it forwards by.
#[derive(Clone, Copy)]
struct Hop<'a> {
    port: usize,
    side: &'static str,
    to: &'a str,
}

/// Where documents of the receive port `from` are forwarded.
fn hops<'a>(
    scenario: &'a Scenario,
    from: &str,
    matches: fn(&Filter, &str) -> bool,
) -> Vec<Hop<'a>> {
    let asks = |filter: &Option<Filter>| filter.as_ref().is_some_and(|own| matches(own, from));
    let takes = |port: &SendPort| {
        let mut groups = scenario.send_port_groups.iter();
        let mut by_group = || {
            groups.any(|group| {
                group.state == PortState::Started
                    && group.ports.contains(&port.name)
                    && asks(&group.filter)
            })
        };
        port.state == PortState::Started && (asks(&port.filter) || by_group())
    };
    let ports = scenario.send_ports.iter().enumerate().filter(|(_, port)| takes(port));
    let hops = ports.flat_map(|(n, port)| {
        let sides = [("primary", Some(&port.primary)), ("backup", port.backup.as_ref())];
        sides.into_iter().filter_map(move |(side, transport)| {
            Some(Hop { port: n, side, to: transport?.forward_to.as_deref()? })
        })
    });
    hops.collect()
}

/// The first cycle of receive ports that is found from any of them.
fn find_cycle(scenario: &Scenario, matches: fn(&Filter, &str) -> bool) -> Option<Vec<Hop<'_>>> {
    let mut finished: Vec<&str> = Vec::new();
    for start in &scenario.receive_ports {
        // Walked with a list of what is left to try, so that no chain of ports is too long.
        let mut path: Vec<(&str, Vec<Hop<'_>>, Option<Hop<'_>>)> =
            vec![(&start.name, hops(scenario, &start.name, matches), None)];
        while let Some((here, left, _)) = path.last_mut() {
            let Some(hop) = left.pop() else {
                finished.push(here);
                path.pop();
                continue;
            };
            if let Some(at) = path.iter().position(|(port, ..)| *port == hop.to) {
                let inner = path[at + 1..].iter().filter_map(|(_, _, hop)| *hop);
                return Some(inner.chain([hop]).collect());
            }
            if !finished.contains(&hop.to) {
                path.push((hop.to, hops(scenario, hop.to, matches), Some(hop)));
            }
        }
    }
    None
}

/// The loop in words: `Orders → send port 'Stage' → Orders`.
fn describe(scenario: &Scenario, cycle: &[Hop<'_>]) -> String {
    let first = cycle.last().map_or("", |hop| hop.to);
    let mut text = first.to_owned();
    for hop in cycle {
        let port = scenario.send_ports.get(hop.port).map_or("", |port| port.name.as_str());
        text.push_str(&format!(" → send port '{port}' → {}", hop.to));
    }
    text
}

fn forward_path(cycle: &[Hop<'_>]) -> String {
    cycle
        .last()
        .map_or_else(String::new, |hop| format!("send_port.{}.{}.forward_to", hop.port, hop.side))
}
