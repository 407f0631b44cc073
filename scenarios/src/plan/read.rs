//! Reading: text in, a checked scenario or every problem out.

use std::path::Path;

use super::bind::read_table;
use super::check::check;
use super::nearest::suggestion;
use super::node::Node;
use super::overrides;
use super::problem::Problems;
use super::profile::{PROFILES, Profile};
use super::report::Report;
use super::scenario::Scenario;

impl Scenario {
    /// Reads a scenario: its text, what messages call the file, the folder its relative paths
    /// start from, and `key=value` overrides put in before anything is read.
    ///
    /// # Errors
    ///
    /// Every problem of the text and the overrides, none hidden behind another.
    pub fn parse(
        file: &str,
        bytes: &[u8],
        folder: &Path,
        overrides: &[String],
    ) -> Result<Self, Problems> {
        Self::parse_varied(file, bytes, folder, [("--set", overrides), ("--vary", &[])])
    }

    /// Like [`Self::parse`], with the overrides of two options that messages tell apart.
    pub(crate) fn parse_varied(
        file: &str,
        bytes: &[u8],
        folder: &Path,
        overrides: [(&str, &[String]); 2],
    ) -> Result<Self, Problems> {
        let mut report = Report::default();
        let mut scenario = Self { folder: folder.to_owned(), ..Self::default() };
        if let Some(mut document) = report.open(file, bytes) {
            for (option, overrides) in overrides {
                overrides::apply(&mut document, option, overrides, &mut report);
            }
            report.profile = profile_of(&document, folder, &mut report);
            read_table(&mut scenario, &document, &mut report);
            scenario.profile = report.profile.clone();
            scenario.fill_names();
            check(&scenario, &document, &mut report);
        }
        let (scenario, warnings) = report.finish(scenario)?;
        Ok(Self { warnings, ..scenario })
    }

    /// Fills in the names and hosts that follow from others.
    fn fill_names(&mut self) {
        for port in &mut self.receive_ports {
            for (n, location) in port.locations.iter_mut().enumerate() {
                if location.name.is_empty() {
                    location.name = format!("{}.{n}", port.name);
                }
            }
        }
        for port in &mut self.send_ports {
            for transport in std::iter::once(&mut port.primary).chain(&mut port.backup) {
                if transport.host.is_empty() {
                    transport.host.clone_from(&port.host);
                }
            }
        }
        for phase in &mut self.phases {
            if phase.name.is_empty() {
                phase.kind.word().clone_into(&mut phase.name);
            }
        }
        for at in 0..self.loads.len() {
            let (before, rest) = self.loads.split_at_mut(at);
            let Some(load) = rest.first_mut() else { continue };
            if load.name.is_empty() {
                let n = before.iter().filter(|other| other.to == load.to).count();
                load.name = format!("{}.{n}", load.to);
            }
        }
    }
}

/// The cost profile that the document names; the free one when it cannot be had, so that the
/// rest of the document can still be read.
fn profile_of(document: &Node, folder: &Path, report: &mut Report) -> Profile {
    let name = document.as_table().and_then(|table| table.get("profile")).and_then(Node::as_text);
    let name = name.unwrap_or("free");
    let is_path = name.contains(['/', '\\']) || name.ends_with(".toml");
    let loaded = if Profile::is_known(name) || is_path {
        Profile::load(name, folder)
    } else {
        let known = PROFILES.iter().map(|(known, _)| *known);
        let help = format!("{}, or a path ending in .toml", suggestion(name, known));
        let message = format!("'profile': no cost profile called '{name}'");
        report.refuse(document.place("profile"), message, "not a profile", help);
        Ok(Profile::default())
    };
    match loaded {
        Ok(profile) if !profile.about.is_empty() => return profile,
        Ok(_) => {}
        Err(problems) => {
            let message = format!("the cost profile '{name}' cannot be used");
            report.refuse(document.place("profile"), message, "named here", "");
            report.adopt(problems);
        }
    }
    Profile::load("free", folder).unwrap_or_default()
}
