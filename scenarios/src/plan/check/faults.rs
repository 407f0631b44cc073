//! Faults that happen to nothing.

use super::Checker;
use super::references::{hosts, send_ports};
use crate::plan::fault::{Fault, FaultKind, Side};
use crate::plan::host::Host;
use crate::plan::operate::Act;
use crate::plan::rate::Rate;
use crate::plan::receive::ReceiveLocation;
use crate::plan::transactions::OnPoison;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, fault) in scenario.faults.iter().enumerate() {
        endpoint(checker, n, fault);
        instance(checker, n, fault);
        location(checker, n, fault);
        broken(checker, n, fault);
        load(checker, n, fault);
    }
    for (n, host) in scenario.hosts.iter().enumerate() {
        tolerance(checker, n, host);
    }
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        for (k, location) in port.locations.iter().enumerate() {
            stops_again(checker, &format!("receive_port.{n}.location.{k}"), &port.name, location);
        }
    }
}

fn endpoint(checker: &mut Checker<'_>, n: usize, fault: &Fault) {
    let scenario = checker.scenario;
    let path = format!("fault.{n}.endpoint");
    let Some((port, side)) = fault.transport() else {
        // An empty name was refused where it was read.
        if let Some(endpoint) = fault.endpoint.as_ref().filter(|name| !name.is_empty()) {
            let message = format!("'{endpoint}' is not an endpoint");
            checker.refuse(&path, message, "write 'Port.primary' or 'Port.backup'");
        }
        return;
    };
    checker.refer(&path, "send port", port, send_ports(scenario));
    if scenario.send_port(port).is_some_and(|port| port.dynamic.is_some()) {
        let message = format!("send port '{port}' is dynamic: it has no end of its own");
        let help = "R-DYN-01: give its primary transport 'fail' instead";
        checker.refuse(&path, message, help);
    }
    let without = scenario.send_port(port).is_some_and(|port| port.backup.is_none());
    if side == Side::Backup && without {
        let message = format!("send port '{port}' has no backup transport");
        checker.refuse(&path, message, "give it a [send_port.backup], or say '.primary'");
    }
}

fn instance(checker: &mut Checker<'_>, n: usize, fault: &Fault) {
    let scenario = checker.scenario;
    let Some(name) = &fault.host else { return };
    checker.refer(&format!("fault.{n}.host"), "host", name, hosts(scenario));
    let Some((host, server)) = scenario.host(name).zip(fault.server.as_ref()) else { return };
    let what = format!("server of host '{name}'");
    let servers = host.on.iter().map(String::as_str);
    checker.refer(&format!("fault.{n}.server"), &what, server, servers);
}

fn location(checker: &mut Checker<'_>, n: usize, fault: &Fault) {
    let scenario = checker.scenario;
    let Some(name) = &fault.location else { return };
    let path = format!("fault.{n}.location");
    let names = || {
        let locations = scenario.receive_ports.iter().flat_map(|port| &port.locations);
        locations.map(|location| location.name.as_str())
    };
    checker.refer(&path, "receive location", name, names());
    if names().filter(|known| known == name).count() > 1 {
        let message = format!("'{name}' is a location of several receive ports");
        checker.refuse(&path, message, "give its locations different names");
    }
}

/// A location that breaks in a host instance, and is opened again by somebody (R-LIFE-08).
fn broken(checker: &mut Checker<'_>, n: usize, fault: &Fault) {
    let scenario = checker.scenario;
    let Some(name) = fault.location.as_ref().filter(|_| fault.kind == FaultKind::LocationBroken)
    else {
        return;
    };
    let mut locations = scenario.receive_ports.iter().flat_map(|port| &port.locations);
    let Some(location) = locations.find(|known| known.name == *name) else { return };
    let Some(host) = scenario.host(&location.host) else { return };
    if let Some(server) = &fault.server {
        let what = format!("server of host '{}'", host.name);
        let servers = host.on.iter().map(String::as_str);
        checker.refer(&format!("fault.{n}.server"), &what, server, servers);
    }
    let mut acts = scenario.acts.iter();
    let is_enabled =
        acts.any(|act| act.act == Act::Enable && act.to == *name && act.at >= fault.at);
    if fault.lasts.is_some() && host.fault_tolerance.is_none() && !is_enabled {
        let message = format!("'lasts' says nothing: nobody opens '{name}' again");
        let help =
            "R-LIFE-07: give its host 'fault_tolerance', or plan an [[operate]] that enables it";
        checker.warn(&format!("fault.{n}.lasts"), message, help);
    }
}

/// A host that tolerates faults, where no location ever breaks.
fn tolerance(checker: &mut Checker<'_>, n: usize, host: &Host) {
    let scenario = checker.scenario;
    if host.fault_tolerance.is_none() {
        return;
    }
    let is_broken = |location: &ReceiveLocation| {
        let stops = location.adapter.transactional && location.adapter.on_poison == OnPoison::Stop;
        stops
            || scenario.faults.iter().any(|fault| {
                fault.kind == FaultKind::LocationBroken
                    && fault.location.as_ref() == Some(&location.name)
            })
    };
    let mut locations = scenario.receive_ports.iter().flat_map(|port| &port.locations);
    if !locations.any(|location| location.host == host.name && is_broken(location)) {
        let message =
            format!("'fault_tolerance' says nothing: no location of '{}' breaks", host.name);
        let help = "R-LIFE-08: plan a [[fault]] of kind 'location_broken', or leave it out";
        checker.warn(&format!("host.{n}.fault_tolerance"), message, help);
    }
}

/// What a location stops at is still there when it is opened again, and stops it again
/// (R-LIFE-08, R-TXN-12).
fn stops_again(checker: &mut Checker<'_>, path: &str, port: &str, own: &ReceiveLocation) {
    let scenario = checker.scenario;
    let adapter = &own.adapter;
    let stops = adapter.transactional && adapter.on_poison == OnPoison::Stop;
    let again = scenario.host(&own.host).and_then(|host| host.fault_tolerance);
    let Some(again) = again.filter(|_| stops) else { return };
    let is_poisoned = scenario.loads.iter().any(|load| load.to == port && load.poison.is_some());
    let is_disabled = scenario.acts.iter().any(|act| act.act == Act::Disable && act.to == own.name);
    if is_poisoned && !is_disabled {
        let message = format!(
            "'{}' opens '{}' every {again}, and the message that stopped it stops it again: it \
             goes on like that until the run is cut off",
            own.host, own.name
        );
        let help = "R-LIFE-08: another 'on_poison', or a host without 'fault_tolerance'";
        checker.warn(&format!("{path}.adapter"), message, help);
    }
}

/// Only LoadGen's senders do something about a failed send.
fn load(checker: &mut Checker<'_>, n: usize, fault: &Fault) {
    let scenario = checker.scenario;
    let Some(name) = &fault.load else { return };
    let path = format!("fault.{n}.load");
    checker.refer(&path, "load", name, scenario.loads.iter().map(|load| load.name.as_str()));
    let named = scenario.loads.iter().find(|load| load.name == *name);
    if named.is_some_and(|load| !matches!(load.rate, Rate::Lots(_))) {
        let message = format!("load '{name}' has no senders that would try again");
        checker.refuse(&path, message, "give it a rate of 'lots', or use location_disabled");
    }
}
