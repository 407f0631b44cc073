//! More stories: exchanges, transactions, several MessageBoxes, and the lives of host instances.

use floodgate_engine::config::{
    AdapterConfig, AdapterKind, MessageBoxConfig, OnFailure, OnPoison, Orchestration,
    RequestSettings, SendSettings, Topology, TransactionBegins, TransactionalReceiveSettings,
    TransactionalSendSettings, TransportWindow,
};
use floodgate_engine::dynamic::{DynamicPort, OrderScope, SendHandler};
use floodgate_engine::exchange::{RequestPort, SolicitPort};
use floodgate_engine::host::{HostInput, LocationAct};
use floodgate_engine::id::{
    AdapterId, HostId, HostInstanceId, MessageBoxId, ReceiveLocationId, ReceivePortId, SendPortId,
};
use floodgate_engine::message::{PropertyId, Value, WireMessage};
use floodgate_engine::orchestration::{Convoy, Program, SendShape};
use floodgate_engine::pipeline::{Act, Component, Custom, ReceivePipeline, SendPipeline, When};
use floodgate_engine::schedule::Window;
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::throttle::{DeliveryState, PublishingState, Throttle};
use floodgate_engine::time::Duration;

use crate::bench::{ASYNC, add_host, add_receive_port, add_send_port, immediate, topology, wire};
use crate::town::{Partner, Town};

use crate::stories::{endpoint, messages, minutes, retry, told};

/// A two-way receive port, a solicit-response send port that answers it, and a one-way location.
fn two_way(request: RequestSettings) -> Topology {
    let mut topology = topology(immediate());
    topology.adapters[0].kind = AdapterKind::Request(request);
    topology.exchanges.request_ports.push(RequestPort {
        port: ReceivePortId(0),
        pipeline: SendPipeline::pass_through(),
        maps: vec![floodgate_engine::map::Map::any()],
        fault_bytes: Some(99),
    });
    add_send_port(&mut topology, "Ask", "In", ASYNC);
    topology.send_ports[0].two_way = true;
    topology.exchanges.solicit_ports.push(SolicitPort {
        port: SendPortId(0),
        pipeline: ReceivePipeline::pass_through(),
        maps: vec![floodgate_engine::map::Map::any()],
        correlated_only: false,
    });
    add_receive_port(&mut topology, "Plain", ReceivePipeline::pass_through());
    topology.receive_locations[1].adapter = AdapterId(0);
    add_send_port(&mut topology, "Copy", "Plain", ASYNC);
    retry(&mut topology);
    topology
}

fn plain(numbers: impl IntoIterator<Item = u64>) -> Vec<WireMessage> {
    let mut all = messages(numbers);
    for message in &mut all {
        let location = Some(Value::text("Plain"));
        message.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, location);
    }
    all
}

#[test]
fn clients_are_answered_late_or_never() {
    // R-RR-03, R-RR-04, R-RR-07, R-RR-11, R-RR-16, R-SR-01, R-SR-02.
    let quick = Duration::from_secs(30);
    let settings = [
        RequestSettings { concurrent: 3, timeout: Some(quick), ..RequestSettings::default() },
        RequestSettings { blocking: true, batch_messages: 4, ..RequestSettings::default() },
        RequestSettings {
            cancel_after: Some(quick),
            first_only: false,
            ..RequestSettings::default()
        },
        RequestSettings { suspend_failed: true, ..RequestSettings::default() },
    ];
    for (number, settings) in settings.into_iter().enumerate() {
        let topology = two_way(settings);
        let asked = endpoint(&topology, 0);
        let mut town = Town::new(topology);
        town.partners.insert(asked, Partner::RefusesOdd);
        town.arrive(0, messages(1..=5));
        town.arrive(1, plain(11..=14));
        town.run(minutes(1));
        let mut bad = wire(6);
        bad.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, Some(Value::text("Nowhere")));
        town.arrive(0, [bad]);
        town.run(minutes(30));
        town.partners.clear();
        town.arrive(0, messages(21..=22));
        town.host(0, HostInput::Stop);
        town.run(minutes(1));
        town.survey("the clients have gone");
        told(&format!("clients_{number}"), &town);
    }
}

/// Nobody subscribes to what came from a wire message with an odd number.
fn only_even(topology: &mut Topology) {
    let even = PropertyId(900);
    let acts = vec![Act::Promote(even, Value::Int(1))];
    let own = Custom { name: "even".into(), when: When::Every(2), acts };
    topology.receive_locations[0].pipeline =
        ReceivePipeline { validate: vec![Component::Custom(own)], ..ReceivePipeline::xml() };
    for port in &mut topology.send_ports {
        port.filter = Some(Filter::all_of(vec![Condition::equals(even, Value::Int(1))]));
    }
}

