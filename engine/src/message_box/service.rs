//! Service instances as an administrator sees them: classes, states, and what may be done.
//!
//! A message of a port without ordered delivery is an instance of its own (R-MBX-11); an ordered
//! port is one instance with all its messages (R-ORD-05). What was suspended before it had a
//! reference is an instance too, and so is a routing failure report.

use super::ordered::OrderedInstance;
use super::{MessageBox, Reference, ReferenceState};
use crate::config::SubscriberKind;
use crate::id::{ReferenceId, SendPortId, SubscriberId};
use crate::message::{Context, DocumentName, Parts, PropertyId, Value};
use crate::suspend::{SuspendedForm, SuspendedMessage};
use crate::time::Instant;

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name { $($(#[$doc])* $variant = $code,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The product's number for it.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }
        }
    };
}

codes! {
    /// The state of a service instance, by the product's numbers (R-MBX-02).
    ServiceStatus {
        /// It has work and no host instance has taken it.
        ReadyToRun = 1,
        /// A host instance works on it.
        Active = 2,
        /// It waits for an operator, who may resume it.
        SuspendedResumable = 4,
        /// It ran, and waits in the MessageBox for its next turn.
        Dehydrated = 8,
        /// It ended with messages that it never took (R-MBX-12).
        CompletedWithDiscarded = 16,
        /// It waits for an operator, who can only terminate it (R-MBX-13, R-ADD-03).
        SuspendedNotResumable = 32,
        /// A debugger holds it; nothing here does.
        InBreakpoint = 64,
    }
}

codes! {
    /// What kind of service an instance is of, by the product's numbers (R-MBX-03).
    ServiceClass {
        /// An orchestration.
        Orchestration = 1,
        /// Tracking.
        Tracking = 2,
        /// A port.
        Messaging = 4,
        /// The MSMQT adapter of old.
        Msmqt = 8,
        /// Something else; it cannot be terminated.
        Other = 16,
        /// A receive adapter in a process of its own.
        IsolatedAdapter = 32,
        /// A routing failure report (R-ROUTE-02).
        RoutingFailureReport = 64,
    }
}

codes! {
    /// How a message stands to its instance, by the product's numbers (R-MBX-04).
    ReferenceCode {
        /// It was routed and nobody has taken it.
        DeliveredNotConsumed = 1,
        /// A host instance has it.
        Consumed = 2,
        /// It is suspended.
        Suspended = 4,
        /// Its instance ended without it.
        Abandoned = 8,
    }
}

codes! {
    /// What waits to be done to an instance when it next comes to rest (R-MBX-05).
    PendingOperation {
        /// Nothing.
        None = 1,
        /// It will be suspended.
        Suspend = 2,
        /// It will be terminated.
        Terminate = 4,
        /// It will be resumed.
        Resume = 8,
    }
}

/// What the console shows beside the state (R-MBX-06).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SubState {
    /// It waits for its retry.
    Retrying,
}

/// What an operator does to one instance (R-MBX-08).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum InstanceOperation {
    /// Makes it run again.
    Resume,
    /// Takes it out of its queue until it is resumed.
    Suspend,
    /// Removes it with its messages.
    Terminate,
}

/// When an operation on an instance happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Allowed {
    /// At once.
    Now,
    /// When its host instance lets go of it.
    Pending,
    /// Not in this state.
    Refused,
}

impl InstanceOperation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Resume, Self::Suspend, Self::Terminate];

    /// What the operation does in a state: the table of R-MBX-08. \[M\] an instance that completed
    /// with discarded messages is treated as one that is suspended and not resumable, as which it
    /// is shown (R-MBX-12).
    #[must_use]
    pub const fn allowed(self, status: ServiceStatus) -> Allowed {
        use ServiceStatus as Is;
        match (self, status) {
            (Self::Suspend | Self::Terminate, Is::ReadyToRun | Is::Dehydrated)
            | (Self::Resume, Is::SuspendedResumable)
            | (
                Self::Terminate,
                Is::SuspendedResumable | Is::SuspendedNotResumable | Is::CompletedWithDiscarded,
            ) => Allowed::Now,
            (Self::Suspend | Self::Terminate, Is::Active) => Allowed::Pending,
            (Self::Resume, Is::ReadyToRun | Is::Dehydrated | Is::Active)
            | (
                Self::Resume | Self::Suspend,
                Is::SuspendedNotResumable | Is::CompletedWithDiscarded,
            )
            | (Self::Suspend, Is::SuspendedResumable)
            | (Self::Resume | Self::Suspend | Self::Terminate, Is::InBreakpoint) => {
                Allowed::Refused
            }
        }
    }
}

/// Which instance.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ServiceInstanceId {
    /// A message that was suspended without a reference, by its number in the suspended queue.
    Message(u64),
    /// The one instance of an ordered port, its lane 0; or that of a lane of a dynamic one, which
    /// are numbered from 1 as they are met (R-ORD-13).
    Ordered(SendPortId, u32),
    /// The instance that a reference is.
    Reference(ReferenceId),
    /// The routing failure report at this place of the suspended queue.
    Report(u32),
}

