//! Convoys on the bench: one running instance for all messages of a value.

use floodgate_engine::batch::OperationKind;
use floodgate_engine::config::{Orchestration, Topology};
use floodgate_engine::id::{HostId, SubscriberId};
use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::message_box::{Action, OutboundMessage, PreparedBatch, SubscriptionType};
use floodgate_engine::orchestration::{Convoy, Program};
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::Duration;

use crate::bench::{
    ASYNC, Bench, FIRST, MASTER, add_send_port, document, immediate, publishing, topology,
};

const PORT: SubscriberId = SubscriberId(0);
const CONVOY: SubscriberId = SubscriberId(1);

/// A send port of priority 6 and a convoy on the receive port's name, of priority 7.
fn gathering() -> Topology {
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology.send_ports[0].priority = 6;
    let property = PropertyId::RECEIVE_PORT_NAME;
    let filter = Condition::equals(property, Value::text("In"));
    topology.orchestrations.push(Orchestration {
        name: "Gather".to_owned(),
        host: HostId(0),
        filter: Filter::all_of(vec![filter]),
        priority: 7,
        ordered: false,
        program: Program {
            convoy: Some(Convoy { property, messages: 3, idle: None }),
            ..Program::default()
        },
    });
    topology
}

/// Takes one message.
fn take(bench: &mut Bench) -> Box<OutboundMessage> {
    let mut found = Vec::new();
    bench.message_box.dequeue(bench.now, MASTER, FIRST, 1, &mut found);
    found.pop().expect("one is eligible")
}

fn publish(bench: &mut Bench, number: u64) {
    bench.commit(publishing(vec![document(number, "In")]));
}

fn end(bench: &mut Bench, message: &OutboundMessage) {
    let action = if message.subscriber == CONVOY {
        Action::Consume(message.reference)
    } else {
        Action::Delete(message.reference)
    };
    let actions = vec![(OperationKind::Delete, action)];
    let status = bench.commit(PreparedBatch { actions, ..PreparedBatch::default() });
    assert!(status.overall.is_success());
}

#[test]
fn what_follows_in_a_convoy_has_the_priority_of_its_instance_subscription() {
    // R-SUB-08: what starts the instance comes by the activation, 7, after a port's 6; what
    // follows by the instance subscription, 5, before it.
    let mut bench = Bench::new(gathering());
    publish(&mut bench, 1);
    publish(&mut bench, 2);
    let mut order = Vec::new();
    let mut next = |bench: &mut Bench| {
        let message = take(bench);
        order.push((message.document.wire, message.subscriber));
        message
    };
    for _ in 0..2 {
        let message = next(&mut bench);
        end(&mut bench, &message);
    }
    let first = next(&mut bench);
    publish(&mut bench, 3);
    end(&mut bench, &first);
    for _ in 0..3 {
        let message = next(&mut bench);
        end(&mut bench, &message);
    }
    assert_eq!(order, [(1, PORT), (2, PORT), (1, CONVOY), (2, CONVOY), (3, CONVOY), (3, PORT)]);
}

#[test]
fn an_instance_subscription_shows_its_own_priority() {
    // R-SUB-08, R-SUB-05.
    let mut bench = Bench::new(gathering());
    publish(&mut bench, 1);
    let shown: Vec<(SubscriberId, SubscriptionType, u8)> = (bench.message_box)
        .subscriptions(bench.now + Duration::from_secs(1))
        .iter()
        .map(|own| (own.subscriber, own.subscription, own.priority))
        .collect();
    use SubscriptionType::{Activation, Instance};
    assert_eq!(
        shown,
        [(PORT, Activation, 6), (CONVOY, Activation, 7), (CONVOY, Instance { only: None }, 5)]
    );
}
