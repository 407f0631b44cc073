//! The golden sequences of two-way exchanges, GS-07 and GS-08, told in full and compared with the
//! stories kept here; what a sequence demands is asserted by itself.

use floodgate_engine::adapter::{Adapter, AdapterInput, Requester, WireResult};
use floodgate_engine::config::{
    AdapterConfig, AdapterKind, Authentication, HostInstanceConfig, RequestSettings,
};
use floodgate_engine::exchange::{LateResponses, RequestPort, ResponseSettings, SolicitPort};
use floodgate_engine::id::{AdapterId, HostId, ReceiveLocationId, SendPortId, ServerId};
use floodgate_engine::message::{Defect, DefectKind, PropertyId, Value, WireMessage};
use floodgate_engine::pipeline::{ReceivePipeline, SendPipeline, Stage};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{
    DoneOrder, EndpointSettings, Failure, Poison, Reply, ResponseOrder, SinkSettings,
};
use floodgate_sim::world::World;
use insta::assert_snapshot;

use crate::fixture::{
    ASYNC, BATCHED, BLOCKING, PUSH, Plant, Story, assert_all_kept, finish, immediate, ms, sink,
};

const IN: ReceiveLocationId = ReceiveLocationId(0);
const TWENTY_MINUTES: Duration = Duration::from_minutes(20);

/// A partner that replies so long after it was asked.
pub(crate) fn replying(after: Duration) -> SinkSettings {
    let reply = Reply { bytes: 500, document_type: "Reply".to_owned(), defect: None };
    SinkSettings { wire: Dist::Constant(after), reply: Some(reply), ..sink() }
}

/// Clients at `In`, whose requests go to the two-way send port `Ask`; one request at 1 ms.
pub(crate) fn desk(settings: RequestSettings, partner: SinkSettings) -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    let topology = &mut plant.setup.topology;
    topology.adapters[0] =
        AdapterConfig { name: "IN".to_owned(), kind: AdapterKind::Request(settings) };
    topology.exchanges.request_ports.push(RequestPort {
        port: topology.receive_locations[IN.index()].port,
        pipeline: SendPipeline::pass_through(),
        maps: Vec::new(),
        fault_bytes: None,
    });
    let wire = Dist::Constant(Duration::ZERO);
    plant.setup.endpoints[0] = EndpointSettings::Clients { wire, patience: None };
    plant.send_port("Ask", "In", ASYNC, partner);
    plant.setup.topology.send_ports[0].two_way = true;
    plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
    plant
}

fn desk_with_partner(after: Duration) -> Plant {
    desk(RequestSettings::default(), replying(after))
}

fn finished(mut world: World) -> (World, Story) {
    finish(&mut world);
    assert_eq!(world.checks().violations(), [], "a promise was broken");
    assert_all_kept(&world.clone().conclude());
    let story = Story::of(&world);
    (world, story)
}

fn told(plant: &Plant) -> (World, Story) {
    finished(plant.telling())
}

// GS-07, GS-08 (a): R-SR-01…03, R-RR-01, R-RR-03, R-RR-04, R-RR-06.
#[test]
fn gs_08_a_the_response_of_a_solicit_answers_the_client() {
    // GS-07(a), GS-08(a).
    let (world, story) = told(&desk_with_partner(Duration::from_millis(100)));
    story.assert_order(&[
        &["IN@H b1: SubmitRequest(m1) ; Done"],
        &["m1 waits for its response"],
        &["publishes m1"],
        &["IN@H b1: BatchComplete(S_OK, 1, [{SubmitRequest,S_OK,1,[S_OK]}])"],
        &["TransmitMessage(m1)"],
        &["the partner replies to m1 with m2"],
        &["b1: SubmitResponse(m2), Delete(m1) ; Done"],
        &["publishes m2, 1 reference"],
        &["refers m2 to In"],
        &["the wait of m1 ends with a response"],
        &["deletes m1 of Ask"],
        &["IN@H TransmitMessage(m2)"],
        &["answers the client of m1: 200 with m2"],
        &["IN@H b3: Delete(m2) ; Done"],
        &["deletes m2 of In"],
    ]);
    let both = "BatchComplete(S_OK, 2, [{Submit,S_OK,1,[S_OK]},{Delete,S_OK,1,[S_OK]}])";
    assert_eq!(story.count(&[both]), 1, "one batch, one transaction");
    assert_eq!(story.instants(&["publishes m2"]), story.instants(&["deletes m1"]));
    assert_eq!((world.meters().answers.responses, world.backlog()), (1, 0));
    assert_eq!(world.message_box().open_waits_count(), 0);
    // The run does not wait for a time-out that nobody needs any more.
    assert!(world.clone().conclude().ended < ms(1000));
    assert_snapshot!(story.text());
}

