//! Messages: parts, context, and the two forms a message has on its way in.
//!
//! A [`WireMessage`] is what an adapter submits, exactly as it came from the wire. A receive
//! pipeline turns it into zero, one or many [`Document`]s, which are what the MessageBox stores.
//! Both share one [`Context`] of written and promoted properties (R-CTX-02).

mod context;

use std::fmt;
use std::hint::cold_path;
use std::sync::Arc;

pub use crate::defect::{Defect, DefectKind};
pub use context::{Context, Predicate, PropertyRefusal};

use crate::exchange::guid;
use crate::hash::mix;
use crate::time::Instant;

/// A property's identity: its interned `Namespace.Name` (R-CTX-01).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PropertyId(pub u32);

macro_rules! system_properties {
    ($($(#[$doc:meta])* $name:ident = $index:literal, $text:literal;)*) => {
        impl PropertyId {
            $($(#[$doc])* pub const $name: Self = Self($index);)*
        }
        const SYSTEM_PROPERTIES: &[&str] = &[$($text),*];
        #[cfg(test)]
        const SYSTEM_PROPERTY_IDS: &[PropertyId] = &[$(PropertyId::$name),*];
    };
}

system_properties! {
    /// Receive URI; mandatory before any submit.
    INBOUND_TRANSPORT_LOCATION = 0, "BTS.InboundTransportLocation";
    /// Adapter type name of the receive location.
    INBOUND_TRANSPORT_TYPE = 1, "BTS.InboundTransportType";
    /// Receive port name; the usual filter.
    RECEIVE_PORT_NAME = 2, "BTS.ReceivePortName";
    /// Receive location name (written, never routed on).
    RECEIVE_LOCATION_NAME = 3, "BTS.ReceiveLocationName";
    /// Namespace and root-node name, promoted by the disassembler (R-MSG-11).
    MESSAGE_TYPE = 4, "BTS.MessageType";
    /// Identity of the receive port; in this model its name. Low, since what is behind all that a
    /// message has is soonest known to be absent.
    RECEIVE_PORT_ID = 5, "BTS.ReceivePortID";
    /// Identity of a send port's primary transport; every enlisted port subscribes to its own.
    SP_TRANSPORT_ID = 6, "BTS.SPTransportID";
    /// Send port name; promoted on the response of a solicit-response port.
    SP_NAME = 7, "BTS.SPName";
    /// 0: the engine must not suspend on a receive-pipeline failure.
    ACTION_ON_FAILURE = 8, "BTS.ActionOnFailure";
    /// true: suspend as non-resumable.
    SUSPEND_AS_NON_RESUMABLE = 9, "BTS.SuspendAsNonResumable";
    /// true: the engine itself suspends a document that nobody subscribes to.
    SUSPEND_MESSAGE_ON_ROUTING_FAILURE = 10, "BTS.SuspendMessageOnRoutingFailure";
    /// `ACK` or `NACK`.
    ACK_TYPE = 11, "BTS.AckType";
    /// Names the interchange: the same for all its documents (R-MSG-10). Derived on demand, never
    /// routed on.
    INTERCHANGE_ID = 12, "BTS.InterchangeID";
    /// Where a message of a dynamic send port goes, with the alias of its adapter or without.
    OUTBOUND_TRANSPORT_LOCATION = 13, "BTS.OutboundTransportLocation";
    /// The adapter it goes by; wins over the alias (R-DYN-02).
    OUTBOUND_TRANSPORT_TYPE = 14, "BTS.OutboundTransportType";
    /// true: the engine chose adapter and endpoint for this message (R-DYN-06).
    IS_DYNAMIC_SEND = 15, "BTS.IsDynamicSend";
    /// Identity of a send port group; the members of an enlisted group subscribe to it.
    SP_GROUP_ID = 16, "BTS.SPGroupID";
    /// Retries left on the transport in use (R-RETRY-02). A delivered message carries it as a
    /// field of its own; only `PropertiesToUpdate` names it.
    RETRY_COUNT = 17, "BTS.RetryCount";
    /// true: the instance that the message belongs to has passed its Suspend shape (R-ADD-01).
    SUSPEND_SHAPE_PASSED = 18, "XLANGs.SuspendShapePassed";
    /// Names one exchange of a request and its responses (R-RR-03).
    EPM_RR_CORRELATION_TOKEN = 19, "BTS.EpmRRCorrelationToken";
    /// true: meant for the adapter that waits (R-RR-03).
    ROUTE_DIRECT_TO_TP = 20, "BTS.RouteDirectToTP";
    /// true: the request comes straight back as its own response (R-RR-14).
    LOOPBACK = 21, "BTS.Loopback";
    /// true: the send port is two-way (R-SR-01).
    IS_SOLICIT_RESPONSE = 22, "BTS.IsSolicitResponse";
    /// Correlates responses and acknowledgements, for whoever set it.
    CORRELATION_TOKEN = 23, "BTS.CorrelationToken";
    /// The identity of the message that an acknowledgement is about (R-ACK-02, like the rest).
    ACK_ID = 24, "BTS.AckID";
    /// The service instance that had it.
    ACK_OWNER_ID = 25, "BTS.AckOwnerID";
    /// NACK: the error's code, in hexadecimal.
    ACK_FAILURE_CODE = 26, "BTS.AckFailureCode";
    /// NACK: the error's category.
    ACK_FAILURE_CATEGORY = 27, "BTS.AckFailureCategory";
    /// NACK: the error's text (written, never routed on).
    ACK_DESCRIPTION = 28, "BTS.AckDescription";
    /// The send port of the original.
    ACK_SEND_PORT_ID = 29, "BTS.AckSendPortID";
    /// Its name.
    ACK_SEND_PORT_NAME = 30, "BTS.AckSendPortName";
    /// Where the original was sent to.
    ACK_OUTBOUND_TRANSPORT_LOCATION = 31, "BTS.AckOutboundTransportLocation";
    /// The receive port of the original.
    ACK_RECEIVE_PORT_ID = 32, "BTS.AckReceivePortID";
    /// Its name.
    ACK_RECEIVE_PORT_NAME = 33, "BTS.AckReceivePortName";
    /// Where the original came in.
    ACK_INBOUND_TRANSPORT_LOCATION = 34, "BTS.AckInboundTransportLocation";
    /// `SuspendQueue`: the engine suspends this document instead of publishing it (R-RIP-07).
    MESSAGE_DESTINATION = 35, "BTS.MessageDestination";
    /// true: a document whose map fails is suspended alone (R-RIP-01).
    SUSPEND_MESSAGE_ON_MAPPING_FAILURE = 36, "BTS.SuspendMessageOnMappingFailure";
    /// The fault that a described document still carries: the number of its
    /// [`Stage`](crate::pipeline::Stage). Written, since a described body has no bytes to be
    /// wrong in.
    FLAW = 37, "Floodgate.Flaw";
    /// The code of a failure, in hexadecimal (R-FMR-04, like all `ErrorReport` names).
    ERROR_FAILURE_CODE = 38, "ErrorReport.FailureCode";
    /// Of no use, and there.
    ERROR_FAILURE_CATEGORY = 39, "ErrorReport.FailureCategory";
    /// The failed message's type, if it was known.
    ERROR_MESSAGE_TYPE = 40, "ErrorReport.MessageType";
    /// The receive port of a failure on the way in.
    ERROR_RECEIVE_PORT_NAME = 41, "ErrorReport.ReceivePortName";
    /// The receive location of a failure on the way in.
    ERROR_INBOUND_TRANSPORT_LOCATION = 42, "ErrorReport.InboundTransportLocation";
    /// The send port of a failure on the way out.
    ERROR_SEND_PORT_NAME = 43, "ErrorReport.SendPortName";
    /// The partner's end of a failure on the way out.
    ERROR_OUTBOUND_TRANSPORT_LOCATION = 44, "ErrorReport.OutboundTransportLocation";
    /// Always `FailedMessage`: the usual filter for error messages.
    ERROR_TYPE = 45, "ErrorReport.ErrorType";
    /// The routing failure report beside it, if there is one.
    ERROR_ROUTING_FAILURE_REPORT_ID = 46, "ErrorReport.RoutingFailureReportID";
    /// What the event log would say (written, not routed on).
    ERROR_DESCRIPTION = 47, "ErrorReport.Description";
    /// When (written).
    ERROR_FAILURE_TIME = 48, "ErrorReport.FailureTime";
    /// The failed message (written).
    ERROR_FAILURE_MESSAGE_ID = 49, "ErrorReport.FailureMessageID";
    /// 1-based place in the interchange (R-MSG-10). Read from the document itself.
    INTERCHANGE_SEQUENCE_NUMBER = 50, "BTS.InterchangeSequenceNumber";
    /// Identity of a send port, in this model its name; promoted on the response of a
    /// solicit-response port, beside that.
    SP_ID = 51, "BTS.SPID";
    /// true: a request that somebody waits for (written).
    IS_REQUEST_RESPONSE = 52, "BTS.IsRequestResponse";
    /// The identity of a message. Derived on demand, never routed on.
    MESSAGE_ID = 53, "BTS.MessageID";
    /// What a send adapter changes before a Resubmit (R-CTX-10); here an operation of its own.
    PROPERTIES_TO_UPDATE = 54, "BTS.PropertiesToUpdate";
    /// The configured interval of the transport in use. A delivered message carries it as a field.
    RETRY_INTERVAL = 55, "BTS.RetryInterval";
    /// The party that a resolver finds; written by whoever has one.
    SOURCE_PARTY_ID = 56, "BTS.SourcePartyID";
    /// Identity of a send port's backup transport. A reference says by itself that it is there.
    SP_TRANSPORT_BACKUP_ID = 57, "BTS.SPTransportBackupID";
    /// Who sent the message, for those who check it; no rule routes on it, like the next three.
    WINDOWS_USER = 58, "BTS.WindowsUser";
    /// The certificate that it was signed with.
    SIGNATURE_CERTIFICATE = 59, "BTS.SignatureCertificate";
    /// A ticket for another system.
    SSO_TICKET = 60, "BTS.SSOTicket";
    /// The certificate that it is to be encrypted with.
    ENCRYPTION_CERT = 61, "BTS.EncryptionCert";
    /// The service instance that failed; written by whoever knows one (R-FMR-04).
    ERROR_FAILURE_INSTANCE_ID = 62, "ErrorReport.FailureInstanceID";
    /// The adapter that failed; likewise.
    ERROR_FAILURE_ADAPTER = 63, "ErrorReport.FailureAdapter";
}

/// Names of properties, interned once when a topology is built.
#[derive(Clone, Debug)]
pub struct PropertyTable {
    names: Vec<String>,
}

impl Default for PropertyTable {
    fn default() -> Self {
        Self { names: SYSTEM_PROPERTIES.iter().map(ToString::to_string).collect() }
    }
}

impl PropertyTable {
    /// The names of the properties that the engine itself knows (R-CTX-01).
    #[must_use]
    pub const fn system() -> &'static [&'static str] {
        SYSTEM_PROPERTIES
    }

    /// The identity of `name`, given on first sight.
    pub fn intern(&mut self, name: &str) -> PropertyId {
        let known = self.names.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        PropertyId(u32::try_from(index).expect("fewer than 2^32 property names"))
    }

    /// The identity of `name`, if it was ever given one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PropertyId> {
        let at = self.names.iter().position(|known| known == name)?;
        u32::try_from(at).ok().map(PropertyId)
    }

    /// The name behind an identity of this table.
    #[must_use]
    pub fn name(&self, property: PropertyId) -> &str {
        self.names.get(property.0 as usize).map_or("?", String::as_str)
    }
}

/// A property's value: the variants that routing distinguishes (R-CTX-01).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Value {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Something that cannot be stored: the engine refuses a message that has it (R-CTX-09).
    Object,
    /// A text.
    Text(Arc<str>),
}

impl Value {
    /// A text value.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Object => f.write_str("an object"),
            Self::Text(value) => write!(f, "{value:?}"),
        }
    }
}

