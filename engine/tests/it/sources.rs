//! The receive adapters in dialogue: looks, batches and transactions, one thing after another.

use floodgate_engine::adapter::{
    AdapterInput, AnyAdapter, Occupancy, Receiver, TransactionalReceiver,
};
use floodgate_engine::batch::Status;
use floodgate_engine::config::{
    AdapterKind, OnPoison, ReceiveSettings, TransactionalReceiveSettings,
};
use floodgate_engine::id::{EndpointId, ReceiveLocationId};
use floodgate_engine::time::Duration;

use crate::bench::NOTIFIED;
use crate::dialogue::Dialogue;

const OK: Status = Status::OK;
const FAIL: Status = Status::FAIL;
const TEN: Duration = Duration::from_secs(10);
/// Looks every ten seconds, two batches at a time.
const POLLING: ReceiveSettings =
    ReceiveSettings { poll: Some(TEN), notify: false, batches: 2, ..NOTIFIED };

fn receiver(settings: ReceiveSettings) -> Dialogue<AnyAdapter> {
    Dialogue::with(AnyAdapter::new(AdapterKind::Receive(settings)))
}

/// Of each location: batches outstanding and allowed, and whether it waits for a look.
fn places(dialogue: &Dialogue<AnyAdapter>) -> Vec<(u32, (u32, u32), bool)> {
    let Occupancy { locations, workers, .. } = dialogue.desk.adapter.occupancy();
    assert_eq!(workers, None);
    locations.into_iter().map(|(id, places, waits)| (id.0, places, waits)).collect()
}

#[test]
fn a_polling_location_looks_at_whole_intervals_as_long_as_it_may() {
    // R-RCV-01, R-HOST-03: one look brings one batch; as many as it may have are outstanding.
    let mut told = receiver(POLLING);
    told.at(1);
    assert_eq!(told.add(0), "watch 0");
    assert_eq!(places(&told), [(0, (0, 2), false)]);
    told.at(4);
    assert_eq!(told.arrived(0), "wake in 7 #0");
    assert_eq!(places(&told), [(0, (0, 2), true)]);
    assert_eq!(told.arrived(0), "", "it waits already");
    told.at(11);
    assert_eq!(told.wake(0), "fetch 20 from 0 #0");
    assert_eq!(told.wake(0), "");
    assert_eq!(told.fetched(0, [1], true), "done 1: submit 1");
    assert_eq!(places(&told), [(0, (1, 2), false)]);
    assert_eq!(told.done(1, OK), "wake in 10 #0", "not twice at one look");
    told.at(21);
    told.wake(0);
    assert_eq!(told.fetched(0, [2], true), "done 2: submit 2");
    assert_eq!(told.done(2, OK), "", "two are outstanding");
    assert_eq!(places(&told), [(0, (2, 2), false)]);
    told.at(22);
    assert_eq!(told.complete(1, [OK]), "remove [1]; wake in 9 #0");
    assert_eq!(told.complete(2, [OK]), "remove [2]", "it waits for its look already");
    told.at(31);
    told.wake(0);
    assert_eq!(told.fetched(0, [], false), "watch 0");
}

#[test]
fn a_location_that_is_notified_fetches_at_once_whatever_its_interval() {
    // R-RCV-01.
    for poll in [None, Some(TEN)] {
        let mut told = receiver(ReceiveSettings { poll, ..NOTIFIED });
        told.add(0);
        told.at(3);
        assert_eq!(told.arrived(0), "fetch 20 from 0 #0");
        assert_eq!(told.fetched(0, [1], true), "done 1: submit 1");
        assert_eq!(told.done(1, OK), "", "one batch at a time");
        assert_eq!(told.complete(1, [OK]), "remove [1]; fetch 20 from 0 #0");
        assert_eq!(told.fetched(0, [], false), "watch 0");
    }
}

#[test]
fn each_location_goes_on_with_its_own_batches() {
    // R-DONE-04, R-LIFE-06: of two locations, the one whose `Done` it is.
    let mut told = receiver(ReceiveSettings { batches: 3, ..NOTIFIED });
    for location in [0, 1] {
        told.add(location);
        told.arrived(location);
    }
    assert_eq!(told.fetched(0, [1], false), "done 1: submit 1");
    assert_eq!(told.fetched(1, [2], true), "done 2: submit 2");
    assert_eq!(told.done(2, OK), "fetch 20 from 1 #1");
    assert_eq!(told.done(1, OK), "watch 0");
    // A `Done` that failed: the messages stay where they are, and nothing is outstanding.
    assert_eq!(told.fetched(1, [3], false), "done 3: submit 3");
    assert_eq!(told.done(3, FAIL), "wake in 10 #18446744073709551614; watch 1");
    assert_eq!(places(&told), [(0, (1, 3), false), (1, (1, 3), false)]);
    told.at(10);
    assert_eq!(told.wake(u64::MAX - 1), "leave [3] at 1");
    // An endpoint that is changed is that of its location alone.
    let (location, endpoint) = (ReceiveLocationId(1), EndpointId(7));
    told.tell(AdapterInput::UpdateEndpointConfig { location, endpoint });
    assert_eq!(told.arrived(0), "fetch 20 from 0 #0");
    assert_eq!(told.arrived(1), "fetch 20 from 7 #1");
}

