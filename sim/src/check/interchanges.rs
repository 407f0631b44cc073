//! Checks on interchanges and error messages: INV-12, 58…61, 63.
//!
//! Messages of which something may go wrong, or which hold several documents, are followed from
//! their submission, the others from the first that goes wrong: what is suspended, routed as an
//! error message or dropped must not be published besides.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use floodgate_engine::batch::{Batch, Operation};
use floodgate_engine::config::{ReceiveLocation, Topology, UnroutedResume};
use floodgate_engine::id::SendPortId;
use floodgate_engine::message::{Body, DocumentName, PropertyId, Value, WireMessage};
use floodgate_engine::message_box::{Effect, MessageBox, Reason, Rest};
use floodgate_engine::subscription::Operator;

use super::named::Wire;
use super::{Checks, Docket, Rule};

/// Words of the account of what came out, to begin with.
const CAME_OUT_WORDS: usize = 1024;

/// What a message was when it was submitted.
#[derive(Clone, Copy, Debug)]
struct Held {
    documents: u32,
    /// Bad documents may be suspended one by one.
    recovers: bool,
    /// A component may consume, or a preserved interchange is one message: its documents cannot
    /// be told by counting.
    uncounted: bool,
}

#[derive(Clone, Debug)]
struct Way {
    location: String,
    recovers: bool,
    uncounted: bool,
}

/// How a message ended as a whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Over {
    Dropped,
    Failed,
}

/// What one commit did with the documents of one message.
#[derive(Clone, Debug, Default)]
struct Ended {
    published: Vec<DocumentName>,
    /// Suspended, or routed as an error message in place of that.
    failed: Vec<DocumentName>,
    rest: Option<Rest>,
    resumed: Option<DocumentName>,
}

#[derive(Clone, Debug)]
pub(super) struct Interchanges {
    ways: Vec<Way>,
    held: BTreeMap<u64, Held>,
    /// Messages that ended as a whole, and how: nothing of them may be published unless they are
    /// resumed.
    over: BTreeMap<u64, Over>,
    /// Documents that wait because nobody subscribed to them, and where they go on.
    unrouted: BTreeSet<DocumentName>,
    resume: UnroutedResume,
    /// Who subscribes to all error messages, if every receive port routes failed messages.
    all_routed: Vec<SendPortId>,
    last_error: Option<DocumentName>,
    /// Messages of which a document was published, whoever follows them: a bit by number.
    came_out: Vec<u64>,
}

impl Interchanges {
    pub(super) fn new(topology: &Topology) -> Self {
        let way = |location: &ReceiveLocation| {
            let pipeline = &location.pipeline;
            let validates = pipeline.validate.iter().any(|component| component.recovers());
            Way {
                location: location.name.clone(),
                recovers: pipeline.recovers() || validates || pipeline.is_custom(),
                uncounted: pipeline.is_custom() || pipeline.preserves(),
            }
        };
        Self {
            ways: topology.receive_locations.iter().map(way).collect(),
            held: BTreeMap::new(),
            over: BTreeMap::new(),
            unrouted: BTreeSet::new(),
            resume: topology.choices.unrouted_resume,
            all_routed: if topology.receive_ports.iter().all(|port| port.route_failed) {
                take_all_errors(topology)
            } else {
                Vec::new()
            },
            last_error: None,
            came_out: Vec::new(),
        }
    }

