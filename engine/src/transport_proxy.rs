//! The transport proxy: an adapter's one way to speak to the engine and to the world.
//!
//! It is the adapter's output queue with the manners of `IBTTransportProxy`: batches are had from
//! it and posted to it, calls of the engine are returned through it, and whatever the adapter
//! wants of the outside (its wire, a timer, a notification) is asked of it. Nothing happens inside
//! a call; the driver drains [`TransportProxy::poll_output`] afterwards.

use std::borrow::BorrowMut;
use std::collections::VecDeque;
use std::hint::cold_path;
use std::mem;
use std::sync::Arc;

use crate::adapter::{
    AdapterOutput, CallId, ConfirmOf, ErrorSubject, IsolatedCall, Returned, WireRequest,
};
use crate::batch::{Batch, Status};
use crate::config::{Choices, DoubleSubmit, NullCallback};
use crate::id::{ReceiveLocationId, TransactionId};
use crate::message_box::{OutboundMessage, Spare};
use crate::time::Instant;

/// Whether the engine stops, and what it still takes from this adapter.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Closing {
    /// It does not stop.
    #[default]
    No,
    /// Nothing: no batch is given or taken.
    Nothing,
    /// Housekeeping and responses of solicit-response (R-SHUT-03).
    Housekeeping,
}

/// One adapter's proxy.
#[derive(Clone, Debug, Default)]
pub struct TransportProxy {
    outputs: VecDeque<AdapterOutput>,
    closing: Closing,
    /// Tells the transactions of one proxy from those of another.
    number: u32,
    transactions: u32,
    /// The last batch that `Done` refused as badly filled: the fault leaves no other trace.
    refused: Option<Box<Batch>>,
    spare: Spare,
    null_callback: NullCallback,
    double_submit: DoubleSubmit,
    #[cfg(feature = "sabotage")]
    sabotage: Option<crate::sabotage::Sabotage>,
}

