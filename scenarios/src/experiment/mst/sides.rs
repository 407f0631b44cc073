//! The loads on either side of the one that just meets a goal: there the goal must be met and
//! missed as its line says, or the line is wrong.

use floodgate_reports::{MstVerdict, Probe};

use super::Search;
use super::confirm::Confirmation;
use super::goals::{allowed, in_words};
use super::root::{Root, Shares, TO_CAPACITY};
use crate::plan::Problems;
use crate::plan::goal::Goal;

/// Runs on either side of the answer that must not contradict it, together.
const AGREEING: usize = 2;
/// They are so many half-widths of the interval from it.
const AGREE_DISTANCE: f64 = 2.0;
/// Standard errors that no chance explains.
const NO_CHANCE: f64 = 3.0;

/// What runs at one load saw together.
#[derive(Clone, Copy, Debug)]
struct Side {
    rate: f64,
    /// What counts against the goal, and how much there was.
    bad: f64,
    all: f64,
}

impl Side {
    /// Of goal number `goal`.
    fn of(rate: f64, runs: &[Confirmation], goal: usize) -> Self {
        let seen = runs.iter().map(|one| one.against[goal]);
        let (bad, all) = seen.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        Self { rate, bad, all }
    }

    /// Whether it says that the line is wrong: by more than chance explains, so much as there is
    /// on the other side of what is allowed.
    fn contradicts(self, root: &Root, allowed: f64) -> bool {
        let Self { rate, bad, all } = self;
        let chance = (root.dispersion * root.line.share(rate) * all).sqrt() * NO_CHANCE;
        if rate > root.rate { bad + chance < allowed * all } else { bad - chance > allowed * all }
    }

    fn told(self, root: &Root) -> String {
        let percent = |share: f64| 100.0 * share;
        let (seen, said) = (percent(self.bad / self.all), percent(root.line.share(self.rate)));
        format!("{seen:.3} % at {:.1}/s, where the line has {said:.3} %", self.rate)
    }
}

impl Search<'_> {
    /// What is said of `root`, the load that just meets goal number `at`, when loads on either side
    /// of it were tried. Nothing is at rest from `full` on.
    pub(super) fn on_either_side(
        &mut self,
        root: &Root,
        (at, goal): (usize, &Goal),
        full: f64,
    ) -> Result<Shares, Problems> {
        let away = AGREE_DISTANCE * root.half;
        if away >= root.rate / 2.0 {
            // So wide an interval has no load well below it that could agree.
            self.without_line(root.rate, goal, "its interval is as wide as half of the load");
            return Ok(Shares::Unknown(None));
        }
        // Above the capacity nothing is at rest.
        let above = (root.rate + away).min(root.rate + TO_CAPACITY * (full - root.rate));
        if above <= root.rate || !self.may_be_seen(above) {
            self.probes.push(self.unseen(root.rate, goal));
            return Ok(Shares::Unseen(in_words(goal)));
        }
        let rates = [root.rate - away, above];
        let tried = self.goal_starts(&[rates; AGREEING].concat())?;
        let (below, above): (Vec<_>, Vec<_>) =
            tried.into_iter().partition(|one| one.rate < root.rate);
        let sides = [Side::of(rates[0], &below, at), Side::of(rates[1], &above, at)];
        let share = allowed(goal).unwrap_or(0.0);
        let is_contradicted = sides.iter().any(|side| side.contradicts(root, share));
        self.note_sides(root, goal, (sides, is_contradicted));
        // Some other goal might bind that has no line.
        let misses = |(other, goal): (usize, &Goal)| {
            let Side { bad, all, .. } = Side::of(rates[0], &below, other);
            other != at && bad > allowed(goal).unwrap_or(0.0) * all
        };
        let ends = (root.rate - root.half, root.rate + root.half);
        if is_contradicted {
            let why = "runs on either side of its line contradict it";
            self.without_line(root.rate, goal, why);
            return Ok(Shares::Unknown(Some(ends)));
        }
        if self.scenario.goals.iter().enumerate().any(misses) {
            let why = "another goal is missed where it says that this one is met";
            self.without_line(root.rate, goal, why);
            return Ok(Shares::Unknown(None));
        }
        // By chance one may have more than the share: they are judged together.
        let worst = below.into_iter().max_by_key(|one| one.otherwise != MstVerdict::Sustainable);
        let worst = worst.expect("two runs below").with_goals_met();
        Ok(Shares::Just(ends, Box::new(worst), in_words(goal)))
    }

    /// What the runs on either side say together, whatever each of them says by itself.
    fn note_sides(
        &mut self,
        root: &Root,
        goal: &Goal,
        (sides, is_contradicted): ([Side; 2], bool),
    ) {
        let [below, above] = sides.map(|side| side.told(root));
        let agrees = if is_contradicted { "more apart than" } else { "no more apart than" };
        let evidence = format!(
            "{}: the {AGREEING} runs on either side together: {below}; {above}: {agrees} chance \
             explains ({NO_CHANCE} standard errors)",
            in_words(goal)
        );
        let verdict = match is_contradicted {
            true => MstVerdict::Inconsistent,
            false => MstVerdict::Sustainable,
        };
        self.probes.push(Probe { verdict, ..super::unknown(root.rate, &evidence) });
    }
}
