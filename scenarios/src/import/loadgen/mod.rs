//! LoadGen 2007: its configuration files, read as loads.
//!
//! What a file says about lots, pauses, threads, stopping and throttling is carried over. What it
//! says about its own client (retries of a send, bindings) has no effect on a load; it is kept in a
//! comment. What would have an effect and is not carried, and what is not known, is a warning with
//! its line.

mod element;
mod section;
mod throttle;
mod xml;

use floodgate_engine::time::Duration;

use crate::plan::expect::Expect;
use crate::plan::load::Load;
use crate::plan::lots::Per;
use crate::plan::{Problem, Problems, Report, Scenario, load_toml};

/// What a configuration does not say and a load needs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The receive port the loads go to.
    pub to: String,
    /// Who sends a lot; public text leaves it open.
    pub per: Per,
    /// How long a thread needs to send a message; not in the file.
    pub send: Option<Duration>,
    /// How long a creator needs for a message; not in the file.
    pub create: Option<Duration>,
}

/// A configuration as loads.
#[derive(Clone, Debug, Default)]
pub struct LoadGen {
    /// The file it was read from.
    pub file: String,
    /// One load a section, with what it was made of in words.
    pub loads: Vec<(String, Load)>,
    /// What was not carried over, and what had to be assumed.
    pub warnings: Vec<Problem>,
}

impl LoadGen {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// What is not XML, not a LoadGen configuration, or has numbers that are none.
    pub fn read(file: &str, bytes: &[u8], options: &Options) -> Result<Self, Problems> {
        let mut report = Report::default();
        let text = match super::encoding::decode(bytes) {
            Ok(text) => text,
            Err(why) => {
                let help = Some("save it as UTF-8".to_owned());
                return Err(Problems::one(format!("{file}: {why}"), help));
            }
        };
        let settings = element::read(file, &text, &mut report);
        let loads = section::loads(&settings, options, &mut report);
        let (loads, warnings) = report.finish(loads)?;
        Ok(Self { file: file.to_owned(), loads, warnings })
    }

    /// The loads as `[[load]]` sections.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let sections: Vec<String> = self
            .loads
            .iter()
            .map(|(origin, load)| format!("# {}\n{}", one_line(origin), load_toml(load)))
            .collect();
        sections.join("\n")
    }
}

/// Nothing from a file may end the comment it is put into.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The scenario with its loads replaced, checked again as a whole.
///
/// Expectations that count documents were about the old loads and go with them.
///
/// # Errors
///
/// When the loads do not fit the scenario.
pub fn into_scenario(loadgen: &LoadGen, scenario: Scenario) -> Result<Scenario, Problems> {
    let expect = Expect {
        received: None,
        processed: None,
        routing_failures: None,
        ports: Vec::new(),
        ahead: Vec::new(),
        ..scenario.expect
    };
    let file = loadgen.file.rsplit(['/', '\\']).next().unwrap_or_default();
    let changed = Scenario {
        about: format!("{} (loads of {})", scenario.about, one_line(file)),
        loads: loadgen.loads.iter().map(|(_, load)| load.clone()).collect(),
        expect,
        ..scenario
    };
    let text = changed.expanded_toml();
    Scenario::parse(&loadgen.file, text.as_bytes(), &changed.folder, &[])
}
