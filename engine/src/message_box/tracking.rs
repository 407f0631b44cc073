//! Tracking data: what services leave behind for those who ask later what happened.
//!
//! A MessageBox keeps it in a table until an instance of a tracking host moves it elsewhere; one
//! instance serves one MessageBox at a time. Where none runs the table grows (R-GC-05). \[M\] One
//! row for a message that was routed to a subscriber, and one when it has left: what a tracking
//! profile picks is not modelled. What a long table does to those who publish is a controller's
//! business, which reads [`MessageBox::tracking_rows`].

use super::{Effect, MessageBox};
use crate::config::Topology;
use crate::id::{HostInstanceId, MessageBoxId};

/// The tables of a group; none of them where nothing is tracked.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracking {
    /// Rows, and who moves them, by MessageBox.
    tables: Vec<(u64, Option<HostInstanceId>)>,
}

impl Tracking {
    pub(super) fn new(topology: &Topology) -> Self {
        let boxes = if topology.policy.tracking { topology.box_count() } else { 0 };
        Self { tables: vec![(0, None); boxes] }
    }

    /// Counts what effects leave behind.
    #[inline]
    pub(super) fn note(&mut self, effects: &[Effect]) {
        if self.tables.is_empty() {
            return;
        }
        for effect in effects {
            if let Effect::Referenced { at, .. }
            | Effect::Deleted { at }
            | Effect::Consumed { at }
            | Effect::Terminated { at } = effect
                && let Some((rows, _)) = self.tables.get_mut(at.home.index())
            {
                *rows += 1;
            }
        }
    }
}

impl MessageBox {
    /// Rows of tracking data that wait in a MessageBox.
    #[must_use]
    pub fn tracking_rows(&self, home: MessageBoxId) -> u64 {
        self.tracking.tables.get(home.index()).map_or(0, |(rows, _)| *rows)
    }

    /// Whether any waits.
    #[must_use]
    pub fn has_tracking_rows(&self) -> bool {
        self.tracking.tables.iter().any(|(rows, _)| *rows > 0)
    }

    /// `by`, an instance of a tracking host, moves what waits in `home`. `None` if another one
    /// serves it, of which `runs` says that it still does (R-GC-05).
    pub fn move_tracking(
        &mut self,
        home: MessageBoxId,
        by: HostInstanceId,
        runs: impl Fn(HostInstanceId) -> bool,
    ) -> Option<u64> {
        let (rows, served_by) = self.tracking.tables.get_mut(home.index())?;
        if served_by.is_some_and(|other| other != by && runs(other)) {
            return None;
        }
        *served_by = Some(by);
        Some(std::mem::take(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{HostId, Key, ReferenceId, Slab, SubscriberId};
    use crate::message::DocumentName;
    use crate::message_box::{MessageBoxPolicy, Place};

    const FIRST: HostInstanceId = HostInstanceId(0);
    const SECOND: HostInstanceId = HostInstanceId(1);
    const HOME: MessageBoxId = MessageBoxId(0);

    fn message_box(tracking: bool) -> MessageBox {
        let policy = MessageBoxPolicy { tracking, ..MessageBoxPolicy::default() };
        MessageBox::new(&Topology { policy, ..Topology::default() })
    }

    fn deleted() -> Effect {
        let mut slab: Slab<()> = Slab::default();
        let key: Key = slab.insert(());
        Effect::Deleted {
            at: Place {
                reference: ReferenceId(key),
                document: DocumentName::of_wire(1),
                subscriber: SubscriberId(0),
                home: HOME,
                host: HostId(0),
                sequence: 1,
            },
        }
    }

    #[test]
    fn one_instance_serves_a_message_box_until_it_runs_no_more() {
        // R-GC-05.
        let mut message_box = message_box(true);
        message_box.tracking.note(&[deleted(), deleted()]);
        assert_eq!(message_box.tracking_rows(HOME), 2);
        assert_eq!(message_box.move_tracking(HOME, FIRST, |_| true), Some(2));
        message_box.tracking.note(&[deleted()]);
        assert_eq!(message_box.move_tracking(HOME, SECOND, |_| true), None);
        assert_eq!(message_box.tracking_rows(HOME), 1);
        assert_eq!(message_box.move_tracking(HOME, SECOND, |at| at != FIRST), Some(1));
        assert_eq!(message_box.move_tracking(HOME, FIRST, |_| true), None);
    }

    #[test]
    fn where_nothing_is_tracked_there_is_no_table() {
        // R-GC-05.
        let mut message_box = message_box(false);
        message_box.tracking.note(&[deleted()]);
        assert!(!message_box.has_tracking_rows());
        assert_eq!(message_box.move_tracking(HOME, FIRST, |_| true), None);
    }
}
