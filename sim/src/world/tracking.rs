//! The tracking database: who fills it, who empties it, and what its disk does meanwhile.
//!
//! Three kinds of errands share the processor of its server and its data disk. Threads of the
//! tracking hosts move rows out of the MessageBoxes (R-GC-05); a job copies messages in full, and
//! frees their rows of the spool (R-GC-02); a job deletes what has been kept for long enough. An
//! errand is one transaction and goes its way step by step, like any other; what has no price
//! takes no time and no event. \[M\] A restored database, backups and the archive's own writing
//! are not there. Deleting locks the tables of events until its transaction is over, and who would
//! write there waits; messages in full are in tables of their own. The disk serves all in turns.

use floodgate_engine::host::Life;
use floodgate_engine::id::{HostInstanceId, Key, MessageBoxId, ServerId, Slab};
use floodgate_engine::message_box::{BodyBatch, TrackingBatch};
use floodgate_engine::time::{Duration, Instant};

use super::compute::Job;
use super::line::Line;
use super::{Due, World};
use crate::outcome::TrackingOutcome;
use crate::resource::{Finding, Usage};
use crate::setup::{Setup, TrackingSettings};

/// A turn at the disk: a long transaction keeps nobody else from it. \[M\]
const TURN: Duration = Duration::from_millis(50);

mod table;

use table::{Left, Table};

/// The tracking database and what is on its way there.
#[derive(Clone, Debug)]
pub(super) struct Tracking {
    settings: TrackingSettings,
    /// Whether anybody is tracked.
    on: bool,
    /// A look of the tracking hosts is on the calendar.
    look_due: bool,
    copy_due: bool,
    purge_due: bool,
    errands: Slab<Errand>,
    /// What is done for each MessageBox.
    boxes: Vec<OfBox>,
    purge: Option<Purge>,
    /// Whether it has locked the tables of events, and who waits for them.
    locked: bool,
    waiting: Vec<Key>,
    /// By how much the job that deletes was late when it last began.
    late: Option<Duration>,
    table: Table,
    disk: Line,
    /// What the counters of each host show.
    counts: Vec<HostCounts>,
}

/// What the tracking hosts and the job that copies do for one MessageBox.
#[derive(Clone, Debug, Default)]
struct OfBox {
    /// Threads at work.
    threads: u32,
    /// Since when the job runs, and how many messages it has still to copy.
    copy: Option<(Instant, u64)>,
    /// How long its last run took.
    copied_in: Duration,
}

/// What one tracking host has moved.
#[derive(Clone, Copy, Debug, Default)]
struct HostCounts {
    batches_now: u64,
    events_now: u64,
    records_now: u64,
    batches: u64,
    events: u64,
    records: u64,
}

/// A run of the job that deletes.
#[derive(Clone, Copy, Debug)]
struct Purge {
    left: Left,
}

/// One transaction.
#[derive(Clone, Debug)]
struct Errand {
    load: Load,
    step: Step,
    since: Instant,
    /// What it has still to ask of the disk.
    left: Duration,
}

#[derive(Clone, Debug)]
enum Load {
    /// Rows on their way out of a MessageBox, moved by an instance of a tracking host.
    Rows { home: MessageBoxId, by: HostInstanceId, batch: TrackingBatch },
    /// Messages in full.
    Bodies { home: MessageBoxId, batch: BodyBatch },
    /// What is too old.
    Old(Left),
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Begins,
    /// At the processor of the MessageBox's server.
    Reads,
    /// At that of the tracking host's.
    Carries,
    /// At that of the tracking database's.
    Writes,
    /// Before the tables of events, while what is old is deleted there.
    Waits,
    /// At its data disk.
    Stores,
}

impl Tracking {
    pub(super) fn new(setup: &Setup) -> Self {
        let topology = &setup.topology;
        Self {
            settings: setup.tracking,
            on: !topology.tracks.is_empty(),
            look_due: false,
            copy_due: false,
            purge_due: false,
            errands: Slab::default(),
            boxes: vec![OfBox::default(); topology.box_count()],
            purge: None,
            locked: false,
            waiting: Vec::new(),
            late: None,
            table: Table::new(setup.tracking.purge),
            disk: Line::new((setup.measure_from, setup.measure_to)),
            counts: vec![HostCounts::default(); topology.hosts.len()],
        }
    }

