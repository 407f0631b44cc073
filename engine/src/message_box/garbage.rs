//! Rows that nobody refers to, waiting for the cleanup job: counts, and since when.
//!
//! They are only counted, for what they held is free. While the job keeps up there are two logs
//! that take turns, and no more (R-GC-03). What it does not get through is kept by when it was
//! moved out of them: as much else is published its pages leave the memory, and the job has to
//! read them again.

use std::collections::VecDeque;

use super::policy::CleanupOrder;

/// Parts of what the memory holds by which ages are told apart.
const GRAINS: u64 = 64;

/// Rows of one MessageBox that nobody refers to.
#[derive(Clone, Debug, Default)]
pub(super) struct Garbage {
    /// One is written while the job works off the other.
    logs: [u64; 2],
    /// The log that is written.
    written: usize,
    /// What was moved out of the logs and is in memory, oldest first: how many messages had been
    /// published then, and rows.
    moved: VecDeque<(u64, u64)>,
    /// The sum of these rows.
    warm: u64,
    /// Rows whose pages have left the memory.
    cold: u64,
}

impl Garbage {
    /// A row that nobody refers to any more.
    #[inline(always)]
    pub(super) const fn add(&mut self) {
        self.logs[self.written] += 1;
    }

    pub(super) const fn rows(&self) -> u64 {
        self.logs[0] + self.logs[1] + self.warm + self.cold
    }

    /// The job removes up to `rows` rows of one log, whatever they are; returns how many (INV-15).
    pub(super) fn collect(&mut self, rows: u64) -> u64 {
        if self.logs[1 - self.written] == 0 {
            self.written = 1 - self.written;
        }
        let log = &mut self.logs[1 - self.written];
        let collected = rows.min(*log);
        *log -= collected;
        collected
    }

    /// The job moves what is in the logs out of them, when so much has been `published`; of what it
    /// moved before that has left the memory what is further back than `cached`. Returns the rows
    /// in memory, and those that are not.
    pub(super) fn turn(&mut self, published: u64, cached: u64) -> (u64, u64) {
        let fresh = self.logs[0] + self.logs[1];
        (self.logs, self.warm) = ([0; 2], self.warm + fresh);
        let grain = (cached / GRAINS).max(1);
        match self.moved.back_mut() {
            Some((since, rows)) if published - *since < grain => *rows += fresh,
            Some(_) | None if fresh > 0 => self.moved.push_back((published, fresh)),
            Some(_) | None => {}
        }
        while let Some((_, rows)) = self.moved.pop_front_if(|own| published - own.0 > cached) {
            (self.warm, self.cold) = (self.warm - rows, self.cold + rows);
        }
        (self.warm, self.cold)
    }

    /// The job removes so many rows that were in memory when it began, and so many that were not,
    /// of what it has moved; returns how many (INV-15).
    pub(super) fn remove(&mut self, warm: u64, cold: u64, order: CleanupOrder) -> u64 {
        let asked = warm.min(self.warm);
        let mut left = asked;
        while left > 0 {
            let end = match order {
                CleanupOrder::Newest => self.moved.back_mut(),
                CleanupOrder::Oldest => self.moved.front_mut(),
            };
            let Some((_, rows)) = end else { break };
            let taken = left.min(*rows);
            (*rows, left) = (*rows - taken, left - taken);
            if *rows == 0 {
                match order {
                    CleanupOrder::Newest => self.moved.pop_back(),
                    CleanupOrder::Oldest => self.moved.pop_front(),
                };
            }
        }
        self.warm -= asked;
        let cold = (cold + warm - asked).min(self.cold);
        self.cold -= cold;
        asked + cold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(garbage: &mut Garbage, rows: u64) {
        (0..rows).for_each(|_| garbage.add());
    }

    #[test]
    fn two_logs_take_turns() {
        // R-GC-03: what becomes garbage while the job works one off is for its next round.
        let mut garbage = Garbage::default();
        add(&mut garbage, 4);
        assert_eq!(garbage.collect(3), 3);
        add(&mut garbage, 2);
        assert_eq!(garbage.rows(), 3);
        assert_eq!([garbage.collect(9), garbage.collect(9), garbage.collect(9)], [1, 2, 0]);
        assert_eq!(garbage.rows(), 0);
    }

    #[test]
    fn what_is_left_behind_leaves_the_memory_as_more_is_published() {
        // R-GC-02. Ten rows come with each of five hundred messages, of which memory holds 1,280.
        let mut garbage = Garbage::default();
        for published in [500, 1000, 1500, 2000] {
            add(&mut garbage, 10);
            garbage.turn(published, 1280);
        }
        assert_eq!(garbage.turn(2000, 1280), (30, 10));
        // What came together within a grain of twenty ages together.
        add(&mut garbage, 10);
        assert_eq!(garbage.turn(2019, 1280), (40, 10));
        assert_eq!(garbage.moved.len(), 3);
        add(&mut garbage, 10);
        assert_eq!((garbage.turn(2020, 1280), garbage.moved.len()), ((50, 10), 4));
        assert_eq!(garbage.turn(9999, 1280), (0, 60));
    }

    #[test]
    fn the_newest_or_the_oldest_go_first() {
        let left = |order| {
            let mut garbage = Garbage::default();
            for published in [100, 200, 300] {
                add(&mut garbage, 10);
                garbage.turn(published, 1000);
            }
            assert_eq!(garbage.remove(15, 0, order), 15);
            (garbage.rows(), garbage.turn(1250, 1000))
        };
        assert_eq!(left(CleanupOrder::Newest), (15, (0, 15)));
        assert_eq!(left(CleanupOrder::Oldest), (15, (10, 5)));
    }

    #[test]
    fn what_left_the_memory_while_the_job_was_at_it_goes_all_the_same() {
        let mut garbage = Garbage::default();
        add(&mut garbage, 10);
        assert_eq!(garbage.turn(100, 1000), (10, 0));
        assert_eq!(garbage.turn(2000, 1000), (0, 10));
        assert_eq!(garbage.remove(7, 1, CleanupOrder::Newest), 8);
        assert_eq!((garbage.rows(), garbage.remove(7, 1, CleanupOrder::Oldest)), (2, 2));
    }
}
