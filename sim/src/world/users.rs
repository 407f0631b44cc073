//! Users at work: who waits for what, and how the world notices that it has come to its end.
//!
//! Where clients wait at the door the answer is the end, and so is a broken connection, or that the
//! client has gone away. Elsewhere a request ends with the last of its documents: each has been
//! delivered, consumed, suspended or dropped, at every subscriber and at every later stage it was
//! forwarded to.

use floodgate_engine::message_box::{Closing, Effect, Place};
use floodgate_engine::orchestration::SENT_BY_ORCHESTRATIONS;
use floodgate_engine::time::Instant;
use rustc_hash::FxHashMap;

use super::{Due, World};
use crate::endpoint::Endpoint;
use crate::load::Users;

/// The population of one load.
#[derive(Clone, Debug)]
pub(super) struct Population {
    users: Users,
    /// Requests of each user so far.
    asked: Vec<u64>,
    open: bool,
}

impl Population {
    pub(super) const fn new(users: Users) -> Self {
        Self { users, asked: Vec::new(), open: true }
    }
}

/// Requests under way, by the number of the first message: empty unless users wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits {
    of: FxHashMap<u64, Wait>,
    /// Other messages that belong to a request: at later stages, or made of it on the way.
    of_message: FxHashMap<u64, u64>,
    /// References that belong to a request, by publication order.
    of_reference: FxHashMap<u64, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Wait {
    load: u32,
    user: u32,
    /// Documents that are not published yet.
    documents: u64,
    references: u64,
    /// Whether the answer alone ends it.
    answered: bool,
}

impl Waits {
    /// Whether nobody waits.
    pub(super) fn is_idle(&self) -> bool {
        self.of.is_empty()
    }

    /// The request that a message belongs to.
    fn request_of(&self, wire: u64) -> Option<u64> {
        if self.of.contains_key(&wire) { Some(wire) } else { self.of_message.get(&wire).copied() }
    }

    fn wait(&mut self, wire: u64) -> Option<&mut Wait> {
        let request = self.request_of(wire)?;
        self.of.get_mut(&request)
    }

    /// So many documents of a message are published, or need not be any more.
    fn documents_gone(&mut self, wire: u64, documents: u64) {
        if let Some(wait) = self.wait(wire) {
            wait.documents = wait.documents.saturating_sub(documents);
        }
    }

    /// A reference that came, if it belongs to a request.
    fn came(&mut self, at: &Place) {
        let Some(request) = self.request_of(at.document.wire) else { return };
        if self.of_reference.insert(at.sequence, request).is_none()
            && let Some(wait) = self.of.get_mut(&request)
        {
            wait.references += 1;
        }
    }

    /// A reference that ended; the request that it belonged to.
    fn went(&mut self, at: &Place) -> Option<u64> {
        let request = self.of_reference.remove(&at.sequence)?;
        let wait = self.of.get_mut(&request)?;
        wait.references -= 1;
        Some(request)
    }

    /// Takes a request out if nothing of it is left; who waited for it.
    fn finish(&mut self, request: u64) -> Option<(u32, u32)> {
        let wait = self.of.get(&request).filter(|wait| !wait.answered)?;
        if wait.documents > 0 || wait.references > 0 {
            return None;
        }
        self.end(request)
    }

    /// Takes a request out, whatever is left of it.
    fn end(&mut self, request: u64) -> Option<(u32, u32)> {
        let wait = self.of.remove(&request)?;
        if !self.of_message.is_empty() {
            self.of_message.retain(|_, of| *of != request);
        }
        if wait.references > 0 {
            self.of_reference.retain(|_, of| *of != request);
        }
        Some((wait.load, wait.user))
    }
}

impl World {
    /// Plans the first users of a load, and its end.
    pub(super) fn start_users(&mut self, load: u32) {
        let (start, until) = self.loads[load as usize].arrivals.span();
        self.schedule(start, Due::UsersCome(load));
        if until < Instant::MAX {
            self.schedule(until.max(start), Due::UsersEnd(load));
        }
    }

    /// The next users come, and think first.
    #[cold]
    pub(super) fn users_come(&mut self, load: u32) {
        let own = &mut self.loads[load as usize];
        let Some(population) = own.users.as_mut().filter(|own| own.open) else { return };
        let there = u32::try_from(population.asked.len()).expect("fewer than 2^32 users");
        let coming = population.users.coming(there);
        population.asked.resize((there + coming) as usize, 0);
        let more = population.users.coming(there + coming) > 0;
        let next = self.now + population.users.every;
        for user in there..there + coming {
            self.think(load, user);
        }
        if more && next > self.now {
            self.schedule(next, Due::UsersCome(load));
        }
    }

