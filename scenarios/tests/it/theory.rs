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

use floodgate_engine::config::AdapterKind;
use floodgate_engine::hash::{mix, name_key};
use floodgate_engine::message::Body;
use floodgate_engine::time::Instant;
use floodgate_scenarios::plan::Scenario;
use floodgate_scenarios::setup::setup;
use floodgate_sim::load::Arrivals;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::probe::COLUMNS;
use floodgate_sim::rng::{Purpose, Rng};
use floodgate_sim::setup::{EndpointSettings, Setup};
use floodgate_sim::world::World;
use statrs::distribution::{ContinuousCDF as _, StudentsT};

const CONFIDENCE: f64 = 0.999;
const HALF_WIDTH_MAX: f64 = 0.02;
/// A plant without chance has an interval without width: sums are still rounded.
const ROUNDING: f64 = 1e-9;
/// A run and its reference differ by what a histogram of three digits rounds off, no more.
const STRAY_MAX: f64 = 1e-3;
/// Replications of a plant that has a reference, and of the reference alone.
const SIMULATED: u32 = 8;
const REFERRED: u32 = 32;
/// The mean time of service of most plants, the unit of theory's times.
const SERVICE_SECONDS: f64 = 0.01;

/// A plant: a scenario of the folder `theory`.
struct Plant {
    name: &'static str,
    text: &'static str,
}

macro_rules! plant {
    ($name:literal) => {
        Plant { name: $name, text: include_str!(concat!("../../theory/", $name, ".toml")) }
    };
}

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

#[test]
fn mm1() {
    holds(&plant!("mm1"), &[], 64, &[Claim("MM1.L", 4.0, backlog), Claim("MM1.W", 5.0, sojourn)]);
}

#[test]
fn fork_join() {
    // (12 - rho) / 8 times as long as at one partner alone; by Little's law, from what is under
    // way at either of them.
    let response = |run: &Outcome| backlog(run) / 0.8;
    holds(&plant!("fork_join"), &[], 64, &[Claim("FJ2.T", 7.0, response)]);
}

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
        let locked = sampled(run, "In-process message count");
        locked.iter().sum::<f64>() / locked.len() as f64 / processed_per_second(run)
    };
    let claims = [Claim("FORM.size", 5.945_984, size), Claim("FORM.delay", 0.569_280, delay)];
    holds(&plant!("batch_former"), &[], 16, &claims);
}

#[test]
fn mm4_all_busy() {
    // Who arrives sees what time sees: the share of time in which no call is free.
    let waits = |run: &Outcome| {
        let backlog = sampled(run, "Backlog");
        backlog.iter().filter(|found| **found >= 4.0).count() as f64 / backlog.len() as f64
    };
    let changes = ["sample=40 ms", "load.0.measure=600 s"];
    holds(&plant!("mm4"), &changes, 24, &[Claim("MMc.C", 0.596_432, waits)]);
}

