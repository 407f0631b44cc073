//! A host instance on the bench: its threads, its batches, its transactions.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test asks for the effect it is about")]

use floodgate_engine::adapter::{AdapterInput, Returned};
use floodgate_engine::batch::{Operation, OperationKind, Status};
use floodgate_engine::config::{HostSettings, OutboundCharge};
use floodgate_engine::exchange::RequestPort;
use floodgate_engine::host::{DoneRace, HostInput, HostOutput};
use floodgate_engine::id::{AdapterId, HostId, ReceiveLocationId, ReceivePortId, TransactionId};
use floodgate_engine::map::Map;
use floodgate_engine::message::{Body, PropertyId, Value};
use floodgate_engine::message_box::{Action, Effect};
use floodgate_engine::pipeline::{Act, Component, Custom, ReceivePipeline, SendPipeline, When};
use floodgate_engine::time::Duration;
use floodgate_engine::transport_proxy::TransportProxy;

use crate::bench::{
    ASYNC, BATCHED, Bench, FIRST, MASTER, RECEIVER, add_host, add_receive_port, add_send_port,
    batch_of, document, immediate, one_thread, publishing, topology, wire, wire_of,
};

fn submits(numbers: impl IntoIterator<Item = u64>) -> Vec<Operation> {
    numbers.into_iter().map(|number| Operation::Submit(wire(number))).collect()
}

/// One receive port, one send port `Out` that takes what it publishes.
fn one_way(settings: HostSettings) -> Bench {
    let mut topology = topology(settings);
    add_send_port(&mut topology, "Out", "In", ASYNC);
    Bench::new(topology)
}

#[test]
fn done_returns_at_once_and_the_batch_waits_for_an_engine_thread() {
    // R-DONE-01, R-BC-06, R-CLK-02: one thread. The call begins with the posting and ends with its
    // return, whatever the thread does; BatchComplete is the thread's, and comes when it has one.
    let mut bench = one_way(one_thread());
    bench.hold_work = true;
    bench.post(batch_of(1, submits([1])));
    assert_eq!((bench.done_returned(), bench.completed()), (vec![1], vec![]));
    assert_eq!((bench.host.gauges().threads_busy, bench.works.len()), (1, 1));
    bench.post(batch_of(2, submits([2])));
    assert_eq!((bench.done_returned(), bench.completed()), (vec![1, 2], vec![]));
    assert_eq!((bench.host.gauges().pending_batches, bench.works.len()), (1, 1), "no thread");
    bench.finish_work(0);
    assert_eq!(bench.completed(), [(1, Status::OK)]);
    assert_eq!((bench.host.gauges().threads_busy, bench.host.gauges().pending_batches), (1, 0));
    bench.finish_work(1);
    assert_eq!(bench.completed(), [(1, Status::OK), (2, Status::OK)]);
}

/// The documents in publication order, with the numbers that order them.
fn published(bench: &Bench) -> Vec<(u64, String)> {
    let referenced = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Referenced { at, .. } => Some((at.sequence, at.document.to_string())),
        _ => None,
    });
    referenced.collect()
}

#[test]
fn batches_run_side_by_side_and_the_messages_of_one_in_the_order_of_adding() {
    // R-DONE-07, R-BC-11, R-CLK-06: the batch that was posted last commits first, so it is
    // published first and complete first; inside a batch the order is that of the add calls, and
    // inside a message that of its documents.
    let mut topology = topology(immediate());
    topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    add_send_port(&mut topology, "Out", "In", ASYNC);
    let mut bench = Bench::new(topology);
    bench.hold_work = true;
    let two = Operation::Submit(wire_of(9, Body::Described { bytes: 10, documents: 2 }));
    bench.post(batch_of(1, submits([3]).into_iter().chain([two]).chain(submits([1]))));
    bench.post(batch_of(2, submits([4])));
    assert_eq!(bench.host.gauges().threads_busy, 2, "side by side");
    bench.finish_work(1);
    bench.finish_work(0);
    assert_eq!(bench.completed(), [(2, Status::OK), (1, Status::OK)]);
    let order = ["m4", "m3", "m9.1", "m9.2", "m1"].map(str::to_owned);
    assert_eq!(published(&bench), (1..).zip(order).collect::<Vec<_>>());
}

