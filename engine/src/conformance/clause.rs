//! Clauses: one demand each, the rule it comes from, and how it is judged.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::Write;

use super::claims::{Claim, Claims};
use super::occasion::Occasion;
use super::rig::{self, Make};
use super::script::Script;
use super::story::{Flaw, Story};
use super::{attempts, receiving, sending, transacting};
use crate::adapter::Adapter;

/// One demand on an adapter.
#[derive(Clone, Copy)]
pub struct Clause {
    /// The name of its test.
    pub name: &'static str,
    /// The rule it judges.
    pub rule: &'static str,
    /// What it demands.
    pub demand: &'static str,
    claim: Claim,
    occasion: Occasion,
    judge: fn(&Trials<'_>) -> Result<(), Shown>,
}

impl fmt::Debug for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clause").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A flaw with the trial that shows it.
pub(super) struct Shown {
    why: String,
    story: Vec<String>,
}

/// A clause that an adapter breaks.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The clause.
    pub clause: Clause,
    /// What the adapter did.
    pub why: String,
    /// Whether no trial gave the clause an occasion, though the claims promise one: nothing wrong
    /// was seen, because nothing was.
    pub idle: bool,
    /// What happened until then in the smallest trial that shows it, one line a fact.
    pub story: Vec<String>,
}

/// What became of one clause.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// The adapter breaks it.
    Broken(Broken),
    /// It holds.
    Kept,
    /// Nothing that it judges ever happened, and the claims do not promise that it does.
    NoOccasion {
        /// What never happened.
        missing: &'static str,
    },
    /// It does not follow from the claims.
    NotClaimed,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Clause { name, rule, demand, .. } = self.clause;
        writeln!(f, "{rule} is broken ({name})")?;
        writeln!(f, "  demanded: {demand}")?;
        writeln!(f, "  found:    {}", self.why)?;
        writeln!(f, "  story (E engine, A adapter, W wire, T coordinator):")?;
        for line in &self.story {
            writeln!(f, "    {line}")?;
        }
        Ok(())
    }
}

/// The adapter on trial.
pub(super) struct Trials<'a> {
    make: Make<'a>,
    pub(super) claims: Claims,
    occasion: Occasion,
    /// Whether a trial has given the occasion.
    seen: Cell<bool>,
    /// The first trial, to be told when none does.
    first: RefCell<Option<Story>>,
}

impl Trials<'_> {
    /// One trial as the adapter's claims shape it.
    pub(super) fn run(&self, script: &Script) -> Story {
        let mut script = script.clone();
        script.batched = self.claims.sends.is_some_and(|sends| sends.batched);
        script.two_way |= self.claims.receives.is_some_and(|receives| receives.two_way);
        let story = rig::run(self.make, &script);
        if !self.seen.get() {
            self.seen.set(self.occasion.is_in(&story));
            self.first.borrow_mut().get_or_insert_with(|| story.clone());
        }
        story
    }

    /// Judges trials one after another: the first flaw is the smallest.
    pub(super) fn each(
        &self,
        scripts: impl IntoIterator<Item = Script>,
        judge: impl Fn(&Story) -> Result<(), Flaw>,
    ) -> Result<(), Shown> {
        scripts.into_iter().try_for_each(|script| {
            let story = self.run(&script);
            judge(&story).map_err(|flaw| shown(&story, flaw))
        })
    }

    /// Two trials that may differ in what `outcome` does not see.
    pub(super) fn alike<T: PartialEq + fmt::Debug>(
        &self,
        (plain, other): (&Script, &Script),
        outcome: impl Fn(&Story) -> T,
        difference: &str,
    ) -> Result<(), Shown> {
        let (story, twin) = (self.run(plain), self.run(other));
        let (expected, found) = (outcome(&story), outcome(&twin));
        if expected == found {
            return Ok(());
        }
        let why = format!("{difference}: {found:?} instead of {expected:?}");
        Err(shown(&twin, Flaw { facts: twin.facts.len(), why }))
    }
}

fn shown(story: &Story, flaw: Flaw) -> Shown {
    Shown { why: flaw.why, story: story.lines(flaw.facts) }
}

