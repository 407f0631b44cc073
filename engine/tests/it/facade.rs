//! The async facade: ordinary async code under an executor without threads or clock.

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AdapterOutput, AsyncAdapter, CallId, Returned, Transport,
};
use floodgate_engine::batch::{BatchStatus, Operation, OperationKind, Status};
use floodgate_engine::id::Slab;
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;

fn call() -> CallId {
    CallId(Slab::default().insert(()))
}

/// What the adapter wants after an input.
fn told(adapter: &mut AsyncAdapter, at: u64, input: AdapterInput) -> Vec<AdapterOutput> {
    let mut proxy = TransportProxy::default();
    adapter.handle_input(Instant::from_nanos(at), input, &mut proxy);
    std::iter::from_fn(|| proxy.poll_output()).collect()
}

/// Posts one batch and returns from a call when it is complete.
async fn one_batch(transport: Transport) {
    let mut batch = transport.batch().expect("the engine runs");
    batch.add(Operation::CancelResponse { token: 1 });
    let status = batch.done().await.expect("Done succeeds");
    assert_eq!(status.overall, Status::OK);
    transport.returned(call(), Returned::Done);
}

#[test]
fn a_batch_is_done_when_both_ends_have_come_in_any_order() {
    // R-BC-07, R-ADPT-03.
    let cookie = 1;
    let complete = || {
        let operations = [(OperationKind::CancelResponse, Status::OK)];
        AdapterInput::BatchComplete(BatchStatus::assemble(cookie, operations))
    };
    let returned = || AdapterInput::DoneReturned { cookie, status: Status::OK };
    for ends in [[complete(), returned()], [returned(), complete()]] {
        let mut adapter = AsyncAdapter::new(one_batch);
        let wants = told(&mut adapter, 0, AdapterInput::Initialize);
        assert!(matches!(wants[..], [AdapterOutput::Done { .. }]), "{wants:?}");
        let [first, second] = ends;
        assert!(told(&mut adapter, 1, first).is_empty(), "one end is not both");
        let wants = told(&mut adapter, 2, second);
        assert!(matches!(wants[..], [AdapterOutput::Returned { .. }]), "{wants:?}");
    }
}

#[test]
fn a_failed_done_brings_no_completion() {
    // R-DONE-04, R-BATCH-02.
    let mut adapter = AsyncAdapter::new(|transport| async move {
        let batch = transport.batch().expect("the engine runs");
        assert_eq!(batch.done().await.unwrap_err(), Status::INVALID_ARGUMENT);
        transport.returned(call(), Returned::Failed);
    });
    let wants = told(&mut adapter, 0, AdapterInput::Initialize);
    assert!(matches!(wants[..], [AdapterOutput::Returned { .. }]), "{wants:?}");
}

#[test]
fn sleepers_wake_by_virtual_time_and_tasks_run_in_the_order_of_their_readiness() {
    let mut adapter = AsyncAdapter::new(|transport: Transport| async move {
        for millis in [20, 10] {
            let sleeper = transport.clone();
            transport.spawn(async move {
                sleeper.sleep(Duration::from_millis(millis)).await;
                let cookie = sleeper.now().as_nanos();
                assert_eq!(cookie, millis * 1_000_000 + 5);
                sleeper.returned(call(), Returned::Sent);
            });
        }
    });
    let wants = told(&mut adapter, 5, AdapterInput::Initialize);
    let [AdapterOutput::Wake { at: late, token: second }, AdapterOutput::Wake { at, token }] =
        wants[..]
    else {
        panic!("two sleepers: {wants:?}")
    };
    assert_eq!((at.as_nanos(), late.as_nanos()), (10_000_005, 20_000_005));
    assert_eq!(told(&mut adapter, at.as_nanos(), AdapterInput::Wake { token }).len(), 1);
    let wants = told(&mut adapter, late.as_nanos(), AdapterInput::Wake { token: second });
    assert_eq!(wants.len(), 1);
}

#[test]
fn terminate_returns_when_the_last_task_has_ended() {
    // R-SHUT-01, R-ADPT-15.
    let mut adapter = AsyncAdapter::new(|transport: Transport| async move {
        let sleeper = transport.clone();
        transport.spawn(async move { sleeper.sleep(Duration::from_millis(1)).await });
        loop {
            if let AdapterInput::Terminate { call } = transport.next_input().await {
                transport.terminate(call);
            }
        }
    });
    let wants = told(&mut adapter, 0, AdapterInput::Initialize);
    let [AdapterOutput::Wake { token, .. }] = wants[..] else { panic!("{wants:?}") };
    assert!(told(&mut adapter, 1, AdapterInput::Terminate { call: call() }).is_empty());
    let wants = told(&mut adapter, 2, AdapterInput::Wake { token });
    let [AdapterOutput::Returned { returned, .. }] = wants[..] else { panic!("{wants:?}") };
    assert_eq!(returned, Returned::Terminated);
}

#[test]
fn an_answer_nobody_waits_for_any_more_is_dropped() {
    let mut adapter = AsyncAdapter::new(|transport: Transport| async move {
        drop(transport.sleep(Duration::from_millis(1)));
        assert!(matches!(transport.next_input().await, AdapterInput::Initialize));
        let input = transport.next_input().await;
        assert!(matches!(input, AdapterInput::Load), "the wake came to nobody: {input:?}");
        transport.returned(call(), Returned::Done);
    });
    let wants = told(&mut adapter, 0, AdapterInput::Initialize);
    assert_eq!(wants.len(), 1, "the sleep: {wants:?}");
    assert!(told(&mut adapter, 1, AdapterInput::Wake { token: 1 }).is_empty());
    assert_eq!(told(&mut adapter, 2, AdapterInput::Load).len(), 1);
}

#[test]
fn it_is_copied_before_it_begins_and_not_after() {
    let mut adapter = AsyncAdapter::new(|transport: Transport| async move {
        transport.next_input().await;
    });
    let copy = adapter.clone();
    told(&mut adapter, 0, AdapterInput::Initialize);
    let begun = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| adapter.clone()));
    let message = *begun.unwrap_err().downcast::<&str>().expect("a text");
    assert!(message.contains("copied before its first input"), "{message}");
    drop(copy.clone());
}
