//! Clauses of receiving adapters.

use std::collections::{BTreeMap, BTreeSet};

use super::clause::{Shown, Trials};
use super::script::{Race, Script};
use super::story::{Fact, Flaw, Said, Story};
use crate::adapter::{Answer, Returned};
use crate::batch::{OperationKind, Status};
use crate::time::Duration;

type Judged = Result<(), Shown>;

/// Trials of one to three messages.
fn few() -> impl Iterator<Item = Script> {
    (1..=3).map(Script::receiving)
}

/// The operation under which what arrives is submitted.
fn submit(trials: &Trials<'_>) -> OperationKind {
    let two_way = trials.claims.receives.is_some_and(|receives| receives.two_way);
    if two_way { OperationKind::SubmitRequest } else { OperationKind::Submit }
}

/// Trials of one to three messages, one of which fails; together and one at a time.
fn failing(trials: &Trials<'_>) -> Vec<Script> {
    let kind = submit(trials);
    let one = |count: u32, bad: u64, fetch_max: u32| Script {
        fetch_max,
        ..Script::receiving(count).refusing(bad, kind, Status::NO_SUBSCRIPTION)
    };
    [(1, 1), (2, 1), (2, 2), (3, 2)]
        .into_iter()
        .flat_map(|(count, bad)| [one(count, bad, u32::MAX), one(count, bad, 1)])
        .collect()
}

/// How often each message was published, suspended, and removed from its source.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Fate {
    published: u32,
    suspended: u32,
    removed: bool,
}

fn fates(story: &Story) -> BTreeMap<u64, Fate> {
    let mut fates: BTreeMap<u64, Fate> = BTreeMap::new();
    for (_, _, fact) in story.iter() {
        if let Fact::Arrived { number, .. } = fact {
            fates.insert(*number, Fate::default());
        }
        if let Fact::Removed { numbers } = fact {
            for number in numbers {
                fates.entry(*number).or_default().removed = true;
            }
        }
    }
    for (_, said) in story.applied() {
        let Some(fate) = fates.get_mut(&said.of.number).filter(|_| said.of.delivery == 0) else {
            continue;
        };
        fate.published += u32::from(said.submits() && said.location.is_some());
        fate.suspended += u32::from(said.kind == OperationKind::MoveToSuspendQueue);
    }
    fates
}

/// Whether a client was told that its request failed, instead of suspending it (R-FILT-03).
fn refuses_client(story: &Story, number: u64) -> bool {
    story.iter().any(|(_, _, fact)| {
        matches!(fact, Fact::Responded { request, answer: Answer::Failed } if *request == number)
    })
}

/// All batches that were posted or tried, with their places.
fn batches(story: &Story) -> impl Iterator<Item = (usize, &[Said])> {
    story.iter().filter_map(|(at, _, fact)| {
        let (Fact::Posted { said, .. } | Fact::Refused { said, .. }) = fact else { return None };
        Some((at, said.as_slice()))
    })
}

