//! Planned faults: what they become, and what is said of those that are wrong.

use floodgate_engine::id::{EndpointId, HostInstanceId, ReceiveLocationId};
use floodgate_engine::time::{Duration, Instant};
use floodgate_scenarios::catalogue::CATALOGUE;
use floodgate_scenarios::setup::setup;
use floodgate_sim::setup::Fault;
use floodgate_sim::world::World;

use crate::bad_input::{GOOD, problems};
use crate::plan::{EVERYTHING, read};

fn minutes(count: u64) -> (Instant, Duration) {
    let span = Duration::from_minutes(count);
    (Instant::ZERO + span, span)
}

#[test]
fn every_fault_happens_to_what_it_names() {
    // R-CLK-09, R-CLK-20, R-CRASH-03, R-LIFE-06, R-SHUT-01, R-SHUT-07.
    let setup = setup(&read(EVERYTHING), 0).unwrap();
    let minute = Some(minutes(1).1);
    // The instances: Receive on bts1, Receive on sql1, Send on bts1.
    let [first, second, third] = [HostInstanceId(0), HostInstanceId(1), HostInstanceId(2)];
    let backup = setup.topology.endpoints.iter().position(|name| name == "Partner.backup");
    let mut locations = setup.topology.receive_locations.iter();
    let folder = locations.position(|location| location.name == "Folder");
    let skew = |instance, secs, ahead, lasts| {
        let (at, by) = (minutes(9).0, Duration::from_secs(secs));
        Fault::ClockSkew { instance, at, lasts, by, ahead }
    };
    let expected = [
        Fault::EndpointDown {
            endpoint: EndpointId::from(backup.unwrap()),
            at: minutes(5).0,
            lasts: Duration::from_secs(90),
        },
        Fault::HostCrash { instance: second, at: minutes(6).0, lasts: None },
        Fault::HostStop { instance: third, at: minutes(7).0, lasts: minute },
        Fault::DatabaseOffline { at: minutes(8).0, lasts: Duration::from_secs(3) },
        skew(first, 2, true, None),
        skew(second, 1, false, minute),
        Fault::LocationDisabled {
            location: ReceiveLocationId::from(folder.unwrap()),
            at: minutes(10).0,
            lasts: minute,
        },
        Fault::LocationBroken {
            location: ReceiveLocationId::from(folder.unwrap()),
            instance: Some(first),
            at: minutes(11).0,
            lasts: Some(minutes(2).1),
        },
    ];
    assert_eq!(setup.faults, expected);
    // What happens to a load is no fault of the plant's: its senders know of it.
    let load = setup.loads.iter().find(|load| load.name == "Stage.0").unwrap();
    let refusals = load.refusals.as_ref().unwrap();
    assert_eq!(refusals.spans, [(minutes(11).0, minutes(12).0)]);
    assert_eq!(setup.loads.iter().filter(|load| load.refusals.is_some()).count(), 1);
    let life = setup.life;
    let spans = [life.dead_after, life.dead_job, life.stop_limit, life.database_limit];
    assert_eq!(spans.map(|span| span.as_nanos() / 1_000_000_000), [300, 30, 40, 50]);
    assert!(life.transactions_commit && !life.wires_arrive);
}

#[test]
fn what_becomes_of_processes_is_as_the_simulator_has_it() {
    // R-CLK-12, R-SHUT-05, R-SHUT-07: one default, wherever a setup comes from.
    let own = setup(&read(GOOD), 0).unwrap().life;
    assert_eq!(own, floodgate_sim::setup::LifeSettings::default());
}

