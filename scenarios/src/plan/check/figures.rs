//! Figures that a run of the scenario does not have, and units that they are not counted in.

use super::Checker;
use super::references::send_ports;
use crate::plan::along::Along;
use crate::plan::figure::{Figure, Of};
use crate::plan::overrides::leads;
use crate::plan::quantity::number;
use crate::plan::scenario::Scenario;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, published) in scenario.published.iter().enumerate() {
        let path = format!("published.{n}");
        figure(checker, &path, &published.figure);
        unit(checker, &path, &published.figure, &published.unit);
        if let Some(own) = &published.along {
            along(checker, &format!("{path}.along"), own);
        }
    }
    expectations(checker);
}

fn expectations(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, expected) in scenario.expect.figures.iter().enumerate() {
        let path = format!("expect.figure.{n}");
        figure(checker, &path, &expected.figure);
        unit(checker, &path, &expected.figure, &expected.unit);
    }
}

/// Whether the run has such a figure.
fn figure(checker: &mut Checker<'_>, path: &str, figure: &Figure) {
    let scenario = checker.scenario;
    let word = figure.what.word();
    let known = resources(scenario);
    for (k, name) in figure.of.iter().enumerate() {
        let path = format!("{path}.of.{k}");
        let servers = || scenario.servers.iter().map(|server| server.name.as_str());
        match figure.what.of() {
            Of::Resources => {
                let resources = known.iter().map(String::as_str);
                checker.refer(&path, "server or resource", name, servers().chain(resources));
            }
            Of::Servers => checker.refer(&path, "server", name, servers()),
            Of::RunOrPorts | Of::RunPhaseOrPorts | Of::TwoPorts => {
                checker.refer(&path, "send port", name, send_ports(scenario));
            }
            Of::Run | Of::RunOrPhase => {
                checker.refuse(&path, format!("'{word}' is of the whole run"), "leave 'of' out");
                return;
            }
        }
    }
    if figure.of.is_empty() && matches!(figure.what.of(), Of::Resources | Of::Servers) {
        let message = format!("'{word}' of what?");
        checker.refuse(path, message, "give 'of': the names of servers, or resources of a run");
    }
    if figure.of.len() != 2 && figure.what.of() == Of::TwoPorts {
        checker.refuse(path, format!("'{word}' of what?"), "give 'of': two send ports");
    }
    let Some(phase) = &figure.phase else { return };
    let path = format!("{path}.phase");
    if !matches!(figure.what.of(), Of::RunOrPhase | Of::RunPhaseOrPorts) {
        checker.refuse(&path, format!("'{word}' is not kept by phase"), "leave 'phase' out");
    } else if figure.of.is_empty() {
        let phases = scenario.phases.iter().map(|phase| phase.name.as_str());
        checker.refer(&path, "phase", phase, phases);
    } else {
        checker.refuse(&path, "a send port's figures are not kept by phase", "leave one out");
    }
}

/// Whether there is such a key, and whether what is to be 1 on the axis is a number at all.
fn along(checker: &mut Checker<'_>, path: &str, along: &Along) {
    if let Err((message, help)) = leads(checker.scenario, &along.key) {
        checker.refuse(&format!("{path}.key"), message, help);
    }
    if !matches!(number(&along.one), Some((one, _)) if one > 0.0) {
        let message = format!("'one': '{}' is no quantity above zero", along.one);
        checker.refuse(&format!("{path}.one"), message, "like \"4 ms\", \"10 KB\" or \"20\"");
    }
}

/// Whether the figure is counted in this unit.
fn unit(checker: &mut Checker<'_>, path: &str, figure: &Figure, unit: &str) {
    if !unit.is_empty() && figure.worth(unit).is_none() {
        let units: Vec<&str> = figure.what.units().iter().map(|(unit, _)| *unit).collect();
        let message = format!("'{}' is not counted in '{unit}'", figure.what.word());
        checker.refuse(&format!("{path}.unit"), message, format!("allowed: {}", units.join(", ")));
    }
}

/// The resources that every run of the scenario has, as its record names them.
fn resources(scenario: &Scenario) -> Vec<String> {
    let costs = &scenario.costs;
    let priced =
        |prices: [floodgate_engine::time::Duration; 3]| prices.iter().any(|price| !price.is_zero());
    let mut names: Vec<String> =
        scenario.servers.iter().map(|server| format!("{} CPU", server.name)).collect();
    for message_box in &scenario.message_boxes {
        let name = &message_box.name;
        if priced([costs.link_transaction, costs.link_row, costs.link_kb]) {
            names.push(format!("{name} network link"));
        }
        names.push(format!("{name} locks and log"));
        if priced([costs.log_transaction, costs.log_row, costs.log_kb]) {
            names.push(format!("{name} log disk"));
        }
        if priced([costs.data_transaction, costs.data_row, costs.data_kb]) {
            names.push(format!("{name} data disk"));
        }
    }
    let disk = [costs.track_data_row, costs.track_data_cold_row, costs.track_data_body];
    if scenario.tracking.is_some() && (priced(disk) || !costs.track_data_kb.is_zero()) {
        names.push("tracking database data disk".to_owned());
    }
    for host in &scenario.hosts {
        names.extend(host.on.iter().map(|server| format!("{} threads on {server}", host.name)));
    }
    names
}
