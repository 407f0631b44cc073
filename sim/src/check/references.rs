//! Checks on references: where they are, how often they were tried, what became of them.
//! INV-10, 13, 14, 16…18, 24, 34…37, 39.

mod account;
mod attempts;

use std::hint::cold_path;
use std::num::NonZeroU64;

use floodgate_engine::adapter::CallId;
use floodgate_engine::config::{RetryCount, Topology};
use floodgate_engine::id::ReferenceId;
use floodgate_engine::message::PropertyId;
use floodgate_engine::message_box::{MessageBox, OutboundMessage, Place, Reason, ReferenceCounts};
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::time::Duration;

use super::{Checks, Rule};
use attempts::{counted, more_tries};

/// Where the checks believe a reference to be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Whereabouts {
    #[default]
    Gone,
    Locked,
    Suspended,
    Work,
}

/// What the checks know of one reference; found by its place in the reference table. Small on
/// purpose: there are as many as references.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    sequence: u64,
    /// When it failed last, in nanoseconds after the one before the beginning.
    failed_at: Option<NonZeroU64>,
    fingerprint: u32,
    retries_left: u16,
    attempts: u16,
    /// Tries beyond the configured ones that its adapter has noted on it, on each transport.
    tried: [u16; 2],
    port: u32,
    whereabouts: Whereabouts,
    /// Counted among what is surely eligible (INV-28).
    eligible: bool,
    on_backup: bool,
    /// The adapter said `true`: not a word more about it.
    said_sent: bool,
    /// The last attempt was taken back: made again at once it is the same one (R-ADD-09).
    rolled_back: bool,
    /// The wire took the attempt that counts now, and only that makes a Delete the end.
    taken: bool,
    /// Copies that the wire took, less one for each process that died with it in flight.
    copies: i8,
}

#[derive(Clone, Debug)]
struct PortRule {
    retries: [RetryPolicy; 2],
    /// Tries that its adapters make beyond those (R-ADD-07): at least, and at most.
    more: [(u32, u32); 2],
    has_backup: bool,
}

#[derive(Clone, Debug)]
pub(super) struct References {
    known: Vec<Known>,
    ports: Vec<PortRule>,
    /// Where adapters count their tries beyond the configured ones, on each transport.
    counted: Option<[PropertyId; 2]>,
    /// Whether some adapter throws.
    throws: bool,
    /// Send ports, whose messages leave by a wire; those of other subscribers do not.
    send_ports: u32,
    counts: ReferenceCounts,
    referenced: u64,
    ended: u64,
    published: u64,
    collectable: u64,
    collected: u64,
    /// References that the document published last still has to get.
    owed: u32,
    fingerprint: u64,
    /// Adapters are told what is configured, not what is left.
    tells_configured: bool,
    /// The message handed over last, by adapter instance and place of the call.
    calls: Vec<Vec<Option<(ReferenceId, u64)>>>,
}

impl References {
    pub(super) fn new(topology: &Topology) -> Self {
        let port = |(at, port): (usize, &floodgate_engine::config::SendPort)| PortRule {
            retries: [
                port.primary.retry,
                port.backup.map_or(port.primary.retry, |backup| backup.retry),
            ],
            more: more_tries(topology, at.into()),
            // R-RETRY-12.
            has_backup: port.backup.is_some() && topology.dynamic_port(at.into()).is_none(),
        };
        let others = topology.subscribers() - topology.send_ports.len();
        let none = RetryPolicy { count: 0, interval: Duration::ZERO };
        let inside = std::iter::repeat_n(
            PortRule { retries: [none; 2], more: [(0, 0); 2], has_backup: false },
            others,
        );
        Self {
            known: Vec::new(),
            ports: topology.send_ports.iter().enumerate().map(port).chain(inside).collect(),
            counted: counted(topology),
            throws: topology.habits.iter().any(|(_, own)| own.throws.is_some()),
            send_ports: u32::try_from(topology.send_ports.len()).unwrap_or(u32::MAX),
            counts: ReferenceCounts::default(),
            referenced: 0,
            ended: 0,
            published: 0,
            collectable: 0,
            collected: 0,
            owed: 0,
            fingerprint: 0,
            tells_configured: topology.choices.retry_count == RetryCount::Configured,
            calls: Vec::new(),
        }
    }

    fn count(&mut self, whereabouts: Whereabouts) -> Option<&mut u64> {
        match whereabouts {
            Whereabouts::Gone => None,
            Whereabouts::Locked => Some(&mut self.counts.locked),
            Whereabouts::Suspended => Some(&mut self.counts.suspended),
            Whereabouts::Work => Some(&mut self.counts.work),
        }
    }

