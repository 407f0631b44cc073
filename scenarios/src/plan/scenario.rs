//! The scenario: one experiment, as plain typed data.
//!
//! Names refer to each other as names, defaults are filled in, every cross-reference has been
//! checked: nothing below re-validates.

use std::path::PathBuf;

use floodgate_engine::config::Choices;
use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::choices::CHOICES;
use super::cost::{COST, Costs};
use super::dynamic::{SEND_HANDLER, SendHandler};
use super::exchange::{Late, Response};
use super::expect::{EXPECT, Expect};
use super::fault::{FAULT, Fault};
use super::goal::{GOAL, Goal};
use super::group::{SEND_PORT_GROUP, SendPortGroup};
use super::host::{HOST, Host};
use super::life::{LIFE, Life};
use super::load::{LOAD, Load};
use super::operate::{OPERATE, Operate};
use super::orchestration::{ORCHESTRATION, Orchestration};
use super::phase::{PHASE, Phase};
use super::policy::{POLICY, Policy};
use super::problem::Problem;
use super::profile::Profile;
use super::published::{PUBLISHED, Published};
use super::receive::{RECEIVE_PORT, ReceivePort};
use super::row::{Kind, Row, Shape};
use super::send::{SEND_PORT, SendPort};
use super::server::{MESSAGE_BOX, MessageBox, SERVER, Server};
use super::tracking::{TRACKING, Tracking};
use super::transactions::{TRANSACTIONS, Transactions};
use super::word::words;

words! {
    /// Which comes first: `Done` returning, or `BatchComplete` (R-CLK-03).
    pub enum DoneOrder {
        /// BatchComplete is delivered before Done returns.
        CompleteFirst = "complete_first",
        /// Drawn from the seed, call by call.
        Drawn = "drawn",
        /// Done returns before BatchComplete is delivered.
        #[default]
        ReturnFirst = "return_first",
    }
}

words! {
    /// In which order events of one instant happen (R-CLK-01).
    pub enum Ties {
        /// As they were caused.
        #[default]
        Caused = "caused",
        /// In an order drawn from the seed: nothing promises any.
        Drawn = "drawn",
    }
}

/// Choices among schedules that the product leaves open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    /// The order of what is due at one instant.
    pub ties: Ties,
    /// Which comes first, Done returning or BatchComplete.
    pub done: DoneOrder,
    /// How long a call of the engine takes to an adapter.
    pub to_adapter: Duration,
    /// How long a call of an adapter takes to the engine.
    pub to_engine: Duration,
    /// What a response may overtake.
    pub response: Response,
    /// What becomes of a response that nobody waits for.
    pub late: Late,
}

/// One experiment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    /// What the experiment shows.
    pub about: String,
    /// The cost profile, as the profile file has it.
    pub profile: Profile,
    /// What all chance comes from.
    pub seed: u64,
    /// How long after the last load the run may go on to finish documents.
    pub drain: Duration,
    /// Documents that may wait at once; more of them end the run.
    pub waiting_max: u64,
    /// Interval of the samples.
    pub sample: Duration,
    /// Choices among schedules.
    pub schedule: Schedule,
    /// The coordinator of distributed transactions.
    pub transactions: Transactions,
    /// What becomes of processes that end.
    pub life: Life,
    /// What the product leaves open about its MessageBoxes.
    pub policy: Policy,
    /// What it leaves open about everything else.
    pub choices: Choices,
    /// Machines.
    pub servers: Vec<Server>,
    /// MessageBoxes, the master first.
    pub message_boxes: Vec<MessageBox>,
    /// Hosts.
    pub hosts: Vec<Host>,
    /// Receive ports.
    pub receive_ports: Vec<ReceivePort>,
    /// What dynamic send ports choose from.
    pub send_handlers: Vec<SendHandler>,
    /// Send ports.
    pub send_ports: Vec<SendPort>,
    /// Send port groups.
    pub send_port_groups: Vec<SendPortGroup>,
    /// Orchestrations.
    pub orchestrations: Vec<Orchestration>,
    /// What it goes through, one stretch of time after another.
    pub phases: Vec<Phase>,
    /// The tracking database, if there is one.
    pub tracking: Option<Tracking>,
    /// Loads.
    pub loads: Vec<Load>,
    /// Planned faults.
    pub faults: Vec<Fault>,
    /// What an operator does.
    pub acts: Vec<Operate>,
    /// What counts as sustained.
    pub goals: Vec<Goal>,
    /// What was measured of such a plant, to be shown beside the simulated figures.
    pub published: Vec<Published>,
    /// What the experiment must show.
    pub expect: Expect,
    /// The profile's costs with the scenario's own on top: what the simulator charges.
    pub costs: Costs,
    /// What is odd but not wrong.
    pub warnings: Vec<Problem>,
    /// The folder that relative paths start from; not part of the expanded form.
    pub folder: PathBuf,
}

