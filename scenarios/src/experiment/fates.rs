//! Where everything ended up, as a record tells it.

use floodgate_engine::time::Instant;
use floodgate_reports as reports;
use floodgate_sim::fate::{Closure, Fates, Suspensions};
use floodgate_sim::meter::Answers;

/// The account of what came.
pub(super) const fn intake(fates: &Fates) -> reports::Intake {
    let own = &fates.intake;
    reports::Intake {
        arrived: own.arrived,
        published: own.published,
        consumed: own.consumed,
        dropped: own.dropped,
        error_messages: own.error_messages,
        suspended: own.suspended,
        terminated: own.terminated,
        turned_away: own.turned_away,
        discarded: own.discarded,
        waiting: own.waiting,
    }
}

/// The account of what was owed to subscribers.
pub(super) const fn deliveries(fates: &Fates) -> reports::Deliveries {
    let own = &fates.deliveries;
    reports::Deliveries {
        owed: own.owed,
        delivered: own.delivered,
        consumed: own.consumed,
        error_messages: own.error_messages,
        suspended: own.suspended,
        terminated: own.terminated,
        waiting: own.waiting,
    }
}

/// What was suspended where and why.
pub(super) fn suspensions(fates: &Fates) -> Vec<reports::SuspensionUse> {
    let one = |own: &Suspensions| reports::SuspensionUse {
        at: own.at.clone(),
        reason: own.reason.told().to_owned(),
        code: format!("{:#010X}", own.reason.status().0),
        times: own.times,
    };
    fates.suspensions.iter().map(one).collect()
}

/// Which locations their adapters closed.
pub(super) fn closures(fates: &Fates) -> Vec<reports::ClosureUse> {
    let one = |own: &Closure| reports::ClosureUse {
        location: own.location.clone(),
        instance: own.instance.clone(),
        closed_seconds: own.at.as_secs_f64(),
        times: own.times,
        in_vain: own.in_vain,
        open_seconds: own.open.map(Instant::as_secs_f64),
    };
    fates.closures.iter().map(one).collect()
}

/// What clients were told, if anybody was told anything.
pub(super) fn answers(own: &Answers) -> Option<reports::AnswersUse> {
    (*own != Answers::default()).then_some(reports::AnswersUse {
        responses: own.responses,
        accepted: own.accepted,
        failed: own.failed,
        faults: own.faults,
        unauthorized: own.unauthorized,
        broken: own.broken,
        late: own.late,
    })
}