#[test]
fn transactions_begin_and_end_at_both_ends() {
    // R-TXN-01, R-TXN-02, R-TXN-06, R-TXN-07, R-TXN-09, R-TXN-12, R-TXN-13.
    let poisons = [
        OnPoison::Stop,
        OnPoison::SuspendOnNextRead { remember: minutes(5) },
        OnPoison::SuspendInTransaction { resumable: true },
    ];
    for (number, on_poison) in poisons.into_iter().enumerate() {
        let begins = [TransactionBegins::AtTransmit, TransactionBegins::InBeginBatch][number % 2];
        let mut topology = topology(immediate());
        topology.adapters[0].kind =
            AdapterKind::TransactionalReceive(TransactionalReceiveSettings {
                batch_messages: 3,
                poll: Some(Duration::from_secs(2)),
                on_poison,
                single_for: Duration::from_secs(10),
                ..Default::default()
            });
        add_send_port(&mut topology, "Out", "In", ASYNC);
        add_send_port(&mut topology, "Other", "In", ASYNC);
        for port in [0, 1] {
            let adapter = topology.send_ports[0].primary.adapter;
            topology.send_ports[port].primary.adapter = adapter;
            topology.adapters[adapter.index()].kind =
                AdapterKind::TransactionalSend(TransactionalSendSettings {
                    batch: 5,
                    workers: 2,
                    begins,
                });
        }
        retry(&mut topology);
        only_even(&mut topology);
        let refusing = endpoint(&topology, 0);
        let mut town = Town::new(topology);
        town.partners.insert(refusing, Partner::RefusesOdd);
        town.arrive(0, messages([2, 4, 6, 5, 8, 10]));
        town.run(Duration::from_secs(30));
        if on_poison == OnPoison::Stop {
            let location = ReceiveLocationId(0);
            town.host(0, HostInput::Location { location, act: LocationAct::Enable });
        }
        town.votes_no = true;
        town.arrive(0, messages([22, 24, 25]));
        town.run(Duration::from_secs(6));
        town.votes_no = false;
        town.run(minutes(5));
        town.host(0, HostInput::Stop);
        town.run(minutes(1));
        town.survey("both ends rest");
        told(&format!("transactions_{number}"), &town);
    }
}

/// Three MessageBoxes, two hosts, ports near and far, in a window and dynamic, two orchestrations.
fn three_boxes() -> Topology {
    let mut topology = topology(immediate());
    topology.message_boxes = ["Master", "Second", "Third"]
        .map(|name| MessageBoxConfig { name: name.to_owned(), publishes: name != "Master" })
        .into();
    let away = add_host(&mut topology, immediate());
    for name in ["Near", "Far", "Night", "Dynamic"] {
        add_send_port(&mut topology, name, "In", ASYNC);
    }
    retry(&mut topology);
    topology.send_ports[1].primary.host = away;
    topology.send_ports[1].ordered = Some(OnFailure::Continue);
    let window = Window { from: minutes(60), until: minutes(120) };
    topology.windows.push(TransportWindow { port: SendPortId(2), on_backup: false, window });
    let order = OrderScope::Location;
    topology.dynamic_ports.push(DynamicPort { port: SendPortId(3), handlers: Vec::new(), order });
    topology.send_ports[3].ordered = Some(OnFailure::Stop);
    for (port, alias) in [(0, "near://"), (1, "far://")] {
        let adapter = topology.send_ports[port].primary.adapter;
        let host = topology.send_ports[port].primary.host;
        topology.send_handlers.push(SendHandler {
            adapter,
            host,
            aliases: vec![alias.to_owned()],
            configuration: vec![(PropertyId(901), Value::Int(port as i64))],
        });
    }
    for (name, convoy) in [("Each", false), ("Gather", true)] {
        let property = PropertyId::RECEIVE_PORT_NAME;
        let filter = Condition::equals(property, Value::text("In"));
        topology.orchestrations.push(Orchestration {
            name: name.to_owned(),
            host: away,
            filter: Filter::all_of(vec![filter]),
            priority: 4,
            ordered: convoy,
            program: Program {
                suspends: !convoy,
                sends: convoy.then(|| SendShape { to: Some(SendPortId(0)), ..Default::default() }),
                answer: None,
                convoy: convoy.then_some(Convoy { property, messages: 3, idle: Some(minutes(2)) }),
            },
        });
    }
    topology
}