static SCHEDULE: Shape = Shape::of(
    "schedule",
    "choices among schedules that the product leaves open",
    &[
        Row::default(
            "ties",
            Kind::Word(Ties::WORDS),
            "'caused'",
            "the order of events of one instant (R-CLK-01)",
        ),
        Row::default(
            "done",
            Kind::Word(DoneOrder::WORDS),
            "'return_first'",
            "which comes first, Done returning or BatchComplete (R-CLK-03)",
        ),
        Row::default(
            "to_adapter",
            Kind::Duration,
            "'0 s'",
            "how long a call of the engine takes to an adapter (R-CLK-02)",
        ),
        Row::default(
            "to_engine",
            Kind::Duration,
            "'0 s'",
            "how long a call of an adapter, or a return, takes to the engine (R-CLK-02)",
        ),
        Row::default(
            "response",
            Kind::Word(Response::WORDS),
            "'after_complete'",
            "what a response may overtake (R-CLK-04)",
        ),
        Row::default(
            "late",
            Kind::Word(Late::WORDS),
            "'refuse'",
            "what becomes of a response that nobody waits for (R-CLK-16)",
        ),
    ],
);

pub(crate) static SCENARIO: Shape = Shape::of(
    "scenario",
    "one experiment",
    &[
        Row::required("about", Kind::Prose, "what the experiment shows"),
        Row::default("profile", Kind::Text, "'free'", "the cost profile: a name or a path"),
        Row::default("seed", Kind::Integer(0, u64::MAX), "42", "what all chance comes from"),
        Row::default(
            "drain",
            Kind::Duration,
            "'10 min'",
            "how long after the last load the run may go on to finish documents",
        ),
        Row::default(
            "waiting_max",
            Kind::Integer(1, u64::MAX),
            "5_000_000",
            "documents that may wait at once, or be suspended: a run ends where they are more \
             (some 300 bytes of memory each)",
        ),
        Row::default(
            "sample",
            Kind::PositiveDuration,
            "'1 s'",
            "interval of the samples; doubled as often as a run would keep more than 20,000 of them",
        ),
        Row::default("schedule", Kind::Table(&SCHEDULE), "{}", "choices among schedules"),
        Row::default("transactions", Kind::Table(&TRANSACTIONS), "{}", "their coordinator"),
        Row::default("life", Kind::Table(&LIFE), "{}", "what becomes of processes that end"),
        Row::default("policy", Kind::Table(&POLICY), "{}", "choices about MessageBoxes"),
        Row::default("choices", Kind::Table(&CHOICES), "{}", "choices about everything else"),
        Row::required("server", Kind::Tables(&SERVER), "machines"),
        Row::required("message_box", Kind::Tables(&MESSAGE_BOX), "MessageBoxes, the master first"),
        Row::required("host", Kind::Tables(&HOST), "hosts"),
        Row::required("receive_port", Kind::Tables(&RECEIVE_PORT), "receive ports"),
        Row::default(
            "send_handler",
            Kind::Tables(&SEND_HANDLER),
            "[]",
            "what dynamic send ports choose from",
        ),
        Row::default("send_port", Kind::Tables(&SEND_PORT), "[]", "send ports"),
        Row::default(
            "send_port_group",
            Kind::Tables(&SEND_PORT_GROUP),
            "[]",
            "send port groups (R-SUB-11)",
        ),
        Row::default("orchestration", Kind::Tables(&ORCHESTRATION), "[]", "orchestrations"),
        Row::default(
            "phase",
            Kind::Tables(&PHASE),
            "[]",
            "what the experiment goes through; without any, the loads say what is measured",
        ),
        Row::optional(
            "tracking",
            Kind::Table(&TRACKING),
            "nothing is tracked",
            "the tracking database, and those who fill and empty it",
        ),
        Row::required("load", Kind::Tables(&LOAD), "who sends what"),
        Row::default("fault", Kind::Tables(&FAULT), "[]", "planned faults"),
        Row::default("operate", Kind::Tables(&OPERATE), "[]", "what an operator does"),
        Row::default("goal", Kind::Tables(&GOAL), "[]", "what counts as sustained, for mst"),
        Row::default(
            "published",
            Kind::Tables(&PUBLISHED),
            "[]",
            "published values to compare with",
        ),
        Row::default("expect", Kind::Table(&EXPECT), "{}", "what the experiment must show"),
        Row::default("cost", Kind::Table(&COST), "{}", "costs instead of the profile's"),
    ],
);

