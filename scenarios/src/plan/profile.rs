//! Cost profiles: what work costs and where each number comes from.

use std::collections::BTreeMap;
use std::path::Path;

use floodgate_engine::time::Duration;

use super::also_fits::{self, CAUSE, Cause};
use super::bind::{Bind, Binder, read_table};
use super::cost::{Coefficient, Costs, PRICED, Priced};
use super::problem::Problems;
use super::report::Report;
use super::row::{Kind, Row, Shape};
use super::word::words;

/// The profiles in the program: name and text.
pub const PROFILES: &[(&str, &str)] = &[
    ("free", include_str!("../../profiles/free.toml")),
    ("reference-2006", include_str!("../../profiles/reference-2006.toml")),
    ("reference-2010", include_str!("../../profiles/reference-2010.toml")),
];

words! {
    /// How soon a host instance takes what waits for it.
    pub enum Dispatch {
        /// At once: hosts poll in no time and grow threads in no time, unless they say otherwise.
        #[default]
        Immediate = "immediate",
        /// By polling, as the product does.
        Polled = "polled",
    }
}

/// A cost profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// The name or path that a scenario calls it by.
    pub name: String,
    /// What it stands for.
    pub about: String,
    /// How soon waiting work is taken.
    pub dispatch: Dispatch,
    /// Polling interval of hosts that give none.
    pub poll: Duration,
    /// Interval of the cleanup jobs of MessageBoxes that give none.
    pub cleanup: Duration,
    /// Thread growth of hosts that give none.
    pub thread_growth: Duration,
    /// What each unit of work costs.
    pub costs: Costs,
    /// Where each coefficient comes from; absent ones cost nothing.
    pub sources: BTreeMap<&'static str, Coefficient>,
    /// Other sets of prices that fit what it was fitted to as well.
    pub also_fits: Vec<Cause>,
}

pub(crate) static PROFILE: Shape = Shape::of(
    "profile",
    "a cost profile",
    &[
        Row::required("about", Kind::Prose, "what it stands for"),
        Row::default(
            "dispatch",
            Kind::Word(Dispatch::WORDS),
            "'immediate'",
            "how soon waiting work is taken; immediate makes poll and thread_growth 0 s",
        ),
        Row::default("poll", Kind::Duration, "'500 ms'", "polling interval of hosts"),
        Row::default("cleanup", Kind::PositiveDuration, "'10 s'", "interval of the cleanup jobs"),
        Row::default("thread_growth", Kind::Duration, "'500 ms'", "thread growth of hosts"),
        Row::default("cost", Kind::Table(&PRICED), "{}", "what each unit of work costs"),
        Row::default(
            "also_fits",
            Kind::Tables(&CAUSE),
            "[]",
            "other sets of prices that fit as well: what a prediction's spread is over",
        ),
    ],
);

impl Bind for Profile {
    const SHAPE: &'static Shape = &PROFILE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("about", &mut self.about);
        b.key("dispatch", &mut self.dispatch);
        b.key("poll", &mut self.poll);
        b.key("cleanup", &mut self.cleanup);
        b.key("thread_growth", &mut self.thread_growth);
        let mut priced = Priced { costs: self.costs.clone(), coefficients: self.sources.clone() };
        b.key("cost", &mut priced);
        self.costs = priced.costs;
        self.sources = priced.coefficients;
        b.key("also_fits", &mut self.also_fits);
        if let Some((message, help)) = also_fits::mistake(&self.also_fits, &self.costs) {
            b.refuse("also_fits", &message, help);
        }
    }
}

impl Profile {
    /// Reads the profile `name`: one of the program's own, or a path relative to `folder`.
    ///
    /// # Errors
    ///
    /// Every problem of the file; a name that is neither is a problem without a place.
    pub fn load(name: &str, folder: &Path) -> Result<Self, Problems> {
        if let Some((_, text)) = PROFILES.iter().find(|(known, _)| *known == name) {
            return Self::parse(name, &format!("{name}.toml"), text.as_bytes());
        }
        let path = folder.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Self::parse(name, &path.display().to_string(), &bytes),
            Err(error) => Err(Problems::unreadable(&path, &error)),
        }
    }

    /// Reads the text of a profile.
    ///
    /// # Errors
    ///
    /// Every problem of the text.
    pub fn parse(name: &str, file: &str, bytes: &[u8]) -> Result<Self, Problems> {
        let mut report = Report::default();
        let document = report.open(file, bytes);
        let mut profile = Self { name: name.to_owned(), ..Self::default() };
        if let Some(document) = document {
            read_table(&mut profile, &document, &mut report);
        }
        report.finish(profile).map(|(profile, _)| profile)
    }

    /// Whether `name` is one of the program's own profiles.
    #[must_use]
    pub fn is_known(name: &str) -> bool {
        PROFILES.iter().any(|(known, _)| *known == name)
    }

    /// How many other sets of prices fit as well.
    #[must_use]
    pub fn sets(&self) -> usize {
        also_fits::sets(&self.also_fits)
    }

    /// What `costs` are in each of the other sets of prices that fit as well. Those that a scenario
    /// gives itself are the same in all.
    #[must_use]
    pub fn alternatives(&self, costs: &Costs) -> Vec<Costs> {
        (0..self.sets())
            .map(|set| also_fits::priced(&self.also_fits, set, &self.costs, costs))
            .collect()
    }

    /// The default of a key that leaves it to the profile.
    pub(crate) fn default_of(&self, key: &str) -> Option<Duration> {
        let immediate = self.dispatch == Dispatch::Immediate;
        match key {
            "poll" | "thread_growth" if immediate => Some(Duration::ZERO),
            "poll" => Some(self.poll),
            "cleanup" => Some(self.cleanup),
            "thread_growth" => Some(self.thread_growth),
            _ => self.costs.get(key),
        }
    }
}
