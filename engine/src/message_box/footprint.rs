//! What a transaction will ask of the databases, before it runs: the driver prices it.

use std::hint::cold_path;

use super::{Action, MessageBox, PreparedBatch, Reference};
use crate::id::{HostInstanceId, MessageBoxId, ReferenceId};
use crate::message::Document;
use crate::time::Instant;

/// What a transaction asks of the database: the driver prices it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Footprint {
    /// Rows inserted, changed or deleted: messages and references.
    pub rows: u32,
    /// Bytes of message bodies written or read.
    pub bytes: u64,
    /// Fragments of bodies that are too large for one row; each is one of the rows (R-LMS-02).
    pub fragments: u32,
    /// Times the batch reached the batch threshold and what there was of it was written, under a
    /// distributed transaction: each is a call of the database of its own (R-LMS-01).
    pub flushes: u32,
    /// Messages among the rows whose pages are no longer in memory.
    pub cold: u32,
    /// Documents that the master routes while there are several MessageBoxes (R-MMB-01).
    pub routed: u32,
}

impl Footprint {
    /// Whether it only looks subscriptions up for what other MessageBoxes store: the rows that
    /// this takes are the call's own and gone when it returns (R-PUB-02).
    #[must_use]
    pub const fn only_routes(&self) -> bool {
        self.routed > 0 && self.rows == self.routed && self.bytes == 0 && self.flushes == 0
    }

    /// Both together.
    pub(super) const fn join(&mut self, more: Self) {
        self.rows += more.rows;
        self.bytes += more.bytes;
        self.fragments += more.fragments;
        self.flushes += more.flushes;
        self.routed += more.routed;
        self.cold += more.cold;
    }
}

/// What a transaction asks of each MessageBox it touches. One is the common case and takes no
/// memory of its own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Footprints {
    first: Option<(MessageBoxId, Footprint)>,
    others: Vec<(MessageBoxId, Footprint)>,
}

impl Footprints {
    /// Only one MessageBox is touched.
    #[must_use]
    pub const fn one(home: MessageBoxId, footprint: Footprint) -> Self {
        Self { first: Some((home, footprint)), others: Vec::new() }
    }

    /// Adds to what is asked of `home`.
    pub fn add(&mut self, home: MessageBoxId, more: Footprint) {
        let Some(first) = &mut self.first else {
            self.first = Some((home, more));
            return;
        };
        if first.0 == home {
            return first.1.join(more);
        }
        cold_path();
        match self.others.iter_mut().find(|(known, _)| *known == home) {
            Some((_, footprint)) => footprint.join(more),
            None => self.others.push((home, more)),
        }
    }

    /// How many MessageBoxes are touched; the master is visited at least.
    #[must_use]
    pub fn boxes(&self) -> u32 {
        1 + u32::try_from(self.others.len()).expect("few MessageBoxes")
    }

    /// Whether parts of the batch are written before its end, which takes a distributed
    /// transaction whatever else is in it (R-LMS-01).
    #[must_use]
    pub fn is_written_in_parts(&self) -> bool {
        // The master counts them, and it comes first wherever it is touched by what is published.
        let parts = |asked: &(MessageBoxId, Footprint)| asked.1.flushes > 0;
        self.first.as_ref().is_some_and(parts) || self.others.iter().any(parts)
    }

    /// Whether one MessageBox is touched, in one go: nothing of it can make a transaction
    /// distributed.
    #[must_use]
    #[inline(always)]
    pub fn is_plain(&self) -> bool {
        self.others.is_empty() && self.first.as_ref().is_none_or(|(_, asked)| asked.flushes == 0)
    }

    /// Documents that the master only routes, if it does: what is stored is stored elsewhere.
    #[must_use]
    pub fn routed(&self) -> Option<u32> {
        let touched = self.first.iter().chain(&self.others);
        touched.map(|(_, asked)| asked).find(|asked| asked.only_routes()).map(|asked| asked.routed)
    }

    /// The `at`-th MessageBox touched, and what is asked of it. A transaction that touches nothing
    /// still visits the master, asking nothing.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<(MessageBoxId, Footprint)> {
        match at {
            0 => Some(self.first.unwrap_or_default()),
            _ => {
                cold_path();
                self.others.get(at - 1).copied()
            }
        }
    }
}

impl Action {
    /// Rows it touches, published documents aside.
    fn rows(&self) -> u32 {
        match self {
            Self::Empty(_) | Self::Nothing | Self::Publish { .. } => 0,
            Self::PublishPart(part) => u32::try_from(part.failed.len()).unwrap_or(u32::MAX),
            Self::Await(..)
            | Self::CancelResponse(_)
            | Self::Consume(_)
            | Self::DefaultFailure(_)
            | Self::Dehydrate(_)
            | Self::Delete(_)
            | Self::Expire { .. }
            | Self::Fail(..)
            | Self::ForgetSuspended(_)
            | Self::NextTransport(_)
            | Self::Refuse(_)
            | Self::Resubmit(..)
            | Self::SuspendInstance(..)
            | Self::SuspendLate(_)
            | Self::SuspendReference(_)
            | Self::SuspendWire { .. } => 1,
        }
    }
}

impl MessageBox {
    /// What committing `batch` will ask of every MessageBox it touches. Where an activation will
    /// go is foreseen by whose turn it is now; a commit in between may take the turn.
    pub fn footprint(&mut self, batch: &PreparedBatch) -> Footprints {
        let mut footprints = Footprints::default();
        let published = if self.boxes() == 1 {
            self.publish_footprint(batch, &mut footprints)
        } else {
            self.spread_footprint(batch, &mut footprints)
        };
        let flushes = self.large_messages.flushes(published);
        if flushes > 0 {
            footprints.add(MessageBoxId(0), Footprint { flushes, ..Footprint::default() });
        }
        self.action_footprint(batch, &mut footprints);
        footprints
    }

