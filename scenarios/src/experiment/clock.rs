//! The one clock outside `benches/`: it times the tool and touches nothing of a run.

use std::time::Duration;

/// A stopwatch for `wall_seconds`.
pub(super) struct WallClock(
    #[expect(clippy::disallowed_types, reason = "wall_seconds is about the tool")]
    std::time::Instant,
);

impl WallClock {
    #[expect(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "wall_seconds is about the tool"
    )]
    pub(super) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
