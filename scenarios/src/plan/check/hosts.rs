//! What a host may be asked to run, and how many of it may run.

use floodgate_engine::config::HostSettings;
use floodgate_engine::exchange::ResponseSettings;

use super::Checker;
use crate::plan::host::Host;
use crate::plan::send::SendPort;
use crate::plan::throttling::{Said, Throttling};
use crate::plan::transactions::OnPoison;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for host in scenario.hosts.iter().filter(|host| host.isolated) {
        isolated(checker, &host.name);
    }
    for (n, host) in scenario.hosts.iter().enumerate() {
        waits(checker, n, host);
        if let Some(own) = &host.throttling {
            throttles(checker, n, host, own);
        }
    }
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        for (k, location) in port.locations.iter().enumerate() {
            let host = scenario.host(&location.host);
            let ordered =
                location.adapter.transactional && location.adapter.on_poison == OnPoison::Stop;
            if let (true, Some(host)) = (ordered, host) {
                alone(checker, &format!("receive_port.{n}.location.{k}.host"), host);
            }
        }
    }
}

/// An isolated host has receive adapters and nothing else (R-LIFE-11, R-HOST-01).
fn isolated(checker: &mut Checker<'_>, host: &str) {
    let scenario = checker.scenario;
    let mut wrong = Vec::new();
    for (n, port) in scenario.send_ports.iter().enumerate() {
        wrong.extend(sends_from(port, host).map(|key| format!("send_port.{n}{key}")));
        let chosen = port.dynamic.iter().flat_map(|dynamic| &dynamic.hosts).enumerate();
        let chosen = chosen.filter(|(_, chosen)| chosen.host == host);
        wrong.extend(chosen.map(|(k, _)| format!("send_port.{n}.dynamic.hosts.{k}.host")));
    }
    let handlers = scenario.send_handlers.iter().enumerate();
    let handlers = handlers.filter(|(_, handler)| handler.host == host);
    wrong.extend(handlers.map(|(n, _)| format!("send_handler.{n}.host")));
    let orchestrations = scenario.orchestrations.iter().enumerate();
    let orchestrations = orchestrations.filter(|(_, own)| own.host == host);
    wrong.extend(orchestrations.map(|(n, _)| format!("orchestration.{n}.host")));
    for path in wrong {
        let message = format!("'{host}' is isolated: it has receive adapters and nothing else");
        checker.refuse(&path, message, "R-LIFE-11: send from a host that is not isolated");
    }
}

/// How requests wait where none does: no client is answered, or only in the other kind of host.
fn waits(checker: &mut Checker<'_>, n: usize, host: &Host) {
    let usual = ResponseSettings::default();
    let mut two_way = checker.scenario.receive_ports.iter().filter(|port| port.two_way.is_some());
    let answers = two_way.any(|port| port.locations.iter().any(|own| own.host == host.name));
    let (own, other) = (host.response_timeout, host.response_timeout_isolated);
    for (key, is_set, isolated) in [
        ("allow_multiple", host.allow_multiple != usual.allow_multiple, None),
        ("response_timeout", own != usual.timeout, Some(false)),
        ("response_timeout_isolated", other != usual.timeout_isolated, Some(true)),
    ] {
        if !is_set {
            continue;
        }
        let path = format!("host.{n}.{key}");
        if !answers {
            let message = format!("'{key}' says nothing: no client waits for '{}'", host.name);
            let help = "R-RR-02, R-RR-10: it is for locations of a receive port with 'two_way'";
            checker.warn(&path, message, help);
        } else if isolated.is_some_and(|isolated| isolated != host.isolated) {
            let is = if host.isolated { "is" } else { "is not" };
            let message = format!("'{key}' says nothing: '{}' {is} isolated", host.name);
            let help = "R-ADD-05: the two kinds of hosts have a time-out each";
            checker.warn(&path, message, help);
        }
    }
}

/// Thresholds that nothing can come to, and a bound that throttling takes the place of (R-THR-02).
fn throttles(checker: &mut Checker<'_>, n: usize, host: &Host, own: &Throttling) {
    let mut others = checker.scenario.hosts.iter();
    let is_seen = others.any(|one| one.throttling.as_ref().is_some_and(|own| own.memory.is_some()));
    if own.system_memory > 0 && !is_seen {
        let message = "no memory is seen, so that none can be above 'system_memory'";
        let help = "R-THR-02: give the throttling of this or another host 'memory'";
        checker.refuse(&format!("host.{n}.throttling.system_memory"), message, help);
    }
    for (word, said, delay) in [
        ("publishing", own.publishing, own.delay_max),
        ("delivery", own.delivery, own.delivery_delay_max.unwrap_or(own.delay_max)),
    ] {
        if said == Said::Always && delay.is_zero() {
            let message = "'always' throttles by nothing: the longest delay is 0 s";
            let help = "R-THR-03: give 'delay_max' a duration, or leave the word out";
            checker.refuse(&format!("host.{n}.throttling.{word}"), message, help);
        }
    }
    let path = format!("host.{n}.in_process");
    let takes_over = own.in_process > host.in_process && own.delivery != Said::Never;
    if takes_over && host.in_process != HostSettings::default().in_process {
        let message = "'in_process' says nothing: throttling has a higher threshold";
        let help = "R-DEQ-08: say 'in_process' in 'throttling'; 0 there leaves this one";
        checker.warn(&path, message, help);
    }
}

/// The keys by which a send port sends from a host: its own, or that of a transport.
fn sends_from<'p>(port: &'p SendPort, host: &'p str) -> impl Iterator<Item = &'static str> + 'p {
    let primary = std::iter::once((&port.primary, ".primary.host"));
    let transports = primary.chain(port.backup.as_ref().map(|backup| (backup, ".backup.host")));
    // A transport without a host of its own has the port's, which is then what is to be changed.
    let inherits = |own: &str| own.is_empty() || own == port.host;
    let wrong = transports.filter(move |(transport, _)| {
        transport.host == host || (transport.host.is_empty() && port.host == host)
    });
    let mut keys: Vec<&'static str> = wrong
        .map(|(transport, key)| if inherits(&transport.host) { ".host" } else { key })
        .collect();
    keys.dedup();
    keys.into_iter()
}

/// Order of receipt needs one running host instance; a second one waits for the first to fail in
/// the product, and runs here (R-ORD-19).
fn alone(checker: &mut Checker<'_>, path: &str, host: &Host) {
    if host.on.len() > 1 {
        let message = format!(
            "{} instances of '{}' receive side by side: order of receipt is lost",
            host.on.len(),
            host.name
        );
        checker.warn(path, message, "R-ORD-19: let the host run on one server");
    }
}
