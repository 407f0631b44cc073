//! GS-12: dynamic send, told in full; and what the message says of it, in all its forms.

use floodgate_engine::adapter::{
    Adapter, AdapterInput, CallId, Receiver, Returned, Transmission, WireRequest, WireResult,
};
use floodgate_engine::config::{AdapterConfig, AdapterKind, SendSettings, TransportConfiguration};
use floodgate_engine::dynamic::{DynamicPort, OrderScope, SendHandler};
use floodgate_engine::id::{AdapterId, HostId, SendPortId};
use floodgate_engine::message::{PropertyId, Value, WireMessage};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::PortState;
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{EndpointSettings, Failure, SinkSettings};
use floodgate_sim::world::World;
use insta::assert_snapshot;

use crate::fixture::{
    ASYNC, BATCHED, FOLDER, Plant, Story, assert_all_kept, finish, immediate, ms, sink,
};

const OUT: SendPortId = SendPortId(0);
const IN_ADAPTER: AdapterId = AdapterId(0);

/// A receiver through whose hands every fetched message goes.
#[derive(Clone, Debug)]
pub(crate) struct Marking {
    pub(crate) inner: Receiver,
    pub(crate) mark: fn(&mut WireMessage),
}

impl Adapter for Marking {
    fn handle_input(&mut self, now: Instant, mut input: AdapterInput, proxy: &mut TransportProxy) {
        if let AdapterInput::WireDone { result: WireResult::Fetched { messages, .. }, .. } =
            &mut input
        {
            messages.iter_mut().for_each(self.mark);
        }
        self.inner.handle_input(now, input, proxy);
    }
}

/// Writes where a message is to go.
pub(crate) fn send_to(wire: &mut WireMessage, transport_type: Option<&str>, location: &str) {
    wire.context.write(PropertyId::OUTBOUND_TRANSPORT_LOCATION, Some(Value::text(location)));
    wire.context.write(PropertyId::OUTBOUND_TRANSPORT_TYPE, transport_type.map(Value::text));
}

impl Plant {
    /// Makes the last send port dynamic, over the adapters FILE and FTP of `send`.
    pub(crate) fn dynamic(&mut self, send: SendSettings) -> &mut Self {
        let topology = &mut self.setup.topology;
        for (name, alias) in [("FILE", "FILE://"), ("FTP", "FTP://")] {
            let kind = AdapterKind::Send(send);
            topology.adapters.push(AdapterConfig { name: name.to_owned(), kind });
            let mode = topology.properties.intern(&format!("{name}.CopyMode"));
            topology.send_handlers.push(SendHandler {
                adapter: AdapterId::from(topology.adapters.len() - 1),
                host: HostId(0),
                aliases: vec![alias.to_owned()],
                configuration: vec![(mode, Value::Int(1))],
            });
        }
        topology.dynamic_ports.push(DynamicPort {
            port: SendPortId::from(topology.send_ports.len() - 1),
            handlers: Vec::new(),
            order: OrderScope::default(),
        });
        self
    }
}

fn dynamic_plant(messages: usize) -> Plant {
    let mut plant = Plant::new(immediate(), FOLDER);
    plant
        .send_port("Out", "In", ASYNC, sink())
        .dynamic(BATCHED)
        .load(ArrivalKind::Replay(vec![ms(1); messages]), None);
    plant
}

pub(crate) fn marked(plant: &Plant, mark: fn(&mut WireMessage)) -> World {
    let mut world = plant.telling();
    world.replace_adapter(IN_ADAPTER, &Marking { inner: Receiver::new(FOLDER), mark });
    world
}

pub(crate) fn finished(mut world: World) -> (World, Story) {
    finish(&mut world);
    assert_eq!(world.checks().violations(), [], "a promise was broken");
    assert_all_kept(&world.clone().conclude());
    let story = Story::of(&world);
    (world, story)
}

#[test]
fn gs_12_the_message_says_which_adapter_and_where() {
    // GS-12(a, b, c), R-DYN-01, R-DYN-02, R-DYN-03, R-DYN-06, R-SND-03, INV-42.
    let (world, story) = finished(marked(&dynamic_plant(5), |wire| match wire.number {
        1 => send_to(wire, None, "FILE://C:/out/%MessageID%.xml"),
        2 => send_to(wire, Some("ftp"), "FILE://C:/out/%MessageID%.xml"),
        3 => send_to(wire, None, "file://C:/out/%MessageID%.xml"),
        4 => send_to(wire, Some("File"), "C:/elsewhere"),
        _ => send_to(wire, None, "fax:1234"),
    }));
    for (document, adapter) in [("m1", "FILE"), ("m2", "FTP"), ("m3", "FILE"), ("m4", "FILE")] {
        let call = format!("TransmitMessage({document})");
        assert_eq!(story.count(&[&call, adapter, "IsDynamicSend to"]), 1, "{document}");
    }
    // Nobody answers to m5: it waits for an operator, and no adapter ever saw it.
    assert_eq!(story.count(&["TransmitMessage(m5)"]), 0);
    assert_eq!(story.count(&["suspends m5 of Out, resumable, Unaddressed"]), 1);
    assert_eq!(world.message_box().reference_counts().suspended, 1);
    assert_eq!(world.meters().processed, 4);
    assert_snapshot!(story.text());
}

