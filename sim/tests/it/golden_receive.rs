//! GS-02 (d), GS-11 and GS-18: what becomes of messages that are not all good, told in full, and
//! the same on the way out.

use std::sync::Arc;

use floodgate_engine::config::{Authentication, OnFailure, SendSettings};
use floodgate_engine::id::SendPortId;
use floodgate_engine::map::Map;
use floodgate_engine::message::{Body, Defect, DefectKind, PropertyId, Value};
use floodgate_engine::message_box::{InstanceOperation, ServiceInstanceId};
use floodgate_engine::pipeline::{
    Act, Component, Custom, ReceivePipeline, SendPipeline, Stage, When, XmlDisassembler,
};
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::Duration;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{Failure, Poison, SinkSettings};
use floodgate_sim::world::World;
use insta::assert_snapshot;

use crate::fixture::{
    ASYNC, BATCHED, FOLDER, Plant, Story, assert_all_kept, finish, immediate, ms, sink,
};

const OUT: SendPortId = SendPortId(0);

/// Runs a world to its end; every check must be content.
fn finished(mut world: World) -> (World, Story) {
    finish(&mut world);
    assert_eq!(world.checks().violations(), [], "a promise was broken");
    assert_all_kept(&world.clone().conclude());
    let story = Story::of(&world);
    (world, story)
}

impl Plant {
    /// `count` interchanges of `documents`, found at one look.
    pub(crate) fn interchanges(&mut self, count: usize, documents: u32) -> &mut Self {
        let arrivals = ArrivalKind::Replay(vec![ms(1); count]);
        self.load(arrivals, Some(count as u64));
        let bytes = 1000 * documents.max(1);
        self.setup.loads[0].body = Body::Described { bytes, documents };
        self
    }

    /// Every `every`-th of them has this defect.
    pub(crate) fn poisoned(&mut self, every: u64, defect: Defect) -> &mut Self {
        self.setup.loads[0].poison = Some(Poison { every, defect });
        self
    }

    /// Sets the pipeline of the one receive location.
    pub(crate) fn pipeline(&mut self, pipeline: ReceivePipeline) -> &mut Self {
        self.setup.topology.receive_locations[0].pipeline = pipeline;
        self
    }

    /// A send port that subscribes to all error messages.
    pub(crate) fn error_port(&mut self, send: SendSettings) -> &mut Self {
        self.send_port("Errors", "In", send, sink());
        let errors = Condition::equals(PropertyId::ERROR_TYPE, Value::text("FailedMessage"));
        let port = self.setup.topology.send_ports.last_mut().expect("added just now");
        port.filter = Some(Filter::all_of(vec![errors]));
        self
    }

    /// The receive port routes failed messages.
    fn routing_failed(&mut self) -> &mut Self {
        self.setup.topology.receive_ports[0].route_failed = true;
        self
    }
}

/// An operator resumes every message that no reference holds; returns how many could be.
pub(crate) fn resume_messages(world: &mut World) -> usize {
    let instances = world.service_instances();
    let messages = instances.iter().filter(|one| matches!(one.id, ServiceInstanceId::Message(_)));
    let ids: Vec<ServiceInstanceId> = messages.map(|one| one.id).collect();
    let resume = |id| world.operate(id, InstanceOperation::Resume).is_ok();
    ids.into_iter().map(resume).filter(|resumed| *resumed).count()
}

/// A plant with one subscriber to everything that is received.
fn plant() -> Plant {
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", ASYNC, sink());
    plant
}

/// XMLReceive whose disassembler recovers.
pub(crate) fn recovering() -> ReceivePipeline {
    let settings = XmlDisassembler { recoverable: true, ..XmlDisassembler::default() };
    ReceivePipeline {
        disassemble: vec![Component::XmlDisassembler(settings)],
        ..ReceivePipeline::xml()
    }
}

// GS-02 (d): m2 of three is not authenticated.

fn forged(authentication: Authentication) -> (World, Story) {
    let defect = Defect { kind: DefectKind::Forged, ..Defect::at(Stage::ResolveParty, 1) };
    let mut plant = plant();
    plant.pipeline(ReceivePipeline::xml()).interchanges(3, 1).poisoned(2, defect);
    plant.setup.topology.receive_ports[0].authentication = authentication;
    finished(plant.telling())
}

