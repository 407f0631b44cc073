//! A host instance whose process is not the engine's, call by call.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test listens for what it is about")]

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AdapterOutput, AnyAdapter, Isolated, IsolatedCall, IsolatedInput,
};
use floodgate_engine::batch::{Operation, Status};
use floodgate_engine::config::{AdapterConfig, AdapterKind, Topology};
use floodgate_engine::exchange::ResponseSettings;
use floodgate_engine::host::{HostInput, Life, LocationAct};
use floodgate_engine::id::{AdapterId, ReceiveLocationId};
use floodgate_engine::pipeline::ReceivePipeline;
use floodgate_engine::transport_proxy::TransportProxy;

use crate::bench::{
    ASYNC, Bench, NOTIFIED, RECEIVER, add_receive_port, add_send_port, batch_of, immediate,
    topology, wire,
};

const OTHER: AdapterId = AdapterId(1);

/// `In` and `Second` of one isolated adapter, and `Third` of another.
fn isolated() -> Topology {
    let mut topology = topology(immediate());
    topology
        .adapters
        .push(AdapterConfig { name: "OTHER".to_owned(), kind: AdapterKind::Receive(NOTIFIED) });
    for name in ["Second", "Third"] {
        add_receive_port(&mut topology, name, ReceivePipeline::pass_through());
    }
    topology.receive_locations[2].adapter = OTHER;
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology.exchanges.hosts =
        vec![ResponseSettings { isolated: true, ..ResponseSettings::default() }];
    topology
}

/// What adapters were told since the last time, in words.
fn told(bench: &mut Bench) -> Vec<String> {
    let words = bench.calls.drain(..).map(|(adapter, input)| {
        let word = match input {
            AdapterInput::Isolated(IsolatedInput::ProcessEnds) => "process ends".to_owned(),
            AdapterInput::Isolated(IsolatedInput::ProcessStarts { location }) => {
                format!("starts {}", location.0)
            }
            AdapterInput::Isolated(IsolatedInput::Registered { location, status }) => {
                format!("registered {} {}", location.0, status.is_success())
            }
            AdapterInput::Load => "load".to_owned(),
            AdapterInput::AddReceiveEndpoint { location, .. } => format!("add {}", location.0),
            AdapterInput::RemoveReceiveEndpoint { location } => format!("remove {}", location.0),
            AdapterInput::BatchComplete(status) => format!("{:?}", status.operations[0].status),
            AdapterInput::DoneReturned { .. } => "done".to_owned(),
            other => format!("{other:?}"),
        };
        format!("{}: {word}", adapter.0)
    });
    words.collect()
}

fn register(bench: &mut Bench, adapter: AdapterId, location: u32) -> Vec<String> {
    let call = IsolatedCall::Register { location: ReceiveLocationId(location) };
    bench.tell(HostInput::Isolated { adapter, call });
    told(bench)
}

fn ends(bench: &mut Bench, adapter: AdapterId) -> Vec<String> {
    bench.tell(HostInput::Isolated { adapter, call: IsolatedCall::Terminate });
    told(bench)
}

fn operate(bench: &mut Bench, location: u32, act: LocationAct) -> Vec<String> {
    let location = ReceiveLocationId(location);
    bench.tell(HostInput::Location { location, act });
    told(bench)
}

#[test]
fn an_isolated_adapter_gets_its_locations_when_it_has_registered_them() {
    // R-LIFE-11: the engine makes no adapter; registration, then `Load` once, then the location.
    let mut topology = isolated();
    topology.receive_locations[1].enabled = false;
    let mut bench = Bench::new(topology);
    bench.tell(HostInput::Start);
    assert_eq!(told(&mut bench), ["0: starts 0", "0: starts 1", "1: starts 2"]);
    let early = bench.host.clone();
    bench.post(batch_of(1, [Operation::Submit(wire(1))]));
    assert_eq!(told(&mut bench), ["0: done", &format!("0: {:?}", Status::URL_DISALLOWED)]);
    bench.host = early;
    assert_eq!(register(&mut bench, RECEIVER, 0), ["0: registered 0 true", "0: load", "0: add 0"]);
    // One that is not enabled, one of another adapter's, and one that is unknown.
    assert_eq!(register(&mut bench, RECEIVER, 1), ["0: registered 1 false"]);
    assert_eq!(register(&mut bench, RECEIVER, 2), ["0: registered 2 false"]);
    assert_eq!(register(&mut bench, RECEIVER, 9), ["0: registered 9 false"]);
    assert_eq!(register(&mut bench, OTHER, 2), ["1: registered 2 true", "1: load", "1: add 2"]);
    bench.post(batch_of(2, [Operation::Submit(wire(2))]));
    assert_eq!(told(&mut bench)[..2], ["0: done", &format!("0: {:?}", Status::OK)]);
    // Once an operator enables the second, it is asked for again; the first is there already.
    assert_eq!(operate(&mut bench, 1, LocationAct::Enable), ["0: starts 1"]);
    assert_eq!(operate(&mut bench, 0, LocationAct::Enable), [""; 0]);
    assert_eq!(register(&mut bench, RECEIVER, 1), ["0: registered 1 true", "0: add 1"]);
}