impl Bind for Scenario {
    const SHAPE: &'static Shape = &SCENARIO;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("about", &mut self.about);
        b.key("profile", &mut self.profile.name);
        b.key("seed", &mut self.seed);
        b.key("drain", &mut self.drain);
        b.key("waiting_max", &mut self.waiting_max);
        b.key("sample", &mut self.sample);
        b.key("schedule", &mut self.schedule);
        b.key("transactions", &mut self.transactions);
        b.key("life", &mut self.life);
        b.key("policy", &mut self.policy);
        b.key("choices", &mut self.choices);
        b.key("server", &mut self.servers);
        b.key("message_box", &mut self.message_boxes);
        b.key("host", &mut self.hosts);
        b.key("receive_port", &mut self.receive_ports);
        b.key("send_handler", &mut self.send_handlers);
        b.key("send_port", &mut self.send_ports);
        b.key("send_port_group", &mut self.send_port_groups);
        b.key("orchestration", &mut self.orchestrations);
        b.key("phase", &mut self.phases);
        b.key("tracking", &mut self.tracking);
        b.key("load", &mut self.loads);
        b.key("fault", &mut self.faults);
        b.key("operate", &mut self.acts);
        b.key("goal", &mut self.goals);
        b.key("published", &mut self.published);
        b.key("expect", &mut self.expect);
        b.key("cost", &mut self.costs);
    }
}

impl Bind for Schedule {
    const SHAPE: &'static Shape = &SCHEDULE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("done", &mut self.done);
        b.key("ties", &mut self.ties);
        b.key("to_adapter", &mut self.to_adapter);
        b.key("to_engine", &mut self.to_engine);
        b.key("response", &mut self.response);
        b.key("late", &mut self.late);
    }
}

impl Scenario {
    /// The server called `name`.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.name == name)
    }

    /// The host called `name`.
    #[must_use]
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// The receive port called `name`.
    #[must_use]
    pub fn receive_port(&self, name: &str) -> Option<&ReceivePort> {
        self.receive_ports.iter().find(|port| port.name == name)
    }

    /// The send port called `name`.
    #[must_use]
    pub fn send_port(&self, name: &str) -> Option<&SendPort> {
        self.send_ports.iter().find(|port| port.name == name)
    }
}
