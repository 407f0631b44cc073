//! Scenarios that are right: defaults, the expanded form, the hash, overrides, profiles, schema.

use std::path::Path;

use floodgate_engine::time::Duration;
use floodgate_scenarios::catalogue::{CATALOGUE, Source};
use floodgate_scenarios::plan::cost::Costs;
use floodgate_scenarios::plan::distribution::{Distribution, Erlang};
use floodgate_scenarios::plan::fault::Side;
use floodgate_scenarios::plan::goal::Goal;
use floodgate_scenarios::plan::profile::{Dispatch, PROFILES, Profile};
use floodgate_scenarios::plan::quantity;
use floodgate_scenarios::plan::rate::{Rate, Spacing};
use floodgate_scenarios::plan::schema::schema;
use floodgate_scenarios::plan::send::Failure;
use floodgate_scenarios::plan::{Problem, Scenario};
use proptest::prelude::*;

/// Every key, somewhere.
pub(crate) const EVERYTHING: &str = include_str!("everything.toml");

pub(crate) fn read(text: &str) -> Scenario {
    read_with(text, &[])
}

fn read_with(text: &str, overrides: &[&str]) -> Scenario {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    Scenario::parse("test.toml", text.as_bytes(), Path::new(""), &overrides).unwrap_or_else(
        |problems| {
            let all: Vec<String> = problems.problems().iter().map(Problem::located).collect();
            panic!("{}", all.join("\n"))
        },
    )
}

#[test]
fn every_catalogue_file_is_read_and_is_not_odd() {
    for (name, _) in CATALOGUE {
        let scenario = Source::find(name).unwrap().read(&[]).unwrap();
        // Some show a trap on purpose.
        let odd: Vec<_> = scenario.warnings.iter().filter(|one| !one.is_advice()).collect();
        assert!(odd.is_empty(), "{name}: {odd:?}");
        assert!(!scenario.about.is_empty(), "{name}");
    }
    assert!(CATALOGUE.is_sorted(), "the catalogue is listed in its own order");
}

#[test]
fn the_expanded_form_reads_as_an_equal_scenario() {
    for text in CATALOGUE.iter().map(|(_, text)| *text).chain([EVERYTHING]) {
        let scenario = read(text);
        let expanded = scenario.expanded_toml();
        let again = read(&expanded);
        assert_eq!(again, scenario);
        assert_eq!(again.expanded_toml(), expanded);
        assert_eq!(again.hash(), scenario.hash());
    }
}

#[test]
fn the_hash_sees_the_experiment_and_nothing_else() {
    let text = CATALOGUE.iter().find(|(name, _)| *name == "smoke").unwrap().1;
    let hash = read(text).hash();
    assert_eq!(hash.len(), 32);
    let commented = format!("# a comment\nseed = 7\n{}", text.replace(" = ", "   =   "));
    assert_eq!(read(&commented).hash(), hash);
    let reordered = text
        .replace("to    = \"Orders\"\n", "")
        .replace("count = 200", "count = 200\nto = \"Orders\"");
    assert_ne!(reordered, text);
    assert_eq!(read(&reordered).hash(), hash);
    let spelled = text.replace("\"8 ms\"", "{ constant = \"0.008 s\" }");
    assert_eq!(read(&spelled).hash(), hash);
    for change in ["host.Send.threads=19", "cost.sql_row=1us", "load.0.count=201", "about=x"] {
        assert_ne!(read_with(text, &[change]).hash(), hash, "{change}");
    }
}

#[test]
fn a_changed_scenario_expands_as_changed() {
    let mut scenario = read(EVERYTHING);
    scenario.loads[0].rate = Rate::Poisson(7.5);
    assert_eq!(read(&scenario.expanded_toml()), scenario);
}

