//! Failed message routing: error messages, published in place of suspensions (R-FMR-02).
//!
//! An error message is a clone of what failed, of which nothing routes any more but the
//! `ErrorReport` properties. Where nobody subscribes to it, what failed is suspended after all
//! (R-FMR-06); where nothing would have been suspended, there is none either (R-FMR-03).

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::batch::Status;
use crate::config::Topology;
use crate::hash::{mix, name_key};
use crate::message::{Context, Document, DocumentName, Parts, PropertyId, Value, WireMessage};
use crate::message_box::Reason;
use crate::time::Instant;

/// Which ports route their failed messages, and how many error messages there were.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailedRouting {
    /// Receive port by location, for ports that route (R-FMR-01: a port's setting is that of all
    /// its locations).
    inbound: FxHashMap<Arc<str>, Arc<str>>,
    /// Name of every send port that routes; `None` for the others.
    outbound: Vec<Option<Arc<str>>>,
    made: u64,
}

/// A message that failed, whatever its form.
pub(crate) struct FailedMessage<'a> {
    name: DocumentName,
    lineage: u64,
    arrived: Instant,
    context: &'a Context,
    parts: &'a Parts,
    /// Whether a disassembler has seen it, so that its type is known.
    typed: bool,
}

impl<'a> FailedMessage<'a> {
    /// A document.
    pub(crate) const fn document(document: &'a Document) -> Self {
        let Document { name, lineage, arrived, context, parts } = document;
        Self { name: *name, lineage: *lineage, arrived: *arrived, context, parts, typed: true }
    }

    /// A wire message, or a document in the hands of a component: `name` is what failed.
    pub(crate) const fn wire(wire: &'a WireMessage, name: DocumentName) -> Self {
        let WireMessage { lineage, arrived, context, parts, .. } = wire;
        let typed = name.sequence > 0;
        Self { name, lineage: *lineage, arrived: *arrived, context, parts, typed }
    }
}

/// Where it failed: the port and the address at its end.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    outbound: bool,
    port: Arc<str>,
    location: Option<Value>,
}

impl FailedRouting {
    /// The settings of a topology.
    pub(crate) fn new(topology: &Topology) -> Self {
        let mut routing = Self::default();
        for location in &topology.receive_locations {
            let port = &topology.receive_ports[location.port.index()];
            if port.route_failed {
                routing.inbound.insert(Arc::from(&*location.name), Arc::from(&*port.name));
            }
        }
        for port in &topology.send_ports {
            routing.outbound.push(port.route_failed.then(|| Arc::from(&*port.name)));
        }
        routing
    }

    /// Where a message that came in failed, if its port routes failed messages. An error message
    /// that fails has no error message of its own, or there would be no end of them. \[M\]
    pub(crate) fn inbound(&self, failed: &FailedMessage<'_>) -> Option<Place> {
        if self.inbound.is_empty() || failed.name.is_error() {
            return None;
        }
        let Some(Value::Text(location)) =
            failed.context.read(PropertyId::INBOUND_TRANSPORT_LOCATION)
        else {
            return None;
        };
        let port = Arc::clone(self.inbound.get(location)?);
        Some(Place { outbound: false, port, location: Some(Value::Text(Arc::clone(location))) })
    }

    /// Where a message that goes out by the send port number `port` failed, if that routes;
    /// `sent_to` is where it was being sent.
    pub(crate) fn outbound(
        &self,
        port: usize,
        failed: DocumentName,
        sent_to: impl FnOnce() -> Option<Value>,
    ) -> Option<Place> {
        let name = self.outbound.get(port)?.as_ref()?;
        let place = || Place { outbound: true, port: Arc::clone(name), location: sent_to() };
        (!failed.is_error()).then(place)
    }

