//! The profile that a fit gives its numbers to: values are replaced in place, words are not.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use floodgate_scenarios::plan::profile::Profile;

use super::Result;
use super::lab::Lab;

/// Factors that fit into a line of a profile.
const FACTORS_A_LINE: usize = 10;

/// The folder of the profiles.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/profiles")
}

/// The point of a laboratory at which its profile stands.
///
/// # Errors
///
/// When the profile cannot be read, or assumes something else than the laboratory.
pub fn point(lab: &Lab) -> Result<Vec<f64>> {
    let file = folder().join(format!("{}.toml", lab.profile));
    let text = fs::read(&file)?;
    let profile = Profile::parse(&lab.profile, &file.display().to_string(), &text)
        .map_err(|problems| format!("{problems:?}"))?;
    let micros = |name: &str| {
        let price = profile.costs.get(name).ok_or_else(|| format!("'{name}' is no price"))?;
        Ok::<f64, String>(price.as_secs_f64() * 1e6)
    };
    for assumed in &lab.assumptions {
        let own = micros(&assumed.price)?;
        if (own - assumed.value).abs() > 1e-3 {
            let (price, value) = (&assumed.price, assumed.value);
            return Err(format!("'{price}' is {own} us in the profile, {value} here").into());
        }
    }
    let mut at = Vec::with_capacity(lab.parameters.len());
    for parameter in &lab.parameters {
        let (name, prior) = parameter.prices.iter().next().ok_or("a parameter without a price")?;
        at.push((micros(name)? / prior).ln());
    }
    Ok(at)
}

/// Where the other sets begin in a profile.
const OTHERS: &str = "\n# Other sets of prices";

/// Writes other sets of prices than those at a point into the profile, as factors on them.
///
/// # Errors
///
/// When the file cannot be read or written.
pub fn write_sets(lab: &Lab, at: &[f64], sets: &[Vec<f64>]) -> Result<()> {
    let file = folder().join(format!("{}.toml", lab.profile));
    let mut text = fs::read_to_string(&file)?;
    let end = text.find(OTHERS).unwrap_or(text.len());
    text.truncate(end);
    writeln!(
        text,
        "{OTHERS} that miss no fitted figure by more than 5 %, as factors on those above: the\n\
         # first factors of all causes are one set. 'fit {} --sets' writes them.",
        lab.profile
    )?;
    for (cause, parameter) in lab.parameters.iter().enumerate() {
        let names: Vec<_> = parameter.prices.keys().map(|name| format!("\"{name}\"")).collect();
        let factor = |set: &Vec<f64>| format!("{:.4}", (set[cause] - at[cause]).exp());
        let factors: Vec<_> = sets.iter().map(factor).collect();
        let lines: Vec<_> = factors.chunks(FACTORS_A_LINE).map(|line| line.join(", ")).collect();
        write!(
            text,
            "\n[[also_fits]]\nname    = \"{}\"\nprices  = [{}]\nfactors = [\n  {},\n]\n",
            parameter.name,
            names.join(", "),
            lines.join(",\n  ")
        )?;
    }
    fs::write(&file, text)?;
    Ok(())
}

/// Writes the prices at a point into the profile, and what is known of them beside it.
///
/// # Errors
///
/// When the profile lacks a price, or a file cannot be written.
pub fn write(lab: &Lab, at: &[f64], report: &str) -> Result<()> {
    let file = folder().join(format!("{}.toml", lab.profile));
    let mut text = fs::read_to_string(&file)?;
    for (name, price) in lab.prices(at) {
        let table = format!("[cost.{name}]\nvalue  = \"");
        let from = text.find(&table).ok_or_else(|| format!("the profile has no '{name}'"))?;
        let from = from + table.len();
        let length = text[from..].find('"').ok_or("a value without an end")?;
        text.replace_range(from..from + length, &format!("{} us", (price * 1e3).round() / 1e3));
    }
    fs::write(&file, text)?;
    fs::write(folder().join(format!("{}.md", lab.profile)), report)?;
    Ok(())
}