// GS-08 (b): R-BC-08, R-CLK-04, R-ADPT-03; the same end whatever comes first.
#[test]
fn gs_08_b_a_response_overtakes_batch_complete_and_done() {
    // GS-08(b).
    let transmit = &["IN@H TransmitMessage(m2)"][..];
    let complete = &["IN@H b1: BatchComplete"][..];
    let returns = &["IN@H b1: Done returns"][..];
    let after = (ResponseOrder::AfterComplete, DoneOrder::CompleteFirst);
    let before = (ResponseOrder::BeforeComplete, DoneOrder::ReturnFirst);
    let earliest = (ResponseOrder::BeforeReturn, DoneOrder::ReturnFirst);
    for ((order, done), name, lines) in [
        (after, "gs_08_b_complete_before_done_returns", [complete, returns, transmit]),
        (before, "gs_08_b_the_response_before_complete", [returns, transmit, complete]),
        (earliest, "gs_08_b_the_response_before_done_returns", [transmit, complete, returns]),
    ] {
        let mut plant = desk_with_partner(Duration::from_millis(100));
        (plant.setup.responses, plant.setup.done) = (order, done);
        let (world, story) = told(&plant);
        story.assert_order(&lines);
        assert_eq!((world.meters().answers.responses, world.backlog()), (1, 0), "{order:?}");
        assert_eq!(world.message_box().reference_counts().total(), 0, "{order:?}");
        assert_snapshot!(name, story.text());
    }
}

// GS-08 (c): R-RR-02, R-RR-07, R-RR-11, R-CLK-16, INV-50.
#[test]
fn gs_08_c_nobody_answers_in_time() {
    // GS-08(c).
    let (world, story) = told(&desk_with_partner(Duration::from_minutes(21)));
    let due = ms(1) + TWENTY_MINUTES;
    story.assert_order(&[
        &["m1 waits for its response"],
        &["a1 is the NACK of m1"],
        &["the wait of m1 ends with a fault"],
        &["IN@H TransmitMessage(a1)"],
        &["answers the client of m1: 500"],
        &["SubmitResponse(m2), Delete(m1) ; Done"],
        &["m2 is a response that nobody waits for"],
        &["routing failure report for m2"],
        &["MoveToSuspendQ(m2), Delete(m1) ; Done"],
        &["suspends m2, non-resumable, Adapter"],
    ]);
    assert_eq!(story.instants(&["the wait of m1 ends"]), [due], "20 minutes after the commit");
    assert_eq!(story.count(&["TransmitMessage(m2)"]), 0);
    let answers = world.meters().answers;
    assert_eq!((answers.failed, answers.faults, answers.late, answers.responses), (1, 1, 1, 0));
    assert_snapshot!(story.text());
}

#[test]
fn a_late_response_may_be_suspended_by_the_engine() {
    // R-CLK-16, the other choice: the submission succeeds, and the engine suspends.
    let mut plant = desk_with_partner(Duration::from_minutes(21));
    plant.setup.topology.exchanges.late = LateResponses::Suspend;
    let (world, story) = told(&plant);
    assert_eq!(story.count(&["suspends m2, non-resumable, Routing"]), 1);
    assert_eq!(story.count(&["MoveToSuspendQ"]), 0);
    assert_eq!(world.meters().answers.late, 1);
}

