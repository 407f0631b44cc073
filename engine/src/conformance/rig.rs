//! A mini engine around one adapter: its own event queue, a scripted engine, a scripted partner.
//!
//! It is no second engine: it stores nothing, routes nothing and prices nothing. It does what a
//! [`Script`] says and writes down what the adapter does in return. Instants are virtual.

use std::collections::{BTreeMap, VecDeque};

use super::delivery::{Delivery, Held};
use super::partner::Source;
use super::script::{Race, Script};
use super::story::{Fact, Name, Said, Story};
use crate::adapter::{Adapter, AdapterInput, AdapterOutput, CallId, ConfirmOf, ErrorSubject};
use crate::batch::{Batch, BatchStatus, Operation, OperationKind, Status, Suspendable};
use crate::id::{EndpointId, ReceiveLocationId, ReferenceId, Slab, TransactionId};
use crate::message::{PropertyId, WireMessage};
use crate::time::{Duration, Instant};
use crate::transport_proxy::TransportProxy;

/// What the engine needs for a batch.
const EXECUTION: Duration = Duration::from_millis(5);
/// What a transaction's coordinator needs.
const COORDINATION: Duration = Duration::from_millis(2);
/// A trial in which nothing but timers happened for so long is over.
const QUIET: Duration = Duration::from_minutes(30);
/// Inputs after which an adapter that comes to no rest is left alone.
const INPUTS_MAX: u32 = 20_000;

/// Cookies of one instance: the story tells those of another by a thousand more.
const COOKIES: u64 = 1000;

/// Makes a fresh instance of the adapter on trial.
pub(super) type Make<'a> = &'a dyn Fn() -> Box<dyn Adapter>;

/// What is due.
#[derive(Debug)]
pub(super) enum Due {
    Arrive { number: u64, location: u32 },
    Deliver(Vec<Name>),
    Execute(Posted),
    Input { instance: usize, input: AdapterInput },
    Redeliver { reference: ReferenceId },
    RemoveLocation,
    Terminate,
    Transacted { instance: usize, transaction: TransactionId, committed: bool },
    WireAnswer { instance: usize, token: u64, request: crate::adapter::WireRequest },
}

/// A batch the engine has taken.
#[derive(Debug)]
pub(super) struct Posted {
    instance: usize,
    batch: Batch,
    said: Vec<Said>,
    transaction: Option<TransactionId>,
}

/// One instance of the adapter.
#[derive(Debug)]
struct Instance {
    adapter: Box<dyn Adapter>,
    proxy: TransportProxy,
}

/// Operations that wait for the outcome of their transaction.
type Waiting = BTreeMap<TransactionId, Vec<(usize, Operation)>>;

/// One trial under way.
pub(super) struct Rig<'a> {
    make: Make<'a>,
    pub(super) script: &'a Script,
    instances: Vec<Instance>,
    pub(super) now: Instant,
    queue: BTreeMap<(Instant, u64), Due>,
    scheduled: u64,
    pub(super) story: Story,
    pub(super) sources: Vec<Source>,
    pub(super) held: Slab<Held>,
    pub(super) deliveries: Slab<Delivery>,
    /// Dequeued messages that wait for a delivery.
    pub(super) pending: VecDeque<ReferenceId>,
    /// Whether an adapter batch is being filled.
    pub(super) delivering: bool,
    /// Names of messages that have come to their end.
    pub(super) gone: BTreeMap<ReferenceId, Name>,
    verdicts_used: Vec<u32>,
    waiting: Waiting,
    commits_failed: u32,
    pub(super) cleared: u32,
    pub(super) removed: bool,
    terminating: Option<CallId>,
    terminated: bool,
}

