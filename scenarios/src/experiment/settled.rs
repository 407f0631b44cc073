//! Whether a run had warmed up before it was measured: MSER-5.
//!
//! What a plant does at its beginning is not what it does. Of all points at which a series could be
//! cut, this takes the one after which its mean is known best: the squared standard error of what
//! is left, in means of five, is the smallest there. A series that is best cut in its middle, or
//! later, has not settled at all; nothing is said of one that is too short to tell. It refuses to
//! cut anything: who measures is told, and lengthens the warm-up.

use floodgate_reports::{Verdict, VerdictRow};
use floodgate_sim::outcome::Outcome;
use floodgate_sim::probe::COLUMNS;

/// Values that are taken together.
const BATCH: usize = 5;
/// Fewer means than this say nothing.
const MEANS_MIN: usize = 10;
/// The share of a window that may be its beginning, and is said beyond.
const SHARE_MAX: f64 = 0.2;
/// What is looked at: nothing that a plant does leaves it as it was.
const SERIES: &str = "Backlog";

/// Where a series is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    /// After so many values, which leaves a mean with this squared standard error.
    After(usize, f64),
    /// Nowhere: it is best cut where half of it is gone.
    Nowhere,
    /// There are too few values to say.
    Unknown,
}

/// MSER-5.
#[must_use]
pub fn mser5(values: &[f64]) -> Cut {
    let means: Vec<f64> =
        values.chunks_exact(BATCH).map(|five| five.iter().sum::<f64>() / BATCH as f64).collect();
    if means.len() < MEANS_MIN {
        return Cut::Unknown;
    }
    // From the end, so that every tail is one step from the one before (Welford's sums).
    let half = means.len() / 2;
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    let mut best = (half, f64::INFINITY);
    for (at, value) in means.iter().enumerate().rev() {
        count += 1.0;
        let apart = value - mean;
        mean += apart / count;
        squares += apart * (value - mean);
        let error = squares / (count * count);
        if at <= half && error <= best.1 {
            best = (at, error);
        }
    }
    match best {
        (at, _) if at >= half => Cut::Nowhere,
        (at, error) => Cut::After(at * BATCH, error),
    }
}

/// The verdict on what a scenario expects of its warm-up.
pub(super) fn settled(expected: bool, outcome: &Outcome) -> VerdictRow {
    let at = COLUMNS.iter().position(|column| column.name == SERIES).expect("it is sampled");
    let (from, to) = outcome.window;
    let rows = outcome.samples.rows().iter();
    let inside = rows.filter(|(instant, _)| (from..=to).contains(instant));
    let values: Vec<f64> = inside.map(|(_, row)| row[at]).collect();
    let (found, detail) = told(&values);
    let verdict = match found {
        Some(found) if found == expected => Verdict::Pass,
        Some(_) => Verdict::Fail,
        None => Verdict::Unknown,
    };
    VerdictRow { name: "expect.settled".to_owned(), verdict, detail }
}

/// Whether a window had settled, if that can be told, and why.
fn told(values: &[f64]) -> (Option<bool>, String) {
    let count = values.len();
    match mser5(values) {
        Cut::Unknown => (None, format!("Only {count} samples are in the window: too few to tell.")),
        Cut::Nowhere => {
            let why = "the backlog is best cut where half of the window is gone";
            (Some(false), format!("It had not settled, or the window is too short: {why}."))
        }
        Cut::After(cut, _) => {
            let share = cut as f64 / count as f64;
            let detail = format!(
                "The first {cut} of {count} samples of the backlog belong to the warm-up ({:.0} %, \
                 limit {:.0} %).",
                share * 100.0,
                SHARE_MAX * 100.0
            );
            (Some(share <= SHARE_MAX), detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(cut: Cut, at: usize, error: f64) {
        let Cut::After(found, by) = cut else { panic!("{cut:?}") };
        assert!(found == at && (by / error - 1.0).abs() < 1e-6, "{found} {by:e}");
    }

    #[test]
    fn the_golden_vectors_come_out() {
        // A ramp from 10 to 0, then 475 times one and minus one: means of five are ±0.2.
        let ramp = (0..50).map(|at| 10.0 * (1.0 - f64::from(at) / 50.0));
        let values: Vec<f64> = ramp.chain((0..475).flat_map(|_| [1.0, -1.0])).collect();
        close(mser5(&values), 50, 2.105_263e-4);
        // What dies out beside a wave.
        let wave = |at: u32| {
            let at = f64::from(at);
            10.0 * libm::exp(-at / 50.0) + libm::sin(0.7 * at)
        };
        close(mser5(&(0..2000).map(wave).collect::<Vec<_>>()), 150, 4.508_726e-4);
        // The same beside a saw of thirteen teeth, as another program worked it out.
        let saw = |at: u32| 100.0 * libm::exp(-f64::from(at) / 30.0) + f64::from(at * 7919 % 13);
        close(mser5(&(0..400).map(saw).collect::<Vec<_>>()), 130, 0.023_087_005_6);
    }

    #[test]
    fn what_only_rises_is_cut_nowhere_and_what_is_short_is_not_cut() {
        let rising: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(mser5(&rising), Cut::Nowhere);
        assert_eq!((mser5(&rising[..49]), mser5(&[])), (Cut::Unknown, Cut::Unknown));
        // What never moves needs no cut.
        assert_eq!(mser5(&[7.0; 60]), Cut::After(0, 0.0));
        assert_eq!(told(&rising).0, Some(false));
        assert_eq!(told(&rising[..49]).0, None);
    }

    #[test]
    fn a_fifth_of_a_window_may_be_its_beginning() {
        let with = |beginning: u32| {
            let values = (0..200).map(|at| if at < beginning { 50.0 } else { f64::from(at % 2) });
            told(&values.collect::<Vec<_>>())
        };
        assert_eq!([0, 40, 45, 90].map(|at| with(at).0.unwrap()), [true, true, false, false]);
        assert!(with(45).1.starts_with("The first 45 of 200 samples"), "{}", with(45).1);
    }
}
