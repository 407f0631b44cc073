//! Counts how things end, beside the checks: only what does not happen to every document.

use std::collections::BTreeMap;

use floodgate_engine::id::ReceiveLocationId;
use floodgate_engine::message::{DocumentName, PropertyId, Value};
use floodgate_engine::message_box::{Action, Effect, PreparedBatch, Reason, Rest};
use floodgate_engine::suspend::{SuspendedForm, SuspendedMessage};
use rustc_hash::{FxHashMap, FxHashSet};

use super::World;
use super::replies::Replies;
use crate::fate::{Closure, Deliveries, Fates, Intake, Suspensions};

/// Ends other than the ordinary one.
#[derive(Clone, Debug, Default)]
pub(super) struct FateMeter {
    /// Messages without a document in the batch that is being committed.
    foreseen: u64,
    /// Of a suspended message that is being resumed: documents that were counted and are not found
    /// any more, and those found beyond what was counted.
    resumed: (u64, u64),
    /// All that were found so beyond what had been counted.
    found: u64,
    /// Wire messages that were accepted, where the life of host instances is watched: one that
    /// was still at its source when a process ended comes again.
    accepted: FxHashSet<u64>,
    /// Documents in messages that were to be suspended whole, if that is not one.
    whole: FxHashMap<u64, u64>,
    /// Documents of clients who were told that it failed, or who lost their connection.
    pub(super) turned_away: u64,
    /// Replies whose solicits have not ended, and those that nobody has taken.
    pub(super) replies: Replies,
    pub(super) discarded: u64,
    intake: Intake,
    deliveries: Deliveries,
    suspensions: BTreeMap<(String, Reason), u64>,
    /// By location and host instance, in the order of their ids.
    closures: BTreeMap<(u32, u32), Closure>,
}

impl FateMeter {
    /// A batch is about to do this with so many documents.
    pub(super) fn foresee(&mut self, action: &Action, documents: u64) {
        if matches!(action, Action::Empty(_)) {
            self.foreseen += documents;
        } else if let Action::SuspendWire { wire, .. } = action
            && documents != 1
        {
            self.whole.insert(wire.number, documents);
        }
    }

    /// What was foreseen, for a transaction that ends later.
    pub(super) const fn set_aside(&mut self) -> u64 {
        std::mem::replace(&mut self.foreseen, 0)
    }

    /// The batch was committed, or not.
    #[inline(always)]
    pub(super) const fn settle(&mut self, committed: bool) {
        if self.foreseen > 0 {
            let empty = self.set_aside();
            self.came_empty(if committed { empty } else { 0 });
        }
    }

    /// The batch that resumes a message was committed, or not.
    pub(super) fn settle_resumed(&mut self, committed: bool) {
        let (empty, found) = std::mem::take(&mut self.resumed);
        if committed {
            self.came_empty(empty);
            self.found += found;
        }
    }

    /// These messages were accepted, each for so many documents: how many of those had been before.
    #[cold]
    pub(super) fn accept(&mut self, wires: &[(u64, u64)]) -> u64 {
        let again = wires.iter().filter(|(wire, _)| !self.accepted.insert(*wire));
        again.map(|(_, documents)| documents).sum()
    }

    /// So many messages held nothing: their pipeline consumed them (R-RCV-02).
    pub(super) const fn came_empty(&mut self, messages: u64) {
        self.intake.consumed += messages;
    }

    /// Documents that are meant by a name: those of the whole message, or one. What the engine or
    /// an orchestration made came to no location.
    fn documents(&self, name: DocumentName) -> u64 {
        match name.sequence {
            _ if !name.is_submitted() => 0,
            0 => self.whole.get(&name.wire).copied().unwrap_or(1),
            _ => 1,
        }
    }

    fn suspended(&mut self, at: String, reason: Reason) {
        *self.suspensions.entry((at, reason)).or_default() += 1;
    }
}

impl World {
    /// A suspended message is about to leave the queue, and its pipeline made of it what `batch`
    /// says: nothing maybe, or more than it was counted for (INV-61, R-RCV-02).
    #[cold]
    pub(super) fn foresee_resumed(&mut self, number: u64, batch: &PreparedBatch) {
        let Some(message) = self.message_box.suspended().message(number) else { return };
        if !message.name().is_submitted() {
            // What an orchestration sent came from no source, when it goes on as little as before.
            return;
        }
        let counted = self.fates.documents(message.name());
        let actions = batch.actions.iter().map(|(_, action)| action);
        let held = actions.filter(|action| !matches!(action, Action::Empty(_)));
        let found: u64 = held.map(|action| self.accepts(action)).sum();
        self.fates.resumed = (counted.saturating_sub(found), found.saturating_sub(counted));
    }