/// A service instance as it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ServiceInstance {
    /// Which.
    pub id: ServiceInstanceId,
    /// Its class.
    pub class: ServiceClass,
    /// Its state.
    pub status: ServiceStatus,
    /// What else the console shows.
    pub shown: Option<SubState>,
    /// What waits to be done to it.
    pub pending: PendingOperation,
    /// Its messages: a single suspended instance may hide many (R-ORD-11).
    pub messages: usize,
}

/// What an operator keeps of a message before its instance is removed (R-MBX-13, R-ADD-03).
#[derive(Clone, Debug)]
pub struct SavedMessage {
    /// The message.
    pub document: DocumentName,
    /// Its properties.
    pub context: Context,
    /// Its content; a routing failure report has none (R-ROUTE-02).
    pub parts: Option<Parts>,
}

impl Reference {
    /// The state of the instance that a reference is.
    fn status(&self) -> ServiceStatus {
        match self.state {
            ReferenceState::Locked(_) => ServiceStatus::Active,
            ReferenceState::Queued if self.dehydrated || self.valid_from > Instant::ZERO => {
                ServiceStatus::Dehydrated
            }
            ReferenceState::Queued => ServiceStatus::ReadyToRun,
            ReferenceState::Suspended { resumable: true, .. } => ServiceStatus::SuspendedResumable,
            ReferenceState::Suspended { .. } => ServiceStatus::SuspendedNotResumable,
        }
    }

    const fn code(&self) -> ReferenceCode {
        match self.state {
            ReferenceState::Queued => ReferenceCode::DeliveredNotConsumed,
            ReferenceState::Locked(_) => ReferenceCode::Consumed,
            ReferenceState::Suspended { .. } => ReferenceCode::Suspended,
        }
    }
}

impl SuspendedMessage {
    fn status(&self) -> ServiceStatus {
        match (self.resuming, self.resumable) {
            (true, _) => ServiceStatus::Active,
            (false, true) => ServiceStatus::SuspendedResumable,
            (false, false) => ServiceStatus::SuspendedNotResumable,
        }
    }
}

impl MessageBox {
    /// The instance that a reference belongs to (R-MBX-11).
    #[must_use]
    pub fn service_instance_of(&self, id: ReferenceId) -> Option<ServiceInstanceId> {
        let reference = self.references.get(id.0)?;
        let subscriber = &self.subscribers[reference.subscriber.index()];
        let lane = subscriber.ordered.as_ref().and_then(|lanes| lanes.lane_of(id));
        Some(match lane {
            Some(lane) => ServiceInstanceId::Ordered(SendPortId(reference.subscriber.0), lane),
            None => ServiceInstanceId::Reference(id),
        })
    }

    /// How a message stands to its instance (R-MBX-04).
    #[must_use]
    pub fn reference_code(&self, id: ReferenceId) -> Option<ReferenceCode> {
        self.references.get(id.0).map(Reference::code)
    }

    /// An instance as it stands at `now`, if it is there.
    #[must_use]
    pub fn service_instance(&self, now: Instant, id: ServiceInstanceId) -> Option<ServiceInstance> {
        let whole = |class, status| ServiceInstance {
            id,
            class,
            status,
            shown: None,
            pending: PendingOperation::None,
            messages: 1,
        };
        match id {
            ServiceInstanceId::Message(number) => {
                let message = self.suspended.message(number)?;
                Some(whole(ServiceClass::Messaging, message.status()))
            }
            ServiceInstanceId::Report(at) => {
                self.suspended.reports.get(at as usize)?;
                let status = ServiceStatus::SuspendedNotResumable;
                Some(whole(ServiceClass::RoutingFailureReport, status))
            }
            ServiceInstanceId::Ordered(port, lane) => {
                let ordered = self.subscribers[port.index()].ordered.as_ref()?.lane(lane)?;
                let head = ordered.head()?;
                let head = self.reference_instance(now, id, head)?;
                Some(ServiceInstance { messages: ordered.len(), ..head })
            }
            ServiceInstanceId::Reference(reference) => self.reference_instance(now, id, reference),
        }
    }

    fn reference_instance(
        &self,
        now: Instant,
        id: ServiceInstanceId,
        reference: ReferenceId,
    ) -> Option<ServiceInstance> {
        let reference = self.references.get(reference.0)?;
        let retrying = reference.state == ReferenceState::Queued && reference.valid_from > now;
        let class = match self.kinds[reference.subscriber.index()] {
            SubscriberKind::Orchestration(_) => ServiceClass::Orchestration,
            SubscriberKind::Responses(_) | SubscriberKind::SendPort(_) => ServiceClass::Messaging,
        };
        Some(ServiceInstance {
            id,
            class,
            status: reference.status(),
            shown: retrying.then_some(SubState::Retrying),
            pending: reference.pending,
            messages: 1,
        })
    }