#[test]
fn mm1_tail() {
    let claims = [Controlled("MM1.T95", 14.978_661, p95, reference_p95)];
    holds_by_reference(&plant!("mm1"), "6000 s", sojourns, &claims);
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

// The judge, judged.

#[test]
fn a_plant_with_three_per_cent_more_load_is_refused() {
    let changes = ["load.0.rate.poisson=82.4"];
    let estimates = estimates(&plant!("core"), &changes, 16, &CORE);
    for (Claim(id, expected, _), estimate) in CORE.iter().zip(estimates) {
        let misses = (estimate.mean - expected).abs() > estimate.half_width();
        assert!(misses && !estimate.holds(*expected), "{id}: {estimate:?}");
    }
}

#[test]
fn an_interval_must_be_narrow_and_have_the_value() {
    // t = 3.8834 for 19 degrees of freedom: a half-width of 1.94 of 100.
    let estimate = Estimate { mean: 100.0, variance: 0.25, freedom: 19.0 };
    assert!((estimate.half_width() - 1.9417).abs() < 1e-4);
    assert!(estimate.holds(101.9) && estimate.holds(98.1));
    assert!(!estimate.holds(102.0) && !estimate.holds(98.0));
    assert!(!Estimate { variance: 0.28, ..estimate }.holds(100.0), "too wide");
    assert!(!Estimate { mean: f64::NAN, ..estimate }.holds(100.0), "no value at all");
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

// References: the same draws, without an engine.

/// The documents of the plant's load, by arrival, each with the key of its draws.
fn arrivals(setup: &Setup, rng: &Rng) -> Vec<(Instant, u64)> {
    let load = &setup.loads[0];
    let Body::Described { documents, .. } = load.body else { unreachable!() };
    let key = name_key(&load.name);
    let (kind, until) = (load.arrivals.clone(), load.until);
    let mut arrivals = Arrivals::new(kind, key, load.start, until, load.count);
    let instants = std::iter::from_fn(|| arrivals.next(rng));
    let split = |(at, number)| {
        let wire = mix(key, number);
        let lineage = move |n| if documents > 1 { mix(wire, u64::from(n)) } else { wire };
        (1..=documents).map(move |n| (at, lineage(n)))
    };
    instants.zip(1..).flat_map(split).collect()
}

/// The recursion of Kiefer and Wolfowitz, stage after stage: each document goes to the place that
/// is free first. Only the last stage may have several places, for they change the order.
fn sojourns(setup: &Setup) -> Vec<u64> {
    let rng = Rng::new(setup.seed, setup.replication);
    let arrivals = arrivals(setup, &rng);
    let mut documents = arrivals.clone();
    for port in &setup.topology.send_ports {
        let endpoint = port.primary.endpoint.index();
        let name = name_key(&setup.topology.endpoints[endpoint]);
        let EndpointSettings::Sink(sink) = &setup.endpoints[endpoint] else { unreachable!() };
        let next = sink.forward_to.map(|to| &setup.topology.receive_locations[to.index()].name);
        let mut free = vec![Instant::ZERO; sink.limit as usize];
        for (at, lineage) in &mut documents {
            let first = free.iter_mut().min().unwrap();
            let entity = mix(*lineage, name);
            let takes = sink.wire.sample(|n| rng.uniform(Purpose::Wire, entity, u64::from(n)));
            *first = (*first).max(*at) + takes;
            *at = *first;
            *lineage = next.map_or(*lineage, |next| mix(*lineage, name_key(next)));
        }
    }
    let measured = setup.measure_from..setup.measure_to;
    let both = arrivals.iter().zip(&documents);
    let sojourns = both.filter(|((arrived, _), _)| measured.contains(arrived));
    sojourns.map(|((arrived, _), (done, _))| done.since(*arrived).as_nanos()).collect()
}

/// What each look at a folder leaves, when it takes so many at most.
fn lefts(setup: &Setup) -> Vec<u64> {
    let AdapterKind::Receive(adapter) = setup.topology.adapters[0].kind else { unreachable!() };
    let rng = Rng::new(setup.seed, setup.replication);
    let mut arrivals = arrivals(setup, &rng).into_iter().map(|(at, _)| at).peekable();
    let (mut left, mut lefts) = (0_u64, Vec::new());
    let mut look = Instant::ZERO;
    while look < setup.measure_to {
        if look >= setup.measure_from {
            lefts.push(left);
        }
        look += adapter.poll.unwrap();
        left += std::iter::from_fn(|| arrivals.next_if(|at| *at <= look)).count() as u64;
        left = left.saturating_sub(u64::from(adapter.batch_messages));
    }
    lefts
}

fn mean(values: &mut [u64]) -> f64 {
    values.iter().map(|value| u128::from(*value)).sum::<u128>() as f64 / values.len() as f64
}

fn reference_sojourn(nanos: &mut [u64]) -> f64 {
    mean(nanos) / 1e9 / SERVICE_SECONDS
}

fn reference_wait(nanos: &mut [u64]) -> f64 {
    reference_sojourn(nanos) - 1.0
}

fn reference_p95(nanos: &mut [u64]) -> f64 {
    let rank = (nanos.len() * 95).div_ceil(100) - 1;
    *nanos.select_nth_unstable(rank).1 as f64 / 1e9 / SERVICE_SECONDS
}

// Judging.

/// An estimate of a mean from independent values.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    mean: f64,
    /// Of the mean, not of the values.
    variance: f64,
    /// Degrees of freedom of the variance.
    freedom: f64,
}

impl Estimate {
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        Self { mean, variance: squares / (count - 1.0) / count, freedom: count - 1.0 }
    }

    /// The sum of two independent estimates; degrees of freedom by Welch and Satterthwaite.
    fn plus(self, other: Self) -> Self {
        let variance = self.variance + other.variance;
        let part = |one: Self| one.variance * one.variance / one.freedom;
        let freedom = variance * variance / (part(self) + part(other));
        Self { mean: self.mean + other.mean, variance, freedom }
    }

    fn half_width(&self) -> f64 {
        let student = StudentsT::new(0.0, 1.0, self.freedom).unwrap();
        student.inverse_cdf(0.5 + CONFIDENCE / 2.0) * self.variance.sqrt()
    }

    fn holds(&self, expected: f64) -> bool {
        let half_width = self.half_width();
        (self.mean - expected).abs() <= half_width.max(expected * ROUNDING)
            && half_width <= HALF_WIDTH_MAX * expected
    }
}

