//! What is told of isolated adapters and of the processes they live in.

use floodgate_engine::adapter::{IsolatedCall, IsolatedInput};
use floodgate_engine::id::ReceiveLocationId;

use super::World;
use crate::trace::Event;

impl World {
    /// The process of an isolated adapter, or the engine, has a word for it; the numbers go on
    /// where those of the engine's own calls end.
    pub(super) fn hear_isolated(
        &mut self,
        node: u32,
        said: IsolatedInput,
    ) -> (u8, &'static str, Option<ReceiveLocationId>) {
        match said {
            IsolatedInput::ProcessStarts { location } => (7, "ProcessStarts", Some(location)),
            IsolatedInput::ProcessEnds => {
                self.begin_terminate(node);
                (8, "ProcessEnds", None)
            }
            IsolatedInput::Registered { location, status } if status.is_success() => {
                (9, "Registered", Some(location))
            }
            IsolatedInput::Registered { location, .. } => (10, "RegisterFailed", Some(location)),
        }
    }

    /// An isolated adapter calls.
    #[inline(never)]
    pub(super) fn watch_isolated(&mut self, node: u32, call: IsolatedCall) {
        let (number, word, location) = match call {
            IsolatedCall::Register { location } => (11, "RegisterIsolatedReceiver", Some(location)),
            IsolatedCall::Terminate => {
                self.checks.terminated(node);
                (12, "TerminateIsolatedReceiver", None)
            }
        };
        if !self.life.watched {
            return;
        }
        let place = location.map_or(0, |location| location.0 + 1);
        let event = Event::Called { node, call: number, location: place };
        self.trace.record(self.now, &event, || {
            let of = location.map_or_else(String::new, |location| {
                format!("({})", self.topology.receive_locations[location.index()].name)
            });
            format!("A>E  {} {word}{of}", self.nodes[node as usize].name)
        });
    }
}
