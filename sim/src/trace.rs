//! The trace: the closed vocabulary of what happened, its digest, and its telling as a story.
//!
//! Every event of the engine goes through [`Trace::record`] into a digest; it is kept only when a
//! story is wanted. The digest knows nothing of probes, samples or checks, so switching those on
//! or off cannot move it. A checkpoint every [`CHECKPOINT`] events lets two runs find the stretch
//! in which they part without keeping either.

use std::hint::cold_path;

use floodgate_engine::hash::mix;
use floodgate_engine::id::{EndpointId, TransactionId};
use floodgate_engine::message::DocumentName;
use floodgate_engine::message_box::{Effect, Place, Reason, Waiting};
use floodgate_engine::time::Instant;

/// Events between two checkpoints.
pub const CHECKPOINT: u64 = 1 << 16;

/// What happened. Every field is a stable number of the run: nothing depends on memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A wire message arrived at a source.
    Arrived {
        /// Its number.
        wire: u64,
        /// The location's number.
        location: u32,
    },
    /// `BatchComplete` was delivered.
    BatchComplete {
        /// The adapter instance.
        node: u32,
        /// The batch's cookie.
        cookie: u64,
        /// The overall status.
        status: i32,
        /// Distinct kinds in the batch.
        kinds: u32,
    },
    /// An adapter batch began.
    BeginBatch {
        /// The adapter instance.
        node: u32,
    },
    /// The engine ended or cleared an adapter batch.
    EndBatch {
        /// The adapter instance.
        node: u32,
        /// Whether it was cleared.
        cleared: bool,
    },
    /// An adapter returned a failure from `BatchComplete`.
    CompletionFailed {
        /// The adapter instance.
        node: u32,
        /// The batch's cookie.
        cookie: u64,
    },
    /// `DTCCommitConfirm` was called.
    Confirmed {
        /// The transaction.
        transaction: TransactionId,
        /// What the adapter says became of it.
        committed: bool,
    },
    /// A transaction moved on.
    Coordinated {
        /// The transaction.
        transaction: TransactionId,
        /// Its state, as a small number.
        state: u8,
    },
    /// A commit changed the MessageBox.
    Effect(Effect),
    /// The engine called an adapter about its life, or one of its locations (only in worlds whose
    /// life is watched).
    Called {
        /// The adapter instance.
        node: u32,
        /// Which call, as a small number.
        call: u8,
        /// The location, plus one.
        location: u32,
    },
    /// What holds a host instance back is another than before (R-THR-02).
    Throttled {
        /// The host instance.
        instance: u32,
        /// The code of its publishing state.
        publishing: u8,
        /// The code of its delivery state.
        delivery: u8,
    },
    /// A host instance, the database or an operator did something (only in such worlds).
    Lived {
        /// The host instance, plus one; zero for the database.
        instance: u32,
        /// What, as a small number.
        what: u8,
    },
    /// A `Done` came back.
    DoneReturned {
        /// The adapter instance.
        node: u32,
        /// The batch's cookie.
        cookie: u64,
    },
    /// A source got messages back from a transaction that was aborted.
    GivenBack {
        /// The source.
        endpoint: EndpointId,
        /// How many messages.
        messages: u32,
    },
    /// A client got its answer.
    Answered {
        /// The adapter instance.
        node: u32,
        /// The request's number.
        request: u64,
        /// What it was told, by HTTP's number.
        code: u16,
        /// Whether it was still there.
        heard: bool,
    },
    /// A partner replied to a solicit.
    Replied {
        /// The reply's number.
        wire: u64,
        /// The solicit.
        document: DocumentName,
    },
    /// An adapter posted a batch.
    Posted {
        /// The adapter instance.
        node: u32,
        /// Its cookie.
        cookie: u64,
        /// How many operations.
        operations: u32,
    },
    /// An adapter learned what defines the endpoint of a message, or did not.
    Resolved {
        /// The document.
        document: DocumentName,
        /// Publication order of its reference.
        sequence: u64,
        /// Whether it is known.
        found: bool,
    },
    /// Sources were removed.
    Removed {
        /// The adapter instance.
        node: u32,
        /// How many messages.
        messages: u32,
    },
    /// An adapter returned from a call about a message.
    Returned {
        /// The adapter instance.
        node: u32,
        /// What it said, as a small number.
        said: u8,
    },
    /// A message was handed to a send adapter.
    Transmit {
        /// The adapter instance.
        node: u32,
        /// The document.
        document: DocumentName,
        /// Publication order of its reference.
        sequence: u64,
        /// Retries left.
        retries_left: u32,
    },
    /// What a transaction had transmitted is visible at the partner's end.
    Visible {
        /// The document.
        document: DocumentName,
        /// Publication order of its reference.
        sequence: u64,
    },
    /// The wire answered.
    WireDone {
        /// The document.
        document: DocumentName,
        /// Publication order of its reference.
        sequence: u64,
        /// Whether it was sent.
        sent: bool,
    },
}

