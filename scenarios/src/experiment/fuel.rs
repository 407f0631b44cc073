//! What a search may cost: so many steps of its worlds in all.
//!
//! Everything else that bounds a search (seconds of a probe, documents of a run, runs) leaves a
//! scenario some way to take for ever: retries by the million, a queue that forgets slowly, a rate
//! that doubles and doubles. A step is one input to one machine, and every world takes as many
//! however many threads there are; so it is the same searches that come to their end, everywhere.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use floodgate_engine::time::Instant;
use floodgate_sim::world::{Overfull, Pin, World};

use super::progress::Progress;
use crate::plan::Problems;

/// Steps that are taken from the budget at a time.
const TANK: u64 = 1 << 16;

/// The steps that all pieces of work of a search may take together.
#[derive(Debug)]
pub(super) struct Budget {
    tanks: AtomicU64,
    /// Documents of all pieces of work, whether they came to an end or not.
    documents: AtomicU64,
    /// Whether a world of the search is not to go on, as what it came to says.
    ended: AtomicBool,
    /// Who is told what the search is at.
    pub(super) progress: Progress,
    /// What breaks the engine in every world of the search.
    #[cfg(test)]
    pub(super) sabotage: Option<floodgate_engine::sabotage::Sabotage>,
}

impl Default for Budget {
    /// Without an end.
    fn default() -> Self {
        Self {
            tanks: AtomicU64::new(u64::MAX),
            documents: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            progress: Progress::default(),
            #[cfg(test)]
            sabotage: None,
        }
    }
}

impl Budget {
    /// So many steps from now on.
    pub(super) fn fill(&self, steps: u64) {
        self.tanks.store(steps.div_ceil(TANK), Ordering::SeqCst);
    }

    /// Why the search cannot go on after these `problems`, if they are none of its input: all of
    /// its steps were asked for, or too much waited in one of its worlds.
    pub(super) fn over(&self, problems: &Problems, steps_max: u64) -> Option<String> {
        if self.ended.load(Ordering::SeqCst) {
            return Some(problems.to_string());
        }
        let steps = steps_max as f64 / 1e6;
        let spent = || {
            format!(
                "the search was not over after {steps} million steps of its runs: raise \
                 --max-steps (with --out it goes on where it ended), or ask for less --precision"
            )
        };
        self.is_spent().then(spent)
    }

    /// Whether all of its steps were asked for.
    pub(super) fn is_spent(&self) -> bool {
        self.tanks.load(Ordering::SeqCst) == 0
    }

    /// Documents of all pieces of work so far, of this process: where the budget ends them is not
    /// the same on any number of threads.
    pub(super) fn documents(&self) -> u64 {
        self.documents.load(Ordering::SeqCst)
    }

    /// Too much waited in a world of the search.
    fn overfill(&self, found: Overfull) -> Problems {
        self.end(too_much(found))
    }

    /// A world of the search is not to go on.
    fn end(&self, why: String) -> Problems {
        self.ended.store(true, Ordering::SeqCst);
        Problems::one(why, None)
    }

    /// Takes so many tanks.
    fn take(&self, tanks: u64) -> Result<(), Problems> {
        let less = |left: u64| left.checked_sub(tanks).filter(|left| *left > 0);
        match self.tanks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => Ok(()),
            Err(_) => {
                // Whoever else is at work ends, too.
                self.tanks.store(0, Ordering::SeqCst);
                Err(Problems::one("the steps of the search are used up".to_owned(), None))
            }
        }
    }
}

/// What is said of a run that ended because too much waited.
pub(super) fn too_much(found: Overfull) -> String {
    let Overfull { at, waiting, suspended, bytes } = found;
    format!(
        "The run was ended at {at}: {waiting} documents waited and {suspended} messages were \
         suspended, {bytes} bytes in all, and 'waiting_max' lets no more be in memory at once."
    )
}

/// The steps of one piece of work.
#[derive(Debug)]
pub(super) struct Fuel<'a> {
    budget: &'a Budget,
    left: u64,
    tanks: u64,
}

impl<'a> Fuel<'a> {
    /// For a piece of work that has taken none yet.
    pub(super) const fn of(budget: &'a Budget) -> Self {
        Self { budget, left: 0, tanks: 0 }
    }