#[test]
fn a_batch_without_a_transaction_has_one_of_the_engine_s() {
    // R-ATOM-04: one transaction for all of it, and it is not the adapter's; what is in an
    // adapter's own is asked for in that one.
    let mut bench = one_way(immediate());
    bench.post(batch_of(1, submits([1, 2, 3])));
    let asked = &bench.asked[0];
    assert_eq!((bench.asked.len(), asked.transaction, asked.batch.actions.len()), (1, None, 3));
    // All of it or nothing: m5 names a location that is not there.
    let mut astray = wire(5);
    astray.context.write(PropertyId::INBOUND_TRANSPORT_LOCATION, Some(Value::text("Elsewhere")));
    let before = bench.message_box.state_hash();
    bench.post(batch_of(2, submits([4]).into_iter().chain([Operation::Submit(astray)])));
    assert_eq!(bench.completed()[1], (2, Status::FAIL));
    assert_eq!(bench.message_box.state_hash(), before);
    let transaction = Some(TransactionId(7));
    bench.tell(HostInput::Posted {
        adapter: RECEIVER,
        batch: batch_of(3, submits([6])),
        race: DoneRace::default(),
        transaction,
    });
    assert_eq!(bench.asked[2].transaction, transaction);
}

#[test]
fn a_shutdown_is_told_by_done_or_by_batch_complete() {
    // R-DONE-06: by Done, once the adapter is in Terminate; by BatchComplete for what was posted
    // while the news was on its way.
    let mut bench = one_way(immediate());
    bench.tell(HostInput::Start);
    let mut proxy = TransportProxy::default();
    let late = batch_of(1, submits([1]));
    bench.tell(HostInput::Stop);
    bench.post(late);
    assert_eq!(bench.done_returned(), [1]);
    assert_eq!(bench.completed(), [(1, Status::SHUTTING_DOWN)]);
    assert_eq!((bench.asked.len(), published(&bench)), (0, vec![]));
    let later = proxy.get_batch(2).map(|mut batch| {
        assert_eq!(batch.submit(wire(2)), Status::OK);
        batch
    });
    proxy.terminate(false);
    assert_eq!(proxy.done(later.expect("before Terminate")), Status::SHUTTING_DOWN);
}

/// The calls of an adapter batch by their names.
fn names(bench: &Bench) -> Vec<&'static str> {
    let name = |input: &AdapterInput| match input {
        AdapterInput::BeginBatch { .. } => Some("BeginBatch"),
        AdapterInput::TransmitMessage { .. } => Some("TransmitMessage"),
        AdapterInput::Done { .. } => Some("Done"),
        AdapterInput::Clear { .. } => Some("Clear"),
        _ => None,
    };
    bench.calls.iter().filter_map(|(_, input)| name(input)).collect()
}

/// Answers every call of adapter batches: `BeginBatch` by `max`, messages by `false`, `Done` by
/// `done`; returns how many messages each batch had.
fn serve(bench: &mut Bench, max: u32, done: Returned) -> Vec<u32> {
    let (mut at, mut sizes) = (0, Vec::new());
    while at < bench.calls.len() {
        let (call, returned) = match &bench.calls[at].1 {
            AdapterInput::BeginBatch { call, .. } => {
                sizes.push(0);
                (*call, Returned::Begun { max, transaction: None })
            }
            AdapterInput::TransmitMessage { call, .. } => {
                *sizes.last_mut().expect("a batch was begun") += 1;
                (*call, Returned::Pending)
            }
            AdapterInput::Done { call, .. } => (*call, done),
            AdapterInput::Clear { call } => (*call, Returned::Cleared),
            _ => {
                at += 1;
                continue;
            }
        };
        at += 1;
        bench.returned(call, returned);
    }
    sizes
}

fn batched() -> Bench {
    let mut topology = topology(HostSettings { internal_queue: 1000, ..one_thread() });
    add_send_port(&mut topology, "Out", "In", BATCHED);
    Bench::new(topology)
}