/// Judges one clause of an adapter.
///
/// # Panics
/// When there is no clause of this name.
#[must_use]
pub fn judgement<A: Adapter + 'static>(
    name: &str,
    make: impl Fn() -> A,
    claims: Claims,
) -> Judgement {
    let clause = *CLAUSES.iter().find(|clause| clause.name == name).expect("a clause's name");
    if !clause.claim.is_made(&claims) {
        return Judgement::NotClaimed;
    }
    let make = || -> Box<dyn Adapter> { Box::new(make()) };
    let (occasion, seen, first) = (clause.occasion, Cell::new(false), RefCell::new(None));
    let trials = Trials { make: &make, claims, occasion, seen, first };
    if let Err(Shown { why, story }) = (clause.judge)(&trials) {
        return Judgement::Broken(Broken { clause, why, idle: false, story });
    }
    let missing = occasion.missing();
    match trials.first.into_inner() {
        _ if trials.seen.get() => Judgement::Kept,
        Some(story) if occasion.is_owed(&claims) => {
            let why = format!("no trial gives an occasion to judge it: {missing}");
            let story = story.lines(story.facts.len());
            Judgement::Broken(Broken { clause, why, idle: true, story })
        }
        _ => Judgement::NoOccasion { missing },
    }
}

/// Judges one clause of an adapter; `None` when it holds, or is not claimed.
///
/// # Panics
/// When there is no clause of this name.
#[must_use]
pub fn broken<A: Adapter + 'static>(
    name: &str,
    make: impl Fn() -> A,
    claims: Claims,
) -> Option<Broken> {
    match judgement(name, make, claims) {
        Judgement::Broken(broken) => Some(broken),
        Judgement::Kept | Judgement::NoOccasion { .. } | Judgement::NotClaimed => None,
    }
}

/// Judges one clause of an adapter. A clause that was never asked says so on standard error.
///
/// # Panics
/// When the adapter breaks it, with the rule, the demand and the story.
pub fn judge<A: Adapter + 'static>(name: &str, make: impl Fn() -> A, claims: Claims) {
    match judgement(name, make, claims) {
        Judgement::Broken(broken) => panic!("{broken}"),
        Judgement::NoOccasion { missing } => {
            write_aside(&format!("\n{name} had no occasion: {missing}\n"));
        }
        Judgement::Kept | Judgement::NotClaimed => {}
    }
}

/// The clauses that are not judged: one line for each claim that they would follow from.
#[must_use]
pub fn not_claimed(claims: Claims) -> Vec<String> {
    let mut idle: Vec<(Claim, Vec<&str>)> = Vec::new();
    for clause in CLAUSES.iter().filter(|clause| !clause.claim.is_made(&claims)) {
        match idle.last_mut().filter(|(claim, _)| *claim == clause.claim) {
            Some((_, names)) => names.push(clause.name),
            None => idle.push((clause.claim, vec![clause.name])),
        }
    }
    let line = |(claim, names): (Claim, Vec<&str>)| {
        format!("not claimed: {}: {}", claim.words(), names.join(", "))
    };
    idle.into_iter().map(line).collect()
}

/// How many clauses follow from the claims.
fn judged(claims: Claims) -> usize {
    CLAUSES.iter().filter(|clause| clause.claim.is_made(&claims)).count()
}

/// Writes [`not_claimed`] to standard error.
///
/// # Panics
/// When standard error cannot be written to.
pub fn write_not_claimed(claims: Claims) {
    let lines = not_claimed(claims);
    let text = format!("\n{} of {} clauses are judged\n", judged(claims), CLAUSES.len());
    let text = lines.iter().fold(text, |text, line| text + "  " + line + "\n");
    write_aside(&text);
}

/// Past the test harness, which keeps what passing tests print to itself.
fn write_aside(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).expect("standard error can be written to");
}

macro_rules! clauses {
    ($($claim:ident {
        $($rule:literal $module:ident $name:ident after $occasion:ident $demand:literal;)*
    })*) => {
        /// Every clause.
        pub const CLAUSES: &[Clause] = &[$($(Clause {
            name: stringify!($name),
            rule: $rule,
            demand: $demand,
            claim: Claim::$claim,
            occasion: Occasion::$occasion,
            judge: $module::$name,
        }),*),*];
    };
}

