//! What is known of the prices that a fit found, as a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::matrix::{Matrix, eigenvalues};
use super::plant::{Found, Plant, in_parallel};
use super::{ACCEPTABLE, Fit, Result};
use crate::fit::lab::Lab;

/// How many sets of prices are drawn to see what else would fit.
const DRAWS: u64 = 60;
/// Of how many of them a plant that only checks is run: those run for hours.
const CHECKED: usize = 3;
/// Correlations that are worth a line.
const NOTABLE: f64 = 0.6;

/// Acceptable sets about a fit, the fit itself first.
///
/// # Errors
///
/// When a scenario of the laboratory cannot be read or run.
pub fn sets(fit: &Fit<'_>) -> Result<Vec<Vec<f64>>> {
    let mut sets = vec![fit.at.clone()];
    sets.extend(fit.acceptable(DRAWS)?);
    Ok(sets)
}

/// The page about a fit, with its acceptable sets.
///
/// # Errors
///
/// When a scenario of the laboratory cannot be read or run.
pub fn page(lab: &Lab, name: &str, fit: &Fit<'_>, sets: &[Vec<f64>]) -> Result<String> {
    let mut page = format!(
        "# {}\n\nWritten by `cargo run --release --package floodgate-benches --example fit -- {name} \
         --write`, which fits the prices\nfrom the priors in `benches/labs/{name}.toml` and gives \
         the same numbers every time.\n\n",
        lab.about,
    );
    let best = everywhere(lab, &lab.prices(&fit.at))?;
    parameters(&mut page, lab, fit)?;
    rows(&mut page, fit, &best, sets)?;
    identifiability(&mut page, lab, fit)?;
    assumptions(&mut page, lab, fit, &best)?;
    Ok(page)
}

/// What plants give with each of the sets.
///
/// # Errors
///
/// When a scenario cannot be read or run.
pub fn prediction(fit: &Fit<'_>, name: &str, sets: &[Vec<f64>]) -> Result<String> {
    let found = fit.predict(&Plant::Plain(name.to_owned()), sets)?;
    let best = found.first().ok_or("no set of prices")?;
    let (low, high) = range(&found, |one| one.rate);
    let mut text = format!("{name}: {:.0}/s, {low:.0} to {high:.0}; ", best.rate);
    for (server, share) in &best.servers {
        let same = |one: &Found| one.servers.iter().find(|(known, _)| known == server).cloned();
        let of = |one: &Found| same(one).map_or(0.0, |(_, share)| share * 100.0);
        let (low, high) = range(&found, of);
        write!(text, "{server} {:.0} % ({low:.0} to {high:.0}), ", share * 100.0)?;
    }
    write!(text, "limit: {}", best.limit)?;
    Ok(text)
}

/// All plants at one price list, those that only check included.
fn everywhere(lab: &Lab, prices: &BTreeMap<&str, f64>) -> Result<Vec<Found>> {
    in_parallel(lab.plants.len(), |plant| lab.plants[plant].run(prices))
}

fn range(found: &[Found], of: impl Fn(&Found) -> f64) -> (f64, f64) {
    ends(found.iter().map(of))
}

fn ends(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    numbers.fold((f64::MAX, f64::MIN), |(low, high), one| (low.min(one), high.max(one)))
}

fn parameters(page: &mut String, lab: &Lab, fit: &Fit<'_>) -> Result<()> {
    page.push_str(
        "## Prices\n\nThe spread is one standard deviation in percent, of the prior and of what \
         prior and figures leave.\n\n| Cause | Price | Prior | Fitted | Spread before | after | \
         Told by |\n|---|---|---|---|---|---|---|\n",
    );
    let covariance = fit.covariance();
    for (at, parameter) in lab.parameters.iter().enumerate() {
        let scale = fit.at[at].exp();
        let list = |number: &dyn Fn(f64) -> String| {
            parameter.prices.values().map(|price| number(*price)).collect::<Vec<_>>().join(", ")
        };
        let names: Vec<_> = parameter.prices.keys().map(|name| format!("`{name}`")).collect();
        writeln!(
            page,
            "| {} | {} | {} µs | {} µs | {:.0} | {:.0} | {} |",
            parameter.name,
            names.join(", "),
            list(&|price| format!("{price:.0}")),
            list(&|price| format!("{:.1}", price * scale)),
            parameter.spread * 100.0,
            covariance[at][at].sqrt() * 100.0,
            parameter.why,
        )?;
    }
    Ok(())
}

