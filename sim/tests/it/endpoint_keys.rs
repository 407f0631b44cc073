//! What defines an endpoint: an errand that takes time, may fail, and knows credentials.

use floodgate_engine::adapter::{
    Adapter, AdapterInput, CallId, Returned, Transmission, WireRequest, WireResult,
};
use floodgate_engine::config::SendSettings;
use floodgate_engine::id::{AdapterId, TransactionId};
use floodgate_engine::message::{PropertyId, Value, WireMessage};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::setup::{Errand, Failure, Outbound, SinkSettings};

use crate::fixture::{ASYNC, BATCHED, BLOCKING_BATCHED, FOLDER, Plant, immediate, ms, sink};
use crate::golden_send::{finished, marked};

/// Stands in for a single sign-on ticket: a static port reads nothing into it.
const TICKET: PropertyId = PropertyId::OUTBOUND_TRANSPORT_TYPE;
const SECOND: Duration = Duration::from_secs(1);

fn plant(send: SendSettings, messages: usize, errand: Errand) -> Plant {
    let mut plant = Plant::new(immediate(), FOLDER);
    let wire = Dist::Constant(SECOND);
    plant
        .send_port("Out", "In", send, SinkSettings { wire, errand, ..sink() })
        .load(ArrivalKind::Replay(vec![ms(1); messages]), None);
    plant
}

fn with_tickets(wire: &mut WireMessage) {
    let user = if wire.number == 2 { "b" } else { "a" };
    wire.context.write(TICKET, Some(Value::text(user)));
}

#[test]
fn one_address_is_as_many_endpoints_as_users() {
    // R-ADD-04, R-BSND-08: the three errands of a batch are run one after another, and then two
    // workers transmit side by side; without credentials all three go one after another.
    let takes = Dist::Constant(Duration::from_millis(100));
    for (credentials, ends) in [(Some(TICKET), [2300, 2300, 3300]), (None, [2300, 3300, 4300])] {
        let errand = Errand { takes, credentials, ..Errand::default() };
        let plant = plant(SendSettings { resolves: true, ..BATCHED }, 3, errand);
        let (_, story) = finished(marked(&plant, with_tickets));
        assert_eq!(story.count(&["its endpoint is known"]), 3);
        for (document, end) in ["m1", "m2", "m3"].into_iter().zip(ends) {
            assert_eq!(story.instants(&[document, "wire ok"]), [ms(end)], "{document}");
        }
    }
}

#[test]
fn an_errand_that_fails_is_a_failed_attempt_that_never_reached_the_wire() {
    // R-ADD-04, R-RETRY-04: the message is resubmitted, the others of its batch are sent.
    for send in [BATCHED, BLOCKING_BATCHED] {
        let errand = Errand { failure: Failure::Every(2), ..Errand::default() };
        let mut plant = plant(SendSettings { resolves: true, ..send }, 3, errand);
        plant.retry(1, SECOND);
        let (world, story) = finished(marked(&plant, with_tickets));
        assert_eq!(story.count(&["its endpoint is NOT known"]), 2);
        assert_eq!(story.count(&["m2 by Out", "wire"]), 0);
        assert_eq!(story.count(&["suspends m2 of Out, resumable, Adapter"]), 1);
        assert_eq!(world.meters().processed, 2);
    }
}

/// Asks about every message twice, once as if it sent it in a transaction; then sends it.
#[derive(Clone, Debug, Default)]
struct Asks {
    call: Option<CallId>,
    attempt: Option<Transmission>,
    plain: Option<u64>,
}

impl Adapter for Asks {
    fn handle_input(&mut self, _now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        match input {
            AdapterInput::TransmitMessage { call, message } => {
                self.call = Some(call);
                let plain = Transmission::of(&message);
                self.attempt = Some(plain);
                let transaction = Some(TransactionId(1));
                proxy.wire(0, WireRequest::Resolve(plain));
                proxy.wire(1, WireRequest::Resolve(Transmission { transaction, ..plain }));
            }
            AdapterInput::WireDone { token: 0, result: WireResult::Resolved(key) } => {
                self.plain = Some(key);
            }
            AdapterInput::WireDone { token: 1, result: WireResult::Resolved(key) } => {
                assert_ne!(self.plain, Some(key), "one endpoint, in transactions or not");
                let attempt = self.attempt.take().expect("a message to send");
                proxy.wire(2, WireRequest::Transmit(attempt));
            }
            AdapterInput::WireDone { token: 2, result: WireResult::Sent } => {
                proxy.returned(self.call.take().expect("a call to return from"), Returned::Sent);
            }
            _ => {}
        }
    }
}

#[test]
fn the_same_address_in_a_transaction_is_another_endpoint() {
    // R-BSND-08, R-ADD-04.
    let mut world = plant(ASYNC, 1, Errand::default()).telling();
    world.replace_adapter(AdapterId(1), &Asks::default());
    let (world, _) = finished(world);
    assert_eq!(world.message_box().reference_counts().total(), 0);
}

#[test]
fn every_location_of_a_port_gets_its_messages_in_order_however_they_are_mixed() {
    // INV-43, R-BSND-08: one batch to three locations in several mixtures.
    let mixtures = ["aabbcc", "abcabc", "cbacba", "abccba"];
    for send in [BATCHED, BLOCKING_BATCHED] {
        for (resolves, mixture) in [false, true].into_iter().zip([mixtures; 2]) {
            for locations in mixture {
                let mut plant = plant(ASYNC, locations.len(), Errand::default());
                plant.dynamic(SendSettings { resolves, ..send });
                plant.setup.loads[0].outbound = locations
                    .chars()
                    .map(|at| Outbound { location: format!("FILE://{at}"), transport_type: None })
                    .collect();
                let (_, story) = finished(plant.telling());
                let sent = |n: usize| story.instants(&[&format!("m{n} by Out"), "wire ok"])[0];
                for at in ['a', 'b', 'c'] {
                    let its = locations.chars().zip(1..).filter(|(own, _)| *own == at);
                    let its: Vec<_> = its.map(|(_, n)| sent(n)).collect();
                    assert!(its[0] < its[1], "{locations}: {at} at {its:?}");
                }
            }
        }
    }
}
