//! Send pipelines: one document in, one out, or none (R-PIPE-08).

use std::sync::Arc;

use super::component::{Fault, Said, Subject, run_all};
use super::{Component, Failure, Stage};
use crate::map::Map;
use crate::message::{Body, Context, DefectKind, DocumentName, Parts};

/// A send pipeline: its components by stage (R-PIPE-01), at most 255 in each (R-PIPE-05).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SendPipeline {
    /// Name, as configured.
    pub name: String,
    /// Components of `PreAssemble`.
    pub pre_assemble: Vec<Component>,
    /// The component of `Assemble`, at most one (R-PIPE-05).
    pub assemble: Option<Component>,
    /// Components of `Encode`.
    pub encode: Vec<Component>,
}

/// What goes to the adapter, or does not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outgoing {
    /// A component consumed it: there is nothing to send (R-PIPE-08).
    Consumed,
    /// Map or pipeline failed: no retry, no backup (R-RETRY-14).
    Failed(Failure),
    /// It is ready; size and context may be other than the stored ones.
    Ready {
        /// Its bytes, if it has real ones.
        real: Option<Arc<[u8]>>,
        /// Its size.
        bytes: u64,
        /// Its context.
        context: Context,
    },
}

impl SendPipeline {
    /// No components (R-PIPE-10).
    #[must_use]
    pub fn pass_through() -> Self {
        Self { name: "PassThruTransmit".to_owned(), ..Self::default() }
    }

    /// XML assembler (R-PIPE-10).
    #[must_use]
    pub fn xml() -> Self {
        Self {
            name: "XMLTransmit".to_owned(),
            assemble: Some(Component::xml_assembler()),
            ..Self::default()
        }
    }

    /// The three stages in their order, with their components (R-PIPE-01).
    #[must_use]
    pub fn stages(&self) -> [(Stage, &[Component]); 3] {
        [
            (Stage::PreAssemble, &self.pre_assemble),
            (Stage::Assemble, self.assemble.as_slice()),
            (Stage::Encode, &self.encode),
        ]
    }

    /// Whether maps and pipeline let every message without a fault pass as it is.
    #[must_use]
    pub fn is_neutral(&self, maps: &[Map]) -> bool {
        let changes = |(_, stage): &(Stage, &[Component])| stage.iter().any(Component::changes);
        maps.iter().all(Map::is_neutral) && !self.stages().iter().any(changes)
    }

    /// Runs map, then pipeline (R-PIPE-11), on a message as it is stored. It does so again for
    /// every attempt (R-PIPE-14): nothing of it is kept.
    #[must_use]
    pub fn execute(
        &self,
        maps: &[Map],
        name: DocumentName,
        stored: &Context,
        bytes: u64,
        real: Option<&Arc<[u8]>>,
    ) -> Outgoing {
        let mut context = stored.clone();
        let (mut bytes, mut real) = (bytes, real.cloned());
        if let Some(map) = Map::choose_for(maps, stored) {
            if Stage::Map.trips(stored) {
                return failed(name, Stage::Map, Fault::FIRST);
            }
            map.retype(&mut context);
            bytes = map.bytes(bytes);
            // As on the way in: another size, and the text is only described. \[M\]
            real = real.filter(|_| map.size_per_mille == 1000);
        }
        let size = u32::try_from(bytes).unwrap_or(u32::MAX);
        let described = Body::Described { bytes: size, documents: 1 };
        let mut parts = Parts::of(real.map_or(described, Body::Real));
        let others = bytes.saturating_sub(parts.bytes());
        for (stage, components) in self.stages() {
            let flaw = stage.trips(stored).then_some(DefectKind::Invalid);
            let (context, parts) = (&mut context, &mut parts);
            let mut subject = Subject { wire: name.wire, document: name.sequence, context, parts };
            match run_all(components, flaw, &mut subject) {
                Said::Passed => {}
                Said::Consumed => return Outgoing::Consumed,
                Said::Failed(fault) => return failed(name, stage, fault),
                Said::Recovered | Said::Suspended => return failed(name, stage, Fault::FIRST),
            }
        }
        let real = match parts.body() {
            Body::Described { .. } => None,
            Body::Real(real) => Some(Arc::clone(real)),
        };
        Outgoing::Ready { real, bytes: others + parts.bytes(), context }
    }
}

