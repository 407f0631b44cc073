//! Orchestration instances that wait in the memory of a host instance, until they are dehydrated.
//!
//! The MessageBox says which they are and when a wait is over; the formula says when one goes
//! (`throttle/dehydration.rs`). Going is one transaction, on no engine thread: the product has
//! threads of its own for it. \[M\] While memory throttles delivery everything that waits goes at
//! once, and what begins to wait then too.

use std::collections::BTreeMap;

use super::{Frame, FrameId, HostInstance, HostOutput, Life};
use crate::batch::{BatchStatus, OperationKind};
use crate::id::{OrchestrationInstanceId, SubscriberId};
use crate::message_box::{Action, PreparedBatch, Stay};
use crate::throttle::{
    DehydrationSettings, DeliveryState, Holdings, MemoryInUse, Waits, dehydrates,
};
use crate::time::{Duration, Instant};

/// A point of an orchestration at which instances wait: for an answer, or for a convoy's next
/// message.
type Point = (SubscriberId, bool);

/// An instance that waits.
#[derive(Clone, Copy, Debug)]
struct Resident {
    point: Point,
    since: Instant,
    bytes: u64,
    /// It is on its way out of memory, or was taken out; its wait goes on and is still measured.
    gone: bool,
}

/// What waits in memory, and how long others waited there.
#[derive(Clone, Debug, Default)]
pub(super) struct Residents {
    rows: BTreeMap<OrchestrationInstanceId, Resident>,
    /// Those that are not gone.
    held: Holdings,
    waits: BTreeMap<Point, Waits>,
    /// The frame that stands for the next look; it holds no thread.
    look: Option<FrameId>,
    /// Physical memory in use on the machine, MB.
    physical: u64,
    /// Instances whose last transaction is under way.
    dehydrating: u32,
    cycles: u64,
}

/// What a host instance shows of its dehydration.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DehydrationGauges {
    /// Instances that wait in memory and could be dehydrated.
    pub dehydratable: u64,
    /// Instances that are being dehydrated.
    pub dehydrating: u32,
    /// Looks at them so far.
    pub cycles: u64,
    /// How long one may be expected to wait and stay.
    pub threshold: Duration,
}

impl HostInstance {
    /// What it shows of dehydration, if its host has that.
    #[must_use]
    pub fn dehydration(&self) -> Option<DehydrationGauges> {
        let settings = self.settings.dehydration.as_ref()?;
        Some(DehydrationGauges {
            dehydratable: self.residents.held.messages,
            dehydrating: self.residents.dehydrating,
            cycles: self.residents.cycles,
            threshold: self.wait_allowed(settings),
        })
    }

    /// What its instances that wait hold in memory.
    pub(super) const fn resident_holdings(&self) -> Holdings {
        self.residents.held
    }

    /// How long an instance may be expected to wait and stay in memory.
    fn wait_allowed(&self, settings: &DehydrationSettings) -> Duration {
        let process = settings.memory.map_or(0, |memory| memory.process(self.holdings()));
        settings.threshold(MemoryInUse::of(process, self.residents.physical))
    }

    /// Whether memory is so short that delivery is throttled for it.
    fn is_short_of_memory(&self) -> bool {
        match self.throttled().delivery {
            DeliveryState::ProcessMemory | DeliveryState::SystemMemory => true,
            DeliveryState::InProcess
            | DeliveryState::None
            | DeliveryState::Rate
            | DeliveryState::Threads
            | DeliveryState::UserOverride => false,
        }
    }

    /// The machine has so much memory in use, MB.
    pub(super) const fn sees_memory(&mut self, physical: u64) {
        self.residents.physical = physical;
    }

    /// The MessageBox says what happened to an instance in memory.
    #[cold]
    pub(super) fn stay(&mut self, now: Instant, instance: OrchestrationInstanceId, stay: Stay) {
        match stay {
            Stay::Over => {
                let Some(known) = self.residents.rows.remove(&instance) else { return };
                let waited = now.since(known.since);
                self.residents.waits.entry(known.point).or_default().add(waited);
                self.residents.leaves(&known);
            }
            Stay::Waits { of, answer, bytes } => {
                let row = Resident { point: (of, answer), since: now, bytes, gone: false };
                self.residents.rows.insert(instance, row);
                self.residents.held.add(bytes);
                self.dehydrate_those_that_go(now);
            }
        }
    }

    /// Memory is short now, or is not any more.
    #[cold]
    pub(super) fn relieve(&mut self, now: Instant) {
        if self.residents.held.messages > 0 && self.is_short_of_memory() {
            self.dehydrate_those_that_go(now);
        }
    }

