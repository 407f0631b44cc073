//! A town: all host instances of a topology, their adapters and the MessageBoxes, at work.
//!
//! The smallest driver there can be: what costs time costs a fixed time, partners do as they are
//! told, nothing is drawn. It tells what happens as a story, line by line, and holds the
//! MessageBox to its own accounts after every change.

#![expect(clippy::wildcard_enum_match_arm, reason = "a story leaves out what is of no interest")]

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;

use floodgate_engine::adapter::{
    Adapter, AdapterInput, AdapterOutput, Answer, AnyAdapter, Returned, Transmission, WireRequest,
    WireResult,
};
use floodgate_engine::config::{AdapterKind, Capabilities, Topology};
use floodgate_engine::host::{
    DoneRace, FrameId, HostInput, HostInstance, HostOutput, Life, LocationAct,
};
use floodgate_engine::id::{
    AdapterId, EndpointId, HostInstanceId, MessageBoxId, ReceiveLocationId, SendPortId,
    TransactionId,
};
use floodgate_engine::message::{Body, Parts, WireMessage};
use floodgate_engine::message_box::{MessageBox, PreparedBatch, Ready};
use floodgate_engine::time::{Duration, Instant};
use floodgate_engine::transport_proxy::TransportProxy;

use crate::bench::wire_of;

/// What a partner's end does with what it is sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Partner {
    /// Takes everything, and replies where a reply is expected.
    #[default]
    Takes,
    /// Takes nothing.
    Refuses,
    /// Refuses whatever still has so many retries left, or more.
    RefusesUntil(u32),
    /// Refuses what came from a wire message with an odd number.
    RefusesOdd,
}

/// An adapter of a host instance.
#[derive(Debug)]
struct Node {
    adapter: AnyAdapter,
    proxy: TransportProxy,
}

type Place = (usize, usize);

/// What is to happen.
#[derive(Debug)]
enum Next {
    Commit(usize, FrameId, PreparedBatch, Option<TransactionId>),
    End(Place, TransactionId, bool),
    Host(usize, HostInput),
    Node(Place, AdapterInput),
    Wire(Place, u64, WireRequest),
}

#[derive(Debug)]
pub(crate) struct Town {
    pub(crate) topology: Arc<Topology>,
    pub(crate) hosts: Vec<HostInstance>,
    pub(crate) message_box: MessageBox,
    pub(crate) now: Instant,
    /// By endpoint; those that are not told take everything.
    pub(crate) partners: BTreeMap<usize, Partner>,
    /// Transactions are refused by their coordinator.
    pub(crate) votes_no: bool,
    pub(crate) story: Vec<String>,
    nodes: BTreeMap<Place, Node>,
    ring: VecDeque<Next>,
    due: BTreeMap<(Instant, u64), Next>,
    count: u64,
    sources: BTreeMap<usize, VecDeque<WireMessage>>,
    watchers: BTreeMap<usize, (Place, ReceiveLocationId)>,
    read: BTreeMap<TransactionId, (usize, Vec<WireMessage>)>,
    /// The last state that was told, so that only changes are.
    told: String,
}

const WORK: Duration = Duration::from_millis(1);
const COMMIT: Duration = Duration::from_millis(2);
const WIRE: Duration = Duration::from_millis(5);
/// A story that has not ended after so many steps never does.
const STEPS_MAX: u32 = 20_000;

impl Town {
    /// A town whose services have just started.
    pub(crate) fn new(topology: Topology) -> Self {
        let topology = Arc::new(topology);
        let instances = (0..topology.host_instances.len()).map(HostInstanceId::from);
        let mut town = Self {
            hosts: instances.map(|id| HostInstance::new(&topology, id)).collect(),
            message_box: MessageBox::new(&topology),
            now: Instant::ZERO,
            partners: BTreeMap::new(),
            votes_no: false,
            story: Vec::new(),
            nodes: BTreeMap::new(),
            ring: VecDeque::new(),
            due: BTreeMap::new(),
            count: 0,
            sources: BTreeMap::new(),
            watchers: BTreeMap::new(),
            read: BTreeMap::new(),
            told: String::new(),
            topology,
        };
        for at in 0..town.hosts.len() {
            town.host(at, HostInput::Start);
        }
        town
    }

    fn tell(&mut self, who: &str, what: &impl Debug) {
        let line = format!("{:>6} {who} {what:?}", self.now.as_nanos() / 1_000_000);
        self.story.push(brief(&line));
    }