#[test]
fn the_adapter_s_time_out_wins_over_the_host_s_and_isolation_has_its_own() {
    // R-RR-01, R-RR-02, R-ADD-05, INV-50: when the fault is made.
    let minutes = Duration::from_minutes;
    let defaults = ResponseSettings {
        timeout: minutes(3),
        timeout_isolated: minutes(4),
        ..ResponseSettings::default()
    };
    let isolated = ResponseSettings { isolated: true, ..defaults };
    for (host, own, due) in [
        (defaults, None, ms(1) + minutes(3)),
        (isolated, None, ms(1) + minutes(4)),
        (isolated, Some(minutes(2)), ms(1) + minutes(2)),
    ] {
        let settings = RequestSettings { timeout: own, ..RequestSettings::default() };
        let mut plant = desk(settings, replying(minutes(9)));
        // An isolated host cannot send (R-LIFE-11): the requests come in by one of their own.
        let topology = &mut plant.setup.topology;
        topology.hosts.push(topology.hosts[0].clone());
        topology.host_instances.push(HostInstanceConfig { host: HostId(1), server: ServerId(0) });
        topology.receive_locations[0].host = HostId(1);
        topology.exchanges.hosts = vec![ResponseSettings::default(), host];
        let (_, story) = told(&plant);
        assert_eq!(story.instants(&["ends with a fault"]), [due]);
    }
}

// GS-08 (d): R-RR-08, R-RR-09, INV-62.
#[test]
fn gs_08_d_a_request_that_fails_in_its_pipeline_is_answered_by_a_fault() {
    // GS-08(d).
    let mut plant = desk_with_partner(Duration::ZERO);
    plant.setup.topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    let defect = Defect::at(Stage::Disassemble, 1);
    plant.setup.loads[0].poison = Some(Poison { every: 1, defect });
    let (world, story) = told(&plant);
    story.assert_order(&[
        &["suspends m1, non-resumable, Pipeline"],
        &["BatchComplete(SUSP, 1, [{SubmitRequest,SUSP,1,[SUSP]}])"],
        &["answers the client of m1: 500"],
    ]);
    assert_eq!(story.count(&["IN@H TransmitMessage(a1)"]), 1);
    assert_eq!((world.meters().answers.faults, world.backlog()), (1, 0));
    assert_snapshot!(story.text());
}

#[test]
fn a_request_that_fails_at_its_subscriber_is_answered_by_a_fault() {
    // R-SR-06, R-RR-08, R-ACK-04, INV-64: one fault, after all attempts.
    let partner = SinkSettings { failure: Failure::Always, ..replying(Duration::ZERO) };
    let mut plant = desk(RequestSettings::default(), partner);
    plant.setup.topology.send_ports[0].primary.retry =
        RetryPolicy { count: 2, interval: Duration::from_secs(10) };
    let (world, story) = told(&plant);
    assert_eq!(story.instants(&["wire FAILS"]).len(), 3);
    assert_eq!(story.count(&["suspends m1 of Ask, non-resumable"]), 1);
    assert_eq!(story.instants(&["is the NACK of m1"]), [ms(20_001)]);
    assert_eq!(story.count(&["answers the client of m1: 500"]), 1);
    assert_eq!(world.message_box().open_waits_count(), 0);
}

// GS-08 (e): R-RR-13, R-RR-16, R-SUSP-02, R-FILT-03.
#[test]
fn gs_08_e_a_request_batch_that_fails_leaves_nobody_waiting() {
    // GS-08(e).
    for (suspend_failed, suspended, name) in
        [(false, 0, "gs_08_e_the_client_is_refused"), (true, 1, "gs_08_e_the_adapter_suspends_too")]
    {
        let settings = RequestSettings { suspend_failed, ..RequestSettings::default() };
        let mut plant = desk(settings, replying(Duration::ZERO));
        // Nobody subscribes to what In publishes.
        let elsewhere = Condition::equals(PropertyId::RECEIVE_PORT_NAME, Value::text("Elsewhere"));
        plant.setup.topology.send_ports[0].filter = Some(Filter::all_of(vec![elsewhere]));
        let (world, story) = told(&plant);
        assert_eq!(story.count(&["BatchComplete(E_FAIL, 1, [{SubmitRequest,NOSUB"]), 1);
        assert_eq!(story.count(&["answers the client of m1: 500"]), 1);
        assert_eq!(story.count(&["waits for its response"]), 0);
        assert_eq!(story.count(&["suspends m1, non-resumable, Adapter"]), suspended);
        assert_eq!((world.message_box().open_waits_count(), world.backlog()), (0, 0));
        // The run does not wait for a time-out that nobody waits for.
        assert!(world.clone().conclude().ended < ms(1000));
        assert_snapshot!(name, story.text());
    }
}

