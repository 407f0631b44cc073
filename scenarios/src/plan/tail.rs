//! Tails: which distributions of a scenario have no variance, so that no number of samples gives an
//! interval.

use super::distribution::Distribution;
use super::rate::Rate;
use super::scenario::Scenario;
use super::send::{SendPort, Transport};
use super::size::Sizes;

/// A distribution without variance.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tail {
    /// Where it stands in the document.
    pub path: String,
    /// What it is, for people.
    pub what: String,
}

impl Scenario {
    /// All its distributions without variance.
    #[must_use]
    pub fn tails(&self) -> Vec<Tail> {
        let mut all = Vec::new();
        for (n, port) in self.receive_ports.iter().enumerate() {
            for (k, location) in port.locations.iter().enumerate() {
                let path = format!("receive_port.{n}.location.{k}.wire");
                push(&mut all, path, format!("the wire of '{}'", location.name), &location.wire);
            }
        }
        for (n, port) in self.send_ports.iter().enumerate() {
            for (side, transport) in sides(port) {
                let path = format!("send_port.{n}.{side}.wire");
                let what = format!("the wire of '{}.{side}'", port.name);
                push(&mut all, path, what, &transport.wire);
                let path = format!("send_port.{n}.{side}.errand.takes");
                let what = format!("the errand of '{}.{side}'", port.name);
                push(&mut all, path, what, &transport.errand.takes);
            }
        }
        for (n, load) in self.loads.iter().enumerate() {
            if let Rate::Users(users) = &load.rate {
                let what = format!("the thinking of the users of '{}'", load.name);
                push(&mut all, format!("load.{n}.rate.users.think"), what, &users.think);
            }
            let sizes = load.mix.iter().filter_map(|share| share.size.as_ref());
            for size in std::iter::once(&load.size).chain(sizes) {
                if let Sizes::Pareto(pareto) = size
                    && pareto.shape <= 2.0
                {
                    let what = format!("the size of '{}'", load.name);
                    all.push(Tail { path: format!("load.{n}"), what });
                }
            }
        }
        all
    }
}

fn sides(port: &SendPort) -> impl Iterator<Item = (&'static str, &Transport)> {
    let backup = port.backup.as_ref().map(|backup| ("backup", backup));
    std::iter::once(("primary", &port.primary)).chain(backup)
}

fn push(all: &mut Vec<Tail>, path: String, what: String, distribution: &Distribution) {
    if !distribution.has_variance() {
        all.push(Tail { path, what });
    }
}
