//! What work queues for under a MessageBox: contention, distributed transactions, disks, pauses.

use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::cost::Costs;
use floodgate_sim::dist::Dist;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::resource::Law;
use floodgate_sim::setup::SinkSettings;

use crate::fixture::{ASYNC, BLOCKING, FOLDER, PUSH, Plant, assert_all_kept, immediate, sink};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A hundred messages at once, at these prices.
fn plant(costs: Costs) -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).all_at_once(100);
    plant.setup.costs = costs;
    plant
}

fn run(plant: &Plant) -> Outcome {
    let outcome = plant.run();
    assert_all_kept(&outcome);
    assert_eq!(outcome.meters.processed, 100);
    outcome
}

/// Busy time of a resource in a run measured to its end.
fn busy(outcome: &Outcome, name: &str) -> f64 {
    let known = outcome.resources.iter().find(|(known, _)| known == name);
    let (_, usage) = known.unwrap_or_else(|| panic!("no '{name}'"));
    usage.utilisation * outcome.ended.since(outcome.window.0).as_secs_f64()
}

#[test]
fn the_locks_are_held_longer_the_more_host_instances_are_there() {
    let costs = Costs { lock_transaction: ms(1), ..Costs::default() };
    let contended = Costs { lock_instance: ms(1), ..costs };
    // One instance meets nobody.
    let alone = busy(&run(&plant(costs)), "MessageBox locks and log");
    let unmoved = busy(&run(&plant(contended)), "MessageBox locks and log");
    assert!((alone - unmoved).abs() < 1e-9, "{alone} {unmoved}");
    // Two of them work at the same time.
    let both = |costs: Costs| run(plant(costs).instances(2)).ended;
    assert!(both(contended) > both(costs));
}

#[test]
fn what_waits_for_a_place_that_is_handed_on_waits_as_long_as_its_line_is() {
    // Five calls of a second each, one at a time: they wait for 0, 1, 2, 3 and 4 s.
    let mut plant = Plant::new(immediate(), PUSH);
    let wire = Dist::Constant(ms(1000));
    plant.send_port("Out", "In", ASYNC, SinkSettings { limit: 1, wire, ..sink() }).all_at_once(5);
    plant.setup.measure_to = Instant::ZERO + ms(10_000);
    let outcome = plant.run();
    let (_, usage) =
        outcome.resources.iter().find(|(name, _)| name.ends_with("(partner)")).unwrap();
    assert_eq!((usage.jobs, usage.wait_mean), (5, ms(2000)), "{usage:?}");
    assert!((usage.queue_mean - 1.0).abs() < 1e-9, "{usage:?}");
    // What began before the window is no job of it: of the line of the last 2.5 s only two are.
    plant.setup.measure_from = Instant::ZERO + ms(2500);
    let outcome = plant.run();
    let (_, usage) =
        outcome.resources.iter().find(|(name, _)| name.ends_with("(partner)")).unwrap();
    assert_eq!((usage.jobs, usage.wait_mean), (2, ms(1000)), "{usage:?}");
}

#[test]
fn what_waits_for_a_thread_that_is_busy_all_the_time_is_counted_one_by_one() {
    // One thread that each call holds for a second: what it does next begins in the same instant.
    let mut settings = immediate();
    (settings.threads, settings.threads_start) = (1, 100);
    let mut plant = Plant::new(settings, PUSH);
    let wire = Dist::Constant(ms(1000));
    plant.send_port("Out", "In", BLOCKING, SinkSettings { wire, ..sink() }).all_at_once(5);
    plant.setup.measure_to = Instant::ZERO + ms(10_000);
    let outcome = plant.run();
    let (_, usage) = outcome.resources.iter().find(|(name, _)| name.contains("threads")).unwrap();
    assert!(usage.jobs >= 5, "{usage:?}");
    let line = usage.wait_mean.as_secs_f64() * usage.jobs as f64 / 10.0;
    assert!((line - usage.queue_mean).abs() < 1e-6, "{usage:?}");
}

/// How long the locks of every MessageBox were held, by their order.
fn held(plant: &Plant, outcome: &Outcome) -> Vec<f64> {
    let names = plant.setup.topology.message_boxes.iter().map(|own| &own.name);
    names.map(|name| busy(outcome, &format!("{name} locks and log"))).collect()
}

/// Core time of the one server there is.
fn cpu(plant: &Plant, outcome: &Outcome) -> f64 {
    let server = &plant.setup.topology.servers[0];
    busy(outcome, &format!("{} CPU", server.name)) * f64::from(server.cpus)
}

#[test]
fn every_database_in_a_distributed_transaction_has_its_price() {
    let costs =
        Costs { enlist_lock: ms(1), enlist_sql: ms(2), enlist_cpu: ms(4), ..Costs::default() };
    let local = run(&plant(costs));
    assert!(busy(&local, "MessageBox locks and log").abs() < 1e-9, "one MessageBox needs none");
    // R-MMB-02: a batch of twenty is stored by two MessageBoxes in turn.
    let mut three = Plant::new(immediate(), FOLDER);
    three.send_port("Out", "In", ASYNC, sink()).all_at_once(100);
    three.setup.costs = costs;
    three.boxes(3);
    three.setup.topology.message_boxes[0].publishes = false;
    let outcome = run(&three);
    let held = held(&three, &outcome);
    assert!(held[0].abs() < 1e-9, "R-PUB-02: the master is asked and not enlisted: {held:?}");
    assert!(held[1] > 0.0 && (held[1] - held[2]).abs() < 1e-9, "as long in each: {held:?}");
    // As many enlistments in each: 1 ms under the locks of one is 2 x 2 ms of SQL CPU in both and
    // 2 x 4 ms on the BizTalk server; all of it is one server here.
    let cpu = cpu(&three, &outcome);
    assert!((cpu - 12.0 * held[1]).abs() < 1e-6, "{cpu} of {}", held[1]);
}

