//! Running instances that wait for messages, and the instance subscriptions that lead to them.
//!
//! An instance subscription is an equality on one promoted property: the correlation token of a
//! request-response exchange, or the value a convoy correlates on. It comes and goes with its
//! instance (R-SUB-05), far more often than a port is enlisted, so it has a table of its own. It
//! begins in the MessageBox of its instance and is copied to the master, which matches for all
//! (R-SUB-07, R-MMB-01).

use std::num::NonZeroU32;

use rustc_hash::{FxHashMap, FxHashSet};

use super::acknowledge::{acknowledges, is_fault};
use super::exchange::{Wait, routes_directly};
use super::{Exchange, MessageBox};
use crate::id::{HostInstanceId, Key, MessageBoxId, ReferenceId, Slab, SubscriberId};
use crate::message::{Document, PropertyId, Value};

/// The master of the group (R-MMB-01).
const MASTER: MessageBoxId = MessageBoxId(0);

/// A running service instance (R-SUB-05).
#[derive(Clone, Debug)]
pub(super) struct Instance {
    /// What it is an instance of.
    pub(super) subscriber: SubscriberId,
    /// The MessageBox that owns its state: its messages go there (R-MMB-03).
    pub(super) home: MessageBoxId,
    /// The one host instance that can take its messages, if only one can (R-RR-04).
    pub(super) owner: Option<HostInstanceId>,
    /// What its messages are to the adapter that gets them.
    pub(super) exchange: Option<Exchange>,
    /// The request that it waits for an answer to, if it does.
    pub(super) wait: Option<Box<Wait>>,
    /// Its subscriptions are gone; the row stays while references lead to it.
    pub(super) closed: bool,
    references: u32,
    /// Its subscriptions, as its own MessageBox has them (R-SUB-07).
    keys: Vec<(PropertyId, Value)>,
}

impl Instance {
    /// How many references lead to it.
    pub(super) fn references(&self) -> u64 {
        self.references.into()
    }
}

/// All running instances and their subscriptions.
#[derive(Clone, Debug, Default)]
pub(super) struct Instances {
    rows: Slab<Instance>,
    /// The copies of all subscriptions that the master matches by (R-SUB-07).
    by_key: FxHashMap<(PropertyId, Value), Vec<Key>>,
    /// Properties that some key names, with how many: almost always none or one.
    properties: Vec<(PropertyId, u32)>,
    /// Tokens of waits whose process is gone (R-RR-12).
    pub(super) orphans: FxHashSet<Value>,
}

impl Instances {
    /// Whether nothing runs, and no reference leads to anything that ran.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Starts an instance without subscriptions.
    pub(super) fn start(
        &mut self,
        subscriber: SubscriberId,
        home: MessageBoxId,
        owner: Option<HostInstanceId>,
        exchange: Option<Exchange>,
    ) -> Key {
        self.rows.insert(Instance {
            subscriber,
            home,
            owner,
            exchange,
            wait: None,
            closed: false,
            references: 0,
            keys: Vec::new(),
        })
    }

    /// From now on only one host instance can take the instance's messages, or any.
    pub(super) fn belongs_to(&mut self, instance: Key, owner: Option<HostInstanceId>) {
        if let Some(row) = self.rows.get_mut(instance) {
            row.owner = owner;
        }
    }

    /// The instance is the wait of a request (R-RR-03).
    pub(super) fn wait_for(&mut self, instance: Key, wait: Box<Wait>) {
        if let Some(row) = self.rows.get_mut(instance) {
            row.wait = Some(wait);
        }
    }

    /// The open wait whose subscription is on this value.
    pub(super) fn waiting_for(&self, property: PropertyId, value: &Value) -> Option<Key> {
        if self.is_idle() {
            return None;
        }
        let subscribed = self.by_key.get(&(property, value.clone()))?;
        subscribed.iter().copied().find(|key| self.get(*key).is_some_and(|row| row.wait.is_some()))
    }

    /// The wait of a request whose response is on its way already.
    pub(super) fn closed_wait(&self, request: u64, correlation: &Value) -> Option<Key> {
        let is_it = |row: &Instance| {
            row.wait.as_ref().is_some_and(|wait| {
                row.closed && wait.request == request && wait.correlation == *correlation
            })
        };
        self.rows.iter().find(|(_, row)| is_it(row)).map(|(key, _)| key)
    }