#[test]
fn an_adapter_batch_is_as_large_as_the_smallest_of_three() {
    // R-CLK-10: what the adapter announces, what waits, and the host's ten; nothing counts as one.
    for (max, expected) in [(3, [3, 3, 3, 3]), (100, [10, 2, 0, 0]), (0, [1, 1, 1, 1])] {
        let mut bench = batched();
        bench.publish(1..=12);
        let mut sizes = serve(&mut bench, max, Returned::Done);
        assert_eq!(sizes.iter().sum::<u32>(), 12, "{max}");
        sizes.resize(4, 0);
        assert_eq!(sizes, expected, "{max}");
    }
}

#[test]
fn the_engine_says_done_when_it_has_handed_over_the_last_message() {
    // the adapter returns from calls and calls nothing.
    let mut bench = batched();
    bench.publish(1..=2);
    let sizes = serve(&mut bench, 10, Returned::Done);
    assert_eq!(sizes, [2]);
    assert_eq!(names(&bench), ["BeginBatch", "TransmitMessage", "TransmitMessage", "Done"]);
}

#[test]
fn a_done_that_fails_costs_every_message_of_the_batch_an_attempt() {
    // R-BSND-05: the default action for each, in one transaction.
    let mut bench = batched();
    bench.publish(1..=3);
    serve(&mut bench, 10, Returned::Failed);
    let actions = &bench.asked[0].batch.actions;
    assert_eq!((bench.asked.len(), actions.len()), (1, 3));
    for (kind, action) in actions {
        assert!(matches!(action, Action::DefaultFailure(_)), "{action:?}");
        assert_eq!(*kind, OperationKind::Resubmit);
    }
    let resubmitted = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Resubmitted { due, retries_left, .. } => Some((*due, *retries_left)),
        _ => None,
    });
    let due = bench.now + Duration::from_minutes(5);
    assert_eq!(resubmitted.collect::<Vec<_>>(), [(due, 2); 3]);
}

#[test]
fn a_blocking_transmission_holds_its_thread_and_starves_the_others() {
    // R-SND-09, R-ADD-08, R-CLK-02: with one thread the other adapter waits for the return of the
    // call, with two it does not.
    for (threads, others) in [(1, 0), (2, 1)] {
        let mut topology = topology(HostSettings { threads, ..immediate() });
        add_send_port(&mut topology, "Slow", "In", ASYNC);
        add_send_port(&mut topology, "Quick", "In", ASYNC);
        let mut bench = Bench::new(topology);
        bench.publish([1]);
        let given: Vec<_> =
            bench.transmitted().iter().map(|(call, message)| (*call, message.adapter)).collect();
        assert_eq!(given.len(), 1 + others, "{threads}");
        assert_eq!(bench.host.gauges().threads_busy, threads);
        bench.returned(given[0].0, Returned::Sent);
        let adapters: Vec<_> =
            bench.transmitted().iter().map(|(_, message)| message.adapter.0).collect();
        assert_eq!(adapters, [1, 2], "{threads}");
        assert_eq!(bench.host.gauges().threads_busy, 1);
    }
}

#[test]
fn after_true_the_adapter_has_no_hold_on_the_message() {
    // R-SND-07: the engine deletes it once; what the adapter still wants of it fails.
    let mut bench = one_way(immediate());
    bench.publish([1]);
    let (call, reference) = {
        let transmitted = bench.transmitted();
        (transmitted[0].0, transmitted[0].1.reference)
    };
    bench.returned(call, Returned::Sent);
    let late = [
        Operation::Delete(reference),
        Operation::Resubmit { reference, at: bench.now },
        Operation::MoveToNextTransport(reference),
    ];
    for (cookie, operation) in (1..).zip(late) {
        bench.post(batch_of(cookie, [operation]));
    }
    assert_eq!(bench.completed(), [1, 2, 3].map(|cookie| (cookie, Status::FAIL)));
    let deleted = |effect: &&Effect| matches!(effect, Effect::Deleted { .. });
    assert_eq!(bench.effects.iter().filter(deleted).count(), 1);
    assert_eq!((bench.transmitted().len(), bench.message_box.spool_live()), (1, 0));
}

