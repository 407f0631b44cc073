//! What work costs: the unit prices of a profile, applied to what the engine counted.
//!
//! The engine counts messages, batches, rows and bytes ([`Demand`], [`Footprint`]); only here do
//! they become time. Prices are causes (CPU per row, time under a lock), never answers: nothing
//! here is a rate.

use floodgate_engine::config::Holdings;
use floodgate_engine::demand::Demand;
use floodgate_engine::message_box::{CleanupOrder, Footprint, Footprints};
use floodgate_engine::time::Duration;

/// Unit prices. Everything defaults to nothing, which is the profile `free`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Costs {
    /// CPU of the BizTalk server, per engine batch that submits.
    pub receive_batch: Duration,
    /// CPU of the BizTalk server, per submitted message.
    pub receive_message: Duration,
    /// CPU of the BizTalk server, per 1,024 bytes submitted.
    pub receive_kb: Duration,
    /// CPU per document through an XML disassembler or assembler.
    pub xml_message: Duration,
    /// CPU per 1,024 bytes through one.
    pub xml_kb: Duration,
    /// CPU per document through a map.
    pub map_message: Duration,
    /// CPU per 1,024 bytes through one.
    pub map_kb: Duration,
    /// CPU per 1,024 bytes of a message so large that it is mapped through a file.
    pub map_file_kb: Duration,
    /// CPU per delivery to a send adapter, whatever its size.
    pub send_batch: Duration,
    /// CPU per message delivered.
    pub send_message: Duration,
    /// CPU per 1,024 bytes delivered.
    pub send_kb: Duration,
    /// CPU per engine batch that disposes of delivered messages.
    pub completion_batch: Duration,
    /// CPU per message in it.
    pub completion_message: Duration,
    /// CPU of the SQL server, per transaction.
    pub sql_transaction: Duration,
    /// CPU of the SQL server, per row.
    pub sql_row: Duration,
    /// CPU of the SQL server, per 1,024 bytes of bodies.
    pub sql_kb: Duration,
    /// CPU of the SQL server, per look into an empty queue that is no event (R-CLK-07).
    pub idle_look: Duration,
    /// Time under the MessageBox's locks and log, one transaction at a time, per transaction.
    pub lock_transaction: Duration,
    /// The same, per row.
    pub lock_row: Duration,
    /// The same, per 1,024 bytes of bodies.
    pub lock_kb: Duration,
    /// CPU of the SQL server, per transaction and further host instance that has one there at the
    /// same time: they spin for the same latches.
    pub sql_instance: Duration,
    /// Time under the locks, per transaction and further host instance: each one more makes the
    /// next wait for the locks of more.
    pub lock_instance: Duration,
    /// Of every second that one further host instance adds to a transaction, as much is not added
    /// again by the next one: who waits for one waits for those behind it as well. Nothing: all add
    /// the same. One second or more: only the first matters.
    pub instance_overlap: Duration,
    /// CPU of the BizTalk server, per database in a distributed transaction.
    pub enlist_cpu: Duration,
    /// CPU of the SQL server, per MessageBox in a distributed transaction.
    pub enlist_sql: Duration,
    /// Time under the locks, per MessageBox in a distributed transaction: they are held until all
    /// have prepared.
    pub enlist_lock: Duration,
    /// CPU of the BizTalk server, per document that the master routes to another MessageBox: a
    /// call more than where one MessageBox routes and stores (R-PUB-02).
    pub route_cpu: Duration,
    /// CPU of the master's SQL server, per document routed while there are several MessageBoxes
    /// (R-MMB-01). Where the document is stored elsewhere this is all that its routing costs: it
    /// looks subscriptions up, which holds up nobody and is no part of what is committed.
    pub route_document: Duration,
    /// Time of the network link of a MessageBox's server, per transaction.
    pub link_transaction: Duration,
    /// The same, per row.
    pub link_row: Duration,
    /// The same, per 1,024 bytes of bodies.
    pub link_kb: Duration,
    /// Time of the log disk, per transaction.
    pub log_transaction: Duration,
    /// The same, per row.
    pub log_row: Duration,
    /// The same, per 1,024 bytes of bodies.
    pub log_kb: Duration,
    /// Time of the data disk, per transaction.
    pub data_transaction: Duration,
    /// The same, per row.
    pub data_row: Duration,
    /// The same, per 1,024 bytes of bodies.
    pub data_kb: Duration,
    /// Time of the data disk, per message whose pages have left the memory and are read again.
    pub data_cold_row: Duration,
    /// CPU of the database server, per row that a MessageBox's cleanup job removes.
    pub collect_sql_row: Duration,
    /// Time of the job besides, per such row.
    pub collect_row: Duration,
    /// The same, per such row whose pages have left the memory.
    pub collect_cold_row: Duration,
    /// CPU of the BizTalk server whose tracking host moves it, per row of tracking data.
    pub track_work_row: Duration,
    /// CPU of the tracking database's server, per row written or deleted there.
    pub track_sql_row: Duration,
    /// Time of the tracking database's data disk, per row written or deleted.
    pub track_data_row: Duration,
    /// The same besides, per row whose pages are not in memory.
    pub track_data_cold_row: Duration,
    /// The same, per message in full written or deleted.
    pub track_data_body: Duration,
    /// The same, per 1,024 bytes of one that is written.
    pub track_data_kb: Duration,
    /// How long a BizTalk server's runtime stands still for every second of work that its cores
    /// have done: all threads wait while it tidies up.
    pub runtime_pause: Duration,
    /// How long each core of a BizTalk server stands still for a garbage collection that throttling
    /// forces.
    pub forced_collection: Duration,
}

