//! The catalogue: scenarios that are in the program, and how a SCENARIO is found.

use std::path::{Path, PathBuf};

use crate::plan::{Problems, Scenario, suggestion};

/// The scenarios in the program: name and text, in alphabetical order.
pub const CATALOGUE: &[(&str, &str)] = &[
    ("adapter_habits", include_str!("../catalogue/adapter_habits.toml")),
    ("adapter_matrix", include_str!("../catalogue/adapter_matrix.toml")),
    ("backup_transport", include_str!("../catalogue/backup_transport.toml")),
    ("bell_curve_day", include_str!("../catalogue/bell_curve_day.toml")),
    ("benchmark_wizard_messaging", include_str!("../catalogue/benchmark_wizard_messaging.toml")),
    (
        "benchmark_wizard_orchestration",
        include_str!("../catalogue/benchmark_wizard_orchestration.toml"),
    ),
    ("blocking_starves_neighbour", include_str!("../catalogue/blocking_starves_neighbour.toml")),
    ("call_centre", include_str!("../catalogue/call_centre.toml")),
    ("dynamic_send", include_str!("../catalogue/dynamic_send.toml")),
    ("failed_message_routing", include_str!("../catalogue/failed_message_routing.toml")),
    ("file_adapter_ratio", include_str!("../catalogue/file_adapter_ratio.toml")),
    ("file_to_file", include_str!("../catalogue/file_to_file.toml")),
    ("floodgate", include_str!("../catalogue/floodgate.toml")),
    ("host_failover", include_str!("../catalogue/host_failover.toml")),
    ("idle_polling", include_str!("../catalogue/idle_polling.toml")),
    ("midnight_batch", include_str!("../catalogue/midnight_batch.toml")),
    ("multi_message_box", include_str!("../catalogue/multi_message_box.toml")),
    ("ordered_convoy", include_str!("../catalogue/ordered_convoy.toml")),
    ("ordered_under_failure", include_str!("../catalogue/ordered_under_failure.toml")),
    ("overdrive", include_str!("../catalogue/overdrive.toml")),
    ("overdrive_slow_processing", include_str!("../catalogue/overdrive_slow_processing.toml")),
    ("poison_interchange", include_str!("../catalogue/poison_interchange.toml")),
    ("recoverable_interchange", include_str!("../catalogue/recoverable_interchange.toml")),
    ("request_response", include_str!("../catalogue/request_response.toml")),
    ("scale_out_messaging_1_1", include_str!("../catalogue/scale_out_messaging_1_1.toml")),
    ("scale_out_messaging_1_3", include_str!("../catalogue/scale_out_messaging_1_3.toml")),
    ("scale_out_messaging_2_3", include_str!("../catalogue/scale_out_messaging_2_3.toml")),
    ("scale_out_orchestration_1_1", include_str!("../catalogue/scale_out_orchestration_1_1.toml")),
    ("scale_out_orchestration_1_3", include_str!("../catalogue/scale_out_orchestration_1_3.toml")),
    ("scale_out_orchestration_2_3", include_str!("../catalogue/scale_out_orchestration_2_3.toml")),
    ("smoke", include_str!("../catalogue/smoke.toml")),
    ("solicit_response", include_str!("../catalogue/solicit_response.toml")),
    ("suspend_resume", include_str!("../catalogue/suspend_resume.toml")),
    ("sustainable_load", include_str!("../catalogue/sustainable_load.toml")),
    ("throttled_host", include_str!("../catalogue/throttled_host.toml")),
    ("tracking_events", include_str!("../catalogue/tracking_events.toml")),
    ("tracking_study", include_str!("../catalogue/tracking_study.toml")),
    ("transactional_send", include_str!("../catalogue/transactional_send.toml")),
];

/// A scenario file as found: where it came from and its bytes.
#[derive(Clone, Debug)]
pub struct Source {
    /// What messages call it.
    pub file: String,
    /// What reports call it: the catalogue name, or the file name without its ending.
    pub name: String,
    /// Where its relative paths start from.
    pub folder: PathBuf,
    /// Its bytes, not yet known to be text.
    pub bytes: Vec<u8>,
}

impl Source {
    /// Finds SCENARIO: a catalogue name, or else the path of a file.
    ///
    /// # Errors
    ///
    /// When it is neither, or the file cannot be read.
    pub fn find(scenario: &str) -> Result<Self, Problems> {
        if let Some((name, text)) = CATALOGUE.iter().find(|(name, _)| *name == scenario) {
            return Ok(Self {
                file: format!("catalogue/{name}.toml"),
                name: (*name).to_owned(),
                folder: PathBuf::new(),
                bytes: text.as_bytes().to_vec(),
            });
        }
        let path = Path::new(scenario);
        if !path.exists() && !scenario.contains(['/', '\\']) && !scenario.ends_with(".toml") {
            let names = CATALOGUE.iter().map(|(name, _)| *name);
            let help = format!("{}, or the path of a file", suggestion(scenario, names));
            let message = format!("no scenario is called '{scenario}'");
            return Err(Problems::one(message, Some(help)));
        }
        let bytes = std::fs::read(path).map_err(|error| Problems::unreadable(path, &error))?;
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        Ok(Self {
            file: scenario.to_owned(),
            name: stem.to_string_lossy().into_owned(),
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            bytes,
        })
    }

    /// Reads the scenario, with `key=value` overrides put in.
    ///
    /// # Errors
    ///
    /// Every problem of the text and the overrides.
    pub fn read(&self, overrides: &[String]) -> Result<Scenario, Problems> {
        Scenario::parse(&self.file, &self.bytes, &self.folder, overrides)
    }

    /// Reads the scenario of one setting of a sweep: what `--set` says, then what `--vary` does.
    ///
    /// # Errors
    ///
    /// Every problem of the text and of what is put in.
    pub fn read_varied(&self, set: &[String], vary: &[String]) -> Result<Scenario, Problems> {
        let overrides = [("--set", set), ("--vary", vary)];
        Scenario::parse_varied(&self.file, &self.bytes, &self.folder, overrides)
    }
}