    /// The open waits of a host instance, in the order of their requests.
    pub(super) fn waits_of(&self, owner: HostInstanceId) -> Vec<Key> {
        let own = |row: &Instance| row.owner == Some(owner) && !row.closed;
        let mut waits: Vec<(u64, Key)> = (self.rows.iter())
            .filter(|(_, row)| own(row))
            .filter_map(|(key, row)| Some((row.wait.as_ref()?.request, key)))
            .collect();
        waits.sort_unstable();
        waits.into_iter().map(|(_, key)| key).collect()
    }

    /// Remembers what the waits of a host instance correlate by, open or with responses under way.
    pub(super) fn orphan(&mut self, owner: HostInstanceId) {
        let own = self.rows.iter().filter(|(_, row)| row.owner == Some(owner));
        let tokens = own.filter_map(|(_, row)| Some(row.wait.as_ref()?.correlation.clone()));
        self.orphans.extend(tokens);
    }

    /// Whether only the first message that correlates is for this instance.
    pub(super) fn takes_one(&self, instance: Key) -> bool {
        let row = self.get(instance);
        row.and_then(|row| row.wait.as_ref()).is_some_and(|wait| wait.first_only)
    }

    /// A reference leads to the instance.
    pub(super) fn refer(&mut self, instance: Key) {
        if let Some(row) = self.rows.get_mut(instance) {
            row.references += 1;
        }
    }

    /// A reference is gone; with the last one of a closed wait goes its row.
    pub(super) fn release(&mut self, place: NonZeroU32) {
        let Some(key) = self.rows.key_at(place.get() as usize - 1) else { return };
        let Some(row) = self.rows.get_mut(key) else { return };
        row.references = row.references.saturating_sub(1);
        if row.closed && row.references == 0 {
            self.rows.remove(key);
        }
    }

    /// The subscriptions of a wait go; `false` if they were gone already. Its row goes with the
    /// last reference that leads to it.
    pub(super) fn close(&mut self, instance: Key) -> bool {
        let Some(row) = self.rows.get_mut(instance) else { return false };
        if std::mem::replace(&mut row.closed, true) {
            return false;
        }
        let (keys, unused) = (std::mem::take(&mut row.keys), row.references == 0);
        self.unsubscribe(instance, &keys);
        if unused {
            self.rows.remove(instance);
        }
        true
    }

    /// Subscribes an instance to messages whose promoted `property` equals `value`: in its own
    /// MessageBox first, then at the master (R-SUB-07).
    pub(super) fn subscribe(&mut self, instance: Key, property: PropertyId, value: Value) {
        let Some(row) = self.rows.get_mut(instance) else { return };
        row.keys.push((property, value.clone()));
        self.by_key.entry((property, value)).or_default().push(instance);
        match self.properties.iter_mut().find(|(known, _)| *known == property) {
            Some((_, count)) => *count += 1,
            None => self.properties.push((property, 1)),
        }
    }

    /// The instance ended: its subscriptions go with it (INV-26).
    pub(super) fn end(&mut self, instance: Key) -> Option<Instance> {
        let row = self.rows.remove(instance)?;
        self.unsubscribe(instance, &row.keys);
        Some(row)
    }

    fn unsubscribe(&mut self, instance: Key, keys: &[(PropertyId, Value)]) {
        for key in keys {
            if let Some(subscribed) = self.by_key.get_mut(key) {
                subscribed.retain(|known| *known != instance);
                if subscribed.is_empty() {
                    self.by_key.remove(key);
                }
            }
            if let Some((_, count)) =
                self.properties.iter_mut().find(|(property, _)| *property == key.0)
            {
                *count -= 1;
            }
        }
        self.properties.retain(|(_, count)| *count > 0);
    }

    pub(super) fn get(&self, instance: Key) -> Option<&Instance> {
        self.rows.get(instance)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Instance)> {
        self.rows.iter()
    }

