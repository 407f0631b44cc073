//! Host throttling: what the controllers of host instances are shown, and when they look.
//!
//! Looks are events only while something moves: with nothing to see the controllers are parked and
//! wake with the next commit, so that an idle world comes to its end.
//!
//! \[M\] What is in the database is counted MessageBox by MessageBox, messages, rows of the spool
//! and tracking data alike, and the fullest one counts: each is a database of its own, and the
//! setting is the count of messages in one.

use std::hint::cold_path;

use floodgate_engine::config::Topology;
use floodgate_engine::host::{HostInput, Life};
use floodgate_engine::id::{HostId, HostInstanceId, MessageBoxId};
use floodgate_engine::message_box::{Effect, MessageBox, Place};
use floodgate_engine::throttle::{
    Controller, DeliveryState, Heap, PublishingState, Readings, Throttle, Totals,
};
use floodgate_engine::time::{Duration, Instant};

use super::compute::Job;
use super::operate::holds_publishing;
use super::{Due, Now, World};
use crate::probe::Snapshot;
use crate::trace::Event;

/// Looks without any movement after which the controllers are parked: twice the usual window.
const IDLE_LOOKS: u32 = 60;

/// A host counts as a subscriber of another's messages from this share on, in per cent, and only
/// once so many were published (published rules).
const SHARE_MIN: u64 = 5;
const PUBLISHED_MIN: u64 = 100;

/// The controllers of a world; empty where no host is throttled.
#[derive(Clone, Debug, Default)]
pub(super) struct Throttling {
    /// By host instance.
    controllers: Vec<Option<Controller>>,
    /// The shortest interval between looks.
    tick: Duration,
    armed: bool,
    idle: u32,
    seen: Vec<Totals>,
    /// Garbage and caches of each host instance.
    heaps: Vec<Heap>,
    /// Memory of the largest process at the last look, MB.
    memory: u64,
    hosts: usize,
    /// The host instance that publishes in the commit under way.
    publisher: Option<HostInstanceId>,
    /// References made since it began, by publishing host instance and subscriber's host.
    published: Vec<u64>,
    /// References that a host has not finished: waiting, locked or suspended; MessageBox after
    /// MessageBox.
    held: Vec<u64>,
}

impl Throttling {
    pub(super) fn of(topology: &Topology) -> Self {
        let controller = |instance: &floodgate_engine::config::HostInstanceConfig| {
            let settings = topology.hosts[instance.host.index()].settings.throttling?;
            let cpus = topology.servers[instance.server.index()].cpus;
            Some(Controller::new(settings, cpus))
        };
        let controllers: Vec<Option<Controller>> =
            topology.host_instances.iter().map(controller).collect();
        let ticks = controllers.iter().flatten().map(Controller::tick);
        let Some(tick) = ticks.min() else { return Self::default() };
        let hosts = topology.hosts.len();
        Self {
            seen: vec![Totals::default(); controllers.len()],
            heaps: vec![Heap::EMPTY; controllers.len()],
            published: vec![0; controllers.len() * hosts],
            controllers,
            tick: tick.max(Duration::from_millis(1)),
            hosts,
            held: vec![0; hosts * topology.box_count()],
            ..Self::default()
        }
    }

    pub(super) fn is_off(&self) -> bool {
        self.controllers.is_empty()
    }

    fn effect(&mut self, topology: &Topology, effect: &Effect) {
        if let Effect::Referenced { at, .. } = effect {
            self.comes(at.home, at.host);
            if let Some(publisher) = self.publisher {
                self.published[publisher.index() * self.hosts + at.host.index()] += 1;
            }
        } else if let Effect::Consumed { at }
        | Effect::Deleted { at }
        | Effect::RoutedReference { at, .. }
        | Effect::Terminated { at } = effect
        {
            self.leaves(at.home, at.host);
        } else if let Effect::MovedToNextTransport { at, .. } = effect {
            self.moves(topology, at);
        }
    }

    fn comes(&mut self, home: MessageBoxId, host: HostId) {
        let place = home.index() * self.hosts + host.index();
        if place >= self.held.len() {
            // A MessageBox was added.
            self.held.resize((home.index() + 1) * self.hosts, 0);
        }
        self.held[place] += 1;
    }

    fn leaves(&mut self, home: MessageBoxId, host: HostId) {
        if let Some(held) = self.held.get_mut(home.index() * self.hosts + host.index()) {
            *held = held.saturating_sub(1);
        }
    }