// GS-07, failing: R-SR-02, R-SR-07, R-FILT-03, INV-41.
#[test]
fn gs_07_a_reply_that_fails_its_pipeline_is_suspended_and_its_solicit_deleted() {
    // GS-07(b).
    let mut partner = replying(Duration::ZERO);
    let defect = Defect::at(Stage::Disassemble, 1);
    partner.reply.as_mut().unwrap().defect = Some(defect);
    let mut plant = desk(RequestSettings::default(), partner);
    plant.setup.topology.exchanges.solicit_ports.push(SolicitPort {
        port: SendPortId(0),
        pipeline: ReceivePipeline::xml(),
        maps: Vec::new(),
        correlated_only: false,
    });
    let (_, story) = told(&plant);
    story.assert_order(&[
        &["SubmitResponse(m2), Delete(m1) ; Done"],
        &["BatchComplete(E_FAIL, 2, [{Submit,E_FAIL,1,[E_FAIL]},{Delete,S_OK,1,[S_OK]}])"],
        &["MoveToSuspendQ(m2), Delete(m1) ; Done"],
        &["suspends m2, non-resumable, Adapter"],
        &["deletes m1 of Ask"],
        // The client hears of it when its time is over.
        &["a1 is the NACK of m1"],
    ]);
    assert_snapshot!(story.text());
}

#[test]
fn gs_07_a_wire_that_fails_brings_no_response_batch() {
    // GS-07(c).
    // GS-07: the ordinary retry rules.
    let partner = SinkSettings { failure: Failure::First(1), ..replying(Duration::ZERO) };
    let (world, story) = told(&desk(RequestSettings::default(), partner));
    story.assert_order(&[&["wire FAILS"], &["Resubmit(m1"], &["SubmitResponse(m2), Delete(m1)"]]);
    assert_eq!(world.meters().answers.responses, 1);
}

#[test]
fn a_reply_to_a_one_way_message_is_published_or_refused() {
    // R-SR-03, R-SR-07: SPName and SPID are promoted; without a token at least one adapter refuses.
    let (name, id) = (PropertyId::SP_NAME, PropertyId::SP_ID);
    let published = ["publishes m2, 1 reference", "TransmitMessage(m2)"];
    for (asked, correlated_only, lines) in [
        (name, false, published),
        (id, false, published),
        (name, true, ["Submit,NULL_CORRELATION_TOKEN,1", "suspends m2, non-resumable"]),
    ] {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Ask", "In", BATCHED, replying(Duration::ZERO));
        plant.setup.topology.send_ports[0].two_way = true;
        plant.setup.topology.exchanges.solicit_ports.push(SolicitPort {
            port: SendPortId(0),
            pipeline: ReceivePipeline::pass_through(),
            maps: Vec::new(),
            correlated_only,
        });
        plant.send_port("Replies", "Nowhere", ASYNC, sink());
        let named = Condition::equals(asked, Value::text("Ask"));
        plant.setup.topology.send_ports[1].filter = Some(Filter::all_of(vec![named]));
        plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
        let (_, story) = told(&plant);
        for line in lines {
            assert_eq!(story.count(&[line]), 1, "{line} in\n{}", story.text());
        }
    }
}

