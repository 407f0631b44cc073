//! A MessageBox with a past, at which every case is posted twice.

use super::*;

/// What a reference is to the posting instance, by the test's own account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) reference: ReferenceId,
    pub(super) port: usize,
    pub(super) mine: bool,
    pub(super) on_backup: bool,
}

/// A MessageBox with a past.
pub(super) struct Bench {
    pub(super) topology: Arc<Topology>,
    pub(super) message_box: MessageBox,
    pub(super) held: Vec<Held>,
    pub(super) next_number: u64,
}

pub(super) fn action(kind: OperationKind, action: Action) -> PreparedBatch {
    PreparedBatch { actions: vec![(kind, action)], ..PreparedBatch::default() }
}

impl Bench {
    pub(super) fn new(case: &Case) -> Self {
        let topology = Arc::new(topology());
        let message_box = MessageBox::new(&topology);
        let mut bench = Self { topology, message_box, held: Vec::new(), next_number: 1 };
        for (port, past) in &case.pasts {
            bench.live_through(*port, *past);
        }
        bench.message_box.take_effects(&mut Vec::new());
        bench
    }

    pub(super) fn commit(&mut self, owner: HostInstanceId, batch: PreparedBatch) {
        let status = self.message_box.commit(NOW, owner, batch);
        assert!(status.overall.is_success(), "the past of a case is possible: {status}");
    }

    pub(super) fn dequeue(&mut self, owner: HostInstanceId) -> Option<Box<OutboundMessage>> {
        let mut messages = Vec::new();
        self.message_box.dequeue(NOW, MessageBoxId(0), owner, 1, &mut messages);
        messages.pop()
    }

    /// Publishes a message for `port` and lets `past` happen to what is dequeued then: at an
    /// ordered port that is its head.
    pub(super) fn live_through(&mut self, port: usize, past: Past) {
        let batch = self.prepare(&[Step::Submit(Fate::One(port))]);
        self.commit(MINE, batch);
        let owner = if matches!(past, Past::LockedToAnother) { OTHERS } else { MINE };
        let Some(mut message) = self.dequeue(owner) else { return };
        let reference = message.reference;
        let mut mine = false;
        match past {
            Past::Deleted => {
                self.commit(MINE, action(OperationKind::Delete, Action::Delete(reference)));
            }
            Past::Resubmitted => {
                let resubmit = Action::Resubmit(reference, LATER);
                self.commit(MINE, action(OperationKind::Resubmit, resubmit));
            }
            Past::Suspended => {
                let kind = OperationKind::MoveToSuspendQueue;
                self.commit(MINE, action(kind, Action::SuspendReference(reference)));
            }
            Past::OnBackup if message.subscriber.index() == BACKED => {
                let kind = OperationKind::MoveToNextTransport;
                self.commit(MINE, action(kind, Action::NextTransport(reference)));
                message = self.dequeue(MINE).expect("the backup is eligible at once");
                mine = true;
            }
            Past::Locked | Past::OnBackup => mine = true,
            Past::LockedToAnother => {}
        }
        let (port, on_backup) = (message.subscriber.index(), message.on_backup);
        self.held.push(Held { reference: message.reference, port, mine, on_backup });
    }

    pub(super) fn reference(&self, number: usize) -> ReferenceId {
        self.held[number % self.held.len()].reference
    }

    /// The batch as its adapter adds it.
    pub(super) fn operations(&mut self, steps: &[Step]) -> Vec<Operation> {
        let mut operations = Vec::new();
        for step in steps {
            let number = self.next_number;
            self.next_number += 1;
            operations.push(match *step {
                Step::Cancel => Operation::CancelResponse { token: number },
                Step::Delete(one) => Operation::Delete(self.reference(one)),
                Step::Move(one) => Operation::MoveToNextTransport(self.reference(one)),
                Step::Resubmit(one) => {
                    Operation::Resubmit { reference: self.reference(one), at: LATER }
                }
                Step::Submit(fate) => Operation::Submit(wire(number, fate)),
                Step::Suspend(one) => {
                    Operation::MoveToSuspendQueue(Suspendable::Reference(self.reference(one)))
                }
                Step::SuspendWire => {
                    let wire = wire(number, Fate::Everybody);
                    Operation::MoveToSuspendQueue(Suspendable::Wire(wire))
                }
            });
        }
        operations
    }