#[test]
fn every_key_reaches_its_field() {
    let scenario = read(EVERYTHING);
    let partner = scenario.send_port("Partner").unwrap();
    let backup = partner.backup.as_ref().unwrap();
    let erlang = Erlang { mean: Duration::from_millis(8), shape: 4 };
    assert_eq!(partner.primary.wire, Distribution::Erlang(erlang));
    assert_eq!(partner.primary.fail, Some(Failure::First(2)));
    assert_eq!((partner.primary.host.as_str(), backup.host.as_str()), ("Send", "Receive"));
    assert_eq!(backup.fail, Some(Failure::Always));
    assert_eq!(backup.retry.interval, Duration::from_minutes(5));
    let orders = scenario.receive_port("Orders").unwrap();
    let names: Vec<&str> = orders.locations.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["Orders.0", "Folder", "Orders.2"]);
    assert_eq!(orders.locations[1].adapter.batch_bytes, Some(1 << 20));
    assert_eq!(orders.locations[2].adapter.poll, None);
    let names: Vec<&str> = scenario.loads.iter().map(|load| load.name.as_str()).collect();
    assert_eq!(names, ["Burst", "Orders.1", "Stage.0", "Orders.2", "Orders.3", "Orders.4"]);
    assert!(
        matches!(&scenario.loads[1].rate, Rate::Floodgate(f, Spacing::Poisson) if f.peak > 99.0)
    );
    assert_eq!(scenario.faults[0].transport(), Some(("Partner", Side::Backup)));
    assert!(matches!(&scenario.goals[1], Goal::Backlog(backlog) if backlog.at_most == 500));
    let slow = &scenario.expect.ports[0];
    assert_eq!(slow.latency_p99.as_ref().unwrap().at_most, Duration::from_secs(2));
    assert!(scenario.expect.suspended.as_ref().unwrap().admits(3));
    assert!(!scenario.expect.suspended.as_ref().unwrap().admits(4));
    let received = scenario.expect.received.as_ref().unwrap();
    assert_eq!(received.to_string(), "at least 1 and at most 10");
    assert_eq!(scenario.costs.sql_row, Duration::from_micros(3));
    assert_eq!(scenario.profile.costs.sql_kb, Duration::from_micros(300));
    assert_eq!(scenario.hosts[0].poll, Duration::from_millis(500), "the profile's");
}

#[test]
fn overrides_reach_what_they_name() {
    let text = EVERYTHING;
    let scenario = read_with(
        text,
        &[
            "host.Send.poll=50ms",
            "server.bts1.cores = 8",
            "send_port.Partner.primary.retry.count=9",
            "send_port.Partner.primary.wire.exponential=5 min",
            "receive_port.Orders.location.Orders.2.adapter.batch=3",
            "receive_port.Orders.location.0.host=Send",
            "load.Burst.rate.constant=300",
            "load.Orders.1.rate.floodgate.peak=400",
            "load.5.size=\"1 KB\"",
            "seed=7",
            "cost.lock_row=0.4us",
            "expect.suspended={ exactly = 1 }",
            "about=another = one",
        ],
    );
    assert_eq!(scenario.host("Send").unwrap().poll, Duration::from_millis(50));
    assert_eq!(scenario.server("bts1").unwrap().cores, 8);
    let primary = &scenario.send_port("Partner").unwrap().primary;
    assert_eq!(primary.retry.count, 9);
    assert_eq!(primary.wire, Distribution::Exponential(Duration::from_minutes(5)));
    let locations = &scenario.receive_port("Orders").unwrap().locations;
    assert_eq!((locations[2].adapter.batch, locations[0].host.as_str()), (3, "Send"));
    assert_eq!(scenario.loads[0].rate, Rate::Constant(300.0));
    assert!(
        matches!(&scenario.loads[1].rate, Rate::Floodgate(f, Spacing::Poisson) if f.peak > 399.0)
    );
    assert_eq!((scenario.loads[5].size.constant(), scenario.seed), (Some(1024), 7));
    assert_eq!(scenario.costs.lock_row, Duration::from_nanos(400));
    assert_eq!(scenario.expect.suspended.as_ref().unwrap().exactly, Some(1));
    assert_eq!(scenario.about, "another = one");
}

#[test]
fn profiles_say_where_every_number_comes_from() {
    for (name, _) in PROFILES {
        let profile = Profile::load(name, Path::new("")).unwrap();
        for coefficient in Costs::NAMES {
            let free = profile.costs.get(coefficient).unwrap().is_zero();
            assert!(free || profile.sources[coefficient].source.len() > 20, "{name} {coefficient}");
        }
    }
    let free = Profile::load("free", Path::new("")).unwrap();
    assert_eq!((free.dispatch, &free.costs), (Dispatch::Immediate, &Costs::default()));
}

#[test]
fn the_schema_has_every_key_and_its_references_resolve() {
    let schema = schema();
    let text = schema.to_string();
    for key in ["message_box", "suspend_on_routing_failure", "lock_kb", "latency_p99", "per_mille"]
    {
        assert!(text.contains(&format!("\"{key}\":")), "{key}");
    }
    let definitions = schema["$defs"].as_object().unwrap();
    assert!(definitions.values().all(serde_json::Value::is_object));
    for reference in text.split("\"#/$defs/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(definitions.contains_key(name), "{name}");
    }
    assert_eq!(schema["properties"]["seed"]["default"], 42);
}

proptest! {
    #[test]
    fn durations_and_sizes_print_as_they_are_read(number in any::<u64>(), shift in 0_u32..64) {
        let number = number >> shift;
        let span = Duration::from_nanos(number);
        prop_assert_eq!(quantity::duration(&span.to_string()), Ok(span));
        prop_assert_eq!(quantity::size(&quantity::print_size(number)), Ok(number));
    }
}
