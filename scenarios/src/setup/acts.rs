//! What operators do: names become numbers, and a receive port becomes its locations.

use floodgate_engine::id::{
    MessageBoxId, OrchestrationId, ReceiveLocationId, ReceivePortId, SendPortGroupId, SendPortId,
};
use floodgate_engine::message_box::PortOperation;
use floodgate_engine::time::Instant;
use floodgate_sim::setup::{Operand, OperatorAct};

use super::Names;
use super::convert::position;
use crate::plan::operate::{Act, Operate, Target};

impl Names<'_> {
    /// What an operator does, in the order of the file.
    pub(super) fn acts(&self) -> Vec<(Instant, OperatorAct)> {
        let one = |own: &Operate| {
            let at = Instant::ZERO + own.at;
            self.act(own).into_iter().map(move |act| (at, act)).collect::<Vec<_>>()
        };
        self.scenario.acts.iter().flat_map(one).collect()
    }

    fn act(&self, own: &Operate) -> Vec<OperatorAct> {
        let target = own.meant(self.scenario).first().copied().unwrap_or_default();
        let operands = || self.operands(target, &own.to);
        match own.act {
            Act::Disable | Act::Enable => {
                let enabled = own.act == Act::Enable;
                let locations = self.locations_named(&own.to).into_iter();
                locations.map(|at| OperatorAct::Location(at, enabled)).collect()
            }
            Act::DisablePublication => vec![OperatorAct::Publishes(self.home(&own.to), false)],
            Act::EnablePublication => vec![OperatorAct::Publishes(self.home(&own.to), true)],
            Act::Enlist => vec![self.changes(target, &own.to, PortOperation::Enlist)],
            Act::Start => vec![self.changes(target, &own.to, PortOperation::Start)],
            Act::Stop => vec![self.changes(target, &own.to, PortOperation::Stop)],
            Act::Unenlist => vec![self.changes(target, &own.to, PortOperation::Unenlist)],
            Act::MessageBoxOffline => vec![OperatorAct::Offline(self.home(&own.to), true)],
            Act::MessageBoxOnline => vec![OperatorAct::Offline(self.home(&own.to), false)],
            Act::Resume => operands().into_iter().map(OperatorAct::Resume).collect(),
            Act::Save => operands().into_iter().map(OperatorAct::Save).collect(),
            Act::Suspend => {
                let subscribers = operands().into_iter().filter_map(|operand| match operand {
                    Operand::Subscriber(id) => Some(OperatorAct::Suspend(id)),
                    Operand::Location(_) => None,
                });
                subscribers.collect()
            }
            Act::Terminate => operands().into_iter().map(OperatorAct::Terminate).collect(),
        }
    }

    fn changes(&self, target: Target, name: &str, operation: PortOperation) -> OperatorAct {
        let topology = &self.topology;
        if target == Target::SendPortGroup {
            let groups = topology.send_port_groups.iter().map(|group| &group.name);
            return OperatorAct::Group(SendPortGroupId::from(position(groups, name)), operation);
        }
        let ports = topology.send_ports.iter().map(|port| &port.name);
        OperatorAct::Port(SendPortId::from(position(ports, name)), operation)
    }

    fn home(&self, name: &str) -> MessageBoxId {
        MessageBoxId::from(position(self.topology.message_boxes.iter().map(|one| &one.name), name))
    }

    /// Where what is meant may be suspended.
    fn operands(&self, target: Target, name: &str) -> Vec<Operand> {
        let topology = &self.topology;
        match target {
            Target::Location => {
                self.locations_named(name).into_iter().map(Operand::Location).collect()
            }
            Target::Orchestration => {
                let names = topology.orchestrations.iter().map(|own| &own.name);
                let id = OrchestrationId::from(position(names, name));
                vec![Operand::Subscriber(topology.subscriber_of_orchestration(id))]
            }
            Target::ReceivePort => {
                let names = topology.receive_ports.iter().map(|own| &own.name);
                let port = ReceivePortId::from(position(names, name));
                let locations = self.locations(name).into_iter().map(Operand::Location);
                let responses = Operand::Subscriber(topology.subscriber_of_responses(port));
                locations.chain([responses]).collect()
            }
            Target::SendPort => {
                let names = topology.send_ports.iter().map(|own| &own.name);
                vec![Operand::Subscriber(SendPortId::from(position(names, name)).into())]
            }
            Target::MessageBox | Target::SendPortGroup => Vec::new(),
        }
    }

    fn locations_named(&self, name: &str) -> Vec<ReceiveLocationId> {
        let all = (0..self.topology.receive_locations.len()).map(ReceiveLocationId::from);
        all.filter(|at| self.topology.receive_locations[at.index()].name == name).collect()
    }
}
