//! What a controller shows of itself: the conditions that hold, and since when it throttles.

use super::controller::Readings;
use super::settings::ThrottleSettings;
use super::{DeliveryState, PublishingState};
use crate::time::Instant;

/// A condition of the published list, as the counters call them "high".
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// Too many messages in the database.
    DatabaseSize,
    /// Too many database sessions.
    DatabaseSession,
    /// More is delivered than is finished.
    DeliveryRate,
    /// Too many messages handed out and not finished.
    InProcess,
    /// The process takes too much memory.
    ProcessMemory,
    /// More is handed in than is published.
    PublishingRate,
    /// The machine has too little memory left.
    SystemMemory,
    /// Too many threads.
    Threads,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::DatabaseSize,
        Self::DatabaseSession,
        Self::DeliveryRate,
        Self::InProcess,
        Self::ProcessMemory,
        Self::PublishingRate,
        Self::SystemMemory,
        Self::Threads,
    ];

    pub(super) const fn of_publishing(state: PublishingState) -> Option<Self> {
        match state {
            PublishingState::None | PublishingState::UserOverride => None,
            PublishingState::Rate => Some(Self::PublishingRate),
            PublishingState::ProcessMemory => Some(Self::ProcessMemory),
            PublishingState::SystemMemory => Some(Self::SystemMemory),
            PublishingState::DatabaseSize => Some(Self::DatabaseSize),
            PublishingState::Sessions => Some(Self::DatabaseSession),
            PublishingState::Threads => Some(Self::Threads),
        }
    }

    pub(super) const fn of_delivery(state: DeliveryState) -> Option<Self> {
        match state {
            DeliveryState::None | DeliveryState::UserOverride => None,
            DeliveryState::Rate => Some(Self::DeliveryRate),
            DeliveryState::InProcess => Some(Self::InProcess),
            DeliveryState::ProcessMemory => Some(Self::ProcessMemory),
            DeliveryState::SystemMemory => Some(Self::SystemMemory),
            DeliveryState::Threads => Some(Self::Threads),
        }
    }

    /// The value above which it holds, for a host instance with so many CPUs; rates have none,
    /// and zero is off.
    #[must_use]
    pub const fn threshold(self, settings: &ThrottleSettings, cpus: u64) -> u64 {
        match self {
            Self::DatabaseSize => settings.messages,
            Self::DatabaseSession => settings.sessions.saturating_mul(cpus),
            Self::DeliveryRate | Self::PublishingRate => 0,
            Self::InProcess => settings.in_process.saturating_mul(cpus),
            Self::ProcessMemory => settings.process_memory,
            Self::SystemMemory => settings.system_memory,
            Self::Threads => settings.threads.saturating_mul(cpus),
        }
    }
}

/// What a controller saw when it looked last, whatever came of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Told {
    /// What it was shown.
    pub readings: Readings,
    /// When publishing and delivery came into the states in which they are.
    pub since: (Instant, Instant),
    /// Which conditions hold, by their places in [`Condition::ALL`]; also those that an operator
    /// overrides or that a more severe one hides.
    high: u8,
}

impl Told {
    /// Whether a condition holds.
    #[must_use]
    pub const fn is_high(&self, condition: Condition) -> bool {
        self.high & 1 << condition as u8 != 0
    }

    pub(super) const fn note(&mut self, condition: Option<Condition>, holds: bool) {
        let Some(condition) = condition else { return };
        if holds {
            self.high |= 1 << condition as u8;
        } else {
            self.high &= !(1 << condition as u8);
        }
    }
}
