//! A dialogue with an adapter at its desk: what it is told, and what it wants, in words.

#![expect(clippy::wildcard_enum_match_arm, reason = "words for what is of interest")]

use std::collections::BTreeMap;

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AdapterOutput, Answer, CallId, ConfirmOf, ErrorSubject, Returned,
    WireRequest, WireResult,
};
use floodgate_engine::batch::{Batch, BatchStatus, Operation, Status, Suspendable};
use floodgate_engine::id::{EndpointId, ReceiveLocationId, TransactionId};
use floodgate_engine::message::WireMessage;
use floodgate_engine::message_box::OutboundMessage;
use floodgate_engine::time::{Duration, Instant};

use crate::bench::wire;
use crate::desk::{Desk, complete};

/// An adapter, its desk, and the batches that it posted, by cookie.
pub(crate) struct Dialogue<A> {
    pub(crate) desk: Desk<A>,
    batches: BTreeMap<u64, Batch>,
}

impl<A: Adapter> Dialogue<A> {
    pub(crate) fn with(adapter: A) -> Self {
        Self { desk: Desk::new(adapter), batches: BTreeMap::new() }
    }

    /// It is so many seconds after the beginning.
    pub(crate) fn at(&mut self, seconds: u64) {
        self.desk.now = Instant::ZERO + Duration::from_secs(seconds);
    }

    /// What it wants when it is told this: one thing after another, in words.
    pub(crate) fn tell(&mut self, input: AdapterInput) -> String {
        let outputs = self.desk.tell(input);
        let now = self.desk.now;
        for output in &outputs {
            if let AdapterOutput::Done { batch, .. } = output {
                self.batches.insert(batch.cookie(), batch.clone());
            }
        }
        let words: Vec<String> = outputs.iter().map(|output| word(now, output)).collect();
        words.join("; ")
    }

    pub(crate) fn add(&mut self, location: u32) -> String {
        let (location, endpoint) = (ReceiveLocationId(location), EndpointId(location));
        self.tell(AdapterInput::AddReceiveEndpoint { location, endpoint, two_way: false })
    }

    pub(crate) fn remove(&mut self, location: u32) -> String {
        self.tell(AdapterInput::RemoveReceiveEndpoint { location: ReceiveLocationId(location) })
    }

    pub(crate) fn arrived(&mut self, location: u32) -> String {
        self.tell(AdapterInput::Arrived { location: ReceiveLocationId(location) })
    }

    pub(crate) fn wake(&mut self, token: u64) -> String {
        self.tell(AdapterInput::Wake { token })
    }

    pub(crate) fn wired(&mut self, token: u64, result: WireResult) -> String {
        self.tell(AdapterInput::WireDone { token, result })
    }

    pub(crate) fn fetched<const N: usize>(
        &mut self,
        token: u64,
        numbers: [u64; N],
        more: bool,
    ) -> String {
        let messages: Vec<WireMessage> = numbers.into_iter().map(wire).collect();
        self.wired(token, WireResult::Fetched { messages, more })
    }

    pub(crate) fn done(&mut self, cookie: u64, status: Status) -> String {
        self.tell(AdapterInput::DoneReturned { cookie, status })
    }

    /// `BatchComplete` with these statuses, operation by operation.
    pub(crate) fn complete<const N: usize>(
        &mut self,
        cookie: u64,
        statuses: [Status; N],
    ) -> String {
        let batch = self.batches.remove(&cookie).expect("it was posted");
        self.tell(complete(&batch, &statuses))
    }

    /// `BatchComplete` of a batch that failed, and no operation is to blame.
    pub(crate) fn blameless(&mut self, cookie: u64) -> String {
        let batch = self.batches.remove(&cookie).expect("it was posted");
        let all = vec![Status::OK; batch.operations().len()];
        let AdapterInput::BatchComplete(status) = complete(&batch, &all) else {
            panic!("a completion")
        };
        let status = BatchStatus { overall: Status::FAIL, ..status };
        self.tell(AdapterInput::BatchComplete(status))
    }

    pub(crate) fn ended(&mut self, transaction: u64, committed: bool) -> String {
        let transaction = TransactionId(transaction);
        self.tell(AdapterInput::TransactionDone { transaction, committed })
    }

    pub(crate) fn terminate(&mut self) -> String {
        let call = self.desk.call();
        self.tell(AdapterInput::Terminate { call })
    }

    pub(crate) fn begin(&mut self) -> (CallId, String) {
        let call = self.desk.call();
        (call, self.tell(AdapterInput::BeginBatch { call, transaction: None }))
    }

