//! Checks on ordered delivery: INV-44…47.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::cold_path;

use floodgate_engine::config::{OnFailure, SendPort, Topology};
use floodgate_engine::dynamic::OrderScope;
use floodgate_engine::id::{AdapterId, EndpointId, SendPortId, SubscriberId};
use floodgate_engine::message_box::{MessageBox, OutboundMessage, Place, Reason};

use super::{Docket, Rule};

#[derive(Clone, Debug)]
struct OrderedPort {
    on_failure: OnFailure,
    /// What its messages are kept in order among.
    lanes: Vec<Lane>,
    /// A dynamic port's messages and their lanes, as they were handed out (R-ORD-13).
    dynamic: Option<Sorted>,
    /// The messages with which whole instances were suspended: by an operator, or where the port
    /// would have tried its backup. A dynamic port has an instance for each lane.
    held: BTreeSet<u64>,
    /// Messages that were routed while the port was stopped: not in the instance until an operator
    /// resumes them, and then out of order (R-ORD-15).
    apart: Vec<u64>,
    /// Those of them that were resumed: they go when their turn comes, whatever went before.
    late: Vec<u64>,
    published: u64,
    gone: u64,
    suspended: u64,
    /// Messages in flight when their process ended: a copy may come late.
    given_back: Vec<u64>,
}

/// One order.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// The highest sequence that the wire has taken.
    sent_last: u64,
    /// The message that is with an adapter.
    with_adapter: Option<u64>,
    /// The failed message that holds the others back.
    failed: Option<u64>,
}

/// Which lane of a dynamic port a message is of: by adapter, and by location unless it is said
/// that adapters are enough.
#[derive(Clone, Debug)]
struct Sorted {
    by_location: bool,
    keys: Vec<(AdapterId, Option<EndpointId>)>,
    lane_of: BTreeMap<u64, usize>,
}

impl OrderedPort {
    fn lane(&mut self, sequence: u64) -> &mut Lane {
        // What was never handed out, since nobody answers to it, is none of the lanes' business:
        // the first one is nobody's.
        let lane = self.dynamic.as_ref().and_then(|sorted| sorted.lane_of.get(&sequence));
        &mut self.lanes[lane.copied().unwrap_or_default()]
    }

    /// A message is handed out: now it is known where it goes.
    fn sort(&mut self, message: &OutboundMessage) {
        let Some(sorted) = &mut self.dynamic else { return };
        let key = (message.adapter, sorted.by_location.then_some(message.endpoint));
        let known = sorted.keys.iter().position(|known| *known == key);
        let at = known.unwrap_or_else(|| {
            sorted.keys.push(key);
            self.lanes.push(Lane::default());
            sorted.keys.len() - 1
        });
        sorted.lane_of.insert(message.sequence, at + 1);
    }
}

/// The ordered ports of a topology; `None` for the others.
#[derive(Clone, Debug)]
pub(super) struct OrderedPorts {
    ports: Vec<Option<OrderedPort>>,
}

impl OrderedPorts {
    pub(super) fn new(topology: &Topology) -> Self {
        let port = |(at, port): (usize, &SendPort)| {
            let dynamic = topology.dynamic_port(SendPortId::from(at)).map(|port| Sorted {
                by_location: port.order == OrderScope::Location,
                keys: Vec::new(),
                lane_of: BTreeMap::new(),
            });
            port.ordered.map(|on_failure| OrderedPort {
                on_failure,
                lanes: vec![Lane::default()],
                dynamic,
                held: BTreeSet::new(),
                apart: Vec::new(),
                late: Vec::new(),
                published: 0,
                gone: 0,
                suspended: 0,
                given_back: Vec::new(),
            })
        };
        let mut ports: Vec<_> = topology.send_ports.iter().enumerate().map(port).collect();
        // A port without an order is not looked for behind the last one with an order.
        while ports.pop_if(|port| port.is_none()).is_some() {}
        Self { ports }
    }

    fn of(&mut self, port: SubscriberId) -> Option<&mut OrderedPort> {
        self.ports.get_mut(port.index())?.as_mut()
    }

    pub(super) fn published(&mut self, at: &Place) {
        if let Some(port) = self.of(at.subscriber) {
            port.published += 1;
        }
    }

    /// A message is handed to an adapter.
    #[inline(always)]
    pub(super) fn with_adapter(&mut self, docket: &mut Docket, message: &OutboundMessage) {
        let (port, sequence) = (message.subscriber, message.sequence);
        let Some(ordered) = self.of(port) else { return };
        cold_path();
        ordered.sort(message);
        let before = ordered.lane(sequence).with_adapter.replace(sequence);
        let alone = before.is_none_or(|before| before == sequence);
        docket.judge(Rule::OneInFlight, alone, || {
            format!("{port} hands out sequence {sequence} while {before:?} is out")
        });
    }

