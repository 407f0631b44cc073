//! Between engine and adapters: carrying their calls, and telling of them.

use std::hint::cold_path;

use floodgate_engine::adapter::{AdapterInput, AdapterOutput, CallId, Returned};
use floodgate_engine::batch::{Batch, Operation, Suspendable};
use floodgate_engine::config::Topology;
use floodgate_engine::host::HostInput;
use floodgate_engine::id::{ReferenceId, TransactionId};
use floodgate_engine::message_box::{Effect, MessageBox, Place, Rest};

use super::life::tell_life;
use super::{Due, Node, Now, World};
use crate::endpoint::Endpoint;
use crate::setup::ResponseOrder;
use crate::trace::Event;

impl World {
    #[inline(always)]
    pub(super) fn carry_adapter(&mut self, node: u32, output: AdapterOutput) {
        let instance = self.nodes[node as usize].instance;
        match output {
            AdapterOutput::Done { batch, transaction } => self.post(node, batch, transaction),
            AdapterOutput::Returned { call, returned } => {
                self.adapter_returned(node, call, returned);
            }
            AdapterOutput::Wire { token, request } => self.wire(node, token, request),
            AdapterOutput::Wake { at, token } => {
                self.schedule(at.max(self.now), Due::Wake { node, token });
            }
            AdapterOutput::Abort { transaction } => self.ask_abort(node, transaction),
            AdapterOutput::Commit { transaction } => self.ask_commit(node, transaction),
            AdapterOutput::CompletionFailed { cookie } => {
                // R-BC-09: an entry of the event log, and nobody else hears of it.
                self.trace.record(self.now, &Event::CompletionFailed { node, cookie }, || {
                    let name = &self.nodes[node as usize].name;
                    format!("A>E  {name} b{cookie}: event log: BatchComplete failed")
                });
            }
            AdapterOutput::Confirm { of, committed } => self.confirm(node, of, committed),
            AdapterOutput::ErrorInfo { of, text } => {
                self.calls_engine(instance, || HostInput::ErrorInfo { of, text });
            }
            AdapterOutput::Isolated(call) => {
                self.watch_isolated(node, call);
                let adapter = self.nodes[node as usize].adapter;
                self.calls_engine(instance, || HostInput::Isolated { adapter, call });
            }
            AdapterOutput::ReceiverShuttingDown { location } => {
                self.break_location(node, location);
            }
            AdapterOutput::Watch { location } => {
                let endpoint = self.topology.receive_locations[location.index()].endpoint;
                let Endpoint::Source(source) = &mut self.endpoints[endpoint.index()] else {
                    unreachable!("a receive adapter watches a source")
                };
                if source.watch(node, location) {
                    self.ring.push_back(Now::Arrived(node, location));
                }
            }
        }
    }

    fn post(&mut self, node: u32, mut batch: Batch, transaction: Option<TransactionId>) {
        self.skew(node, &mut batch);
        let (cookie, operations) = (batch.cookie(), batch.operations().len());
        let operations = u32::try_from(operations).unwrap_or(u32::MAX);
        self.checks.posted(node, &batch);
        self.checks.posted_by_instance(self.nodes[node as usize].instance, node, &batch);
        self.checks.submitted(&self.topology, &batch);
        self.trace.record(self.now, &Event::Posted { node, cookie, operations }, || {
            let said: Vec<String> = (batch.operations().iter())
                .map(|operation| tell_operation(&self.message_box, operation))
                .collect();
            let name = &self.nodes[node as usize].name;
            let within = transaction.map_or_else(String::new, |within| format!("({within})"));
            format!("A>E  {name} b{cookie}: {} ; Done{within}", said.join(", "))
        });
        if let Some(transaction) = transaction {
            cold_path();
            self.coordinator.posted(self.now, node, transaction, cookie);
            self.checks.posted_in(node, transaction, &batch);
            if !batch.has_callback() {
                // nobody waits for it.
                self.coordinator.returned(node, cookie, false);
            }
        }
        let requests = self.response_order != ResponseOrder::AfterComplete && batch.has_requests();
        let race = self.race(node, cookie, requests);
        let Node { instance, adapter, proxy, .. } = &mut self.nodes[node as usize];
        self.message_box.reuse(proxy);
        let (instance, adapter) = (*instance, *adapter);
        self.calls_engine(instance, || HostInput::Posted { adapter, batch, race, transaction });
    }