    fn later(&mut self, after: Duration, next: Next) {
        self.count += 1;
        self.due.insert((self.now + after, self.count), next);
    }

    /// Messages arrive at a source.
    pub(crate) fn arrive(
        &mut self,
        endpoint: usize,
        messages: impl IntoIterator<Item = WireMessage>,
    ) {
        self.sources.entry(endpoint).or_default().extend(messages);
        self.notify(endpoint);
    }

    fn notify(&mut self, endpoint: usize) {
        if self.sources.get(&endpoint).is_some_and(|source| !source.is_empty())
            && let Some((node, location)) = self.watchers.remove(&endpoint)
        {
            self.ring.push_back(Next::Node(node, AdapterInput::Arrived { location }));
        }
    }

    /// Goes on until nothing is to happen, at most for so long.
    pub(crate) fn run(&mut self, most: Duration) {
        let end = self.now + most;
        for _ in 0..STEPS_MAX {
            if let Some(next) = self.ring.pop_front() {
                self.step(next);
                continue;
            }
            let hosts = self.hosts.iter().filter_map(HostInstance::poll_timeout);
            let due = self.due.keys().next().map(|(at, _)| *at);
            let next = hosts.chain(due).chain(self.message_box.poll_timeout()).min();
            let Some(at) = next.filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(at);
            self.pass();
        }
        panic!("a story ends; this one is at {:?}", &self.story[self.story.len() - 20..]);
    }

    /// Something is due.
    fn pass(&mut self) {
        if self.message_box.poll_timeout().is_some_and(|at| at <= self.now) {
            self.message_box.wake(self.now);
            return self.absorb();
        }
        for at in 0..self.hosts.len() {
            if self.hosts[at].poll_timeout().is_some_and(|due| due <= self.now) {
                return self.host(at, HostInput::Wake);
            }
        }
        if let Some(first) = self.due.first_entry() {
            let next = first.remove();
            self.ring.push_back(next);
        }
    }

    fn step(&mut self, next: Next) {
        match next {
            Next::Commit(at, frame, batch, transaction) => {
                self.commit(at, frame, batch, transaction);
            }
            Next::End(node, transaction, committed) => self.end(node, transaction, committed),
            Next::Host(at, input) => self.host(at, input),
            Next::Node(node, input) => self.node(node, input),
            Next::Wire(node, token, request) => self.wire(node, token, request),
        }
    }

    /// Tells a host instance something and carries what it wants.
    pub(crate) fn host(&mut self, at: usize, input: HostInput) {
        self.hosts[at].handle_input(self.now, input);
        while let Some(output) = self.hosts[at].poll_output() {
            match output {
                HostOutput::Call { adapter, input } => {
                    let node = (at, adapter.index());
                    self.ring.push_back(Next::Node(node, input));
                }
                HostOutput::Dequeue { home, max } => self.look(at, home, max),
                HostOutput::Abort { .. } => panic!("here adapters make their transactions"),
                HostOutput::Stopped => {
                    self.tell("stopped", &at);
                    let given = self.message_box.release_locks(HostInstanceId::from(at));
                    self.tell("released", &given);
                    self.forget(at);
                    self.absorb();
                }
                HostOutput::Transact { frame, batch, transaction } => {
                    self.later(COMMIT, Next::Commit(at, frame, batch, transaction));
                }
                HostOutput::Work { frame, demand } => {
                    self.tell("work", &demand);
                    self.later(WORK, Next::Host(at, HostInput::WorkDone { frame }));
                }
            }
        }
    }

    fn look(&mut self, at: usize, home: MessageBoxId, asked: u32) {
        let owner = HostInstanceId::from(at);
        let price = self.message_box.dequeue_footprint(self.now, home, owner, asked);
        self.tell("look", &(at, home, asked, price));
        let mut messages = Vec::new();
        self.message_box.dequeue(self.now, home, owner, asked, &mut messages);
        self.absorb();
        self.ring.push_back(Next::Host(at, HostInput::Dequeued { home, asked, messages }));
    }

    fn commit(
        &mut self,
        at: usize,
        frame: FrameId,
        batch: PreparedBatch,
        transaction: Option<TransactionId>,
    ) {
        let footprints = self.message_box.footprint(&batch);
        let priced: Vec<_> = (0..).map_while(|at| footprints.get(at)).collect();
        let owner = HostInstanceId::from(at);
        let status = match transaction {
            None => self.message_box.commit(self.now, owner, batch),
            Some(id) => self.message_box.stage_batch(self.now, owner, id, batch),
        };
        self.tell("commit", &(at, priced, &status));
        self.message_box.publish_thrown(self.now);
        self.absorb();
        self.ring.push_back(Next::Host(at, HostInput::Committed { frame, status }));
    }

