//! The life of a host instance: how its adapters are made, how it stops, how it dies.
//!
//! ```text
//!   Down ──Start──► Running ──Stop──► Stopping ──nothing pending──► Down (Stopped)
//!    ▲                 │                  │
//!    └─────────────────┴────── die ───────┘
//! ```
//!
//! In-process adapters are the engine's: it makes them, and it ends them by `Terminate`. A process
//! that dies says nothing to anybody; what it had in memory is gone, what it had locked stays
//! locked until somebody releases it (R-CRASH-03, R-CRASH-01).

use super::{
    CallId, Dequeuer, Frame, FrameId, HostInput, HostInstance, HostOutput, LocationAct, Task,
};
use crate::adapter::AdapterInput;
use crate::batch::Status;
use crate::config::Capabilities;
use crate::id::{AdapterId, Key, MessageBoxId};
use crate::time::Instant;

/// Where a host instance is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Life {
    /// No process.
    Down,
    /// At work.
    Running,
    /// Its adapters are in `Terminate`, and what is pending is finished (R-SHUT-01).
    Stopping,
}

/// What became of an adapter in this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Made {
    /// Terminated: destroyed (R-SHUT-01).
    Gone,
    /// Created, and without an interface to transmit by: what is for it fails (R-SND-02).
    Mute,
    /// Not created yet.
    No,
    /// Created and initialized.
    Yes,
}

impl HostInstance {
    /// Where it is in its life.
    #[must_use]
    pub const fn life(&self) -> Life {
        self.life
    }

    /// How often it looked into its queue in a MessageBox before `now` and found nothing, without
    /// an event (R-CLK-07).
    #[must_use]
    pub fn empty_looks(&self, home: MessageBoxId, now: Instant) -> u64 {
        let runs = self.life == Life::Running;
        self.dequeuers.get(home.index()).map_or(0, |own| own.empty_looks(now, runs))
    }

    /// The service starts: receive adapters with an enabled location are created at once
    /// (R-LIFE-02), send adapters that ask for it too (R-SND-01); the others wait for their first
    /// message.
    #[cold]
    pub(super) fn start(&mut self, now: Instant) {
        self.life = Life::Running;
        for dequeuer in &mut self.dequeuers {
            *dequeuer = dequeuer.again(&self.settings, now);
        }
        if self.is_isolated() {
            return self.process_starts();
        }
        for adapter in self.receivers() {
            self.make_receiver(adapter);
        }
        for at in 0..self.topology.adapters.len() {
            let adapter = AdapterId::from(at);
            let capabilities = self.topology.capabilities(adapter);
            if capabilities.has(Capabilities::INIT_TRANSMITTER_ON_SERVICE_START)
                && self.topology.has_send_handler(self.host, adapter)
            {
                self.make_sender(adapter);
            }
        }
        self.turn(now);
    }

    /// `Initialize`, then `Load` (R-LIFE-03); `AddReceiveEndpoint` follows for each location as it
    /// opens.
    pub(super) fn make_receiver(&mut self, adapter: AdapterId) {
        if self.made[adapter.index()] == Made::No {
            self.made[adapter.index()] = Made::Yes;
            self.call(adapter, AdapterInput::Initialize);
            self.call(adapter, AdapterInput::Load);
        }
    }

    /// `Load`, then `Initialize`: the other way round than for receivers (R-SND-02). Cached until
    /// the service stops (R-SND-01). \[M\] One that cannot transmit is not tried again before.
    #[cold]
    pub(super) fn make_sender(&mut self, adapter: AdapterId) {
        if self.made[adapter.index()] == Made::No && !self.receives(adapter) {
            let is_mute = self.topology.mute.contains(&adapter);
            self.made[adapter.index()] = if is_mute { Made::Mute } else { Made::Yes };
            self.call(adapter, AdapterInput::Load);
            self.call(adapter, AdapterInput::Initialize);
        }
    }

    /// What reaches an instance that is down: only what an operator decides is kept.
    #[cold]
    pub(super) fn keep_in_mind(&mut self, input: &HostInput) {
        if let HostInput::Location { location, act } = input {
            match act {
                LocationAct::Disable => self.openings.set_enabled(*location, false),
                LocationAct::Enable => self.openings.set_enabled(*location, true),
                LocationAct::Break | LocationAct::Update => {}
            }
        }
    }

    /// The service stops: `Terminate` to every adapter, nothing new from the queues, and a `Done`
    /// that was held comes back with a failure, so no `BatchComplete` will follow (R-DONE-04).
    #[cold]
    pub(super) fn stop(&mut self) {
        if self.life != Life::Running {
            return;
        }
        self.life = Life::Stopping;
        for transmitter in &mut self.transmitters {
            transmitter.clear();
        }
        self.waiting = 0;
        // A turn that has not begun is not begun any more: its lock goes back with the others.
        self.tasks.retain(|task| !matches!(task, Task::Deliver(_) | Task::Orchestrate(_)));
        self.pauses.stop_deliveries();
        self.stop_exchanges();
        self.dehydrate_all();
        for held in std::mem::take(&mut self.held) {
            if !held.brings_in() {
                self.admit(held);
                continue;
            }
            let (adapter, cookie) = held.refused_as();
            let status = Status::SHUTTING_DOWN;
            self.call(adapter, AdapterInput::DoneReturned { cookie, status });
        }
        if self.is_isolated() {
            return self.process_ends();
        }
        for at in 0..self.made.len() {
            if self.made[at] == Made::Yes {
                let adapter = AdapterId::from(at);
                let frame = self.frames.insert(Frame::Terminate(adapter));
                self.call(adapter, AdapterInput::Terminate { call: CallId(frame) });
            }
        }
    }

    /// `Terminate` returned: the adapter is destroyed (R-SHUT-01).
    #[cold]
    pub(super) fn terminated(&mut self, frame: FrameId) {
        if let Some(Frame::Terminate(adapter)) = self.frames.get(frame.0) {
            self.made[adapter.index()] = Made::Gone;
            self.frames.remove(frame.0);
        }
    }

    /// Down, once nothing is pending: no adapter in `Terminate`, no batch, no transaction of its
    /// own, no look under way that could still lock something.
    #[cold]
    pub(super) fn try_to_stop(&mut self) {
        let looking = self.dequeuers.iter().any(Dequeuer::is_looking);
        if self.life == Life::Stopping
            && self.frames.is_empty()
            && self.tasks.is_empty()
            && !looking
            && !self.hangs()
        {
            // Its last words are still carried.
            let last = std::mem::take(&mut self.outputs);
            self.die();
            self.outputs = last;
            self.outputs.push_back(HostOutput::Stopped);
        }
    }

    /// The process is gone, in good order or not: nothing of its memory is left (R-CRASH-03).
    /// What was wanted and not yet taken is gone too. Frames keep their generations, so that an
    /// answer to an earlier life is noticed and ignored.
    pub fn die(&mut self) {
        let keys: Vec<Key> = self.frames.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.frames.remove(key);
        }
        self.openings.forget();
        let fresh = Self::new(&self.topology, self.id);
        let idle = |own: &Dequeuer| own.again(&self.settings, Instant::ZERO);
        *self = Self {
            life: Life::Down,
            frames: std::mem::take(&mut self.frames),
            begun: self.begun,
            openings: self.openings.clone(),
            // MessageBoxes may have been added since the beginning (R-MMB-07).
            dequeuers: self.dequeuers.iter().map(idle).collect(),
            #[cfg(feature = "sabotage")]
            sabotage: self.sabotage,
            ..fresh
        };
    }
}