const fn failed(name: DocumentName, stage: Stage, fault: Fault) -> Outgoing {
    let (document, Fault { status, component }) = (name.sequence, fault);
    Outgoing::Failed(Failure { stage, document, status, component })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{PropertyId, Value};
    use crate::message_box::Reason;
    use crate::pipeline::{Act, Custom, When};

    const NAME: DocumentName = DocumentName { wire: 6, sequence: 1, split: false };

    #[test]
    fn a_component_can_change_faults_alone() {
        // R-ADD-06, R-RR-07: what is no negative acknowledgement passes as it is.
        let body = Body::Described { bytes: 77, documents: 1 };
        let encode = vec![custom(When::Faults, vec![Act::Rewrite(body)])];
        let pipeline = SendPipeline { encode, ..SendPipeline::pass_through() };
        for (kind, expected) in [(Some("NACK"), 77), (Some("ACK"), 9), (None, 9)] {
            let mut context = Context::default();
            context.write(PropertyId::ACK_TYPE, kind.map(Value::text));
            let outgoing = pipeline.execute(&[], NAME, &context, 9, None);
            let Outgoing::Ready { bytes, .. } = outgoing else { panic!("{outgoing:?}") };
            assert_eq!(bytes, expected, "{kind:?}");
        }
    }

    fn custom(when: When, acts: Vec<Act>) -> Component {
        Component::Custom(Custom { name: Arc::from("own"), when, acts })
    }

    fn ready(outgoing: Outgoing) -> (u64, Context) {
        match outgoing {
            Outgoing::Ready { bytes, context, .. } => (bytes, context),
            Outgoing::Consumed | Outgoing::Failed(_) => panic!("it goes out: {outgoing:?}"),
        }
    }

    #[test]
    fn the_map_comes_before_the_pipeline_and_the_stored_message_stays() {
        // R-PIPE-11, R-PIPE-14, R-MSG-06: the same again for every attempt.
        let map = Map { to: Some(Arc::from("b")), size_per_mille: 2000, ..Map::any() };
        let own = PropertyId(900);
        let act = Act::Write(own, Value::Int(1));
        let pipeline =
            SendPipeline { encode: vec![custom(When::Always, vec![act])], ..SendPipeline::xml() };
        let stored = Context::default();
        for _ in 0..2 {
            let maps = [map.clone()];
            let (bytes, context) = ready(pipeline.execute(&maps, NAME, &stored, 100, None));
            assert_eq!((bytes, context.read(own)), (200, Some(&Value::Int(1))));
            assert_eq!(context.read(PropertyId::MESSAGE_TYPE), Some(&Value::text("b")));
        }
        assert_eq!(stored, Context::default());
    }

    #[test]
    fn a_fault_fails_the_stage_it_is_for_if_that_has_a_component() {
        // R-RETRY-14, R-PIPE-04.
        let failed = |stage: Stage, pipeline: &SendPipeline, maps: &[Map]| {
            let mut context = Context::default();
            stage.mark(&mut context);
            match pipeline.execute(maps, NAME, &context, 100, None) {
                Outgoing::Failed(failure) => Some(failure.reason()),
                Outgoing::Consumed | Outgoing::Ready { .. } => None,
            }
        };
        let xml = SendPipeline::xml();
        assert_eq!(failed(Stage::Assemble, &xml, &[]), Some(Reason::SendPipeline));
        assert_eq!(failed(Stage::Assemble, &SendPipeline::pass_through(), &[]), None);
        assert_eq!(failed(Stage::Encode, &xml, &[]), None);
        assert_eq!(failed(Stage::Map, &xml, &[]), None);
        assert_eq!(failed(Stage::Map, &xml, &[Map::any()]), Some(Reason::Map));
    }

    #[test]
    fn a_component_may_consume_rewrite_and_choose_its_messages() {
        // R-PIPE-08.
        let consume = |n| SendPipeline {
            pre_assemble: vec![custom(When::Every(n), vec![Act::Consume])],
            ..SendPipeline::default()
        };
        let context = Context::default();
        assert_eq!(consume(3).execute(&[], NAME, &context, 9, None), Outgoing::Consumed);
        assert_eq!(ready(consume(4).execute(&[], NAME, &context, 9, None)).0, 9);
        let body = Body::Described { bytes: 5, documents: 1 };
        let rewrites = SendPipeline {
            encode: vec![custom(When::Always, vec![Act::Rewrite(body)])],
            ..SendPipeline::default()
        };
        assert_eq!(ready(rewrites.execute(&[], NAME, &context, 9, None)).0, 5);
    }

    #[test]
    fn the_standard_pipelines_leave_messages_alone() {
        // R-PIPE-01, R-PIPE-10.
        let counts = |pipeline: &SendPipeline| pipeline.stages().map(|(_, own)| own.len());
        assert_eq!(counts(&SendPipeline::pass_through()), [0, 0, 0]);
        assert_eq!(counts(&SendPipeline::xml()), [0, 1, 0]);
        assert!(SendPipeline::xml().is_neutral(&[Map::any()]));
        let map = Map { size_per_mille: 900, ..Map::any() };
        assert!(!SendPipeline::xml().is_neutral(&[map]));
    }
}