#[test]
fn several_message_boxes_share_orchestrations_windows_and_dynamic_ports() {
    // R-MMB-02, R-MMB-03, R-MMB-04, R-MMB-06, R-ORD-03, R-SW-01, R-DYN-01, R-DYN-02, R-DEQ-09.
    let topology = three_boxes();
    let refusing = endpoint(&topology, 1);
    let mut town = Town::new(topology);
    town.partners.insert(refusing, Partner::RefusesOdd);
    let mut all = messages(1..=8);
    for (at, message) in all.iter_mut().enumerate() {
        let location = ["near://a", "FAR://b", "near://c", "nowhere://d"][at % 4];
        let location = Some(Value::text(location));
        message.context.write(PropertyId::OUTBOUND_TRANSPORT_LOCATION, location);
    }
    town.arrive(0, all);
    town.run(Duration::from_millis(40));
    town.message_box.set_offline(MessageBoxId(1), true);
    town.run(Duration::from_secs(15));
    town.message_box.set_offline(MessageBoxId(1), false);
    town.absorb();
    town.message_box.set_publishes(MessageBoxId(2), false);
    town.arrive(0, messages(11..=12));
    town.run(minutes(10));
    town.survey("before the window opens");
    for at in [4, 5] {
        let id = floodgate_engine::id::SubscriberId(at);
        let resumed = town.message_box.resume_orchestration(id);
        town.story.push(format!("resumed {resumed}"));
        town.absorb();
    }
    for at in 0..2 {
        let id = floodgate_engine::id::OrchestrationId(at);
        let states = town.message_box.orchestration_states(&town.topology, id);
        town.story.push(format!("orchestration {at}: {states:?}"));
    }
    town.run(minutes(60));
    town.survey("after it opened");
    told("boxes", &town);
}

#[test]
fn host_instances_start_stop_and_die() {
    // R-SHUT-01, R-SHUT-06, R-CRASH-01, R-CRASH-03, R-LIFE-02, R-LIFE-06, R-THR-03.
    let mut topology = topology(immediate());
    let away = add_host(&mut topology, immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    add_send_port(&mut topology, "Far", "In", SendSettings { blocking: true, ..ASYNC });
    retry(&mut topology);
    topology.send_ports[1].primary.host = away;
    topology.hosts[0].settings.fault_tolerance = Some(minutes(1));
    topology.hosts[1].settings.threads = 2;
    topology.hosts[1].settings.thread_growth = Duration::from_millis(200);
    topology.hosts[1].settings.poll = Duration::from_millis(500);
    let mut town = Town::new(topology);
    let location = ReceiveLocationId(0);
    town.arrive(0, messages(1..=30));
    town.run(Duration::from_millis(30));
    let throttle = |town: &mut Town, severity| {
        let publishing = Throttle::publishing(PublishingState::Rate, severity);
        let delivery = Throttle::delivery(DeliveryState::Rate, severity);
        town.host(0, HostInput::Throttle(publishing));
        town.host(1, HostInput::Throttle(delivery));
        let delays = (publishing.publishing_delay, delivery.delivery_delay);
        town.story.push(format!("delays {delays:?}"));
    };
    throttle(&mut town, 0.5);
    town.run(Duration::from_millis(100));
    town.survey("in the midst");
    town.die(1);
    town.run(Duration::from_millis(10));
    let given = town.message_box.release_locks(HostInstanceId(1));
    town.story.push(format!("found {given}"));
    town.absorb();
    town.restart(1);
    throttle(&mut town, 0.0);
    for act in [LocationAct::Disable, LocationAct::Enable, LocationAct::Break, LocationAct::Update]
    {
        town.host(0, HostInput::Location { location, act });
        town.arrive(0, messages(40..=41));
        town.run(Duration::from_secs(20));
    }
    town.run(minutes(2));
    town.arrive(0, messages(50..=60));
    town.run(Duration::from_millis(12));
    town.host(0, HostInput::Stop);
    town.run(Duration::from_secs(5));
    town.survey("one is down");
    town.restart(0);
    town.run(minutes(2));
    town.survey("all is done");
    told("life", &town);
}

#[test]
fn a_handler_that_is_not_there_sends_nothing() {
    // R-DYN-04, R-ROUTE-01: a dynamic port alone, and a message that no port wants.
    let mut topology = topology(immediate());
    topology
        .adapters
        .push(AdapterConfig { name: "SPARE".to_owned(), kind: AdapterKind::Send(ASYNC) });
    add_send_port(&mut topology, "Dynamic", "In", ASYNC);
    let order = OrderScope::TransportType;
    topology.dynamic_ports.push(DynamicPort {
        port: SendPortId(0),
        handlers: vec![(AdapterId(1), HostId(0))],
        order,
    });
    topology.send_ports[0].ordered = Some(OnFailure::Continue);
    topology.send_handlers.push(SendHandler {
        adapter: AdapterId(1),
        host: HostId(0),
        aliases: vec!["spare:".to_owned()],
        configuration: Vec::new(),
    });
    let mut town = Town::new(topology);
    let mut all = messages(1..=4);
    for (message, location) in all.iter_mut().zip(["spare:a", "spare:b", "none:c"]) {
        let property = PropertyId::OUTBOUND_TRANSPORT_LOCATION;
        message.context.write(property, Some(Value::text(location)));
    }
    town.arrive(0, all);
    town.run(minutes(1));
    town.survey("some had nowhere to go");
    told("dynamic", &town);
}