#[test]
fn a_look_takes_a_batch_into_a_queue_of_a_hundred() {
    // R-DEQ-04: one thread, held in a transmission; a hundred wait behind it, and no more are
    // taken until one of them is handed over.
    assert_eq!(HostSettings::default().internal_queue, 100);
    let mut bench = one_way(HostSettings { dequeue_batch: 40, ..one_thread() });
    bench.publish(1..=250);
    assert_eq!(bench.host.gauges().internal_queue, 100);
    assert_eq!(bench.transmitted().len(), 1);
    // Batches, the last as large as there is room for; what the thread took makes room for one.
    assert_eq!(
        (bench.message_box.reference_counts().locked, &bench.looks[..]),
        (101, &[40, 40, 21][..])
    );
    let call = bench.transmitted()[0].0;
    bench.returned(call, Returned::Pending);
    assert_eq!((bench.host.gauges().internal_queue, bench.looks.len()), (100, 4));
    assert_eq!((bench.message_box.reference_counts().locked, bench.looks[3]), (102, 1));
}

#[test]
fn a_thousand_messages_are_in_process_for_each_cpu() {
    // R-DEQ-08: the adapter took all that it was given and answers none; when it does, there is
    // room for one more.
    assert_eq!(HostSettings::default().in_process, 1000);
    let mut bench = one_way(HostSettings { internal_queue: 5000, ..immediate() });
    bench.publish(1..=1100);
    let mut answered = 0;
    while answered < bench.transmitted().len() {
        let call = bench.transmitted()[answered].0;
        bench.returned(call, Returned::Pending);
        answered += 1;
    }
    assert_eq!((bench.host.gauges().in_process, bench.transmitted().len()), (1000, 1000));
    let done = bench.transmitted()[17].1.reference;
    bench.post(batch_of(1, [Operation::Delete(done)]));
    assert_eq!((bench.host.gauges().in_process, bench.transmitted().len()), (1000, 1001));
}

#[test]
fn map_and_pipeline_are_charged_for_every_attempt() {
    // R-CLK-17.
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    topology.send_ports[0].maps = vec![Map::any()];
    topology.send_ports[0].pipeline = SendPipeline::xml();
    let mut bench = Bench::new(topology);
    bench.publish([1]);
    for attempt in 1..=4 {
        assert_eq!((bench.works.len(), bench.transmitted().len()), (attempt, attempt));
        let demand = bench.works[attempt - 1].1;
        assert_eq!((demand.map_messages, demand.xml_messages, demand.send_messages), (1, 1, 1));
        assert_eq!((demand.map_bytes, demand.xml_bytes, demand.send_bytes), (10, 10, 10));
        let call = bench.transmitted()[attempt - 1].0;
        bench.returned(call, Returned::Failed);
        bench.now += Duration::from_minutes(5);
        bench.message_box.wake(bench.now);
        bench.publish([]);
    }
    assert_eq!(bench.message_box.suspended().references, 1);
}

#[test]
fn map_and_pipeline_may_be_charged_for_the_first_attempt_alone() {
    // R-CLK-17: by default for each; the delivery itself is charged in any case, and the backup's
    // attempts are repetitions too.
    for (outbound_charge, again) in
        [(OutboundCharge::EveryAttempt, 1), (OutboundCharge::FirstAttempt, 0)]
    {
        let mut topology = topology(immediate());
        add_send_port(&mut topology, "Out", "In", ASYNC);
        topology.send_ports[0].maps = vec![Map::any()];
        topology.send_ports[0].pipeline = SendPipeline::xml();
        topology.send_ports[0].primary.retry.count = 1;
        topology.send_ports[0].backup = Some(topology.send_ports[0].primary);
        topology.choices.outbound_charge = outbound_charge;
        let mut bench = Bench::new(topology);
        bench.publish([1]);
        for (attempt, charged) in [1, again, again, again].into_iter().enumerate() {
            let demand = bench.works[attempt].1;
            let found = (demand.map_messages, demand.xml_messages, demand.send_messages);
            assert_eq!(found, (charged, charged, 1), "{attempt}");
            let bytes = u64::from(charged) * 10;
            assert_eq!((demand.map_bytes, demand.xml_bytes, demand.send_bytes), (bytes, bytes, 10));
            let call = bench.transmitted()[attempt].0;
            bench.returned(call, Returned::Failed);
            bench.now += Duration::from_minutes(5);
            bench.message_box.wake(bench.now);
            bench.publish([]);
        }
        assert_eq!(bench.message_box.suspended().references, 1);
    }
}