    /// The error message that would be the next one (R-FMR-02, R-FMR-04). `report` names the
    /// routing failure report beside it.
    pub(crate) fn message(
        &self,
        now: Instant,
        failed: &FailedMessage<'_>,
        place: &Place,
        reason: Reason,
        report: Option<DocumentName>,
    ) -> Document {
        let mut context = failed.context.demoted();
        if !failed.typed {
            context.write(PropertyId::MESSAGE_TYPE, None);
        }
        let message_type = context.read(PropertyId::MESSAGE_TYPE).cloned();
        let (port, location) = if place.outbound {
            (PropertyId::ERROR_SEND_PORT_NAME, PropertyId::ERROR_OUTBOUND_TRANSPORT_LOCATION)
        } else {
            (PropertyId::ERROR_RECEIVE_PORT_NAME, PropertyId::ERROR_INBOUND_TRANSPORT_LOCATION)
        };
        let report = report.map(|report| Value::text(&format!("RFR {report}")));
        let promoted = [
            (PropertyId::ERROR_FAILURE_CODE, Some(Value::text(&code(reason)))),
            (PropertyId::ERROR_FAILURE_CATEGORY, Some(Value::Int(0))),
            (PropertyId::ERROR_MESSAGE_TYPE, message_type),
            (port, Some(Value::Text(Arc::clone(&place.port)))),
            (location, place.location.clone()),
            (PropertyId::ERROR_TYPE, Some(Value::text("FailedMessage"))),
            (PropertyId::ERROR_ROUTING_FAILURE_REPORT_ID, report),
        ];
        for (property, value) in promoted {
            // R-CTX-05: an address that a message names may be too long to route on.
            if context.promote(property, value.clone()).is_err() {
                context.write(property, value);
            }
        }
        let written = [
            (PropertyId::ERROR_DESCRIPTION, describe(place, reason)),
            (PropertyId::ERROR_FAILURE_TIME, now.to_string()),
            (PropertyId::ERROR_FAILURE_MESSAGE_ID, failed.name.to_string()),
        ];
        for (property, text) in written {
            context.write(property, Some(Value::text(&text)));
        }
        Document {
            name: DocumentName::of_error(self.made + 1),
            lineage: mix(mix(failed.lineage, name_key("FailedMessage")), name_key(&place.port)),
            arrived: failed.arrived,
            context,
            parts: failed.parts.clone(),
        }
    }

    /// The error message made last was published: its number is taken.
    pub(crate) const fn published(&mut self) {
        self.made += 1;
    }
}

impl Reason {
    /// The code of the failure. \[M\] Where no source names one it is the general one.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Adapter
            | Self::Authentication
            | Self::BackupTransport
            | Self::Operator
            | Self::Pipeline
            | Self::PortStopped
            | Self::SuspendShape
            | Self::Unaddressed
            | Self::Exception
            | Self::Zombie => Status::FAIL,
            Self::Map | Self::SendPipeline => Status::SEND_PIPELINE_FAILED,
            Self::Retries => Status::TRANSMIT_FAILED,
            Self::Routing => Status::NO_SUBSCRIPTION,
        }
    }

    /// What failed, as the event log would say it (R-PIPE-13).
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::Adapter => "the adapter gave the message up",
            Self::Authentication => "the sender could not be authenticated",
            Self::BackupTransport => "an ordered port does not go on by its backup",
            Self::Map => "a map failed",
            Self::Operator => "an operator suspended the message",
            Self::Pipeline => "failure executing the receive pipeline",
            Self::PortStopped => "the port is stopped",
            Self::Retries => "all retries are used",
            Self::Routing => "nobody subscribes",
            Self::SendPipeline => "failure executing the send pipeline",
            Self::SuspendShape => "an orchestration came to its Suspend shape",
            Self::Exception => "what the orchestration sent two ways could not be sent",
            Self::Zombie => "the instance ended without the message",
            Self::Unaddressed => "no adapter answers to the address",
        }
    }
}

/// The code of a failure as it is written.
fn code(reason: Reason) -> String {
    format!("{:#010X}", reason.status().0)
}

