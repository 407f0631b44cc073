//! Several MessageBoxes: who holds what, what a lost one means to the others, and the jobs.

use floodgate_engine::config::{HostSettings, MessageBoxConfig, OnFailure, Watermarks};
use floodgate_engine::id::{MessageBoxId, SendPortId, ServerId};
use floodgate_engine::message_box::{BoxRefusal, DequeueOrder, PortOperation, Unavailability};
use floodgate_engine::sabotage::Sabotage;
use floodgate_engine::subscription::PortState;
use floodgate_engine::time::Duration;
use floodgate_sim::check::{Rule, RuleVerdict};
use floodgate_sim::dist::Dist;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::SinkSettings;
use floodgate_sim::world::World;

use crate::fixture::{ASYNC, PUSH, Plant, Story, assert_all_kept, finish, immediate, ms, sink};

/// A plant with MessageBoxes that publish or not, and a message a second.
fn plant(publishes: &[bool], messages: u64) -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    for (at, publishes) in publishes.iter().enumerate() {
        let name = format!("Box{at}");
        let message_box = MessageBoxConfig { name, publishes: *publishes };
        plant.setup.topology.message_boxes.push(message_box);
    }
    plant.setup.databases = vec![ServerId(0); publishes.len()];
    plant.send_port("Out", "In", ASYNC, sink());
    plant.load(ArrivalKind::Replay((0..messages).map(|n| ms(n * 1000)).collect()), None);
    plant
}

fn until(world: &mut World, millis: u64) {
    world.run_until(ms(millis));
    world.wait_until(ms(millis));
}

/// Occasions of a rule in a world that kept it.
fn occasions(world: &World, rule: Rule) -> u64 {
    let verdicts = world.checks().verdicts();
    verdicts.iter().find(|verdict| verdict.rule == rule).map_or(0, |verdict| verdict.occasions)
}

fn told(world: &World, what: &str) -> usize {
    Story::of(world).count(&[what])
}

#[test]
fn where_a_document_lives_is_in_the_digest() {
    // INV-69: two plants of three MessageBoxes that cost nothing, of which another one publishes.
    let [first, second, again] = [1, 2, 1].map(|home| {
        let publishes = [false, home == 1, home == 2];
        let mut world = plant(&publishes, 3).telling();
        finish(&mut world);
        (world.trace().digest(), Story::of(&world).text())
    });
    assert_eq!(first.1, second.1, "they differ in nothing else");
    assert_ne!(first.0, second.0);
    assert_eq!(first, again);
}

#[test]
fn activations_go_round_and_an_ordered_instance_stays_where_it_is() {
    // R-MMB-01, R-MMB-02, R-MMB-03, R-MMB-04, INV-31, INV-32.
    let mut plant = plant(&[false, true, true], 20);
    plant.send_port("Kept", "In", ASYNC, sink()).ordered(OnFailure::Stop);
    let mut world = plant.telling();
    finish(&mut world);
    assert_eq!(occasions(&world, Rule::RoundRobin), 20);
    assert_eq!(occasions(&world, Rule::HomeOfInstance), 19);
    // Every second document has a body in each of two MessageBoxes: the ordered port's home and
    // the one whose turn it was.
    assert_eq!(told(&world, "in 2 MessageBoxes"), 10);
    let outcome = world.conclude();
    assert_all_kept(&outcome);
    assert_eq!(outcome.meters.processed, 40);
}

#[test]
fn what_lives_in_a_lost_messagebox_waits_and_the_others_go_on() {
    // R-ADD-02, R-MMB-06: both sides of the knob. Messages arrive at 0, 1, … 9 s.
    for (unavailability, refused) in
        [(Unavailability::MasterOnly, false), (Unavailability::All, true)]
    {
        let mut plant = plant(&[true, true], 10);
        plant.setup.topology.policy.unavailability = unavailability;
        plant.setup.topology.hosts[0].settings.poll = Duration::from_secs(2);
        let mut world = plant.telling();
        until(&mut world, 1100);
        world.set_offline(MessageBoxId(1), true);
        until(&mut world, 4100);
        let fails = told(&world, "PERSISTENCE_FAILURE");
        assert_eq!(fails > 0, refused, "{unavailability:?}");
        let sent = told(&world, "MB   deletes");
        world.set_offline(MessageBoxId(1), false);
        until(&mut world, 20_000);
        assert!(told(&world, "MB   deletes") > sent, "{unavailability:?}");
        assert_eq!(world.checks().violations(), []);
        if !refused {
            finish(&mut world);
            let outcome = world.conclude();
            assert_all_kept(&outcome);
            assert_eq!((outcome.meters.processed, outcome.unfinished), (10, 0));
        }
    }
}

