//! The network link of a MessageBox: what its server's network takes of every transaction.
//!
//! A transaction is sent before the database computes. \[M\] The way back, and the partners' own
//! networks, are in the price and in the wire time of an endpoint.

use floodgate_engine::id::Key;

use super::database::Stage;
use super::{Due, World};

impl World {
    /// Over the link of the MessageBox whose turn it is; the commit when all have had theirs.
    pub(super) fn work_on(&mut self, key: Key) {
        if !self.costs.has_link() {
            return self.arrived_at_box(key);
        }
        let Some(pending) = self.pending.get_mut(key) else { return };
        let Some((home, footprint)) = pending.touched() else { return self.arrived_at_box(key) };
        let takes = self.costs.link(footprint);
        if takes.is_zero() {
            return self.arrived_at_box(key);
        }
        pending.enters(Stage::Travels, self.now);
        let out = self.stores.links[home.index()].submit(self.now, takes);
        self.schedule(out, Due::Travelled(key));
    }

    /// It is there.
    #[inline(never)]
    pub(super) fn travelled(&mut self, key: Key) {
        let Some(pending) = self.pending.get(key) else { return };
        let Some((home, since)) = pending.here(Stage::Travels) else { return };
        self.stores.links[home.index()].ends(self.now, since);
        self.arrived_at_box(key);
    }
}
