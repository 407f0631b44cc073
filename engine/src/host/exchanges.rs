//! The exchanges of a host instance: requests whose clients wait, solicits whose replies come.
//!
//! What waits is the memory of one process (R-RR-12): the MessageBox has the subscription, this
//! has the clock. At most one answer is handed over for a request that wants one, and none after
//! its time (INV-49, INV-50); who is too late finds nobody here.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::execute::Execution;
use super::latencies::Stays;
use super::receive::{as_u32, received};
use super::{DoneRace, Frame, FrameId, HostInstance, HostOutput, Life, Task};
use crate::batch::{BatchStatus, OperationKind, Status};
use crate::exchange::correlation;
use crate::id::{AdapterId, ReferenceId, SubscriberId};
use crate::message::{Context, PropertyId, Value, WireMessage};
use crate::message_box::{Action, Exchange, OutboundMessage, PreparedBatch, Wait};
use crate::pipeline::{Outcome, ReceivePipeline};
use crate::time::Instant;

/// One exchange, by the adapter that answers it and its token.
type ExchangeKey = (AdapterId, u64);

/// A request that has not had its answer.
#[derive(Clone, Debug)]
struct Open {
    request: u64,
    correlation: Value,
    expires: Instant,
    first_only: bool,
    /// When it was handed in.
    since: Instant,
    /// It had one answer of several.
    answered: bool,
}

/// A solicit that is with an adapter.
#[derive(Clone, Debug)]
struct Solicit {
    subscriber: SubscriberId,
    context: Context,
}

/// What a posted batch does to exchanges; almost always nothing, and then there is none of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    opened: Vec<(u64, Open, Option<Instant>)>,
    cancelled: Vec<u64>,
    settled: Vec<ReferenceId>,
}

/// A `BatchComplete` that waits for a response to overtake it (R-BC-08, R-CLK-04).
#[derive(Clone, Debug)]
struct Held {
    tokens: Vec<u64>,
    execution: Execution,
    status: BatchStatus,
}

/// The exchanges of one host instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchanges {
    open: FxHashMap<ExchangeKey, Open>,
    timers: BTreeSet<(Instant, AdapterId, u64)>,
    solicits: FxHashMap<ReferenceId, Solicit>,
    held: Vec<Held>,
    answered: Stays,
}

/// An exchange whose time is over.
#[derive(Clone, Debug)]
pub(super) struct Expiry {
    request: u64,
    correlation: Value,
    fault: bool,
}

impl Exchanges {
    pub(super) const fn latency(&self) -> &Stays {
        &self.answered
    }

    /// When the next exchange expires.
    pub(super) fn expires_next(&self) -> Option<Instant> {
        self.timers.first().map(|(at, ..)| *at)
    }

    /// Whether a solicit is with an adapter: only then does a batch have to say what it settles.
    pub(super) fn has_solicits(&self) -> bool {
        !self.solicits.is_empty()
    }

    fn end(&mut self, key: ExchangeKey) {
        if let Some(open) = self.open.remove(&key) {
            self.timers.remove(&(open.expires, key.0, key.1));
        }
    }

    /// Whether an answer may be handed over now; the one that ends its exchange does so.
    /// A process counts its tokens anew, so that what was meant for its predecessor is known by
    /// the longer token only (R-RR-12).
    fn admits(
        &mut self,
        now: Instant,
        key: ExchangeKey,
        (correlation, fault): (Option<&Value>, bool),
    ) -> bool {
        let Some(open) = self.open.get_mut(&key) else { return false };
        if correlation != Some(&open.correlation) {
            return false;
        }
        // A fault is the answer of an exchange that failed or expired. A response that is not
        // there in time is late, even if it was published before (INV-50).
        if !fault && now >= open.expires {
            return false;
        }
        if !std::mem::replace(&mut open.answered, true) {
            self.answered.end(now, open.since, 1);
        }
        if fault || open.first_only {
            self.end(key);
        }
        true
    }
}

