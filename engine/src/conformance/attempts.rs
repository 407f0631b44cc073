//! Clauses of senders that ask the wire: what an adapter tells the engine of an attempt has to be
//! what the partner's end told it.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a clause looks for a few kinds of fact among many"
)]

use std::collections::{BTreeMap, BTreeSet};

use super::clause::{Shown, Trials};
use super::script::{Outgoing, Script};
use super::sending::{all, ending, failing, sent};
use super::story::{Fact, Name, Story};
use crate::adapter::{CallId, Returned};
use crate::batch::OperationKind;
use crate::id::TransactionId;

type Judged = Result<(), Shown>;

/// An adapter's word that a message is done with.
struct End {
    /// Where it said so.
    at: usize,
    of: Name,
    /// The wire's last word on this attempt until then; `None` while it has said nothing.
    heard: Option<bool>,
    how: &'static str,
}

/// Forgets the attempts of an aborted transaction: they never happened (R-ADD-09).
fn forget<T>(
    within: &BTreeMap<Name, Option<TransactionId>>,
    aborted: TransactionId,
    known: &mut BTreeMap<Name, T>,
) {
    known.retain(|of, _| within.get(of).copied().flatten() != Some(aborted));
}

/// Every Delete, and every `true`: inside an adapter batch `true` is a promise until `Done` has
/// returned (R-BSND-03), and void when the batch is cleared or fails (R-BSND-04, R-BSND-05).
fn ends(story: &Story) -> Vec<End> {
    let mut heard: BTreeMap<Name, bool> = BTreeMap::new();
    let mut within = BTreeMap::new();
    let mut batched: BTreeSet<Name> = BTreeSet::new();
    let mut promised: Vec<(CallId, Name)> = Vec::new();
    let mut ends = Vec::new();
    for (at, _, fact) in story.iter() {
        let mut end = |of: Name, how| {
            ends.push(End { at, of, heard: heard.get(&of).copied(), how });
        };
        match fact {
            Fact::Transmit { of, batched: true, .. } => {
                batched.insert(*of);
            }
            Fact::Transmitting { of, transaction, .. } => {
                within.insert(*of, *transaction);
            }
            Fact::Transmitted { of, sent } => {
                heard.insert(*of, *sent);
            }
            Fact::Transacted { transaction, committed: false } => {
                forget(&within, *transaction, &mut heard);
            }
            Fact::Posted { said, .. } => {
                let deletes = said.iter().filter(|said| said.disposes());
                let deletes = deletes.filter(|said| said.kind == OperationKind::Delete);
                deletes.for_each(|said| end(said.of, "is deleted"));
            }
            Fact::Returned { call, of: Some(of), returned: Returned::Sent } => {
                if batched.contains(of) {
                    promised.push((*call, *of));
                } else {
                    end(*of, "is called sent");
                }
            }
            Fact::Returned { call, of: None, returned } => {
                let kept = promised.extract_if(.., |(of, _)| of == call);
                let kept = kept.filter(|_| *returned == Returned::Done);
                kept.for_each(|(_, of)| end(of, "is called sent"));
            }
            _ => {}
        }
    }
    ends
}

/// Judges R-SND-06, R-BSND-03: the wire has to have answered in this attempt.
pub(super) fn r_snd_06_ends_only_what_the_wire_was_asked_for(trials: &Trials<'_>) -> Judged {
    trials.each(all().chain(ending()), |story| {
        match ends(story).into_iter().find(|end| end.heard.is_none()) {
            Some(End { at, of, how, .. }) => {
                Story::flaw(at, format!("{of} {how}, and the wire has not taken it"))
            }
            None => Ok(()),
        }
    })
}

/// Judges R-RETRY-04, R-SND-06: a failure is neither deleted nor called sent.
pub(super) fn r_retry_04_ends_nothing_that_the_wire_refused(trials: &Trials<'_>) -> Judged {
    trials.each(failing(), |story| {
        match ends(story).into_iter().find(|end| end.heard == Some(false)) {
            Some(End { at, of, how, .. }) => {
                Story::flaw(at, format!("{of} {how} after the wire refused it"))
            }
            None => Ok(()),
        }
    })
}

/// Judges R-RETRY-03, INV-34: a delivery is one attempt, whatever came of it; the other messages
/// of an aborted transaction are tried again.
pub(super) fn r_retry_03_transmits_once_an_attempt(trials: &Trials<'_>) -> Judged {
    trials.each(all(), |story| {
        let (mut tried, mut within) = (BTreeMap::new(), BTreeMap::new());
        for (at, _, fact) in story.iter() {
            match fact {
                Fact::Transmitting { of, transaction, .. } => {
                    if tried.insert(*of, ()).is_some() {
                        return Story::flaw(at, format!("{of} is transmitted a second time"));
                    }
                    within.insert(*of, *transaction);
                }
                Fact::Transacted { transaction, committed: false } => {
                    forget(&within, *transaction, &mut tried);
                }
                _ => {}
            }
        }
        Ok(())
    })
}

/// Judges R-RETRY-04: the first delivery of a message that is alone, so that nothing but its own
/// attempt can be the reason to give it back.
pub(super) fn r_retry_04_gives_up_step_by_step(trials: &Trials<'_>) -> Judged {
    let worse = Outgoing::of_port(0).failing(9);
    let lots = [
        worse.with_retries(1),
        worse.with_retries(0),
        Outgoing { backup: Some(0), ..worse.with_retries(1) },
        Outgoing { backup: Some(0), ..worse.with_retries(0) },
    ];
    let scripts = lots.map(|one| Script::sending(vec![one]));
    trials.each([sent(1)].into_iter().chain(scripts), |story| {
        let first = Name { number: 1, delivery: 1 };
        let (mut retries, mut heard, mut moved) = (0, None, false);
        for (at, _, fact) in story.iter() {
            match fact {
                Fact::Transmit { of, retries_left, .. } if *of == first => retries = *retries_left,
                Fact::Transmitted { of, sent } if *of == first => heard = Some(*sent),
                _ => {}
            }
            let Fact::Posted { said, .. } = fact else { continue };
            let back = |said: &super::story::Said| {
                said.of == first && said.disposes() && said.kind != OperationKind::Delete
            };
            for said in said.iter().filter(|said| back(said)) {
                let hasty = match said.kind {
                    OperationKind::MoveToNextTransport => retries > 0,
                    OperationKind::MoveToSuspendQueue => retries > 0 || !moved,
                    _ => false,
                };
                moved |= said.kind == OperationKind::MoveToNextTransport;
                match heard {
                    None => return Story::flaw(at, format!("untried, and then: {said}")),
                    Some(false) if hasty => {
                        let why = format!("with {retries} retries left, and then: {said}");
                        return Story::flaw(at, why);
                    }
                    // What was sent and is given back is R-ADPT-15.
                    Some(_) => {}
                }
            }
        }
        Ok(())
    })
}

/// Judges R-SND-06, R-SND-09: who answers `false` has to claim what follows from it.
pub(super) fn r_snd_06_answers_by_its_return_where_it_blocks(trials: &Trials<'_>) -> Judged {
    trials.each(all(), |story| {
        for (at, _, fact) in story.iter() {
            if let Fact::Returned { of: Some(of), returned: Returned::Pending, .. } = fact {
                return Story::flaw(at, format!("`false` is returned for {of}: it does not block"));
            }
        }
        Ok(())
    })
}