#[test]
fn a_batch_that_fails_again_and_again_is_left_at_its_source() {
    // R-FILT-03, R-FILT-05: four attempts, then the sources keep what is in it.
    let mut told = receiver(ReceiveSettings { batches: 9, ..NOTIFIED });
    told.add(0);
    told.arrived(0);
    assert_eq!(told.fetched(0, [1, 2], false), "done 1: submit 1, submit 2");
    told.done(1, OK);
    assert_eq!(told.complete(1, [FAIL, OK]), "why 1; done 2: suspend 1, submit 2");
    assert_eq!(told.complete(2, [OK, FAIL]), "why 2; done 3: suspend 1, suspend 2");
    assert_eq!(told.complete(3, [FAIL, OK]), "done 4: suspend 2");
    assert_eq!(told.complete(4, [FAIL]), "");
    let mut stubborn = receiver(ReceiveSettings { batches: 9, ..NOTIFIED });
    stubborn.add(0);
    stubborn.arrived(0);
    stubborn.fetched(0, [1], false);
    stubborn.done(1, OK);
    for cookie in 1..4 {
        assert_eq!(stubborn.blameless(cookie), format!("done {}: submit 1", cookie + 1));
    }
    assert_eq!(stubborn.blameless(4), "");
}

/// Three messages in a transaction, two transactions at once.
const TRANSACTIONAL: TransactionalReceiveSettings = TransactionalReceiveSettings {
    batch_messages: 3,
    batch_bytes: u64::MAX,
    poll: None,
    transactions: 1,
    on_poison: OnPoison::SuspendInTransaction { resumable: true },
    single_for: Duration::ZERO,
    pause: Duration::from_secs(4),
};

fn transactional(settings: TransactionalReceiveSettings) -> Dialogue<TransactionalReceiver> {
    let mut told = Dialogue::with(TransactionalReceiver::new(settings));
    assert_eq!(told.add(0), "watch 0");
    told
}

/// A location reads and submits these, and its `Done` returns.
fn reads<const N: usize>(told: &mut Dialogue<TransactionalReceiver>, numbers: [u64; N]) -> String {
    let words = told.fetched(0, numbers, true);
    let cookie = words.trim_start_matches("why ").split("done ").nth(1).expect("it posts");
    let cookie = cookie.split(' ').next().expect("a number").parse().expect("a number");
    let rest = told.done(cookie, OK);
    assert_eq!(rest, "", "one transaction at a time");
    words
}

#[test]
fn two_locations_read_in_transactions_of_their_own() {
    // R-TXN-01, R-TXN-05, R-LIFE-06.
    let settings = TransactionalReceiveSettings { transactions: 2, ..TRANSACTIONAL };
    let mut told = transactional(settings);
    assert_eq!(told.add(1), "watch 1");
    assert_eq!(told.add(1), "watch 1", "it is known");
    assert_eq!(told.arrived(0), "fetch 3 from 0 in 1 #0");
    assert_eq!(told.arrived(1), "fetch 3 from 1 in 2 #1");
    assert_eq!(told.fetched(0, [1], false), "done 1 in 1: submit 1");
    assert_eq!(told.fetched(1, [2], true), "done 2 in 2: submit 2");
    assert_eq!(told.done(2, OK), "fetch 3 from 1 in 3 #1");
    assert_eq!(told.done(1, OK), "watch 0");
    assert_eq!(told.complete(1, [OK]), "commit 1");
    assert_eq!(told.complete(2, [OK]), "commit 2");
    assert_eq!(told.ended(2, true), "confirm batch 2 true");
    assert_eq!(told.ended(1, true), "confirm batch 1 true");
    assert_eq!(told.ended(1, true), "");
    assert_eq!(told.fetched(1, [], false), "abort 3; watch 1", "nothing was there");
}

#[test]
fn a_transactional_location_does_not_look_twice_at_one_instant() {
    // R-HOST-03.
    let mut told = transactional(TransactionalReceiveSettings { poll: Some(TEN), ..TRANSACTIONAL });
    told.at(3);
    assert_eq!(told.arrived(0), "wake in 7 #0");
    told.at(10);
    assert_eq!(told.wake(0), "fetch 3 from 0 in 1 #0");
    assert_eq!(told.wake(0), "");
    reads(&mut told, [1]);
    told.complete(1, [OK]);
    assert_eq!(told.ended(1, true), "confirm batch 1 true; wake in 10 #0");
    told.at(20);
    // In `Terminate` nothing is read any more.
    assert_eq!(told.terminate(), "Terminated");
    assert_eq!(told.wake(0), "");
}

