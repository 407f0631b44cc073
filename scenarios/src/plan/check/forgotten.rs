//! Transactional readers that read one message for ever.
//!
//! Where failed messages are routed, a pipeline that throws takes its transaction along (R-FMR-07),
//! so that the second batch cannot suspend in it. The reader remembers the message instead and
//! begins the next transaction with its suspension, if it still knows it by then (R-TXN-14). What
//! a read and a batch take moves the next look nearer to the failure: it may be in time after all.

use std::iter;

use floodgate_engine::time::Duration;

use super::Checker;
use super::rounds::holds;
use crate::plan::component::{Does, OwnStage};
use crate::plan::filter::{Condition, Filter};
use crate::plan::load::{Poison, Stage, Wrong};
use crate::plan::operate::Act;
use crate::plan::receive::{ReceiveLocation, ReceivePipeline, ReceivePort};
use crate::plan::scenario::Scenario;
use crate::plan::send::PortState;
use crate::plan::transactions::OnPoison;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        for (k, own) in port.locations.iter().enumerate() {
            let adapter = &own.adapter;
            let Some(again) = read_again(own).filter(|again| adapter.single_for <= *again) else {
                continue;
            };
            if !loses_transactions(scenario, port, own) || !throws(scenario, port, own) {
                continue;
            }
            let (is_sure, name) = (adapter.single_for.is_zero(), &own.name);
            let forgets = if is_sure { "forgets" } else { "may forget" };
            let message = format!(
                "'{name}' {forgets} a message that its pipeline throws at before it is read again: \
                 its transaction is lost each time, with another error message, until the run is \
                 cut off"
            );
            let help = format!(
                "R-FMR-07, R-TXN-14: it may be read again after \"{again}\"; give 'single_for' \
                 more, or take on_poison = 'suspend_on_next_read'"
            );
            let path = format!("receive_port.{n}.location.{k}.adapter.single_for");
            if is_sure {
                checker.refuse(&path, message, help);
            } else {
                checker.warn(&path, message, help);
            }
        }
    }
}

/// How long after a failure its message is there again: at the first look after the read that it
/// came with, and as long as that takes.
fn read_again(own: &ReceiveLocation) -> Option<Duration> {
    let poll = own.adapter.poll.filter(|poll| !poll.is_zero())?;
    let looks = own.wire.mean().as_nanos() / poll.as_nanos();
    Some(poll.times(looks + 1))
}

/// Whether a throw is told of by an error message, and the transaction is lost.
fn loses_transactions(scenario: &Scenario, port: &ReceivePort, own: &ReceiveLocation) -> bool {
    let suspends =
        matches!(own.adapter.on_poison, OnPoison::Suspend | OnPoison::SuspendNonResumable);
    let is_disabled = scenario.acts.iter().any(|act| act.act == Act::Disable && act.to == own.name);
    let ports = scenario.send_ports.iter().filter(|port| port.state != PortState::Bound);
    let mut filters = (ports.filter_map(|port| port.filter.as_ref()))
        .chain(scenario.orchestrations.iter().map(|own| &own.filter));
    own.adapter.transactional
        && suspends
        && port.route_failed
        && !own.refuse_failed
        && !is_disabled
        && filters.any(|filter| takes_errors(filter, port, own))
}

/// Whether somebody subscribes to the error messages of a location: nothing else than the report
/// is promoted on them (R-FMR-02, R-FMR-06).
fn takes_errors(filter: &Filter, port: &ReceivePort, own: &ReceiveLocation) -> bool {
    let holds = |condition: &Condition| match condition.property.as_str() {
        "ErrorReport.ErrorType" => holds(condition, "FailedMessage"),
        "ErrorReport.ReceivePortName" => holds(condition, &port.name),
        "ErrorReport.InboundTransportLocation" => holds(condition, &own.name),
        "ErrorReport.SendPortName" | "ErrorReport.OutboundTransportLocation" => false,
        property => property.starts_with("ErrorReport."),
    };
    filter.groups.iter().any(|group| group.iter().all(holds))
}

/// Whether the location's pipeline throws at what comes.
fn throws(scenario: &Scenario, port: &ReceivePort, own: &ReceiveLocation) -> bool {
    let comes = |location: &Option<String>| location.as_ref().is_none_or(|name| *name == own.name);
    let mut loads = scenario.loads.iter();
    let loads = loads.by_ref().filter(|load| load.to == port.name && comes(&load.location));
    let fails = own.components.iter().any(|component| {
        let receives = matches!(
            component.stage,
            OwnStage::Decode | OwnStage::Validate | OwnStage::ResolveParty
        );
        component.does == Does::Fail && receives && !component.faults
    });
    loads
        .flat_map(|load| iter::once(load.poison.as_ref()))
        .any(|poison| fails || poison.is_some_and(|poison| throws_at(own, poison)))
}

/// Whether nothing is recovered of what this is wrong with (R-RIP-01, R-RIP-05, R-RIP-06).
fn throws_at(own: &ReceiveLocation, poison: &Poison) -> bool {
    let splits = own.pipeline == ReceivePipeline::XmlReceive;
    let recovers = own.recoverable && poison.kind == Wrong::Invalid;
    let is_there = poison.document == 1 || splits;
    match poison.kind {
        Wrong::Forged => return false,
        Wrong::Unrecognised => return splits,
        Wrong::Invalid | Wrong::Unreadable => {}
    }
    is_there
        && match poison.stage {
            Stage::Disassemble => splits && !recovers,
            Stage::ResolveParty => splits,
            Stage::Validate => own.validate && !recovers,
            Stage::Assemble | Stage::Decode | Stage::Map => false,
        }
}
