//! A group of MessageBoxes: which of them are there, and which take new messages.
//!
//! The master is the first: it holds all subscriptions and matches for all (R-MMB-01). Each is a
//! single point of failure for what lives in it, and nothing is replicated (R-MMB-06).

use super::host_queue::HostQueue;
use super::spool::Spool;
use super::{Action, MessageBox, PreparedBatch, Ready, Unavailability};
use crate::batch::{OperationKind, Status};
use crate::config::SubscriberKind;
use crate::id::{HostId, HostInstanceId, MessageBoxId};
use crate::subscription::PortState;

/// The master (R-MMB-01).
const MASTER: MessageBoxId = MessageBoxId(0);

/// Why a MessageBox could not be added.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BoxRefusal {
    /// A port or an orchestration is enlisted (R-MMB-07).
    Enlisted,
}

impl MessageBox {
    /// How many MessageBoxes there are.
    #[must_use]
    pub fn boxes(&self) -> usize {
        self.spools.len()
    }

    /// Whether a MessageBox can be worked with (R-ADD-02).
    #[must_use]
    pub fn is_available(&self, home: MessageBoxId) -> bool {
        self.offline.is_empty()
            || match self.policy.unavailability {
                Unavailability::All => false,
                Unavailability::MasterOnly => !self.offline.contains(&home),
            }
    }

    /// A MessageBox goes offline or comes back. What lives in it waits there; what was taken
    /// from it stays with its host instances (R-MMB-06).
    pub fn set_offline(&mut self, home: MessageBoxId, offline: bool) {
        self.offline.retain(|known| *known != home);
        if offline {
            return self.offline.push(home);
        }
        // Nobody looked while it was away.
        for home in (0..self.boxes()).map(MessageBoxId::from) {
            for host in (0..self.hosts).map(HostId::from) {
                self.ready.push(Ready { home, host, only: None });
            }
            for (owner, host) in self.host_of.iter().enumerate() {
                let only = Some(HostInstanceId::from(owner));
                self.ready.push(Ready { home, host: *host, only });
            }
        }
    }

    /// "Disable new message publication", or its opposite: a MessageBox that does not publish
    /// still serves the instances it has (R-MMB-04). The driver says it when the caches have been
    /// refreshed (R-MMB-05). Somewhere an activation has to go: the master, as long as nobody else
    /// may be used.
    pub fn set_publishes(&mut self, home: MessageBoxId, publishes: bool) {
        let turn = self.publishing.get(self.turn).copied();
        if self.master_stands_in {
            self.publishing.clear();
        }
        self.publishing.retain(|known| *known != home);
        if publishes {
            self.publishing.push(home);
            self.publishing.sort_unstable();
        }
        self.master_stands_in = self.publishing.is_empty();
        if self.master_stands_in {
            self.publishing.push(MASTER);
        }
        // Who is next stays next, or whoever follows.
        let next = self.publishing.iter().position(|known| Some(*known) >= turn);
        self.turn = next.unwrap_or(0);
    }

    /// The MessageBoxes that take activations, in the order of their turns.
    #[must_use]
    pub fn publishing(&self) -> &[MessageBoxId] {
        &self.publishing
    }

    /// Adds an empty MessageBox that publishes.
    ///
    /// # Errors
    /// [`BoxRefusal::Enlisted`] while anything is enlisted (R-MMB-07).
    pub fn add_box(&mut self) -> Result<MessageBoxId, BoxRefusal> {
        let enlisted = self.kinds.iter().zip(&self.subscribers).any(|(kind, own)| match kind {
            SubscriberKind::Orchestration(_) => true,
            SubscriberKind::Responses(_) => false,
            SubscriberKind::SendPort(_) => own.state != PortState::Bound,
        });
        if enlisted {
            return Err(BoxRefusal::Enlisted);
        }
        let home = MessageBoxId::from(self.boxes());
        self.spools.push(Spool::default());
        self.tracking.add_box();
        let own = self.host_of.len();
        self.queues.extend(std::iter::repeat_n(HostQueue::default(), self.hosts));
        self.own_queues.extend(std::iter::repeat_n(HostQueue::default(), own));
        self.locked_at.add_box();
        self.set_publishes(home, true);
        Ok(home)
    }

    /// Whose turn it is to take an activation: round-robin among those that publish and are there
    /// (R-MMB-02). \[M\] that an unavailable one is passed over is not documented.
    pub(super) fn take_turn(&mut self) -> MessageBoxId {
        for _ in 0..self.publishing.len() {
            let home = self.publishing[self.turn];
            self.turn = (self.turn + 1) % self.publishing.len();
            if self.is_available(home) {
                return home;
            }
        }
        // Judged before: a batch that finds no MessageBox is not applied.
        MASTER
    }

    /// The work of the job `PurgeSubscriptions`: how many predicates nobody used (R-GC-02).
    pub fn purge_subscriptions(&mut self) -> u64 {
        self.subscriptions.purge()
    }

    /// Messages in the databases, suspended ones included: what the throttle on the size of the
    /// databases counts (R-SUSP-01, R-GC-04).
    #[must_use]
    pub fn messages_in_database(&self) -> u64 {
        self.spool_live() + self.spool_garbage() + self.suspended.messages.len() as u64
    }

    /// One status per operation; none is done where a MessageBox that is needed is away.
    pub(super) fn judge_in_reach(
        &mut self,
        owner: HostInstanceId,
        batch: &PreparedBatch,
    ) -> Vec<(OperationKind, Status)> {
        if self.is_out_of_reach(batch) {
            return batch
                .actions
                .iter()
                .map(|(kind, _)| (*kind, Status::PERSISTENCE_FAILURE))
                .collect();
        }
        self.judge(owner, batch)
    }

    /// Whether a batch needs a MessageBox that is not available (R-ADD-02, R-MMB-06).
    #[inline(always)]
    pub(super) fn is_out_of_reach(&mut self, batch: &PreparedBatch) -> bool {
        if self.offline.is_empty() {
            return false;
        }
        let named = batch.actions.iter().any(|(_, action)| {
            let reference = action.reference().and_then(|id| self.references.get(id.0));
            let home = reference.map_or(MASTER, super::Reference::home);
            !matches!(action, Action::Empty(_) | Action::Nothing | Action::Refuse(_))
                && !self.is_available(home)
        });
        named || self.publishes_out_of_reach(batch)
    }

    fn publishes_out_of_reach(&mut self, batch: &PreparedBatch) -> bool {
        if batch.documents.is_empty() {
            return false;
        }
        self.route(&batch.documents);
        let mut instances = self.correlated.iter();
        if instances.any(|(_, key)| {
            self.instances.get(*key).is_some_and(|running| !self.is_available(running.home))
        }) {
            return true;
        }
        let nowhere = !self.publishing.iter().any(|home| self.is_available(*home));
        self.routes.iter().flat_map(|route| self.subscriptions.matches(*route)).any(|by| {
            let home = self.subscribers[by.subscriber.index()].home;
            home.map_or(nowhere, |home| !self.is_available(home))
        })
    }
}
