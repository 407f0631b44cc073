//! Traps: what is allowed, runs, and is seldom meant. Each is a piece of advice with the rule that
//! makes it bite.

use floodgate_engine::time::Duration;

use super::Checker;
use crate::plan::goal::Goal;
use crate::plan::receive::ReceiveLocation;
use crate::plan::send::{SendPort, Transport};

/// With an ordered port this much between two tries is an outage for everything behind.
const LONG_RETRY: Duration = Duration::from_minutes(5);
/// An adapter is slow beside one whose calls take this much less time.
const SLOWER: u64 = 10;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.send_ports.iter().enumerate() {
        held_up(checker, n, port);
        starving(checker, n, port);
        choking(checker, n, port);
    }
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        for (k, location) in port.locations.iter().enumerate() {
            cut_short(checker, &format!("receive_port.{n}.location.{k}"), &port.name, location);
        }
    }
    for (n, goal) in scenario.goals.iter().enumerate() {
        slept_through(checker, n, goal);
    }
}

/// An ordered port waits for its head, however long that is tried again (R-ORD-07).
fn held_up(checker: &mut Checker<'_>, n: usize, port: &SendPort) {
    let retry = &port.primary.retry;
    if !port.ordered || retry.count == 0 || retry.interval < LONG_RETRY {
        return;
    }
    let whole = retry.interval.times(u64::from(retry.count));
    let message = format!(
        "one message that fails holds up all behind it on the ordered '{}' for {whole}",
        port.name
    );
    let help = "R-ORD-07: a shorter 'interval', such as \"1 min\", or fewer tries";
    checker.advise(&format!("send_port.{n}.primary.retry.interval"), message, help);
}

/// A slow adapter that blocks takes the threads of a fast one in the same host (R-SND-09).
fn starving(checker: &mut Checker<'_>, n: usize, port: &SendPort) {
    let slow = &port.primary;
    if !slow.adapter.blocking || slow.wire.mean().is_zero() {
        return;
    }
    let host = |own: &SendPort| {
        let transport = &own.primary.host;
        if transport.is_empty() { own.host.clone() } else { transport.clone() }
    };
    let is_fast = |transport: &Transport| transport.wire.mean().times(SLOWER) <= slow.wire.mean();
    let mut others = checker.scenario.send_ports.iter();
    let starved = others
        .find(|own| own.name != port.name && host(own) == host(port) && is_fast(&own.primary));
    let Some(starved) = starved else { return };
    let message = format!(
        "'{}' blocks an engine thread of '{}' for {} a call, and '{}' waits for those threads",
        port.name,
        host(port),
        slow.wire.mean(),
        starved.name
    );
    let help = "R-SND-09: give slow adapters that block a host of their own";
    checker.advise(&format!("send_port.{n}.primary.adapter"), message, help);
}

/// An adapter that blocks submits the reply while it holds an engine thread, and that takes another
/// one: as many solicits at once as there are threads wait for ever (R-SR-05, R-DONE-01).
fn choking(checker: &mut Checker<'_>, n: usize, port: &SendPort) {
    if port.two_way.is_none() || port.ordered {
        return;
    }
    let backup = port.backup.as_ref().map(|transport| ("backup", transport));
    for (key, transport) in [("primary", &port.primary)].into_iter().chain(backup) {
        let name = if transport.host.is_empty() { &port.host } else { &transport.host };
        let host = checker.scenario.hosts.iter().find(|host| host.name == *name);
        let Some(host) = host else { continue };
        if !transport.adapter.blocking || transport.adapter.batched || transport.reply.is_none() {
            continue;
        }
        let message = format!(
            "'{}' holds an engine thread of '{name}' until another one has taken the reply in: with \
             {} solicits at once for each CPU none is left, and all wait for ever",
            port.name, host.threads
        );
        let help = "R-SR-05: an adapter that does not block, or one that takes batches";
        checker.advise(&format!("send_port.{n}.{key}.adapter"), message, help);
    }
}

/// Batches that are full by bytes long before they are full by number (R-LMS-05).
fn cut_short(checker: &mut Checker<'_>, path: &str, port: &str, location: &ReceiveLocation) {
    let adapter = &location.adapter;
    let Some(bytes) = adapter.batch_bytes else { return };
    let loads = checker.scenario.loads.iter().filter(|load| load.to == port);
    let kinds = loads.flat_map(|load| load.kinds());
    let largest = kinds.map(|kind| kind.bytes_max().max(1)).max();
    let Some(size) = largest else { return };
    let room = (bytes / size).max(1);
    if room.saturating_mul(2) >= u64::from(adapter.batch) {
        return;
    }
    let message = format!(
        "a batch of {} messages of '{port}' has room for {room}: they are up to {size} bytes, and \
         a batch at most {bytes}",
        adapter.batch
    );
    let help = "R-LMS-05: a larger 'batch_bytes', or a smaller 'batch' that says what happens";
    checker.advise(&format!("{path}.adapter"), message, help);
}

/// A goal that a single wait for the next look uses up (R-CLK-07).
fn slept_through(checker: &mut Checker<'_>, n: usize, goal: &Goal) {
    let Goal::Late(late) = goal else { return };
    let scenario = checker.scenario;
    let hosts = scenario.hosts.iter().map(|host| (format!("host '{}'", host.name), host.poll));
    let locations = scenario.receive_ports.iter().flat_map(|port| &port.locations);
    let locations = locations.filter(|location| !location.adapter.notify);
    let locations = locations.filter_map(|location| {
        Some((format!("location '{}'", location.name), location.adapter.poll?))
    });
    let longest = hosts.chain(locations).max_by_key(|(_, poll)| *poll);
    let Some((who, poll)) = longest.filter(|(_, poll)| *poll >= late.over) else { return };
    let message = format!(
        "a document may wait {poll} for the next look of {who}, and is late after {}",
        late.over
    );
    let help = "R-CLK-07: a shorter 'poll', or a goal that leaves time for it";
    checker.advise(&format!("goal.{n}.late.over"), message, help);
}
