//! A well-behaved receiver, and ways in which it can sin.

#![expect(clippy::wildcard_enum_match_arm, reason = "an adapter answers what it knows")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use floodgate_engine::adapter::{
    AdapterInput, Answer, AsyncAdapter, AsyncBatch, ConfirmOf, ErrorSubject, Returned,
    Transmission, Transport, WireRequest, WireResult,
};
use floodgate_engine::batch::{BatchStatus, Operation, OperationKind, Status, Suspendable};
use floodgate_engine::id::{EndpointId, ReceiveLocationId, TransactionId};
use floodgate_engine::message::{PropertyId, WireMessage};
use floodgate_engine::message_box::{Exchange, OutboundMessage};
use floodgate_engine::time::Duration;

/// What the receiver is like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    pub(crate) transactional: bool,
    pub(crate) two_way: bool,
    pub(crate) sin: Option<Sin>,
}

/// What it does wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sin {
    AnswersTwice,
    CommitsAfterFailure,
    DependsOnBatchSize,
    DoesNotWaitForABatch,
    ExplainsNothing,
    FetchesAfterTerminate,
    ForgetsFailures,
    ForgetsInnocents,
    ForgetsTheLocation,
    GivesUpWhenDoneIsHeld,
    KeepsItsSources,
    MissesEarlyResponses,
    NeverConfirms,
    ReadsOutsideTheTransaction,
    RemovesBeforeBatchComplete,
    SubmitsAfterRemoval,
    SubmitsTwice,
    SuspendsWhatIsSuspended,
    TerminatesAtOnce,
}

/// What the tasks of one adapter share.
#[derive(Debug, Default)]
struct Office {
    style: Style,
    closed: Cell<bool>,
    terminating: Cell<bool>,
    /// Requests whose batch is complete.
    accepted: RefCell<Vec<u64>>,
}

impl Office {
    fn sins(&self, sin: Sin) -> bool {
        self.style.sin == Some(sin)
    }

    /// Whether something new may be begun.
    fn is_open(&self) -> bool {
        let closed = self.closed.get() && !self.sins(Sin::SubmitsAfterRemoval);
        !closed && (!self.terminating.get() || self.sins(Sin::FetchesAfterTerminate))
    }

    fn submit(&self) -> OperationKind {
        if self.style.two_way { OperationKind::SubmitRequest } else { OperationKind::Submit }
    }
}

/// The receiver as an adapter.
pub(crate) fn receiver(style: Style) -> AsyncAdapter {
    AsyncAdapter::new(move |transport| {
        serve(Rc::new(Office { style, ..Office::default() }), transport)
    })
}

async fn serve(office: Rc<Office>, transport: Transport) {
    let mut endpoints = Vec::new();
    loop {
        match transport.next_input().await {
            AdapterInput::AddReceiveEndpoint { location, endpoint, .. } => {
                endpoints.push((location, endpoint));
                transport.watch(location);
            }
            AdapterInput::RemoveReceiveEndpoint { .. } => office.closed.set(true),
            AdapterInput::Arrived { location } if office.is_open() => {
                let endpoint = endpoints.iter().find(|(known, _)| *known == location);
                let (_, endpoint) = *endpoint.expect("an added location");
                transport.spawn(read(office.clone(), transport.clone(), location, endpoint));
            }
            AdapterInput::TransmitMessage { call, message } => {
                transport.returned(call, Returned::Pending);
                transport.spawn(respond(office.clone(), transport.clone(), *message));
            }
            AdapterInput::Terminate { call } => {
                office.terminating.set(true);
                if office.sins(Sin::TerminatesAtOnce) {
                    transport.returned(call, Returned::Terminated);
                } else {
                    transport.terminate(call);
                }
            }
            _ => {}
        }
    }
}