#[test]
fn a_master_that_only_routes_is_asked_and_holds_up_nobody() {
    // R-PUB-02: one call more for each publication, all of it processor time; what is stored is
    // stored elsewhere.
    let costs = Costs {
        lock_transaction: ms(1),
        log_transaction: ms(1),
        route_cpu: ms(5),
        route_document: ms(3),
        ..Costs::default()
    };
    let mut two = plant(costs);
    two.boxes(2);
    two.setup.topology.message_boxes[0].publishes = false;
    let outcome = run(&two);
    let held = held(&two, &outcome);
    assert!(held[0].abs() < 1e-9 && held[1] > 0.2, "{held:?}");
    let cpu = cpu(&two, &outcome);
    assert!((cpu - 0.8).abs() < 1e-6, "a hundred documents at 5 + 3 ms: {cpu}");
}

#[test]
fn every_row_that_looks_take_is_paid_for_once() {
    // Each document is two rows published, one taken and one deleted. Looks wait for the locks
    // while more comes: what one found beyond what it saw when it began is paid for with the
    // next, so no more is missing than the last look of all.
    let costs = Costs { lock_row: ms(1), log_row: ms(1), ..Costs::default() };
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink()).poisson(300.0, 400);
    plant.setup.costs = costs;
    let outcome = plant.run();
    assert_all_kept(&outcome);
    let rows = busy(&outcome, "MessageBox log disk") * 1000.0;
    assert!((1580.0..=1600.5).contains(&rows), "{rows} rows of 1,600");
    assert!(outcome.findings.iter().all(|one| one.holds == Some(true)), "{:?}", outcome.findings);
}

#[test]
fn disks_are_resources_of_their_own_where_they_have_a_price() {
    let costs = Costs { log_transaction: ms(2), data_transaction: ms(1), ..Costs::default() };
    let outcome = run(&plant(costs));
    let (log, data) =
        (busy(&outcome, "MessageBox log disk"), busy(&outcome, "MessageBox data disk"));
    assert!(data > 0.0 && (log - 2.0 * data).abs() < 1e-9, "{log} {data}");
    let free = run(&plant(Costs::default()));
    assert!(!free.resources.iter().any(|(name, _)| name.ends_with("disk")));
}

#[test]
fn a_network_link_carries_bytes_one_transaction_after_the_other() {
    // 10 ms a KB: the documents go in once and out once, to the end of the link and not beyond.
    let costs = Costs { link_kb: ms(10), ..Costs::default() };
    let (once, twice) = (plant(costs), plant(Costs { link_kb: ms(20), ..Costs::default() }));
    let link = |outcome: &Outcome| busy(outcome, "MessageBox network link");
    let (one, two) = (run(&once), run(&twice));
    assert!(link(&one) > 0.0 && (link(&two) - 2.0 * link(&one)).abs() < 1e-6);
    assert!(two.ended > one.ended, "what waits for the link is later");
    let judged = one.findings.iter().filter(|one| one.of.ends_with("network link"));
    assert!(judged.clone().count() > 0 && judged.clone().all(|one| one.holds == Some(true)));
    let free = run(&plant(Costs::default()));
    assert!(!free.resources.iter().any(|(name, _)| name.ends_with("link")));
}

#[test]
fn a_runtime_that_pauses_leaves_its_processor_idle_meanwhile() {
    // Two cores: a second of work on either stops both for 125 ms, so 1.25 s pass for 1 s of work.
    let costs = Costs { send_message: ms(10), ..Costs::default() };
    let paused = Costs { runtime_pause: ms(125), ..costs };
    let with = |costs: Costs| {
        let mut plant = plant(costs);
        plant.setup.topology.servers[0].cpus = 2;
        let name = plant.setup.topology.servers[0].name.clone();
        (run(&plant), name)
    };
    let ((plain, name), (slow, _)) = (with(costs), with(paused));
    let cpu = format!("{name} CPU");
    assert!((busy(&plain, &cpu) - busy(&slow, &cpu)).abs() < 1e-6, "the work is the same");
    let whole = busy(&slow, &format!("{name} work and pauses"));
    assert!((whole - 1.25 * busy(&slow, &cpu)).abs() < 1e-6, "{whole}");
}

#[test]
fn every_resource_and_the_spool_are_audited() {
    let costs = Costs {
        lock_transaction: ms(3),
        log_transaction: ms(2),
        data_row: ms(1),
        sql_transaction: ms(4),
        send_message: ms(5),
        ..Costs::default()
    };
    let findings = run(&plant(costs)).findings;
    let of = |law| findings.iter().filter(move |one| one.law == law);
    assert_eq!(of(Law::Little).next_back().map(|one| one.of.as_str()), Some("spool"));
    assert!(of(Law::Little).count() == of(Law::Utilisation).count() + 1);
    assert!(findings.iter().all(|one| one.holds == Some(true)), "{findings:?}");
}
