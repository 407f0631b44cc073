//! Waits: the instance subscriptions of requests that have not been answered (R-RR-03).
//!
//! A wait opens with its request's transaction and closes with the first thing that ends it: the
//! response, a fault, a cancellation, the expiry of one that had answers (INV-26). Its row stays
//! while references lead to it, since they need to know whom they are for.

use super::instance::Instance;
use super::{Action, Effect, Exchange, MessageBox, PreparedBatch};
use crate::hash::mix;
use crate::id::{AdapterId, EndpointId, HostInstanceId, Key, MessageBoxId, SubscriberId};
use crate::message::{Context, Document, PropertyId, Value};
use crate::sabotage::Sabotage;
use crate::time::Instant;

/// A request that wants to be answered.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The operation of the batch that submits the request, by its place there.
    pub operation: u32,
    /// The waits of the two-way receive port.
    pub subscriber: SubscriberId,
    /// The adapter that answers: the callback of R-RR-01.
    pub adapter: AdapterId,
    /// The client's end.
    pub endpoint: EndpointId,
    /// The adapter's token.
    pub token: u64,
    /// What responses correlate by (R-RR-03).
    pub correlation: Value,
    /// Whether the first response is the last (R-RR-10).
    pub first_only: bool,
    /// The request's number.
    pub request: u64,
    /// Its key of chance.
    pub lineage: u64,
    /// When it was meant to arrive.
    pub arrived: Instant,
    /// Its context.
    pub context: Context,
}

/// What ended a wait (INV-49).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Closing {
    /// The adapter withdrew it (R-RR-11).
    Cancel,
    /// Its time was over after at least one of several responses (R-RR-10).
    Expiry,
    /// A fault was published for it (R-RR-07, R-RR-08).
    Fault,
    /// Its first and only response was published.
    Response,
    /// The process that waited is gone (R-RR-12).
    Death,
}

/// Who waits, as an effect tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// The request's number.
    pub request: u64,
    /// The host instance that submitted it.
    pub owner: HostInstanceId,
    /// The adapter that did.
    pub adapter: AdapterId,
    /// The adapter's token.
    pub token: u64,
}

impl Instance {
    /// Who waits, if this is a wait.
    fn waiting(&self) -> Option<Waiting> {
        let wait = self.wait.as_deref()?;
        let owner = self.owner?;
        let (request, adapter, token) = (wait.request, wait.adapter, wait.token);
        Some(Waiting { request, owner, adapter, token })
    }
}

impl Waiting {
    /// An open wait's share of the state hash.
    fn hash(self) -> u64 {
        mix(mix(self.request, self.token), u64::from(self.owner.0))
    }
}

/// Whether a document is meant for a waiting adapter (R-RR-03): both predicates of the
/// subscription, without the token's value.
pub(super) fn routes_directly(document: &Document) -> bool {
    let direct = PropertyId::ROUTE_DIRECT_TO_TP;
    document.context.promoted(direct) == Some(&Value::Bool(true))
        && document.context.promoted(PropertyId::EPM_RR_CORRELATION_TOKEN).is_some()
}

/// Whether a message belongs to a two-way exchange: then it is never suspended resumable
/// (R-RR-09, INV-62).
pub(super) fn is_two_way(context: &Context) -> bool {
    context.read(PropertyId::EPM_RR_CORRELATION_TOKEN).is_some()
}

impl MessageBox {
    /// Opens the waits of a batch before it is routed, since a loop-back request is its own
    /// response (R-RR-14). What fails takes them back.
    #[inline(always)]
    pub(super) fn open_waits(
        &mut self,
        owner: HostInstanceId,
        batch: &mut PreparedBatch,
    ) -> Vec<Key> {
        let mut opened = Vec::new();
        for wait in std::mem::take(&mut batch.waits) {
            let correlation = wait.correlation.clone();
            let exchange = Exchange::Response { token: wait.token, fault: false };
            let key =
                self.instances.start(wait.subscriber, MessageBoxId(0), Some(owner), Some(exchange));
            self.instances.subscribe(key, PropertyId::EPM_RR_CORRELATION_TOKEN, correlation);
            self.instances.wait_for(key, wait);
            opened.push(key);
        }
        opened
    }

    /// The batch failed, and its waits with it (R-RR-13).
    pub(super) fn take_back_waits(&mut self, opened: &[Key]) {
        for key in opened {
            self.instances.end(*key);
        }
    }

