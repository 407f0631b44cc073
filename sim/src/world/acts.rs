//! Planned acts of an operator: what each is done to, and in which order (R-MBX-08, R-SUB-09).

use floodgate_engine::config::SubscriberKind;
use floodgate_engine::host::LocationAct;
use floodgate_engine::id::SubscriberId;
use floodgate_engine::message_box::{InstanceOperation, ServiceInstanceId};
use floodgate_engine::time::Instant;

use super::{Due, World};
use crate::outcome::SavedInstance;
use crate::setup::{Operand, OperatorAct};

impl World {
    /// Plans what an operator does.
    pub(super) fn plan_acts(&mut self, acts: &[(Instant, OperatorAct)]) {
        for (at, act) in acts {
            self.schedule(*at, Due::Operate(*act));
        }
    }

    /// A planned act; one that is refused changes nothing.
    #[cold]
    pub(super) fn act(&mut self, act: OperatorAct) {
        match act {
            OperatorAct::Group(group, operation) => drop(self.operate_group(group, operation)),
            OperatorAct::Location(location, enabled) => {
                let act = if enabled { LocationAct::Enable } else { LocationAct::Disable };
                self.act_on_location(location, act);
            }
            OperatorAct::Offline(home, offline) => self.set_offline(home, offline),
            OperatorAct::Port(port, operation) => drop(self.operate_port(port, operation)),
            OperatorAct::Publishes(home, publishes) => self.set_publishes(home, publishes),
            OperatorAct::Resume(at) => self.resume_at(at),
            OperatorAct::Save(at) => self.keep_suspended(at),
            OperatorAct::Suspend(of) => {
                let running = self.message_box.running_instances(of);
                self.operate_all(running, InstanceOperation::Suspend);
            }
            OperatorAct::Terminate(at) => self.terminate_at(at),
        }
    }

    fn resume_at(&mut self, at: Operand) {
        let kind = self.kind(at);
        match kind {
            Some(SubscriberKind::SendPort(port)) => drop(self.resume(port)),
            Some(SubscriberKind::Orchestration(id)) => drop(self.resume_orchestration(id)),
            // Nothing of a two-way exchange is resumed (R-RR-09): what is asked for is refused.
            Some(SubscriberKind::Responses(_)) | None => {
                let suspended = self.suspended_at(at);
                self.operate_all(suspended, InstanceOperation::Resume);
            }
        }
    }

    fn terminate_at(&mut self, at: Operand) {
        if let Some(SubscriberKind::SendPort(port)) = self.kind(at) {
            self.terminate(port);
            return;
        }
        let suspended = self.suspended_at(at);
        self.operate_all(suspended, InstanceOperation::Terminate);
    }

    /// Keeps what is suspended, one entry an instance: only a look, nothing is changed.
    fn keep_suspended(&mut self, at: Operand) {
        let of = match at {
            Operand::Location(id) => self.topology.receive_locations[id.index()].name.clone(),
            Operand::Subscriber(id) => self.topology.subscriber_name(id).to_owned(),
        };
        for id in self.suspended_at(at) {
            let messages = self.message_box.save(id);
            self.saved.push(SavedInstance { at: self.now, of: of.clone(), messages });
        }
    }

    fn suspended_at(&self, at: Operand) -> Vec<ServiceInstanceId> {
        match at {
            Operand::Location(id) => {
                self.message_box.suspended_from(&self.topology.receive_locations[id.index()].name)
            }
            Operand::Subscriber(id) => self.message_box.suspended_instances(id),
        }
    }

    fn kind(&self, at: Operand) -> Option<SubscriberKind> {
        let subscriber: SubscriberId = match at {
            Operand::Location(_) => return None,
            Operand::Subscriber(id) => id,
        };
        Some(self.topology.subscriber(subscriber))
    }

    /// One act on each; an instance whose state does not allow it stays as it is.
    fn operate_all(&mut self, instances: Vec<ServiceInstanceId>, operation: InstanceOperation) {
        for id in instances {
            let _ = self.operate(id, operation);
        }
    }
}
