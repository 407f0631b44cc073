//! GS-10: a failed message of an ordered port, and those behind it.

use super::*;

/// The wire takes ten seconds and is down from second 5 to `up`; m1…m3 come at once, m4 after
/// five minutes.
fn ordered(on_failure: OnFailure, up: u64) -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    let wire = Dist::Constant(Duration::from_secs(10));
    plant
        .send_port("Out", "In", BATCHED, SinkSettings { wire, ..sink() })
        .retry(1, Duration::from_minutes(1))
        .ordered(on_failure)
        .load(ArrivalKind::Replay(vec![ms(0), ms(0), ms(0), ms(300_000)]), Some(4));
    let endpoint = plant.setup.topology.send_ports[0].primary.endpoint;
    let lasts = Duration::from_secs(up - 5);
    plant.setup.faults.push(Fault::EndpointDown { endpoint, at: ms(5000), lasts });
    plant
}

/// The messages that the wire took, in order.
fn wire_order(story: &Story) -> Vec<(u32, Instant)> {
    let mut sent: Vec<(u32, Instant)> = (1..=9)
        .flat_map(|number| {
            let taken = story.instants(&[&format!("m{number} by Out"), "wire ok"]);
            taken.into_iter().map(move |at| (number, at))
        })
        .collect();
    sent.sort_by_key(|(_, at)| *at);
    sent
}

// GS-10(a), R-ORD-07, R-ORD-08, R-RETRY-13, INV-47.
#[test]
fn gs_10_goes_on_without_the_failed_message() {
    let (mut world, story) = finished(ordered(OnFailure::Continue, 85).telling());
    assert_eq!(
        wire_order(&story),
        [(1, ms(10_000)), (3, ms(100_000)), (4, ms(310_000))],
        "m1, m3, and m4 when it comes"
    );
    story.assert_order(&[
        &["Resubmit(m2, 01:20.000)"],
        &["MoveToNextTransport(m2)"],
        &["[NO_BACKUP_TRANSPORT]"],
        &["MoveToSuspendQ(m2)"],
        &["suspends m2 of Out, non-resumable, Adapter"],
        &["TransmitMessage(m3)"],
    ]);
    assert_eq!(story.count(&["TransmitMessage(m2)"]), 2);
    assert_eq!(world.message_box().reference_counts().suspended, 1);
    assert_snapshot!(story.text());
    // What is not resumable can only be terminated.
    assert_eq!((world.resume(OUT), world.terminate(OUT)), (0, 1));
    let handed = story.count(&["TransmitMessage"]);
    let (world, story) = finished(world);
    assert_eq!(story.count(&["TransmitMessage"]), handed, "nothing became eligible");
    assert_eq!(world.message_box().reference_counts().total(), 0);
}

/// Runs a stopping port until m2 has failed, m3 is behind it and m4 has joined them.
fn stopped() -> World {
    let (world, story) = finished(ordered(OnFailure::Stop, 85).telling());
    assert_eq!(wire_order(&story), [(1, ms(10_000))]);
    assert_eq!(story.count(&["suspends m2 of Out, resumable, Adapter"]), 1);
    story.assert_order(&[&["suspends m2 of Out"], &["refers m4 to Out"]]);
    for behind in ["m3", "m4"] {
        assert_eq!(story.count(&["TransmitMessage", behind]), 0, "{behind}");
    }
    // One suspended reference hides the two that wait behind it.
    assert_eq!(world.message_box().reference_counts().suspended, 1);
    assert_eq!(world.message_box().ordered_backlog(OUT), 3);
    world
}

// GS-10(b), R-ORD-05, R-ORD-08, R-ORD-09, R-ORD-11, INV-46.
#[test]
fn gs_10_stops_and_is_resumed() {
    let mut world = stopped();
    assert_eq!(world.resume(OUT), 1);
    let (world, story) = finished(world);
    let (second, ten) = (300_000, 10_000);
    assert_eq!(
        wire_order(&story),
        [(1, ms(ten)), (2, ms(second + ten)), (3, ms(second + 2 * ten)), (4, ms(second + 3 * ten))]
    );
    assert_eq!(story.count(&["TransmitMessage(m2) RetryCount 1"]), 2, "retries start anew");
    assert_eq!(world.message_box().reference_counts().total(), 0);
    assert_snapshot!(story.text());
}

// GS-10(b), R-ORD-09.
#[test]
fn gs_10_stops_and_is_terminated() {
    let mut world = stopped();
    assert_eq!(world.terminate(OUT), 3, "m2 and all behind it");
    let (world, story) = finished(world);
    assert_eq!(wire_order(&story), [(1, ms(10_000))]);
    assert_eq!(story.count(&["terminates"]), 3);
    assert_eq!(world.message_box().reference_counts().total(), 0);
    assert_eq!((world.message_box().spool_live(), world.backlog()), (0, 0));
    assert_snapshot!(story.text());
}
