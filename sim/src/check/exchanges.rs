//! Checks on two-way exchanges and on what the engine makes itself: INV-22, 26, 41, 49…51, 62, 64.
//!
//! Requests and replies are known from the batches that adapters post, answers from the calls
//! that bring them; of the engine's effects only what opens and closes a wait is believed, and it
//! has to agree with those.

use std::hint::cold_path;

use floodgate_engine::batch::{Batch, BatchStatus, Operation, OperationKind};
use floodgate_engine::config::Topology;
use floodgate_engine::id::{HostInstanceId, ReferenceId, SubscriberId};
use floodgate_engine::message::DocumentName;
use floodgate_engine::message_box::{
    Closing, Effect, Exchange, MessageBox, OutboundMessage, Place, Reason, Waiting,
};
use floodgate_engine::orchestration::SENT_BY_ORCHESTRATIONS;
use floodgate_engine::time::{Duration, Instant};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Checks, Docket, Rule};

/// How far a request came.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stage {
    /// In a batch that is not complete.
    #[default]
    Posted,
    /// Its wait is open.
    Open,
    /// Its subscription is gone; its answer may be on its way.
    Closed,
}

/// What the checks know of a request.
#[derive(Clone, Debug)]
struct Known {
    request: u64,
    /// The batch that submits it.
    cookie: u64,
    /// When it expires, once that is known.
    expires: Option<Instant>,
    first_only: bool,
    stage: Stage,
    answers: u32,
    faults: u32,
    /// When it was withdrawn.
    withdrawn: Option<Instant>,
    /// The process that made it is gone.
    died: bool,
    /// It, or what became of it, was suspended: a fault is due at any time.
    failed: bool,
    /// An operator took its response or its fault away.
    taken_away: bool,
}

/// A reply that an adapter submitted.
#[derive(Clone, Copy, Debug)]
struct Submitted {
    solicit: ReferenceId,
    /// Whether the solicit is a request of a client, or was sent for one.
    correlated: bool,
    /// Whether the solicit is deleted in the same batch.
    with_delete: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Exchanges {
    /// By adapter instance and token.
    known: FxHashMap<(u32, u64), Known>,
    /// The request of every number.
    requests: FxHashMap<u64, (u32, u64)>,
    replies: FxHashMap<u64, Submitted>,
    /// Batches that withdraw requests and are not complete, with the tokens of those.
    withdrawals: FxHashMap<(u32, u64), Vec<u64>>,
    /// Responses and faults that closed a wait, by publication order: whose they are.
    answer_to: FxHashMap<u64, (u32, u64)>,
    /// Negative acknowledgements whose references are still to come: whose request failed.
    faults: FxHashMap<DocumentName, (u32, u64)>,
    /// Negative acknowledgements of responses that failed on their way to a client: what they
    /// close was not over (R-RR-08).
    excuses: FxHashSet<DocumentName>,
    /// Solicits that are requests of clients, or were sent for them.
    asked: FxHashSet<ReferenceId>,
    /// Orchestrations whose messages go on with the exchange of what they received, by subscriber.
    carries: Vec<bool>,
    /// Solicits whose reply was submitted without their deletion.
    replied_alone: FxHashSet<ReferenceId>,
    open: usize,
    /// Node of (host instance, adapter).
    node_of: Vec<u32>,
    adapters: usize,
    /// Default time-out and "allow multiple responses", by host instance.
    hosts: Vec<(Duration, bool)>,
    /// How long calls of the engine are on their way to adapters (R-CLK-02).
    calls_take: Duration,
    /// Host instance of every adapter instance.
    instance_of: FxHashMap<u32, HostInstanceId>,
    first_response: usize,
}

impl Exchanges {
    pub(super) fn new(topology: &Topology, node_of: &[u32]) -> Self {
        let adapters = topology.adapters.len();
        let hosts = topology.host_instances.iter().map(|instance| {
            let own = topology.exchanges.of_host(instance.host);
            (own.default_timeout(), own.allow_multiple)
        });
        let places = node_of.iter().enumerate();
        Self {
            node_of: node_of.to_vec(),
            adapters,
            hosts: hosts.collect(),
            instance_of: places
                .map(|(at, node)| (*node, HostInstanceId::from(at / adapters.max(1))))
                .collect(),
            first_response: topology.send_ports.len() + topology.orchestrations.len(),
            carries: std::iter::repeat_n(false, topology.send_ports.len())
                .chain(topology.orchestrations.iter().map(|own| own.program.answer.is_none()))
                .collect(),
            ..Self::default()
        }
    }

