//! What an operator does to service instances: suspend, resume, terminate (R-MBX-08).

use std::hint::cold_path;

use super::dispose::retries;
use super::lanes::Lanes;
use super::{
    Action, Allowed, Effect, InstanceOperation, MessageBox, PendingOperation, PreparedBatch,
    Reason, Reference, ReferenceState, ServiceInstanceId, ServiceStatus,
};
use crate::batch::{OperationKind, Status};
use crate::config::UnroutedResume;
use crate::id::{ReferenceId, SendPortId, SubscriberId};
use crate::message::{PropertyId, WireMessage};
use crate::suspend::{SuspendedForm, SuspendedMessage};
use crate::time::Instant;

/// What became of an operator's act on an instance.
#[derive(Clone, Debug)]
pub enum Operated {
    /// It is done.
    Done,
    /// It will be done when the host instance lets go (R-MBX-05).
    Pending,
    /// The message had its pipeline already: the driver commits this batch (INV-61).
    Publish(PreparedBatch),
    /// The message is as it came: a host instance of its location runs the pipeline again
    /// ([`HostInput::ResumeSuspended`](crate::host::HostInput), INV-61).
    Submit {
        /// Its number in the suspended queue.
        number: u64,
        /// The message.
        wire: Box<WireMessage>,
    },
}

/// Why an operator's act on an instance was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InstanceRefusal {
    /// There is no such instance (any more).
    Gone,
    /// Not in this state (R-MBX-08).
    NotFrom(ServiceStatus),
    /// Only one operation can be pending (R-MBX-05).
    Pending(PendingOperation),
}

impl MessageBox {
    /// An operator resumes what is suspended at `port`, resumable ones only (R-MBX-08); a stopped
    /// ordered instance starts again with its failed head (R-ORD-09). The port itself need not be
    /// started for that (R-MBX-10). Returns how many.
    ///
    /// Retries start anew on the primary transport. \[M\] not documented.
    pub fn resume(&mut self, port: SendPortId) -> usize {
        let suspended = self.suspended_at(port, |resumable, _| resumable);
        self.resume_all(port.into(), &suspended);
        suspended.len()
    }

    /// Resumes what was suspended because the port was stopped (R-CLK-15).
    pub(super) fn resume_stopped(&mut self, port: SendPortId) {
        let suspended = self.suspended_at(port, |resumable, by_stop| resumable && by_stop);
        self.resume_all(port.into(), &suspended);
    }

    /// The same for a subscriber of any kind.
    pub(super) fn resume_subscriber(&mut self, subscriber: SubscriberId) -> usize {
        let suspended = self.suspended_at(subscriber, |resumable, _| resumable);
        self.resume_all(subscriber, &suspended);
        suspended.len()
    }

    fn resume_all(&mut self, subscriber: SubscriberId, suspended: &[ReferenceId]) {
        let at = subscriber.index();
        let own = self.subscribers[at].transports[0];
        let retries_left = own.map_or(0, |own| retries(own.retry));
        for id in suspended {
            let place = self.change(*id, |reference| {
                reference.state = ReferenceState::Queued;
                reference.on_backup = false;
                reference.retries_left = retries_left;
                reference.valid_from = Instant::ZERO;
                reference.dehydrated |= std::mem::take(&mut reference.scheduled);
            });
            self.suspended.references -= 1;
            self.effects.push(Effect::Resumed { at: place });
            let is_ordered = self.subscribers[at].ordered.is_some();
            let lane = if is_ordered { self.lane_for(*id) } else { 0 };
            match &mut self.subscribers[at].ordered {
                Some(lanes) => lanes.rejoin(lane, *id),
                None => self.enqueue(place),
            }
        }
        self.resume_ordered(subscriber);
    }

    /// An ordered instance goes on with its head, unless that still waits for an operator.
    fn resume_ordered(&mut self, subscriber: SubscriberId) {
        let references = &self.references;
        let free = |id: ReferenceId| !references.get(id.0).is_some_and(Reference::is_suspended);
        let Some(lanes) = &mut self.subscribers[subscriber.index()].ordered else { return };
        for head in lanes.resume(free) {
            self.offer(head);
        }
    }

    /// An operator acts on one instance, as its state allows (R-MBX-08).
    ///
    /// # Errors
    /// [`InstanceRefusal`]; nothing is changed.
    pub fn operate(
        &mut self,
        now: Instant,
        id: ServiceInstanceId,
        operation: InstanceOperation,
    ) -> Result<Operated, InstanceRefusal> {
        // A convoy is one instance: whoever waits in its line is what its head is.
        let id = if let ServiceInstanceId::Reference(id) = id {
            ServiceInstanceId::Reference(self.convoy_head(id).unwrap_or(id))
        } else {
            id
        };
        let instance = self.service_instance(now, id).ok_or(InstanceRefusal::Gone)?;
        let refused = Err(InstanceRefusal::NotFrom(instance.status));
        let pending = match operation.allowed(instance.status) {
            Allowed::Refused => return refused,
            Allowed::Now => false,
            Allowed::Pending => true,
        };
        match id {
            // Its pipeline runs: nobody waits for it to come to rest. [M] not documented.
            ServiceInstanceId::Message(_) if pending => refused,
            ServiceInstanceId::Message(number) => Ok(self.operate_message(number, operation)),
            ServiceInstanceId::Report(at) => {
                let report = self.suspended.reports.remove(at as usize);
                self.effects.push(Effect::ReportRemoved { document: report.document });
                Ok(Operated::Done)
            }
            ServiceInstanceId::Ordered(port, lane) => {
                let head = self.head_of(port.into(), lane);
                self.operate_reference(head.ok_or(InstanceRefusal::Gone)?, operation, pending)
            }
            ServiceInstanceId::Reference(id) => self.operate_reference(id, operation, pending),
        }
    }