/// Reads a location until it is empty, one batch after another.
async fn read(
    office: Rc<Office>,
    transport: Transport,
    location: ReceiveLocationId,
    endpoint: EndpointId,
) {
    while office.is_open() {
        let transaction = office.style.transactional.then(|| transport.begin_transaction());
        let enlisted = transaction.filter(|_| !office.sins(Sin::ReadsOutsideTheTransaction));
        let fetch = WireRequest::Fetch {
            endpoint,
            location,
            messages: 10,
            bytes: u64::MAX,
            transaction: enlisted,
        };
        let WireResult::Fetched { mut messages, more } = transport.wire(fetch).await else { break };
        if office.sins(Sin::DependsOnBatchSize) {
            messages.truncate(3);
        }
        if !messages.is_empty() && office.is_open() {
            let lot = Lot { messages, endpoint, transaction };
            if office.sins(Sin::DoesNotWaitForABatch) {
                let (office, transport) = (office.clone(), transport.clone());
                transport.clone().spawn(async move { submit(&office, &transport, lot).await });
            } else {
                submit(&office, &transport, lot).await;
            }
        } else if let Some(transaction) = transaction {
            transport.abort(transaction);
        }
        if !more {
            break;
        }
    }
    if office.is_open() {
        transport.watch(location);
    }
}

/// What one fetch brought.
struct Lot {
    messages: Vec<WireMessage>,
    endpoint: EndpointId,
    transaction: Option<TransactionId>,
}

/// Submits until a batch succeeds, then lets go of the sources.
async fn submit(office: &Office, transport: &Transport, lot: Lot) {
    let endpoint = lot.endpoint;
    let mut numbers: Vec<u64> = lot.messages.iter().map(|message| message.number).collect();
    let remove = |numbers| WireRequest::Remove { endpoint, numbers };
    if office.sins(Sin::RemovesBeforeBatchComplete) {
        transport.wire(remove(numbers.clone())).await;
    }
    let mut items: Vec<_> =
        lot.messages.into_iter().map(|message| (message, office.submit())).collect();
    let mut cookies = Vec::new();
    let mut committed = false;
    for _ in 0..4 {
        let stale = items.iter().any(|(_, kind)| *kind == office.submit()) && !office.is_open();
        let Ok(mut batch) = transport.batch() else { break };
        if items.is_empty() || stale {
            break;
        }
        let began = transport.now();
        cookies.push(batch.cookie());
        fill(office, transport, &mut batch, &items);
        let done = match lot.transaction {
            Some(transaction) => batch.done_in(transaction).await,
            None => batch.done().await,
        };
        let Ok(status) = done else { break };
        let careless = office.sins(Sin::CommitsAfterFailure)
            && items.iter().all(|(_, kind)| *kind == OperationKind::MoveToSuspendQueue);
        if status.overall.is_success() || careless {
            committed = true;
            numbers = items.iter().map(|(message, _)| message.number).collect();
            office.accepted.borrow_mut().extend(&numbers);
            suspend_again(office, transport, &items, &status).await;
            break;
        }
        let held = transport.now().since(began) > Duration::from_minutes(1);
        if held && office.sins(Sin::GivesUpWhenDoneIsHeld) {
            return;
        }
        items = filtered(office, items, &status);
        if office.style.two_way {
            refuse(transport, lot.endpoint, &mut items).await;
        }
    }
    match lot.transaction {
        Some(transaction) => end(office, transport, transaction, committed, &cookies).await,
        None if office.sins(Sin::KeepsItsSources) => {}
        None if committed && !office.sins(Sin::RemovesBeforeBatchComplete) => {
            transport.wire(remove(numbers)).await;
        }
        None => {}
    }
}

/// Ends the transaction and tells every confirm object (R-TXN-03).
async fn end(
    office: &Office,
    transport: &Transport,
    transaction: TransactionId,
    commit: bool,
    cookies: &[u64],
) {
    let committed = if commit {
        transport.commit(transaction).await
    } else {
        transport.abort(transaction);
        false
    };
    if !office.sins(Sin::NeverConfirms) {
        cookies.iter().for_each(|cookie| transport.confirm(ConfirmOf::Batch(*cookie), committed));
    }
}

