//! The kit on the well-behaved models: they keep every clause of every claim.

mod sender {
    use floodgate_engine::conformance;

    use crate::sender::{Style, sender};

    mod one_at_a_time {
        use super::*;
        conformance!(sender(Style::default()), sends(asynchronous, two_way));
    }

    mod blocking {
        use super::*;
        const STYLE: Style =
            Style { blocking: true, batched: false, transactional: false, sin: None };
        conformance!(sender(STYLE), sends(blocking));
    }

    mod batched {
        use super::*;
        const STYLE: Style =
            Style { batched: true, blocking: false, transactional: false, sin: None };
        conformance!(sender(STYLE), sends(asynchronous, batched, two_way));
    }

    mod transactional {
        use super::*;
        const STYLE: Style =
            Style { batched: true, blocking: false, transactional: true, sin: None };
        conformance!(sender(STYLE), sends(asynchronous, batched, transactional, two_way));
    }
}

mod receiver {
    use floodgate_engine::conformance;

    use crate::receiver::{Style, receiver};

    mod one_way {
        use super::*;
        conformance!(receiver(Style::default()), receives(ordered));
    }

    mod two_way {
        use super::*;
        const STYLE: Style = Style { two_way: true, transactional: false, sin: None };
        conformance!(receiver(STYLE), receives(ordered, two_way));
    }

    mod transactional {
        use super::*;
        const STYLE: Style = Style { two_way: false, transactional: true, sin: None };
        conformance!(receiver(STYLE), receives(ordered, transactional));
    }
}
