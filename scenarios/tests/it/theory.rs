//! Queueing theory: plants with known answers, simulated as scenarios and judged by intervals.
//!
//! A claim holds when theory's value lies in a 99.9 % interval over independent replications whose
//! half-width is at most 2 % of it: a wide interval proves nothing. Seed and replications are
//! written down here and in the plants, before any run.
//!
//! Where plain replications would need tens of millions of documents, the plant has a *reference*:
//! a recursion of a few lines that makes the same draws. The simulator's mean over short runs, less
//! the reference's over the same runs, plus the reference's over long ones, estimates what the
//! simulator's mean over long runs would (an external control variate). Its interval counts the
//! chance of both terms, and a simulator that strays from the reference is found out at once.

use std::path::Path;

use floodgate_engine::time::Instant;
use floodgate_scenarios::plan::Scenario;
use floodgate_scenarios::setup::setup;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::probe::COLUMNS;
use floodgate_sim::world::World;

/// The mean time of service of most plants, the unit of theory's times.
const SERVICE_SECONDS: f64 = 0.01;

/// A plant: a scenario of the folder `theory`.
struct Plant {
    name: &'static str,
    text: &'static str,
}

macro_rules! plant {
    ($name:literal) => {
        Plant {
            name: $name,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/theory/", $name, ".toml")),
        }
    };
}

mod judge;
mod references;

use judge::{holds, holds_by_reference};
use references::{
    crowds, lefts, level, mean, reference_level, reference_p95, reference_sojourn, reference_wait,
    sojourns,
};

impl Plant {
    fn read(&self, changes: &[&str]) -> Scenario {
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let scenario = Scenario::parse(self.name, self.text.as_bytes(), Path::new(""), &changes);
        scenario.unwrap_or_else(|problems| panic!("{}: {problems:?}", self.name))
    }
}

