//! Tracking data: what services leave behind for those who ask later what happened.
//!
//! A service that is tracked leaves a row in the MessageBox it works against, with what it has
//! done to one message; an instance of a tracking host moves it elsewhere, one instance for one
//! MessageBox at a time. Where none runs the table grows (R-GC-05). Messages that are tracked in
//! full stay in the spool until a job has copied them, although nobody refers to them any more
//! (R-GC-02). \[M\] One row for each service and message, written when the service is done with
//! it or has to give it up; the message itself is the spool's own row.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::{Footprint, MessageBox, Reference};
use crate::config::{Holdings, Topology, Track, Tracked};
use crate::id::{HostInstanceId, MessageBoxId, MessageId, ReferenceId};
use crate::message::{Document, PropertyId, Value};

/// Who is tracked, and what waits; nothing of either where nobody is.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracking {
    tracks: Vec<Track>,
    /// Tracked receive ports by name, with their tracks.
    ports: Vec<(Value, u32)>,
    /// The track of each subscriber.
    subscribers: Vec<Option<u32>>,
    /// One table for each MessageBox.
    tables: Vec<Table>,
}

/// What waits in one MessageBox.
#[derive(Clone, Debug, Default)]
struct Table {
    rows: VecDeque<Row>,
    /// Rows that are being moved: they go when they have arrived.
    moving: u64,
    served_by: Option<HostInstanceId>,
    /// Messages that wait for the job that copies them, with their bytes.
    bodies: VecDeque<(MessageId, u64)>,
    /// Messages that are waiting or being copied, and how often.
    held: FxHashMap<MessageId, u32>,
    /// The sum of those numbers.
    uncopied: u64,
}

/// A row: of which track, and what happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Row {
    track: u32,
    what: What,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum What {
    /// The service is done with a message.
    Ended,
    /// The same, with a further one of those that one message became.
    Further,
    /// The service had to give a message up: as far as anybody can tell it is not over.
    Begun,
}

/// Rows on their way out of a MessageBox.
#[derive(Clone, Debug)]
pub struct TrackingBatch {
    rows: Vec<Row>,
    /// What services that are done have left.
    pub ended: Holdings,
    /// What services have left that are not.
    pub begun: Holdings,
}

impl TrackingBatch {
    /// How many rows they are.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Messages on their way into the tracking database.
#[derive(Clone, Debug)]
pub struct BodyBatch {
    messages: Vec<MessageId>,
    /// What they are.
    pub holdings: Holdings,
}

impl Tracking {
    pub(super) fn new(topology: &Topology) -> Self {
        let mut own = Self::default();
        if topology.tracks.is_empty() {
            return own;
        }
        own.subscribers = vec![None; topology.subscribers()];
        own.tables = vec![Table::default(); topology.box_count()];
        for (number, (tracked, track)) in (0..).zip(&topology.tracks) {
            own.tracks.push(*track);
            let subscriber = match tracked {
                Tracked::Orchestration(id) => topology.subscriber_of_orchestration(*id).index(),
                Tracked::ReceivePort(id) => {
                    let name = &topology.receive_ports[id.index()].name;
                    own.ports.push((Value::text(name), number));
                    continue;
                }
                Tracked::SendPort(id) => id.index(),
            };
            own.subscribers[subscriber] = Some(number);
        }
        own
    }

    /// Whether anybody is tracked.
    #[inline]
    pub(super) const fn is_on(&self) -> bool {
        !self.tables.is_empty()
    }

    /// A MessageBox was added.
    pub(super) fn add_box(&mut self) {
        if self.is_on() {
            self.tables.push(Table::default());
        }
    }

    /// The track of the receive port that a document came through, if it came from outside.
    fn of_document(&self, document: &Document) -> Option<u32> {
        if !document.name.is_submitted() {
            return None;
        }
        let port = document.context.read(PropertyId::RECEIVE_PORT_NAME)?;
        self.ports.iter().find(|(name, _)| name == port).map(|(_, track)| *track)
    }

    fn of_reference(&self, reference: &Reference) -> Option<u32> {
        *self.subscribers.get(reference.subscriber.index())?
    }