/// Runs one trial from beginning to end.
pub(super) fn run(make: Make<'_>, script: &Script) -> Story {
    let mut rig = Rig {
        make,
        script,
        instances: Vec::new(),
        now: Instant::ZERO,
        queue: BTreeMap::new(),
        scheduled: 0,
        story: Story::default(),
        sources: (0..script.locations).map(|_| Source::default()).collect(),
        held: Slab::default(),
        deliveries: Slab::default(),
        pending: VecDeque::new(),
        delivering: false,
        gone: BTreeMap::new(),
        verdicts_used: vec![0; script.verdicts.len()],
        waiting: Waiting::new(),
        commits_failed: 0,
        cleared: 0,
        removed: false,
        terminating: None,
        terminated: false,
    };
    rig.begin();
    rig.go();
    rig.story
}

impl Rig<'_> {
    fn begin(&mut self) {
        self.instance(0);
        for location in 0..self.script.locations {
            self.story.tell(self.now, Fact::AddedLocation { location });
            let input = AdapterInput::AddReceiveEndpoint {
                location: ReceiveLocationId(location),
                endpoint: EndpointId(location),
                two_way: self.script.two_way,
            };
            self.input(0, input);
        }
        let start = Instant::ZERO;
        for (number, &(after, location)) in (1..).zip(&self.script.arrivals) {
            self.schedule(start + after, Due::Arrive { number, location });
        }
        self.plan_deliveries(start);
        if let Some(after) = self.script.remove_at {
            self.schedule(start + after, Due::RemoveLocation);
        }
        if let Some(after) = self.script.terminate_at {
            self.schedule(start + after, Due::Terminate);
        }
    }

    fn go(&mut self) {
        let (mut inputs, mut told, mut active) = (0, self.story.facts.len(), Instant::ZERO);
        while let Some(((at, _), due)) = self.queue.pop_first() {
            let timer = matches!(due, Due::Input { input: AdapterInput::Wake { .. }, .. })
                && at.since(active) > QUIET;
            inputs += 1;
            if timer || inputs > INPUTS_MAX || self.terminated {
                return;
            }
            self.now = at;
            self.carry(due);
            if self.story.facts.len() > told {
                (told, active) = (self.story.facts.len(), at);
            }
        }
    }

    fn carry(&mut self, due: Due) {
        match due {
            Due::Arrive { number, location } => self.arrive(number, location),
            Due::Deliver(names) => self.dequeue(names),
            Due::Execute(posted) => self.execute(posted),
            Due::Input { instance, input } => self.input(instance, input),
            Due::Redeliver { reference } => {
                self.retried(reference);
                self.pending.push_front(reference);
                self.deliver_next();
            }
            Due::RemoveLocation => {
                self.removed = true;
                self.story.tell(self.now, Fact::RemovedLocation { location: 0 });
                let location = ReceiveLocationId(0);
                self.input(0, AdapterInput::RemoveReceiveEndpoint { location });
            }
            Due::Terminate => {
                self.story.tell(self.now, Fact::Terminating);
                let call = CallId(self.deliveries.insert(Delivery::of_terminate()));
                self.terminating = Some(call);
                self.input(0, AdapterInput::Terminate { call });
            }
            Due::Transacted { instance, transaction, committed } => {
                self.transacted(instance, transaction, committed);
            }
            Due::WireAnswer { instance, token, request } => {
                self.wire_answer(instance, token, request);
            }
        }
    }

    /// The instance, made and initialized if it is new: a receiver is initialized first, a sender
    /// is loaded first (R-LIFE-03, R-SND-02).
    pub(super) fn instance(&mut self, at: usize) {
        while self.instances.len() <= at {
            let number = u32::try_from(self.instances.len()).unwrap_or(u32::MAX);
            let proxy = TransportProxy::numbered(number);
            self.instances.push(Instance { adapter: (self.make)(), proxy });
            let mut calls = [AdapterInput::Initialize, AdapterInput::Load];
            if self.script.locations == 0 {
                calls.reverse();
            }
            for call in calls {
                self.input(self.instances.len() - 1, call);
            }
        }
    }

    pub(super) fn schedule(&mut self, at: Instant, due: Due) {
        self.scheduled += 1;
        self.queue.insert((at.max(self.now), self.scheduled), due);
    }

    /// Hands the adapter an input when everything before it is done.
    pub(super) fn soon(&mut self, instance: usize, input: AdapterInput) {
        self.schedule(self.now, Due::Input { instance, input });
    }

    /// Hands the adapter one input and carries what it wants.
    pub(super) fn input(&mut self, at: usize, input: AdapterInput) {
        self.tell_input(at, &input);
        let instance = &mut self.instances[at];
        instance.adapter.handle_input(self.now, input, &mut instance.proxy);
        loop {
            while let Some(batch) = self.instances[at].proxy.take_refused() {
                let (said, status) = (self.said(&batch), Status::INVALID_ARGUMENT);
                self.story.tell(self.now, Fact::Refused { said, status });
            }
            let Some(output) = self.instances[at].proxy.poll_output() else { return };
            self.output(at, output);
        }
    }

    fn tell_input(&mut self, at: usize, input: &AdapterInput) {
        let told = |cookie: u64| cookie + at as u64 * COOKIES;
        let fact = match input {
            AdapterInput::BatchComplete(status) => {
                Fact::Completed { cookie: told(status.cookie), status: status.clone() }
            }
            AdapterInput::DoneReturned { cookie, .. } => {
                Fact::DoneReturned { cookie: told(*cookie) }
            }
            AdapterInput::BeginBatch { call, .. } => Fact::BatchBegun { call: *call },
            AdapterInput::Clear { call } => Fact::BatchCleared { call: *call },
            AdapterInput::Done { call, confirm } => {
                Fact::BatchDone { call: *call, confirm: *confirm }
            }
            AdapterInput::TransactionDone { transaction, committed } => {
                Fact::Transacted { transaction: *transaction, committed: *committed }
            }
            AdapterInput::AddReceiveEndpoint { .. }
            | AdapterInput::Arrived { .. }
            | AdapterInput::Initialize
            | AdapterInput::Isolated(_)
            | AdapterInput::Load
            | AdapterInput::RemoveReceiveEndpoint { .. }
            | AdapterInput::Terminate { .. }
            | AdapterInput::TransmitMessage { .. }
            | AdapterInput::UpdateEndpointConfig { .. }
            | AdapterInput::Wake { .. }
            | AdapterInput::WireDone { .. } => return,
        };
        self.story.tell(self.now, fact);
    }

    fn output(&mut self, at: usize, output: AdapterOutput) {
        match output {
            AdapterOutput::Abort { transaction } => {
                self.story.tell(self.now, Fact::Aborted { transaction });
                let due = Due::Transacted { instance: at, transaction, committed: false };
                self.schedule(self.now + COORDINATION, due);
            }
            AdapterOutput::Commit { transaction } => {
                self.story.tell(self.now, Fact::Committing { transaction });
                let committed = self.commits_failed >= self.script.failing_commits;
                self.commits_failed += u32::from(!committed);
                let due = Due::Transacted { instance: at, transaction, committed };
                self.schedule(self.now + COORDINATION, due);
            }
            AdapterOutput::Confirm { of, committed } => {
                let of = match of {
                    ConfirmOf::Batch(cookie) => ConfirmOf::Batch(cookie + at as u64 * COOKIES),
                    ConfirmOf::Delivery(_) => of,
                };
                self.story.tell(self.now, Fact::Confirmed { of, committed });
            }
            AdapterOutput::Done { batch, transaction } => self.post(at, batch, transaction),
            AdapterOutput::ErrorInfo { of, text: _ } => {
                let of = match of {
                    ErrorSubject::Reference(reference) => self.name(reference),
                    ErrorSubject::Wire(number) => Name { number, delivery: 0 },
                };
                self.story.tell(self.now, Fact::Errored { of });
            }
            // The kit hosts adapters in the engine's process.
            AdapterOutput::CompletionFailed { .. }
            | AdapterOutput::Isolated(_)
            | AdapterOutput::ReceiverShuttingDown { .. } => {}
            AdapterOutput::Returned { call, returned } => self.returned(call, returned),
            AdapterOutput::Wake { at: when, token } => {
                let input = AdapterInput::Wake { token };
                self.schedule(when, Due::Input { instance: at, input });
            }
            AdapterOutput::Watch { location } => self.watch(at, location),
            AdapterOutput::Wire { token, request } => self.wire(at, token, request),
        }
    }

    /// The number of the location that a message names, if it names one of ours.
    fn location_of(message: &WireMessage) -> Option<u32> {
        let text = message.context.read(PropertyId::INBOUND_TRANSPORT_LOCATION)?;
        let text = text.to_string();
        text.trim_matches('"').strip_prefix("in")?.parse().ok()
    }

    fn said(&self, batch: &Batch) -> Vec<Said> {
        let wire = |message: &WireMessage| Name { number: message.number, delivery: 0 };
        let one = |operation: &Operation| {
            let (kind, response) =
                (operation.kind(), matches!(operation, Operation::SubmitResponse { .. }));
            let mut said = Said {
                kind,
                of: Name { number: 0, delivery: 0 },
                at: None,
                location: None,
                response,
                held: true,
            };
            match operation {
                Operation::CancelResponse { token } => said.of.number = *token,
                Operation::Resubmit { reference, at } => {
                    (said.of, said.held) = (self.name(*reference), self.holds(*reference));
                    said.at = Some(*at);
                }
                Operation::Delete(reference)
                | Operation::MoveToNextTransport(reference)
                | Operation::SubmitResponse { solicit: reference, .. }
                | Operation::MoveToSuspendQueue(Suspendable::Reference(reference)) => {
                    (said.of, said.held) = (self.name(*reference), self.holds(*reference));
                }
                Operation::MoveToSuspendQueue(Suspendable::Wire(message)) => {
                    said.of = wire(message);
                }
                Operation::Submit(message) | Operation::SubmitRequest { request: message, .. } => {
                    (said.of, said.location) = (wire(message), Self::location_of(message));
                }
            }
            said
        };
        let refused = batch.refused().map(|number| Said {
            kind: OperationKind::Submit,
            of: Name { number, delivery: 0 },
            at: None,
            location: None,
            response: false,
            held: true,
        });
        batch.operations().iter().map(one).chain(refused).collect()
    }

    fn post(&mut self, instance: usize, batch: Batch, transaction: Option<TransactionId>) {
        let (cookie, said) = (batch.cookie(), self.said(&batch));
        let told = cookie + instance as u64 * COOKIES;
        let fact = Fact::Posted { cookie: told, said: said.clone(), transaction };
        self.story.tell(self.now, fact);
        let executed = self.now + self.script.done_blocks + EXECUTION;
        let returned = match self.script.race {
            Race::ReturnFirst => self.now + self.script.done_blocks,
            Race::CompleteFirst => executed + Duration::from_millis(3),
        };
        let input = AdapterInput::DoneReturned { cookie, status: Status::OK };
        self.schedule(returned, Due::Input { instance, input });
        self.schedule(executed, Due::Execute(Posted { instance, batch, said, transaction }));
    }

    /// The status of one operation: what the script says, or the rule.
    fn judge(&mut self, operation: &Operation, said: Said) -> Status {
        let verdict =
            self.script.verdicts.iter().zip(&mut self.verdicts_used).find(|(verdict, used)| {
                (verdict.number, verdict.kind) == (said.of.number, said.kind)
                    && !said.response
                    && **used < verdict.times
            });
        if let Some((verdict, used)) = verdict {
            *used += 1;
            return verdict.status;
        }
        match said.kind {
            OperationKind::Submit | OperationKind::SubmitRequest if said.submits() => {
                if self.terminating.is_some() {
                    Status::SHUTTING_DOWN
                } else if said.location.is_none() || (self.removed && said.location == Some(0)) {
                    Status::URL_DISALLOWED
                } else {
                    Status::OK
                }
            }
            OperationKind::CancelResponse => Status::OK,
            OperationKind::Submit
            | OperationKind::SubmitRequest
            | OperationKind::Delete
            | OperationKind::MoveToSuspendQueue
            | OperationKind::Resubmit
            | OperationKind::MoveToNextTransport => self.judge_disposal(operation),
        }
    }

    fn judge_disposal(&self, operation: &Operation) -> Status {
        match operation {
            Operation::MoveToNextTransport(reference) => match self.held.get(reference.0) {
                Some(held) if held.name.delivery > 0 && held.has_backup() => Status::OK,
                Some(_) => Status::NO_BACKUP_TRANSPORT,
                None => Status::FAIL,
            },
            Operation::Delete(reference)
            | Operation::Resubmit { reference, .. }
            | Operation::SubmitResponse { solicit: reference, .. }
            | Operation::MoveToSuspendQueue(Suspendable::Reference(reference)) => {
                if self.holds(*reference) { Status::OK } else { Status::FAIL }
            }
            Operation::MoveToSuspendQueue(Suspendable::Wire(_))
            | Operation::CancelResponse { .. }
            | Operation::Submit(_)
            | Operation::SubmitRequest { .. } => Status::OK,
        }
    }

    fn execute(&mut self, posted: Posted) {
        let Posted { instance, batch, said, transaction } = posted;
        let cookie = batch.cookie();
        let mut statuses = Vec::with_capacity(said.len());
        for (operation, said) in batch.operations().iter().zip(&said) {
            statuses.push((said.kind, self.judge(operation, *said)));
        }
        let status = BatchStatus::assemble(cookie, statuses);
        let complete = AdapterInput::BatchComplete(status.clone());
        let early = self.script.early_response
            && said.iter().any(|said| said.kind == OperationKind::SubmitRequest);
        if early && status.overall.is_success() {
            // The response overtakes the completion of its request (R-BC-08).
            let at = self.now + Duration::from_millis(2);
            self.schedule(at, Due::Input { instance, input: complete });
        } else {
            self.soon(instance, complete);
        }
        if !status.overall.is_success() {
            return;
        }
        let operations = batch.into_operations().into_iter().map(|one| (instance, one));
        match transaction {
            Some(transaction) => self.waiting.entry(transaction).or_default().extend(operations),
            None => operations.for_each(|(instance, operation)| self.apply(instance, operation)),
        }
    }

    fn apply(&mut self, instance: usize, operation: Operation) {
        match operation {
            Operation::Delete(reference)
            | Operation::MoveToSuspendQueue(Suspendable::Reference(reference)) => {
                self.end(reference);
            }
            Operation::MoveToNextTransport(reference) => self.move_to_backup(reference),
            Operation::Resubmit { reference, at } => self.resubmit(reference, at),
            Operation::SubmitRequest { request, token, .. } => {
                self.respond(instance, request.number, token);
            }
            Operation::CancelResponse { .. }
            | Operation::MoveToSuspendQueue(Suspendable::Wire(_))
            | Operation::Submit(_)
            | Operation::SubmitResponse { .. } => {}
        }
    }

    fn transacted(&mut self, instance: usize, transaction: TransactionId, committed: bool) {
        let waiting = self.waiting.remove(&transaction).unwrap_or_default();
        if committed {
            for (instance, operation) in waiting {
                self.apply(instance, operation);
            }
        }
        self.soon(instance, AdapterInput::TransactionDone { transaction, committed });
        self.partner_transacted(transaction, committed);
    }

    /// Whether this return is the one from `Terminate`; the trial is over then.
    pub(super) fn ends_with(&mut self, call: CallId) -> bool {
        self.terminated |= self.terminating == Some(call);
        self.terminated
    }

    pub(super) const fn is_terminating(&self) -> bool {
        self.terminating.is_some()
    }
}