    /// What is known of interchanges, for an explorer: of messages that cannot come again, as
    /// `comes` says, not whether they came.
    pub(super) fn account<'a>(&'a self, comes: &dyn Fn(u64) -> bool) -> impl Debug + use<'a> {
        let Self { ways: _, held, over, unrouted, resume: _, all_routed: _, last_error, came_out } =
            self;
        let held: BTreeMap<_, _> = held.iter().map(|(wire, how)| (Wire(*wire), how)).collect();
        let over: BTreeMap<_, _> = over.iter().map(|(wire, how)| (Wire(*wire), how)).collect();
        let numbers = 0..came_out.len() as u64 * 64;
        let came_out: BTreeSet<_> =
            numbers.filter(|own| self.has_come_out(*own) && comes(*own)).map(Wire).collect();
        (held, over, unrouted, last_error, came_out)
    }

    /// A document of a submitted message is published.
    #[inline(always)]
    pub(super) fn comes_out(&mut self, wire: u64) {
        let word = usize::try_from(wire / 64).unwrap_or(usize::MAX);
        if let Some(bits) = self.came_out.get_mut(word) {
            *bits |= 1 << (wire % 64);
        } else {
            self.comes_out_first(word, wire);
        }
    }

    /// Sources number messages one after another. Somebody's own adapter may name others, far from
    /// those: such are not kept.
    #[cold]
    fn comes_out_first(&mut self, word: usize, wire: u64) {
        if word < self.came_out.len() * 2 + CAME_OUT_WORDS {
            self.came_out.resize(word.max(self.came_out.len() * 2) + 1, 0);
            self.comes_out(wire);
        }
    }

    fn has_come_out(&self, wire: u64) -> bool {
        let word = usize::try_from(wire / 64).unwrap_or(usize::MAX);
        self.came_out.get(word).is_some_and(|bits| bits & (1 << (wire % 64)) != 0)
    }

    fn note(&mut self, topology: &Topology, wire: &WireMessage) {
        let plain = matches!(wire.parts.body(), Body::Described { documents: 1, .. });
        if plain && wire.defect.is_none() {
            return;
        }
        let Some(Value::Text(uri)) = wire.context.read(PropertyId::INBOUND_TRANSPORT_LOCATION)
        else {
            return;
        };
        let Some(at) = self.ways.iter().position(|way| *way.location == **uri) else { return };
        let documents = topology.receive_locations[at].pipeline.documents_in(wire);
        let Way { recovers, uncounted, .. } = self.ways[at];
        self.held.insert(wire.number, Held { documents, recovers, uncounted });
    }
}

/// Whether some enlisted port subscribes to all error messages.
fn take_all_errors(topology: &Topology) -> Vec<SendPortId> {
    let ports = topology.send_ports.iter().enumerate().filter(|(_, port)| {
        port.filter.iter().flat_map(|filter| &filter.groups).any(|group| {
            matches!(&group[..], [only] if only.property == PropertyId::ERROR_TYPE
                && only.operator == Operator::Equals
                && only.value == Value::text("FailedMessage"))
        })
    });
    ports.map(|(at, _)| SendPortId::from(at)).collect()
}

impl Checks {
    /// An adapter posted a batch: what it submits is looked at before the engine has it.
    pub(crate) fn submitted(&mut self, topology: &Topology, batch: &Batch) {
        for operation in batch.operations() {
            if let Operation::Submit(wire) | Operation::SubmitRequest { request: wire, .. } =
                operation
            {
                self.interchanges.note(topology, wire);
            }
        }
    }

    /// A commit that succeeded, or an operator's act: what became of the messages followed.
    pub(super) fn interchanges(
        &mut self,
        effects: &[Effect],
        message_box: &MessageBox,
        topology: &Topology,
    ) {
        let mut ended: BTreeMap<u64, Ended> = BTreeMap::new();
        let mut error = None;
        for effect in effects {
            match effect {
                Effect::Published { document, .. } if document.is_error() => {
                    let announced = error.take() == Some(*document);
                    self.error_published(*document, announced);
                }
                Effect::Published { document, .. } if self.follows(*document) => {
                    ended.entry(document.wire).or_default().published.push(*document);
                }
                Effect::SuspendedMessage { document, reason, .. } => {
                    self.message_suspended(*document, *reason);
                    ended.entry(document.wire).or_default().failed.push(*document);
                }
                Effect::RoutedMessage { document, error: own, .. } => {
                    error = Some(*own);
                    ended.entry(document.wire).or_default().failed.push(*document);
                }
                Effect::RoutedReference { error: own, .. }
                | Effect::ThrownMessage { error: own, .. } => error = Some(*own),
                Effect::Passed { wire, rest, .. } => {
                    ended.entry(*wire).or_default().rest = Some(*rest);
                }
                Effect::SuspendedMessageGone { document, resumed: true } => {
                    ended.entry(document.wire).or_default().resumed = Some(*document);
                }
                Effect::Referenced { at, .. } if at.document.is_error() => {
                    let foreign = foreign_promotion(message_box, topology, effect);
                    self.docket.judge(Rule::FailedAreRouted, foreign.is_none(), || {
                        format!("{foreign:?} is promoted on the error message {}", at.document)
                    });
                }
                Effect::Acknowledgement { .. }
                | Effect::Collectable { .. }
                | Effect::Consumed { .. }
                | Effect::Deleted { .. }
                | Effect::ExchangeClosed { .. }
                | Effect::ExchangeOpened { .. }
                | Effect::GroupState { .. }
                | Effect::LateResponse { .. }
                | Effect::Scheduled { .. }
                | Effect::Unlocked { .. }
                | Effect::Locked { .. }
                | Effect::Logged { .. }
                | Effect::MovedToNextTransport { .. }
                | Effect::OperationPending { .. }
                | Effect::PortState { .. }
                | Effect::PropertiesUpdated { .. }
                | Effect::Published { .. }
                | Effect::Referenced { .. }
                | Effect::ReportRemoved { .. }
                | Effect::Resubmitted { .. }
                | Effect::Resumed { .. }
                | Effect::RoutingFailureReport { .. }
                | Effect::SuspendedMessageGone { .. }
                | Effect::SuspendedReference { .. }
                | Effect::Terminated { .. } => {}
            }
        }
        for (wire, mut ended) in ended {
            self.ends_as_a_whole(wire, &mut ended, effects);
            self.interchange_ended(wire, &ended);
        }
    }

