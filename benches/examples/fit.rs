//! Fits the prices of a profile to a published laboratory, and says how well they are known.
//!
//! ```text
//! fit reference-2010                      # from the priors; prints the page of the profile
//! fit reference-2010 --write              # and writes the profile's numbers and that page
//! fit reference-2010 --sets               # only writes the other sets that fit, into the profile
//! fit reference-2010 --predict PLANT...   # what other plants carry, with all sets that fit
//! ```
//!
//! A laboratory is a file in `benches/labs/`. A PLANT is a catalogue name or a path of a scenario
//! whose load saturates it; what it carries is predicted with the profile as it stands.

use floodgate_benches::fit::lab::Lab;
use floodgate_benches::fit::{Fit, Result, profile, report};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]
fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let name = args.next().ok_or("which laboratory? A file in benches/labs/ without its .toml")?;
    let lab = Lab::load(&name)?;
    match args.next().as_deref() {
        Some("--predict") => {
            let fit = Fit::at(&lab, profile::point(&lab)?)?;
            let sets = report::sets(&fit)?;
            println!("{} sets of prices", sets.len());
            for plant in args {
                println!("{}", report::prediction(&fit, &plant, &sets)?);
            }
        }
        Some("--sets") => {
            let fit = Fit::at(&lab, profile::point(&lab)?)?;
            profile::write_sets(&lab, &fit.at, &report::sets(&fit)?[1..])?;
        }
        option @ (None | Some("--write")) => {
            let told = |round, badness| eprintln!("round {round}: {badness:.2}");
            let fit = Fit::find(&lab, told)?;
            eprintln!("found: {:.2}", fit.badness());
            let sets = report::sets(&fit)?;
            let page = report::page(&lab, &name, &fit, &sets)?;
            println!("{page}");
            if option.is_some() {
                profile::write(&lab, &fit.at, &page)?;
                profile::write_sets(&lab, &fit.at, &sets[1..])?;
            }
        }
        Some(other) => {
            return Err(format!("'{other}' is none of --write, --sets, --predict").into());
        }
    }
    Ok(())
}