    /// An adapter closed a location, for the first time or because it found it broken still
    /// (R-LIFE-07, R-LIFE-08).
    #[cold]
    pub(super) fn closed(&mut self, node: u32, location: ReceiveLocationId) {
        let instance = self.nodes[node as usize].instance;
        let closure = self.fates.closures.entry((location.0, instance.0)).or_insert_with(|| {
            let location = self.topology.receive_locations[location.index()].name.clone();
            let of = self.topology.host_instances[instance.index()];
            let host = &self.topology.hosts[of.host.index()].name;
            let instance = format!("{host} on {}", self.topology.servers[of.server.index()].name);
            Closure { location, instance, at: self.now, times: 0, in_vain: 0, open: None }
        });
        if closure.times > 0 && closure.open.is_none() {
            closure.in_vain += 1;
        } else {
            closure.times += 1;
        }
        closure.open = None;
    }

    /// A location was opened, and its source is whole.
    pub(super) fn opened_for_good(&mut self, node: u32, location: ReceiveLocationId) {
        let instance = self.nodes[node as usize].instance;
        if let Some(closure) = self.fates.closures.get_mut(&(location.0, instance.0)) {
            closure.open = Some(self.now);
        }
    }

    /// Something ended, or was suspended, out of the ordinary.
    #[cold]
    pub(super) fn fate(&mut self, effect: &Effect) {
        let own = &mut self.fates;
        if let Effect::Consumed { .. } = effect {
            own.deliveries.consumed += 1;
        } else if let Effect::Terminated { .. } = effect {
            own.deliveries.terminated += 1;
        } else if let Effect::RoutedReference { .. } = effect {
            own.deliveries.error_messages += 1;
        } else if let Effect::RoutedMessage { document, .. } = effect {
            own.intake.error_messages += own.documents(*document);
        } else if let Effect::SuspendedMessageGone { document, resumed: false } = effect {
            own.intake.terminated += own.documents(*document);
        } else if let Effect::Passed { rest, documents, .. } = effect {
            match rest {
                Rest::Consumed => own.intake.consumed += u64::from(*documents),
                Rest::Dropped => own.intake.dropped += u64::from(*documents),
            }
        } else if let Effect::SuspendedReference { at, reason, .. } = effect {
            own.suspended(self.topology.subscriber_name(at.subscriber).to_owned(), *reason);
        } else if let Effect::SuspendedMessage { document, reason, .. } = effect {
            let at = self.suspended_where(*document);
            self.fates.suspended(at, *reason);
        }
    }

    /// Where a message without a reference was suspended: the location it came by, if it came by
    /// one.
    fn suspended_where(&self, document: DocumentName) -> String {
        // It was put there just now.
        let messages = self.message_box.suspended().messages.iter().rev();
        let context = messages.filter(|message| message.name() == document).map(context_of).next();
        let location = context.and_then(|own| own.read(PropertyId::INBOUND_TRANSPORT_LOCATION));
        match location {
            Some(Value::Text(name)) => name.to_string(),
            // A partner's reply came by no location.
            Some(_) | None if document.is_submitted() => "replies".to_owned(),
            Some(_) | None => "orchestrations".to_owned(),
        }
    }

    /// What became of everything, as the accounts of the checks and of the MessageBox stand now.
    #[must_use]
    pub fn fates(&self) -> Fates {
        let own = &self.fates;
        let suspended = self.message_box.suspended();
        let names = suspended.messages.iter().map(SuspendedMessage::name);
        let intake = Intake {
            arrived: self.documents_arrived + own.found,
            published: self.meters.received,
            suspended: names.map(|name| own.documents(name)).sum(),
            turned_away: own.turned_away,
            discarded: own.discarded,
            waiting: self.documents_arrived.saturating_sub(self.documents_accepted),
            ..own.intake
        };
        let (owed, ended) = self.checks.references_ended();
        let there = self.message_box.reference_counts();
        let Deliveries { consumed, error_messages, terminated, .. } = own.deliveries;
        let deliveries = Deliveries {
            owed,
            delivered: ended.saturating_sub(consumed + error_messages + terminated),
            suspended: there.suspended,
            waiting: there.work + there.locked,
            ..own.deliveries
        };
        let one = |((at, reason), times): (&(String, Reason), &u64)| Suspensions {
            at: at.clone(),
            reason: *reason,
            times: *times,
        };
        Fates {
            intake,
            deliveries,
            suspensions: own.suspensions.iter().map(one).collect(),
            suspended_now: suspended.len() as u64,
            closures: own.closures.values().cloned().collect(),
        }
    }
}

fn context_of(message: &SuspendedMessage) -> &floodgate_engine::message::Context {
    match &message.form {
        SuspendedForm::Document(document) => &document.context,
        SuspendedForm::Handed { wire, .. } | SuspendedForm::Wire(wire) => &wire.context,
    }
}
