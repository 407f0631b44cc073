//! Clauses of transactional adapters.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a clause looks for a few kinds of fact among many"
)]

use std::collections::{BTreeMap, BTreeSet};

use super::clause::{Shown, Trials};
use super::script::{Outgoing, Script};
use super::story::{Fact, Flaw, Name, Story};
use crate::adapter::ConfirmOf;
use crate::batch::{OperationKind, Status};
use crate::id::TransactionId;

type Judged = Result<(), Shown>;

/// Trials of a transactional receive: successes, a poison message, one that cannot even be
/// suspended at first (R-TXN-12, R-TXN-15).
fn receives() -> [Script; 4] {
    let poison =
        || Script::receiving(1).refusing(1, OperationKind::Submit, Status::NO_SUBSCRIPTION);
    let suspend = OperationKind::MoveToSuspendQueue;
    [
        Script::receiving(1),
        Script::receiving(2),
        poison(),
        poison().refusing_once(1, suspend, Status::PERSISTENCE_FAILURE),
    ]
}

/// Trials of a transactional send.
fn sends() -> [Script; 5] {
    let (good, bad) = (Outgoing::of_port(0), Outgoing::of_port(0).failing(1));
    let lots = [vec![good], vec![bad], vec![good, bad], vec![good, Outgoing::of_port(1)]];
    let [one, two, three, four] = lots.map(Script::sending);
    let refused = Script::sending(vec![good]).refusing_once(1, OperationKind::Delete, Status::FAIL);
    [one, two, three, four, refused]
}

/// The same trials, the first commit failing.
fn with_failing_commit<const N: usize>(scripts: [Script; N]) -> impl Iterator<Item = Script> {
    let failing = scripts.clone().into_iter().take(1);
    let failing = failing.map(|script| Script { failing_commits: 1, ..script });
    scripts.into_iter().chain(failing)
}

/// Whether every batch inside a transaction is complete, and the last one with success.
fn settled(story: &Story, of: TransactionId, at: usize) -> Result<(), String> {
    let inside = story.posted().filter(|(place, .., within)| *place < at && *within == Some(of));
    let mut last = None;
    for (_, cookie, ..) in inside {
        match story.status(cookie).filter(|(place, _)| *place < at) {
            None => return Err(format!("{of} is committed before BatchComplete of b{cookie}")),
            Some((_, status)) => last = Some((cookie, status.overall)),
        }
    }
    match last {
        Some((cookie, status)) if !status.is_success() => {
            Err(format!("{of} is committed after b{cookie} failed"))
        }
        Some(_) => Ok(()),
        None => Err(format!("{of} is committed with no batch inside it")),
    }
}

fn commits(story: &Story) -> impl Iterator<Item = (usize, TransactionId)> {
    story.iter().filter_map(|(at, _, fact)| {
        let Fact::Committing { transaction } = fact else { return None };
        Some((at, *transaction))
    })
}

/// Judges R-ADPT-12, R-TXN-05, R-TXN-15.
pub(super) fn r_adpt_12_commits_a_receive_only_after_success(trials: &Trials<'_>) -> Judged {
    trials.each(receives(), |story| {
        let mut read: BTreeMap<u64, Option<TransactionId>> = BTreeMap::new();
        for (at, _, fact) in story.iter() {
            if let Fact::Fetched { numbers, transaction, .. } = fact {
                read.extend(numbers.iter().map(|number| (*number, *transaction)));
            }
            let Fact::Posted { said, transaction, .. } = fact else { continue };
            let apart = said
                .iter()
                .find(|said| read.get(&said.of.number).is_some_and(|within| within != transaction));
            if let Some(said) = apart {
                let why = format!("{} is posted outside the transaction it was read in", said.of);
                return Story::flaw(at, why);
            }
            if transaction.is_none() {
                return Story::flaw(at, "a batch is posted without a transaction".to_owned());
            }
        }
        committed_well(story)
    })
}

fn committed_well(story: &Story) -> Result<(), Flaw> {
    for (at, transaction) in commits(story) {
        if let Err(why) = settled(story, transaction, at) {
            return Story::flaw(at, why);
        }
    }
    match commits(story).next() {
        Some(_) => Ok(()),
        None => story.flaw_at_end("nothing is ever committed".to_owned()),
    }
}