#[test]
fn without_the_master_nothing_is_published() {
    // R-ADD-02, R-MMB-01, INV-02: and no routing failure report is written either.
    let plant = plant(&[true, true], 3);
    let mut world = plant.telling();
    world.set_offline(MessageBoxId(0), true);
    until(&mut world, 2500);
    assert!(told(&world, "PERSISTENCE_FAILURE") > 0);
    assert_eq!((told(&world, "publishes"), told(&world, "routing failure")), (0, 0));
    assert_eq!(world.checks().violations(), []);
}

#[test]
fn disabling_publication_takes_effect_with_the_next_refresh() {
    // R-MMB-04, R-MMB-05: after a minute, and instances that are there go on.
    let mut plant = plant(&[true, true], 100);
    plant.setup.topology.hosts[0].settings.poll = Duration::from_secs(100);
    let mut world = plant.telling();
    until(&mut world, 9500);
    world.set_publishes(MessageBoxId(1), false);
    until(&mut world, 69_400);
    assert_eq!(world.message_box().publishing().len(), 2);
    until(&mut world, 69_600);
    assert_eq!(world.message_box().publishing(), [MessageBoxId(0)]);
    finish(&mut world);
    let outcome = world.conclude();
    assert_all_kept(&outcome);
    assert_eq!((outcome.meters.processed, outcome.unfinished), (100, 0));
}

#[test]
fn a_messagebox_is_added_only_while_nothing_is_enlisted() {
    // R-MMB-07.
    let mut world = plant(&[true], 10).telling();
    assert_eq!(world.add_message_box(ServerId(0)), Err(BoxRefusal::Enlisted));
    let port = SendPortId(0);
    assert_eq!(world.operate_port(port, PortOperation::Unenlist), Ok(PortState::Bound));
    assert_eq!(world.add_message_box(ServerId(0)), Ok(MessageBoxId(1)));
    assert_eq!(world.operate_port(port, PortOperation::Start), Ok(PortState::Started));
    finish(&mut world);
    assert_eq!(occasions(&world, Rule::RoundRobin), 10);
    let outcome = world.conclude();
    assert_all_kept(&outcome);
    assert_eq!(outcome.meters.processed, 10);
}

#[test]
fn without_jobs_the_spool_grows_although_nothing_waits() {
    // R-GC-01, R-GC-02, R-GC-04, INV-15.
    for (jobs, left) in [(true, 0), (false, 50)] {
        let mut plant = plant(&[true], 50);
        plant.setup.jobs = jobs;
        let mut world = World::new(&plant.setup);
        finish(&mut world);
        let message_box = world.message_box();
        assert_eq!((message_box.spool_live(), message_box.messages_in_database()), (0, left));
        assert!(!jobs || occasions(&world, Rule::BodyWhileReferenced) > 0);
        assert_all_kept(&world.conclude());
    }
    // R-SUSP-01: what is suspended counts.
    let mut plant = plant(&[true], 5);
    plant.state(PortState::Bound);
    let mut world = World::new(&plant.setup);
    finish(&mut world);
    assert_eq!(world.message_box().messages_in_database(), 5);
}

#[test]
fn equals_are_taken_in_publication_order_or_in_any_other() {
    // R-CLK-08, R-DEQ-05: the seed alone decides; priorities are kept all the same (INV-28).
    let order = |order: DequeueOrder| {
        let host = HostSettings { poll: Duration::from_secs(10), ..immediate() };
        let mut plant = Plant::new(host, PUSH);
        plant.send_port("Late", "In", ASYNC, sink());
        plant.send_port("First", "In", ASYNC, sink());
        plant.setup.topology.send_ports[1].priority = 2;
        plant.setup.topology.policy.dequeue_order = order;
        plant.all_at_once(30);
        let mut world = plant.telling();
        finish(&mut world);
        assert!(occasions(&world, Rule::PriorityFirst) > 0);
        assert_all_kept(&world.clone().conclude());
        let locks = |port: &str| -> Vec<String> {
            let story = world.trace().story().iter().map(|(_, line)| line);
            let locked = story.filter(|line| line.contains("locks") && line.contains(port));
            locked.map(|line| line.split(' ').nth(4).unwrap_or("").to_owned()).collect()
        };
        (locks("of First"), locks("of Late"))
    };
    let published = order(DequeueOrder::Publication);
    let due: Vec<String> = (1..=30).map(|n| format!("m{n}")).collect();
    assert_eq!(published, (due.clone(), due));
    let shuffled = order(DequeueOrder::Shuffled(7));
    assert_ne!(shuffled, published);
    assert_eq!(shuffled, order(DequeueOrder::Shuffled(7)));
    assert_ne!(shuffled, order(DequeueOrder::Shuffled(8)));
}

