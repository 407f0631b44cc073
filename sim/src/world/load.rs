//! Loads: messages arrive at sources, whatever the engine does.

use floodgate_engine::adapter::Transmission;
use floodgate_engine::config::ReceiveLocation;
use floodgate_engine::hash::{mix, name_key};
use floodgate_engine::id::ReceiveLocationId;
use floodgate_engine::map::mapped_type;
use floodgate_engine::message::{Body, Context, Defect, Parts, PropertyId, WireMessage};
use floodgate_engine::time::Instant;

use super::controller::Controlling;
use super::users::Population;
use super::{Due, Now, World};
use crate::endpoint::Endpoint;
use crate::load::{Arrivals, Choice};
use crate::rng::Rng;
use crate::setup::Poison;
use crate::trace::Event;

/// A load at work.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) arrivals: Arrivals,
    pub(super) key: u64,
    pub(super) locations: Vec<ReceiveLocationId>,
    /// The context of its messages, per kind, per location and there per address.
    pub(super) contexts: Vec<Context>,
    /// Contexts of one kind.
    pub(super) contexts_of_kind: usize,
    pub(super) body: Body,
    /// How its messages differ, if they do.
    pub(super) choice: Option<Box<Choice>>,
    pub(super) poison: Option<Poison>,
    pub(super) sent: u64,
    pub(super) open: bool,
    pub(super) users: Option<Population>,
    pub(super) controller: Option<Controlling>,
}

/// Documents that a message counts for at the generator's boundary: those that its location's
/// pipeline will make of it. One that the pipeline consumes whole counts for one.
#[inline(always)]
pub(super) fn documents_of(location: &ReceiveLocation, message: &WireMessage) -> u64 {
    u64::from(location.pipeline.documents_in(message).max(1))
}

impl Load {
    /// The next message's location, context and content.
    #[inline(always)]
    fn turn(&self, rng: &Rng) -> (ReceiveLocationId, Context, Body) {
        let addresses = self.contexts_of_kind / self.locations.len();
        let turn = self.sent as usize;
        let (location, address) = (turn % self.locations.len(), turn % addresses);
        let place = location * addresses + address;
        let (place, body) = match &self.choice {
            None => (place, self.body.clone()),
            Some(choice) => {
                let (kind, body) = choice.pick(rng, self.sent);
                (kind * self.contexts_of_kind + place, body)
            }
        };
        (self.locations[location], self.contexts[place].clone(), body)
    }

    fn defect(&self) -> Option<Defect> {
        let poison = self.poison?;
        (self.sent.is_multiple_of(poison.every.max(1))).then_some(poison.defect)
    }
}

impl World {
    /// Plans the first arrival of every load.
    pub(super) fn start_loads(&mut self) {
        for index in 0..self.loads.len() {
            let load = u32::try_from(index).expect("fewer than 2^32 loads");
            self.start_controller(load);
            if self.loads[index].users.is_some() {
                self.start_users(load);
                continue;
            }
            match self.loads[index].arrivals.next(&self.rng) {
                Some(at) => self.plan_arrival(index, at),
                None => self.close_load(index),
            }
        }
    }

    fn close_load(&mut self, index: usize) {
        self.loads[index].open = false;
        self.end_load();
    }

    fn plan_arrival(&mut self, index: usize, at: Instant) {
        let index = u32::try_from(index).expect("fewer than 2^32 loads");
        self.schedule(at, Due::Arrival(index));
    }

    pub(super) fn end_load(&mut self) {
        self.loads_open -= 1;
        if self.loads_open == 0 {
            // A planned window is seen to its end even if nothing arrives any more; an open one
            // ends with what is under way.
            let (_, planned) = self.measured;
            let seen = if planned < self.end_planned { planned } else { self.now };
            self.end = self.end.min(seen.max(self.now + self.drain));
        }
    }

    /// All messages of a load that arrive at this instant: a lot is there as a whole before
    /// anybody looks.
    pub(super) fn arrival(&mut self, index: u32) {
        loop {
            self.arrive_one(index);
            match self.loads[index as usize].arrivals.next(&self.rng) {
                Some(at) if at == self.now && self.overfull().is_none() => {}
                Some(_) if self.overfull().is_some() => return,
                Some(at) => return self.plan_arrival(index as usize, at),
                None => return self.close_load(index as usize),
            }
        }
    }