    /// Moves a reference; returns where it was, or `None` if the place has another tenant.
    fn go(&mut self, at: &Place, to: Whereabouts) -> Option<Whereabouts> {
        let index = at.reference.0.index();
        let known = self.known.get_mut(index).filter(|known| known.sequence == at.sequence)?;
        let from = std::mem::replace(&mut known.whereabouts, to);
        if let Some(count) = self.count(from) {
            *count = count.wrapping_sub(1);
        }
        if let Some(count) = self.count(to) {
            *count += 1;
        }
        Some(from)
    }

    fn get(&mut self, id: ReferenceId, sequence: u64) -> Option<&mut Known> {
        self.known.get_mut(id.0.index()).filter(|known| known.sequence == sequence)
    }

    /// Whether a reference is counted as eligible, if it is known.
    pub(super) fn eligible(&mut self, at: &Place) -> Option<&mut bool> {
        self.get(at.reference, at.sequence).map(|known| &mut known.eligible)
    }

    fn enter(&mut self, at: &Place, retries_left: u32) {
        let index = at.reference.0.index();
        if self.known.len() <= index {
            self.known.resize(index + 1, Known::default());
        }
        self.known[index] = Known {
            sequence: at.sequence,
            fingerprint: folded(self.fingerprint),
            retries_left: small(retries_left),
            port: at.subscriber.0,
            whereabouts: Whereabouts::Work,
            ..Known::default()
        };
        self.referenced += 1;
        self.counts.work += 1;
    }

    /// A document is stored, with so many references to come.
    pub(super) fn published(&mut self, references: u32, bodies: u32, fingerprint: u64) {
        self.published += u64::from(bodies);
        self.owed = references;
        self.fingerprint = fingerprint;
    }

    /// References that the document published last still has to get.
    pub(super) const fn owed(&self) -> u32 {
        self.owed
    }

    /// A body that nobody refers to any more.
    pub(super) const fn collectable(&mut self) {
        self.collectable += 1;
    }

    #[inline(always)]
    fn note_call(&mut self, node: u32, call: CallId, message: (ReferenceId, u64)) {
        let node = node as usize;
        if self.calls.len() <= node {
            cold_path();
            self.calls.resize(node + 1, Vec::new());
        }
        let calls = &mut self.calls[node];
        if calls.len() <= call.0.index() {
            cold_path();
            calls.resize(call.0.index() + 1, None);
        }
        calls[call.0.index()] = Some(message);
    }

    /// The publication number of the reference that is at this place.
    pub(super) fn sequence_of(&self, id: ReferenceId) -> Option<u64> {
        self.known.get(id.0.index()).map(|known| known.sequence)
    }

    /// Retries that a reference has left.
    pub(super) fn retries_of(&self, id: ReferenceId) -> Option<u32> {
        self.known.get(id.0.index()).map(|known| u32::from(known.retries_left))
    }

    /// Whether adapters count tries beyond the configured ones.
    pub(super) const fn counts_tries(&self) -> bool {
        self.counted.is_some()
    }

    /// Retries of the transport a reference is on.
    fn retry(&self, known: &Known) -> RetryPolicy {
        self.ports[known.port as usize].retries[usize::from(known.on_backup)]
    }
}

/// Half the bits of a fingerprint: a change escapes with a chance of one in four thousand million.
const fn folded(fingerprint: u64) -> u32 {
    (fingerprint ^ (fingerprint >> 32)) as u32
}

/// Retry counts are at most 1000 (R-RETRY-01).
fn small(retries: u32) -> u16 {
    u16::try_from(retries).unwrap_or(u16::MAX)
}

impl Checks {
    pub(super) fn referenced(&mut self, at: &Place, retries_left: u32) {
        let owed = self.references.owed;
        self.docket.judge(Rule::OneReferenceOneEnd, owed > 0, || {
            format!("{} got one reference more than it has subscribers", at.document)
        });
        self.references.owed = owed.saturating_sub(1);
        self.references.enter(at, retries_left);
        self.ordered.published(at);
    }