    fn node(&self, waiting: &Waiting) -> u32 {
        self.node_of[waiting.owner.index() * self.adapters + waiting.adapter.index()]
    }

    fn of(&mut self, waiting: &Waiting) -> Option<&mut Known> {
        let key = (self.node(waiting), waiting.token);
        self.known.get_mut(&key).filter(|known| known.request == waiting.request)
    }

    /// Whether nothing two-way was ever seen: then there is nothing to judge.
    fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.replies.is_empty()
    }

    /// A blocking call with a solicit ended: whether its reply was submitted before. If the call
    /// failed then, the partner is asked again (R-SR-05).
    pub(super) fn was_replied_alone(&mut self, solicit: ReferenceId) -> bool {
        !self.replied_alone.is_empty() && self.replied_alone.remove(&solicit)
    }

    /// The transaction in which these were submitted was aborted: nobody asked (R-TXN-10).
    pub(super) fn never_requested<'a>(&mut self, numbers: impl Iterator<Item = &'a u64>) {
        for number in numbers {
            if let Some(key) = self.requests.get(number)
                && self.known.get(key).is_some_and(|known| known.stage == Stage::Posted)
            {
                self.known.remove(key);
                self.requests.remove(number);
            }
        }
    }

    fn is_response(&self, subscriber: SubscriberId) -> bool {
        subscriber.index() >= self.first_response
    }

    /// INV-62: neither a request nor a response is ever resumable.
    fn suspended(
        &mut self,
        docket: &mut Docket,
        document: DocumentName,
        at: Option<&Place>,
        resumable: bool,
    ) {
        // A reply that nobody asked for is published like any message (R-SR-07).
        let reply = |reply: &Submitted| at.is_none() || reply.correlated;
        let two_way = self.requests.contains_key(&document.wire)
            || self.replies.get(&document.wire).is_some_and(reply)
            || at.is_some_and(|at| self.is_response(at.subscriber));
        if two_way {
            docket.judge(Rule::TwoWayNotResumable, !resumable, || {
                format!("{document} is part of a two-way exchange and suspended resumable")
            });
        }
        self.failed(document);
    }

    /// What was to be suspended: if it is a request, its client is owed a fault.
    fn failed(&mut self, document: DocumentName) {
        if let Some(key) = self.requests.get(&document.wire)
            && let Some(known) = self.known.get_mut(key)
        {
            known.failed = true;
        }
    }

    /// One effect, at its place among those of its commit.
    fn effect(&mut self, docket: &mut Docket, effect: &Effect, (at, all): (usize, &[Effect])) {
        if let Effect::ExchangeOpened { waiting } = effect {
            self.opened(docket, waiting);
        } else if let Effect::ExchangeClosed { waiting, by } = effect {
            let before = at.checked_sub(1).and_then(|at| all.get(at));
            if let Some(Effect::Referenced { at, .. }) = before
                && self.excuses.remove(&at.document)
                && let Some(known) = self.of(waiting)
            {
                known.failed = true;
            }
            self.closed(docket, waiting, *by);
            let answers = matches!(by, Closing::Fault | Closing::Response);
            if let Some(Effect::Referenced { at, .. }) = before.filter(|_| answers) {
                self.answer_to.insert(at.sequence, (self.node(waiting), waiting.token));
            }
        } else if let Effect::Acknowledgement { document, of, sequence, positive } = effect {
            let wanted = matches!(all.get(at + 1),
                Some(Effect::Published { document: published, references: 1.., .. })
                    if published == document);
            docket.judge(Rule::OneReportPerFailure, wanted, || {
                format!("{document} acknowledges {of} and nobody subscribes to it")
            });
            if !positive {
                self.acknowledged(docket, *of, *sequence, all);
                self.excuse(*document, *sequence, all);
                let own = self.answer_to.get(sequence).or_else(|| self.requests.get(&of.wire));
                if let Some(key) = own.copied() {
                    self.faults.insert(*document, key);
                }
            }
        } else if let Effect::RoutingFailureReport { document } = effect {
            docket.judge(Rule::OneReportPerFailure, !document.is_made(), || {
                format!("a routing failure report for {document}, which the engine made")
            });
        } else if self.is_idle() {
            // Nothing two-way was ever seen.
        } else if let Effect::Referenced { at, .. } = effect {
            self.carried_on(at);
            self.fault_goes(at);
        } else if let Effect::Terminated { at } = effect {
            self.taken_away(at);
        } else if let Effect::SuspendedReference { at, resumable, reason } = effect {
            if *reason == Reason::Operator {
                self.taken_away(at);
            }
            // An operator's hold, or a stopped port's, is none of the exchange's doing.
            let held = Reason::BackupTransport;
            if !matches!(reason, Reason::Operator | Reason::PortStopped) && *reason != held {
                self.suspended(docket, at.document, Some(at), *resumable);
                // A response that fails in its send pipeline is made good for by a fault.
                let undone = matches!(reason, Reason::Map | Reason::SendPipeline);
                let key = self.answer_to.get(&at.sequence).filter(|_| undone);
                if let Some(known) = key.and_then(|key| self.known.get_mut(key)) {
                    known.failed = true;
                }
            }
        } else if let Effect::SuspendedMessage { document, resumable, .. } = effect {
            self.suspended(docket, *document, None, *resumable);
        } else if let Effect::RoutedMessage { document, .. } = effect {
            self.failed(*document);
        } else if let Effect::RoutedReference { at, .. } = effect {
            // R-FMR-09: an error message takes the place of the suspension, not of the fault.
            self.failed(at.document);
        }
    }

    /// A request reaches an orchestration: what that sends is the request's matter, too (R-RR-08).
    fn carried_on(&mut self, at: &Place) {
        let carries = self.carries.get(at.subscriber.index()).copied().unwrap_or_default();
        if carries && let Some(key) = self.requests.get(&at.document.wire).copied() {
            self.requests.insert(SENT_BY_ORCHESTRATIONS + at.sequence, key);
        }
    }

    /// A fault goes to whoever waits, also where the wait was over before: his response is late.
    fn fault_goes(&mut self, at: &Place) {
        if !self.faults.is_empty()
            && self.is_response(at.subscriber)
            && let Some(key) = self.faults.remove(&at.document)
        {
            self.answer_to.insert(at.sequence, key);
        }
    }

    /// An operator suspends or terminates an answer on its way: whoever waits for it may get none.
    fn taken_away(&mut self, at: &Place) {
        if let Some(key) = self.answer_to.get(&at.sequence)
            && let Some(known) = self.known.get_mut(key)
        {
            known.taken_away = true;
        }
    }

    /// Who takes many responses still waits when one of them fails on its way to him: its negative
    /// acknowledgement may end the exchange before its time (INV-50).
    fn excuse(&mut self, document: DocumentName, sequence: u64, all: &[Effect]) {
        let undone = all.iter().any(|effect| {
            matches!(effect,
                Effect::SuspendedReference { at, reason: Reason::Map | Reason::SendPipeline, .. }
                    if at.sequence == sequence && self.is_response(at.subscriber))
        });
        if undone {
            self.excuses.insert(document);
        }
    }

    #[cold]
    fn completed_withdrawal(&mut self, now: Instant, node: u32, status: &BatchStatus) {
        let tokens = self.withdrawals.remove(&(node, status.cookie)).unwrap_or_default();
        if !status.overall.is_success() {
            return;
        }
        for token in tokens {
            if let Some(known) = self.known.get_mut(&(node, token)) {
                known.withdrawn.get_or_insert(now);
            }
        }
    }

    fn opened(&mut self, docket: &mut Docket, waiting: &Waiting) {
        let timeout = self.hosts[waiting.owner.index()].0;
        self.open += 1;
        let now = docket.now;
        let known = self.of(waiting);
        let posted = known.as_ref().is_some_and(|known| known.stage == Stage::Posted);
        docket.judge(Rule::WaitsWhileOpen, posted, || {
            format!("a wait opens for m{}, which nobody submitted", waiting.request)
        });
        if let Some(known) = known {
            known.stage = Stage::Open;
            known.expires.get_or_insert(now + timeout);
        }
    }

    fn closed(&mut self, docket: &mut Docket, waiting: &Waiting, by: Closing) {
        self.open = self.open.wrapping_sub(1);
        let now = docket.now;
        let known = self.of(waiting);
        let kept = known.as_ref().is_some_and(|known| {
            known.stage == Stage::Open
                && match by {
                    Closing::Cancel => true,
                    Closing::Death => known.died,
                    Closing::Expiry => known.expires.is_some_and(|at| at <= now),
                    Closing::Fault => known.failed || known.expires.is_some_and(|at| at <= now),
                    Closing::Response => known.first_only,
                }
        });
        docket.judge(Rule::WaitsWhileOpen, kept, || {
            format!("the wait of m{} is closed by {by:?}: {known:?}", waiting.request)
        });
        if let Some(known) = self.of(waiting) {
            known.stage = Stage::Closed;
            if by == Closing::Cancel {
                known.withdrawn.get_or_insert(now);
            }
        }
    }

    /// INV-64: a negative acknowledgement belongs to one suspension, or to the error message in its
    /// place (R-FMR-09), and to its transaction; only that of a request which nobody answered in
    /// time belongs to none.
    fn acknowledged(
        &self,
        docket: &mut Docket,
        of: DocumentName,
        sequence: u64,
        effects: &[Effect],
    ) {
        let is_it = |effect: &&Effect| {
            matches!(effect,
                Effect::SuspendedReference { at, .. } | Effect::RoutedReference { at, .. }
                    if at.document == of && at.sequence == sequence)
                || matches!(effect,
                    Effect::SuspendedMessage { document, .. }
                    | Effect::RoutedMessage { document, .. }
                        if *document == of && sequence == 0)
        };
        let is_nack = |effect: &&Effect| {
            matches!(effect, Effect::Acknowledgement { of: known, sequence: number, positive, .. }
                if *known == of && *number == sequence && !positive)
        };
        let suspensions = effects.iter().filter(is_it).count();
        let nacks = effects.iter().filter(is_nack).count();
        let timed_out = usize::from(sequence == 0 && self.requests.contains_key(&of.wire));
        docket.judge(Rule::OneNackPerSuspension, nacks <= suspensions.max(timed_out), || {
            format!("{nacks} negative acknowledgements of {of}, suspended {suspensions} times")
        });
    }

    /// INV-41: what one transaction did to a reply and to its solicit.
    fn replied(&self, docket: &mut Docket, effects: &[Effect]) {
        for effect in effects {
            let Effect::Published { document, .. } = effect else { continue };
            let Some(reply) = self.replies.get(&document.wire).filter(|reply| reply.with_delete)
            else {
                continue;
            };
            let deleted = effects.iter().any(
                |effect| matches!(effect, Effect::Deleted { at } if at.reference == reply.solicit),
            );
            docket.judge(Rule::ReplyWithDelete, deleted, || {
                format!("{document} was published, its solicit not deleted")
            });
        }
    }
}