impl HostInstance {
    /// A request is submitted: its message gets the token, and its wait goes with the batch.
    pub(super) fn request(
        &mut self,
        adapter: AdapterId,
        (mut request, token, first_only, expires): (WireMessage, u64, bool, Option<Instant>),
        batch: &mut PreparedBatch,
        requests: &mut Requests,
    ) -> Action {
        let Some(location) = self.locations.find(&self.topology, &request) else {
            return Action::Refuse(Status::URL_DISALLOWED);
        };
        let (number, lineage, arrived) = (request.number, request.lineage, request.arrived);
        let correlation = correlation(&self.topology, self.id, adapter, (token, number));
        let location = &self.topology.receive_locations[location.index()];
        let (endpoint, port) = (location.endpoint, location.port);
        let settings = self.topology.exchanges.of_host(self.host);
        let first_only = first_only || !settings.allow_multiple;
        carry(&mut request.context, PropertyId::EPM_RR_CORRELATION_TOKEN, correlation.clone());
        request.context.write(PropertyId::IS_REQUEST_RESPONSE, Some(Value::Bool(true)));
        if request.context.is_set(PropertyId::LOOPBACK) {
            // R-RR-14: it comes straight back.
            carry(&mut request.context, PropertyId::ROUTE_DIRECT_TO_TP, Value::Bool(true));
        }
        let context = request.context.clone();
        let operation = as_u32(batch.actions.len());
        let mut action = self.receive(request, batch);
        if let Action::SuspendWire { resumable, .. } = &mut action {
            // R-RR-09: whatever it says of itself.
            *resumable = false;
        }
        if matches!(action, Action::Refuse(_)) {
            return action;
        }
        batch.waits.push(Box::new(Wait {
            operation,
            subscriber: self.topology.subscriber_of_responses(port),
            adapter,
            endpoint,
            token,
            correlation: correlation.clone(),
            first_only,
            request: number,
            lineage,
            arrived,
            context,
        }));
        let open = Open {
            request: number,
            correlation,
            expires: Instant::ZERO,
            since: Instant::ZERO,
            first_only,
            answered: false,
        };
        requests.opened.push((token, open, expires));
        action
    }

    /// `CancelResponseMessage` (R-RR-11).
    pub(super) fn cancel(&self, adapter: AdapterId, token: u64, requests: &mut Requests) -> Action {
        requests.cancelled.push(token);
        match self.exchanges.open.get(&(adapter, token)) {
            Some(open) => Action::CancelResponse(open.correlation.clone()),
            None => Action::Nothing,
        }
    }

    /// `SubmitResponseMessage`: what ties the solicit to its request goes over to the response,
    /// which then runs the port's receive pipeline and map (R-SR-03).
    pub(super) fn respond(
        &mut self,
        solicit: ReferenceId,
        mut response: WireMessage,
        batch: &mut PreparedBatch,
    ) -> Action {
        let Some(known) = self.exchanges.solicits.get(&solicit) else {
            return Action::Refuse(Status::FAIL);
        };
        let token = known.context.read(PropertyId::EPM_RR_CORRELATION_TOKEN).cloned();
        let settings = self.topology.exchanges.solicit_port(known.subscriber.into());
        // What an orchestration sent correlates as well.
        let correlates =
            token.is_some() || known.context.read(PropertyId::CORRELATION_TOKEN).is_some();
        if !correlates && settings.is_some_and(|settings| settings.correlated_only) {
            return Action::Refuse(Status::NULL_CORRELATION_TOKEN);
        }
        if let Some(token) = token {
            carry(&mut response.context, PropertyId::EPM_RR_CORRELATION_TOKEN, token);
            carry(&mut response.context, PropertyId::ROUTE_DIRECT_TO_TP, Value::Bool(true));
        }
        if let Some(token) = known.context.read(PropertyId::CORRELATION_TOKEN) {
            carry(&mut response.context, PropertyId::CORRELATION_TOKEN, token.clone());
        }
        let name = Value::text(self.topology.subscriber_name(known.subscriber));
        carry(&mut response.context, PropertyId::SP_ID, name.clone());
        carry(&mut response.context, PropertyId::SP_NAME, name);
        let first = batch.documents.len();
        let (pipeline, maps) = match settings {
            Some(own) => (own.pipeline.clone(), &own.maps[..]),
            None => (ReceivePipeline::pass_through(), &[][..]),
        };
        match pipeline.execute(maps, &response, &mut batch.documents) {
            Outcome::Done(reception) => received(&pipeline, &response, reception, first, batch),
            // GS-07: the adapter has to say what becomes of the response.
            Outcome::Failed(_) | Outcome::Suspended(_) => Action::Refuse(Status::FAIL),
        }
    }

    /// The demand of the replies among a batch's operations is that of their ports' pipelines.
    pub(super) fn solicit_port_of(
        &self,
        solicit: ReferenceId,
    ) -> Option<&crate::exchange::SolicitPort> {
        let known = self.exchanges.solicits.get(&solicit)?;
        self.topology.exchanges.solicit_port(known.subscriber.into())
    }

