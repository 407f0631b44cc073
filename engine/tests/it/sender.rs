//! A well-behaved sender, and ways in which it can sin.

#![expect(clippy::wildcard_enum_match_arm, reason = "an adapter answers what it knows")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use floodgate_engine::adapter::{
    AdapterInput, AsyncAdapter, CallId, ConfirmOf, ErrorSubject, Returned, Transmission, Transport,
    WireRequest, WireResult,
};
use floodgate_engine::batch::{BatchStatus, Operation, OperationKind, Suspendable};
use floodgate_engine::id::{ReferenceId, TransactionId};
use floodgate_engine::message::WireMessage;
use floodgate_engine::message_box::OutboundMessage;
use floodgate_engine::time::{Duration, Instant};

/// What the sender is like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    pub(crate) batched: bool,
    /// Holds the call until the wire is done, and answers by its return.
    pub(crate) blocking: bool,
    pub(crate) transactional: bool,
    pub(crate) sin: Option<Sin>,
}

/// What it does wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sin {
    AnswersFalse,
    BlocksInTransmitMessage,
    CommitsBeforeBatchComplete,
    ConfirmsTwice,
    ConfirmsWrongly,
    DeletesUnsent,
    DeletesWhatWasRefused,
    DependsOnBatchSize,
    DisposesTwice,
    DoesNotSort,
    ExplainsNothing,
    ForgetsFailures,
    ForgetsInnocents,
    GivesUpTooSoon,
    GivesUpUntried,
    GivesUpWhenDoneIsHeld,
    NeverConfirms,
    NeverTerminates,
    RemembersAttempts,
    RepeatsARefusedResubmit,
    ResubmitsInsideTheTransaction,
    ResubmitsTooEarly,
    ResubmitsWhatWasSentWhenTerminated,
    ResubmitsWithoutRetries,
    SaysTrueUnsent,
    SaysTrueWhenRefused,
    SendsAllToOneEndpoint,
    SpansEndpointsInOneTransaction,
    SplitsResponseAndDelete,
    SuspendsWithoutMoving,
    TerminatesAtOnce,
    ThrowsWhenFull,
    TouchesAfterTrue,
    TransmitsBeforeDone,
    TransmitsTwice,
    WaitsForCompany,
}

/// A message with what is to become of it.
#[derive(Clone, Debug)]
struct Outcome {
    message: OutboundMessage,
    reply: Option<WireMessage>,
    kind: OperationKind,
}

/// What the tasks of one adapter share.
#[derive(Debug, Default)]
struct Office {
    style: Style,
    terminating: Cell<bool>,
    /// Lots under way.
    active: Cell<u32>,
    failures: RefCell<Vec<ReferenceId>>,
}

impl Office {
    fn sins(&self, sin: Sin) -> bool {
        self.style.sin == Some(sin)
    }

    /// What `TransmitMessage` of an adapter batch returns.
    fn answer(&self, throws: bool) -> Returned {
        if self.sins(Sin::SaysTrueUnsent) {
            Returned::Sent
        } else if throws {
            Returned::Failed
        } else {
            Returned::Pending
        }
    }
}

/// The sender as an adapter.
pub(crate) fn sender(style: Style) -> AsyncAdapter {
    AsyncAdapter::new(move |transport| {
        serve(Rc::new(Office { style, ..Office::default() }), transport)
    })
}