impl Checks {
    /// Calls of the engine take so long to come to an adapter.
    pub(crate) fn calls_take(&mut self, to_adapter: Duration) {
        self.exchanges.calls_take = to_adapter;
    }

    /// An adapter posted a batch.
    pub(super) fn posted_exchanges(&mut self, node: u32, batch: &Batch) {
        let own = &mut self.exchanges;
        for operation in batch.operations() {
            match operation {
                Operation::SubmitRequest { request, token, first_only, expires } => {
                    let allowed =
                        own.instance_of.get(&node).is_some_and(|at| own.hosts[at.index()].1);
                    let known = Known {
                        request: request.number,
                        cookie: batch.cookie(),
                        expires: *expires,
                        first_only: *first_only || !allowed,
                        stage: Stage::Posted,
                        answers: 0,
                        faults: 0,
                        withdrawn: None,
                        died: false,
                        failed: false,
                        taken_away: false,
                    };
                    own.known.insert((node, *token), known);
                    own.requests.insert(request.number, (node, *token));
                }
                Operation::SubmitResponse { solicit, response } => {
                    let with_delete = batch
                        .operations()
                        .iter()
                        .any(|other| matches!(other, Operation::Delete(known) if known == solicit));
                    if !with_delete {
                        own.replied_alone.insert(*solicit);
                    }
                    let correlated = own.asked.contains(solicit);
                    let submitted = Submitted { solicit: *solicit, correlated, with_delete };
                    own.replies.insert(response.number, submitted);
                }
                Operation::CancelResponse { token } => {
                    own.withdrawals.entry((node, batch.cookie())).or_default().push(*token);
                }
                Operation::Delete(_)
                | Operation::MoveToNextTransport(_)
                | Operation::MoveToSuspendQueue(_)
                | Operation::Resubmit { .. }
                | Operation::Submit(_) => {}
            }
        }
    }