    /// What the MessageBox did, and whom it calls; its own accounts have to agree.
    pub(crate) fn absorb(&mut self) {
        let (mut effects, mut ready) = (Vec::new(), Vec::new());
        self.message_box.take_effects(&mut effects);
        for effect in &effects {
            self.tell(" ", effect);
        }
        self.message_box.take_ready(&mut ready);
        for Ready { home, host, only } in ready {
            for at in 0..self.hosts.len() {
                let is_it = only.is_none_or(|only| only.index() == at);
                if self.hosts[at].host() == host && is_it && self.hosts[at].life() == Life::Running
                {
                    let input = HostInput::WorkAvailable { home };
                    self.ring.push_back(Next::Host(at, input));
                }
            }
        }
        self.audit();
    }

    fn audit(&mut self) {
        let own = &self.message_box;
        assert_eq!(own.reference_counts(), own.recount());
        let counts = own.reference_counts();
        assert_eq!(counts.total(), counts.work + counts.locked + counts.suspended);
        let state = format!(
            "live {} garbage {} {counts:?} waits {} hash {:04x}",
            own.spool_live(),
            own.spool_garbage(),
            own.open_waits_count(),
            own.state_hash() & 0xffff,
        );
        if state != self.told {
            self.story.push(brief(&format!("= {state}")));
            self.told = state;
        }
    }

    fn node(&mut self, place: Place, input: AdapterInput) {
        let kind = self.topology.adapters[place.1].kind;
        let transmits = self.topology.capabilities(AdapterId::from(place.1));
        let transmits = transmits.has(Capabilities::TRANSMIT);
        let number = u32::try_from(place.0 * 100 + place.1).expect("a small town");
        let new =
            || Node { adapter: AnyAdapter::new(kind), proxy: TransportProxy::numbered(number) };
        match &input {
            AdapterInput::TransmitMessage { message, .. } => {
                let (document, left) = (message.document, message.retries_left);
                let exchange = message.exchange;
                self.tell("transmit", &(place, document, message.bytes, left, exchange));
            }
            AdapterInput::Arrived { .. }
            | AdapterInput::WireDone { .. }
            | AdapterInput::BatchComplete(_)
            | AdapterInput::Wake { .. } => {}
            other => {
                let (place, other) = (place, other.clone());
                self.tell("call", &(place, other));
            }
        }
        let node = self.nodes.entry(place).or_insert_with(new);
        if matches!(input, AdapterInput::Terminate { .. }) {
            node.proxy.terminate(transmits || matches!(kind, AdapterKind::Request(_)));
        }
        node.adapter.handle_input(self.now, input, &mut node.proxy);
        let outputs: Vec<_> = std::iter::from_fn(|| node.proxy.poll_output()).collect();
        for output in outputs {
            self.carry(place, output);
        }
    }

    fn carry(&mut self, place: Place, output: AdapterOutput) {
        let host = place.0;
        let adapter = AdapterId::from(place.1);
        let input = match output {
            AdapterOutput::Abort { transaction } => {
                return self.ring.push_back(Next::End(place, transaction, false));
            }
            AdapterOutput::Commit { transaction } => {
                let agreed = !self.votes_no && self.message_box.prepare(transaction);
                return self.later(COMMIT, Next::End(place, transaction, agreed));
            }
            AdapterOutput::Done { batch, transaction } => {
                let kinds: Vec<_> = batch.operations().iter().map(|one| one.kind()).collect();
                self.tell("done", &(place, batch.cookie(), kinds, transaction));
                let race = DoneRace::default();
                HostInput::Posted { adapter, batch, race, transaction }
            }
            AdapterOutput::ErrorInfo { of, text } => HostInput::ErrorInfo { of, text },
            AdapterOutput::Isolated(call) => HostInput::Isolated { adapter, call },
            AdapterOutput::ReceiverShuttingDown { location } => {
                self.tell("breaks", &location);
                HostInput::Location { location, act: LocationAct::Break }
            }
            AdapterOutput::Returned { call, returned } => {
                if matches!(returned, Returned::Failed | Returned::Terminated) {
                    self.tell("returns", &(place, returned));
                }
                HostInput::Returned { call, returned }
            }
            AdapterOutput::Wake { at, token } => {
                let after = Duration::from_nanos(at.as_nanos() - self.now.as_nanos());
                return self.later(after, Next::Node(place, AdapterInput::Wake { token }));
            }
            AdapterOutput::Watch { location } => {
                let endpoint = self.topology.receive_locations[location.index()].endpoint;
                self.watchers.insert(endpoint.index(), (place, location));
                return self.notify(endpoint.index());
            }
            AdapterOutput::Wire { token, request } => {
                return self.later(WIRE, Next::Wire(place, token, request));
            }
            AdapterOutput::CompletionFailed { cookie } => {
                return self.tell("completion failed", &cookie);
            }
            AdapterOutput::Confirm { of, committed } => {
                return self.tell("confirms", &(of, committed));
            }
        };
        self.ring.push_back(Next::Host(host, input));
    }

