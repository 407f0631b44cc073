//! Memory of messages that an adapter is through with: it serves those dequeued next.
//!
//! A message is made by a look into a queue and forgotten after its last attempt; in between it
//! is only handed on. Without this each would be allocated and freed, two of them a document.

use std::fmt;

use super::OutboundMessage;

/// Beyond so many the memory goes back: a flood is over at some time.
const KEPT_MAX: usize = 4096;

/// Messages without a meaning. A copy has none of them, and they are no part of any state.
#[derive(Default)]
pub(crate) struct Spare(Vec<Box<OutboundMessage>>);

impl Clone for Spare {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Spare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spare")
    }
}

impl Spare {
    /// Keeps the memory of `message`.
    #[inline]
    pub(crate) fn keep(&mut self, message: Box<OutboundMessage>) {
        if self.0.len() < KEPT_MAX {
            self.0.push(message);
        }
    }

    /// Takes over what another one keeps.
    #[inline]
    pub(crate) fn take_over(&mut self, other: &mut Self) {
        if self.0.len() + other.0.len() <= KEPT_MAX {
            self.0.append(&mut other.0);
        } else {
            other.0.clear();
        }
    }

    /// Memory that a message may be written over.
    #[inline]
    pub(crate) fn room(&mut self) -> Option<Box<OutboundMessage>> {
        self.0.pop()
    }
}
