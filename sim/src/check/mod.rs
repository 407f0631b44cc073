//! Checks: the promises of the engine, judged while the world runs.
//!
//! Every check is incremental (a counter moved, a sequence compared) and keeps its own account of
//! the world from what it is shown, so that it does not audit the engine by the engine's word; of
//! the engine's words it takes one, the publication number of a reference. A check that saw no
//! occasion says nothing: silence is not success.

mod batches;
mod dynamic;
mod effects;
mod exchanges;
mod homes;
mod interchanges;
mod life;
mod named;
mod ordered;
mod polls;
#[cfg(test)]
mod proof;
mod queues;
mod references;
mod routing;
mod throttled;
mod transactions;

use std::fmt::Debug;

use floodgate_engine::config::Topology;
use floodgate_engine::time::Instant;

pub(crate) use batches::Asked;
use batches::Batches;
use dynamic::DynamicPorts;
use exchanges::Exchanges;
use homes::Homes;
use interchanges::Interchanges;
use life::Life;
use ordered::OrderedPorts;
pub(crate) use polls::Attends;
use polls::Polls;
use queues::Queues;
use references::References;
use routing::Routing;
use throttled::Throttled;
pub(crate) use transactions::Ended;
use transactions::Transactions;

/// Violations kept with their story; the others are only counted.
const VIOLATIONS_KEPT: usize = 16;

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal;)*) => {
        /// A promise that is judged while the world runs, by its number in the list of invariants.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Rule {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its number, such as `INV-02`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What it promises, in one sentence.
            #[must_use]
            pub const fn promise(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)* }
            }
        }
    };
}

