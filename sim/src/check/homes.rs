//! Checks on several MessageBoxes: INV-31, 32.

use floodgate_engine::config::Topology;
use floodgate_engine::id::MessageBoxId;
use floodgate_engine::message_box::{Effect, MessageBox, Place};

use super::{Checks, Docket, Rule};

/// Whose turn came how often, and where the instances live that last.
#[derive(Clone, Debug)]
pub(super) struct Homes {
    /// One MessageBox has nothing to spread.
    alone: bool,
    /// Documents that activated something, by MessageBox, since the turns last changed.
    turns: Vec<u64>,
    /// The MessageBoxes that took turns since then.
    taking: Vec<MessageBoxId>,
    /// Whether the document published last has had its turn.
    counted: bool,
    /// Where the one instance of an ordered port lives.
    ordered: Vec<Option<Option<MessageBoxId>>>,
}

impl Homes {
    pub(super) fn new(topology: &Topology) -> Self {
        let boxes = topology.box_count();
        let publishes = |at: &usize| {
            topology.message_boxes.get(*at).is_none_or(|configured| configured.publishes)
        };
        Self {
            alone: boxes == 1,
            turns: vec![0; boxes],
            taking: (0..boxes).filter(publishes).map(MessageBoxId::from).collect(),
            counted: false,
            ordered: topology.send_ports.iter().map(|port| port.ordered.map(|_| None)).collect(),
        }
    }

    #[inline]
    pub(super) fn effect(&mut self, docket: &mut Docket, effect: &Effect) {
        if !self.alone {
            self.spread(docket, effect);
        }
    }

    fn spread(&mut self, docket: &mut Docket, effect: &Effect) {
        if matches!(effect, Effect::Published { .. }) {
            self.counted = false;
        }
        let Effect::Referenced { at, activates: true, .. } = effect else { return };
        if let Some(Some(home)) = self.ordered.get_mut(at.subscriber.index()) {
            if let Some(home) = *home {
                docket.judge(Rule::HomeOfInstance, at.home == home, || {
                    format!(
                        "{} went to {}, {} lives in {home}",
                        at.document, at.home, at.subscriber
                    )
                });
                return;
            }
            *home = Some(at.home);
        }
        if !std::mem::replace(&mut self.counted, true) {
            self.turn(docket, at);
        }
    }

    /// A document activates something in a MessageBox: its turn.
    fn turn(&mut self, docket: &mut Docket, at: &Place) {
        self.turns[at.home.index()] += 1;
        let takes = self.taking.contains(&at.home) || self.taking.is_empty();
        let counts = self.taking.iter().map(|home| self.turns[home.index()]);
        let (least, most) = (counts.clone().min().unwrap_or(0), counts.max().unwrap_or(0));
        docket.judge(Rule::RoundRobin, takes && most - least <= 1, || {
            format!("{} activates in {}; turns so far: {:?}", at.document, at.home, self.turns)
        });
    }
}

impl Checks {
    /// Another set of MessageBoxes takes turns from now on.
    pub(crate) fn turns_change(&mut self, message_box: &MessageBox) {
        let homes = &mut self.homes;
        homes.alone = message_box.boxes() == 1;
        homes.turns = vec![0; message_box.boxes()];
        let takes = |home: &MessageBoxId| message_box.is_available(*home);
        homes.taking = message_box.publishing().iter().copied().filter(takes).collect();
    }
}
