//! The zoo: adapters that are wrong on purpose. Each is caught by the clause it breaks, and by no
//! other.

use floodgate_engine::adapter::{Adapter, AdapterInput, AsyncAdapter};
use floodgate_engine::conformance::{
    Broken, CLAUSES, Claims, Judgement, Receives, Sends, broken, judgement,
};
use floodgate_engine::time::Instant;
use floodgate_engine::transport_proxy::TransportProxy;

use crate::receiver::{self, receiver};
use crate::sender::{self, sender};

/// Lines that a story may take to show a flaw.
const STORY_MAX: usize = 30;

/// Every clause that the adapter breaks by what it does, and not by what it leaves undone.
fn caught<A: Adapter + 'static>(make: impl Fn() -> A + Copy, claims: Claims) -> Vec<Broken> {
    let broken = CLAUSES.iter().filter_map(|clause| broken(clause.name, make, claims));
    broken.filter(|broken| !broken.idle).collect()
}

/// What is wrong with the catch: it is to be this clause alone, with a short story.
fn wrong(caught: &[Broken], sin: &str, name: &str) -> Option<String> {
    let names: Vec<&str> = caught.iter().map(|broken| broken.clause.name).collect();
    if names != [name] {
        return Some(format!("{sin}: caught by {names:?} instead of {name}"));
    }
    let broken = &caught[0];
    if broken.story.len() > STORY_MAX {
        return Some(format!("{sin}: the story is long\n{broken}"));
    }
    // The name of a test begins with its rule.
    let rule = broken.clause.rule.to_lowercase().replace('-', "_");
    (!name.starts_with(&rule)).then(|| format!("{sin}: {name} is not about {rule}"))
}

