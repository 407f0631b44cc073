//! Acknowledgements on the bench: which are made, what routes them, what is in them.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test asks for the effect it is about")]

use floodgate_engine::batch::{Operation, OperationKind};
use floodgate_engine::config::{Topology, Transport};
use floodgate_engine::dynamic::{DynamicPort, OrderScope, SendHandler};
use floodgate_engine::id::{EndpointId, HostId, ReferenceId, SendPortId};
use floodgate_engine::message::{Body, PropertyId, PropertyKind, Value};
use floodgate_engine::message_box::{
    Action, Effect, PreparedBatch, SavedMessage, ServiceInstanceId,
};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::{Condition, Filter, PortState};
use floodgate_engine::time::Duration;

use crate::bench::{
    ASYNC, Bench, FIRST, MASTER, add_send_port, batch_of, document, immediate, publishing, topology,
};
use crate::message_box::look;

/// `Asks` wants its transmissions acknowledged, `Silent` does not; `Listener` takes what is an
/// acknowledgement of `kind`.
fn ports(kind: Option<&str>) -> Topology {
    let mut topology = topology(immediate());
    for name in ["Asks", "Silent", "Listener"] {
        add_send_port(&mut topology, name, "In", ASYNC);
    }
    topology.exchanges.notify_delivery = vec![SendPortId(0)];
    let wanted = kind.unwrap_or("nothing of the kind");
    let filter = Condition::equals(PropertyId::ACK_TYPE, Value::text(wanted));
    topology.send_ports[2].filter = Some(Filter::all_of(vec![filter]));
    // What was acknowledged stays to be looked at.
    topology.send_ports[2].state = PortState::Stopped;
    topology
}

/// Publishes a document with a promotion of its own and a correlation token, and ends its two
/// deliveries: by a `Delete`, or by a suspension.
fn ended(kind: Option<&str>, sent: bool) -> Bench {
    let mut bench = Bench::new(ports(kind));
    let mut original = document(1, "In");
    for (property, text) in [
        (PropertyId::MESSAGE_TYPE, "urn:o#Order"),
        (PropertyId::CORRELATION_TOKEN, "token"),
        (PropertyId::INBOUND_TRANSPORT_LOCATION, "folder"),
    ] {
        original.context.promote(property, Some(Value::text(text))).expect("a short text");
    }
    bench.commit(publishing(vec![original]));
    bench.publish([]);
    let references: Vec<ReferenceId> =
        bench.transmitted().iter().map(|(_, message)| message.reference).collect();
    assert_eq!(references.len(), 2);
    let end = |reference| match sent {
        true => Operation::Delete(reference),
        false => Operation::MoveToSuspendQueue(floodgate_engine::batch::Suspendable::Reference(
            reference,
        )),
    };
    bench.post(batch_of(1, references.into_iter().map(end)));
    bench
}

/// The acknowledgements that were made, positive or not, and where they are.
fn made(bench: &Bench) -> (Vec<bool>, Vec<SavedMessage>) {
    let positive = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Acknowledgement { positive, .. } => Some(*positive),
        _ => None,
    });
    let saved = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Referenced { at, .. } if at.document.is_made() => {
            bench.message_box.save(ServiceInstanceId::Reference(at.reference)).pop()
        }
        _ => None,
    });
    (positive.collect(), saved.collect())
}

#[test]
fn success_is_acknowledged_if_asked_for_and_suspension_always() {
    // R-ACK-01: one ACK, for the port that asks; a NACK for each suspension; nothing, and nothing
    // suspended, where nobody subscribes.
    let count = |kind, sent| {
        let bench = ended(kind, sent);
        let suspended = bench.message_box.suspended();
        (made(&bench).0, suspended.messages.len(), suspended.reports.len(), suspended.references)
    };
    assert_eq!(count(Some("ACK"), true), (vec![true], 0, 0, 1));
    assert_eq!(count(Some("NACK"), true), (vec![], 0, 0, 0));
    assert_eq!(count(Some("NACK"), false), (vec![false; 2], 0, 0, 4), "and the two themselves");
    assert_eq!(count(Some("ACK"), false), (vec![], 0, 0, 2));
    assert_eq!(count(None, true), (vec![], 0, 0, 0));
    assert_eq!(count(None, false), (vec![], 0, 0, 2));
}

/// The promoted properties of an acknowledgement.
fn promoted(saved: &SavedMessage) -> Vec<PropertyId> {
    let promoted = saved.context.iter().filter(|(.., kind)| *kind == PropertyKind::Promoted);
    promoted.map(|(property, ..)| property).collect()
}

#[test]
fn nothing_but_its_own_properties_routes_an_acknowledgement() {
    // R-ACK-02: what the original had promoted is there, and routes no more; an ACK has nothing
    // of an error.
    let positive = [
        PropertyId::ACK_TYPE,
        PropertyId::CORRELATION_TOKEN,
        PropertyId::ACK_ID,
        PropertyId::ACK_OWNER_ID,
        PropertyId::ACK_SEND_PORT_ID,
        PropertyId::ACK_SEND_PORT_NAME,
        PropertyId::ACK_OUTBOUND_TRANSPORT_LOCATION,
        PropertyId::ACK_RECEIVE_PORT_ID,
        PropertyId::ACK_RECEIVE_PORT_NAME,
        PropertyId::ACK_INBOUND_TRANSPORT_LOCATION,
    ];
    let mut negative = positive.to_vec();
    negative.extend([PropertyId::ACK_FAILURE_CODE, PropertyId::ACK_FAILURE_CATEGORY]);
    negative.sort_unstable();
    for (kind, sent, due) in [("ACK", true, positive.to_vec()), ("NACK", false, negative)] {
        let (_, saved) = made(&ended(Some(kind), sent));
        assert_eq!(promoted(&saved[0]), due, "{kind}");
        let read = |property| saved[0].context.read(property).cloned();
        assert_eq!(read(PropertyId::MESSAGE_TYPE), Some(Value::text("urn:o#Order")));
        assert_eq!(read(PropertyId::CORRELATION_TOKEN), Some(Value::text("token")));
        assert_eq!(read(PropertyId::ACK_SEND_PORT_NAME), Some(Value::text("Asks")));
        assert_eq!(read(PropertyId::ACK_INBOUND_TRANSPORT_LOCATION), Some(Value::text("folder")));
        assert_eq!(read(PropertyId::ACK_DESCRIPTION).is_some(), !sent, "{kind}");
    }
}

