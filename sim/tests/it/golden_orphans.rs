//! What the end of a process does to two-way exchanges (GS-08 f): waits are forgotten, clients get
//! no answer, and what is answered later is suspended.

use floodgate_engine::adapter::{Adapter, AdapterInput, Requester};
use floodgate_engine::config::{Host, HostInstanceConfig, RequestSettings};
use floodgate_engine::id::{AdapterId, HostId, HostInstanceId, ServerId};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{Fault, ResponseOrder};
use floodgate_sim::world::World;
use insta::assert_snapshot;

use crate::fixture::{Plant, Story, assert_all_kept, finish, immediate, ms};
use crate::golden_two_way::{desk, replying};

const FIRST: HostInstanceId = HostInstanceId(0);

/// Clients of one host, a partner of another, who replies after so many milliseconds.
fn apart(reply_after: u64) -> Plant {
    let partner = replying(Duration::from_millis(reply_after));
    let mut plant = desk(RequestSettings::default(), partner);
    let topology = &mut plant.setup.topology;
    let settings = immediate();
    topology.hosts.push(Host { name: "S".to_owned(), settings, properties: Vec::new() });
    let other = HostInstanceConfig { host: HostId(1), server: ServerId(0) };
    topology.host_instances.push(other);
    topology.send_ports[0].primary.host = HostId(1);
    plant.setup.life.watched = true;
    plant
}

fn crash(at: u64, lasts: u64) -> Vec<Fault> {
    let lasts = Some(Duration::from_millis(lasts));
    vec![Fault::HostCrash { instance: FIRST, at: ms(at), lasts }]
}

fn stop(instance: HostInstanceId, at: u64, lasts: u64) -> Vec<Fault> {
    vec![Fault::HostStop { instance, at: ms(at), lasts: Some(Duration::from_millis(lasts)) }]
}

fn told(plant: &Plant) -> (World, Story) {
    let mut world = plant.telling();
    finish(&mut world);
    let story = Story::of(&world);
    assert_eq!(world.checks().violations(), [], "a promise was broken in\n{}", story.text());
    assert_all_kept(&world.clone().conclude());
    assert_eq!(world.message_box().open_waits_count(), 0);
    (world, story)
}

// GS-08 (f): R-RR-12, R-CRASH-03, R-RR-09, INV-49.
#[test]
fn gs_08_f_the_host_restarts_while_a_client_waits() {
    // GS-08(f).
    let mut plant = apart(1000);
    plant.setup.faults = crash(500, 200);
    let (world, story) = told(&plant);
    story.assert_order(&[
        &["m1 waits for its response"],
        &["instance0 CRASHES"],
        &["the wait of m1 ends with its process"],
        &["instance0 starts"],
        &["the partner replies to m1 with m2"],
        &["m2 is a response that nobody waits for since a restart: event 5813"],
        &["suspends m2, non-resumable"],
    ]);
    assert_eq!(story.count(&["answers the client"]), 0);
    let answers = world.meters().answers;
    assert_eq!((answers.broken, answers.late, answers.responses), (1, 1, 0));
    // Nothing expires for a client that nobody serves any more.
    assert_eq!(story.count(&["NACK"]), 0);
    assert_snapshot!(story.text());
}

#[test]
fn a_response_that_was_published_before_the_crash_is_suspended_after_the_restart() {
    // R-RR-12: the new process counts to the same token, and is not fooled by it. Only the owner
    // may take the response, so it waits for the restart.
    let mut plant = apart(400);
    plant.setup.loads.clear();
    plant.load(ArrivalKind::Replay(vec![ms(1), ms(500)]), Some(2));
    // Dead from before the response comes until after the other client did.
    let mut world = plant.telling();
    while Story::of(&world).count(&["refers m2 to In"]) == 0 {
        assert!(world.step(), "the partner replies");
    }
    world.crash(FIRST);
    world.start(FIRST);
    finish(&mut world);
    let story = Story::of(&world);
    assert_eq!(world.checks().violations(), [], "in\n{}", story.text());
    assert_eq!(story.count(&["suspends", "of In, non-resumable"]), 1, "{}", story.text());
    assert_eq!(story.count(&["event 5813"]), 1);
    let answers = world.meters().answers;
    assert_eq!((answers.responses, answers.late), (1, 1));
}

#[test]
fn a_client_whose_request_was_never_taken_is_gone_with_its_connection() {
    // R-CRASH-03, INV-49: nothing of it is left, and nothing waits for it.
    let mut plant = apart(10);
    plant.setup.costs.lock_transaction = Duration::from_millis(100);
    plant.setup.faults = crash(50, 10);
    let (world, story) = told(&plant);
    assert_eq!(story.count(&["publishes"]), 0);
    assert_eq!((world.meters().answers.broken, world.backlog()), (1, 0));
}