#[test]
fn gs_12_two_locations_are_two_endpoints_and_the_alias_makes_no_third() {
    // GS-12(d).
    // GS-12, R-BSND-08, R-DYN-03, INV-43: three messages, one adapter batch, two jobs.
    let mut plant = dynamic_plant(3);
    plant.setup.endpoints[1] = EndpointSettings::Sink(SinkSettings {
        wire: floodgate_sim::dist::Dist::Constant(Duration::from_secs(1)),
        ..sink()
    });
    let (_, story) = finished(marked(&plant, |wire| match wire.number {
        1 => send_to(wire, None, "FILE://a"),
        2 => send_to(wire, None, "FILE://b"),
        _ => send_to(wire, Some("FILE"), "a"),
    }));
    // m1 and m3 go one after another to the same end, m2 beside them.
    assert_eq!(story.instants(&["m1 by Out", "wire ok"]), [ms(2000)]);
    assert_eq!(story.instants(&["m2 by Out", "wire ok"]), [ms(2000)]);
    assert_eq!(story.instants(&["m3 by Out", "wire ok"]), [ms(3000)]);
    assert_snapshot!(story.text());
}

#[test]
fn what_nobody_answers_to_is_suspended_again_when_it_is_resumed() {
    // R-DYN-02, INV-42.
    let (mut world, _) =
        finished(marked(&dynamic_plant(1), |wire| send_to(wire, Some("Fax"), "FILE://x")));
    assert_eq!(world.resume(OUT), 1);
    let (world, story) = finished(world);
    assert_eq!(story.count(&["suspends m1 of Out, resumable, Unaddressed"]), 2);
    assert_eq!(world.message_box().reference_counts().suspended, 1);
}

#[test]
fn a_dynamic_port_has_no_backup_even_if_one_is_configured() {
    // R-RETRY-12, R-RETRY-11, INV-38.
    let mut plant = dynamic_plant(1);
    plant.retry(0, Duration::ZERO).backup(ASYNC, RetryPolicy::default(), sink());
    plant.setup.endpoints[1] =
        EndpointSettings::Sink(SinkSettings { failure: Failure::Always, ..sink() });
    let (world, story) = finished(marked(&plant, |wire| send_to(wire, None, "FILE://x")));
    assert_eq!(story.count(&["NO_BACKUP_TRANSPORT"]), 1);
    assert_eq!(story.count(&["suspends m1 of Out, resumable, Adapter"]), 1);
    assert_eq!(world.message_box().reference_counts().suspended, 1);
}

#[test]
fn a_port_may_choose_another_host_for_an_adapter() {
    // R-DYN-06.
    let mut plant = dynamic_plant(2);
    let topology = &mut plant.setup.topology;
    let mut other = topology.hosts[0].clone();
    other.name = "Other".to_owned();
    topology.hosts.push(other);
    let mut instance = topology.host_instances[0];
    instance.host = HostId(1);
    topology.host_instances.push(instance);
    let ftp = topology.send_handlers[1].adapter;
    topology.dynamic_ports[0].handlers.push((ftp, HostId(1)));
    let (_, story) = finished(marked(&plant, |wire| match wire.number {
        1 => send_to(wire, None, "FILE://x"),
        _ => send_to(wire, None, "FTP://x"),
    }));
    assert_eq!(story.count(&["FILE@H TransmitMessage(m1)"]), 1);
    assert_eq!(story.count(&["FTP@Other TransmitMessage(m2)"]), 1);
}

/// Looks at the context of every message it is handed, and sends it.
#[derive(Clone, Debug)]
struct Reads {
    property: PropertyId,
    expected: Option<Value>,
    call: Option<CallId>,
}

impl Reads {
    fn new(property: PropertyId, expected: Option<Value>) -> Self {
        Self { property, expected, call: None }
    }
}

impl Adapter for Reads {
    fn handle_input(&mut self, _now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        if let AdapterInput::TransmitMessage { call, message } = input {
            assert_eq!(message.context.read(self.property), self.expected.as_ref());
            self.call = Some(call);
            proxy.wire(0, WireRequest::Transmit(Transmission::of(&message)));
        } else if let AdapterInput::WireDone { .. } = input {
            proxy.returned(self.call.take().expect("a call to return from"), Returned::Sent);
        }
    }
}

#[test]
fn the_configuration_of_the_transport_stands_in_the_context() {
    // R-SND-04; R-DYN-01: a dynamic port has that of the handler.
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(1);
    let property = plant.setup.topology.properties.intern("OUT.Folder");
    let properties = vec![(property, Value::text("C:/out"))];
    let configuration = TransportConfiguration { port: OUT, on_backup: false, properties };
    for expected in [None, Some(Value::text("C:/out"))] {
        let mut world = plant.telling();
        world.replace_adapter(AdapterId(1), &Reads::new(property, expected));
        assert_eq!(finished(world).0.message_box().reference_counts().total(), 0);
        plant.setup.topology.configurations.push(configuration.clone());
    }
    let mut plant = dynamic_plant(1);
    plant.setup.topology.send_ports[0].state = PortState::Started;
    let property = plant.setup.topology.properties.intern("FILE.CopyMode");
    let AdapterKind::Send(settings) = &mut plant.setup.topology.adapters[2].kind else {
        panic!("FILE is a send adapter")
    };
    *settings = ASYNC;
    let mut world = marked(&plant, |wire| send_to(wire, None, "FILE://x"));
    world.replace_adapter(AdapterId(2), &Reads::new(property, Some(Value::Int(1))));
    assert_eq!(finished(world).0.message_box().reference_counts().total(), 0);
}