fn rows(page: &mut String, fit: &Fit<'_>, best: &[Found], sets: &[Vec<f64>]) -> Result<()> {
    let lab = fit.lab;
    let others = lab.residuals_of(sets)?;
    let left: Vec<Vec<f64>> =
        (0..lab.plants.len()).map(|plant| fit.without(plant)).collect::<Result<_>>()?;
    let percent = |residual: f64| residual.exp_m1() * 100.0;
    writeln!(
        page,
        "\n## Figures\n\nErrors in percent. *Left out*: the error where this plant had no part in \
         the fit; without one the figure only\nchecks, with the first few sets. \
         *Spread*: the least and the most error over the {} of {} \
         sets of prices drawn about the fit that miss no\nfitted figure by more than {:.0} %.\n\n\
         | Plant | Figure | Published | Simulated | Error | Left out | Spread |\n\
         |---|---|---|---|---|---|---|",
        sets.len() - 1,
        DRAWS,
        ACCEPTABLE * 100.0,
    )?;
    for (plant, found) in best.iter().enumerate() {
        let fitted = lab.figures.iter().any(|figure| figure.plant == plant);
        let some = &sets[..sets.len().min(CHECKED)];
        let checks = if fitted { Vec::new() } else { fit.predict(&lab.plants[plant], some)? };
        for (title, (published, simulated)) in &found.figures {
            let own = |one: &super::lab::Fitted| one.plant == plant && one.title == *title;
            let error = (simulated / published - 1.0) * 100.0;
            let (name, short) = (lab.plants[plant].name(), short(title));
            write!(page, "| {name} | {short} | {published} | {simulated:.4} | {error:+.1} | ")?;
            if let Some(at) = lab.figures.iter().position(own) {
                let (low, high) = ends(others.iter().map(|residuals| percent(residuals[at])));
                let left = percent(left[plant][at]);
                writeln!(page, "{left:+.1} | {low:+.1} to {high:+.1} |")?;
            } else if checks.is_empty() {
                page.push_str("| |\n");
            } else {
                let each = checks.iter().filter_map(|one| one.residual(title).ok());
                let (low, high) = ends(each.map(percent));
                writeln!(page, "| {low:+.1} to {high:+.1} |")?;
            }
        }
    }
    Ok(())
}

/// A title without the list of all the servers.
fn short(title: &str) -> &str {
    title.split_once(',').map_or(title, |(first, _)| first)
}

fn identifiability(page: &mut String, lab: &Lab, fit: &Fit<'_>) -> Result<()> {
    let jacobian = fit.information(None);
    let scaled: Matrix = (jacobian.iter().enumerate())
        .map(|(a, row)| {
            let spread = |at: usize| lab.parameters[at].spread;
            row.iter().enumerate().map(|(b, one)| one * spread(a) * spread(b)).collect()
        })
        .collect();
    let (plain, scaled) = (eigenvalues(jacobian), eigenvalues(scaled));
    let count = plain.len();
    let rank = plain.iter().filter(|value| **value > plain[0] * 1e-6).count();
    let known = scaled.iter().filter(|value| **value > 1.0).count();
    let condition = (plain[0] / plain[count - 1].max(1e-12)).sqrt();
    let values: Vec<_> = scaled.iter().map(|value| format!("{:.2}", value.sqrt())).collect();
    writeln!(
        page,
        "\n## What the figures can tell\n\n{} figures, {count} parameters. The Jacobian has rank \
         {rank} (singular values above a thousandth of the first) and\ncondition {condition:.0}. \
         In units of prior spread and figure error its singular values are\n{}:\n{known} \
         directions are told by the figures better than by the priors, {} by the priors.\n\n\
         Correlations of {NOTABLE} and more after the fit:\n",
        lab.figures.len(),
        values.join(", "),
        count - known,
    )?;
    let covariance = fit.covariance();
    for a in 0..count {
        for b in a + 1..count {
            let share = covariance[a][b] / (covariance[a][a] * covariance[b][b]).sqrt();
            if share.abs() >= NOTABLE {
                let (a, b) = (&lab.parameters[a].name, &lab.parameters[b].name);
                writeln!(page, "- {a} and {b}: {share:+.2}")?;
            }
        }
    }
    Ok(())
}

fn assumptions(page: &mut String, lab: &Lab, fit: &Fit<'_>, best: &[Found]) -> Result<()> {
    page.push_str(
        "\n## What is assumed\n\nThe fitted figures do not tell these. *Moves*: the published figure \
         that changes most where the other value stands,\nall else as fitted.\n\n\
         | Price | Assumed | Instead | Moves | Why |\n|---|---|---|---|---|\n",
    );
    for assumed in &lab.assumptions {
        let mut prices = lab.prices(&fit.at);
        prices.insert(&assumed.price, assumed.instead);
        let moved = everywhere(lab, &prices)?;
        let moves = best.iter().zip(&moved).zip(&lab.plants).flat_map(|((old, new), plant)| {
            old.figures.keys().filter_map(move |title| {
                let moves = new.residual(title).ok()? - old.residual(title).ok()?;
                Some((moves.exp_m1() * 100.0, plant.name(), short(title)))
            })
        });
        let most = moves.max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        let (most, plant, figure) = most.ok_or("a laboratory without figures")?;
        writeln!(
            page,
            "| `{}` | {} µs | {} µs | {figure} of {plant} by {most:+.1} % | {} |",
            assumed.price, assumed.value, assumed.instead, assumed.why,
        )?;
    }
    Ok(())
}
