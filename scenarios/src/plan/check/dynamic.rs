//! Dynamic send ports and the handlers they choose from.

use super::Checker;
use crate::plan::dynamic::{Dynamic, SendHandler};
use crate::plan::send::SendPort;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    let hosts = || scenario.hosts.iter().map(|host| host.name.as_str());
    for (n, handler) in scenario.send_handlers.iter().enumerate() {
        checker.refer(&format!("send_handler.{n}.host"), "host", &handler.host, hosts());
        one_name(checker, n, handler);
    }
    for (n, port) in scenario.send_ports.iter().enumerate() {
        let Some(dynamic) = &port.dynamic else { continue };
        let path = format!("send_port.{n}");
        for (k, chosen) in dynamic.hosts.iter().enumerate() {
            let path = format!("{path}.dynamic.hosts.{k}");
            checker.refer(&format!("{path}.host"), "host", &chosen.host, hosts());
            let handlers = scenario.send_handlers.iter().map(|handler| handler.name.as_str());
            let path = format!("{path}.handler");
            checker.refer(&path, "send handler", &chosen.handler, handlers);
        }
        refuse(checker, &path, port, dynamic);
    }
    let any = scenario.send_ports.iter().any(|port| port.dynamic.is_some());
    for (n, load) in scenario.loads.iter().enumerate() {
        if !any && !load.outbound.is_empty() {
            let message = "no send port is dynamic: nobody asks where these messages are to go";
            let help = "give a send port 'dynamic = {}', or leave 'outbound' out";
            checker.warn(&format!("load.{n}.outbound"), message, help);
        }
    }
}

/// Type names are compared without regard to case, so they differ in more than that.
fn one_name(checker: &mut Checker<'_>, n: usize, handler: &SendHandler) {
    let same = |other: &SendHandler| other.name.eq_ignore_ascii_case(&handler.name);
    let declared = &checker.scenario.send_handlers;
    if !handler.name.is_empty() && declared[..n].iter().any(same) {
        let message = format!("a send_handler called '{}' is declared twice", handler.name);
        let help = "R-DYN-02: case makes no difference; give it another name";
        checker.refuse(&format!("send_handler.{n}.name"), message, help);
    }
}

/// What a dynamic port cannot be.
fn refuse(checker: &mut Checker<'_>, path: &str, port: &SendPort, _dynamic: &Dynamic) {
    if checker.scenario.send_handlers.is_empty() {
        let message = format!("'{}' is dynamic, and there is no handler to choose", port.name);
        checker.refuse(&format!("{path}.dynamic"), message, "give a [[send_handler]]");
    }
    if port.backup.is_some() {
        let message = "a dynamic port has no backup transport";
        checker.refuse(&format!("{path}.backup"), message, "R-RETRY-12: leave 'backup' out");
    }
    let unable = checker.scenario.send_handlers.iter().find(|handler| !handler.ordered);
    if let (true, Some(unable)) = (port.ordered, unable) {
        let message =
            format!("'{}' may send by '{}', which keeps no order", port.name, unable.name);
        let help = "R-ORD-12: a dynamic port is ordered only by adapters that can be";
        checker.refuse(&format!("{path}.ordered"), message, help);
    }
}