#[test]
fn gs_02_d_a_message_that_is_not_authenticated_is_dropped() {
    // GS-02(d).
    // R-RCV-06, R-BC-05.
    let (world, story) = forged(Authentication::Drop);
    story.assert_order(&[
        &["Submit(m1), Submit(m2), Submit(m3)"],
        &["publishes m1"],
        &["drops m2"],
        &["publishes m3"],
        &["BatchComplete(SECURITY, 1, [{Submit,SECURITY,3,[S_OK,SECURITY,S_OK]}])"],
        &["removes the source of m1, m2, m3"],
    ]);
    assert_eq!(story.count(&["A>E  IN@H"]), 1, "the adapter suspends nothing");
    assert_eq!((world.message_box().suspended().len(), world.meters().processed), (0, 2));
    assert_snapshot!(story.text());
}

#[test]
fn gs_02_d_kept_or_nobody_asks() {
    // R-RCV-06: kept means suspended; without authentication it is a message like any other.
    let (world, story) = forged(Authentication::Keep);
    assert_eq!(story.count(&["suspends m2, resumable, Authentication"]), 1);
    assert_eq!(story.count(&["BatchComplete(SUSP, 1, [{Submit,SUSP,3,[S_OK,SUSP,S_OK]}])"]), 1);
    assert_eq!(world.meters().processed, 2);
    let (world, _) = forged(Authentication::None);
    assert_eq!((world.message_box().suspended().len(), world.meters().processed), (0, 3));
}

// GS-11: an interchange of three, document 2 bad.

fn gs_11(pipeline: ReceivePipeline, kind: DefectKind) -> (World, Story) {
    let defect = Defect { kind, ..Defect::at(Stage::Disassemble, 2) };
    let mut plant = plant();
    plant.pipeline(pipeline).interchanges(1, 3).poisoned(1, defect);
    finished(plant.telling())
}

#[test]
fn gs_11_recoverable_processing_suspends_the_bad_document() {
    // GS-11(a).
    // R-RIP-03, R-RIP-07, INV-59, INV-60; one status for the one wire message.
    let (world, story) = gs_11(recovering(), DefectKind::Invalid);
    story.assert_order(&[
        &["publishes m1.1"],
        &["publishes m1.3"],
        &["suspends m1.2, resumable, Pipeline"],
        &["BatchComplete(SUSP, 1, [{Submit,SUSP,1,[SUSP]}])"],
        &["removes the source of m1"],
    ]);
    assert_eq!((world.message_box().suspended().len(), world.meters().processed), (1, 2));
    assert_snapshot!(story.text());
}

#[test]
fn gs_11_standard_processing_suspends_the_interchange() {
    // GS-11(b).
    // R-RIP-02, R-RCV-04, R-RCV-08, INV-58.
    let (world, story) = gs_11(ReceivePipeline::xml(), DefectKind::Invalid);
    story.assert_order(&[
        &["suspends m1, resumable, Pipeline"],
        &["BatchComplete(SUSP, 1, [{Submit,SUSP,1,[SUSP]}])"],
    ]);
    assert_eq!((story.count(&["publishes"]), world.message_box().suspended().len()), (0, 1));
    assert_snapshot!(story.text());
}

#[test]
fn gs_11_broken_text_is_not_recovered() {
    // GS-11(c).
    // R-RIP-05: extraction cannot go on, so it is as if processing were not recoverable.
    let (_, story) = gs_11(recovering(), DefectKind::Unreadable);
    let (_, standard) = gs_11(ReceivePipeline::xml(), DefectKind::Invalid);
    assert_eq!(story.text(), standard.text());
    // The same with real bytes: the third document has no end.
    let mut plant = plant();
    let text = "<Env><Body><a/><b/><c></Body></Env>";
    plant.pipeline(enveloped(true, &[])).interchanges(1, 1);
    plant.setup.loads[0].body = Body::Real(Arc::from(text.as_bytes()));
    let (world, real) = finished(plant.telling());
    assert_eq!(real.count(&["suspends m1, resumable, Pipeline"]), 1);
    assert_eq!((real.count(&["publishes"]), world.message_box().suspended().len()), (0, 1));
}

