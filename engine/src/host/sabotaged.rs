//! A host instance that is broken on purpose, in test builds; in others there is nothing to break.

use super::HostInstance;
use crate::sabotage::Sabotage;

impl HostInstance {
    /// From now on it breaks a promise of host instances, if that is what this breaks.
    #[cfg(feature = "sabotage")]
    pub fn sabotage(&mut self, sabotage: Sabotage) {
        self.sabotage = Some(sabotage);
    }

    #[cfg(feature = "sabotage")]
    pub(super) fn is_sabotaged(&self, by: Sabotage) -> bool {
        self.sabotage == Some(by)
    }

    #[cfg(not(feature = "sabotage"))]
    #[expect(clippy::unused_self, reason = "the twin under the feature `sabotage` uses it")]
    pub(super) const fn is_sabotaged(&self, _by: Sabotage) -> bool {
        false
    }
}
