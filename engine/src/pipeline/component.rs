//! Components: what the stages of a pipeline are made of.
//!
//! The standard ones do what their names say; a [`Custom`] one is described by what it does, since
//! nobody's code runs here.

use std::sync::Arc;

use super::content::{Demotion, Promotion, demote};
use crate::batch::Status;
use crate::message::{Body, Context, DefectKind, DocumentName, Parts, PropertyId, Value};

/// A component of a stage.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Component {
    /// Somebody's own.
    Custom(Custom),
    /// Decodes a transport encoding.
    Decoder,
    /// Splits text into lines, one document each.
    FlatFileDisassembler(FlatFile),
    /// Resolves the party from the message's evidence.
    PartyResolver,
    /// Builds the outgoing XML.
    XmlAssembler(XmlAssembler),
    /// Splits an interchange and promotes `MessageType` (R-MSG-11).
    XmlDisassembler(XmlDisassembler),
    /// Validates against a schema.
    XmlValidator(XmlValidator),
}

/// Settings of the XML disassembler.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct XmlDisassembler {
    /// The element whose children are the documents; without it the whole text is one document.
    pub envelope: Option<Arc<str>>,
    /// The fields it promotes (R-PIPE-12).
    pub promotes: Vec<Promotion>,
    /// Whether the interchange stays one message, without its bad documents (R-RIP-11).
    pub preserves: bool,
    /// Recoverable interchange processing: bad documents are suspended one by one (R-RIP-03).
    pub recoverable: bool,
    /// Deployed document types; an empty list takes all. A type that is missing, or that is there
    /// twice, is a bad document (R-RIP-05).
    pub schemas: Vec<Arc<str>>,
}

/// Settings of the XML assembler.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct XmlAssembler {
    /// The properties it writes into the content (R-PIPE-12).
    pub demotes: Vec<Demotion>,
}

/// Settings of the flat-file disassembler: a document a line, a separator between its fields.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FlatFile {
    /// The type it promotes.
    pub document_type: Arc<str>,
    /// Fields of a line, separated by commas; a line with another number cannot be parsed. Zero
    /// takes any line.
    pub fields: u32,
    /// Recoverable interchange processing (R-RIP-01).
    pub recoverable: bool,
}

/// Settings of the XML validator.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct XmlValidator {
    /// Recoverable interchange processing, off unless set (R-RIP-01).
    pub recoverable: bool,
    /// An element that every document of real bytes must have.
    pub requires: Option<Arc<str>>,
}

/// A component of somebody's own: when it acts, and what it does then.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Custom {
    /// Its name, for people.
    pub name: Arc<str>,
    /// Which messages it acts on; it lets the others pass.
    pub when: When,
    /// What it does to them, in order.
    pub acts: Vec<Act>,
}

/// Which messages a custom component acts on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum When {
    /// All.
    #[default]
    Always,
    /// The n-th document of an interchange, counted from 1.
    Document(u32),
    /// Those of every n-th wire message of a run.
    Every(u64),
    /// Negative acknowledgements: what a client gets in place of a response (R-RR-07, R-ADD-06).
    Faults,
}

/// One thing that a custom component does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Act {
    /// Returns nothing: the message is consumed (R-RCV-02, R-PIPE-08).
    Consume,
    /// Throws.
    Fail,
    /// Promotes a property.
    Promote(PropertyId, Value),
    /// Puts another body in place of the message's.
    Rewrite(Body),
    /// Suspends the message in the form it was handed to the component (R-RCV-09).
    Suspend,
    /// Writes a property; `MessageDestination` and the `SuspendMessageOn…` ones steer the engine.
    Write(PropertyId, Value),
}

/// What a component makes of one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Said {
    /// Nothing came out.
    Consumed,
    /// It threw.
    Failed(Fault),
    /// It goes on.
    Passed,
    /// It is bad, and the component is set to recover: it is suspended alone (R-RIP-03).
    Recovered,
    /// The component asked for its suspension (R-RCV-09).
    Suspended,
}

/// Who threw, and with what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    /// What an adapter sees if nothing can be suspended.
    pub(super) status: Status,
    /// The component's place in its stage (R-PIPE-13).
    pub(super) component: usize,
}

impl Fault {
    /// The general failure of a stage's first component.
    pub(super) const FIRST: Self = Self::of(Status::FAIL);

    const fn of(status: Status) -> Self {
        Self { status, component: 0 }
    }
}

/// A message in the hands of a component.
pub(super) struct Subject<'a> {
    /// The wire message's number.
    pub(super) wire: u64,
    /// Its 1-based place in the interchange.
    pub(super) document: u32,
    pub(super) context: &'a mut Context,
    pub(super) parts: &'a mut Parts,
}

impl Component {
    /// The XML assembler as it comes: it writes no property into the content.
    #[must_use]
    pub fn xml_assembler() -> Self {
        Self::XmlAssembler(XmlAssembler::default())
    }

    /// The XML disassembler as it comes: no envelope, all types, standard processing.
    #[must_use]
    pub fn xml_disassembler() -> Self {
        Self::XmlDisassembler(XmlDisassembler::default())
    }

    /// The XML validator as it comes: standard processing.
    #[must_use]
    pub fn xml_validator() -> Self {
        Self::XmlValidator(XmlValidator::default())
    }

    /// Whether it splits interchanges and gives documents their type.
    #[must_use]
    pub const fn disassembles(&self) -> bool {
        match self {
            Self::FlatFileDisassembler(_) | Self::XmlDisassembler(_) => true,
            Self::Custom(_)
            | Self::Decoder
            | Self::PartyResolver
            | Self::XmlAssembler(_)
            | Self::XmlValidator(_) => false,
        }
    }

