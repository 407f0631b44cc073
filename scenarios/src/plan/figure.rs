//! Figures of a run, by name: what a published value is compared with.

use super::bind::Binder;
use super::row::{Kind, Row};
use super::word::words;

words! {
    /// What a figure says.
    pub enum What {
        /// CPU of some servers, for each document received.
        CpuPerDocument = "cpu.per_document",
        /// Documents transmitted in the whole run.
        DocumentsProcessed = "documents.processed",
        /// Documents received in the whole run.
        DocumentsReceived = "documents.received",
        /// Documents suspended in the whole run.
        DocumentsSuspended = "documents.suspended",
        /// From the end of the loads until the spool is empty.
        DrainTime = "drain.time",
        /// The slowest document.
        LatencyMax = "latency.max",
        /// The mean latency.
        LatencyMean = "latency.mean",
        /// The median latency.
        LatencyP50 = "latency.p50",
        /// 99 in 100 are no slower.
        LatencyP99 = "latency.p99",
        /// Rows of the spool that the cleanup jobs remove per second.
        RateCollected = "rate.collected",
        /// Documents offered per second.
        RateOffered = "rate.offered",
        /// Documents transmitted per second.
        RateProcessed = "rate.processed",
        /// Documents that one send port transmits for each of another's.
        RateRatio = "rate.ratio",
        /// Documents received per second.
        #[default]
        RateReceived = "rate.received",
        /// Rows left in the spool.
        SpoolFinal = "spool.final",
        /// Rows in the spool, on average.
        SpoolMean = "spool.mean",
        /// The most rows the spool ever had.
        SpoolPeak = "spool.peak",
        /// Rows of tracking data in the MessageBoxes, on average.
        TrackingMean = "tracking.mean",
        /// The most rows of tracking data there ever were.
        TrackingPeak = "tracking.peak",
        /// What the tracking database holds at the end.
        TrackingSize = "tracking.size",
        /// How busy some resources are, on average.
        Utilisation = "utilisation",
    }
}

/// What a figure may be asked of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Of {
    /// The whole run alone.
    Run,
    /// The whole run, or one phase of it.
    RunOrPhase,
    /// The whole run, a phase of it, or some send ports.
    RunPhaseOrPorts,
    /// The whole run, or some send ports.
    RunOrPorts,
    /// Two send ports, which have to be named.
    TwoPorts,
    /// Resources, which have to be named.
    Resources,
    /// Servers, which have to be named.
    Servers,
}

impl What {
    /// What it may be asked of.
    #[must_use]
    pub const fn of(self) -> Of {
        match self {
            Self::CpuPerDocument => Of::Servers,
            Self::DocumentsProcessed | Self::RateProcessed => Of::RunPhaseOrPorts,
            Self::DocumentsReceived
            | Self::RateOffered
            | Self::RateReceived
            | Self::SpoolFinal
            | Self::SpoolMean
            | Self::TrackingMean => Of::RunOrPhase,
            Self::DocumentsSuspended => Of::RunOrPorts,
            Self::RateRatio => Of::TwoPorts,
            Self::DrainTime
            | Self::LatencyMax
            | Self::LatencyMean
            | Self::LatencyP50
            | Self::LatencyP99
            | Self::RateCollected
            | Self::SpoolPeak
            | Self::TrackingPeak
            | Self::TrackingSize => Of::Run,
            Self::Utilisation => Of::Resources,
        }
    }

    /// The units it may be given in, and what one of each is in the first's own unit: seconds,
    /// shares, counts.
    #[must_use]
    pub const fn units(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::CpuPerDocument
            | Self::DrainTime
            | Self::LatencyMax
            | Self::LatencyMean
            | Self::LatencyP50
            | Self::LatencyP99 => {
                &[("s", 1.0), ("us", 1e-6), ("ms", 1e-3), ("min", 60.0), ("h", 3600.0)]
            }
            Self::DocumentsProcessed | Self::DocumentsReceived | Self::DocumentsSuspended => {
                &[("documents", 1.0), ("messages", 1.0)]
            }
            Self::RateCollected => &[("rows/s", 1.0)],
            Self::RateOffered | Self::RateProcessed | Self::RateReceived => {
                &[("documents/s", 1.0), ("messages/s", 1.0), ("orchestrations/s", 1.0)]
            }
            Self::RateRatio => &[("times", 1.0)],
            Self::SpoolFinal
            | Self::SpoolMean
            | Self::SpoolPeak
            | Self::TrackingMean
            | Self::TrackingPeak => &[("rows", 1.0)],
            Self::TrackingSize => &[("B", 1.0), ("MB", 1_048_576.0)],
            Self::Utilisation => &[("share", 1.0), ("%", 0.01)],
        }
    }
}

/// One figure of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// What it says.
    pub what: What,
    /// What it is asked of; the whole run if that is nothing.
    pub of: Vec<String>,
    /// The phase that it is asked of.
    pub phase: Option<String>,
}

pub(crate) const WHAT: Row = Row::required("what", Kind::Word(What::WORDS), "the figure");
pub(crate) const OF: Row = Row::default(
    "of",
    Kind::List(&Kind::Text),
    "[]",
    "servers, resources or send ports it is asked of: of rates the sum, of utilisations the mean",
);
pub(crate) const PHASE: Row =
    Row::optional("phase", Kind::Text, "the measured window", "the phase it is asked of");

impl Figure {
    /// Binds the keys of a figure within a table that has more; `false` if it says no figure that
    /// there is, and then nothing more is to be said of it.
    pub(crate) fn keys(&mut self, b: &mut Binder<'_>) -> bool {
        let mut what = Some(self.what).filter(|_| !b.reading());
        b.key("what", &mut what);
        b.key("of", &mut self.of);
        b.key("phase", &mut self.phase);
        if what.is_none() {
            *self = Self::default();
        }
        self.what = what.unwrap_or_default();
        what.is_some()
    }

    /// What one of `unit` is in the figure's own unit; of an unknown one nothing.
    #[must_use]
    pub fn worth(&self, unit: &str) -> Option<f64> {
        self.what.units().iter().find(|(known, _)| *known == unit).map(|(_, worth)| *worth)
    }

    /// As people read it: `utilisation of sql1`, `rate.received in flood`.
    #[must_use]
    pub fn title(&self) -> String {
        let mut title = self.what.word().to_owned();
        match self.of.as_slice() {
            [] => {}
            [first, .., last] if self.of.len() > 3 => {
                title.push_str(&format!(" of {first} … {last} ({})", self.of.len()));
            }
            few => title.push_str(&format!(" of {}", few.join(", "))),
        }
        if let Some(phase) = &self.phase {
            title.push_str(&format!(" in {phase}"));
        }
        title
    }
}
