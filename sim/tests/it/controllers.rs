//! The controllers of host throttling, in a world: what they hold back, and that they let go.

use floodgate_engine::config::{Host, HostInstanceConfig, HostSettings};
use floodgate_engine::id::{HostId, HostInstanceId, ServerId};
use floodgate_engine::throttle::{Direction, Memory, Override, ThrottleSettings};
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::dist::Dist;
use floodgate_sim::outcome::Outcome;
use floodgate_sim::probe::COLUMNS;
use floodgate_sim::setup::{EndpointSettings, SinkSettings};
use floodgate_sim::world::World;

use floodgate_engine::message::Value;
use floodgate_engine::orchestration::{Convoy, Program};

use crate::answers::asking;
use crate::counters::{column, parts};
use crate::fixture::{ASYNC, PUSH, Plant, assert_all_kept, finish, immediate, sink};
use crate::golden_orchestration::{self, KEY};
use crate::golden_send::marked;

/// A partner that takes a hundred documents a second, and three hundred come.
fn overloaded(throttling: Option<ThrottleSettings>, documents: u64) -> Outcome {
    at_rate(300.0, throttling, documents).run()
}

fn at_rate(rate: f64, throttling: Option<ThrottleSettings>, documents: u64) -> Plant {
    let settings = HostSettings { throttling, ..immediate() };
    let slow =
        SinkSettings { wire: Dist::Constant(Duration::from_millis(100)), limit: 10, ..sink() };
    let mut plant = Plant::new(settings, PUSH);
    plant.send_port("Out", "In", ASYNC, slow).poisson(rate, documents);
    // Sending has a host of its own, as advised: what holds publishing back must not hold it too.
    let topology = &mut plant.setup.topology;
    let settings = immediate();
    topology.hosts.push(Host { name: "S".to_owned(), settings, properties: Vec::new() });
    topology.host_instances.push(HostInstanceConfig { host: HostId(1), server: ServerId(0) });
    topology.hosts[1].settings.throttling = throttling;
    topology.send_ports[0].primary.host = HostId(1);
    plant.setup.sample = Duration::from_secs(1);
    plant
}

/// Publishing is throttled by the database only; delivery is left alone.
fn by_database(messages: u64) -> ThrottleSettings {
    let never = Direction { said: Override::Never, ..Direction::default() };
    ThrottleSettings { messages, delivery: never, ..ThrottleSettings::default() }
}

/// Nothing throttles, but what is set beside it.
fn calm() -> ThrottleSettings {
    ThrottleSettings { messages: 0, in_process: 0, ..ThrottleSettings::default() }
}

fn said_never() -> Direction {
    Direction { said: Override::Never, ..Direction::default() }
}

/// No rate throttles, since no window has so many messages.
fn no_rate() -> Direction {
    Direction { samples: u32::MAX, ..Direction::default() }
}

/// The process of a host instance dies and is back some seconds later.
fn crash_at(world: &mut World, instance: HostInstanceId, (dies, starts): (u64, u64)) {
    let [dies, starts] = [dies, starts].map(|at| Instant::ZERO + Duration::from_secs(at));
    world.run_until(dies);
    world.wait_until(dies);
    world.crash(instance);
    world.run_until(starts);
    world.wait_until(starts);
    world.start(instance);
}

/// All values of a sampled figure.
fn series(outcome: &Outcome, name: &str) -> Vec<f64> {
    let at = COLUMNS.iter().position(|column| column.name == name).expect("a column");
    outcome.samples.rows().iter().map(|(_, row)| row[at]).collect()
}

fn highest(outcome: &Outcome, name: &str) -> f64 {
    series(outcome, name).into_iter().fold(0.0, f64::max)
}

const SPOOL: &str = "Spool Size";
const PUBLISHING: &str = "Message publishing throttling state";
const DELIVERY: &str = "Message delivery throttling state";

