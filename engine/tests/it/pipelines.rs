//! Receive pipelines as a whole: how often each stage runs, and who can recover.

use floodgate_engine::message::{Body, Defect, WireMessage};
use floodgate_engine::pipeline::{
    Act, Component, Custom, FlatFile, Outcome, ReceivePipeline, Stage, When, XmlDisassembler,
};

use crate::bench::{wire, wire_of};

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