#[test]
fn a_message_past_a_megabyte_is_buffered_while_it_is_mapped() {
    // R-LMS-03: on the way in and on the way out, and only if there is a map.
    let megabyte = 1 << 20;
    for (bytes, buffered, mapped) in
        [(megabyte, 0, true), (megabyte + 1, megabyte + 1, true), (megabyte + 1, 0, false)]
    {
        let mut topology = topology(immediate());
        add_send_port(&mut topology, "Out", "In", ASYNC);
        if mapped {
            topology.receive_ports[0].maps = vec![Map::any()];
            topology.send_ports[0].maps = vec![Map::any()];
        }
        let mut bench = Bench::new(topology);
        let body = Body::Described { bytes, documents: 1 };
        bench.post(batch_of(1, [Operation::Submit(wire_of(1, body))]));
        let found: Vec<u64> =
            bench.works.iter().map(|(_, demand)| demand.map_buffered_bytes).collect();
        assert_eq!(found, [u64::from(buffered); 2], "{bytes} {mapped}");
    }
}

#[test]
fn a_receive_port_has_locations_and_maps_and_each_location_its_own_way_in() {
    // R-LIFE-01: three locations of one port. Each has its URI, adapter, pipeline and host; what
    // comes in by any of them is of the port and meets the port's maps.
    let mut topology = topology(immediate());
    add_send_port(&mut topology, "Out", "In", ASYNC);
    let other = add_host(&mut topology, immediate());
    let second = AdapterId::from(topology.adapters.len());
    topology.adapters.push(topology.adapters[0].clone());
    for (name, host, adapter, pipeline) in [
        ("Split", HostId(0), second, ReceivePipeline::xml()),
        ("Elsewhere", other, second, ReceivePipeline::pass_through()),
    ] {
        let mut location = topology.receive_locations[0].clone();
        (location.name, location.host) = (name.to_owned(), host);
        (location.adapter, location.pipeline) = (adapter, pipeline);
        topology.receive_locations.push(location);
    }
    let map = Map { size_per_mille: 2000, ..Map::any() };
    topology.receive_ports[0].maps = vec![map];
    let mut bench = Bench::new(topology);
    bench.tell(HostInput::Start);
    let opened: Vec<_> = bench
        .calls
        .iter()
        .filter_map(|(adapter, input)| match input {
            AdapterInput::AddReceiveEndpoint { location, .. } => Some((*adapter, *location)),
            _ => None,
        })
        .collect();
    let due = [(RECEIVER, ReceiveLocationId(0)), (second, ReceiveLocationId(1))];
    assert_eq!(opened, due, "the third is another host's");
    let body = Body::Described { bytes: 100, documents: 2 };
    for (number, uri) in [(1, "In"), (2, "Split"), (3, "Elsewhere"), (4, "Nowhere")] {
        let mut message = wire_of(number, body.clone());
        let location = PropertyId::INBOUND_TRANSPORT_LOCATION;
        message.context.write(location, Some(Value::text(uri)));
        bench.post(batch_of(number, [Operation::Submit(message)]));
    }
    assert_eq!(
        bench.completed().iter().map(|(_, own)| own.is_success()).collect::<Vec<_>>(),
        [true, true, true, false]
    );
    let sent = bench.transmitted();
    let sent = sent.iter().map(|(_, message)| (message.document.to_string(), message.bytes));
    let due = [("m1", 200), ("m2.1", 100), ("m2.2", 100), ("m3", 200)];
    assert_eq!(sent.collect::<Vec<_>>(), due.map(|(name, bytes)| (name.to_owned(), bytes)));
}