impl TransportProxy {
    /// The proxy `number`: the driver gives every adapter instance its own.
    #[must_use]
    pub fn numbered(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    /// The same proxy, where `Done` is as strict as these choices say (X-07, R-BATCH-06).
    #[must_use]
    pub fn choosing(self, choices: Choices) -> Self {
        let Choices { null_callback, double_submit, .. } = choices;
        Self { null_callback, double_submit, ..self }
    }

    /// Creates a distributed transaction, owned by the adapter (R-TXN-01, X-10).
    pub fn begin_transaction(&mut self) -> TransactionId {
        self.transactions += 1;
        TransactionId(u64::from(self.number) << 32 | u64::from(self.transactions))
    }

    /// Asks the coordinator to commit; [`AdapterInput::TransactionDone`] tells what became of it.
    ///
    /// [`AdapterInput::TransactionDone`]: crate::adapter::AdapterInput::TransactionDone
    pub fn commit(&mut self, transaction: TransactionId) {
        self.outputs.push_back(AdapterOutput::Commit { transaction });
    }

    /// Aborts a transaction: nothing of it happened, in the engine or at the partner's end.
    pub fn abort(&mut self, transaction: TransactionId) {
        self.outputs.push_back(AdapterOutput::Abort { transaction });
    }

    /// `DTCCommitConfirm`: once per confirm object, with the true outcome (R-TXN-03).
    pub fn confirm(&mut self, of: ConfirmOf, committed: bool) {
        self.outputs.push_back(AdapterOutput::Confirm { of, committed });
    }

    /// `SetErrorInfo`: the text is kept with the message when it is suspended, and logged when it
    /// is retried or moved (R-MSG-09).
    pub fn set_error_info(&mut self, of: ErrorSubject, text: &str) {
        self.outputs.push_back(AdapterOutput::ErrorInfo { of, text: Arc::from(text) });
    }

    /// `BatchComplete` returns a failure, or throws: the engine only logs it (R-BC-09).
    pub fn completion_failed(&mut self, cookie: u64) {
        self.outputs.push_back(AdapterOutput::CompletionFailed { cookie });
    }

    /// `ReceiverShuttingdown`: closes one location until an operator enables it (R-LIFE-07).
    pub fn receiver_shutting_down(&mut self, location: ReceiveLocationId) {
        self.outputs.push_back(AdapterOutput::ReceiverShuttingDown { location });
    }

    /// `RegisterIsolatedReceiver`: names a location that is configured and enabled, before anything
    /// is submitted there (R-LIFE-11).
    pub fn register_isolated_receiver(&mut self, location: ReceiveLocationId) {
        self.outputs.push_back(AdapterOutput::Isolated(IsolatedCall::Register { location }));
    }

    /// `TerminateIsolatedReceiver`: nothing is pending any more. Without it the process hangs when
    /// it is to end (R-LIFE-11).
    pub fn terminate_isolated_receiver(&mut self) {
        self.outputs.push_back(AdapterOutput::Isolated(IsolatedCall::Terminate));
    }

    /// The adapter inside an isolated one returned from the end it was asked for as `call`: that is
    /// the moment of `TerminateIsolatedReceiver`. Whether it did.
    pub(crate) fn ends_isolated(&mut self, call: CallId) -> bool {
        let mut outputs = self.outputs.iter();
        let returned = outputs.position(|output| {
            matches!(output, AdapterOutput::Returned { call: known, .. } if *known == call)
        });
        let Some(at) = returned else { return false };
        self.outputs[at] = AdapterOutput::Isolated(IsolatedCall::Terminate);
        true
    }

    /// A fresh empty batch; the cookie comes back in `BatchComplete` (R-BATCH-01).
    ///
    /// # Errors
    /// [`Status::SHUTTING_DOWN`] while the engine stops (R-BATCH-02).
    pub fn get_batch(&mut self, cookie: u64) -> Result<Batch, Status> {
        match self.closing {
            Closing::Nothing => Err(Status::SHUTTING_DOWN),
            Closing::Housekeeping | Closing::No => Ok(Batch::new(cookie)),
        }
    }

    /// Posts a batch (R-DONE-01). A negative status means that there will be no `BatchComplete`
    /// (R-DONE-04): the engine is stopping, or, unless it was chosen otherwise, one object was
    /// submitted twice (R-BATCH-06) or there is no callback (R-BATCH-03). The batch object may be
    /// kept: it is empty, and a second `Done` on it does nothing (INV-09).
    ///
    /// `DoneReturned` tells when the call came back: under throttling, later (R-DONE-03).
    #[must_use = "a failed Done brings no BatchComplete"]
    pub fn done(&mut self, mut batch: impl BorrowMut<Batch>) -> Status {
        let posted = self.take(batch.borrow_mut());
        self.post(posted, None)
    }

    /// Posts a batch inside a transaction: its effects wait for the commit (R-TXN-02). The confirm
    /// object that the original returns is named by the batch's cookie (R-DONE-02).
    #[must_use = "a failed Done brings no BatchComplete"]
    pub fn done_in(
        &mut self,
        mut batch: impl BorrowMut<Batch>,
        transaction: TransactionId,
    ) -> Status {
        let posted = self.take(batch.borrow_mut());
        self.post(posted, Some(transaction))
    }

    /// Takes the work out of a batch object (R-BATCH-08), and looks whether any is left.
    #[inline(always)]
    fn take(&self, object: &mut Batch) -> Batch {
        let mut posted = object.take();
        #[cfg(feature = "sabotage")]
        if self.sabotage == Some(crate::sabotage::Sabotage::KeepPostedWork) {
            object.clone_from(&posted);
        }
        posted.found_after_done(object);
        posted
    }

    /// From now on it breaks what it promises of batch objects.
    #[cfg(feature = "sabotage")]
    pub fn sabotage(&mut self, sabotage: crate::sabotage::Sabotage) {
        self.sabotage = Some(sabotage);
    }

    fn post(&mut self, batch: Batch, transaction: Option<TransactionId>) -> Status {
        let refused = match self.closing {
            Closing::No => false,
            Closing::Nothing => true,
            // What was sent must still be deleted (R-SHUT-04).
            Closing::Housekeeping => batch.brings_in(),
        };
        if refused {
            cold_path();
            return Status::SHUTTING_DOWN;
        }
        if batch.submitted_twice() || batch.is_empty() || !batch.has_callback() {
            cold_path();
            if !self.lets_pass(&batch) {
                self.refused = Some(Box::new(batch));
                return Status::INVALID_ARGUMENT;
            }
        }
        self.outputs.push_back(AdapterOutput::Done { batch, transaction });
        Status::OK
    }

    /// Whether what is odd about a batch is taken all the same.
    fn lets_pass(&self, batch: &Batch) -> bool {
        let twice = self.double_submit == DoubleSubmit::BatchFails || !batch.submitted_twice();
        let callback = self.null_callback == NullCallback::Allowed || batch.has_callback();
        twice && callback && !batch.is_empty()
    }

    /// Ends a call of the engine.
    pub fn returned(&mut self, call: CallId, returned: Returned) {
        self.outputs.push_back(AdapterOutput::Returned { call, returned });
    }

    /// Speaks to the partner's end; `WireDone` brings `token` back.
    pub fn wire(&mut self, token: u64, request: WireRequest) {
        self.outputs.push_back(AdapterOutput::Wire { token, request });
    }

    /// Asks to be woken at an instant with `token`.
    pub fn wake(&mut self, at: Instant, token: u64) {
        self.outputs.push_back(AdapterOutput::Wake { at, token });
    }

    /// Asks to be told once when the location's source has something, or has it already.
    pub fn watch(&mut self, location: ReceiveLocationId) {
        self.outputs.push_back(AdapterOutput::Watch { location });
    }

    /// The adapter is through with a message, and its memory may serve another. Nobody has to say
    /// so: a message that is dropped costs an allocation more, and nothing else.
    #[inline]
    pub fn through_with(&mut self, message: Box<OutboundMessage>) {
        self.spare.keep(message);
    }

    /// The memory of what the adapter is through with.
    pub(crate) const fn spare(&mut self) -> &mut Spare {
        &mut self.spare
    }

    /// The next thing the adapter wants, if that is the end of a call: the short way of the
    /// commonest output, which [`Self::poll_output`] gives as well.
    #[inline]
    #[must_use]
    pub fn poll_returned(&mut self) -> Option<(CallId, Returned)> {
        let Some(AdapterOutput::Returned { call, returned }) = self.outputs.front() else {
            return None;
        };
        let ended = (*call, *returned);
        // It has nothing to drop.
        mem::forget(self.outputs.pop_front());
        Some(ended)
    }

    /// The next thing the adapter wants; the driver drains this after every input.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<AdapterOutput> {
        self.outputs.pop_front()
    }

