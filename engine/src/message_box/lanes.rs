//! The ordered instances of a send port: one, or one for each lane of a dynamic port.
//!
//! A port with an end of its own is one instance, the first lane. A dynamic port keeps order for
//! each location, or for each transport type, and lets them go side by side (R-ORD-13): each lane
//! is an instance that waits, fails, stops and is resumed by itself. \[M\] The product says that
//! locations run in parallel, not what becomes of the others when one of them stops.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::ordered::OrderedInstance;
use super::{MessageBox, ReferenceId};
use crate::config::OnFailure;
use crate::dynamic::OrderScope;
use crate::id::AdapterId;

/// What a lane is the order of; messages that no adapter answers to have one together.
pub(super) type LaneKey = Option<(AdapterId, Option<Arc<str>>)>;

/// The instances of one ordered port.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pub(super) on_failure: OnFailure,
    lanes: Vec<OrderedInstance>,
    known: FxHashMap<LaneKey, usize>,
    /// The lane of each message that waits in another than the first, so that no number of lanes
    /// makes a message dearer.
    apart: FxHashMap<ReferenceId, usize>,
}

impl Lanes {
    pub(super) fn new(on_failure: OnFailure) -> Self {
        Self {
            on_failure,
            lanes: vec![OrderedInstance::default()],
            known: FxHashMap::default(),
            apart: FxHashMap::default(),
        }
    }

    /// The lane of a dynamic port's message; the first of all is that of a port that is not.
    fn of_key(&mut self, key: LaneKey) -> usize {
        let lanes = &mut self.lanes;
        *self.known.entry(key).or_insert_with(|| {
            lanes.push(OrderedInstance::default());
            lanes.len() - 1
        })
    }

    /// The lane that a message waits in.
    fn with(&self, id: ReferenceId) -> Option<usize> {
        let apart = self.apart.get(&id).copied();
        apart.or_else(|| self.lanes[0].contains(id).then_some(0))
    }

    fn join(&mut self, lane: usize, id: ReferenceId) -> &mut OrderedInstance {
        if lane > 0 {
            self.apart.insert(id, lane);
        }
        &mut self.lanes[lane]
    }

    /// Appends a message to a lane; returns the lane's head if it is to be offered now.
    pub(super) fn push(&mut self, lane: usize, id: ReferenceId) -> Option<ReferenceId> {
        self.join(lane, id).push(id)
    }

    /// A head reached a terminal state; returns the next one of its lane to offer.
    pub(super) fn head_left(&mut self, id: ReferenceId) -> Option<ReferenceId> {
        let lane = self.apart.remove(&id).unwrap_or_default();
        self.lanes[lane].head_left(id)
    }

    /// The lane of a message is suspended with it (R-ORD-08).
    pub(super) fn stop(&mut self, id: ReferenceId) {
        if let Some(at) = self.with(id) {
            self.lanes[at].stop();
        }
    }

    /// A resumed message takes its place in its lane.
    pub(super) fn rejoin(&mut self, lane: usize, id: ReferenceId) {
        if self.with(id).is_none() {
            self.join(lane, id).rejoin(id);
        }
    }

    /// The lanes go on of which `may` says so, asked about their heads; what they offer now.
    pub(super) fn resume(&mut self, may: impl Fn(ReferenceId) -> bool) -> Vec<ReferenceId> {
        let able = self.lanes.iter_mut().filter(|lane| lane.head().is_none_or(&may));
        able.filter_map(OrderedInstance::resume).collect()
    }

    /// All messages of the lane that holds a message go with it (R-ORD-09); `None` if none does.
    pub(super) fn terminate(&mut self, id: ReferenceId) -> Option<Vec<ReferenceId>> {
        let gone = self.with(id).map(|at| self.lanes[at].terminate());
        self.forget(gone.as_deref().unwrap_or_default());
        gone
    }

    /// All messages of the lanes that are stopped go.
    pub(super) fn terminate_stopped(&mut self) -> Vec<ReferenceId> {
        let stopped = self.lanes.iter_mut().filter(|lane| lane.is_stopped());
        let gone: Vec<ReferenceId> = stopped.flat_map(OrderedInstance::terminate).collect();
        self.forget(&gone);
        gone
    }

    fn forget(&mut self, gone: &[ReferenceId]) {
        for id in gone {
            self.apart.remove(id);
        }
    }

    /// The number of the lane that a message waits in.
    pub(super) fn lane_of(&self, id: ReferenceId) -> Option<u32> {
        self.with(id).and_then(|at| u32::try_from(at).ok())
    }

    /// A lane by its number.
    pub(super) fn lane(&self, number: u32) -> Option<&OrderedInstance> {
        self.lanes.get(number as usize)
    }

    /// Lanes whose head is out, and lanes that were ever used.
    pub(super) fn places(&self) -> (u32, u32) {
        let out = self.lanes.iter().filter(|lane| lane.is_out()).count();
        (
            u32::try_from(out).unwrap_or(u32::MAX),
            u32::try_from(self.known.len().max(1)).unwrap_or(1),
        )
    }

    /// The last message of each lane, and how many wait there without being offered.
    pub(super) fn behind(&self) -> impl Iterator<Item = (ReferenceId, u64)> {
        self.lanes.iter().filter_map(OrderedInstance::behind)
    }

    /// The head of each lane that has messages, and how many follow it.
    pub(super) fn followed(&self) -> impl Iterator<Item = (ReferenceId, u64)> {
        let all = self.lanes.iter();
        all.filter_map(|lane| Some((lane.head()?, lane.len() as u64 - 1)))
    }

    /// Messages in all lanes.
    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(OrderedInstance::len).sum()
    }
}

impl MessageBox {
    /// The lane that a message of an ordered port belongs to.
    #[inline(never)]
    pub(super) fn lane_for(&mut self, id: ReferenceId) -> usize {
        let Some(reference) = self.references.get(id.0) else { return 0 };
        let subscriber = reference.subscriber;
        if !self.subscribers[subscriber.index()].dynamic {
            return 0;
        }
        let context = self.context_for(reference);
        let key = self.addresses.lane(subscriber, &context);
        let ordered = &mut self.subscribers[subscriber.index()].ordered;
        ordered.as_mut().map_or(0, |lanes| lanes.of_key(key))
    }
}

/// The key of a message that `adapter` sends to `location`.
pub(super) fn lane_key(scope: OrderScope, adapter: AdapterId, location: &str) -> LaneKey {
    Some(match scope {
        OrderScope::Location => (adapter, Some(Arc::from(location))),
        OrderScope::TransportType => (adapter, None),
    })
}