#[test]
fn a_full_database_holds_publishing_back_and_loses_nothing() {
    // R-THR-02, R-THR-03, INV-11: state 6 beyond 5,000 messages; what cannot be published waits
    // outside.
    let free = overloaded(None, 60_000);
    let held = overloaded(Some(by_database(5_000)), 60_000);
    for outcome in [&free, &held] {
        assert_all_kept(outcome);
        assert_eq!((outcome.meters.received, outcome.meters.processed), (60_000, 60_000));
        assert!(outcome.quiescent, "controllers with nothing to see are parked");
    }
    assert!(highest(&free, SPOOL) > 35_000.0);
    let peak = highest(&held, SPOOL);
    assert!((5_000.0..20_000.0).contains(&peak), "{peak} rows");
    assert!((highest(&free, PUBLISHING), highest(&held, PUBLISHING)) == (0.0, 6.0));
    // Over when the queue is short again, and long before the end.
    let states = series(&held, PUBLISHING);
    assert_eq!(states.last(), Some(&0.0));
}

#[test]
fn what_a_controller_sees_and_does_is_told_by_its_message_agent_s_counters() {
    // R-THR-02, by the names of the product's counters.
    let outcome = overloaded(Some(by_database(5_000)), 30_000);
    let of = |host: &str, counter: &str| {
        let name = format!("\\BizTalk:Message Agent({host})\\{counter}");
        let parts = outcome.samples.parts();
        let at = COLUMNS.len() + parts.iter().position(|(known, _)| *known == name).expect(&name);
        outcome.samples.rows().iter().map(|(_, row)| row[at]).collect::<Vec<f64>>()
    };
    assert_eq!(of("H", PUBLISHING), series(&outcome, PUBLISHING));
    assert!(of("S", PUBLISHING).iter().all(|state| *state < 0.5));
    let (state, high) = (of("H", PUBLISHING), of("H", "High database size"));
    assert!(high.contains(&1.0) && high.contains(&0.0));
    assert!(state.iter().zip(&high).all(|(state, high)| (state - 6.0 * high).abs() < 0.5));
    // One second more at every sample of an unbroken state.
    let lasts = of("H", "Message publishing throttling state duration");
    let both = lasts.windows(2).zip(state.windows(2));
    let steady = both.filter(|(_, state)| *state == [6.0, 6.0]).map(|(lasts, _)| lasts);
    assert!(steady.clone().count() > 10);
    assert!(steady.filter(|lasts| lasts[1] > 1.0).all(|of| (of[1] - of[0] - 1.0).abs() < 1e-6));
    assert!(of("H", "Database size").iter().any(|size| *size > 5_000.0));
    assert!(of("S", "Message delivery throttling user override").iter().all(|said| *said > 1.5));
    // What comes in and goes out of the MessageBox, in messages.
    let total = of("H", "Total messages published");
    assert_eq!(total.last(), Some(&30_000.0));
    let rate = of("H", "Message publishing outgoing rate");
    let whole = rate.iter().filter(|rate| rate.is_finite()).sum::<f64>();
    assert!((whole - 30_000.0).abs() < 300.0, "{whole}");
}

#[test]
fn a_threshold_out_of_reach_changes_nothing() {
    // Published: at 2,000,000 messages the overdrive test is not throttled.
    let free = overloaded(None, 20_000);
    let lifted = overloaded(Some(by_database(2_000_000)), 20_000);
    assert_eq!((free.digest, free.ended), (lifted.digest, lifted.ended));
}

#[test]
fn too_many_in_process_slow_delivery_and_nothing_else() {
    // State 3 of delivery: 40 messages of four CPUs are out, and no more than the partner takes.
    let settings = ThrottleSettings {
        in_process: 10,
        messages: 0,
        delivery: Direction { delay_max: Duration::from_secs(2), ..Direction::default() },
        ..ThrottleSettings::default()
    };
    let held = overloaded(Some(settings), 5_000);
    assert_all_kept(&held);
    assert_eq!(held.meters.processed, 5_000);
    assert!((highest(&held, PUBLISHING), highest(&held, DELIVERY)) == (0.0, 3.0));
}

