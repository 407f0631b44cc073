//! Receive pipelines as a whole: how often each stage runs, and who can recover.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test asks for the effect it is about")]

use floodgate_engine::batch::Operation;
use floodgate_engine::map::Map;
use floodgate_engine::message::{Body, Defect, DefectKind, DocumentName, PropertyId, WireMessage};
use floodgate_engine::message_box::{Effect, LogEntry};
use floodgate_engine::pipeline::{
    Act, Component, Custom, FlatFile, Outcome, Outgoing, ReceivePipeline, SendPipeline, Stage,
    When, XmlDisassembler, XmlValidator,
};

use crate::bench::{ASYNC, Bench, add_send_port, batch_of, immediate, topology, wire, wire_of};

fn custom(when: When, act: Act) -> Component {
    Component::Custom(Custom { name: "own".into(), when, acts: vec![act] })
}

/// What became of an interchange.
#[derive(Debug, Eq, PartialEq)]
enum Told {
    /// So many documents are published, and so many suspended alone.
    Documents(usize, usize),
    /// All of it failed.
    Failed,
    /// All of it was suspended, once.
    Suspended,
}

fn told(pipeline: &ReceivePipeline, wire: &WireMessage) -> Told {
    let mut out = Vec::new();
    match pipeline.execute(&[], wire, &mut out) {
        Outcome::Done(reception) => Told::Documents(out.len(), reception.failed.len()),
        Outcome::Failed(_) => Told::Failed,
        Outcome::Suspended(_) => Told::Suspended,
    }
}

fn three() -> WireMessage {
    wire_of(1, Body::Described { bytes: 300, documents: 3 })
}

#[test]
fn decode_runs_once_and_what_follows_the_disassembler_once_a_document() {
    // R-PIPE-06: a component that suspends what it is handed says how often it runs, and on what.
    let suspend = || vec![custom(When::Always, Act::Suspend)];
    let (xml, three) = (ReceivePipeline::xml, three());
    let decode = ReceivePipeline { decode: suspend(), ..xml() };
    assert_eq!(told(&decode, &three), Told::Suspended);
    let validate = ReceivePipeline { validate: suspend(), ..xml() };
    assert_eq!(told(&validate, &three), Told::Documents(0, 3));
    let resolve = ReceivePipeline { resolve_party: suspend(), ..xml() };
    assert_eq!(told(&resolve, &three), Told::Documents(0, 3));
    // Decode never meets a second document, the others do.
    let second = || vec![custom(When::Document(2), Act::Suspend)];
    let decode = ReceivePipeline { decode: second(), ..xml() };
    assert_eq!(told(&decode, &three), Told::Documents(3, 0));
    let resolve = ReceivePipeline { resolve_party: second(), ..xml() };
    assert_eq!(told(&resolve, &three), Told::Documents(2, 1));
    assert_eq!(
        told(&ReceivePipeline { validate: suspend(), ..xml() }, &wire(1)),
        Told::Documents(0, 1)
    );
}

#[test]
fn not_every_disassembler_can_recover() {
    // R-RIP-10: the standard ones, if they are set to; one of somebody's own fails as a whole.
    let xml = |recoverable| {
        Component::XmlDisassembler(XmlDisassembler { recoverable, ..XmlDisassembler::default() })
    };
    let flat = |recoverable| {
        Component::FlatFileDisassembler(FlatFile { recoverable, ..FlatFile::default() })
    };
    let own = custom(When::Always, Act::Fail);
    let mut bad = three();
    bad.defect = Some(Defect::at(Stage::Disassemble, 2));
    for (disassembler, recovers, due) in [
        (xml(true), true, Told::Documents(2, 1)),
        (xml(false), false, Told::Failed),
        (flat(true), true, Told::Documents(2, 1)),
        (flat(false), false, Told::Failed),
        (own, false, Told::Failed),
    ] {
        let pipeline =
            ReceivePipeline { disassemble: vec![disassembler], ..ReceivePipeline::default() };
        assert_eq!((pipeline.recovers(), told(&pipeline, &bad)), (recovers, due));
    }
}