#[test]
fn gs_11_a_document_without_a_subscriber_is_suspended_alone() {
    // GS-11(d).
    // R-RIP-04, R-RIP-08: with a report, and published as it is when somebody subscribes.
    let mut plant = plant();
    plant.pipeline(recovering()).interchanges(1, 3);
    let port = &mut plant.setup.topology.send_ports[0];
    let number = PropertyId::INTERCHANGE_SEQUENCE_NUMBER;
    let others = [1, 3].map(|n| vec![Condition::equals(number, Value::Int(n))]);
    port.filter = Some(Filter { groups: others.to_vec() });
    let (world, story) = finished(plant.telling());
    story.assert_order(&[
        &["publishes m1.1"],
        &["routing failure report for m1.2"],
        &["suspends m1.2, resumable, Routing"],
        &["publishes m1.3"],
        &["BatchComplete(SUSP, 1, [{Submit,SUSP,1,[SUSP]}])"],
    ]);
    let suspended = world.message_box().suspended();
    assert_eq!((suspended.len(), suspended.reports.len()), (1, 1));
    assert_snapshot!(story.text());
}

#[test]
fn a_resumed_wire_message_runs_its_pipeline_and_a_resumed_document_does_not() {
    // INV-61, R-RCV-08, R-RIP-08, R-RIP-09, X-03.
    let (mut world, _) = gs_11(ReceivePipeline::xml(), DefectKind::Invalid);
    assert_eq!(resume_messages(&mut world), 1);
    let (world, story) = finished(world);
    // The content is what it was: it fails again, and stays where it was.
    assert_eq!(story.count(&["suspends m1, resumable, Pipeline"]), 1);
    assert_eq!((world.message_box().suspended().len(), world.meters().processed), (1, 0));

    let (mut world, _) = gs_11(recovering(), DefectKind::Invalid);
    assert_eq!(resume_messages(&mut world), 1);
    let (world, story) = finished(world);
    story.assert_order(&[&["suspended m1.2 is resumed"], &["publishes m1.2"]]);
    assert_eq!((world.message_box().suspended().len(), world.meters().processed), (0, 3));
}

#[test]
fn a_document_suspended_by_a_component_begins_anew() {
    // R-RCV-09: kept as it was handed over; resuming starts at the beginning of the pipeline.
    let suspends = custom(When::Document(2), vec![Act::Suspend]);
    let mut plant = plant();
    plant
        .pipeline(ReceivePipeline { validate: vec![suspends], ..ReceivePipeline::xml() })
        .interchanges(1, 3);
    let (mut world, story) = finished(plant.telling());
    assert_eq!(story.count(&["suspends m1.2, resumable, Pipeline"]), 1);
    assert_eq!(resume_messages(&mut world), 1);
    let (world, story) = finished(world);
    // A message of one document now: the component lets the first of an interchange pass.
    story.assert_order(&[&["suspended m1.2 is resumed"], &["publishes m1,"]]);
    assert_eq!((world.message_box().suspended().len(), world.meters().processed), (0, 3));
}

fn custom(when: When, acts: Vec<Act>) -> Component {
    Component::Custom(Custom { name: Arc::from("own"), when, acts })
}

fn enveloped(recoverable: bool, schemas: &[&str]) -> ReceivePipeline {
    let settings = XmlDisassembler {
        envelope: Some(Arc::from("Body")),
        recoverable,
        schemas: schemas.iter().map(|name| Arc::from(*name)).collect(),
        ..XmlDisassembler::default()
    };
    ReceivePipeline {
        disassemble: vec![Component::XmlDisassembler(settings)],
        ..ReceivePipeline::xml()
    }
}

#[test]
fn real_xml_is_split_by_its_envelope_and_typed_by_its_roots() {
    // R-RCV-01, R-MSG-11, R-RIP-05: each document by its own type, the unknown one suspended.
    let text = "<e:Env xmlns:e='urn:e'><e:Body><Order xmlns='urn:o'/><Bad xmlns='urn:o'/>\
                <Order xmlns='urn:o'><Line/></Order></e:Body></e:Env>";
    let mut plant = plant();
    plant.pipeline(enveloped(true, &["urn:o#Order"])).interchanges(1, 1);
    plant.setup.loads[0].body = Body::Real(Arc::from(text.as_bytes()));
    let orders = Condition::equals(PropertyId::MESSAGE_TYPE, Value::text("urn:o#Order"));
    plant.setup.topology.send_ports[0].filter = Some(Filter::all_of(vec![orders]));
    let (world, story) = finished(plant.telling());
    story.assert_order(&[
        &["publishes m1.1"],
        &["publishes m1.3"],
        &["suspends m1.2, resumable, Pipeline"],
    ]);
    assert_eq!(world.meters().processed, 2);
    // INV-16, INV-18: the bytes of each are its own text.
    assert!(world.conclude().quiescent);
}