    /// A message for an endpoint, in a call.
    pub(crate) fn transmit(&mut self, call: CallId, message: OutboundMessage) -> String {
        self.tell(AdapterInput::TransmitMessage { call, message: Box::new(message) })
    }

    /// A whole adapter batch of messages for these endpoints, numbered from one.
    pub(crate) fn batch<const N: usize>(
        &mut self,
        endpoints: [u32; N],
        confirm: Option<u64>,
    ) -> String {
        let (call, _) = self.begin();
        for (number, endpoint) in (1..).zip(endpoints) {
            let message =
                OutboundMessage { endpoint: EndpointId(endpoint), ..self.desk.outbound(number, 2) };
            self.transmit(call, message);
        }
        self.tell(AdapterInput::Done { call, confirm: confirm.map(TransactionId) })
    }
}

fn operation(operation: &Operation) -> String {
    match operation {
        Operation::CancelResponse { token } => format!("cancel {token}"),
        Operation::Delete(_) => "delete".to_owned(),
        Operation::MoveToNextTransport(_) => "move".to_owned(),
        Operation::MoveToSuspendQueue(Suspendable::Reference(_)) => "suspend".to_owned(),
        Operation::MoveToSuspendQueue(Suspendable::Wire(message)) => {
            format!("suspend {}", message.number)
        }
        Operation::Resubmit { .. } => "resubmit".to_owned(),
        Operation::Submit(message) => format!("submit {}", message.number),
        Operation::SubmitRequest { request, token, .. } => {
            format!("request {} #{token}", request.number)
        }
        Operation::SubmitResponse { response, .. } => format!("respond {}", response.number),
    }
}

fn wired(token: u64, request: &WireRequest) -> String {
    match request {
        WireRequest::Fetch { endpoint, messages, transaction, .. } => {
            let within = transaction.map(|own| format!(" in {}", own.0)).unwrap_or_default();
            format!("fetch {messages} from {}{within} #{token}", endpoint.0)
        }
        WireRequest::Leave { endpoint, messages } => {
            let numbers: Vec<u64> = messages.iter().map(|message| message.number).collect();
            format!("leave {numbers:?} at {}", endpoint.0)
        }
        WireRequest::Remove { numbers, .. } => format!("remove {numbers:?}"),
        WireRequest::Resolve(sent) => format!("resolve {} #{token}", sent.document.wire),
        WireRequest::Respond { request, answer, .. } => {
            let said = match answer {
                Answer::Response(sent) => format!("{}", sent.document.wire),
                other => format!("{other:?}"),
            };
            format!("answer {request} with {said} #{token}")
        }
        WireRequest::Transmit(sent) => {
            let within = sent.transaction.map(|own| format!(" in {}", own.0)).unwrap_or_default();
            format!("send {}{within} #{token}", sent.document.wire)
        }
    }
}

fn word(now: Instant, output: &AdapterOutput) -> String {
    match output {
        AdapterOutput::Abort { transaction } => format!("abort {}", transaction.0),
        AdapterOutput::Commit { transaction } => format!("commit {}", transaction.0),
        AdapterOutput::CompletionFailed { cookie } => format!("fails at {cookie}"),
        AdapterOutput::Confirm { of, committed } => {
            let of = match of {
                ConfirmOf::Batch(cookie) => format!("batch {cookie}"),
                ConfirmOf::Delivery(transaction) => format!("delivery {}", transaction.0),
            };
            format!("confirm {of} {committed}")
        }
        AdapterOutput::Done { batch, transaction } => {
            let all: Vec<String> = batch.operations().iter().map(operation).collect();
            let within = transaction.map(|own| format!(" in {}", own.0)).unwrap_or_default();
            format!("done {}{within}: {}", batch.cookie(), all.join(", "))
        }
        AdapterOutput::ErrorInfo { of: ErrorSubject::Wire(number), .. } => format!("why {number}"),
        AdapterOutput::ErrorInfo { of: ErrorSubject::Reference(_), .. } => "why".to_owned(),
        AdapterOutput::Isolated(call) => format!("{call:?}"),
        AdapterOutput::ReceiverShuttingDown { location } => format!("breaks {}", location.0),
        AdapterOutput::Returned { returned, .. } => match returned {
            Returned::Begun { max, transaction } => {
                let within = transaction.map(|own| format!(" in {}", own.0)).unwrap_or_default();
                format!("begun {max}{within}")
            }
            other => format!("{other:?}"),
        },
        AdapterOutput::Wake { at, token } => {
            let seconds = at.since(now).as_nanos() / 1_000_000_000;
            format!("wake in {seconds} #{token}")
        }
        AdapterOutput::Watch { location } => format!("watch {}", location.0),
        AdapterOutput::Wire { token, request } => wired(*token, request),
    }
}
