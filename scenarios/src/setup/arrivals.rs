//! When the interchanges of a load arrive, and what holds its pace.
//!
//! Rates of a scenario are documents per second; messages arrive as interchanges.

use floodgate_engine::id::ServerId;
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::load::{
    ArrivalKind, Bell, Creator, Lots, LotsPer, Pace, Sending, Shape, Spacing, Users,
};
use floodgate_sim::setup::{Controller, Monitor};

use super::Names;
use super::convert::dist;
use crate::plan::Scenario;
use crate::plan::load::Load;
use crate::plan::lots;
use crate::plan::rate::{Rate, Spacing as Spaced};
use crate::plan::users;

/// The arrivals of a load that is no replay.
///
/// An interchange of it becomes so many `documents` in the mean.
pub(super) fn arrivals(load: &Load, documents: f64, recorded: &[Instant]) -> ArrivalKind {
    let per_second = |rate: f64| rate / documents;
    let shaped = |shape, spacing| ArrivalKind::Shape { shape, spacing: spaced(spacing) };
    match &load.rate {
        Rate::AllAtOnce => {
            let count = usize::try_from(load.count.unwrap_or(1)).unwrap_or(usize::MAX);
            ArrivalKind::Replay(vec![Instant::ZERO; count])
        }
        Rate::Bell(bell, spacing) => {
            let (low, peak) = (per_second(bell.low), per_second(bell.peak));
            let (from, top, to, every) = (bell.from, bell.top, bell.to, bell.every);
            shaped(Shape::bell(Bell { low, peak, from, top, to, every }), *spacing)
        }
        Rate::Constant(rate) => shaped(Shape::constant(per_second(*rate)), Spaced::Constant),
        Rate::Floodgate(flood, spacing) => {
            let (base, peak) = (per_second(flood.base), per_second(flood.peak));
            let first = Instant::ZERO + flood.first;
            shaped(Shape::floodgate(base, peak, flood.every, flood.lasts, first), *spacing)
        }
        Rate::Lots(own) => ArrivalKind::Lots(lots(own, load)),
        Rate::Poisson(rate) => shaped(Shape::constant(per_second(*rate)), Spaced::Poisson),
        Rate::Ramp(ramp, spacing) => {
            let (from, to) = (per_second(ramp.from), per_second(ramp.to));
            shaped(Shape::ramp(from, to, Instant::ZERO + ramp.at, ramp.lasts), *spacing)
        }
        Rate::Replay(_) => ArrivalKind::Replay(recorded.to_vec()),
        Rate::Sine(sine, spacing) => {
            let (low, high) = (per_second(sine.low), per_second(sine.high));
            shaped(Shape::sine(low, high, sine.every, sine.top), *spacing)
        }
        Rate::Steps(steps, spacing) => {
            let steps = steps.iter().map(|step| (Instant::ZERO + step.at, per_second(step.rate)));
            shaped(Shape::steps(steps.collect()), *spacing)
        }
        Rate::Users(own) => ArrivalKind::Users(population(own)),
    }
}

fn lots(own: &lots::Lots, load: &Load) -> Lots {
    let bytes = load.own_kind().bytes_max();
    let creator = |creator: &lots::Creator| Creator {
        threads: creator.threads,
        takes: creator.takes,
        queue: creator.queue,
    };
    let step = own.controller.as_ref().map_or(Duration::ZERO, |controller| {
        let step = own.sleep.as_secs_f64() * controller.step;
        Duration::from_secs_f64(step).max(Duration::from_nanos(1))
    });
    Lots {
        threads: own.threads,
        lot: own.lot,
        sleep: own.sleep,
        per: match own.per {
            lots::Per::Section => LotsPer::Section,
            lots::Per::Thread => LotsPer::Thread,
        },
        files: load.count,
        time: load.measure.map(|measure| load.warm_up + measure),
        sending: Sending {
            takes: own.send_of(bytes),
            creator: own.creator.as_ref().map(creator),
            step,
        },
    }
}

fn population(own: &users::Users) -> Users {
    let step = own.step.clone().unwrap_or_default();
    Users {
        first: own.count,
        add: step.add,
        every: step.every,
        most: step.most.max(own.count),
        think: dist(&own.think),
    }
}

fn spaced(spacing: Spaced) -> Spacing {
    match spacing {
        Spaced::Constant => Spacing::Constant,
        Spaced::Poisson => Spacing::Poisson,
    }
}

/// The clock of a load that begins at `start`, if the scenario has phases.
pub(super) fn pace(scenario: &Scenario, start: Instant) -> Option<Pace> {
    let timetable = scenario.timetable()?;
    let begins = timetable.spans.iter().map(|span| span.0);
    let stretches: Vec<(Instant, f64)> =
        begins.zip(scenario.phases.iter().map(|phase| phase.speed())).collect();
    Some(Pace::new(start, &stretches, timetable.loads_end))
}

impl Names<'_> {
    /// The throttle controller of a load of lots, if it has one.
    pub(super) fn controller(&self, load: &Load) -> Option<Controller> {
        let Rate::Lots(lots) = &load.rate else { return None };
        let own = lots.controller.as_ref()?;
        let named = |name: &String| self.server(name);
        let server = || own.server.as_ref().map_or_else(|| self.receiver_of(load), named);
        let monitor = match own.monitor {
            lots::Monitor::Cpu => Monitor::Cpu(server()),
            lots::Monitor::Files => Monitor::Files,
            lots::Monitor::Processed => Monitor::Processed,
            lots::Monitor::Queue => Monitor::Queue,
            lots::Monitor::Received => Monitor::Received,
            lots::Monitor::Spool => Monitor::Spool,
        };
        Some(Controller { monitor, low: own.low, high: own.high, poll: own.poll })
    }

    /// The first server of the host that receives a load.
    fn receiver_of(&self, load: &Load) -> ServerId {
        let location = self.locations(&load.to).into_iter().next();
        let host = location.map(|at| self.topology.receive_locations[at.index()].host);
        let mut instances = self.topology.host_instances.iter();
        instances.find(|one| Some(one.host) == host).map_or(ServerId(0), |one| one.server)
    }
}