async fn serve(office: Rc<Office>, transport: Transport) {
    let mut filling: Vec<(CallId, OutboundMessage)> = Vec::new();
    let mut kept = Vec::new();
    let mut last = None;
    loop {
        match transport.next_input().await {
            AdapterInput::BeginBatch { call, .. } => {
                transport.returned(call, Returned::Begun { max: 10, transaction: None });
            }
            AdapterInput::TransmitMessage { call, message } if office.style.batched => {
                let throws = office.sins(Sin::ThrowsWhenFull) && filling.len() >= 5;
                if office.sins(Sin::TransmitsBeforeDone) {
                    transport.spawn(deliver(office.clone(), transport.clone(), vec![*message]));
                } else {
                    filling.push((call, *message));
                }
                transport.returned(call, office.answer(throws));
            }
            AdapterInput::TransmitMessage { call, message } if office.style.blocking => {
                hold(&office, &transport, call, *message).await;
            }
            AdapterInput::TransmitMessage { call, message } => {
                if office.sins(Sin::BlocksInTransmitMessage) {
                    transport.sleep(Duration::from_millis(1)).await;
                }
                transport.returned(call, Returned::Pending);
                transport.spawn(deliver(office.clone(), transport.clone(), vec![*message]));
            }
            AdapterInput::Clear { call } => {
                filling.retain(|(of, _)| *of != call);
                transport.returned(call, Returned::Cleared);
            }
            AdapterInput::Done { call, .. } => {
                let (batch, rest) = filling.drain(..).partition::<Vec<_>, _>(|(of, _)| *of == call);
                filling = rest;
                let mut messages: Vec<_> = batch.into_iter().map(|(_, message)| message).collect();
                transport.returned(call, Returned::Done);
                let now = transport.now();
                let soon = last
                    .replace(now)
                    .is_some_and(|last| now.since(last) < Duration::from_millis(100));
                let idle = office.active.get() == 0 && !messages.iter().any(|one| one.on_backup);
                if office.sins(Sin::WaitsForCompany) && soon && idle && kept.is_empty() {
                    kept = messages;
                    continue;
                }
                messages.append(&mut kept);
                if office.sins(Sin::SaysTrueUnsent) {
                    continue;
                }
                transmit(&office, &transport, messages);
            }
            AdapterInput::Terminate { call } => {
                office.terminating.set(true);
                if office.sins(Sin::TerminatesAtOnce) {
                    transport.returned(call, Returned::Terminated);
                } else if !office.sins(Sin::NeverTerminates) {
                    transport.terminate(call);
                }
            }
            _ => {}
        }
    }
}

/// Answers a call with what the wire says.
async fn hold(office: &Rc<Office>, transport: &Transport, call: CallId, message: OutboundMessage) {
    if office.sins(Sin::AnswersFalse) {
        transport.returned(call, Returned::Pending);
        return transport.spawn(deliver(office.clone(), transport.clone(), vec![message]));
    }
    if office.sins(Sin::SaysTrueUnsent) {
        return transport.returned(call, Returned::Sent);
    }
    let attempt = WireRequest::Transmit(Transmission::of(&message));
    let sent = matches!(transport.wire(attempt).await, WireResult::Sent);
    let said = sent || office.sins(Sin::SaysTrueWhenRefused);
    transport.returned(call, if said { Returned::Sent } else { Returned::Failed });
    if office.sins(Sin::TouchesAfterTrue) {
        transport.set_error_info(ErrorSubject::Reference(message.reference), "sent");
    }
}

/// One task an endpoint, so that each has a connection and a transaction of its own.
fn transmit(office: &Rc<Office>, transport: &Transport, mut messages: Vec<OutboundMessage>) {
    let start = |lot| transport.spawn(deliver(office.clone(), transport.clone(), lot));
    if office.sins(Sin::DoesNotSort) {
        return start(messages);
    }
    if office.sins(Sin::SendsAllToOneEndpoint)
        && let Some(endpoint) = messages.first().map(|message| message.endpoint)
    {
        messages.iter_mut().for_each(|message| message.endpoint = endpoint);
    }
    if office.sins(Sin::DependsOnBatchSize) && messages.len() > 3 {
        messages.truncate(3);
    }
    messages.sort_by_key(|message| message.endpoint);
    if office.sins(Sin::SpansEndpointsInOneTransaction) {
        return start(messages);
    }
    while let Some(endpoint) = messages.first().map(|message| message.endpoint) {
        let others = messages.iter().position(|message| message.endpoint != endpoint);
        let rest = messages.split_off(others.unwrap_or(messages.len()));
        start(std::mem::replace(&mut messages, rest));
    }
}

async fn deliver(office: Rc<Office>, transport: Transport, lot: Vec<OutboundMessage>) {
    office.active.update(|active| active + 1);
    attempt(&office, transport, lot).await;
    office.active.update(|active| active - 1);
}