    /// A document's row and its references, and the bytes of its parts.
    #[inline(always)]
    fn stored(&mut self, document: &Document) -> Footprint {
        let route = self.subscriptions.route(document);
        let references = self.subscriptions.matches(route).len();
        let rows = 1 + u32::try_from(references).expect("fewer than 2^32 subscribers");
        let bytes = document.parts.bytes();
        let fragments = self.large_messages.fragments(bytes);
        let rows = rows + fragments;
        Footprint { rows, bytes, fragments, ..Footprint::default() }
    }

    /// All documents where there is one MessageBox; returns their bytes.
    fn publish_footprint(&mut self, batch: &PreparedBatch, footprints: &mut Footprints) -> u64 {
        let (mut all, mut published) = (Footprint::default(), 0);
        for document in &batch.documents {
            let stored = self.stored(document);
            published += stored.bytes;
            all.join(stored);
            if let Some(tracked) = self.tracked_begin(document) {
                all.join(tracked);
            }
        }
        if all.rows > 0 {
            footprints.add(MessageBoxId(0), all);
        }
        published
    }

    /// All documents where several MessageBoxes take turns; returns their bytes.
    fn spread_footprint(&mut self, batch: &PreparedBatch, footprints: &mut Footprints) -> u64 {
        let (mut published, mut started) = (0, Vec::new());
        let routed = 1;
        for (at, document) in batch.documents.iter().enumerate() {
            let stored = self.stored(document);
            published += stored.bytes;
            let home = self.publishing[(self.turn + at) % self.publishing.len()];
            if home == MessageBoxId(0) {
                footprints.add(home, Footprint { routed, ..stored });
            } else {
                footprints.add(home, stored);
                // The master evaluates the subscriptions (R-PUB-02).
                // So does it get the copy of a starting instance's subscription (R-SUB-07).
                let rows = 1 + self.instances_started(document, &mut started);
                footprints.add(MessageBoxId(0), Footprint { rows, routed, ..Footprint::default() });
            }
            if let Some(tracked) = self.tracked_begin(document) {
                footprints.add(home, tracked);
            }
        }
        published
    }

    /// What is not published. Neighbours in one MessageBox are added up first.
    fn action_footprint(&self, batch: &PreparedBatch, footprints: &mut Footprints) {
        let (mut at, mut sum) = (MessageBoxId(0), Footprint::default());
        for (_, action) in &batch.actions {
            let rows = action.rows();
            if rows == 0 {
                continue;
            }
            if let Action::Await(id, ..) = action {
                cold_path();
                if sum.rows > 0 {
                    footprints.add(at, std::mem::take(&mut sum));
                }
                // The subscription where the instance is, and its copy at the master (R-SUB-07).
                for home in [self.home_of(*id), MessageBoxId(0)] {
                    footprints.add(home, Footprint { rows, ..Footprint::default() });
                }
                continue;
            }
            let reference = action.reference().and_then(|id| self.references.get(id.0));
            let home = match reference {
                Some(reference) => reference.home(),
                None => self.home_of_instance(action),
            };
            // A persistence point of an orchestration writes the state of its instance too.
            let stateful =
                reference.is_some_and(|known| self.subscribers[known.subscriber.index()].stateful);
            let rows = rows + u32::from(stateful);
            let cold = u32::from(reference.is_some_and(|known| self.is_cold(known)));
            if home != at && sum.rows > 0 {
                footprints.add(at, std::mem::take(&mut sum));
            }
            at = home;
            sum.join(Footprint { rows, cold, ..Footprint::default() });
            if self.tracking.is_on() {
                cold_path();
                let tracked = reference.and_then(|known| self.tracked_end(action, known));
                sum.join(tracked.unwrap_or_default());
            }
        }
        if sum.rows > 0 {
            footprints.add(at, sum);
        }
    }

    /// What the publication of a tracked document asks for besides.
    #[inline]
    fn tracked_begin(&self, document: &Document) -> Option<Footprint> {
        if !self.tracking.is_on() {
            return None;
        }
        cold_path();
        self.tracking.publishes(document)
    }

    /// What the end of a delivery to a tracked service asks for besides.
    fn tracked_end(&self, action: &Action, reference: &Reference) -> Option<Footprint> {
        let ends = matches!(action, Action::Consume(_) | Action::Delete(_));
        let document = &self.row(reference).document;
        if ends { self.tracking.ends(reference, document) } else { None }
    }

    fn home_of(&self, id: ReferenceId) -> MessageBoxId {
        self.references.get(id.0).map_or(MessageBoxId(0), Reference::home)
    }

    /// What a look for up to `max` references will ask of the database: a row per lock taken.
    #[must_use]
    pub fn dequeue_footprint(
        &self,
        now: Instant,
        home: MessageBoxId,
        owner: HostInstanceId,
        max: u32,
    ) -> Footprint {
        let eligible = self.eligible(now, home, owner, max as usize);
        Footprint { rows: u32::try_from(eligible).unwrap_or(max), ..Footprint::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_messagebox_in_one_go_is_plain() {
        // R-LMS-01: what is written in parts takes a distributed transaction.
        let (master, second) = (MessageBoxId(0), MessageBoxId(1));
        let rows = Footprint { rows: 2, ..Footprint::default() };
        assert!(Footprints::default().is_plain() && Footprints::one(second, rows).is_plain());
        let in_parts = Footprints::one(master, Footprint { flushes: 1, ..rows });
        assert!(!in_parts.is_plain() && in_parts.is_written_in_parts());
        let mut both = Footprints::one(master, rows);
        both.add(second, rows);
        assert!(!both.is_plain() && both.boxes() == 2);
    }
}
