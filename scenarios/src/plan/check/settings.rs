//! Settings that do not go together.

use super::Checker;
use crate::plan::load::Load;
use crate::plan::node::Node;
use crate::plan::rate::Rate;
use crate::plan::send::SendPort;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    if scenario.message_boxes.len() > 1 {
        let message = "several MessageBoxes are not supported yet";
        checker.refuse("message_box.1", message, "keep one [[message_box]]");
    }
    for (n, host) in scenario.hosts.iter().enumerate() {
        let on = format!("host.{n}.on");
        let written = checker.document.find(&on).and_then(Node::as_list);
        if written.is_some_and(<[_]>::is_empty) {
            let message = format!("host '{}' has no server to run on", host.name);
            checker.refuse(&on, message, "name at least one server");
        }
    }
    for (n, port) in scenario.send_ports.iter().enumerate() {
        ordered(checker, &format!("send_port.{n}"), port);
    }
    for (n, load) in scenario.loads.iter().enumerate() {
        end(checker, &format!("load.{n}"), load);
    }
}

/// What ordered delivery does not go with.
fn ordered(checker: &mut Checker<'_>, path: &str, port: &SendPort) {
    if !port.ordered {
        if port.stop_on_failure {
            let message = "'stop_on_failure' says nothing on a port that is not ordered";
            checker.warn(&format!("{path}.stop_on_failure"), message, "say 'ordered = true' too");
        }
        return;
    }
    if port.backup.is_some() {
        let message =
            "an ordered port with a backup transport stops sending when it tries the backup";
        checker.warn(&format!("{path}.backup"), message, "R-ORD-12: not supported by the product");
    }
    let sides = [("primary", Some(&port.primary)), ("backup", port.backup.as_ref())];
    for (side, transport) in sides {
        if transport.is_some_and(|t| t.retry.count > 0 && t.retry.interval.is_zero()) {
            let message = "a retry interval of zero is not valid with ordered delivery";
            let help = "R-ORD-16: the recommended minimum is \"1 min\"";
            checker.warn(&format!("{path}.{side}.retry.interval"), message, help);
        }
    }
}

/// Loads that never end, or that ask for what they do not have.
fn end(checker: &mut Checker<'_>, path: &str, load: &Load) {
    let endless = load.count.is_none() && load.measure.is_none();
    match &load.rate {
        Rate::AllAtOnce if load.count.is_none() => {
            let message = "all at once, but how many?";
            checker.refuse(&format!("{path}.rate"), message, "give 'count'");
        }
        Rate::Replay(file) => {
            if !file.is_empty() && !checker.scenario.folder.join(file).is_file() {
                let message = format!("there is no file '{file}' to replay");
                let help = "the path is relative to the scenario";
                checker.refuse(&format!("{path}.rate.replay"), message, help);
            }
        }
        Rate::AllAtOnce
        | Rate::Constant(_)
        | Rate::Floodgate(..)
        | Rate::Lots(_)
        | Rate::Poisson(_)
        | Rate::Steps(..) => {
            if endless {
                let message = "this load never ends";
                checker.refuse(path, message, "give 'measure' (a duration), 'count', or both");
            }
        }
    }
    if load.poison.as_ref().is_some_and(|poison| poison.document > load.documents) {
        let message = format!("the interchange has only {} documents", load.documents);
        let help = "poison a document that is there, or give more 'documents'";
        checker.refuse(&format!("{path}.poison.document"), message, help);
    }
}
