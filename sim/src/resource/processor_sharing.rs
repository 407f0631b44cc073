//! Cores that all present jobs share evenly, as the threads of a machine do.
//!
//! Every job is served at the same rate, so one clock of attained service suffices: a job is done
//! when the clock has advanced by its demand since it came. Jobs wait in a heap by that mark, and
//! an arrival or a departure only changes the rate of the clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use floodgate_engine::time::{Duration, Instant};

use super::{Meter, UNIT_BITS, Usage, units};

/// A job that finishes this many units, 2^-16 ns, after a whole nanosecond finishes at it: the
/// clock is rounded down at each change of its rate, which should not cost a whole nanosecond.
const SLACK: u128 = 1 << 16;

/// A number of equal cores under processor sharing: with `n` jobs on `c` cores each is served at
/// the rate min(1, c / n).
///
/// Ask `poll_timeout` after each call, and call `complete` at that instant.
#[derive(Clone, Debug)]
pub struct ProcessorSharing {
    jobs: BinaryHeap<Reverse<Job>>,
    /// Finished, but not yet collected.
    done: Vec<u64>,
    /// The service attained by a job that was present all along, in units, as of `now`.
    clock: u128,
    /// In units: a job leaves at its exact time, although it is reported at a whole nanosecond.
    now: u128,
    sequence: u64,
    cores: u32,
    meter: Meter,
    timeout: Option<Instant>,
}

/// Ordered by its first two fields; `sequence` is unique.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Job {
    done_at_clock: u128,
    sequence: u64,
    name: u64,
    submitted: Instant,
    demand: Duration,
}

impl ProcessorSharing {
    /// `cores` idle cores; at least one.
    #[must_use]
    pub fn new(cores: u32) -> Self {
        assert!(cores > 0, "a resource has at least one core");
        Self {
            jobs: BinaryHeap::new(),
            done: Vec::new(),
            clock: 0,
            now: 0,
            sequence: 0,
            cores,
            meter: Meter::new(Instant::ZERO, Instant::MAX),
            timeout: None,
        }
    }

    /// Submits a job of `demand` at `now`, to be known as `job`. Jobs that finish before `now`
    /// must have been collected by `complete`.
    pub fn submit(&mut self, now: Instant, job: u64, demand: Duration) {
        assert!(
            self.timeout.is_none_or(|timeout| timeout >= now),
            "finished jobs are collected before a later one is submitted"
        );
        self.advance(now);
        let done_at_clock = self.clock + (u128::from(demand.as_nanos()) << UNIT_BITS);
        let sequence = self.sequence;
        self.sequence += 1;
        self.jobs.push(Reverse(Job { done_at_clock, sequence, name: job, submitted: now, demand }));
        self.set_timeout();
    }

    /// When the next job finishes if none is submitted before, rounded up to a nanosecond.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// Appends to `finished` the jobs that finish up to `now`, in the order of finishing and,
    /// at one time, of submission.
    pub fn complete(&mut self, now: Instant, finished: &mut Vec<u64>) {
        self.advance(now);
        finished.append(&mut self.done);
        self.set_timeout();
    }

    /// Observes `[from, to)` afresh; the window may not begin before the last call.
    pub fn observe(&mut self, from: Instant, to: Instant) {
        assert!(units(from) >= self.now, "a window begins after what has already happened");
        self.meter = Meter::new(from, to);
    }

    /// Service that was submitted and is not given by `now`, which is no later than the next
    /// `poll_timeout`.
    #[must_use]
    pub fn work_left(&self, now: Instant) -> Duration {
        let mut then = self.clone();
        then.advance(now);
        let left = then.jobs.iter().map(|Reverse(job)| job.done_at_clock - then.clock);
        let nanos = left.sum::<u128>() >> UNIT_BITS;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// What was observed, to be asked when the window is over and all that finished in it is
    /// collected.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut meter = self.meter.clone();
        let (served, excess) = self.served_and_excess();
        meter.add(self.now, units(meter.to), served, excess);
        meter.usage(self.cores)
    }

    /// Brings the clock to `now`, letting those jobs leave that finish on the way.
    fn advance(&mut self, now: Instant) {
        let now = units(now);
        assert!(now >= self.now, "virtual time never goes back");
        while let Some((finish, job)) = self.next_finish()
            && finish <= now + SLACK
        {
            self.advance_alike(finish.min(now));
            self.jobs.pop();
            self.done.push(job.name);
            if self.meter.covers(job.submitted) {
                self.meter.count(whole_nanos(self.now).since(job.submitted) - job.demand);
            }
        }
        self.advance_alike(now);
    }