/// Judges R-ADPT-01.
pub(super) fn r_adpt_01_names_the_location_of_every_submit(trials: &Trials<'_>) -> Judged {
    trials.each(few(), |story| {
        for (at, said) in batches(story) {
            if let Some(said) = said.iter().find(|said| said.submits() && said.location.is_none()) {
                return Story::flaw(at, format!("{} is submitted without a location", said.of));
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-01: what was under way when the location went must not be submitted either.
pub(super) fn r_adpt_01_submits_nothing_for_a_removed_location(trials: &Trials<'_>) -> Judged {
    let scripts = [1, 5, 12, 60_000].map(|millis| {
        let mut script = Script::receiving(1);
        script.arrivals.push((Duration::from_minutes(2), 0));
        Script { remove_at: Some(Duration::from_millis(millis)), ..script }
    });
    trials.each(scripts, |story| {
        let mut removed = false;
        for (at, _, fact) in story.iter() {
            removed |= matches!(fact, Fact::RemovedLocation { .. });
            let Fact::Posted { said, .. } = fact else { continue };
            let submitted = said.iter().find(|said| said.submits() && said.location == Some(0));
            if let Some(said) = submitted.filter(|_| removed) {
                return Story::flaw(at, format!("{} is submitted at a removed location", said.of));
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-02.
pub(super) fn r_adpt_02_submits_no_object_twice_in_one_batch(trials: &Trials<'_>) -> Judged {
    trials.each(few().chain(failing(trials)), |story| {
        for (at, said) in batches(story) {
            let mut seen = BTreeSet::new();
            let twice = said
                .iter()
                .find(|said| said.submits() && said.location.is_some() && !seen.insert(said.of));
            if let Some(said) = twice {
                return Story::flaw(at, format!("{} is submitted twice in one batch", said.of));
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-03.
pub(super) fn r_adpt_03_receives_alike_whichever_end_of_done_comes_first(
    trials: &Trials<'_>,
) -> Judged {
    few().chain(failing(trials)).try_for_each(|plain| {
        let other = Script { race: Race::CompleteFirst, ..plain.clone() };
        let difference = "with BatchComplete before the return of Done the messages fare otherwise";
        trials.alike((&plain, &other), fates, difference)
    })
}

/// Judges R-ADPT-04.
pub(super) fn r_adpt_04_removes_sources_only_after_success(trials: &Trials<'_>) -> Judged {
    let kind = submit(trials);
    let lost = Script::receiving(1).refusing(1, kind, Status::PERSISTENCE_FAILURE).refusing(
        1,
        OperationKind::MoveToSuspendQueue,
        Status::PERSISTENCE_FAILURE,
    );
    let scripts = few().chain(failing(trials)).chain([lost]);
    trials.each(scripts, |story| {
        let applied = story.applied();
        for (at, _, fact) in story.iter() {
            let Fact::Removed { numbers } = fact else { continue };
            let taken = |number: &u64| {
                refuses_client(story, *number)
                    || applied.iter().any(|(done, said)| *done < at && said.of.number == *number)
            };
            if let Some(number) = numbers.iter().find(|number| !taken(number)) {
                let why = format!("m{number} is removed and the engine does not own it");
                return Story::flaw(at, why);
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-04, R-ATOM-03: what is not let go of comes again after the next start
/// (R-DUP-01). What is posted in a transaction leaves with it.
pub(super) fn r_adpt_04_lets_go_of_what_the_engine_took(trials: &Trials<'_>) -> Judged {
    let kind = submit(trials);
    let handled = Script::receiving(1).refusing(1, kind, Status::MESSAGE_SUSPENDED);
    trials.each(few().chain(failing(trials)).chain([handled]), |story| {
        let answered = |number: u64| {
            story.iter().any(|(_, _, fact)| {
                matches!(fact, Fact::Responded { request, .. } if *request == number)
            })
        };
        let fates = fates(story);
        let plain = story.posted().filter(|(.., transaction)| transaction.is_none());
        let named: BTreeSet<u64> =
            plain.flat_map(|(_, _, said, _)| said).map(|said| said.of.number).collect();
        let kept = fates.into_iter().find(|(number, fate)| {
            let taken = fate.published + fate.suspended > 0 && named.contains(number);
            taken && !fate.removed && !answered(*number)
        });
        match kept {
            Some((number, _)) => story.flaw_at_end(format!(
                "the engine owns m{number}, and the source keeps it for another time"
            )),
            None => Ok(()),
        }
    })
}

/// Judges R-ADPT-05, R-FILT-03: also that a message is published at all.
pub(super) fn r_adpt_05_submits_innocents_again(trials: &Trials<'_>) -> Judged {
    let kind = submit(trials);
    for script in few().chain(failing(trials)) {
        let bad = script.verdicts.iter().find(|verdict| verdict.kind == kind);
        let bad = bad.map_or(0, |verdict| verdict.number);
        trials.each([script], |story| {
            let innocent = |(number, _): &(u64, Fate)| *number != bad;
            for (number, fate) in fates(story).into_iter().filter(innocent) {
                if fate.published != 1 {
                    let times = fate.published;
                    return story.flaw_at_end(format!("m{number} is published {times} times"));
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Judges R-ADPT-05, R-FILT-03.
pub(super) fn r_adpt_05_suspends_what_failed(trials: &Trials<'_>) -> Judged {
    failing(trials).into_iter().try_for_each(|script| {
        let bad = script.verdicts[0].number;
        trials.each([script], |story| {
            let told = refuses_client(story, bad);
            let fate = fates(story).get(&bad).copied().unwrap_or_default();
            if fate.suspended == 1 || (told && fate.suspended == 0) {
                return Ok(());
            }
            let times = fate.suspended;
            story.flaw_at_end(format!("m{bad} failed, and is suspended {times} times"))
        })
    })
}

/// Judges R-ADPT-06.
pub(super) fn r_adpt_06_suspends_nothing_that_the_engine_handled(trials: &Trials<'_>) -> Judged {
    let kind = submit(trials);
    let statuses = [Status::MESSAGE_SUSPENDED, Status::SECURITY_CHECK_FAILED];
    let scripts = statuses.map(|status| Script::receiving(1).refusing(1, kind, status));
    trials.each(scripts, |story| {
        for (at, _, said, _) in story.posted() {
            let suspends = |said: &&Said| said.kind == OperationKind::MoveToSuspendQueue;
            if let Some(said) = said.iter().find(suspends) {
                let why = format!("{} is suspended after a status of success", said.of);
                return Story::flaw(at, why);
            }
        }
        Ok(())
    })
}

/// Trials that end at many instants of the work.
fn ending() -> impl Iterator<Item = Script> {
    [0, 5, 11, 12, 17, 30, 60_000].into_iter().map(|millis| Script {
        terminate_at: Some(Duration::from_millis(millis)),
        ..Script::receiving(2)
    })
}

/// Judges R-ADPT-15, R-SHUT-02.
pub(super) fn r_adpt_15_terminates_with_no_batch_outstanding(trials: &Trials<'_>) -> Judged {
    trials.each(ending(), no_batch_outstanding)
}

/// That `Terminate` returns, and that no posted batch waits for its completion then.
pub(super) fn no_batch_outstanding(story: &Story) -> Result<(), Flaw> {
    let mut outstanding = BTreeSet::new();
    for (at, _, fact) in story.iter() {
        if let Fact::Posted { cookie, .. } = fact {
            outstanding.insert(*cookie);
        }
        if let Fact::Completed { cookie, .. } = fact {
            outstanding.remove(cookie);
        }
        if matches!(fact, Fact::Returned { returned: Returned::Terminated, .. }) {
            return match outstanding.first() {
                Some(cookie) => {
                    Story::flaw(at, format!("Terminate returned while b{cookie} was outstanding"))
                }
                None => Ok(()),
            };
        }
    }
    story.flaw_at_end("Terminate never returned".to_owned())
}

/// Judges R-ADPT-15, R-SHUT-03.
pub(super) fn r_adpt_15_fetches_and_submits_nothing_after_terminate(trials: &Trials<'_>) -> Judged {
    let late = ending().map(|mut script| {
        script.arrivals.push((Duration::from_minutes(2), 0));
        script
    });
    trials.each(ending().chain(late), |story| {
        let mut terminating = false;
        for (at, _, fact) in story.iter() {
            terminating |= matches!(fact, Fact::Terminating);
            if terminating && matches!(fact, Fact::Fetching { .. }) {
                return Story::flaw(at, "it fetches after Terminate was called".to_owned());
            }
            let Fact::Posted { said, .. } = fact else { continue };
            if let Some(said) = said.iter().find(|said| terminating && said.submits()) {
                let why = format!("{} is submitted after Terminate was called", said.of);
                return Story::flaw(at, why);
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-17.
pub(super) fn r_adpt_17_explains_what_it_suspends(trials: &Trials<'_>) -> Judged {
    trials.each(failing(trials), |story| {
        let mut explained = BTreeSet::new();
        for (at, _, fact) in story.iter() {
            if let Fact::Errored { of } = fact {
                explained.insert(*of);
            }
            let Fact::Posted { said, .. } = fact else { continue };
            let silent = said.iter().find(|said| {
                said.kind == OperationKind::MoveToSuspendQueue && !explained.contains(&said.of)
            });
            if let Some(said) = silent {
                let why = format!("{} is suspended without error info", said.of);
                return Story::flaw(at, why);
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-18.
pub(super) fn r_adpt_18_receives_alike_in_batches_of_any_size(trials: &Trials<'_>) -> Judged {
    let (kind, difference) = (submit(trials), "in a larger batch the messages fare otherwise");
    (2..=4).try_for_each(|count| {
        let arrivals = vec![(Duration::ZERO, 0); count];
        let lot = Script { arrivals, ..Script::receiving(1) };
        let single = Script { fetch_max: 1, ..lot.clone() };
        trials.alike((&single, &lot), fates, difference)?;
        // Neighbours of a failed message are R-ADPT-05: here it is looked at alone.
        let bad = count as u64;
        let failing = |script: Script| script.refusing(bad, kind, Status::NO_SUBSCRIPTION);
        let fate = |story: &Story| fates(story).remove(&bad);
        trials.alike((&failing(single), &failing(lot)), fate, difference)
    })
}

/// Judges R-ADPT-20.
pub(super) fn r_adpt_20_receives_alike_while_done_is_held(trials: &Trials<'_>) -> Judged {
    few().chain(failing(trials)).try_for_each(|plain| {
        let other = Script { done_blocks: Duration::from_minutes(10), ..plain.clone() };
        trials.alike((&plain, &other), fates, "while Done is held the messages fare otherwise")
    })
}

/// Judges R-ADPT-20, R-BC-11: only waiting for a batch keeps the order.
pub(super) fn r_adpt_20_submits_in_the_order_of_the_source(trials: &Trials<'_>) -> Judged {
    let scripts = (2..=4).flat_map(|count| {
        let plain = Script { fetch_max: 1, ..Script::receiving(count) };
        let held = Script { done_blocks: Duration::from_minutes(1), ..plain.clone() };
        [plain, held]
    });
    trials.each(scripts, |story| {
        let (mut last, mut outstanding) = (0, None);
        for (at, _, fact) in story.iter() {
            if let Fact::Completed { cookie, .. } = fact {
                outstanding = outstanding.filter(|open| open != cookie);
            }
            let Fact::Posted { cookie, said, .. } = fact else { continue };
            for said in said.iter().filter(|said| said.submits()) {
                if said.of.number < last {
                    return Story::flaw(at, format!("{} is submitted after m{last}", said.of));
                }
                if let Some(open) = outstanding.filter(|open| open != cookie) {
                    let why = format!("{} is submitted while b{open} is outstanding", said.of);
                    return Story::flaw(at, why);
                }
                last = said.of.number;
                outstanding = Some(*cookie);
            }
        }
        Ok(())
    })
}

/// Judges R-ADPT-03, R-BC-08.
pub(super) fn r_adpt_03_answers_once_even_before_batch_complete(trials: &Trials<'_>) -> Judged {
    let scripts = (1..=2).flat_map(|count| {
        let plain = Script::receiving(count);
        let early = Script { early_response: true, ..plain.clone() };
        let earlier = Script { race: Race::CompleteFirst, ..early.clone() };
        [plain, early, earlier]
    });
    trials.each(scripts, |story| {
        for number in fates(story).into_keys() {
            let answers = story.iter().filter(|(_, _, fact)| {
                matches!(fact, Fact::Responded { request, answer: Answer::Response(_) }
                    if *request == number)
            });
            let answers = answers.count();
            if answers != 1 {
                let why = format!("the client of m{number} got {answers} responses");
                return story.flaw_at_end(why);
            }
        }
        Ok(())
    })
}
