//! The published laboratories: closed forms of what their scenarios show.

use floodgate_scenarios::catalogue::Source;
use floodgate_scenarios::experiment::run::run;
use floodgate_scenarios::experiment::sweep::{Cell, Question, Sweep, Vary, rows};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Two cores, forty threads; seconds of CPU a message, by itself or in batches of twenty.
const CORES: f64 = 2.0;
const THREADS: u32 = 40;
const ALONE: f64 = 0.004;
const BATCHED: f64 = 0.0021;

/// Rates of the two ports of `file_adapter_ratio` on a wire of so many milliseconds.
fn rates(wire_ms: u64) -> (f64, f64) {
    let wire = |port: &str| format!("send_port.{port}.primary.wire={wire_ms}ms");
    let source = Source::find("file_adapter_ratio").unwrap();
    let mut scenario = source.read(&[wire("Blocking"), wire("Batched")]).unwrap();
    scenario.expect.figures.clear();
    let record = run("file_adapter_ratio", &scenario).unwrap().record;
    assert_eq!(record.exit_code(), 0, "{:?}", record.verdicts);
    let rate = |name: &str| record.ports.iter().find(|port| port.name == name).unwrap().rate;
    (rate("Blocking"), rate("Batched"))
}

#[test]
fn an_adapter_that_blocks_is_slower_by_the_closed_form_on_any_wire() {
    // R-SND-06, R-SND-09.
    let (cores, threads, alone, batched) = (CORES, f64::from(THREADS), ALONE, BATCHED);
    let near = |found: f64, due: f64, of: &str| {
        assert!((found - due).abs() < 0.03 * due, "{of}: found {found}, due {due}");
    };
    for wire_ms in [0, 20, 60, 100, 200, 400] {
        let wire = wire_ms as f64 / 1000.0;
        let (blocking, free) = rates(wire_ms);
        let due = f64::min(cores / alone, threads / (alone + wire));
        near(blocking, due, &format!("blocking on {wire_ms} ms"));
        near(free, cores / batched, &format!("in batches on {wire_ms} ms"));
        // The asymptotes of the ratio: what batches spare, and the wire over the threads' CPU.
        match wire_ms {
            0 => near(free / blocking, alone / batched, "a fast wire"),
            400 => near(free / blocking, cores * wire / (threads * batched), "a slow one"),
            _ => {}
        }
    }
}

/// Seeds of each setting.
const SEEDS: u32 = 6;

/// Messages a second of threads that hold a shared CPU and then a wire of so many seconds in the
/// mean: the machine-repair model, in which nothing but the means matters.
fn repaired(wire: f64) -> f64 {
    let (mut weight, mut all, mut busy) = (1.0, 1.0, 0.0);
    for n in 1..=THREADS {
        let at_work = f64::from(n).min(CORES);
        weight *= f64::from(THREADS - n + 1) * ALONE / wire / at_work;
        all += weight;
        busy += weight * at_work;
    }
    busy / all / ALONE
}

#[test]
fn the_ratio_over_the_wire_lies_on_its_closed_form_and_between_its_asymptotes() {
    // Exponential wires and a shared CPU: theory is exact there, and its value lies in the 99.9 %
    // interval of each of three settings, so that one change of the seeds in 330 would miss. In
    // the second one, at the knee, it is a tenth over both lines.
    let vary = "send_port.Blocking.primary.wire={ exponential = '20 ms' },\
                { exponential = '76 ms' },{ exponential = '160 ms' }";
    let set = [
        "expect.figure=[]",
        "server.bts1.discipline=processor_sharing",
        "load.0.warm_up=5s",
        "load.0.measure=12s",
    ];
    let set = set.map(str::to_owned).to_vec();
    let source = Source::find("file_adapter_ratio").unwrap();
    let vary = Vary::parse(vary).unwrap();
    let sweep = Sweep::new(source, set, vec![vary], SEEDS, Question::Run).unwrap();
    let cells: Vec<Cell> = (0..sweep.cells()).map(|at| Cell::of(&sweep, at).unwrap()).collect();
    let table = rows(&sweep, &cells);
    let [published] = table.published.as_slice() else { panic!("{:?}", table.published) };
    let axis = published.axis.as_ref().unwrap();
    assert_eq!((axis.name.as_str(), axis.unit.as_str()), ("wire time per CPU time", ""));
    let spared = ALONE / BATCHED;
    let per_core = f64::from(THREADS) / CORES;
    let [fast, slow] = published.lines.as_slice() else { panic!("{:?}", published.lines) };
    for (found, due) in [
        (fast.at, spared),
        (fast.slope, 0.0),
        (slow.at, spared / per_core),
        (slow.slope, spared / per_core),
    ] {
        assert!((found - due).abs() <= 1e-4 * due, "a line of the scenario: {found}, due {due}");
    }
    let student = StudentsT::new(0.0, 1.0, f64::from(SEEDS - 1)).unwrap().inverse_cdf(0.9995);
    for (row, x) in table.rows.iter().zip(&axis.at) {
        let ratio = row.metrics.iter().find(|own| own.name == published.metric).unwrap();
        let values: Vec<f64> = ratio.values.iter().map(|value| value.unwrap()).collect();
        let mean = values.iter().sum::<f64>() / f64::from(SEEDS);
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let half = student * (squares / f64::from(SEEDS - 1) / f64::from(SEEDS)).sqrt();
        let due = CORES / BATCHED / repaired(x * ALONE);
        let told = format!("x = {x}: {mean} ± {half}, due {due}");
        assert!((mean - due).abs() <= half && half <= 0.06 * due, "{told}");
        assert!(mean > 0.99 * fast.at.max(slow.at + slow.slope * x), "{told}: over both lines");
    }
}