clauses! {
    Receives {
        "R-ADPT-01" receiving r_adpt_01_names_the_location_of_every_submit
            after Submits
            "every submitted message names its InboundTransportLocation";
        "R-ADPT-01" receiving r_adpt_01_submits_nothing_for_a_removed_location
            after Submits
            "after RemoveReceiveEndpoint nothing is submitted for that location";
        "R-ADPT-02" receiving r_adpt_02_submits_no_object_twice_in_one_batch
            after Submits
            "one batch submits a message object once at most";
        "R-ADPT-03" receiving r_adpt_03_receives_alike_whichever_end_of_done_comes_first
            after Submits
            "BatchComplete before the return of Done changes nothing";
        "R-ADPT-04" receiving r_adpt_04_removes_sources_only_after_success
            after Removes
            "a source is removed after a status that is not negative, for the batch that carried it";
        "R-ADPT-04" receiving r_adpt_04_lets_go_of_what_the_engine_took
            after Submits
            "what the engine took is removed from the source (a client is answered instead)";
        "R-ADPT-05" receiving r_adpt_05_submits_innocents_again
            after Submits
            "what did not fail itself in a failed batch is published by a later one, exactly once";
        "R-ADPT-05" receiving r_adpt_05_suspends_what_failed
            after Submits
            "what failed itself is moved to the suspend queue (a client may be told instead)";
        "R-ADPT-06" receiving r_adpt_06_suspends_nothing_that_the_engine_handled
            after Submits
            "MESSAGE_SUSPENDED and SECURITY_CHECK_FAILED are successes: nothing is left to suspend";
        "R-ADPT-15" receiving r_adpt_15_terminates_with_no_batch_outstanding
            after Submits
            "Terminate returns, and not before every successful Done has its BatchComplete";
        "R-ADPT-15" receiving r_adpt_15_fetches_and_submits_nothing_after_terminate
            after Fetches
            "after Terminate was called nothing is fetched and nothing new is submitted";
        "R-ADPT-17" receiving r_adpt_17_explains_what_it_suspends
            after Suspends
            "error info is set on a message before MoveToSuspendQ";
        "R-ADPT-18" receiving r_adpt_18_receives_alike_in_batches_of_any_size
            after Submits
            "the fate of each message does not depend on how many came with it";
        "R-ADPT-20" receiving r_adpt_20_receives_alike_while_done_is_held
            after Submits
            "a Done that is held for long loses and doubles nothing";
    }
    OrderedReceives {
        "R-ADPT-20" receiving r_adpt_20_submits_in_the_order_of_the_source
            after Submits
            "a location's batch is posted when the one before is complete, in the source's order";
    }
    TransactionalReceives {
        "R-ADPT-12" transacting r_adpt_12_commits_a_receive_only_after_success
            after Commits
            "a transaction commits when the last batch inside it has completed with success";
        "R-ADPT-12" transacting r_adpt_12_confirms_a_receive_once_and_truly
            after Commits
            "each transacted Done is confirmed once, when the transaction has ended, as it ended";
    }
    TwoWayReceives {
        "R-ADPT-03" receiving r_adpt_03_answers_once_even_before_batch_complete
            after Submits
            "each client is answered once, also when the response overtakes BatchComplete";
    }
    Sends {
        "R-SND-06" attempts r_snd_06_ends_only_what_the_wire_was_asked_for
            after Ends
            "`true` and Delete come when the wire has answered in this attempt";
        "R-RETRY-03" attempts r_retry_03_transmits_once_an_attempt
            after OnTheWire
            "each delivery is transmitted once";
        "R-RETRY-04" attempts r_retry_04_ends_nothing_that_the_wire_refused
            after RefusedByWire
            "what the wire refused is neither deleted nor called sent";
        "R-ADPT-08" sending r_adpt_08_leaves_alone_what_it_returned_true_for
            after TrueReturned
            "after `true` the message is the engine's";
        "R-ADPT-10" sending r_adpt_10_keeps_nothing_across_a_resubmit
            after Redelivered
            "a redelivery fares alike on this instance and on a fresh one";
        "R-ADPT-15" sending r_adpt_15_terminates_with_no_message_pending
            after OnTheWire
            "Terminate returns, and not before all it accepted is disposed of";
        "R-ADPT-16" sending r_adpt_16_returns_from_callbacks_at_once
            after Given
            "callbacks return at once, but for those that a blocking adapter holds by its claim";
        "R-ADPT-19" sending r_adpt_19_sends_one_message_at_a_time
            after Given
            "an ordered port hands over one message a batch and waits for its end";
    }
    Blocks {
        "R-SND-06" attempts r_snd_06_answers_by_its_return_where_it_blocks
            after Ends
            "who claims to block answers `true` or fails: what follows a `false` is not judged";
    }
    Disposes {
        "R-RETRY-04" attempts r_retry_04_gives_up_step_by_step
            after GivesBack
            "what was tried in vain is resubmitted while retries are left, then moved, then \
             suspended";
        "R-ADPT-03" sending r_adpt_03_sends_alike_whichever_end_of_done_comes_first
            after Disposes
            "BatchComplete before the return of Done changes nothing";
        "R-ADPT-05" sending r_adpt_05_disposes_of_innocents_again
            after Resubmits
            "what did not fail itself in a failed batch is disposed of again";
        "R-ADPT-05" sending r_adpt_05_takes_the_next_step_when_one_is_refused
            after GivesBack
            "a refused Resubmit becomes MoveToNextTransport, a refused MoveToNextTransport \
             MoveToSuspendQ";
        "R-ADPT-07" sending r_adpt_07_disposes_of_every_message_exactly_once
            after Accepted
            "each message accepted with `false` has one disposition that takes effect";
        "R-ADPT-09" sending r_adpt_09_resubmits_only_with_retries_left
            after Resubmits
            "without retries left the message moves to the next transport";
        "R-ADPT-09" sending r_adpt_09_resubmits_after_the_retry_interval
            after Resubmits
            "the time of a resubmit is the failure's plus the retry interval";
        "R-ADPT-15" sending r_adpt_15_deletes_what_was_sent
            after Disposes
            "what the wire took is deleted, before Terminate returns and at any other time";
        "R-ADPT-17" sending r_adpt_17_explains_what_it_gives_back
            after GivesBack
            "error info is set before Resubmit, MoveToNextTransport, MoveToSuspendQ";
        "R-ADPT-18" sending r_adpt_18_sends_alike_in_batches_of_any_size
            after Ends
            "the fate of each message does not depend on how many came with it";
        "R-ADPT-20" sending r_adpt_20_sends_alike_while_done_is_held
            after Disposes
            "a Done that is held for long loses and doubles nothing";
    }
    Batched {
        "R-ADPT-13" sending r_adpt_13_sorts_by_endpoint
            after TwoEndpoints
            "a mixed batch is transmitted endpoint by endpoint";
        "R-ADPT-14" sending r_adpt_14_never_throws_from_transmit_message
            after Given
            "an exception would cost innocent messages of the batch a retry";
        "R-ADPT-19" sending r_adpt_19_sends_mixed_batches_to_the_right_endpoints
            after TwoEndpoints
            "every message of a mixed batch goes to its own endpoint";
        "R-BSND-02" sending r_bsnd_02_transmits_only_after_done
            after OnTheWire
            "transmission starts at Done of the adapter batch; a cleared one is not transmitted";
    }
    TransactionalSends {
        "R-ADPT-12" transacting r_adpt_12_commits_a_send_only_after_success
            after Commits
            "a transaction commits when all in it is sent and its batch completed with success";
        "R-ADPT-12" transacting r_adpt_12_confirms_a_send_once_and_truly
            after Commits
            "each transacted Done is confirmed once, when the transaction has ended, as it ended";
        "R-ADPT-12" transacting r_adpt_12_keeps_failures_out_of_the_transaction
            after Commits
            "only Delete and SubmitResponse are posted inside the send transaction";
        "R-ADPT-13" transacting r_adpt_13_transmits_to_one_endpoint_a_transaction
            after TwoEndpoints
            "each endpoint of a mixed batch has a transaction of its own";
    }
    TwoWaySends {
        "R-ADPT-11" sending r_adpt_11_submits_the_response_with_the_delete
            after OnTheWire
            "the response and the Delete of its solicit are in one batch";
    }
}
