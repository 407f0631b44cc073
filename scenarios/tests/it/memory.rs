//! Memory of a process, as a scenario says what is in it.

use floodgate_engine::throttle::Memory;
use floodgate_engine::time::Duration;
use floodgate_scenarios::catalogue::Source;
use floodgate_scenarios::experiment::run::{Run, run};
use floodgate_scenarios::plan::Scenario;
use floodgate_scenarios::setup::setup;

/// The throttled host of the catalogue, of less than its partner takes, with more for its sender.
fn sender(throttling: &str, price: &str) -> Scenario {
    let sets = [
        format!("host.Send.throttling={{ {throttling} }}"),
        format!("cost.forced_collection={price}"),
        "load.0.rate={ constant = 90.0 }".to_owned(),
        "load.0.count=4000".to_owned(),
        "expect={}".to_owned(),
        "sample=1 s".to_owned(),
    ];
    Source::find("throttled_host").unwrap().read(&sets).unwrap()
}

/// The last value and the largest one of a counter of the sending host.
fn counter(run: &Run, name: &str) -> (f64, f64) {
    let values = run.samples.series(name).unwrap().into_iter().map(|point| point.1);
    values.fold((0.0, 0.0), |(_, most): (f64, f64), value| (value, most.max(value)))
}

#[test]
fn garbage_caches_and_forced_collections_are_a_scenario_s_to_say() {
    // R-THR-02: 200 MB, and 100 KB of every message until somebody collects them.
    let memory = "base = '200 MB', per_message = '100 KB', garbage = '400 MB', caches = '50 MB'";
    let of = |more: &str, price: &str| {
        let text = format!("process_memory = 500, memory = {{ {memory} }}{more}");
        let run = run("t", &sender(&text, price)).unwrap();
        assert_eq!(run.outcome.meters.processed, 4000);
        run
    };
    let forced = |run: &Run| counter(run, "\\.NET CLR Memory(Send)\\# Induced GC").0;
    let used = "\\BizTalk:Message Agent(Send)\\Process memory usage (MB)";
    let (by_default, later, never) =
        (of("", "0 s"), of(", gc_trigger = 90", "0 s"), of(", gc_trigger = 0", "0 s"));
    let most = [&by_default, &later, &never].map(|run| counter(run, used).1);
    assert!(most[0] < 415.0 && most[1] > 425.0 && most[1] < 465.0 && most[2] > 500.0, "{most:?}");
    let often = [&by_default, &later, &never].map(forced);
    assert!(often[0] > 1.5 && often[1] > 0.5 && often[2] < 0.5, "{often:?}");
    let busy = |run: &Run| counter(run, "\\\\bts1\\Processor(_Total)\\% Processor Time").1;
    let dear = of("", "300 ms");
    assert!(busy(&dear) > busy(&by_default) + 20.0, "{} {}", busy(&dear), busy(&by_default));
    // What nobody says is nothing.
    let own = |text: &str| {
        let host = setup(&sender(text, "0 s"), 0).unwrap().topology.hosts.remove(1);
        host.settings.throttling.unwrap()
    };
    let plain = own("memory = {}");
    let reckoned = plain.memory.map(|own: Memory| (own.garbage, own.caches));
    assert_eq!((plain.gc_trigger, reckoned), (80, Some((0, 0))));
    let priced = setup(&sender("", "7 ms"), 0).unwrap().costs.forced_collection;
    assert_eq!(priced, Duration::from_millis(7));
}

#[test]
fn delivery_has_the_settings_of_publishing_unless_it_has_its_own() {
    // R-THR-03: each direction has samples, window, factor and longest delay of its own.
    let own = |text: &str| {
        let host = setup(&sender(text, "0 s"), 0).unwrap().topology.hosts.remove(1);
        let throttling = host.settings.throttling.unwrap();
        [throttling.publishing, throttling.delivery]
            .map(|way| (way.samples, way.window, way.overdrive, way.delay_max))
    };
    let secs = Duration::from_secs;
    let usual = (100, secs(15), 125, secs(300));
    assert_eq!(own(""), [usual, usual]);
    let both = (9, secs(7), 150, secs(60));
    let said = "samples = 9, window = '7 s', overdrive = 150, delay_max = '1 min'";
    assert_eq!(own(said), [both, both]);
    let more = "delivery_samples = 5, delivery_window = '3 s', delivery_overdrive = 110, \
        delivery_delay_max = '2 s'";
    assert_eq!(own(&format!("{said}, {more}")), [both, (5, secs(3), 110, secs(2))]);
    assert_eq!(own(more), [usual, (5, secs(3), 110, secs(2))]);
}
