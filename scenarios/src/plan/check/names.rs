//! Names given twice.

use super::Checker;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    unique(checker, "server", scenario.servers.iter().map(|server| server.name.as_str()));
    unique(checker, "message_box", scenario.message_boxes.iter().map(|b| b.name.as_str()));
    unique(checker, "host", scenario.hosts.iter().map(|host| host.name.as_str()));
    unique(checker, "receive_port", scenario.receive_ports.iter().map(|port| port.name.as_str()));
    unique(checker, "send_port", scenario.send_ports.iter().map(|port| port.name.as_str()));
    let groups = scenario.send_port_groups.iter().map(|group| group.name.as_str());
    unique(checker, "send_port_group", groups);
    unique(checker, "orchestration", scenario.orchestrations.iter().map(|own| own.name.as_str()));
    unique(checker, "load", scenario.loads.iter().map(|load| load.name.as_str()));
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        let names = port.locations.iter().map(|location| location.name.as_str());
        unique(checker, &format!("receive_port.{n}.location"), names);
    }
    for (n, host) in scenario.hosts.iter().enumerate() {
        for (k, server) in host.on.iter().enumerate() {
            if host.on[..k].contains(server) {
                let message =
                    format!("'{server}' is named twice; a host has one instance a server");
                checker.refuse(&format!("host.{n}.on.{k}"), message, "leave it out");
            }
        }
    }
}

fn unique<'n>(checker: &mut Checker<'_>, path: &str, names: impl Iterator<Item = &'n str>) {
    let mut seen: Vec<&str> = Vec::new();
    for (n, name) in names.enumerate() {
        if !name.is_empty() && seen.contains(&name) {
            let what = path.rsplit('.').next().unwrap_or(path);
            let message = format!("a {what} called '{name}' is declared twice");
            checker.refuse(&format!("{path}.{n}.name"), message, "give it another name");
        }
        seen.push(name);
    }
}