    pub(super) fn locked(&mut self, at: &Place) {
        if self.transactions.hides(at.document) {
            self.docket.judge(Rule::VisibleAfterCommit, false, || {
                format!("{} was dequeued before its transaction committed", at.document)
            });
        }
        let from = self.references.go(at, Whereabouts::Locked);
        self.docket.judge(Rule::VisibleAfterCommit, from.is_some(), || {
            format!("{} at {} was dequeued and never published", at.document, at.subscriber)
        });
        self.docket.judge(Rule::OneHolder, from != Some(Whereabouts::Locked), || {
            format!("{} at {} was locked twice", at.document, at.subscriber)
        });
        self.docket.judge(Rule::ReferenceInOnePlace, from == Some(Whereabouts::Work), || {
            format!("{} at {} was dequeued while it was {from:?}", at.document, at.subscriber)
        });
    }

    #[inline(always)]
    pub(super) fn ended(&mut self, at: &Place) {
        let from = self.references.go(at, Whereabouts::Gone);
        self.end(at, from);
    }

    #[inline(always)]
    fn end(&mut self, at: &Place, from: Option<Whereabouts>) {
        self.life.disposed(at.sequence);
        let alive = !matches!(from, None | Some(Whereabouts::Gone));
        self.docket.judge(Rule::OneReferenceOneEnd, alive, || {
            format!("{} at {} ended twice", at.document, at.subscriber)
        });
        self.references.ended += 1;
        self.ordered.left(at, from == Some(Whereabouts::Suspended));
    }

    /// A reference is deleted: its message is done with, and so the partner has to have it.
    /// Neither an adapter's word nor an engine's stands for that (R-SND-06, R-RETRY-04).
    #[inline(always)]
    pub(super) fn deleted(&mut self, at: &Place) {
        let from = self.references.go(at, Whereabouts::Gone);
        // One look serves both: the place was found, or there is nothing to ask.
        if from.is_some() && at.subscriber.0 < self.references.send_ports {
            let known = &self.references.known[at.reference.0.index()];
            self.docket.judge(Rule::NothingLost, known.taken, || {
                let refused = known.failed_at.is_some();
                let wire = if refused { "refused it" } else { "never took it" };
                format!("{} at {} is deleted, and the wire {wire}", at.document, at.subscriber)
            });
        }
        self.end(at, from);
    }

    pub(super) fn resubmitted(&mut self, at: &Place, retries_left: u32) {
        self.life.disposed(at.sequence);
        self.references.go(at, Whereabouts::Work);
        self.ordered.left_adapter(at);
        if self.references.throws {
            self.references.spend(at, retries_left);
        }
        if let Some(known) = self.references.get(at.reference, at.sequence) {
            (known.rolled_back, known.taken) = (false, false);
            let before = u32::from(std::mem::replace(&mut known.retries_left, small(retries_left)));
            self.docket.judge(
                Rule::RetryCountDescends,
                before.saturating_sub(1) == retries_left,
                || {
                    format!(
                        "{} at {} went from {before} retries to {retries_left}",
                        at.document, at.subscriber
                    )
                },
            );
        }
    }

    pub(super) fn moved_on(&mut self, at: &Place, retries_left: u32) {
        self.life.disposed(at.sequence);
        self.references.go(at, Whereabouts::Work);
        self.ordered.left_adapter(at);
        let Some(known) = self.references.get(at.reference, at.sequence) else { return };
        let was_on_backup = std::mem::replace(&mut known.on_backup, true);
        known.retries_left = small(retries_left);
        known.attempts = known.tried[1];
        known.failed_at = None;
        (known.rolled_back, known.taken) = (false, false);
        let known = *known;
        let configured = self.references.retry(&known).count;
        self.docket.judge(Rule::RetryCountDescends, configured == retries_left, || {
            format!(
                "{} starts on its backup with {retries_left} retries of {configured}",
                at.document
            )
        });
        let free = !was_on_backup && self.references.ports[known.port as usize].has_backup;
        self.docket.judge(Rule::BackupOnlyOnce, free, || {
            format!("{} moved to a next transport that {} has not", at.document, at.subscriber)
        });
    }

    pub(super) fn suspended(&mut self, at: &Place, reason: Reason, resumable: bool) {
        self.life.disposed(at.sequence);
        self.references.go(at, Whereabouts::Suspended);
        self.ordered.suspended(&mut self.docket, at, reason, resumable);
        self.attempts_complete(at, reason);
    }