    /// The engine calls an adapter: the checks and the trace see it first.
    #[inline(always)]
    pub(super) fn watch_call(&mut self, node: u32, input: &AdapterInput) {
        let name = &self.nodes[node as usize].name;
        match input {
            AdapterInput::BatchComplete(status) => {
                self.checks.batch_complete(node, status);
                self.coordinator.returned(node, status.cookie, false);
                let kinds = u32::try_from(status.operations.len()).unwrap_or(u32::MAX);
                let (cookie, overall) = (status.cookie, status.overall.0);
                let event = Event::BatchComplete { node, cookie, status: overall, kinds };
                self.trace.record(self.now, &event, || {
                    format!("E>A  {name} b{cookie}: BatchComplete({status})")
                });
            }
            AdapterInput::DoneReturned { cookie, status } => {
                if !status.is_success() {
                    self.coordinator.returned(node, *cookie, true);
                }
                self.checks.done_returned(node, *cookie, *status);
                let event = Event::DoneReturned { node, cookie: *cookie };
                self.trace.record(self.now, &event, || {
                    format!("E>A  {name} b{cookie}: Done returns {status}")
                });
            }
            AdapterInput::BeginBatch { transaction, .. } => {
                if let Some(offered) = transaction {
                    cold_path();
                    self.coordinator.enlist(self.now, node, *offered);
                }
                self.sampled.handed.batch_begins(self.nodes[node as usize].place());
                self.trace.record(self.now, &Event::BeginBatch { node }, || {
                    let within = transaction.map_or_else(String::new, |own| format!("({own})"));
                    format!("E>A  {name} BeginBatch{within}")
                });
            }
            AdapterInput::TransmitMessage { call, message } => {
                self.checks.fill_batch(node, *call);
                self.checks.transmit(node, *call, message);
                let place = self.nodes[node as usize].place();
                self.sampled.handed.begins(self.now, place, message.reference);
                let event = Event::Transmit {
                    node,
                    document: message.document,
                    sequence: message.sequence,
                    retries_left: message.retries_left,
                };
                self.trace.record(self.now, &event, || {
                    super::habits::tell_transmit(&self.topology, name, message)
                });
            }
            AdapterInput::Done { call, .. } | AdapterInput::Clear { call } => {
                let cleared = matches!(input, AdapterInput::Clear { .. });
                if let AdapterInput::Done { confirm: Some(transaction), .. } = input {
                    self.coordinator.delivered(self.now, node, *transaction);
                }
                self.checks.end_batch(node, *call, cleared);
                self.trace.record(self.now, &Event::EndBatch { node, cleared }, || {
                    format!("E>A  {name} {}", if cleared { "Clear" } else { "Done" })
                });
            }
            AdapterInput::AddReceiveEndpoint { .. }
            | AdapterInput::Initialize
            | AdapterInput::Isolated(_)
            | AdapterInput::Load
            | AdapterInput::RemoveReceiveEndpoint { .. }
            | AdapterInput::Terminate { .. }
            | AdapterInput::UpdateEndpointConfig { .. } => self.watch_life_call(node, input),
            AdapterInput::Arrived { .. }
            | AdapterInput::TransactionDone { .. }
            | AdapterInput::Wake { .. }
            | AdapterInput::WireDone { .. } => {}
        }
    }

    /// A call of the engine's came back: its turn is after what is due already.
    #[inline(always)]
    pub(super) fn adapter_returned(&mut self, node: u32, call: CallId, returned: Returned) {
        let instance = self.nodes[node as usize].instance;
        self.watch_return(node, call, returned);
        self.calls_engine(instance, || HostInput::Returned { call, returned });
    }

    #[inline(always)]
    fn watch_return(&mut self, node: u32, call: CallId, returned: Returned) {
        if let Returned::Begun { max, transaction, .. } = returned {
            cold_path();
            self.checks.begin_batch(node, call, max);
            if let Some(transaction) = transaction {
                self.coordinator.enlist(self.now, node, transaction);
            }
        }
        match returned {
            Returned::Failed => self.checks.threw(node, call),
            Returned::Terminated => self.checks.terminated(node),
            Returned::Begun { .. }
            | Returned::Cleared
            | Returned::Done
            | Returned::Pending
            | Returned::Sent => {}
        }
        if returned == Returned::Sent {
            self.checks.said_sent(node, call);
        }
        let said = match returned {
            Returned::Begun { .. } => 0,
            Returned::Cleared => 1,
            Returned::Done => 2,
            Returned::Failed => 3,
            Returned::Pending => 4,
            Returned::Sent => 5,
            Returned::Terminated => 6,
        };
        self.trace.record(self.now, &Event::Returned { node, said }, || {
            let name = &self.nodes[node as usize].name;
            let said = match returned {
                Returned::Begun { max, transaction: None } => format!("max={max}"),
                Returned::Begun { max, transaction: Some(begun) } => format!("max={max}, {begun}"),
                Returned::Cleared | Returned::Done | Returned::Terminated => "returns".to_owned(),
                Returned::Failed => "THROWS".to_owned(),
                Returned::Pending => "false".to_owned(),
                Returned::Sent => "true".to_owned(),
            };
            format!("A>E  {name} -> {said}")
        });
    }
}

fn tell_reference(message_box: &MessageBox, reference: ReferenceId) -> String {
    message_box.name_of(reference).map_or_else(|| "?".to_owned(), |name| name.to_string())
}

