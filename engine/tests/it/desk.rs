//! A desk: one adapter with its proxy, told by hand what happens to it.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test listens for what it is about")]

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AdapterOutput, CallId, Returned, WireRequest, WireResult,
};
use floodgate_engine::batch::{Batch, BatchStatus, Operation, OperationKind, Status};
use floodgate_engine::id::{EndpointId, ReferenceId, Slab};
use floodgate_engine::message::{Context, DocumentName};
use floodgate_engine::message_box::{Exchange, OutboundMessage};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;

pub(crate) const FIVE_MINUTES: Duration = Duration::from_minutes(5);

/// An adapter with its proxy.
pub(crate) struct Desk<A> {
    pub(crate) adapter: A,
    pub(crate) proxy: TransportProxy,
    pub(crate) now: Instant,
    pub(crate) slab: Slab<()>,
}

impl<A: Adapter> Desk<A> {
    pub(crate) fn new(adapter: A) -> Self {
        let proxy = TransportProxy::default();
        Self { adapter, proxy, now: Instant::ZERO, slab: Slab::default() }
    }

    /// What the adapter wants when it is told this.
    pub(crate) fn tell(&mut self, input: AdapterInput) -> Vec<AdapterOutput> {
        self.adapter.handle_input(self.now, input, &mut self.proxy);
        std::iter::from_fn(|| self.proxy.poll_output()).collect()
    }

    pub(crate) fn call(&mut self) -> CallId {
        CallId(self.slab.insert(()))
    }

    /// A message handed over, with its retries left; returns what the adapter wants.
    pub(crate) fn transmit(&mut self, message: OutboundMessage) -> Vec<AdapterOutput> {
        let call = self.call();
        self.tell(AdapterInput::TransmitMessage { call, message: Box::new(message) })
    }

    pub(crate) fn outbound(&mut self, number: u64, retries_left: u32) -> OutboundMessage {
        OutboundMessage {
            real: None,
            reference: ReferenceId(self.slab.insert(())),
            document: DocumentName { wire: number, sequence: 1, split: false },
            sequence: number,
            lineage: number,
            arrived: Instant::ZERO,
            subscriber: Default::default(),
            exchange: Exchange::OneWay,
            on_backup: false,
            adapter: Default::default(),
            endpoint: EndpointId(1),
            retries_left,
            retry_interval: FIVE_MINUTES,
            bytes: 10,
            fingerprint: number,
            context: Context::default(),
        }
    }
}

/// The batches among what an adapter wants.
pub(crate) fn batches(outputs: Vec<AdapterOutput>) -> Vec<Batch> {
    let batch = |output| match output {
        AdapterOutput::Done { batch, .. } => Some(batch),
        _ => None,
    };
    outputs.into_iter().filter_map(batch).collect()
}

/// The one batch that an adapter wants.
#[track_caller]
pub(crate) fn batch(outputs: Vec<AdapterOutput>) -> Batch {
    let mut found = batches(outputs);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// The tokens of its transmissions.
pub(crate) fn transmissions(outputs: &[AdapterOutput]) -> Vec<u64> {
    let token = |output: &AdapterOutput| match output {
        AdapterOutput::Wire { token, request: WireRequest::Transmit(_) } => Some(*token),
        _ => None,
    };
    outputs.iter().filter_map(token).collect()
}

pub(crate) fn returns(outputs: &[AdapterOutput]) -> Vec<Returned> {
    let returned = |output: &AdapterOutput| match output {
        AdapterOutput::Returned { returned, .. } => Some(*returned),
        _ => None,
    };
    outputs.iter().filter_map(returned).collect()
}

/// The completion of a batch with these statuses, operation by operation.
pub(crate) fn complete(batch: &Batch, statuses: &[Status]) -> AdapterInput {
    assert_eq!(batch.operations().len(), statuses.len());
    let kinds = batch.operations().iter().map(Operation::kind);
    let statuses: Vec<_> = kinds.zip(statuses.iter().copied()).collect();
    AdapterInput::BatchComplete(BatchStatus::assemble(batch.cookie(), statuses))
}

pub(crate) fn done_returned(batch: &Batch) -> AdapterInput {
    AdapterInput::DoneReturned { cookie: batch.cookie(), status: Status::OK }
}

pub(crate) fn kinds(batch: &Batch) -> Vec<OperationKind> {
    batch.operations().iter().map(Operation::kind).collect()
}

/// The completion of a batch that could not be stored, since a database was away.
pub(crate) fn not_stored(batch: &Batch) -> AdapterInput {
    let AdapterInput::BatchComplete(status) =
        complete(batch, &vec![Status::PERSISTENCE_FAILURE; batch.operations().len()])
    else {
        panic!("a completion")
    };
    AdapterInput::BatchComplete(BatchStatus { overall: Status::PERSISTENCE_FAILURE, ..status })
}

/// When it wants to be woken, and with which tokens.
pub(crate) fn wakes(outputs: &[AdapterOutput]) -> Vec<(Instant, u64)> {
    let wake = |output: &AdapterOutput| match output {
        AdapterOutput::Wake { at, token } => Some((*at, *token)),
        _ => None,
    };
    outputs.iter().filter_map(wake).collect()
}

/// The wire is done with a transmission.
pub(crate) fn wire_done(token: u64, result: WireResult) -> AdapterInput {
    AdapterInput::WireDone { token, result }
}
