//! What a search for the maximum sustainable throughput leaves behind: what `mst --json` prints.

use serde::{Deserialize, Serialize};

use crate::figure::{Figure, figures};
use crate::spread::{FigureSpread, SpreadUse};

/// How a search, or one probe inside it, came out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MstVerdict {
    /// The interval was found and confirmed, every invariant held; of a probe: this load can go on
    /// for ever.
    Sustainable,
    /// The backlog grows without end, or a stated goal or expectation is missed.
    Unsustainable,
    /// Sustainable from empty, but it does not recover from a backlog.
    Metastable,
    /// The engine accepted less than was offered, so the backlog waits outside.
    InputThrottled,
    /// Documents were lost or suspended.
    Lossy,
    /// An invariant of the engine was broken.
    Broken,
    /// A higher load passed where a lower one failed, so there is no single answer.
    NonMonotone,
    /// The confirmation runs contradict the search.
    Inconsistent,
    /// The budget ran out before the answer was clear.
    Undecided,
}

impl MstVerdict {
    /// What `floodgate mst` ends with when its search comes out like this.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Sustainable => 0,
            Self::Unsustainable
            | Self::Metastable
            | Self::InputThrottled
            | Self::Lossy
            | Self::Broken => 1,
            Self::NonMonotone | Self::Inconsistent | Self::Undecided => 3,
        }
    }

    /// Whether an interval with this verdict holds the true value as often as it should.
    pub const fn is_sure(self) -> bool {
        !matches!(self, Self::Broken | Self::Inconsistent | Self::NonMonotone | Self::Undecided)
    }

    /// The word the JSON uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sustainable => "sustainable",
            Self::Unsustainable => "unsustainable",
            Self::Metastable => "metastable",
            Self::InputThrottled => "input-throttled",
            Self::Lossy => "lossy",
            Self::Broken => "broken",
            Self::NonMonotone => "non-monotone",
            Self::Inconsistent => "inconsistent",
            Self::Undecided => "undecided",
        }
    }
}

figures! {
    /// One search for the maximum sustainable throughput.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct MstRecord {
        /// The form of this record; a reader refuses a form newer than its own.
        pub schema_version: u32,
        /// The name of the scenario that was searched.
        pub scenario: String,
        /// How that was asked for, for a shell: a name of the catalogue or a path, with the keys
        /// that were changed; empty where no command line did.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub asked: String,
        /// A hash of the scenario with every default expanded: equal hash, equal experiment.
        pub scenario_hash: String,
        /// The number all chance in the search was drawn from.
        pub seed: u64,
        /// The version of Floodgate that searched.
        pub engine_version: String,
        /// The highest load that goes on for ever within the goals; null when there is no single
        /// answer. Unit: documents/s.
        pub mst: Option<f64>,
        /// The low and high end between which it lies, at the stated confidence. Unit: documents/s.
        pub interval: Option<[f64; 2]>,
        /// How often an interval made this way holds the true value; null where the search says
        /// nothing for sure, and of its interval neither. Unit: share.
        pub confidence: Option<f64>,
        /// The goal that binds: the first to be missed when the load rises.
        pub goal: String,
        /// The highest throughput with work always waiting, whatever the latency. Unit:
        /// documents/s.
        pub capacity: Option<f64>,
        /// The highest load under which a backlog still drains; null when it was not searched.
        /// Unit: documents/s.
        pub recover: Option<f64>,
        /// Where that lies at the stated confidence, if a backlog makes the plant do worse. Unit:
        /// documents/s.
        #[serde(default)]
        pub recover_interval: Option<[f64; 2]>,
        /// The most users with whom the goals are shown to be met, where the load is of users who
        /// wait for their answers; null of other loads. Unit: users.
        #[serde(default)]
        pub users: Option<u64>,
        /// From there to the most users with whom they are not shown to be missed. Unit: users.
        #[serde(default)]
        pub users_interval: Option<[u64; 2]>,
        /// How many times the load of the scenario as it is written may be there, where that was
        /// searched; null where a rate was. Unit: times.
        #[serde(default)]
        pub scale: Option<f64>,
        /// From there to the least multiple that was shown to be too much. Unit: times.
        #[serde(default)]
        pub scale_interval: Option<[f64; 2]>,
        /// The documents of that multiple, in the mean of its runs. Unit: documents.
        #[serde(default)]
        pub scale_documents: Option<f64>,
        /// When they must be done, on the virtual clock: the end of the loads and what the
        /// scenario gives for the rest. Unit: s.
        #[serde(default)]
        pub scale_seconds: Option<f64>,
        /// How the search came out.
        pub verdict: MstVerdict,
        /// What stops the load from rising further.
        pub limit: Option<Limit>,
        /// What would stop it next, were the first limit lifted.
        pub next_limit: Option<Limit>,
        /// What the elasticities are of: the capacity, or the load that just meets the goal.
        #[serde(default)]
        pub elasticities_of: Option<String>,
        /// How strongly that follows each knob.
        pub elasticities: Vec<Elasticity>,
        /// How far the answer moves over the other sets of prices that fit as well, if that was
        /// found out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub spread: Option<SpreadUse>,
        /// What gets through at each backlog that is held.
        #[serde(default)]
        pub curve: Vec<CurvePoint>,
        /// Every load that was tried, in order.
        pub probes: Vec<Probe>,
        /// Documents simulated over the whole search. Unit: documents.
        pub documents_simulated: u64,
        /// How long the search took by the wall clock; nothing else depends on it. Unit: s.
        pub wall_seconds: f64,
    }

    /// What stops the load from rising further.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct Limit {
        /// The resource that is exhausted first.
        pub resource: String,
        /// Why it is the limit, in a sentence.
        pub explanation: String,
        /// How much of it is taken when the plant is full. Unit: share.
        #[serde(default)]
        pub utilisation: Option<f64>,
        /// The load at which it would be full, were nothing else in the way; where `at_least` is
        /// true, a lower bound of that. Unit: documents/s.
        #[serde(default)]
        pub bound: Option<f64>,
        /// Whether it would be full at `bound` or at more than that: what a document takes of it
        /// where nothing else is in the way could not be told.
        #[serde(default)]
        pub at_least: bool,
    }

    /// How strongly what `elasticities_of` names follows one knob.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct Elasticity {
        /// The setting that was turned.
        pub knob: String,
        /// How many per cent it rises when the setting rises by one per cent. Unit: %/%.
        pub value: f64,
        /// Where that lies at 95 % confidence; with zero inside, it is not distinguishable from
        /// nothing. Unit: %/%.
        #[serde(default)]
        pub interval: Option<[f64; 2]>,
        /// The same for more of the setting and for less of it, where the two surely differ: within
        /// what it was turned by another limit takes over. Unit: %/%.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub sides: Option<[f64; 2]>,
    }

    /// What gets through when the backlog is held: as one document ends, another comes.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct CurvePoint {
        /// Documents offered and not finished, at any time. Unit: documents.
        pub backlog: u64,
        /// What gets through. Unit: documents/s.
        pub rate: f64,
    }

    /// One load that was tried.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct Probe {
        /// The load offered. Unit: documents/s.
        pub rate: f64,
        /// How long each run of the probe lasted on the virtual clock. Unit: s.
        pub seconds: f64,
        /// The seeds of its runs, one each.
        pub seeds: Vec<u64>,
        /// How the probe came out; `unsustainable` is an answer here, not a failure.
        pub verdict: MstVerdict,
        /// What the verdict rests on, in one line.
        pub evidence: String,
    }
}