fn tell_operation(message_box: &MessageBox, operation: &Operation) -> String {
    let name = |reference: &ReferenceId| tell_reference(message_box, *reference);
    match operation {
        Operation::CancelResponse { token } => format!("CancelResponse({token})"),
        Operation::Delete(reference) => format!("Delete({})", name(reference)),
        Operation::MoveToNextTransport(reference) => {
            format!("MoveToNextTransport({})", name(reference))
        }
        Operation::MoveToSuspendQueue(Suspendable::Reference(reference)) => {
            format!("MoveToSuspendQ({})", name(reference))
        }
        Operation::MoveToSuspendQueue(Suspendable::Wire(wire)) => {
            format!("MoveToSuspendQ(m{})", wire.number)
        }
        Operation::Resubmit { reference, at } => format!("Resubmit({}, {at})", name(reference)),
        Operation::Submit(wire) => format!("Submit(m{})", wire.number),
        Operation::SubmitRequest { request, .. } => format!("SubmitRequest(m{})", request.number),
        Operation::SubmitResponse { response, .. } => {
            format!("SubmitResponse(m{})", response.number)
        }
    }
}

/// A commit's change as a line of a story.
#[expect(clippy::too_many_lines, reason = "a list: an arm for each effect")]
pub(super) fn tell(topology: &Topology, effect: &Effect) -> String {
    let port = |at: &Place| topology.subscriber_name(at.subscriber).to_owned();
    let resume = |resumable: bool| if resumable { "resumable" } else { "non-resumable" };
    match effect {
        Effect::Collectable { document } => {
            format!("MB   {document}: last reference gone, body collectable")
        }
        Effect::Consumed { at } => {
            format!("MB   {} of {} is consumed by the send pipeline", at.document, port(at))
        }
        Effect::Deleted { at } => format!("MB   deletes {} of {}", at.document, port(at)),
        Effect::Acknowledgement { .. }
        | Effect::ExchangeClosed { .. }
        | Effect::ExchangeOpened { .. }
        | Effect::LateResponse { .. } => super::exchange::tell(effect),
        Effect::Locked { at, owner } => {
            format!("MB   locks {} of {} to {owner}", at.document, port(at))
        }
        Effect::Logged { at, entry } => {
            format!("MB   event log: {} of {} {entry:?}", at.document, port(at))
        }
        Effect::PropertiesUpdated { at, .. } => {
            format!("MB   keeps properties of {} of {}", at.document, port(at))
        }
        Effect::MovedToNextTransport { at, retries_left } => {
            format!(
                "MB   moves {} of {} to the backup transport, RetryCount {retries_left}",
                at.document,
                port(at)
            )
        }
        Effect::Passed { wire, rest: Rest::Consumed, .. } => {
            format!("E    the pipeline consumes of m{wire}")
        }
        Effect::Passed { wire, rest: Rest::Dropped, .. } => {
            format!("E    drops m{wire}: its sender is not authenticated")
        }
        Effect::Published { document, references, bodies, .. } => {
            let apart =
                if *bodies > 1 { format!(" in {bodies} MessageBoxes") } else { String::new() };
            format!("MB   publishes {document}, {references} reference(s){apart}")
        }
        Effect::Referenced { at, .. } => {
            format!("MB   refers {} to {} as #{}", at.document, port(at), at.sequence)
        }
        Effect::Resumed { at } => format!("MB   resumes {} of {}", at.document, port(at)),
        Effect::RoutedMessage { document, error, reason } => {
            format!("MB   routes {document} as error message {error}, {reason:?}")
        }
        Effect::ThrownMessage { document, error, reason } => {
            format!("MB   {document} aborts its transaction, error message {error}, {reason:?}")
        }
        Effect::RoutedReference { at, error, reason } => {
            format!(
                "MB   routes {} of {} as error message {error}, {reason:?}",
                at.document,
                port(at)
            )
        }
        Effect::Resubmitted { at, due, retries_left } => {
            let what = at.document;
            format!("MB   {what} of {} waits until {due}, RetryCount {retries_left}", port(at))
        }
        Effect::RoutingFailureReport { document } => {
            format!("MB   routing failure report for {document}")
        }
        Effect::SuspendedReference { at, resumable, reason } => {
            let (what, how) = (at.document, resume(*resumable));
            format!("MB   suspends {what} of {}, {how}, {reason:?}", port(at))
        }
        Effect::SuspendedMessage { document, resumable, reason } => {
            format!("MB   suspends {document}, {}, {reason:?}", resume(*resumable))
        }
        Effect::Scheduled { at, .. } | Effect::Unlocked { at, .. } => tell_life(effect, &port(at)),
        Effect::Terminated { at } => format!("MB   terminates {} of {}", at.document, port(at)),
        Effect::PortState { port, to, .. } => {
            format!("MB   {} is {to:?}", topology.send_ports[port.index()].name)
        }
        Effect::ReportRemoved { document } => format!("MB   the report for {document} goes"),
        Effect::SuspendedMessageGone { document, resumed } => {
            let how = if *resumed { "resumed" } else { "terminated" };
            format!("MB   suspended {document} is {how}")
        }
        Effect::OperationPending { at, operation } => {
            format!("MB   {} of {}: {operation:?} is pending", at.document, port(at))
        }
        Effect::GroupState { group, to, .. } => {
            format!("MB   group {} is {to:?}", topology.send_port_groups[group.index()].name)
        }
    }
}