#[test]
fn a_stage_holds_so_many_components_and_no_more() {
    // R-PIPE-05: none, or 255 of them, and one assembler.
    let many = |count: usize| vec![Component::Decoder; count];
    for (count, fits) in [(0, true), (1, true), (255, true), (256, false)] {
        let stages = [
            ReceivePipeline { decode: many(count), ..ReceivePipeline::default() },
            ReceivePipeline { disassemble: many(count), ..ReceivePipeline::default() },
            ReceivePipeline { validate: many(count), ..ReceivePipeline::default() },
            ReceivePipeline { resolve_party: many(count), ..ReceivePipeline::default() },
        ];
        assert!(stages.iter().all(|own| own.overfull().is_none() == fits), "{count}");
        let encode = SendPipeline { encode: many(count), ..SendPipeline::default() };
        let early = SendPipeline { pre_assemble: many(count), ..SendPipeline::default() };
        assert_eq!((encode.overfull().is_none(), early.overfull().is_none()), (fits, fits));
    }
    let assemblers = |pipeline: &SendPipeline| pipeline.stages()[1].1.len();
    assert_eq!(
        (assemblers(&SendPipeline::pass_through()), assemblers(&SendPipeline::xml())),
        (0, 1)
    );
    let full = ReceivePipeline { validate: many(256), ..ReceivePipeline::xml() };
    assert_eq!(full.overfull(), Some(Stage::Validate));
}

#[test]
fn a_component_that_fails_is_reported_with_the_message() {
    // R-PIPE-13: pipeline, component, port and reason, on the way in and on the way out.
    let own = |act| {
        let own = Custom { name: "Own.Checker".into(), when: When::Always, acts: vec![act] };
        vec![Component::Decoder, Component::Custom(own)]
    };
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology.receive_locations[0].pipeline =
        ReceivePipeline { validate: own(Act::Fail), ..ReceivePipeline::xml() };
    let mut bench = Bench::new(topology.clone());
    bench.post(batch_of(1, [Operation::Submit(wire(1))]));
    let suspended = &bench.message_box.suspended().messages[0];
    assert_eq!(
        suspended.error.as_deref(),
        Some(
            "failure executing the receive pipeline: \"XMLReceive\", source \"Own.Checker\", \
             receive port \"In\", location \"In\", reason: document 1 failed at Validate with E_FAIL"
        )
    );
    topology.receive_locations[0].pipeline = ReceivePipeline::pass_through();
    topology.send_ports[0].pipeline =
        SendPipeline { encode: own(Act::Fail), ..SendPipeline::xml() };
    let mut bench = Bench::new(topology);
    bench.publish([2]);
    assert_eq!((bench.transmitted().len(), bench.message_box.suspended().references), (0, 1));
    let logged = bench.effects.iter().find_map(|effect| match effect {
        Effect::Logged { at, entry: LogEntry::Suspended } => Some(at.reference),
        _ => None,
    });
    let report = logged.and_then(|reference| bench.message_box.error_of(reference));
    assert_eq!(
        report,
        Some(
            "failure executing the send pipeline: \"XMLTransmit\", source \"Own.Checker\", \
             send port \"Out\", location \"Out\", reason: document 1 failed at Encode with E_FAIL"
        )
    );
}

/// The same with a context that other messages have, too: it may go the fast way.
fn templated(mut message: WireMessage) -> WireMessage {
    message.context = message.context.into_template(3);
    message
}

#[test]
fn a_message_goes_the_fast_way_only_if_that_makes_no_difference() {
    // R-PIPE-06, R-RCV-02, R-RIP-11, R-MAP-01: whatever one of these does to a message of its own
    // it does to one of a template.
    let consumes = || vec![custom(When::Document(2), Act::Consume)];
    let preserving = XmlDisassembler { preserves: true, ..XmlDisassembler::default() };
    let xml = ReceivePipeline::xml;
    let pipelines = [
        (xml(), Told::Documents(3, 0)),
        (ReceivePipeline { validate: consumes(), ..xml() }, Told::Documents(1, 0)),
        (ReceivePipeline { resolve_party: consumes(), ..xml() }, Told::Documents(1, 0)),
        (
            ReceivePipeline { disassemble: vec![Component::XmlDisassembler(preserving)], ..xml() },
            Told::Documents(1, 0),
        ),
        (ReceivePipeline::pass_through(), Told::Documents(1, 0)),
    ];
    for (pipeline, due) in &pipelines {
        assert_eq!(told(pipeline, &three()), *due);
        assert_eq!(told(pipeline, &templated(three())), *due, "{}", pipeline.name);
    }
    let mut bad = three();
    bad.defect = Some(Defect::at(Stage::Disassemble, 2));
    assert_eq!(told(&xml(), &templated(bad)), Told::Failed);
    let real = wire_of(1, Body::Real(b"<Order/>".as_slice().into()));
    assert_eq!(told(&xml(), &templated(real)), Told::Documents(1, 0));
    let wrong = wire_of(1, Body::Real(b"<Order>".as_slice().into()));
    assert_eq!(told(&xml(), &templated(wrong)), Told::Failed);
    let larger = [Map { size_per_mille: 2000, ..Map::any() }];
    let mut out = Vec::new();
    xml().execute(&larger, &templated(three()), &mut out);
    assert!(out.iter().all(|document| document.parts.bytes() == 200), "{out:?}");
}

