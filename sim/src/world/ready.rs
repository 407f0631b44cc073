//! Who hears that something is to be had in a MessageBox, and when.

use floodgate_engine::host::HostInput;
use floodgate_engine::id::HostInstanceId;
use floodgate_engine::message_box::{Ready, Staying};
use floodgate_engine::time::Instant;

use super::{Due, Now, World};

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
                self.ring.push_back(Now::Host(instance, HostInput::WorkAvailable { home }));
            }
        }
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
