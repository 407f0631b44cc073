//! A sender that says itself when its batch is complete, and what it cannot be besides.

use super::super::deciding::Deciding;
use super::super::habits::Habitual;
use super::super::{CallId, Returned};
use super::Sender;
use crate::config::{Choices, Habits, ThrowingCall};
use crate::message_box::OutboundMessage;
use crate::time::Instant;
use crate::transport_proxy::TransportProxy;

impl Sender {
    /// The same, under the product's choice of who completes an adapter batch.
    ///
    /// # Panics
    ///
    /// If it is to throw in `TransmitMessage` besides, as [`Sender::with_habits`] says.
    #[must_use]
    pub fn choosing(self, choices: &Choices) -> Self {
        let deciding = self.settings.decides(choices).map(|wait| Box::new(Deciding::new(wait)));
        Self { deciding, ..self }.agreeing()
    }

    /// The same, with these habits.
    ///
    /// # Panics
    ///
    /// If it is to throw in `TransmitMessage` and completes its own batches: it may have started
    /// with some of the batch that the engine then gives back, and they would be sent twice
    /// (GS-13, INV-54). The sources do not say what such an adapter is to do.
    #[must_use]
    pub fn with_habits(self, habits: &Habits) -> Self {
        let own = (!habits.is_empty()).then(|| Box::new(Habitual::new(habits.clone())));
        Self { habitual: own, ..self }.agreeing()
    }

    /// Itself, if its habits and the choice of who completes a batch agree.
    fn agreeing(self) -> Self {
        let throws = self.habitual.as_ref().and_then(|own| own.throwing_in());
        assert!(
            self.deciding.is_none() || throws != Some(ThrowingCall::TransmitMessage),
            "an adapter that completes its own batches throws in BeginBatch or nowhere (X-04)"
        );
        self
    }

    /// A message comes in while the adapter decides when a batch is complete.
    #[cold]
    pub(super) fn decide(
        &mut self,
        now: Instant,
        (call, message): (CallId, Box<OutboundMessage>),
        proxy: &mut TransportProxy,
    ) {
        let Some(deciding) = &mut self.deciding else { return };
        deciding.take(now, (call, message), proxy);
        let starts = self.terminating.is_some() || deciding.is_full(self.settings.batch);
        proxy.returned(call, Returned::Pending);
        if starts {
            self.start_decided(proxy);
        }
    }

    pub(super) fn waited(&self, token: u64) -> bool {
        self.deciding.as_ref().is_some_and(|deciding| deciding.waited(token))
    }

    #[cold]
    pub(super) fn start_decided(&mut self, proxy: &mut TransportProxy) {
        let messages = self.deciding.as_mut().map(|deciding| deciding.start());
        if let Some(messages) = messages.filter(|messages| !messages.is_empty()) {
            self.begin(messages, proxy);
        }
    }
}