    /// Whether bad documents are suspended one by one here (R-RIP-01).
    #[must_use]
    pub const fn recovers(&self) -> bool {
        match self {
            Self::FlatFileDisassembler(own) => own.recoverable,
            Self::XmlDisassembler(own) => own.recoverable,
            Self::XmlValidator(own) => own.recoverable,
            Self::Custom(_) | Self::Decoder | Self::PartyResolver | Self::XmlAssembler(_) => false,
        }
    }

    /// Its name, as reports of failures have it (R-PIPE-13).
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Custom(own) => &own.name,
            Self::Decoder => "decoder",
            Self::FlatFileDisassembler(_) => "flat file disassembler",
            Self::PartyResolver => "party resolver",
            Self::XmlAssembler(_) => "XML assembler",
            Self::XmlDisassembler(_) => "XML disassembler",
            Self::XmlValidator(_) => "XML validator",
        }
    }

    /// The fields it promotes from the content (R-PIPE-12).
    pub(super) fn promotions(&self) -> &[Promotion] {
        match self {
            Self::XmlDisassembler(own) => &own.promotes,
            Self::Custom(_)
            | Self::Decoder
            | Self::FlatFileDisassembler(_)
            | Self::PartyResolver
            | Self::XmlAssembler(_)
            | Self::XmlValidator(_) => &[],
        }
    }

    /// Whether what leaves may be other than what came, without a fault.
    pub(super) const fn changes(&self) -> bool {
        match self {
            Self::Custom(_) => true,
            Self::XmlAssembler(own) => !own.demotes.is_empty(),
            Self::Decoder
            | Self::FlatFileDisassembler(_)
            | Self::PartyResolver
            | Self::XmlDisassembler(_)
            | Self::XmlValidator(_) => false,
        }
    }

    /// Whether it is described by what it does.
    pub(super) const fn is_custom(&self) -> bool {
        matches!(self, Self::Custom(_))
    }
}

/// Runs the components of an All stage in their order (R-PIPE-04); the first word that is not
/// [`Said::Passed`] is the stage's. `flaw`: a described fault that the first standard component
/// trips over.
pub(super) fn run_all(
    components: &[Component],
    flaw: Option<DefectKind>,
    subject: &mut Subject<'_>,
) -> Said {
    let flawed = flaw.is_some();
    for (place, component) in components.iter().enumerate() {
        let said = match component {
            Component::Custom(custom) => custom.run(subject),
            Component::XmlValidator(validator) if flawed || !validator.admits(subject.parts) => {
                // What cannot be read at all cannot be told from what follows it (R-RIP-05).
                let recovers = validator.recoverable && flaw != Some(DefectKind::Unreadable);
                if recovers { Said::Recovered } else { Said::Failed(Fault::FIRST) }
            }
            Component::XmlValidator(_) => Said::Passed,
            Component::Decoder
            | Component::FlatFileDisassembler(_)
            | Component::PartyResolver
            | Component::XmlAssembler(_)
            | Component::XmlDisassembler(_)
                if flawed =>
            {
                Said::Failed(Fault::FIRST)
            }
            Component::Decoder
            | Component::FlatFileDisassembler(_)
            | Component::PartyResolver
            | Component::XmlDisassembler(_) => Said::Passed,
            Component::XmlAssembler(own) => {
                let (wire, sequence) = (subject.wire, subject.document);
                let name = DocumentName { wire, sequence, split: false };
                demote(&own.demotes, name, subject.context, subject.parts);
                Said::Passed
            }
        };
        match said {
            Said::Passed => {}
            Said::Failed(fault) => return Said::Failed(Fault { component: place, ..fault }),
            Said::Consumed | Said::Recovered | Said::Suspended => return said,
        }
    }
    Said::Passed
}

impl XmlValidator {
    fn admits(&self, parts: &Parts) -> bool {
        match (&self.requires, parts.body()) {
            (Some(element), Body::Real(bytes)) => super::xml::has_element(bytes, element),
            (Some(_) | None, Body::Described { .. }) | (None, Body::Real(_)) => true,
        }
    }
}

impl When {
    fn fits(self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Document(only) => subject.document == only,
            Self::Every(n) => subject.wire.is_multiple_of(if n == 0 { 1 } else { n }),
            Self::Faults => {
                let kind = subject.context.read(PropertyId::ACK_TYPE);
                matches!(kind, Some(Value::Text(kind)) if **kind == *"NACK")
            }
        }
    }
}

impl Custom {
    fn run(&self, subject: &mut Subject<'_>) -> Said {
        if !self.when.fits(subject) {
            return Said::Passed;
        }
        if self.acts.contains(&Act::Suspend) {
            // In the form it was handed over, whatever else the component would have done.
            return Said::Suspended;
        }
        for act in &self.acts {
            match act {
                Act::Consume => return Said::Consumed,
                Act::Fail => return Said::Failed(Fault::FIRST),
                Act::Promote(property, value) => {
                    if subject.context.promote(*property, Some(value.clone())).is_err() {
                        return Said::Failed(Fault::FIRST);
                    }
                }
                Act::Rewrite(body) => *subject.parts = subject.parts.with_body(body.clone()),
                Act::Suspend => return Said::Suspended,
                Act::Write(property, value) => {
                    subject.context.write(*property, Some(value.clone()));
                }
            }
        }
        // R-CTX-09: what cannot be stored fails at once, not at the MessageBox.
        let stored = subject.context.template() != 0 || subject.context.is_storable();
        if stored { Said::Passed } else { Said::Failed(Fault::of(Status::NO_INTERFACE)) }
    }
}