    /// The batch that `Done` refused last: what the conformance kit asks for.
    pub(crate) fn take_refused(&mut self) -> Option<Box<Batch>> {
        self.refused.take()
    }

    /// From now on no batch is given or taken (R-BATCH-02).
    pub fn shut_down(&mut self) {
        self.closing = Closing::Nothing;
    }

    /// The adapter is in `Terminate`: a receiver gets no batch any more, a transmitter may still
    /// dispose of what it was handed (R-BATCH-02, R-SHUT-03).
    pub fn terminate(&mut self, transmits: bool) {
        self.closing = if transmits { Closing::Housekeeping } else { Closing::Nothing };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Operation;
    use crate::message::{Body, Context, Parts, PropertyId, Value, WireMessage};

    fn message(number: u64, location: Option<&str>) -> WireMessage {
        let mut context = Context::default();
        context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, location.map(Value::text));
        WireMessage {
            number,
            lineage: number,
            arrived: Instant::ZERO,
            context,
            parts: Parts::of(Body::Described { bytes: 1, documents: 1 }),
            defect: None,
            seekable: true,
        }
    }

    #[test]
    fn one_object_submitted_twice_makes_done_fail() {
        // R-BATCH-06, R-DONE-04.
        let mut proxy = TransportProxy::default();
        let mut batch = proxy.get_batch(1).unwrap();
        for number in [5, 3, 5] {
            assert_eq!(batch.submit(message(number, Some("in"))), Status::OK);
        }
        assert!(!proxy.done(batch).is_success());
        assert!(proxy.poll_output().is_none());
    }