    fn operate_reference(
        &mut self,
        id: ReferenceId,
        operation: InstanceOperation,
        pending: bool,
    ) -> Result<Operated, InstanceRefusal> {
        let reference = self.references.get_mut(id.0).ok_or(InstanceRefusal::Gone)?;
        let subscriber = reference.subscriber;
        if pending {
            if reference.pending != PendingOperation::None {
                return Err(InstanceRefusal::Pending(reference.pending));
            }
            let wanted = match operation {
                InstanceOperation::Resume => PendingOperation::Resume,
                InstanceOperation::Suspend => PendingOperation::Suspend,
                InstanceOperation::Terminate => PendingOperation::Terminate,
            };
            reference.pending = wanted;
            let reference = self.references.get(id.0).ok_or(InstanceRefusal::Gone)?;
            let at = self.place(id, reference);
            self.effects.push(Effect::OperationPending { at, operation: wanted });
            return Ok(Operated::Pending);
        }
        match operation {
            InstanceOperation::Resume => self.resume_all(subscriber, &[id]),
            InstanceOperation::Suspend => self.suspend_queued(id),
            InstanceOperation::Terminate => self.terminate_reference(id),
        }
        Ok(Operated::Done)
    }

    /// Resume and terminate of what was suspended without a reference.
    fn operate_message(&mut self, number: u64, operation: InstanceOperation) -> Operated {
        if operation != InstanceOperation::Resume {
            self.drop_suspended(number, false);
            return Operated::Done;
        }
        let Some(message) = self.suspended.message_mut(number) else { return Operated::Done };
        message.resuming = true;
        let location = PropertyId::INBOUND_TRANSPORT_LOCATION;
        match &message.form {
            SuspendedForm::Handed { wire, .. } | SuspendedForm::Wire(wire) => {
                Operated::Submit { number, wire: wire.clone() }
            }
            SuspendedForm::Document(document)
                if message.reason == Reason::Routing
                    && self.choices.unrouted_resume == UnroutedResume::Pipeline
                    && document.context.read(location).is_some() =>
            {
                // the table that says "before the pipeline" is taken at its word.
                let wire = Box::new(super::failed::handed((**document).clone()));
                Operated::Submit { number, wire }
            }
            SuspendedForm::Document(document) => {
                let kind = OperationKind::Submit;
                Operated::Publish(PreparedBatch {
                    documents: vec![(**document).clone()],
                    actions: vec![
                        (kind, Action::ForgetSuspended(number)),
                        (kind, Action::Publish { first: 0, count: 1 }),
                    ],
                    ..PreparedBatch::default()
                })
            }
        }
    }

    /// A suspended message whose resumption cannot even begin waits on.
    pub fn cancel_resume(&mut self, number: u64) {
        if let Some(message) = self.suspended.message_mut(number) {
            message.resuming = false;
        }
    }

    #[inline(never)]
    pub(super) fn judge_forget(&self, number: u64) -> Status {
        match self.suspended.message(number) {
            Some(message) if message.resuming => Status::OK,
            Some(_) | None => Status::FAIL,
        }
    }

    #[inline(never)]
    pub(super) fn forget_suspended(&mut self, number: u64) {
        self.drop_suspended(number, true);
    }

    /// The message leaves the suspended queue; what was reported of it is for the master's job.
    fn drop_suspended(&mut self, number: u64, resumed: bool) {
        let messages = &mut self.suspended.messages;
        let Some(at) = messages.iter().position(|message| message.number == number) else {
            return;
        };
        let document = messages.remove(at).name();
        self.state_hash = self.state_hash.wrapping_sub(SuspendedMessage::row_hash(document));
        for report in &mut self.suspended.reports {
            report.settled |= report.document.wire == document.wire;
        }
        self.effects.push(Effect::SuspendedMessageGone { document, resumed });
    }

    /// Whether the next run of the master's job will find something.
    #[must_use]
    pub fn has_settled_reports(&self) -> bool {
        self.suspended.reports.iter().any(|report| report.settled)
    }

    /// The work of the job `Operations_OperateOnInstances_OnMaster`: the reports about messages
    /// that an operator dealt with go (R-ROUTE-03). \[M\] resuming counts as well as terminating.
    pub fn operate_on_instances(&mut self) -> usize {
        let (settled, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.suspended.reports).into_iter().partition(|one| one.settled);
        self.suspended.reports = kept;
        for report in &settled {
            self.effects.push(Effect::ReportRemoved { document: report.document });
        }
        settled.len()
    }