    /// No user of the load asks any more.
    #[cold]
    pub(super) fn users_end(&mut self, load: u32) {
        let population = self.loads[load as usize].users.as_mut();
        if let Some(population) = population.filter(|population| population.open) {
            population.open = false;
            self.end_load();
        }
    }

    fn think(&mut self, load: u32, user: u32) {
        let own = &self.loads[load as usize];
        let Some(population) = own.users.as_ref().filter(|own| own.open) else { return };
        let index = population.asked[user as usize];
        let thinks = population.users.thinks(&self.rng, own.key, user, index);
        if let Some(at) = own.arrivals.after(self.now, thinks) {
            self.schedule(at, Due::UserAsks { load, user });
        }
    }

    /// A user has thought.
    #[cold]
    pub(super) fn user_asks(&mut self, load: u32, user: u32) {
        let now = self.now;
        let own = &mut self.loads[load as usize];
        let Some(population) = own.users.as_mut().filter(|own| own.open) else { return };
        if !own.arrivals.asked(now) {
            return;
        }
        population.asked[user as usize] += 1;
        let over = own.arrivals.is_over();
        let (location, message) = self.next_message(load);
        let (wire, documents) = (message.number, self.documents_in(location, &message));
        let endpoint = self.topology.receive_locations[location.index()].endpoint;
        let (answered, patience) = match &self.endpoints[endpoint.index()] {
            Endpoint::Source(source) => (source.is_of_clients(), source.patience()),
            Endpoint::Sink(_) => (false, None),
        };
        self.waits.of.insert(wire, Wait { load, user, documents, references: 0, answered });
        if let Some(patience) = patience {
            self.schedule(now + patience, Due::UserLeaves(wire));
        }
        self.offer(location, message);
        if over {
            self.users_end(load);
        }
    }

    /// A client's request is over: it got its answer, or went away without one.
    #[cold]
    pub(super) fn request_ended(&mut self, wire: u64) {
        if let Some((load, user)) = self.waits.end(wire) {
            self.think(load, user);
        }
    }

    /// A document goes on to the next stage as a message of its own.
    pub(super) fn request_goes_on(&mut self, from: u64, to: u64, documents: u64) {
        if let Some(request) = self.waits.request_of(from) {
            self.waits.of_message.insert(to, request);
            if let Some(wait) = self.waits.of.get_mut(&request) {
                wait.documents += documents;
            }
        }
    }

    /// What a commit changed about the requests of users.
    #[cold]
    pub(super) fn watch_requests(&mut self, effects: &[Effect]) {
        // What is made comes before what ends: an orchestration sends on in one transaction.
        effects.iter().for_each(|effect| self.request_grows(effect));
        for effect in effects {
            if let Some(request) = self.request_shrinks(effect)
                && let Some((load, user)) = self.waits.finish(request)
            {
                self.think(load, user);
            }
        }
    }

    fn request_grows(&mut self, effect: &Effect) {
        if let Effect::Published { document, .. } = effect {
            let received = document.wire.checked_sub(SENT_BY_ORCHESTRATIONS);
            let sent_for =
                received.and_then(|received| self.waits.of_reference.get(&received).copied());
            match sent_for {
                Some(request) => {
                    self.waits.of_message.insert(document.wire, request);
                }
                None => self.waits.documents_gone(document.wire, 1),
            }
        } else if let Effect::Referenced { at, .. } | Effect::Resumed { at } = effect {
            self.waits.came(at);
        }
    }

    /// The request of which something has ended, if one has.
    fn request_shrinks(&mut self, effect: &Effect) -> Option<u64> {
        if let Effect::Consumed { at }
        | Effect::Deleted { at }
        | Effect::RoutedReference { at, .. }
        | Effect::SuspendedReference { at, .. }
        | Effect::Terminated { at } = effect
        {
            return self.waits.went(at);
        }
        if let Effect::ExchangeClosed { waiting, by: Closing::Death } = effect {
            self.request_ended(waiting.request);
            return None;
        }
        let (wire, gone) = if let Effect::Passed { wire, .. } = effect {
            (*wire, u64::MAX)
        } else if let Effect::RoutedMessage { document, .. }
        | Effect::SuspendedMessage { document, .. } = effect
        {
            // A document, or the whole message.
            (document.wire, if document.sequence == 0 { u64::MAX } else { 1 })
        } else if let Effect::Published { document, references: 0, .. } = effect {
            (document.wire, 0)
        } else {
            return None;
        };
        self.waits.documents_gone(wire, gone);
        self.waits.request_of(wire)
    }
}
