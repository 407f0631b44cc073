//! The knobs of a plant: every price that is not nothing, and the settings that people turn.

use floodgate_engine::time::Duration;

use crate::plan::Scenario;
use crate::plan::cost::Costs;
use crate::plan::distribution::Distribution;
use crate::plan::send::Transport;

/// A setting that can be turned.
#[derive(Clone, Debug)]
pub(super) struct Knob {
    /// How `--set` calls it.
    pub(super) key: String,
    turn: Turn,
}

/// What is turned, by its place in the scenario.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// A price.
    Cost(&'static str),
    Host(usize, OfHost),
    Location(usize, usize, OfLocation),
    Port(usize, OfPort),
    /// Cores of a server.
    Server(usize),
}

#[derive(Clone, Copy, Debug)]
enum OfHost {
    DequeueBatch,
    DequeueThreads,
    EngineBatch,
    Poll,
    Threads,
}

#[derive(Clone, Copy, Debug)]
enum OfLocation {
    Batch,
    Batches,
    Poll,
}

#[derive(Clone, Copy, Debug)]
enum OfPort {
    Batch,
    Limit,
    Wire,
    Workers,
}

/// All knobs of a scenario that are not at nothing.
pub(super) fn knobs(scenario: &Scenario) -> Vec<Knob> {
    let mut all = Vec::new();
    let mut knob = |key: String, turn: Turn| all.push(Knob { key, turn });
    for name in Costs::NAMES {
        knob(format!("cost.{name}"), Turn::Cost(name));
    }
    for (at, server) in scenario.servers.iter().enumerate() {
        knob(format!("server.{}.cores", server.name), Turn::Server(at));
    }
    for (at, host) in scenario.hosts.iter().enumerate() {
        let mut of = |what: &str, turn| knob(format!("host.{}.{what}", host.name), turn);
        of("dequeue_batch", Turn::Host(at, OfHost::DequeueBatch));
        of("dequeue_threads", Turn::Host(at, OfHost::DequeueThreads));
        of("engine_batch", Turn::Host(at, OfHost::EngineBatch));
        of("poll", Turn::Host(at, OfHost::Poll));
        of("threads", Turn::Host(at, OfHost::Threads));
    }
    for (at, port) in scenario.receive_ports.iter().enumerate() {
        for of in 0..port.locations.len() {
            let key =
                |what: &str| format!("receive_port.{}.location.{of}.adapter.{what}", port.name);
            knob(key("batch"), Turn::Location(at, of, OfLocation::Batch));
            knob(key("batches"), Turn::Location(at, of, OfLocation::Batches));
            knob(key("poll"), Turn::Location(at, of, OfLocation::Poll));
        }
    }
    for (at, port) in scenario.send_ports.iter().enumerate() {
        let key = |what: &str| format!("send_port.{}.primary.{what}", port.name);
        knob(key("adapter.batch"), Turn::Port(at, OfPort::Batch));
        knob(key("adapter.workers"), Turn::Port(at, OfPort::Workers));
        knob(key("limit"), Turn::Port(at, OfPort::Limit));
        knob(key("wire"), Turn::Port(at, OfPort::Wire));
    }
    // What is at nothing stays there, whatever it is multiplied by.
    all.retain(|knob| knob.turned(scenario, 2.0).is_some());
    all
}

impl Knob {
    /// The scenario with the setting `factor` times what it is, and by how much it was turned in
    /// fact: what is counted goes by whole steps. `None` where it cannot be turned like that.
    pub(super) fn turned(&self, scenario: &Scenario, factor: f64) -> Option<(Scenario, f64)> {
        let mut turned = scenario.clone();
        let turn = self.turn;
        let by = match turn {
            Turn::Cost(name) => {
                let value = span(turned.costs.get(name)?, factor)?;
                turned.costs.set(name, value);
                factor
            }
            Turn::Server(at) => count(&mut turned.servers[at].cores, factor)?,
            Turn::Host(at, of) => {
                let host = &mut turned.hosts[at];
                match of {
                    OfHost::DequeueBatch => count(&mut host.dequeue_batch, factor)?,
                    OfHost::DequeueThreads => count(&mut host.dequeue_threads, factor)?,
                    OfHost::EngineBatch => count(&mut host.engine_batch, factor)?,
                    OfHost::Threads => count(&mut host.threads, factor)?,
                    OfHost::Poll => {
                        host.poll = span(host.poll, factor)?;
                        factor
                    }
                }
            }
            Turn::Location(port, at, of) => {
                let adapter = &mut turned.receive_ports[port].locations[at].adapter;
                match of {
                    OfLocation::Batch => count(&mut adapter.batch, factor)?,
                    OfLocation::Batches => count(&mut adapter.batches, factor)?,
                    OfLocation::Poll => {
                        adapter.poll = Some(span(adapter.poll?, factor)?);
                        factor
                    }
                }
            }
            Turn::Port(at, of) => of.turn(&mut turned.send_ports[at].primary, factor)?,
        };
        Some((turned, by))
    }
}

