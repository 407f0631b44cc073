//! What is known of the prices that a fit found, as a page.

use std::fmt::Write as _;

use super::matrix::{Matrix, eigenvalues};
use super::plant::Found;
use super::{ACCEPTABLE, Fit, Result};
use crate::fit::lab::Lab;

/// How many sets of prices are drawn to see what else would fit.
const DRAWS: u64 = 60;
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

/// The page about a fit.
///
/// # Errors
///
/// When a scenario of the laboratory cannot be read or run.
pub fn page(lab: &Lab, name: &str, fit: &Fit<'_>) -> Result<String> {
    let mut page = format!(
        "# {}\n\nWritten by `cargo run --release --package floodgate-benches --example fit -- {name} \
         --write`, which fits the prices\nfrom the priors in `benches/labs/{name}.toml` and gives \
         the same numbers every time.\n\n",
        lab.about,
    );
    parameters(&mut page, lab, fit)?;
    rows(&mut page, lab, fit)?;
    identifiability(&mut page, lab, fit)?;
    assumptions(&mut page, lab, fit)?;
    Ok(page)
}

/// What plants give with each of the sets.
///
/// # Errors
///
/// When a scenario cannot be read or run.
pub fn prediction(fit: &Fit<'_>, name: &str, sets: &[Vec<f64>]) -> Result<String> {
    let found = fit.predict(name, sets)?;
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

fn range(found: &[Found], of: impl Fn(&Found) -> f64) -> (f64, f64) {
    found
        .iter()
        .map(of)
        .fold((f64::MAX, f64::MIN), |(low, high), one| (low.min(one), high.max(one)))
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

fn rows(page: &mut String, lab: &Lab, fit: &Fit<'_>) -> Result<()> {
    let best: Vec<Found> = (lab.plants.iter())
        .map(|plant| Ok(fit.predict(plant, std::slice::from_ref(&fit.at))?.remove(0)))
        .collect::<Result<_>>()?;
    let sets = sets(fit)?;
    let others = lab.residuals_of(&sets)?;
    let left: Vec<Vec<f64>> =
        (0..lab.plants.len()).map(|plant| fit.without(plant)).collect::<Result<_>>()?;
    let percent = |residual: f64| residual.exp_m1() * 100.0;
    writeln!(
        page,
        "\n## Figures\n\nErrors in percent. *Left out*: the error where this plant had no part in \
         the fit. *Spread*: the least and the most error\nover the {} of {} sets of prices drawn \
         about the fit that miss no figure by more than {:.0} %. Latency is not fitted.\n\n\
         | Plant | Figure | Published | Simulated | Error | Left out | Spread |\n\
         |---|---|---|---|---|---|---|",
        sets.len() - 1,
        DRAWS,
        ACCEPTABLE * 100.0,
    )?;
    for (plant, found) in best.iter().enumerate() {
        for (title, (published, simulated)) in &found.figures {
            let own = |one: &super::lab::Fitted| one.plant == plant && one.title == *title;
            let error = (simulated / published - 1.0) * 100.0;
            let (name, title) = (&lab.plants[plant], short(title));
            write!(page, "| {name} | {title} | {published} | {simulated:.4} | {error:+.1} | ")?;
            let Some(at) = lab.figures.iter().position(own) else {
                page.push_str("| |\n");
                continue;
            };
            let each = others.iter().map(|residuals| percent(residuals[at]));
            let (low, high) =
                each.fold((f64::MAX, f64::MIN), |(low, high), one| (low.min(one), high.max(one)));
            writeln!(page, "{:+.1} | {low:+.1} to {high:+.1} |", percent(left[plant][at]))?;
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

fn assumptions(page: &mut String, lab: &Lab, fit: &Fit<'_>) -> Result<()> {
    page.push_str(
        "\n## What is assumed\n\nThe figures do not tell these. *Moves*: what changes most where the \
         other value stands, all else as fitted.\n\n| Price | Assumed | Instead | Moves | Why |\n\
         |---|---|---|---|---|\n",
    );
    for assumed in &lab.assumptions {
        let mut prices = lab.prices(&fit.at);
        prices.insert(&assumed.price, assumed.instead);
        let moved = lab.residuals_at(&[prices])?.remove(0);
        let moves = moved.iter().zip(&fit.residuals).map(|(new, old)| (new - old).exp_m1() * 100.0);
        let most = moves.enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let (at, most) = most.ok_or("a laboratory without figures")?;
        let figure = &lab.figures[at];
        writeln!(
            page,
            "| `{}` | {} µs | {} µs | {} of {} by {most:+.1} % | {} |",
            assumed.price,
            assumed.value,
            assumed.instead,
            short(&figure.title),
            lab.plants[figure.plant],
            assumed.why,
        )?;
    }
    Ok(())
}