    /// A MessageBox was added.
    pub(super) fn add_box(&mut self) {
        self.boxes.push(OfBox::default());
    }

    /// Whether anybody is tracked.
    pub(super) const fn is_on(&self) -> bool {
        self.on
    }

    pub(super) fn disk(&self) -> Usage {
        self.disk.usage()
    }

    /// By how much deleting is late: what it should have deleted longest ago.
    pub(super) fn late(&self, now: Instant) -> Option<Duration> {
        let running = self.purge.as_ref().map(|_| now.since(self.table.expired_since()));
        match (self.late, running) {
            (Some(last), Some(running)) => Some(last.max(running)),
            (last, running) => running.or(last),
        }
    }
}

/// The next instant at which a job of this period begins.
fn next_run(now: Instant, period: Duration) -> Instant {
    let period = period.as_nanos().max(1);
    Instant::from_nanos((now.as_nanos() / period + 1) * period)
}

impl World {
    /// The running instances of tracking hosts (R-GC-05).
    fn trackers(&self) -> impl Iterator<Item = HostInstanceId> {
        (0..self.instances.len()).map(HostInstanceId::from).filter(|at| self.tracks(*at))
    }

    /// Whether an instance is one of a tracking host, and runs.
    fn tracks(&self, instance: HostInstanceId) -> bool {
        let own = &self.instances[instance.index()];
        let host = &self.topology.hosts[own.host().index()];
        host.settings.tracking && own.life() == Life::Running
    }

    /// Somebody looks when there is tracking data, and somebody to look (R-GC-05); and the job
    /// that copies runs when there is something to copy.
    pub(super) fn watch_tracking(&mut self) {
        if !self.tracking.on {
            return;
        }
        self.meter_tracking();
        if !self.tracking.look_due
            && self.message_box.has_tracking_rows()
            && self.trackers().next().is_some()
        {
            self.tracking.look_due = true;
            self.schedule(self.now + self.tracking.settings.look, Due::Tracking);
        }
        if !self.tracking.copy_due && self.jobs_run && self.message_box.has_tracked_bodies() {
            self.tracking.copy_due = true;
            let at = next_run(self.now, self.tracking.settings.copy);
            self.schedule(at, Due::CopyTracked);
        }
    }

    fn meter_tracking(&mut self) {
        let homes = (0..self.message_box.boxes()).map(MessageBoxId::from);
        let (mut rows, mut bodies) = (0, 0);
        for home in homes {
            rows += self.message_box.tracking_rows(home);
            bodies += self.message_box.tracked_bodies(home);
        }
        self.meters.tracking.set(self.now, rows);
        self.meters.tracked_bodies.set(self.now, bodies);
    }

    /// Every tracking host instance looks into the MessageBoxes that it serves, and puts all of
    /// its threads to work for which it finds something.
    pub(super) fn look_for_tracking(&mut self) {
        self.tracking.look_due = false;
        let trackers: Vec<HostInstanceId> = self.trackers().collect();
        for home in (0..self.message_box.boxes()).map(MessageBoxId::from) {
            for by in &trackers {
                while self.move_rows(home, *by, &trackers) {}
            }
        }
        self.watch_tracking();
    }

    /// A thread takes what it can move in one transaction; `false` if there is none for it, or
    /// nothing to move, or another instance does it.
    fn move_rows(
        &mut self,
        home: MessageBoxId,
        by: HostInstanceId,
        trackers: &[HostInstanceId],
    ) -> bool {
        let settings = self.tracking.settings;
        if self.tracking.boxes[home.index()].threads >= settings.threads {
            return false;
        }
        let runs = |other: HostInstanceId| trackers.contains(&other);
        let Some(batch) = self.message_box.take_tracking(home, by, settings.batch, runs) else {
            return false;
        };
        self.tracking.boxes[home.index()].threads += 1;
        let counts = &mut self.tracking.counts[self.instances[by.index()].host().index()];
        counts.batches_now += 1;
        counts.events_now += batch.ended.rows() + batch.begun.rows();
        counts.records_now += batch.len();
        self.begin_errand(Load::Rows { home, by, batch });
        true
    }

