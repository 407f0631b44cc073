//! A backlog that is held: as documents end, the loads are asked for as many more.
//!
//! What flows through a plant that always has this much to do is its throughput at that backlog,
//! and nothing is left to chance but the work itself: no load is drawn, none is too fast or slow.

use floodgate_engine::time::Instant;

use super::World;

/// How much is held, and who offers what is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Pin {
    /// Documents offered and not finished, at any time.
    pub documents: u64,
    /// Messages of each load, in proportion. Loads beyond these offer nothing here.
    pub shares: Vec<f64>,
}

impl World {
    /// Runs until `until`, or until the loads have offered so many documents in all or so many
    /// steps are taken, whichever is first; `true` if it was the instant. A setup for this has
    /// loads without arrivals of their own.
    pub fn run_pinned(
        &mut self,
        pin: &Pin,
        until: Instant,
        (offered_max, steps): (u64, &mut u64),
    ) -> bool {
        while *steps > 0 {
            *steps -= 1;
            while self.backlog() < pin.documents {
                if self.meters.offered >= offered_max {
                    return false;
                }
                self.offer_next(&pin.shares);
            }
            let due = self.ring.is_empty().then(|| self.next_at()).flatten();
            let nothing = self.ring.is_empty() && due.is_none();
            if nothing || due.is_some_and(|at| at >= until) || !self.step() {
                self.wait_until(until);
                return true;
            }
        }
        false
    }

    /// The load that is furthest behind its share offers its next message.
    fn offer_next(&mut self, shares: &[f64]) {
        let progress = |at: usize| (self.loads[at].sent + 1) as f64 / shares[at];
        let behind = (0..shares.len().min(self.loads.len()))
            .min_by(|a, b| progress(*a).total_cmp(&progress(*b)));
        let load = behind.expect("a pinned world has a load");
        let (location, message) =
            self.next_message(u32::try_from(load).expect("fewer than 2^32 loads"));
        self.offer(location, message);
    }
}
