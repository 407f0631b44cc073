//! Replies of partners until somebody has taken them: a reply lives as long as its solicit is with
//! the adapter that sent it, and what nobody has taken by then is lost (R-RCV-10, R-SR-05).
//!
//! \[M\] A solicit whose reply goes to nobody (it is suspended, dropped, or consumed) is through
//! with when the partner has answered: that is where its latency ends. Where a subscriber gets the
//! reply the latency ends there, and where the solicit itself is tried again or suspended there is
//! none.

use floodgate_engine::adapter::Transmission;
use floodgate_engine::message::DocumentName;
use floodgate_engine::message_box::Effect;
use floodgate_engine::time::Instant;
use rustc_hash::FxHashMap;

use super::World;

/// A reply whose solicit has not ended.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// The reply.
    number: u64,
    /// When its solicit came, and when the partner answered.
    arrived: Instant,
    answered: Instant,
    /// The engine has it, in whatever form.
    taken: bool,
    /// Somebody gets it.
    referenced: bool,
}

/// Replies whose solicits have not ended, by those, and the solicits by the replies' numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Replies {
    open: FxHashMap<u64, Open>,
    solicits: FxHashMap<u64, u64>,
}

impl Replies {
    /// Whether there are none: then no commit has to be looked at.
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn of(&mut self, document: DocumentName) -> Option<&mut Open> {
        self.of_wire(document.wire).filter(|_| document.is_submitted())
    }

    fn of_wire(&mut self, number: u64) -> Option<&mut Open> {
        let solicit = self.solicits.get(&number)?;
        self.open.get_mut(solicit)
    }

    fn end(&mut self, solicit: u64) -> Option<Open> {
        let open = self.open.remove(&solicit)?;
        self.solicits.remove(&open.number);
        Some(open)
    }
}

impl World {
    /// The partner's reply to `sent` goes to its adapter, if that is there still.
    pub(super) fn replied(&mut self, sent: &Transmission, number: u64, is_heard: bool) {
        self.lose(sent.sequence);
        let (arrived, answered) = (sent.arrived, self.now);
        let open = Open { number, arrived, answered, taken: false, referenced: false };
        self.fates.replies.open.insert(sent.sequence, open);
        self.fates.replies.solicits.insert(number, sent.sequence);
        if !is_heard {
            self.lose(sent.sequence);
        }
    }

    /// A solicit is no longer with the adapter: what that has not handed in of its reply, nobody
    /// takes any more.
    fn lose(&mut self, solicit: u64) {
        if let Some(open) = self.fates.replies.end(solicit)
            && !open.taken
        {
            self.documents_accepted += 1;
            self.fates.discarded += 1;
        }
    }

    /// What a commit means for replies.
    #[cold]
    pub(super) fn watch_replies(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Published { document, references, .. } = effect {
                if let Some(open) = self.fates.replies.of(*document) {
                    (open.taken, open.referenced) = (true, open.referenced || *references > 0);
                }
            } else if let Effect::SuspendedMessage { document, .. }
            | Effect::RoutedMessage { document, .. } = effect
            {
                if let Some(open) = self.fates.replies.of(*document) {
                    open.taken = true;
                }
            } else if let Effect::Passed { wire, .. } = effect
                && let Some(open) = self.fates.replies.of_wire(*wire)
            {
                open.taken = true;
            }
        }
        // In one commit the reply may be told of after its solicit.
        for effect in effects {
            if let Effect::Deleted { at } = effect {
                if let Some(open) =
                    self.fates.replies.open.get(&at.sequence).filter(|own| !own.referenced)
                {
                    self.meters.through(open.answered, open.arrived);
                }
                self.lose(at.sequence);
            } else if let Effect::MovedToNextTransport { at, .. }
            | Effect::Resubmitted { at, .. }
            | Effect::RoutedReference { at, .. }
            | Effect::SuspendedReference { at, .. }
            | Effect::Terminated { at }
            | Effect::Unlocked { at, .. } = effect
            {
                self.lose(at.sequence);
            }
        }
    }
}
