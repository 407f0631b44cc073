//! The spool: one row per message, live while somebody refers to it, garbage until collected.

use super::garbage::Garbage;
use crate::hash::mix;
use crate::id::{MessageId, Slab};
use crate::message::Document;

/// A stored document and its reference count (R-PUB-02).
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) document: Document,
    pub(super) references: u32,
    /// References among them that are suspended.
    suspended: u32,
}

/// The spool of one MessageBox. `live + garbage` is the spool depth (B.6 of the published tests).
#[derive(Clone, Debug, Default)]
pub(super) struct Spool {
    rows: Slab<Row>,
    /// Rows nobody refers to, waiting for the cleanup job.
    garbage: Garbage,
    /// More such rows, which cannot be removed before they are copied (R-GC-02).
    held: u64,
    /// Rows whose every reference is suspended: nothing happens to them by itself any more.
    stuck: u64,
}

/// What becomes of a row that nobody refers to any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Remains {
    /// The job can remove it.
    Garbage,
    /// It waits until it has been copied.
    Held,
}

impl Spool {
    #[inline(always)]
    pub(super) fn store(&mut self, document: Document, references: u32) -> MessageId {
        MessageId(self.rows.insert(Row { document, references, suspended: 0 }))
    }

    pub(super) fn row(&self, message: MessageId) -> &Row {
        self.rows.get(message.0).expect("a reference keeps its message's row")
    }

    /// One subscriber is done with the message; returns the document when it was the last
    /// (R-GC-01: the reference goes at once, the row later).
    #[inline(always)]
    pub(super) fn release(
        &mut self,
        message: MessageId,
        suspended: bool,
        remains: Remains,
    ) -> Option<Document> {
        let row = self.change(message, |row| {
            row.references -= 1;
            row.suspended -= u32::from(suspended);
        });
        if row.references > 0 {
            return None;
        }
        match remains {
            Remains::Garbage => self.garbage.add(),
            Remains::Held => self.held += 1,
        }
        self.rows.remove(message.0).map(|row| row.document)
    }

    /// One reference of the message is suspended, or no longer.
    pub(super) fn suspend(&mut self, message: MessageId, suspended: bool) {
        self.change(message, |row| {
            row.suspended = if suspended { row.suspended + 1 } else { row.suspended - 1 };
        });
    }

    fn change(&mut self, message: MessageId, change: impl FnOnce(&mut Row)) -> &Row {
        let row = self.rows.get_mut(message.0).expect("a reference keeps its message's row");
        self.stuck -= u64::from(row.is_stuck());
        change(row);
        self.stuck += u64::from(row.is_stuck());
        row
    }

    pub(super) const fn stuck(&self) -> u64 {
        self.stuck
    }

    pub(super) fn live(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.rows.iter().map(|(_, row)| row.document.parts.bytes()).sum()
    }

    pub(super) const fn garbage(&self) -> u64 {
        self.garbage.rows() + self.held
    }

    /// Garbage that the job may remove.
    pub(super) const fn collectable(&self) -> &Garbage {
        &self.garbage
    }

    /// The job that removes it.
    pub(super) const fn collector(&mut self) -> &mut Garbage {
        &mut self.garbage
    }

    /// A message has been copied: if nobody refers to it, the job may remove it from now on.
    pub(super) fn copied(&mut self, message: MessageId) {
        if self.rows.get(message.0).is_none() {
            self.held -= 1;
            self.garbage.add();
        }
    }

    /// A row that nobody refers to, and that waits until it is copied.
    #[cfg(test)]
    pub(super) const fn hold_for_test(&mut self) {
        self.held += 1;
    }
}

impl Row {
    const fn is_stuck(&self) -> bool {
        self.references > 0 && self.suspended == self.references
    }

    /// This row's share of the state hash.
    pub(super) fn hash(document: &Document) -> u64 {
        let name = mix(document.name.wire, u64::from(document.name.sequence));
        mix(name, document.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Body, Context, DocumentName, Parts};
    use crate::time::Instant;

    fn stored(spool: &mut Spool, number: u64, references: u32) -> MessageId {
        let document = Document {
            name: DocumentName::of_wire(number),
            lineage: number,
            arrived: Instant::ZERO,
            context: Context::default(),
            parts: Parts::of(Body::Described { bytes: 1, documents: 1 }),
        };
        spool.store(document, references)
    }

    fn gone(spool: &mut Spool, count: u64, remains: Remains) {
        for number in 0..count {
            let message = stored(spool, number, 1);
            assert!(spool.release(message, false, remains).is_some());
        }
    }

    #[test]
    fn what_is_to_be_copied_is_no_garbage_for_the_job_yet() {
        // R-GC-01, R-GC-02.
        let mut spool = Spool::default();
        gone(&mut spool, 5, Remains::Garbage);
        gone(&mut spool, 2, Remains::Held);
        assert_eq!((spool.garbage(), spool.collectable().rows()), (7, 5));
        assert_eq!(spool.collector().collect(9), 5);
        let (unknown, known) = (stored(&mut spool, 1, 1), stored(&mut spool, 2, 1));
        spool.release(unknown, false, Remains::Held);
        spool.copied(known);
        assert_eq!((spool.collectable().rows(), spool.garbage()), (0, 3), "it is still needed");
        spool.copied(unknown);
        let rows = (spool.collectable().rows(), spool.garbage(), spool.live());
        assert_eq!(rows, (1, 3, 1));
    }
}
