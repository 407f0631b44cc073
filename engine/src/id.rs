//! Typed identities and the slab they index.
//!
//! Configured things (hosts, ports, endpoints) are numbered once, in the order of the
//! [`Topology`](crate::config::Topology). Living things (messages, references, calls) sit in a
//! [`Slab`] and carry a generation, so that a stale identity is noticed instead of obeyed.

use std::fmt;
use std::hint::cold_path;

macro_rules! configured_id {
    ($($(#[$doc:meta])* $name:ident, $letter:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in the topology's list.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl From<usize> for $name {
            fn from(index: usize) -> Self {
                Self(u32::try_from(index).expect("a topology has fewer than 2^32 entries of a kind"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }
    )*};
}

configured_id! {
    /// An adapter as registered: its kind and its settings.
    AdapterId, "adapter";
    /// The partner's end of a transport: a folder, a queue, an HTTP peer.
    EndpointId, "endpoint";
    /// A host: the logical container (R-HOST-01).
    HostId, "host";
    /// A host instance: the process that realises a host on one server (R-HOST-01).
    HostInstanceId, "instance";
    /// A MessageBox of the group; the first is the master (R-MMB-01).
    MessageBoxId, "MessageBox";
    /// An orchestration.
    OrchestrationId, "orchestration";
    /// A receive location: a URI, an adapter, a pipeline, a host (R-LIFE-01).
    ReceiveLocationId, "location";
    /// A receive port (R-LIFE-01).
    ReceivePortId, "receive";
    /// A send port group.
    SendPortGroupId, "group";
    /// A send port.
    SendPortId, "send";
    /// A server: a machine with cores.
    ServerId, "server";
    /// A subscriber: a send port, an orchestration, or the wait of a two-way receive port for its
    /// responses. Send ports come first and keep their numbers.
    SubscriberId, "send";
}

impl From<SendPortId> for SubscriberId {
    fn from(port: SendPortId) -> Self {
        Self(port.0)
    }
}

impl From<SubscriberId> for SendPortId {
    /// The send port of a subscriber that is one.
    fn from(subscriber: SubscriberId) -> Self {
        Self(subscriber.0)
    }
}

/// A distributed transaction between an endpoint and the MessageBox (R-TXN-01): who began it, and
/// its number there.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TransactionId(pub u64);

/// Transactions that the engine created are numbered apart.
const BY_ENGINE: u64 = 1 << 63;

impl TransactionId {
    /// The `number`-th that a host instance created for an adapter.
    pub(crate) const fn of_engine(instance: HostInstanceId, number: u32) -> Self {
        Self(BY_ENGINE | (instance.0 as u64) << 32 | number as u64)
    }
}

impl fmt::Display for TransactionId {
    /// Its number at who began it: two adapters may both have a `T1`, which are not the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 & BY_ENGINE != 0 {
            f.write_str("E")?;
        }
        write!(f, "T{}", self.0 & 0xffff_ffff)
    }
}

/// A place in a [`Slab`] and the generation of its tenant.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// A place that no slab ever gives out.
    pub(crate) const NONE: Self = Self { index: u32::MAX, generation: u32::MAX };

    /// The place alone: small, dense, reused. Fit for a side table, not for an identity.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

impl fmt::Debug for Key {
    /// The place alone: two worlds that differ only in how often a place was reused look the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.index)
    }
}

/// A running orchestration instance that waits for a message.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OrchestrationInstanceId(pub Key);

/// A message row of the spool.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageId(pub Key);

/// A reference from one message to one subscriber (R-PUB-03).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ReferenceId(pub Key);

/// Entries a chunk holds; a full slab never moves what it already holds.
const CHUNK: usize = 4096;
const NO_PLACE: u32 = u32::MAX;

#[derive(Clone, Debug)]
enum Place<T> {
    Free { next: u32 },
    Taken(T),
}

#[derive(Clone, Debug)]
struct Cell<T> {
    generation: u32,
    place: Place<T>,
}

/// A growing arena with stable places, generation-checked keys and constant-time reuse.
///
/// Chunked, so that growing to millions of rows copies nothing and doubles nothing.
#[derive(Clone)]
pub struct Slab<T> {
    chunks: Vec<Vec<Cell<T>>>,
    first_free: u32,
    len: usize,
}