    /// The time of the next look has come.
    #[cold]
    pub(super) fn dehydration_cycle(&mut self, now: Instant, frame: FrameId) {
        self.frames.remove(frame.0);
        self.residents.look = None;
        self.residents.cycles += 1;
        self.dehydrate_those_that_go(now);
    }

    /// Those whose wait is, or will be, too long go; the others are looked at again.
    fn dehydrate_those_that_go(&mut self, now: Instant) {
        let Some(settings) = self.settings.dehydration else { return };
        let threshold = self.wait_allowed(&settings);
        let all = self.is_short_of_memory() || self.life != Life::Running;
        let goes = |own: &Resident| {
            let waits = self.residents.waits.get(&own.point);
            let estimate = waits.map_or(Duration::ZERO, Waits::estimate);
            all || dehydrates(threshold, estimate, now.since(own.since))
        };
        let here = self.residents.rows.iter().filter(|(_, own)| !own.gone);
        let going = here.filter(|(_, own)| goes(own)).map(|(id, _)| *id).collect();
        self.dehydrate(going);
        self.look_at_residents_again(now, &settings, threshold);
    }

    /// Not before `now`.
    fn look_at_residents_again(
        &mut self,
        now: Instant,
        settings: &DehydrationSettings,
        threshold: Duration,
    ) {
        if self.residents.look.is_some() || self.life != Life::Running {
            return;
        }
        let oldest =
            self.residents.rows.values().filter(|own| !own.gone).map(|own| own.since).min();
        let Some(oldest) = oldest else { return };
        // Where no memory is seen nothing changes, so the first that can go is the next to look at.
        let at = match settings.memory {
            Some(_) => now + settings.cycle.max(Duration::from_millis(1)),
            None => (oldest + threshold.times(2) + Duration::from_nanos(1)).max(now),
        };
        let frame = FrameId(self.frames.insert(Frame::Cycle));
        self.residents.look = Some(frame);
        self.pauses.wake_frame(at, frame);
    }

    fn dehydrate(&mut self, going: Vec<OrchestrationInstanceId>) {
        if going.is_empty() {
            return;
        }
        for id in &going {
            self.residents.goes(*id);
        }
        let action = |id: &OrchestrationInstanceId| (OperationKind::Delete, Action::Dehydrate(*id));
        let actions = going.iter().map(action).collect();
        let batch = PreparedBatch { actions, ..PreparedBatch::default() };
        let frame = FrameId(self.frames.insert(Frame::Dehydrate(going)));
        self.outputs.push_back(HostOutput::Transact { frame, batch, transaction: None });
    }

    /// The transaction of those that went is over; if it failed they are still here.
    #[cold]
    pub(super) fn dehydrated(&mut self, now: Instant, frame: FrameId, status: &BatchStatus) {
        let Some(Frame::Dehydrate(gone)) = self.frames.remove(frame.0) else { return };
        let count = u32::try_from(gone.len()).unwrap_or(u32::MAX);
        self.residents.dehydrating -= count;
        if status.overall.is_success() {
            return;
        }
        for id in gone {
            self.residents.comes_back(id);
        }
        if let Some(settings) = self.settings.dehydration {
            // Where their MessageBox is away they wait for it, and not at once again (R-MMB-06).
            let threshold = self.wait_allowed(&settings);
            let cycle = settings.cycle.max(Duration::from_millis(1));
            self.look_at_residents_again(now + cycle, &settings, threshold);
        }
    }

    /// The service stops: everything that waits is stored, and nothing is looked at again
    /// (R-SHUT-06).
    #[cold]
    pub(super) fn dehydrate_all(&mut self) {
        if let Some(frame) = self.residents.look.take() {
            self.frames.remove(frame.0);
        }
        let here = self.residents.rows.iter().filter(|(_, own)| !own.gone);
        let all = here.map(|(id, _)| *id).collect();
        self.dehydrate(all);
    }
}

impl Residents {
    /// An instance is no longer held in memory.
    fn leaves(&mut self, own: &Resident) {
        if !own.gone {
            self.held.messages -= 1;
            self.held.bytes -= own.bytes;
        }
    }

    fn goes(&mut self, id: OrchestrationInstanceId) {
        let Some(own) = self.rows.get_mut(&id) else { return };
        let before = *own;
        own.gone = true;
        self.dehydrating += 1;
        self.leaves(&before);
    }

    /// It could not be stored. One whose message came meanwhile is not here any more.
    fn comes_back(&mut self, id: OrchestrationInstanceId) {
        if let Some(own) = self.rows.get_mut(&id) {
            own.gone = false;
            self.held.add(own.bytes);
        }
    }
}