impl Elasticity {
    /// Whether zero lies in the interval, so that nobody can tell it from nothing.
    pub fn is_indistinct(&self) -> bool {
        self.interval.is_some_and(|[low, high]| low <= 0.0 && high >= 0.0)
    }

    /// Both sides in words, where they surely differ.
    pub(crate) fn bent(&self) -> Option<String> {
        let [more, less] = self.sides?;
        Some(format!("{more:+.2} % upwards, {less:+.2} % downwards: another limit takes over"))
    }
}

impl MstRecord {
    /// What `floodgate mst` ends with: 0 found and confirmed, 1 something broke or is missed, 3
    /// cannot tell.
    pub const fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }

    /// Whether the answer is the mean of several runs, or a line through them, and not the middle
    /// or the end of a bracket.
    pub fn is_mean(&self) -> bool {
        /// Sums in another order differ by less.
        const ROUNDED: f64 = 1e-9;
        let is_there = |mst: f64, probe: &Probe| (probe.rate / mst - 1.0).abs() < ROUNDED;
        let is_several = |probe: &&Probe| probe.seeds.len() > 1;
        if self.users.is_some() || self.scale.is_some() {
            return false;
        }
        let mut several = self.probes.iter().filter(is_several);
        self.mst.is_some_and(|mst| several.any(|probe| is_there(mst, probe)))
    }

    /// The command that searches again.
    pub fn reproduce(&self) -> String {
        let asked = if self.asked.is_empty() { &self.scenario } else { &self.asked };
        format!("floodgate mst {asked} --seed {}", self.seed)
    }

    /// Every figure of a search with its definition, in the order of the JSON.
    pub fn glossary() -> Vec<Figure> {
        let inner = |path: &str| match path {
            "limit" => Limit::figures("limit."),
            "elasticities" => Elasticity::figures("elasticities[]."),
            "spread" => SpreadUse::figures("spread.")
                .into_iter()
                .chain(FigureSpread::figures("spread.figures[]."))
                .collect(),
            "curve" => CurvePoint::figures("curve[]."),
            "probes" => Probe::figures("probes[]."),
            _ => Vec::new(),
        };
        Self::figures("")
            .into_iter()
            .flat_map(|figure| {
                let inner = inner(&figure.path);
                std::iter::once(figure).chain(inner)
            })
            .collect()
    }
}
