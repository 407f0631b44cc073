//! What a sweep leaves behind: what `sweep --json` prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::figure::{Figure, figures};
use crate::mst::Limit;
use crate::verdict::Verdict;

figures! {
    /// One what-if table: every setting, run with the same seeds.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct SweepRecord {
        /// The form of this record; a reader refuses a form newer than its own.
        pub schema_version: u32,
        /// The name of the scenario that was varied.
        pub scenario: String,
        /// A hash of the scenario before it was varied: equal hash, equal experiment.
        pub scenario_hash: String,
        /// The first seed; each replication takes the next one, the same for every setting.
        pub seed: u64,
        /// Replications of every setting. Unit: runs.
        pub seeds: u32,
        /// The version of Floodgate that ran the sweep.
        pub engine_version: String,
        /// The metric that `estimate`, `interval` and `difference` of a row are about.
        pub metric: String,
        /// How often an interval made this way holds the true value, each taken by itself. Unit:
        /// share.
        pub confidence: f64,
        /// The keys that were varied, in the order given.
        pub vary: Vec<Varied>,
        /// Where the settings stand, if one key is varied and its values are numbers; null
        /// otherwise.
        #[serde(default)]
        pub axis: Option<SweepAxis>,
        /// What was published of the metrics.
        #[serde(default)]
        pub published: Vec<SweepPublished>,
        /// Other sets of prices that fit what was published as well, if every setting ran with
        /// them too. Unit: sets.
        #[serde(default)]
        pub sets: u64,
        /// Every setting: all combinations, the last key changing fastest.
        pub rows: Vec<SweepRow>,
    }

    /// One key and the values it took.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct Varied {
        /// The key, as `--set` would name it.
        pub key: String,
        /// Its values; the first is what the others are compared with.
        pub values: Vec<String>,
    }

    /// Where the settings of a sweep stand.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct SweepAxis {
        /// What the axis counts: the key, or what the scenario says in its place.
        pub name: String,
        /// What it is counted in; empty for a plain number.
        pub unit: String,
        /// The place of every setting, in the order of the rows.
        pub at: Vec<f64>,
    }

    /// What was published of a metric.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct SweepPublished {
        /// The metric.
        pub metric: String,
        /// What was published, in the unit of the metric.
        pub value: f64,
        /// Where it was published.
        pub source: String,
        /// What the metric depends on, if the scenario says that and it is what was varied.
        pub axis: Option<SweepAxis>,
        /// Lines of theory over that axis.
        pub lines: Vec<SweepLine>,
    }

    /// A straight line to hold a metric against.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct SweepLine {
        /// What it says.
        pub name: String,
        /// The metric where the axis is zero.
        pub at: f64,
        /// How much more it is where the axis is one more.
        pub slope: f64,
    }

    /// One setting.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct SweepRow {
        /// What was set: value by key.
        pub settings: BTreeMap<String, String>,
        /// The mean of the metric over the replications; null when some replication had none.
        pub estimate: Option<f64>,
        /// Where the mean lies, at the stated confidence.
        pub interval: Option<[f64; 2]>,
        /// The mean of the relative differences to the first row, seed by seed; null in the first
        /// row and where the first row has a zero. Unit: share.
        pub difference: Option<f64>,
        /// Where the difference lies, at the stated confidence. Unit: share.
        pub difference_interval: Option<[f64; 2]>,
        /// Whether the interval of the difference leaves out zero.
        pub distinguishable: bool,
        /// What limits most of the replications.
        pub limit: Option<Limit>,
        /// The worst verdict of the replications.
        pub verdict: Verdict,
        /// What did not pass, and with which seed.
        pub failed: Vec<String>,
        /// With how many of the other sets of prices the verdict is another. Unit: sets.
        #[serde(default)]
        pub otherwise: u64,
        /// Every metric of the row, the one above included.
        pub metrics: Vec<SweepMetric>,
    }

    /// One metric of one setting.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct SweepMetric {
        /// Its name.
        pub name: String,
        /// What it is counted in.
        pub unit: String,
        /// As in the row.
        pub estimate: Option<f64>,
        /// As in the row.
        pub interval: Option<[f64; 2]>,
        /// As in the row. Unit: share.
        pub difference: Option<f64>,
        /// As in the row. Unit: share.
        pub difference_interval: Option<[f64; 2]>,
        /// As in the row.
        pub distinguishable: bool,
        /// The least and the greatest mean over all sets of prices, the profile's included; null
        /// where only those were asked of.
        #[serde(default)]
        pub spread: Option<[f64; 2]>,
        /// The same of the difference. Unit: share.
        #[serde(default)]
        pub difference_spread: Option<[f64; 2]>,
        /// What each replication had, in the order of the seeds.
        pub values: Vec<Option<f64>>,
    }
}

impl SweepRecord {
    /// The worst of the verdicts.
    pub fn verdict(&self) -> Verdict {
        Verdict::overall(self.rows.iter().map(|row| row.verdict))
    }

    /// What `floodgate sweep` ends with: 0 every verdict passes, 1 some fails, 3 some is unknown
    /// and none fails.
    pub fn exit_code(&self) -> u8 {
        self.verdict().exit_code()
    }

    /// Every figure of a sweep with its definition, in the order of the JSON.
    pub fn glossary() -> Vec<Figure> {
        let inner = |path: &str| match path {
            "vary" => Varied::figures("vary[]."),
            "axis" => SweepAxis::figures("axis."),
            "published" => SweepPublished::figures("published[]."),
            "rows" => SweepRow::figures("rows[]."),
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
