//! Whether the engine holds its input back: what is offered waits outside, and inside nothing
//! grows.

use floodgate_engine::throttle::PublishingState;
use floodgate_sim::world::World;

use super::mst::why;

/// Publishing must wait at so many looks to be what holds the input back.
const HELD: f64 = 0.5;
/// The share of the growth that must wait outside.
const OUTSIDE: f64 = 0.5;

/// What was seen at the ends of windows (R-THR-02).
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldInput {
    /// Documents outside at the beginning.
    from: u64,
    looks: u32,
    held: u32,
    why: PublishingState,
}

impl HeldInput {
    /// From now on.
    pub(super) const fn since(world: &World) -> Self {
        Self { from: world.outside(), looks: 0, held: 0, why: PublishingState::None }
    }

    /// Looks once.
    pub(super) fn look(&mut self, world: &World) {
        let now = world.publishing_state();
        self.looks += 1;
        if now != PublishingState::None {
            (self.held, self.why) = (self.held + 1, now);
        }
    }

    /// The evidence, if the backlog grew by `growth` documents because the input is held.
    pub(super) fn evidence(&self, world: &World, growth: f64) -> Option<String> {
        let outside = world.outside() as f64 - self.from as f64;
        let held = f64::from(self.held) / f64::from(self.looks.max(1));
        (held >= HELD && outside >= growth * OUTSIDE).then(|| {
            format!(
                "the input is held back ({}) at {:.0} % of the looks: {outside:+.0} documents \
                 outside, {:+.0} inside",
                why(self.why),
                100.0 * held,
                growth - outside
            )
        })
    }
}