#[test]
fn an_adapter_batch_that_the_pipeline_emptied_is_not_done() {
    // R-BSND-09: it is cleared.
    let consume = Custom { name: "own".into(), when: When::Always, acts: vec![Act::Consume] };
    let mut topology = topology(one_thread());
    add_send_port(&mut topology, "Out", "In", BATCHED);
    topology.send_ports[0].pipeline.pre_assemble = vec![Component::Custom(consume)];
    let mut bench = Bench::new(topology);
    bench.publish(1..=2);
    serve(&mut bench, 10, Returned::Done);
    assert_eq!(names(&bench), ["BeginBatch", "Clear"]);
    assert_eq!(bench.message_box.spool_live(), 0);
}

#[test]
fn an_adapter_learns_from_the_endpoint_whether_responses_are_wanted() {
    // R-LIFE-04: `TwoWayReceivePort` is told with each location, and follows from its port.
    let mut topology = topology(immediate());
    add_receive_port(&mut topology, "Desk", ReceivePipeline::pass_through());
    topology.exchanges.request_ports.push(RequestPort {
        port: ReceivePortId(1),
        pipeline: SendPipeline::pass_through(),
        maps: Vec::new(),
        fault_bytes: None,
    });
    let mut bench = Bench::new(topology);
    bench.tell(HostInput::Start);
    let told = bench.calls.iter().filter_map(|(adapter, input)| match input {
        AdapterInput::AddReceiveEndpoint { location, two_way, .. } => {
            Some((*adapter, *location, *two_way))
        }
        _ => None,
    });
    let due = [(RECEIVER, ReceiveLocationId(0), false), (RECEIVER, ReceiveLocationId(1), true)];
    assert_eq!(told.collect::<Vec<_>>(), due);
}

#[test]
fn what_is_for_an_adapter_that_cannot_transmit_fails() {
    // R-SND-02, R-RETRY-02: it is made once, nothing is handed to it, and every message goes the
    // way of failed attempts.
    for send in [ASYNC, BATCHED] {
        let mut topology = topology(immediate());
        add_send_port(&mut topology, "Out", "In", send);
        topology.mute.push(AdapterId(1));
        let mut bench = Bench::new(topology);
        bench.publish([1, 2]);
        let made = |(adapter, input): &(AdapterId, AdapterInput)| {
            let making = matches!(input, AdapterInput::Load | AdapterInput::Initialize);
            (*adapter, making)
        };
        let calls: Vec<(AdapterId, bool)> = bench.calls.iter().map(made).collect();
        assert_eq!(calls, [(AdapterId(1), true); 2], "{send:?}");
        let failed = bench.effects.iter().filter(|one| matches!(one, Effect::Resubmitted { .. }));
        assert_eq!(failed.count(), 2);
        let gauges = bench.host.gauges();
        assert_eq!((gauges.in_process, gauges.internal_queue, gauges.threads_busy), (0, 0, 0));
    }
}