/// A part of a whole, which is not nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Share {
    /// The part.
    pub part: u64,
    /// The whole.
    pub of: u64,
}

impl Share {
    /// Of each of `count` units so much of `price` as the share says.
    fn of(self, price: Duration, count: u64) -> Duration {
        let nanos = u128::from(price.as_nanos()) * u128::from(count) * u128::from(self.part);
        let nanos = nanos / u128::from(self.of);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// What goes on around one transaction at one MessageBox.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Around {
    /// Host instances beside its own that have a transaction there.
    pub others: u32,
    /// Whether it is part of a distributed transaction.
    pub distributed: bool,
}

fn per_kb(price: Duration, bytes: u64) -> Duration {
    let nanos = u128::from(price.as_nanos()) * u128::from(bytes) / 1024;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn each(price: Duration, count: u32) -> Duration {
    price.times(u64::from(count))
}

impl Costs {
    /// CPU time of the BizTalk server for a piece of engine work.
    #[must_use]
    pub fn work(&self, demand: &Demand) -> Duration {
        each(self.receive_batch, demand.receive_batches)
            + each(self.receive_message, demand.receive_messages)
            + per_kb(self.receive_kb, demand.receive_bytes)
            + each(self.xml_message, demand.xml_messages)
            + per_kb(self.xml_kb, demand.xml_bytes)
            + each(self.map_message, demand.map_messages)
            + per_kb(self.map_kb, demand.map_bytes)
            + per_kb(self.map_file_kb, demand.map_buffered_bytes)
            + each(self.send_batch, demand.send_batches)
            + each(self.send_message, demand.send_messages)
            + per_kb(self.send_kb, demand.send_bytes)
            + each(self.completion_batch, demand.completion_batches)
            + each(self.completion_message, demand.completion_messages)
    }

    /// The pauses within `work` on a server of so many cores: each core stands still for what any
    /// of them causes. \[M\] They are spread evenly over the work.
    #[must_use]
    pub fn pauses(&self, cores: u32, work: Duration) -> Duration {
        let nanos = u128::from(work.as_nanos())
            * u128::from(self.runtime_pause.as_nanos())
            * u128::from(cores)
            / 1_000_000_000;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// CPU time of the BizTalk server before a transaction comes to its first MessageBox.
    #[must_use]
    pub fn begin(&self, enlisted: u32, footprints: &Footprints) -> Duration {
        let enlists = each(self.enlist_cpu, enlisted);
        if self.route_cpu.is_zero() {
            return enlists;
        }
        enlists + each(self.route_cpu, footprints.routed().unwrap_or(0))
    }

    /// CPU time of the SQL server for one transaction.
    #[must_use]
    pub fn sql(&self, footprint: Footprint, around: Around) -> Duration {
        if footprint.only_routes() {
            return each(self.route_document, footprint.routed);
        }
        let local = each(self.sql_transaction, 1 + footprint.flushes)
            + each(self.sql_row, footprint.rows)
            + per_kb(self.sql_kb, footprint.bytes)
            + self.contention(self.sql_instance, around.others)
            + each(self.route_document, footprint.routed);
        if around.distributed { local + self.enlist_sql } else { local }
    }

    /// Time under the MessageBox's locks for one transaction.
    #[must_use]
    #[inline(always)]
    pub fn lock(&self, footprint: Footprint, around: Around) -> Duration {
        if footprint.only_routes() {
            return Duration::ZERO;
        }
        let local = self.lock_transaction
            + each(self.lock_row, footprint.rows)
            + per_kb(self.lock_kb, footprint.bytes)
            + self.contention(self.lock_instance, around.others);
        if around.distributed { local + self.enlist_lock } else { local }
    }

    /// What so many further host instances add to a transaction, if the first of them adds `price`.
    fn contention(&self, price: Duration, others: u32) -> Duration {
        const SECOND: u64 = 1_000_000_000;
        if self.instance_overlap.is_zero() {
            return each(price, others);
        }
        let left = u128::from(SECOND.saturating_sub(self.instance_overlap.as_nanos()));
        let next = |adds: &u128| Some(adds * left / u128::from(SECOND));
        let adds = std::iter::successors(Some(u128::from(price.as_nanos())), next);
        let sum: u128 = adds.take(others as usize).take_while(|adds| *adds > 0).sum();
        Duration::from_nanos(u64::try_from(sum).unwrap_or(u64::MAX))
    }

    /// Time of the network link for one transaction.
    #[must_use]
    pub fn link(&self, footprint: Footprint) -> Duration {
        each(self.link_transaction, 1 + footprint.flushes)
            + each(self.link_row, footprint.rows)
            + per_kb(self.link_kb, footprint.bytes)
    }

    /// Time of the log disk for one transaction.
    #[must_use]
    #[inline(always)]
    pub fn log(&self, footprint: Footprint) -> Duration {
        if footprint.only_routes() {
            return Duration::ZERO;
        }
        each(self.log_transaction, 1 + footprint.flushes)
            + each(self.log_row, footprint.rows)
            + per_kb(self.log_kb, footprint.bytes)
    }

    /// Time of the data disk for one transaction.
    #[must_use]
    #[inline(always)]
    pub fn data(&self, footprint: Footprint) -> Duration {
        if footprint.only_routes() {
            return Duration::ZERO;
        }
        self.data_transaction
            + each(self.data_row, footprint.rows)
            + each(self.data_cold_row, footprint.cold)
            + per_kb(self.data_kb, footprint.bytes)
    }

    /// CPU time of a MessageBox's server for tracking data that is read and deleted there. \[M\] It
    /// stands in nobody's way: those tables are not what publishers and subscribers lock.
    pub(crate) fn tracking_read(&self, rows: u64, bytes: u64) -> Duration {
        self.sql_transaction + self.sql_row.times(rows) + per_kb(self.sql_kb, bytes)
    }

    /// Time of the tracking database's data disk to write what services have left, of whose pages
    /// a share is not in memory.
    pub(crate) fn tracking_stores(&self, what: &Holdings, cold: Share) -> Duration {
        self.tracking_deletes(what, cold) + per_kb(self.track_data_kb, what.body_bytes)
    }

    /// The same to delete it.
    pub(crate) fn tracking_deletes(&self, what: &Holdings, cold: Share) -> Duration {
        self.track_data_row.times(what.rows())
            + cold.of(self.track_data_cold_row, what.rows())
            + self.track_data_body.times(what.bodies)
    }

    /// Whether the tracking database's data disk has a price.
    pub(crate) const fn has_tracking_disk(&self) -> bool {
        !(self.track_data_row.is_zero()
            && self.track_data_cold_row.is_zero()
            && self.track_data_body.is_zero()
            && self.track_data_kb.is_zero())
    }

    /// Whether it matters how many host instances work against a MessageBox.
    pub(crate) const fn has_contention(&self) -> bool {
        !self.sql_instance.is_zero() || !self.lock_instance.is_zero()
    }

    /// Whether the network link has a price.
    pub(crate) const fn has_link(&self) -> bool {
        !(self.link_transaction.is_zero() && self.link_row.is_zero() && self.link_kb.is_zero())
    }

    /// Whether the log disk has a price.
    pub(crate) const fn has_log(&self) -> bool {
        !(self.log_transaction.is_zero() && self.log_row.is_zero() && self.log_kb.is_zero())
    }

    /// Whether the data disk has a price.
    pub(crate) const fn has_data(&self) -> bool {
        !(self.data_transaction.is_zero()
            && self.data_row.is_zero()
            && self.data_kb.is_zero()
            && self.data_cold_row.is_zero())
    }

    /// What the cleanup job of one MessageBox removes in one transaction, which takes `time` or a
    /// little more, of so many rows in memory and so many that it has to read first.
    pub(crate) fn collects(
        &self,
        time: Duration,
        (warm, cold): (u64, u64),
        order: CleanupOrder,
    ) -> (u64, u64) {
        let rows = |nanos: u64, price: Duration, rows: u64| {
            let affordable = nanos.checked_div(price.as_nanos()).unwrap_or(u64::MAX);
            affordable.max(1).min(rows)
        };
        let sorts = [(warm, self.collect_row), (cold, self.collect_cold_row)];
        let prices = sorts.map(|(_, price)| price + self.collect_sql_row);
        let at = match order {
            CleanupOrder::Newest => [0, 1],
            CleanupOrder::Oldest => [1, 0],
        };
        let mut taken = [0; 2];
        taken[at[0]] = rows(time.as_nanos(), prices[at[0]], sorts[at[0]].0);
        let left = time.as_nanos().saturating_sub(prices[at[0]].times(taken[at[0]]).as_nanos());
        if taken[at[0]] == sorts[at[0]].0 && left > 0 {
            taken[at[1]] = rows(left, prices[at[1]], sorts[at[1]].0);
        }
        (taken[0], taken[1])
    }

    /// Time of the job for so many rows, besides the processor's.
    pub(crate) fn collecting(&self, (warm, cold): (u64, u64)) -> Duration {
        self.collect_row.times(warm) + self.collect_cold_row.times(cold)
    }

    /// Whether the cleanup job takes time.
    #[must_use]
    pub const fn has_collection(&self) -> bool {
        !(self.collect_sql_row.is_zero()
            && self.collect_row.is_zero()
            && self.collect_cold_row.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_is_written_in_parts_pays_for_every_part() {
        // R-LMS-01: two parts before the end are three calls of the database.
        let us = Duration::from_micros;
        let costs = Costs {
            sql_transaction: us(10),
            log_transaction: us(3),
            link_transaction: us(2),
            ..Costs::default()
        };
        let parts = Footprint { rows: 1, flushes: 2, ..Footprint::default() };
        let sql = costs.sql(parts, Around::default());
        assert_eq!([sql, costs.log(parts), costs.link(parts)], [us(30), us(9), us(6)]);
    }

    #[test]
    fn a_price_is_paid_per_unit_and_bytes_in_shares_of_a_kilobyte() {
        let us = Duration::from_micros;
        let costs = Costs {
            sql_transaction: us(100),
            sql_row: us(10),
            sql_kb: us(4),
            lock_row: us(1),
            send_batch: us(50),
            send_message: us(7),
            ..Costs::default()
        };
        let footprint = Footprint { rows: 3, bytes: 512, ..Footprint::default() };
        let alone = Around::default();
        assert_eq!((costs.sql(footprint, alone), costs.lock(footprint, alone)), (us(132), us(3)));
        let demand =
            Demand { send_batches: 1, send_messages: 5, send_bytes: 9000, ..Demand::default() };
        assert_eq!(costs.work(&demand), us(85));
    }

    #[test]
    fn the_next_host_instance_adds_what_those_before_it_leave() {
        let us = Duration::from_micros;
        let linear = Costs { sql_instance: us(1000), lock_instance: us(10), ..Costs::default() };
        let fading = Costs { instance_overlap: us(500_000), ..linear };
        let first = Costs { instance_overlap: us(2_000_000), ..linear };
        let added = |costs: &Costs, others| {
            let around = Around { others, ..Around::default() };
            let nothing = Footprint::default();
            [costs.sql(nothing, around), costs.lock(nothing, around)]
        };
        for (others, all, half) in [(0, 0, 0), (1, 1000, 1000), (2, 2000, 1500), (3, 3000, 1750)] {
            assert_eq!(added(&linear, others)[0], us(all), "{others} others");
            assert_eq!(added(&fading, others)[0], us(half), "{others} others");
            assert_eq!(added(&first, others)[0], us(1000.min(all)), "{others} others");
        }
        assert_eq!(added(&fading, 3)[1], Duration::from_nanos(17_500));
        assert!(added(&fading, u32::MAX)[0] <= us(2000));
    }

    #[test]
    fn the_cleanup_job_takes_what_it_has_time_for_and_one_row_at_least() {
        let ms = Duration::from_millis;
        let costs = Costs {
            collect_sql_row: ms(1),
            collect_row: ms(1),
            collect_cold_row: ms(39),
            ..Costs::default()
        };
        let newest = |costs: &Costs, rows| costs.collects(ms(1000), rows, CleanupOrder::Newest);
        let oldest = |rows| costs.collects(ms(1000), rows, CleanupOrder::Oldest);
        assert_eq!([newest(&costs, (600, 9)), oldest((600, 9))], [(500, 0), (320, 9)]);
        assert_eq!([newest(&costs, (300, 100)), oldest((300, 100))], [(300, 10), (0, 25)]);
        assert_eq!([newest(&costs, (0, 7)), oldest((0, 7))], [(0, 7); 2]);
        assert_eq!(costs.collecting((2, 3)), ms(2 + 3 * 39));
        let slow = Costs { collect_row: ms(5000), ..costs };
        assert_eq!([newest(&slow, (3, 9)), newest(&slow, (0, 9))], [(1, 0), (0, 9)]);
        let free = Costs { collect_cold_row: ms(40), ..Costs::default() };
        assert_eq!(newest(&free, (1 << 40, 99)), (1 << 40, 25));
        let one = Costs { collect_sql_row: ms(1), ..Costs::default() };
        assert!([costs, free, one].iter().all(Costs::has_collection));
        assert!(!Costs::default().has_collection());
    }

    #[test]
    fn a_row_of_tracking_data_is_dearer_as_its_page_is_away() {
        let us = Duration::from_micros;
        let costs = Costs {
            track_data_row: us(10),
            track_data_cold_row: us(100),
            track_data_body: us(1000),
            track_data_kb: us(20),
            ..Costs::default()
        };
        let what =
            Holdings { services: 1, events: 2, bodies: 1, body_bytes: 5120, ..Holdings::default() };
        let cold = |part| Share { part, of: 4 };
        assert_eq!(costs.tracking_stores(&what, cold(0)), us(40 + 1000 + 100));
        assert_eq!(costs.tracking_stores(&what, cold(3)), us(40 + 300 + 1000 + 100));
        assert_eq!(costs.tracking_deletes(&what, cold(4)), us(40 + 400 + 1000));
        assert!(costs.has_tracking_disk() && !Costs::default().has_tracking_disk());
    }
}
