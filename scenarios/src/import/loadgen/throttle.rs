//! Throttle controllers and message creators: what a section says of them, as far as it is known.

use floodgate_engine::time::Duration;

use super::Options;
use super::element::{Creator as Said, Monitor as Watch, Settings};
use crate::plan::lots::{Controller, Creator, Monitor};
use crate::plan::{Place, Report};

/// How long a send takes where a controller needs to know and nobody says.
const SEND: Duration = Duration::from_millis(1);
/// How often a monitor looks that does not say.
const POLL: u64 = 1000;

/// How long a send takes: as asked for, or a guess where it matters.
pub(super) fn send(
    name: &str,
    controller: Option<&(Controller, Place)>,
    options: &Options,
    report: &mut Report,
) -> Duration {
    match (options.send, controller) {
        (Some(send), _) => send,
        (None, None) => Duration::ZERO,
        (None, Some((_, at))) => {
            let message = format!(
                "'ThrottleController': how long a send takes is not said for section '{name}': taken \
                 as {SEND}"
            );
            report.warn(*at, message, "decides the highest rate", "say it with --send");
            SEND
        }
    }
}

/// The controller of a section, if it has one that can be carried over, and where it stands.
pub(super) fn controller(
    name: &str,
    settings: &Settings,
    report: &mut Report,
) -> Option<(Controller, Place)> {
    let watch = heeded(name, settings, report)?;
    let skip = |report: &mut Report, why: &str| {
        let message =
            format!("'ThrottleController' of section '{name}' is not carried over: {why}");
        report.warn(watch.at, message, "the load keeps its pace", "");
    };
    let Some(monitor) = monitored(watch) else {
        let what = if watch.parameters.is_empty() {
            format!("nothing here is what its monitor '{}' looks at", watch.name)
        } else {
            format!("no counter here is called '{}'", watch.parameters.join(" \\ "))
        };
        skip(report, &what);
        return None;
    };
    let Some((low, high)) = watch.range else {
        skip(report, "it has no ThresholdRange");
        return None;
    };
    let poll = watch.poll_millis.unwrap_or(POLL).max(1);
    if settings.throttle_millis.is_some_and(|millis| millis != poll) {
        let message = "'ThrottleInterval': the pause changes when the monitor looks";
        report.warn(watch.at, message, format!("every {poll} ms"), "");
    }
    if let (Monitor::Cpu, Some(server)) = (monitor, watch.parameters.get(3)) {
        let message = format!(
            "'ThrottleController' of section '{name}' looks at server '{server}': taken as the \
             first one that receives the load"
        );
        report.warn(watch.at, message, "this monitor", "name a 'server' in the load's controller");
    }
    if matches!(monitor, Monitor::Files) {
        warn_of_folders(name, settings, watch, report);
    }
    let controller = Controller {
        monitor,
        server: None,
        low,
        high,
        poll: Duration::from_millis(poll),
        step: 0.1,
    };
    Some((controller, watch.at))
}

/// A section's messages go to one receive port, whose messages are what a monitor of files counts:
/// where it watches other folders, or more of them, that is said.
fn warn_of_folders(name: &str, settings: &Settings, watch: &Watch, report: &mut Report) {
    let Some(own) = settings.folder() else { return };
    let plain = |path: &str| {
        let path = path.trim().replace('\\', "/").to_ascii_lowercase();
        path.trim_end_matches('/').to_owned()
    };
    let other = |path: &&String| plain(path) != plain(own);
    let others: Vec<&str> = watch.parameters.iter().filter(other).map(|path| path.trim()).collect();
    if !others.is_empty() {
        let message = format!(
            "'ThrottleController' of section '{name}' watches '{}', and the section sends to \
             '{own}': taken as what waits where the load goes to",
            others.join("', '")
        );
        report.warn(watch.at, message, "this monitor", "");
    }
}

/// The monitor that the controller heeds; the others are said to be left out.
fn heeded<'a>(name: &str, settings: &'a Settings, report: &mut Report) -> Option<&'a Watch> {
    let wanted = settings.condition.as_deref();
    let named = |watch: &&Watch| wanted.is_none_or(|wanted| watch.name == wanted);
    let heeded = settings.monitors.iter().find(named);
    for watch in &settings.monitors {
        if heeded.is_none_or(|heeded| heeded.at != watch.at) {
            let message = format!(
                "'ThrottleController' of section '{name}' does not heed its monitor '{}' alone: \
                 not carried over",
                watch.name
            );
            let condition = wanted.unwrap_or("none");
            report.warn(watch.at, message, format!("the condition is '{condition}'"), "");
        }
    }
    heeded
}

/// What the simulator has of what a monitor looks at.
fn monitored(watch: &Watch) -> Option<Monitor> {
    let class = if watch.assembly.is_empty() { &watch.name } else { &watch.assembly };
    let class = class.to_ascii_lowercase();
    if class.contains("perfc") || watch.parameters.len() >= 3 {
        return match watch.parameters.get(1)?.as_str() {
            "% Processor Time" => Some(Monitor::Cpu),
            "Documents processed/Sec" => Some(Monitor::Processed),
            "Documents received/Sec" => Some(Monitor::Received),
            "Host Queue - Length" => Some(Monitor::Queue),
            "Spool Size" => Some(Monitor::Spool),
            _ => None,
        };
    }
    // Files of a folder and messages of a queue alike wait in front of a receive location.
    let waiting = ["file", "msmq", "mqseries"];
    if waiting.iter().any(|word| class.contains(word)) {
        return Some(Monitor::Files);
    }
    class.contains("rate").then_some(Monitor::Received)
}

/// The creator of a section, if it is said how long it takes.
pub(super) fn creator(
    name: &str,
    said: &Said,
    options: &Options,
    report: &mut Report,
) -> Option<Creator> {
    let Some(takes) = options.create else {
        let message = format!(
            "'MessageCreator' of section '{name}' is not carried over: how long a message takes to \
             make is not said"
        );
        report.warn(said.at, message, "messages are there at once", "say it with --create");
        return None;
    };
    let asynchronous = said.says.to_ascii_lowercase().contains("async");
    let threads = said.threads.unwrap_or(if asynchronous { 2 } else { 1 });
    if asynchronous && said.threads.is_none() {
        let message = format!(
            "'MessageCreator' of section '{name}' is asynchronous with no number of threads: taken \
             as 2"
        );
        report.warn(said.at, message, "this creator", "");
    }
    let threads = u32::try_from(threads.clamp(1, 10_000)).unwrap_or(1);
    Some(Creator { threads, takes, queue: 1000 })
}