#[test]
fn the_short_way_between_two_messages_makes_the_call_of_the_long_one() {
    // R-BSND-01, R-BSND-04: whatever the adapter returns, the next message follows, and the last
    // one's return is for the long way.
    for returned in [Returned::Pending, Returned::Sent, Returned::Failed] {
        let mut bench = batched();
        bench.publish(1..=3);
        let (mut at, mut short_ways) = (0, 0);
        while at < bench.calls.len() {
            let (call, answer) = match &bench.calls[at].1 {
                AdapterInput::BeginBatch { call, .. } => {
                    (*call, Returned::Begun { max: 10, transaction: None })
                }
                AdapterInput::TransmitMessage { call, .. } => (*call, returned),
                AdapterInput::Done { call, .. } => (*call, Returned::Done),
                AdapterInput::Clear { call } => (*call, Returned::Cleared),
                _ => {
                    at += 1;
                    continue;
                }
            };
            at += 1;
            let (mut short, mut long) = (bench.host.clone(), bench.host.clone());
            if let Some((adapter, input)) = short.next_in_batch(call, answer) {
                short_ways += 1;
                long.handle_input(bench.now, HostInput::Returned { call, returned: answer });
                let said = long.poll_output().expect("the next call");
                let next = HostOutput::Call { adapter, input };
                assert_eq!(format!("{said:?}"), format!("{next:?}"));
                assert!(long.poll_output().is_none() && short.poll_output().is_none());
                assert_eq!(short.poll_timeout(), long.poll_timeout());
                // From here on they are the same.
                bench.calls.push(match next {
                    HostOutput::Call { adapter, input } => (adapter, input),
                    _ => unreachable!("it was made above"),
                });
                bench.host = short;
            } else {
                bench.returned(call, answer);
            }
        }
        assert_eq!(short_ways, 2, "{returned:?}");
        let end = if returned == Returned::Failed { "Clear" } else { "Done" };
        let transmits = ["TransmitMessage"; 3];
        assert_eq!(names(&bench)[..5], [&["BeginBatch"][..], &transmits, &[end]].concat());
    }
}

#[test]
fn a_message_that_is_dequeued_has_nothing_of_the_one_before_it() {
    // INV-18: memory is used again, content is not.
    let dequeued = |reuse: bool| {
        let mut bench = batched();
        let mut proxy = TransportProxy::default();
        let mut told = Vec::new();
        for number in 1..=3 {
            let published = bench.commit(publishing(vec![document(number, "In")]));
            assert_eq!(published.overall, Status::OK);
            let mut messages = Vec::new();
            bench.message_box.dequeue(bench.now, MASTER, FIRST, 10, &mut messages);
            told.extend(messages.iter().map(|message| format!("{message:?}")));
            if reuse {
                messages.into_iter().for_each(|message| proxy.through_with(message));
                bench.message_box.reuse(&mut proxy);
            }
        }
        told
    };
    let (fresh, reused) = (dequeued(false), dequeued(true));
    assert_eq!((fresh.len(), &fresh), (3, &reused));
}

#[test]
fn a_host_instance_counts_what_it_took_and_how_often_it_looked_for_nothing() {
    // R-DEQ-03, R-CLK-07: every message once; a look at a tenth of the interval, doubling up to it.
    let mut bench = one_way(HostSettings { poll: Duration::from_secs(1), ..immediate() });
    bench.publish(1..=3);
    let due = bench.host.poll_timeout().expect("it will look");
    let before = bench.host.empty_looks(MASTER, due);
    bench.now = due;
    bench.tell(HostInput::Wake);
    let totals = bench.host.totals();
    assert_eq!((totals.taken, bench.transmitted().len()), (3, 3));
    while let Some(at) = bench.host.poll_timeout() {
        bench.now = at;
        bench.tell(HostInput::Wake);
    }
    let looks = |after| bench.host.empty_looks(MASTER, bench.now + Duration::from_secs(after));
    assert_eq!((looks(10) - looks(5), looks(0) >= before), (5, true));
    assert!(looks(3) > 3);
}

#[test]
fn what_was_taken_with_false_is_the_adapter_s_for_as_long_as_it_likes() {
    // R-RETRY-07: neither disposed of nor offered again; one that failed at once is.
    for (returned, due) in [(Returned::Pending, 1), (Returned::Failed, 2)] {
        let mut topology = topology(immediate());
        add_send_port(&mut topology, "Out", "In", ASYNC);
        let mut bench = Bench::new(topology);
        bench.publish([1]);
        let call = bench.transmitted()[0].0;
        bench.returned(call, returned);
        for _ in 0..100 {
            bench.now += Duration::from_minutes(24 * 60);
            bench.tell(HostInput::WorkAvailable { home: MASTER });
            bench.tell(HostInput::Wake);
        }
        assert_eq!(bench.transmitted().len(), due);
        let counts = bench.message_box.reference_counts();
        assert_eq!((counts.locked, counts.total()), (1, 1));
    }
}
