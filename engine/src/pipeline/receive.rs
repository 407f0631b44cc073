//! Receive pipelines: one wire message in, zero, one or many documents out.

use super::component::{Fault, Said, Subject, run_all};
use super::{Component, Failure, Stage};
use crate::batch::Status;
use crate::interchange::{self, Extracted, Interchange};
use crate::map::Map;
use crate::message::{Body, Context, DefectKind, Document, PropertyId, Value, WireMessage};
use crate::message_box::Reason;

/// A receive pipeline: its components by stage (R-PIPE-01), at most 255 in each (R-PIPE-05).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReceivePipeline {
    /// Name, as configured.
    pub name: String,
    /// Components of `Decode`.
    pub decode: Vec<Component>,
    /// Components of `Disassemble`.
    pub disassemble: Vec<Component>,
    /// Components of `Validate`.
    pub validate: Vec<Component>,
    /// Components of `ResolveParty`.
    pub resolve_party: Vec<Component>,
}

/// What became of one wire message.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was processed; single documents may have failed on their own.
    Done(Reception),
    /// It failed as a whole: no document of it is published (R-RIP-02, R-RCV-04).
    Failed(Failure),
    /// A component before the disassembler suspended it, in the form it was handed (R-RCV-09).
    Suspended(Box<WireMessage>),
}

/// What a processed message left beside its good documents.
#[derive(Clone, Debug, Default)]
pub struct Reception {
    /// Documents to be suspended one by one, in the order in which they failed.
    pub failed: Vec<FailedDocument>,
    /// A component consumed a document; those after it were never pulled (R-RCV-03).
    pub consumed: bool,
}

/// A document that fails alone (R-RIP-03).
#[derive(Clone, Debug)]
pub struct FailedDocument {
    /// The document.
    pub document: Document,
    /// What failed.
    pub reason: Reason,
    /// The form in which it is kept.
    pub form: Form,
}

/// Where resuming a document begins (INV-61).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// As a component was handed it: at the beginning of the pipeline (R-RCV-09).
    Handed,
    /// As the pipeline left it: at publication (R-RIP-08).
    PostPipeline,
}

impl Reception {
    fn fail(&mut self, document: Document, reason: Reason, form: Form) {
        self.failed.push(FailedDocument { document, reason, form });
    }
}

impl ReceivePipeline {
    /// No components: passes the message through, promotes no type (R-PIPE-10, R-MSG-11).
    #[must_use]
    pub fn pass_through() -> Self {
        Self { name: "PassThruReceive".to_owned(), ..Self::default() }
    }

    /// XML disassembler and party resolution (R-PIPE-10).
    #[must_use]
    pub fn xml() -> Self {
        Self {
            name: "XMLReceive".to_owned(),
            disassemble: vec![Component::xml_disassembler()],
            resolve_party: vec![Component::PartyResolver],
            ..Self::default()
        }
    }

    /// The four stages in their order, with their components (R-PIPE-01).
    pub fn stages(&self) -> [(Stage, &[Component]); 4] {
        [
            (Stage::Decode, &self.decode),
            (Stage::Disassemble, &self.disassemble),
            (Stage::Validate, &self.validate),
            (Stage::ResolveParty, &self.resolve_party),
        ]
    }

    /// Whether a disassembler splits and types what comes in.
    #[must_use]
    pub fn disassembles(&self) -> bool {
        self.disassemble.iter().any(Component::disassembles)
    }

    /// Whether bad documents of an interchange are suspended one by one by its disassembler
    /// (R-RIP-01): then one without a subscriber is as well (R-RIP-04).
    #[must_use]
    pub fn recovers(&self) -> bool {
        let mut disassemblers = self.disassemble.iter().filter(|own| own.disassembles());
        disassemblers.next().is_some_and(Component::recovers)
    }

    /// Whether one of its components may consume a document (R-RCV-02).
    #[must_use]
    pub fn is_custom(&self) -> bool {
        let any = |stage: &[Component]| stage.iter().any(Component::is_custom);
        any(&self.decode)
            || any(&self.disassemble)
            || any(&self.validate)
            || any(&self.resolve_party)
    }