    /// A message went from its port's first transport to the second, maybe of another host.
    fn moves(&mut self, topology: &Topology, at: &Place) {
        if let Some(port) = topology.send_port(at.subscriber) {
            self.leaves(at.home, port.primary.host);
            self.comes(at.home, at.host);
        }
    }

    /// Messages of a host instance with its subscribers, in the MessageBox that has most of them:
    /// the mean of their queues, weighted by what it published to each.
    fn queued(&self, instance: HostInstanceId) -> u64 {
        let own = &self.published[instance.index() * self.hosts..][..self.hosts];
        let all: u64 = own.iter().sum();
        if all < PUBLISHED_MIN {
            return 0;
        }
        let mean = |held: &[u64]| {
            let counted =
                own.iter().zip(held).filter(|(share, _)| **share * 100 >= all * SHARE_MIN);
            let (mut weights, mut sum) = (0, 0);
            for (share, held) in counted {
                weights += u128::from(*share);
                sum += u128::from(*share) * u128::from(*held);
            }
            u64::try_from(sum.checked_div(weights).unwrap_or(0)).unwrap_or(u64::MAX)
        };
        self.held.chunks(self.hosts).map(mean).max().unwrap_or(0)
    }

    /// By host instance; none where no host is throttled.
    pub(super) fn controllers(&self) -> &[Option<Controller>] {
        &self.controllers
    }

    /// By host instance, likewise.
    pub(super) fn heaps(&self) -> &[Heap] {
        &self.heaps
    }

    /// The most severe state and the longest delay of any host instance, for the samples.
    pub(super) fn sample(&self, into: &mut Snapshot) {
        for now in self.controllers.iter().flatten().map(Controller::throttle) {
            into.publishing_state = into.publishing_state.max(now.publishing.code().into());
            into.delivery_state = into.delivery_state.max(now.delivery.code().into());
            let millis = |delay: Duration| delay.as_nanos() / 1_000_000;
            into.publishing_delay = into.publishing_delay.max(millis(now.publishing_delay));
            into.delivery_delay = into.delivery_delay.max(millis(now.delivery_delay));
        }
        into.process_memory = self.memory;
    }
}

impl World {
    /// `instance` commits: what its batch makes is its host's.
    pub(super) fn publishes_next(&mut self, instance: HostInstanceId) {
        if !self.throttling.is_off() {
            cold_path();
            self.throttling.publisher = Some(instance);
        }
    }

    /// A commit's changes, for the controllers.
    pub(super) fn watch_queues(&mut self) {
        if self.throttling.is_off() {
            return;
        }
        for effect in &self.effects {
            self.throttling.effect(&self.topology, effect);
        }
        self.throttling.publisher = None;
        if !self.throttling.armed {
            self.throttling.armed = true;
            self.throttling.idle = 0;
            self.look_again();
        }
    }

    /// The next look is at the next multiple of the shortest tick.
    fn look_again(&mut self) {
        let tick = self.throttling.tick.as_nanos();
        let next = Instant::from_nanos((self.now.as_nanos() / tick + 1) * tick);
        self.schedule(next, Due::Throttling);
    }

    /// The controllers look at what there is.
    #[cold]
    pub(super) fn throttle_hosts(&mut self) {
        let mut moved = false;
        self.throttling.memory = 0;
        self.grow_heaps();
        for at in 0..self.throttling.controllers.len() {
            let instance = HostInstanceId::from(at);
            if self.instances[at].life() == Life::Down {
                continue;
            }
            let readings = self.readings(instance);
            self.throttling.memory = self.throttling.memory.max(readings.process_memory);
            moved |= std::mem::replace(&mut self.throttling.seen[at], readings.totals)
                != readings.totals;
            self.tell_memory(instance, readings.system_memory);
            let Some(controller) = &mut self.throttling.controllers[at] else { continue };
            if !self.now.as_nanos().is_multiple_of(controller.tick().as_nanos().max(1)) {
                continue;
            }
            let before = controller.throttle();
            let now = controller.look(self.now, &readings);
            let settings = controller.settings();
            let heap = &mut self.throttling.heaps[at];
            let forced = heap.look(settings, readings.process_memory, now.delivery);
            if before != now {
                moved = true;
                self.impose(instance, before, now);
            }
            if forced {
                self.collect_garbage(instance);
            }
        }
        self.throttling.idle = if moved { 0 } else { self.throttling.idle + 1 };
        self.throttling.armed = self.throttling.idle < IDLE_LOOKS;
        if self.throttling.armed {
            self.look_again();
        }
    }

