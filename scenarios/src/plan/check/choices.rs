//! What a choice refuses, or cannot be combined with.

use std::iter;

use floodgate_engine::config::{
    BatchDone, Choices, OutboundCharge, RetryCount, UnroutedSuspension,
};
use floodgate_engine::time::Duration;

use super::Checker;
use super::trouble::{attempts_fail, batches_fail, batches_suspend, is_unrouted, longest_text};
use crate::plan::load::Load;
use crate::plan::operate::Act;
use crate::plan::rate::Rate;
use crate::plan::scenario::Scenario;

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

/// A choice that a scenario makes, and whether anything in it asks for that.
struct Made {
    key: &'static str,
    is_set: bool,
    is_asked_for: bool,
    why: &'static str,
    help: &'static str,
}

/// Choices that nothing in the scenario asks for.
fn idle(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    let mut all = of_sending(scenario);
    all.extend(of_batches(scenario));
    all.extend(of_names(scenario, longest_text(checker.document)));
    for Made { key, is_set, is_asked_for, why, help } in all {
        if is_set && !is_asked_for {
            let message = format!("'{key}' says nothing: {why}");
            checker.warn(&format!("choices.{key}"), message, help);
        }
    }
}

/// Choices about send adapters, their batches and their attempts.
fn of_sending(scenario: &Scenario) -> Vec<Made> {
    let (own, usual) = (scenario.choices, Choices::default());
    let ports = &scenario.send_ports;
    let transports = ports.iter().flat_map(|port| iter::once(&port.primary).chain(&port.backup));
    let adapters = transports.map(|transport| &transport.adapter);
    let adapters = adapters.chain(scenario.send_handlers.iter().map(|handler| &handler.adapter));
    let adapters: Vec<_> = adapters.collect();
    let gathers = own.batch_done == BatchDone::Adapter
        && adapters.iter().any(|adapter| adapter.batched && !adapter.blocking);
    let fails = attempts_fail(scenario);
    vec![
        Made {
            key: "batch_done",
            is_set: own.batch_done != usual.batch_done,
            is_asked_for: gathers,
            why: "no send adapter takes batches without blocking",
            help: "R-BSND-02: give one 'batched = true'",
        },
        Made {
            key: "batch_wait",
            is_set: own.batch_wait != usual.batch_wait,
            is_asked_for: gathers,
            why: "no adapter says itself that its batch is complete",
            help: "R-BSND-02: say batch_done = \"adapter\", and have an adapter with batches",
        },
        Made {
            key: "empty_maximum",
            is_set: own.empty_maximum != usual.empty_maximum,
            is_asked_for: adapters.iter().any(|adapter| adapter.batch == 0),
            why: "no adapter announces a batch of no messages",
            help: "R-CLK-10: give an adapter 'batch = 0'",
        },
        Made {
            key: "ordered_backup",
            is_set: own.ordered_backup != usual.ordered_backup,
            is_asked_for: ports.iter().any(|port| port.ordered && port.backup.is_some()),
            why: "no ordered port has a backup transport",
            help: "R-ORD-12: give an ordered port a [send_port.backup]",
        },
        Made {
            key: "outbound_charge",
            is_set: own.outbound_charge != usual.outbound_charge,
            is_asked_for: fails,
            why: "no attempt fails here, so each is the first",
            help: "R-CLK-17: give a transport 'fail', or plan a [[fault]]",
        },
        Made {
            key: "retry_count",
            is_set: own.retry_count != usual.retry_count,
            is_asked_for: fails,
            why: "no attempt fails here, so all retries are left",
            help: "R-RETRY-02: give a transport 'fail', or plan a [[fault]]",
        },
        Made {
            key: "send_transactions",
            is_set: own.send_transactions != usual.send_transactions,
            is_asked_for: adapters.iter().any(|adapter| adapter.transactional),
            why: "no send adapter is transactional",
            help: "X-10: give one 'transactional = true'",
        },
    ]
}

/// Choices about what an adapter is told of its batch, and about what nobody subscribes to.
fn of_batches(scenario: &Scenario) -> Vec<Made> {
    let (own, usual) = (scenario.choices, Choices::default());
    let engine_suspends = own.unrouted_suspension == UnroutedSuspension::Engine;
    let unrouted = is_unrouted(scenario);
    vec![
        Made {
            key: "double_submit",
            is_set: own.double_submit != usual.double_submit,
            is_asked_for: false,
            why: "no adapter that comes along submits one object twice",
            help: "R-BATCH-06: it is for adapters of one's own, which a program brings",
        },
        Made {
            key: "failed_status",
            is_set: own.failed_status != usual.failed_status,
            is_asked_for: batches_fail(scenario),
            why: "no batch fails here",
            help: "R-CLK-19: give a load 'poison' or a transport 'fail', or plan a [[fault]]",
        },
        Made {
            key: "null_callback",
            is_set: own.null_callback != usual.null_callback,
            is_asked_for: false,
            why: "every adapter that comes along wants to be called back",
            help: "R-BATCH-03: it is for adapters of one's own, which a program brings",
        },
        Made {
            key: "routing_reports",
            is_set: own.routing_reports != usual.routing_reports,
            is_asked_for: unrouted,
            why: "somebody subscribes to everything that is published",
            help: "R-CLK-14: it is for what some filter does not take",
        },
        Made {
            key: "suspended_status",
            is_set: own.suspended_status != usual.suspended_status,
            is_asked_for: batches_suspend(scenario, engine_suspends),
            why: "the engine suspends nothing that is submitted here",
            help: "R-BC-05: give a load 'poison', or choose unrouted_suspension = \"engine\"",
        },
        Made {
            key: "unrouted_resume",
            is_set: own.unrouted_resume != usual.unrouted_resume,
            is_asked_for: scenario.acts.iter().any(|act| act.act == Act::Resume),
            why: "nobody resumes anything",
            help: "R-RIP-08: plan an [[operate]] with do = 'resume'",
        },
        Made {
            key: "unrouted_suspension",
            is_set: own.unrouted_suspension != usual.unrouted_suspension,
            is_asked_for: unrouted,
            why: "somebody subscribes to everything that is published",
            help: "X-13: it is for what some filter does not take",
        },
    ]
}

/// A promoted text may be put together of names; what is shorter than this is not too long so.
const SHORT: usize = 200;

/// Choices about names, texts and times.
fn of_names(scenario: &Scenario, longest: usize) -> [Made; 3] {
    let (own, usual) = (scenario.choices, Choices::default());
    let reads = |load: &Load| matches!(load.rate, Rate::Replay(_));
    [
        Made {
            key: "alias",
            is_set: own.alias != usual.alias,
            is_asked_for: scenario.send_ports.iter().any(|port| port.dynamic.is_some()),
            why: "no send port is dynamic",
            help: "R-DYN-05: only dynamic ports have aliases to choose from",
        },
        Made {
            key: "promoted_length",
            is_set: own.promoted_length != usual.promoted_length,
            is_asked_for: longest >= SHORT || scenario.loads.iter().any(reads),
            why: "no text that is promoted has 256 characters",
            help: "R-CTX-05: a name, a type or a field that is promoted has as many",
        },
        Made {
            key: "response_timeout",
            is_set: own.response_timeout != usual.response_timeout,
            is_asked_for: scenario.receive_ports.iter().any(|port| port.two_way.is_some()),
            why: "no client waits for an answer",
            help: "R-RR-02: give a receive port 'two_way = {}'",
        },
    ]
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
