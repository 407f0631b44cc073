//! Send ports and their groups at run time: enlist, start, stop, unenlist.

use super::{Effect, MessageBox};
use crate::config::Topology;
use crate::id::{SendPortGroupId, SendPortId, SubscriberId};
use crate::subscription::{Filter, PortState, SubscriptionTable};

/// What an operator does to a send port or to a send port group (R-SUB-09).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PortOperation {
    /// Makes its subscriptions, inactive.
    Enlist,
    /// Makes its subscriptions active.
    Start,
    /// Makes them inactive.
    Stop,
    /// Removes them.
    Unenlist,
}

impl PortOperation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Enlist, Self::Start, Self::Stop, Self::Unenlist];

    /// The state it leads to from `from`, if it is allowed there: the table of R-SUB-09.
    #[must_use]
    pub const fn leads_to(self, from: PortState) -> Option<PortState> {
        match (self, from) {
            (Self::Enlist, PortState::Bound) | (Self::Stop, PortState::Started) => {
                Some(PortState::Stopped)
            }
            (Self::Start, PortState::Bound | PortState::Stopped) => Some(PortState::Started),
            (Self::Unenlist, PortState::Stopped | PortState::Started) => Some(PortState::Bound),
            (Self::Enlist, PortState::Stopped | PortState::Started)
            | (Self::Start, PortState::Started)
            | (Self::Stop | Self::Unenlist, PortState::Bound)
            | (Self::Stop, PortState::Stopped) => None,
        }
    }
}

/// Why an operator's act on a port or a group was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PortRefusal {
    /// The last enlisted port of this enlisted group cannot be unenlisted (R-SUB-12).
    LastOfGroup(SendPortGroupId),
    /// A group needs an enlisted port to be enlisted itself: the other side of R-SUB-12.
    /// \[M\] not documented.
    NoPortEnlisted,
    /// The operation does not exist in this state (R-SUB-09).
    NotFrom(PortState),
}

/// What enlisting needs to know again: the configured filters.
#[derive(Clone, Debug)]
pub(super) struct Enlistable {
    ports: Vec<(String, Option<Filter>)>,
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    name: String,
    filter: Option<Filter>,
    ports: Vec<SendPortId>,
    state: PortState,
}

impl Enlistable {
    pub(super) fn new(topology: &Topology) -> Self {
        let group = |group: &crate::config::SendPortGroup| Group {
            name: group.name.clone(),
            filter: group.filter.clone(),
            ports: group.ports.clone(),
            state: group.state,
        };
        Self {
            ports: (topology.send_ports.iter())
                .map(|port| (port.name.clone(), port.filter.clone()))
                .collect(),
            groups: topology.send_port_groups.iter().map(group).collect(),
        }
    }

    /// The subscriptions of everything that is enlisted at the beginning; `is_enlisted` says so
    /// of a port.
    pub(super) fn enlist_all(
        &self,
        table: &mut SubscriptionTable,
        is_enlisted: impl Fn(SendPortId) -> bool,
    ) {
        for (at, (name, filter)) in self.ports.iter().enumerate() {
            if is_enlisted(SendPortId::from(at)) {
                table.enlist(SubscriberId::from(at), name, filter.clone());
            }
        }
        for (at, group) in self.groups.iter().enumerate() {
            if group.state != PortState::Bound {
                for port in group.ports.iter().filter(|port| is_enlisted(**port)) {
                    group.enlist(table, SendPortGroupId::from(at), *port);
                }
            }
        }
    }

    /// Whether a group lets its matches go on: both it and the port must be started (R-SUB-11).
    pub(super) fn is_started(&self, group: SendPortGroupId) -> bool {
        self.groups[group.index()].state == PortState::Started
    }

    /// The states of all groups.
    pub(super) fn group_states(&self) -> Vec<PortState> {
        self.groups.iter().map(|group| group.state).collect()
    }
}

impl Group {
    fn enlist(&self, table: &mut SubscriptionTable, id: SendPortGroupId, port: SendPortId) {
        table.enlist_member(port.into(), id, &self.name, self.filter.clone());
    }
}