#[test]
fn between_the_watermarks_nothing_more_is_taken() {
    // R-DEQ-09: up to ten are out; then none until fewer than four are. One thread looks: several
    // looks under way do not know of each other's finds.
    let watermarks = Some(Watermarks { high: 10, low: 4 });
    let host = HostSettings { watermarks, dequeue_threads: 1, ..immediate() };
    let mut plant = Plant::new(host, PUSH);
    let wire = Dist::Uniform { low: Duration::ZERO, high: Duration::from_secs(1) };
    plant.send_port("Out", "In", ASYNC, SinkSettings { wire, ..sink() }).all_at_once(200);
    let mut world = plant.telling();
    let (mut most, mut out, mut refilled_at) = (0_u64, 0_u64, Vec::new());
    loop {
        let more = world.step();
        let now = world.message_box().reference_counts().locked;
        if now > out && most == 10 {
            refilled_at.push(out);
        }
        (most, out) = (most.max(now), now);
        if !more {
            break;
        }
    }
    assert_eq!(most, 10);
    assert!(refilled_at.iter().all(|out| *out < 4), "{refilled_at:?}");
    assert!(refilled_at.len() > 5);
    let outcome = world.conclude();
    assert_all_kept(&outcome);
    assert_eq!(outcome.meters.processed, 200);
}

#[test]
fn an_idle_host_delivers_within_its_poll_interval() {
    // R-CLK-07, R-DEQ-03, INV-30: due <= delivered <= due + interval, wherever the message falls.
    let interval = Duration::from_millis(500);
    let mut plant = Plant::new(HostSettings { poll: interval, ..immediate() }, PUSH);
    plant.send_port("Out", "In", ASYNC, sink());
    let arrivals: Vec<_> = (0..60).map(|n| ms(n * 2000 + n * 37)).collect();
    plant.load(ArrivalKind::Replay(arrivals.clone()), None);
    let mut world = plant.telling();
    finish(&mut world);
    let locked = Story::of(&world).instants(&["MB   locks"]);
    assert_eq!(locked.len(), arrivals.len());
    for (due, at) in arrivals.into_iter().zip(locked) {
        assert!(at >= due && at <= due + interval, "due {due}, taken {at}");
    }
}

/// Arrivals every two seconds at a host that polls twice a second; and the verdict on INV-30.
fn polled(sabotage: Option<Sabotage>, arrivals: u64) -> (Outcome, RuleVerdict) {
    let interval = Duration::from_millis(500);
    let mut plant = Plant::new(HostSettings { poll: interval, ..immediate() }, PUSH);
    plant.send_port("Out", "In", ASYNC, sink());
    let arrivals = (0..arrivals).map(|n| ms(n * 2000 + 1)).collect();
    plant.load(ArrivalKind::Replay(arrivals), None);
    let mut world = World::new(&plant.setup);
    if let Some(sabotage) = sabotage {
        world.sabotage(sabotage);
    }
    let outcome = world.run();
    let verdict = outcome.verdicts.iter().find(|one| one.rule == Rule::LooksInTime);
    let verdict = verdict.expect("every rule has a verdict").clone();
    (outcome, verdict)
}

#[test]
fn a_host_that_does_not_look_is_noticed_when_its_interval_is_over() {
    // INV-30, R-CLK-07: each of sixty is looked for in time; who sleeps is found out where time
    // passes beyond the interval, and where nothing comes any more, at the end.
    let (outcome, verdict) = polled(None, 60);
    assert_all_kept(&outcome);
    assert_eq!((verdict.occasions, verdict.broken), (60, 0));
    let broken = Some(Sabotage::SleepThroughWork);
    let (outcome, verdict) = polled(broken, 3);
    let said = verdict.first.expect("it is broken").what;
    assert!(said.starts_with("instance0 has not looked into"), "{said}");
    assert!(said.ends_with("by 00:02.001, with work since 00:00.001"), "{said}");
    assert_eq!((outcome.meters.processed, verdict.broken), (0, 3), "the last at the end");
    assert_eq!(polled(broken, 1).1.broken, 1);
}
