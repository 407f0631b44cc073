//! Clauses of sending adapters.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a clause looks for a few kinds of fact among many"
)]

use std::collections::{BTreeMap, BTreeSet};

use super::clause::{Shown, Trials};
use super::delivery::RETRY_INTERVAL;
use super::receiving::no_batch_outstanding;
use super::script::{Outgoing, Race, Script};
use super::story::{Fact, Flaw, Name, Said, Story};
use crate::adapter::{CallId, Returned};
use crate::batch::{OperationKind, Status};
use crate::time::{Duration, Instant};

type Judged = Result<(), Shown>;

/// One to three messages that the wire takes.
pub(super) fn sent(count: u32) -> Script {
    Script::sending((0..count).map(|_| Outgoing::of_port(0)).collect())
}

/// Trials in which attempts fail: one message, then beside others.
pub(super) fn failing() -> Vec<Script> {
    let (good, bad) = (Outgoing::of_port(0), Outgoing::of_port(0).failing(1));
    let worse = Outgoing::of_port(0).failing(9);
    [
        vec![bad],
        vec![worse.with_retries(1)],
        vec![Outgoing { backup: Some(1), ..worse.with_retries(1) }],
        vec![good, bad],
        vec![bad, good],
        vec![worse.with_retries(0), good, bad],
    ]
    .map(Script::sending)
    .into()
}

pub(super) fn all() -> impl Iterator<Item = Script> {
    (1..=3).map(sent).chain(failing())
}

/// What became of each delivery: the operations on it that took effect, and the engine's own.
fn fates(story: &Story) -> BTreeMap<Name, Vec<String>> {
    let mut fates: BTreeMap<Name, Vec<String>> = BTreeMap::new();
    let taken_back = taken_back(story);
    for (_, _, fact) in story.iter() {
        if let Fact::Transmit { of, .. } = fact {
            fates.entry(*of).or_default();
        }
        let Fact::Returned { of: Some(of), returned, call } = fact else { continue };
        let end = match returned {
            _ if taken_back.contains(call) => continue,
            Returned::Sent => "Delete",
            Returned::Failed => "Failure",
            Returned::Begun { .. }
            | Returned::Cleared
            | Returned::Done
            | Returned::Pending
            | Returned::Terminated => continue,
        };
        fates.entry(*of).or_default().push(end.to_owned());
    }
    for (_, said) in story.applied() {
        if said.disposes() {
            fates.entry(said.of).or_default().push(format!("{:?}", said.kind));
        }
    }
    fates
}

/// Calls whose messages the engine took back: cleared, or failed as a whole (R-BSND-04, R-BSND-05).
fn taken_back(story: &Story) -> Vec<CallId> {
    let mut done = Vec::new();
    let mut taken = Vec::new();
    for (_, _, fact) in story.iter() {
        match fact {
            Fact::BatchCleared { call } => taken.push(*call),
            Fact::BatchDone { call, .. } => done.push(*call),
            Fact::Returned { call, returned: Returned::Failed, .. } if done.contains(call) => {
                taken.push(*call);
            }
            _ => {}
        }
    }
    taken
}

/// Trials in which one operation is refused once while others ride with it.
fn refused() -> impl Iterator<Item = Script> {
    let (good, bad) = (Outgoing::of_port(0), Outgoing::of_port(0).failing(1));
    let backed = Outgoing { backup: Some(1), ..bad };
    [
        Script::sending(vec![bad]),
        Script::sending(vec![backed]),
        Script::sending(vec![bad, good]),
        Script::sending(vec![backed, good, good]),
    ]
    .into_iter()
    .map(|script| script.refusing_once(1, OperationKind::Resubmit, Status::FAIL))
}

/// Judges R-ADPT-03.
pub(super) fn r_adpt_03_sends_alike_whichever_end_of_done_comes_first(
    trials: &Trials<'_>,
) -> Judged {
    all().try_for_each(|plain| {
        let other = Script { race: Race::CompleteFirst, ..plain.clone() };
        let difference = "with BatchComplete before the return of Done the messages fare otherwise";
        trials.alike((&plain, &other), fates, difference)
    })
}

