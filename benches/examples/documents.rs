//! Runs a plant of so many documents and says how long it took and how much memory it held.
//!
//! ```text
//! documents run 1000000        # file_to_file, two subscriptions
//! documents plain 1000000      # the same without a price on disks and pauses
//! documents strangers 100000   # with 1,000 more send ports of which none matches
//! documents waiting 2000000    # partners that never answer: everything stays in the MessageBox
//! ```
//!
//! Count instructions: `valgrind --tool=callgrind target/release/examples/documents run 100000`.

use std::time::Instant;

use floodgate_benches::{built, file_to_file, plain, waiting, with_strangers};
use floodgate_sim::world::World;

#[expect(clippy::print_stdout, reason = "it is a command")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let plant = args.next().unwrap_or_else(|| "run".to_owned());
    let documents: u64 = args.next().map_or(Ok(100_000), |count| count.parse())?;
    let scenario = match plant.as_str() {
        "run" => file_to_file(documents)?,
        "plain" => plain(documents)?,
        "strangers" => with_strangers(documents, 1000)?,
        "waiting" => waiting(documents)?,
        other => return Err(format!("'{other}' is none of run, plain, strangers, waiting").into()),
    };
    let world = World::new(&built(&scenario)?);
    let start = Instant::now();
    let outcome = world.run();
    let seconds = start.elapsed().as_secs_f64();
    println!("received   {}", outcome.meters.received);
    println!("processed  {}", outcome.meters.processed);
    println!("unfinished {}", outcome.unfinished);
    println!("broken     {}", outcome.violations.len());
    println!("events     {}", outcome.events);
    println!(
        "rate       {:.0} documents per wall second",
        outcome.meters.received as f64 / seconds
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmHWM")) {
        println!("{line}");
    }
    Ok(())
}
