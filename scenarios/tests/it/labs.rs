//! The published laboratories: closed forms of what their scenarios show.

use floodgate_scenarios::catalogue::Source;
use floodgate_scenarios::experiment::run::run;

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
    // R-SND-06, R-SND-09: two cores, forty threads; 4 ms of CPU a message, or 2.1 ms in batches of
    // twenty.
    let (cores, threads, alone, batched) = (2.0, 40.0, 0.004, 0.0021);
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
