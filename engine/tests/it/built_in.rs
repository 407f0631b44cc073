//! The kit on the adapters that come with the engine.

use floodgate_engine::adapter::Adapter;
use floodgate_engine::adapter::{Receiver, Sender};
use floodgate_engine::config::{ReceiveSettings, SendSettings};
use floodgate_engine::conformance::{CLAUSES, Claims, Receives, Sends, broken};
use floodgate_engine::time::Duration;

/// Looks only when notified, one batch at a time.
const NOTIFIED: ReceiveSettings = ReceiveSettings {
    batch_messages: 20,
    batch_bytes: 102_400,
    poll: None,
    notify: true,
    batches: 1,
};

/// Looks every five seconds.
const POLLING: ReceiveSettings =
    ReceiveSettings { poll: Some(Duration::from_secs(5)), notify: false, ..NOTIFIED };

/// Several batches at once, which keeps no order.
const PARALLEL: ReceiveSettings = ReceiveSettings { batches: 4, ..NOTIFIED };

const ASYNCHRONOUS: SendSettings = SendSettings {
    blocking: false,
    batched: false,
    batch: 10,
    fixed_batch: false,
    workers: 4,
    completion_batch: 1,
    completion_wait: Duration::ZERO,
    resolves: false,
};

/// Gathers outcomes for a while (R-HOST-04).
const GATHERING: SendSettings = SendSettings {
    completion_batch: 5,
    completion_wait: Duration::from_millis(500),
    ..ASYNCHRONOUS
};

const BATCHED: SendSettings = SendSettings { batched: true, ..ASYNCHRONOUS };
const BLOCKING: SendSettings = SendSettings { blocking: true, ..ASYNCHRONOUS };
const BLOCKING_BATCHED: SendSettings = SendSettings { blocking: true, ..BATCHED };

#[track_caller]
fn keeps<A: Adapter + 'static>(make: impl Fn() -> A + Copy, claims: Claims) {
    let broken = CLAUSES.iter().filter_map(|clause| broken(clause.name, make, claims));
    let broken: Vec<String> = broken.map(|broken| broken.to_string()).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn receivers_conform() {
    // R-ADPT-01, R-ADPT-02, R-ADPT-03, R-ADPT-04, R-ADPT-05, R-ADPT-06, R-ADPT-15, R-ADPT-17,
    // R-ADPT-18, R-ADPT-20.
    for (settings, ordered) in [(NOTIFIED, true), (POLLING, true), (PARALLEL, false)] {
        let receives = Receives { ordered, ..Receives::NONE };
        let claims = Claims { receives: Some(receives), sends: None };
        keeps(|| Receiver::new(settings), claims);
    }
}

#[test]
fn senders_conform() {
    // R-ADPT-03, R-ADPT-05, R-ADPT-07, R-ADPT-08, R-ADPT-09, R-ADPT-10, R-ADPT-13, R-ADPT-14,
    // R-ADPT-15, R-ADPT-16, R-ADPT-17, R-ADPT-18, R-ADPT-19, R-ADPT-20.
    for settings in [ASYNCHRONOUS, GATHERING, BATCHED, BLOCKING, BLOCKING_BATCHED] {
        let SendSettings { blocking, batched, .. } = settings;
        // A blocking one-at-a-time adapter cannot delete with its reply (R-SR-05).
        let two_way = !blocking || batched;
        let sends = Sends { asynchronous: !blocking, blocking, batched, two_way, ..Sends::NONE };
        let claims = Claims { sends: Some(sends), receives: None };
        keeps(|| Sender::new(settings), claims);
    }
}

/// Clients that wait for their answers (R-RR-01).
mod requester {
    use floodgate_engine::adapter::Requester;
    use floodgate_engine::config::RequestSettings;
    use floodgate_engine::conformance;

    fn requester(blocking: bool, suspend_failed: bool) -> Requester {
        Requester::new(RequestSettings { blocking, suspend_failed, ..RequestSettings::default() })
    }

    mod refusing {
        use super::*;
        conformance!(requester(false, false), receives(two_way));
    }

    mod suspending {
        use super::*;
        conformance!(requester(false, true), receives(two_way));
    }

    mod blocking {
        use super::*;
        conformance!(requester(true, true), receives(two_way));
    }
}

/// Sources that are read inside a transaction (R-TXN-05).
mod transactional_receiver {
    use floodgate_engine::adapter::TransactionalReceiver;
    use floodgate_engine::config::{OnPoison, TransactionalReceiveSettings};
    use floodgate_engine::conformance;
    use floodgate_engine::time::Duration;

    fn receiver(on_poison: OnPoison) -> TransactionalReceiver {
        let settings = TransactionalReceiveSettings::default();
        TransactionalReceiver::new(TransactionalReceiveSettings { on_poison, ..settings })
    }

    mod suspending {
        use super::*;
        const POISON: OnPoison = OnPoison::SuspendInTransaction { resumable: true };
        conformance!(receiver(POISON), receives(transactional));
    }

    mod remembering {
        use super::*;
        const POISON: OnPoison =
            OnPoison::SuspendOnNextRead { remember: Duration::from_minutes(10) };
        conformance!(receiver(POISON), receives(transactional));
    }
}

/// Partners that are written to inside a transaction (R-TXN-06).
mod transactional_sender {
    use floodgate_engine::adapter::TransactionalSender;
    use floodgate_engine::config::{TransactionBegins, TransactionalSendSettings};
    use floodgate_engine::conformance;

    fn sender(begins: TransactionBegins) -> TransactionalSender {
        TransactionalSender::new(TransactionalSendSettings { batch: 20, workers: 4, begins })
    }

    mod at_transmit {
        use super::*;
        const BEGINS: TransactionBegins = TransactionBegins::AtTransmit;
        conformance!(sender(BEGINS), sends(asynchronous, batched, transactional, two_way));
    }

    mod in_begin_batch {
        use super::*;
        const BEGINS: TransactionBegins = TransactionBegins::InBeginBatch;
        conformance!(sender(BEGINS), sends(asynchronous, batched, transactional));
    }
}
