//! What becomes of a delivered message: another attempt, another transport, suspension, the end.

use std::hint::cold_path;

use super::exchange::is_two_way;
use super::spool::Row;
use super::{Effect, LogEntry, MessageBox, PendingOperation, Place, Reason, ReferenceState};
use crate::config::{OnFailure, OrderedBackup, RetryCount};
use crate::id::ReferenceId;
use crate::message::PropertyId;
use crate::retry::{NextStep, RetryPolicy, after_failure};
use crate::sabotage::Sabotage;
use crate::time::Instant;

/// A transport's retries as a reference keeps them.
pub(super) fn retries(policy: RetryPolicy) -> u16 {
    u16::try_from(policy.count).unwrap_or(u16::MAX)
}

impl MessageBox {
    /// Retries left: resubmit; else the backup; else suspend (R-RETRY-05).
    #[inline(never)]
    pub(super) fn default_failure(&mut self, now: Instant, id: ReferenceId) {
        let Some(reference) = self.references.get(id.0) else { return };
        let settings = self.transport(reference);
        match after_failure(now, u32::from(reference.retries_left), settings.retry.interval) {
            NextStep::Resubmit(due) => self.resubmit(now, id, due),
            NextStep::MoveToNextTransport if self.has_backup(id) => self.move_to_next_transport(id),
            NextStep::MoveToNextTransport => self.suspend_reference(now, id, Reason::Retries),
        }
    }

    #[inline(never)]
    pub(super) fn resubmit(&mut self, now: Instant, id: ReferenceId, due: Instant) {
        if self.choices.retry_count == RetryCount::Configured && self.is_beyond_the_count(id) {
            cold_path();
            return self.beyond_the_count(now, id);
        }
        let cost = u16::from(!self.is_sabotaged(Sabotage::KeepRetryCount));
        let kept = self.take_kept_retries(id);
        let place = self.change(id, |reference| {
            // Remaining, one lower per Resubmit; an adapter may go on at zero (R-RETRY-02).
            reference.retries_left =
                kept.unwrap_or_else(|| reference.retries_left.saturating_sub(cost));
            reference.state = ReferenceState::Queued;
            reference.valid_from = due;
        });
        let retries_left =
            self.references.get(id.0).map_or(0, |reference| u32::from(reference.retries_left));
        self.effects.push(Effect::Resubmitted { at: place, due, retries_left });
        self.log(place, LogEntry::Retried);
        if self.settle_pending(id) {
            return;
        }
        if due <= now {
            return self.enqueue(place);
        }
        self.delay(place, due);
    }

    /// Whether no retries are left and the adapter did not ask for others to be kept.
    fn is_beyond_the_count(&self, id: ReferenceId) -> bool {
        self.references.get(id.0).is_some_and(|reference| reference.retries_left == 0)
    }

    /// An adapter that is shown the configured count resubmits beyond it: the engine, which keeps
    /// the count, goes on as after its own failures.
    fn beyond_the_count(&mut self, now: Instant, id: ReferenceId) {
        if self.has_backup(id) {
            self.move_to_next_transport(id);
        } else {
            self.suspend_reference(now, id, Reason::Retries);
        }
    }

    #[inline(never)]
    pub(super) fn move_to_next_transport(&mut self, id: ReferenceId) {
        let Some(reference) = self.references.get(id.0) else { return };
        let backup = self.subscribers[reference.subscriber.index()].transports[1];
        let retries_left = backup.map_or(0, |backup| retries(backup.retry));
        let place = self.change(id, |reference| {
            reference.on_backup = true;
            reference.retries_left = retries_left;
            reference.state = ReferenceState::Queued;
        });
        let retries_left = u32::from(retries_left);
        self.effects.push(Effect::MovedToNextTransport { at: place, retries_left });
        self.log(place, LogEntry::Moved);
        if self.settle_pending(id) {
            return;
        }
        if self.subscribers[place.subscriber.index()].ordered.is_some()
            && self.choices.ordered_backup == OrderedBackup::Stops
        {
            return self.stop_at_backup(id);
        }
        self.enqueue(place);
    }

    /// The instance of an ordered port stops where it would try its backup (R-ORD-12), whatever the
    /// port does on failure: the message is not given up, so there is no acknowledgement and no
    /// error message, and nothing overtakes it. \[M\] That it may be resumed is not documented.
    #[cold]
    fn stop_at_backup(&mut self, id: ReferenceId) {
        let Some(reference) = self.references.get(id.0) else { return };
        let resumable = !is_two_way(&self.context_for(reference));
        let state = ReferenceState::Suspended { resumable, by_stop: false };
        let place = self.change(id, |reference| reference.state = state);
        self.suspended.references += 1;
        let reason = Reason::BackupTransport;
        self.effects.push(Effect::SuspendedReference { at: place, resumable, reason });
        self.log(place, LogEntry::Suspended);
        if self.tracking.is_on() {
            self.track_begun(id);
        }
        if let Some(lanes) = &mut self.subscribers[place.subscriber.index()].ordered {
            lanes.stop(id);
        }
    }

