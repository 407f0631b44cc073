//! Between host instances and what they run on: their inputs, and carrying what they want.

use floodgate_engine::adapter::{Adapter, AdapterInput, CallId, Returned};
use floodgate_engine::host::{DoneRace, HostInput, HostOutput};
use floodgate_engine::id::{AdapterId, HostInstanceId};
use floodgate_engine::time::Instant;

use super::{DoneOrder, Due, Job, Node, Now, Purpose, World};

impl World {
    pub(super) fn host_returned(&mut self, id: HostInstanceId, call: CallId, returned: Returned) {
        match self.instances[id.index()].next_in_batch(call, returned) {
            Some((adapter, next)) => self.call_adapter(id, adapter, next),
            None => self.host_input(id, HostInput::Returned { call, returned }),
        }
    }

    /// A call begins where it is made; whatever the adapter wants then waits its turn.
    #[inline(always)]
    pub(super) fn call_adapter(
        &mut self,
        id: HostInstanceId,
        adapter: AdapterId,
        input: AdapterInput,
    ) {
        let node = self.node(id, adapter);
        if !self.calls.reach_adapters_at_once() {
            return self.calls_adapter(node, input);
        }
        self.watch_call(node, &input);
        self.adapter_input(node, input);
    }

    pub(super) fn host_input(&mut self, id: HostInstanceId, input: HostInput) {
        self.instances[id.index()].handle_input(self.now, input);
        while let Some(output) = self.instances[id.index()].poll_output() {
            self.carry(id, output);
        }
        let instance = &self.instances[id.index()];
        if instance.is_midway() {
            return;
        }
        let (busy, places, waiting) = instance.thread_gauge();
        self.pools[id.index()].set(self.now, busy.into(), places.into(), waiting as u64);
        self.pools[id.index()].begun(self.now, instance.tasks_begun());
        let wake = &mut self.host_wakes[id.index()];
        if let Some(at) = instance.poll_timeout()
            && at < *wake
        {
            *wake = at;
            self.schedule(at.max(self.now), Due::HostWake(id.0));
        }
    }

    /// A host instance asked for this instant; `false` if it has no use for it any more, and
    /// then nothing happened.
    pub(super) fn wake_host(&mut self, id: HostInstanceId) -> bool {
        if self.host_wakes[id.index()] > self.now {
            return false;
        }
        self.host_wakes[id.index()] = Instant::MAX;
        let wanted = self.instances[id.index()].poll_timeout();
        let is_due = wanted.is_some_and(|at| at <= self.now);
        match wanted {
            Some(at) if !is_due => {
                self.host_wakes[id.index()] = at;
                self.schedule(at, Due::HostWake(id.0));
            }
            Some(_) => self.host_input(id, HostInput::Wake),
            None => {}
        }
        is_due
    }

    #[inline(always)]
    pub(super) fn carry(&mut self, id: HostInstanceId, output: HostOutput) {
        match output {
            HostOutput::Call { adapter, input } => self.call_adapter(id, adapter, input),
            HostOutput::Work { frame, demand } => {
                let cost = self.costs.work(&demand);
                if cost.is_zero() {
                    self.ring.push_back(Now::Host(id, HostInput::WorkDone { frame }));
                } else {
                    let server = self.topology.host_instances[id.index()].server;
                    let cost = self.with_pauses(server, cost);
                    self.compute(server, Job::Work(id, frame), cost);
                }
            }
            HostOutput::Transact { frame, batch, transaction } => {
                if let Some(transaction) = transaction {
                    self.coordinator.works(transaction);
                }
                self.transact((id, frame), batch, transaction);
            }
            HostOutput::Abort { adapter, transaction } => {
                let node = self.node(id, adapter);
                self.ask_abort(node, transaction);
            }
            HostOutput::Stopped => self.stopped(id),
            HostOutput::Dequeue { home, max } => self.look(id, home, max),
        }
    }

    pub(super) fn node(&self, instance: HostInstanceId, adapter: AdapterId) -> u32 {
        self.node_of[instance.index() * self.topology.adapters.len() + adapter.index()]
    }

    pub(super) fn adapter_input(&mut self, node: u32, input: AdapterInput) {
        let Node { machine, proxy, .. } = &mut self.nodes[node as usize];
        machine.handle_input(self.now, input, proxy);
        loop {
            let proxy = &mut self.nodes[node as usize].proxy;
            if let Some((call, returned)) = proxy.poll_returned() {
                self.adapter_returned(node, call, returned);
            } else if let Some(output) = proxy.poll_output() {
                self.carry_adapter(node, output);
            } else {
                return;
            }
        }
    }

    /// Which comes first for a batch: `Done` returning, or `BatchComplete` (R-CLK-03).
    pub(super) fn race(&self, node: u32, cookie: u64, requests: bool) -> DoneRace {
        if requests && let Some(race) = self.response_race(node, cookie) {
            return race;
        }
        match self.done_order {
            DoneOrder::ReturnFirst => DoneRace::ReturnFirst,
            DoneOrder::CompleteFirst => DoneRace::CompleteFirst,
            DoneOrder::Drawn
                if self.rng.draw(Purpose::Schedule, self.nodes[node as usize].key, cookie) & 1
                    == 0 =>
            {
                DoneRace::ReturnFirst
            }
            DoneOrder::Drawn => DoneRace::CompleteFirst,
        }
    }
}