    #[test]
    fn descending_numbers_are_not_taken_for_doubles() {
        let mut proxy = TransportProxy::default();
        let mut batch = proxy.get_batch(1).unwrap();
        for number in [5, 4, 6] {
            assert_eq!(batch.submit(message(number, Some("in"))), Status::OK);
        }
        assert_eq!(proxy.done(batch), Status::OK);
    }

    #[test]
    fn a_message_without_a_location_is_refused_at_once() {
        // R-ADPT-01, BTS.InboundTransportLocation is mandatory.
        let mut batch = TransportProxy::default().get_batch(1).unwrap();
        assert_eq!(batch.submit(message(1, None)), Status::INVALID_ARGUMENT);
        assert!(batch.is_empty());
    }

    #[test]
    fn a_batch_is_fresh_and_brings_its_cookie() {
        // R-BATCH-01: whatever was done with those before it.
        let mut proxy = TransportProxy::default();
        for cookie in [7, 0, 7] {
            let mut batch = proxy.get_batch(cookie).unwrap();
            assert_eq!((batch.is_empty(), batch.cookie()), (true, cookie));
            assert_eq!(batch.submit(message(1, Some("in"))), Status::OK);
            assert_eq!(proxy.done(batch), Status::OK);
            let posted = posted(&mut proxy);
            assert_eq!((posted[0].0.cookie(), posted[0].0.operations().len()), (cookie, 1));
        }
    }

    /// What was posted since the last call.
    fn posted(proxy: &mut TransportProxy) -> Vec<(Batch, Option<TransactionId>)> {
        let outputs = std::iter::from_fn(|| proxy.poll_output());
        let posted = outputs.map(|output| {
            let AdapterOutput::Done { batch, transaction } = output else {
                panic!("nothing but batches: {output:?}")
            };
            (batch, transaction)
        });
        posted.collect()
    }

    #[test]
    fn adding_only_notes_and_done_posts_everything_once() {
        // R-BATCH-04, R-BATCH-08, INV-09: nothing leaves the proxy before Done, everything with
        // it, and nothing with a second Done on the same object.
        let mut proxy = TransportProxy::default();
        let mut batch = proxy.get_batch(4).unwrap();
        assert_eq!(batch.submit(message(1, Some("in"))), Status::OK);
        batch.add(Operation::CancelResponse { token: 1 });
        batch.add(Operation::CancelResponse { token: 2 });
        assert!(proxy.poll_output().is_none(), "nothing happens before Done");
        assert_eq!(proxy.done(&mut batch), Status::OK);
        assert_eq!(posted(&mut proxy)[0].0.operations().len(), 3);
        assert_eq!((batch.is_empty(), batch.cookie()), (true, 4));
        assert!(!proxy.done(&mut batch).is_success());
        assert!(posted(&mut proxy).is_empty());
        // The object may be filled again, and calls back as before.
        batch.add(Operation::CancelResponse { token: 3 });
        assert_eq!(proxy.done(&mut batch), Status::OK);
        assert_eq!(posted(&mut proxy)[0].0.cookie(), 4);
    }

    #[test]
    fn a_batch_without_a_callback_is_refused() {
        // R-BATCH-03, X-07: one that no GetBatch gave.
        let mut proxy = TransportProxy::default();
        let mut orphan = Batch::default();
        orphan.add(Operation::CancelResponse { token: 1 });
        assert_eq!(proxy.done(orphan.clone()), Status::INVALID_ARGUMENT);
        let transaction = proxy.begin_transaction();
        assert_eq!(proxy.done_in(orphan.clone(), transaction), Status::INVALID_ARGUMENT);
        assert!(posted(&mut proxy).is_empty());
        orphan.clear();
        orphan.add(Operation::CancelResponse { token: 1 });
        assert_eq!(proxy.done(orphan), Status::INVALID_ARGUMENT, "clearing makes no callback");
    }