/// What the event log would say: what failed, and where.
fn describe(place: &Place, reason: Reason) -> String {
    let side = if place.outbound { "send port" } else { "receive port" };
    let location = match &place.location {
        Some(Value::Text(location)) => format!(", {location}"),
        Some(Value::Bool(_) | Value::Int(_) | Value::Object) | None => String::new(),
    };
    format!("{}: {side} {}{location}", reason.told(), place.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Body, PropertyTable};

    fn document(name: DocumentName) -> Document {
        let mut context = Context::default();
        let promoted = [
            (PropertyId::INBOUND_TRANSPORT_LOCATION, "In"),
            (PropertyId::MESSAGE_TYPE, "urn:o#Order"),
            (PropertyId::RECEIVE_PORT_NAME, "Orders"),
        ];
        for (property, text) in promoted {
            context.promote(property, Some(Value::text(text))).unwrap();
        }
        let parts = Parts::of(Body::Described { bytes: 7, documents: 1 });
        Document { name, lineage: 5, arrived: Instant::ZERO, context, parts }
    }

    fn place(outbound: bool) -> Place {
        Place { outbound, port: Arc::from("Port"), location: Some(Value::text("place")) }
    }

    fn promoted(error: &Document) -> Vec<PropertyId> {
        let is_promoted = |id: &PropertyId| error.context.promoted(*id).is_some();
        error.context.iter().map(|(id, ..)| id).filter(is_promoted).collect()
    }

    #[test]
    fn an_error_message_routes_by_its_report_alone() {
        // R-FMR-02, R-FMR-04, INV-63: nothing promoted on the original is promoted on it.
        let original = document(DocumentName { wire: 1, sequence: 2, split: true });
        let routing = FailedRouting::default();
        let failed = FailedMessage::document(&original);
        let error = routing.message(Instant::ZERO, &failed, &place(false), Reason::Pipeline, None);
        assert!(promoted(&error).iter().all(|id| original.context.promoted(*id).is_none()));
        let text = |id| error.promoted(id).map(|value| value.to_string());
        assert_eq!(text(PropertyId::ERROR_TYPE).as_deref(), Some("\"FailedMessage\""));
        assert_eq!(text(PropertyId::ERROR_MESSAGE_TYPE).as_deref(), Some("\"urn:o#Order\""));
        assert_eq!(text(PropertyId::ERROR_FAILURE_CODE).as_deref(), Some("\"0x80004005\""));
        assert_eq!(text(PropertyId::ERROR_RECEIVE_PORT_NAME).as_deref(), Some("\"Port\""));
        assert_eq!(text(PropertyId::ERROR_SEND_PORT_NAME), None);
        assert_eq!(error.promoted(PropertyId::INTERCHANGE_SEQUENCE_NUMBER), None);
        // Values stay, to be read.
        assert_eq!(error.context.read(PropertyId::RECEIVE_PORT_NAME), Some(&Value::text("Orders")));
        assert_eq!((error.name.to_string().as_str(), &error.parts), ("e1", &original.parts));
    }

    #[test]
    fn the_report_has_its_documented_names() {
        // R-FMR-04: and nothing beside what was there before.
        let original = document(DocumentName { wire: 1, sequence: 1, split: false });
        let failed = FailedMessage::document(&original);
        let routing = FailedRouting::default();
        let error = routing.message(Instant::ZERO, &failed, &place(false), Reason::Pipeline, None);
        let names = PropertyTable::default();
        let report = error.context.iter().map(|(id, ..)| names.name(id));
        let report: Vec<&str> = report.filter_map(|own| own.strip_prefix("ErrorReport.")).collect();
        let due = [
            "FailureCode",
            "FailureCategory",
            "MessageType",
            "ReceivePortName",
            "InboundTransportLocation",
            "ErrorType",
            "Description",
            "FailureTime",
            "FailureMessageID",
        ];
        assert_eq!(report, due);
    }

    #[test]
    fn where_it_failed_is_named_for_one_side_only() {
        // R-FMR-04: a failure on the way out names the send port and its partner's end.
        let original = document(DocumentName { wire: 1, sequence: 1, split: false });
        let routing = FailedRouting::default();
        let failed = FailedMessage::document(&original);
        let report = Some(original.name);
        let error = routing.message(Instant::ZERO, &failed, &place(true), Reason::Retries, report);
        let found = promoted(&error);
        assert!(found.contains(&PropertyId::ERROR_SEND_PORT_NAME));
        assert!(found.contains(&PropertyId::ERROR_OUTBOUND_TRANSPORT_LOCATION));
        assert!(!found.contains(&PropertyId::ERROR_RECEIVE_PORT_NAME));
        let report = error.promoted(PropertyId::ERROR_ROUTING_FAILURE_REPORT_ID);
        assert_eq!(report, Some(Value::text("RFR m1")));
        let described = error.context.read(PropertyId::ERROR_DESCRIPTION);
        let due = "all retries are used: send port Port, place";
        assert_eq!(described, Some(&Value::text(due)));
        let nowhere = Place { location: None, ..place(true) };
        assert_eq!(describe(&nowhere, Reason::Unaddressed).find(','), None);
    }

    #[test]
    fn an_error_message_has_no_error_message() {
        let mut routing = FailedRouting::default();
        routing.inbound.insert(Arc::from("In"), Arc::from("Orders"));
        routing.outbound.push(Some(Arc::from("Out")));
        let (plain, error) = (
            document(DocumentName { wire: 1, sequence: 1, split: false }),
            document(DocumentName::of_error(1)),
        );
        let routes = |own: &Document| {
            let inbound = routing.inbound(&FailedMessage::document(own)).is_some();
            (inbound, routing.outbound(0, own.name, || None).is_some())
        };
        assert_eq!((routes(&plain), routes(&error)), ((true, true), (false, false)));
    }
}