#[test]
fn the_process_hangs_until_every_adapter_has_said_that_it_is_over() {
    // R-LIFE-11, R-SHUT-01: no `Terminate`, the adapters let it end.
    let mut bench = Bench::new(isolated());
    bench.tell(HostInput::Start);
    register(&mut bench, RECEIVER, 0);
    register(&mut bench, RECEIVER, 1);
    register(&mut bench, OTHER, 2);
    bench.tell(HostInput::Stop);
    assert_eq!(told(&mut bench), ["0: process ends", "1: process ends"]);
    assert_eq!(operate(&mut bench, 0, LocationAct::Enable), [""; 0], "too late to ask again");
    assert_eq!(register(&mut bench, OTHER, 2), ["1: registered 2 false"]);
    assert_eq!(ends(&mut bench, RECEIVER), [""; 0]);
    assert_eq!((bench.host.life(), bench.stopped), (Life::Stopping, false));
    assert_eq!(ends(&mut bench, OTHER), [""; 0]);
    assert_eq!((bench.host.life(), bench.stopped), (Life::Down, true));
    bench.tell(HostInput::Start);
    assert_eq!(told(&mut bench), ["0: starts 0", "0: starts 1", "1: starts 2"]);
    assert_eq!(register(&mut bench, RECEIVER, 0), ["0: registered 0 true", "0: load", "0: add 0"]);
}

#[test]
fn an_adapter_that_left_has_no_location_and_the_others_keep_theirs() {
    // R-LIFE-11: `TerminateIsolatedReceiver` while the process lives on.
    let mut bench = Bench::new(isolated());
    bench.tell(HostInput::Start);
    register(&mut bench, RECEIVER, 0);
    register(&mut bench, OTHER, 2);
    ends(&mut bench, OTHER);
    bench.post(batch_of(1, [Operation::Submit(wire(1))]));
    assert_eq!(told(&mut bench)[..2], ["0: done", &format!("0: {:?}", Status::OK)]);
    // It comes back as a new one.
    assert_eq!(register(&mut bench, OTHER, 2), ["1: registered 2 true", "1: load", "1: add 2"]);
    ends(&mut bench, RECEIVER);
    bench.post(batch_of(2, [Operation::Submit(wire(2))]));
    assert_eq!(told(&mut bench), ["0: done", &format!("0: {:?}", Status::URL_DISALLOWED)]);
    assert_eq!(operate(&mut bench, 0, LocationAct::Enable), ["0: starts 0"]);
}

#[test]
fn an_adapter_of_the_engine_s_process_cannot_call_like_an_isolated_one() {
    // R-LIFE-11.
    let mut topology = isolated();
    topology.exchanges.hosts.clear();
    let mut bench = Bench::new(topology);
    bench.tell(HostInput::Start);
    told(&mut bench);
    assert_eq!(register(&mut bench, RECEIVER, 0), [""; 0]);
    assert_eq!(ends(&mut bench, RECEIVER), [""; 0]);
    bench.post(batch_of(1, [Operation::Submit(wire(1))]));
    assert_eq!(told(&mut bench)[..2], ["0: done", &format!("0: {:?}", Status::OK)]);
    bench.tell(HostInput::Stop);
    assert!(told(&mut bench).iter().all(|word| word.contains("Terminate")));
}

#[test]
fn an_isolated_adapter_registers_when_asked_and_says_itself_when_it_is_over() {
    // R-LIFE-11: what its process tells it, and what it calls at its proxy.
    let mut proxy = TransportProxy::default();
    let mut adapter = Isolated::new(AnyAdapter::new(AdapterKind::Receive(NOTIFIED)));
    let location = ReceiveLocationId(0);
    let now = floodgate_engine::time::Instant::ZERO;
    let mut tell = |input: AdapterInput| -> Vec<IsolatedCall> {
        adapter.handle_input(now, input, &mut proxy);
        let outputs = std::iter::from_fn(|| proxy.poll_output());
        let calls = outputs.filter_map(|output| match output {
            AdapterOutput::Isolated(call) => Some(call),
            AdapterOutput::Returned { .. } => panic!("nobody called `Terminate`"),
            _ => None,
        });
        calls.collect()
    };
    let asked = tell(AdapterInput::Isolated(IsolatedInput::ProcessStarts { location }));
    assert_eq!(asked, [IsolatedCall::Register { location }]);
    let status = Status::OK;
    assert_eq!(tell(AdapterInput::Isolated(IsolatedInput::Registered { location, status })), []);
    assert_eq!(tell(AdapterInput::Load), []);
    assert_eq!(tell(AdapterInput::Isolated(IsolatedInput::ProcessEnds)), [IsolatedCall::Terminate]);
    assert_eq!(tell(AdapterInput::Load), [], "once");
}