// R-RR-15, R-SHUT-03.
#[test]
fn after_terminate_no_response_is_delivered() {
    for order in
        [ResponseOrder::AfterComplete, ResponseOrder::BeforeComplete, ResponseOrder::BeforeReturn]
    {
        let mut plant = apart(1000);
        plant.setup.responses = order;
        plant.setup.faults = stop(FIRST, 500, 2000);
        let (world, story) = told(&plant);
        story.assert_order(&[
            &["IN@H Terminate"],
            &["instance0 has stopped"],
            &["the wait of m1 ends with its process"],
            &["event 5813"],
        ]);
        assert_eq!(story.instants(&["has stopped"]), [ms(500)], "{order:?}");
        assert_eq!(story.count(&["TransmitMessage(m2)"]), 0);
        assert_eq!(story.instants(&["answers the client of m1: 500"]), [ms(500)]);
        assert_eq!(world.meters().answers.failed, 1);
    }
}

#[test]
fn an_answer_under_way_is_finished_before_terminate_returns() {
    // R-SHUT-04: the response was sent, so it is deleted.
    let mut plant = apart(100);
    let wire = floodgate_sim::dist::Dist::Constant(Duration::from_millis(200));
    plant.setup.endpoints[0] =
        floodgate_sim::setup::EndpointSettings::Clients { wire, patience: None };
    let mut world = plant.telling();
    while Story::of(&world).count(&["IN@H TransmitMessage(m2)"]) == 0 {
        assert!(world.step(), "the response comes");
    }
    world.stop(FIRST);
    finish(&mut world);
    let story = Story::of(&world);
    assert_eq!(world.checks().violations(), [], "in\n{}", story.text());
    story.assert_order(&[
        &["IN@H Terminate"],
        &["answers the client of m1: 200 with m2"],
        &["deletes m2 of In"],
        &["instance0 has stopped"],
    ]);
}

#[test]
fn a_request_whose_batch_is_under_way_at_terminate_is_refused_once() {
    // R-RR-15: taken by the engine, and answered by nobody.
    let mut plant = apart(1000);
    plant.setup.costs.lock_transaction = Duration::from_millis(100);
    plant.setup.faults = stop(FIRST, 50, 5000);
    let (world, story) = told(&plant);
    story.assert_order(&[
        &["IN@H Terminate"],
        &["IN@H b1: BatchComplete(S_OK"],
        &["answers the client of m1: 500"],
    ]);
    assert_eq!((world.meters().answers.failed, world.backlog()), (1, 0));
}

// R-SR-04.
#[test]
fn a_reply_is_submitted_even_after_terminate() {
    let mut plant = apart(1000);
    plant.setup.faults = stop(HostInstanceId(1), 500, 5000);
    let (world, story) = told(&plant);
    story.assert_order(&[
        &["OUT1@S Terminate"],
        &["the partner replies to m1 with m2"],
        &["SubmitResponse(m2), Delete(m1) ; Done"],
        &["publishes m2"],
        &["answers the client of m1: 200 with m2"],
    ]);
    assert_eq!(story.instants(&["instance1 has stopped"]), [ms(1001)]);
    assert_eq!(world.meters().answers.responses, 1);
}

#[test]
fn a_partner_is_asked_again_after_a_crash_and_its_second_reply_is_late() {
    // R-SR-05, R-DUP-01: the solicit was locked by a dead instance.
    let mut plant = apart(1000);
    let lasts = Some(Duration::from_millis(100));
    plant.setup.faults = vec![Fault::HostCrash { instance: HostInstanceId(1), at: ms(500), lasts }];
    let (world, story) = told(&plant);
    assert_eq!(story.count(&["TransmitMessage(m1)"]), 2);
    // The first reply found nobody to submit it.
    assert_eq!(story.count(&["the partner replies"]), 2);
    assert_eq!(story.count(&["SubmitResponse"]), 1);
    assert_eq!(world.meters().answers.responses, 1);
}

/// Keeps its calls of `Terminate` for itself.
#[derive(Clone, Debug)]
struct Stubborn(Requester);

impl Adapter for Stubborn {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        if !matches!(input, AdapterInput::Terminate { .. }) {
            self.0.handle_input(now, input, proxy);
        }
    }
}

#[test]
fn an_adapter_that_does_not_end_gets_no_response_either() {
    // R-RR-15: the engine keeps it, whatever the adapter does; killed after its time (R-SHUT-05).
    let mut plant = apart(1000);
    plant.setup.faults = stop(FIRST, 500, 200_000);
    let mut world = plant.telling();
    let adapter = Stubborn(Requester::new(RequestSettings::default()));
    world.replace_adapter(AdapterId(0), &adapter);
    finish(&mut world);
    let story = Story::of(&world);
    assert_eq!(story.count(&["TransmitMessage(m2)"]), 0, "{}", story.text());
    assert_eq!(story.count(&["instance0 CRASHES"]), 1);
    // Published while its owner was stopping, and suspended when it started again.
    assert_eq!(story.count(&["suspends m2 of In, non-resumable"]), 1, "{}", story.text());
}