#[test]
fn a_location_that_waits_for_its_look_reads_no_more_while_another_is_pending() {
    // R-SHUT-01.
    let mut told = transactional(TransactionalReceiveSettings { poll: Some(TEN), ..TRANSACTIONAL });
    told.add(1);
    told.arrived(1);
    told.fetched(1, [1], false);
    told.at(5);
    assert_eq!(told.arrived(0), "wake in 5 #0");
    assert_eq!(told.terminate(), "");
    told.at(10);
    assert_eq!(told.wake(0), "", "something is pending, and nothing new begins");
    told.done(1, OK);
    told.complete(1, [OK]);
    assert_eq!(told.ended(1, true), "confirm batch 1 true; Terminated");
}

#[test]
fn after_a_failure_batches_are_small_until_the_bad_one_is_found() {
    // R-TXN-12 a, R-TXN-15, R-TXN-18: abort, read one by one; the bad one is suspended in its own
    // transaction; then batches are full again.
    let mut told = transactional(TRANSACTIONAL);
    assert_eq!(told.arrived(0), "fetch 3 from 0 in 1 #0");
    reads(&mut told, [1, 2, 3]);
    assert_eq!(told.complete(1, [OK, FAIL, OK]), "abort 1");
    assert_eq!(told.ended(1, false), "confirm batch 1 false; fetch 1 from 0 in 2 #0");
    reads(&mut told, [1]);
    assert_eq!(told.complete(2, [OK]), "commit 2");
    assert_eq!(told.ended(2, true), "confirm batch 2 true; fetch 1 from 0 in 3 #0");
    reads(&mut told, [2]);
    assert_eq!(told.complete(3, [FAIL]), "why 2; done 4 in 3: suspend 2");
    assert_eq!(told.complete(4, [OK]), "commit 3");
    let confirms = "confirm batch 3 true; confirm batch 4 true";
    assert_eq!(told.ended(3, true), format!("{confirms}; fetch 1 from 0 in 4 #0"));
    reads(&mut told, [3]);
    told.complete(5, [FAIL]);
    assert_eq!(told.complete(6, [FAIL]), "abort 4", "suspending failed too");
    let words = told.ended(4, false);
    assert_eq!(words, "confirm batch 5 false; confirm batch 6 false; wake in 4 #0");
    told.at(4);
    assert_eq!(told.wake(0), "fetch 1 from 0 in 5 #0");
    reads(&mut told, [3]);
    told.complete(7, [OK]);
    assert_eq!(told.ended(5, true), "confirm batch 7 true; fetch 3 from 0 in 6 #0");
}

#[test]
fn batches_stay_small_for_a_while_even_when_all_were_read() {
    // R-TXN-18: by time as well as by count.
    let mut told = transactional(TransactionalReceiveSettings { single_for: TEN, ..TRANSACTIONAL });
    told.arrived(0);
    reads(&mut told, [1, 2]);
    told.complete(1, [FAIL, OK]);
    told.ended(1, false);
    for (number, transaction) in [(1, 2), (2, 3)] {
        reads(&mut told, [number]);
        told.complete(transaction, [OK]);
        assert!(told.ended(transaction, true).contains("fetch 1 from 0"));
    }
    told.at(10);
    reads(&mut told, [3]);
    told.complete(4, [OK]);
    assert_eq!(told.ended(4, true), "confirm batch 4 true; fetch 3 from 0 in 5 #0");
}

#[test]
fn a_bad_message_is_remembered_and_suspended_when_it_is_read_again() {
    // R-TXN-12 b, R-TXN-13: for so long, and no other.
    let poison = OnPoison::SuspendOnNextRead { remember: TEN };
    let mut told =
        transactional(TransactionalReceiveSettings { on_poison: poison, ..TRANSACTIONAL });
    told.arrived(0);
    reads(&mut told, [1, 2, 3]);
    told.complete(1, [OK, FAIL, OK]);
    assert_eq!(told.ended(1, false), "confirm batch 1 false; fetch 3 from 0 in 2 #0");
    assert_eq!(reads(&mut told, [1, 2, 3]), "why 2; done 2 in 2: submit 1, suspend 2, submit 3");
    // Another is bad as well: both are remembered.
    told.at(5);
    told.complete(2, [FAIL, OK, OK]);
    told.ended(2, false);
    let words = reads(&mut told, [1, 2, 3]);
    assert_eq!(words, "why 1; why 2; done 3 in 3: suspend 1, suspend 2, submit 3");
    told.complete(3, [OK, OK, OK]);
    told.ended(3, true);
    // What was suspended is forgotten: a message of that number is another one.
    assert_eq!(reads(&mut told, [1, 4]), "done 4 in 4: submit 1, submit 4");
    told.complete(4, [OK, FAIL]);
    told.ended(4, false);
    told.at(15);
    assert_eq!(reads(&mut told, [1, 4]), "done 5 in 5: submit 1, submit 4", "ten seconds later");
}