    /// Brings the clock to `now`, while the same jobs are present.
    fn advance_alike(&mut self, now: u128) {
        let (served, excess) = self.served_and_excess();
        self.meter.add(self.now, now, served, excess);
        let elapsed = now - self.now;
        self.clock += match excess {
            0 => elapsed,
            _ => elapsed * u128::from(served) / u128::from(served + excess),
        };
        self.now = now;
    }

    /// The time, in units and rounded up, at which the clock will reach the first mark; and whose.
    fn next_finish(&self) -> Option<(u128, Job)> {
        let Reverse(job) = *self.jobs.peek()?;
        let lacking = job.done_at_clock.saturating_sub(self.clock);
        let (served, excess) = self.served_and_excess();
        let units = match excess {
            0 => lacking,
            _ => (lacking * u128::from(served + excess)).div_ceil(u128::from(served)),
        };
        Some((self.now + units, job))
    }

    fn set_timeout(&mut self) {
        self.timeout = match self.done.is_empty() {
            true => self.next_finish().map(|(finish, _)| whole_nanos(finish)),
            false => Some(whole_nanos(self.now)),
        };
    }

    /// How many cores work, and how many jobs there are beyond the cores.
    fn served_and_excess(&self) -> (u64, u64) {
        let (cores, jobs) = (u64::from(self.cores), self.jobs.len() as u64);
        (jobs.min(cores), jobs.saturating_sub(cores))
    }
}