    /// Whether an interchange comes out as one message (R-RIP-11).
    #[must_use]
    pub fn preserves(&self) -> bool {
        self.disassemble.iter().any(|own| match own {
            Component::XmlDisassembler(settings) => settings.preserves,
            Component::Custom(_)
            | Component::Decoder
            | Component::FlatFileDisassembler(_)
            | Component::PartyResolver
            | Component::XmlAssembler(_)
            | Component::XmlValidator(_) => false,
        })
    }

    /// How many documents it finds in `wire`, were each of them good.
    #[must_use]
    #[inline(always)]
    pub fn documents_in(&self, wire: &WireMessage) -> u32 {
        interchange::count(&self.disassemble, wire)
    }

    /// Writes into `context` what a recovering disassembler sets on every document: one without a
    /// subscriber is suspended by itself (R-RIP-04).
    pub fn prepare(&self, context: &mut Context) {
        let property = PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE;
        if self.recovers() && !context.is_set(property) {
            context.write(property, Some(Value::Bool(true)));
        }
    }

    /// Runs the pipeline and then the port's maps on `wire`, appending its good documents to
    /// `out`: none of them, if the message fails as a whole (R-RIP-02).
    #[inline(always)]
    pub fn execute(&self, maps: &[Map], wire: &WireMessage, out: &mut Vec<Document>) -> Outcome {
        let described = matches!(wire.parts.body(), Body::Described { .. });
        let nothing_special = described
            && wire.defect.is_none()
            && wire.context.template() != 0
            && !self.is_custom()
            && !self.preserves()
            && maps.iter().all(Map::is_neutral);
        if nothing_special {
            interchange::split_described(self.disassembles(), wire, out);
            return Outcome::Done(Reception::default());
        }
        let before = out.len();
        let outcome = self.run(maps, wire, out);
        if !matches!(outcome, Outcome::Done(_)) {
            out.truncate(before);
        }
        outcome
    }

    fn run(&self, maps: &[Map], wire: &WireMessage, out: &mut Vec<Document>) -> Outcome {
        let before = out.len();
        let mut reception = Reception::default();
        let decoded = match self.decode(wire) {
            Ok(Some(decoded)) => decoded,
            // Consumed before anything was taken apart.
            Ok(None) => return Outcome::Done(Reception { consumed: true, ..reception }),
            Err(outcome) => return outcome,
        };
        let Some(mut interchange) = Interchange::open(&self.disassemble, &decoded) else {
            return failed(Stage::Disassemble, 1, Fault::FIRST);
        };
        // All documents are extracted before any is published (R-RIP-03).
        while let Some(next) = interchange.next() {
            let Extracted { mut document, bad } = match next {
                Ok(extracted) => extracted,
                Err(broken) => return failed(Stage::Disassemble, broken.document, Fault::FIRST),
            };
            self.prepare_own(&interchange, &mut document);
            let (stage, said) = if bad {
                (Stage::Disassemble, judge_bad(interchange.recovers()))
            } else {
                self.process(interchange.component(), &mut document, &decoded)
            };
            match said {
                Said::Passed if is_for_the_suspend_queue(&document) => {
                    reception.fail(document, Reason::Pipeline, Form::PostPipeline);
                }
                Said::Passed => out.push(document),
                Said::Recovered => reception.fail(document, Reason::Pipeline, Form::PostPipeline),
                Said::Suspended => reception.fail(document, Reason::Pipeline, Form::Handed),
                Said::Consumed => {
                    reception.consumed = true;
                    break;
                }
                Said::Failed(fault) => return failed(stage, document.name.sequence, fault),
            }
        }
        run_maps(maps, before, out, &mut reception)
            .map_or_else(Outcome::Failed, |()| Outcome::Done(reception))
    }

    /// Decode: once per wire message (R-PIPE-06). `None`: consumed.
    fn decode(&self, wire: &WireMessage) -> Result<Option<WireMessage>, Outcome> {
        let mut decoded = wire.clone();
        let flaw = wire.defect.filter(|defect| defect.stage == Stage::Decode);
        let flaw = flaw.map(|defect| defect.kind).filter(|kind| trips(*kind));
        let mut subject = Subject {
            wire: wire.number,
            document: 1,
            context: &mut decoded.context,
            parts: &mut decoded.parts,
        };
        match run_all(&self.decode, flaw, &mut subject) {
            Said::Passed => Ok(Some(decoded)),
            Said::Consumed => Ok(None),
            Said::Suspended => Err(Outcome::Suspended(Box::new(decoded))),
            Said::Failed(fault) => Err(failed(Stage::Decode, 1, fault)),
            Said::Recovered => Err(failed(Stage::Decode, 1, Fault::FIRST)),
        }
    }

