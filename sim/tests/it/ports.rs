//! Send ports and groups at run time: whatever an operator does, and whenever, the table of states
//! is kept, bound ports get nothing, stopped ones suspended messages only (INV-25), and every
//! reference is accounted for.

use floodgate_engine::config::HostSettings;
use floodgate_engine::id::{SendPortGroupId, SendPortId, SubscriberId};
use floodgate_engine::message::{Context, PropertyId, Value};
use floodgate_engine::message_box::{PortOperation, PortRefusal};
use floodgate_engine::subscription::PortState;
use floodgate_engine::time::Duration;
use floodgate_sim::load::ArrivalKind;
use floodgate_sim::world::World;
use proptest::prelude::*;

use crate::fixture::{
    ASYNC, PUSH, Plant, Verdict, all_kept, assert_all_kept, demand_eq, finish, finish_within,
    holds, immediate, ms, sink,
};

const GROUP: SendPortGroupId = SendPortGroupId(0);

fn port(at: u32) -> SendPortId {
    SendPortId(at)
}

#[test]
fn the_table_of_states() {
    // R-SUB-09: every operation from every state.
    use PortOperation::{Enlist, Start, Stop, Unenlist};
    use PortState::{Bound, Started, Stopped};
    let table = [
        (Enlist, [Some(Stopped), None, None]),
        (Start, [Some(Started), Some(Started), None]),
        (Stop, [None, None, Some(Stopped)]),
        (Unenlist, [None, Some(Bound), Some(Bound)]),
    ];
    for (operation, to) in table {
        for (from, to) in [Bound, Stopped, Started].into_iter().zip(to) {
            assert_eq!(operation.leads_to(from), to, "{operation:?} from {from:?}");
            let mut plant = Plant::new(immediate(), PUSH);
            plant.send_port("Out", "In", ASYNC, sink()).state(from);
            let mut world = World::new(&plant.setup);
            let due = to.ok_or(PortRefusal::NotFrom(from));
            assert_eq!(world.operate_port(port(0), operation), due);
            assert_eq!(world.message_box().port_state(port(0)), to.unwrap_or(from));
            assert_all_kept(&world.conclude());
        }
    }
    assert_eq!([Bound as u8, Stopped as u8, Started as u8], [1, 2, 3]);
}

#[test]
fn an_enlisted_group_keeps_its_last_enlisted_port() {
    // R-SUB-12.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("A", "In", ASYNC, sink()).send_port("B", "In", ASYNC, sink());
    plant.group("Both", "In", PortState::Bound);
    let mut world = World::new(&plant.setup);
    assert_eq!(world.operate_port(port(0), PortOperation::Unenlist), Ok(PortState::Bound));
    assert_eq!(world.operate_group(GROUP, PortOperation::Start), Ok(PortState::Started));
    let refused = Err(PortRefusal::LastOfGroup(GROUP));
    assert_eq!(world.operate_port(port(1), PortOperation::Unenlist), refused);
    assert_eq!(world.operate_port(port(0), PortOperation::Enlist), Ok(PortState::Stopped));
    assert_eq!(world.operate_port(port(1), PortOperation::Unenlist), Ok(PortState::Bound));
    assert_eq!(world.operate_group(GROUP, PortOperation::Unenlist), Ok(PortState::Bound));
    assert_eq!(world.operate_port(port(0), PortOperation::Unenlist), Ok(PortState::Bound));
    let refused = Err(PortRefusal::NoPortEnlisted);
    assert_eq!(world.operate_group(GROUP, PortOperation::Enlist), refused);
    assert_all_kept(&world.conclude());
}

#[test]
fn through_a_group_both_must_be_started() {
    // R-SUB-11, INV-25: the port's own filter asks for another receive port.
    use PortState::{Bound, Started, Stopped};
    for (group, state, sent, suspended) in [
        (Started, Started, 1, 0),
        (Started, Stopped, 0, 1),
        (Stopped, Started, 0, 1),
        (Stopped, Stopped, 0, 1),
        (Started, Bound, 0, 0),
        (Bound, Started, 0, 0),
    ] {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Out", "Elsewhere", ASYNC, sink()).state(state);
        plant.group("Group", "In", group).all_at_once(1);
        let outcome = plant.run();
        assert_all_kept(&outcome);
        let found = (outcome.meters.processed, outcome.meters.ports[0].suspended);
        assert_eq!(found, (sent, suspended), "group {group:?}, port {state:?}");
        assert_eq!(outcome.meters.routing_failures, u64::from(sent + suspended == 0));
    }
}

#[test]
fn a_port_and_its_group_are_two_subscriptions() {
    // R-PUB-03, R-SUB-11: directly only the port's own state counts.
    let mut plant = Plant::new(immediate(), PUSH);
    plant.send_port("Out", "In", ASYNC, sink());
    plant.group("Group", "In", PortState::Stopped).all_at_once(1);
    let outcome = plant.run();
    assert_all_kept(&outcome);
    assert_eq!((outcome.meters.processed, outcome.meters.suspended), (1, 1));
}

#[test]
fn starting_resumes_what_the_stop_suspended_only_if_told_to() {
    // R-CLK-15: both sides of the knob.
    for (resume_on_start, sent) in [(false, 0), (true, 3)] {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Out", "In", ASYNC, sink()).state(PortState::Stopped).all_at_once(3);
        plant.setup.topology.policy.resume_on_start = resume_on_start;
        let mut world = World::new(&plant.setup);
        finish(&mut world);
        assert_eq!(world.operate_port(port(0), PortOperation::Start), Ok(PortState::Started));
        finish(&mut world);
        let outcome = world.conclude();
        assert_all_kept(&outcome);
        assert_eq!(outcome.meters.processed, sent);
    }
}

