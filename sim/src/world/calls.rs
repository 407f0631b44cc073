//! Calls between engine and adapters that take time: each has a beginning and an end (R-CLK-02).
//!
//! By default they take none, and nothing here is on anybody's way. A call that takes time is made,
//! is on its way, and comes to the other side later; those of one side stay in order. What was
//! under way between a process and its adapters when it died comes to nobody.

use std::hint::cold_path;

use floodgate_engine::adapter::AdapterInput;
use floodgate_engine::host::HostInput;
use floodgate_engine::id::{HostInstanceId, Key, Slab};

use super::{Due, Now, World};
use crate::queue::Schedule as _;
use crate::setup::CallTimes;

/// Calls that have not arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    times: CallTimes,
    under_way: Slab<Call>,
}

#[derive(Clone, Debug)]
enum Call {
    /// Of the engine: to the adapter of this node.
    ToAdapter { node: u32, input: AdapterInput },
    /// Of an adapter: to the engine in this life of its host instance.
    ToEngine { instance: HostInstanceId, life: u32, input: HostInput },
}

impl Calls {
    pub(super) fn new(times: CallTimes) -> Self {
        Self { times, under_way: Slab::default() }
    }

    #[inline(always)]
    pub(super) const fn reach_adapters_at_once(&self) -> bool {
        self.times.to_adapter.is_zero()
    }
}

impl World {
    /// The engine calls the adapter of a node, which hears of it in a while.
    #[cold]
    pub(super) fn calls_adapter(&mut self, node: u32, input: AdapterInput) {
        let at = self.now + self.calls.times.to_adapter;
        let key = self.calls.under_way.insert(Call::ToAdapter { node, input });
        // A drawn tie would let one call overtake another.
        self.queue.push(at, 0, Due::Called(key));
    }

    /// An adapter calls the engine, which hears of it at once or in a while.
    #[inline(always)]
    pub(super) fn calls_engine(
        &mut self,
        instance: HostInstanceId,
        input: impl FnOnce() -> HostInput,
    ) {
        // Made where it is pushed: an input is large, and most arrive at once.
        if self.calls.times.to_engine.is_zero() {
            self.ring.push_back(Now::Host(instance, input()));
        } else {
            cold_path();
            self.calls_engine_later(instance, input());
        }
    }

    #[cold]
    fn calls_engine_later(&mut self, instance: HostInstanceId, input: HostInput) {
        let at = self.now + self.calls.times.to_engine;
        let Some(life) = self.life_of(instance) else { return };
        let key = self.calls.under_way.insert(Call::ToEngine { instance, life, input });
        self.queue.push(at, 0, Due::Called(key));
    }

    /// A call comes to the other side, if that is still there.
    pub(super) fn called(&mut self, key: Key) {
        match self.calls.under_way.remove(key) {
            Some(Call::ToAdapter { node, input }) if self.is_present(node) => {
                self.watch_call(node, &input);
                self.adapter_input(node, input);
            }
            Some(Call::ToEngine { instance, life, input })
                if self.life_of(instance) == Some(life) =>
            {
                self.ring.push_back(Now::Host(instance, input));
            }
            Some(Call::ToAdapter { .. } | Call::ToEngine { .. }) | None => {}
        }
    }
}
