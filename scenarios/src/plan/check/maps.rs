//! Maps that no document comes to: each document takes the first map of its port that takes its
//! type (R-MAP-01), so a map for a type that nobody sends, or behind one that takes every type,
//! does nothing.

use super::Checker;
use super::carried::{are_typed, types, types_of_loads};
use crate::plan::component::Map;
use crate::plan::nearest::suggestion;
use crate::plan::receive::{ReceivePipeline, ReceivePort};
use crate::plan::scenario::Scenario;
use crate::plan::send::{SendPort, Transport};

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        let path = format!("receive_port.{n}.maps");
        let mut locations = port.locations.iter();
        let typed = locations.any(|own| own.pipeline != ReceivePipeline::PassThruReceive);
        taken(checker, &path, &port.maps, typed, come_in(scenario, port).as_deref());
        if let Some(own) = &port.two_way {
            let path = format!("receive_port.{n}.two_way.maps");
            taken(checker, &path, &own.maps, are_typed(scenario), types(scenario).as_deref());
        }
    }
    for (n, port) in scenario.send_ports.iter().enumerate() {
        let path = format!("send_port.{n}.maps");
        taken(checker, &path, &port.maps, are_typed(scenario), types(scenario).as_deref());
        // Whom a dynamic port asks is not known before the run.
        if let Some(own) = port.two_way.as_ref().filter(|_| port.dynamic.is_none()) {
            let path = format!("send_port.{n}.two_way.maps");
            let typed = own.pipeline != ReceivePipeline::PassThruReceive;
            let replies = transports(port).filter_map(|own| own.reply.as_ref());
            let types: Vec<_> = replies.map(|reply| reply.document_type.as_str()).collect();
            taken(checker, &path, &own.maps, typed, Some(&types));
        }
    }
}

fn transports(port: &SendPort) -> impl Iterator<Item = &Transport> {
    std::iter::once(&port.primary).chain(&port.backup)
}

/// The types of what comes in at a receive port, if they are known before the run.
fn come_in<'a>(scenario: &'a Scenario, port: &ReceivePort) -> Option<Vec<&'a str>> {
    let transports = scenario.send_ports.iter().flat_map(transports);
    let mut transports = transports.filter_map(|own| own.forward_to.as_ref());
    if transports.any(|to| *to == port.name) {
        return types(scenario);
    }
    types_of_loads(scenario.loads.iter().filter(|load| load.to == port.name))
}

fn taken(checker: &mut Checker<'_>, path: &str, maps: &[Map], typed: bool, types: Option<&[&str]>) {
    for (k, map) in maps.iter().enumerate() {
        let before = maps.iter().take(k);
        if before.clone().any(|own| own.from.is_none() || own.from == map.from) {
            let message = "an earlier map takes every document that this one would";
            let help = "R-MAP-01: the first that takes a type is used; put this one before it";
            checker.warn(&format!("{path}.{k}"), message, help);
            continue;
        }
        let Some(from) = &map.from else { continue };
        let at = format!("{path}.{k}.from");
        if !typed {
            let message = "no document has a type here: no map with 'from' takes one";
            let help = "R-MAP-01, R-PIPE-10: say pipeline = 'XMLReceive' at a location";
            checker.warn(&at, message, help);
        } else if let Some(types) = types.filter(|all| !all.contains(&from.as_str())) {
            let message = format!("no document of type '{from}' comes here: this map is not used");
            checker.warn(
                &at,
                message,
                format!("R-MAP-01: {}", suggestion(from, types.iter().copied())),
            );
        }
    }
}