    fn prepare_own(&self, interchange: &Interchange<'_>, document: &mut Document) {
        if interchange.recovers() {
            self.prepare(&mut document.context);
        }
    }

    /// What comes after the disassembler, document by document (R-PIPE-06).
    fn process(
        &self,
        disassembler: &[Component],
        document: &mut Document,
        wire: &WireMessage,
    ) -> (Stage, Said) {
        let sequence = document.name.sequence;
        let own = wire.defect.filter(|defect| defect.document == sequence);
        if let Some(defect) = own
            && defect.stage.is_after_receive()
        {
            defect.stage.mark(&mut document.context);
        }
        let custom: &[Component] = match disassembler {
            [Component::Custom(_)] => disassembler,
            _ => &[],
        };
        let stages = [
            (Stage::Disassemble, custom),
            (Stage::Validate, &self.validate[..]),
            (Stage::ResolveParty, &self.resolve_party[..]),
        ];
        for (stage, components) in stages {
            let flaw = own.filter(|defect| defect.stage == stage).map(|defect| defect.kind);
            let mut subject = Subject {
                wire: wire.number,
                document: sequence,
                context: &mut document.context,
                parts: &mut document.parts,
            };
            match run_all(components, flaw.filter(|kind| trips(*kind)), &mut subject) {
                Said::Passed => {}
                // The party is resolved for the interchange: one failure is everybody's (R-RIP-06).
                Said::Recovered if stage == Stage::ResolveParty => {
                    return (stage, Said::Failed(Fault::FIRST));
                }
                said @ (Said::Consumed | Said::Failed(_) | Said::Recovered | Said::Suspended) => {
                    return (stage, said);
                }
            }
        }
        (Stage::ResolveParty, Said::Passed)
    }
}

/// Whether a fault of this kind makes a component fail; the others are asked for elsewhere.
const fn trips(kind: DefectKind) -> bool {
    match kind {
        DefectKind::Invalid | DefectKind::Unreadable => true,
        DefectKind::Forged | DefectKind::Unrecognised => false,
    }
}

const fn judge_bad(recovers: bool) -> Said {
    if recovers { Said::Recovered } else { Said::Failed(Fault::FIRST) }
}

const fn failed(stage: Stage, document: u32, fault: Fault) -> Outcome {
    let Fault { status, component } = fault;
    Outcome::Failed(Failure { stage, document, status, component })
}

/// Whether somebody in the pipeline asked for its suspension (R-RIP-07).
fn is_for_the_suspend_queue(document: &Document) -> bool {
    let destination = document.context.read(PropertyId::MESSAGE_DESTINATION);
    matches!(destination, Some(Value::Text(text)) if **text == *"SuspendQueue")
}