#[test]
fn the_body_of_a_negative_acknowledgement_is_a_fault() {
    // R-ACK-03: address, code, category and description, in elements of these names.
    let (_, saved) = made(&ended(Some("NACK"), false));
    let Some(Body::Real(bytes)) = saved[0].parts.as_ref().map(|parts| parts.body()) else {
        panic!("a real body")
    };
    let body = std::str::from_utf8(bytes).expect("text");
    let read = |property| saved[0].context.read(property).map(ToString::to_string);
    let id = read(PropertyId::ACK_ID).expect("it has one");
    for part in [
        "<SOAP:Fault><faultcode>Microsoft BizTalk Server Negative Acknowledgment</faultcode>",
        "<faultstring>An error occurred while processing the message, refer to the details section",
        "<faultactor>Asks</faultactor><detail>",
        &format!("<NAckID>{}</NAckID>", id.trim_matches('"')),
        "<ErrorCode>0xc0c0167a</ErrorCode>",
        "<ErrorCategory>0</ErrorCategory>",
        "<ErrorDescription>The message could not be transmitted.</ErrorDescription>",
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    let (_, saved) = made(&ended(Some("ACK"), true));
    let bytes = saved[0].parts.as_ref().map(|parts| parts.body().bytes());
    assert_eq!(bytes, Some(0), "an ACK has none");
}

/// What a port of no retries that fails says of where it was sending, in the error message that it
/// routes and in the NACK: one `on_backup`, or a dynamic one whose message names its `location`.
fn sent_to(on_backup: bool, location: Option<&str>) -> [Option<Value>; 2] {
    let mut topology = topology(immediate());
    for name in ["Out", "Errors", "Nacks"] {
        add_send_port(&mut topology, name, "In", ASYNC);
    }
    for (port, property, text) in
        [(1, PropertyId::ERROR_TYPE, "FailedMessage"), (2, PropertyId::ACK_TYPE, "NACK")]
    {
        let filter = Filter::all_of(vec![Condition::equals(property, Value::text(text))]);
        topology.send_ports[port].filter = Some(filter);
        topology.send_ports[port].state = PortState::Stopped;
    }
    topology.endpoints.push("Spare".to_owned());
    let out = &mut topology.send_ports[0];
    (out.route_failed, out.primary.retry) =
        (true, RetryPolicy { count: 0, interval: Duration::ZERO });
    let endpoint = EndpointId::from(topology.endpoints.len() - 1);
    out.backup = on_backup.then_some(Transport { endpoint, ..out.primary });
    let mut message = document(1, "In");
    if let Some(location) = location {
        let (port, adapter) = (SendPortId(0), out.primary.adapter);
        let (handlers, order) = (Vec::new(), OrderScope::Location);
        topology.dynamic_ports.push(DynamicPort { port, handlers, order });
        let (host, aliases, configuration) = (HostId(0), vec!["a:".to_owned()], Vec::new());
        topology.send_handlers.push(SendHandler { adapter, host, aliases, configuration });
        let property = PropertyId::OUTBOUND_TRANSPORT_LOCATION;
        message.context.write(property, Some(Value::text(location)));
    }
    let mut bench = Bench::new(topology);
    bench.commit(publishing(vec![message]));
    for _ in 0..=usize::from(on_backup) {
        let taken = look(&mut bench, MASTER, FIRST);
        let fails = (OperationKind::Resubmit, Action::DefaultFailure(taken[0].reference));
        bench.commit(PreparedBatch { actions: vec![fails], ..PreparedBatch::default() });
    }
    let saved: Vec<SavedMessage> = bench
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Referenced { at, .. } => {
                bench.message_box.save(ServiceInstanceId::Reference(at.reference)).pop()
            }
            _ => None,
        })
        .collect();
    [PropertyId::ERROR_OUTBOUND_TRANSPORT_LOCATION, PropertyId::ACK_OUTBOUND_TRANSPORT_LOCATION]
        .map(|property| saved.iter().find_map(|one| one.context.read(property).cloned()))
}

#[test]
fn what_failed_on_its_way_out_says_where_it_was_being_sent() {
    // R-FMR-04, R-ACK-02, R-DYN-01: to the end of the transport that was tried last, or where the
    // message itself said, however long that is (R-CTX-05).
    let far = format!("a:{}", "x".repeat(300));
    for (on_backup, location, due) in [
        (false, None, "Out"),
        (true, None, "Spare"),
        (false, Some("a:there"), "a:there"),
        (false, Some(&*far), &*far),
    ] {
        let due = [Some(Value::text(due)), Some(Value::text(due))];
        assert_eq!(sent_to(on_backup, location), due, "{on_backup} {location:?}");
    }
}
