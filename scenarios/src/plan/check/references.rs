//! Names that lead nowhere.

use floodgate_sim::check::Rule;

use super::Checker;
use crate::plan::scenario::Scenario;
use crate::plan::send::Transport;

pub(super) fn check(checker: &mut Checker<'_>) {
    machines(checker);
    ports(checker);
    groups(checker);
    orchestrations(checker);
    loads(checker);
    expectations(checker);
}

pub(super) fn hosts(scenario: &Scenario) -> impl Iterator<Item = &str> {
    scenario.hosts.iter().map(|host| host.name.as_str())
}

fn receive_ports(scenario: &Scenario) -> impl Iterator<Item = &str> {
    scenario.receive_ports.iter().map(|port| port.name.as_str())
}

pub(super) fn send_ports(scenario: &Scenario) -> impl Iterator<Item = &str> {
    scenario.send_ports.iter().map(|port| port.name.as_str())
}

fn machines(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    let servers = || scenario.servers.iter().map(|server| server.name.as_str());
    for (n, message_box) in scenario.message_boxes.iter().enumerate() {
        checker.refer(&format!("message_box.{n}.server"), "server", &message_box.server, servers());
    }
    for (n, host) in scenario.hosts.iter().enumerate() {
        for (k, server) in host.on.iter().enumerate() {
            checker.refer(&format!("host.{n}.on.{k}"), "server", server, servers());
        }
    }
}

fn ports(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        for (k, location) in port.locations.iter().enumerate() {
            let path = format!("receive_port.{n}.location.{k}.host");
            checker.refer(&path, "host", &location.host, hosts(scenario));
        }
    }
    for (n, port) in scenario.send_ports.iter().enumerate() {
        checker.refer(&format!("send_port.{n}.host"), "host", &port.host, hosts(scenario));
        transport(checker, &format!("send_port.{n}.primary"), &port.primary, &port.host);
        if let Some(backup) = &port.backup {
            transport(checker, &format!("send_port.{n}.backup"), backup, &port.host);
        }
    }
}

fn orchestrations(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, own) in scenario.orchestrations.iter().enumerate() {
        checker.refer(&format!("orchestration.{n}.host"), "host", &own.host, hosts(scenario));
        if let Some(to) = &own.to {
            let path = format!("orchestration.{n}.to");
            checker.refer(&path, "send port", to, send_ports(scenario));
        }
        let Some(answer) = &own.answer else { continue };
        if let Some(to) = &answer.to {
            let path = format!("orchestration.{n}.answer.to");
            checker.refer(&path, "send port", to, send_ports(scenario));
        }
        let asked = own.to.as_ref().and_then(|to| scenario.send_port(to));
        if asked.is_none_or(|port| port.two_way.is_none()) {
            let message = "'answer' needs a send port that answers";
            let help = "R-SR-03: say 'to' with a send port that has 'two_way'";
            checker.refuse(&format!("orchestration.{n}.answer"), message, help);
        }
    }
}

fn groups(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, group) in scenario.send_port_groups.iter().enumerate() {
        for (k, port) in group.ports.iter().enumerate() {
            let path = format!("send_port_group.{n}.ports.{k}");
            checker.refer(&path, "send port", port, send_ports(scenario));
        }
    }
}

fn transport(checker: &mut Checker<'_>, path: &str, transport: &Transport, port_host: &str) {
    let scenario = checker.scenario;
    // The port's own host was checked with the port.
    if transport.host != port_host {
        checker.refer(&format!("{path}.host"), "host", &transport.host, hosts(scenario));
    }
    if let Some(forward_to) = &transport.forward_to {
        let path = format!("{path}.forward_to");
        checker.refer(&path, "receive port", forward_to, receive_ports(scenario));
        let target = scenario.receive_port(forward_to);
        if target.is_some_and(|port| port.locations.is_empty()) {
            let message = format!("receive port '{forward_to}' has no location to arrive at");
            checker.refuse(&path, message, "give the port a [[receive_port.location]]");
        }
    }
}

fn loads(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, load) in scenario.loads.iter().enumerate() {
        let path = format!("load.{n}.to");
        checker.refer(&path, "receive port", &load.to, receive_ports(scenario));
        let Some(port) = scenario.receive_port(&load.to) else { continue };
        if port.locations.is_empty() {
            let message = format!("receive port '{}' has no location to send to", port.name);
            checker.refuse(&path, message, "give the port a [[receive_port.location]]");
        } else if let Some(location) = &load.location {
            let names = port.locations.iter().map(|location| location.name.as_str());
            let what = format!("location of receive port '{}'", port.name);
            checker.refer(&format!("load.{n}.location"), &what, location, names);
        }
    }
}

fn expectations(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.expect.ports.iter().enumerate() {
        let path = format!("expect.port.{n}.name");
        checker.refer(&path, "send port", &port.name, send_ports(scenario));
    }
    for (n, rule) in scenario.expect.exercised.iter().enumerate() {
        let known = Rule::ALL.iter().map(|rule| rule.id());
        checker.refer(&format!("expect.exercised.{n}"), "check", rule, known);
    }
    for (n, ahead) in scenario.expect.ahead.iter().enumerate() {
        for (key, name) in [("port", &ahead.port), ("of", &ahead.of)] {
            let path = format!("expect.ahead.{n}.{key}");
            checker.refer(&path, "send port", name, send_ports(scenario));
        }
    }
}
