//! What the plant gets through when it is full: the curve over its backlog, and the capacity where
//! more of it does not help any more; or that nothing stops it, or that it stands still.

use floodgate_reports::{Limit, MstVerdict, Probe};

use super::capacity::{Capacity, Curve, Found, Wanted, curve, measure};
use super::pinned::{Held, Lost};
use super::probes::{told, unknown};
use super::{MEASURED_SHARE, Search};
use crate::experiment::drift::edge;
use crate::plan::Problems;
use crate::plan::send::{SendPort, Transport};

impl Search<'_> {
    /// The curve of throughput over backlog, and the capacity where the plant is full.
    pub(super) fn capacity(
        &mut self,
        held: &Held<'_>,
    ) -> Result<(Curve, Option<Capacity>), Problems> {
        let wanted = self.wanted(self.ask.precision / 2.0 * MEASURED_SHARE)?;
        let mut curve = curve(held, self.scenario, wanted)?;
        self.documents += curve.documents;
        self.broken |= curve.broken.is_some();
        if let Some(backlog) = curve.restless_at {
            let why = format!(
                "with {backlog} documents held it has not come to rest, however long: what it gets \
                 through there is not told"
            );
            self.probes.push(unknown(self.written, &why));
        }
        if let Some(lost) = curve.lost {
            let Lost { suspended, ended } = lost;
            let how = format!(
                "nothing is delivered, however much there is to do: {ended} documents have ended, \
                 and {suspended} times one was suspended"
            );
            let probe = unknown(self.written, &how);
            self.probes.push(Probe { verdict: MstVerdict::Lossy, ..probe });
            return Ok((curve, None));
        }
        if curve.is_endless {
            let why = "nothing that is modelled takes any time: no load is too high";
            self.probes.push(unknown(self.written, why));
            return Ok((curve, None));
        }
        let full = curve.full_at.and_then(|backlog| Some((backlog, curve.rate(backlog)?)));
        let is_measured = !curve.stands_still && !self.is_timed();
        let Some(full) = full.filter(|_| is_measured) else { return Ok((curve, None)) };
        self.find_through(full.1)?;
        let wanted = Wanted { through: self.through, ..wanted };
        let (found, documents) = measure(held, self.scenario, full, edge(self.scenario), wanted)?;
        self.documents += documents;
        let capacity = match found {
            Found::Measured(capacity) => capacity,
            Found::Unknown(why) => {
                self.probes.push(unknown(full.1, why));
                return Ok((curve, None));
            }
        };
        self.broken |= capacity.broken.is_some();
        self.probes.push(told(&capacity));
        self.check_fall(held, &mut curve, &capacity)?;
        Ok((curve, Some(*capacity)))
    }

    /// Whether nothing that is modelled stops the plant, which is said.
    pub(super) fn is_unstopped(&mut self, curve: &Curve) -> bool {
        let Some((backlog, rate)) = curve.unstopped().filter(|_| !self.is_timed()) else {
            return false;
        };
        let why = format!(
            "with {backlog} documents held {rate:.0}/s get through, and every eight times as many \
             brought more: nothing that is modelled stops it below that"
        );
        self.probes.push(unknown(rate, &why));
        true
    }

    /// What brings the plant to a standstill, if that is what it comes to, which is said: the ports
    /// that keep what is behind a failure, of those where something is written to fail.
    pub(super) fn stands_still(&mut self, curve: &Curve) -> Option<Limit> {
        if !curve.stands_still || self.is_timed() {
            return None;
        }
        let fails = |transport: &Transport| transport.fail.is_some();
        let is_stopper = |port: &&SendPort| {
            let mut both = std::iter::once(&port.primary).chain(&port.backup);
            port.ordered && port.stop_on_failure && both.any(fails)
        };
        let stoppers = self.scenario.send_ports.iter().filter(is_stopper);
        let names: Vec<String> = stoppers.map(|port| format!("'{}'", port.name)).collect();
        let (resource, ports) = match names.is_empty() {
            true => ("something that stops for good".to_owned(), String::new()),
            false => (
                format!("ordered port {}", names.join(" or ")),
                format!(
                    "; what fails at {} keeps all that is behind it until an operator acts \
                     (R-ORD-08)",
                    names.join(" or ")
                ),
            ),
        };
        let explanation = format!(
            "however much or little there is to do, nothing more is done in the end{ports}"
        );
        let probe = unknown(self.written, &explanation);
        self.probes.push(Probe { verdict: MstVerdict::Unsustainable, ..probe });
        Some(Limit { resource, explanation, utilisation: None, bound: None, at_least: false })
    }
}