#[test]
fn more_taken_than_finished_is_a_rate_and_an_operator_overrules_it() {
    // State 1 of delivery; with the override there is none.
    let rate = ThrottleSettings { in_process: 0, messages: 0, ..ThrottleSettings::default() };
    let held = overloaded(Some(rate), 5_000);
    assert_all_kept(&held);
    assert!((highest(&held, DELIVERY) - 1.0).abs() < 1e-9);
    let never = Direction { said: Override::Never, ..Direction::default() };
    let overruled = ThrottleSettings { delivery: never, ..rate };
    let free = overloaded(Some(overruled), 5_000);
    assert!(highest(&free, DELIVERY) < 1e-9);
    assert_eq!(free.digest, overloaded(None, 5_000).digest);
}

#[test]
fn a_process_short_of_memory_is_throttled_and_loses_nothing() {
    // R-THR-02, R-THR-03: state 4. What is in memory is reckoned from the messages in process.
    const MEMORY: &str = "Process memory usage (MB)";
    let never = Direction { said: Override::Never, ..Direction::default() };
    let memory =
        Memory { base: 250_000_000, per_message: 500_000, factor: 100, ..Memory::default() };
    let by_memory = |delivery, process_memory| ThrottleSettings {
        process_memory,
        publishing: never,
        delivery,
        memory: Some(memory),
        in_process: 0,
        ..ThrottleSettings::default()
    };
    let free = overloaded(Some(by_memory(never, 0)), 6_000);
    let held = overloaded(Some(by_memory(Direction::default(), 310)), 6_000);
    for outcome in [&free, &held] {
        assert_all_kept(outcome);
        assert_eq!((outcome.meters.received, outcome.meters.processed), (6_000, 6_000));
        assert!(outcome.quiescent, "what waits in memory is delivered in the end");
    }
    assert_eq!((highest(&free, DELIVERY), highest(&held, DELIVERY)), (0.0, 4.0));
    // A hundred documents a second leave of three hundred: what is behind is in memory, half a
    // megabyte each.
    let (free, held) = (highest(&free, MEMORY), highest(&held, MEMORY));
    assert!(free > 2_000.0 && held > 310.0, "{held} MB against {free} MB");
}

/// A process of 250 MB and what messages leave there; nobody is slowed down.
fn with_memory(process_memory: u64, gc_trigger: u32, memory: Memory) -> ThrottleSettings {
    ThrottleSettings {
        process_memory,
        gc_trigger,
        delivery: Direction { delay_max: Duration::ZERO, ..Direction::default() },
        publishing: Direction { said: Override::Never, ..Direction::default() },
        memory: Some(Memory { base: 250_000_000, ..memory }),
        in_process: 0,
        messages: 0,
        ..ThrottleSettings::default()
    }
}

#[test]
fn a_forced_collection_frees_what_is_garbage_and_stops_every_core() {
    // R-THR-02: near the threshold of the process, so that it does not get there.
    const MEMORY: &str = "Process memory usage (MB)";
    let garbage = Memory { per_message: 100_000, garbage: 300_000_000, ..Memory::default() };
    let run = |gc_trigger, pause| {
        let mut plant = at_rate(90.0, Some(with_memory(450, gc_trigger, garbage)), 6_000);
        plant.setup.costs.forced_collection = pause;
        let outcome = plant.run();
        assert_all_kept(&outcome);
        assert_eq!(outcome.meters.processed, 6_000);
        outcome
    };
    let forced = |outcome: &Outcome| {
        let of = |host| format!("\\.NET CLR Memory({host})\\# Induced GC");
        let all = ["H", "S"].map(|host| column(outcome, &of(host)).last().copied().unwrap());
        all.iter().sum::<f64>()
    };
    let never = run(0, Duration::ZERO);
    assert!(forced(&never) < 0.5 && highest(&never, MEMORY) > 540.0);
    assert!((highest(&never, DELIVERY) - 4.0).abs() < 1e-9, "as much as the runtime lets be");
    // At 80 per cent of 450 MB there are 110 MB of garbage: 1,100 of 6,000 messages, in each host.
    let free = run(80, Duration::ZERO);
    assert!((8.5..=12.5).contains(&forced(&free)), "{}", forced(&free));
    assert!(highest(&free, MEMORY) < 450.0 && highest(&free, DELIVERY) < 0.5);
    let dear = run(80, Duration::from_millis(200));
    let busy = |outcome: &Outcome| {
        let own = outcome.resources.iter().find(|(name, _)| name.ends_with("CPU")).unwrap();
        own.1.utilisation * outcome.ended.as_secs_f64()
    };
    // Four cores, each collection a fifth of a second.
    let more = busy(&dear) - busy(&free);
    assert!((more - 0.2 * forced(&dear)).abs() < 0.05, "{more} {}", forced(&dear));
}

