//! How often a message is tried: what was configured, and what its adapter says it does beyond.

use floodgate_engine::adapter::Transmission;
use floodgate_engine::config::Topology;
use floodgate_engine::id::SendPortId;
use floodgate_engine::message::{PropertyId, Value};
use floodgate_engine::message_box::{Effect, MessageBox, Place, Reason};
use floodgate_engine::time::Instant;

use super::{Checks, PortRule, References, Rule, small};

/// Tries beyond the configured ones, on each transport of a port (R-ADD-07): at least, and at most.
/// A dynamic port may get any of those it chooses from.
pub(super) fn more_tries(topology: &Topology, port: SendPortId) -> [(u32, u32); 2] {
    if topology.habits.is_empty() {
        return [(0, 0); 2];
    }
    let of = |adapter| {
        let habits = topology.habits(adapter);
        habits.and_then(|habits| habits.more_tries).map_or(0, |more| more.most)
    };
    if topology.dynamic_port(port).is_some() {
        let all = || topology.send_handlers.iter().map(|own| of(own.adapter));
        return [(all().min().unwrap_or_default(), all().max().unwrap_or_default()); 2];
    }
    let own = &topology.send_ports[port.index()];
    [false, true].map(|on_backup| {
        let more = of(own.transport(on_backup).adapter);
        (more, more)
    })
}

/// Where adapters count them: all that do so in the same properties.
pub(super) fn counted(topology: &Topology) -> Option<[PropertyId; 2]> {
    topology.habits.iter().find_map(|(_, own)| Some(own.more_tries?.counts))
}

impl References {
    /// Attempts that a reference has had on its transport, has to have had and may have there.
    fn attempts_of(&mut self, at: &Place) -> Option<(u32, u32, u32)> {
        let known = self.get(at.reference, at.sequence).copied()?;
        let (least, most) = self.ports[known.port as usize].more[usize::from(known.on_backup)];
        let configured = self.retry(&known).count + 1;
        Some((u32::from(known.attempts), configured + least, configured + most))
    }

    /// What an adapter has noted on a message stays there whatever becomes of the attempt, so that
    /// its next one goes on from there (R-CTX-10, R-RETRY-06).
    #[cold]
    fn note_tries(&mut self, at: &Place, message_box: &MessageBox) {
        let Some(counted) = self.counted else { return };
        let tried = counted.map(|property| match message_box.kept_of(at.reference, property) {
            Some(Value::Int(tried)) => u16::try_from(*tried).unwrap_or(u16::MAX),
            Some(Value::Bool(_) | Value::Object | Value::Text(_)) | None => 0,
        });
        if let Some(known) = self.get(at.reference, at.sequence) {
            known.tried = tried;
        }
    }

    /// A retry that an exception spent is an attempt that never reached the wire (R-BSND-06).
    #[cold]
    pub(super) fn spend(&mut self, at: &Place, retries_left: u32) {
        let Some(known) = self.get(at.reference, at.sequence).copied() else { return };
        let spent = small(self.retry(&known).count.saturating_sub(retries_left));
        let spent = spent.saturating_add(known.tried[usize::from(known.on_backup)]);
        if let Some(known) = self.get(at.reference, at.sequence) {
            known.attempts = known.attempts.max(spent);
        }
    }
}

impl Checks {
    /// What adapters noted on messages, if they count tries there.
    pub(in crate::check) fn notes(&mut self, effects: &[Effect], message_box: &MessageBox) {
        for effect in effects {
            if let Effect::PropertiesUpdated { at, .. } = effect {
                self.references.note_tries(at, message_box);
            }
        }
    }

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

    /// An attempt begins on the wire.
    #[inline(always)]
    pub(crate) fn wire_begins(&mut self, attempt: &Transmission) {
        let now = self.docket.now;
        let Some(known) = self.references.get(attempt.reference, attempt.sequence) else { return };
        if !std::mem::take(&mut known.rolled_back) {
            known.attempts = known.attempts.saturating_add(1);
        }
        let (attempts, failed_at) = (known.attempts, known.failed_at);
        let (port, on_backup) = (known.port as usize, usize::from(known.on_backup));
        let PortRule { retries, more, .. } = &self.references.ports[port];
        let (retry, (_, more)) = (retries[on_backup], more[on_backup]);
        let most = retry.count + 1 + more;
        self.docket.judge(Rule::AttemptsBounded, u32::from(attempts) <= most, || {
            format!("{} makes attempt {attempts} of {most}", attempt.document)
        });
        if let Some(failed_at) = failed_at.map(|after| Instant::from_nanos(after.get() - 1)) {
            self.docket.judge(
                Rule::RetryInterval,
                now + self.life.slack >= failed_at + retry.interval,
                || {
                    format!(
                        "{} is tried {} after its failure, not {}",
                        attempt.document,
                        now.since(failed_at),
                        retry.interval
                    )
                },
            );
        }
    }

    /// An attempt that the wire took is taken back by an abort.
    pub(crate) fn rolled_back(&mut self, attempt: &Transmission) {
        if let Some(known) = self.references.get(attempt.reference, attempt.sequence) {
            known.rolled_back = true;
            (known.said_sent, known.taken) = (false, false);
        }
    }
}
