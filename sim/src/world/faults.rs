//! The faults of a plan: what begins and ends at instants that were planned, whatever the engine
//! does then.

use floodgate_engine::host::LocationAct;

use super::World;
use crate::setup::Fault;

impl World {
    /// A planned fault begins; one that lasts no time is over with that, whatever else happens at
    /// this instant.
    #[cold]
    pub(super) fn fault(&mut self, index: u32) {
        self.begin_fault(index);
        if let Some((from, Some(until))) = self.life.faults[index as usize].span()
            && until == from
        {
            self.fault_over(index);
        }
    }

    fn begin_fault(&mut self, index: u32) {
        match self.life.faults[index as usize] {
            Fault::ClockSkew { instance, by, ahead, .. } => {
                let by_nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
                self.life.services[instance.index()].ahead =
                    if ahead { by_nanos } else { -by_nanos };
                self.life.skewed = true;
                self.checks.allow_skew(by);
            }
            Fault::DatabaseOffline { .. } => self.database_offline(),
            Fault::EndpointDown { .. } => {}
            Fault::HostCrash { instance, .. } => self.crash(instance),
            Fault::HostStop { instance, .. } => self.stop(instance),
            Fault::LocationBroken { .. } => self.location_breaks(index),
            Fault::LocationDisabled { location, .. } => {
                self.act_on_location(location, LocationAct::Disable);
            }
        }
    }

    /// A planned fault is over.
    #[cold]
    pub(super) fn fault_over(&mut self, index: u32) {
        match self.life.faults[index as usize] {
            Fault::ClockSkew { instance, .. } => self.life.services[instance.index()].ahead = 0,
            Fault::DatabaseOffline { .. } => self.database_online(),
            Fault::EndpointDown { .. } => {}
            Fault::HostCrash { instance, .. } | Fault::HostStop { instance, .. } => {
                self.start(instance);
            }
            Fault::LocationBroken { .. } => self.location_is_whole(index),
            Fault::LocationDisabled { location, .. } => {
                self.act_on_location(location, LocationAct::Enable);
            }
        }
    }
}