fn none(wrong: impl IntoIterator<Item = Option<String>>) {
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn sending((style, sin, name): (sender::Style, sender::Sin, &str)) -> Option<String> {
    // A Delete without a reply is one sin more on a solicit-response port.
    let one_way = [sender::Sin::DeletesUnsent, sender::Sin::DeletesWhatWasRefused].contains(&sin);
    let sends = Sends {
        asynchronous: !style.blocking,
        batched: style.batched,
        blocking: style.blocking,
        transactional: style.transactional,
        two_way: !style.blocking && !one_way,
    };
    let claims = Claims { sends: Some(sends), receives: None };
    let style = sender::Style { sin: Some(sin), ..style };
    wrong(&caught(|| sender(style), claims), &format!("{sin:?}"), name)
}

fn receiving((style, sin, name): (receiver::Style, receiver::Sin, &str)) -> Option<String> {
    let receives =
        Receives { ordered: true, transactional: style.transactional, two_way: style.two_way };
    let claims = Claims { receives: Some(receives), sends: None };
    let style = receiver::Style { sin: Some(sin), ..style };
    wrong(&caught(|| receiver(style), claims), &format!("{sin:?}"), name)
}

const ALONE: sender::Style =
    sender::Style { batched: false, blocking: false, transactional: false, sin: None };
const BLOCKING: sender::Style = sender::Style { blocking: true, ..ALONE };
const BATCHED: sender::Style = sender::Style { batched: true, ..ALONE };
const TRANSACTED: sender::Style = sender::Style { transactional: true, ..BATCHED };

#[test]
fn senders_that_dispose_wrongly_are_caught() {
    // R-ADPT-05, R-ADPT-07, R-ADPT-08, R-ADPT-09, R-ADPT-10, R-ADPT-11, R-ADPT-17.
    use sender::Sin;
    let zoo = [
        (BATCHED, Sin::ForgetsInnocents, "r_adpt_05_disposes_of_innocents_again"),
        (ALONE, Sin::RepeatsARefusedResubmit, "r_adpt_05_takes_the_next_step_when_one_is_refused"),
        (ALONE, Sin::DisposesTwice, "r_adpt_07_disposes_of_every_message_exactly_once"),
        (ALONE, Sin::ForgetsFailures, "r_adpt_07_disposes_of_every_message_exactly_once"),
        (BLOCKING, Sin::TouchesAfterTrue, "r_adpt_08_leaves_alone_what_it_returned_true_for"),
        (ALONE, Sin::ResubmitsWithoutRetries, "r_adpt_09_resubmits_only_with_retries_left"),
        (BATCHED, Sin::ResubmitsTooEarly, "r_adpt_09_resubmits_after_the_retry_interval"),
        (ALONE, Sin::RemembersAttempts, "r_adpt_10_keeps_nothing_across_a_resubmit"),
        (ALONE, Sin::SplitsResponseAndDelete, "r_adpt_11_submits_the_response_with_the_delete"),
        (BATCHED, Sin::ExplainsNothing, "r_adpt_17_explains_what_it_gives_back"),
    ];
    none(zoo.map(sending));
}

#[test]
fn senders_that_belie_the_wire_are_caught() {
    // R-SND-06, R-BSND-03, R-RETRY-03, R-RETRY-04, INV-34.
    use sender::Sin;
    let (unsent, refused) = (
        "r_snd_06_ends_only_what_the_wire_was_asked_for",
        "r_retry_04_ends_nothing_that_the_wire_refused",
    );
    let step = "r_retry_04_gives_up_step_by_step";
    let zoo = [
        (BLOCKING, Sin::SaysTrueUnsent, unsent),
        (ALONE, Sin::DeletesUnsent, unsent),
        (BLOCKING, Sin::SaysTrueWhenRefused, refused),
        (ALONE, Sin::DeletesWhatWasRefused, refused),
        (ALONE, Sin::TransmitsTwice, "r_retry_03_transmits_once_an_attempt"),
        (BATCHED, Sin::TransmitsTwice, "r_retry_03_transmits_once_an_attempt"),
        (ALONE, Sin::GivesUpTooSoon, step),
        (ALONE, Sin::GivesUpUntried, step),
        (BATCHED, Sin::SuspendsWithoutMoving, step),
        (BLOCKING, Sin::AnswersFalse, "r_snd_06_answers_by_its_return_where_it_blocks"),
    ];
    none(zoo.map(sending));
}

#[test]
fn batches_of_lies_are_caught() {
    // R-SND-06, R-BSND-03, R-ADPT-19: what is never sent is not sent to its own endpoint either.
    use sender::Sin;
    for sin in [Sin::DeletesUnsent, Sin::SaysTrueUnsent] {
        let sends = Sends { asynchronous: true, batched: true, ..Sends::NONE };
        let claims = Claims { sends: Some(sends), receives: None };
        let style = sender::Style { sin: Some(sin), ..BATCHED };
        let caught = caught(|| sender(style), claims);
        let names: Vec<&str> = caught.iter().map(|broken| broken.clause.name).collect();
        assert_eq!(
            names,
            [
                "r_snd_06_ends_only_what_the_wire_was_asked_for",
                "r_adpt_19_sends_mixed_batches_to_the_right_endpoints"
            ],
            "{sin:?}"
        );
    }
}

#[test]
fn senders_that_break_a_schedule_are_caught() {
    // R-ADPT-03, R-ADPT-15, R-ADPT-16, R-ADPT-18, R-ADPT-19, R-ADPT-20, R-BSND-02.
    use sender::Sin;
    let zoo = [
        (ALONE, Sin::TerminatesAtOnce, "r_adpt_15_terminates_with_no_message_pending"),
        (ALONE, Sin::NeverTerminates, "r_adpt_15_terminates_with_no_message_pending"),
        (ALONE, Sin::ResubmitsWhatWasSentWhenTerminated, "r_adpt_15_deletes_what_was_sent"),
        (ALONE, Sin::BlocksInTransmitMessage, "r_adpt_16_returns_from_callbacks_at_once"),
        (BATCHED, Sin::DependsOnBatchSize, "r_adpt_18_sends_alike_in_batches_of_any_size"),
        (BATCHED, Sin::WaitsForCompany, "r_adpt_19_sends_one_message_at_a_time"),
        (BATCHED, Sin::GivesUpWhenDoneIsHeld, "r_adpt_20_sends_alike_while_done_is_held"),
        (BATCHED, Sin::TransmitsBeforeDone, "r_bsnd_02_transmits_only_after_done"),
    ];
    none(zoo.map(sending));
}

#[test]
fn batched_and_transactional_senders_are_caught() {
    // R-ADPT-12, R-ADPT-13, R-ADPT-14, R-ADPT-19.
    use sender::Sin;
    let zoo = [
        (
            TRANSACTED,
            Sin::CommitsBeforeBatchComplete,
            "r_adpt_12_commits_a_send_only_after_success",
        ),
        (TRANSACTED, Sin::ConfirmsTwice, "r_adpt_12_confirms_a_send_once_and_truly"),
        (TRANSACTED, Sin::ConfirmsWrongly, "r_adpt_12_confirms_a_send_once_and_truly"),
        (TRANSACTED, Sin::NeverConfirms, "r_adpt_12_confirms_a_send_once_and_truly"),
        (
            TRANSACTED,
            Sin::ResubmitsInsideTheTransaction,
            "r_adpt_12_keeps_failures_out_of_the_transaction",
        ),
        (BATCHED, Sin::DoesNotSort, "r_adpt_13_sorts_by_endpoint"),
        (BATCHED, Sin::ThrowsWhenFull, "r_adpt_14_never_throws_from_transmit_message"),
        (
            BATCHED,
            Sin::SendsAllToOneEndpoint,
            "r_adpt_19_sends_mixed_batches_to_the_right_endpoints",
        ),
        (
            TRANSACTED,
            Sin::SpansEndpointsInOneTransaction,
            "r_adpt_13_transmits_to_one_endpoint_a_transaction",
        ),
    ];
    none(zoo.map(sending));
}

const ONE_WAY: receiver::Style =
    receiver::Style { transactional: false, two_way: false, sin: None };
const TWO_WAY: receiver::Style = receiver::Style { two_way: true, ..ONE_WAY };
const ENLISTED: receiver::Style = receiver::Style { transactional: true, ..ONE_WAY };

#[test]
fn wrong_receivers_are_caught() {
    // R-ADPT-01, R-ADPT-02, R-ADPT-03, R-ADPT-04, R-ADPT-05, R-ADPT-06, R-ADPT-12, R-ADPT-15,
    // R-ADPT-17, R-ADPT-18, R-ADPT-20.
    use receiver::Sin;
    let zoo = [
        (ONE_WAY, Sin::ForgetsTheLocation, "r_adpt_01_names_the_location_of_every_submit"),
        (ONE_WAY, Sin::SubmitsAfterRemoval, "r_adpt_01_submits_nothing_for_a_removed_location"),
        (ONE_WAY, Sin::SubmitsTwice, "r_adpt_02_submits_no_object_twice_in_one_batch"),
        (ONE_WAY, Sin::RemovesBeforeBatchComplete, "r_adpt_04_removes_sources_only_after_success"),
        (ONE_WAY, Sin::KeepsItsSources, "r_adpt_04_lets_go_of_what_the_engine_took"),
        (ONE_WAY, Sin::ForgetsInnocents, "r_adpt_05_submits_innocents_again"),
        (ONE_WAY, Sin::ForgetsFailures, "r_adpt_05_suspends_what_failed"),
        (
            ONE_WAY,
            Sin::SuspendsWhatIsSuspended,
            "r_adpt_06_suspends_nothing_that_the_engine_handled",
        ),
        (ONE_WAY, Sin::TerminatesAtOnce, "r_adpt_15_terminates_with_no_batch_outstanding"),
        (
            ONE_WAY,
            Sin::FetchesAfterTerminate,
            "r_adpt_15_fetches_and_submits_nothing_after_terminate",
        ),
        (ONE_WAY, Sin::ExplainsNothing, "r_adpt_17_explains_what_it_suspends"),
        (ONE_WAY, Sin::DependsOnBatchSize, "r_adpt_18_receives_alike_in_batches_of_any_size"),
        (ONE_WAY, Sin::GivesUpWhenDoneIsHeld, "r_adpt_20_receives_alike_while_done_is_held"),
        (ONE_WAY, Sin::DoesNotWaitForABatch, "r_adpt_20_submits_in_the_order_of_the_source"),
        (ENLISTED, Sin::CommitsAfterFailure, "r_adpt_12_commits_a_receive_only_after_success"),
        (
            ENLISTED,
            Sin::ReadsOutsideTheTransaction,
            "r_adpt_12_commits_a_receive_only_after_success",
        ),
        (ENLISTED, Sin::NeverConfirms, "r_adpt_12_confirms_a_receive_once_and_truly"),
        (TWO_WAY, Sin::AnswersTwice, "r_adpt_03_answers_once_even_before_batch_complete"),
        (TWO_WAY, Sin::MissesEarlyResponses, "r_adpt_03_answers_once_even_before_batch_complete"),
    ];
    none(zoo.map(receiving));
}

/// Throws a `BatchComplete` away that comes before its `Done` has returned.
#[derive(Debug)]
struct DropsEarlyCompletions<A> {
    inner: A,
    returned: Vec<u64>,
}

impl<A: Adapter> Adapter for DropsEarlyCompletions<A> {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        if let AdapterInput::DoneReturned { cookie, .. } = input {
            self.returned.push(cookie);
        }
        if let AdapterInput::BatchComplete(status) = &input
            && !self.returned.contains(&status.cookie)
        {
            return;
        }
        self.inner.handle_input(now, input, proxy);
    }
}

