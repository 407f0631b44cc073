//! Who hears that something is to be had in a MessageBox, and when.

use floodgate_engine::host::{HostInput, Life};
use floodgate_engine::id::{HostInstanceId, MessageBoxId};
use floodgate_engine::message_box::{Ready, Staying};
use floodgate_engine::throttle::Throttle;
use floodgate_engine::time::Instant;

use super::{Due, Now, World};
use crate::check::Attends;

impl World {
    /// Hosts with something eligible are told, and the next waiting reference is watched.
    #[inline(always)]
    pub(super) fn tell_ready(&mut self) {
        if self.message_box.has_staying() {
            self.tell_staying();
        }
        let mut ready: Vec<Ready> = std::mem::take(&mut self.ready);
        self.message_box.take_ready(&mut ready);
        if !ready.is_empty() {
            ready.sort_unstable();
            ready.dedup();
            for index in 0..self.instances.len() {
                self.tell_instance(HostInstanceId::from(index), &ready);
            }
            ready.clear();
            self.watch_box();
        }
        self.ready = ready;
    }

    /// Host instances are told of the orchestration instances in their memory.
    #[cold]
    fn tell_staying(&mut self) {
        let mut staying = Vec::new();
        self.message_box.take_staying(&mut staying);
        for Staying { with, instance, stay } in staying {
            self.ring.push_back(Now::Host(with, HostInput::Stay { instance, stay }));
        }
    }

    /// Tells one host instance of every MessageBox in which it would find something.
    fn tell_instance(&mut self, instance: HostInstanceId, ready: &[Ready]) {
        let host = self.instances[instance.index()].host();
        let mut told = None;
        for ready in ready {
            let for_it = ready.host == host && ready.only.is_none_or(|only| only == instance);
            let (now, home) = (self.now, ready.home);
            if for_it && told != Some(home) && self.message_box.has_eligible(now, home, instance) {
                told = Some(home);
                self.checks.has_work(instance, home);
                self.ring.push_back(Now::Host(instance, HostInput::WorkAvailable { home }));
            }
        }
    }

    /// Time passes beyond a poll interval: who has something to look for and does not look?
    /// (INV-30)
    #[cold]
    pub(super) fn judge_looks(&mut self, until: Instant) {
        let (instances, topology) = (&self.instances, &self.topology);
        let (message_box, now) = (&self.message_box, self.now);
        self.checks.judge_looks(until, |by, home| {
            let own = &instances[by.index()];
            // What was there may have been taken by a look that was under way.
            if own.life() != Life::Running || !message_box.has_eligible(now, home, by) {
                return Attends::Away;
            }
            // Its room by the settings; where there are watermarks it may wait for the low one.
            let settings = &topology.hosts[own.host().index()].settings;
            let cpus = topology.servers[topology.host_instances[by.index()].server.index()].cpus;
            let gauges = own.gauges();
            let low = settings.watermarks.map_or(u32::MAX, |marks| marks.low);
            let in_process = settings.in_process_max().saturating_mul(cpus).min(low);
            // So it may where orchestrations pause, until the second mark.
            let queued = own.orchestration_messages();
            let pauses = settings.orchestration_queue.is_some_and(|own| queued > own.resume_at);
            let full = gauges.internal_queue >= settings.internal_queue.saturating_mul(cpus)
                || gauges.in_process >= in_process
                || pauses;
            let free = !full && own.throttled() == Throttle::default();
            if free { Attends::Free } else { Attends::Busy }
        });
    }

    /// Nothing is left to happen: nothing may be left that somebody could take (INV-30).
    pub(super) fn judge_idle(&mut self) {
        for by in (0..self.instances.len()).map(HostInstanceId::from) {
            for home in (0..self.message_box.boxes()).map(MessageBoxId::from) {
                if self.message_box.has_eligible(self.now, home, by) {
                    self.checks.has_work(by, home);
                }
            }
        }
        self.judge_looks(Instant::MAX);
    }

    pub(super) fn watch_box(&mut self) {
        if let Some(at) = self.message_box.poll_timeout()
            && at < self.box_wake
            && at > self.now
        {
            self.box_wake = at;
            self.schedule(at, Due::BoxWake);
        }
    }

    #[cold]
    pub(super) fn wake_box(&mut self) {
        if self.box_wake > self.now {
            return;
        }
        self.box_wake = Instant::MAX;
        self.message_box.wake(self.now);
        if !self.topology.orchestrations.is_empty() {
            self.operated();
        }
        self.tell_ready();
        self.watch_box();
    }
}