    /// Remembers what a batch settles, if a solicit is with an adapter.
    pub(super) fn note_settled(&self, action: &Action, requests: &mut Requests) {
        if let Some(reference) = action.reference()
            && self.exchanges.solicits.contains_key(&reference)
        {
            requests.settled.push(reference);
        }
    }

    /// A message goes to an adapter: a solicit is remembered until it is settled.
    pub(super) fn note_solicit(&mut self, message: &OutboundMessage) {
        if message.exchange == Exchange::Solicit {
            let solicit =
                Solicit { subscriber: message.subscriber, context: message.context.clone() };
            self.exchanges.solicits.insert(message.reference, solicit);
        }
    }

    /// The engine settled a message itself.
    pub(super) fn forget_solicit(&mut self, reference: ReferenceId) {
        if self.exchanges.has_solicits() {
            self.exchanges.solicits.remove(&reference);
        }
    }

    /// A batch committed: its requests wait from now on, unless they named an instant (R-RR-01,
    /// R-RR-02). \[M\] that the default counts from the commit is not documented.
    pub(super) fn exchanges_committed(
        &mut self,
        now: Instant,
        (since, adapter): (Instant, AdapterId),
        requests: Requests,
    ) -> Vec<u64> {
        let timeout = self.topology.exchanges.of_host(self.host).default_timeout();
        let mut tokens = Vec::new();
        for (token, mut open, expires) in requests.opened {
            open.expires = expires.unwrap_or(now + timeout);
            open.since = since;
            self.exchanges.timers.insert((open.expires, adapter, token));
            self.exchanges.open.insert((adapter, token), open);
            tokens.push(token);
        }
        for token in requests.cancelled {
            self.exchanges.end((adapter, token));
            self.release_held(adapter, token);
        }
        for reference in requests.settled {
            self.exchanges.solicits.remove(&reference);
        }
        tokens
    }

    /// Whether `BatchComplete` is to wait for a response (R-CLK-04); then it is kept here.
    pub(super) fn holds(
        &mut self,
        execution: &Execution,
        status: &BatchStatus,
        tokens: Vec<u64>,
    ) -> bool {
        let waits = match execution.race() {
            DoneRace::ResponseBeforeComplete | DoneRace::ResponseBeforeReturn => {
                !tokens.is_empty() && self.life == Life::Running
            }
            DoneRace::CompleteFirst | DoneRace::ReturnFirst => false,
        };
        if waits {
            let (execution, status) = (execution.clone(), status.clone());
            self.exchanges.held.push(Held { tokens, execution, status });
        }
        waits
    }

    /// A response went to its adapter, or never will: what waited for that goes on.
    fn release_held(&mut self, adapter: AdapterId, token: u64) {
        let is_it =
            |held: &Held| held.execution.adapter() == adapter && held.tokens.contains(&token);
        if let Some(at) = self.exchanges.held.iter().position(is_it) {
            let Held { execution, status, .. } = self.exchanges.held.remove(at);
            self.complete(&execution, status);
        }
    }

    /// Whether `message` may go to its adapter; a response that nobody waits for is suspended
    /// instead, on the thread of `frame` (R-CLK-16).
    pub(super) fn is_wanted(
        &mut self,
        now: Instant,
        frame: FrameId,
        adapter: AdapterId,
        message: &OutboundMessage,
    ) -> bool {
        let Exchange::Response { token, fault } = message.exchange else {
            self.note_solicit(message);
            return true;
        };
        let correlation = message.context.read(PropertyId::EPM_RR_CORRELATION_TOKEN);
        let wanted = self.exchanges.admits(now, (adapter, token), (correlation, fault));
        if !wanted {
            let late = Action::SuspendLate(message.reference);
            self.transact_own(frame, vec![(OperationKind::MoveToSuspendQueue, late)], None);
        }
        wanted
    }

    /// `Terminate`: no response is delivered any more (R-RR-15), and nothing waits for one. The
    /// solicits stay: what their partners reply is still submitted (R-SR-04).
    pub(super) fn stop_exchanges(&mut self) {
        self.exchanges.open.clear();
        self.exchanges.timers.clear();
        for Held { execution, status, .. } in std::mem::take(&mut self.exchanges.held) {
            self.complete(&execution, status);
        }
    }