#[test]
fn adapters_that_lose_the_race_are_caught() {
    // R-ADPT-03, R-BC-07.
    let claims =
        Claims { sends: Some(Sends { asynchronous: true, ..Sends::NONE }), receives: None };
    let make = || DropsEarlyCompletions { inner: sender(ALONE), returned: Vec::new() };
    let name = "r_adpt_03_sends_alike_whichever_end_of_done_comes_first";
    none([wrong(&caught(make, claims), "a sender", name)]);
    let claims = Claims { receives: Some(Receives::NONE), sends: None };
    let make = || DropsEarlyCompletions { inner: receiver(ONE_WAY), returned: Vec::new() };
    let name = "r_adpt_03_receives_alike_whichever_end_of_done_comes_first";
    none([wrong(&caught(make, claims), "a receiver", name)]);
}

/// Answers `Terminate` and nothing else.
fn idler() -> AsyncAdapter {
    AsyncAdapter::new(async |transport| {
        loop {
            if let AdapterInput::Terminate { call } = transport.next_input().await {
                transport.terminate(call);
            }
        }
    })
}

#[test]
fn an_adapter_that_does_nothing_keeps_no_clause() {
    // R-SND-06, R-ADPT-04: what was never seen has not been kept.
    let sends = |blocking: bool, batched: bool| Sends {
        asynchronous: !blocking,
        batched,
        blocking,
        transactional: batched,
        two_way: batched,
    };
    let receives = |two_way, transactional| Receives { ordered: true, two_way, transactional };
    let senders = [sends(false, false), sends(false, true), sends(true, false), sends(true, true)]
        .map(|sends| Claims { sends: Some(sends), receives: None });
    let receivers = [receives(false, false), receives(true, false), receives(false, true)]
        .map(|receives| Claims { receives: Some(receives), sends: None });
    for claims in senders.into_iter().chain(receivers) {
        for clause in CLAUSES {
            let judgement = judgement(clause.name, idler, claims);
            assert!(!matches!(judgement, Judgement::Kept), "{} of {claims:?}", clause.name);
        }
    }
}

