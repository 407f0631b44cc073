//! What is known of references, without how it came to be known.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::{Known, References, Whereabouts};
use crate::check::named::Sequence;

impl References {
    /// What is known of references, for an explorer: of what only grows, what is still open; of one
    /// that is gone nothing, unless a call of it is on the wire and will have to be judged.
    pub(in crate::check) fn account<'a>(&'a self, on_the_wire: &[u64]) -> impl Debug + use<'a> {
        let Self {
            known,
            ports: _,
            counted: _,
            throws: _,
            send_ports: _,
            counts,
            referenced,
            ended,
            published,
            collectable,
            collected,
            owed,
            tells_configured: _,
            // Of the document published last, which has all its references between two steps.
            fingerprint: _,
            // Of a call that is open the adapter has the message; of others nobody asks.
            calls: _,
        } = self;
        let bodies = (published.wrapping_sub(*collectable), collectable.wrapping_sub(*collected));
        let speaks = |own: &&Known| own.speaks(on_the_wire);
        let known: BTreeMap<_, _> =
            known.iter().filter(speaks).map(|own| (Sequence(own.sequence), own)).collect();
        (known, counts, referenced.wrapping_sub(*ended), bodies, owed)
    }
}

impl References {
    /// Whether the reference of this publication number may go out before its lock is given back:
    /// a call of it is on the wire, or the wire has taken no copy since then.
    pub(in crate::check) fn may_go_out(&self, sequence: u64, on_the_wire: &[u64]) -> bool {
        let mut known = self.known.iter().filter(|own| own.sequence == sequence);
        on_the_wire.contains(&sequence)
            || known.any(|own| own.whereabouts != Whereabouts::Gone && own.copies <= 0)
    }
}

impl Known {
    fn speaks(&self, on_the_wire: &[u64]) -> bool {
        self.whereabouts != Whereabouts::Gone || on_the_wire.contains(&self.sequence)
    }
}
