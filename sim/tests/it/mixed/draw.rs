//! How a town is drawn.

use floodgate_engine::config::{
    AliasChoice, Authentication, BatchDone, Choices, DoubleSubmit, EmptyMaximum, FailedStatus,
    HostSettings, NullCallback, OnFailure, OnPoison, OrchestrationQueue, OrderedBackup,
    OutboundCharge, PromotedLength, ResponseTimeout, RetryCount, RoutingReports, SendSettings,
    SendTransactions, SuspendedStatus, ThrowingCall, Throws, UnroutedResume, UnroutedSuspension,
    Watermarks, Which,
};
use floodgate_engine::dynamic::OrderScope;
use floodgate_engine::exchange::{LateResponses, ResponseSettings};
use floodgate_engine::message::{Defect, DefectKind};
use floodgate_engine::message_box::{DequeueOrder, MessageBoxPolicy, Unavailability};
use floodgate_engine::pipeline::Stage;
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::subscription::PortState;
use floodgate_engine::throttle::DehydrationSettings;
use floodgate_engine::time::Duration;
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::setup::{Failure, Reply, ResponseOrder, SinkSettings};
use proptest::prelude::*;

use super::town::{
    Door, Entrance, Exit, Group, Line, Process, Schedule, Town, Trouble, Wants, Way, What,
};
use crate::conservation::{call_times, hosts, receives, sends};
use crate::exchanges::{requests, some_millis};
use crate::fixture::sink;
use crate::retry::done_orders;
use crate::transactions::{coordinations, reading, sends as writes};

/// The usual, or the other.
fn either<T: Clone + std::fmt::Debug + 'static>(usual: T, other: T) -> impl Strategy<Value = T> {
    any::<bool>().prop_map(move |is_other| if is_other { other.clone() } else { usual.clone() })
}

/// Seldom so.
fn seldom() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.15)
}

fn millis(most: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![Just(0), 0..=most].prop_map(Duration::from_millis)
}

fn choices() -> impl Strategy<Value = Choices> {
    let statuses = (
        either(PromotedLength::Chars255, PromotedLength::Chars256),
        either(NullCallback::Refused, NullCallback::Allowed),
        either(DoubleSubmit::DoneFails, DoubleSubmit::BatchFails),
        either(SuspendedStatus::MessageSuspended, SuspendedStatus::SFalse),
        either(FailedStatus::EFail, FailedStatus::FirstFailure),
        either(AliasChoice::Longest, AliasChoice::First),
        either(ResponseTimeout::AnyPositive, ResponseTimeout::OneToSixtyMinutes),
    );
    let sending = (
        either(RetryCount::Remaining, RetryCount::Configured),
        either(BatchDone::Engine, BatchDone::Adapter),
        millis(3000),
        either(EmptyMaximum::One, EmptyMaximum::Refused),
        either(OrderedBackup::Stops, OrderedBackup::Continues),
        either(OutboundCharge::EveryAttempt, OutboundCharge::FirstAttempt),
        either(SendTransactions::Adapter, SendTransactions::Engine),
    );
    let routing = (
        either(RoutingReports::Apart, RoutingReports::WithBatch),
        either(UnroutedResume::Publish, UnroutedResume::Pipeline),
        either(UnroutedSuspension::Adapter, UnroutedSuspension::Engine),
    );
    (statuses, sending, routing).prop_map(|(statuses, sending, routing)| {
        let (promoted_length, null_callback, double_submit, ..) = statuses;
        let (.., suspended_status, failed_status, alias, response_timeout) = statuses;
        let (retry_count, batch_done, batch_wait, ..) = sending;
        let (.., empty_maximum, ordered_backup, charge, send_transactions) = sending;
        let (routing_reports, unrouted_resume, unrouted_suspension) = routing;
        Choices {
            promoted_length,
            null_callback,
            double_submit,
            suspended_status,
            failed_status,
            retry_count,
            alias,
            batch_done,
            batch_wait,
            empty_maximum,
            ordered_backup,
            // A first attempt is told by the retries that are left.
            outbound_charge: match retry_count {
                RetryCount::Configured => OutboundCharge::EveryAttempt,
                RetryCount::Remaining => charge,
            },
            routing_reports,
            response_timeout,
            send_transactions,
            unrouted_resume,
            unrouted_suspension,
        }
    })
}

fn policies() -> impl Strategy<Value = MessageBoxPolicy> {
    let order =
        prop_oneof![Just(DequeueOrder::Publication), any::<u64>().prop_map(DequeueOrder::Shuffled)];
    let loss = either(Unavailability::MasterOnly, Unavailability::All);
    (order, any::<bool>(), loss).prop_map(|(dequeue_order, resume_on_start, unavailability)| {
        let usual = MessageBoxPolicy::default();
        MessageBoxPolicy { dequeue_order, resume_on_start, unavailability, ..usual }
    })
}

