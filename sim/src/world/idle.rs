//! What empty looks cost: they are no events of the engine's, so they are counted now and then.
//!
//! On cores that serve first come first served they stand in line with the other work. They are
//! counted when work comes by, every [`EVERY`] at most, and take their places in the line evenly:
//! those since the work before, if that was a while ago, and as many as are to be expected until
//! the next count; what was expected too much or too little is made up for then. \[M\] So the looks
//! of all host instances are spread alike. On cores that are shared, looks take what is left over.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use floodgate_engine::id::{MessageBoxId, ServerId};
use floodgate_engine::time::{Duration, Instant};

use super::World;
use crate::resource::{Audit, Processor};

/// How often looks are counted.
const EVERY: Duration = Duration::from_millis(10);
/// What was longer ago is over: whoever looked then makes nobody wait now.
const REMEMBERED: Duration = Duration::from_secs(1);
/// The golden section of 2^64: its multiples fall everywhere alike.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Empty looks at the MessageBoxes of each server.
#[derive(Clone, Debug)]
pub(super) struct IdleLooks {
    /// When they are to be counted next for the window; never, if they are free.
    pub(super) due: Instant,
    window: (Instant, Instant),
    /// At the beginning of the window and at its end, as far as they were counted.
    counts: Vec<Vec<u64>>,
    /// Looks in line at the cores of each server; empty where they are free.
    lines: Vec<Option<LookLine>>,
}

/// Looks that stand in line at the cores of one server.
#[derive(Clone, Debug, Default)]
struct LookLine {
    /// When they were counted last, and how many there had been.
    counted: (Instant, u64),
    /// Those that were given a place, or were over by then.
    placed: f64,
    /// Where in its step the first of those that get places together is, in 2^-64 of it.
    turn: u64,
    /// When work came by last.
    passed: Instant,
    /// When the next ones take their place.
    planned: VecDeque<Instant>,
    /// When those in line end, and when they came.
    ends: BinaryHeap<Reverse<(Instant, Instant)>>,
    /// Those that took their place.
    served: u64,
}

impl LookLine {
    /// Whether it is time to count.
    fn is_due(&self, now: Instant) -> bool {
        now.since(self.counted.0) >= EVERY
    }

    /// There have been `looks` so far: gives places to those that have none yet, and to those that
    /// are expected. All that was planned before is before those.
    fn plan(&mut self, now: Instant, looks: u64) {
        let (since, before) = std::mem::replace(&mut self.counted, (now, looks));
        let seconds = |from: Instant, to: Instant| to.since(from).as_secs_f64();
        let rate = looks.saturating_sub(before) as f64 / seconds(since, now);
        let mut due = rate * EVERY.as_secs_f64();
        let owed = looks as f64 - self.placed;
        let free = self.passed.max(since + EVERY);
        if now.since(free) >= EVERY {
            let from = free.max(Instant::ZERO + now.since(Instant::ZERO + REMEMBERED));
            let recent = owed * seconds(from, now) / seconds(free, now);
            self.placed += owed - recent;
            self.place(recent, (from, now));
        } else {
            due += owed;
        }
        self.place(due, (now, now + EVERY));
    }

    /// Gives places to whole looks, evenly between two instants; where the first one is differs
    /// from time to time, so that work which comes at the end finds them as anybody would.
    fn place(&mut self, looks: f64, (from, to): (Instant, Instant)) {
        let count = looks.max(0.0) as u64;
        if count == 0 {
            return;
        }
        let step = to.since(from).as_nanos() / count;
        self.turn = self.turn.wrapping_add(GOLDEN);
        let first = (u128::from(step) * u128::from(self.turn)) >> 64;
        let first = from + Duration::from_nanos(first as u64);
        self.planned.extend((0..count).map(|at| first + Duration::from_nanos(step * at)));
        self.placed += count as f64;
    }

    /// Looks come and go up to `now`, each in its turn.
    fn pass(&mut self, now: Instant, price: Duration, cores: &mut Processor, audit: &mut Audit) {
        loop {
            let next = self.planned.front().copied().filter(|at| *at <= now);
            let end = self.ends.peek().map(|Reverse(end)| *end).filter(|(at, _)| *at <= now);
            match (next, end) {
                (Some(at), end) if end.is_none_or(|(end, _)| at < end) => {
                    self.planned.pop_front();
                    audit.comes(at, price);
                    if let Some(end) = cores.submit(at, 0, price) {
                        self.ends.push(Reverse((end, at)));
                    }
                    self.served += 1;
                }
                (_, Some((end, since))) => {
                    self.ends.pop();
                    audit.goes(end, since);
                }
                _ => return,
            }
        }
    }
}