/// Whether a property may be routed on (R-CTX-02). The third kind, predicates, are requirements
/// rather than values and are kept apart: see [`Context::predicates`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PropertyKind {
    /// Visible to subscriptions.
    Promoted,
    /// Travels with the message, invisible to subscriptions (R-SUB-04, INV-20).
    Written,
}

/// The content of a part: described, or real bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Body {
    /// Known by its size and the number of documents inside; no bytes are kept.
    Described {
        /// Size in bytes.
        bytes: u32,
        /// Documents an XML disassembler finds in it.
        documents: u32,
    },
    /// Real bytes, shared by all who hold the message (R-PUB-03).
    Real(Arc<[u8]>),
}

impl Body {
    /// The size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Described { bytes, .. } => u64::from(*bytes),
            Self::Real(bytes) => bytes.len() as u64,
        }
    }
}

/// A named part with its own property bag, keyed by name only (R-MSG-04).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part {
    /// The name, unique in its message (R-MSG-03).
    pub name: Arc<str>,
    /// The content.
    pub body: Body,
    /// Part properties such as `Charset`.
    pub properties: Vec<(Arc<str>, Value)>,
}

/// Why a message refused a part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PartRefusal {
    /// The message has a body part already (R-MSG-02).
    BodyTaken,
    /// The message has a part of this name already (R-MSG-03).
    NameTaken,
}