    /// The batch as the engine hands it to the MessageBox, pipelines run.
    pub(super) fn prepare(&mut self, steps: &[Step]) -> PreparedBatch {
        let mut batch = PreparedBatch { cookie: COOKIE, ..PreparedBatch::default() };
        for operation in self.operations(steps) {
            let kind = operation.kind();
            let action = match operation {
                Operation::Submit(wire) => self.receive(wire, &mut batch),
                Operation::Delete(reference) => Action::Delete(reference),
                Operation::MoveToNextTransport(reference) => Action::NextTransport(reference),
                Operation::Resubmit { reference, at } => Action::Resubmit(reference, at),
                Operation::MoveToSuspendQueue(Suspendable::Reference(reference)) => {
                    Action::SuspendReference(reference)
                }
                Operation::MoveToSuspendQueue(Suspendable::Wire(wire)) => {
                    suspend(wire, Reason::Adapter, Status::OK)
                }
                _ => Action::Nothing,
            };
            batch.actions.push((kind, action));
        }
        batch
    }

    pub(super) fn receive(&self, wire: WireMessage, batch: &mut PreparedBatch) -> Action {
        let location = &self.topology.receive_locations[0];
        let known = wire.context.read(PropertyId::INBOUND_TRANSPORT_LOCATION);
        if known != Some(&Value::text(&location.name)) {
            return Action::Refuse(Status::URL_DISALLOWED);
        }
        let first = batch.documents.len();
        let outcome = location.pipeline.execute(&[], &wire, &mut batch.documents);
        if matches!(outcome, Outcome::Done(_)) {
            return match batch.documents.len() - first {
                0 => Action::Empty(wire.number),
                _ => Action::Publish {
                    first: u32::try_from(first).expect("a short batch"),
                    count: 1,
                },
            };
        }
        let forbidden = wire.context.read(PropertyId::ACTION_ON_FAILURE) == Some(&Value::Int(0));
        match forbidden || !wire.seekable {
            true => Action::Refuse(Status::FAIL),
            false => suspend(wire, Reason::Pipeline, Status::MESSAGE_SUSPENDED),
        }
    }

    pub(super) fn post(&mut self, case: &Case) -> BatchStatus {
        if !case.through_host {
            let batch = self.prepare(&case.steps);
            return self.message_box.commit(NOW, MINE, batch);
        }
        let operations = self.operations(&case.steps);
        let mut proxy = TransportProxy::default();
        let mut batch = proxy.get_batch(COOKIE).expect("nothing is shutting down");
        operations.into_iter().for_each(|operation| batch.add(operation));
        assert!(proxy.done(batch).is_success());
        let Some(AdapterOutput::Done { batch, .. }) = proxy.poll_output() else {
            panic!("a batch that is done is posted")
        };
        let mut host = HostInstance::new(&self.topology, MINE);
        let adapter = AdapterId(0);
        let race = DoneRace::ReturnFirst;
        host.handle_input(NOW, HostInput::Posted { adapter, batch, race, transaction: None });
        self.carry(&mut host)
    }

    /// Carries what a host instance wants until it says `BatchComplete`, exactly once.
    pub(super) fn carry(&mut self, host: &mut HostInstance) -> BatchStatus {
        let mut complete = Vec::new();
        while let Some(output) = host.poll_output() {
            match output {
                HostOutput::Work { frame, .. } => {
                    host.handle_input(NOW, HostInput::WorkDone { frame });
                }
                HostOutput::Transact { frame, batch, .. } => {
                    let status = self.message_box.commit(NOW, MINE, batch);
                    host.handle_input(NOW, HostInput::Committed { frame, status });
                }
                HostOutput::Call { input: AdapterInput::BatchComplete(status), .. } => {
                    complete.push(status);
                }
                HostOutput::Abort { .. }
                | HostOutput::Call { .. }
                | HostOutput::Dequeue { .. }
                | HostOutput::Stopped => {}
            }
        }
        assert_eq!(complete.len(), 1, "INV-01");
        complete.remove(0)
    }
}