// GS-18: failed message routing on a receive port.

fn gs_18(errors: bool) -> (World, Story) {
    let mut plant = plant();
    plant.pipeline(ReceivePipeline::xml()).interchanges(1, 1).routing_failed();
    plant.poisoned(1, Defect::at(Stage::Disassemble, 1));
    if errors {
        plant.error_port(ASYNC);
    }
    finished(plant.telling())
}

#[test]
fn gs_18_an_error_message_takes_the_place_of_a_suspension() {
    // GS-18(a).
    // R-FMR-02, R-FMR-04, INV-63: the adapter's status is what it would have been.
    let (world, story) = gs_18(true);
    story.assert_order(&[
        &["routes m1 as error message e1, Pipeline"],
        &["publishes e1"],
        &["refers e1 to Errors"],
        &["BatchComplete(SUSP, 1, [{Submit,SUSP,1,[SUSP]}])"],
        &["e1 by Errors (primary): wire ok"],
    ]);
    assert_eq!((world.message_box().suspended().len(), world.meters().error_messages), (0, 1));
    assert_eq!(story.count(&["refers", "to Out"]), 0, "nothing of the original routes");
    assert_snapshot!(story.text());
}

#[test]
fn gs_18_without_a_subscriber_it_is_suspended_after_all() {
    // GS-18(b).
    // R-FMR-06.
    let (world, story) = gs_18(false);
    story.assert_order(&[&["suspends m1, resumable, Pipeline"]]);
    assert_eq!((world.message_box().suspended().len(), world.meters().error_messages), (1, 0));
    assert_snapshot!(story.text());
}

#[test]
fn every_failure_on_the_way_in_becomes_one_error_message() {
    // R-FMR-02, R-FMR-05, R-FMR-08, INV-63: a document alone, a document nobody wants, and a
    // message that its adapter gives up.
    let errors = |plant: &mut Plant| {
        plant.routing_failed().error_port(ASYNC);
        let (world, story) = finished(plant.telling());
        assert_eq!(world.message_box().suspended().len(), 0);
        let reports = world.message_box().suspended().reports.len();
        (world.meters().error_messages, reports, story)
    };
    let mut alone = plant();
    alone.pipeline(recovering()).interchanges(1, 3);
    alone.poisoned(1, Defect::at(Stage::Disassemble, 2));
    let (count, reports, story) = errors(&mut alone);
    assert_eq!((count, reports), (1, 0));
    story.assert_order(&[&["publishes m1.3"], &["routes m1.2 as error message e1, Pipeline"]]);

    let nobody = |plant: &mut Plant| {
        let never = Condition::equals(PropertyId::MESSAGE_TYPE, Value::text("never"));
        plant.setup.topology.send_ports[0].filter = Some(Filter::all_of(vec![never]));
    };
    let mut unwanted = plant();
    nobody(unwanted.pipeline(recovering()).interchanges(1, 2));
    let (count, reports, story) = errors(&mut unwanted);
    assert_eq!((count, reports), (2, 2));
    assert_eq!(story.count(&["as error message", "Routing"]), 2);

    // R-RCV-11: the adapter suspends its own object, the wire form.
    let mut given_up = plant();
    nobody(given_up.pipeline(ReceivePipeline::xml()).interchanges(1, 1));
    let (count, reports, story) = errors(&mut given_up);
    assert_eq!((count, reports), (1, 1));
    story.assert_order(&[
        &["routing failure report for m1"],
        &["BatchComplete(E_FAIL, 1, [{Submit,NOSUB,1,[NOSUB]}])"],
        &["MoveToSuspendQ(m1)"],
        &["routes m1 as error message e1, Adapter"],
    ]);
}

// The way out.

/// One document whose fault the stage trips over, at a send port with a retrying transport.
fn outbound(stage: Stage, send: SendSettings) -> Plant {
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", send, sink()).retry(3, Duration::from_secs(60));
    let port = &mut plant.setup.topology.send_ports[0];
    port.pipeline = SendPipeline::xml();
    port.maps = vec![Map::any()];
    plant.interchanges(3, 1).poisoned(2, Defect::at(stage, 1));
    plant
}