    /// The job that copies messages begins, in every MessageBox where it has ended (R-GC-02).
    pub(super) fn copy_tracked(&mut self) {
        self.tracking.copy_due = false;
        for home in (0..self.message_box.boxes()).map(MessageBoxId::from) {
            let waiting = self.message_box.tracked_bodies(home);
            let own = &mut self.tracking.boxes[home.index()];
            if own.copy.is_none() && waiting > 0 {
                own.copy = Some((self.now, waiting));
                self.copy_on(home);
            }
        }
        self.watch_tracking();
    }

    /// The next transaction of a job that copies: it copies what was there when it began.
    fn copy_on(&mut self, home: MessageBoxId) {
        let most = u64::from(self.tracking.settings.copy_batch);
        let own = &mut self.tracking.boxes[home.index()];
        let Some((began, left)) = own.copy else { return };
        let count = u32::try_from(left.min(most)).unwrap_or(u32::MAX);
        let Some(batch) = self.message_box.take_bodies(home, count) else {
            (own.copy, own.copied_in) = (None, self.now.since(began));
            return;
        };
        own.copy = Some((began, left - batch.holdings.bodies));
        self.begin_errand(Load::Bodies { home, batch });
    }

    /// The job that deletes begins, unless it has not ended.
    pub(super) fn purge_tracked(&mut self) {
        self.tracking.purge_due = false;
        if self.tracking.purge.is_some() {
            return;
        }
        let Tracking { settings, table, .. } = &mut self.tracking;
        let late = table.late(self.now, settings.keep, settings.keep_at_most);
        let left = table.expire(self.now, settings.keep, settings.keep_at_most);
        self.tracking.late = late.or(self.tracking.late);
        self.tracking.purge = Some(Purge { left });
        self.purge_on();
    }

    /// Its next transaction.
    fn purge_on(&mut self) {
        let most = self.tracking.settings.purge_batch;
        let Some(purge) = &mut self.tracking.purge else { return };
        match purge.left.part(most) {
            Some(part) => self.begin_errand(Load::Old(part)),
            None => self.tracking.purge = None,
        }
    }

    /// The job runs as soon as something is too old; as long as something is written, somebody
    /// looks.
    fn watch_purge(&mut self) {
        let Tracking { settings, table, purge, purge_due, .. } = &mut self.tracking;
        if *purge_due || purge.is_some() || !self.jobs_run {
            return;
        }
        let at = next_run(self.now, settings.purge);
        if table.late(at, settings.keep, settings.keep_at_most).is_some() {
            *purge_due = true;
            self.schedule(at, Due::PurgeTracked);
        }
    }

    fn begin_errand(&mut self, load: Load) {
        let (step, left) = (Step::Begins, Duration::ZERO);
        let errand = Errand { load, step, since: self.now, left };
        let key = self.tracking.errands.insert(errand);
        self.errand_on(key);
    }

    /// To the next step that takes time.
    pub(super) fn errand_on(&mut self, key: Key) {
        while let Some(errand) = self.tracking.errands.get_mut(key) {
            errand.step = match errand.step {
                Step::Begins => Step::Reads,
                Step::Reads => Step::Carries,
                Step::Carries => Step::Writes,
                Step::Writes => Step::Waits,
                Step::Waits => Step::Stores,
                Step::Stores => return self.errand_done(key),
            };
            errand.since = self.now;
            match (errand.step, &errand.load) {
                (Step::Waits, Load::Rows { .. }) if self.tracking.locked => {
                    return self.tracking.waiting.push(key);
                }
                (Step::Waits, Load::Old(_)) => self.tracking.locked = true,
                (_, Load::Rows { .. } | Load::Bodies { .. } | Load::Old(_)) => {}
            }
            let (at, takes) = self.errand_takes(key);
            if takes.is_zero() {
                continue;
            }
            if let Some(server) = at {
                return self.compute(server, Job::Tracking(key), takes);
            }
            if let Some(errand) = self.tracking.errands.get_mut(key) {
                errand.left = takes;
            }
            return self.take_turn(key);
        }
    }