rules! {
    /// Exactly one `BatchComplete` per successful `Done`.
    OneCompletePerDone = "INV-01";
    /// A negative overall status leaves the MessageBox as it was, routing failure reports aside.
    NegativeChangesNothing = "INV-02";
    /// A non-negative overall status applies every operation exactly once.
    SuccessAppliesAll = "INV-03";
    /// A negative message makes the overall status negative, and nothing else does.
    OverallFollowsMessages = "INV-04";
    /// One entry per distinct kind; as many statuses as add calls.
    OpCountIsKinds = "INV-05";
    /// A kind's statuses are as many as the add calls of that kind.
    StatusPerMessage = "INV-06";
    /// The cookie comes back unchanged.
    CookieReturns = "INV-07";
    /// After `Done` the batch object is empty, so that a second `Done` does nothing.
    DoneEmptiesBatch = "INV-09";
    /// Nothing is dequeued that no commit has published.
    VisibleAfterCommit = "INV-10";
    /// While publishing is throttled `Done` blocks, and what it was called with comes through.
    HeldComesThrough = "INV-11";
    /// A message ends as published documents, as suspended, as error message or dropped: once.
    OneEndPerDocument = "INV-12";
    /// One reference per document and matching subscription, and one terminal event for each.
    OneReferenceOneEnd = "INV-13";
    /// A reference is in exactly one place.
    ReferenceInOnePlace = "INV-14";
    /// A body is there while somebody refers to it or it awaits cleanup, and no longer.
    BodyWhileReferenced = "INV-15";
    /// One stored body for all subscribers of a document.
    OneBody = "INV-16";
    /// What was published is sent, suspended, or still here; deleted is not yet sent.
    NothingLost = "INV-17";
    /// A delivered message equals the published one.
    StoredNeverChanges = "INV-18";
    /// Delivered to a subscriber exactly if its predicate is true.
    RoutedByPredicate = "INV-19";
    /// Nobody subscribes: exactly one routing failure report, and none for an acknowledgement.
    OneReportPerFailure = "INV-22";
    /// No message reaches a host that its predicates do not allow.
    HostByPredicates = "INV-23";
    /// A delivered copy has no promoted property left.
    DeliveredIsDemoted = "INV-24";
    /// A bound port gets nothing, a stopped one suspended messages; states change by the table.
    PortStates = "INV-25";
    /// A request has its subscription from its commit until it is answered, withdrawn or over.
    WaitsWhileOpen = "INV-26";
    /// A reference is locked by at most one host instance.
    OneHolder = "INV-27";
    /// Among what is eligible, a smaller priority number goes first.
    PriorityFirst = "INV-28";
    /// No delivery before its valid-from time, nor outside its service window.
    OnTime = "INV-29";
    /// With work, room and no throttle a host instance looks within its poll interval.
    LooksInTime = "INV-30";
    /// Activations are spread evenly over the MessageBoxes that publish.
    RoundRobin = "INV-31";
    /// The messages of an instance are in the MessageBox where it lives.
    HomeOfInstance = "INV-32";
    /// An adapter batch holds at least one message and no more than announced.
    BatchWithinMaximum = "INV-33";
    /// Attempts on a transport are at most one more than its retries; exactly so at the end.
    AttemptsBounded = "INV-34";
    /// At least the retry interval between two attempts.
    RetryInterval = "INV-35";
    /// The retry count goes down by one per resubmit and starts anew on the backup.
    RetryCountDescends = "INV-36";
    /// A message's retry count changes by its own failures only.
    InnocentsKeepRetries = "INV-37";
    /// `MoveToNextTransport` succeeds exactly if there is a backup and the message is not on it.
    BackupOnlyOnce = "INV-38";
    /// After `true` from `TransmitMessage` there is no further traffic for the message.
    SentIsTheEnd = "INV-39";
    /// An adapter batch in which a message was thrown is cleared, and not done.
    ThrownIsCleared = "INV-40";
    /// A reply is published exactly if its solicit is deleted.
    ReplyWithDelete = "INV-41";
    /// A dynamic send goes by the adapter of its type, else of its longest alias, in any case.
    DynamicChoice = "INV-42";
    /// The wire order of an ordered port is a subsequence of publish order.
    WireOrder = "INV-44";
    /// At most one undeleted message of an ordered port is with an adapter.
    OneInFlight = "INV-45";
    /// Stop on failure: nothing overtakes a failed message.
    StopHoldsBack = "INV-46";
    /// Continue on failure: only the failed are missing, and they are not resumable.
    ContinueLosesOnlyFailed = "INV-47";
    /// The wire order survives the end of a process when copies of what was in flight are
    /// collapsed.
    OrderSurvivesDeath = "INV-48";
    /// A request ends once: a response, a fault, a failed batch, a withdrawal.
    OneEndPerRequest = "INV-49";
    /// No response after its time, no fault before.
    AnswerInTime = "INV-50";
    /// An answer reaches the adapter that submitted the request.
    AnswerComesHome = "INV-51";
    /// One `DTCCommitConfirm` per confirm object, with the real outcome.
    ConfirmedOnce = "INV-52";
    /// Under transactions each source message has one fate, each destination message one copy.
    ExactlyOneFate = "INV-53";
    /// Only what was in flight when its process ended is published or sent a second time.
    CopiesOnlyInFlight = "INV-54";
    /// An open or aborted transaction leaves the MessageBox and every retry count as they were.
    AbortChangesNothing = "INV-55";
    /// A dead instance's locks go back in time, and never while it lives.
    LocksGoBackInTime = "INV-56";
    /// `Terminate` returns with nothing pending, and nothing new is published afterwards.
    TerminateLeavesNothing = "INV-57";
    /// Standard processing publishes all documents of an interchange or none.
    AllOrNone = "INV-58";
    /// Recoverable processing publishes or suspends each document, in order.
    RecoveryLosesOnlyBad = "INV-59";
    /// Documents of an interchange are numbered from one in the order of disassembly.
    SequenceCounts = "INV-60";
    /// Resuming a wire message runs its pipeline again, resuming a document does not.
    ResumeBeginsWhereItMust = "INV-61";
    /// Requests and responses of two-way ports are never suspended resumable.
    TwoWayNotResumable = "INV-62";
    /// Failed messages are routed as one error message each, and by nothing of their own.
    FailedAreRouted = "INV-63";
    /// One negative acknowledgement for a suspended message, none for an attempt.
    OneNackPerSuspension = "INV-64";
}

/// A broken promise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// When.
    pub at: Instant,
    /// What was seen.
    pub what: String,
}

/// Occasions and violations per rule.
#[derive(Clone, Debug)]
struct Docket {
    occasions: [u64; Rule::ALL.len()],
    broken: [u64; Rule::ALL.len()],
    violations: Vec<Violation>,
    now: Instant,
}

