//! How full the places of an adapter are: what an observer asks who wants to know what stops it.

use super::{AnyAdapter, Receiver, Sender, TransactionalReceiver, TransactionalSender};
use crate::id::ReceiveLocationId;

/// Places in use, and places there are.
pub type Places = (u32, u32);

/// The places of one adapter in one host instance.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Occupancy {
    /// Of each location, the batches that are with the engine (R-DONE-07), or transactions that
    /// are open, and whether it waits for its next look although there is something.
    pub locations: Vec<(ReceiveLocationId, Places, bool)>,
    /// Workers that transmit; none where engine threads do it.
    pub workers: Option<Places>,
    /// Calls of the engine that return when a batch of the adapter's own is complete: each holds
    /// an engine thread until another one has carried that batch out (R-SR-05, R-DONE-01).
    pub awaiting: u32,
    /// Messages whose attempt is over and that are not disposed of yet: they wait until others of
    /// their batch are tried too, or until the engine has carried out what is to become of them.
    pub attempted: usize,
}

impl AnyAdapter {
    /// How full its places are. Adapters whose places are not their own have none.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        match self {
            Self::Receiver(receiver) => receiver.occupancy(),
            Self::Sender(sender) => sender.occupancy(),
            Self::TransactionalSender(sender) => sender.occupancy(),
            Self::TransactionalReceiver(receiver) => receiver.occupancy(),
            Self::Gone | Self::Isolated(_) | Self::Own(_) | Self::Requester(_) => {
                Occupancy::default()
            }
        }
    }
}

impl Receiver {
    fn occupancy(&self) -> Occupancy {
        Occupancy { locations: self.places().collect(), ..Occupancy::default() }
    }
}

impl TransactionalReceiver {
    fn occupancy(&self) -> Occupancy {
        Occupancy { locations: self.places().collect(), ..Occupancy::default() }
    }
}

impl Sender {
    fn occupancy(&self) -> Occupancy {
        Occupancy {
            workers: self.places(),
            awaiting: self.awaiting(),
            attempted: self.attempted(),
            ..Occupancy::default()
        }
    }
}

impl TransactionalSender {
    fn occupancy(&self) -> Occupancy {
        let attempted = self.attempted();
        Occupancy { workers: Some(self.places()), attempted, ..Occupancy::default() }
    }
}