/// Judges R-ADPT-12, R-TXN-06.
pub(super) fn r_adpt_12_commits_a_send_only_after_success(trials: &Trials<'_>) -> Judged {
    trials.each(sends(), |story| {
        let mut open: BTreeMap<Name, TransactionId> = BTreeMap::new();
        for (at, _, fact) in story.iter() {
            match fact {
                Fact::Transmitting { of, transaction: Some(transaction), .. } => {
                    open.insert(*of, *transaction);
                }
                Fact::Transmitting { of, transaction: None, .. } => {
                    return Story::flaw(at, format!("{of} is transmitted in no transaction"));
                }
                Fact::Transmitted { of, .. } => {
                    open.remove(of);
                }
                Fact::Committing { transaction } => {
                    if let Some((of, _)) = open.iter().find(|(_, within)| *within == transaction) {
                        let why = format!("{transaction} is committed while {of} is on the wire");
                        return Story::flaw(at, why);
                    }
                }
                _ => {}
            }
        }
        committed_well(story)
    })
}

/// Judges R-ADPT-12, R-TXN-03.
pub(super) fn r_adpt_12_confirms_a_receive_once_and_truly(trials: &Trials<'_>) -> Judged {
    trials.each(with_failing_commit(receives()), confirmed_well)
}

/// Judges R-ADPT-12, R-TXN-03, R-TXN-09.
pub(super) fn r_adpt_12_confirms_a_send_once_and_truly(trials: &Trials<'_>) -> Judged {
    trials.each(with_failing_commit(sends()), confirmed_well)
}

/// That each confirm object is called once, after the end, and with it.
fn confirmed_well(story: &Story) -> Result<(), Flaw> {
    let posted = story.posted().filter_map(|(_, cookie, _, within)| {
        Some((ConfirmOf::Batch(cookie), within?, format!("b{cookie}")))
    });
    let given = story.iter().filter_map(|(_, _, fact)| {
        let Fact::BatchDone { confirm: Some(transaction), .. } = fact else { return None };
        Some((ConfirmOf::Delivery(*transaction), *transaction, transaction.to_string()))
    });
    for (object, transaction, name) in posted.chain(given) {
        let mut calls = story.iter().filter_map(|(at, _, fact)| {
            let Fact::Confirmed { of, committed } = fact else { return None };
            (*of == object).then_some((at, *committed))
        });
        let Some((at, said)) = calls.next() else {
            return story.flaw_at_end(format!("{name} is never confirmed"));
        };
        if let Some((again, _)) = calls.next() {
            return Story::flaw(again, format!("{name} is confirmed a second time"));
        }
        let known = story.iter().take(at).any(|(_, _, fact)| match fact {
            Fact::Transacted { transaction: ended, .. } => *ended == transaction,
            Fact::Aborted { transaction: ended } => *ended == transaction && !said,
            _ => false,
        });
        if !known {
            return Story::flaw(at, format!("{name} is confirmed before {transaction} has ended"));
        }
        if said != story.committed(transaction) {
            return Story::flaw(at, format!("{name} is confirmed with {said}, which is not so"));
        }
    }
    Ok(())
}

/// Judges R-ADPT-12, R-TXN-07.
pub(super) fn r_adpt_12_keeps_failures_out_of_the_transaction(trials: &Trials<'_>) -> Judged {
    trials.each(sends(), |story| {
        for (at, _, said, transaction) in story.posted() {
            let Some(transaction) = transaction else { continue };
            let other =
                said.iter().find(|said| said.kind != OperationKind::Delete && !said.response);
            if let Some(said) = other {
                return Story::flaw(at, format!("{said} is posted inside {transaction}"));
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-13.
pub(super) fn r_adpt_13_transmits_to_one_endpoint_a_transaction(trials: &Trials<'_>) -> Judged {
    let lots = [vec![0, 1], vec![0, 1, 0, 2]];
    let scripts =
        lots.map(|ports| Script::sending(ports.into_iter().map(Outgoing::of_port).collect()));
    trials.each(scripts, |story| {
        let mut endpoints: BTreeMap<TransactionId, BTreeSet<u32>> = BTreeMap::new();
        for (at, _, fact) in story.iter() {
            let Fact::Transmitting { endpoint, transaction: Some(transaction), .. } = fact else {
                continue;
            };
            let endpoints = endpoints.entry(*transaction).or_default();
            endpoints.insert(*endpoint);
            if endpoints.len() > 1 {
                let why = format!("{transaction} spans the endpoints {endpoints:?}");
                return Story::flaw(at, why);
            }
        }
        Ok(())
    })
}
