//! Settings that do not go together.

use floodgate_engine::config::OrderedBackup;
use floodgate_engine::time::Duration;

use super::Checker;
use crate::plan::load::{Load, Poison, Stage, Wrong};
use crate::plan::node::Node;
use crate::plan::rate::Rate;
use crate::plan::receive::{Authentication, ReceiveKind, ReceiveLocation, ReceivePipeline};
use crate::plan::send::{SendPipeline, SendPort};
use crate::plan::server::MessageBox;

/// Samples of one run, at most.
const SAMPLES_MAX: u128 = 1_000_000;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
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
        if let Some(poison) = &load.poison {
            bites(checker, &format!("load.{n}"), load, poison);
        }
    }
    exchanges(checker);
    samples(checker);
    jobs(checker);
}

/// What the first MessageBox says for all, and another one says otherwise.
fn jobs(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    let Some((first, others)) = scenario.message_boxes.split_first() else { return };
    let usual =
        MessageBox { jobs: true, cleanup: scenario.profile.cleanup, ..MessageBox::default() };
    for (n, own) in (1..).zip(others) {
        let says = |is_first: bool, is_usual: bool| !is_first && !is_usual;
        for (key, otherwise) in [
            ("cleanup", says(own.cleanup == first.cleanup, own.cleanup == usual.cleanup)),
            ("jobs", says(own.jobs == first.jobs, own.jobs == usual.jobs)),
            ("cached_rows", says(own.cached_rows == first.cached_rows, own.cached_rows.is_none())),
            (
                "cleanup_order",
                says(
                    own.cleanup_order == first.cleanup_order,
                    own.cleanup_order == usual.cleanup_order,
                ),
            ),
        ] {
            if otherwise {
                let message = format!(
                    "'{key}' of '{}' changes nothing: '{}' says it for all MessageBoxes",
                    own.name, first.name
                );
                let help = format!("say it of '{}', the first one", first.name);
                checker.refuse(&format!("message_box.{n}.{key}"), message, help);
            }
        }
    }
}

/// Two ways need somebody who waits, or somebody who replies (R-LIFE-01, R-SR-01).
fn exchanges(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        for (k, location) in port.locations.iter().enumerate() {
            if port.two_way.is_some() && location.adapter.kind != ReceiveKind::Http {
                let message = format!("nobody waits for an answer at '{}'", location.name);
                let help = "adapter = 'http', or leave 'two_way' out";
                checker.refuse(&format!("receive_port.{n}.location.{k}.adapter"), message, help);
            }
        }
    }
    for (n, port) in scenario.send_ports.iter().enumerate() {
        let sides = [("primary", Some(&port.primary)), ("backup", port.backup.as_ref())];
        for (side, transport) in sides {
            if port.two_way.is_none() && transport.is_some_and(|own| own.reply.is_some()) {
                let message = format!("send port '{}' is one-way: nobody hears a reply", port.name);
                let help = "give the port 'two_way = {}', or leave 'reply' out";
                checker.refuse(&format!("send_port.{n}.{side}.reply"), message, help);
            }
        }
    }
}

