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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AdapterId, EndpointId, Key, ReferenceId, SubscriberId};
    use crate::message::{Context, DocumentName};
    use crate::message_box::Exchange;
    use crate::time::{Duration, Instant};

    fn message() -> Box<OutboundMessage> {
        Box::new(OutboundMessage {
            reference: ReferenceId(Key::NONE),
            document: DocumentName::of_wire(1),
            sequence: 1,
            lineage: 1,
            arrived: Instant::ZERO,
            subscriber: SubscriberId(0),
            exchange: Exchange::OneWay,
            on_backup: false,
            adapter: AdapterId(0),
            endpoint: EndpointId(0),
            retries_left: 0,
            retry_interval: Duration::ZERO,
            bytes: 1,
            real: None,
            fingerprint: 1,
            context: Context::default(),
        })
    }

    fn keeping(count: usize) -> Spare {
        let mut spare = Spare::default();
        (0..count).for_each(|_| spare.keep(message()));
        spare
    }

    #[test]
    fn memory_is_kept_up_to_a_limit_and_handed_out_again() {
        // No rule: what a message leaves behind serves the next, and a flood gives its memory back.
        let mut few = keeping(2);
        assert_eq!(
            [few.room(), few.room(), few.room()].map(|room| room.is_some()),
            [true, true, false]
        );
        assert_eq!(keeping(KEPT_MAX + 5).0.len(), KEPT_MAX);
        assert_eq!(keeping(3).clone().0.len(), 0, "a copy of a world begins without");
    }

    #[test]
    fn what_an_adapter_is_through_with_is_taken_over_as_far_as_there_is_room() {
        // No rule: the same limit holds for both together.
        for (own, more, after) in [(3, 4, 7), (KEPT_MAX - 1, 1, KEPT_MAX), (KEPT_MAX, 1, KEPT_MAX)]
        {
            let (mut spare, mut other) = (keeping(own), keeping(more));
            spare.take_over(&mut other);
            assert_eq!((spare.0.len(), other.0.len()), (after, 0), "{own} and {more}");
        }
    }
}
