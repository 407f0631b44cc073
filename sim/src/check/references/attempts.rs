//! How often a message is tried: what was configured, and what its adapter says it does beyond.

use floodgate_engine::config::Topology;
use floodgate_engine::id::SendPortId;
use floodgate_engine::message_box::{Place, Reason};

use super::{Checks, References, Rule, small};

/// Tries beyond the configured ones, on each transport of a port (R-ADD-07). A dynamic port may get
/// any adapter.
pub(super) fn more_tries(topology: &Topology, port: SendPortId) -> [u32; 2] {
    let all = || topology.habits.iter().filter_map(|(_, own)| Some(own.more_tries?.most));
    if topology.habits.is_empty() {
        return [0; 2];
    }
    if topology.dynamic_port(port).is_some() {
        return [all().max().unwrap_or_default(); 2];
    }
    let own = &topology.send_ports[port.index()];
    [false, true].map(|on_backup| {
        let habits = topology.habits(own.transport(on_backup).adapter);
        habits.and_then(|habits| habits.more_tries).map_or(0, |more| more.most)
    })
}

impl References {
    /// Attempts that a reference has had on its transport, has to have had and may have there. Of
    /// one that was resumed the adapter may have counted its own tries before (R-CTX-10).
    fn attempts_of(&mut self, at: &Place) -> Option<(u32, u32, u32)> {
        let known = self.get(at.reference, at.sequence).copied()?;
        let more = self.ports[known.port as usize].more[usize::from(known.on_backup)];
        let configured = self.retry(&known).count + 1;
        let least = if known.resumed { configured } else { configured + more };
        Some((u32::from(known.attempts), least, configured + more))
    }

    /// A retry that an exception spent is an attempt that never reached the wire (R-BSND-06).
    #[cold]
    pub(super) fn spend(&mut self, at: &Place, retries_left: u32) {
        let Some(known) = self.get(at.reference, at.sequence).copied() else { return };
        let spent = small(self.retry(&known).count.saturating_sub(retries_left));
        if let Some(known) = self.get(at.reference, at.sequence) {
            known.attempts = known.attempts.max(spent);
        }
    }
}

impl Checks {
    /// A reference whose retries the adapter asked to keep (R-RETRY-09): a kept count spares the
    /// message the retry of its next resubmit.
    pub(in crate::check) fn kept_retries(&mut self, at: &Place, retries_left: Option<u16>) {
        if let (Some(left), Some(known)) =
            (retries_left, self.references.get(at.reference, at.sequence))
        {
            known.retries_left = left + 1;
        }
    }

    /// A message is given up: it must have had all its attempts.
    pub(in crate::check) fn attempts_complete(&mut self, at: &Place, reason: Reason) {
        let Some((attempts, least, expected)) = self.references.attempts_of(at) else { return };
        if matches!(reason, Reason::Adapter | Reason::Retries) {
            // The engine's own action may follow exceptions, which never reached the wire.
            let complete = (least..=expected).contains(&attempts)
                || (reason == Reason::Retries && attempts < expected);
            self.docket.judge(Rule::AttemptsBounded, complete, || {
                format!("{} was suspended after {attempts} attempts of {expected}", at.document)
            });
        }
    }
}
