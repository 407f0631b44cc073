//! Work on the processors of the servers.

use std::hint::cold_path;

use floodgate_engine::host::{FrameId, HostInput};
use floodgate_engine::id::{HostInstanceId, Key, MessageBoxId, ServerId};
use floodgate_engine::time::{Duration, Instant};

use super::{Due, World};

/// What waits for a core.
#[derive(Clone, Copy, Debug)]
pub(super) enum Job {
    /// Rows that a cleanup job removes.
    Cleanup(MessageBoxId),
    /// A core stands still for a garbage collection.
    Collection,
    /// A transaction over several databases is prepared on the BizTalk server.
    Enlistment(Key),
    /// A step of a transaction with the tracking database.
    Tracking(Key),
    /// The CPU part of a transaction.
    Transaction(Key),
    /// Work of a frame.
    Work(HostInstanceId, FrameId),
}

/// A job, where it is, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) job: Job,
    pub(super) server: ServerId,
    pub(super) since: Instant,
}

impl World {
    /// `work` with the pauses of the runtime that it causes on a BizTalk server.
    pub(super) fn with_pauses(&mut self, server: ServerId, work: Duration) -> Duration {
        if self.costs.runtime_pause.is_zero() {
            return work;
        }
        let pauses = self.costs.pauses(self.topology.servers[server.index()].cpus, work);
        let (worked, paused) = &mut self.audits.work[server.index()];
        *worked += work;
        *paused += pauses;
        work + pauses
    }

    /// Work for a server's processor.
    #[inline(always)]
    pub(super) fn compute(&mut self, server: ServerId, job: Job, cost: Duration) {
        for (_, watched) in &mut self.watched {
            cold_path();
            watched.give(server, cost);
        }
        if self.idle.is_queued() {
            self.queue_looks(server);
        }
        self.audits.cpus[server.index()].comes(self.now, cost);
        let job = self.jobs.insert(Placed { job, server, since: self.now });
        let token = job.index() as u64;
        match self.processors[server.index()].submit(self.now, token, cost) {
            Some(done) => self.schedule(done, Due::Job(job)),
            // A shared job is found again by its place, so its key is rebuilt from there.
            None => self.watch_shared(server),
        }
    }

    fn watch_shared(&mut self, server: ServerId) {
        let version = &mut self.shared_versions[server.index()];
        *version = version.wrapping_add(1);
        let version = *version;
        if let Some(at) = self.processors[server.index()].poll_timeout() {
            self.schedule(at.max(self.now), Due::Shared { server: server.0, version });
        }
    }

    #[inline(never)]
    pub(super) fn shared_done(&mut self, server: u32, version: u32) -> bool {
        if self.shared_versions[server as usize] != version {
            return true;
        }
        let mut is_work = false;
        let mut finished = std::mem::take(&mut self.finished);
        self.processors[server as usize].complete(self.now, &mut finished);
        for place in finished.drain(..) {
            let job =
                self.jobs.key_at(place as usize).expect("a shared job is in the table of jobs");
            is_work |= self.job_done(job);
        }
        self.finished = finished;
        self.watch_shared(ServerId(server));
        is_work
    }

    /// A job on a core is done. Whether it was part of the work: cleaning up is none.
    #[inline(always)]
    pub(super) fn job_done(&mut self, job: Key) -> bool {
        let Some(Placed { job, server, since }) = self.jobs.remove(job) else { return true };
        if self.idle.is_queued() {
            self.queue_looks(server);
        }
        self.audits.cpus[server.index()].goes(self.now, since);
        match job {
            Job::Cleanup(home) => {
                cold_path();
                self.collect_apart(home);
                return false;
            }
            Job::Collection => {}
            Job::Enlistment(transaction) => self.work_on(transaction),
            Job::Tracking(errand) => self.errand_on(errand),
            Job::Transaction(transaction) => self.computed(transaction),
            Job::Work(instance, frame) => {
                self.host_input(instance, HostInput::WorkDone { frame });
            }
        }
        true
    }
}
