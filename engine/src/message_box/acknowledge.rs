//! Acknowledgements: the messages that the engine makes of a transmission or of a suspension.
//!
//! They are published after everything else of their transaction, and only if somebody subscribes
//! (R-ACK-01): one that nobody wants is not even numbered. Nothing acknowledges an
//! acknowledgement.

use super::{Effect, MessageBox, Place, Reason, Reference};
use crate::batch::Status;
use crate::config::Topology;
use crate::exchange::{LateResponses, guid};
use crate::hash::mix;
use crate::id::{Key, ReferenceId, SubscriberId};
use crate::message::{Body, Context, Document, DocumentName, Parts, PropertyId, Value};
use crate::time::Instant;

/// The texts of a negative acknowledgement that never change (R-ACK-03).
const FAULT_CODE: &str = "Microsoft BizTalk Server Negative Acknowledgment";
const FAULT_STRING: &str = "An error occurred while processing the message, refer to the details \
                            section for more information";
/// Keys of chance of what the engine makes of a document.
const ACK: u64 = 0x41;
const NACK: u64 = 0x4e;

/// What acknowledgements tell of a subscriber.
#[derive(Clone, Debug)]
struct Sender {
    port: Value,
    /// Primary and backup.
    locations: [Value; 2],
    /// Whether its transmissions are acknowledged.
    notify: bool,
}

/// An acknowledgement to be published when its transaction is.
#[derive(Clone, Debug)]
struct Owed {
    document: Document,
    /// What it acknowledges: the document, and the publication order of its reference or zero.
    of: (DocumentName, u64),
    /// The wait that gets it whatever it subscribes to.
    to: Option<Key>,
}

/// The acknowledgements of a group of MessageBoxes.
#[derive(Clone, Debug, Default)]
pub(super) struct Acknowledgements {
    senders: Vec<Sender>,
    /// Whether the transmissions of some sender are acknowledged.
    notify: bool,
    owed: Vec<Owed>,
    pub(super) late: LateResponses,
}

impl Acknowledgements {
    pub(super) fn of(topology: &Topology) -> Self {
        let sender = |index: usize| {
            let id = SubscriberId::from(index);
            let name = Value::text(topology.subscriber_name(id));
            let Some(port) = topology.send_port(id) else {
                return Sender {
                    locations: [name.clone(), name.clone()],
                    port: name,
                    notify: false,
                };
            };
            let location = |on_backup: bool| {
                let endpoint = port.transport(on_backup).endpoint;
                let name = topology.endpoints.get(endpoint.index());
                name.map_or(Value::text(""), |name| Value::text(name))
            };
            let notify = &topology.exchanges.notify_delivery;
            Sender {
                port: name,
                locations: [location(false), location(true)],
                notify: notify.iter().any(|known| known.index() == index),
            }
        };
        Self {
            senders: (0..topology.subscribers()).map(sender).collect(),
            notify: !topology.exchanges.notify_delivery.is_empty(),
            owed: Vec::new(),
            late: topology.exchanges.late,
        }
    }
}

/// Whether a document is an acknowledgement itself.
pub(super) fn acknowledges(context: &Context) -> bool {
    context.read(PropertyId::ACK_TYPE).is_some()
}

/// Whether a document is a negative acknowledgement: what a waiting adapter gets in place of a
/// response (R-RR-07).
pub(super) fn is_fault(context: &Context) -> bool {
    context.read(PropertyId::ACK_TYPE) == Some(&Value::text("NACK"))
}

impl MessageBox {
    /// The number of the next message that the engine makes itself; it is told as `e1`, `e2`, ….
    pub(super) const fn make_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// A transmission succeeded: an acknowledgement is owed if its port asks for one (R-ACK-01).
    #[inline]
    pub(super) fn owe_ack(&mut self, id: ReferenceId) {
        if self.acknowledgements.notify {
            self.owe_positive(id);
        }
    }

    fn owe_positive(&mut self, id: ReferenceId) {
        let Some(reference) = self.references.get(id.0) else { return };
        if !self.acknowledgements.senders[reference.subscriber.index()].notify {
            return;
        }
        let original = self.row(reference).document.clone();
        if acknowledges(&original.context) {
            return;
        }
        let of = (original.name, reference.sequence);
        let mut context = self.base(&original, "ACK", reference.sequence);
        self.name_sender(&mut context, reference);
        let parts = Parts::of(Body::Described { bytes: 0, documents: 1 });
        let document = made_of(&original, ACK, context, parts);
        self.acknowledgements.owed.push(Owed { document, of, to: None });
    }

