//! What a sweep varies, and the cells that follow from it.

use serde::{Deserialize, Serialize};

use floodgate_reports::Varied;

use crate::catalogue::Source;
use crate::experiment::spread::alternatives;
use crate::plan::{Problem, Problems, Scenario};

/// Cells of a sweep, at most: more of them are a mistake of the command line.
const CELLS_MAX: usize = 100_000;

/// A key and the values it takes, as `--vary` says it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Vary {
    /// The key, as `--set` would name it.
    pub key: String,
    /// Its values, at least one.
    pub values: Vec<String>,
}

/// What is asked of every cell.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Question {
    /// A search for the maximum sustainable throughput.
    Mst {
        /// Width of its interval, relative to the throughput.
        precision: f64,
        /// Virtual seconds of one probe, at most, if somebody says so.
        seconds_max: Option<f64>,
        /// Whether it is a search for how many times the scenario is carried as it is written.
        #[serde(default)]
        as_written: bool,
    },
    /// A run at the scenario's own load.
    Run,
}

/// A sweep: a scenario, what is varied in it, how often, and what is asked.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The scenario as found.
    pub source: Source,
    /// What `--set` and `--seed` change in every setting.
    pub set: Vec<String>,
    /// What is varied.
    pub vary: Vec<Vary>,
    /// Seeds of each setting.
    pub seeds: u32,
    /// What is asked of every cell.
    pub question: Question,
    /// The scenario before it is varied.
    pub base: Scenario,
    /// The scenario of every setting, the last key changing fastest.
    pub scenarios: Vec<Scenario>,
    /// The same with each other set of prices that fits as well, if that is asked.
    pub priced: Vec<Vec<Scenario>>,
}

impl Vary {
    /// Reads `KEY=A,B,…`; commas inside brackets, braces and quotes are part of a value.
    ///
    /// # Errors
    ///
    /// No key, no values, an empty value, or one that stands twice.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "write KEY=A,B,…, like host.Send.poll=50ms,500ms";
        let Some((key, list)) = text.split_once('=') else {
            return Err(format!("found no '='; {FORM}"));
        };
        let key = key.trim();
        if key.is_empty() {
            return Err(format!("found no key before '='; {FORM}"));
        }
        if list.trim().is_empty() {
            return Err(format!("found no value for '{key}'; {FORM}"));
        }
        let values: Vec<String> = split(list).iter().map(|one| one.trim().to_owned()).collect();
        for (at, value) in values.iter().enumerate() {
            if value.is_empty() {
                return Err(format!("value {} of '{key}' is empty; {FORM}", at + 1));
            }
            if values[..at].contains(value) {
                return Err(format!("'{key}' has the value '{value}' twice; give each value once"));
            }
        }
        Ok(Self { key: key.to_owned(), values })
    }
}

/// The parts of a list between its outermost commas.
fn split(list: &str) -> Vec<&str> {
    let (mut parts, mut from, mut depth, mut quote) = (Vec::new(), 0, 0_i32, None);
    for (at, letter) in list.char_indices() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(&list[from..at]);
                from = at + 1;
            }
            (None, _) => {}
        }
    }
    parts.push(&list[from..]);
    parts
}

impl Sweep {
    /// Reads the scenario of every setting.
    ///
    /// # Errors
    ///
    /// Every problem of the scenario; those of the first setting that has one; a key varied twice,
    /// the seed among the keys, fewer than two seeds, or more cells than anyone means.
    pub fn new(
        source: Source,
        set: Vec<String>,
        vary: Vec<Vary>,
        seeds: u32,
        question: Question,
    ) -> Result<Self, Problems> {
        check(&vary, seeds)?;
        let base = source.read(&set)?;
        let mut scenarios = Vec::new();
        for at in 0..settings(&vary).unwrap_or(0) {
            scenarios.push(source.read_varied(&set, &overrides(&vary, at))?);
        }
        Ok(Self { source, set, vary, seeds, question, base, scenarios, priced: Vec::new() })
    }

    /// The same sweep, made with every other set of prices that fits as well, too.
    ///
    /// # Errors
    ///
    /// Settings of which one has no such prices, or not as many as another; more cells than anyone
    /// means.
    pub fn with_spread(mut self) -> Result<Self, Problems> {
        let all: Vec<Vec<Scenario>> = self.scenarios.iter().map(alternatives).collect();
        let sets = all.first().map_or(0, Vec::len);
        if sets == 0 || all.iter().any(|own| own.len() != sets) {
            let message = "not every setting has as many other sets of prices that fit as well";
            let help = "leave '--spread' out, or the profile as it is: only fitted profiles have \
                        such sets";
            return Err(Problems::one(message, Some(help.to_owned())));
        }
        is_meant(self.cells().checked_mul(1 + sets))?;
        let set = |at: usize| all.iter().map(|own| own[at].clone()).collect();
        self.priced = (0..sets).map(set).collect();
        Ok(self)
    }

