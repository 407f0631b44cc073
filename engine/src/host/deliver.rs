//! Delivering to send adapters: one message a call, or an adapter batch at a time.

use std::collections::VecDeque;
use std::hint::cold_path;

use super::life::Made;
use super::{Frame, FrameId, HostInstance, HostOutput, Life, Task};
use crate::adapter::{AdapterInput, CallId, Returned};
use crate::batch::OperationKind;
use crate::config::{Choices, EmptyMaximum, OutboundCharge, SendSettings, SubscriberKind};
use crate::demand::Demand;
use crate::id::{AdapterId, MessageBoxId, ReferenceId, TransactionId};
use crate::message_box::{Action, Exchange, OutboundMessage};
use crate::time::Instant;

/// Messages in memory that wait for a thread to carry them to one adapter.
#[derive(Clone, Debug, Default)]
pub(super) struct Transmitter {
    pending: VecDeque<Box<OutboundMessage>>,
    /// Whether a task for it waits: at most one, so that transmitters take turns.
    queued: bool,
    batched: bool,
    /// Messages that the engine puts into one adapter batch at most (R-CLK-10).
    engine_batch: u32,
    /// Its adapter decides when a batch is complete (R-BSND-02, X-04).
    decides: bool,
}

impl Transmitter {
    /// One that takes answers, one at a time.
    pub(super) fn single() -> Self {
        Self { engine_batch: 1, ..Self::default() }
    }

    /// Forgets what waits: the host instance stops.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.queued = false;
    }

    pub(super) fn new(send: &SendSettings, engine_batch: u32, choices: &Choices) -> Self {
        let engine_batch = if send.fixed_batch { send.batch } else { engine_batch };
        let (batched, engine_batch) = (send.batched, engine_batch.max(1));
        let decides = send.decides(choices).is_some();
        Self { batched, engine_batch, decides, ..Self::default() }
    }

    /// That of a batch-aware adapter which takes as many as the host gives.
    pub(super) fn batched(engine_batch: u32) -> Self {
        Self { batched: true, engine_batch: engine_batch.max(1), ..Self::default() }
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// In `BeginBatch`.
    Beginning,
    /// In `Clear`, after an exception (R-BSND-04).
    Clearing,
    /// In `Done` of the adapter batch.
    Finishing,
    /// In `TransmitMessage`, or before the first.
    Transmitting,
}

/// A delivery on a thread: one message, or an adapter batch.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    adapter: AdapterId,
    batched: bool,
    step: Step,
    /// What `BeginBatch` returned: the engine's own part runs in it (R-TXN-09).
    transaction: Option<TransactionId>,
    /// What the engine created for it, until the adapter answers for it.
    pub(super) offered: Option<TransactionId>,
    /// Not handed over yet, the next one last.
    pub(super) waiting: Vec<Box<OutboundMessage>>,
    /// What is to be done with messages that map and pipeline kept back.
    pub(super) decided: Vec<(OperationKind, Action)>,
    /// Handed over, with what the adapter said.
    given: Vec<(ReferenceId, Returned)>,
}

impl Delivery {
    pub(super) const fn adapter(&self) -> AdapterId {
        self.adapter
    }
}

impl HostInstance {
    /// Messages came from the queue: each waits at its adapter's transmitter.
    pub(super) fn dequeued(
        &mut self,
        now: Instant,
        home: MessageBoxId,
        asked: u32,
        messages: Vec<Box<OutboundMessage>>,
    ) {
        let found = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        self.dequeuers[home.index()].found(now, asked, found);
        if self.life != Life::Running {
            // Locked, and never handed out: the locks go back with the others (R-SHUT-06).
            return;
        }
        self.waiting += found;
        self.in_process += found;
        self.totals.taken += u64::from(found);
        for message in messages {
            self.taken_bytes += message.bytes;
            let Some(message) = self.takes_turn(message) else { continue };
            let adapter = message.adapter;
            self.transmitters[adapter.index()].pending.push_back(message);
            self.queue_delivery(adapter);
        }
        self.watch_bounds();
    }

    fn queue_delivery(&mut self, adapter: AdapterId) {
        let transmitter = &mut self.transmitters[adapter.index()];
        if !transmitter.queued && !transmitter.pending.is_empty() {
            transmitter.queued = true;
            self.tasks.push_back(Task::Deliver(adapter));
        }
    }