#[test]
fn caches_shrink_while_memory_is_short_and_fill_again() {
    // R-THR-02: 250 MB and caches of 200 are more than 400; at state 4 they are halved.
    const MEMORY: &str = "\\BizTalk:Message Agent(S)\\Process memory usage (MB)";
    let caches = Memory { caches: 200_000_000, ..Memory::default() };
    let mut plant = at_rate(90.0, Some(with_memory(400, 0, caches)), 6_000);
    plant.setup.sample = Duration::from_millis(500);
    let outcome = plant.run();
    assert_all_kept(&outcome);
    assert!(outcome.quiescent, "who has nothing to do fills no cache");
    let used = column(&outcome, MEMORY);
    let falls = used.windows(2).filter(|two| two[1] < two[0] - 60.0).count();
    let most = used.iter().copied().fold(0.0, f64::max);
    assert!(falls >= 3 && most > 400.0 && most <= 410.0, "{falls} {most}");
    let roomy = at_rate(90.0, Some(with_memory(500, 0, caches)), 6_000).run();
    let used = column(&roomy, MEMORY);
    assert!((used.last().unwrap() - 450.0).abs() < 1.0);
    assert!(used.windows(2).all(|two| two[1] >= two[0]));
}

#[test]
fn a_host_instance_that_starts_again_is_throttled_anew_and_counts_anew() {
    // R-THR-03: an operator throttles delivery, a second each. The process dies after half a
    // minute and starts ten seconds later: what it imposes is what its counters show.
    let always = Direction {
        said: Override::Always,
        delay_max: Duration::from_secs(1),
        ..Direction::default()
    };
    let never = Direction { said: Override::Never, ..Direction::default() };
    let settings = ThrottleSettings { publishing: never, delivery: always, ..calm() };
    let mut plant = at_rate(1.0, Some(settings), 60);
    plant.setup.life.watched = true;
    let mut world = World::new(&plant.setup);
    crash_at(&mut world, HostInstanceId(1), (30, 40));
    finish(&mut world);
    let outcome = world.conclude();
    assert_all_kept(&outcome);
    let of = |counter: &str| column(&outcome, &format!("\\BizTalk:Message Agent(S)\\{counter}"));
    let (state, delay) = (of(DELIVERY), of("Message delivery delay (ms)"));
    assert!(state[..29].iter().all(|state| (state - 10.0).abs() < 0.5), "{state:?}");
    assert!(state[30..39].iter().chain(&delay[30..39]).all(|value| value.is_nan()), "{state:?}");
    assert!(state[41..].iter().all(|state| (state - 10.0).abs() < 0.5), "{state:?}");
    assert!(delay[41..].iter().all(|delay| (delay - 1000.0).abs() < 0.5), "{delay:?}");
    let lasts = of("Message delivery throttling state duration");
    assert!(lasts[39] < 0.5 && (lasts[41] - 2.0).abs() < 0.5, "{lasts:?}");
    let latency = parts(&outcome, "Outbound Latency (sec)");
    let after = latency[45..].iter().copied().filter(|seconds| seconds.is_finite());
    let least = after.fold(f64::MAX, f64::min);
    assert!(least > 1.0, "each waits for a second before it is handed over: {latency:?}");
}