    /// The message in flight was given back by a process that ended.
    pub(super) fn given_back(&mut self, at: &Place) {
        self.left_adapter(at);
        if let Some(port) = self.of(at.subscriber) {
            port.given_back.push(at.sequence);
        }
    }

    pub(super) fn left_adapter(&mut self, at: &Place) {
        if let Some(port) = self.of(at.subscriber)
            && let lane = port.lane(at.sequence)
            && lane.with_adapter == Some(at.sequence)
        {
            lane.with_adapter = None;
        }
    }

    /// A message is gone; it may have been `suspended` until now.
    #[inline(always)]
    pub(super) fn left(&mut self, at: &Place, suspended: bool) {
        self.left_adapter(at);
        if let Some(port) = self.of(at.subscriber) {
            cold_path();
            port.gone += 1;
            port.apart.retain(|apart| *apart != at.sequence);
            let held = port.held.remove(&at.sequence);
            port.suspended -= u64::from(suspended && !held);
            port.lane(at.sequence).failed.take_if(|failed| *failed == at.sequence);
        }
    }

    pub(super) fn resumed(&mut self, at: &Place) {
        if let Some(port) = self.of(at.subscriber) {
            let held = port.held.remove(&at.sequence);
            port.suspended -= u64::from(!held);
            if let Some(place) = port.apart.iter().position(|apart| *apart == at.sequence) {
                port.apart.remove(place);
                port.late.push(at.sequence);
            } else {
                port.lane(at.sequence).failed = None;
            }
        }
    }

    pub(super) fn suspended(
        &mut self,
        docket: &mut Docket,
        at: &Place,
        reason: Reason,
        resumable: bool,
    ) {
        self.left_adapter(at);
        let Some(port) = self.of(at.subscriber) else { return };
        if matches!(reason, Reason::BackupTransport | Reason::Operator) {
            port.held.insert(at.sequence);
            if reason == Reason::BackupTransport {
                // R-ORD-12: a port that goes on after failures stops here all the same.
                port.lane(at.sequence).failed = Some(at.sequence);
            }
            return;
        }
        port.suspended += 1;
        if reason == Reason::PortStopped {
            port.apart.push(at.sequence);
            return;
        }
        match port.on_failure {
            OnFailure::Stop => port.lane(at.sequence).failed = Some(at.sequence),
            OnFailure::Continue => {
                docket.judge(Rule::ContinueLosesOnlyFailed, !resumable, || {
                    format!(
                        "{} failed at an ordered port that goes on, and may be resumed",
                        at.document
                    )
                });
            }
        }
    }

    /// The wire took a message.
    #[inline(always)]
    pub(super) fn sent(&mut self, docket: &mut Docket, port: SubscriberId, sequence: u64) {
        let Some(ordered) = self.of(port) else { return };
        if ordered.late.contains(&sequence) {
            return;
        }
        // Not less: a duplicate of the message in flight is not a change of order.
        let Lane { sent_last: last, failed, .. } = *ordered.lane(sequence);
        let late_copy = sequence < last && ordered.given_back.contains(&sequence);
        let in_order = sequence >= last || late_copy;
        ordered.lane(sequence).sent_last = last.max(sequence);
        if !ordered.given_back.is_empty() {
            docket.judge(Rule::OrderSurvivesDeath, in_order, || {
                format!("{port} sent sequence {sequence} after {last}, duplicates aside")
            });
        }
        docket.judge(Rule::WireOrder, in_order, || {
            format!("{port} sent sequence {sequence} after {last}")
        });
        if let Some(failed) = failed {
            docket.judge(Rule::StopHoldsBack, sequence <= failed, || {
                format!("{port} sent sequence {sequence} past the failed {failed}")
            });
        }
    }

    /// Stop: what is behind a failed message is still there. Continue: only the failed are missing.
    pub(super) fn audit(&self, docket: &mut Docket, message_box: &MessageBox) {
        for (index, port) in self.ports.iter().enumerate() {
            let Some(port) = port else { continue };
            let id = SendPortId::from(index);
            let waiting = message_box.ordered_backlog(id) as u64;
            let present = port.published - port.gone - port.apart.len() as u64;
            match port.on_failure {
                OnFailure::Continue => {
                    let expected = present + port.apart.len() as u64 - port.suspended;
                    docket.judge(Rule::ContinueLosesOnlyFailed, waiting == expected, || {
                        format!("{waiting} wait at {id}, {expected} of its messages neither left nor failed")
                    });
                }
                OnFailure::Stop if port.lanes.iter().any(|lane| lane.failed.is_some()) => {
                    docket.judge(Rule::StopHoldsBack, waiting == present, || {
                        format!("{waiting} wait at {id} behind a failed message, not {present}")
                    });
                }
                OnFailure::Stop => {}
            }
        }
    }
}
