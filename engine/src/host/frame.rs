//! What a host instance does on its threads, and what waits for one.

use super::deliver::Delivery;
use super::exchanges::Expiry;
use super::execute::Execution;
use super::resume::Resumption;
use crate::id::{AdapterId, Key, OrchestrationInstanceId, ReferenceId, TransactionId};
use crate::message_box::{OutboundMessage, PreparedBatch};

/// A frame: what one leased thread is doing.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FrameId(pub Key);

/// What waits for an engine thread.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// The messages that wait at a transmitter, as many as one delivery takes.
    Deliver(AdapterId),
    Execute(Execution),
    /// A delivery that has paused (R-THR-03).
    HandOver(FrameId),
    Resume(Resumption),
    /// Messages that need the engine's default action.
    Fail(Vec<ReferenceId>),
    /// A transaction of the engine's own that could not be stored (R-MMB-06).
    Repeat(Box<PreparedBatch>),
    /// An orchestration's message.
    Orchestrate(Box<OutboundMessage>),
    /// The end of an exchange that nobody answered in time (R-RR-07).
    Expire(Expiry),
}

#[derive(Clone, Debug)]
pub(super) enum Frame {
    /// The next look at the instances that wait in memory; it holds no engine thread.
    Cycle,
    /// The transaction by which instances leave memory; it holds no engine thread.
    Dehydrate(Vec<OrchestrationInstanceId>),
    Deliver(Delivery),
    Execute(Execution),
    Resume(Resumption),
    /// An orchestration takes its turn (R-ORD-03).
    Orchestrate(Box<OutboundMessage>),
    /// The transaction that ends an exchange.
    Expire(Expiry),
    /// A commit that the engine itself asked for: its outcome is nobody's callback.
    /// Where it may have to be repeated, with a copy.
    Settle(Option<Box<PreparedBatch>>),
    /// The same inside a transaction, and the messages it is about (R-TXN-09).
    SettleIn(TransactionId, Vec<ReferenceId>),
    /// An adapter that is in `Terminate`; it holds no engine thread.
    Terminate(AdapterId),
}