async fn attempt(office: &Office, transport: Transport, lot: Vec<OutboundMessage>) {
    let transaction = office.style.transactional.then(|| transport.begin_transaction());
    let mut outcomes = Vec::new();
    for message in lot {
        let attempt = Transmission { transaction, ..Transmission::of(&message) };
        let untried = office.sins(Sin::GivesUpUntried) && message.retries_left == 0;
        if office.sins(Sin::DeletesUnsent) || untried {
            let kind = if untried {
                office.after_failure(&transport, &message)
            } else {
                OperationKind::Delete
            };
            outcomes.push(Outcome { message, reply: None, kind });
            continue;
        }
        if office.sins(Sin::TransmitsTwice) {
            transport.wire(WireRequest::Transmit(attempt)).await;
        }
        let (kind, reply) = match transport.wire(WireRequest::Transmit(attempt)).await {
            WireResult::Refused if office.sins(Sin::DeletesWhatWasRefused) => {
                (OperationKind::Delete, None)
            }
            WireResult::Sent => (OperationKind::Delete, None),
            WireResult::Replied(reply) => (OperationKind::Delete, Some(*reply)),
            _ => (office.after_failure(&transport, &message), None),
        };
        outcomes.push(Outcome { message, reply, kind });
    }
    if office.sins(Sin::ForgetsFailures) {
        outcomes.retain(|outcome| outcome.kind == OperationKind::Delete);
    }
    if office.sins(Sin::ResubmitsWhatWasSentWhenTerminated) && office.terminating.get() {
        outcomes.iter_mut().for_each(|outcome| outcome.kind = OperationKind::Resubmit);
    }
    let Some(transaction) = transaction else {
        return dispose(office, &transport, outcomes).await;
    };
    let all = office.sins(Sin::ResubmitsInsideTheTransaction)
        && outcomes.iter().all(|one| one.kind == OperationKind::Resubmit);
    let (inside, mut outside) =
        outcomes.into_iter().partition::<Vec<_>, _>(|one| all || one.kind == OperationKind::Delete);
    outside.extend(conclude(office, &transport, inside, transaction).await);
    dispose(office, &transport, outside).await;
}

impl Office {
    fn after_failure(&self, transport: &Transport, message: &OutboundMessage) -> OperationKind {
        if !self.sins(Sin::ExplainsNothing) {
            transport.set_error_info(ErrorSubject::Reference(message.reference), "refused");
        }
        let seen = self.failures.borrow().contains(&message.reference);
        self.failures.borrow_mut().push(message.reference);
        let last = message.retries_left == 0;
        if (self.sins(Sin::RemembersAttempts) && seen)
            || (self.sins(Sin::SuspendsWithoutMoving) && last)
        {
            OperationKind::MoveToSuspendQueue
        } else if self.sins(Sin::GivesUpTooSoon) && message.retries_left == 1 {
            OperationKind::MoveToNextTransport
        } else if message.retries_left > 0 || self.sins(Sin::ResubmitsWithoutRetries) {
            OperationKind::Resubmit
        } else {
            OperationKind::MoveToNextTransport
        }
    }

    fn operations(&self, now: Instant, outcome: &Outcome) -> Vec<Operation> {
        let reference = outcome.message.reference;
        let wait = if self.sins(Sin::ResubmitsTooEarly) {
            Duration::from_secs(1)
        } else {
            outcome.message.retry_interval
        };
        let end = match outcome.kind {
            OperationKind::Delete => Operation::Delete(reference),
            OperationKind::Resubmit => Operation::Resubmit { reference, at: now + wait },
            OperationKind::MoveToNextTransport => Operation::MoveToNextTransport(reference),
            _ => Operation::MoveToSuspendQueue(Suspendable::Reference(reference)),
        };
        let response = outcome.reply.clone().filter(|_| outcome.kind == OperationKind::Delete);
        let response =
            response.map(|response| Operation::SubmitResponse { solicit: reference, response });
        response.into_iter().chain([end]).collect()
    }
}