fn settings() -> impl Strategy<Value = HostSettings> {
    let marks = prop::option::of((1..6_u32, 1..6_u32))
        .prop_map(|marks| marks.map(|(low, more)| Watermarks { high: low + more, low }));
    let queue = prop::option::of((0..3_u32, 1..6_u32)).prop_map(|queue| {
        queue.map(|(low, more)| OrchestrationQueue { pause_at: low + more, resume_at: low })
    });
    let rest = (any::<bool>(), prop::option::weighted(0.3, dehydrations()));
    (hosts(), marks, queue, rest).prop_map(
        |(host, watermarks, orchestration_queue, (tolerant, dehydration))| HostSettings {
            watermarks,
            orchestration_queue,
            fault_tolerance: tolerant.then_some(Duration::from_secs(60)),
            dehydration,
            ..host
        },
    )
}

/// By time alone: no memory is seen.
fn dehydrations() -> impl Strategy<Value = DehydrationSettings> {
    let constant = prop::option::of(some_time(3000));
    (millis(1000), millis(5000), constant, some_time(1500)).prop_map(
        |(min, more, constant, cycle)| DehydrationSettings {
            min,
            max: min + more,
            constant,
            virtual_bytes: None,
            private: None,
            physical: None,
            memory: None,
            cycle,
        },
    )
}

fn some_time(most: u64) -> impl Strategy<Value = Duration> {
    (1..=most).prop_map(Duration::from_millis)
}

fn clients() -> impl Strategy<Value = Door> {
    (requests(), some_millis(2000), prop::bool::weighted(0.25))
        .prop_map(|(settings, patience, loops)| Door::Asks { settings, patience, loops })
}

fn readers() -> impl Strategy<Value = Door> {
    let on_poison = prop_oneof![
        4 => any::<bool>().prop_map(|resumable| OnPoison::SuspendInTransaction { resumable }),
        // An id forgotten before the next look is poison for ever (R-TXN-13, R-TXN-14).
        4 => (60..300_u64).prop_map(|remember| OnPoison::SuspendOnNextRead {
            remember: Duration::from_secs(remember)
        }),
        1 => Just(OnPoison::Stop),
    ];
    reading(on_poison).prop_map(Door::Reads)
}

fn entrances() -> impl Strategy<Value = Entrance> {
    let door = prop_oneof![
        2 => receives().prop_map(Door::Fetches),
        3 => clients(),
        2 => readers(),
    ];
    let arrivals = prop::collection::vec(prop_oneof![Just(0_u64), 0..4000_u64], 1..12);
    let kind = prop_oneof![
        3 => Just(DefectKind::Invalid),
        1 => Just(DefectKind::Forged),
        1 => Just(DefectKind::Unreadable),
        1 => Just(DefectKind::Unrecognised),
    ];
    let poison = prop::option::of((1..5_u64, 1..3_u32, kind));
    let asks = prop_oneof![
        4 => Just(Authentication::None),
        1 => Just(Authentication::Drop),
        1 => Just(Authentication::Keep),
    ];
    let told = [seldom(), seldom(), seldom()];
    let more = (prop::option::of(any::<bool>()), told, any::<bool>(), asks);
    (door, arrivals, 0..4_u32, poison, more).prop_map(
        |(door, mut arrivals, documents, poison, (splits, told, route_failed, authentication))| {
            arrivals.sort_unstable();
            let documents = if splits.is_some() { documents } else { 1 };
            Entrance {
                door,
                arrivals,
                documents,
                poison,
                splits,
                told,
                route_failed,
                authentication,
            }
        },
    )
}

fn ways() -> impl Strategy<Value = Way> {
    let call = prop_oneof![
        Just(ThrowingCall::TransmitMessage),
        Just(ThrowingCall::BeginBatch),
        Just(ThrowingCall::Done),
    ];
    let which = prop_oneof![
        (1..4_u32).prop_map(Which::First),
        (2..5_u32).prop_map(Which::Every),
        Just(Which::Always),
    ];
    let throws = (call, which).prop_map(|(call, which)| Throws { call, which });
    let throws = prop_oneof![3 => Just(None), 1 => throws.prop_map(Some)];
    let tries = prop_oneof![4 => Just(0_u32), 1 => 1..3_u32];
    let sends =
        (sends(), 0..25_u32, throws, tries).prop_map(|(settings, batch, throws, more_tries)| {
            let resolves = settings.resolves && settings.batched;
            let single = settings.blocking && !settings.batched;
            let has_batches =
                |throws: &Throws| settings.batched || throws.call == ThrowingCall::TransmitMessage;
            Way::Sends {
                settings: SendSettings { batch, resolves, ..settings },
                throws: throws.filter(has_batches),
                more_tries: if single { 0 } else { more_tries },
            }
        });
    prop_oneof![3 => sends, 1 => writes().prop_map(Way::Writes)]
}

