//! What an operator does while a world runs: each act takes no time, and all who watch see it.

use floodgate_engine::id::{SendPortGroupId, SendPortId};
use floodgate_engine::message_box::{PortOperation, PortRefusal};
use floodgate_engine::subscription::PortState;

use super::World;

impl World {
    /// An operator resumes what is suspended at `port`; returns how many references (R-MBX-08).
    pub fn resume(&mut self, port: SendPortId) -> usize {
        let resumed = self.message_box.resume(port);
        self.operated();
        resumed
    }

    /// An operator terminates what is suspended at `port`; returns how many references went.
    pub fn terminate(&mut self, port: SendPortId) -> usize {
        let terminated = self.message_box.terminate(port);
        self.operated();
        terminated
    }

    /// An operator enlists, starts, stops or unenlists a send port (R-SUB-09).
    ///
    /// # Errors
    /// [`PortRefusal`]; nothing is changed.
    pub fn operate_port(
        &mut self,
        port: SendPortId,
        operation: PortOperation,
    ) -> Result<PortState, PortRefusal> {
        let state = self.message_box.operate_port(port, operation);
        self.operated();
        state
    }

    /// An operator enlists, starts, stops or unenlists a send port group (R-SUB-09, R-SUB-11).
    ///
    /// # Errors
    /// [`PortRefusal`]; nothing is changed.
    pub fn operate_group(
        &mut self,
        group: SendPortGroupId,
        operation: PortOperation,
    ) -> Result<PortState, PortRefusal> {
        let state = self.message_box.operate_group(group, operation);
        self.operated();
        state
    }
}