impl<T: fmt::Debug> fmt::Debug for Slab<T> {
    /// What is taken; where the free places are is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), first_free: NO_PLACE, len: 0 }
    }
}

impl<T> Slab<T> {
    /// How many entries are taken.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no entry is taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts `value` into the place freed last, or into a new one.
    #[inline(always)]
    pub fn insert(&mut self, value: T) -> Key {
        self.len += 1;
        if self.first_free != NO_PLACE {
            let index = self.first_free;
            let cell = &mut self.chunks[index as usize / CHUNK][index as usize % CHUNK];
            let Place::Free { next } = cell.place else {
                unreachable!("the free list holds free places")
            };
            self.first_free = next;
            cell.place = Place::Taken(value);
            return Key { index, generation: cell.generation };
        }
        self.append(value)
    }

    /// A place that was never taken before.
    #[inline(never)]
    fn append(&mut self, value: T) -> Key {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // The first chunk grows by doubling, so that small worlds stay small.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        let chunk_index = self.chunks.len() - 1;
        let chunk = &mut self.chunks[chunk_index];
        let index = u32::try_from(chunk_index * CHUNK + chunk.len()).expect("fewer than 2^32 rows");
        chunk.push(Cell { generation: 0, place: Place::Taken(value) });
        Key { index, generation: 0 }
    }

    /// The entry, unless it left or its place has a new tenant.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&T> {
        let cell = self.chunks.get(key.index() / CHUNK)?.get(key.index() % CHUNK)?;
        if let Place::Taken(value) = &cell.place
            && cell.generation == key.generation
        {
            return Some(value);
        }
        cold_path();
        None
    }

    /// The entry for change, unless it left or its place has a new tenant.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let cell = self.chunks.get_mut(key.index() / CHUNK)?.get_mut(key.index() % CHUNK)?;
        if let Place::Taken(value) = &mut cell.place
            && cell.generation == key.generation
        {
            return Some(value);
        }
        cold_path();
        None
    }

    /// Takes the entry out; its key is dead from now on.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let cell = self.chunks.get_mut(key.index() / CHUNK)?.get_mut(key.index() % CHUNK)?;
        if cell.generation != key.generation || matches!(cell.place, Place::Free { .. }) {
            cold_path();
            return None;
        }
        cell.generation = cell.generation.wrapping_add(1);
        let old = std::mem::replace(&mut cell.place, Place::Free { next: self.first_free });
        self.first_free = key.index;
        self.len -= 1;
        match old {
            Place::Taken(value) => Some(value),
            Place::Free { .. } => None,
        }
    }

    /// The key of the entry at a place, if one is there.
    #[must_use]
    pub fn key_at(&self, index: usize) -> Option<Key> {
        let cell = self.chunks.get(index / CHUNK)?.get(index % CHUNK)?;
        let generation = cell.generation;
        let index = u32::try_from(index).ok()?;
        matches!(cell.place, Place::Taken(_)).then_some(Key { index, generation })
    }

    /// All entries, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.chunks.iter().flatten().enumerate().filter_map(|(index, cell)| match &cell.place {
            Place::Taken(value) => {
                let index = u32::try_from(index).expect("fewer than 2^32 rows");
                Some((Key { index, generation: cell.generation }, value))
            }
            Place::Free { .. } => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_key_finds_nothing_even_when_its_place_is_taken_again() {
        let mut slab = Slab::default();
        let first = slab.insert("a");
        assert_eq!(slab.remove(first), Some("a"));
        let second = slab.insert("b");
        assert_eq!(first.index(), second.index());
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"b"));
    }

    #[test]
    fn growth_keeps_every_entry_in_its_place() {
        let mut slab = Slab::default();
        let keys: Vec<Key> = (0..3 * CHUNK).map(|n| slab.insert(n)).collect();
        assert!(keys.iter().enumerate().all(|(n, key)| slab.get(*key) == Some(&n)));
        assert_eq!(slab.iter().count(), 3 * CHUNK);
    }
}