#[test]
fn predicates_choose_the_host() {
    // R-CTX-08, R-PUB-05, INV-23: equal values pass; an absent demand needs an absent property.
    let secret = PropertyId(500);
    for (demand, has, reached) in [
        (Some(Value::Int(1)), Some(1), true),
        (Some(Value::Int(1)), Some(2), false),
        (Some(Value::Int(1)), None, false),
        (None, None, true),
        (None, Some(1), false),
    ] {
        let mut plant = Plant::new(immediate(), PUSH);
        plant.send_port("Out", "In", ASYNC, sink()).all_at_once(2);
        let host = &mut plant.setup.topology.hosts[0];
        host.properties.extend(has.map(|value| (secret, Value::Int(value))));
        let mut context = Context::default();
        context.add_predicate(secret, demand.clone());
        plant.setup.topology.receive_locations[0].context = context;
        let outcome = plant.run();
        assert_all_kept(&outcome);
        let meters = &outcome.meters;
        assert_eq!(meters.processed, if reached { 2 } else { 0 }, "{demand:?} {has:?}");
        assert_eq!(meters.routing_failures > 0, !reached, "{demand:?} {has:?}");
    }
}

#[derive(Clone, Debug)]
struct Case {
    states: Vec<PortState>,
    group: PortState,
    arrivals: Vec<u64>,
    /// When, whom (the last is the group), what.
    acts: Vec<(u64, u32, PortOperation)>,
    poll: u64,
    resume_on_start: bool,
}

fn states() -> impl Strategy<Value = PortState> {
    prop_oneof![Just(PortState::Bound), Just(PortState::Started), Just(PortState::Stopped)]
}

fn cases() -> impl Strategy<Value = Case> {
    let operation = (0..4_usize).prop_map(|at| PortOperation::ALL[at]);
    let acts = prop::collection::vec((0..3000_u64, 0..4_u32, operation), 0..25);
    let arrivals = prop::collection::vec(0..3000_u64, 1..40);
    let ports = prop::collection::vec(states(), 3);
    (ports, states(), arrivals, acts, 0..900_u64, any::<bool>()).prop_map(
        |(states, group, mut arrivals, mut acts, poll, resume_on_start)| {
            arrivals.sort_unstable();
            acts.sort_by_key(|act| act.0);
            Case { states, group, arrivals, acts, poll, resume_on_start }
        },
    )
}

/// The test's own account: the states by the table, and how many references each port is due.
fn any_acts(case: &Case) -> Verdict {
    let poll = Duration::from_millis(case.poll);
    let mut plant = Plant::new(HostSettings { poll, ..immediate() }, PUSH);
    for (at, state) in case.states.iter().enumerate() {
        plant.send_port(&format!("Out{at}"), "In", ASYNC, sink()).state(*state);
    }
    plant.group("Group", "In", case.group);
    plant.setup.topology.policy.resume_on_start = case.resume_on_start;
    plant.load(ArrivalKind::Replay(case.arrivals.iter().copied().map(ms).collect()), None);
    let mut world = plant.telling();
    let (mut ports, mut group) = (case.states.clone(), case.group);
    let mut due = [0_u64; 3];
    let mut from = 0;
    let mut arrive = |until: u64, ports: &[PortState], group: PortState| {
        let here = case.arrivals.iter().filter(|at| (from..until).contains(*at)).count() as u64;
        for (due, state) in due.iter_mut().zip(ports) {
            let each =
                u64::from(*state != PortState::Bound) * (1 + u64::from(group != PortState::Bound));
            *due += here * each;
        }
        from = until;
        due
    };
    for (at, whom, operation) in &case.acts {
        world.run_until(ms(*at));
        world.wait_until(ms(*at));
        arrive(*at, &ports, group);
        let enlisted = ports.iter().filter(|state| **state != PortState::Bound).count();
        if let Some(state) = ports.get_mut(*whom as usize) {
            let last = enlisted == 1 && group != PortState::Bound && *state != PortState::Bound;
            let to = match operation.leads_to(*state) {
                None => Err(PortRefusal::NotFrom(*state)),
                Some(PortState::Bound) if last => Err(PortRefusal::LastOfGroup(GROUP)),
                Some(to) => Ok(to),
            };
            *state = to.unwrap_or(*state);
            demand_eq(world.operate_port(port(*whom), *operation), to, "operate_port")?;
        } else {
            let to = match operation.leads_to(group) {
                None => Err(PortRefusal::NotFrom(group)),
                Some(_) if enlisted == 0 && group == PortState::Bound => {
                    Err(PortRefusal::NoPortEnlisted)
                }
                Some(to) => Ok(to),
            };
            group = to.unwrap_or(group);
            demand_eq(world.operate_group(GROUP, *operation), to, "operate_group")?;
        }
    }
    let due = arrive(u64::MAX, &ports, group);
    finish_within(&mut world, 100_000)?;
    for (at, due) in due.into_iter().enumerate() {
        let told = format!("to Out{at} as");
        let made = world.trace().story().iter().filter(|(_, line)| line.contains(&told)).count();
        demand_eq(made as u64, due, &format!("references of {}", SubscriberId::from(at)))?;
    }
    all_kept(&world.conclude())
}

#[test]
fn whatever_an_operator_does() {
    // INV-25, R-SUB-05, R-SUB-09, R-SUB-10, R-SUB-11, R-SUB-12.
    holds(150, "tests/it/ports.proptest-regressions", &cases(), any_acts);
}
