//! What an operator does while the scenario runs.

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// What an operator does.
    pub enum Act {
        /// Enlists a send port, inactive.
        Enlist = "enlist",
        /// A MessageBox cannot be reached from now on.
        MessageBoxOffline = "message_box_offline",
        /// It can be reached again.
        MessageBoxOnline = "message_box_online",
        /// Resumes what is suspended at a send port.
        Resume = "resume",
        /// Saves what is suspended at a send port into the run folder.
        Save = "save",
        /// Starts a send port.
        #[default]
        Start = "start",
        /// Stops a send port.
        Stop = "stop",
        /// Terminates what is suspended at a send port.
        Terminate = "terminate",
        /// Unenlists a send port.
        Unenlist = "unenlist",
    }
}

impl Act {
    /// Whether it is done to a MessageBox, and not to a send port.
    #[must_use]
    pub const fn is_about_a_box(self) -> bool {
        matches!(self, Self::MessageBoxOffline | Self::MessageBoxOnline)
    }
}

/// One act of an operator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operate {
    /// When.
    pub at: Duration,
    /// What.
    pub act: Act,
    /// To which send port, or to which MessageBox.
    pub to: String,
}

pub(crate) static OPERATE: Shape = Shape::of(
    "operate",
    "one act of an operator",
    &[
        Row::required("at", Kind::Duration, "when"),
        Row::required("do", Kind::Word(Act::WORDS), "what (R-SUB-09, R-MBX-08, R-ADD-02)"),
        Row::required("to", Kind::Text, "the send port, or the MessageBox"),
    ],
);

impl Bind for Operate {
    const SHAPE: &'static Shape = &OPERATE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("at", &mut self.at);
        b.key("do", &mut self.act);
        b.key("to", &mut self.to);
    }
}
