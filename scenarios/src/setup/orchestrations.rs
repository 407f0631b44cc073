//! Orchestrations and the send ports they are bound to.

use floodgate_engine::config::Orchestration;
use floodgate_engine::id::SendPortId;
use floodgate_engine::orchestration::{AnswerShape, Convoy, Program, SendShape};

use super::Names;
use super::convert::{filter, position};
use crate::plan;

impl Names<'_> {
    pub(super) fn orchestrations(&mut self) {
        for own in &self.scenario.orchestrations {
            let ports = || self.topology.send_ports.iter().map(|port| &port.name);
            let bound = own.to.as_ref().map(|to| SendPortId::from(position(ports(), to)));
            let shape = |to| SendShape { promotions: Vec::new(), to: Some(to) };
            let sends = bound.map(shape);
            let answer = own.answer.as_ref().map(|answer| AnswerShape {
                patience: answer.patience,
                sends: answer.to.as_ref().map(|to| shape(position(ports(), to).into())),
            });
            let convoy = own.convoy.as_ref().map(|convoy| self.convoy(convoy));
            let host = self.host(&own.host);
            let filter = filter(&own.filter, &mut self.topology.properties);
            self.topology.orchestrations.push(Orchestration {
                name: own.name.clone(),
                host,
                filter,
                priority: u8::try_from(own.priority).expect("priorities are at most 10"),
                ordered: own.convoy.is_some(),
                program: Program { suspends: own.suspends, sends, convoy, answer },
            });
        }
    }

    fn convoy(&mut self, own: &plan::orchestration::Convoy) -> Convoy {
        let property = self.topology.properties.intern(&own.on);
        Convoy { property, messages: own.messages, idle: own.idle }
    }
}