    fn wire(&mut self, place: Place, token: u64, request: WireRequest) {
        let result = match request {
            WireRequest::Fetch { endpoint, messages, bytes, transaction, .. } => {
                self.fetch(endpoint, (messages, bytes), transaction)
            }
            WireRequest::Leave { endpoint, messages } => {
                for message in messages.into_iter().rev() {
                    self.sources.entry(endpoint.index()).or_default().push_front(message);
                }
                return self.notify(endpoint.index());
            }
            WireRequest::Remove { numbers, .. } => {
                self.tell("removes", &numbers);
                WireResult::Removed
            }
            WireRequest::Resolve(sent) => match self.takes(&sent) {
                true => WireResult::Resolved(u64::from(sent.endpoint.0) / 2),
                false => WireResult::Refused,
            },
            WireRequest::Respond { request, answer, .. } => {
                let said = match answer {
                    Answer::Response(sent) => format!("response {}", sent.document),
                    other => format!("{other:?}"),
                };
                self.tell("client", &(request, said));
                WireResult::Sent
            }
            WireRequest::Transmit(sent) => {
                let (to, document) = (sent.endpoint, sent.document);
                let takes = self.takes(&sent);
                self.tell("partner", &(to, document, sent.on_backup, takes));
                match takes {
                    false => WireResult::Refused,
                    true if sent.two_way => WireResult::Replied(Box::new(reply(&sent))),
                    true => WireResult::Sent,
                }
            }
        };
        self.ring.push_back(Next::Node(place, AdapterInput::WireDone { token, result }));
    }

    fn takes(&self, sent: &Transmission) -> bool {
        match self.partners.get(&sent.endpoint.index()).copied().unwrap_or_default() {
            Partner::Takes => true,
            Partner::Refuses => false,
            Partner::RefusesUntil(left) => sent.retries_left < left,
            Partner::RefusesOdd => sent.document.wire.is_multiple_of(2),
        }
    }

    fn fetch(
        &mut self,
        endpoint: EndpointId,
        (most, bytes_most): (u32, u64),
        transaction: Option<TransactionId>,
    ) -> WireResult {
        let source = self.sources.entry(endpoint.index()).or_default();
        let (mut messages, mut bytes) = (Vec::new(), 0);
        while messages.len() < most as usize
            && let Some(next) = source.front()
        {
            bytes += next.parts.bytes();
            if !messages.is_empty() && bytes > bytes_most {
                break;
            }
            messages.extend(source.pop_front());
        }
        let more = !source.is_empty();
        if let Some(transaction) = transaction {
            let (_, read) =
                self.read.entry(transaction).or_insert_with(|| (endpoint.index(), Vec::new()));
            read.extend(messages.iter().cloned());
        }
        let numbers: Vec<u64> = messages.iter().map(|message| message.number).collect();
        self.tell("fetched", &(endpoint, numbers, more));
        WireResult::Fetched { messages, more }
    }

    fn end(&mut self, place: Place, transaction: TransactionId, committed: bool) {
        self.tell("transaction", &(transaction, committed));
        let read = self.read.remove(&transaction);
        if committed {
            self.message_box.commit_transaction(self.now, transaction);
        } else {
            self.message_box.abort_transaction(self.now, transaction);
            if let Some((endpoint, messages)) = read {
                for message in messages.into_iter().rev() {
                    self.sources.entry(endpoint).or_default().push_front(message);
                }
            }
        }
        self.absorb();
        let input = HostInput::TransactionDone { transaction, committed };
        self.ring.push_back(Next::Host(place.0, input));
        let input = AdapterInput::TransactionDone { transaction, committed };
        self.ring.push_back(Next::Node(place, input));
    }

