//! Tracking: a database where something is tracked, and somebody who moves it there.

use super::Checker;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    let receive = scenario.receive_ports.iter().map(|port| port.track.is_some()).enumerate();
    let send = scenario.send_ports.iter().map(|port| port.track.is_some()).enumerate();
    let orchestrations = scenario.orchestrations.iter().map(|own| own.track.is_some()).enumerate();
    let tracked = (receive.map(|(n, tracked)| (format!("receive_port.{n}.track"), tracked)))
        .chain(send.map(|(n, tracked)| (format!("send_port.{n}.track"), tracked)))
        .chain(orchestrations.map(|(n, tracked)| (format!("orchestration.{n}.track"), tracked)));
    let first = tracked.into_iter().find(|(_, tracked)| *tracked).map(|(path, _)| path);
    let moves = scenario.hosts.iter().position(|host| host.tracking);
    match (&scenario.tracking, first) {
        (None, Some(path)) => {
            let help = "add [tracking] with the server that carries it";
            checker.refuse(&path, "there is no tracking database", help);
        }
        (Some(_), None) => {
            let help = "say 'track' of a receive port, a send port or an orchestration";
            checker.warn("tracking", "nothing is tracked", help);
        }
        (Some(_), Some(path)) if moves.is_none() => {
            let message = "no host moves tracking data, so that it stays in the MessageBoxes";
            checker.warn(&path, message, "R-GC-05: say 'tracking = true' of a host");
        }
        (None | Some(_), _) => {}
    }
    if let Some(tracking) = &scenario.tracking {
        let servers = scenario.servers.iter().map(|server| server.name.as_str());
        checker.refer("tracking.server", "server", &tracking.server, servers);
        if tracking.keep_at_most < tracking.keep {
            let message = "nothing is kept for longer than 'keep_at_most'";
            checker.refuse("tracking.keep_at_most", message, "as long as 'keep', or longer");
        }
    }
}