/// The whole nanosecond at `time` or next after it, but for the slack.
fn whole_nanos(time: u128) -> Instant {
    let nanos = time.saturating_sub(SLACK).div_ceil(1 << UNIT_BITS);
    Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + ms(millis)
    }

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Submits (instant, demand) in order and gives (finish, job) in the order of finishing.
    fn run(cpu: &mut ProcessorSharing, jobs: &[(Instant, Duration)]) -> Vec<(Instant, u64)> {
        let (mut log, mut finished) = (Vec::new(), Vec::new());
        let mut collect = |cpu: &mut ProcessorSharing, until: Instant| {
            while let Some(finish) = cpu.poll_timeout().filter(|finish| *finish <= until) {
                cpu.complete(finish, &mut finished);
                assert!(!finished.is_empty(), "a job finishes at its timeout");
                log.extend(finished.drain(..).map(|job| (finish, job)));
            }
        };
        for (job, &(submitted, demand)) in (0..).zip(jobs) {
            collect(cpu, submitted);
            cpu.submit(submitted, job, demand);
        }
        collect(cpu, Instant::MAX);
        log
    }

    #[test]
    fn two_jobs_share_one_core() {
        let mut cpu = ProcessorSharing::new(1);
        cpu.observe(at(0), at(100));
        // Alone for 10 ms, then at half speed until the short one ends, then alone again.
        let log = run(&mut cpu, &[(at(0), ms(30)), (at(10), ms(5))]);
        assert_eq!(log, [(at(20), 1), (at(35), 0)]);
        let expected = Usage { utilisation: 0.35, queue_mean: 0.1, wait_mean: ms(5), jobs: 2 };
        assert_eq!(cpu.usage(), expected);
    }

    #[test]
    fn thirds_do_not_make_a_job_late() {
        let mut cpu = ProcessorSharing::new(1);
        let log = run(&mut cpu, &[(at(0), ms(1)), (at(0), ms(1)), (at(0), ms(2)), (at(1), ms(1))]);
        // Attained at 1 ms: a third each. Four share until 3 2/3 ms, two until 4 1/3, one until 5.
        let nanos: Vec<_> = log.iter().map(|(at, job)| (at.as_nanos(), *job)).collect();
        assert_eq!(nanos, [(3_666_667, 0), (3_666_667, 1), (4_333_334, 3), (5_000_000, 2)]);
    }

    #[test]
    fn as_many_jobs_as_cores_run_at_full_speed() {
        let mut cpu = ProcessorSharing::new(3);
        cpu.observe(at(0), at(10));
        let log = run(&mut cpu, &[(at(0), ms(9)), (at(1), ms(2)), (at(2), ms(5))]);
        assert_eq!(log, [(at(3), 1), (at(7), 2), (at(9), 0)]);
        let usage = cpu.usage();
        assert!((usage.utilisation - 16.0 / 30.0).abs() < 1e-12);
        assert_eq!((usage.wait_mean, usage.jobs), (Duration::ZERO, 3));
    }

    #[test]
    fn three_jobs_on_two_cores_run_at_two_thirds() {
        let mut cpu = ProcessorSharing::new(2);
        let log = run(&mut cpu, &[(at(0), ms(4)), (at(0), ms(4)), (at(0), ms(8))]);
        assert_eq!(log, [(at(6), 0), (at(6), 1), (at(10), 2)]);
    }

    #[test]
    fn a_job_without_demand_finishes_at_once_and_one_without_end_never_overflows() {
        let mut cpu = ProcessorSharing::new(1);
        cpu.submit(at(1), 7, Duration::ZERO);
        cpu.submit(at(1), 8, Duration::MAX);
        assert_eq!(cpu.poll_timeout(), Some(at(1)));
        let mut finished = Vec::new();
        cpu.complete(at(1), &mut finished);
        assert_eq!(finished, [7]);
        assert_eq!(cpu.poll_timeout(), Some(Instant::MAX));
    }

    #[test]
    fn a_late_call_collects_what_finished_as_if_called_in_time() {
        let mut cpu = ProcessorSharing::new(1);
        cpu.submit(at(0), 0, ms(2));
        cpu.submit(at(0), 1, ms(4));
        let mut finished = Vec::new();
        cpu.complete(at(5), &mut finished);
        assert_eq!((finished.as_slice(), cpu.poll_timeout()), ([0].as_slice(), Some(at(6))));
    }

    #[test]
    fn a_window_opened_in_mid_run_sees_what_is_under_way() {
        let mut cpu = ProcessorSharing::new(1);
        cpu.submit(at(0), 0, ms(10));
        cpu.submit(at(0), 1, ms(20));
        cpu.observe(at(10), at(40));
        let mut finished = Vec::new();
        cpu.complete(at(40), &mut finished);
        // Two jobs until 20 ms, one until 30 ms.
        let usage = cpu.usage();
        assert!((usage.utilisation - 2.0 / 3.0).abs() < 1e-12);
        assert!((usage.queue_mean - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(usage.jobs, 0);
    }

    /// The same in floating point and by brute force: the finish of each job, in nanoseconds.
    fn brute_force(cores: u32, jobs: &[(Instant, Duration)]) -> Vec<f64> {
        let mut finish = vec![0.0; jobs.len()];
        let mut present: Vec<(usize, f64)> = Vec::new();
        let (mut now, mut coming) = (0.0_f64, 0);
        while coming < jobs.len() || !present.is_empty() {
            let rate = (f64::from(cores) / present.len() as f64).min(1.0);
            let least = present.iter().map(|job| job.1).fold(f64::INFINITY, f64::min);
            let arrival = jobs.get(coming).map_or(f64::INFINITY, |job| job.0.as_nanos() as f64);
            let next = arrival.min(now + least / rate);
            present.iter_mut().for_each(|job| job.1 -= (next - now) * rate);
            now = next;
            for &(job, _) in present.iter().filter(|job| job.1 <= 1e-4) {
                finish[job] = now;
            }
            present.retain(|job| job.1 > 1e-4);
            if now >= arrival {
                present.push((coming, jobs[coming].1.as_nanos() as f64));
                coming += 1;
            }
        }
        finish
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 300,
            rng_seed: RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn service_is_conserved(
            cores in 1_u32..5,
            jobs in prop::collection::vec((0_u64..200_000, 1_u64..400_000), 1..120),
        ) {
            let mut now = Instant::ZERO;
            let jobs: Vec<_> = jobs
                .into_iter()
                .map(|(gap, demand)| {
                    now += Duration::from_nanos(gap);
                    (now, Duration::from_nanos(demand))
                })
                .collect();
            let mut cpu = ProcessorSharing::new(cores);
            let log = run(&mut cpu, &jobs);
            prop_assert_eq!(log.len(), jobs.len());

            // The integral of service is the sum of demands, to a nanosecond in all.
            let demanded: u128 = jobs.iter().map(|job| u128::from(job.1.as_nanos())).sum();
            let error = (demanded << UNIT_BITS).abs_diff(cpu.meter.busy);
            prop_assert!(error < 1 << UNIT_BITS, "{} units of {demanded} ns", cpu.meter.busy);

            let exact = brute_force(cores, &jobs);
            for (finish, job) in log {
                let late = finish.as_nanos() as f64 - exact[job as usize];
                prop_assert!((-0.01..1.01).contains(&late), "job {job} is late by {late} ns");
            }
        }
    }
}