    /// What an operator may see, at the end of a scene.
    pub(crate) fn survey(&mut self, title: &str) {
        self.story.push(format!("------ {title}"));
        for at in 0..self.hosts.len() {
            let (gauges, threads) = (self.hosts[at].gauges(), self.hosts[at].thread_gauge());
            self.tell("host", &(at, self.hosts[at].life(), gauges, threads));
            let locked = self.message_box.locked_to(HostInstanceId::from(at));
            self.tell("locks", &locked);
        }
        for own in self.message_box.service_instances(self.now) {
            self.tell("instance", &own);
        }
        for own in self.message_box.subscriptions(self.now) {
            self.tell("subscribes", &own);
        }
        let suspended = self.message_box.suspended();
        let kept: Vec<String> = (suspended.messages.iter())
            .map(|one| {
                let (name, number, reason) = (one.name(), one.number, one.reason);
                format!("suspended {number} {name} {reason:?} {} {:?}", one.resumable, one.error)
            })
            .chain(suspended.reports.iter().map(|one| format!("report {}", one.document)))
            .collect();
        self.story.extend(kept);
        for port in (0..self.topology.send_ports.len()).map(SendPortId::from) {
            let own = &self.message_box;
            let shown = (own.ordered_backlog(port), own.port_state(port));
            self.tell("port", &(port, shown));
        }
        let own = &self.message_box;
        let shown = (own.unfinished(), own.suspended_names(), own.messages_in_database());
        self.tell("box", &shown);
    }

    /// The same process is made anew.
    pub(crate) fn restart(&mut self, at: usize) {
        self.host(at, HostInput::Start);
        for home in (0..self.message_box.boxes()).map(MessageBoxId::from) {
            if self.message_box.has_eligible(self.now, home, HostInstanceId::from(at)) {
                self.ring.push_back(Next::Host(at, HostInput::WorkAvailable { home }));
            }
        }
    }

    /// The process dies; its locks are found later.
    pub(crate) fn die(&mut self, at: usize) {
        self.hosts[at].die();
        self.forget(at);
        self.tell("dies", &at);
    }

    /// Nobody is left to whom this could matter.
    fn forget(&mut self, at: usize) {
        let gone = |next: &Next| match next {
            Next::Commit(of, ..) | Next::Host(of, _) => *of == at,
            Next::End((of, _), ..) | Next::Node((of, _), _) | Next::Wire((of, _), ..) => *of == at,
        };
        self.nodes.retain(|(of, _), _| *of != at);
        self.ring.retain(|next| !gone(next));
        self.due.retain(|_, next| !gone(next));
        self.watchers.retain(|_, ((of, _), _)| *of != at);
    }
}

/// A partner's reply.
fn reply(sent: &Transmission) -> WireMessage {
    let mut reply = wire_of(
        50_000 + sent.document.wire,
        Body::Described { bytes: u32::try_from(sent.bytes).unwrap_or(0) + 1, documents: 1 },
    );
    reply.context = Default::default();
    reply.parts = Parts::of(Body::Described { bytes: 7, documents: 1 });
    reply
}

/// Names of types that say no more than their letter.
const LETTERS: [(&str, &str); 11] = [
    ("AdapterId(", "a("),
    ("EndpointId(", "e("),
    ("HostId(", "h("),
    ("MessageBoxId(", "m("),
    ("ReceiveLocationId(", "l("),
    ("ReferenceId(", "r("),
    ("SendPortId(", "p("),
    ("SubscriberId(", "s("),
    ("Status(0)", "ok"),
    ("TransactionId(", "t("),
    ("retries_left:", "left:"),
];

/// A line without what says nothing: names of types, braces, and fields that are zero or nothing.
fn brief(line: &str) -> String {
    let mut line = line.replace("DocumentName { wire: ", "d").replace("Place { reference: ", "");
    for (long, short) in LETTERS {
        line = line.replace(long, short);
    }
    for (long, short) in [(", split: false }", ""), (", split: true }", "s")] {
        line = line.replace(long, short);
    }
    let mut out: Vec<&str> = Vec::new();
    let mut words = line.split(' ').peekable();
    while let Some(word) = words.next() {
        let says_nothing = |value: &&str| {
            matches!(value.trim_end_matches([',', ')', '}', ']']), "0" | "None" | "false")
        };
        if matches!(word, "{" | "}" | "at:" | "sequence:") {
            continue;
        }
        if word.ends_with(':') && words.peek().is_some_and(says_nothing) {
            words.next();
            continue;
        }
        out.push(word);
    }
    out.join(" ")
}