impl Event {
    /// The event as four words, the first of which names its kind. Pinned: golden digests rest on it.
    ///
    /// Always inlined: where an event is made its kind is known, and little is left of the match.
    #[inline(always)]
    fn words(&self) -> [u64; 4] {
        match *self {
            Self::Answered { node, request, code, heard } => {
                [54, pair(node, u32::from(code)), request, u64::from(heard)]
            }
            Self::Replied { wire, document } => [55, wire, name_word(document), 0],
            Self::Arrived { wire, location } => [1, wire, u64::from(location), 0],
            Self::BatchComplete { node, cookie, status, kinds } => {
                [2, pair(node, kinds), cookie, u64::from(status.cast_unsigned())]
            }
            Self::BeginBatch { node } => [3, u64::from(node), 0, 0],
            Self::EndBatch { node, cleared } => [4, u64::from(node), u64::from(cleared), 0],
            Self::Effect(effect) => effect_words(&effect),
            Self::Called { node, call, location } => [83, pair(node, location), u64::from(call), 0],
            Self::Lived { instance, what } => [82, u64::from(instance), u64::from(what), 0],
            Self::DoneReturned { node, cookie } => [5, u64::from(node), cookie, 0],
            Self::Posted { node, cookie, operations } => [6, pair(node, operations), cookie, 0],
            Self::Removed { node, messages } => [7, pair(node, messages), 0, 0],
            Self::Returned { node, said } => [8, u64::from(node), u64::from(said), 0],
            Self::Transmit { node, document, sequence, retries_left } => {
                [9, pair(node, retries_left), name_word(document), sequence]
            }
            Self::WireDone { document, sequence, sent } => {
                [10, name_word(document), sequence, u64::from(sent)]
            }
            Self::Throttled { instance, publishing, delivery } => {
                [102, u64::from(instance), publishing.into(), delivery.into()]
            }
            Self::CompletionFailed { node, cookie } => [101, u64::from(node), cookie, 0],
            Self::Confirmed { transaction, committed } => {
                [60, transaction.0, u64::from(committed), 0]
            }
            Self::Coordinated { transaction, state } => [61, transaction.0, u64::from(state), 0],
            Self::GivenBack { endpoint, messages } => [62, pair(endpoint.0, messages), 0, 0],
            Self::Resolved { document, sequence, found } => {
                [95, name_word(document), sequence, u64::from(found)]
            }
            Self::Visible { document, sequence } => [63, name_word(document), sequence, 0],
        }
    }
}