impl IdleLooks {
    pub(super) fn over(window: (Instant, Instant), price: Duration) -> Self {
        let due = if price.is_zero() { Instant::MAX } else { window.0 };
        Self { due, window, counts: Vec::new(), lines: Vec::new() }
    }

    /// Looks stand in line at these cores, if they have a price.
    pub(super) fn queue_at(&mut self, processors: &[Processor], databases: &[ServerId]) {
        if self.due == Instant::MAX {
            return;
        }
        let line = |(at, cores): (usize, &Processor)| match cores {
            Processor::Fcfs(_) if databases.contains(&ServerId::from(at)) => {
                Some(LookLine::default())
            }
            Processor::Fcfs(_) | Processor::Sharing(_) => None,
        };
        self.lines = processors.iter().enumerate().map(line).collect();
    }

    /// Whether any look stands in line.
    #[inline]
    pub(super) const fn is_queued(&self) -> bool {
        !self.lines.is_empty()
    }

    /// When the looks came that are in line at the end.
    pub(super) fn here(&self, server: usize) -> impl Iterator<Item = Instant> {
        let line = self.lines.get(server).and_then(Option::as_ref);
        line.into_iter().flat_map(|line| line.ends.iter().map(|Reverse((_, since))| *since))
    }
}

impl World {
    /// Looks come and go at the cores of a server up to now.
    #[cold]
    pub(super) fn queue_looks(&mut self, server: ServerId) {
        let (now, at, price) = (self.now, server.index(), self.costs.idle_look);
        let is_due = |line: &LookLine| line.is_due(now);
        let line = self.idle.lines.get(at).and_then(Option::as_ref);
        let looks = line.is_some_and(is_due).then(|| self.idle_looks(now)[at]);
        let Some(Some(line)) = self.idle.lines.get_mut(at) else { return };
        let (cores, audit) = (&mut self.processors[at], &mut self.audits.cpus[at]);
        if let Some(looks) = looks {
            line.plan(now, looks);
        }
        line.pass(now, price, cores, audit);
        line.passed = now;
    }

    /// The same at all servers, at the end.
    pub(super) fn queue_all_looks(&mut self) {
        for server in 0..self.idle.lines.len() {
            self.queue_looks(ServerId::from(server));
        }
    }

    /// Counts empty looks at the instant that is due.
    #[cold]
    pub(super) fn count_idle_looks(&mut self) {
        let at = self.idle.due;
        let counted = self.looks_aside(at);
        self.idle.counts.push(counted);
        let is_first = self.idle.counts.len() == 1;
        self.idle.due = if is_first { self.idle.window.1 } else { Instant::MAX };
    }

    /// Empty looks at the MessageBoxes of every server before an instant. \[M\] A host instance
    /// looks for messages and for orchestrations, an isolated one for messages alone; both are
    /// asked for at the interval of the host.
    pub(super) fn idle_looks(&self, at: Instant) -> Vec<u64> {
        let mut looks = vec![0; self.topology.servers.len()];
        for (home, server) in self.databases.iter().enumerate() {
            let home = MessageBoxId::from(home);
            looks[server.index()] += self.instances.iter().fold(0, |sum, instance| {
                let classes = if self.topology.is_isolated(instance.host()) { 1 } else { 2 };
                sum + classes * instance.empty_looks(home, at)
            });
        }
        looks
    }

    /// Those of them that stood in no line: no work waited for them.
    pub(super) fn looks_aside(&self, at: Instant) -> Vec<u64> {
        let mut looks = self.idle_looks(at);
        for (looks, line) in looks.iter_mut().zip(&self.idle.lines) {
            *looks = looks.saturating_sub(line.as_ref().map_or(0, |line| line.served));
        }
        looks
    }

    /// The share of a server's cores that empty looks took in the window without standing in line.
    pub(super) fn idle_share(&self, server: ServerId) -> f64 {
        let (from, to) = self.idle.window;
        let to = to.min(self.active);
        let Some(first) = self.idle.counts.first().filter(|_| to > from) else { return 0.0 };
        let last = self.idle.counts.get(1).cloned().unwrap_or_else(|| self.looks_aside(to));
        let looks = last[server.index()].saturating_sub(first[server.index()]);
        let cores = f64::from(self.topology.servers[server.index()].cpus);
        looks as f64 * self.costs.idle_look.as_secs_f64() / cores / to.since(from).as_secs_f64()
    }
}