    pub(super) fn start_delivery(&mut self, adapter: AdapterId) {
        self.make_sender(adapter);
        let batched = self.transmitters[adapter.index()].batched;
        let delivery = Delivery {
            adapter,
            batched,
            step: Step::Transmitting,
            transaction: None,
            offered: None,
            waiting: Vec::new(),
            decided: Vec::new(),
            given: Vec::new(),
        };
        let frame = FrameId(self.frames.insert(Frame::Deliver(delivery)));
        if self.made[adapter.index()] == Made::Mute {
            return self.fail_all(frame, adapter);
        }
        if batched {
            // R-BSND-01: the adapter announces its maximum before the engine fills the batch.
            self.enter(frame, Step::Beginning);
            let transaction = self.offer(frame);
            self.call(adapter, AdapterInput::BeginBatch { call: CallId(frame.0), transaction });
        } else {
            self.load(frame, 1);
        }
    }

    /// The adapter has no interface to transmit by: everything that waits for it fails, and goes
    /// the way of failed attempts (R-SND-02).
    #[cold]
    fn fail_all(&mut self, frame: FrameId, adapter: AdapterId) {
        let messages = std::mem::take(&mut self.transmitters[adapter.index()].pending);
        self.transmitters[adapter.index()].queued = false;
        self.waiting -= u32::try_from(messages.len()).unwrap_or(u32::MAX);
        if let Some(Frame::Deliver(delivery)) = self.frames.get_mut(frame.0) {
            let failed = |message: Box<OutboundMessage>| (message.reference, Returned::Failed);
            delivery.given = messages.into_iter().map(failed).collect();
        }
        self.conclude(frame, true);
    }

    /// The adapter says that it takes nothing: the batch is cleared, and what would have gone into
    /// it has failed once (R-CLK-10).
    #[cold]
    fn fill_nothing(&mut self, frame: FrameId) {
        let Some(adapter) = self.refuse_fill(frame) else { return };
        self.enter(frame, Step::Clearing);
        self.call(adapter, AdapterInput::Clear { call: CallId(frame.0) });
    }

    /// `BeginBatch` threw: there is no batch to clear, and what would have gone into it has failed
    /// once (R-SND-08). \[M\] The documents say nothing of it. To ask again at once would be to ask
    /// for ever; a failed attempt costs a retry and comes to an end.
    #[cold]
    fn cannot_begin(&mut self, frame: FrameId) {
        self.withdraw(frame);
        if self.refuse_fill(frame).is_some() {
            self.conclude(frame, true);
        }
    }

    /// What would have gone into an adapter batch is taken as tried.
    fn refuse_fill(&mut self, frame: FrameId) -> Option<AdapterId> {
        let Some(Frame::Deliver(delivery)) = self.frames.get(frame.0) else { return None };
        let adapter = delivery.adapter;
        let transmitter = &self.transmitters[adapter.index()];
        let refused = self.take(adapter, transmitter.engine_batch as usize);
        self.waiting -= u32::try_from(refused.len()).unwrap_or(u32::MAX);
        self.transmitters[adapter.index()].queued = false;
        self.queue_delivery(adapter);
        if let Some(Frame::Deliver(delivery)) = self.frames.get_mut(frame.0) {
            let failed = |message: Box<OutboundMessage>| (message.reference, Returned::Failed);
            delivery.given = refused.into_iter().rev().map(failed).collect();
        }
        Some(adapter)
    }

