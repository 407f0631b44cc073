//! The topology as a host instance has it: looked up in, never changed, and so no part of what a
//! host instance is found to be when it is shown.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::config::Topology;

/// What is configured.
#[derive(Clone)]
pub(super) struct Plan(pub(super) Arc<Topology>);

impl Deref for Plan {
    type Target = Arc<Topology>;

    #[inline(always)]
    fn deref(&self) -> &Arc<Topology> {
        &self.0
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Topology")
    }
}
