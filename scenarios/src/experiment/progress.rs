//! What a search is at, for whoever waits for it.
//!
//! A world is looked at each time its search takes another tank of steps, which is many times a
//! second, so that a single long probe shows too. What is said then is about that world alone and
//! is read, never written: a search that is watched comes to what it comes to unwatched.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration as WallDuration;

use floodgate_sim::world::World;
use indicatif::{ProgressBar, ProgressStyle};

use super::clock::WallClock;

/// Between two lines on a terminal: several worlds take turns, and somebody reads.
const BETWEEN: WallDuration = WallDuration::from_millis(400);

/// Who is told.
type Listener = Box<dyn Fn(&str) + Send + Sync>;

/// What a search is at, told to somebody or to nobody.
#[derive(Default)]
pub(super) struct Progress {
    listener: Option<Listener>,
    /// What is being found out.
    about: Mutex<String>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("about", &self.about).finish_non_exhaustive()
    }
}

impl Progress {
    /// Told to whoever listens.
    pub(super) fn to(listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Box::new(listener)), about: Mutex::default() }
    }

    /// Told on standard error where that is a terminal, on a line that goes when the search does;
    /// to nobody otherwise.
    pub(super) fn on_terminal() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::default();
        }
        let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style);
        let last: Mutex<Option<WallClock>> = Mutex::default();
        Self::to(move |line| {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.as_ref().is_none_or(|last| last.elapsed() >= BETWEEN) {
                *last = Some(WallClock::start());
                bar.set_message(line.to_owned());
                bar.tick();
            }
        })
    }

    /// From now on something else is being found out.
    pub(super) fn turn_to(&self, about: &str) {
        if self.listener.is_some() {
            about.clone_into(&mut self.about.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// A look at a world, of which so many documents are counted among those of the search.
    pub(super) fn look(&self, world: &World, (counted, search): (u64, u64)) {
        let Some(listener) = &self.listener else { return };
        let (meters, now) = (world.meters(), world.now().as_secs_f64());
        let rate = if now > 0.0 { meters.offered as f64 / now } else { 0.0 };
        let about = self.about.lock().unwrap_or_else(PoisonError::into_inner);
        listener(&format!(
            "{about}: {rate:.1}/s for {now:.0} s, {} documents wait; {} documents so far",
            world.backlog(),
            search + (meters.received - counted),
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use super::Progress;
    use crate::experiment::mst::{Ask, Journal, search_on};
    use crate::plan::Scenario;

    #[test]
    fn whoever_waits_for_a_search_is_told_the_load_and_the_documents() {
        let plant = include_bytes!("../../theory/one_place.toml");
        let scenario = Scenario::parse("t.toml", plant, Path::new(""), &[]).expect("right");
        let ask = Ask { steps_max: 1_000_000, ..Ask::DEFAULT };
        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&lines);
        let listener = move |line: &str| heard.lock().expect("whole").push(line.to_owned());
        let journal = Journal::default().watched(Progress::to(listener));
        search_on("t", &scenario, ask, &journal).expect("it ends");
        let lines = lines.lock().expect("whole");
        // A single probe is told more than once, and what was said changes on the way.
        let (first, last) = (lines.first().expect("some"), lines.last().expect("some"));
        assert!(lines.len() > 2 && first != last, "{lines:?}");
        let (about, rest) = last.split_once(": ").expect("what it is about");
        assert_eq!(about, "what gets through with a backlog that is held");
        assert!(rest.contains("/s for ") && rest.ends_with(" documents so far"), "{rest}");
    }
}