    /// Takes up to `max` messages and charges their map and pipeline.
    fn load(&mut self, frame: FrameId, max: u32) {
        let Some(Frame::Deliver(delivery)) = self.frames.get(frame.0) else { return };
        let adapter = delivery.adapter;
        let max = max.max(1).min(self.transmitters[adapter.index()].engine_batch);
        let mut messages = self.take(adapter, max as usize);
        self.waiting -= u32::try_from(messages.len()).unwrap_or(u32::MAX);
        let mut demand = Demand { send_batches: 1, ..Demand::default() };
        let first_only = self.topology.choices.outbound_charge == OutboundCharge::FirstAttempt;
        for message in &mut messages {
            match self.topology.subscriber(message.subscriber) {
                SubscriberKind::SendPort(port)
                    if first_only && self.topology.is_repeated(port, message) =>
                {
                    demand.add_again(message);
                }
                SubscriberKind::SendPort(_) => demand.add_outbound(&self.topology, message),
                SubscriberKind::Responses(port) => {
                    if let Some(port) = self.topology.exchanges.request_port(port) {
                        demand.add_answer(port, message);
                    }
                }
                SubscriberKind::Orchestration(_) => {}
            }
        }
        if let Some(Frame::Deliver(delivery)) = self.frames.get_mut(frame.0) {
            delivery.step = Step::Transmitting;
            delivery.given.reserve_exact(messages.len());
            delivery.waiting = messages;
        }
        let transmitter = &mut self.transmitters[adapter.index()];
        transmitter.queued = false;
        self.queue_delivery(adapter);
        self.outputs.push_back(HostOutput::Work { frame, demand });
    }

    /// The next messages for one delivery, the first one last; a message of an ordered port goes
    /// alone (R-ORD-04, R-CLK-11).
    fn take(&mut self, adapter: AdapterId, max: usize) -> Vec<Box<OutboundMessage>> {
        let pending = &self.transmitters[adapter.index()].pending;
        let ordered = |message| self.is_ordered(message);
        let count = match pending.front() {
            Some(first) if ordered(first) => 1,
            Some(_) | None => {
                pending.iter().take(max).take_while(|message| !ordered(message)).count()
            }
        };
        self.transmitters[adapter.index()].pending.drain(..count).rev().collect()
    }

    /// The short way of the commonest step, between two messages of one adapter batch: where it
    /// gives a call, `TransmitMessage` of the next message in `call` again, nothing else follows
    /// from the return, and [`HostInstance::handle_input`] need not be told of it. It would make
    /// the same call.
    #[inline]
    #[must_use]
    pub fn next_in_batch(
        &mut self,
        call: CallId,
        returned: Returned,
    ) -> Option<(AdapterId, AdapterInput)> {
        if self.life != Life::Running {
            return None;
        }
        let Some(Frame::Deliver(delivery)) = self.frames.get_mut(call.0) else { return None };
        if delivery.step != Step::Transmitting || !delivery.batched {
            return None;
        }
        let message = delivery.waiting.pop_if(|next| next.exchange == Exchange::OneWay)?;
        if let Some(last) = delivery.given.last_mut() {
            last.1 = returned;
        }
        delivery.given.push((message.reference, Returned::Pending));
        Some((delivery.adapter, AdapterInput::TransmitMessage { call, message }))
    }

    /// Hands over the next message, or ends the adapter batch.
    pub(super) fn transmit_next(&mut self, now: Instant, frame: FrameId) {
        let Some(Frame::Deliver(delivery)) = self.frames.get_mut(frame.0) else { return };
        let (adapter, call) = (delivery.adapter, CallId(frame.0));
        if self.life != Life::Running {
            cold_path();
            // What was not handed over before `Terminate` is not handed over any more.
            delivery.waiting.clear();
            if delivery.given.is_empty() {
                return self.take_back(frame);
            }
        }
        if let Some(message) = delivery.waiting.pop() {
            delivery.given.push((message.reference, Returned::Pending));
            if message.exchange == Exchange::OneWay {
                return self.call(adapter, AdapterInput::TransmitMessage { call, message });
            }
            if self.is_wanted(now, frame, adapter, &message) {
                let exchange = message.exchange;
                self.call(adapter, AdapterInput::TransmitMessage { call, message });
                self.answered(adapter, exchange);
            }
            return;
        }
        if !delivery.batched {
            return self.conclude(frame, false);
        }
        let confirm = delivery.transaction;
        let threw = delivery.given.iter().any(|(_, returned)| *returned == Returned::Failed);
        if threw || delivery.given.is_empty() {
            // R-BSND-04: the engine went on pushing, now it clears; `Done` is not called (INV-40).
            // \[M\] So it does when the pipeline left nothing to push: no empty batch (R-BSND-09).
            self.enter(frame, Step::Clearing);
            self.call(adapter, AdapterInput::Clear { call });
        } else if confirm.is_none() && self.transmitters[adapter.index()].decides {
            // that the batch is complete is for the adapter to say.
            self.conclude(frame, false);
        } else {
            self.enter(frame, Step::Finishing);
            self.call(adapter, AdapterInput::Done { call, confirm });
        }
    }