    /// A reference was given back: nothing failed, so nothing counts against it but the copy that
    /// may have gone out (R-DUP-01).
    pub(super) fn given_back(&mut self, at: &Place) {
        self.references.go(at, Whereabouts::Work);
        self.ordered.given_back(at);
        let Some(known) = self.references.get(at.reference, at.sequence).copied() else { return };
        let configured = self.references.retry(&known).count;
        if let Some(known) = self.references.get(at.reference, at.sequence) {
            let spent = small(configured.saturating_sub(u32::from(known.retries_left)));
            known.attempts = spent.saturating_add(known.tried[usize::from(known.on_backup)]);
            known.failed_at = None;
            // What its transaction undid is not the attempt that is made next.
            (known.rolled_back, known.said_sent, known.taken) = (false, false, false);
            if known.copies > 0 {
                self.life.will_repeat(at.sequence);
            }
            known.copies = known.copies.saturating_sub(1);
        }
    }

    /// Locks of a dead owner were given back: of the references with these publication numbers a
    /// call of its is on the wire, and may still bring a copy that counts against nobody. What has
    /// none has gone out as often as the wire took it.
    pub(crate) fn only_these_may_arrive(&mut self, on_the_wire: &[u64]) {
        for known in self.references.known.iter_mut().filter(|known| known.copies < 0) {
            if !on_the_wire.contains(&known.sequence) {
                known.copies = 0;
            }
        }
    }

    /// Whether a reference is on its backup transport.
    pub(super) fn is_on_backup(&self, at: &Place) -> bool {
        let known = self.references.known.get(at.reference.0.index());
        known.is_some_and(|known| known.sequence == at.sequence && known.on_backup)
    }

    pub(super) fn resumed(&mut self, at: &Place) {
        self.references.go(at, Whereabouts::Work);
        self.ordered.resumed(at);
        let Some(known) = self.references.get(at.reference, at.sequence) else { return };
        // Its adapter goes on counting its own tries (R-CTX-10).
        known.attempts = known.tried[0];
        known.failed_at = None;
        // An attempt that was taken back before is not the one that is made next.
        (known.on_backup, known.rolled_back, known.taken) = (false, false, false);
        let port = known.port as usize;
        let retries = self.references.ports[port].retries[0].count;
        if let Some(known) = self.references.get(at.reference, at.sequence) {
            known.retries_left = small(retries);
        }
    }

    /// References that were ever made, and those of them that have ended.
    pub(crate) const fn references_ended(&self) -> (u64, u64) {
        (self.references.referenced, self.references.ended)
    }

    /// Which of `references` have a free backup, by the checks' own account.
    pub(crate) fn may_move(&self, references: &[ReferenceId]) -> Vec<bool> {
        let may = |reference: &ReferenceId| {
            self.references.known.get(reference.0.index()).is_some_and(|known| {
                !known.on_backup && self.references.ports[known.port as usize].has_backup
            })
        };
        references.iter().map(may).collect()
    }

    /// `TransmitMessage` hands a message to an adapter, in `call`.
    #[inline(always)]
    pub(crate) fn transmit(&mut self, node: u32, call: CallId, message: &OutboundMessage) {
        let name = message.document;
        self.life.handed_over(node, call, message.sequence);
        self.references.note_call(node, call, (message.reference, message.sequence));
        self.answer(node, message);
        let own = &self.references;
        let known = own.known.get(message.reference.0.index());
        let Some(known) = known.filter(|own| own.sequence == message.sequence) else { return };
        let due = if own.tells_configured {
            cold_path();
            own.retry(known).count
        } else {
            u32::from(known.retries_left)
        };
        self.docket.judge(
            Rule::StoredNeverChanges,
            known.fingerprint == folded(message.fingerprint),
            || format!("{name} is delivered with other content than it was published with"),
        );
        self.docket.judge(Rule::InnocentsKeepRetries, due == message.retries_left, || {
            format!(
                "{name} is delivered with {} retries, its own failures left {}, due {due}",
                message.retries_left, known.retries_left
            )
        });
        let demoted = !message.context.promotes();
        self.docket.judge(Rule::DeliveredIsDemoted, demoted, || {
            format!("{name} is delivered with a property that is still promoted")
        });
        self.docket.judge(Rule::SentIsTheEnd, !known.said_sent, || {
            format!("{name} is delivered again after the adapter said that it was sent")
        });
        self.ordered.with_adapter(&mut self.docket, message);
        self.dynamic.transmit(&mut self.docket, message);
    }

    /// The message that an adapter was handed last in `call`.
    fn handed_in(&self, node: u32, call: CallId) -> Option<(ReferenceId, u64)> {
        *self.references.calls.get(node as usize)?.get(call.0.index())?
    }

    /// The adapter said `true` of the message it was handed last in `call`.
    pub(crate) fn said_sent(&mut self, node: u32, call: CallId) {
        if let Some((reference, sequence)) = self.handed_in(node, call)
            && let Some(known) = self.references.get(reference, sequence)
        {
            known.said_sent = true;
            self.life.disposed(sequence);
            self.exchanges.was_replied_alone(reference);
        }
    }

