//! GS-02(e): the adapter's own suspension is refused as well.

use floodgate_engine::batch::Suspendable;
use floodgate_engine::id::{ReferenceId, Slab};

use super::*;

/// A receiver that suspends by the reference of a message it was never handed.
#[derive(Clone, Debug)]
struct Mistaken {
    inner: Receiver,
    own: TransportProxy,
}

impl Mistaken {
    /// The same operation, about nothing that the engine knows.
    fn mistake(operation: &Operation) -> Operation {
        match operation {
            Operation::MoveToSuspendQueue(_) => {
                let nothing = ReferenceId(Slab::default().insert(()));
                Operation::MoveToSuspendQueue(Suspendable::Reference(nothing))
            }
            other => other.clone(),
        }
    }
}

impl Adapter for Mistaken {
    fn handle_input(&mut self, now: Instant, input: AdapterInput, proxy: &mut TransportProxy) {
        self.inner.handle_input(now, input, &mut self.own);
        while let Some(output) = self.own.poll_output() {
            match output {
                AdapterOutput::Done { batch, .. } => {
                    let mut again = proxy.get_batch(batch.cookie()).expect("nothing stops");
                    for operation in batch.operations() {
                        again.add(Self::mistake(operation));
                    }
                    assert!(proxy.done(again).is_success());
                }
                AdapterOutput::ErrorInfo { of, text } => proxy.set_error_info(of, &text),
                AdapterOutput::Wake { at, token } => proxy.wake(at, token),
                AdapterOutput::Watch { location } => proxy.watch(location),
                AdapterOutput::Wire { token, request } => proxy.wire(token, request),
                other => panic!("a one-way receiver does not {other:?}"),
            }
        }
    }
}

// GS-02(e), R-FILT-03, R-FILT-04, R-ATOM-02, INV-02.
#[test]
fn gs_02_e_the_suspension_fails_too() {
    let mut plant = second_of_three_fails();
    let told_not_to = Some(Value::Int(0));
    let context = &mut plant.setup.topology.receive_locations[0].context;
    context.write(PropertyId::ACTION_ON_FAILURE, told_not_to);
    let mut world = plant.telling();
    let own = TransportProxy::default();
    world.replace_adapter(IN_ADAPTER, &Mistaken { inner: Receiver::new(FOLDER), own });
    finish(&mut world);
    assert_eq!(world.checks().violations(), [], "a promise was broken");
    let story = Story::of(&world);
    story.assert_order(&[
        &["BatchComplete(E_FAIL, 1, [{Submit,E_FAIL,3,[S_OK,E_FAIL,S_OK]}])"],
        &["Submit(m1), MoveToSuspendQ(", "), Submit(m3) ; Done"],
        &["BatchComplete(E_FAIL, 2, ", "{MoveToSuspendQueue,E_FAIL,1,[E_FAIL]}"],
        &["Submit(m1), Submit(m3) ; Done"],
        &["publishes m1"],
        &["publishes m3"],
        &["removes the source of m1, m3"],
    ]);
    // m2 is at its source still: neither lost nor removed.
    assert_eq!(story.count(&["publishes"]), 2, "the innocents are published once");
    assert_eq!(story.count(&["removes the source"]), 1);
    assert_eq!(world.message_box().suspended().len(), 0);
    assert_snapshot!(story.text());
}