    /// The batch commits: its waits are there. A request that the engine suspends is answered by
    /// a fault (R-RR-08).
    #[inline(always)]
    pub(super) fn tell_waits(&mut self, opened: &[Key], batch: &PreparedBatch) {
        for key in opened {
            let Some(instance) = self.instances.get(*key) else { continue };
            let (Some(waiting), Some(wait)) = (instance.waiting(), instance.wait.as_deref()) else {
                continue;
            };
            let operation = batch.actions.get(wait.operation as usize);
            let suspended = match operation {
                Some((_, Action::SuspendWire { reason, .. })) => Some(*reason),
                Some(_) | None => None,
            };
            let (name, lineage) =
                (crate::message::DocumentName::of_wire(wait.request), wait.lineage);
            let (context, arrived) = (wait.context.clone(), wait.arrived);
            self.state_hash = self.state_hash.wrapping_add(waiting.hash());
            self.effects.push(Effect::ExchangeOpened { waiting });
            if let Some(reason) = suspended {
                self.owe_inbound_nack((name, lineage), &context, (arrived, reason), Some(*key));
            }
        }
    }

    /// The wait that a message's token leads to, if it is open.
    pub(super) fn wait_of(&self, context: &Context) -> Option<Key> {
        let correlation = context.read(PropertyId::EPM_RR_CORRELATION_TOKEN)?;
        self.instances.waiting_for(PropertyId::EPM_RR_CORRELATION_TOKEN, correlation)
    }

    /// A message was routed to a running instance: the first response ends a wait, and so does a
    /// fault.
    pub(super) fn answered(&mut self, key: Key, fault: bool) {
        let Some(instance) = self.instances.get(key) else { return };
        let Some(wait) = instance.wait.as_deref() else { return };
        if fault {
            self.close(key, Closing::Fault);
        } else if wait.first_only && !self.is_sabotaged(Sabotage::KeepAnsweredWaits) {
            self.close(key, Closing::Response);
        }
    }

    fn close(&mut self, key: Key, by: Closing) {
        let Some(instance) = self.instances.get(key) else { return };
        let Some(waiting) = instance.waiting() else { return };
        if self.instances.close(key) {
            self.state_hash = self.state_hash.wrapping_sub(waiting.hash());
            self.effects.push(Effect::ExchangeClosed { waiting, by });
        }
    }

    /// `CancelResponseMessage`: a response that comes later has no subscription (R-RR-11). One
    /// that was answered already has nothing to withdraw, which is no failure. \[M\]
    #[inline(never)]
    pub(super) fn cancel_wait(&mut self, correlation: &Value) {
        let property = PropertyId::EPM_RR_CORRELATION_TOKEN;
        if let Some(key) = self.instances.waiting_for(property, correlation) {
            self.close(key, Closing::Cancel);
        }
    }

    /// The time of an exchange is over: the client gets a fault, unless it had answers
    /// (R-RR-07). A response under way is late: it was not handed over in time (INV-50).
    #[inline(never)]
    pub(super) fn expire_wait(&mut self, request: u64, correlation: &Value, fault: bool) {
        let property = PropertyId::EPM_RR_CORRELATION_TOKEN;
        let open = self.instances.waiting_for(property, correlation);
        let key = open.or_else(|| self.instances.closed_wait(request, correlation));
        let Some(key) = key else { return };
        if fault {
            self.owe_timeout(key);
            if self.is_sabotaged(Sabotage::FaultTwice) {
                self.owe_timeout(key);
            }
        } else {
            self.close(key, Closing::Expiry);
        }
    }

    /// The process of a host instance is gone: nobody waits for its responses any more (R-RR-12,
    /// R-CRASH-03). Returns how many exchanges ended. Their clients get no answer. What comes for
    /// them later, or is on its way already, is told from other late responses.
    pub fn forget_waits(&mut self, owner: HostInstanceId) -> usize {
        self.instances.orphan(owner);
        let waits = self.instances.waits_of(owner);
        for key in &waits {
            self.close(*key, Closing::Death);
        }
        waits.len()
    }

    /// Whether the process that waited for a response is gone (R-RR-12).
    pub(super) fn is_orphan(&self, context: &Context) -> bool {
        let token = context.read(PropertyId::EPM_RR_CORRELATION_TOKEN);
        token.is_some_and(|token| self.instances.orphans.contains(token))
    }

    /// Requests that wait for a response, counted one by one (INV-26).
    #[must_use]
    pub fn open_waits_count(&self) -> usize {
        self.instances.iter().filter(|(_, one)| one.wait.is_some() && !one.closed).count()
    }
}