fn fill(
    office: &Office,
    transport: &Transport,
    batch: &mut AsyncBatch,
    items: &[(WireMessage, OperationKind)],
) {
    if office.sins(Sin::SubmitsTwice)
        && let Ok(mut doubled) = transport.batch()
    {
        for (message, _) in items.iter().chain(items.first()) {
            let _ = doubled.submit(message.clone());
        }
        assert!(doubled.post(None).is_err(), "the engine refuses it");
    }
    for (message, kind) in items {
        let message = message.clone();
        match kind {
            OperationKind::Submit => {
                if office.sins(Sin::ForgetsTheLocation) {
                    let mut lost = message.clone();
                    lost.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, None);
                    let _ = batch.submit(lost);
                }
                let status = batch.submit(message);
                assert!(status.is_success(), "it has a location");
            }
            OperationKind::SubmitRequest => batch.add(Operation::SubmitRequest {
                token: message.number,
                request: message,
                first_only: true,
                expires: None,
            }),
            _ => {
                if !office.sins(Sin::ExplainsNothing) {
                    transport.set_error_info(ErrorSubject::Wire(message.number), "not taken");
                }
                batch.add(Operation::MoveToSuspendQueue(Suspendable::Wire(message)));
            }
        }
    }
}

async fn suspend_again(
    office: &Office,
    transport: &Transport,
    items: &[(WireMessage, OperationKind)],
    status: &BatchStatus,
) {
    if !office.sins(Sin::SuspendsWhatIsSuspended) || status.overall == Status::OK {
        return;
    }
    let Ok(mut batch) = transport.batch() else { return };
    for (message, _) in items {
        transport.set_error_info(ErrorSubject::Wire(message.number), "suspended");
        batch.add(Operation::MoveToSuspendQueue(Suspendable::Wire(message.clone())));
    }
    let _ = batch.done().await;
}

/// What is to be done after a failed batch (R-FILT-03).
fn filtered(
    office: &Office,
    items: Vec<(WireMessage, OperationKind)>,
    status: &BatchStatus,
) -> Vec<(WireMessage, OperationKind)> {
    let mut seen = Vec::new();
    let mut again = Vec::new();
    for (message, kind) in items {
        let at = seen.iter().filter(|known| **known == kind).count();
        seen.push(kind);
        let passed = status.of(kind).is_some_and(|of| of.messages[at].is_success());
        match (passed, kind) {
            (true, _) if office.sins(Sin::ForgetsInnocents) => {}
            (true, kind) => again.push((message, kind)),
            (false, OperationKind::MoveToSuspendQueue) => {}
            (false, _) if office.sins(Sin::ForgetsFailures) => {}
            (false, _) => again.push((message, OperationKind::MoveToSuspendQueue)),
        }
    }
    again
}

/// Tells clients instead of suspending their requests.
async fn refuse(
    transport: &Transport,
    endpoint: EndpointId,
    items: &mut Vec<(WireMessage, OperationKind)>,
) {
    for (message, _) in items.extract_if(.., |(_, kind)| *kind == OperationKind::MoveToSuspendQueue)
    {
        let request = message.number;
        transport.wire(WireRequest::Respond { endpoint, request, answer: Answer::Failed }).await;
    }
}

/// Passes a response on to the client that waits for it.
async fn respond(office: Rc<Office>, transport: Transport, message: OutboundMessage) {
    let Exchange::Response { token, .. } = message.exchange else { return };
    let early = !office.accepted.borrow().contains(&token);
    if !(early && office.sins(Sin::MissesEarlyResponses)) {
        let answer = Answer::Response(Transmission::of(&message));
        let respond = WireRequest::Respond { endpoint: EndpointId(0), request: token, answer };
        transport.wire(respond.clone()).await;
        if office.sins(Sin::AnswersTwice) {
            transport.wire(respond).await;
        }
    }
    let Ok(mut batch) = transport.batch() else { return };
    batch.add(Operation::Delete(message.reference));
    let _ = batch.done().await;
}
