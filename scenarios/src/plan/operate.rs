//! What an operator does while the scenario runs.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::scenario::Scenario;
use super::word::words;

words! {
    /// What an operator does.
    pub enum Act {
        /// Disables a receive location.
        Disable = "disable",
        /// A MessageBox takes no new messages that activate something (R-MMB-04).
        DisablePublication = "disable_publication",
        /// Enables it again.
        Enable = "enable",
        /// It takes them again.
        EnablePublication = "enable_publication",
        /// Enlists a send port or a group, inactive.
        Enlist = "enlist",
        /// A MessageBox cannot be reached from now on.
        MessageBoxOffline = "message_box_offline",
        /// It can be reached again.
        MessageBoxOnline = "message_box_online",
        /// Resumes what is suspended.
        Resume = "resume",
        /// Saves what is suspended into the run folder.
        Save = "save",
        /// Starts a send port or a group.
        #[default]
        Start = "start",
        /// Stops a send port or a group.
        Stop = "stop",
        /// Suspends what a send port or an orchestration has not finished.
        Suspend = "suspend",
        /// Terminates what is suspended.
        Terminate = "terminate",
        /// Unenlists a send port or a group.
        Unenlist = "unenlist",
    }
}

words! {
    /// What an act can be done to.
    pub enum Target {
        /// A receive location.
        Location = "location",
        /// A MessageBox.
        MessageBox = "message_box",
        /// An orchestration.
        Orchestration = "orchestration",
        /// A receive port: all its locations, and what its clients wait for.
        ReceivePort = "receive_port",
        /// A send port.
        #[default]
        SendPort = "send_port",
        /// A send port group.
        SendPortGroup = "send_port_group",
    }
}

impl Act {
    /// What it can be done to.
    #[must_use]
    pub const fn targets(self) -> &'static [Target] {
        match self {
            Self::Disable | Self::Enable => &[Target::Location],
            Self::Enlist | Self::Start | Self::Stop | Self::Unenlist => {
                &[Target::SendPort, Target::SendPortGroup]
            }
            Self::DisablePublication
            | Self::EnablePublication
            | Self::MessageBoxOffline
            | Self::MessageBoxOnline => &[Target::MessageBox],
            Self::Resume | Self::Save | Self::Terminate => {
                &[Target::SendPort, Target::Orchestration, Target::ReceivePort, Target::Location]
            }
            Self::Suspend => &[Target::SendPort, Target::Orchestration],
        }
    }
}

impl Target {
    /// As it is called in a sentence.
    #[must_use]
    pub const fn called(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::MessageBox => "message_box",
            Self::Orchestration => "orchestration",
            Self::ReceivePort => "receive port",
            Self::SendPort => "send port",
            Self::SendPortGroup => "send port group",
        }
    }

    /// The names of all that there are.
    #[must_use]
    pub fn names(self, scenario: &Scenario) -> Vec<&str> {
        let ports = &scenario.receive_ports;
        match self {
            Self::Location => {
                let locations = ports.iter().flat_map(|port| &port.locations);
                locations.map(|location| location.name.as_str()).collect()
            }
            Self::MessageBox => scenario.message_boxes.iter().map(|one| &*one.name).collect(),
            Self::Orchestration => scenario.orchestrations.iter().map(|one| &*one.name).collect(),
            Self::ReceivePort => ports.iter().map(|port| &*port.name).collect(),
            Self::SendPort => scenario.send_ports.iter().map(|port| &*port.name).collect(),
            Self::SendPortGroup => {
                scenario.send_port_groups.iter().map(|group| &*group.name).collect()
            }
        }
    }
}

/// One act of an operator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operate {
    /// When.
    pub at: Duration,
    /// What.
    pub act: Act,
    /// To which.
    pub to: String,
    /// What that is, where several have the name.
    pub kind: Option<Target>,
}

impl Operate {
    /// All that it may be meant for: of the right kind, and of this name.
    #[must_use]
    pub fn meant(&self, scenario: &Scenario) -> Vec<Target> {
        let asked = |target: &Target| self.kind.is_none_or(|kind| kind == *target);
        let named = |target: &Target| target.names(scenario).contains(&self.to.as_str());
        self.act.targets().iter().copied().filter(asked).filter(named).collect()
    }
}

pub(crate) static OPERATE: Shape = Shape::of(
    "operate",
    "one act of an operator",
    &[
        Row::required("at", Kind::Duration, "when"),
        Row::required(
            "do",
            Kind::Word(Act::WORDS),
            "what (R-SUB-09, R-MBX-08, R-ADD-02, R-MMB-04)",
        ),
        Row::required("to", Kind::Text, "to which port, group, orchestration, location or box"),
        Row::optional("kind", Kind::Word(Target::WORDS), "what has the name", "what that is"),
    ],
);

impl Bind for Operate {
    const SHAPE: &'static Shape = &OPERATE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("at", &mut self.at);
        b.key("do", &mut self.act);
        b.key("to", &mut self.to);
        b.key("kind", &mut self.kind);
    }
}
