//! Host throttling at the seam: what it does to publishing and to delivery.
//!
//! A [`Controller`] decides when a host instance is throttled and how hard. What follows: a
//! publishing batch is delayed on its engine thread before it commits, a delivery before its first
//! message is handed over. While threads are held the pool's queue fills, and a full queue makes
//! `Done` block (R-DONE-03). Nothing is dropped.

mod controller;
mod dehydration;
mod heap;
mod memory;
mod settings;
mod told;

pub use controller::{Controller, Readings, Totals};
pub use dehydration::{DehydrationSettings, Measure, MemoryInUse, Waits, dehydrates};
pub use heap::Heap;
pub use memory::{Holdings, Memory};
pub use settings::{Direction, Override, Severities, ThrottleSettings};
pub use told::{Condition, Told};

use crate::time::Duration;

/// The longest delay that throttling imposes (R-THR-03).
pub const MAX_DELAY: Duration = Duration::from_millis(300_000);

macro_rules! states {
    (
        $(#[$doc:meta])* $name:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $code,)*
        }

        impl $name {
            /// Every state, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code that the product's counter shows (R-THR-02).
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }
        }
    };
}

states! {
    /// Why publishing is throttled (R-THR-02).
    PublishingState {
        /// It is not.
        #[default]
        None = 0,
        /// More comes in than goes out.
        Rate = 2,
        /// The process uses too much memory.
        ProcessMemory = 4,
        /// The machine has too little memory left.
        SystemMemory = 5,
        /// Too many messages in the database.
        DatabaseSize = 6,
        /// Too many database sessions.
        Sessions = 8,
        /// Too many threads.
        Threads = 9,
        /// An operator said so.
        UserOverride = 11,
    }
}

states! {
    /// Why delivery is throttled (R-THR-02).
    DeliveryState {
        /// It is not.
        #[default]
        None = 0,
        /// More is delivered than is finished.
        Rate = 1,
        /// Too many messages handed out and not finished (R-DEQ-08).
        InProcess = 3,
        /// The process uses too much memory.
        ProcessMemory = 4,
        /// The machine has too little memory left.
        SystemMemory = 5,
        /// Too many threads.
        Threads = 9,
        /// An operator said so.
        UserOverride = 10,
    }
}

impl PublishingState {
    /// Which of several causes counts: the smallest rank is the most severe (R-THR-03).
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::ProcessMemory => 0,
            Self::Threads => 2,
            Self::DatabaseSize => 3,
            Self::Rate | Self::Sessions | Self::SystemMemory | Self::UserOverride => 4,
            Self::None => u8::MAX,
        }
    }
}

impl DeliveryState {
    /// Which of several causes counts: the smallest rank is the most severe (R-THR-03).
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::ProcessMemory => 0,
            Self::InProcess => 1,
            Self::Threads => 2,
            Self::Rate | Self::SystemMemory | Self::UserOverride => 4,
            Self::None => u8::MAX,
        }
    }
}

/// What is imposed on a host instance until it is changed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Throttle {
    /// Why publishing waits.
    pub publishing: PublishingState,
    /// How long a publishing batch waits on its thread before it commits.
    pub publishing_delay: Duration,
    /// Why delivery waits.
    pub delivery: DeliveryState,
    /// How long a delivery waits, in memory and without a thread, before its first message.
    pub delivery_delay: Duration,
    /// Engine threads that may not be used; as many as there are at the start always may.
    pub threads_less: u32,
    /// Bytes of memory below which a publishing batch passes without a delay; zero for none.
    pub spares: u64,
    /// Looks into the queues that may not be under way at once; one always may.
    pub looks_less: u32,
}

impl Throttle {
    /// Throttles publishing: the delay grows with the severity, a share from 0 to 1, up to the
    /// maximum (R-THR-03).
    #[must_use]
    pub fn publishing(state: PublishingState, severity: f64) -> Self {
        let publishing_delay = delay(severity);
        Self { publishing: state, publishing_delay, ..Self::default() }
    }

    /// Throttles delivery likewise.
    #[must_use]
    pub fn delivery(state: DeliveryState, severity: f64) -> Self {
        Self { delivery: state, delivery_delay: delay(severity), ..Self::default() }
    }
}

/// The delay of a severity between 0 and 1.
fn delay(severity: f64) -> Duration {
    let share = severity.clamp(0.0, 1.0);
    Duration::from_nanos((MAX_DELAY.as_nanos() as f64 * share) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_counters() {
        // R-THR-02.
        let publishing: Vec<u8> = PublishingState::ALL.iter().map(|state| state.code()).collect();
        assert_eq!(publishing, [0, 2, 4, 5, 6, 8, 9, 11]);
        let delivery: Vec<u8> = DeliveryState::ALL.iter().map(|state| state.code()).collect();
        assert_eq!(delivery, [0, 1, 3, 4, 5, 9, 10]);
    }

    #[test]
    fn memory_is_the_most_severe_and_the_delay_is_bounded() {
        // R-THR-03: process memory, in-process messages, threads, database size, the others; a
        // delay in proportion, at most 300,000 ms.
        use DeliveryState::{InProcess, Rate, Threads};
        let mut causes = [Rate, Threads, DeliveryState::ProcessMemory, InProcess];
        causes.sort_by_key(|state| state.rank());
        assert_eq!(causes, [DeliveryState::ProcessMemory, InProcess, Threads, Rate]);
        let mut causes = [
            PublishingState::Rate,
            PublishingState::DatabaseSize,
            PublishingState::Threads,
            PublishingState::ProcessMemory,
        ];
        causes.sort_by_key(|state| state.rank());
        assert_eq!(causes.map(PublishingState::code), [4, 9, 6, 2],);
        let throttle = Throttle::publishing(PublishingState::Rate, 0.5);
        assert_eq!(
            (throttle.publishing, throttle.delivery),
            (PublishingState::Rate, DeliveryState::None)
        );
        let throttle = Throttle::delivery(Threads, 0.5);
        assert_eq!((throttle.publishing, throttle.delivery), (PublishingState::None, Threads));
        let delays = [0.0, 0.5, 1.0, 7.0]
            .map(|severity| Throttle::publishing(PublishingState::Rate, severity).publishing_delay);
        assert_eq!(
            delays.map(Duration::as_nanos),
            [0, 150_000_000_000, 300_000_000_000, 300_000_000_000]
        );
    }
}
