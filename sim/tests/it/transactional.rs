//! What the tests of distributed transactions share: plants whose adapters are transactional.

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AdapterOutput, ConfirmOf, TransactionalSender,
};
use floodgate_engine::config::{
    AdapterKind, OnPoison, TransactionBegins, TransactionalReceiveSettings,
    TransactionalSendSettings,
};
use floodgate_engine::message::Defect;
use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::pipeline::{ReceivePipeline, Stage};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::setup::{Poison, SinkSettings};

use crate::fixture::{ASYNC, FOLDER, PUSH, Plant, immediate};

/// Sends each endpoint's part of an adapter batch as one transaction.
pub(crate) const SEND: TransactionalSendSettings = TransactionalSendSettings {
    batch: 20,
    workers: u32::MAX,
    begins: TransactionBegins::AtTransmit,
};

/// Reads up to a hundred messages in one transaction, as MQSeries does.
pub(crate) fn mq() -> TransactionalReceiveSettings {
    TransactionalReceiveSettings::default()
}

/// Reads one message a transaction, as SQL does.
pub(crate) fn sql() -> TransactionalReceiveSettings {
    TransactionalReceiveSettings { batch_messages: 1, ..mq() }
}

/// Forgets what it cannot submit only by remembering it.
pub(crate) fn remembering(remember: Duration) -> TransactionalReceiveSettings {
    TransactionalReceiveSettings { on_poison: OnPoison::SuspendOnNextRead { remember }, ..mq() }
}

/// A plant that sends by transactions what it finds in its folder.
pub(crate) fn sending(send: TransactionalSendSettings, sink: SinkSettings) -> Plant {
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", ASYNC, sink);
    plant.setup.topology.adapters[1].kind = AdapterKind::TransactionalSend(send);
    plant
}

/// A plant that reads by transactions; nobody subscribes yet.
pub(crate) fn receiving(receive: TransactionalReceiveSettings) -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.setup.topology.adapters[0].kind = AdapterKind::TransactionalReceive(receive);
    plant
}

/// Every `nth` message fails in the pipeline, and the engine must not suspend it.
pub(crate) fn poisoned(plant: &mut Plant, nth: u64) {
    let location = &mut plant.setup.topology.receive_locations[0];
    location.pipeline = ReceivePipeline::xml();
    location.context.write(PropertyId::ACTION_ON_FAILURE, Some(Value::Int(0)));
    let defect = Defect::at(Stage::Disassemble, 1);
    plant.setup.loads[0].poison = Some(Poison { every: nth, defect });
}

/// A sender through whose hands its calls go: it may say something else of an outcome, or forget.
#[derive(Clone, Debug)]
pub(crate) struct Doctored {
    inner: TransactionalSender,
    own: TransportProxy,
    says: fn(bool) -> Vec<bool>,
}

impl Doctored {
    /// Confirms with each of `says` in turn.
    pub(crate) fn new(says: fn(bool) -> Vec<bool>) -> Self {
        Self { inner: TransactionalSender::new(SEND), own: TransportProxy::numbered(77), says }
    }

    fn confirm(&self, of: ConfirmOf, committed: bool, proxy: &mut TransportProxy) {
        for said in (self.says)(committed) {
            proxy.confirm(of, said);
        }
    }
}

impl Adapter for Doctored {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        self.inner.handle_input(now, input, &mut self.own);
        while let Some(output) = self.own.poll_output() {
            match output {
                AdapterOutput::Abort { transaction } => proxy.abort(transaction),
                AdapterOutput::Commit { transaction } => proxy.commit(transaction),
                AdapterOutput::Confirm { of, committed } => self.confirm(of, committed, proxy),
                AdapterOutput::Done { batch, transaction: Some(transaction) } => {
                    assert!(proxy.done_in(batch, transaction).is_success());
                }
                AdapterOutput::Done { batch, transaction: None } => {
                    assert!(proxy.done(batch).is_success());
                }
                AdapterOutput::Returned { call, returned } => proxy.returned(call, returned),
                AdapterOutput::Wire { token, request } => proxy.wire(token, request),
                other => panic!("a sender does not {other:?}"),
            }
        }
    }
}
