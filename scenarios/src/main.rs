//! The command `floodgate`.

use std::process::ExitCode;

use clap::Parser;
use floodgate_scenarios::cli::{Cli, execute, report};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(&cli) {
        Ok(code) => code,
        Err(error) => report(&error),
    }
}