/// Posts what was sent inside the transaction and ends it; gives back what did not happen.
async fn conclude(
    office: &Office,
    transport: &Transport,
    outcomes: Vec<Outcome>,
    transaction: TransactionId,
) -> Vec<Outcome> {
    if outcomes.is_empty() {
        transport.abort(transaction);
        return outcomes;
    }
    let Ok(mut batch) = transport.batch() else { return Vec::new() };
    let cookie = batch.cookie();
    for operation in outcomes.iter().flat_map(|one| office.operations(transport.now(), one)) {
        batch.add(operation);
    }
    let committed = if office.sins(Sin::CommitsBeforeBatchComplete) {
        let posted = batch.post(Some(transaction)).expect("the batch is well filled");
        let committed = transport.commit(transaction).await;
        posted.complete().await.expect("Done succeeded");
        committed
    } else {
        let status = batch.done_in(transaction).await.expect("the batch is well filled");
        if status.overall.is_success() {
            transport.commit(transaction).await
        } else {
            transport.abort(transaction);
            false
        }
    };
    if !office.sins(Sin::NeverConfirms) {
        let said = committed || office.sins(Sin::ConfirmsWrongly);
        transport.confirm(ConfirmOf::Batch(cookie), said);
    }
    if office.sins(Sin::ConfirmsTwice) {
        transport.confirm(ConfirmOf::Batch(cookie), committed);
    }
    if committed {
        return Vec::new();
    }
    let again = |one: Outcome| {
        let sent = one.kind == OperationKind::Delete;
        let kind = if sent { OperationKind::Resubmit } else { OperationKind::MoveToNextTransport };
        Outcome { kind, reply: None, ..one }
    };
    outcomes.into_iter().map(again).collect()
}

/// Posts outcomes until a batch succeeds, by the decision table (R-FILT-03).
async fn dispose(office: &Office, transport: &Transport, mut outcomes: Vec<Outcome>) {
    for _ in 0..4 {
        if outcomes.is_empty() {
            return;
        }
        if office.sins(Sin::SplitsResponseAndDelete) {
            split_responses(transport, &mut outcomes).await;
        }
        let began = transport.now();
        let Ok(mut batch) = transport.batch() else { return };
        for operation in outcomes.iter().flat_map(|one| office.operations(began, one)) {
            batch.add(operation);
        }
        let Ok(status) = batch.done().await else { return };
        if status.overall.is_success() {
            break;
        }
        let held = transport.now().since(began) > Duration::from_minutes(1);
        if held && office.sins(Sin::GivesUpWhenDoneIsHeld) {
            return;
        }
        outcomes = filtered(office, outcomes, &status);
    }
    if office.sins(Sin::DisposesTwice)
        && let Some(first) = outcomes.first()
        && first.kind == OperationKind::Delete
        && first.reply.is_none()
        && let Ok(mut batch) = transport.batch()
    {
        batch.add(Operation::Delete(first.message.reference));
        let _ = batch.done().await;
    }
}

async fn split_responses(transport: &Transport, outcomes: &mut [Outcome]) {
    for one in outcomes {
        let Some(response) = one.reply.take() else { continue };
        let Ok(mut batch) = transport.batch() else { return };
        batch.add(Operation::SubmitResponse { solicit: one.message.reference, response });
        let _ = batch.done().await;
    }
}

/// What is to be done after a failed batch.
fn filtered(office: &Office, outcomes: Vec<Outcome>, status: &BatchStatus) -> Vec<Outcome> {
    let mut seen = Vec::new();
    let mut next = |kind: OperationKind| {
        let at = seen.iter().filter(|known| **known == kind).count();
        seen.push(kind);
        status.of(kind).is_some_and(|of| of.messages[at].is_success())
    };
    let mut again = Vec::new();
    for one in outcomes {
        let kind = match (next(one.kind), one.kind) {
            (true, _) if office.sins(Sin::ForgetsInnocents) => continue,
            (true, kind) => kind,
            (false, OperationKind::Resubmit) if office.sins(Sin::RepeatsARefusedResubmit) => {
                OperationKind::Resubmit
            }
            (false, OperationKind::Resubmit) => OperationKind::MoveToNextTransport,
            (false, OperationKind::MoveToNextTransport) => OperationKind::MoveToSuspendQueue,
            (false, _) => continue,
        };
        again.push(Outcome { kind, ..one });
    }
    again
}