    /// What the piece took.
    pub(super) const fn tanks(&self) -> u64 {
        self.tanks
    }

    /// Counts what was taken for it by others.
    pub(super) const fn note(&mut self, tanks: u64) {
        self.tanks += tanks;
    }

    /// Takes what the same piece took when it was done before.
    ///
    /// # Errors
    ///
    /// When that is more than is left.
    pub(super) fn burn(&mut self, tanks: u64) -> Result<(), Problems> {
        self.tanks += tanks;
        self.budget.take(tanks)
    }

    /// Runs `world` until `until`; `false` if it ended before.
    ///
    /// # Errors
    ///
    /// When the steps of the search are used up.
    pub(super) fn run_until(
        &mut self,
        world: &mut World,
        until: Instant,
    ) -> Result<bool, Problems> {
        self.sabotage(world);
        self.counted(world, |fuel, world, look| {
            fuel.run(|steps| {
                look(world);
                world.run_until_or(until, steps)
            })
        })
    }

    /// The same with a held backlog.
    ///
    /// # Errors
    ///
    /// The same.
    pub(super) fn run_pinned(
        &mut self,
        world: &mut World,
        pin: &Pin,
        (until, offered_max): (Instant, u64),
    ) -> Result<(), Problems> {
        self.sabotage(world);
        let run = |fuel: &mut Self, world: &mut World, look: &dyn Fn(&World)| {
            fuel.run(|steps| {
                look(world);
                world.run_pinned(pin, until, (offered_max, steps))
            })
        };
        self.counted(world, run).map(|_| ())
    }

    /// Ends the search for a reason of this piece of work.
    pub(super) fn end(&self, why: String) -> Problems {
        self.budget.end(why)
    }

    /// What a piece of work comes to, counted among the documents of the search; one in which too
    /// much waits comes to nothing.
    fn counted(
        &mut self,
        world: &mut World,
        run: impl FnOnce(&mut Self, &mut World, &dyn Fn(&World)) -> Result<bool, Problems>,
    ) -> Result<bool, Problems> {
        let before = world.meters().received;
        let budget = self.budget;
        let look = |world: &World| budget.progress.look(world, (before, budget.documents()));
        let found = run(self, world, &look);
        let documents = world.meters().received - before;
        self.budget.documents.fetch_add(documents, Ordering::SeqCst);
        match world.overfull() {
            Some(overfull) => Err(self.budget.overfill(overfull)),
            None => found,
        }
    }

    /// Breaks the engine of `world`, if a test wants that.
    #[cfg(test)]
    fn sabotage(&self, world: &mut World) {
        if let Some(sabotage) = self.budget.sabotage {
            world.sabotage(sabotage);
        }
    }

    #[cfg(not(test))]
    const fn sabotage(&self, _world: &mut World) {}

    fn run(&mut self, mut some: impl FnMut(&mut u64) -> bool) -> Result<bool, Problems> {
        loop {
            if self.left == 0 {
                self.burn(1)?;
                self.left = TANK;
            }
            let more = some(&mut self.left);
            if self.left > 0 {
                return Ok(more);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_is_used_up_for_all_and_what_was_done_before_counts() {
        let budget = Budget::default();
        budget.fill(3 * TANK);
        let is_over = |own: &Budget| own.over(&Problems::default(), 1).is_some();
        let (mut one, mut other) = (Fuel::of(&budget), Fuel::of(&budget));
        // Work that ends within a tank takes one, and goes on with what is left of it.
        let mut taken = 0;
        let some = |of: u64| {
            move |steps: &mut u64| {
                *steps -= of.min(*steps);
                true
            }
        };
        assert!(one.run(some(10)).is_ok() && one.run(some(10)).is_ok());
        taken += one.tanks();
        assert_eq!((taken, is_over(&budget)), (1, false));
        assert!(other.burn(1).is_ok());
        assert!(other.burn(1).is_err() && is_over(&budget));
        // The other one has some left, and no more after that.
        assert!(one.run(some(10)).is_ok());
        assert!(one.run(some(TANK)).is_err());
    }
}
