//! Leaves a run folder and the folder of a search, made of invented figures, to look at the pages:
//! `cargo run -p floodgate-reports --example report -- DIR`.

#[path = "../tests/it/fixture.rs"]
mod fixture;

use std::path::Path;

use floodgate_reports::{StoreError, mst_summary, run_summary, write_mst, write_run};

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), StoreError> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "target/report-example".to_owned());
    let dir = Path::new(&dir);
    let (record, samples) = (fixture::record(), fixture::samples(720));
    write_run(&dir.join("run"), &record, &samples, &fixture::latencies())?;
    write_mst(&dir.join("mst"), &fixture::mst())?;
    println!("{}\n{}", run_summary(&record, &samples), mst_summary(&fixture::mst()));
    Ok(())
}