/// What theory says of a plant, by its id, and how it is read from a run.
struct Claim(&'static str, f64, fn(&Outcome) -> f64);

/// The same, and how it is read from what a reference yields.
struct Controlled(&'static str, f64, fn(&Outcome) -> f64, fn(&mut [u64]) -> f64);

// Plain replications.

/// At a core instead of a partner: the resource measures itself.
const CORE: [Claim; 3] = [
    Claim("utilisation law", 0.8, |run| run.resources[0].1.utilisation),
    Claim("MD1.Wq", 2.0, |run| run.resources[0].1.wait_mean.as_secs_f64() / SERVICE_SECONDS),
    Claim("MD1.W", 3.0, sojourn),
];

#[test]
fn core() {
    holds(&plant!("core"), &[], 64, &CORE);
}

#[test]
fn processor_sharing() {
    // Whatever the demand, it takes 1 / (1 - rho) times as long as alone.
    let claims = [
        Claim("PS.T", 5.0, sojourn),
        Claim("PS.T(0.5)", 2.5, |run| port_sojourn(run, 0)),
        Claim("PS.T(1.5)", 7.5, |run| port_sojourn(run, 1)),
    ];
    holds(&plant!("processor_sharing"), &[], 64, &claims);
}

#[test]
fn retry() {
    let claims = [
        Claim("RET.att", 1.417, |run| per_document(run.meters.ports[0].attempts, run)),
        Claim("RET.susp", 0.0081, |run| per_document(run.meters.suspended, run)),
    ];
    holds(&plant!("retry"), &[], 64, &claims);
}

#[test]
fn retry_capacity() {
    let per_service =
        |run: &Outcome| run.meters.received as f64 * SERVICE_SECONDS / run.ended.as_secs_f64();
    holds(&plant!("retry_capacity"), &[], 16, &[Claim("RET.cap3", 0.705_716, per_service)]);
}

#[test]
fn ordered() {
    let plant = plant!("ordered");
    for on in [r#"["bts1"]"#, r#"["bts1", "bts2", "bts3"]"#] {
        let claim = Claim("ORD.cap", 50.0, processed_per_second);
        holds(&plant, &[&format!("host.Send.on={on}")], 32, &[claim]);
    }
}

#[test]
fn token_bucket() {
    // A bucket of 20 that gets 100 a second: of 50 calls at once 20 begin, and the last of the
    // others 30 hundredths of a second later.
    let last = |run: &Outcome| run.ended.as_secs_f64();
    // 0.01 + 0.02 + … + 0.30 s of waiting, over 50.
    let claims = [Claim("TB", 0.3, last), Claim("TB.W", 9.3, sojourn)];
    holds(&plant!("token_bucket"), &[], 2, &claims);
}

#[test]
fn overload() {
    let slope = |run: &Outcome| {
        run.meters.backlog.growth(run.ended) as f64 * SERVICE_SECONDS / window_seconds(run)
    };
    holds(&plant!("overload"), &[], 64, &[Claim("OVER.slope", 0.2, slope)]);
}

#[test]
fn closed() {
    // 1 - 1 / sum of 5! / (5 - k)! / 4^k: users who think need no distribution, only a mean.
    let busy = |run: &Outcome| processed_per_second(run) * SERVICE_SECONDS;
    for think in [
        r#"{ exponential = "40 ms" }"#,
        r#"{ constant = "40 ms" }"#,
        r#"{ lognormal = { mean = "40 ms", scv = 4.0 } }"#,
    ] {
        let change = format!("load.0.rate.users.think={think}");
        holds(&plant!("closed"), &[&change], 32, &[Claim("MM1N.U", 0.800_933, busy)]);
    }
}

#[test]
fn closed_tandem() {
    let per_second =
        |run: &Outcome| run.meters.ports[2].processed_in_window as f64 / window_seconds(run);
    let claims = [
        Claim("MVA.X10", 2.841_951, per_second),
        Claim("MVA.R10", 1.518_710, |run| port_sojourn(run, 2) * SERVICE_SECONDS),
    ];
    holds(&plant!("closed_tandem"), &[], 64, &claims);
}

#[test]
fn file_poll() {
    let seconds = |run: &Outcome| sojourn(run) * SERVICE_SECONDS;
    holds(&plant!("file_poll"), &[], 16, &[Claim("POLLADP.W", 2.5, seconds)]);
}

#[test]
fn file_poll_overload() {
    holds(
        &plant!("file_poll_overload"),
        &[],
        16,
        &[Claim("POLLADP.cap", 4.0, processed_per_second)],
    );
}

// Replications controlled by a reference.

#[test]
fn batch_former() {
    // A message waits for the batch from the MessageBox's lock to its end: by Little's law the mean
    // number that is locked over the rate is the mean delay.
    let size = |run: &Outcome| {
        let batches = run.resources[0].1.utilisation * window_seconds(run) / 1e-6;
        run.meters.processed_in_window as f64 / batches
    };
    let delay = |run: &Outcome| {
        let locked = sampled(run, "Locked messages");
        locked.iter().sum::<f64>() / locked.len() as f64 / processed_per_second(run)
    };
    let claims = [Claim("FORM.size", 5.945_984, size), Claim("FORM.delay", 0.569_280, delay)];
    holds(&plant!("batch_former"), &[], 16, &claims);
}

#[test]
fn mm1() {
    let claims = [Controlled("MM1.L", 4.0, backlog, reference_level)];
    holds_by_reference(&plant!("mm1"), "2000 s", level, &claims);
}

#[test]
fn mm1_sojourn() {
    let claims = [
        Controlled("MM1.W", 5.0, sojourn, reference_sojourn),
        Controlled("MM1.T95", 14.978_661, p95, reference_p95),
    ];
    holds_by_reference(&plant!("mm1"), "6000 s", sojourns, &claims);
}

#[test]
fn fork_join() {
    // (12 - rho) / 8 times as long as at one partner alone; by Little's law, from what is under
    // way at either of them.
    let response = |billionths: &mut [u64]| reference_level(billionths) / 0.8;
    let claims = [Controlled("FJ2.T", 7.0, |run| backlog(run) / 0.8, response)];
    holds_by_reference(&plant!("fork_join"), "2000 s", level, &claims);
}

#[test]
fn mm4_all_busy() {
    // Who arrives sees what time sees: the share of time in which no call is free.
    let waits = |run: &Outcome| {
        let found = sampled(run, "Backlog");
        found.iter().filter(|found| **found >= 4.0).count() as f64 / found.len() as f64
    };
    let claims = [Controlled("MMc.C", 0.596_432, waits, |found| {
        found.iter().filter(|found| **found >= 4).count() as f64 / found.len() as f64
    })];
    holds_by_reference(&plant!("mm4"), "600 s", crowds, &claims);
}

#[test]
fn batch_arrivals() {
    // By Little's law, from the mean sojourn: narrower than the mean backlog, as the rate is known.
    let claims = [Controlled(
        "MXM1.K5",
        12.0,
        |run| 0.8 * sojourn(run),
        |nanos| 0.8 * reference_sojourn(nanos),
    )];
    holds_by_reference(&plant!("batch_arrivals"), "6000 s", sojourns, &claims);
}

#[test]
fn mm4() {
    let claims = [
        Controlled("MMc.W", 1.745_541, sojourn, reference_sojourn),
        Controlled("MMc.Wq", 0.745_541, wait, reference_wait),
    ];
    holds_by_reference(&plant!("mm4"), "1500 s", sojourns, &claims);
}

#[test]
fn md1() {
    let claims = [Controlled("MD1.Wq", 2.0, wait, reference_wait)];
    holds_by_reference(&plant!("md1"), "3000 s", sojourns, &claims);
}

#[test]
fn merlang1() {
    let claims = [Controlled("MG1.E4", 2.5, wait, reference_wait)];
    holds_by_reference(&plant!("merlang1"), "3000 s", sojourns, &claims);
}

#[test]
fn mlognormal1() {
    let claims = [Controlled("MG1.LN", 10.0, wait, reference_wait)];
    holds_by_reference(&plant!("mlognormal1"), "18_000 s", sojourns, &claims);
}

#[test]
fn tandem() {
    let claims = [
        Controlled("TAN.W", 8.055_556, sojourn, reference_sojourn),
        Controlled("TAN.T95", 18.802_195, p95, reference_p95),
    ];
    holds_by_reference(&plant!("tandem"), "4000 s", sojourns, &claims);
}

#[test]
fn file_poll_limit() {
    let claims = [Controlled("POLLADP.left", 0.573_986, left_after_look, mean)];
    holds_by_reference(&plant!("file_poll_limit"), "200_000 s", lefts, &claims);
}

// Little's law.

/// Two accumulators that know nothing of each other: the backlog over time, and the documents'
/// own instants. Over a run from empty to empty they agree, here to the last nanosecond.
#[test]
fn the_integral_of_the_backlog_is_the_sum_of_the_sojourns() {
    let plants = [
        plant!("mm1"),
        plant!("mm4"),
        plant!("mlognormal1"),
        plant!("batch_arrivals"),
        plant!("tandem"),
        plant!("core"),
        plant!("ordered"),
        plant!("overload"),
        plant!("file_poll"),
        plant!("file_poll_limit"),
    ];
    for plant in plants {
        let mut setup = setup(&plant.read(&["drain=1 h", "sample=1 h"]), 0).unwrap();
        (setup.measure_from, setup.measure_to) = (Instant::ZERO, setup.end);
        for load in &mut setup.loads {
            (load.until, load.count) = (None, Some(4_000));
        }
        let run = World::new(&setup).run();
        assert!(run.quiescent && run.unfinished == 0 && run.meters.processed >= 4_000);
        let area = run.meters.backlog.area(run.ended);
        assert_eq!(area, run.meters.latency_sum, "{}", plant.name);
    }
}

// What is read from a run.

fn backlog(run: &Outcome) -> f64 {
    run.meters.backlog.mean(run.ended)
}

/// The mean time from arrival to success, in services.
fn sojourn(run: &Outcome) -> f64 {
    run.latency_mean().unwrap() / SERVICE_SECONDS
}

fn wait(run: &Outcome) -> f64 {
    sojourn(run) - 1.0
}

fn p95(run: &Outcome) -> f64 {
    let latency = run.latency();
    let nanos = latency.median_equivalent(latency.value_at_quantile(0.95));
    nanos as f64 / 1e9 / SERVICE_SECONDS
}

fn port_sojourn(run: &Outcome, port: usize) -> f64 {
    let meter = &run.meters.ports[port];
    meter.latency_sum as f64 / meter.latency.len() as f64 / 1e9 / SERVICE_SECONDS
}

fn per_document(count: u64, run: &Outcome) -> f64 {
    count as f64 / run.meters.received as f64
}

fn window_seconds(run: &Outcome) -> f64 {
    let (from, to) = run.window;
    to.min(run.ended).since(from).as_secs_f64()
}

fn processed_per_second(run: &Outcome) -> f64 {
    run.meters.processed_in_window as f64 / window_seconds(run)
}

/// The samples of a figure in the window.
fn sampled(run: &Outcome, name: &str) -> Vec<f64> {
    let column = COLUMNS.iter().position(|column| column.name == name).unwrap();
    let (from, to) = run.window;
    let rows = run.samples.rows().iter().filter(|(at, _)| (from..to).contains(at));
    rows.map(|(_, values)| values[column]).collect()
}

/// The plant samples the backlog once after each look at the folder.
fn left_after_look(run: &Outcome) -> f64 {
    let left = sampled(run, "Backlog");
    left.iter().sum::<f64>() / left.len() as f64
}