    /// A delivered message is suspended, which is after all its attempts (R-ACK-04): a negative
    /// acknowledgement is owed, to the caller of a solicit as well (R-SR-06).
    pub(super) fn owe_nack(&mut self, id: ReferenceId, at: &Place, reason: Reason) {
        let Some(reference) = self.references.get(id.0) else { return };
        let original = self.row(reference).document.clone();
        if acknowledges(&original.context) {
            return;
        }
        let failure = failure(reason, true);
        let mut context = self.base(&original, "NACK", at.sequence);
        self.name_sender(&mut context, reference);
        let actor = context.read(PropertyId::ACK_OUTBOUND_TRANSPORT_LOCATION).cloned();
        let parts = fault(&mut context, actor.as_ref(), failure);
        // Who asked for a response gets the fault in its place; that somebody else could not be
        // sent a copy of the request is none of the caller's business.
        let response = at.subscriber.index() >= self.first_response_subscriber;
        let undone = matches!(reason, Reason::Map | Reason::Pipeline | Reason::SendPipeline);
        let to = if response && undone {
            self.instance_key(id)
        } else if self.subscribers[at.subscriber.index()].two_way {
            self.wait_of(&original.context)
        } else {
            None
        };
        let document = made_of(&original, NACK, context, parts);
        self.acknowledgements.owed.push(Owed { document, of: (original.name, at.sequence), to });
    }

    /// A message that no reference holds is suspended: a negative acknowledgement is owed, to the
    /// client that submitted it as well if it waits (R-RR-08).
    pub(super) fn owe_inbound_nack(
        &mut self,
        (name, lineage): (DocumentName, u64),
        context: &Context,
        (arrived, reason): (Instant, Reason),
        to: Option<Key>,
    ) {
        if acknowledges(context) {
            return;
        }
        let original = Document {
            name,
            lineage,
            arrived,
            context: context.clone(),
            parts: Parts::of(Body::Described { bytes: 0, documents: 1 }),
        };
        let mut context = self.base(&original, "NACK", 0);
        let actor = context.read(PropertyId::ACK_INBOUND_TRANSPORT_LOCATION).cloned();
        let parts = fault(&mut context, actor.as_ref(), failure(reason, false));
        let document = made_of(&original, NACK, context, parts);
        self.acknowledgements.owed.push(Owed { document, of: (name, 0), to });
    }

    /// Nobody answered in time: the client gets a fault (R-RR-07). Its request was not suspended,
    /// so this is for the wait alone.
    pub(super) fn owe_timeout(&mut self, key: Key) {
        let Some(wait) = self.instances.get(key).and_then(|instance| instance.wait.as_deref())
        else {
            return;
        };
        let original = Document {
            name: DocumentName::of_wire(wait.request),
            lineage: wait.lineage,
            arrived: wait.arrived,
            context: wait.context.clone(),
            parts: Parts::of(Body::Described { bytes: 0, documents: 1 }),
        };
        let mut context = self.base(&original, "NACK", 0);
        let actor = context.read(PropertyId::ACK_INBOUND_TRANSPORT_LOCATION).cloned();
        let failure = (Status::FAIL, "No response came in time.");
        let parts = fault(&mut context, actor.as_ref(), failure);
        let document = made_of(&original, NACK, context, parts);
        let of = (original.name, 0);
        self.acknowledgements.owed.push(Owed { document, of, to: Some(key) });
    }

    /// What an acknowledgement of either kind has: the properties of the original with nothing
    /// promoted, and its own that route (R-ACK-02).
    fn base(&self, original: &Document, kind: &str, sequence: u64) -> Context {
        let mut context = original.context.demoted();
        let (wire, place) = (original.name.wire, u64::from(original.name.sequence));
        let copied = |property| original.context.read(property).cloned();
        let receive_port = copied(PropertyId::RECEIVE_PORT_NAME);
        let own = [
            (PropertyId::ACK_TYPE, Some(Value::text(kind))),
            (PropertyId::ACK_ID, Some(Value::text(&guid(wire, place)))),
            (PropertyId::ACK_OWNER_ID, Some(Value::text(&guid(mix(wire, place), sequence)))),
            (PropertyId::ACK_RECEIVE_PORT_ID, receive_port.clone()),
            (PropertyId::ACK_RECEIVE_PORT_NAME, receive_port),
            (
                PropertyId::ACK_INBOUND_TRANSPORT_LOCATION,
                copied(PropertyId::INBOUND_TRANSPORT_LOCATION),
            ),
            (PropertyId::CORRELATION_TOKEN, copied(PropertyId::CORRELATION_TOKEN)),
        ];
        for (property, value) in own {
            promote(&mut context, property, value);
        }
        context
    }

    fn name_sender(&self, context: &mut Context, reference: &Reference) {
        let port = &self.acknowledgements.senders[reference.subscriber.index()].port;
        promote(context, PropertyId::ACK_SEND_PORT_ID, Some(port.clone()));
        promote(context, PropertyId::ACK_SEND_PORT_NAME, Some(port.clone()));
        let location = self.sent_to(reference);
        promote(context, PropertyId::ACK_OUTBOUND_TRANSPORT_LOCATION, location);
    }

