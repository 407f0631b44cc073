//! Where everything ended up: two accounts, one on each side of the MessageBox, which must close.

use floodgate_engine::message_box::Reason;
use floodgate_engine::time::Instant;

/// Documents that came to receive locations, and what became of them there (R-RCV-01).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Intake {
    /// All that came: offered by loads, forwarded by partners, replied by them.
    pub arrived: u64,
    /// Published in the MessageBox.
    pub published: u64,
    /// Consumed by a receive pipeline, or never pulled from one that did (R-RCV-02, R-RCV-03).
    pub consumed: u64,
    /// Dropped: their sender could not be authenticated (R-RCV-06).
    pub dropped: u64,
    /// Error messages were published in their place (R-FMR-02).
    pub error_messages: u64,
    /// In the suspended queue at the end, in the form they came in or after their pipeline.
    pub suspended: u64,
    /// Terminated there by an operator (R-MBX-08).
    pub terminated: u64,
    /// Of clients who were told that it failed, or lost their connection (R-RR-16).
    pub turned_away: u64,
    /// Replies of partners that nobody took, and that are lost (R-RCV-10, R-SR-05).
    pub discarded: u64,
    /// Not taken in when the run ended.
    pub waiting: u64,
}

/// References: one for each document and subscription it matched, and how each ended (INV-13).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Deliveries {
    /// All that were ever made.
    pub owed: u64,
    /// The subscriber has got it.
    pub delivered: u64,
    /// Consumed by a send pipeline (R-PIPE-08).
    pub consumed: u64,
    /// An error message was published in its place (R-FMR-02).
    pub error_messages: u64,
    /// In the suspended queue at the end.
    pub suspended: u64,
    /// Terminated by an operator (R-MBX-08, R-ORD-09).
    pub terminated: u64,
    /// Queued or with a host instance when the run ended.
    pub waiting: u64,
}

/// How often something was suspended at one place for one reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Suspensions {
    /// The receive location, send port, two-way receive port or orchestration.
    pub at: String,
    /// Why.
    pub reason: Reason,
    /// How often, resumed ones included.
    pub times: u64,
}

/// A receive location that its adapter closed in one host instance (R-LIFE-07, R-LIFE-08).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closure {
    /// The location.
    pub location: String,
    /// The host instance.
    pub instance: String,
    /// When first.
    pub at: Instant,
    /// How often, tries in vain not counted.
    pub times: u64,
    /// How often it was opened and found broken still.
    pub in_vain: u64,
    /// When it was opened for good; it is closed at the end when absent.
    pub open: Option<Instant>,
}

/// A host instance whose engine threads all wait for what an engine thread has to do (R-DONE-01,
/// R-SR-05).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stuck {
    /// The host.
    pub host: String,
    /// Where its instance is.
    pub server: String,
    /// Its engine threads, all that there may be.
    pub threads: u32,
    /// Batches that wait for one of them.
    pub batches: u32,
    /// Since when.
    pub since: Instant,
    /// The adapters in whose calls they are, as far as those know what they wait for.
    pub adapters: Vec<String>,
}

/// What became of everything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fates {
    /// On the way in.
    pub intake: Intake,
    /// On the way out.
    pub deliveries: Deliveries,
    /// Suspensions, by place and reason.
    pub suspensions: Vec<Suspensions>,
    /// What is in the suspended queue at the end: messages and references.
    pub suspended_now: u64,
    /// Locations that were closed by their adapters.
    pub closures: Vec<Closure>,
}

impl Intake {
    /// Whether nothing is missing and nothing counted twice.
    #[must_use]
    pub const fn closes(&self) -> bool {
        self.arrived
            == self.published
                + self.consumed
                + self.dropped
                + self.error_messages
                + self.suspended
                + self.terminated
                + self.turned_away
                + self.discarded
                + self.waiting
    }
}

impl Deliveries {
    /// Whether nothing is missing and nothing counted twice.
    #[must_use]
    pub const fn closes(&self) -> bool {
        self.owed
            == self.delivered
                + self.consumed
                + self.error_messages
                + self.suspended
                + self.terminated
                + self.waiting
    }
}