    fn enter(&mut self, frame: FrameId, step: Step) {
        if let Some(Frame::Deliver(delivery)) = self.frames.get_mut(frame.0) {
            delivery.step = step;
        }
    }

    /// An adapter returned from a call; `true` if the delivery gave something back: a thread, or
    /// room for more messages.
    pub(super) fn returned(&mut self, now: Instant, frame: FrameId, returned: Returned) -> bool {
        let Some(Frame::Deliver(delivery)) = self.frames.get_mut(frame.0) else { return false };
        match (delivery.step, returned) {
            (Step::Beginning, Returned::Begun { .. }) if self.life != Life::Running => {
                self.take_back(frame);
            }
            (Step::Beginning, _) if self.life != Life::Running => {
                self.withdraw(frame);
                self.release(frame);
            }
            (Step::Beginning, Returned::Begun { max, transaction }) => {
                delivery.transaction = transaction;
                if delivery.offered.is_some() && delivery.offered != transaction {
                    self.withdraw(frame);
                }
                if max == 0 && self.topology.choices.empty_maximum == EmptyMaximum::Refused {
                    cold_path();
                    self.fill_nothing(frame);
                } else {
                    self.load(frame, max);
                }
            }
            (Step::Beginning, _) => self.cannot_begin(frame),
            (Step::Transmitting, _) => {
                if let Some(last) = delivery.given.last_mut() {
                    last.1 = returned;
                }
                if delivery.batched {
                    self.transmit_next(now, frame);
                    return false;
                }
                self.conclude(frame, false);
            }
            (Step::Finishing, Returned::Failed) => {
                self.withdraw(frame);
                self.conclude(frame, true);
            }
            (Step::Finishing, _) => self.conclude(frame, false),
            (Step::Clearing, _) => {
                self.withdraw(frame);
                self.conclude(frame, true);
            }
        }
        true
    }

    /// The service stops, and nothing was put into the adapter batch that was begun: it is cleared,
    /// or the adapter would wait for its end and never return from `Terminate` (R-SHUT-01).
    #[cold]
    fn take_back(&mut self, frame: FrameId) {
        let Some(Frame::Deliver(delivery)) = self.frames.get(frame.0) else { return };
        let (adapter, begun) = (delivery.adapter, delivery.batched);
        if begun && self.made[adapter.index()] != Made::Gone {
            self.enter(frame, Step::Clearing);
            self.call(adapter, AdapterInput::Clear { call: CallId(frame.0) });
        } else {
            self.withdraw(frame);
            self.release(frame);
        }
    }

    /// Every call of the delivery has returned. `true` means that the engine deletes; a failure
    /// means its default action, for all messages of a failed batch (R-BSND-03…05, R-SND-06…08).
    fn conclude(&mut self, frame: FrameId, all_failed: bool) {
        let Some(Frame::Deliver(delivery)) = self.frames.get_mut(frame.0) else { return };
        // The default action is no part of the adapter's transaction (R-TXN-07).
        let transaction = delivery.transaction.filter(|_| !all_failed);
        let given = std::mem::take(&mut delivery.given);
        let mut actions = std::mem::take(&mut delivery.decided);
        actions.extend(given.into_iter().filter_map(|(reference, returned)| match returned {
            _ if all_failed => Some(default_failure(reference)),
            Returned::Failed => Some(default_failure(reference)),
            Returned::Sent => Some((OperationKind::Delete, Action::Delete(reference))),
            Returned::Begun { .. }
            | Returned::Cleared
            | Returned::Done
            | Returned::Pending
            | Returned::Terminated => None,
        }));
        if actions.is_empty() {
            // `false` for every message: the adapter goes on by itself, the thread is free.
            self.release(frame);
        } else {
            for (_, action) in &actions {
                if let Some(reference) = action.reference() {
                    self.forget_solicit(reference);
                }
            }
            self.transact_own(frame, actions, transaction);
        }
    }
}

const fn default_failure(reference: ReferenceId) -> (OperationKind, Action) {
    (OperationKind::Resubmit, Action::DefaultFailure(reference))
}