#[test]
fn a_failing_send_map_or_pipeline_suspends_without_a_retry() {
    // R-RETRY-14, R-PIPE-11, R-SUSP-03: the adapter never sees it, the neighbours go out.
    for (stage, reason) in [(Stage::Map, "Map"), (Stage::Assemble, "SendPipeline")] {
        for send in [ASYNC, BATCHED] {
            let (world, story) = finished(outbound(stage, send).telling());
            assert_eq!(story.count(&["TransmitMessage(m2)"]), 0);
            assert_eq!(story.count(&["suspends m2 of Out, resumable", reason]), 1);
            assert_eq!(story.count(&["waits until"]), 0, "no retry");
            assert_eq!((world.message_box().suspended().len(), world.meters().processed), (1, 2));
        }
    }
    assert_snapshot!(finished(outbound(Stage::Assemble, ASYNC).telling()).1.text());
}

#[test]
fn a_resumed_message_meets_map_and_pipeline_again() {
    // R-PIPE-14: nothing of an attempt is kept, so the fault is met again.
    let mut world = outbound(Stage::Map, ASYNC).telling();
    finish(&mut world);
    assert_eq!(world.resume(OUT), 1);
    let (_, story) = finished(world);
    assert_eq!(story.count(&["suspends m2 of Out, resumable, Map"]), 2);
}

#[test]
fn a_send_pipeline_may_consume() {
    // R-PIPE-08: nothing goes out and nothing is left; a batch of nothing is taken back.
    for send in [ASYNC, BATCHED] {
        let mut plant = Plant::new(immediate(), FOLDER);
        plant.send_port("Out", "In", send, sink()).interchanges(3, 1);
        let consumes = custom(When::Every(1), vec![Act::Consume]);
        plant.setup.topology.send_ports[0].pipeline.encode = vec![consumes];
        let (world, story) = finished(plant.telling());
        assert_eq!(story.count(&["is consumed by the send pipeline"]), 3);
        assert_eq!((story.count(&["TransmitMessage"]), story.count(&["Done", "OUT"])), (0, 0));
        assert_eq!(world.message_box().reference_counts().total(), 0);
    }
}

#[test]
fn a_send_port_routes_its_failed_messages() {
    // R-FMR-01, R-FMR-02: after all retries, or at once where there are none (R-RETRY-14).
    let refusing = || SinkSettings { failure: Failure::Always, ..sink() };
    let routed = |ordered: Option<OnFailure>, stage: Option<Stage>| {
        let mut plant = match stage {
            Some(stage) => outbound(stage, ASYNC),
            None => {
                let mut plant = Plant::new(immediate(), FOLDER);
                plant.send_port("Out", "In", ASYNC, refusing()).interchanges(2, 1);
                plant.retry(1, Duration::from_secs(60));
                plant
            }
        };
        let port = &mut plant.setup.topology.send_ports[0];
        (port.route_failed, port.ordered) = (true, ordered);
        plant.error_port(ASYNC);
        finished(plant.telling())
    };
    let (world, story) = routed(None, None);
    assert_eq!(story.count(&["waits until"]), 2, "each has its retry first");
    assert_eq!(story.count(&["of Out as error message"]), 2);
    assert_eq!((world.message_box().suspended().len(), world.meters().error_messages), (0, 2));
    let (world, _) = routed(Some(OnFailure::Continue), None);
    assert_eq!((world.message_box().suspended().len(), world.meters().error_messages), (0, 2));
    // A port that stops keeps its messages: nothing may overtake the failed one.
    let (world, _) = routed(Some(OnFailure::Stop), None);
    assert_eq!((world.message_box().suspended().len(), world.meters().error_messages), (1, 0));
    let (world, story) = routed(None, Some(Stage::Map));
    assert_eq!(story.count(&["routes m2 of Out as error message e1, Map"]), 1);
    assert_eq!((world.message_box().suspended().len(), world.meters().processed), (0, 3));
}

#[test]
fn a_map_chooses_by_type_and_changes_what_is_routed_on() {
    // R-MAP-01, R-PIPE-11: the subscription sees the type that the map made.
    let mut plant = plant();
    plant.pipeline(ReceivePipeline::xml()).interchanges(1, 1);
    let other = Map { from: Some(Arc::from("Other")), ..Map::any() };
    let map = Map { from: Some(Arc::from("Document")), to: Some(Arc::from("Made")), ..Map::any() };
    plant.setup.topology.receive_ports[0].maps = vec![other, map];
    let made = Condition::equals(PropertyId::MESSAGE_TYPE, Value::text("Made"));
    plant.setup.topology.send_ports[0].filter = Some(Filter::all_of(vec![made]));
    let (world, _) = finished(plant.telling());
    assert_eq!(world.meters().processed, 1);
}