#[test]
fn faults_that_happen_to_nothing() {
    let fault = |keys: &str| format!("{GOOD}[[fault]]\nat = '1 s'\n{keys}\n");
    let at = "host = 'Host'\nserver = 'bts1'";
    let cases = [
        (format!("kind = 'host_crash'\n{at}"), vec![]),
        (format!("kind = 'host_stop'\n{at}\nlasts = '1 s'"), vec![]),
        ("kind = 'database_offline'\nlasts = '1 s'".to_owned(), vec![]),
        ("kind = 'location_disabled'\nlocation = 'In.0'".to_owned(), vec![]),
        (format!("kind = 'clock_skew'\nbehind = '1 s'\n{at}"), vec![]),
        (
            "kind = 'host_crash'".to_owned(),
            vec!["'host' is missing in fault", "'server' is missing in fault"],
        ),
        ("kind = 'host_crsh'".to_owned(), vec!["'kind': unknown word \"host_crsh\""]),
        ("kind = 'database_offline'".to_owned(), vec!["'lasts' is missing in fault"]),
        (
            "kind = 'endpoint_down'\nendpoint = 'Out.primary'".to_owned(),
            vec!["'lasts' is missing in fault"],
        ),
        (
            format!("kind = 'host_crash'\n{at}\nlocation = 'In.0'\nahead = '1 s'"),
            vec![
                "'location' says nothing about host_crash",
                "'ahead' says nothing about host_crash",
            ],
        ),
        (format!("kind = 'clock_skew'\n{at}"), vec!["is either ahead or behind"]),
        (
            format!("kind = 'clock_skew'\nahead = '1 s'\nbehind = '1 s'\n{at}"),
            vec!["is either ahead or behind"],
        ),
        (
            format!("kind = 'host_stop'\n{}", at.replace("Host", "Hist")),
            vec!["no host is called 'Hist'"],
        ),
        (
            format!("kind = 'host_stop'\n{}", at.replace("bts1", "bts2")),
            vec!["no server of host 'Host' is called 'bts2'"],
        ),
        (
            "kind = 'location_disabled'\nlocation = 'In.1'".to_owned(),
            vec!["no receive location is called 'In.1'"],
        ),
        ("kind = 'destination_down'\nlasts = '1 s'".to_owned(), vec!["'load' is missing in fault"]),
        (
            "kind = 'destination_down'\nlasts = '1 s'\nload = 'In.9'".to_owned(),
            vec!["no load is called 'In.9'"],
        ),
        (
            "kind = 'destination_down'\nlasts = '1 s'\nload = 'In.0'".to_owned(),
            vec!["load 'In.0' has no senders that would try again"],
        ),
    ];
    for (keys, said) in cases {
        let found = problems(&fault(&keys), &[]);
        assert_eq!(found.len(), said.len(), "{keys}\n{found:?}");
        for (problem, said) in found.iter().zip(said) {
            assert!(problem.located().contains(said), "{problem:?}");
        }
    }
}

/// Two receive ports, each with a location `Folder`; the second one's load names it.
fn two_folders(end: &str) -> String {
    let folder = "[[receive_port.location]]\nname = 'Folder'";
    let port = |name: &str| {
        format!("[[receive_port]]\nname = '{name}'\n{folder}\nhost = 'Host'\nadapter = 'file'\n")
    };
    let text = GOOD.replacen("[[receive_port.location]]", folder, 1);
    let text = text.replacen("[[send_port]]", &format!("{}[[send_port]]", port("In2")), 1);
    let text = text.replacen("== \"In\"'", "exists'", 1);
    format!(
        "{text}[[load]]\nto = 'In2'\nlocation = 'Folder'\nrate = {{ constant = 1 }}\ncount = 1\n{end}"
    )
}

#[test]
fn a_name_that_two_ports_give_a_location() {
    // A load names its port as well; a fault does not.
    let good = two_folders("");
    assert_eq!(problems(&good, &[]), []);
    assert_eq!(setup(&read(&good), 0).unwrap().loads[1].locations, [ReceiveLocationId(1)]);
    let fault = "[[fault]]\nat = '1 s'\nkind = 'location_disabled'\nlocation = 'Folder'\n";
    let found = problems(&two_folders(fault), &[]);
    assert!(found[0].located().contains("is a location of several receive ports"), "{found:?}");
}

#[test]
fn senders_try_again_as_long_as_their_destination_is_away() {
    // Lots of 10 each second, from the beginning; away from 3.5 s to 7.5 s. The lot of 4 s is tried
    // each second until it gets there, at 8 s; a sender with one retry gives it up at 5 s, and the
    // next one at 7 s.
    let lots = "rate = { lots = { threads = 10, lot = 1, sleep = '1 s', retry = \
                { interval = '1 s', number = NUMBER } } }\nmeasure = '20 s'";
    let down =
        "\n[[fault]]\nat = '3500 ms'\nkind = 'destination_down'\nload = 'In.0'\nlasts = '4 s'\n";
    for (number, given_up, sent) in [(9, 0, 160), (1, 20, 160), (0, 40, 160)] {
        let load = lots.replace("NUMBER", &number.to_string());
        let text = GOOD.replace("rate = { constant = 1 }\ncount = 1", &load) + down;
        let outcome = World::new(&setup(&read(&text), 0).unwrap()).run();
        assert_eq!((outcome.given_up, outcome.meters.offered), (given_up, sent), "{number}");
    }
}

#[test]
fn what_went_out_before_its_process_died_is_counted_as_a_repetition() {
    // INV-54: the partner gets again what the dead had sent and not said so; nothing else.
    let text = CATALOGUE.iter().find(|(name, _)| *name == "host_failover").unwrap().1;
    let outcome = World::new(&setup(&read(text), 0).unwrap()).run();
    let (received, processed) = (outcome.meters.received, outcome.meters.processed);
    assert_eq!((received, processed - outcome.repeated), (3000, 3000));
    assert!(outcome.repeated > 0);
}
