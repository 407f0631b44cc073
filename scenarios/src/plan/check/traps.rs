//! Traps: what is allowed, runs, and is seldom meant. Each is a piece of advice with the rule that
//! makes it bite.

use floodgate_engine::time::Duration;

use super::Checker;
use crate::plan::goal::Goal;
use crate::plan::receive::ReceiveLocation;
use crate::plan::scenario::Scenario;
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
        gathering(checker, n, port);
    }
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        for (k, location) in port.locations.iter().enumerate() {
            cut_short(checker, &format!("receive_port.{n}.location.{k}"), &port.name, location);
        }
    }
    for asked in asked(scenario) {
        slept_through(checker, &asked);
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

/// Completions that wait for more messages than can be there: of an ordered port there is one
/// (R-ORD-04, R-BATCH-07), of a host as many as it may have in process (R-DEQ-08).
fn gathering(checker: &mut Checker<'_>, n: usize, port: &SendPort) {
    let backup = port.backup.as_ref().map(|transport| ("backup", transport));
    for (key, transport) in [("primary", &port.primary)].into_iter().chain(backup) {
        let adapter = &transport.adapter;
        let Some(gathered) = adapter.completion.as_ref() else { continue };
        let is_idle = adapter.blocking || adapter.batched || gathered.wait.is_zero();
        let name = if transport.host.is_empty() { &port.host } else { &transport.host };
        let (room, rule) = match port.ordered {
            true => (1, "R-ORD-04"),
            false => (in_process(checker.scenario, name), "R-DEQ-08"),
        };
        if is_idle || u64::from(gathered.batch) <= room {
            continue;
        }
        let why = match port.ordered {
            true => "an ordered port sends none before the one before it is deleted".to_owned(),
            false => format!("'{name}' has no more than {room} in process at once"),
        };
        let message = format!(
            "'{}' gathers {} finished messages before it deletes them, and {why}: they wait {} for \
             others that cannot come",
            port.name, gathered.batch, gathered.wait
        );
        let help = format!(
            "{rule}, R-BATCH-07: adapter = {{ kind = \"{}\", completion = {{ batch = {room} }} }}",
            adapter.kind.word()
        );
        checker.advise(&format!("send_port.{n}.{key}.adapter"), message, help);
    }
}

/// Messages that an instance of this host may have in process at once, where it has least room.
fn in_process(scenario: &Scenario, name: &str) -> u64 {
    let Some(host) = scenario.hosts.iter().find(|host| host.name == name) else { return u64::MAX };
    let servers = scenario.servers.iter().filter(|server| host.on.contains(&server.name));
    let cores = servers.map(|server| u64::from(server.cores)).min();
    cores.map_or(u64::MAX, |cores| cores * u64::from(host.in_process))
}

/// Batches that are full by bytes long before they are full by number (R-LMS-05). A location that
/// looks now and then takes one at each look: a quarter less is as much less a second.
fn cut_short(checker: &mut Checker<'_>, path: &str, port: &str, location: &ReceiveLocation) {
    let adapter = &location.adapter;
    let Some(bytes) = adapter.batch_bytes else { return };
    let loads = checker.scenario.loads.iter().filter(|load| load.to == port);
    let kinds = loads.flat_map(|load| load.kinds());
    let largest = kinds.map(|kind| kind.bytes_max().max(1)).max();
    let Some(size) = largest else { return };
    let (room, batch) = ((bytes / size).max(1), u64::from(adapter.batch));
    let only_polls = adapter.poll.is_some() && !adapter.notify;
    let is_little = match only_polls {
        true => room.saturating_mul(4) <= batch.saturating_mul(3) && room < batch,
        false => room.saturating_mul(2) < batch,
    };
    if !is_little {
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

/// What is asked of latencies: by a goal, or by an expectation.
struct Asked<'a> {
    path: String,
    /// The time that one wait may not use up.
    over: Duration,
    /// What becomes of a document that takes longer, in words.
    is: String,
    /// The send port that is asked, if it is one alone.
    port: Option<&'a SendPort>,
}

fn asked(scenario: &Scenario) -> Vec<Asked<'_>> {
    let mut all = Vec::new();
    let mut ask = |path: String, over: Duration, is: String, port| {
        all.push(Asked { path, over, is, port });
    };
    for (n, goal) in scenario.goals.iter().enumerate() {
        if let Goal::Late(late) = goal {
            ask(
                format!("goal.{n}.late.over"),
                late.over,
                format!("late after {}", late.over),
                None,
            );
        }
    }
    let expect = &scenario.expect;
    if let Some(most) = expect.latency_max.as_ref().map(|own| own.at_most) {
        let is = format!("too slow after {most}");
        ask("expect.latency_max.at_most".to_owned(), most, is, None);
    }
    for (n, own) in expect.ports.iter().enumerate() {
        let Some(most) = own.latency_p99.as_ref().map(|own| own.at_most) else { continue };
        let port = scenario.send_ports.iter().find(|port| port.name == own.name);
        let is = format!("too slow for the 99th percentile of '{}' after {most}", own.name);
        ask(format!("expect.port.{n}.latency_p99.at_most"), most, is, port);
    }
    for (n, own) in expect.figures.iter().enumerate() {
        // Half of a wait is its mean.
        let waits = match own.figure.what.word() {
            "latency.max" | "latency.p99" => 1.0,
            "latency.mean" | "latency.p50" => 2.0,
            _ => continue,
        };
        let units = own.figure.what.units().iter().find(|(unit, _)| *unit == own.unit);
        let (Some(most), Some((_, seconds))) = (own.at_most, units) else { continue };
        let is = format!("too slow for {} after {most} {}", own.figure.what.word(), own.unit);
        let over = Duration::from_secs_f64(most * seconds * waits);
        ask(format!("expect.figure.{n}.at_most"), over, is, None);
    }
    all
}

/// A time for the whole way that a single wait for the next look uses up (R-CLK-07).
fn slept_through(checker: &mut Checker<'_>, asked: &Asked<'_>) {
    let scenario = checker.scenario;
    // What one port sends waits for its own hosts, and for those of orchestrations before it.
    let is_on_its_way = |host: &str| match asked.port {
        Some(port) if scenario.orchestrations.is_empty() => {
            let of = |own: &Transport| own.host == host || own.host.is_empty() && port.host == host;
            of(&port.primary) || port.backup.as_ref().is_some_and(of)
        }
        _ => true,
    };
    let hosts = scenario.hosts.iter().filter(|host| is_on_its_way(&host.name));
    let hosts = hosts.map(|host| (format!("host '{}'", host.name), host.poll));
    let locations = scenario.receive_ports.iter().flat_map(|port| &port.locations);
    let locations = locations.filter(|location| !location.adapter.notify);
    let locations = locations.filter_map(|location| {
        Some((format!("location '{}'", location.name), location.adapter.poll?))
    });
    let longest = hosts.chain(locations).max_by_key(|(_, poll)| *poll);
    let Some((who, poll)) = longest.filter(|(_, poll)| *poll >= asked.over) else { return };
    let message =
        format!("a document may wait {poll} for the next look of {who}, and is {}", asked.is);
    let help = "R-CLK-07: a shorter 'poll', or a limit that leaves time for it";
    checker.advise(&asked.path, message, help);
}