    /// Where a message was being sent: the end of the transport it is on, or the location that it
    /// names itself, if its port is dynamic (R-DYN-01).
    pub(super) fn sent_to(&self, reference: &Reference) -> Option<Value> {
        let subscriber = reference.subscriber.index();
        if self.subscribers[subscriber].dynamic {
            let context = self.context_for(reference);
            return context.read(PropertyId::OUTBOUND_TRANSPORT_LOCATION).cloned();
        }
        let sender = &self.acknowledgements.senders[subscriber];
        Some(sender.locations[usize::from(reference.on_backup)].clone())
    }

    /// Publishes what the transaction owes, as its last act: by now its own documents are routed,
    /// so that the scratch is free. What nobody wants is dropped without a trace (R-ROUTE-05,
    /// INV-22).
    #[inline(always)]
    pub(super) fn publish_owed(&mut self, now: Instant) {
        while !self.acknowledgements.owed.is_empty() {
            self.publish_next_owed(now);
        }
    }

    #[cold]
    #[inline(never)]
    fn publish_next_owed(&mut self, now: Instant) {
        let owed = std::mem::take(&mut self.acknowledgements.owed);
        for Owed { mut document, of, to } in owed {
            self.route(std::slice::from_ref(&document));
            if let Some(to) = to
                && self.instances.get(to).is_some()
                && !self.correlated.contains(&(0, to))
            {
                self.correlated.push((0, to));
            }
            if self.is_unrouted(0) {
                continue;
            }
            document.name = DocumentName::of_made(self.make_number());
            let positive = !is_fault(&document.context);
            let effect = Effect::Acknowledgement {
                document: document.name,
                of: of.0,
                sequence: of.1,
                positive,
            };
            self.effects.push(effect);
            self.publish(now, document, 0);
        }
    }
}

/// A document that the engine makes of another: it keeps its age, and its chances are its own.
fn made_of(original: &Document, key: u64, context: Context, parts: Parts) -> Document {
    Document {
        name: original.name,
        lineage: mix(original.lineage, key),
        arrived: original.arrived,
        context,
        parts,
    }
}

/// Promotes a text of the topology or of another context. One that is too long to route on is
/// written instead (R-CTX-05).
fn promote(context: &mut Context, property: PropertyId, value: Option<Value>) {
    if context.promote(property, value.clone()).is_err() {
        context.write(property, value);
    }
}

/// What a suspension says of itself: a code and a text.
const fn failure(reason: Reason, outbound: bool) -> (Status, &'static str) {
    match reason {
        Reason::Map if outbound => (Status::SEND_PIPELINE_FAILED, "The outbound map failed."),
        Reason::Map => (Status::FAIL, "The inbound map failed."),
        Reason::SendPipeline => (Status::SEND_PIPELINE_FAILED, "The send pipeline failed."),
        Reason::Authentication => {
            (Status::SECURITY_CHECK_FAILED, "The sender could not be authenticated.")
        }
        Reason::Pipeline => (Status::FAIL, "The receive pipeline failed."),
        Reason::Routing => (Status::NO_SUBSCRIPTION, "No subscription matched the message."),
        Reason::Exception | Reason::SuspendShape | Reason::Zombie => {
            (Status::FAIL, "Its instance was suspended.")
        }
        Reason::Operator => (Status::FAIL, "An operator suspended the message."),
        Reason::Adapter
        | Reason::BackupTransport
        | Reason::PortStopped
        | Reason::Retries
        | Reason::Unaddressed => (Status::TRANSMIT_FAILED, "The message could not be transmitted."),
    }
}

/// The properties and the body of a negative acknowledgement: a SOAP fault (R-ACK-03).
fn fault(
    context: &mut Context,
    actor: Option<&Value>,
    (code, description): (Status, &str),
) -> Parts {
    let code = format!("{:#010x}", code.0);
    promote(context, PropertyId::ACK_FAILURE_CODE, Some(Value::text(&code)));
    promote(context, PropertyId::ACK_FAILURE_CATEGORY, Some(Value::Int(0)));
    context.write(PropertyId::ACK_DESCRIPTION, Some(Value::text(description)));
    let text = |value: Option<&Value>| match value {
        Some(Value::Text(text)) => escaped(text),
        Some(_) | None => String::new(),
    };
    let (actor, id) = (text(actor), text(context.read(PropertyId::ACK_ID)));
    let body = format!(
        "<SOAP:Envelope xmlns:SOAP=\"http://schemas.xmlsoap.org/soap/envelope/\"><SOAP:Body>\
         <SOAP:Fault><faultcode>{FAULT_CODE}</faultcode><faultstring>{FAULT_STRING}</faultstring>\
         <faultactor>{actor}</faultactor><detail>\
         <ns0:NACK xmlns:ns0=\"http://schema.microsoft.com/BizTalk/2003/NACKMessage.xsd\">\
         <NAckID>{id}</NAckID><ErrorCode>{code}</ErrorCode><ErrorCategory>0</ErrorCategory>\
         <ErrorDescription>{description}</ErrorDescription></ns0:NACK></detail></SOAP:Fault>\
         </SOAP:Body></SOAP:Envelope>"
    );
    Parts::of(Body::Real(body.into_bytes().into()))
}

/// Text as it stands in XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
