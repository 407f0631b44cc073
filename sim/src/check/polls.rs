//! Checks on when host instances look into their queues: INV-30.
//!
//! How long a message waits is the wait for the look that takes it, and then service: the database,
//! the threads, the messages before it. The first of the two is the engine's promise, and is judged
//! here: when something is there, nobody who has room and is not held back waits for longer than
//! the poll interval before looking (R-CLK-07). What stands in the way is seen when the interval is
//! over, not before, so that a look costs no more than a note of it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hint::cold_path;

use floodgate_engine::config::Topology;
use floodgate_engine::id::{HostInstanceId, MessageBoxId};
use floodgate_engine::time::{Duration, Instant};

use super::{Checks, Rule};

/// What a host instance is at when it should have looked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Attends {
    /// It does not run, or there is nothing for it any more.
    Away,
    /// It is throttled, or has no room for more.
    Busy,
    /// Nothing keeps it from looking.
    Free,
}

/// One host instance at one MessageBox.
#[derive(Clone, Copy, Debug, Default)]
struct Poll {
    /// Something is there, and it is for this one to look, since then.
    since: Option<Instant>,
    /// Looks under way.
    looking: u32,
    /// A look has ended that may have taken what was there: news begin the interval anew.
    stale: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Polls {
    /// By host instance.
    intervals: Vec<Duration>,
    /// By MessageBox, then host instance.
    polls: Vec<Poll>,
    /// How many of them wait for a look.
    waiting: u32,
    /// Not later than the first interval that is over.
    due: Instant,
}

impl Polls {
    pub(super) fn new(topology: &Topology) -> Self {
        let instances = &topology.host_instances;
        let interval = |instance: &floodgate_engine::config::HostInstanceConfig| {
            topology.hosts[instance.host.index()].settings.poll
        };
        Self {
            intervals: instances.iter().map(interval).collect(),
            polls: vec![Poll::default(); instances.len() * topology.box_count()],
            waiting: 0,
            due: Instant::MAX,
        }
    }

    fn place(&mut self, by: HostInstanceId, home: MessageBoxId) -> usize {
        let place = home.index() * self.intervals.len() + by.index();
        if place >= self.polls.len() {
            cold_path();
            self.polls.resize((home.index() + 1) * self.intervals.len(), Poll::default());
        }
        place
    }

    #[inline]
    fn waits(&mut self, place: usize, by: HostInstanceId, since: Instant) {
        if self.polls[place].since.replace(since).is_none() {
            self.waiting += 1;
        }
        self.due = self.due.min(since + self.intervals[by.index()]);
    }

    #[inline]
    fn waits_no_more(&mut self, place: usize) -> bool {
        self.polls[place].stale = false;
        let waited = self.polls[place].since.take().is_some();
        self.waiting -= u32::from(waited);
        if self.waiting == 0 {
            self.due = Instant::MAX;
        }
        waited
    }
}

impl Polls {
    /// What is known of looks, for an explorer: not when the next question is asked, which may be
    /// too soon, and then nothing comes of it.
    pub(super) fn account(&self) -> impl Debug + '_ {
        let Self { intervals, polls, waiting, due: _ } = self;
        let looks = |(at, poll)| {
            let (home, by) = (at / intervals.len(), at % intervals.len());
            ((MessageBoxId::from(home), HostInstanceId::from(by)), poll)
        };
        (polls.iter().enumerate().map(looks).collect::<BTreeMap<_, _>>(), waiting)
    }
}

impl Checks {
    /// A host instance is told that a MessageBox has something for it.
    #[inline]
    pub(crate) fn has_work(&mut self, by: HostInstanceId, home: MessageBoxId) {
        let place = self.polls.place(by, home);
        let Poll { since, stale, .. } = self.polls.polls[place];
        if since.is_none() || stale {
            self.polls.polls[place].stale = false;
            self.polls.waits(place, by, self.docket.now);
        }
    }

    /// It begins to look.
    #[inline]
    pub(crate) fn looks(&mut self, by: HostInstanceId, home: MessageBoxId) {
        let place = self.polls.place(by, home);
        self.polls.polls[place].looking += 1;
        if self.polls.waits_no_more(place) {
            // In time: where it was late it was judged by then.
            self.docket.judge(Rule::LooksInTime, true, String::new);
        }
    }

    /// It has looked; what came meanwhile it looks for within an interval from now.
    #[inline]
    pub(crate) fn looked(&mut self, by: HostInstanceId, home: MessageBoxId) {
        let place = self.polls.place(by, home);
        let poll = &mut self.polls.polls[place];
        poll.looking = poll.looking.saturating_sub(1);
        if poll.since.is_some() {
            poll.stale = true;
            self.polls.waits(place, by, self.docket.now);
        }
    }

    /// Its process begins, or has ended: nothing is under way.
    pub(super) fn forget_looks(&mut self, by: HostInstanceId) {
        for place in (by.index()..self.polls.polls.len()).step_by(self.polls.intervals.len()) {
            self.polls.waits_no_more(place);
            self.polls.polls[place].looking = 0;
        }
    }

    /// Time may not pass beyond this without a question.
    #[inline(always)]
    pub(crate) const fn looks_due(&self) -> Instant {
        self.polls.due
    }

    /// Time passes to `until`, and nothing happens before: who should have looked by then?
    #[cold]
    pub(crate) fn judge_looks(
        &mut self,
        until: Instant,
        attends: impl Fn(HostInstanceId, MessageBoxId) -> Attends,
    ) {
        self.polls.due = Instant::MAX;
        let instances = self.polls.intervals.len();
        for place in 0..self.polls.polls.len() {
            let by = HostInstanceId::from(place % instances);
            let Poll { since: Some(since), looking, .. } = self.polls.polls[place] else {
                continue;
            };
            let interval = self.polls.intervals[by.index()];
            if since + interval >= until {
                self.polls.waits(place, by, since);
                continue;
            }
            let home = MessageBoxId::from(place / instances);
            match attends(by, home) {
                Attends::Away => drop(self.polls.waits_no_more(place)),
                // From when it can look again it has an interval.
                Attends::Busy => self.polls.waits(place, by, until),
                Attends::Free if looking > 0 => self.polls.waits(place, by, until),
                Attends::Free => {
                    self.polls.waits_no_more(place);
                    self.docket.judge(Rule::LooksInTime, false, || {
                        format!(
                            "{by} has not looked into {home} by {until}, with work since {since}"
                        )
                    });
                }
            }
        }
    }
}