    fn holdings(&self, row: Row) -> Holdings {
        let track = self.tracks[row.track as usize];
        match row.what {
            What::Ended => track.ended(),
            What::Further => track.further(),
            What::Begun => track.begun(),
        }
    }

    /// A row, if there is anything to write into it.
    fn note(&mut self, home: MessageBoxId, row: Row) {
        if self.tracks[row.track as usize].events {
            self.tables[home.index()].rows.push_back(row);
        }
    }

    /// A message is kept until it is copied, once for each time that it is tracked.
    fn hold(&mut self, home: MessageBoxId, message: MessageId, (times, bytes): (u32, u64)) {
        if times == 0 {
            return;
        }
        let table = &mut self.tables[home.index()];
        for _ in 0..times {
            table.bodies.push_back((message, bytes));
        }
        *table.held.entry(message).or_default() += times;
        table.uncopied += u64::from(times);
    }

    /// Whether a message must not go yet.
    pub(super) fn holds(&self, home: MessageBoxId, message: MessageId) -> bool {
        self.tables.get(home.index()).is_some_and(|table| table.held.contains_key(&message))
    }

    /// What `row` adds to its transaction, and bodies that are written for nobody but trackers.
    fn footprint(&self, row: Row, written: u64) -> Footprint {
        let rows = u32::from(self.tracks[row.track as usize].events);
        let bytes = self.holdings(row).data_bytes() + written;
        Footprint { rows, bytes, ..Footprint::default() }
    }

    /// What a publication asks for besides, if it is tracked: the message as it came is written
    /// beside the one that is published.
    pub(super) fn publishes(&self, document: &Document) -> Option<Footprint> {
        let track = self.of_document(document)?;
        let is_first = document.name.sequence <= 1;
        let before = is_first && self.tracks[track as usize].before;
        let written = if before { document.parts.bytes() } else { 0 };
        Some(self.footprint(Row { track, what: What::of_document(document) }, written))
    }

    /// What the end of a delivery asks for besides: the message as it went is written.
    pub(super) fn ends(&self, reference: &Reference, document: &Document) -> Option<Footprint> {
        let track = self.of_reference(reference)?;
        let after = self.tracks[track as usize].after;
        let written = if after { document.parts.bytes() } else { 0 };
        Some(self.footprint(Row { track, what: What::Ended }, written))
    }
}

impl What {
    const fn of_document(document: &Document) -> Self {
        if document.name.sequence <= 1 { Self::Ended } else { Self::Further }
    }
}

impl MessageBox {
    /// A receive pipeline has made a document, which is stored as `message`.
    pub(super) fn track_published(&mut self, home: MessageBoxId, message: MessageId) {
        let document = &self.spools[home.index()].row(message).document;
        let Some(track) = self.tracking.of_document(document) else { return };
        let (what, bytes) = (What::of_document(document), document.parts.bytes());
        let own = self.tracking.tracks[track as usize];
        let times = if what == What::Ended { own.bodies() } else { u32::from(own.after) };
        self.tracking.note(home, Row { track, what });
        self.tracking.hold(home, message, (times, bytes));
    }

    /// A subscriber is done with a message, or an operator is.
    pub(super) fn track_ended(&mut self, id: ReferenceId) {
        let Some(reference) = self.references.get(id.0) else { return };
        let Some(track) = self.tracking.of_reference(reference) else { return };
        let (home, message) = (reference.home(), reference.message);
        let bytes = self.row(reference).document.parts.bytes();
        let times = self.tracking.tracks[track as usize].bodies();
        self.tracking.note(home, Row { track, what: What::Ended });
        self.tracking.hold(home, message, (times, bytes));
    }

    /// A subscriber has to give a message up.
    pub(super) fn track_begun(&mut self, id: ReferenceId) {
        let Some(reference) = self.references.get(id.0) else { return };
        if let Some(track) = self.tracking.of_reference(reference) {
            self.tracking.note(reference.home(), Row { track, what: What::Begun });
        }
    }