    /// A host instance let go of a reference: what an operator wanted meanwhile is done now.
    /// `true` if that took it out of its queue (R-MBX-05, R-MBX-08).
    pub(super) fn settle_pending(&mut self, id: ReferenceId) -> bool {
        let Some(reference) = self.references.get_mut(id.0) else { return true };
        match std::mem::replace(&mut reference.pending, PendingOperation::None) {
            PendingOperation::None | PendingOperation::Resume => return false,
            PendingOperation::Suspend => self.suspend_queued(id),
            PendingOperation::Terminate => self.terminate_reference(id),
        }
        true
    }

    fn head_of(&self, subscriber: SubscriberId, lane: u32) -> Option<ReferenceId> {
        self.subscribers[subscriber.index()].ordered.as_ref()?.lane(lane)?.head()
    }

    /// The lane that an operation waits for with one of its messages; zero if none waits.
    pub(super) fn lane_meant(&self, pending: PendingOperation, id: ReferenceId) -> u32 {
        let reference = self.references.get(id.0).filter(|_| pending != PendingOperation::None);
        let subscriber = reference.map(|reference| &self.subscribers[reference.subscriber.index()]);
        let lanes = subscriber.and_then(|subscriber| subscriber.ordered.as_ref());
        lanes.and_then(|lanes| lanes.lane_of(id)).unwrap_or_default()
    }

    /// The head of an ordered instance ended while an operation was pending: it is the instance
    /// that was meant, and the rest of it is there.
    pub(super) fn settle_rest(
        &mut self,
        subscriber: SubscriberId,
        lane: u32,
        pending: PendingOperation,
    ) {
        let Some(head) = self.head_of(subscriber, lane) else { return };
        cold_path();
        match pending {
            PendingOperation::None | PendingOperation::Resume => {}
            PendingOperation::Suspend => self.suspend_queued(head),
            PendingOperation::Terminate => self.terminate_reference(head),
        }
    }

    /// Takes a reference out of its queue until it is resumed; with it the whole ordered instance.
    fn suspend_queued(&mut self, id: ReferenceId) {
        let state = ReferenceState::Suspended { resumable: true, by_stop: false };
        let place = self.change(id, |reference| reference.state = state);
        self.suspended.references += 1;
        let (resumable, reason) = (true, Reason::Operator);
        self.effects.push(Effect::SuspendedReference { at: place, resumable, reason });
        if let Some(lanes) = &mut self.subscribers[place.subscriber.index()].ordered {
            lanes.stop(id);
        }
    }

    /// Removes a reference, or all of the ordered instance or the convoy it is in (R-ORD-09).
    pub(super) fn terminate_reference(&mut self, id: ReferenceId) {
        let Some(reference) = self.references.get(id.0) else { return };
        let subscriber = reference.subscriber.index();
        if let Some(line) = self.terminate_convoy(id) {
            return self.terminate_all(&line);
        }
        let lanes = self.subscribers[subscriber].ordered.as_mut();
        let ids = lanes.and_then(|lanes| lanes.terminate(id)).unwrap_or_else(|| vec![id]);
        self.terminate_all(&ids);
    }

    fn terminate_all(&mut self, ids: &[ReferenceId]) {
        for id in ids {
            let place = self.place(*id, self.references.get(id.0).expect("listed just now"));
            self.effects.push(Effect::Terminated { at: place });
            if self.tracking.is_on() {
                self.track_ended(*id);
            }
            self.remove(*id);
        }
    }

    /// An operator terminates what is suspended at `port`; a stopped ordered instance loses all
    /// its messages (R-ORD-09). Returns how many references went.
    pub fn terminate(&mut self, port: SendPortId) -> usize {
        let ordered = self.subscribers[port.index()].ordered.as_mut();
        let mut ids = ordered.map(Lanes::terminate_stopped).unwrap_or_default();
        if ids.is_empty() {
            ids = self.suspended_at(port, |resumable, _| resumable);
            ids.extend(self.suspended_at(port, |resumable, _| !resumable));
        }
        self.terminate_all(&ids);
        ids.len()
    }

    /// The suspended references at a subscriber of which `wanted` says so, by whether they may be
    /// resumed and whether a stop suspended them; in publication order.
    pub(super) fn suspended_at(
        &self,
        subscriber: impl Into<SubscriberId>,
        wanted: impl Fn(bool, bool) -> bool,
    ) -> Vec<ReferenceId> {
        let subscriber = subscriber.into();
        let here = |reference: &Reference| match reference.state {
            ReferenceState::Suspended { resumable, by_stop } => {
                reference.subscriber == subscriber && wanted(resumable, by_stop)
            }
            ReferenceState::Locked(_) | ReferenceState::Queued => false,
        };
        let mut found: Vec<(u64, ReferenceId)> = (self.references.iter())
            .filter(|(_, reference)| here(reference))
            .map(|(key, reference)| (reference.sequence, ReferenceId(key)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id).collect()
    }
}