    fn arrive_one(&mut self, index: u32) {
        let (location, message) = self.next_message(index);
        self.offer(location, message);
    }

    /// The next message of a load, and where it goes.
    #[inline(always)]
    pub(super) fn next_message(&mut self, index: u32) -> (ReceiveLocationId, WireMessage) {
        let load = &mut self.loads[index as usize];
        let (location, context, body) = load.turn(&self.rng);
        load.sent += 1;
        let message = WireMessage {
            number: self.wires_arrived + 1,
            lineage: mix(load.key, load.sent),
            arrived: self.now,
            context,
            parts: Parts::of(body),
            defect: load.defect(),
            seekable: true,
        };
        (location, message)
    }

    /// A load offers a message.
    #[inline(always)]
    pub(super) fn offer(&mut self, location: ReceiveLocationId, message: WireMessage) {
        let documents = documents_of(&self.topology.receive_locations[location.index()], &message);
        self.meters.offered(self.now, documents);
        self.arrive(location, message);
    }

    pub(super) fn documents_in(&self, at: ReceiveLocationId, message: &WireMessage) -> u64 {
        documents_of(&self.topology.receive_locations[at.index()], message)
    }

    /// A message arrives at a location's source.
    #[inline(always)]
    pub(super) fn arrive(&mut self, location: ReceiveLocationId, message: WireMessage) {
        self.wires_arrived += 1;
        let documents = documents_of(&self.topology.receive_locations[location.index()], &message);
        self.documents_arrived += documents;
        let event = Event::Arrived { wire: message.number, location: location.0 };
        self.trace.record(self.now, &event, || {
            let name = &self.topology.receive_locations[location.index()].name;
            format!("W    m{} arrives at {name}", message.number)
        });
        let endpoint = self.topology.receive_locations[location.index()].endpoint;
        let Endpoint::Source(source) = &mut self.endpoints[endpoint.index()] else {
            unreachable!("a receive location reads a source")
        };
        if source.is_of_clients() {
            self.unaccepted.insert(message.number, documents);
        }
        if let Some((node, location)) = source.arrive(message) {
            self.ring.push_back(Now::Arrived(node, location));
        }
        let backlog = self.backlog();
        self.meters.backlog.set(self.now, backlog);
        self.keep_room(backlog);
    }

    /// The context of a document that arrives at the next stage: its location's, with the type
    /// that a disassembler there will find.
    #[inline(never)]
    pub(super) fn forwarded_context(
        &mut self,
        to: ReceiveLocationId,
        sent: &Transmission,
    ) -> Context {
        let location = &self.topology.receive_locations[to.index()];
        let context = self.message_box.context_of(sent.reference);
        let maps = self.topology.send_port(sent.subscriber).map_or(&[][..], |port| &port.maps);
        let document_type = context.and_then(|context| mapped_type(maps, context));
        let Some(document_type) = document_type.filter(|_| location.pipeline.disassembles()) else {
            return location.context.clone();
        };
        let key = (to, document_type.clone());
        if let Some(known) = self.forwarded.get(&key) {
            return known.clone();
        }
        let number = self.next_template;
        self.next_template += 1;
        let mut context = location.context.clone();
        let refused = context.promote(PropertyId::MESSAGE_TYPE, Some(document_type.clone()));
        assert!(refused.is_ok(), "a type that was promoted once is short enough");
        let context = context.into_template(number);
        self.forwarded.insert(key, context.clone());
        context
    }

    /// A transmitted document arrives at the next stage: a new wire message that keeps its age.
    #[inline(never)]
    pub(super) fn forward(&mut self, to: ReceiveLocationId, context: Context, sent: &Transmission) {
        let location = &self.topology.receive_locations[to.index()];
        let message = WireMessage {
            number: self.wires_arrived + 1,
            lineage: mix(sent.lineage, name_key(&location.name)),
            arrived: sent.arrived,
            context,
            parts: Parts::of(Body::Described {
                bytes: u32::try_from(sent.bytes).unwrap_or(u32::MAX),
                documents: 1,
            }),
            defect: None,
            seekable: true,
        };
        if !self.waits.is_idle() {
            let documents = self.documents_in(to, &message);
            self.request_goes_on(sent.document.wire, message.number, documents);
        }
        self.arrive(to, message);
    }
}
