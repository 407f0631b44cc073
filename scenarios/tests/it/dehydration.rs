//! Dehydration by time and memory, as a scenario asks for it.

use floodgate_engine::time::Duration;
use floodgate_scenarios::catalogue::CATALOGUE;
use floodgate_scenarios::experiment::run::{Run, run};
use floodgate_scenarios::setup::setup;

use crate::bad_input::problems;
use crate::plan::read;

/// The convoy of the catalogue, its process host with more keys.
fn convoy(keys: &str) -> String {
    let text = CATALOGUE.iter().find(|(name, _)| *name == "ordered_convoy").unwrap().1;
    text.replacen("name = \"Process\"", &format!("name = \"Process\"\n{keys}"), 1)
}

fn done(keys: &str) -> Run {
    run("t", &read(&convoy(keys))).unwrap()
}

/// The last value and the largest one of a counter of the process host's orchestrations.
fn counter(run: &Run, name: &str) -> (f64, f64) {
    let series = run.samples.series(&format!("\\XLANG/s Orchestrations(Process)\\{name}"));
    let values: Vec<f64> = series.unwrap().iter().map(|point| point.1).collect();
    (values.last().copied().unwrap(), values.iter().copied().fold(0.0, f64::max))
}

#[test]
fn instances_stay_in_memory_for_as_long_as_the_scenario_says() {
    // R-MBX-02, R-SUB-05, R-ORD-03: whoever has an instance in memory, order and counts stay.
    let at_once = done("");
    let kept = done("dehydration = { max = '20 min' }");
    let briefly = done("dehydration = { constant = '5 s' }");
    for run in [&at_once, &kept, &briefly] {
        assert_eq!(run.outcome.meters.processed, 500);
        assert_eq!(run.record.verdict().exit_code(), 0, "{:?}", run.record.verdicts);
    }
    let dehydrated = |run: &Run| counter(run, "Orchestrations dehydrated").0 as u64;
    // Without the table an instance goes at each of its waits. With plenty of time none goes: both
    // end half a minute after their last message. With five seconds both go ten seconds after it.
    assert!(dehydrated(&at_once) > 200, "{}", dehydrated(&at_once));
    assert_eq!([dehydrated(&kept), dehydrated(&briefly)], [0, 2]);
    assert!((counter(&kept, "Dehydratable orchestrations").1 - 2.0).abs() < 1e-9);
    assert!((counter(&kept, "Dehydration threshold").1 - 1200.0).abs() < 1e-9);
    let threshold = "\\XLANG/s Orchestrations(Process)\\Dehydration threshold";
    assert!(
        kept.samples.series(threshold).is_some() && at_once.samples.series(threshold).is_none()
    );
}

#[test]
fn the_two_published_sets_of_defaults_and_every_measure_can_be_asked_for() {
    let of = |keys: &str| {
        let setup = setup(&read(&convoy(keys)), 0).unwrap();
        let host = setup.topology.hosts.iter().find(|host| host.name == "Process").unwrap();
        let own = host.settings.dehydration.unwrap();
        let spans = [own.virtual_bytes, own.private, own.physical]
            .map(|measure| measure.map(|own| (own.optimal, own.max)));
        (spans, own)
    };
    let (spans, own) = of("dehydration = {}");
    assert_eq!(spans, [Some((1395, 1824)), None, Some((3005, 3649))]);
    assert_eq!([own.min, own.max], [Duration::from_secs(1), Duration::from_secs(1800)]);
    assert_eq!((own.constant, own.memory), (None, None));
    let (spans, _) = of("dehydration = { defaults = 'file' }");
    assert_eq!(spans, [Some((900, 1300)), Some((50, 350)), None]);
    let (spans, own) = of("throttling = { memory = {} }\ndehydration = { virtual_bytes = { \
         optimal = 10, max = 90 }, private_bytes = { optimal = 100, max = 500 }, physical = { \
         optimal = 1, max = 0 }, virtual_memory = '3 GB', cycle = '2 s', min = '3 s' }");
    assert_eq!(spans, [Some((322, 2898)), Some((100, 500)), None]);
    assert!(own.memory.is_some());
    assert_eq!([own.cycle, own.min], [2, 3].map(Duration::from_secs));
}

#[test]
fn orchestrations_pause_where_the_queue_in_memory_is_as_long_as_it_may_be() {
    // R-DEQ-01, R-DEQ-09: what is not taken waits in the MessageBox, and nothing is lost.
    let flood = |keys: &str| {
        let text = convoy(keys).replacen("convoy = {", "# convoy = {", 1);
        let text = text.replacen("name = \"Process\"", "name = \"Process\"\nthreads = 1", 1);
        let text = text.replace("rate  = { poisson = 3.0 }", "rate = { all_at_once = true }");
        let push = "adapter = { kind = \"push\", batch = 10 }";
        let text = text.replace("adapter = \"queue\"", push);
        let text = format!("sample = '50 ms'\ncost = {{ send_message = '20 ms' }}\n{text}");
        run("t", &read(&text)).unwrap()
    };
    let most = |run: &Run| counter(run, "Pending messages").1 as u64;
    let (free, held) = (flood(""), flood("orchestration_queue = { pause_at = 10, resume_at = 3 }"));
    for run in [&free, &held] {
        assert_eq!(run.outcome.meters.processed, 500);
        assert_eq!(run.record.verdict().exit_code(), 0, "{:?}", run.record.verdicts);
    }
    // Two host instances, and looks that are under way bring a few more.
    let few = 2 * (10 + 5 * 10);
    assert!(most(&free) > 200 && most(&held) <= few, "{} {}", most(&free), most(&held));
    let name = "\\BizTalk:Message Box:Host Counters(Process:MsgBox:bts1)\\Host Queue - Length";
    let queue = |run: &Run| {
        let series = run.samples.series(name).unwrap();
        series.iter().map(|point| point.1 as u64).max().unwrap()
    };
    assert!(queue(&held) > queue(&free), "{} {}", queue(&held), queue(&free));
    let own = |keys: &str| {
        let setup = setup(&read(&convoy(keys)), 0).unwrap();
        let host = setup.topology.hosts.iter().find(|host| host.name == "Process").unwrap();
        host.settings.orchestration_queue.map(|own| (own.pause_at, own.resume_at))
    };
    assert_eq!((own(""), own("orchestration_queue = {}")), (None, Some((100, 50))));
    let wrong = convoy("orchestration_queue = { pause_at = 2, resume_at = 3 }");
    let said = problems(&wrong, &[])[0].located();
    assert!(said.ends_with("it goes on above where it pauses"), "{said}");
}
