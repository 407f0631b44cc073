//! Isolated receive adapters: they live in a process that is not the engine's.
//!
//! ```text
//!   the process ──ProcessStarts──►┐                          ┌──RegisterIsolatedReceiver──► engine
//!               ──ProcessEnds────►│ Isolated ( the adapter ) │◄─Load, AddReceiveEndpoint───
//!                                 └──────────────────────────┴──TerminateIsolatedReceiver─►
//! ```
//!
//! Nobody makes such an adapter but its process, such as a web server. It registers a location
//! before it submits anything there, and only then the engine loads it and gives it the location.
//! It hears no `Terminate`: when its process ends it has to say so itself, or the process hangs
//! (R-LIFE-11). There is no sender of this kind.

use super::{Adapter, AdapterInput, AnyAdapter, CallId};
use crate::batch::Status;
use crate::id::{Key, ReceiveLocationId};
use crate::time::Instant;
use crate::transport_proxy::TransportProxy;

/// What an isolated adapter is told of its process and of its registration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IsolatedInput {
    /// Its process ends: nothing new, finish what is pending, then `TerminateIsolatedReceiver`.
    ProcessEnds,
    /// Its process is up, and is asked for a location of its.
    ProcessStarts {
        /// The location.
        location: ReceiveLocationId,
    },
    /// `RegisterIsolatedReceiver` came back.
    Registered {
        /// The location.
        location: ReceiveLocationId,
        /// Negative if it is unknown or not enabled: nothing may be submitted there.
        status: Status,
    },
}

/// What an isolated adapter calls at its transport proxy, which it made itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IsolatedCall {
    /// `RegisterIsolatedReceiver`, before the first submit.
    Register {
        /// The location.
        location: ReceiveLocationId,
    },
    /// `TerminateIsolatedReceiver`: nothing is pending, the process may end.
    Terminate,
}

/// A receive adapter of the engine's as a process of somebody else's hosts it (R-LIFE-11).
#[derive(Clone, Debug)]
pub struct Isolated {
    inner: AnyAdapter,
    ending: bool,
}

/// The end that the process asks for, as the adapter inside takes it.
const END: CallId = CallId(Key::NONE);

impl Isolated {
    /// `inner`, hosted by another process.
    #[must_use]
    pub const fn new(inner: AnyAdapter) -> Self {
        Self { inner, ending: false }
    }
}

impl Adapter for Isolated {
    #[inline(never)]
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        let AdapterInput::Isolated(said) = input else {
            self.inner.handle_input(now, input, proxy);
            if self.ending {
                self.ending = !proxy.ends_isolated(END);
            }
            return;
        };
        match said {
            IsolatedInput::ProcessStarts { location } => {
                proxy.register_isolated_receiver(location);
            }
            IsolatedInput::Registered { .. } => {}
            IsolatedInput::ProcessEnds => {
                self.ending = true;
                self.handle_input(now, AdapterInput::Terminate { call: END }, proxy);
            }
        }
    }
}