    /// What ended since the last look is garbage.
    fn grow_heaps(&mut self) {
        for (heap, own) in self.throttling.heaps.iter_mut().zip(&self.instances) {
            let settings = self.topology.hosts[own.host().index()].settings.throttling;
            if let Some(memory) = settings.and_then(|settings| settings.memory) {
                let (ended, mean) = own.ended();
                heap.grow(&memory, ended, mean);
            }
        }
    }

    /// A collection that was forced: each core of the machine stands still as long. \[M\] What a
    /// core is at is finished first.
    fn collect_garbage(&mut self, instance: HostInstanceId) {
        let pause = self.costs.forced_collection;
        if pause.is_zero() {
            return;
        }
        let server = self.topology.host_instances[instance.index()].server;
        for _ in 0..self.topology.servers[server.index()].cpus {
            self.compute(server, Job::Collection, pause);
        }
    }

    /// Dehydration may look at the memory of the machine.
    fn tell_memory(&mut self, instance: HostInstanceId, used: u64) {
        let host = self.instances[instance.index()].host();
        let looks = self.topology.hosts[host.index()].settings.dehydration;
        if looks.is_some_and(|own| own.physical.is_some()) {
            self.ring.push_back(Now::Host(instance, HostInput::PhysicalMemory(used)));
        }
    }

    /// The process of a host instance has ended, and its controllers with it: the next begins with
    /// nothing imposed and nothing counted (published: statistics count again after a restart).
    pub(super) fn forget_throttling(&mut self, instance: HostInstanceId) {
        let hosts = self.throttling.hosts;
        let Some(Some(own)) = self.throttling.controllers.get_mut(instance.index()) else {
            return;
        };
        let before = own.throttle();
        *own = own.anew(self.now);
        self.throttling.published[instance.index() * hosts..][..hosts].fill(0);
        self.checks.throttles(instance, false);
        self.tell_throttle(instance, before, Throttle::default());
    }

    fn impose(&mut self, instance: HostInstanceId, before: Throttle, now: Throttle) {
        self.checks.throttles(instance, holds_publishing(&now));
        self.ring.push_back(Now::Host(instance, HostInput::Throttle(now)));
        self.tell_throttle(instance, before, now);
    }

    fn tell_throttle(&mut self, instance: HostInstanceId, before: Throttle, now: Throttle) {
        let (publishing, delivery) = (now.publishing.code(), now.delivery.code());
        if (before.publishing.code(), before.delivery.code()) == (publishing, delivery) {
            return;
        }
        let mut all = self.throttling.controllers.iter().flatten().map(Controller::throttle);
        let is_throttled = all.any(|own| {
            own.publishing != PublishingState::None || own.delivery != DeliveryState::None
        });
        self.meters.throttled.set(self.now, is_throttled.into());
        let event = Event::Throttled { instance: instance.0, publishing, delivery };
        self.trace.record(self.now, &event, || {
            format!("T    {instance}: publishing {:?}, delivery {:?}", now.publishing, now.delivery)
        });
    }

    /// Memory of the process of a host instance, MB; zero where none is reckoned.
    fn process_memory(&self, instance: HostInstanceId) -> u64 {
        let own = &self.instances[instance.index()];
        let settings = self.topology.hosts[own.host().index()].settings.throttling;
        let memory = settings.and_then(|settings| settings.memory);
        let heap = self.throttling.heaps.get(instance.index()).unwrap_or(&Heap::EMPTY);
        memory.map_or(0, |memory| memory.with(own.holdings(), heap))
    }

    /// Memory of all processes on the machine of a host instance, MB.
    fn system_memory(&self, instance: HostInstanceId) -> u64 {
        let configured = &self.topology.host_instances;
        let server = configured[instance.index()].server;
        let here = configured.iter().enumerate().filter(|(_, other)| other.server == server);
        here.map(|(other, _)| self.process_memory(HostInstanceId::from(other))).sum()
    }

    /// What the controllers of a host instance are shown.
    fn readings(&self, instance: HostInstanceId) -> Readings {
        let own = &self.instances[instance.index()];
        let gauges = own.gauges();
        let homes = || (0..self.message_box.boxes()).map(MessageBoxId::from);
        let fullest = |rows: fn(&MessageBox, MessageBoxId) -> u64| {
            homes().map(|home| rows(&self.message_box, home)).max().unwrap_or(0)
        };
        Readings {
            totals: own.totals(),
            in_process: gauges.handed_out().into(),
            threads: gauges.threads.into(),
            sessions: self.sessions_of(instance),
            queued: self.throttling.queued(instance),
            spool: fullest(MessageBox::spool_of),
            tracking: fullest(MessageBox::tracking_rows),
            process_memory: self.process_memory(instance),
            system_memory: self.system_memory(instance),
        }
    }
}
