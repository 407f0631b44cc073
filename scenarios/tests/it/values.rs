//! Values that a scenario leaves to the product, each against a literal.

use floodgate_engine::config::AdapterKind;
use floodgate_engine::time::Duration;
use floodgate_scenarios::catalogue::Source;
use floodgate_scenarios::plan::Problem;
use floodgate_scenarios::setup::setup;

use crate::bad_input::{GOOD, problems};

#[test]
fn a_send_port_has_the_defaults_of_the_product() {
    // X-06, R-BSND-07: the file adapter has a batch of its own.
    let smoke = Source::find("smoke").unwrap().read(&[]).unwrap();
    let port = &smoke.send_ports[0];
    assert_eq!((port.priority, port.primary.adapter.batch), (7, 20));
}

/// What is said of the good scenario with this key set.
fn said(set: &str) -> Vec<String> {
    problems(GOOD, &[set]).iter().map(Problem::located).collect()
}

#[test]
fn a_transport_retries_within_the_bounds_of_the_product() {
    // R-RETRY-01: 3 retries, 5 minutes apart, unless set; up to 1,000, up to 525,600 minutes.
    let smoke = Source::find("smoke").unwrap().read(&[]).unwrap();
    let retry = &smoke.send_ports[0].primary.retry;
    assert_eq!((retry.count, retry.interval), (3, Duration::from_minutes(5)));
    for (key, most, unit) in [("count", 1000, ""), ("interval", 525_600, " min")] {
        let set = |value: u32| {
            let quote = if unit.is_empty() { "" } else { "'" };
            said(&format!("send_port.Out.primary.retry.{key}={quote}{value}{unit}{quote}"))
        };
        assert_eq!((set(0).len(), set(most).len()), (0, 0), "{key}");
        assert_eq!(set(most + 1).len(), 1, "{key}");
    }
}

#[test]
fn priorities_run_from_the_first_to_the_last() {
    // R-SUB-08: 7 unless set, on a scale from 1 to 10.
    let smoke = Source::find("smoke").unwrap().read(&[]).unwrap();
    assert_eq!(smoke.send_ports[0].priority, 7);
    for (priority, problems) in [(0, 1), (1, 0), (10, 0), (11, 1)] {
        let found = said(&format!("send_port.Out.priority={priority}"));
        assert_eq!(found.len(), problems, "{found:?}");
    }
}

#[test]
fn a_time_out_is_any_positive_time() {
    //
    for (time, problems) in [("1 ns", 0), ("61 min", 0), ("10000 h", 0), ("0 s", 1)] {
        let mut found = said(&format!("host.Host.response_timeout='{time}'"));
        // That nobody waits is told beside.
        found.retain(|one| !one.contains("no client waits"));
        assert_eq!(found.len(), problems, "{found:?}");
    }
}

#[test]
fn a_stage_has_room_for_so_many_components() {
    // R-PIPE-05.
    let with = |count: usize, stage: &str, port: &str| {
        let own = format!("[[{port}.component]]\nstage = '{stage}'\ndoes = 'consume'\n");
        let anchor = if port == "send_port" { "[send_port.primary]" } else { "[[send_port]]" };
        let text = GOOD.replacen(anchor, &(own.repeat(count) + anchor), 1);
        problems(&text, &[]).iter().map(Problem::located).collect::<Vec<_>>()
    };
    for (stage, port, most) in [
        ("decode", "receive_port.location", 255),
        ("validate", "receive_port.location", 255),
        ("encode", "send_port", 255),
        ("assemble", "send_port", 1),
    ] {
        assert_eq!(with(most, stage, port), [""; 0], "{stage}");
        let found = with(most + 1, stage, port);
        assert!(found.len() == 1 && found[0].contains("(R-PIPE-05)"), "{found:?}");
    }
}

#[test]
fn a_host_has_one_instance_a_server() {
    // R-HOST-01: on as many servers as are named, and on none of them twice.
    let both = GOOD.replacen("name = \"bts1\"", "name = \"bts1\"\n[[server]]\nname = \"bts2\"", 1);
    let on = |servers: &str| {
        let text = both.replacen("on = [\"bts1\"]", &format!("on = [{servers}]"), 1);
        problems(&text, &[]).iter().map(Problem::located).collect::<Vec<_>>()
    };
    assert_eq!(on("'bts1', 'bts2'"), [""; 0]);
    let twice = on("'bts1', 'bts2', 'bts1'");
    assert!(twice.len() == 1 && twice[0].contains("one instance a server"), "{twice:?}");
}

#[test]
fn the_http_presets_have_the_published_numbers() {
    // R-HOST-03, R-HOST-04: 256 clients at once, 2 listeners for each CPU; 100 messages in flight,
    // of which 5 finished ones are deleted together, or those of a second.
    let desk = Source::find("request_response").unwrap().read(&[]).unwrap();
    let topology = setup(&desk, 0).unwrap().topology;
    let mut requests = Vec::new();
    for adapter in &topology.adapters {
        if let AdapterKind::Request(settings) = adapter.kind {
            requests.push((settings.concurrent, settings.threads_per_cpu));
        }
    }
    assert_eq!(requests, [(256, 2)]);
    let smoke = Source::find("smoke").unwrap();
    let http = smoke.read(&["send_port.0.primary.adapter=http".to_owned()]).unwrap();
    let adapter = &http.send_ports[0].primary.adapter;
    let completion = adapter.completion.as_ref().unwrap();
    let gathered = (completion.batch, completion.wait);
    assert_eq!((adapter.workers, gathered), (100, (5, Duration::from_secs(1))));
}