    /// Rows of tracking data in a MessageBox, those included that are being moved.
    #[must_use]
    pub fn tracking_rows(&self, home: MessageBoxId) -> u64 {
        let table = self.tracking.tables.get(home.index());
        table.map_or(0, |table| table.rows.len() as u64 + table.moving)
    }

    /// Messages in full that have not been copied out of a MessageBox.
    #[must_use]
    pub fn tracked_bodies(&self, home: MessageBoxId) -> u64 {
        self.tracking.tables.get(home.index()).map_or(0, |table| table.uncopied)
    }

    /// Whether any row waits for somebody to move it.
    #[must_use]
    pub fn has_tracking_rows(&self) -> bool {
        self.tracking.tables.iter().any(|table| !table.rows.is_empty())
    }

    /// Whether any message waits for the job that copies it.
    #[must_use]
    pub fn has_tracked_bodies(&self) -> bool {
        self.tracking.tables.iter().any(|table| !table.bodies.is_empty())
    }

    /// `by`, an instance of a tracking host, takes up to `max` rows that wait in `home`. `None`
    /// if there are none, or if another one serves it, of which `runs` says that it still does
    /// (R-GC-05).
    pub fn take_tracking(
        &mut self,
        home: MessageBoxId,
        by: HostInstanceId,
        max: u32,
        runs: impl Fn(HostInstanceId) -> bool,
    ) -> Option<TrackingBatch> {
        let table = self.tracking.tables.get_mut(home.index())?;
        if table.served_by.is_some_and(|other| other != by && runs(other)) {
            return None;
        }
        table.served_by = Some(by);
        let count = table.rows.len().min(max as usize);
        let rows: Vec<Row> = table.rows.drain(..count).collect();
        table.moving += count as u64;
        let (mut ended, mut begun) = (Holdings::default(), Holdings::default());
        for row in &rows {
            match row.what {
                What::Ended | What::Further => ended.add(&self.tracking.holdings(*row)),
                What::Begun => begun.add(&self.tracking.holdings(*row)),
            }
        }
        (count > 0).then_some(TrackingBatch { rows, ended, begun })
    }

    /// Rows have arrived where they are kept.
    pub fn tracking_moved(&mut self, home: MessageBoxId, batch: &TrackingBatch) {
        self.tracking.tables[home.index()].moving -= batch.len();
    }

    /// Rows have not: who moved them is gone, and another one will.
    pub fn tracking_stays(&mut self, home: MessageBoxId, batch: TrackingBatch) {
        self.tracking_moved(home, &batch);
        let table = &mut self.tracking.tables[home.index()];
        for row in batch.rows.into_iter().rev() {
            table.rows.push_front(row);
        }
    }

    /// The job takes up to `max` messages that wait in `home` to be copied (R-GC-02).
    pub fn take_bodies(&mut self, home: MessageBoxId, max: u32) -> Option<BodyBatch> {
        let table = self.tracking.tables.get_mut(home.index())?;
        let count = table.bodies.len().min(max as usize);
        let taken = table.bodies.drain(..count);
        let mut holdings = Holdings { bodies: count as u64, ..Holdings::default() };
        let take = |(message, bytes)| {
            holdings.body_bytes += bytes;
            message
        };
        let messages: Vec<MessageId> = taken.map(take).collect();
        (count > 0).then_some(BodyBatch { messages, holdings })
    }

