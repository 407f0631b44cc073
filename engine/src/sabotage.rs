//! Ways to break the engine on purpose.
//!
//! A property test proves nothing until it has failed once. Each of these breaks one promise; the
//! tests switch it on (feature `sabotage`, test builds only) and demand that their check notices.

/// One broken promise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sabotage {
    /// Applies at the abort what was staged: breaks INV-55.
    ApplyAbortedBatches,
    /// Applies what can be applied of a failed batch: breaks INV-02.
    ApplyFailedBatches,
    /// Applies a staged batch before its transaction commits: breaks INV-10 and INV-55.
    ApplyStagedBatches,
    /// Lets every batch in, however many wait: breaks INV-11.
    AdmitEveryBatch,
    /// Loses the batches that were held when it is their turn: breaks INV-11 and INV-01.
    DropHeldBatches,
    /// Loses the documents that fail alone: breaks INV-59.
    ForgetBadDocuments,
    /// A time-out makes two faults: breaks INV-64 and INV-49.
    FaultTwice,
    /// A response leaves its wait open: breaks INV-26.
    KeepAnsweredWaits,
    /// What a dead process had locked stays locked: breaks INV-56.
    KeepLocksOfTheDead,
    /// A batch object keeps its work after `Done`: breaks INV-09.
    KeepPostedWork,
    /// A resubmit costs no retry: breaks INV-34 and INV-36.
    KeepRetryCount,
    /// Offers the followers of an ordered port with its head: breaks INV-45 and INV-44.
    OfferOrderedFollowers,
    /// Nobody looks when there is work: breaks INV-30.
    SleepThroughWork,
    /// Suspends a message beside its error message: breaks INV-12 and INV-63.
    SuspendWhatIsRouted,
    /// What belongs to a two-way exchange is suspended resumable: breaks INV-62.
    SuspendTwoWayResumable,
}
