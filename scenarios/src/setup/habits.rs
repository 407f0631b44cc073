//! Send adapters with what they say of themselves, and with their habits.

use floodgate_engine::config::{
    AdapterConfig, Capabilities, Habits, MoreTries, ThrowingCall, Throws, Update, Which,
};
use floodgate_engine::id::AdapterId;
use floodgate_engine::pipeline::Promotion;

use super::Names;
use super::transactions::send_kind;
use crate::plan;
use crate::plan::send_adapter::SendAdapter;

impl Names<'_> {
    /// The send adapter of this kind, registered on first sight: those that differ in anything are
    /// not one (R-SND-03).
    pub(super) fn sender(&mut self, name: &str, own: &SendAdapter) -> AdapterId {
        let (kind, habits, says) = (send_kind(own), self.habits(own), capabilities(own));
        let topology = &self.topology;
        let mut all = (0..topology.adapters.len()).map(AdapterId::from);
        let known = all.find(|id| {
            let known = &topology.adapters[id.index()];
            let has = topology.habits(*id).cloned().unwrap_or_default();
            let said = topology.capabilities.iter().find(|(of, _)| of == id);
            let said = said.map(|(_, said)| *said).unwrap_or_default();
            known.name == name && known.kind == kind && has == habits && said == says
        });
        known.unwrap_or_else(|| self.register(name, own))
    }

    /// A send adapter of its own.
    pub(super) fn register(&mut self, name: &str, own: &SendAdapter) -> AdapterId {
        let (habits, says) = (self.habits(own), capabilities(own));
        let topology = &mut self.topology;
        let id = AdapterId::from(topology.adapters.len());
        topology.adapters.push(AdapterConfig { name: name.to_owned(), kind: send_kind(own) });
        if !habits.is_empty() {
            topology.habits.push((id, habits));
        }
        if says != Capabilities::default() {
            topology.capabilities.push((id, says));
        }
        id
    }

    fn habits(&mut self, own: &SendAdapter) -> Habits {
        let properties = &mut self.topology.properties;
        let mut update = |one: &plan::habits::Update| {
            Update::of(&one.property, Promotion::value(&one.value), properties)
        };
        let updates = own.updates.iter().map(&mut update).collect();
        let more_tries = (own.more_tries > 0).then(|| MoreTries {
            keeps: own.keeps_retries,
            ..MoreTries::counted(own.more_tries, properties)
        });
        Habits { throws: own.throws.map(throws), more_tries, updates }
    }
}

/// What it says of itself beyond what its kind says (R-SND-05).
fn capabilities(own: &SendAdapter) -> Capabilities {
    if own.init_on_start {
        Capabilities::INIT_TRANSMITTER_ON_SERVICE_START
    } else {
        Capabilities::default()
    }
}

fn throws(own: plan::habits::Throws) -> Throws {
    let call = match own.call {
        plan::habits::ThrowingCall::BeginBatch => ThrowingCall::BeginBatch,
        plan::habits::ThrowingCall::Done => ThrowingCall::Done,
        plan::habits::ThrowingCall::TransmitMessage => ThrowingCall::TransmitMessage,
    };
    let which = match (own.first, own.every) {
        (Some(calls), _) => Which::First(calls),
        (None, Some(nth)) => Which::Every(nth),
        (None, None) => Which::Always,
    };
    Throws { call, which }
}
