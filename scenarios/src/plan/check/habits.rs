//! Habits of send adapters that nothing gives an occasion.

use floodgate_engine::config::{BatchDone, RetryCount};

use super::Checker;

use crate::plan::fault::{Fault, Side};
use crate::plan::habits::ThrowingCall;
use crate::plan::send::Transport;
use crate::plan::send_adapter::SendAdapter;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.send_ports.iter().enumerate() {
        let primary = (Side::Primary, "primary", Some(&port.primary));
        let backup = (Side::Backup, "backup", port.backup.as_ref());
        for (side, key, transport) in [primary, backup] {
            let Some(transport) = transport else { continue };
            let path = format!("send_port.{n}.{key}.adapter");
            let is_hit = |fault: &Fault| fault.transport() == Some((&port.name, side));
            let fails = transport.fail.is_some()
                || transport.errand.fail.is_some()
                || scenario.faults.iter().any(is_hit);
            occasions(checker, &path, transport, fails);
            idle(checker, &path, &transport.adapter);
        }
    }
    for (n, handler) in scenario.send_handlers.iter().enumerate() {
        idle(checker, &format!("send_handler.{n}.adapter"), &handler.adapter);
        if handler.adapter.init_on_start {
            let message = format!(
                "'init_on_start' says nothing: '{}' is made when a message asks for it",
                handler.name
            );
            let help = "R-SND-01: give it to an adapter of a static send port";
            checker.warn(&format!("send_handler.{n}.adapter.init_on_start"), message, help);
        }
    }
}

fn occasions(checker: &mut Checker<'_>, path: &str, transport: &Transport, fails: bool) {
    let choices = &checker.scenario.choices;
    let own = &transport.adapter;
    let gives_back = [("more_tries", own.more_tries > 0), ("updates", !own.updates.is_empty())];
    for (key, _) in gives_back.into_iter().filter(|(_, is_set)| *is_set && !fails) {
        let message = format!("'{key}' says nothing: no attempt fails here");
        let help = "R-ADD-07, R-CTX-10: give the transport 'fail', or plan a [[fault]]";
        checker.warn(&format!("{path}.{key}"), message, help);
    }
    if own.keeps_retries && own.more_tries == 0 {
        let message = "'keeps_retries' says nothing: there are no tries beyond the configured ones";
        let help = "R-RETRY-09: say 'more_tries', how often a message is given back so";
        checker.warn(&format!("{path}.keeps_retries"), message, help);
    }
    if own.more_tries > 0 && !own.keeps_retries && choices.retry_count == RetryCount::Configured {
        let message = "'more_tries' says nothing: no adapter is told which retry is the last";
        let help = "X-02: leave it out, or 'choices.retry_count'";
        checker.warn(&format!("{path}.more_tries"), message, help);
    }
    let decides = choices.batch_done == BatchDone::Adapter && own.batched && !own.blocking;
    let throws = |call: ThrowingCall| own.throws.is_some_and(|throws| throws.call == call);
    if decides && throws(ThrowingCall::TransmitMessage) {
        // GS-13: the engine would give back what was started with already, and it would be sent
        // twice (INV-54). The sources do not say what such an adapter is to do.
        let message = "an adapter that completes its own batches may have started with some of one \
                       when it throws";
        let help = "GS-13, X-04: say throws.in = 'begin_batch', or leave 'choices.batch_done' out";
        checker.refuse(&format!("{path}.throws"), message, help);
    }
    if throws(ThrowingCall::Done) && choices.batch_done == BatchDone::Adapter && !own.blocking {
        let message = "'throws' says nothing: the engine does not call 'Done' here";
        let help = "X-04: leave it out, or 'choices.batch_done'";
        checker.warn(&format!("{path}.throws"), message, help);
    }
}

/// What an adapter is told that it has no use for, or that it is told something else of later.
fn idle(checker: &mut Checker<'_>, path: &str, own: &SendAdapter) {
    // A preset may bring a completion of its own, which nobody has asked for.
    let is_own = own.completion != SendAdapter::preset(own.kind).completion;
    if own.blocking && own.completion.is_some() && is_own {
        let message = "'completion' says nothing: an adapter that blocks ends each message as it \
                       comes from the wire";
        let help = "R-HOST-04, R-SND-09: leave it out, or 'blocking'";
        checker.warn(&format!("{path}.completion"), message, help);
    }
    for (k, update) in own.updates.iter().enumerate() {
        let mut later = own.updates.iter().skip(k + 1);
        if later.any(|other| other.property == update.property) {
            let message = format!("'{}' is given another value after this one", update.property);
            let help = "R-CTX-10: a property has one value; leave one of them out";
            checker.warn(&format!("{path}.updates.{k}.property"), message, help);
        }
    }
}