#[inline]
const fn pair(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

const fn name_word(name: DocumentName) -> u64 {
    name.wire << 20 ^ name.sequence as u64
}

#[inline]
fn place_words(kind: u64, at: &Place, more: u64) -> [u64; 4] {
    [kind, name_word(at.document), at.sequence, pair(at.subscriber.0, 0) ^ more]
}

#[inline(always)]
fn effect_words(effect: &Effect) -> [u64; 4] {
    match effect {
        Effect::Acknowledgement { document, of, sequence, positive } => {
            [50, name_word(*document), name_word(*of), *sequence << 1 | u64::from(*positive)]
        }
        Effect::ExchangeOpened { waiting } => waiting_words(51, waiting, 0),
        Effect::ExchangeClosed { waiting, by } => waiting_words(52, waiting, *by as u64),
        Effect::LateResponse { document, orphan } => {
            [53, name_word(*document), u64::from(*orphan), 0]
        }
        Effect::Collectable { document } => [20, name_word(*document), 0, 0],
        Effect::Deleted { at } => place_words(21, at, 0),
        Effect::Locked { at, owner } => place_words(22, at, u64::from(owner.0)),
        Effect::MovedToNextTransport { at, retries_left } => {
            place_words(23, at, u64::from(*retries_left))
        }
        Effect::Published { document, references, fingerprint, .. } => {
            [24, name_word(*document), u64::from(*references), *fingerprint]
        }
        // A reference stays where it is put; the first MessageBox, mostly the only one, is zero.
        Effect::Referenced { at, retries_left, .. } => {
            place_words(25, at, u64::from(*retries_left) ^ u64::from(at.home.0) << 24)
        }
        Effect::Resumed { at } => place_words(26, at, 0),
        Effect::Resubmitted { at, due, retries_left } => {
            place_words(27, at, mix(due.as_nanos(), u64::from(*retries_left)))
        }
        Effect::RoutingFailureReport { document } => [28, name_word(*document), 0, 0],
        Effect::SuspendedReference { at, resumable, reason } => {
            place_words(29, at, suspension_word(*resumable, *reason))
        }
        Effect::SuspendedMessage { document, resumable, reason } => {
            [30, name_word(*document), suspension_word(*resumable, *reason), 0]
        }
        Effect::Terminated { at } => place_words(31, at, 0),
        Effect::PortState { port, from, to } => [90, u64::from(port.0), *from as u64, *to as u64],
        Effect::ReportRemoved { document } => [92, name_word(*document), 0, 0],
        Effect::SuspendedMessageGone { document, resumed } => {
            [93, name_word(*document), u64::from(*resumed), 0]
        }
        Effect::OperationPending { at, operation } => {
            place_words(64, at, u64::from(operation.code()))
        }
        Effect::GroupState { group, from, to } => {
            [91, u64::from(group.0), *from as u64, *to as u64]
        }
        Effect::Logged { at, entry } => place_words(70, at, *entry as u64),
        Effect::PropertiesUpdated { at, retries_left } => {
            place_words(71, at, retries_left.map_or(0, |left| u64::from(left) + 1))
        }
        Effect::Unlocked { at, owner } => place_words(80, at, u64::from(owner.0)),
        Effect::Scheduled { at, due } => place_words(81, at, due.as_nanos()),
        Effect::Consumed { at } => place_words(85, at, 0),
        Effect::Passed { wire, rest, .. } => [86, *wire, *rest as u64, 0],
        Effect::RoutedMessage { document, error, reason } => {
            [87, name_word(*document), name_word(*error), *reason as u64]
        }
        Effect::ThrownMessage { document, error, reason } => {
            [100, name_word(*document), name_word(*error), *reason as u64]
        }
        Effect::RoutedReference { at, error, reason } => {
            place_words(88, at, mix(error.wire, *reason as u64))
        }
    }
}

fn waiting_words(kind: u64, waiting: &Waiting, more: u64) -> [u64; 4] {
    let who = pair(waiting.owner.0, waiting.adapter.0);
    [kind, waiting.request, who, waiting.token << 3 | more]
}

const fn suspension_word(resumable: bool, reason: Reason) -> u64 {
    (resumable as u64) << 8 | reason as u64
}

/// A line of the story: when, and what.
pub type StoryLine = (Instant, String);

/// A story that is kept in part: its first lines, or those of them that name something.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bounds {
    /// How many lines are kept.
    pub lines: usize,
    /// What a line must name to count at all: a message (`m17`), a port, a host instance.
    pub of: Option<String>,
}

