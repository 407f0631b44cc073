//! Loads, and what operators do.

use std::path::Path;
use std::sync::Arc;

use floodgate_engine::id::{MessageBoxId, ReceiveLocationId, SendPortId};
use floodgate_engine::message::{Body, Defect};
use floodgate_engine::message_box::PortOperation;
use floodgate_engine::time::Instant;
use floodgate_sim::load::{ArrivalKind, Lots, LotsPer, Shape, Spacing, parse_csv};
use floodgate_sim::setup::{LoadSettings, OperatorAct, Poison};

use super::Names;
use super::convert::{defect_kind, position, stage};
use super::dynamic::outbound;
use crate::plan::operate::Act;
use crate::plan::{self, Problems};

impl Names<'_> {
    pub(super) fn loads(&self) -> Result<Vec<LoadSettings>, Problems> {
        self.scenario.loads.iter().map(|load| self.load(load)).collect()
    }

    fn load(&self, load: &plan::load::Load) -> Result<LoadSettings, Problems> {
        let locations = match &load.location {
            Some(name) => {
                // Another port may have a location of this name.
                let is_named = |at: &ReceiveLocationId| {
                    self.topology.receive_locations[at.index()].name == *name
                };
                self.locations(&load.to).into_iter().filter(is_named).collect()
            }
            None => self.locations(&load.to),
        };
        let start = Instant::ZERO + load.start;
        let bytes = load.size.saturating_mul(u64::from(load.documents));
        let described = || Body::Described {
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            documents: load.documents,
        };
        let real = load.body.as_ref().map(|text| Body::Real(Arc::from(text.as_bytes())));
        let body = real.unwrap_or_else(described);
        Ok(LoadSettings {
            name: load.name.clone(),
            locations,
            arrivals: arrivals(load, &self.scenario.folder)?,
            start,
            until: load.measure.map(|measure| start + load.warm_up + measure),
            count: load.count,
            body,
            document_type: load.document_type.clone(),
            outbound: load.outbound.iter().map(outbound).collect(),
            poison: load.poison.as_ref().map(|poison| Poison {
                every: poison.every,
                defect: Defect {
                    kind: defect_kind(poison.kind),
                    ..Defect::at(stage(poison.stage), poison.document)
                },
            }),
        })
    }

    /// What an operator does, in the order of the instants.
    pub(super) fn acts(&self) -> Vec<(Instant, OperatorAct)> {
        let act = |own: &plan::operate::Operate| {
            let ports = self.topology.send_ports.iter().map(|port| &port.name);
            let boxes = self.topology.message_boxes.iter().map(|one| &one.name);
            let port = || SendPortId::from(position(ports.clone(), &own.to));
            let home = || MessageBoxId::from(position(boxes.clone(), &own.to));
            let act = match own.act {
                Act::Enlist => OperatorAct::Port(port(), PortOperation::Enlist),
                Act::MessageBoxOffline => OperatorAct::Offline(home(), true),
                Act::MessageBoxOnline => OperatorAct::Offline(home(), false),
                Act::Resume => OperatorAct::Resume(port()),
                Act::Start => OperatorAct::Port(port(), PortOperation::Start),
                Act::Stop => OperatorAct::Port(port(), PortOperation::Stop),
                Act::Terminate => OperatorAct::Terminate(port()),
                Act::Unenlist => OperatorAct::Port(port(), PortOperation::Unenlist),
            };
            (Instant::ZERO + own.at, act)
        };
        self.scenario.acts.iter().map(act).collect()
    }
}

/// Rates of a scenario are documents per second; messages arrive as interchanges.
fn arrivals(load: &plan::load::Load, folder: &Path) -> Result<ArrivalKind, Problems> {
    let per_second = |rate: f64| rate / f64::from(load.documents);
    let shaped = |shape, spacing| ArrivalKind::Shape { shape, spacing: spaced(spacing) };
    Ok(match &load.rate {
        plan::rate::Rate::AllAtOnce => {
            let count = usize::try_from(load.count.unwrap_or(1)).unwrap_or(usize::MAX);
            ArrivalKind::Replay(vec![Instant::ZERO; count])
        }
        plan::rate::Rate::Constant(rate) => {
            shaped(Shape::constant(per_second(*rate)), plan::rate::Spacing::Constant)
        }
        plan::rate::Rate::Poisson(rate) => {
            shaped(Shape::constant(per_second(*rate)), plan::rate::Spacing::Poisson)
        }
        plan::rate::Rate::Steps(steps, spacing) => {
            let steps = steps.iter().map(|step| (Instant::ZERO + step.at, per_second(step.rate)));
            shaped(Shape::steps(steps.collect()), *spacing)
        }
        plan::rate::Rate::Floodgate(flood, spacing) => {
            let (base, peak) = (per_second(flood.base), per_second(flood.peak));
            let first = Instant::ZERO + flood.first;
            shaped(Shape::floodgate(base, peak, flood.every, flood.lasts, first), *spacing)
        }
        plan::rate::Rate::Lots(lots) => ArrivalKind::Lots(Lots {
            threads: lots.threads,
            lot: lots.lot,
            sleep: lots.sleep,
            per: match lots.per {
                plan::rate::Per::Section => LotsPer::Section,
                plan::rate::Per::Thread => LotsPer::Thread,
            },
            files: load.count,
            time: load.measure.map(|measure| load.warm_up + measure),
        }),
        plan::rate::Rate::Replay(file) => ArrivalKind::Replay(replay(&folder.join(file))?),
    })
}

fn replay(path: &Path) -> Result<Vec<Instant>, Problems> {
    let text = std::fs::read_to_string(path).map_err(|error| Problems::unreadable(path, &error))?;
    let rows = parse_csv(&text)
        .map_err(|error| Problems::one(format!("{}: {error}", path.display()), None))?;
    Ok(rows.into_iter().map(|row| row.at).collect())
}

fn spaced(spacing: plan::rate::Spacing) -> Spacing {
    match spacing {
        plan::rate::Spacing::Constant => Spacing::Constant,
        plan::rate::Spacing::Poisson => Spacing::Poisson,
    }
}