    /// How many cells there are: one for each setting and seed, and that for each set of prices.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.own_cells() * (1 + self.priced.len())
    }

    /// How many of them have the prices of the profile; they come first.
    #[must_use]
    pub fn own_cells(&self) -> usize {
        self.scenarios.len() * self.seeds as usize
    }

    /// Key and value of setting `at`.
    pub fn setting(&self, at: usize) -> impl Iterator<Item = (&str, &str)> {
        chosen(&self.vary, at)
    }

    /// The scenario of cell `at`, with the seed of its replication. A setting has its replications
    /// side by side, and a set of prices its settings.
    #[must_use]
    pub fn scenario(&self, at: usize) -> Scenario {
        let seeds = self.seeds as usize;
        let (set, at) = (at / self.own_cells(), at % self.own_cells());
        let settings = set.checked_sub(1).map_or(&self.scenarios, |set| &self.priced[set]);
        let mut scenario = settings[at / seeds].clone();
        scenario.seed = self.base.seed.wrapping_add((at % seeds) as u64);
        scenario
    }

    /// What is odd in any setting, each oddity once.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        let mut all: Vec<Problem> = Vec::new();
        for warning in self.scenarios.iter().flat_map(|scenario| &scenario.warnings) {
            if !all.contains(warning) {
                all.push(warning.clone());
            }
        }
        all
    }

    /// What is varied, as the record says it.
    #[must_use]
    pub fn varied(&self) -> Vec<Varied> {
        let one = |vary: &Vary| Varied { key: vary.key.clone(), values: vary.values.clone() };
        self.vary.iter().map(one).collect()
    }
}

fn check(vary: &[Vary], seeds: u32) -> Result<(), Problems> {
    for (at, one) in vary.iter().enumerate() {
        if vary[..at].iter().any(|other| other.key == one.key) {
            let help = "give all its values in one --vary".to_owned();
            return Err(Problems::one(format!("'{}' is varied twice", one.key), Some(help)));
        }
        if one.key == "seed" {
            let message = "the seed cannot be varied: settings are compared seed by seed";
            let help = "--seeds N takes N seeds for every setting, --seed N says the first";
            return Err(Problems::one(message, Some(help.to_owned())));
        }
    }
    if seeds < 2 {
        let help = "an interval needs at least 2".to_owned();
        return Err(Problems::one(format!("'--seeds': found {seeds}"), Some(help)));
    }
    is_meant(settings(vary).and_then(|settings| settings.checked_mul(seeds as usize)))
}

/// Refuses more cells than anyone means.
fn is_meant(cells: Option<usize>) -> Result<(), Problems> {
    match cells {
        Some(cells) if cells <= CELLS_MAX => Ok(()),
        Some(_) | None => {
            let found = cells.map_or("too many to count".to_owned(), |cells| cells.to_string());
            let help = format!("at most {CELLS_MAX}: vary fewer values, or take fewer seeds");
            Err(Problems::one(format!("settings times seeds are {found} runs"), Some(help)))
        }
    }
}

/// How many settings there are: all combinations.
fn settings(vary: &[Vary]) -> Option<usize> {
    vary.iter().try_fold(1_usize, |product, one| product.checked_mul(one.values.len()))
}

/// Key and value of setting `at`, the last key changing fastest.
fn chosen(vary: &[Vary], at: usize) -> impl Iterator<Item = (&str, &str)> {
    vary.iter().enumerate().map(move |(n, one)| {
        let faster: usize = vary[n + 1..].iter().map(|other| other.values.len()).product();
        (one.key.as_str(), one.values[at / faster % one.values.len()].as_str())
    })
}

fn overrides(vary: &[Vary], at: usize) -> Vec<String> {
    chosen(vary, at).map(|(key, value)| format!("{key}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_inside_a_value_stay_in_it() {
        let values = |text| Vary::parse(text).map(|vary| vary.values);
        for (text, expected) in [
            ("k=1,2", vec!["1", "2"]),
            ("k= 1 , 2 ", vec!["1", "2"]),
            ("k=[1,2],[3]", vec!["[1,2]", "[3]"]),
            ("k={ a = 1, b = 2 },7", vec!["{ a = 1, b = 2 }", "7"]),
            ("k='a,b',\"c,d\"", vec!["'a,b'", "\"c,d\""]),
        ] {
            assert_eq!(values(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn lists_that_are_none_are_refused_by_what_they_lack() {
        for (text, said) in [
            ("poll", "found no '='"),
            ("=1", "found no key"),
            ("poll=", "found no value for 'poll'"),
            ("poll=1,,2", "value 2 of 'poll' is empty"),
            ("poll=1,2,1", "'poll' has the value '1' twice"),
        ] {
            let refusal = Vary::parse(text).unwrap_err();
            assert!(refusal.contains(said), "{text}: {refusal}");
        }
    }

    #[test]
    fn the_last_key_changes_fastest() {
        let vary = [Vary::parse("a=1,2").unwrap(), Vary::parse("b=x,y,z").unwrap()];
        let all: Vec<String> = (0..6).map(|at| overrides(&vary, at).join(" ")).collect();
        assert_eq!(all, ["a=1 b=x", "a=1 b=y", "a=1 b=z", "a=2 b=x", "a=2 b=y", "a=2 b=z"]);
        assert_eq!(overrides(&[], 0).len(), 0);
    }
}