/// Judges R-ADPT-05, R-ATOM-05.
pub(super) fn r_adpt_05_disposes_of_innocents_again(trials: &Trials<'_>) -> Judged {
    trials.each(refused(), |story| {
        for (name, ends) in fates(story).into_iter().filter(|(name, _)| name.number > 1) {
            if ends != ["Delete"] {
                return story.flaw_at_end(format!("{name} was sent, and then: {ends:?}"));
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-05, R-FILT-03.
pub(super) fn r_adpt_05_takes_the_next_step_when_one_is_refused(trials: &Trials<'_>) -> Judged {
    let stuck = Outgoing::of_port(0).failing(9).with_retries(0);
    let no_backup = Script::sending(vec![stuck]);
    let on_backup = Script::sending(vec![Outgoing { backup: Some(0), ..stuck }]);
    let scripts = refused().take(2).chain([no_backup, on_backup]);
    trials.each(scripts, |story| {
        let mut refused: Option<OperationKind> = None;
        let mut followed = true;
        for (at, _, fact) in story.iter() {
            if let Fact::Posted { said, .. } = fact
                && let Some(said) = said.iter().find(|said| said.of.number == 1)
            {
                let expected = match refused.take() {
                    Some(OperationKind::Resubmit) => OperationKind::MoveToNextTransport,
                    Some(OperationKind::MoveToNextTransport) => OperationKind::MoveToSuspendQueue,
                    _ => said.kind,
                };
                if said.kind != expected {
                    let why = format!("after a refusal came {said} instead of {expected:?}");
                    return Story::flaw(at, why);
                }
                followed = true;
            }
            let Fact::Completed { cookie, status } = fact else { continue };
            let posted = story.posted().find(|(_, posted, ..)| posted == cookie);
            let Some((.., said, _)) = posted else { continue };
            if let Some(said) = said.iter().find(|said| said.of.number == 1)
                && status.of(said.kind).is_some_and(|kind| !kind.status.is_success())
                && matches!(said.kind, OperationKind::Resubmit | OperationKind::MoveToNextTransport)
            {
                (refused, followed) = (Some(said.kind), false);
            }
        }
        if followed {
            return Ok(());
        }
        story.flaw_at_end(format!("after a refused {refused:?} nothing followed"))
    })
}

/// Judges R-ADPT-07, R-SND-10.
pub(super) fn r_adpt_07_disposes_of_every_message_exactly_once(trials: &Trials<'_>) -> Judged {
    trials.each(all(), |story| {
        let taken_back = taken_back(story);
        let accepted: BTreeSet<Name> = story
            .iter()
            .filter_map(|(_, _, fact)| {
                let Fact::Returned { call, of, returned: Returned::Pending } = fact else {
                    return None;
                };
                of.filter(|_| !taken_back.contains(call))
            })
            .collect();
        let mut under_way: BTreeMap<Name, u64> = BTreeMap::new();
        for (at, _, fact) in story.iter() {
            if let Fact::Posted { cookie, said, .. } = fact {
                let mine = |said: &&Said| said.disposes() && accepted.contains(&said.of);
                for said in said.iter().filter(mine) {
                    if !said.held || under_way.insert(said.of, *cookie).is_some() {
                        let why = format!("{} is disposed of a second time", said.of);
                        return Story::flaw(at, why);
                    }
                }
            }
            if let Fact::Completed { cookie, status } = fact
                && !status.overall.is_success()
            {
                under_way.retain(|_, posted| posted != cookie);
            }
        }
        // What follows a failed batch is R-ADPT-05.
        let tried: BTreeSet<Name> = story
            .posted()
            .flat_map(|(_, _, said, _)| said.iter().filter(|said| said.disposes()))
            .map(|said| said.of)
            .collect();
        match accepted.difference(&tried).next() {
            Some(name) => story.flaw_at_end(format!("{name} is never disposed of")),
            None => Ok(()),
        }
    })
}

/// Judges R-ADPT-08, R-SND-07.
pub(super) fn r_adpt_08_leaves_alone_what_it_returned_true_for(trials: &Trials<'_>) -> Judged {
    trials.each(all(), |story| {
        let mut gone = BTreeSet::new();
        for (at, _, fact) in story.iter() {
            let touched = match fact {
                Fact::Returned { of: Some(of), returned: Returned::Sent, .. } => {
                    gone.insert(*of);
                    None
                }
                Fact::Posted { said, .. } => {
                    said.iter().map(|said| said.of).find(|of| gone.contains(of))
                }
                Fact::Errored { of } | Fact::Transmitting { of, .. } => {
                    Some(*of).filter(|of| gone.contains(of))
                }
                _ => None,
            };
            if let Some(of) = touched {
                return Story::flaw(at, format!("{of} is used after `true` was returned for it"));
            }
        }
        Ok(())
    })
}

/// Retries left at each delivery.
fn retries_left(story: &Story) -> BTreeMap<Name, u32> {
    let given = story.iter().filter_map(|(_, _, fact)| {
        let Fact::Transmit { of, retries_left, .. } = fact else { return None };
        Some((*of, *retries_left))
    });
    given.collect()
}

/// Resubmits with the place and the instant of their `Done`.
fn resubmits(story: &Story) -> impl Iterator<Item = (usize, Instant, Said)> {
    story.iter().flat_map(|(at, now, fact)| {
        let said = match fact {
            Fact::Posted { said, .. } => said.as_slice(),
            _ => &[],
        };
        let resubmits = said.iter().filter(|said| said.kind == OperationKind::Resubmit);
        resubmits.map(move |said| (at, now, *said))
    })
}

/// Judges R-ADPT-09, R-RETRY-04.
pub(super) fn r_adpt_09_resubmits_only_with_retries_left(trials: &Trials<'_>) -> Judged {
    trials.each(failing(), |story| {
        let retries = retries_left(story);
        match resubmits(story).find(|(.., said)| retries.get(&said.of) == Some(&0)) {
            Some((at, _, said)) => {
                Story::flaw(at, format!("{} has no retries left and is resubmitted", said.of))
            }
            None => Ok(()),
        }
    })
}

/// Judges R-ADPT-09: counted from the failure; a batch made again counts from then (R-FILT-06).
pub(super) fn r_adpt_09_resubmits_after_the_retry_interval(trials: &Trials<'_>) -> Judged {
    trials.each(failing(), |story| {
        for (place, now, said) in resubmits(story) {
            let failed = story.iter().take(place).filter_map(|(_, at, fact)| {
                let Fact::Transmitted { of, sent: false } = fact else { return None };
                (*of == said.of).then_some(at)
            });
            let earliest = failed.last().unwrap_or(now) + RETRY_INTERVAL;
            let at = said.at.unwrap_or(now);
            if at < earliest || at > now + RETRY_INTERVAL {
                let why = format!("{} is resubmitted for {at} instead of {earliest}", said.of);
                return Story::flaw(place, why);
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-10, R-RETRY-06: compares with instances that never saw the message.
pub(super) fn r_adpt_10_keeps_nothing_across_a_resubmit(trials: &Trials<'_>) -> Judged {
    let stubborn = Outgoing::of_port(0).failing(9).with_retries(4);
    let scripts = [Outgoing::of_port(0).failing(1), Outgoing::of_port(0).failing(2), stubborn];
    scripts.into_iter().try_for_each(|outgoing| {
        let other = Script::sending(vec![outgoing]);
        let plain = Script { elsewhere: true, ..other.clone() };
        trials.alike(
            (&plain, &other),
            fates,
            "an instance that saw the message before does otherwise",
        )
    })
}

/// Judges R-ADPT-11, R-SR-02.
pub(super) fn r_adpt_11_submits_the_response_with_the_delete(trials: &Trials<'_>) -> Judged {
    let solicit = Outgoing { solicit: true, ..Outgoing::of_port(0) };
    let scripts = [
        vec![solicit],
        vec![solicit, solicit],
        vec![solicit.failing(1)],
        vec![solicit, Outgoing::of_port(1)],
    ];
    trials.each(scripts.map(Script::sending), |story| {
        let solicits: BTreeSet<u64> = story
            .iter()
            .filter_map(|(_, _, fact)| {
                let Fact::Transmit { of, port: 0, .. } = fact else { return None };
                Some(of.number)
            })
            .collect();
        let sent = story.iter().filter_map(|(_, _, fact)| {
            let Fact::Transmitted { of, sent: true } = fact else { return None };
            Some(of.number).filter(|number| solicits.contains(number))
        });
        let mut answered = BTreeSet::new();
        for (at, _, said, _) in story.posted() {
            let deletes =
                |of| said.iter().any(|one| one.kind == OperationKind::Delete && one.of == of);
            let responds = |of| said.iter().any(|one| one.response && one.of == of);
            for one in said.iter().filter(|one| solicits.contains(&one.of.number)) {
                if deletes(one.of) != responds(one.of) {
                    let why = format!("{} is answered and deleted in different batches", one.of);
                    return Story::flaw(at, why);
                }
                answered.extend(one.response.then_some(one.of.number));
            }
        }
        match sent.into_iter().find(|number| !answered.contains(number)) {
            Some(number) => {
                story.flaw_at_end(format!("the response to m{number} is not submitted"))
            }
            None => Ok(()),
        }
    })
}

/// Judges R-ADPT-13, R-BSND-08: an endpoint that was left is not returned to.
pub(super) fn r_adpt_13_sorts_by_endpoint(trials: &Trials<'_>) -> Judged {
    let scripts = [vec![0, 1, 0], vec![1, 0, 1], vec![0, 1, 2, 1, 0]];
    let scripts =
        scripts.map(|ports| Script::sending(ports.into_iter().map(Outgoing::of_port).collect()));
    trials.each(scripts, |story| {
        let mut in_flight: BTreeMap<Name, u32> = BTreeMap::new();
        let (mut open, mut left) = (BTreeSet::new(), BTreeSet::new());
        for (at, _, fact) in story.iter() {
            match fact {
                Fact::BatchBegun { .. } => {
                    open.clear();
                    left.clear();
                }
                Fact::Transmitting { of, endpoint, .. } => {
                    if left.contains(endpoint) {
                        let why = format!("out{endpoint} was left and is returned to for {of}");
                        return Story::flaw(at, why);
                    }
                    // Another endpoint's turn: those with nothing in flight have been left.
                    let idle = |other: &u32| {
                        other != endpoint && !in_flight.values().any(|flying| flying == other)
                    };
                    left.extend(open.iter().copied().filter(idle));
                    open.insert(*endpoint);
                    in_flight.insert(*of, *endpoint);
                }
                Fact::Transmitted { of, .. } => {
                    in_flight.remove(of);
                }
                _ => {}
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-14, R-BSND-06.
pub(super) fn r_adpt_14_never_throws_from_transmit_message(trials: &Trials<'_>) -> Judged {
    let mixed = Script::sending((0..8).map(|n| Outgoing::of_port(n % 3)).collect());
    trials.each(all().chain([mixed]), |story| {
        for (at, _, fact) in story.iter() {
            if let Fact::Returned { of: Some(of), returned: Returned::Failed, .. } = fact {
                return Story::flaw(at, format!("TransmitMessage of {of} throws"));
            }
        }
        Ok(())
    })
}

/// Trials that end at many instants of the work.
pub(super) fn ending() -> impl Iterator<Item = Script> {
    [1, 5, 11, 17, 60_000].into_iter().flat_map(|millis| {
        let terminate_at = Some(Duration::from_millis(millis));
        [sent(1), sent(3)].map(|script| Script { terminate_at, ..script })
    })
}

/// Judges R-ADPT-15, R-SHUT-02.
pub(super) fn r_adpt_15_terminates_with_no_message_pending(trials: &Trials<'_>) -> Judged {
    trials.each(ending(), |story| {
        no_batch_outstanding(story)?;
        nothing_accepted_is_left(story)
    })
}

/// That `Terminate` did not return before every message it was given has an end.
fn nothing_accepted_is_left(story: &Story) -> Result<(), Flaw> {
    let (fates, taken_back) = (fates(story), taken_back(story));
    let left = story.iter().find_map(|(_, _, fact)| {
        let Fact::Transmit { call, of, .. } = fact else { return None };
        let ended = taken_back.contains(call) || fates.get(of).is_some_and(|ends| !ends.is_empty());
        (!ended).then_some(*of)
    });
    match left {
        Some(of) => story.flaw_at_end(format!("Terminate returned while {of} was pending")),
        None => Ok(()),
    }
}

/// Judges R-ADPT-15, R-SHUT-04: what the wire took must not be sent again.
pub(super) fn r_adpt_15_deletes_what_was_sent(trials: &Trials<'_>) -> Judged {
    trials.each(ending().chain(all()), |story| {
        let mut sent = BTreeSet::new();
        for (at, _, fact) in story.iter() {
            if let Fact::Transmitted { of, sent: true } = fact {
                sent.insert(*of);
            }
            let Fact::Posted { said, .. } = fact else { continue };
            let other = said.iter().find(|said| {
                said.disposes() && said.kind != OperationKind::Delete && sent.contains(&said.of)
            });
            if let Some(said) = other {
                return Story::flaw(at, format!("{} was sent, and then: {said}", said.of));
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-16, R-SND-09. In a state machine only calls with a return can block.
pub(super) fn r_adpt_16_returns_from_callbacks_at_once(trials: &Trials<'_>) -> Judged {
    let sends = trials.claims.sends.unwrap_or_default();
    let clears = Script { clears: 1, ..sent(2) };
    trials.each(all().chain([clears]), |story| {
        for (at, now, fact) in story.iter() {
            let (call, what, may_block) = match fact {
                Fact::BatchBegun { call } => (call, "BeginBatch", false),
                Fact::BatchCleared { call } => (call, "Clear", false),
                Fact::BatchDone { call, .. } => (call, "Done", sends.blocking),
                Fact::Transmit { call, batched: true, .. } => (call, "TransmitMessage", false),
                Fact::Transmit { call, .. } => (call, "TransmitMessage", sends.blocking),
                _ => continue,
            };
            let returned = story
                .iter()
                .skip(at)
                .find(|(_, _, fact)| matches!(fact, Fact::Returned { call: of, .. } if of == call));
            match returned {
                None => return story.flaw_at_end(format!("{what} never returned")),
                Some((place, then, _)) if then > now && !may_block => {
                    let why = format!("{what} returned only after {}", then.since(now));
                    return Story::flaw(place, why);
                }
                Some(_) => {}
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-17, R-RETRY-04.
pub(super) fn r_adpt_17_explains_what_it_gives_back(trials: &Trials<'_>) -> Judged {
    trials.each(failing(), |story| {
        let mut explained = BTreeSet::new();
        for (at, _, fact) in story.iter() {
            if let Fact::Errored { of } = fact {
                explained.insert(*of);
            }
            let Fact::Posted { said, .. } = fact else { continue };
            let silent = said.iter().find(|said| {
                said.disposes()
                    && said.kind != OperationKind::Delete
                    && !explained.contains(&said.of)
            });
            if let Some(said) = silent {
                return Story::flaw(at, format!("{said} comes without error info"));
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-18, INV-65: messages at once and messages one after another fare alike.
pub(super) fn r_adpt_18_sends_alike_in_batches_of_any_size(trials: &Trials<'_>) -> Judged {
    let (good, bad) = (Outgoing::of_port(0), Outgoing::of_port(1).failing(1));
    let lots = [vec![good; 2], vec![good, bad], vec![good; 4], vec![good, bad, good, bad, good]];
    lots.into_iter().try_for_each(|lot| {
        let at = |n: usize| Duration::from_secs(n as u64);
        let apart = (0..).zip(&lot).map(|(n, one)| Outgoing { at: at(n), ..*one }).collect();
        let single = Script::sending(apart);
        [1, 2, 20].into_iter().try_for_each(|engine_batch| {
            let together = Script { engine_batch, ..Script::sending(lot.clone()) };
            trials.alike(
                (&single, &together),
                fates,
                "in a larger batch the messages fare otherwise",
            )
        })
    })
}

/// Judges R-ADPT-19, R-ORD-04, R-BATCH-07: nothing may wait for company that never comes.
pub(super) fn r_adpt_19_sends_one_message_at_a_time(trials: &Trials<'_>) -> Judged {
    let scripts = (1..=3).map(|count| Script { ordered: true, ..sent(count) });
    trials.each(scripts, |story| {
        for number in 1..=3 {
            let name = Name { number, delivery: 1 };
            let given = story
                .iter()
                .any(|(_, _, fact)| matches!(fact, Fact::Transmit { of, .. } if *of == name));
            let ends = fates(story).remove(&name).unwrap_or_default();
            if given && ends != ["Delete"] {
                let why = format!("{name} came alone and is not deleted: {ends:?}");
                return story.flaw_at_end(why);
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-19, R-SND-03.
pub(super) fn r_adpt_19_sends_mixed_batches_to_the_right_endpoints(trials: &Trials<'_>) -> Judged {
    let mixed = [vec![0, 1], vec![1, 0, 2]];
    let scripts =
        mixed.map(|ports| Script::sending(ports.into_iter().map(Outgoing::of_port).collect()));
    trials.each(scripts, |story| {
        let mut ports = BTreeMap::new();
        for (at, _, fact) in story.iter() {
            if let Fact::Transmit { of, port, .. } = fact {
                ports.insert(*of, 100 + port);
            }
            let Fact::Transmitting { of, endpoint, .. } = fact else { continue };
            if ports.get(of).is_some_and(|right| right != endpoint) {
                return Story::flaw(at, format!("{of} goes to out{endpoint}"));
            }
        }
        let sent = |name: &Name| {
            story.iter().any(
                |(_, _, fact)| matches!(fact, Fact::Transmitted { of, sent: true } if of == name),
            )
        };
        match ports.keys().find(|name| !sent(name)) {
            Some(name) => story.flaw_at_end(format!("{name} of a mixed batch is not sent")),
            None => Ok(()),
        }
    })
}

/// Judges R-ADPT-20.
pub(super) fn r_adpt_20_sends_alike_while_done_is_held(trials: &Trials<'_>) -> Judged {
    all().try_for_each(|plain| {
        let other = Script { done_blocks: Duration::from_minutes(10), ..plain.clone() };
        trials.alike((&plain, &other), fates, "while Done is held the messages fare otherwise")
    })
}

/// Judges R-BSND-02, R-BSND-04.
pub(super) fn r_bsnd_02_transmits_only_after_done(trials: &Trials<'_>) -> Judged {
    let cleared = Script { clears: 1, ..sent(2) };
    trials.each([sent(1), sent(2), cleared], |story| {
        let (mut calls, mut done) = (BTreeMap::new(), Vec::new());
        for (at, _, fact) in story.iter() {
            match fact {
                Fact::Transmit { call, of, .. } => {
                    calls.insert(*of, *call);
                }
                Fact::BatchDone { call, .. } => done.push(*call),
                Fact::Transmitting { of, .. }
                    if calls.get(of).is_none_or(|call| !done.contains(call)) =>
                {
                    return Story::flaw(at, format!("{of} is transmitted before Done"));
                }
                _ => {}
            }
        }
        Ok(())
    })
}