    #[test]
    fn the_adapter_makes_its_transactions() {
        // X-10, R-TXN-01: each is another, also beside those of a second adapter; the batch is
        // posted in the one that the adapter names, and the engine ends none by itself.
        let (mut one, mut two) = (TransportProxy::numbered(1), TransportProxy::numbered(2));
        let made = [one.begin_transaction(), one.begin_transaction(), two.begin_transaction()];
        assert!(made[0] != made[1] && made[0] != made[2] && made[1] != made[2], "{made:?}");
        let mut batch = one.get_batch(1).unwrap();
        batch.add(Operation::CancelResponse { token: 1 });
        assert_eq!(one.done_in(batch, made[1]), Status::OK);
        let posted: Vec<_> = posted(&mut one).into_iter().map(|(_, of)| of).collect();
        assert_eq!(posted, [Some(made[1])]);
        one.commit(made[1]);
        two.abort(made[2]);
        let said = |proxy: &mut TransportProxy| proxy.poll_output();
        assert!(matches!(said(&mut one),
            Some(AdapterOutput::Commit { transaction }) if transaction == made[1]));
        assert!(matches!(said(&mut two),
            Some(AdapterOutput::Abort { transaction }) if transaction == made[2]));
    }

    #[test]
    fn clear_empties_and_keeps_the_cookie() {
        // R-BATCH-08.
        let mut batch = TransportProxy::default().get_batch(9).unwrap();
        batch.add(Operation::CancelResponse { token: 1 });
        batch.clear();
        assert_eq!((batch.is_empty(), batch.cookie()), (true, 9));
    }

    #[test]
    fn a_transmitter_that_terminates_may_only_clean_up() {
        // R-SHUT-03, R-SHUT-04, R-DONE-04: housekeeping is taken, a new publication is not.
        let mut proxy = TransportProxy::default();
        proxy.terminate(true);
        let mut batch = proxy.get_batch(1).unwrap();
        batch.add(Operation::CancelResponse { token: 1 });
        assert_eq!(proxy.done(batch), Status::OK);
        let mut batch = proxy.get_batch(2).unwrap();
        assert_eq!(batch.submit(message(1, Some("in"))), Status::OK);
        assert_eq!(proxy.done(batch), Status::SHUTTING_DOWN);
        proxy.terminate(false);
        assert_eq!(proxy.get_batch(3).unwrap_err(), Status::SHUTTING_DOWN);
    }

    #[test]
    fn transactions_of_two_adapter_instances_are_never_the_same() {
        // R-TXN-01: each counts from one, and so does the next life of either.
        let mut proxies = [0, 1, 2].map(TransportProxy::numbered);
        let begun: std::collections::BTreeSet<_> =
            (0..9).map(|nth| proxies[nth % 3].begin_transaction()).collect();
        assert_eq!(begun.len(), 9, "{begun:?}");
    }

    #[test]
    fn while_stopping_there_are_no_batches() {
        // R-BATCH-02, R-DONE-04.
        let mut proxy = TransportProxy::default();
        let mut batch = proxy.get_batch(1).unwrap();
        batch.add(Operation::CancelResponse { token: 1 });
        proxy.shut_down();
        assert_eq!(proxy.done(batch), Status::SHUTTING_DOWN);
        assert_eq!(proxy.get_batch(2).unwrap_err(), Status::SHUTTING_DOWN);
    }

    #[test]
    fn an_isolated_process_ends_when_its_adapter_returned_from_its_end() {
        // R-LIFE-11: not before, and not with the return from another call.
        let mut calls = crate::id::Slab::default();
        let (end, other) = (CallId(calls.insert(())), CallId(calls.insert(())));
        let mut proxy = TransportProxy::default();
        assert!(!proxy.ends_isolated(end));
        proxy.returned(other, Returned::Terminated);
        assert!(!proxy.ends_isolated(end));
        proxy.returned(end, Returned::Terminated);
        assert!(proxy.ends_isolated(end));
        let told: Vec<_> = std::iter::from_fn(|| proxy.poll_output()).collect();
        assert!(matches!(told[0], AdapterOutput::Returned { call, .. } if call == other));
        assert!(matches!(told[1], AdapterOutput::Isolated(IsolatedCall::Terminate)));
    }
}
