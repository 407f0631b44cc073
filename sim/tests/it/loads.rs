//! Loads at work: users who wait for what they asked for, controllers that hold a value in its
//! range, mixes that reach their subscribers, clocks that run at the pace of a phase.

use floodgate_engine::config::{OnFailure, RequestSettings};
use floodgate_engine::id::{ReceiveLocationId, ServerId};
use floodgate_engine::message::{Body, PropertyId, Value};
use floodgate_engine::pipeline::ReceivePipeline;
use floodgate_engine::subscription::{Condition, Filter};
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::dist::Dist;
use floodgate_sim::load::{
    ArrivalKind, Kind, Lots, LotsPer, Pace, Recorded, Sending, Users, Variety,
};
use floodgate_sim::outcome::Outcome;
use floodgate_sim::setup::{Controller, Failure, Fault, Monitor, SinkSettings};
use floodgate_sim::world::World;

use crate::fixture::{ASYNC, PUSH, Plant, Story, assert_all_kept, finish, immediate, ms, sink};
use crate::golden_two_way::{desk, replying};

const SECOND: Duration = Duration::from_secs(1);

fn slow(secs: u64) -> SinkSettings {
    SinkSettings { wire: Dist::Constant(SECOND.times(secs)), ..sink() }
}

fn users(first: u32, think: u64) -> Users {
    Users {
        first,
        add: 0,
        every: Duration::ZERO,
        most: first,
        think: Dist::Constant(SECOND.times(think)),
    }
}

fn plant(port: SinkSettings) -> Plant {
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, port);
    plant
}

/// The seconds at which the messages of the loads arrived at `In`.
fn asked(plant: &Plant) -> Vec<u64> {
    let mut world = plant.telling();
    finish(&mut world);
    let at = Story::of(&world).instants(&["arrives at In"]);
    assert_all_kept(&world.conclude());
    at.iter().map(|at| at.as_nanos() / 1_000_000_000).collect()
}

#[test]
fn a_user_thinks_asks_and_waits_for_the_end_of_its_document() {
    let mut one = plant(slow(3));
    one.load(ArrivalKind::Users(users(1, 1)), Some(4));
    assert_eq!(asked(&one), [1, 5, 9, 13]);
    // Two at once, and the load ends by time.
    let mut two = plant(slow(3));
    two.load(ArrivalKind::Users(users(2, 1)), None);
    two.setup.loads[0].until = Some(ms(6_000));
    assert_eq!(asked(&two), [1, 1, 5, 5]);
}

#[test]
fn the_end_is_that_of_the_slowest_subscriber_retries_included() {
    let mut both = plant(slow(3));
    both.send_port("Slow", "In", ASYNC, SinkSettings { failure: Failure::First(2), ..slow(1) });
    both.retry(5, SECOND.times(10)).load(ArrivalKind::Users(users(1, 0)), Some(3));
    // One second for each of three attempts, and two waits of ten.
    assert_eq!(asked(&both), [0, 23, 46]);
}

#[test]
fn a_suspension_is_an_end_too() {
    let mut dead = plant(SinkSettings { failure: Failure::Always, ..slow(1) });
    dead.retry(0, SECOND).load(ArrivalKind::Users(users(1, 2)), Some(3));
    assert_eq!(asked(&dead), [2, 5, 8]);
    // Nobody subscribes: suspended at once.
    let mut lost = Plant::new(immediate(), PUSH);
    lost.load(ArrivalKind::Users(users(1, 2)), Some(3));
    assert_eq!(asked(&lost), [2, 4, 6]);
}

#[test]
fn what_is_forwarded_has_not_ended() {
    let mut chain = Plant::new(immediate(), PUSH);
    chain.receive_port("Later", ReceivePipeline::pass_through());
    let first = SinkSettings { forward_to: Some(ReceiveLocationId(1)), ..slow(1) };
    chain.send_port("First", "In", ASYNC, first).send_port("Last", "Later", ASYNC, slow(4));
    chain.load(ArrivalKind::Users(users(1, 1)), Some(3));
    assert_eq!(asked(&chain), [1, 7, 13]);
}

#[test]
fn an_interchange_ends_with_its_last_document() {
    let mut split = plant(SinkSettings { limit: 1, ..slow(1) });
    split.setup.topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    split.load(ArrivalKind::Users(users(1, 0)), Some(3));
    split.setup.loads[0].body = Body::Described { bytes: 5000, documents: 5 };
    assert_eq!(asked(&split), [0, 5, 10]);
}

