//! A host instance whose process is not the engine's (R-LIFE-11).
//!
//! The engine makes no adapter here and ends none. What it gives them begins with their
//! registration; and when the process is to end, it is the adapters that let it.

use super::life::Made;
use super::openings::Opening;
use super::{HostInstance, Life};
use crate::adapter::{AdapterInput, IsolatedCall, IsolatedInput};
use crate::batch::Status;
use crate::id::{AdapterId, ReceiveLocationId};
use crate::time::Instant;

impl HostInstance {
    pub(super) fn is_isolated(&self) -> bool {
        self.topology.is_isolated(self.host)
    }

    /// The process is up: it asks its adapters for every location that it knows of, enabled or not.
    pub(super) fn process_starts(&mut self) {
        for at in 0..self.openings.own.len() {
            self.ask_for(at);
        }
    }

    fn ask_for(&mut self, at: usize) {
        let Opening { adapter, location, .. } = self.openings.own[at];
        let starts = IsolatedInput::ProcessStarts { location };
        self.call(adapter, AdapterInput::Isolated(starts));
    }

    /// A location that could not be registered is asked for again once an operator enables it.
    /// \[M\] in the product, with the next request.
    pub(super) fn ask_again(&mut self, at: usize) {
        if self.life == Life::Running && !self.openings.own[at].registered {
            self.ask_for(at);
        }
    }

    /// The process is to end. It does not before all its adapters have said so.
    pub(super) fn process_ends(&mut self) {
        for at in 0..self.made.len() {
            if self.made[at] == Made::Yes {
                let ends = AdapterInput::Isolated(IsolatedInput::ProcessEnds);
                self.call(AdapterId::from(at), ends);
            }
        }
    }

    /// Whether an adapter owes its `TerminateIsolatedReceiver`: the process hangs.
    pub(super) fn hangs(&self) -> bool {
        self.made.contains(&Made::Yes) && self.is_isolated()
    }

    /// A call of an isolated adapter; anybody else's is ignored.
    #[cold]
    pub(super) fn isolated(&mut self, now: Instant, adapter: AdapterId, call: IsolatedCall) {
        if !self.is_isolated() {
            return;
        }
        match call {
            IsolatedCall::Register { location } => self.register(now, adapter, location),
            IsolatedCall::Terminate => {
                self.made[adapter.index()] = Made::Gone;
                for at in 0..self.openings.own.len() {
                    if self.openings.own[at].adapter == adapter {
                        self.openings.own[at].registered = false;
                        self.openings.set(at, false);
                    }
                }
            }
        }
    }

    /// `RegisterIsolatedReceiver`: a location of its that is enabled; then `Load`, the first time,
    /// and `AddReceiveEndpoint` as soon as its schedule allows.
    fn register(&mut self, now: Instant, adapter: AdapterId, location: ReceiveLocationId) {
        let own = self.openings.own.iter_mut();
        let known = own.filter(|own| own.adapter == adapter && own.location == location);
        let enabled = known.filter(|own| own.enabled).last();
        let running = self.life == Life::Running;
        let status = match enabled {
            Some(opening) if running => {
                opening.registered = true;
                Status::OK
            }
            Some(_) => Status::SHUTTING_DOWN,
            None => Status::URL_DISALLOWED,
        };
        let registered = IsolatedInput::Registered { location, status };
        self.call(adapter, AdapterInput::Isolated(registered));
        if !status.is_success() {
            return;
        }
        if self.made[adapter.index()] != Made::Yes {
            self.made[adapter.index()] = Made::Yes;
            self.call(adapter, AdapterInput::Load);
        }
        self.turn(now);
    }
}