#[test]
fn a_claim_that_nothing_follows_from_is_caught() {
    // R-SND-02, R-ADPT-13, R-ADPT-14, R-ADPT-19, R-BSND-02: no BeginBatch is ever answered.
    let sends = Sends { asynchronous: true, batched: true, ..Sends::NONE };
    let claims = Claims { sends: Some(sends), receives: None };
    for name in [
        "r_adpt_13_sorts_by_endpoint",
        "r_adpt_14_never_throws_from_transmit_message",
        "r_adpt_19_sends_mixed_batches_to_the_right_endpoints",
        "r_adpt_19_sends_one_message_at_a_time",
        "r_bsnd_02_transmits_only_after_done",
    ] {
        let broken = broken(name, || refusing_batches(sender(ALONE)), claims);
        let broken = broken.expect("nothing is sent, so nothing is kept");
        assert!(broken.idle, "{broken}");
        assert!(broken.why.starts_with("no trial gives an occasion to judge it: "), "{broken}");
        assert!(broken.story.iter().any(|line| line.ends_with("BeginBatch")), "{broken}");
    }
}

/// A sender of single messages as it is when it says that it takes batches: `BeginBatch` is Greek
/// to it.
fn refusing_batches(inner: AsyncAdapter) -> impl Adapter {
    #[derive(Debug)]
    struct Refusing(AsyncAdapter);
    impl Adapter for Refusing {
        fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
            if !matches!(input, AdapterInput::BeginBatch { .. }) {
                self.0.handle_input(now, input, proxy);
            }
        }
    }
    Refusing(inner)
}

#[test]
fn a_clause_that_is_never_asked_says_so() {
    // R-ADPT-08: who answers `false` to everything never has a message that is the engine's.
    let sends = Sends { asynchronous: true, ..Sends::NONE };
    let claims = Claims { sends: Some(sends), receives: None };
    let name = "r_adpt_08_leaves_alone_what_it_returned_true_for";
    let Judgement::NoOccasion { missing } = judgement(name, || sender(ALONE), claims) else {
        panic!("it is asked");
    };
    assert_eq!(missing, "`true` is never returned for a message");
    assert!(matches!(judgement(name, || sender(BLOCKING), claims), Judgement::Kept));
}

#[test]
fn a_broken_clause_tells_rule_demand_and_story() {
    // R-ADPT-07: what the author reads.
    let sends = Sends { asynchronous: true, ..Sends::NONE };
    let claims = Claims { sends: Some(sends), receives: None };
    let style = sender::Style { sin: Some(sender::Sin::ForgetsFailures), ..ALONE };
    let name = "r_adpt_07_disposes_of_every_message_exactly_once";
    let told = broken(name, || sender(style), claims).expect("it forgets").to_string();
    let expected = "\
R-ADPT-07 is broken (r_adpt_07_disposes_of_every_message_exactly_once)
  demanded: each message accepted with `false` has one disposition that takes effect
  found:    m1 is never disposed of
  story (E engine, A adapter, W wire, T coordinator):
    00:00.000  E>A  TransmitMessage(m1, port 0, RetryCount 2)
    00:00.000  A>E  -> m1 false
    00:00.000  A>W  transmits m1 to out100
    00:00.010  W>A  m1 fails on the wire
    00:00.010  A>E  SetErrorInfo(m1)
";
    assert_eq!(told, expected);
}
