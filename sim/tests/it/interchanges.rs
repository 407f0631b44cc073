//! Property: whatever interchanges come in, every document ends once, and no promise is broken
//! (INV-12, INV-58…61, INV-63).

use floodgate_engine::message::{Defect, DefectKind};
use floodgate_engine::pipeline::{
    Act, Component, Custom, ReceivePipeline, Stage, When, XmlValidator,
};
use floodgate_engine::sabotage::Sabotage;
use floodgate_sim::check::Rule;
use floodgate_sim::world::World;
use proptest::prelude::*;

use crate::fixture::{
    ASYNC, FOLDER, Plant, Verdict, all_kept, demand, demand_eq, finish_within, holds, immediate,
    notices, sink,
};
use crate::golden_receive::{recovering, resume_messages};

#[derive(Clone, Debug)]
struct Case {
    count: usize,
    documents: u32,
    every: u64,
    defect: Defect,
    recovers: bool,
    validates: Option<bool>,
    routes: bool,
    listens: bool,
    subscribes: bool,
    resumes: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let stages = [Stage::Disassemble, Stage::Validate, Stage::ResolveParty, Stage::Map];
    let kinds = [DefectKind::Invalid, DefectKind::Unreadable, DefectKind::Unrecognised];
    let defect =
        (prop::sample::select(stages.to_vec()), 1..6_u32, prop::sample::select(kinds.to_vec()))
            .prop_map(|(stage, document, kind)| Defect { stage, document, kind });
    let load = (1..6_usize, 0..5_u32, 1..4_u64, defect);
    let port = (any::<bool>(), prop::option::of(any::<bool>()), any::<bool>(), any::<bool>());
    (load, port, any::<bool>(), any::<bool>()).prop_map(
        |((count, documents, every, defect), port, subscribes, resumes)| {
            let (recovers, validates, routes, listens) = port;
            Case {
                count,
                documents,
                every,
                defect,
                recovers,
                validates,
                routes,
                listens,
                subscribes,
                resumes,
            }
        },
    )
}

fn plant(case: &Case) -> Plant {
    let mut plant = Plant::new(immediate(), FOLDER);
    let from = if case.subscribes { "In" } else { "Elsewhere" };
    plant.send_port("Out", from, ASYNC, sink());
    if case.listens {
        plant.error_port(ASYNC);
    }
    let mut pipeline = if case.recovers { recovering() } else { ReceivePipeline::xml() };
    let validator = |recoverable| XmlValidator { recoverable, requires: None };
    pipeline.validate =
        case.validates.map(validator).map(Component::XmlValidator).into_iter().collect();
    plant.pipeline(pipeline).interchanges(case.count, case.documents);
    plant.poisoned(case.every, case.defect);
    plant.setup.topology.receive_ports[0].route_failed = case.routes;
    plant
}

fn run(case: &Case, sabotage: Option<Sabotage>) -> Verdict {
    let mut world = World::new(&plant(case).setup);
    if let Some(sabotage) = sabotage {
        world.sabotage(sabotage);
    }
    finish_within(&mut world, 100_000)?;
    if case.resumes {
        resume_messages(&mut world);
        finish_within(&mut world, 100_000)?;
    }
    let suspended = world.message_box().suspended().messages.len();
    let outcome = world.conclude();
    all_kept(&outcome)?;
    demand_eq(outcome.unfinished, 0, "documents without an end")?;
    demand(suspended == 0 || !(case.routes && case.listens), || {
        format!("INV-63: {suspended} suspended, although error messages have a subscriber")
    })
}

#[test]
fn every_document_ends_once() {
    // INV-12, INV-58, INV-59, INV-60, INV-61, INV-63.
    let regressions = "proptest-regressions/interchanges.txt";
    holds(600, regressions, &cases(), |case| run(case, None));
}

#[test]
fn a_plain_message_is_followed_from_what_goes_wrong_with_it() {
    // INV-12: nothing was known of these messages when they were submitted.
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(20);
    let (name, acts) = ("Throws".into(), vec![Act::Fail]);
    let throws = Component::Custom(Custom { name, when: When::Every(2), acts });
    plant.pipeline(ReceivePipeline { decode: vec![throws], ..ReceivePipeline::pass_through() });
    let outcome = plant.run();
    assert_eq!(all_kept(&outcome), Ok(()));
    assert_eq!((outcome.meters.suspended, outcome.meters.processed), (10, 10));
    let judged = outcome.verdicts.iter().find(|one| one.rule == Rule::OneEndPerDocument);
    assert_eq!(judged.map(|one| one.occasions), Some(10));
}

#[test]
fn a_message_routed_and_suspended_as_well_is_noticed() {
    // INV-12, INV-63.
    let broken = Some(Sabotage::SuspendWhatIsRouted);
    let noticed = notices(200, &cases(), |case| run(case, broken));
    assert!(noticed.contains("INV-12") || noticed.contains("INV-63"), "{noticed}");
}

#[test]
fn a_bad_document_that_is_forgotten_is_noticed() {
    // INV-59, INV-60.
    let broken = Some(Sabotage::ForgetBadDocuments);
    let noticed = notices(200, &cases(), |case| run(case, broken));
    assert!(["INV-03", "INV-59", "INV-60"].iter().any(|id| noticed.contains(id)), "{noticed}");
}