    /// Every instance there is, as it stands at `now`: references by publication, then what is
    /// suspended without one, then reports.
    #[must_use]
    pub fn service_instances(&self, now: Instant) -> Vec<ServiceInstance> {
        let mut references: Vec<(u64, ReferenceId)> = (self.references.iter())
            .map(|(key, reference)| (reference.sequence, ReferenceId(key)))
            .collect();
        references.sort_unstable();
        let mut ids: Vec<ServiceInstanceId> = Vec::new();
        for (_, id) in references {
            if let Some(instance) = self.service_instance_of(id)
                && (matches!(instance, ServiceInstanceId::Reference(_)) || !ids.contains(&instance))
            {
                ids.push(instance);
            }
        }
        let messages = self.suspended.messages.iter();
        ids.extend(messages.map(|message| ServiceInstanceId::Message(message.number)));
        ids.extend(
            (0_u32..).zip(&self.suspended.reports).map(|(at, _)| ServiceInstanceId::Report(at)),
        );
        ids.into_iter().filter_map(|id| self.service_instance(now, id)).collect()
    }

    /// The suspended instances of a subscriber, in publication order (R-MBX-13).
    #[must_use]
    pub fn suspended_instances(&self, of: impl Into<SubscriberId>) -> Vec<ServiceInstanceId> {
        self.instances_of(self.suspended_at(of, |_, _| true))
    }

    /// The instances of a subscriber that are not suspended, in publication order (R-MBX-08).
    #[must_use]
    pub fn running_instances(&self, of: SubscriberId) -> Vec<ServiceInstanceId> {
        let here = |reference: &Reference| reference.subscriber == of && !reference.is_suspended();
        let mut found: Vec<(u64, ReferenceId)> = (self.references.iter())
            .filter(|(_, reference)| here(reference))
            .map(|(key, reference)| (reference.sequence, ReferenceId(key)))
            .collect();
        found.sort_unstable();
        self.instances_of(found.into_iter().map(|(_, id)| id).collect())
    }

    fn instances_of(&self, references: Vec<ReferenceId>) -> Vec<ServiceInstanceId> {
        let mut ids: Vec<ServiceInstanceId> = Vec::new();
        for id in references {
            let instance = self.service_instance_of(id);
            // Only an ordered port has one instance for many messages.
            let is_known = |one: &ServiceInstanceId| {
                matches!(one, ServiceInstanceId::Ordered(..)) && ids.contains(one)
            };
            let fresh = instance.filter(|one| !is_known(one));
            ids.extend(fresh);
        }
        ids
    }

    /// What came by a receive location and is suspended without a reference, in the order in
    /// which it was suspended (R-SUSP-01, INV-61).
    #[must_use]
    pub fn suspended_from(&self, location: &str) -> Vec<ServiceInstanceId> {
        let came = |message: &&SuspendedMessage| {
            let context = match &message.form {
                SuspendedForm::Document(document) => &document.context,
                SuspendedForm::Handed { wire, .. } | SuspendedForm::Wire(wire) => &wire.context,
            };
            let at = context.read(PropertyId::INBOUND_TRANSPORT_LOCATION);
            matches!(at, Some(Value::Text(name)) if **name == *location)
        };
        let messages = self.suspended.messages.iter().filter(came);
        messages.map(|message| ServiceInstanceId::Message(message.number)).collect()
    }

    /// What an instance holds, to be written somewhere before it is terminated: removal itself
    /// is never automatic (R-MBX-13, R-ADD-03).
    #[must_use]
    pub fn save(&self, id: ServiceInstanceId) -> Vec<SavedMessage> {
        let of_reference = |id: ReferenceId| {
            let reference = self.references.get(id.0)?;
            let document = &self.row(reference).document;
            Some(SavedMessage {
                document: document.name,
                // With what its adapter asked to be kept (R-CTX-10).
                context: self.context_for(reference),
                parts: Some(document.parts.clone()),
            })
        };
        match id {
            ServiceInstanceId::Message(number) => {
                self.suspended.message(number).map(saved).into_iter().collect()
            }
            ServiceInstanceId::Ordered(port, lane) => {
                let ordered = self.subscribers[port.index()].ordered.as_ref();
                let ordered = ordered.and_then(|lanes| lanes.lane(lane));
                let queue = ordered.map(OrderedInstance::iter);
                queue.into_iter().flatten().filter_map(of_reference).collect()
            }
            ServiceInstanceId::Reference(id) => of_reference(id).into_iter().collect(),
            ServiceInstanceId::Report(at) => {
                let report = self.suspended.reports.get(at as usize);
                let saved = report.map(|report| SavedMessage {
                    document: report.document,
                    context: report.context.clone(),
                    parts: None,
                });
                saved.into_iter().collect()
            }
        }
    }
}

fn saved(message: &SuspendedMessage) -> SavedMessage {
    let (context, parts) = match &message.form {
        SuspendedForm::Document(document) => (&document.context, &document.parts),
        SuspendedForm::Handed { wire, .. } | SuspendedForm::Wire(wire) => {
            (&wire.context, &wire.parts)
        }
    };
    SavedMessage { document: message.name(), context: context.clone(), parts: Some(parts.clone()) }
}
