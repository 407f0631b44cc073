//! The tables of the tracking database: what they hold, by when it was written.

use std::collections::VecDeque;

use floodgate_engine::config::Holdings;
use floodgate_engine::time::{Duration, Instant};

use crate::cost::Share;
use crate::setup::TrackingSettings;

/// What was written in one period, up to its end.
type Written = (Instant, Holdings);

/// All tables. What was written within one period of the job that deletes is one entry, so that
/// a table of millions of rows takes no more than that.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    period: Duration,
    /// Of services that are done: soft purge.
    ended: VecDeque<Written>,
    /// Of services that are not: hard purge.
    begun: VecDeque<Written>,
    holds: Holdings,
    written: Holdings,
    deleted: Holdings,
    /// When the oldest of what is being deleted should have gone.
    expired_since: Instant,
}

/// What is to be deleted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Left {
    holdings: Holdings,
}

impl Table {
    pub(super) fn new(period: Duration) -> Self {
        Self {
            period,
            ended: VecDeque::new(),
            begun: VecDeque::new(),
            holds: Holdings::default(),
            written: Holdings::default(),
            deleted: Holdings::default(),
            expired_since: Instant::ZERO,
        }
    }

    /// What the tables hold.
    pub(crate) const fn holds(&self) -> &Holdings {
        &self.holds
    }

    /// Everything that was ever written.
    pub(crate) const fn written(&self) -> &Holdings {
        &self.written
    }

    /// Everything that was ever deleted.
    pub(crate) const fn gone(&self) -> &Holdings {
        &self.deleted
    }

    pub(super) const fn expired_since(&self) -> Instant {
        self.expired_since
    }

    /// Something is written, by services that are done or by such that are not.
    pub(super) fn write(&mut self, now: Instant, what: &Holdings, ended: bool) {
        if *what == Holdings::default() {
            return;
        }
        self.holds.add(what);
        self.written.add(what);
        let period = self.period.as_nanos().max(1);
        let until = Instant::from_nanos((now.as_nanos() / period + 1) * period);
        let entries = if ended { &mut self.ended } else { &mut self.begun };
        match entries.back_mut() {
            Some((known, holdings)) if *known == until => holdings.add(what),
            Some(_) | None => entries.push_back((until, *what)),
        }
    }

    /// For how long the oldest entry has been too old, if one is.
    pub(super) fn late(
        &self,
        now: Instant,
        keep: Duration,
        keep_at_most: Duration,
    ) -> Option<Duration> {
        let over = |entries: &VecDeque<Written>, keep: Duration| {
            let (written, _) = entries.front()?;
            now.as_nanos().checked_sub(written.as_nanos())?.checked_sub(keep.as_nanos())
        };
        let soft = over(&self.ended, keep.min(keep_at_most));
        soft.max(over(&self.begun, keep_at_most)).map(Duration::from_nanos)
    }

    /// Takes out of the books what is too old; it is still there until it is deleted.
    pub(super) fn expire(&mut self, now: Instant, keep: Duration, keep_at_most: Duration) -> Left {
        let late = self.late(now, keep, keep_at_most).unwrap_or(Duration::ZERO);
        self.expired_since = Instant::from_nanos(now.as_nanos() - late.as_nanos());
        let mut left = Left::default();
        for (entries, keep) in
            [(&mut self.ended, keep.min(keep_at_most)), (&mut self.begun, keep_at_most)]
        {
            while let Some((_, old)) = entries.pop_front_if(|(written, _)| *written + keep <= now) {
                left.holdings.add(&old);
            }
        }
        left
    }

    /// So much has been deleted.
    pub(super) fn deleted(&mut self, part: &Left) {
        self.holds.take(&part.holdings);
        self.deleted.add(&part.holdings);
    }

    /// The share of the rows whose pages are not in memory.
    pub(super) fn cold(&self, settings: &TrackingSettings) -> Share {
        let rows = self.holds.rows();
        Share { part: rows.saturating_sub(settings.cached_rows), of: rows.max(1) }
    }
}

impl Left {
    /// All of it.
    pub(super) const fn all(&self) -> Holdings {
        self.holdings
    }

    /// Takes the part that one transaction deletes, of each kind its share; `None` when nothing is
    /// left.
    pub(super) fn part(&mut self, rows: u64) -> Option<Self> {
        let all = self.holdings;
        if all.rows() == 0 {
            return None;
        }
        let share = |count: u64| {
            let part = u128::from(count) * u128::from(rows) / u128::from(all.rows());
            u64::try_from(part).unwrap_or(count)
        };
        let mut part = Holdings {
            services: share(all.services),
            events: share(all.events),
            properties: share(all.properties),
            property_bytes: share(all.property_bytes),
            bodies: share(all.bodies),
            body_bytes: share(all.body_bytes),
        };
        if all.rows() <= rows || part.rows() == 0 {
            part = all;
        }
        self.holdings.take(&part);
        Some(Self { holdings: part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn events(events: u64) -> Holdings {
        Holdings { services: 1, events, ..Holdings::default() }
    }

    #[test]
    fn soft_purge_takes_what_has_ended_and_hard_purge_takes_everything() {
        // R-GC-02.
        let mut table = Table::new(secs(60));
        table.write(at(10), &events(5), true);
        table.write(at(50), &events(7), true);
        table.write(at(20), &events(3), false);
        assert_eq!(table.late(at(659), secs(600), secs(3600)), None);
        assert_eq!(table.late(at(661), secs(600), secs(3600)), Some(secs(1)));
        let mut soft = table.expire(at(661), secs(600), secs(3600));
        assert_eq!((soft.all().events, soft.all().services), (12, 2));
        assert_eq!(table.holds().events, 15, "it is there until it is deleted");
        let part = soft.part(u64::MAX / 2).expect("something is left");
        table.deleted(&part);
        assert_eq!((table.holds().events, soft.part(9)), (3, None));
        assert_eq!(table.expire(at(3659), secs(600), secs(3600)).all().events, 0);
        assert_eq!(table.expire(at(3660), secs(600), secs(3600)).all().events, 3);
    }

    #[test]
    fn parts_are_a_transaction_each_and_together_the_whole() {
        let all = Holdings { services: 100, events: 201, bodies: 7, body_bytes: 7001, ..events(0) };
        let mut left = Left { holdings: Holdings { services: 100, ..all } };
        let (mut sum, mut parts) = (Holdings::default(), 0);
        while let Some(part) = left.part(50) {
            assert!(part.all().rows() <= 50);
            sum.add(&part.all());
            parts += 1;
        }
        assert_eq!(sum, Holdings { services: 100, ..all });
        assert!((7..=9).contains(&parts), "{parts}");
    }
}
