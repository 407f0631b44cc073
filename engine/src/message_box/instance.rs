//! Running instances that wait for messages, and the instance subscriptions that lead to them.
//!
//! An instance subscription is an equality on one promoted property: the correlation token of a
//! request-response exchange, or the value a convoy correlates on. It comes and goes with its
//! instance (R-SUB-05), far more often than a port is enlisted, so it has a table of its own.

use std::num::NonZeroU32;

use rustc_hash::FxHashMap;

use super::{Exchange, MessageBox};
use crate::id::{HostInstanceId, Key, MessageBoxId, ReferenceId, Slab, SubscriberId};
use crate::message::{Document, PropertyId, Value};

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
    keys: Vec<(PropertyId, Value)>,
}

/// All running instances and their subscriptions.
#[derive(Clone, Debug, Default)]
pub(super) struct Instances {
    rows: Slab<Instance>,
    by_key: FxHashMap<(PropertyId, Value), Vec<Key>>,
    /// Properties that some key names, with how many: almost always none or one.
    properties: Vec<(PropertyId, u32)>,
}

impl Instances {
    /// Starts an instance without subscriptions.
    pub(super) fn start(
        &mut self,
        subscriber: SubscriberId,
        home: MessageBoxId,
        owner: Option<HostInstanceId>,
        exchange: Option<Exchange>,
    ) -> Key {
        self.rows.insert(Instance { subscriber, home, owner, exchange, keys: Vec::new() })
    }

    /// Subscribes an instance to messages whose promoted `property` equals `value`.
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
        for key in &row.keys {
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
        Some(row)
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
                    if !found.contains(key) {
                        found.push(*key);
                    }
                }
            }
        }
        found
    }

    /// The one taker of the instance at a place that [`as_place`] made.
    pub(super) fn owner_at(&self, place: NonZeroU32) -> Option<HostInstanceId> {
        let key = self.rows.key_at(place.get() as usize - 1)?;
        self.rows.get(key)?.owner
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

    pub(super) fn instance_of(&self, id: ReferenceId) -> Option<&Instance> {
        self.instances.get(self.instance_key(id)?)
    }
}