/// Runs one replication; every check of the simulator must hold as well.
fn run(scenario: &Scenario, replication: u32) -> (Setup, Outcome) {
    let setup = setup(scenario, replication).unwrap();
    let run = World::new(&setup).run();
    assert!(run.violations.is_empty(), "{:?}", run.violations);
    (setup, run)
}

fn estimates(
    plant: &Plant,
    changes: &[&str],
    replications: u32,
    claims: &[Claim],
) -> Vec<Estimate> {
    let scenario = plant.read(changes);
    let mut values = vec![Vec::new(); claims.len()];
    let mut documents = 0;
    for replication in 0..replications {
        let (_, run) = run(&scenario, replication);
        documents += run.meters.received;
        for (values, Claim(_, _, of)) in values.iter_mut().zip(claims) {
            values.push(of(&run));
        }
    }
    say(&format!("{}: {documents} documents", plant.name));
    values.iter().map(|values| Estimate::of(values)).collect()
}

fn holds(plant: &Plant, changes: &[&str], replications: u32, claims: &[Claim]) {
    let estimates = estimates(plant, changes, replications, claims);
    let claims = claims.iter().map(|Claim(id, expected, _)| (*id, *expected));
    judge(claims, &estimates);
}

/// Judges claims by short runs of the plant, and by long ones of its reference.
fn holds_by_reference(
    plant: &Plant,
    long: &str,
    reference: fn(&Setup) -> Vec<u64>,
    claims: &[Controlled],
) {
    let mut errors = vec![Vec::new(); claims.len()];
    let mut values = vec![Vec::new(); claims.len()];
    let (mut documents, mut referred) = (0, 0);
    let scenario = plant.read(&[]);
    for replication in 0..SIMULATED {
        let (setup, run) = run(&scenario, replication);
        documents += run.meters.received;
        let mut reference = reference(&setup);
        for (errors, Controlled(id, expected, of, of_reference)) in errors.iter_mut().zip(claims) {
            let error = of(&run) - of_reference(&mut reference);
            assert!(error.abs() <= STRAY_MAX * expected, "{id}: strays by {error}");
            errors.push(error);
        }
    }
    let scenario = plant.read(&[&format!("load.0.measure={long}")]);
    for replication in SIMULATED..SIMULATED + REFERRED {
        let mut reference = reference(&setup(&scenario, replication).unwrap());
        referred += reference.len();
        for (values, Controlled(_, _, _, of_reference)) in values.iter_mut().zip(claims) {
            values.push(of_reference(&mut reference));
        }
    }
    say(&format!("{}: {documents} documents, {referred} values of the reference", plant.name));
    let estimates: Vec<Estimate> = (errors.iter().zip(&values))
        .map(|(errors, values)| Estimate::of(errors).plus(Estimate::of(values)))
        .collect();
    judge(claims.iter().map(|Controlled(id, expected, ..)| (*id, *expected)), &estimates);
}

fn judge<'a>(claims: impl Iterator<Item = (&'a str, f64)>, estimates: &[Estimate]) {
    let mut refused = Vec::new();
    for ((id, expected), estimate) in claims.zip(estimates) {
        let (mean, half_width) = (estimate.mean, estimate.half_width());
        let share = half_width / expected * 100.0;
        let line = format!("{id}: {expected}, found {mean:.6} ± {half_width:.6} ({share:.2} %)");
        say(&line);
        if !estimate.holds(expected) {
            refused.push(line);
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

/// What `--nocapture` shows.
#[expect(clippy::print_stdout, reason = "a test may say what it found")]
fn say(line: &str) {
    println!("{line}");
}
