//! What a send adapter has decided and the engine could not store: laid aside for a pause.
//!
//! Where one MessageBox of several is away the process lives on, and only it can give back what it
//! has locked there (R-MMB-06). So an outcome is handed in again until it is taken (R-FILT-02,
//! R-FILT-04). Where everything is away the process recycles before long and forgets them: the
//! messages come back with its locks (R-SHUT-07).

use super::receive::PAUSE;
use crate::time::Instant;
use crate::transport_proxy::TransportProxy;

/// The token of the pause; no other timer of a send adapter counts so far.
pub(super) const PAUSE_OVER: u64 = u64::MAX;

/// Outcomes that wait for another try.
#[derive(Clone, Debug)]
pub(super) struct Aside<T>(Vec<T>);

impl<T> Default for Aside<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Aside<T> {
    /// Keeps outcomes until [`PAUSE_OVER`]; those that come in the meantime do not prolong it.
    pub(super) fn lay(
        &mut self,
        now: Instant,
        outcomes: impl IntoIterator<Item = T>,
        proxy: &mut TransportProxy,
    ) {
        if self.0.is_empty() {
            proxy.wake(now + PAUSE, PAUSE_OVER);
        }
        self.0.extend(outcomes);
    }

    /// What is to be tried again. Each goes alone: what lives in a MessageBox that is there need
    /// not wait for one that is not.
    pub(super) fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.0)
    }
}
