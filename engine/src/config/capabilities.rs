//! What adapters say of themselves when they are registered.

use super::AdapterKind;

/// What an adapter says of itself when it is registered (R-SND-05).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Capabilities(pub u32);

impl Capabilities {
    /// Receives.
    pub const RECEIVE: Self = Self(0x1);
    /// Transmits.
    pub const TRANSMIT: Self = Self(0x2);
    /// Its receiver is created by the engine, in the engine's process.
    pub const RECEIVE_IN_PROCESS: Self = Self(0x8);
    /// Its receiver answers requests.
    pub const REQUEST_RESPONSE: Self = Self(0x80);
    /// Its transmitter brings replies to solicits.
    pub const SOLICIT_RESPONSE: Self = Self(0x100);
    /// It can serve an ordered port.
    pub const ORDERED_DELIVERY: Self = Self(0x4000);
    /// Its transmitter is created when the service starts (R-SND-01).
    pub const INIT_TRANSMITTER_ON_SERVICE_START: Self = Self(0x8000);

    /// Whether all of `other` is among them.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

const IN_PROCESS: Capabilities = Capabilities::RECEIVE.with(Capabilities::RECEIVE_IN_PROCESS);

impl AdapterKind {
    /// What every adapter of this kind says of itself (R-SND-05).
    #[must_use]
    pub const fn capabilities(&self) -> Capabilities {
        match self {
            Self::Receive(_) | Self::TransactionalReceive(_) => IN_PROCESS,
            Self::Request(_) => IN_PROCESS.with(Capabilities::REQUEST_RESPONSE),
            Self::Send(_) | Self::TransactionalSend(_) => Capabilities::TRANSMIT
                .with(Capabilities::SOLICIT_RESPONSE)
                .with(Capabilities::ORDERED_DELIVERY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ReceiveSettings, RequestSettings, SendSettings};
    use crate::time::Duration;

    #[test]
    fn the_flags_are_the_product_s() {
        // R-SND-05: receive, transmit, request-response, solicit-response, ordered, at start.
        let receive = ReceiveSettings {
            batch_messages: 1,
            batch_bytes: 1,
            poll: None,
            notify: true,
            batches: 1,
        };
        let send = SendSettings {
            blocking: false,
            batched: false,
            batch: 1,
            fixed_batch: false,
            workers: 1,
            completion_batch: 1,
            completion_wait: Duration::ZERO,
            resolves: false,
        };
        let flags = |kind: AdapterKind| kind.capabilities().0;
        assert_eq!(flags(AdapterKind::Receive(receive)), 1 | 8);
        assert_eq!(flags(AdapterKind::Request(RequestSettings::default())), 1 | 8 | 0x80);
        assert_eq!(flags(AdapterKind::Send(send)), 2 | 0x100 | 0x4000);
        assert_eq!(Capabilities::INIT_TRANSMITTER_ON_SERVICE_START, Capabilities(0x8000));
        let both = Capabilities(0x8000).with(Capabilities::TRANSMIT);
        assert!(both.has(Capabilities(2)) && !both.has(Capabilities(1)));
    }
}