    /// A turn at the data disk.
    fn take_turn(&mut self, key: Key) {
        let Some(errand) = self.tracking.errands.get_mut(key) else { return };
        let turn = errand.left.min(TURN);
        errand.left = Duration::from_nanos(errand.left.as_nanos() - turn.as_nanos());
        errand.since = self.now;
        let out = self.tracking.disk.submit(self.now, turn);
        self.schedule(out, Due::TrackingStored(key));
    }

    /// A turn is over.
    pub(super) fn tracking_stored(&mut self, key: Key) {
        let Some(errand) = self.tracking.errands.get(key) else { return };
        self.tracking.disk.ends(self.now, errand.since);
        if errand.left.is_zero() { self.errand_on(key) } else { self.take_turn(key) }
    }

    /// What a transaction asks for at its step: the time, and whose processor's, or the disk's.
    fn errand_takes(&mut self, key: Key) -> (Option<ServerId>, Duration) {
        let Some(errand) = self.tracking.errands.get(key) else { return (None, Duration::ZERO) };
        let (costs, share) = (&self.costs, self.tracking.table.cold(&self.tracking.settings));
        let nothing = (None, Duration::ZERO);
        match (errand.step, &errand.load) {
            (Step::Reads, Load::Rows { home, batch, .. }) => {
                let bytes = batch.ended.data_bytes() + batch.begun.data_bytes();
                let takes = costs.tracking_read(batch.len(), bytes);
                (Some(self.databases[home.index()]), takes)
            }
            (Step::Reads, Load::Bodies { home, batch }) => {
                // They are only read: their rows go when the spool is cleaned up.
                let takes = costs.tracking_read(0, batch.holdings.body_bytes);
                (Some(self.databases[home.index()]), takes)
            }
            (Step::Carries, Load::Rows { by, batch, .. }) => {
                let server = self.topology.host_instances[by.index()].server;
                let takes = costs.track_work_row.times(batch.len());
                (Some(server), self.with_pauses(server, takes))
            }
            (Step::Writes, load) => {
                let Some(server) = self.tracking.settings.server else { return nothing };
                (Some(server), costs.track_sql_row.times(load.rows()))
            }
            (Step::Stores, Load::Rows { batch, .. }) => {
                let first = costs.tracking_stores(&batch.ended, share);
                (None, first + costs.tracking_stores(&batch.begun, share))
            }
            (Step::Stores, Load::Bodies { batch, .. }) => {
                (None, costs.tracking_stores(&batch.holdings, share))
            }
            (Step::Stores, Load::Old(left)) => (None, costs.tracking_deletes(&left.all(), share)),
            (Step::Begins | Step::Waits, _)
            | (Step::Reads, Load::Old(_))
            | (Step::Carries, Load::Bodies { .. } | Load::Old(_)) => nothing,
        }
    }

    /// The transaction is committed.
    fn errand_done(&mut self, key: Key) {
        let Some(errand) = self.tracking.errands.remove(key) else { return };
        match errand.load {
            Load::Rows { home, by, batch } => self.rows_moved(home, by, batch),
            Load::Bodies { home, batch } => {
                self.message_box.bodies_copied(home, &batch);
                self.tracking.table.write(self.now, &batch.holdings, true);
                self.copy_on(home);
                self.watch_purge();
                // What nobody refers to is garbage from now on.
                self.watch_levels();
            }
            Load::Old(part) => {
                self.tracking.table.deleted(&part);
                self.tracking.locked = false;
                for waiting in std::mem::take(&mut self.tracking.waiting) {
                    self.errand_on(waiting);
                }
                self.purge_on();
            }
        }
    }

