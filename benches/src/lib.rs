//! Plants for measuring the harness itself: `file_to_file` from the catalogue, cut to a number of
//! documents and widened to a number of send ports.

pub mod fit;

use std::path::Path;

use floodgate_engine::time::Duration;
use floodgate_scenarios::catalogue::Source;
use floodgate_scenarios::plan::filter::FilterValue;
use floodgate_scenarios::plan::{Problems, Scenario};
use floodgate_scenarios::setup::setup;
use floodgate_sim::setup::Setup;

/// `file_to_file` with exactly `documents` documents, all of them measured.
///
/// # Errors
///
/// When the catalogue has no such scenario any more.
pub fn file_to_file(documents: u64) -> Result<Scenario, Problems> {
    let mut scenario = Source::find("file_to_file")?.read(&[])?;
    for load in &mut scenario.loads {
        load.count = Some(documents);
        load.measure = None;
        load.warm_up = Duration::ZERO;
    }
    scenario.sample = Duration::from_secs(60);
    Ok(scenario)
}

/// The same without a price on what the first main path had no resource for: log disk, data disk,
/// the pauses of the runtime. What is left is the work of before, so the two can be compared.
///
/// # Errors
///
/// When the catalogue has no such scenario any more.
pub fn plain(documents: u64) -> Result<Scenario, Problems> {
    let mut scenario = file_to_file(documents)?;
    let costs = &mut scenario.costs;
    for price in [
        &mut costs.log_transaction,
        &mut costs.log_kb,
        &mut costs.data_row,
        &mut costs.data_kb,
        &mut costs.runtime_pause,
    ] {
        *price = Duration::ZERO;
    }
    Ok(scenario)
}

/// The same with `strangers` more send ports, whose filters ask for another receive port.
///
/// # Errors
///
/// When the catalogue has no such scenario any more.
pub fn with_strangers(documents: u64, strangers: u32) -> Result<Scenario, Problems> {
    let mut scenario = file_to_file(documents)?;
    let template = scenario.send_ports[0].clone();
    for number in 0..strangers {
        let mut port = template.clone();
        port.name = format!("Stranger{number}");
        for condition in
            port.filter.iter_mut().flat_map(|filter| filter.groups.iter_mut().flatten())
        {
            condition.value = Some(FilterValue::Text(format!("Elsewhere{number}")));
        }
        scenario.send_ports.push(port);
    }
    Ok(scenario)
}

/// The same with partners that never answer: every document stays in the MessageBox.
///
/// # Errors
///
/// When the catalogue has no such scenario any more.
pub fn waiting(documents: u64) -> Result<Scenario, Problems> {
    let mut scenario = file_to_file(documents)?;
    for port in &mut scenario.send_ports {
        let year = Duration::from_secs(365 * 24 * 3600);
        port.primary.wire = floodgate_scenarios::plan::distribution::Distribution::Constant(year);
    }
    scenario.drain = Duration::from_secs(60);
    Ok(scenario)
}

/// The setup of a scenario, in the folder of nothing.
///
/// # Errors
///
/// Never for the plants of this crate: they read no files.
pub fn built(scenario: &Scenario) -> Result<Setup, Problems> {
    debug_assert!(scenario.folder.as_path() == Path::new(""));
    setup(scenario, 0)
}