#[test]
fn a_synchronous_solicit_submits_its_reply_alone() {
    // R-SR-05: two transactions, so a crash between them would ask twice.
    let mut plant = desk_with_partner(Duration::ZERO);
    let adapter = plant.setup.topology.send_ports[0].primary.adapter;
    plant.setup.topology.adapters[adapter.index()].kind = AdapterKind::Send(BLOCKING);
    let (world, story) = told(&plant);
    story.assert_order(&[
        &["SubmitResponse(m2) ; Done"],
        &["publishes m2"],
        &["OUT1@H -> true"],
        &["deletes m1 of Ask"],
    ]);
    assert_eq!(world.meters().answers.responses, 1);
}

// R-RR-10, INV-49.
#[test]
fn the_first_response_is_the_last_unless_several_are_allowed() {
    for (wanted, allowed, responses, late) in
        [(false, false, 1, 1), (false, true, 2, 0), (true, true, 1, 1)]
    {
        let settings = RequestSettings {
            first_only: wanted,
            timeout: Some(TWENTY_MINUTES),
            ..RequestSettings::default()
        };
        let mut plant = desk(settings, replying(Duration::from_millis(1)));
        plant.send_port("Too", "In", ASYNC, replying(Duration::from_millis(2)));
        plant.setup.topology.send_ports[1].two_way = true;
        plant.setup.topology.exchanges.hosts =
            vec![ResponseSettings { allow_multiple: allowed, ..ResponseSettings::default() }];
        let (world, _) = told(&plant);
        let answers = world.meters().answers;
        assert_eq!((answers.responses, answers.late), (responses, late), "{wanted} {allowed}");
        assert_eq!((answers.faults, world.message_box().open_waits_count()), (0, 0));
    }
}

// R-RR-11.
#[test]
fn a_client_that_leaves_withdraws_its_wait() {
    let cancel_after = Some(Duration::from_secs(1));
    let settings = RequestSettings { cancel_after, ..RequestSettings::default() };
    let (world, story) = told(&desk(settings, replying(Duration::from_secs(2))));
    story.assert_order(&[
        &["CancelResponse(1) ; Done"],
        &["the wait of m1 is withdrawn"],
        &["BatchComplete(S_OK, 1, [{CancelResponse,S_OK,1,[S_OK]}])"],
        &["m2 is a response that nobody waits for"],
        &["suspends m2, non-resumable"],
    ]);
    assert_eq!((world.meters().answers.responses, world.meters().answers.faults), (0, 0));
}

/// Sets a property of every request that its adapter fetches.
#[derive(Clone, Debug)]
struct Doctored {
    inner: Requester,
    doctor: fn(&mut WireMessage),
}

impl Adapter for Doctored {
    fn handle_input(&mut self, now: Instant, mut input: AdapterInput, proxy: &mut TransportProxy) {
        if let AdapterInput::WireDone { result: WireResult::Fetched { messages, .. }, .. } =
            &mut input
        {
            messages.iter_mut().for_each(self.doctor);
        }
        self.inner.handle_input(now, input, proxy);
    }
}

// R-RR-14, R-RR-05.
#[test]
fn a_loop_back_request_is_its_own_response() {
    let mut plant = desk_with_partner(Duration::ZERO);
    plant.setup.topology.send_ports.clear();
    let mut world = plant.telling();
    let doctor = |message: &mut WireMessage| {
        message.context.write(PropertyId::LOOPBACK, Some(Value::Bool(true)));
    };
    let inner = Requester::new(RequestSettings::default());
    world.replace_adapter(AdapterId(0), &Doctored { inner, doctor });
    let (world, story) = finished(world);
    story.assert_order(&[
        &["m1 waits for its response"],
        &["publishes m1, 1 reference"],
        &["IN@H TransmitMessage(m1)"],
        &["answers the client of m1: 200 with m1"],
    ]);
    assert_eq!(world.meters().answers.responses, 1);
}

#[test]
fn a_response_its_client_does_not_hear_is_suspended_for_good() {
    // R-RR-09, INV-62: transmission failed, by either kind of adapter.
    for blocking in [false, true] {
        let settings = RequestSettings { blocking, ..RequestSettings::default() };
        let mut plant = desk(settings, replying(Duration::from_secs(2)));
        let patience = Some(Duration::from_secs(1));
        let wire = Dist::Constant(Duration::ZERO);
        plant.setup.endpoints[0] = EndpointSettings::Clients { wire, patience };
        let (world, story) = told(&plant);
        assert_eq!(story.count(&["who is gone: 200 with m2"]), 1);
        assert_eq!(story.count(&["suspends m2 of In, non-resumable"]), 1);
        assert_eq!(world.message_box().suspended().len(), 1);
    }
}