/// Maps the documents from `first` on, each by its type (R-MAP-01). One that fails takes the
/// interchange with it, unless it is to be suspended alone (R-RIP-01).
fn run_maps(
    maps: &[Map],
    first: usize,
    out: &mut Vec<Document>,
    reception: &mut Reception,
) -> Result<(), Failure> {
    let mut at = first;
    while !maps.is_empty() && at < out.len() {
        let document = &mut out[at];
        if Map::apply(maps, document).is_ok() {
            at += 1;
        } else if document.context.is_set(PropertyId::SUSPEND_MESSAGE_ON_MAPPING_FAILURE) {
            let document = out.remove(at);
            reception.fail(document, Reason::Map, Form::PostPipeline);
        } else {
            let document = document.name.sequence;
            let (stage, status) = (Stage::Map, Status::FAIL);
            return Err(Failure { stage, document, status, component: 0 });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::message::{Defect, Parts};
    use crate::pipeline::{Act, Custom, When, XmlDisassembler, XmlValidator};
    use crate::time::Instant;

    fn wire(documents: u32, defect: Option<Defect>) -> WireMessage {
        WireMessage {
            number: 1,
            lineage: 1,
            arrived: Instant::ZERO,
            context: Context::default(),
            parts: Parts::of(Body::Described { bytes: 300, documents }),
            defect,
            seekable: true,
        }
    }

    fn xml_of(disassembler: XmlDisassembler, validator: Option<XmlValidator>) -> ReceivePipeline {
        ReceivePipeline {
            disassemble: vec![Component::XmlDisassembler(disassembler)],
            validate: validator.map(Component::XmlValidator).into_iter().collect(),
            ..ReceivePipeline::xml()
        }
    }

    fn recovering() -> XmlDisassembler {
        XmlDisassembler { recoverable: true, ..XmlDisassembler::default() }
    }

    fn custom(when: When, acts: Vec<Act>) -> Component {
        Component::Custom(Custom { name: Arc::from("own"), when, acts })
    }

    /// Sequence numbers of what is published and of what is suspended alone; the document at
    /// which the whole message fails.
    fn told(
        pipeline: &ReceivePipeline,
        maps: &[Map],
        wire: &WireMessage,
    ) -> Result<(Vec<u32>, Vec<u32>), u32> {
        let mut out = Vec::new();
        let outcome = pipeline.execute(maps, wire, &mut out);
        let numbers = |document: &Document| document.name.sequence;
        match outcome {
            Outcome::Done(reception) => {
                let failed = reception.failed.iter().map(|failed| numbers(&failed.document));
                Ok((out.iter().map(numbers).collect(), failed.collect()))
            }
            Outcome::Failed(failure) => {
                assert!(out.is_empty(), "R-RIP-02: nothing of it is left");
                Err(failure.document)
            }
            Outcome::Suspended(_) => Err(0),
        }
    }

    #[test]
    fn a_defect_trips_only_a_stage_that_has_a_component() {
        // R-RCV-04, R-RIP-02, R-PIPE-03: standard processing is all or nothing.
        let at = |stage, document| Some(Defect::at(stage, document));
        let validating = xml_of(XmlDisassembler::default(), Some(XmlValidator::default()));
        let decoding =
            ReceivePipeline { decode: vec![Component::Decoder], ..ReceivePipeline::xml() };
        let any = [Map::any()];
        let cases: [(&ReceivePipeline, &[Map], _, Result<usize, u32>); 10] = [
            (&ReceivePipeline::pass_through(), &[], at(Stage::Disassemble, 1), Ok(1)),
            (&ReceivePipeline::xml(), &[], at(Stage::Disassemble, 2), Err(2)),
            (&ReceivePipeline::xml(), &[], at(Stage::Disassemble, 4), Ok(3)),
            (&ReceivePipeline::xml(), &[], at(Stage::Validate, 1), Ok(3)),
            (&ReceivePipeline::xml(), &[], at(Stage::ResolveParty, 3), Err(3)),
            (&ReceivePipeline::xml(), &[], at(Stage::Decode, 1), Ok(3)),
            (&decoding, &[], at(Stage::Decode, 1), Err(1)),
            (&validating, &[], at(Stage::Validate, 1), Err(1)),
            (&ReceivePipeline::xml(), &[], at(Stage::Map, 1), Ok(3)),
            (&ReceivePipeline::xml(), &any, at(Stage::Map, 1), Err(1)),
        ];
        for (pipeline, maps, defect, expected) in cases {
            let found =
                told(pipeline, maps, &wire(3, defect)).map(|(published, _)| published.len());
            assert_eq!(found, expected, "{} {defect:?}", pipeline.name);
        }
    }

    #[test]
    fn a_failed_interchange_leaves_the_documents_of_others_alone() {
        // R-RIP-02: only its own documents are discarded.
        let mut out = Vec::new();
        let xml = ReceivePipeline::xml();
        assert!(matches!(xml.execute(&[], &wire(2, None), &mut out), Outcome::Done(_)));
        let bad = wire(2, Some(Defect::at(Stage::Disassemble, 1)));
        assert!(matches!(xml.execute(&[], &bad, &mut out), Outcome::Failed(_)));
        assert_eq!(out.len(), 2);
    }

    #[test]
    fn recoverable_processing_loses_the_bad_document_alone() {
        // R-RIP-01, R-RIP-03, R-RIP-05, R-RIP-06: at the disassembler, at the validator, not at
        // the party, and not past what cannot be read.
        let at = |stage, kind| wire(3, Some(Defect { stage, document: 2, kind }));
        let validator = |recoverable| Some(XmlValidator { recoverable, requires: None });
        let (both, first, second) = (
            xml_of(recovering(), validator(true)),
            xml_of(recovering(), validator(false)),
            xml_of(XmlDisassembler::default(), validator(true)),
        );
        let alone = Ok((vec![1, 3], vec![2]));
        let cases = [
            (&both, Stage::Disassemble, DefectKind::Invalid, alone.clone()),
            (&both, Stage::Validate, DefectKind::Invalid, alone.clone()),
            (&first, Stage::Validate, DefectKind::Invalid, Err(2)),
            (&second, Stage::Validate, DefectKind::Invalid, alone),
            (&second, Stage::Disassemble, DefectKind::Invalid, Err(2)),
            (&both, Stage::ResolveParty, DefectKind::Invalid, Err(2)),
            (&both, Stage::Disassemble, DefectKind::Unreadable, Err(2)),
            (&both, Stage::Validate, DefectKind::Unreadable, Err(2)),
        ];
        for (pipeline, stage, kind, expected) in cases {
            assert_eq!(told(pipeline, &[], &at(stage, kind)), expected, "{stage:?} {kind:?}");
        }
        let mut out = Vec::new();
        let _ = both.execute(&[], &at(Stage::Disassemble, DefectKind::Invalid), &mut out);
        // R-RIP-04: without a subscriber each of them is suspended by itself.
        let property = PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE;
        assert!(out.iter().all(|document| document.context.is_set(property)));
    }

    #[test]
    fn a_failing_map_takes_the_interchange_or_its_document() {
        // R-RIP-01: `SuspendMessageOnMappingFailure`, set by a component.
        let steer = custom(
            When::Always,
            vec![Act::Write(PropertyId::SUSPEND_MESSAGE_ON_MAPPING_FAILURE, Value::Bool(true))],
        );
        let alone = ReceivePipeline { validate: vec![steer], ..ReceivePipeline::xml() };
        let bad = wire(3, Some(Defect::at(Stage::Map, 2)));
        assert_eq!(told(&ReceivePipeline::xml(), &[Map::any()], &bad), Err(2));
        assert_eq!(told(&alone, &[Map::any()], &bad), Ok((vec![1, 3], vec![2])));
    }

    #[test]
    fn a_consumed_document_ends_the_interchange() {
        // R-RCV-02, R-RCV-03, R-PIPE-07: those before it are published, those after never pulled.
        let consume = |when| custom(when, vec![Act::Consume]);
        let at_validate =
            |when| ReceivePipeline { validate: vec![consume(when)], ..ReceivePipeline::xml() };
        assert_eq!(told(&at_validate(When::Always), &[], &wire(3, None)), Ok((vec![], vec![])));
        assert_eq!(
            told(&at_validate(When::Document(3)), &[], &wire(3, None)),
            Ok((vec![1, 2], vec![]))
        );
        // The broken end is never read.
        let unread = Defect { kind: DefectKind::Unreadable, ..Defect::at(Stage::Disassemble, 3) };
        let bad = wire(3, Some(unread));
        assert_eq!(told(&at_validate(When::Document(2)), &[], &bad), Ok((vec![1], vec![])));
        assert_eq!(told(&at_validate(When::Document(4)), &[], &bad), Err(3));
        let at_decode =
            ReceivePipeline { decode: vec![consume(When::Always)], ..ReceivePipeline::xml() };
        assert_eq!(told(&at_decode, &[], &wire(3, None)), Ok((vec![], vec![])));
    }

    #[test]
    fn components_of_a_stage_run_in_order_until_one_fails() {
        // R-PIPE-04, R-CTX-09.
        let own = PropertyId(900);
        let promote = |value: i64| custom(When::Always, vec![Act::Promote(own, Value::Int(value))]);
        let fail = custom(When::Always, vec![Act::Fail]);
        let pipeline = |validate| ReceivePipeline { validate, ..ReceivePipeline::xml() };
        let mut out = Vec::new();
        let _ = pipeline(vec![promote(1), promote(2)]).execute(&[], &wire(1, None), &mut out);
        assert_eq!(out[0].promoted(own), Some(Value::Int(2)));
        assert_eq!(told(&pipeline(vec![promote(1), fail]), &[], &wire(1, None)), Err(1));
        let object = custom(When::Always, vec![Act::Write(own, Value::Object)]);
        let outcome = pipeline(vec![object]).execute(&[], &wire(1, None), &mut Vec::new());
        let Outcome::Failed(failure) = outcome else { panic!("what cannot be stored fails") };
        assert_eq!(failure.status, Status::NO_INTERFACE);
    }

    #[test]
    fn a_component_suspends_what_it_was_handed() {
        // R-RCV-09: after the changes of those before it, without its own.
        let own = PropertyId(900);
        let write = |value: i64| Act::Write(own, Value::Int(value));
        let before = custom(When::Always, vec![write(1)]);
        let suspends = custom(When::Always, vec![write(2), Act::Suspend]);
        let decode = vec![before.clone(), suspends.clone()];
        let early = ReceivePipeline { decode, ..ReceivePipeline::xml() };
        let Outcome::Suspended(handed) = early.execute(&[], &wire(3, None), &mut Vec::new()) else {
            panic!("a component before the disassembler suspends the message")
        };
        assert_eq!(handed.context.read(own), Some(&Value::Int(1)));
        let late = ReceivePipeline { validate: vec![before, suspends], ..ReceivePipeline::xml() };
        let Outcome::Done(reception) = late.execute(&[], &wire(2, None), &mut Vec::new()) else {
            panic!("a component after it suspends documents")
        };
        for failed in &reception.failed {
            assert_eq!(failed.document.context.read(own), Some(&Value::Int(1)));
            assert_eq!(failed.form, Form::Handed);
        }
        assert_eq!(reception.failed.len(), 2);
    }

    #[test]
    fn a_document_destined_for_the_suspend_queue_is_not_published() {
        // R-RIP-07: whoever in the pipeline asks for it.
        let destination = Value::text("SuspendQueue");
        let steer = custom(
            When::Document(1),
            vec![Act::Write(PropertyId::MESSAGE_DESTINATION, destination)],
        );
        let pipeline = ReceivePipeline { resolve_party: vec![steer], ..ReceivePipeline::xml() };
        assert_eq!(told(&pipeline, &[], &wire(2, None)), Ok((vec![2], vec![1])));
    }

    #[test]
    fn the_standard_pipelines_have_the_documented_components() {
        // R-PIPE-01, R-PIPE-10, R-MSG-11: pass-through promotes no type.
        let counts = |pipeline: &ReceivePipeline| pipeline.stages().map(|(_, own)| own.len());
        assert_eq!(counts(&ReceivePipeline::pass_through()), [0, 0, 0, 0]);
        assert_eq!(counts(&ReceivePipeline::xml()), [0, 1, 0, 1]);
        let mut context = Context::default();
        ReceivePipeline::pass_through().promote_type(&mut context, "urn:o#Order").unwrap();
        assert_eq!(context.promoted(PropertyId::MESSAGE_TYPE), None);
        ReceivePipeline::xml().promote_type(&mut context, "urn:o#Order").unwrap();
        assert_eq!(context.promoted(PropertyId::MESSAGE_TYPE), Some(&Value::text("urn:o#Order")));
    }

    #[test]
    fn a_validator_looks_into_real_documents() {
        let requires = Some(Arc::from("Total"));
        let recoverable = true;
        let envelope = Some(Arc::from("B"));
        let pipeline = xml_of(
            XmlDisassembler { envelope, ..XmlDisassembler::default() },
            Some(XmlValidator { recoverable, requires }),
        );
        let mut message = wire(1, None);
        let text = "<E><B><o><Total/></o><o/></B></E>";
        message.parts = Parts::of(Body::Real(Arc::from(text.as_bytes())));
        assert_eq!(told(&pipeline, &[], &message), Ok((vec![1], vec![2])));
    }
}