#[test]
fn what_a_process_published_is_forgotten_with_it() {
    // Published: after a restart the statistics count again once there were 100 publishes, which
    // take five seconds. Documents are a minute on the wire.
    let slow = SinkSettings { wire: Dist::Constant(Duration::from_minutes(1)), ..sink() };
    let mut plant = at_rate(20.0, Some(by_database(1_000_000)), 490);
    *plant.setup.endpoints.last_mut().unwrap() = EndpointSettings::Sink(slow);
    plant.setup.life.watched = true;
    let mut world = World::new(&plant.setup);
    crash_at(&mut world, HostInstanceId(0), (15, 15));
    finish(&mut world);
    let outcome = world.conclude();
    assert_all_kept(&outcome);
    let size = column(&outcome, "\\BizTalk:Message Agent(H)\\Database size");
    let known: Vec<usize> = (0..30).filter(|at| size[*at] > 0.5).collect();
    let (before, after): (Vec<usize>, Vec<usize>) = known.iter().partition(|at| **at < 15);
    assert!((4..7).contains(&before[0]) && (18..22).contains(&after[0]), "{known:?}");
    assert_eq!((before.len() + before[0], after.len() + after[0]), (14, 30), "{known:?}");
}

#[test]
fn one_message_agent_thread_is_enough_to_have_too_many_in_process() {
    // R-DEQ-08: above the threshold throttling begins, which is no bound that keeps it from
    // beginning. Messages in memory that wait for a thread are not in process (R-DEQ-04).
    let settings = ThrottleSettings {
        in_process: 50,
        delivery: no_rate(),
        publishing: said_never(),
        ..calm()
    };
    let mut plant = at_rate(300.0, Some(settings), 3_000);
    let sender = &mut plant.setup.topology.hosts[1].settings;
    (sender.dequeue_threads, sender.in_process, sender.internal_queue) = (1, 50, 10);
    let outcome = plant.run();
    assert_all_kept(&outcome);
    assert_eq!(outcome.meters.processed, 3_000);
    assert!((highest(&outcome, DELIVERY) - 3.0).abs() < 1e-9);
    let of = |counter: &str| column(&outcome, &format!("\\BizTalk:Message Agent(S)\\{counter}"));
    let (count, limit) = (of("In-process message count"), of("In-process message count threshold"));
    let high = of("High in-process message count");
    assert!(count.iter().any(|count| *count > limit[0]) && high.contains(&1.0), "{count:?}");
}

#[test]
fn what_orchestrations_publish_counts_as_published() {
    // R-THR-02: the end point manager and the orchestration engine both hand in to the message
    // agent. Two orchestrations, which send once at their start and once after their answer.
    let mut plant = asking(&[1, 1], Duration::from_secs(5), None);
    plant.setup.sample = Duration::from_secs(1);
    let outcome = plant.run();
    let topology = &plant.setup.topology;
    let host = &topology.hosts[topology.orchestrations[0].host.index()].name;
    let name = format!("\\BizTalk:Message Agent({host})\\Total messages published");
    let published = column(&outcome, &name);
    assert_eq!(published.last().copied(), Some(4.0), "{published:?}");
}

#[test]
fn what_throttles_no_longer_holds_nothing_back() {
    // R-THR-03: a delay of up to five minutes, and a queue that is empty within one.
    let mut settings = by_database(500);
    settings.severities.database = 1000;
    let outcome = overloaded(Some(settings), 3_000);
    assert_all_kept(&outcome);
    let delays = series(&outcome, "Message publishing delay (ms)");
    let longest = delays.iter().copied().fold(0.0, f64::max);
    assert!(longest > 40_000.0, "{longest}");
    let held = parts(&outcome, "(H)\\Throttled receive batches");
    // It is halved at every look, so that ten seconds later it is gone, and with it every pause.
    let states = series(&outcome, PUBLISHING);
    let calm = states.windows(12).map(|last| last.iter().all(|state| *state < 0.5));
    let calm: Vec<usize> = (11..).zip(calm).filter(|(_, calm)| *calm).map(|(at, _)| at).collect();
    let first = states.iter().position(|state| *state > 5.5).expect("it throttles");
    let after: Vec<f64> = calm.iter().filter(|at| **at > first).map(|at| held[*at]).collect();
    assert!(!after.is_empty() && after.iter().all(|held| *held < 0.5), "{held:?}, {states:?}");
    // Those that pause on their threads are held as well as those outside.
    assert!(held.iter().copied().fold(0.0, f64::max) >= 1.0, "{held:?}");
    let pending = parts(&outcome, "(H)\\Pending receive batches");
    assert!(held.iter().zip(&pending).all(|(held, pending)| held <= pending));
}