    /// The instances that `document` correlates with, in the order of their subscriptions.
    pub(super) fn matching(&self, document: &Document) -> Vec<Key> {
        let mut found = Vec::new();
        for (property, _) in &self.properties {
            if let Some(value) = document.promoted(*property)
                && let Some(subscribed) = self.by_key.get(&(*property, value))
            {
                for key in subscribed {
                    // A wait asks for more than its token (R-RR-03).
                    let waits = self.get(*key).is_some_and(|row| row.wait.is_some());
                    if !found.contains(key)
                        && (!waits || routes_directly(document))
                        && !self.is_no_answer(*key, document)
                    {
                        found.push(*key);
                    }
                }
            }
        }
        found
    }

    /// Whether an instance waits for an answer and this is only word that its question was sent. A
    /// negative acknowledgement is its answer (R-SR-06).
    fn is_no_answer(&self, instance: Key, document: &Document) -> bool {
        self.get(instance).is_some_and(|row| row.exchange == Some(Exchange::Answer))
            && acknowledges(&document.context)
            && !is_fault(&document.context)
    }

    /// The one taker of the instance at a place that [`as_place`] made.
    pub(super) fn owner_at(&self, place: NonZeroU32) -> Option<HostInstanceId> {
        let key = self.rows.key_at(place.get() as usize - 1)?;
        self.rows.get(key)?.owner
    }

    /// How many subscriptions of instances a MessageBox has a row of: its own instances', and at
    /// the master the copies of all others' (R-SUB-07).
    fn rows_in(&self, home: MessageBoxId) -> usize {
        let rows = self.rows.iter().filter(|(_, row)| row.home == home);
        let own: usize = rows.map(|(_, row)| row.keys.len()).sum();
        if home != MASTER {
            return own;
        }
        let here = |key: &Key| self.get(*key).is_some_and(|row| row.home == MASTER);
        let copies = self.by_key.values().flatten().filter(|key| !here(key)).count();
        own + copies
    }

    /// Whether no instance waits for anything: then no message needs to be asked.
    pub(super) fn is_idle(&self) -> bool {
        self.properties.is_empty()
    }
}

/// A running instance as a reference remembers it: its place, plus one.
pub(super) fn as_place(instance: Key) -> Option<NonZeroU32> {
    u32::try_from(instance.index() + 1).ok().and_then(NonZeroU32::new)
}

impl MessageBox {
    /// The running instance that a reference goes to, if it does not activate one.
    pub(super) fn instance_key(&self, id: ReferenceId) -> Option<Key> {
        let place = self.references.get(id.0)?.instance?;
        self.instances.rows.key_at(place.get() as usize - 1)
    }

    /// How many subscriptions of running instances a MessageBox has a row of: those of its own
    /// instances, and at the master a copy of everybody's (R-SUB-07).
    #[must_use]
    pub fn instance_subscriptions(&self, home: MessageBoxId) -> usize {
        self.instances.rows_in(home)
    }