/// The parts of a message: the body, and any others (R-MSG-01).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parts {
    body: Body,
    /// Parts besides the body; almost always none.
    others: Option<Arc<Vec<Part>>>,
}

impl Parts {
    /// A message of a body part alone.
    #[must_use]
    pub const fn of(body: Body) -> Self {
        Self { body, others: None }
    }

    /// The body part's content: it decides the message's type (R-MSG-02).
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// Adds a part that is not the body.
    ///
    /// # Errors
    /// [`PartRefusal`] when the name is taken or is the body's (R-MSG-02, R-MSG-03).
    pub fn add(&mut self, part: Part) -> Result<(), PartRefusal> {
        if &*part.name == "body" {
            return Err(PartRefusal::BodyTaken);
        }
        let others = self.others.get_or_insert_with(Arc::default);
        if others.iter().any(|known| known.name == part.name) {
            return Err(PartRefusal::NameTaken);
        }
        Arc::make_mut(others).push(part);
        Ok(())
    }

    /// The part of this name, the body aside (R-MSG-01).
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.others.as_ref()?.iter().find(|part| &*part.name == name)
    }

    /// The same message with another body (R-MSG-06: a stored one is never changed).
    #[must_use]
    pub fn with_body(&self, body: Body) -> Self {
        Self { body, others: self.others.clone() }
    }

    /// How many parts there are, the body included (R-MSG-03).
    #[must_use]
    pub fn count(&self) -> usize {
        1 + self.others.as_ref().map_or(0, |others| others.len())
    }

    /// The size of all parts in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let body = self.body.bytes();
        let Some(others) = &self.others else { return body };
        cold_path();
        body + others.iter().map(|part| part.body.bytes()).sum::<u64>()
    }
}

