//! Values that the product documents, each against a literal: one that moves was meant to.

use floodgate_engine::batch::{OperationKind, Status};
use floodgate_engine::config::HostSettings;

#[test]
fn kinds_of_operation_have_their_documented_numbers() {
    // R-BATCH-09.
    let kinds = [
        OperationKind::Submit,
        OperationKind::Delete,
        OperationKind::MoveToSuspendQueue,
        OperationKind::Resubmit,
        OperationKind::MoveToNextTransport,
        OperationKind::SubmitRequest,
        OperationKind::CancelResponse,
    ];
    assert_eq!(kinds.map(|kind| kind as u8), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn statuses_have_their_known_codes() {
    // R-STAT-02, R-SR-07.
    for (status, code) in [
        (Status::OK, 0),
        (Status::MESSAGE_SUSPENDED, 0x00C0_0001),
        (Status::SECURITY_CHECK_FAILED, 0x00C0_165E),
        (Status::FAIL, 0x8000_4005),
        (Status::INVALID_ARGUMENT, 0x8007_0057),
        (Status::URL_DISALLOWED, 0xC0C0_164B),
        (Status::NO_SUBSCRIPTION, 0xC0C0_1680),
        (Status::SHUTTING_DOWN, 0xC0C0_163C),
        (Status::NO_BACKUP_TRANSPORT, 0xC0C0_162E),
        (Status::NULL_CORRELATION_TOKEN, 0xC0C0_1662),
        (Status::PERSISTENCE_FAILURE, 0xC0C0_1623),
    ] {
        assert_eq!(status.0.cast_unsigned(), code, "{status}");
    }
}

#[test]
fn a_host_has_the_defaults_of_the_product() {
    // R-DEQ-02, R-BSND-07.
    let host = HostSettings::default();
    assert_eq!((host.dequeue_threads, host.engine_batch), (5, 10));
}