#[test]
fn users_come_in_steps_and_stay_those_who_they_are() {
    let mut growing = plant(slow(1));
    let steps = Users { add: 2, every: SECOND.times(10), most: 4, ..users(1, 4) };
    growing.load(ArrivalKind::Users(steps), None);
    growing.setup.loads[0].until = Some(ms(24_500));
    // One user every five seconds; two more from 10 s on; one more from 20 s on.
    assert_eq!(asked(&growing), [4, 9, 14, 14, 14, 19, 19, 19, 24, 24, 24, 24]);
}

#[test]
fn a_client_waits_for_its_answer_and_thinks_again() {
    let mut desk = desk(RequestSettings::default(), replying(SECOND.times(3)));
    desk.setup.loads.clear();
    desk.load(ArrivalKind::Users(users(3, 2)), Some(30));
    let mut world = desk.telling();
    finish(&mut world);
    let story = Story::of(&world);
    assert_eq!(story.count(&["arrives at"]), story.count(&["answers the client"]));
    let (came, left) = (story.instants(&["arrives at"]), story.instants(&["answers the client"]));
    // Nobody asks again sooner than two seconds after an answer.
    for (answer, next) in left.iter().zip(came.iter().skip(3)) {
        assert_eq!(*next, *answer + SECOND.times(2));
    }
}

#[test]
fn users_of_a_process_that_dies_ask_again() {
    let mut dying = desk(RequestSettings::default(), replying(SECOND.times(3)));
    dying.setup.loads.clear();
    dying.load(ArrivalKind::Users(users(3, 2)), None);
    dying.setup.loads[0].until = Some(ms(100_000));
    let instance = floodgate_engine::id::HostInstanceId(0);
    let at = |millis| ms(millis);
    dying.setup.faults.push(Fault::HostCrash { instance, at: at(2_000), lasts: Some(SECOND) });
    let mut world = dying.telling();
    finish(&mut world);
    let after = Story::of(&world).instants(&["arrives at"]);
    let later = after.iter().filter(|at| **at > ms(50_000)).count();
    assert!(later > 10, "the users go on: {later}");
}

fn lots(step: u64) -> Lots {
    let sending = Sending {
        takes: Duration::from_millis(1),
        creator: None,
        step: Duration::from_millis(step),
    };
    Lots {
        threads: 1,
        lot: 10,
        sleep: Duration::from_millis(100),
        per: LotsPer::Thread,
        files: None,
        time: None,
        sending,
    }
}

fn controlled(step: u64, monitor: Monitor, (low, high): (f64, f64), until: u64) -> Outcome {
    // A message costs 5 ms of one core of four: 800 a second at the most.
    let mut plant = plant(sink());
    plant.setup.costs.receive_message = Duration::from_millis(5);
    plant.load(ArrivalKind::Lots(lots(step)), None);
    let poll = Duration::from_millis(400);
    plant.setup.loads[0].controller = Some(Controller { monitor, low, high, poll });
    plant.setup.loads[0].until = Some(ms(until));
    plant.setup.measure_from = ms(until / 2);
    plant.setup.measure_to = ms(until);
    let outcome = World::new(&plant.setup).run();
    assert_all_kept(&outcome);
    outcome
}

#[test]
fn a_controller_holds_a_processor_in_its_range() {
    // The lots alone are 91 a second, 11 % of the cores; the controller finds what makes 60 %.
    let outcome = controlled(1, Monitor::Cpu(ServerId(0)), (58.0, 62.0), 200_000);
    let busy = outcome.resources[0].1.utilisation;
    assert!((0.55..0.65).contains(&busy), "{busy}");
    let idle = controlled(1, Monitor::Cpu(ServerId(0)), (0.0, 100.0), 20_000);
    let idle = idle.resources[0].1.utilisation;
    assert!((0.10..0.13).contains(&idle), "{idle}");
}

#[test]
fn a_controller_holds_a_rate_in_its_range() {
    let outcome = controlled(1, Monitor::Received, (240.0, 260.0), 200_000);
    let rate = outcome.meters.received_in_window as f64 / 100.0;
    assert!((230.0..270.0).contains(&rate), "{rate}");
}

#[test]
fn a_controller_knows_nothing_of_what_was_before_its_load() {
    // A minute of 200 a second by others, and then a load that no reading of its own time changes.
    let run = |controller: Option<Controller>| {
        let mut plant = plant(sink());
        plant.poisson(200.0, 12_000).load(ArrivalKind::Lots(lots(1)), None);
        plant.setup.loads[1].controller = controller;
        plant.setup.loads[1].start = ms(60_000);
        plant.setup.loads[1].until = Some(ms(120_000));
        World::new(&plant.setup).run().meters.received
    };
    let poll = Duration::from_millis(400);
    for monitor in [Monitor::Received, Monitor::Processed] {
        let own = Controller { monitor, low: 0.0, high: 5_000.0, poll };
        assert_eq!(run(Some(own)), run(None));
    }
}

