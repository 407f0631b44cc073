//! What a choice refuses, or cannot be combined with.

use floodgate_engine::config::{OutboundCharge, RetryCount};
use floodgate_engine::time::Duration;

use super::Checker;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, host) in scenario.hosts.iter().enumerate() {
        let path = format!("host.{n}.response_timeout");
        waits(checker, &path, host.response_timeout);
        waits(checker, &format!("{path}_isolated"), host.response_timeout_isolated);
    }
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        for (k, location) in port.locations.iter().enumerate() {
            let own = location.adapter.clients.as_ref().and_then(|clients| clients.timeout);
            if let Some(timeout) = own {
                let path = format!("receive_port.{n}.location.{k}.adapter.clients.timeout");
                waits(checker, &path, timeout);
            }
        }
    }
    let choices = scenario.choices;
    if choices.outbound_charge == OutboundCharge::FirstAttempt
        && choices.retry_count == RetryCount::Configured
    {
        let message = "whether an attempt is the first is told by the retries that are left";
        let help = "R-CLK-17: leave 'retry_count' at \"remaining\"";
        checker.refuse("choices.outbound_charge", message, help);
    }
}

/// A time-out that the choice of its range does not take.
fn waits(checker: &mut Checker<'_>, path: &str, timeout: Duration) {
    // No time at all was refused where it was read.
    if !timeout.is_zero() && !checker.scenario.choices.response_timeout.takes(timeout) {
        let message = "a request waits for 1 to 60 minutes";
        let help = "R-RR-02: or choices.response_timeout = \"any_positive\"";
        checker.refuse(path, message, help);
    }
}
