//! The host's part of a trial: handing messages to a sender, and what becomes of them.

use super::rig::{Due, Rig};
use super::script::Outgoing;
use super::story::{Fact, Name};
use crate::adapter::{AdapterInput, CallId, Returned};
use crate::id::{AdapterId, EndpointId, ReferenceId, SubscriberId, TransactionId};
use crate::message::{Context, DocumentName};
use crate::message_box::{Exchange, OutboundMessage};
use crate::time::{Duration, Instant};

/// `RetryInterval` of every port.
pub(super) const RETRY_INTERVAL: Duration = Duration::from_minutes(5);
/// Endpoints of backup transports begin here.
const BACKUPS: u32 = 200;
/// Endpoints of ports begin here.
const PORTS: u32 = 100;

/// A message the engine has given out, or will.
#[derive(Debug)]
pub(super) struct Held {
    pub name: Name,
    plan: Outgoing,
    on_backup: bool,
    retries_left: u32,
    attempts: u32,
    exchange: Exchange,
    /// Whether the adapter is to dispose of it.
    with_adapter: bool,
    /// Whether it waits for its next attempt: an ordered port waits with it (R-ORD-07).
    retrying: bool,
}

impl Held {
    /// Whether there is a transport to move to (R-RETRY-11).
    pub(super) fn has_backup(&self) -> bool {
        self.with_adapter && self.plan.backup.is_some() && !self.on_backup
    }
}

/// A call, or the calls of an adapter batch.
#[derive(Debug)]
pub(super) struct Delivery {
    instance: usize,
    batched: bool,
    given: Vec<(ReferenceId, Returned)>,
    waiting: Vec<ReferenceId>,
    cleared: bool,
    /// The transaction that `BeginBatch` returned (R-TXN-09).
    transaction: Option<TransactionId>,
    step: Step,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Beginning,
    Ending,
    Transmitting,
}

impl Delivery {
    pub(super) const fn of_terminate() -> Self {
        Self::of(0, false)
    }

    const fn of(instance: usize, batched: bool) -> Self {
        Self {
            instance,
            batched,
            given: Vec::new(),
            waiting: Vec::new(),
            cleared: false,
            transaction: None,
            step: if batched { Step::Beginning } else { Step::Transmitting },
        }
    }
}