#[test]
fn a_controller_that_sees_too_much_slows_down_to_its_limit() {
    // The range is below what can be reached with ten messages at once: the pause grows to its
    // limit of 10 s and stays there.
    let outcome = controlled(100, Monitor::Received, (0.0, 0.5), 2_000_000);
    let rate = outcome.meters.received_in_window as f64 / 1_000.0;
    assert!((0.9..1.1).contains(&rate), "{rate}");
}

fn kind(weight: f64, name: &str, bytes: u32) -> Kind {
    let body = Body::Described { bytes, documents: 1 };
    Kind { weight, document_type: name.to_owned(), body, size: None }
}

#[test]
fn a_mix_reaches_those_who_subscribe_to_its_types() {
    let mut mixed = plant(sink());
    mixed.setup.topology.receive_locations[0].pipeline = ReceivePipeline::xml();
    mixed.send_port("Orders", "In", ASYNC, sink()).all_at_once(1_000);
    let of_type = Condition::equals(PropertyId::MESSAGE_TYPE, Value::text("Order"));
    mixed.setup.topology.send_ports[1].filter = Some(Filter::all_of(vec![of_type]));
    mixed.setup.loads[0].variety = Variety {
        kinds: vec![kind(1.0, "Order", 100), kind(3.0, "Invoice", 200)],
        recorded: Vec::new(),
    };
    let outcome = mixed.run();
    assert_all_kept(&outcome);
    let orders = outcome.meters.ports[1].processed;
    // 250 are expected, with a standard deviation of 13.7.
    assert!((195..305).contains(&orders), "{orders}");
    assert_eq!(outcome.meters.ports[0].processed, 1_000);

    // A recording says of each what it is.
    mixed.setup.loads[0].variety.recorded =
        (0..1_000).map(|n| Recorded { kind: Some(u32::from(n % 10 != 0)), bytes: None }).collect();
    assert_eq!(mixed.run().meters.ports[1].processed, 100);
}

#[test]
fn a_load_elsewhere_moves_no_draw_of_users_and_mixes() {
    let build = |others: bool| {
        let mut plant = plant(slow(1));
        let think = Dist::Exponential { mean: SECOND };
        plant.load(ArrivalKind::Users(Users { think, ..users(5, 0) }), Some(200));
        plant.setup.loads[0].variety =
            Variety { kinds: vec![kind(1.0, "A", 100), kind(1.0, "B", 200)], recorded: Vec::new() };
        if others {
            plant.receive_port("Else", ReceivePipeline::pass_through());
            plant.send_port("Other", "Else", ASYNC, slow(1));
            plant.load(ArrivalKind::Users(users(3, 1)), Some(100));
            plant.setup.loads[1].locations = vec![ReceiveLocationId(1)];
        }
        plant
    };
    assert_eq!(asked(&build(false)), asked(&build(true)));
    assert_eq!(build(true).run().digest, build(true).run().digest);
}

#[test]
fn a_pace_raises_lowers_and_stops_every_kind_of_load() {
    let pace = |start: Instant| {
        Pace::new(start, &[(ms(0), 1.0), (ms(10_000), 3.0), (ms(20_000), 0.0)], ms(30_000))
    };
    let steady = || {
        let think = users(1, 1);
        let lots = Lots { lot: 1, sleep: SECOND, sending: Sending::default(), ..lots(0) };
        [ArrivalKind::Users(think), ArrivalKind::Lots(lots)]
    };
    for (kind, expected) in steady().into_iter().zip([[10, 30, 0], [10, 30, 1]]) {
        let mut paced = plant(sink());
        paced.load(kind, None);
        paced.setup.loads[0].pace = Some(pace(ms(0)));
        paced.setup.loads[0].until = Some(ms(30_000));
        let asked = asked(&paced);
        let within =
            |from: u64, to: u64| asked.iter().filter(|at| (from..to).contains(*at)).count();
        let counts = [within(0, 10), within(10, 20), within(20, 40)];
        // A message at the very edge belongs to either side.
        for (count, expected) in counts.into_iter().zip(expected) {
            assert!(count.abs_diff(expected) <= 1, "{counts:?}");
        }
    }
}

#[test]
fn the_story_of_ordered_ports_is_theirs_with_users_too() {
    // A port that goes on without a failed head ends it: the user is not left waiting for ever.
    let mut ordered = plant(SinkSettings { failure: Failure::Every(2), ..slow(1) });
    ordered.retry(1, SECOND).ordered(OnFailure::Continue);
    ordered.load(ArrivalKind::Users(users(2, 1)), Some(20));
    assert_eq!(asked(&ordered).len(), 20);
}