    /// Rows have arrived, unless who moved them is gone: then they never left (R-GC-05).
    fn rows_moved(&mut self, home: MessageBoxId, by: HostInstanceId, batch: TrackingBatch) {
        let own = &mut self.tracking.boxes[home.index()];
        own.threads -= 1;
        let (rows, runs) = (batch.len(), self.tracks(by));
        let events = batch.ended.rows() + batch.begun.rows();
        let counts = &mut self.tracking.counts[self.instances[by.index()].host().index()];
        counts.batches_now -= 1;
        counts.events_now -= events;
        counts.records_now -= rows;
        if !runs {
            self.message_box.tracking_stays(home, batch);
            return self.watch_tracking();
        }
        counts.batches += 1;
        counts.events += events;
        counts.records += rows;
        self.meters.tracked(self.now, rows);
        self.message_box.tracking_moved(home, &batch);
        self.tracking.table.write(self.now, &batch.ended, true);
        self.tracking.table.write(self.now, &batch.begun, false);
        // Who found as much as could be taken looks again at once.
        if rows == u64::from(self.tracking.settings.batch) {
            let trackers: Vec<HostInstanceId> = self.trackers().collect();
            self.move_rows(home, by, &trackers);
        }
        self.watch_purge();
        self.watch_tracking();
    }

    /// What the counters of tracking show, in the order of their names, and how many events and
    /// records each host has committed; `before` so many seconds ago.
    pub(super) fn tracking_gauges(
        &self,
        before: &[[u64; 2]],
        seconds: f64,
    ) -> (Vec<f64>, Vec<[u64; 2]>) {
        let Tracking { on: true, counts, boxes, table, .. } = &self.tracking else {
            return (Vec::new(), before.to_vec());
        };
        let committed = counts.iter().map(|own| [own.events, own.records]).collect();
        let hosts = self.topology.hosts.iter().zip(counts.iter().zip(before));
        let hosts = hosts.filter(|(host, _)| host.settings.tracking);
        let hosts = hosts.flat_map(|(_, (own, before))| {
            let rate = |now: u64, before: u64| (now - before) as f64 / seconds;
            [
                own.batches_now as f64,
                own.events_now as f64,
                own.records_now as f64,
                own.batches as f64,
                own.events as f64,
                rate(own.events, before[0]),
                own.records as f64,
                rate(own.records, before[1]),
            ]
        });
        let copies = boxes[..self.topology.box_count()].iter().map(|own| own.copied_in);
        let values = hosts
            .chain(copies.map(Duration::as_secs_f64))
            .chain([table.holds().bytes() as f64 / 1024.0])
            .collect();
        (values, committed)
    }

    /// What became of tracking data.
    pub(super) fn tracking_outcome(&self) -> Option<TrackingOutcome> {
        let table = &self.tracking.table;
        self.tracking.on.then(|| TrackingOutcome {
            written: *table.written(),
            deleted: *table.gone(),
            holds: *table.holds(),
            late: self.tracking.late(self.now),
        })
    }

    /// What the audits of the data disk find at the end.
    pub(super) fn tracking_findings(&self) -> Vec<Finding> {
        if !self.tracking.on || !self.costs.has_tracking_disk() {
            return Vec::new();
        }
        let errands = self.tracking.errands.iter().map(|(_, errand)| errand);
        let here: Vec<Instant> = errands
            .filter(|errand| errand.step == Step::Stores)
            .map(|errand| errand.since)
            .collect();
        self.tracking.disk.findings(DISK, self.now, &here)
    }
}

/// What the data disk of the tracking database is called among the resources.
pub(super) const DISK: &str = "tracking database data disk";

impl Load {
    /// Rows of the tracking database that it writes or deletes.
    const fn rows(&self) -> u64 {
        match self {
            Self::Rows { batch, .. } => batch.ended.rows() + batch.begun.rows(),
            Self::Bodies { batch, .. } => batch.holdings.rows(),
            Self::Old(left) => left.all().rows(),
        }
    }
}