impl Docket {
    /// Judges one occasion; `what` is told only of a violation.
    #[inline]
    fn judge(&mut self, rule: Rule, kept: bool, what: impl FnOnce() -> String) {
        self.occasions[rule as usize] += 1;
        if !kept {
            self.break_rule(rule, what);
        }
    }

    /// Out of line with what it tells, so that the words of a violation are not between the
    /// instructions of every run.
    #[cold]
    #[inline(never)]
    fn break_rule(&mut self, rule: Rule, what: impl FnOnce() -> String) {
        self.broken[rule as usize] += 1;
        if self.violations.len() < VIOLATIONS_KEPT {
            self.violations.push(Violation { rule, at: self.now, what: what() });
        }
    }
}

/// The verdict on one rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleVerdict {
    /// The rule.
    pub rule: Rule,
    /// How often it could have been broken.
    pub occasions: u64,
    /// How often it was.
    pub broken: u64,
    /// The first violation.
    pub first: Option<Violation>,
}

/// All checks of one run.
#[derive(Clone, Debug)]
pub struct Checks {
    docket: Docket,
    batches: Batches,
    references: References,
    ordered: OrderedPorts,
    interchanges: Interchanges,
    dynamic: DynamicPorts,
    routing: Routing,
    transactions: Transactions,
    homes: Homes,
    queues: Queues,
    exchanges: Exchanges,
    life: Life,
    throttled: Throttled,
    polls: Polls,
}

impl Checks {
    /// Checks for a topology, with nothing seen yet; `node_of` numbers the adapter instances, by
    /// host instance and adapter.
    #[must_use]
    pub fn new(topology: &Topology, node_of: &[u32]) -> Self {
        Self {
            docket: Docket {
                occasions: [0; Rule::ALL.len()],
                broken: [0; Rule::ALL.len()],
                violations: Vec::new(),
                now: Instant::ZERO,
            },
            batches: Batches::default(),
            references: References::new(topology),
            ordered: OrderedPorts::new(topology),
            exchanges: Exchanges::new(topology, node_of),
            interchanges: Interchanges::new(topology),
            dynamic: DynamicPorts::new(topology),
            routing: Routing::new(topology),
            transactions: Transactions::default(),
            homes: Homes::new(topology),
            queues: Queues::new(topology),
            life: Life::new(topology),
            throttled: Throttled::new(topology),
            polls: Polls::new(topology),
        }
    }

    /// Violations seen so far, the first few.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.docket.violations
    }

    /// The verdict on every rule.
    #[must_use]
    pub fn verdicts(&self) -> Vec<RuleVerdict> {
        let verdict = |&rule: &Rule| RuleVerdict {
            rule,
            occasions: self.docket.occasions[rule as usize],
            broken: self.docket.broken[rule as usize],
            first: self.docket.violations.iter().find(|violation| violation.rule == rule).cloned(),
        };
        Rule::ALL.iter().map(verdict).collect()
    }

    /// What the checks know, and may judge by: for an explorer, to tell worlds apart. How often
    /// they judged is no part of it. Of the references with these publication numbers a call is on
    /// the wire; `comes` says of a wire message whether it may be submitted, maybe once more.
    pub(crate) fn account<'a>(
        &'a self,
        on_the_wire: &[u64],
        comes: &dyn Fn(u64) -> bool,
    ) -> impl Debug + use<'a> {
        let Self {
            docket: _,
            batches,
            references,
            ordered,
            interchanges,
            dynamic,
            routing,
            transactions,
            homes,
            queues,
            exchanges,
            life,
            throttled,
            polls,
        } = self;
        let life = life.account(comes, &|own| references.may_go_out(own, on_the_wire));
        let references = references.account(on_the_wire);
        let interchanges = interchanges.account(comes);
        let messages = (references, ordered, interchanges, dynamic, routing, exchanges);
        (messages, batches.account(), transactions, homes, queues, life, throttled, polls.account())
    }

    /// Whether every document that was routed was looked at (INV-19), and not only a sample.
    pub(crate) const fn sees_all_routed(&self) -> bool {
        self.routing.sees_all()
    }

    /// The instant of what comes next.
    pub(crate) fn at(&mut self, now: Instant) {
        self.docket.now = now;
    }
}