    /// A terminal state by removal: the reference goes, the next of an ordered port is offered.
    pub(super) fn finish(&mut self, id: ReferenceId, effect: impl FnOnce(Place) -> Effect) {
        let reference = self.references.get(id.0).expect("judged before it is removed");
        let (place, pending) = (self.place(id, reference), reference.pending);
        let lane = self.lane_meant(pending, id);
        self.effects.push(effect(place));
        if self.tracking.is_on() {
            cold_path();
            self.track_ended(id);
        }
        self.leave_ordered(place);
        if self.subscribers[place.subscriber.index()].stateful {
            cold_path();
            self.completes(id, place.subscriber);
        }
        if !self.convoys.are_none() {
            cold_path();
            self.consumed(id);
        }
        self.remove(id);
        self.settle_rest(place.subscriber, lane, pending);
    }

    #[inline(always)]
    pub(super) fn remove(&mut self, id: ReferenceId) {
        let Some(reference) = self.references.remove(id.0) else { return };
        if let Some(place) = reference.instance {
            cold_path();
            self.instances.release(place);
        }
        self.state_hash = self.state_hash.wrapping_sub(reference.hash());
        *self.counts.of(reference.state) -= 1;
        self.locked_at.ends(reference.home, reference.state);
        let suspended = reference.is_suspended();
        let remains = self.remains(&reference);
        if suspended {
            cold_path();
            self.suspended.references -= 1;
            self.suspended_at.change(&reference, false);
        }
        if self.has_remarks() {
            cold_path();
            self.forget_remarks(reference.sequence);
        }
        let spool = &mut self.spools[usize::from(reference.home)];
        if let Some(document) = spool.release(reference.message, suspended, remains) {
            self.state_hash = self.state_hash.wrapping_sub(Row::hash(&document));
            self.effects.push(Effect::Collectable { document: document.name });
        }
    }

    #[inline(always)]
    pub(super) fn leave_ordered(&mut self, place: Place) {
        if self.is_sabotaged(Sabotage::OfferOrderedFollowers) {
            return;
        }
        if let Some(lanes) = &mut self.subscribers[place.subscriber.index()].ordered
            && let Some(next) = lanes.head_left(place.reference)
        {
            cold_path();
            self.offer(next);
        }
    }

    /// A response came to its adapter's host, and nobody waits any more (R-CLK-16).
    #[inline(never)]
    pub(super) fn suspend_late(&mut self, now: Instant, id: ReferenceId) {
        if let Some(document) = self.name_of(id) {
            let orphan = self.context_of(id).is_some_and(|context| self.is_orphan(context));
            self.effects.push(Effect::LateResponse { document, orphan });
        }
        self.suspend_reference(now, id, Reason::Routing);
    }

    /// Suspends an outbound message: resumable, unless it says otherwise itself, is of a two-way
    /// exchange, or is of an ordered port that goes on (R-RETRY-13, R-RR-09, R-ORD-08). A port that
    /// routes failed messages publishes an error message instead (R-FMR-02). \[M\] A port that
    /// stops on failure stops all the same: what it suspends is itself, and nothing may overtake
    /// the failed message.
    #[inline(never)]
    pub(super) fn suspend_reference(&mut self, now: Instant, id: ReferenceId, reason: Reason) {
        let Some(reference) = self.references.get(id.0) else { return };
        let port = reference.subscriber.index();
        let on_failure = self.subscribers[port].ordered.as_ref().map(|lanes| lanes.on_failure);
        if on_failure != Some(OnFailure::Stop) && self.route_reference(now, id, reason) {
            return;
        }
        let Some(reference) = self.references.get(id.0) else { return };
        let context = self.context_for(reference);
        let resumable = on_failure != Some(OnFailure::Continue)
            && (!is_two_way(&context) || self.is_sabotaged(Sabotage::SuspendTwoWayResumable))
            && !context.is_set(PropertyId::SUSPEND_AS_NON_RESUMABLE);
        let state = ReferenceState::Suspended { resumable, by_stop: false };
        let mut pending = PendingOperation::None;
        let place = self.change(id, |reference| {
            reference.state = state;
            pending = std::mem::replace(&mut reference.pending, PendingOperation::None);
        });
        self.suspended.references += 1;
        self.effects.push(Effect::SuspendedReference { at: place, resumable, reason });
        self.log(place, LogEntry::Suspended);
        if self.tracking.is_on() {
            self.track_begun(id);
        }
        self.owe_nack(id, &place, reason);
        let lane = self.lane_meant(pending, id);
        match on_failure {
            Some(OnFailure::Continue) => self.leave_ordered(place),
            Some(OnFailure::Stop) => {
                if let Some(lanes) = &mut self.subscribers[port].ordered {
                    lanes.stop(id);
                }
            }
            None => {}
        }
        if pending == PendingOperation::Terminate {
            self.terminate_reference(id);
        }
        if on_failure == Some(OnFailure::Continue) {
            self.settle_rest(place.subscriber, lane, pending);
        }
    }
}
