//! Loads.

use floodgate_engine::id::ReceiveLocationId;
use floodgate_engine::message::Defect;
use floodgate_engine::time::Instant;
use floodgate_sim::setup::{LoadSettings, Poison};

use super::Names;
use super::arrivals::{arrivals, pace};
use super::content::content;
use super::convert::{defect_kind, stage};
use super::documents::Arriving;
use super::dynamic::outbound;
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
        let documents = Arriving::of(self.scenario, load).mean;
        let content = content(load, &self.scenario.folder)?;
        let timetable = self.scenario.timetable();
        let phased = timetable.map(|timetable| timetable.loads_end);
        Ok(LoadSettings {
            name: load.name.clone(),
            locations,
            arrivals: arrivals(load, documents, &content.instants),
            start,
            until: load.measure.map(|measure| start + load.warm_up + measure).or(phased),
            count: load.count,
            body: content.body,
            document_type: load.document_type.clone(),
            variety: content.variety,
            pace: pace(self.scenario, start),
            refusals: self.refusals(load),
            controller: self.controller(load),
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
}