/// A message as it came from the wire: what an adapter submits and may have to submit again.
#[derive(Clone, Debug)]
pub struct WireMessage {
    /// Its number in this run, from 1: printed as `m7`. The object's identity (R-BATCH-06).
    pub number: u64,
    /// The key of everything drawn for it; depends on its load and its place there only.
    pub lineage: u64,
    /// When it was meant to arrive: latency counts from here.
    pub arrived: Instant,
    /// Its properties; `InboundTransportLocation` is mandatory.
    pub context: Context,
    /// Its content.
    pub parts: Parts,
    /// A fault built into it.
    pub defect: Option<Defect>,
    /// Whether the stream can be rewound, so that the engine may suspend it (R-MSG-07).
    pub seekable: bool,
}

/// A document's name in a run: the wire message it came from and its place there.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DocumentName {
    /// The wire message's number: also names the interchange (R-MSG-10).
    pub wire: u64,
    /// `InterchangeSequenceNumber`: 1-based (R-MSG-10). Zero names the wire message itself.
    pub sequence: u32,
    /// Whether the interchange was split, so that the sequence number says something.
    pub split: bool,
}

/// Names from here on are those of messages that the engine makes itself.
const FIRST_MADE: u64 = 1 << 40;
/// Error messages among them.
const FIRST_ERROR: u64 = 1 << 41;

impl DocumentName {
    /// The name of the `number`-th acknowledgement or fault that the engine makes itself, counted
    /// from 1.
    #[must_use]
    pub const fn of_made(number: u64) -> Self {
        Self { wire: FIRST_MADE + number, sequence: 1, split: false }
    }

    /// Whether the engine made the message itself.
    #[must_use]
    pub const fn is_made(self) -> bool {
        self.wire >= FIRST_MADE && self.wire < crate::orchestration::SENT_BY_ORCHESTRATIONS
    }

    /// Whether an adapter submitted the message: neither the engine nor an orchestration made it.
    #[must_use]
    pub const fn is_submitted(self) -> bool {
        self.wire < FIRST_MADE
    }

    /// The name of the `number`-th error message of a run, counted from 1 (R-FMR-02).
    #[must_use]
    pub const fn of_error(number: u64) -> Self {
        Self { wire: FIRST_ERROR + number, sequence: 1, split: false }
    }

    /// Whether it names an error message.
    #[must_use]
    pub const fn is_error(self) -> bool {
        // What orchestrations send is numbered beyond them.
        self.wire >= FIRST_ERROR && self.wire < crate::orchestration::SENT_BY_ORCHESTRATIONS
    }

    /// What the engine writes of a message's identity, made of its name, so that it is distinct
    /// in a run and the same in every run: two GUIDs and a number (R-MSG-10).
    #[must_use]
    pub fn identity(self, property: PropertyId) -> Option<Value> {
        match property {
            PropertyId::INTERCHANGE_ID => {
                Some(Value::text(&guid(mix(self.wire, 1), mix(self.wire, 2))))
            }
            PropertyId::INTERCHANGE_SEQUENCE_NUMBER => Some(Value::Int(i64::from(self.sequence))),
            // R-ACK-02: an acknowledgement names the original by it.
            PropertyId::MESSAGE_ID => Some(Value::text(&guid(self.wire, u64::from(self.sequence)))),
            _ => None,
        }
    }