    /// A message was suspended: it may have to be an error message instead (INV-63).
    fn message_suspended(&mut self, document: DocumentName, reason: Reason) {
        if reason == Reason::Routing && self.follows(document) {
            self.interchanges.unrouted.insert(document);
        }
        // A reply came by a send port, whose settings say nothing of what is received, and what the
        // engine or an orchestration makes by none.
        let is_of_port = document.is_submitted() && !self.is_reply(document);
        // An operator may have unenlisted who would get it.
        let mut takers = self.interchanges.all_routed.iter();
        let kept = !is_of_port || !takers.any(|port| self.routing.is_enlisted(*port));
        self.docket.judge(Rule::FailedAreRouted, kept, || {
            format!("{document} was suspended, though its port routes failed messages")
        });
    }

    /// INV-12 across commits, for any message: one that is suspended, routed or dropped as a whole
    /// is followed from here on, if nobody did.
    fn ends_as_a_whole(&mut self, wire: u64, ended: &mut Ended, effects: &[Effect]) {
        let whole = DocumentName { wire, sequence: 0, split: false };
        if !whole.is_submitted() {
            return;
        }
        if let Entry::Vacant(unheld) = self.interchanges.held.entry(wire) {
            // Its documents were of no interest until now.
            let published = effects.iter().filter_map(|effect| {
                let Effect::Published { document, .. } = effect else { return None };
                Some(*document).filter(|document| document.wire == wire)
            });
            ended.published = published.collect();
            unheld.insert(Held { documents: 1, recovers: false, uncounted: true });
        }
        let excused = self.life.may_come_again(wire) || ended.resumed.is_some();
        let fails = ended.rest == Some(Rest::Dropped)
            || ended.failed.iter().any(|document| document.sequence == 0);
        if fails && !excused && ended.published.is_empty() && self.interchanges.has_come_out(wire) {
            // What ends twice in one commit is judged as one end.
            self.docket.judge(Rule::OneEndPerDocument, false, || {
                format!("m{wire} was published, and ends as a whole besides: {ended:?}")
            });
        }
        let over = self.interchanges.over.get(&wire).copied();
        if !excused && let Some(over) = over {
            self.docket.judge(Rule::OneEndPerDocument, ended.published.is_empty(), || {
                format!("m{wire} was {over:?} as a whole, and is published: {ended:?}")
            });
        }
        if ended.resumed.is_some() {
            self.interchanges.over.remove(&wire);
        }
        if ended.rest == Some(Rest::Dropped) {
            self.interchanges.over.insert(wire, Over::Dropped);
        } else if ended.failed.iter().any(|document| document.sequence == 0) {
            self.interchanges.over.insert(wire, Over::Failed);
        }
    }

    #[inline(always)]
    pub(super) fn follows(&self, document: DocumentName) -> bool {
        !self.interchanges.held.is_empty() && self.interchanges.held.contains_key(&document.wire)
    }

    /// INV-63: an error message has a failure it stands for, and a name of its own.
    fn error_published(&mut self, error: DocumentName, announced: bool) {
        let fresh = self.interchanges.last_error.is_none_or(|last| last < error);
        self.interchanges.last_error = Some(error);
        self.docket.judge(Rule::FailedAreRouted, announced && fresh, || {
            format!("{error} stands for no failure, or for several")
        });
    }

