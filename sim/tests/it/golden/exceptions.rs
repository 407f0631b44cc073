//! GS-13: an adapter that throws, and the batches that are filled side by side (GS-04).

use super::*;

/// A sender that throws when it is handed m2 for the first time.
#[derive(Clone, Debug)]
struct ThrowsOnce {
    inner: Sender,
    thrown: bool,
}

impl Adapter for ThrowsOnce {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        match &input {
            AdapterInput::TransmitMessage { call, message }
                if message.document.wire == 2 && !self.thrown =>
            {
                self.thrown = true;
                proxy.returned(*call, Returned::Failed);
            }
            _ => self.inner.handle_input(now, input, proxy),
        }
    }
}

// GS-13, R-BSND-04, R-BSND-06, INV-40.
#[test]
fn gs_13_an_exception_costs_every_message_of_the_batch_a_retry() {
    let send = SendSettings { batch: 5, ..BATCHED };
    let mut plant = Plant::new(immediate(), FOLDER);
    plant.send_port("Out", "In", send, sink()).load(ArrivalKind::Replay(vec![ms(1); 3]), Some(3));
    let mut world = plant.telling();
    world.replace_adapter(OUT_ADAPTER, &ThrowsOnce { inner: Sender::new(send), thrown: false });
    let (world, story) = finished(world);
    story.assert_order(&[
        &["TransmitMessage(m1) RetryCount 3"],
        &["TransmitMessage(m2) RetryCount 3"],
        &["OUT1@H -> THROWS"],
        &["TransmitMessage(m3) RetryCount 3"],
        &["E>A  OUT1@H Clear"],
        &["m1 of Out waits until 05:01.000, RetryCount 2"],
        &["m2 of Out waits until 05:01.000, RetryCount 2"],
        &["m3 of Out waits until 05:01.000, RetryCount 2"],
        &["TransmitMessage(m1) RetryCount 2"],
    ]);
    let later = ms(301_000);
    let done = |words: &[&str]| story.instants(words).iter().filter(|at| **at < later).count();
    assert_eq!(done(&["E>A  OUT1@H Done"]), 0, "Done is not called for the cleared batch");
    assert_eq!(story.instants(&["wire ok"]), [later; 3]);
    assert_eq!(world.message_box().reference_counts().total(), 0);
    let verdicts = world.checks().verdicts();
    let thrown =
        verdicts.iter().find(|one| one.rule == floodgate_sim::check::Rule::ThrownIsCleared);
    assert_eq!(thrown.map(|one| (one.occasions, one.broken)), Some((1, 0)));
    assert_snapshot!(story.text());
}

/// `messages` found at one look and dequeued by one: more than one adapter batch of twenty holds,
/// so that two threads fill two batches of the one adapter, call by call in turn.
fn two_batches_at_once(send: SendSettings, messages: usize) -> Plant {
    let host = HostSettings { dequeue_batch: 100, ..immediate() };
    let mut plant = Plant::new(host, ReceiveSettings { batch_messages: 100, ..FOLDER });
    plant
        .send_port("Out", "In", send, sink())
        .load(ArrivalKind::Replay(vec![ms(0); messages]), None);
    plant
}

// R-BSND-04, INV-37.
#[test]
fn gs_13_spares_the_batch_that_is_filled_at_the_same_time() {
    // What is cleared is the batch of that call, not whatever the adapter holds.
    let plant = two_batches_at_once(BATCHED, 39);
    let mut world = plant.telling();
    world.replace_adapter(OUT_ADAPTER, &ThrowsOnce { inner: Sender::new(BATCHED), thrown: false });
    let (world, story) = finished(world);
    assert_eq!(story.count(&["E>A  OUT1@H Clear"]), 1);
    assert_eq!(story.count(&["TransmitMessage", "RetryCount 3"]), 39);
    assert_eq!(story.count(&["TransmitMessage", "RetryCount 2"]), 20, "the cleared batch alone");
    assert_eq!(world.message_box().reference_counts().total(), 0);
    assert_eq!(world.meters().processed, 39);
}

// R-BSND-03.
#[test]
fn gs_04_batches_filled_at_the_same_time_are_done_each_by_itself() {
    let slow = SinkSettings { wire: Dist::Constant(Duration::from_secs(1)), ..sink() };
    let begun = ms(0);
    for (send, messages) in [BATCHED, BLOCKING_BATCHED].into_iter().zip([38, 39]) {
        let mut plant = two_batches_at_once(send, messages);
        let endpoint = plant.setup.topology.send_ports[0].primary.endpoint;
        plant.setup.endpoints[endpoint.index()] = EndpointSettings::Sink(slow.clone());
        let (world, story) = finished(plant.telling());
        assert_eq!(story.count(&["E>A  OUT1@H BeginBatch"]), 2);
        // One after another inside a batch, and both batches at once.
        let last = story.instants(&["wire ok"]).into_iter().max();
        assert_eq!(last, Some(begun + Duration::from_secs(20)));
        assert_eq!(story.count(&["E>A  OUT1@H Done"]), 2);
        assert_eq!(world.meters().processed, messages as u64);
        assert_eq!(world.message_box().reference_counts().total(), 0);
    }
}
