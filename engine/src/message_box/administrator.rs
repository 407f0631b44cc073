//! What an administrator's console shows beside service instances: the subscriptions there are,
//! and what each message waits for. It is worked out when somebody asks; nothing is kept for it.

use super::subscriber::CORRELATING_PRIORITY;
use super::{MessageBox, ReferenceState};
use crate::config::SubscriberKind;
use crate::id::{HostInstanceId, ReferenceId, SubscriberId};
use crate::schedule::Window;
use crate::subscription::PortState;
use crate::time::Instant;

/// The two types of subscription (R-SUB-01, R-SUB-05).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SubscriptionType {
    /// Every match begins a new instance.
    Activation,
    /// Every match goes to one running instance.
    Instance {
        /// The one host instance that may take its messages, if only one may.
        only: Option<HostInstanceId>,
    },
}

/// A subscription as its details dialog shows it (R-SUB-01).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SubscriptionDetails {
    /// Whose it is.
    pub subscriber: SubscriberId,
    /// Its type.
    pub subscription: SubscriptionType,
    /// 1 is dequeued first, 10 last (R-SUB-08).
    pub priority: u8,
    /// Started, or stopped: what matches then is suspended (R-SUB-10).
    pub state: PortState,
    /// Whether it delivers in order (R-ORD-01).
    pub ordered: bool,
    /// Whether it is of a request or of a solicit, which have responses.
    pub two_way: bool,
    /// From when on something that matches now may be taken (R-DEQ-06).
    pub valid_from: Instant,
    /// When it may be taken at all, if that is not always (R-SW-01).
    pub window: Option<Window>,
}

/// How a message shows (R-MBX-07).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MessageState {
    /// Queued, to be processed when its turn comes; behind the head of an ordered port, too.
    AwaitingProcessing,
    /// Its instance has received it and goes on. \[M\] So shows what an orchestration has taken;
    /// what is on its way out is in process.
    Consumed,
    /// With a host instance.
    InProcess,
    /// Queued, until the service window of its transport opens.
    Scheduled,
    /// In the suspended queue.
    Suspended {
        /// Whether it may be resumed.
        resumable: bool,
    },
    /// Queued, until the instant of its next attempt.
    WaitingToRetry,
}

impl MessageBox {
    /// Every subscription there is at `now`: those that activate, by subscriber, then those of
    /// running instances (R-SUB-01). A port that is bound has none (R-SUB-09); the filter of a
    /// group is its members'.
    #[must_use]
    pub fn subscriptions(&self, now: Instant) -> Vec<SubscriptionDetails> {
        let activating = (0..self.kinds.len()).map(SubscriberId::from).filter(|id| {
            let bound = self.subscribers[id.index()].state == PortState::Bound;
            match self.kinds[id.index()] {
                SubscriberKind::Orchestration(_) => true,
                SubscriberKind::Responses(_) => false,
                SubscriberKind::SendPort(_) => !bound,
            }
        });
        let activating = activating.map(|id| self.details(now, id, SubscriptionType::Activation));
        let running = self.instances.iter().filter(|(_, instance)| !instance.closed);
        let running = running.map(|(_, instance)| {
            let subscription = SubscriptionType::Instance { only: instance.owner };
            self.details(now, instance.subscriber, subscription)
        });
        activating.chain(running).collect()
    }

    fn details(
        &self,
        now: Instant,
        id: SubscriberId,
        subscription: SubscriptionType,
    ) -> SubscriptionDetails {
        let own = &self.subscribers[id.index()];
        let window = own.transports[0].and_then(|transport| transport.window);
        SubscriptionDetails {
            subscriber: id,
            subscription,
            priority: match subscription {
                SubscriptionType::Activation => own.priority,
                SubscriptionType::Instance { .. } => CORRELATING_PRIORITY,
            },
            state: own.state,
            ordered: own.ordered.is_some(),
            two_way: own.two_way || matches!(self.kinds[id.index()], SubscriberKind::Responses(_)),
            valid_from: window.map_or(now, |window| window.next_open(now)),
            window,
        }
    }

    /// How a message shows at `now`, by what it waits for (R-MBX-07).
    #[must_use]
    pub fn message_state(&self, now: Instant, id: ReferenceId) -> Option<MessageState> {
        let reference = self.references.get(id.0)?;
        let own = &self.subscribers[reference.subscriber.index()];
        let is_behind = || {
            let ordered = own.ordered.as_ref();
            let lane = ordered.and_then(|lanes| lanes.lane(lanes.lane_of(id)?));
            lane.is_some_and(|lane| lane.head() != Some(id))
        };
        Some(match reference.state {
            ReferenceState::Suspended { resumable, .. } => MessageState::Suspended { resumable },
            ReferenceState::Locked(_) => match self.kinds[reference.subscriber.index()] {
                SubscriberKind::Orchestration(_) => MessageState::Consumed,
                SubscriberKind::Responses(_) | SubscriberKind::SendPort(_) => {
                    MessageState::InProcess
                }
            },
            ReferenceState::Queued if is_behind() => MessageState::AwaitingProcessing,
            ReferenceState::Queued => {
                let opens = self.transport(reference).window.map(|window| window.next_open(now));
                match opens.filter(|opens| *opens > now) {
                    Some(opens) if reference.valid_from <= opens => MessageState::Scheduled,
                    Some(_) | None if reference.valid_from > now => MessageState::WaitingToRetry,
                    Some(_) | None => MessageState::AwaitingProcessing,
                }
            }
        })
    }
}