#[test]
fn what_decode_consumes_is_told_as_consumed() {
    // R-PIPE-08, R-RCV-02.
    let pipeline = ReceivePipeline {
        decode: vec![custom(When::Always, Act::Consume)],
        ..ReceivePipeline::xml()
    };
    let mut out = Vec::new();
    let Outcome::Done(reception) = pipeline.execute(&[], &three(), &mut out) else {
        panic!("it is done with")
    };
    assert!(reception.consumed && reception.failed.is_empty() && out.is_empty());
}

#[test]
fn a_party_that_is_not_resolved_fails_the_interchange() {
    // R-RIP-06: however well its components recover elsewhere; a forged message fails nowhere.
    let recovering =
        || Component::XmlValidator(XmlValidator { recoverable: true, ..Default::default() });
    let faulty = |stage, kind| {
        let mut message = three();
        message.defect = Some(Defect { kind, ..Defect::at(stage, 2) });
        message
    };
    let resolving = ReceivePipeline { resolve_party: vec![recovering()], ..ReceivePipeline::xml() };
    let validating = ReceivePipeline { validate: vec![recovering()], ..ReceivePipeline::xml() };
    let (whole, alone) = (Told::Failed, Told::Documents(2, 1));
    for (kind, validated) in [(DefectKind::Invalid, alone), (DefectKind::Unreadable, whole)] {
        assert_eq!(told(&resolving, &faulty(Stage::ResolveParty, kind)), Told::Failed);
        assert_eq!(told(&validating, &faulty(Stage::Validate, kind)), validated, "{kind:?}");
    }
    let forged = DefectKind::Forged;
    assert_eq!(told(&resolving, &faulty(Stage::ResolveParty, forged)), Told::Documents(3, 0));
    assert_eq!(told(&validating, &faulty(Stage::Validate, forged)), Told::Documents(3, 0));
}

#[test]
fn only_a_disassembler_that_recovers_has_unrouted_documents_suspended_alone() {
    // R-RIP-01, R-RIP-04, R-MSG-11, R-RCV-03.
    let xml = |recoverable| ReceivePipeline {
        disassemble: vec![Component::XmlDisassembler(XmlDisassembler {
            recoverable,
            ..XmlDisassembler::default()
        })],
        ..ReceivePipeline::default()
    };
    let suspends = |pipeline: &ReceivePipeline| {
        let mut context = wire(1).context;
        pipeline.prepare(&mut context);
        context.is_set(PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE)
    };
    let own = ReceivePipeline {
        disassemble: vec![custom(When::Always, Act::Fail)],
        ..ReceivePipeline::default()
    };
    let none = ReceivePipeline::pass_through();
    let all = [xml(true), xml(false), own, none];
    assert_eq!(all.each_ref().map(suspends), [true, false, false, false]);
    assert_eq!(all.each_ref().map(ReceivePipeline::disassembles), [true, true, false, false]);
    assert_eq!(all.each_ref().map(|own| own.documents_in(&three())), [3, 3, 1, 1]);
}

#[test]
fn real_bytes_survive_a_map_that_keeps_their_size() {
    // R-MAP-01, R-PIPE-11.
    let bytes: std::sync::Arc<[u8]> = b"<Order/>".as_slice().into();
    let sent = |size_per_mille| {
        let maps = [Map { size_per_mille, ..Map::any() }];
        let message = wire(1);
        let name = DocumentName { wire: 1, sequence: 1, split: false };
        let pipeline = SendPipeline::pass_through();
        match pipeline.execute(&maps, name, &message.context, 8, Some(&bytes)) {
            Outgoing::Ready { real, bytes, .. } => (real.is_some(), bytes),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([1000, 1500].map(sent), [(true, 8), (false, 12)]);
}
