//! What a choice refuses, or cannot be combined with.

use std::iter;

use floodgate_engine::config::{BatchDone, Choices, OutboundCharge, RetryCount};
use floodgate_engine::time::Duration;

use super::Checker;
use crate::plan::operate::Act;

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
    idle(checker);
}

/// Choices that nothing in the scenario asks for.
fn idle(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    let (own, usual) = (scenario.choices, Choices::default());
    let ports = &scenario.send_ports;
    let transports = ports.iter().flat_map(|port| iter::once(&port.primary).chain(&port.backup));
    let adapters = transports.map(|transport| &transport.adapter);
    let adapters = adapters.chain(scenario.send_handlers.iter().map(|handler| &handler.adapter));
    let adapters: Vec<_> = adapters.collect();
    let gathers = own.batch_done == BatchDone::Adapter
        && adapters.iter().any(|adapter| adapter.batched && !adapter.blocking);
    for (key, is_set, is_asked_for, why, help) in [
        (
            "alias",
            own.alias != usual.alias,
            ports.iter().any(|port| port.dynamic.is_some()),
            "no send port is dynamic",
            "R-DYN-05: only dynamic ports have aliases to choose from",
        ),
        (
            "batch_done",
            own.batch_done != usual.batch_done,
            gathers,
            "no send adapter takes batches without blocking",
            "R-BSND-02: give one 'batched = true'",
        ),
        (
            "batch_wait",
            own.batch_wait != usual.batch_wait,
            gathers,
            "no adapter says itself that its batch is complete",
            "R-BSND-02: say batch_done = \"adapter\", and have an adapter with batches",
        ),
        (
            "empty_maximum",
            own.empty_maximum != usual.empty_maximum,
            adapters.iter().any(|adapter| adapter.batch == 0),
            "no adapter announces a batch of no messages",
            "R-CLK-10: give an adapter 'batch = 0'",
        ),
        (
            "ordered_backup",
            own.ordered_backup != usual.ordered_backup,
            ports.iter().any(|port| port.ordered && port.backup.is_some()),
            "no ordered port has a backup transport",
            "R-ORD-12: give an ordered port a [send_port.backup]",
        ),
        (
            "send_transactions",
            own.send_transactions != usual.send_transactions,
            adapters.iter().any(|adapter| adapter.transactional),
            "no send adapter is transactional",
            "X-10: give one 'transactional = true'",
        ),
        (
            "unrouted_resume",
            own.unrouted_resume != usual.unrouted_resume,
            scenario.acts.iter().any(|act| act.act == Act::Resume),
            "nobody resumes anything",
            "R-RIP-08: plan an [[operate]] with do = 'resume'",
        ),
    ] {
        if is_set && !is_asked_for {
            let message = format!("'{key}' says nothing: {why}");
            checker.warn(&format!("choices.{key}"), message, help);
        }
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