impl Bounds {
    /// Whether a line names what is asked for, as a word of its own: `m1` is not in `m17`.
    fn asks_for(&self, line: &str) -> bool {
        let Some(of) = self.of.as_deref() else { return true };
        let is_part = |edge: Option<char>| edge.is_some_and(char::is_alphanumeric);
        line.match_indices(of).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + of.len()..]);
            !is_part(before.chars().next_back()) && !is_part(after.chars().next())
        })
    }
}

/// The trace of one run.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    lanes: [u64; 2],
    events: u64,
    checkpoints: Vec<u64>,
    story: Option<Vec<StoryLine>>,
    /// The events behind the story, line by line.
    history: Vec<(Instant, Event)>,
    /// How much of the story is kept, if not all of it.
    bounds: Option<Bounds>,
    /// Lines that count and were not kept.
    left_out: u64,
}

/// The digest's two lanes after one more event.
#[inline(always)]
fn stir([left, right]: [u64; 2], now: Instant, [kind, a, b, c]: [u64; 4]) -> [u64; 2] {
    let left = mix(left ^ now.as_nanos(), kind ^ a.rotate_left(17));
    [left, mix(right ^ b, c ^ left)]
}

impl Trace {
    /// A trace that also keeps every event as a line of text, for golden tests and replays.
    #[must_use]
    pub fn telling() -> Self {
        Self { story: Some(Vec::new()), ..Self::default() }
    }

    /// From now on a part of the story is kept; the digest goes on as it would have.
    pub fn keep(&mut self, bounds: Bounds) {
        self.story = Some(Vec::new());
        self.bounds = Some(bounds);
    }

    /// Takes one event; `tell` is called only when a story is kept.
    #[inline(always)]
    pub fn record(&mut self, now: Instant, event: &Event, tell: impl FnOnce() -> String) {
        self.take(now, event.words());
        if self.story.is_some() {
            self.tell(now, event, tell);
        }
    }

    /// Out of line with what it tells: a run that keeps no story has its instructions together.
    #[cold]
    #[inline(never)]
    fn tell(&mut self, now: Instant, event: &Event, tell: impl FnOnce() -> String) {
        let Some(story) = &mut self.story else { return };
        let Some(bounds) = &self.bounds else {
            story.push((now, tell()));
            self.history.push((now, *event));
            return;
        };
        let is_full = story.len() >= bounds.lines;
        if is_full && bounds.of.is_none() {
            self.left_out += 1;
            return;
        }
        let line = tell();
        if bounds.asks_for(&line) && is_full {
            self.left_out += 1;
        } else if bounds.asks_for(&line) {
            story.push((now, line));
        }
    }

    /// Takes effects, as [`Self::record`] takes an [`Event::Effect`] each.
    #[inline]
    pub fn record_effects(
        &mut self,
        now: Instant,
        effects: &[Effect],
        tell: impl Fn(&Effect) -> String,
    ) {
        // Here and not in memory until all are taken.
        let (mut lanes, mut events) = (self.lanes, self.events);
        for effect in effects {
            lanes = stir(lanes, now, effect_words(effect));
            events += 1;
            if events.is_multiple_of(CHECKPOINT) {
                cold_path();
                self.checkpoints.push(lanes[0] ^ lanes[1]);
            }
        }
        (self.lanes, self.events) = (lanes, events);
        if self.story.is_some() {
            for effect in effects {
                self.tell(now, &Event::Effect(*effect), || tell(effect));
            }
        }
    }

