//! Two accounts of one resource that must agree.
//!
//! One is kept of what is asked: jobs, and the service that each demands. The other is kept of
//! what happens: the instants at which jobs come and go, as the world sees them. Nothing of the
//! second comes from the resource's own arithmetic, so that the laws below can fail.

use floodgate_engine::time::{Duration, Instant};

use super::Usage;

/// A law that every resource obeys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Law {
    /// What is present on average is what comes, times how long it stays.
    Little,
    /// Busy time is the number of jobs times their mean demand.
    Utilisation,
}

/// How an audit came out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What was audited.
    pub of: String,
    /// Which law.
    pub law: Law,
    /// Whether it holds; nothing is said where jobs were broken off.
    pub holds: Option<bool>,
    /// The figures.
    pub detail: String,
}

/// The two accounts of one resource.
#[derive(Clone, Debug)]
pub struct Audit {
    servers: u64,
    window: (Instant, Instant),
    since: Instant,
    present: u64,
    /// Jobs present, times nanoseconds.
    area: u128,
    /// Servers at work, times nanoseconds: over the run, and in the window.
    busy: u128,
    busy_in_window: u128,
    jobs: u64,
    /// In nanoseconds.
    demanded: u128,
    /// Of the jobs that have ended, in nanoseconds.
    sojourns: u128,
    /// Jobs that were broken off: from then on the accounts say nothing.
    broken_off: u64,
}

impl Audit {
    /// The accounts of so many servers; busy time is also kept for a window.
    #[must_use]
    pub fn new(servers: u32, window: (Instant, Instant)) -> Self {
        Self {
            servers: servers.into(),
            window,
            since: Instant::ZERO,
            present: 0,
            area: 0,
            busy: 0,
            busy_in_window: 0,
            jobs: 0,
            demanded: 0,
            sojourns: 0,
            broken_off: 0,
        }
    }

    #[inline(always)]
    fn advance(&mut self, now: Instant) {
        let span = u128::from(now.since(self.since).as_nanos());
        let working = u128::from(self.present.min(self.servers));
        self.area += span * u128::from(self.present);
        self.busy += span * working;
        let (from, to) = (self.since.max(self.window.0), now.min(self.window.1));
        if from < to {
            self.busy_in_window += u128::from(to.since(from).as_nanos()) * working;
        }
        self.since = now;
    }

    /// A job comes.
    #[inline]
    pub fn comes(&mut self, now: Instant, demand: Duration) {
        self.advance(now);
        self.present += 1;
        self.jobs += 1;
        self.demanded += u128::from(demand.as_nanos());
    }

    /// A job that came at `since` goes.
    #[inline(always)]
    pub fn goes(&mut self, now: Instant, since: Instant) {
        self.advance(now);
        self.present = self.present.saturating_sub(1);
        self.sojourns += u128::from(now.since(since).as_nanos());
    }

    /// Servers at work up to `now`, times nanoseconds.
    #[must_use]
    pub fn busy(&self, now: Instant) -> u128 {
        let span = u128::from(now.since(self.since).as_nanos());
        self.busy + span * u128::from(self.present.min(self.servers))
    }

    /// Jobs present up to `now`, times nanoseconds.
    #[must_use]
    pub fn present(&self, now: Instant) -> u128 {
        let span = u128::from(now.since(self.since).as_nanos());
        self.area + span * u128::from(self.present)
    }

    /// Jobs that ended, and the nanoseconds that all of them stayed.
    #[must_use]
    pub const fn ended(&self) -> (u64, u128) {
        (self.jobs - self.present, self.sojourns)
    }