/// What ordered delivery does not go with: a backup (R-ORD-12), no wait between two tries
/// (R-ORD-16).
fn ordered(checker: &mut Checker<'_>, path: &str, port: &SendPort) {
    if !port.ordered {
        if port.stop_on_failure {
            let message = "'stop_on_failure' says nothing on a port that is not ordered";
            checker.warn(&format!("{path}.stop_on_failure"), message, "say 'ordered = true' too");
        }
        return;
    }
    if port.backup.is_some() {
        let (message, help) = match checker.scenario.choices.ordered_backup {
            OrderedBackup::Continues => (
                "the product stops sending when an ordered port tries its backup; here it was \
                 chosen to go on by the backup, in order",
                "R-ORD-12: not supported by the product",
            ),
            OrderedBackup::Stops => (
                "an ordered port stops sending when it tries its backup, until it is resumed",
                "R-ORD-12: leave 'backup' out, or say choices.ordered_backup = \"continues\"",
            ),
        };
        checker.warn(&format!("{path}.backup"), message, help);
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

/// Poison that no location of the receive port notices.
fn bites(checker: &mut Checker<'_>, path: &str, load: &Load, poison: &Poison) {
    let Some(port) = checker.scenario.receive_port(&load.to) else { return };
    if poison.kind == Wrong::Forged {
        // No stage fails on it: the port asks behind its pipeline.
        if port.authentication == Authentication::None {
            let message = format!("forged messages go through: '{}' asks nobody", port.name);
            let help = "R-RCV-06: say authentication = 'drop' or 'keep'";
            checker.warn(&format!("{path}.poison.kind"), message, help);
        }
        return;
    }
    let is_target = |at: &&ReceiveLocation| load.location.as_ref().is_none_or(|n| *n == at.name);
    let mut locations = port.locations.iter().filter(is_target).peekable();
    let no_location = locations.peek().is_none();
    let splits = locations.any(|at| at.pipeline == ReceivePipeline::XmlReceive);
    let mut targets = port.locations.iter().filter(is_target);
    let stage = match poison.stage {
        Stage::Decode => false,
        Stage::Disassemble | Stage::ResolveParty => splits,
        Stage::Validate => targets.any(|at| at.validate),
        // What the port's own map does not trip over, an outbound map may.
        Stage::Map => {
            let outbound = |port: &SendPort| port.map || !port.maps.is_empty();
            let own = port.map || !port.maps.is_empty();
            own || checker.scenario.send_ports.iter().any(outbound)
        }
        Stage::Assemble => {
            let assembles = |port: &SendPort| port.pipeline == SendPipeline::XmlTransmit;
            checker.scenario.send_ports.iter().any(assembles)
        }
    };
    // A message that is taken as it is is one document.
    let document = poison.document == 1 || splits;
    if no_location || (stage && document) {
        return;
    }
    let word = poison.stage.word();
    let message = if stage {
        format!(
            "poison in '{word}' never bites: the interchange is not split, it has no document {}",
            poison.document
        )
    } else {
        format!("poison in '{word}' never bites: no location of '{}' can fail there", port.name)
    };
    let help = match poison.stage {
        Stage::Decode => {
            "no built-in pipeline has that stage; poison 'disassemble' with \
             'pipeline = \"XMLReceive\"', or 'map' with 'map = true'"
        }
        Stage::Validate => "give a location 'validate = true'",
        Stage::Assemble => "give a send port 'pipeline = \"XMLTransmit\"'",
        Stage::Disassemble | Stage::ResolveParty => "give a location 'pipeline = \"XMLReceive\"'",
        Stage::Map if stage => "poison document 1, or give a location 'pipeline = \"XMLReceive\"'",
        Stage::Map => "give the receive port 'map = true'",
    };
    checker.warn(&format!("{path}.poison.stage"), message, help);
}

/// More samples than anyone can use, as far as it is known how long the loads last.
fn samples(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    let ends = scenario.loads.iter().filter_map(|load| {
        // A count or a file may end the load sooner.
        let known = load.count.is_none() && !matches!(load.rate, Rate::Replay(_));
        let spans = [load.start, load.warm_up, load.measure.filter(|_| known)?];
        Some(spans.iter().map(|span| u128::from(span.as_nanos())).sum::<u128>())
    });
    let phases = scenario.timetable().map_or(0, |table| u128::from(table.loads_end.as_nanos()));
    let lasts = ends.max().unwrap_or(0).max(phases);
    let samples = lasts.checked_div(u128::from(scenario.sample.as_nanos())).unwrap_or(0);
    if samples > SAMPLES_MAX {
        let message = format!(
            "a sample every {} makes {samples} samples while the loads last: at most {SAMPLES_MAX}",
            scenario.sample
        );
        let least =
            Duration::from_nanos(u64::try_from(lasts.div_ceil(SAMPLES_MAX)).unwrap_or(u64::MAX));
        checker.refuse("sample", message, format!("take a 'sample' of \"{least}\" or more"));
    }
}