    #[inline(always)]
    fn take(&mut self, now: Instant, words: [u64; 4]) {
        self.lanes = stir(self.lanes, now, words);
        self.events += 1;
        if self.events.is_multiple_of(CHECKPOINT) {
            cold_path();
            self.checkpoints.push(self.lanes[0] ^ self.lanes[1]);
        }
    }

    /// How many events there were.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// The digest of all events so far, as 32 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        let ends = mix(self.lanes[0], self.events);
        format!("{ends:016x}{:016x}", mix(self.lanes[1], ends))
    }

    /// The digest at every checkpoint so far.
    #[must_use]
    pub fn checkpoints(&self) -> &[u64] {
        &self.checkpoints
    }

    /// The story so far, if one is kept.
    #[must_use]
    pub fn story(&self) -> &[StoryLine] {
        self.story.as_deref().unwrap_or_default()
    }

    /// Lines of a bounded story that count and were not kept.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The events behind the story, one a line, if one is kept.
    #[must_use]
    pub fn history(&self) -> &[(Instant, Event)] {
        &self.history
    }
}

/// The number of the first event in which two stories differ, with both lines.
#[must_use]
pub fn first_divergence<'a>(
    a: &'a [StoryLine],
    b: &'a [StoryLine],
) -> Option<(usize, Option<&'a StoryLine>, Option<&'a StoryLine>)> {
    let shared = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    (shared < a.len().max(b.len())).then(|| (shared, a.get(shared), b.get(shared)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(events: &[(u64, u64)]) -> Trace {
        let mut trace = Trace::telling();
        for (at, wire) in events {
            let event = Event::Arrived { wire: *wire, location: 0 };
            trace.record(Instant::from_nanos(*at), &event, || format!("m{wire}"));
        }
        trace
    }

    #[test]
    fn order_time_and_content_all_move_the_digest() {
        let base = recorded(&[(1, 1), (2, 2)]).digest();
        assert_eq!(base, recorded(&[(1, 1), (2, 2)]).digest());
        for other in [[(2, 2), (1, 1)], [(1, 1), (3, 2)], [(1, 1), (2, 3)]] {
            assert_ne!(base, recorded(&other).digest());
        }
        assert_ne!(base, recorded(&[(1, 1)]).digest());
    }

    #[test]
    fn a_bounded_story_has_its_first_lines_and_says_what_is_left_out() {
        let events: Vec<(u64, u64)> = (1..=20).map(|n| (n, n % 12)).collect();
        let kept = |lines, of: Option<&str>| {
            let mut trace = Trace::default();
            trace.keep(Bounds { lines, of: of.map(ToOwned::to_owned) });
            for (at, wire) in &events {
                let event = Event::Arrived { wire: *wire, location: 0 };
                trace.record(Instant::from_nanos(*at), &event, || format!("m{wire}: arrives"));
            }
            assert_eq!(trace.digest(), recorded(&events).digest(), "looking moves no digest");
            let lines: Vec<u64> = trace.story().iter().map(|(at, _)| at.as_nanos()).collect();
            (lines, trace.left_out())
        };
        assert_eq!(kept(3, None), (vec![1, 2, 3], 17));
        assert_eq!(kept(99, None).1, 0);
        // m1 is neither m10 nor m11.
        assert_eq!(kept(99, Some("m1")), (vec![1, 13], 0));
        assert_eq!(kept(1, Some("m1")), (vec![1], 1));
    }

    #[test]
    fn the_first_divergence_is_named() {
        let (a, b) = (recorded(&[(1, 1), (2, 2), (3, 3)]), recorded(&[(1, 1), (2, 5)]));
        let (at, left, right) = first_divergence(a.story(), b.story()).unwrap();
        assert_eq!((at, left.unwrap().1.as_str(), right.unwrap().1.as_str()), (1, "m2", "m5"));
        assert!(first_divergence(a.story(), a.story()).is_none());
    }
}