    /// Messages have been copied: those that nobody refers to are garbage from now on.
    pub fn bodies_copied(&mut self, home: MessageBoxId, batch: &BodyBatch) {
        let table = &mut self.tracking.tables[home.index()];
        for message in &batch.messages {
            let Some(times) = table.held.get_mut(message) else { continue };
            *times -= 1;
            table.uncopied -= 1;
            if *times == 0 {
                table.held.remove(message);
                self.spools[home.index()].copied(*message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ReceivePort;
    use crate::id::{Key, ReceivePortId, Slab};

    const FIRST: HostInstanceId = HostInstanceId(0);
    const SECOND: HostInstanceId = HostInstanceId(1);
    const HOME: MessageBoxId = MessageBoxId(0);

    fn message_box(tracked: bool) -> MessageBox {
        let port = ReceivePort {
            name: "In".to_owned(),
            maps: Vec::new(),
            authentication: crate::config::Authentication::None,
            route_failed: false,
        };
        let track = Track { events: true, ..Track::default() };
        let tracks = vec![(Tracked::ReceivePort(ReceivePortId(0)), track)];
        MessageBox::new(&Topology {
            receive_ports: vec![port],
            tracks: if tracked { tracks } else { Vec::new() },
            ..Topology::default()
        })
    }

    fn ended(message_box: &mut MessageBox, times: usize) {
        for _ in 0..times {
            message_box.tracking.note(HOME, Row { track: 0, what: What::Ended });
        }
    }

    fn moved(
        message_box: &mut MessageBox,
        by: HostInstanceId,
        gone: HostInstanceId,
    ) -> Option<u64> {
        let batch = message_box.take_tracking(HOME, by, 100, |at| at != gone)?;
        message_box.tracking_moved(HOME, &batch);
        Some(batch.len())
    }

    #[test]
    fn one_instance_serves_a_message_box_until_it_runs_no_more() {
        // R-GC-05.
        let none = HostInstanceId(9);
        let mut message_box = message_box(true);
        ended(&mut message_box, 2);
        assert_eq!(message_box.tracking_rows(HOME), 2);
        assert_eq!(moved(&mut message_box, FIRST, none), Some(2));
        ended(&mut message_box, 1);
        assert_eq!(moved(&mut message_box, SECOND, none), None);
        assert_eq!(message_box.tracking_rows(HOME), 1);
        assert_eq!(moved(&mut message_box, SECOND, FIRST), Some(1));
        ended(&mut message_box, 1);
        assert_eq!(moved(&mut message_box, FIRST, none), None);
    }

    #[test]
    fn rows_stay_until_they_have_arrived_and_come_back_if_they_do_not() {
        // R-GC-05.
        let mut message_box = message_box(true);
        ended(&mut message_box, 5);
        message_box.tracking.note(HOME, Row { track: 0, what: What::Begun });
        let batch = message_box.take_tracking(HOME, FIRST, 6, |_| true).expect("six rows wait");
        assert_eq!((batch.ended.services, batch.begun.services), (5, 1));
        assert_eq!((batch.ended.events, batch.begun.events), (10, 1));
        assert_eq!((message_box.tracking_rows(HOME), message_box.has_tracking_rows()), (6, false));
        message_box.tracking_stays(HOME, batch);
        assert_eq!((message_box.tracking_rows(HOME), message_box.has_tracking_rows()), (6, true));
        assert_eq!(moved(&mut message_box, FIRST, SECOND), Some(6));
        assert_eq!(message_box.tracking_rows(HOME), 0);
    }

    #[test]
    fn a_message_is_held_until_it_was_copied_as_often_as_it_is_tracked() {
        // R-GC-02, R-GC-05.
        let mut message_box = message_box(true);
        let key: Key = Slab::default().insert(());
        message_box.tracking.hold(HOME, MessageId(key), (2, 700));
        assert_eq!(message_box.tracked_bodies(HOME), 2);
        // Nobody refers to it, so that its row only waits for the copies.
        message_box.spools[0].hold_for_test();
        let first = message_box.take_bodies(HOME, 1).expect("two wait");
        let second = message_box.take_bodies(HOME, 10).expect("one waits");
        assert_eq!((first.holdings.body_bytes, second.holdings.bodies), (700, 1));
        message_box.bodies_copied(HOME, &first);
        assert_eq!((message_box.collect(9), message_box.tracked_bodies(HOME)), (0, 1));
        assert_eq!(message_box.spool_garbage(), 1);
        message_box.bodies_copied(HOME, &second);
        assert_eq!((message_box.collect(9), message_box.tracked_bodies(HOME)), (1, 0));
    }

    #[test]
    fn where_nothing_is_tracked_there_is_no_table() {
        // R-GC-05.
        let mut message_box = message_box(false);
        assert!(!message_box.has_tracking_rows() && !message_box.has_tracked_bodies());
        assert!(message_box.take_tracking(HOME, FIRST, 1, |_| true).is_none());
        assert!(message_box.take_bodies(HOME, 1).is_none());
    }
}
