//! Errands: what defines the endpoint of a message, asked before it is sent (R-ADD-04).

use floodgate_engine::adapter::{AdapterInput, Transmission, WireResult};
use floodgate_engine::hash::{mix, name_key};
use floodgate_engine::id::{HostInstanceId, Key};
use floodgate_engine::message::Value;

use super::{Due, OnWire, World};
use crate::endpoint::SinkCall;
use crate::trace::Event;

impl World {
    /// An adapter asks; like a call it takes time and may fail.
    #[inline(never)]
    pub(super) fn resolve(&mut self, node: u32, token: u64, transmission: Transmission) {
        self.meet(transmission.endpoint);
        let attempt = self.attempt(&transmission);
        let call = SinkCall { node, token, transmission, attempt };
        let rng = self.rng;
        let outcome = self.sink(transmission.endpoint).errand(&rng, &call);
        let key = self.on_wire.insert(OnWire { call, sent: outcome.sent, errand: true });
        self.schedule(self.now + outcome.takes, Due::Sent(key));
    }

    /// Nobody waits any more for what a dead process asked.
    pub(super) fn forget_errands(&mut self, instance: HostInstanceId) {
        let asked: Vec<Key> = (self.on_wire.iter())
            .filter(|(_, wire)| {
                wire.errand && self.nodes[wire.call.node as usize].instance == instance
            })
            .map(|(key, _)| key)
            .collect();
        for key in asked {
            self.on_wire.remove(key);
        }
    }

    #[inline(never)]
    pub(super) fn resolved(&mut self, call: &SinkCall, found: bool) {
        let transmission = call.transmission;
        let (document, sequence) = (transmission.document, transmission.sequence);
        self.trace.record(self.now, &Event::Resolved { document, sequence, found }, || {
            let port = self.topology.subscriber_name(transmission.subscriber);
            let answer = if found { "is known" } else { "is NOT known" };
            format!("A>W  {document} by {port}: its endpoint {answer}")
        });
        if !found {
            // To the retries it is an attempt like any other.
            self.checks.wire_begins(&transmission);
            self.checks.wire_ends(&transmission, false);
        }
        let result = if found {
            WireResult::Resolved(self.endpoint_key(&transmission))
        } else {
            WireResult::Refused
        };
        self.adapter_input(call.node, AdapterInput::WireDone { token: call.token, result });
    }

    /// Address, credentials, and whether it is used in transactions make an endpoint: a queue that
    /// is written in a transaction is another one than the same queue without (R-BSND-08).
    fn endpoint_key(&mut self, transmission: &Transmission) -> u64 {
        let property = self.sink(transmission.endpoint).credentials();
        let context = self.message_box.context_of(transmission.reference);
        let credentials = property.and_then(|property| context?.read(property));
        let user = match credentials {
            Some(Value::Text(user)) => name_key(user),
            Some(Value::Int(user)) => user.cast_unsigned(),
            Some(Value::Bool(_) | Value::Object) | None => 0,
        };
        let address = u64::from(transmission.endpoint.0) << 1;
        mix(address | u64::from(transmission.transaction.is_some()), user)
    }
}