    pub(super) fn instance_of(&self, id: ReferenceId) -> Option<&Instance> {
        self.instances.get(self.instance_key(id)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AdapterId, EndpointId};
    use crate::message::{Body, Context, DocumentName, Parts};
    use crate::time::Instant;

    const MINE: HostInstanceId = HostInstanceId(0);
    const OTHER: HostInstanceId = HostInstanceId(1);
    const PLACE: PropertyId = PropertyId(900);
    const TOKEN: PropertyId = PropertyId::CORRELATION_TOKEN;

    fn document(promoted: &[(PropertyId, Value)], written: &[(PropertyId, Value)]) -> Document {
        let mut context = Context::default();
        for (property, value) in promoted.iter().cloned() {
            context.promote(property, Some(value)).expect("a short value");
        }
        for (property, value) in written.iter().cloned() {
            context.write(property, Some(value));
        }
        Document {
            name: DocumentName::of_wire(1),
            lineage: 1,
            arrived: Instant::ZERO,
            context,
            parts: Parts::of(Body::Described { bytes: 1, documents: 1 }),
        }
    }

    fn wait(request: u64, correlation: &str, first_only: bool) -> Box<Wait> {
        Box::new(Wait {
            operation: 0,
            subscriber: SubscriberId(0),
            adapter: AdapterId(0),
            endpoint: EndpointId(0),
            token: request,
            correlation: Value::text(correlation),
            first_only,
            request,
            lineage: request,
            arrived: Instant::ZERO,
            context: Context::default(),
        })
    }

    /// An instance that waits for answers to a request.
    fn waiting(instances: &mut Instances, owner: HostInstanceId, wait: Box<Wait>) -> Key {
        let exchange = Exchange::Response { token: wait.token, fault: false };
        let key = instances.start(SubscriberId(0), MASTER, Some(owner), Some(exchange));
        instances.subscribe(key, PropertyId::EPM_RR_CORRELATION_TOKEN, wait.correlation.clone());
        instances.wait_for(key, wait);
        key
    }

    /// An instance that takes what has these values.
    fn running(instances: &mut Instances, keys: &[(PropertyId, i64)]) -> Key {
        let key = instances.start(SubscriberId(0), MASTER, None, None);
        for (property, value) in keys {
            instances.subscribe(key, *property, Value::Int(*value));
        }
        key
    }

    #[test]
    fn a_subscription_comes_and_goes_with_its_instance_and_no_other() {
        // R-SUB-05, INV-26.
        let mut instances = Instances::default();
        assert!(instances.is_idle() && instances.is_empty());
        let first = running(&mut instances, &[(PLACE, 1)]);
        let other = running(&mut instances, &[(PLACE, 2), (TOKEN, 3)]);
        let twin = running(&mut instances, &[(PLACE, 1)]);
        let of = |instances: &Instances, keys: &[(PropertyId, i64)]| {
            let promoted: Vec<_> = keys.iter().map(|(at, own)| (*at, Value::Int(*own))).collect();
            instances.matching(&document(&promoted, &[]))
        };
        assert_eq!(of(&instances, &[(PLACE, 1)]), [first, twin]);
        assert_eq!(of(&instances, &[(PLACE, 2), (TOKEN, 3)]), [other], "once, by two properties");
        assert_eq!(of(&instances, &[(TOKEN, 1)]), []);
        assert!(instances.end(first).is_some() && instances.end(first).is_none());
        assert_eq!(of(&instances, &[(PLACE, 1)]), [twin]);
        assert_eq!(of(&instances, &[(TOKEN, 3)]), [other]);
        instances.end(other);
        assert_eq!(of(&instances, &[(PLACE, 2), (TOKEN, 3)]), []);
        assert_eq!(of(&instances, &[(PLACE, 1)]), [twin]);
        assert!(!instances.is_idle());
        instances.end(twin);
        assert!(instances.is_idle() && instances.is_empty());
    }

    #[test]
    fn a_wait_that_is_over_is_kept_as_long_as_a_response_is_under_way() {
        // R-RR-04, INV-26: what is under way needs to know whom it is for.
        let mut instances = Instances::default();
        running(&mut instances, &[(PLACE, 1)]);
        let key = waiting(&mut instances, OTHER, wait(5, "five", true));
        let place = as_place(key).expect("a place");
        assert_eq!(instances.owner_at(place), Some(OTHER));
        instances.refer(key);
        instances.release(place);
        assert!(instances.get(key).is_some(), "it is open, and nothing leads to it");
        instances.refer(key);
        instances.refer(key);
        assert!(instances.close(key) && !instances.close(key));
        instances.release(place);
        assert!(instances.get(key).is_some_and(|row| row.closed));
        instances.release(place);
        assert!(instances.get(key).is_none());
        assert_eq!(instances.owner_at(place), None);
        let unused = waiting(&mut instances, MINE, wait(6, "six", true));
        assert!(instances.close(unused) && instances.get(unused).is_none());
    }

    #[test]
    fn an_expiry_finds_the_wait_whose_response_is_under_way_and_no_other() {
        // R-RR-07, INV-50.
        let mut instances = Instances::default();
        let open = waiting(&mut instances, MINE, wait(5, "five", true));
        let six = waiting(&mut instances, MINE, wait(6, "six", true));
        let namesake = waiting(&mut instances, MINE, wait(7, "five", true));
        for key in [six, namesake] {
            instances.refer(key);
            instances.close(key);
        }
        let found = |instances: &Instances, request, correlation| {
            instances.closed_wait(request, &Value::text(correlation))
        };
        assert_eq!(found(&instances, 6, "six"), Some(six));
        assert_eq!(found(&instances, 7, "five"), Some(namesake));
        assert_eq!(found(&instances, 5, "five"), None, "this one is open");
        assert_eq!(found(&instances, 6, "five"), None);
        assert_eq!(found(&instances, 7, "six"), None);
        instances.refer(open);
        instances.close(open);
        assert_eq!(found(&instances, 5, "five"), Some(open));
    }

    #[test]
    fn with_a_process_go_its_own_open_waits_and_the_tokens_of_all() {
        // R-RR-12, R-CRASH-03.
        let mut instances = Instances::default();
        let nine = waiting(&mut instances, MINE, wait(9, "nine", true));
        let over = waiting(&mut instances, MINE, wait(3, "three", true));
        let four = waiting(&mut instances, MINE, wait(4, "four", true));
        waiting(&mut instances, OTHER, wait(5, "five", true));
        running(&mut instances, &[(PLACE, 1)]);
        instances.refer(over);
        instances.close(over);
        assert_eq!(instances.waits_of(MINE), [four, nine], "in the order of their requests");
        instances.orphan(MINE);
        let of = ["three", "four", "five", "nine"].map(Value::text);
        let known = of.map(|token| instances.orphans.contains(&token));
        assert_eq!(known, [true, true, false, true]);
    }

    #[test]
    fn only_a_wait_for_the_first_response_takes_one() {
        // R-RR-10.
        let mut instances = Instances::default();
        let one = waiting(&mut instances, MINE, wait(1, "one", true));
        let all = waiting(&mut instances, MINE, wait(2, "two", false));
        let convoy = running(&mut instances, &[(PLACE, 1)]);
        let taken = [one, all, convoy].map(|key| instances.takes_one(key));
        assert_eq!(taken, [true, false, false]);
    }

    #[test]
    fn word_that_a_question_was_sent_is_not_its_answer_and_that_it_was_not_is() {
        // R-SR-06, R-ACK-03.
        let mut instances = Instances::default();
        let asks = instances.start(SubscriberId(0), MASTER, None, Some(Exchange::Answer));
        let gathers = instances.start(SubscriberId(1), MASTER, None, None);
        for key in [asks, gathers] {
            instances.subscribe(key, TOKEN, Value::Int(1));
        }
        let token = [(TOKEN, Value::Int(1))];
        let found = |kind: Option<&str>| {
            let kind = kind.map(|kind| (PropertyId::ACK_TYPE, Value::text(kind)));
            instances.matching(&document(&token, kind.as_slice()))
        };
        assert_eq!(found(None), [asks, gathers]);
        assert_eq!(found(Some("NACK")), [asks, gathers]);
        assert_eq!(found(Some("ACK")), [gathers]);
    }

    #[test]
    fn a_wait_takes_what_is_routed_directly_and_nothing_else() {
        // R-RR-03: more than the token is asked for.
        let mut instances = Instances::default();
        let key = waiting(&mut instances, MINE, wait(1, "one", true));
        let token = (PropertyId::EPM_RR_CORRELATION_TOKEN, Value::text("one"));
        let direct = |yes| (PropertyId::ROUTE_DIRECT_TO_TP, Value::Bool(yes));
        let found = |promoted: &[_]| instances.matching(&document(promoted, &[]));
        assert_eq!(found(&[token.clone(), direct(true)]), [key]);
        assert_eq!(found(&[token.clone(), direct(false)]), []);
        assert_eq!(found(&[token]), []);
    }

    #[test]
    fn the_master_has_a_copy_of_everybody_s_subscriptions() {
        // R-SUB-07.
        let mut instances = Instances::default();
        let second = MessageBoxId(1);
        let there = instances.start(SubscriberId(0), second, None, None);
        instances.subscribe(there, PLACE, Value::Int(1));
        instances.subscribe(there, TOKEN, Value::Int(1));
        let rows = |instances: &Instances| [MASTER, second].map(|home| instances.rows_in(home));
        assert_eq!(rows(&instances), [2, 2]);
        let here = running(&mut instances, &[(PLACE, 1), (PLACE, 2), (PLACE, 3)]);
        assert_eq!(rows(&instances), [5, 2]);
        instances.end(there);
        assert_eq!(rows(&instances), [3, 0]);
        instances.end(here);
        assert_eq!(rows(&instances), [0, 0]);
    }
}
