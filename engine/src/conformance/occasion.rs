//! Occasions: what has to happen in a trial before a clause can say anything of an adapter.
//!
//! A clause that looks for a wrong Resubmit says nothing of an adapter that never resubmits. So
//! each clause names what it has to see in one trial at least. Where the claims promise it, a
//! clause that never saw it fails; elsewhere it is kept, and says that it was never asked.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an occasion looks for one or two kinds of fact among many"
)]

use std::collections::BTreeSet;

use super::claims::Claims;
use super::story::{Fact, Said, Story};
use crate::adapter::Returned;
use crate::batch::OperationKind;

/// What a clause has to see in one of its trials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Occasion {
    /// `TransmitMessage` returned `false`.
    Accepted,
    /// A transaction was committed.
    Commits,
    /// A disposition was posted.
    Disposes,
    /// `Delete` was posted, or `true` returned.
    Ends,
    /// A message was fetched.
    Fetches,
    /// A message went back to the engine after an attempt.
    GivesBack,
    /// The engine handed a message over.
    Given,
    /// The wire answered.
    OnTheWire,
    /// A message came a second time.
    Redelivered,
    /// The wire refused.
    RefusedByWire,
    /// A source was removed.
    Removes,
    /// A resubmit was posted.
    Resubmits,
    /// A message was submitted.
    Submits,
    /// A message of the source was moved to the suspend queue.
    Suspends,
    /// `TransmitMessage` returned `true`.
    TrueReturned,
    /// Two endpoints were transmitted to in one trial.
    TwoEndpoints,
}

impl Occasion {
    /// What was missing.
    pub(super) const fn missing(self) -> &'static str {
        match self {
            Self::Accepted => "`false` is never returned for a message",
            Self::Commits => "nothing is ever committed",
            Self::Disposes => "no disposition is ever posted",
            Self::Ends => "no message is ever deleted or called sent",
            Self::Fetches => "nothing is ever fetched",
            Self::GivesBack => "no message is ever given back",
            Self::Given => "no message can be handed over",
            Self::OnTheWire => "nothing is ever transmitted",
            Self::Redelivered => "no message ever comes again",
            Self::RefusedByWire => "the wire is never asked in vain",
            Self::Removes => "no source is ever removed",
            Self::Resubmits => "nothing is ever resubmitted",
            Self::Submits => "nothing is ever submitted",
            Self::Suspends => "nothing is ever suspended",
            Self::TrueReturned => "`true` is never returned for a message",
            Self::TwoEndpoints => "no two endpoints are ever transmitted to",
        }
    }

    /// Whether an adapter that keeps these claims cannot help giving the occasion.
    pub(super) fn is_owed(self, claims: &Claims) -> bool {
        let receives = claims.receives.unwrap_or_default();
        let sends = claims.sends.unwrap_or_default();
        match self {
            // Who takes adapter batches and blocks may answer all of them with `true`, R-BSND-03.
            Self::Accepted | Self::Disposes | Self::GivesBack | Self::Resubmits => {
                sends.asynchronous
            }
            // A transaction removes what was read in it; a client is answered instead.
            Self::Removes => !receives.transactional && !receives.two_way,
            // A client may be told instead, R-FILT-03.
            Self::Suspends => !receives.two_way,
            Self::TrueReturned => !sends.disposes(),
            Self::Commits
            | Self::Ends
            | Self::Fetches
            | Self::Given
            | Self::OnTheWire
            | Self::Redelivered
            | Self::RefusedByWire
            | Self::Submits
            | Self::TwoEndpoints => true,
        }
    }

    /// Whether the story gives it.
    pub(super) fn is_in(self, story: &Story) -> bool {
        let any = |is: fn(&Fact) -> bool| story.iter().any(|(_, _, fact)| is(fact));
        let posted =
            |is: fn(&Said) -> bool| story.posted().any(|(.., said, _)| said.iter().any(is));
        match self {
            Self::Accepted => returned(story, Returned::Pending),
            Self::Commits => any(|fact| matches!(fact, Fact::Committing { .. })),
            Self::Disposes => posted(Said::disposes),
            Self::Ends => {
                returned(story, Returned::Sent)
                    || posted(|said| said.disposes() && said.kind == OperationKind::Delete)
            }
            Self::Fetches => any(|fact| matches!(fact, Fact::Fetched { .. })),
            Self::GivesBack => posted(|said| said.disposes() && said.kind != OperationKind::Delete),
            Self::Given => any(|fact| matches!(fact, Fact::Transmit { .. })),
            Self::OnTheWire => any(|fact| matches!(fact, Fact::Transmitted { .. })),
            Self::Redelivered => {
                any(|fact| matches!(fact, Fact::Transmit { of, .. } if of.delivery > 1))
            }
            Self::RefusedByWire => {
                any(|fact| matches!(fact, Fact::Transmitted { sent: false, .. }))
            }
            Self::Removes => any(|fact| matches!(fact, Fact::Removed { .. })),
            Self::Resubmits => posted(|said| said.kind == OperationKind::Resubmit),
            Self::Submits => posted(Said::submits),
            Self::Suspends => posted(|said| {
                said.of.delivery == 0 && said.kind == OperationKind::MoveToSuspendQueue
            }),
            Self::TrueReturned => returned(story, Returned::Sent),
            Self::TwoEndpoints => {
                let endpoints = story.iter().filter_map(|(_, _, fact)| match fact {
                    Fact::Transmitting { endpoint, .. } => Some(*endpoint),
                    _ => None,
                });
                endpoints.collect::<BTreeSet<u32>>().len() > 1
            }
        }
    }
}

/// Whether `TransmitMessage` returned so.
fn returned(story: &Story, with: Returned) -> bool {
    story.iter().any(|(_, _, fact)| {
        matches!(fact, Fact::Returned { of: Some(_), returned, .. } if *returned == with)
    })
}
