//! The spool: one row per message, live while somebody refers to it, garbage until collected.

use crate::hash::mix;
use crate::id::{MessageId, Slab};
use crate::message::Document;

/// A stored document and its reference count (R-PUB-02).
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) document: Document,
    pub(super) references: u32,
}

/// The spool of one MessageBox. `live + garbage` is the spool depth (B.6 of the published tests).
#[derive(Clone, Debug, Default)]
pub(super) struct Spool {
    rows: Slab<Row>,
    /// Rows nobody refers to, waiting for the cleanup job. Only counted: what they held is free.
    garbage: u64,
}

impl Spool {
    pub(super) fn store(&mut self, document: Document, references: u32) -> MessageId {
        MessageId(self.rows.insert(Row { document, references }))
    }

    pub(super) fn row(&self, message: MessageId) -> &Row {
        self.rows.get(message.0).expect("a reference keeps its message's row")
    }

    /// One subscriber is done with the message; returns the document when it was the last
    /// (R-GC-01: the reference goes at once, the row later).
    pub(super) fn release(&mut self, message: MessageId) -> Option<Document> {
        let row = self.rows.get_mut(message.0).expect("a reference keeps its message's row");
        row.references -= 1;
        if row.references > 0 {
            return None;
        }
        self.garbage += 1;
        self.rows.remove(message.0).map(|row| row.document)
    }

    pub(super) fn live(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(super) const fn garbage(&self) -> u64 {
        self.garbage
    }

    /// The cleanup job removes up to `rows` rows that nobody refers to (INV-15); returns how many.
    pub(super) fn collect(&mut self, rows: u64) -> u64 {
        let collected = self.garbage.min(rows);
        self.garbage -= collected;
        collected
    }
}

impl Row {
    /// This row's share of the state hash.
    pub(super) fn hash(document: &Document) -> u64 {
        let name = mix(document.name.wire, u64::from(document.name.sequence));
        mix(name, document.fingerprint())
    }
}