    /// The name of a whole wire message.
    #[must_use]
    pub const fn of_wire(wire: u64) -> Self {
        Self { wire, sequence: 0, split: false }
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_error() {
            write!(f, "e{}", self.wire - FIRST_ERROR)
        } else if let Some(received) =
            self.wire.checked_sub(crate::orchestration::SENT_BY_ORCHESTRATIONS)
        {
            write!(f, "o{received}")
        } else if self.is_made() {
            write!(f, "a{}", self.wire - FIRST_MADE)
        } else if self.split {
            write!(f, "m{}.{}", self.wire, self.sequence)
        } else {
            write!(f, "m{}", self.wire)
        }
    }
}

/// A document: what a receive pipeline hands to the MessageBox. Immutable once stored (R-MSG-06).
#[derive(Clone, Debug)]
pub struct Document {
    /// Its name.
    pub name: DocumentName,
    /// The key of everything drawn for it.
    pub lineage: u64,
    /// When its wire message was meant to arrive.
    pub arrived: Instant,
    /// Its properties.
    pub context: Context,
    /// Its content.
    pub parts: Parts,
}

impl Document {
    /// A property's value, promoted or written, the identities derived from the name included.
    #[must_use]
    pub fn read(&self, property: PropertyId) -> Option<Value> {
        match property {
            PropertyId::INTERCHANGE_ID | PropertyId::MESSAGE_ID => self.name.identity(property),
            PropertyId::INTERCHANGE_SEQUENCE_NUMBER => self.promoted(property),
            _ => self.context.read(property).cloned(),
        }
    }

    /// The promoted value that subscriptions see (R-SUB-04).
    #[must_use]
    pub fn promoted(&self, property: PropertyId) -> Option<Value> {
        if property == PropertyId::INTERCHANGE_SEQUENCE_NUMBER && !self.name.is_error() {
            return Some(Value::Int(i64::from(self.name.sequence)));
        }
        self.context.promoted(property).cloned()
    }

    /// A number that changes when content or context change (INV-16, INV-18).
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        mix(self.lineage, mix(self.parts.bytes(), u64::from(self.context.template())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_properties_are_numbered_by_their_places() {
        let table = PropertyTable::default();
        for (id, name) in SYSTEM_PROPERTY_IDS.iter().zip(SYSTEM_PROPERTIES) {
            assert_eq!(table.name(*id), *name);
        }
    }

    #[test]
    fn parts_have_unique_names_and_one_body() {
        // R-MSG-02, R-MSG-03.
        let body = Body::Described { bytes: 10, documents: 1 };
        let part =
            |name: &str| Part { name: Arc::from(name), body: body.clone(), properties: Vec::new() };
        let mut parts = Parts::of(body.clone());
        assert_eq!(parts.add(part("attachment")), Ok(()));
        assert_eq!(parts.add(part("attachment")), Err(PartRefusal::NameTaken));
        assert_eq!(parts.add(part("body")), Err(PartRefusal::BodyTaken));
        assert_eq!((parts.count(), parts.bytes()), (2, 20));
        assert_eq!((parts.body(), parts.part("body")), (&body, None));
    }

    #[test]
    fn a_property_is_its_name_and_its_namespace() {
        // R-CTX-01: the same name elsewhere is another property, and neither hides the other.
        let mut table = PropertyTable::default();
        let names = ["FILE.ReceivedFileName", "FTP.ReceivedFileName", "FILE.Username"];
        let [file, ftp, user] = names.map(|name| table.intern(name));
        assert_eq!(table.intern("FILE.ReceivedFileName"), file);
        assert_eq!(table.find("FTP.ReceivedFileName"), Some(ftp));
        assert_eq!(
            (table.find("ReceivedFileName"), table.find("SQL.ReceivedFileName")),
            (None, None)
        );
        let mut context = Context::default();
        context.write(file, Some(Value::text("a.txt")));
        context.promote(user, Some(Value::text("me"))).unwrap();
        assert_eq!((context.read(file), context.read(ftp)), (Some(&Value::text("a.txt")), None));
        context.write(ftp, Some(Value::text("b.txt")));
        assert_eq!(context.read(file), Some(&Value::text("a.txt")));
        assert_eq!(context.read(user), Some(&Value::text("me")));
    }
}