    /// A batch is complete: what failed in it has no answer, and what it withdrew has none any
    /// more, even if its wait was over already (INV-49).
    pub(super) fn completed_exchanges(&mut self, node: u32, status: &BatchStatus) {
        if !self.exchanges.withdrawals.is_empty() {
            self.exchanges.completed_withdrawal(self.docket.now, node, status);
        }
        if status.of(OperationKind::SubmitRequest).is_none() || status.overall.is_success() {
            return;
        }
        let own = &mut self.exchanges;
        let docket = &mut self.docket;
        let failed = own.known.iter().filter(|((at, _), known)| {
            *at == node && known.cookie == status.cookie && known.stage == Stage::Posted
        });
        let mut failed: Vec<_> = failed.map(|(key, known)| (*key, known.clone())).collect();
        failed.sort_unstable_by_key(|(key, _)| *key);
        for (key, known) in failed {
            docket.judge(Rule::OneEndPerRequest, known.answers + known.faults == 0, || {
                format!("m{} failed to be submitted and was answered", known.request)
            });
            own.known.remove(&key);
        }
    }

    /// An adapter is handed an answer (INV-49…51).
    #[inline(always)]
    pub(super) fn answer(&mut self, node: u32, message: &OutboundMessage) {
        if message.exchange == Exchange::OneWay {
            return;
        }
        cold_path();
        let Exchange::Response { token, fault } = message.exchange else {
            if self.exchanges.requests.contains_key(&message.document.wire) {
                self.exchanges.asked.insert(message.reference);
            }
            return;
        };
        let now = self.docket.now;
        let docket = &mut self.docket;
        let name = message.document;
        let known = self.exchanges.known.get_mut(&(node, token));
        docket.judge(Rule::AnswerComesHome, known.is_some(), || {
            format!("{name} answers a request that adapter {node} never made")
        });
        let Some(known) = known else { return };
        let before = (known.answers, known.faults);
        // The engine answers when it makes the call, not when that comes to the adapter.
        let expired = known.expires.is_some_and(|at| at + self.exchanges.calls_take <= now);
        let in_time = if fault { expired || known.failed } else { !expired };
        docket.judge(Rule::AnswerInTime, in_time && known.stage != Stage::Posted, || {
            format!("{name} (fault: {fault}) answers m{} at {now}: {known:?}", known.request)
        });
        // Who takes many answers may hear of one subscriber's failure after another's answer
        // (R-RR-08, R-RR-10); that nothing more comes in time is no failure then.
        let may_follow = !known.first_only && (!fault || known.failed);
        let first = known.faults == 0 && (known.answers == 0 || may_follow);
        // So it is with a withdrawal: what was called before may come after it.
        let calls_take = self.exchanges.calls_take;
        let withdrawn =
            known.withdrawn.is_some_and(|at| calls_take.is_zero() || at + calls_take < now);
        docket.judge(Rule::OneEndPerRequest, first && !withdrawn, || {
            format!("{name} answers m{} after {before:?}: {known:?}", known.request)
        });
        if fault {
            known.faults += 1;
        } else {
            known.answers += 1;
        }
    }