impl Rig<'_> {
    /// Messages of one instant are dequeued together.
    pub(super) fn plan_deliveries(&mut self, start: Instant) {
        let mut lots: Vec<(Instant, Vec<Name>)> = Vec::new();
        for (number, outgoing) in (1..).zip(&self.script.outgoing) {
            let (at, name) = (start + outgoing.at, Name { number, delivery: 1 });
            match lots.iter_mut().find(|(known, _)| *known == at) {
                Some((_, names)) => names.push(name),
                None => lots.push((at, vec![name])),
            }
        }
        for (at, names) in lots {
            self.schedule(at, Due::Deliver(names));
        }
    }

    pub(super) fn dequeue(&mut self, names: Vec<Name>) {
        for name in names {
            let plan = self.script.outgoing[name.number as usize - 1];
            let exchange = if plan.solicit { Exchange::Solicit } else { Exchange::OneWay };
            let reference = self.hold(name, plan, exchange);
            self.pending.push_back(reference);
        }
        self.deliver_next();
    }

    fn hold(&mut self, name: Name, plan: Outgoing, exchange: Exchange) -> ReferenceId {
        ReferenceId(self.held.insert(Held {
            name: Name { delivery: 0, ..name },
            plan,
            on_backup: false,
            retries_left: plan.retries,
            attempts: 0,
            exchange,
            with_adapter: false,
            retrying: false,
        }))
    }

    /// Starts what can be started: a batch-aware adapter gets one adapter batch after another, an
    /// ordered port one message after another.
    pub(super) fn deliver_next(&mut self) {
        let batched = self.script.batched;
        while let Some(&reference) = self.pending.front() {
            let outstanding =
                || self.held.iter().any(|(_, held)| held.with_adapter || held.retrying);
            if self.delivering || self.is_terminating() || (self.script.ordered && outstanding()) {
                return;
            }
            let delivery = self.held.get(reference.0).map_or(0, |held| held.name.delivery);
            let instance = if self.script.elsewhere { delivery as usize } else { 0 };
            self.instance(instance);
            let call = CallId(self.deliveries.insert(Delivery::of(instance, batched)));
            if batched {
                self.delivering = true;
                return self.soon(instance, AdapterInput::BeginBatch { call, transaction: None });
            }
            self.load(call, 1);
        }
    }

    /// Takes messages for one delivery and hands over the first.
    fn load(&mut self, call: CallId, max: u32) {
        let most = if self.script.ordered { 1 } else { max.max(1).min(self.script.engine_batch) };
        let count = self.pending.len().min(most as usize);
        let mut taken: Vec<ReferenceId> = self.pending.drain(..count).collect();
        taken.reverse();
        if let Some(delivery) = self.deliveries.get_mut(call.0) {
            delivery.waiting = taken;
            delivery.step = Step::Transmitting;
        }
        self.transmit_next(call);
    }

    fn transmit_next(&mut self, call: CallId) {
        let Some(delivery) = self.deliveries.get_mut(call.0) else { return };
        let instance = delivery.instance;
        if let Some(reference) = delivery.waiting.pop() {
            delivery.given.push((reference, Returned::Pending));
            let batched = delivery.batched;
            let Some(message) = self.give(call, reference, batched) else { return };
            return self.soon(
                instance,
                AdapterInput::TransmitMessage { call, message: Box::new(message) },
            );
        }
        let threw = delivery.given.iter().any(|(_, returned)| *returned == Returned::Failed);
        let (cleared, confirm) = (threw || self.cleared < self.script.clears, delivery.transaction);
        (delivery.step, delivery.cleared) = (Step::Ending, cleared);
        self.cleared += u32::from(cleared);
        let end = AdapterInput::Done { call, confirm };
        self.soon(instance, if cleared { AdapterInput::Clear { call } } else { end });
    }

    /// The message as `TransmitMessage` carries it: from now on it is the adapter's.
    fn give(&mut self, call: CallId, of: ReferenceId, batched: bool) -> Option<OutboundMessage> {
        let held = self.held.get_mut(of.0)?;
        held.name.delivery += 1;
        held.with_adapter = true;
        let (port, number) = (held.plan.port, held.name.number);
        let endpoint = port + if held.on_backup { BACKUPS } else { PORTS };
        let fault = matches!(held.exchange, Exchange::Response { fault: true, .. });
        let (name, retries_left) = (held.name, held.retries_left);
        let message = OutboundMessage {
            real: None,
            reference: of,
            document: DocumentName::of_wire(number),
            sequence: number,
            lineage: number,
            arrived: Instant::ZERO,
            subscriber: SubscriberId(port),
            exchange: held.exchange,
            on_backup: held.on_backup,
            adapter: AdapterId(0),
            endpoint: EndpointId(endpoint),
            retries_left,
            retry_interval: RETRY_INTERVAL,
            bytes: 1000,
            fingerprint: number,
            context: Context::default(),
        };
        let fact = Fact::Transmit { call, of: name, batched, port, retries_left, fault };
        self.story.tell(self.now, fact);
        Some(message)
    }

    /// The adapter returned from a call.
    pub(super) fn returned(&mut self, call: CallId, returned: Returned) {
        let Some(delivery) = self.deliveries.get_mut(call.0) else { return };
        let transmitting = delivery.step == Step::Transmitting;
        let of = delivery.given.last_mut().filter(|_| transmitting).map(|last| {
            last.1 = returned;
            last.0
        });
        let (step, batched) = (delivery.step, delivery.batched);
        let of = of.map(|reference| self.name(reference));
        self.story.tell(self.now, Fact::Returned { call, of, returned });
        if self.ends_with(call) {
            return;
        }
        match (step, returned) {
            (Step::Beginning, Returned::Begun { max, transaction }) => {
                if let Some(delivery) = self.deliveries.get_mut(call.0) {
                    delivery.transaction = transaction;
                }
                self.load(call, max);
            }
            (Step::Transmitting, _) if batched => self.transmit_next(call),
            (Step::Beginning | Step::Ending | Step::Transmitting, _) => {
                self.conclude(call, returned);
            }
        }
    }

    /// The delivery is over: the engine deletes what was sent and takes its default action on
    /// what failed (R-SND-06, R-SND-08, R-BSND-03…05).
    fn conclude(&mut self, call: CallId, returned: Returned) {
        let Some(delivery) = self.deliveries.remove(call.0) else { return };
        let failed = delivery.cleared || returned == Returned::Failed;
        for (reference, returned) in delivery.given {
            if failed || returned == Returned::Failed {
                self.default_failure(reference);
            } else if returned == Returned::Sent {
                self.end(reference);
            }
        }
        self.delivering = false;
        self.deliver_next();
    }

    /// R-RETRY-05.
    fn default_failure(&mut self, reference: ReferenceId) {
        let Some(held) = self.held.get(reference.0) else { return };
        if held.retries_left > 0 {
            self.resubmit(reference, self.now + RETRY_INTERVAL);
        } else if held.has_backup() {
            self.move_to_backup(reference);
        } else {
            self.end(reference);
        }
    }

    pub(super) fn resubmit(&mut self, reference: ReferenceId, at: Instant) {
        let Some(held) = self.held.get_mut(reference.0) else { return };
        held.retries_left = held.retries_left.saturating_sub(1);
        held.with_adapter = false;
        self.redeliver(reference, at);
    }

    pub(super) fn move_to_backup(&mut self, reference: ReferenceId) {
        let Some(held) = self.held.get_mut(reference.0) else { return };
        held.retries_left = held.plan.backup.unwrap_or_default();
        (held.on_backup, held.with_adapter) = (true, false);
        self.redeliver(reference, self.now);
    }

    /// The time of the next attempt has come.
    pub(super) fn retried(&mut self, reference: ReferenceId) {
        if let Some(held) = self.held.get_mut(reference.0) {
            held.retrying = false;
        }
    }

    fn redeliver(&mut self, reference: ReferenceId, at: Instant) {
        let mut of = self.name(reference);
        of.delivery += 1;
        let at = at.max(self.now);
        if let Some(held) = self.held.get_mut(reference.0) {
            held.retrying = true;
        }
        self.story.tell(self.now, Fact::Redelivers { of, at });
        self.schedule(at, Due::Redeliver { reference });
    }

    /// The message has come to its end.
    pub(super) fn end(&mut self, reference: ReferenceId) {
        if let Some(held) = self.held.remove(reference.0) {
            self.gone.insert(reference, held.name);
        }
        if self.script.ordered {
            self.deliver_next();
        }
    }

    /// The response to a request that was submitted with `token` (R-RR-04).
    pub(super) fn respond(&mut self, instance: usize, request: u64, token: u64) {
        let name = Name { number: 1000 + request, delivery: 1 };
        let exchange = Exchange::Response { token, fault: false };
        let reference = self.hold(name, Outgoing::of_port(0), exchange);
        let call = CallId(self.deliveries.insert(Delivery::of(instance, false)));
        if let Some(delivery) = self.deliveries.get_mut(call.0) {
            delivery.waiting.push(reference);
        }
        self.transmit_next(call);
    }

    /// One attempt on the wire: the scripted number of them fails.
    pub(super) fn attempt(&mut self, reference: ReferenceId) -> bool {
        let Some(held) = self.held.get_mut(reference.0) else { return true };
        held.attempts += 1;
        held.attempts > held.plan.failures
    }

    /// The name of a reference and which delivery of it is the latest.
    pub(super) fn name(&self, reference: ReferenceId) -> Name {
        match self.held.get(reference.0) {
            Some(held) => held.name,
            None => self.gone.get(&reference).copied().unwrap_or(Name { number: 0, delivery: 1 }),
        }
    }

    /// Whether the adapter is to dispose of it.
    pub(super) fn holds(&self, reference: ReferenceId) -> bool {
        self.held.get(reference.0).is_some_and(|held| held.with_adapter)
    }
}