impl MessageBox {
    /// The state of a send port (R-SUB-09).
    #[must_use]
    pub fn port_state(&self, port: SendPortId) -> PortState {
        self.subscribers[port.index()].state
    }

    /// The state of a send port group (R-SUB-09).
    #[must_use]
    pub fn group_state(&self, group: SendPortGroupId) -> PortState {
        self.enlistable.groups[group.index()].state
    }

    /// An operator changes the state of a send port (R-SUB-09). What is in a work queue already
    /// is not recalled (R-SUB-10), and what was suspended because the port was stopped stays so
    /// unless the knob `resume_on_start` says otherwise (R-CLK-15).
    ///
    /// # Errors
    /// [`PortRefusal`]; nothing is changed.
    pub fn operate_port(
        &mut self,
        port: SendPortId,
        operation: PortOperation,
    ) -> Result<PortState, PortRefusal> {
        let from = self.port_state(port);
        let to = operation.leads_to(from).ok_or(PortRefusal::NotFrom(from))?;
        if to == PortState::Bound
            && let Some(group) = self.last_of_group(port)
        {
            return Err(PortRefusal::LastOfGroup(group));
        }
        self.subscribers[port.index()].state = to;
        match (from, to) {
            (PortState::Bound, _) => self.subscribe_port(port),
            (_, PortState::Bound) => self.subscriptions.unenlist(port.into()),
            (PortState::Started | PortState::Stopped, PortState::Started | PortState::Stopped) => {}
        }
        self.effects.push(Effect::PortState { port, from, to });
        if to == PortState::Started && self.policy.resume_on_start {
            self.resume_stopped(port);
        }
        Ok(to)
    }

    /// An operator changes the state of a send port group; its ports keep theirs.
    ///
    /// # Errors
    /// [`PortRefusal`]; nothing is changed.
    pub fn operate_group(
        &mut self,
        group: SendPortGroupId,
        operation: PortOperation,
    ) -> Result<PortState, PortRefusal> {
        let from = self.group_state(group);
        let to = operation.leads_to(from).ok_or(PortRefusal::NotFrom(from))?;
        let members = self.enlisted_members(group);
        if from == PortState::Bound && members.is_empty() {
            return Err(PortRefusal::NoPortEnlisted);
        }
        self.enlistable.groups[group.index()].state = to;
        if from == PortState::Bound {
            for port in &members {
                let known = &self.enlistable.groups[group.index()];
                known.enlist(&mut self.subscriptions, group, *port);
            }
        } else if to == PortState::Bound {
            self.subscriptions.unenlist_group(group);
        }
        self.effects.push(Effect::GroupState { group, from, to });
        if to == PortState::Started && self.policy.resume_on_start {
            for port in members {
                if self.port_state(port) == PortState::Started {
                    self.resume_stopped(port);
                }
            }
        }
        Ok(to)
    }

    fn enlisted_members(&self, group: SendPortGroupId) -> Vec<SendPortId> {
        let members = self.enlistable.groups[group.index()].ports.iter().copied();
        members.filter(|port| self.port_state(*port) != PortState::Bound).collect()
    }

    /// An enlisted group of which `port` is the only enlisted member (R-SUB-12).
    fn last_of_group(&self, port: SendPortId) -> Option<SendPortGroupId> {
        (0..self.enlistable.groups.len()).map(SendPortGroupId::from).find(|group| {
            self.group_state(*group) != PortState::Bound && self.enlisted_members(*group) == [port]
        })
    }

    /// The subscriptions of a port that is enlisted now: its own, and its enlisted groups'.
    fn subscribe_port(&mut self, port: SendPortId) {
        let (name, filter) = &self.enlistable.ports[port.index()];
        self.subscriptions.enlist(port.into(), name, filter.clone());
        for (at, group) in self.enlistable.groups.iter().enumerate() {
            if group.state != PortState::Bound && group.ports.contains(&port) {
                group.enlist(&mut self.subscriptions, SendPortGroupId::from(at), port);
            }
        }
    }
}