    /// The adapter failed in `call`. If that was because the reply of a partner could not be
    /// submitted, the copy that the partner got counts against nobody: it is the documented risk
    /// of asking while the engine waits (R-SR-05).
    pub(crate) fn threw(&mut self, node: u32, call: CallId) {
        self.forget_handed(node, call);
        self.threw_in_batch(node, call);
        if let Some((reference, sequence)) = self.handed_in(node, call)
            && self.exchanges.was_replied_alone(reference)
            && let Some(known) = self.references.get(reference, sequence)
        {
            known.copies = known.copies.saturating_sub(1);
        }
    }

    /// An adapter disposes of a message in an engine batch.
    pub(super) fn disposes(&mut self, reference: ReferenceId) {
        let known = self.references.known.get(reference.0.index());
        let said_sent =
            known.is_some_and(|known| known.said_sent && known.whereabouts == Whereabouts::Locked);
        self.docket.judge(Rule::SentIsTheEnd, !said_sent, || {
            format!("an adapter disposes of {reference:?} after it said that it was sent")
        });
    }

    /// The wire took an attempt inside a transaction, whose outcome is still open.
    #[cold]
    pub(crate) fn wire_took(&mut self, attempt: &floodgate_engine::adapter::Transmission) {
        if let Some(known) = self.references.get(attempt.reference, attempt.sequence) {
            known.taken = true;
        }
    }

    /// An attempt ended on the wire.
    #[inline(always)]
    pub(crate) fn wire_ends(
        &mut self,
        attempt: &floodgate_engine::adapter::Transmission,
        sent: bool,
    ) {
        let now = self.docket.now;
        if sent {
            self.ordered.sent(&mut self.docket, attempt.subscriber, attempt.sequence);
        }
        let Some(known) = self.references.get(attempt.reference, attempt.sequence) else { return };
        known.taken = sent;
        if !sent {
            known.failed_at = NonZeroU64::new(now.as_nanos() + 1);
            return;
        }
        known.failed_at = None;
        // The wire took a copy: a second one only of what was in flight when its process died.
        known.copies = known.copies.saturating_add(1);
        let copies = known.copies;
        if self.life.somebody_died() || copies > 1 {
            self.life.goes_out(attempt.sequence);
            self.docket.judge(Rule::CopiesOnlyInFlight, copies <= 1, || {
                format!("{} went out {copies} times with no death in between", attempt.document)
            });
        }
    }

    /// The accounts of the checks against the MessageBox's own: constant time, after every commit.
    pub(crate) fn balance(&mut self, message_box: &MessageBox) {
        let (own, theirs) = (self.references.counts, message_box.reference_counts());
        self.docket.judge(Rule::ReferenceInOnePlace, own == theirs, || {
            format!("the MessageBox counts {theirs:?}, the events say {own:?}")
        });
        let live = self.references.published - self.references.collectable;
        self.docket.judge(Rule::OneBody, live == message_box.spool_live(), || {
            format!(
                "{} live rows in the spool, {live} documents with references",
                message_box.spool_live()
            )
        });
        let here = self.references.referenced - self.references.ended;
        self.docket.judge(Rule::NothingLost, here == theirs.total(), || {
            format!("{here} references have not ended, the MessageBox holds {}", theirs.total())
        });
    }

    /// The cleanup job removed so many bodies: none that somebody refers to (INV-15).
    pub(crate) fn collected(&mut self, collected: u64, message_box: &MessageBox) {
        self.references.collected += collected;
        let await_cleanup = self.references.collectable.checked_sub(self.references.collected);
        let garbage = message_box.spool_garbage();
        self.docket.judge(Rule::BodyWhileReferenced, await_cleanup == Some(garbage), || {
            format!("{garbage} bodies await cleanup, the events say {await_cleanup:?}")
        });
    }

    /// The full audit: counts every row. At the end of a run, and at checkpoints.
    pub(crate) fn audit(&mut self, message_box: &MessageBox) {
        self.balance(message_box);
        self.collected(0, message_box);
        self.audit_exchanges(message_box);
        let (counted, claimed) = (message_box.recount(), message_box.reference_counts());
        self.docket.judge(Rule::ReferenceInOnePlace, counted == claimed, || {
            format!("the MessageBox claims {claimed:?}, its rows say {counted:?}")
        });
        self.ordered.audit(&mut self.docket, message_box);
        self.audit_locks(message_box);
    }
}