// INV-51: R-RR-04, R-SUB-05.
#[test]
fn responses_come_home_to_the_host_instance_that_asked() {
    let mut plant = desk_with_partner(Duration::from_millis(5));
    plant.instances(3);
    plant.setup.loads.clear();
    plant.load(ArrivalKind::Replay((0..30).map(ms).collect()), Some(30));
    let (world, _) = told(&plant);
    assert_eq!((world.meters().answers.responses, world.backlog()), (30, 0));
}

// R-RR-16: one-way.
#[test]
fn a_one_way_client_is_answered_when_its_batch_is_complete() {
    let mut plant = desk(RequestSettings::default(), sink());
    plant.setup.topology.exchanges.request_ports.clear();
    plant.setup.topology.send_ports[0].two_way = false;
    let (world, story) = told(&plant);
    story.assert_order(&[
        &["Submit(m1) ; Done"],
        &["IN@H b1: BatchComplete(S_OK"],
        &["answers the client of m1: 202"],
    ]);
    assert_eq!((world.meters().answers.accepted, world.backlog()), (1, 0));
}

#[test]
fn an_http_client_is_told_by_code() {
    // R-RR-16: a message taken one way, a response, a sender that is not authenticated, a failure.
    let code = |plant: &Plant| -> u16 {
        let (_, story) = told(plant);
        let text = story.text();
        let answer = text.lines().find(|line| line.contains("answers the client of m1"));
        let code = answer.and_then(|line| line.rsplit(": ").next()).expect("it is answered");
        code.split_whitespace().next().and_then(|code| code.parse().ok()).expect("a number")
    };
    let mut one_way = desk(RequestSettings::default(), sink());
    one_way.setup.topology.exchanges.request_ports.clear();
    one_way.setup.topology.send_ports[0].two_way = false;
    let two_way = desk_with_partner(Duration::ZERO);
    let mut forged = two_way.clone();
    forged.setup.topology.receive_ports[0].authentication = Authentication::Drop;
    let defect = Defect { kind: DefectKind::Forged, ..Defect::at(Stage::ResolveParty, 1) };
    forged.setup.loads[0].poison = Some(Poison { every: 1, defect });
    let mut unwanted = two_way.clone();
    unwanted.setup.topology.send_ports[0].filter = None;
    assert_eq!(
        [one_way, two_way, forged, unwanted].map(|plant| code(&plant)),
        [202, 200, 401, 500]
    );
}

#[test]
fn a_time_out_may_be_any_positive_time() {
    // far below the minute and far above the hour that one page allows: nearly a week.
    for due in [Duration::from_nanos(1), Duration::from_minutes(61), Duration::from_minutes(10_000)]
    {
        let settings = RequestSettings { timeout: Some(due), ..RequestSettings::default() };
        let plant = desk(settings, replying(due + due));
        let (_, story) = told(&plant);
        assert_eq!(story.instants(&["ends with a fault"]), [ms(1) + due]);
        let mut plant = desk_with_partner(due + due);
        plant.setup.topology.exchanges.hosts =
            vec![ResponseSettings { timeout: due, ..ResponseSettings::default() }];
        let (_, story) = told(&plant);
        assert_eq!(story.instants(&["ends with a fault"]), [ms(1) + due]);
    }
}

// R-ACK-01, R-ACK-02, R-ACK-05, R-ROUTE-05, INV-22, INV-64.

