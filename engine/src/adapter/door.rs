//! The door of a request-response location: who listens there, and how many clients are inside.
//!
//! One listener takes clients in at a time; then it is in `Done` of their batch, and another one
//! may go to the door meanwhile (R-HOST-03).

/// Where the next client will be met.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Every listener is in `Done` of a batch.
    Busy,
    /// Nothing may be submitted any more (R-LIFE-06).
    Closed,
    /// A listener takes clients in.
    Fetching,
    /// As many clients are served as may be.
    Full,
    /// A listener waits for the next one.
    Watching,
}

/// What a listener is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(super) enum Next {
    /// To take in so many clients at most.
    Fetch(u32),
    Nothing,
    Watch,
}

#[derive(Clone, Debug)]
pub(super) struct Door {
    state: State,
    listeners: u32,
    at_once: u32,
    /// Batches in whose `Done` a listener is.
    submitting: Vec<u64>,
    /// Whether there were more clients at the door when it was left.
    more: bool,
    serving: u32,
}

impl Door {
    /// Where a listener waits; all of them together let so many clients in at once.
    pub(super) const fn new(listeners: u32, at_once: u32) -> Self {
        Self {
            state: State::Watching,
            listeners,
            at_once,
            submitting: Vec::new(),
            more: false,
            serving: 0,
        }
    }

    pub(super) fn open(&mut self) {
        self.state = State::Watching;
    }

    pub(super) fn close(&mut self) {
        self.state = State::Closed;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Somebody is there.
    pub(super) fn arrived(&mut self) -> Next {
        if self.state == State::Watching { self.fetch() } else { Next::Nothing }
    }

    /// So many clients were let in.
    pub(super) const fn let_in(&mut self, clients: u32) {
        self.serving += clients;
    }

    /// Nobody was there after all.
    pub(super) fn found_nobody(&mut self) -> Next {
        self.rest(false)
    }

    /// The listener who let them in goes away with their batch.
    pub(super) fn submits(&mut self, cookie: u64, more: bool) {
        self.submitting.push(cookie);
        (self.state, self.more) = (State::Busy, more);
    }

    /// Another listener may go to the door.
    pub(super) fn goes_on(&mut self) -> Next {
        let is_free = self.submitting.len() < self.listeners.max(1) as usize;
        if self.state == State::Busy && is_free { self.rest(self.more) } else { Next::Nothing }
    }

    /// `Done` of a batch returned, perhaps to one of these listeners.
    pub(super) fn returned(&mut self, cookie: u64) -> Next {
        self.submitting.retain(|known| *known != cookie);
        self.goes_on()
    }

    /// A client has its answer, or will get none: there is room for another one.
    pub(super) fn left(&mut self) -> Next {
        self.serving = self.serving.saturating_sub(1);
        if self.state == State::Full { self.rest(true) } else { Next::Nothing }
    }

    fn fetch(&mut self) -> Next {
        self.state = State::Fetching;
        Next::Fetch(self.at_once.saturating_sub(self.serving).max(1))
    }

    fn rest(&mut self, more: bool) -> Next {
        if self.state == State::Closed {
            return Next::Nothing;
        }
        if self.serving >= self.at_once {
            self.state = State::Full;
            return Next::Nothing;
        }
        if more {
            return self.fetch();
        }
        self.state = State::Watching;
        Next::Watch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_listeners_submit_at_once_as_there_are() {
        // R-HOST-03.
        let mut door = Door::new(2, 256);
        assert_eq!(door.arrived(), Next::Fetch(256));
        assert_eq!(door.arrived(), Next::Nothing, "one at a time");
        door.let_in(1);
        door.submits(7, true);
        assert_eq!(door.goes_on(), Next::Fetch(255));
        door.let_in(1);
        door.submits(8, true);
        assert_eq!(door.goes_on(), Next::Nothing, "both are away");
        assert_eq!(door.returned(9), Next::Nothing, "that was a batch of somebody else's");
        assert_eq!(door.returned(7), Next::Fetch(254));
    }

    #[test]
    fn a_full_door_opens_when_somebody_leaves_and_a_closed_one_does_not() {
        let mut door = Door::new(4, 1);
        assert_eq!(door.arrived(), Next::Fetch(1));
        door.let_in(1);
        door.submits(1, true);
        assert_eq!(door.goes_on(), Next::Nothing);
        assert_eq!(door.returned(1), Next::Nothing);
        assert_eq!(door.left(), Next::Fetch(1));
        door.close();
        assert_eq!((door.found_nobody(), door.left()), (Next::Nothing, Next::Nothing));
    }
}
