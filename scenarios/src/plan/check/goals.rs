//! Goals that are met whatever happens.

use super::Checker;
use crate::plan::goal::Goal;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, goal) in scenario.goals.iter().enumerate() {
        let (key, share) = match goal {
            Goal::Backlog(own) => ("backlog.share", own.share),
            Goal::Late(own) => ("late.at_most", own.at_most),
            Goal::Suspended(own) => ("suspended.at_most", own.at_most),
            Goal::Throttled(own) => ("throttled.at_most", own.at_most),
        };
        if share >= 1.0 {
            let message = "a share of 1 is all there is: this goal is met whatever happens";
            let help = "take a share below 1, or leave the goal out";
            checker.refuse(&format!("goal.{n}.{key}"), message, help);
        }
        // Without thresholds nothing is ever held back.
        let is_throttled = scenario.hosts.iter().any(|host| host.throttling.is_some());
        if matches!(goal, Goal::Throttled(_)) && !is_throttled {
            let message = "no host is throttled: this goal is met whatever happens";
            let help = "give a host 'throttling', or leave the goal out";
            checker.refuse(&format!("goal.{n}.throttled"), message, help);
        }
    }
}
