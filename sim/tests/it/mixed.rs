//! Random plants of ports of every kind, one- and two-way, in transactions or not, under every open
//! choice and random acts: every promise is judged at every step.
//!
//! The same acts as in `state_machine.rs`, and the same stories of what fails.

mod draw;
mod town;

use floodgate_sim::world::World;

use crate::fixture::{Verdict, demand, demand_eq, holds};
use crate::state_machine::{Act, acts, judge};
use draw::towns;
use town::Town;

/// So many cases, or as many as `PROPTEST_CASES` says: long searches are made by hand, from
/// another `PROPTEST_RNG_SEED`.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

/// What is left when everything is at its end.
fn nothing_hangs(world: &World) -> Verdict {
    demand_eq(world.message_box().reference_counts().locked, 0, "locked references")?;
    let fates = world.fates();
    demand(fates.intake.closes() && fates.deliveries.closes(), || format!("{fates:?}"))
}

#[test]
fn every_promise_is_kept_in_every_town() {
    let regressions = "proptest-regressions/mixed.txt";
    holds(cases(120), regressions, &(towns(), acts()), judged_case);
}

fn judged_case((town, acts): &(Town, Vec<(u64, Act)>)) -> Verdict {
    judge(&town.plant(), acts, None, nothing_hangs)
}
