//! Closed loop: users who wait for an end of what they asked for, think, and ask again.
//!
//! Nobody but the world knows when something has come to its end; here is how many users there are
//! and how long each thinks.

use floodgate_engine::hash::mix;
use floodgate_engine::time::Duration;

use crate::dist::Dist;
use crate::rng::{Purpose, Rng};

/// A population of users.
#[derive(Clone, Debug, PartialEq)]
pub struct Users {
    /// Those who are there from the start of the load.
    pub first: u32,
    /// How many more come…
    pub add: u32,
    /// …every so often; zero: nobody else comes.
    pub every: Duration,
    /// Until there are so many.
    pub most: u32,
    /// How long each thinks before a request: before the first as before any other.
    pub think: Dist,
}

impl Users {
    /// How many come when `there` are there already.
    #[must_use]
    pub fn coming(&self, there: u32) -> u32 {
        if there == 0 { self.first } else { self.add.min(self.most.saturating_sub(there)) }
    }

    /// How long `user` thinks before request `index`; `key` is the load's.
    #[must_use]
    pub fn thinks(&self, rng: &Rng, key: u64, user: u32, index: u64) -> Duration {
        let of_user = mix(mix(key, u64::from(user)), index);
        self.think.sample(|draw| rng.uniform(Purpose::Think, of_user, u64::from(draw)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_come_in_steps_until_all_are_there() {
        let think = Dist::Constant(Duration::ZERO);
        let every = Duration::from_secs(60);
        let users = Users { first: 30, add: 20, every, most: 80, think };
        let mut there = 0;
        let mut steps = Vec::new();
        while users.coming(there) > 0 {
            there += users.coming(there);
            steps.push(there);
        }
        assert_eq!(steps, [30, 50, 70, 80]);
    }

    #[test]
    fn the_thoughts_of_a_user_are_its_own() {
        let think = Dist::Exponential { mean: Duration::from_secs(1) };
        let users = Users { first: 2, add: 0, every: Duration::ZERO, most: 2, think };
        let rng = Rng::new(5, 0);
        let of = |user, index| users.thinks(&rng, 9, user, index);
        assert_eq!(of(1, 3), of(1, 3));
        assert_ne!(of(1, 3), of(0, 3));
        assert_ne!(of(1, 3), of(1, 4));
    }
}