    /// The service that all jobs together demand.
    #[must_use]
    pub fn demanded(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.demanded).unwrap_or(u64::MAX))
    }

    /// Whoever waited for a job is gone: nobody will say when it ends.
    pub const fn breaks_off(&mut self) {
        self.broken_off += 1;
    }

    /// The findings at the end. `left` is the service that the resource has still to give, `here`
    /// the instants at which the jobs came that are still there, and `usage` what it reports.
    #[must_use]
    pub fn close(
        mut self,
        of: &str,
        now: Instant,
        left: Duration,
        here: &[Instant],
        usage: &Usage,
    ) -> Vec<Finding> {
        self.advance(now);
        let still: u128 = here.iter().map(|since| u128::from(now.since(*since).as_nanos())).sum();
        // Ends are told at whole nanoseconds, up to one later than they are.
        let slack = u128::from(self.jobs).saturating_mul(2) + 2;
        let served = self.demanded.saturating_sub(left.as_nanos().into());
        let (sojourns, reported) = (self.sojourns + still, self.reported(usage));
        let judged = self.broken_off == 0;
        // What a resource reports of a window is asked when that is over.
        let over = now >= self.window.1 || self.present == 0;
        let utilisation = self.busy.abs_diff(served) <= slack
            && (!over || self.busy_in_window.abs_diff(reported) <= slack + reported / 1_000_000);
        let little = self.area.abs_diff(sojourns) <= slack;
        let finding = |law, holds, detail| Finding {
            of: of.to_owned(),
            law,
            holds: judged.then_some(holds),
            detail,
        };
        vec![
            finding(Law::Utilisation, utilisation, self.utilisation_figures(served, reported)),
            finding(
                Law::Little,
                little,
                format!("{} present on the whole, {} of stays", nanos(self.area), nanos(sojourns)),
            ),
        ]
    }

    /// Busy time in the window as the resource reports it.
    fn reported(&self, usage: &Usage) -> u128 {
        let window = self.window.1.since(self.window.0).as_nanos() as f64;
        (usage.utilisation * self.servers as f64 * window) as u128
    }

    fn utilisation_figures(&self, served: u128, reported: u128) -> String {
        let mean = self.demanded.checked_div(self.jobs.into()).unwrap_or(0);
        format!(
            "{} busy; {} jobs of {} each, served {}; in the window {} busy, reported {}",
            nanos(self.busy),
            self.jobs,
            nanos(mean),
            nanos(served),
            nanos(self.busy_in_window),
            nanos(reported),
        )
    }
}

fn nanos(nanos: u128) -> String {
    format!("{:.6} s", nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Fcfs;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + ms(millis)
    }

    /// Three jobs on one server, of which the last is still there at the end.
    fn story(second_ends: u64) -> Vec<Finding> {
        let window = (at(0), at(40));
        let (mut line, mut audit) = (Fcfs::new(1), Audit::new(1, window));
        line.observe(window.0, window.1);
        for (comes, demand) in [(0, 10), (4, 10), (35, 20)] {
            line.submit(at(comes), ms(demand));
        }
        audit.comes(at(0), ms(10));
        audit.comes(at(4), ms(10));
        audit.goes(at(10), at(0));
        audit.goes(at(second_ends), at(4));
        audit.comes(at(35), ms(20));
        audit.close("line", at(40), line.work_left(at(40)), &[at(35)], &line.usage())
    }

    #[test]
    fn both_laws_hold_where_jobs_end_when_the_resource_says() {
        let findings = story(20);
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|one| one.holds == Some(true)), "{findings:?}");
    }

    #[test]
    fn a_job_that_ends_at_another_instant_breaks_the_utilisation_law() {
        let findings = story(21);
        assert_eq!((findings[0].law, findings[0].holds), (Law::Utilisation, Some(false)));
    }

    #[test]
    fn a_job_that_nobody_ends_breaks_little_s_law() {
        let mut audit = Audit::new(1, (at(0), at(40)));
        audit.comes(at(0), ms(10));
        let findings = audit.close("line", at(40), ms(0), &[], &Usage::default());
        assert_eq!((findings[1].law, findings[1].holds), (Law::Little, Some(false)));
    }

    #[test]
    fn nothing_is_said_of_jobs_that_were_broken_off() {
        let mut audit = Audit::new(1, (at(0), at(40)));
        audit.comes(at(0), ms(10));
        audit.breaks_off();
        let findings = audit.close("line", at(40), ms(0), &[], &Usage::default());
        assert!(findings.iter().all(|one| one.holds.is_none()));
    }
}