    fn interchange_ended(&mut self, wire: u64, ended: &Ended) {
        let Some(held) = self.interchanges.held.get(&wire).copied() else { return };
        let docket = &mut self.docket;
        judge_once(docket, wire, ended);
        if let Some(resumed) = ended.resumed {
            let unrouted = self.interchanges.unrouted.contains(&resumed);
            if !ended.failed.contains(&resumed) {
                self.interchanges.unrouted.remove(&resumed);
            }
            let resume = Some(self.interchanges.resume).filter(|_| unrouted);
            return judge_resumed(docket, resumed, resume, ended);
        }
        if ended.failed.is_empty() && !self.interchanges.over.contains_key(&wire) {
            // Nothing of it can come back.
            self.interchanges.held.remove(&wire);
        }
        let whole = ended.failed.iter().any(|document| document.sequence == 0);
        judge_sequences(docket, wire, held, ended);
        if held.uncounted || ended.rest.is_some() {
            return;
        }
        let published = u32::try_from(ended.published.len()).unwrap_or(u32::MAX);
        let failed = u32::try_from(ended.failed.len()).unwrap_or(u32::MAX);
        if held.recovers || failed > u32::from(whole) {
            let all = whole || published + failed == held.documents;
            let ascending = ended.published.is_sorted();
            docket.judge(Rule::RecoveryLosesOnlyBad, all && ascending, || {
                format!("m{wire} held {}: {published} published, {failed} failed", held.documents)
            });
        } else {
            let all_or_none = published == 0 || published == held.documents;
            docket.judge(Rule::AllOrNone, all_or_none, || {
                format!("{published} of the {} documents of m{wire} were published", held.documents)
            });
        }
    }
}

/// INV-12: a message, and each of its documents, ends once and in one way.
fn judge_once(docket: &mut Docket, wire: u64, ended: &Ended) {
    let mut names: Vec<DocumentName> =
        ended.published.iter().chain(&ended.failed).copied().collect();
    let whole = ended.failed.iter().any(|document| document.sequence == 0);
    let (count, dropped) = (names.len(), ended.rest == Some(Rest::Dropped));
    names.sort_unstable();
    names.dedup();
    let alone = !(whole || dropped) || names.len() + usize::from(dropped) == 1;
    docket.judge(Rule::OneEndPerDocument, names.len() == count && alone, || {
        format!("m{wire} ended in several ways: {ended:?}")
    });
}

/// INV-61: a wire message runs through its pipeline again, a document is published as it is; what
/// a component was handed begins anew as a message of one document. One that nobody subscribed to
/// goes on where it is chosen.
fn judge_resumed(
    docket: &mut Docket,
    resumed: DocumentName,
    unrouted: Option<UnroutedResume>,
    ended: &Ended,
) {
    let anew = DocumentName { sequence: 1, split: false, ..resumed };
    let kept = ended.published.iter().all(|document| match unrouted {
        _ if resumed.sequence == 0 => document.sequence > 0,
        None => *document == resumed || *document == anew,
        Some(UnroutedResume::Pipeline) => *document == anew,
        Some(UnroutedResume::Publish) => *document == resumed,
    });
    docket.judge(Rule::ResumeBeginsWhereItMust, kept, || {
        format!("{resumed} was resumed as {:?}", ended.published)
    });
}

/// INV-60: sequence numbers are those of the disassembly, each once, and none beyond the last.
fn judge_sequences(docket: &mut Docket, wire: u64, held: Held, ended: &Ended) {
    let mut numbers: Vec<u32> = (ended.published.iter().chain(&ended.failed))
        .map(|document| document.sequence)
        .filter(|sequence| *sequence > 0)
        .collect();
    if held.documents < 2 || held.uncounted || numbers.is_empty() {
        return;
    }
    numbers.sort_unstable();
    let expected: Vec<u32> = (1..=held.documents).collect();
    let complete = ended.rest.is_some() || numbers == expected;
    docket.judge(Rule::SequenceCounts, complete, || {
        format!("the documents of m{wire} are numbered {numbers:?} of {}", held.documents)
    });
}

/// A promoted property of an error message that is not of the error report.
fn foreign_promotion(
    message_box: &MessageBox,
    topology: &Topology,
    effect: &Effect,
) -> Option<String> {
    let Effect::Referenced { at, .. } = effect else { return None };
    let context = message_box.context_of(at.reference)?;
    let promoted = context.iter().map(|(id, ..)| id).filter(|id| context.promoted(*id).is_some());
    let mut names = promoted.map(|id| topology.properties.name(id));
    names.find(|name| !name.starts_with("ErrorReport.")).map(ToOwned::to_owned)
}