fn lines() -> impl Strategy<Value = Line> {
    let wire = (millis(1500), any::<bool>()).prop_map(|(mean, varies)| match varies {
        true => Dist::Exponential { mean },
        false => Dist::Constant(mean),
    });
    let failure = prop_oneof![
        3 => Just(Failure::Never),
        1 => Just(Failure::Always),
        2 => (1..800_u32).prop_map(Failure::PerMille),
        1 => (1..5_u64).prop_map(Failure::Every),
        1 => (1..5_u32).prop_map(Failure::First),
    ];
    let bad = prop::bool::weighted(0.2);
    let reply = prop::option::weighted(0.9, bad);
    let partner = (wire, 0..4_u32, failure, prop::option::of(millis(100)), reply).prop_map(
        |(wire, limit, failure, fail_takes, reply)| {
            let defect = Defect::at(Stage::Disassemble, 1);
            let reply = reply.map(|bad| Reply {
                bytes: 100,
                document_type: "Reply".to_owned(),
                defect: bad.then_some(defect),
            });
            SinkSettings { wire, limit, failure, fail_takes, reply, ..sink() }
        },
    );
    let retry = (0..4_u32, 1..3000_u64).prop_map(|(count, interval)| RetryPolicy {
        count,
        interval: Duration::from_millis(interval),
    });
    let closed = prop::option::weighted(0.15, (0..5000_u64, 1..4000_u64));
    (ways(), partner, retry, closed).prop_map(|(way, partner, retry, closed)| Line {
        way,
        partner,
        retry,
        closed,
    })
}

fn exits() -> impl Strategy<Value = Exit> {
    let wants = prop_oneof![
        8 => (1..8_u8).prop_map(Wants::From),
        2 => Just(Wants::Errors),
        1 => any::<bool>().prop_map(Wants::Acks),
        1 => Just(Wants::Marked),
        1 => (0..4_usize).prop_map(Wants::Replies),
    ];
    let state = prop_oneof![
        8 => Just(PortState::Started),
        1 => Just(PortState::Stopped),
        1 => Just(PortState::Bound)
    ];
    let ordered = prop_oneof![
        3 => Just(None),
        1 => Just(Some(OnFailure::Continue)),
        1 => Just(Some(OnFailure::Stop))
    ];
    let two_way = prop::option::of((seldom(), any::<bool>()));
    let backup = prop::option::weighted(0.3, lines());
    let dynamic = either(OrderScope::Location, OrderScope::TransportType);
    let dynamic = prop::option::weighted(0.15, dynamic);
    let flags = (1..11_u8, any::<bool>(), any::<bool>(), dynamic);
    (wants, lines(), backup, two_way, ordered, state, flags).prop_map(
        |(wants, line, backup, two_way, ordered, state, (priority, notifies, routes, dynamic))| {
            let (route_failed, two_way) = match wants {
                // An error message that fails would make another, for ever.
                Wants::Errors => (false, None),
                // A reply that is answered, or that fails and is told of, would never end.
                Wants::Acks(_) | Wants::Replies(_) => (routes, None),
                Wants::From(_) | Wants::Marked => (routes, two_way),
            };
            // R-RETRY-12: a dynamic port has no backup; nor does it tell of anything.
            let is_static = dynamic.is_none();
            Exit {
                wants,
                line,
                backup: backup.filter(|_| is_static),
                dynamic,
                two_way,
                ordered,
                state,
                priority,
                notifies: notifies && is_static,
                route_failed: route_failed && is_static,
            }
        },
    )
}

fn groups() -> impl Strategy<Value = Group> {
    let state = prop_oneof![
        8 => Just(PortState::Started),
        1 => Just(PortState::Stopped),
        1 => Just(PortState::Bound)
    ];
    (1..16_u8, 1..8_u8, state).prop_map(|(members, wants, state)| Group { members, wants, state })
}

/// Two adapters for dynamic ports, which may be two-way.
fn handlers() -> impl Strategy<Value = Vec<Way>> {
    prop::collection::vec(ways(), 2)
}

fn processes() -> impl Strategy<Value = Process> {
    let to = || prop::option::of(0..4_usize);
    let sends = prop::option::of(to());
    let answer = prop::option::of((some_millis(5000), to()));
    let convoy = prop::option::weighted(0.3, (0..5_u32, some_millis(3000)));
    (0..3_usize, sends, answer, seldom(), convoy).prop_map(
        |(from, sends, answer, suspends, convoy)| Process { from, sends, answer, suspends, convoy },
    )
}