    /// The call with a response was made: a `BatchComplete` that waited for it may follow.
    pub(super) fn answered(&mut self, adapter: AdapterId, exchange: Exchange) {
        if let Exchange::Response { token, .. } = exchange {
            self.release_held(adapter, token);
        }
    }

    /// Exchanges whose time is over get their fault on a thread (R-RR-07). No response comes any
    /// more, so that nothing waits for one: an operator may have taken it away (INV-01, R-MBX-08).
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((at, adapter, token)) = self.exchanges.timers.first().copied()
            && at <= now
        {
            self.exchanges.timers.pop_first();
            let Some(open) = self.exchanges.open.get(&(adapter, token)) else { continue };
            // One of several answers was enough: its end is silent.
            let expiry = Expiry {
                request: open.request,
                correlation: open.correlation.clone(),
                fault: !open.answered,
            };
            if open.answered {
                self.exchanges.end((adapter, token));
            }
            self.tasks.push_back(Task::Expire(expiry));
            self.release_held(adapter, token);
        }
    }

    #[inline(never)]
    pub(super) fn start_expiry(&mut self, expiry: Expiry) {
        let frame = FrameId(self.frames.insert(Frame::Expire(expiry.clone())));
        let Expiry { request, correlation, fault } = expiry;
        let action = Action::Expire { request, correlation, fault };
        let actions = vec![(OperationKind::CancelResponse, action)];
        let batch = PreparedBatch { actions, ..PreparedBatch::default() };
        self.outputs.push_back(HostOutput::Transact { frame, batch, transaction: None });
    }

    /// The end of an exchange is stored, or waits for its MessageBox: nobody else would answer the
    /// client (R-RR-07, R-MMB-06, INV-49). Who stops has nobody left to answer (R-RR-15).
    #[cold]
    pub(super) fn expired(&mut self, now: Instant, expiry: Expiry, status: &BatchStatus) {
        if status.could_not_store() && self.life == Life::Running {
            self.put_off(now, Task::Expire(expiry));
        }
    }
}

/// Promotes what the engine made or copies; it is short enough to route on.
fn carry(context: &mut Context, property: PropertyId, value: Value) {
    let promoted = context.promote(property, Some(value));
    assert!(promoted.is_ok(), "what was promoted once is short enough");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    const KEY: ExchangeKey = (AdapterId(0), 7);
    const TOKEN: Option<&Value> = Some(&Value::Int(1));

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(secs)
    }

    fn waiting(first_only: bool) -> Exchanges {
        let mut exchanges = Exchanges::default();
        let open = Open {
            request: 1,
            correlation: Value::Int(1),
            expires: at(10),
            since: Instant::ZERO,
            first_only,
            answered: false,
        };
        exchanges.timers.insert((at(10), KEY.0, KEY.1));
        exchanges.open.insert(KEY, open);
        exchanges
    }

    #[test]
    fn one_answer_or_all_in_time() {
        // R-RR-10, INV-49, INV-50: responses at 3 s, 4 s and 10 s, then the fault.
        for (first_only, expected) in
            [(true, [true, false, false, false]), (false, [true, true, false, true])]
        {
            let mut exchanges = waiting(first_only);
            let found = [(3, false), (4, false), (10, false), (10, true)]
                .map(|(secs, fault)| exchanges.admits(at(secs), KEY, (TOKEN, fault)));
            assert_eq!(found, expected, "first only: {first_only}");
        }
    }

    #[test]
    fn a_fault_ends_an_exchange_and_its_clock() {
        // R-RR-07: nothing is left to expire.
        let mut exchanges = waiting(false);
        assert_eq!(exchanges.expires_next(), Some(at(10)));
        assert!(
            exchanges.admits(at(12), KEY, (TOKEN, true))
                && !exchanges.admits(at(12), KEY, (TOKEN, true))
        );
        assert_eq!(exchanges.expires_next(), None);
        assert!(
            !exchanges.admits(at(1), (AdapterId(1), 7), (TOKEN, false)),
            "another adapter's token"
        );
    }

    #[test]
    fn what_was_meant_for_an_earlier_process_is_not_admitted() {
        // R-RR-12: its adapter counted to the same token.
        let mut exchanges = waiting(true);
        assert!(!exchanges.admits(at(1), KEY, (Some(&Value::Int(2)), false)));
        assert!(!exchanges.admits(at(1), KEY, (None, true)));
        assert!(exchanges.admits(at(1), KEY, (TOKEN, false)), "the wait is still there");
    }
}