impl OfPort {
    fn turn(self, transport: &mut Transport, factor: f64) -> Option<f64> {
        match self {
            Self::Batch if transport.adapter.batched => count(&mut transport.adapter.batch, factor),
            Self::Batch => None,
            Self::Limit => count(&mut transport.limit, factor),
            Self::Wire => {
                stretch(&mut transport.wire, factor)?;
                Some(factor)
            }
            Self::Workers => count(&mut transport.adapter.workers, factor),
        }
    }
}

/// Turns a number of things by one at least, and not to nothing; returns by how much.
fn count(value: &mut u32, factor: f64) -> Option<f64> {
    let old = f64::from(*value);
    let step = (old * (factor - 1.0)).abs().round().max(1.0);
    let new = if factor > 1.0 { old + step } else { old - step };
    if old < 1.0 || new < 1.0 || new > f64::from(u32::MAX) {
        return None;
    }
    *value = new as u32;
    Some(new / old)
}

/// So many times a span that is not nothing.
fn span(value: Duration, factor: f64) -> Option<Duration> {
    let scaled = Duration::from_secs_f64(value.as_secs_f64() * factor);
    (!value.is_zero() && scaled != value).then_some(scaled)
}

/// A distribution with so many times the mean and the same shape.
fn stretch(distribution: &mut Distribution, factor: f64) -> Option<()> {
    match distribution {
        Distribution::Constant(own) | Distribution::Exponential(own) => *own = span(*own, factor)?,
        Distribution::Erlang(own) => own.mean = span(own.mean, factor)?,
        Distribution::Lognormal(own) => own.mean = span(own.mean, factor)?,
        Distribution::Pareto(own) => own.mean = span(own.mean, factor)?,
        Distribution::Uniform(own) => {
            own.high = span(own.high, factor)?;
            own.low = Duration::from_secs_f64(own.low.as_secs_f64() * factor);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_goes_by_whole_steps_and_not_to_nothing() {
        let turned = |value: u32, factor: f64| {
            let mut value = value;
            count(&mut value, factor).map(|by| (value, by))
        };
        assert_eq!(turned(20, 1.05), Some((21, 1.05)));
        assert_eq!(turned(20, 0.95), Some((19, 0.95)));
        assert_eq!(turned(4, 1.05), Some((5, 1.25)));
        assert_eq!((turned(1, 0.95), turned(0, 2.0)), (None, None));
        assert_eq!(turned(u32::MAX, 2.0), None);
    }

    #[test]
    fn every_knob_turns_what_it_is_called_by() {
        // Each key, set by hand, makes the scenario that turning the knob makes.
        let source = crate::catalogue::Source::find("file_to_file").unwrap();
        // Whatever the profile says.
        let price = "cost.lock_row=240 us".to_owned();
        let scenario = source.read(std::slice::from_ref(&price)).unwrap();
        let knobs = knobs(&scenario);
        let turned = |key: &str| {
            let knob = knobs.iter().find(|knob| knob.key == key).expect("it is a knob");
            knob.turned(&scenario, 2.0).unwrap().0
        };
        for (key, value) in [
            ("cost.lock_row", "480 us"),
            ("server.bts1.cores", "32"),
            ("host.Send.threads", "40"),
            ("host.Send.poll", "100 ms"),
            ("receive_port.Orders.location.0.adapter.batches", "8"),
            ("send_port.Partner.primary.adapter.workers", "40"),
            ("send_port.Partner.primary.wire", "{ exponential = '16 ms' }"),
        ] {
            let by_hand = [price.clone(), format!("{key}={value}")];
            let by_hand = source.read(&by_hand[usize::from(key == "cost.lock_row")..]).unwrap();
            assert_eq!(turned(key).expanded_toml(), by_hand.expanded_toml(), "{key}");
        }
    }
}
