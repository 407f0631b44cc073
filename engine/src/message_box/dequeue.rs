//! The work queues of all hosts: what became eligible, and who takes it.

use std::hint::cold_path;
use std::sync::Arc;

use super::acknowledge::is_fault;
use super::host_queue::HostQueue;
use super::{Exchange, MessageBox, OutboundMessage, Place, Reason, Reference, ReferenceState};
use crate::config::RetryCount;
use crate::id::{HostId, HostInstanceId, MessageBoxId, ReferenceId};
use crate::message::{Body, PropertyId, Value};
use crate::message_box::Effect;
use crate::time::Instant;
use crate::transport_proxy::TransportProxy;

/// A place where work became eligible: who should look where.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Ready {
    /// The MessageBox.
    pub home: MessageBoxId,
    /// The host whose queue it is.
    pub host: HostId,
    /// The one host instance that may take it, if only one may (R-RR-04).
    pub only: Option<HostInstanceId>,
}

impl MessageBox {
    /// Queues that got something eligible since the last call.
    pub fn take_ready(&mut self, into: &mut Vec<Ready>) {
        into.clear();
        std::mem::swap(&mut self.ready, into);
    }

    /// When a waiting reference becomes eligible next: ask [`Self::wake`] then.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let queues = self.queues.iter().chain(&self.own_queues).filter_map(HostQueue::next_due);
        queues.chain(self.convoys.next_end()).min()
    }

    /// Reports the queues whose waiting references are due (see [`Self::take_ready`]).
    pub fn wake(&mut self, now: Instant) {
        self.end_idle_convoys(now);
        for (index, queue) in self.queues.iter_mut().enumerate() {
            // What is due now must not hide from `poll_timeout` what is due later.
            if queue.promote_due(now) {
                let (home, host) = (index / self.hosts, index % self.hosts);
                let (home, host) = (MessageBoxId::from(home), HostId::from(host));
                self.ready.push(Ready { home, host, only: None });
            }
        }
        let instances = self.host_of.len();
        for (index, queue) in self.own_queues.iter_mut().enumerate() {
            if queue.promote_due(now) {
                let only = HostInstanceId::from(index % instances);
                let (home, host) =
                    (MessageBoxId::from(index / instances), self.host_of[only.index()]);
                self.ready.push(Ready { home, host, only: Some(only) });
            }
        }
    }

    fn queue(&self, home: MessageBoxId, host: HostId) -> &HostQueue {
        &self.queues[home.index() * self.hosts + host.index()]
    }

    fn own_queue(&self, home: MessageBoxId, owner: HostInstanceId) -> &HostQueue {
        &self.own_queues[home.index() * self.host_of.len() + owner.index()]
    }

    /// The queue a reference waits in: its host's, or that of the one instance that may take it.
    #[inline(always)]
    fn queue_of(&mut self, place: &Place) -> (&mut HostQueue, Ready) {
        let (home, host) = (place.home, place.host);
        let only = match self.instances.is_empty() {
            true => None,
            false => self.instance_of(place.reference).and_then(|instance| instance.owner),
        };
        let queue = match only {
            Some(owner) => &mut self.own_queues[home.index() * self.host_of.len() + owner.index()],
            None => &mut self.queues[home.index() * self.hosts + host.index()],
        };
        (queue, Ready { home, host, only })
    }

    /// Whether a look by `owner` into `home` would find something.
    #[must_use]
    pub fn has_eligible(&self, now: Instant, home: MessageBoxId, owner: HostInstanceId) -> bool {
        self.is_available(home)
            && (self.queue(home, self.host_of[owner.index()]).has_eligible(now)
                || self.own_queue(home, owner).has_eligible(now))
    }

    /// References that a look by `owner` into `home` would find, counted up to `max`.
    #[inline(always)]
    pub(super) fn eligible(
        &self,
        now: Instant,
        home: MessageBoxId,
        owner: HostInstanceId,
        max: usize,
    ) -> usize {
        let shared = self.queue(home, self.host_of[owner.index()]).eligible(now, max);
        (shared + self.own_queue(home, owner).eligible(now, max)).min(max)
    }

    #[inline(always)]
    pub(super) fn enqueue(&mut self, place: Place) {
        let priority = self.priority(&place);
        let order = self.policy.dequeue_order.key(place.sequence);
        let (queue, ready) = self.queue_of(&place);
        queue.push(priority, order, place.reference);
        if self.ready.last() != Some(&ready) {
            self.ready.push(ready);
        }
    }

    /// Queues a reference that becomes eligible at `due`.
    pub(super) fn delay(&mut self, place: Place, due: Instant) {
        let priority = self.priority(&place);
        let order = self.policy.dequeue_order.key(place.sequence);
        let (queue, ready) = self.queue_of(&place);
        queue.delay(due, priority, order, place.reference);
        self.ready.push(ready);
    }

    pub(super) fn offer(&mut self, head: ReferenceId) {
        let place = self
            .place(head, self.references.get(head.0).expect("an ordered port's messages exist"));
        self.enqueue(place);
    }

    /// Locks up to `max` eligible references in `home` to `owner`, in the order of priority and
    /// publication (R-DEQ-01, R-DEQ-05), and hands out what `TransmitMessage` will carry.
    pub fn dequeue(
        &mut self,
        now: Instant,
        home: MessageBoxId,
        owner: HostInstanceId,
        max: u32,
        out: &mut Vec<Box<OutboundMessage>>,
    ) {
        if !self.is_available(home) {
            return;
        }
        let before = out.len();
        out.reserve(self.eligible(now, home, owner, max as usize));
        let mut any_suspended = false;
        while out.len() - before < max as usize {
            let Some(id) = self.pop(now, home, owner) else { break };
            // A reference that an operator terminated or suspended may still be named by its
            // queue, even after it was resumed and waits for a retry.
            let Some(found) = self.references.get(id.0) else { continue };
            if found.state != ReferenceState::Queued || found.valid_from > now {
                cold_path();
                continue;
            }
            let dynamic = self.subscribers[found.subscriber.index()].dynamic;
            if self.windows && self.waits_for_window(now, id) {
                cold_path();
                continue;
            }
            if dynamic && !self.is_addressed(id) {
                cold_path();
                self.suspend_reference(now, id, Reason::Unaddressed);
                any_suspended = true;
                continue;
            }
            let lock = |reference: &mut Reference| reference.state = ReferenceState::Locked(owner);
            let (place, locked) = self.changed(id, lock);
            self.effects.push(Effect::Locked { at: place, owner });
            let mut message = match self.spare.room() {
                Some(mut room) => {
                    *room = self.outbound(id, &locked);
                    room
                }
                None => Box::new(self.outbound(id, &locked)),
            };
            if dynamic {
                cold_path();
                self.address(&mut message);
            }
            out.push(message);
        }
        self.locked_at.begin(home, owner, out.len() - before);
        if any_suspended {
            // A look is a transaction as well: what it owes is published with it (R-ACK-01).
            cold_path();
            self.publish_owed(now);
        }
    }

    /// What an adapter is through with serves the messages dequeued next.
    pub fn reuse(&mut self, proxy: &mut TransportProxy) {
        self.spare.take_over(proxy.spare());
    }

    /// The next reference for `owner`: the smaller priority number of its own queue and its
    /// host's (INV-28).
    fn pop(
        &mut self,
        now: Instant,
        home: MessageBoxId,
        owner: HostInstanceId,
    ) -> Option<ReferenceId> {
        let host = self.host_of[owner.index()];
        let references = &self.references;
        let order = self.policy.dequeue_order;
        let sequence =
            |id: ReferenceId| references.get(id.0).map_or(0, |found| order.key(found.sequence));
        let shared = &mut self.queues[home.index() * self.hosts + host.index()];
        let own = &mut self.own_queues[home.index() * self.host_of.len() + owner.index()];
        if own.is_empty() {
            return shared.pop(now, sequence);
        }
        cold_path();
        let own_first = match (own.first_priority(now), shared.first_priority(now)) {
            (Some(own), Some(shared)) => own <= shared,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if own_first { own.pop(now, sequence) } else { shared.pop(now, sequence) }
    }

    #[inline(always)]
    fn outbound(&self, id: ReferenceId, reference: &Reference) -> OutboundMessage {
        let document = &self.row(reference).document;
        let transport = self.transport(reference);
        let instance = match self.instances.is_empty() {
            true => None,
            false => {
                cold_path();
                self.instance_of(id)
            }
        };
        let wait = instance.and_then(|instance| instance.wait.as_deref());
        let exchange = match instance.and_then(|instance| instance.exchange) {
            Some(Exchange::Response { token, .. }) => {
                Exchange::Response { token, fault: is_fault(&document.context) }
            }
            Some(exchange) => exchange,
            None if self.subscribers[reference.subscriber.index()].two_way => Exchange::Solicit,
            None => Exchange::OneWay,
        };
        let mut context = if self.has_remarks() {
            cold_path();
            self.context_for(reference).demoted()
        } else {
            document.context.demoted()
        };
        let subscriber = &self.subscribers[reference.subscriber.index()];
        if let Some(properties) = &subscriber.configuration[usize::from(reference.on_backup)] {
            cold_path();
            for (property, value) in &**properties {
                context.write(*property, Some(value.clone()));
            }
        }
        if exchange == Exchange::Solicit {
            cold_path();
            // R-SR-01: absent means one-way.
            context.write(PropertyId::IS_SOLICIT_RESPONSE, Some(Value::Bool(true)));
        }
        OutboundMessage {
            reference: id,
            document: document.name,
            sequence: reference.sequence,
            lineage: document.lineage,
            arrived: document.arrived,
            subscriber: reference.subscriber,
            exchange,
            on_backup: reference.on_backup,
            adapter: wait.map_or(transport.adapter, |wait| wait.adapter),
            endpoint: wait.map_or(transport.endpoint, |wait| wait.endpoint),
            retries_left: match self.choices.retry_count {
                RetryCount::Configured => transport.retry.count,
                RetryCount::Remaining => u32::from(reference.retries_left),
            },
            retry_interval: transport.retry.interval,
            bytes: document.parts.bytes(),
            real: match document.parts.body() {
                Body::Described { .. } => None,
                Body::Real(real) => Some(Arc::clone(real)),
            },
            fingerprint: document.fingerprint(),
            context,
        }
    }
}
