//! What a transaction will ask of the databases, before it runs: the driver prices it.

use super::{Action, Footprint, Footprints, MessageBox, PreparedBatch, Reference};
use crate::id::{HostInstanceId, MessageBoxId, ReferenceId};
use crate::message::Document;
use crate::time::Instant;

impl Action {
    /// Rows it touches, published documents aside.
    fn rows(&self) -> u32 {
        match self {
            Self::Nothing | Self::Publish { .. } => 0,
            Self::PublishPart(part) => u32::try_from(part.failed.len()).unwrap_or(u32::MAX),
            Self::Await(..)
            | Self::CancelResponse(_)
            | Self::Consume(_)
            | Self::DefaultFailure(_)
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
    fn stored(&mut self, document: &Document) -> Footprint {
        let route = self.subscriptions.route(document);
        let references = self.subscriptions.matches(route).len();
        let rows = 1 + u32::try_from(references).expect("fewer than 2^32 subscribers");
        let bytes = document.parts.bytes();
        let fragments = self.large_messages.fragments(bytes);
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
            let home = reference.map_or(MessageBoxId(0), Reference::home);
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
            if self.tracking.is_on()
                && let Some(tracked) = reference.and_then(|known| self.tracked_end(action, known))
            {
                sum.join(tracked);
            }
        }
        if sum.rows > 0 {
            footprints.add(at, sum);
        }
    }

    /// What the publication of a tracked document asks for besides.
    #[inline]
    fn tracked_begin(&self, document: &Document) -> Option<Footprint> {
        if self.tracking.is_on() { self.tracking.publishes(document) } else { None }
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
