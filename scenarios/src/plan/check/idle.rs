//! Settings that say nothing where they stand: each asks something of a part that is not there.

use super::Checker;
use crate::plan::receive::{ReceiveLocation, ReceivePipeline, ReceivePort};
use crate::plan::send::SendPort;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        for (k, location) in port.locations.iter().enumerate() {
            received(checker, &format!("receive_port.{n}.location.{k}"), port, location);
        }
    }
    for (n, port) in scenario.send_ports.iter().enumerate() {
        dynamic(checker, &format!("send_port.{n}"), port);
    }
    let mut boxes = scenario.message_boxes.iter();
    if boxes.len() > 0 && boxes.all(|own| !own.publishes) {
        let message = "no MessageBox takes new messages: somebody has to";
        let help = "R-MMB-04: leave 'publishes' out, or say 'publishes = true' at one of several";
        checker.refuse("message_box.0.publishes", message, help);
    }
}

/// What needs a component that `PassThruReceive` has not, or a map.
fn received(checker: &mut Checker<'_>, path: &str, port: &ReceivePort, own: &ReceiveLocation) {
    if own.pipeline == ReceivePipeline::PassThruReceive {
        let help = "R-PIPE-10: say pipeline = 'XMLReceive'";
        if own.envelope.is_some() {
            let message = "'envelope' says nothing: PassThruReceive takes no message apart";
            checker.warn(&format!("{path}.envelope"), message, help);
        }
        if own.recoverable && !own.validate {
            let message = "'recoverable' says nothing: PassThruReceive takes no message apart";
            checker.warn(&format!("{path}.recoverable"), message, help);
        }
        if own.validate {
            let message = "'validate' stands beside PassThruReceive, which has no component: it \
                           looks at the message as it came";
            checker.advise(&format!("{path}.validate"), message, help);
        }
    }
    if own.loop_back && port.two_way.is_none() {
        let message =
            format!("'loop_back' says nothing: nobody waits for an answer of '{}'", port.name);
        let help = "R-RR-14: give the receive port 'two_way = {}'";
        checker.warn(&format!("{path}.loop_back"), message, help);
    }
    if own.suspend_on_mapping_failure && !port.map && port.maps.is_empty() {
        let message =
            format!("'suspend_on_mapping_failure' says nothing: '{}' has no map", port.name);
        let help = "R-RIP-01: give the receive port 'map = true' or 'maps'";
        checker.warn(&format!("{path}.suspend_on_mapping_failure"), message, help);
    }
}

/// What only a static send port has.
fn dynamic(checker: &mut Checker<'_>, path: &str, port: &SendPort) {
    if port.dynamic.is_none() {
        return;
    }
    if port.route_failed {
        let message = format!("'{}' is dynamic and cannot route failed messages", port.name);
        let help = "R-FMR-01: receive ports and static send ports can";
        checker.refuse(&format!("{path}.route_failed"), message, help);
    }
    if port.notify_delivery {
        let message = format!(
            "'{}' is dynamic: the product tells of its deliveries only where the orchestration's \
             port was made for them; here it always does",
            port.name
        );
        let help = "R-ACK-06: leave 'notify_delivery' out, or make the port static";
        checker.warn(&format!("{path}.notify_delivery"), message, help);
    }
}
