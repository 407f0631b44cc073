//! Pipelines: fixed stages of components between the wire and the MessageBox.
//!
//! A receive pipeline turns one wire message into zero, one or many documents; a send pipeline
//! turns one document into what goes on the wire. Which stages exist and their order is fixed
//! (R-PIPE-01); what a stage does depends on the components configured in it.

use crate::interchange;
use crate::message::{Document, WireMessage};

/// The stages, receive then send, with the map between pipeline and MessageBox (R-PIPE-11).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Receive: decode, once per wire message.
    Decode,
    /// Receive: disassemble; the first component that recognises the message runs (R-PIPE-02).
    Disassemble,
    /// Receive: validate, once per document.
    Validate,
    /// Receive: resolve the sender's party, once per document.
    ResolveParty,
    /// The map of the port: after a receive pipeline, before a send pipeline.
    Map,
    /// Send: pre-assemble.
    PreAssemble,
    /// Send: assemble.
    Assemble,
    /// Send: encode.
    Encode,
}

/// A component of a stage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Component {
    /// Decodes a transport encoding.
    Decoder,
    /// Resolves the party from the message's evidence.
    PartyResolver,
    /// Builds the outgoing XML.
    XmlAssembler,
    /// Splits an interchange and promotes `MessageType`.
    XmlDisassembler,
    /// Validates against a schema.
    XmlValidator,
}

/// A receive pipeline: its components by stage (R-PIPE-01, R-PIPE-05).
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

/// A send pipeline: its components by stage (R-PIPE-01).
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

/// Where a pipeline or a map failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The failing stage.
    pub stage: Stage,
    /// The 1-based document that failed.
    pub document: u32,
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
            disassemble: vec![Component::XmlDisassembler],
            resolve_party: vec![Component::PartyResolver],
            ..Self::default()
        }
    }

    /// Whether an XML disassembler splits and types what comes in.
    #[must_use]
    pub fn disassembles(&self) -> bool {
        self.disassemble.contains(&Component::XmlDisassembler)
    }

    fn has_component_at(&self, stage: Stage) -> bool {
        match stage {
            Stage::Decode => !self.decode.is_empty(),
            Stage::Disassemble => !self.disassemble.is_empty(),
            Stage::Validate => !self.validate.is_empty(),
            Stage::ResolveParty => !self.resolve_party.is_empty(),
            Stage::Map | Stage::PreAssemble | Stage::Assemble | Stage::Encode => false,
        }
    }

    /// Runs the pipeline and then the port's map on `wire`, appending its documents to `out`.
    ///
    /// # Errors
    /// The first [`Failure`]. In standard mode any failing document discards all documents of
    /// the interchange (R-RIP-02, R-RCV-04), so on an error nothing is appended.
    pub fn execute(
        &self,
        map: bool,
        wire: &WireMessage,
        out: &mut Vec<Document>,
    ) -> Result<(), Failure> {
        let before = out.len();
        interchange::disassemble(self.disassembles(), wire, out)?;
        let Some(defect) = wire.defect else { return Ok(()) };
        let trips = self.has_component_at(defect.stage) || (defect.stage == Stage::Map && map);
        let produced = out.len() - before;
        if trips && (1..=produced).contains(&(defect.document as usize)) {
            out.truncate(before);
            return Err(Failure { stage: defect.stage, document: defect.document });
        }
        Ok(())
    }
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
            assemble: Some(Component::XmlAssembler),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Body, Context, Defect, Parts};
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

    #[test]
    fn a_defect_trips_only_a_stage_that_has_a_component() {
        let at = |stage, document| Some(Defect { stage, document });
        let mut validating = ReceivePipeline::xml();
        validating.validate.push(Component::XmlValidator);
        let cases = [
            (ReceivePipeline::pass_through(), false, at(Stage::Disassemble, 1), Ok(1)),
            (ReceivePipeline::xml(), false, at(Stage::Disassemble, 2), Err(2)),
            (ReceivePipeline::xml(), false, at(Stage::Disassemble, 4), Ok(3)),
            (ReceivePipeline::xml(), false, at(Stage::Validate, 1), Ok(3)),
            (validating, false, at(Stage::Validate, 1), Err(1)),
            (ReceivePipeline::xml(), false, at(Stage::Map, 1), Ok(3)),
            (ReceivePipeline::xml(), true, at(Stage::Map, 1), Err(1)),
        ];
        for (pipeline, map, defect, expected) in cases {
            let mut out = Vec::new();
            let result = pipeline.execute(map, &wire(3, defect), &mut out);
            assert_eq!(result.map(|()| out.len()).map_err(|failure| failure.document), expected);
        }
    }

    #[test]
    fn a_failed_interchange_leaves_the_documents_of_others_alone() {
        // R-RIP-02: only its own documents are discarded.
        let mut out = Vec::new();
        let xml = ReceivePipeline::xml();
        xml.execute(false, &wire(2, None), &mut out).unwrap();
        let defect = Some(Defect { stage: Stage::Disassemble, document: 1 });
        xml.execute(false, &wire(2, defect), &mut out).unwrap_err();
        assert_eq!(out.len(), 2);
    }
}