#[test]
fn each_message_box_is_a_database_of_its_own() {
    // R-THR-02, R-MMB-02: two of them hold twice as much before either is full.
    let peak = |boxes: u32, settings: ThrottleSettings| {
        let mut plant = at_rate(300.0, Some(settings), 10_000);
        plant.boxes(boxes);
        let outcome = plant.run();
        assert_all_kept(&outcome);
        highest(&outcome, SPOOL)
    };
    // By messages, and by rows of the spool.
    for spool_factor in [0, 1] {
        let mut settings = ThrottleSettings { spool_factor, ..by_database(1_500) };
        settings.severities.database = 1000;
        let (one, two) = (peak(1, settings), peak(2, settings));
        assert!((1.5..2.5).contains(&(two / one)), "{one} and {two} rows");
    }
}

#[test]
fn thresholds_are_those_of_as_many_instances_as_the_figures_beside_them() {
    // R-THR-02: threads, sessions and messages of a host are the sum over its instances.
    let settings = ThrottleSettings { threads: 5, process_memory: 400, ..calm() };
    let mut plant = at_rate(50.0, Some(settings), 100);
    plant
        .setup
        .topology
        .host_instances
        .push(HostInstanceConfig { host: HostId(0), server: ServerId(0) });
    let outcome = plant.run();
    let first = |name: &str| column(&outcome, &format!("\\BizTalk:Message Agent(H)\\{name}"))[0];
    let cpus = f64::from(plant.setup.topology.servers[0].cpus);
    let of = ["Thread count threshold", "Process memory usage threshold (MB)"].map(first);
    assert!((of[0] - 10.0 * cpus).abs() < 1e-9 && (of[1] - 400.0).abs() < 1e-9, "{of:?}");
}

#[test]
fn a_convoy_that_throttling_holds_back_with_its_own_messages_is_late_and_not_dead() {
    // The product's deadlock: one host receives what starts convoys and what they wait for, and the
    // count in the database stops both. \[M\] Here a publication waits, for the longest delay at
    // the most, and then goes on, so that every convoy of ten messages comes to its end.
    let run = |throttling: Option<ThrottleSettings>| {
        let convoy = Some(Convoy { property: KEY, messages: 10, idle: None });
        let mut plant =
            golden_orchestration::plant(&[1; 400], Program { convoy, ..Program::default() });
        plant.setup.topology.orchestrations[0].host = HostId(0);
        plant.setup.topology.hosts[0].settings.throttling = throttling;
        plant.setup.costs.send_message = Duration::from_millis(400);
        plant.setup.sample = Duration::from_secs(1);
        let mut world = marked(&plant, |wire| {
            let key = Value::Int(wire.number as i64 % 40);
            wire.context.promote(KEY, Some(key)).expect("a number can be promoted");
        });
        finish(&mut world);
        let outcome = world.conclude();
        assert_all_kept(&outcome);
        let completed = parts(&outcome, "\\Orchestrations completed");
        assert_eq!(completed.last(), Some(&40.0));
        outcome
    };
    let mut settings = ThrottleSettings { messages: 20, ..by_database(20) };
    settings.severities.database = 1000;
    let (free, held) = (run(None), run(Some(settings)));
    assert!(parts(&held, PUBLISHING).contains(&6.0), "{:?}", parts(&held, "Database size"));
    let (free, held) = [free, held].map(|one| one.ended.since(Instant::ZERO).as_secs_f64()).into();
    assert!(held > free, "{held} s instead of {free}");
}