    /// An adapter instance is gone with its process: that is the end of its requests (INV-49).
    pub(super) fn requests_ended(&mut self, node: u32) {
        let own = self.exchanges.known.iter_mut().filter(|((of, _), _)| *of == node);
        own.for_each(|(_, known)| known.died = true);
    }

    /// The adapter of a place among (host instance, adapter) is another object from now on.
    pub(crate) fn renewed(&mut self, place: usize, node: u32, instance: HostInstanceId) {
        self.exchanges.node_of[place] = node;
        self.exchanges.instance_of.insert(node, instance);
    }

    /// Whether a document is the reply of a partner to a solicit.
    pub(super) fn is_reply(&self, document: DocumentName) -> bool {
        self.exchanges.replies.contains_key(&document.wire)
    }

    /// Whether some reply was seen whose delivery is still to come.
    pub(super) fn expects_replies(&self) -> bool {
        !self.exchanges.replies.is_empty()
    }

    /// What a commit means for two-way exchanges.
    pub(super) fn exchange_effects(&mut self, effects: &[Effect]) {
        let (own, docket) = (&mut self.exchanges, &mut self.docket);
        for (at, effect) in effects.iter().enumerate() {
            own.effect(docket, effect, (at, effects));
        }
        if !own.replies.is_empty() {
            own.replied(docket, effects);
        }
    }