fn acknowledged(kind: &str, partner: SinkSettings) -> (World, Story) {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, partner).retry(2, Duration::from_secs(1));
    plant.send_port("Other", "In", ASYNC, sink());
    plant.send_port("Acks", "Nowhere", ASYNC, sink());
    let of_kind = Condition::equals(PropertyId::ACK_TYPE, Value::text(kind));
    let of_port = Condition::equals(PropertyId::ACK_SEND_PORT_NAME, Value::text("Out"));
    plant.setup.topology.send_ports[2].filter = Some(Filter::all_of(vec![of_kind, of_port]));
    plant.setup.topology.exchanges.notify_delivery = vec![SendPortId(0), SendPortId(1)];
    plant.load(ArrivalKind::Replay(vec![ms(1)]), Some(1));
    told(&plant)
}

#[test]
fn a_transmission_is_acknowledged_to_those_who_subscribe() {
    let (world, story) = acknowledged("ACK", sink());
    story.assert_order(&[
        &["a1 is the ACK of m1"],
        &["refers a1 to Acks"],
        &["TransmitMessage(a1)"],
        &["deletes a1 of Acks"],
    ]);
    // The other port's is wanted by nobody, and leaves no trace.
    assert_eq!(story.count(&["is the ACK"]), 1);
    let suspended = world.message_box().suspended();
    assert_eq!((suspended.len(), suspended.reports.len()), (0, 0));
}

#[test]
fn a_suspension_is_acknowledged_once_after_all_attempts() {
    let refusing = SinkSettings { failure: Failure::Always, ..sink() };
    let (_, story) = acknowledged("NACK", refusing);
    assert_eq!(story.count(&["m1 by Out", "wire FAILS"]), 3);
    assert_eq!(story.count(&["is the NACK of m1"]), 1);
    assert_eq!(story.instants(&["is the NACK of m1"]), [ms(2001)]);
    assert_eq!(story.count(&["refers a1 to Acks"]), 1);
}

#[test]
fn equal_loads_of_requests_have_equal_digests() {
    let mut plant = desk_with_partner(Duration::from_millis(50));
    plant.setup.responses = ResponseOrder::Drawn;
    plant.poisson(100.0, 200);
    let (one, other) = (plant.run(), plant.run());
    assert_all_kept(&one);
    assert_eq!(one.digest, other.digest);
    assert_eq!(one.meters.answers.responses, 201);
}

#[test]
fn a_fault_may_be_rewritten_on_its_way_out() {
    // R-ADD-06: what TransmitMessage carries is what the map made of it.
    for (fault_bytes, expected) in [(None, None), (Some(77), Some(77))] {
        let mut plant = desk_with_partner(Duration::from_minutes(21));
        plant.setup.topology.exchanges.request_ports[0].fault_bytes = fault_bytes;
        let mut world = World::new(&plant.setup);
        let inner = Requester::new(RequestSettings::default());
        world.replace_adapter(AdapterId(0), &Weighing { inner, expected });
        finish(&mut world);
        assert_eq!(world.meters().answers.faults, 1);
    }
}

/// Looks at the size of every fault it is handed.
#[derive(Clone, Debug)]
struct Weighing {
    inner: Requester,
    expected: Option<u64>,
}

impl Adapter for Weighing {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        if let AdapterInput::TransmitMessage { message, .. } = &input {
            let context = &message.context;
            assert_eq!(context.read(PropertyId::ACK_TYPE), Some(&Value::text("NACK")));
            // R-ACK-03: the envelope alone is longer than that.
            match self.expected {
                Some(bytes) => assert_eq!(message.bytes, bytes),
                None => assert!(message.bytes > 500),
            }
        }
        self.inner.handle_input(now, input, proxy);
    }
}

// R-HOST-03: as many clients at once as are allowed, and the next one when there is room.
#[test]
fn a_listener_serves_so_many_clients_at_once() {
    let settings = RequestSettings { concurrent: 2, ..RequestSettings::default() };
    let mut plant = desk(settings, replying(Duration::from_secs(1)));
    plant.setup.loads.clear();
    plant.load(ArrivalKind::Replay(vec![ms(0); 6]), Some(6));
    let (world, story) = told(&plant);
    assert_eq!(world.meters().answers.responses, 6);
    let answered: Vec<_> = [1000, 1000, 2000, 2000, 3000, 3000].map(ms).to_vec();
    assert_eq!(story.instants(&["answers the client"]), answered);
}