fn prices() -> impl Strategy<Value = Costs> {
    let micros = |most: u64| prop_oneof![Just(0), 0..=most].prop_map(Duration::from_micros);
    (micros(3000), micros(3000), micros(3000), micros(20_000)).prop_map(
        |(receive_batch, send_batch, sql_transaction, lock_transaction)| Costs {
            receive_batch,
            send_batch,
            sql_transaction,
            lock_transaction,
            ..Costs::default()
        },
    )
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let responses = prop_oneof![
        Just(ResponseOrder::AfterComplete),
        Just(ResponseOrder::BeforeComplete),
        Just(ResponseOrder::BeforeReturn),
        Just(ResponseOrder::Drawn),
    ];
    let flags = (any::<bool>(), any::<bool>(), any::<u64>());
    (done_orders(), responses, call_times(), flags).prop_map(
        |(done, responses, calls, (shuffle_ties, sharing, seed))| Schedule {
            done,
            responses,
            calls,
            shuffle_ties,
            sharing,
            seed,
        },
    )
}

fn troubles() -> impl Strategy<Value = Vec<Trouble>> {
    let what = prop_oneof![
        2 => Just(What::Down),
        1 => Just(What::Broken),
        1 => Just(What::Disabled),
        1 => any::<bool>().prop_map(What::Skew),
    ];
    let trouble = (what, 0..4_usize, 0..5000_u64, 1..4000_u64)
        .prop_map(|(what, nth, at, lasts)| Trouble { what, nth, at, lasts });
    prop_oneof![Just(Vec::new()), prop::collection::vec(trouble, 0..4)]
}

/// Towns of every kind.
pub(crate) fn towns() -> impl Strategy<Value = Town> {
    let apart = prop_oneof![4 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let places = (1..4_u32, 1..4_u32, apart);
    let people = (
        prop::collection::vec(entrances(), 1..4),
        prop::collection::vec(exits(), 1..5),
        prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(groups(), 1..3)],
        handlers(),
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(processes(), 1..3)],
    );
    let responses = (1..4000_u64, any::<bool>()).prop_map(|(timeout, allow_multiple)| {
        let timeout = Duration::from_millis(timeout);
        let usual = ResponseSettings::default();
        ResponseSettings { timeout, timeout_isolated: timeout, allow_multiple, ..usual }
    });
    let late = either(LateResponses::Refuse, LateResponses::Suspend);
    let open = (choices(), policies(), responses, late, schedules());
    let outside = (coordinations(6000..12_000), prices(), troubles());
    (settings(), places, people, open, outside).prop_map(|(host, places, people, open, outside)| {
        let (entrances, exits, groups, handlers, processes) = people;
        let (choices, policy, responses, late, schedule) = open;
        let (coordination, costs, troubles) = outside;
        let mut town = Town {
            host,
            places,
            entrances,
            exits,
            groups,
            handlers,
            processes,
            choices,
            policy,
            responses,
            late,
            coordination,
            costs,
            schedule,
            troubles,
        };
        for exit in &mut town.exits {
            let two_way = exit.two_way.is_some();
            forbid(&mut exit.line.way, two_way, &choices);
            exit.backup.iter_mut().for_each(|line| forbid(&mut line.way, two_way, &choices));
        }
        town.handlers.iter_mut().for_each(|way| forbid(way, true, &choices));
        town.entrances.iter_mut().for_each(forbid_rereading);
        let stops = |entrance: &Entrance| {
            matches!(&entrance.door, Door::Reads(own) if own.on_poison == OnPoison::Stop)
        };
        if town.entrances.iter().any(stops) {
            // What closes for a message that stays would be opened again for ever.
            town.host.fault_tolerance = None;
        }
        town
    })
}

/// What a scenario may not say: an adapter that may have started with a batch does not throw in
/// the middle of it (GS-13), and tries of its own need to know which retry is the last.
fn forbid(way: &mut Way, two_way: bool, choices: &Choices) {
    let Way::Sends { settings, throws, more_tries } = way else { return };
    settings.blocking &= !two_way;
    let decides = settings.decides(choices).is_some();
    if decides && throws.is_some_and(|own| own.call == ThrowingCall::TransmitMessage) {
        *throws = None;
    }
    if choices.retry_count == RetryCount::Configured {
        *more_tries = 0;
    }
}

/// What goes on without end: a pipeline that throws aborts its transaction where failed messages
/// are routed (R-FMR-07), so that the reader cannot suspend in it and reads the message again
/// (R-TXN-14, R-TXN-15).
fn forbid_rereading(entrance: &mut Entrance) {
    let Door::Reads(own) = &entrance.door else { return };
    if matches!(own.on_poison, OnPoison::SuspendInTransaction { .. }) {
        entrance.route_failed = false;
    }
}