    /// The waits that the MessageBox has, against those that were opened and not closed.
    pub(super) fn audit_exchanges(&mut self, message_box: &MessageBox) {
        if self.exchanges.is_idle() {
            return;
        }
        let (own, theirs) = (self.exchanges.open, message_box.open_waits_count());
        self.docket.judge(Rule::WaitsWhileOpen, own == theirs, || {
            format!("{own} waits should be open, the MessageBox has {theirs}")
        });
    }

    /// Nothing is left to do: every request came to its one end (INV-49).
    pub(super) fn exchanges_ended(&mut self) {
        let mut left: Vec<&Known> = (self.exchanges.known.values())
            .filter(|known| known.answers + known.faults == 0)
            .filter(|known| known.withdrawn.is_none() && !known.died && !known.taken_away)
            .collect();
        left.sort_unstable_by_key(|known| known.request);
        let (requests, open) = (self.exchanges.requests.len(), self.exchanges.open);
        if requests > 0 {
            self.docket.judge(Rule::WaitsWhileOpen, open == 0, || {
                format!("{open} of {requests} requests still wait at the end")
            });
            self.docket.judge(Rule::OneEndPerRequest, left.is_empty(), || {
                format!("{} of {requests} requests have no end: {left:?}", left.len())
            });
        }
    }
}