#[test]
fn of_two_bad_messages_only_the_one_that_was_suspended_is_forgotten() {
    // R-TXN-12 b, R-TXN-13.
    let poison = OnPoison::SuspendOnNextRead { remember: TEN };
    let mut told =
        transactional(TransactionalReceiveSettings { on_poison: poison, ..TRANSACTIONAL });
    told.arrived(0);
    reads(&mut told, [1, 2]);
    told.complete(1, [FAIL, FAIL]);
    told.ended(1, false);
    assert_eq!(reads(&mut told, [1]), "why 1; done 2 in 2: suspend 1");
    told.complete(2, [OK]);
    told.ended(2, true);
    assert_eq!(reads(&mut told, [1, 2]), "why 2; done 3 in 3: submit 1, suspend 2");
}

#[test]
fn a_location_that_stops_on_poison_says_so_once() {
    // R-ORD-17, R-LIFE-07: unless it was closed meanwhile.
    for closed in [false, true] {
        let settings = TransactionalReceiveSettings { on_poison: OnPoison::Stop, ..TRANSACTIONAL };
        let mut told = transactional(settings);
        told.arrived(0);
        reads(&mut told, [1]);
        assert_eq!(told.complete(1, [FAIL]), "abort 1");
        if closed {
            told.remove(0);
        }
        let words = told.ended(1, false);
        assert_eq!(
            words,
            if closed { "confirm batch 1 false" } else { "confirm batch 1 false; breaks 0" }
        );
        assert_eq!(told.arrived(0), "");
        assert_eq!(told.add(0), "watch 0");
    }
}

#[test]
fn a_done_that_fails_is_followed_by_one_try_to_suspend() {
    // R-TXN-16: under the same transaction; if that fails, abort; while the engine stops, at once.
    let mut told = transactional(TRANSACTIONAL);
    told.arrived(0);
    assert_eq!(told.fetched(0, [1, 2], true), "done 1 in 1: submit 1, submit 2");
    assert_eq!(told.done(1, FAIL), "why 1; why 2; done 2 in 1: suspend 1, suspend 2");
    assert_eq!(told.done(2, OK), "");
    assert_eq!(told.complete(2, [OK, OK]), "commit 1");
    assert_eq!(told.ended(1, true), "confirm batch 2 true; fetch 3 from 0 in 2 #0");
    assert_eq!(told.fetched(0, [3], true), "done 3 in 2: submit 3");
    told.done(3, FAIL);
    assert_eq!(told.done(4, FAIL), "abort 2", "it is tried once");
    assert_eq!(told.ended(2, false), "wake in 4 #0");
    told.at(4);
    told.wake(0);
    assert_eq!(told.fetched(0, [3], true), "done 5 in 3: submit 3");
    told.desk.proxy.terminate(false);
    assert_eq!(told.done(5, Status::SHUTTING_DOWN), "abort 3");
    assert_eq!(told.ended(3, false), "");
    assert_eq!(told.terminate(), "Terminated");
}

#[test]
fn who_stops_on_poison_gives_back_what_is_read_meanwhile() {
    // R-ORD-17, R-SHUT-01, INV-57: a second transaction fetches when the first one fails.
    let on_poison = OnPoison::Stop;
    let settings = TransactionalReceiveSettings { transactions: 2, on_poison, ..TRANSACTIONAL };
    let mut told = transactional(settings);
    told.arrived(0);
    told.fetched(0, [1], true);
    assert_eq!(told.done(1, OK), "fetch 3 from 0 in 2 #0");
    told.complete(1, [FAIL]);
    assert_eq!(told.ended(1, false), "confirm batch 1 false; breaks 0");
    assert_eq!(told.terminate(), "", "it is reading");
    assert_eq!(told.fetched(0, [2], true), "abort 2; Terminated");
}

#[test]
fn what_a_closed_location_had_fetched_goes_back() {
    // R-LIFE-06.
    let mut told = transactional(TRANSACTIONAL);
    told.arrived(0);
    told.remove(0);
    assert_eq!(told.fetched(0, [1], true), "abort 1");
    assert_eq!(told.add(0), "watch 0");
    let mut plain = Dialogue::with(Receiver::new(NOTIFIED));
    plain.add(0);
    plain.arrived(0);
    plain.remove(0);
    let left = plain.fetched(0, [1], true);
    assert_eq!(left, "leave [1] at 0");
    assert_eq!(plain.terminate(), "Terminated");
}
