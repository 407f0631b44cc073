//! What one run leaves behind: the summary that `run --json` prints and every report is drawn from.

use serde::{Deserialize, Serialize};

use crate::fate::{AnswersUse, ClosureUse, Deliveries, Intake, SuspensionUse};
use crate::figure::{Figure, figures};
use crate::published::PublishedUse;
use crate::spread::{FigureSpread, SpreadUse};
use crate::verdict::{Verdict, VerdictRow};

/// The version of the record's form that this crate writes; it reads this one and all before it.
pub const SCHEMA_VERSION: u32 = 1;

figures! {
    /// One run, summed up.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct Record {
        /// The form of this record; a reader refuses a form newer than its own.
        pub schema_version: u32,
        /// The name of the scenario that ran.
        pub scenario: String,
        /// How that was asked for, for a shell: a name of the catalogue or a path, with the keys
        /// that were changed; empty where no command line did.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub asked: String,
        /// What the scenario is about, in its author's words.
        pub about: String,
        /// A hash of the scenario with every default expanded: equal hash, equal experiment.
        pub scenario_hash: String,
        /// The scenario as it ran, every default and override expanded, as TOML.
        pub scenario_text: String,
        /// The number all chance in the run was drawn from.
        pub seed: u64,
        /// The cost profile: what each unit of work costs.
        pub profile: String,
        /// A hash over every event of the engine: equal digest, equal behaviour, event by event.
        pub digest: String,
        /// The version of Floodgate that ran the scenario.
        pub engine_version: String,
        /// How long the run lasted on the virtual clock. Unit: s.
        pub virtual_seconds: f64,
        /// How long the simulator took for it by the wall clock; nothing else depends on it. Unit:
        /// s.
        pub wall_seconds: f64,
        /// The measured window: what lies before it is warm-up and counts towards no rate or
        /// latency.
        pub window: Window,
        /// What the run went through, oldest first: as planned, or warm-up, measure and drain.
        #[serde(default)]
        pub phases: Vec<PhaseUse>,
        /// Where the documents of the whole run ended up.
        pub documents: Documents,
        /// What became of the documents that came to receive locations.
        #[serde(default)]
        pub intake: Intake,
        /// What became of what subscribers were to get.
        #[serde(default)]
        pub deliveries: Deliveries,
        /// What was suspended where and why.
        #[serde(default)]
        pub suspensions: Vec<SuspensionUse>,
        /// Receive locations that their adapters closed, if there are any.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub closures: Vec<ClosureUse>,
        /// What clients that wait were told, if any wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub answers: Option<AnswersUse>,
        /// Mean rates over the measured window, per virtual second.
        pub rate: Rate,
        /// From the intended arrival to the wire's success, retries included; a sample per document
        /// and subscription.
        pub latency_seconds: Latency,
        /// Rows in the MessageBox spool, waiting garbage included.
        pub spool: Spool,
        /// Tracking, where anything is tracked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub tracking: Option<TrackingUse>,
        /// Every machine part that work can queue for.
        pub resources: Vec<ResourceUse>,
        /// Every send port.
        pub ports: Vec<PortUse>,
        /// Published values beside the simulated ones; they judge nothing.
        #[serde(default)]
        pub published: Vec<PublishedUse>,
        /// How far the figures move over the other sets of prices that fit as well, if that was
        /// found out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub spread: Option<SpreadUse>,
        /// Every check and expectation that could be judged.
        pub verdicts: Vec<VerdictRow>,
        /// Checks that saw no occasion in this run, and so say nothing.
        pub not_exercised: Vec<String>,
    }

    /// The measured window on the virtual clock.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct Window {
        /// Where the measured window begins: the end of warm-up. Unit: s.
        pub from_seconds: f64,
        /// Where the measured window ends. Unit: s.
        pub to_seconds: f64,
    }

    /// What happened in one phase of a run.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct PhaseUse {
        /// Its name.
        pub name: String,
        /// What it is for: prime, warm_up, fill, hold, flood or drain.
        pub kind: String,
        /// Where it begins. Unit: s.
        pub from_seconds: f64,
        /// Where it ends. Unit: s.
        pub to_seconds: f64,
        /// Documents that the loads offered in it. Unit: documents.
        pub offered: u64,
        /// Documents accepted into the MessageBox in it. Unit: documents.
        pub received: u64,
        /// Documents transmitted in it, one for each subscription. Unit: documents.
        pub processed: u64,
        /// Documents that were offered and not finished at its end. Unit: documents.
        pub backlog: u64,
        /// The rows in the spool at its end. Unit: rows.
        pub spool: u64,
        /// The mean number of rows in the spool, if the phase is measured. Unit: rows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub spool_mean: Option<f64>,
        /// The mean number of rows of tracking data in the MessageBoxes, if the phase is measured
        /// and anything is tracked. Unit: rows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub tracking_mean: Option<f64>,
    }

    /// Counts over the whole run, warm-up included.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct Documents {
        /// Documents accepted into the MessageBox, after disassembly. Unit: documents.
        pub received: u64,
        /// Documents transmitted successfully, one for each subscription they matched. Unit:
        /// documents.
        pub processed: u64,
        /// Those of them that had been transmitted before: the process that did it ended before it
        /// could say so. Unit: documents.
        #[serde(default)]
        pub repeated: u64,
        /// How often documents were put into the suspended queue, resumable or not. Unit:
        /// documents.
        pub suspended: u64,
        /// Those in the suspended queue when the run ended. Unit: documents.
        #[serde(default)]
        pub suspended_now: u64,
        /// Routing failure reports: documents that nobody subscribed to. Unit: documents.
        #[serde(default)]
        pub routing_failures: u64,
        /// Documents still on their way when the run ended. Unit: documents.
        pub unfinished: u64,
        /// Interchanges that the senders of a load gave up after all their retries: they were never
        /// offered. Unit: interchanges.
        #[serde(default)]
        pub given_up: u64,
    }

    /// Mean rates over the measured window.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct Rate {
        /// The rate at which the load was scheduled to arrive, whether or not the engine took it.
        /// Unit: documents/s.
        pub offered: f64,
        /// The rate at which the MessageBox accepted documents. Unit: documents/s.
        pub received: f64,
        /// The rate of successful transmissions, counted per subscription. Unit: documents/s.
        pub processed: f64,
    }

    /// Time from the intended arrival to the wire's success, over the measured window.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct Latency {
        /// How many latencies were measured: one per document and subscription. Unit: samples.
        pub count: u64,
        /// The mean latency; null when nothing was measured, like every figure here. Unit: s.
        pub mean: Option<f64>,
        /// Half of the samples were no slower than this. Unit: s.
        pub p50: Option<f64>,
        /// Nine in ten samples were no slower than this. Unit: s.
        pub p90: Option<f64>,
        /// 99 in 100 samples were no slower than this. Unit: s.
        pub p99: Option<f64>,
        /// 999 in 1000 samples were no slower than this. Unit: s.
        pub p999: Option<f64>,
        /// The slowest sample of all. Unit: s.
        pub max: Option<f64>,
        /// How many relaxation times of the busiest resource the window holds, where the scenario
        /// says how long documents may take and these are fewer than a hundred: a longer window
        /// may show other latencies. Unit: relaxation times.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub relaxations: Option<f64>,
    }

    /// Rows in the MessageBox spool.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct Spool {
        /// The mean number of rows in the spool over the measured window. Unit: rows.
        pub mean: f64,
        /// The most rows the spool ever held. Unit: rows.
        pub max: f64,
        /// The rows left in the spool when the run ended. Unit: rows.
        #[serde(rename = "final")]
        pub final_: f64,
        /// When the spool became empty for the last time; null if rows were left. Unit: s.
        #[serde(default)]
        pub emptied_seconds: Option<f64>,
        /// The rows that the cleanup jobs removed. Unit: rows/s over the measured window.
        #[serde(default)]
        pub collected_per_second: f64,
    }

    /// Tracking data, on its way and where it is kept.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct TrackingUse {
        /// The mean number of rows of tracking data in the MessageBoxes over the measured window.
        /// Unit: rows.
        pub rows_mean: f64,
        /// The most there ever were. Unit: rows.
        pub rows_max: f64,
        /// Those left when the run ended. Unit: rows.
        pub rows_final: f64,
        /// Messages in full that had not been copied when the run ended. Unit: messages.
        pub bodies_final: f64,
        /// Rows written into the tracking database. Unit: rows.
        pub written: u64,
        /// Rows deleted there. Unit: rows.
        pub deleted: u64,
        /// The rows that it held when the run ended. Unit: rows.
        pub held: u64,
        /// What they take, by the product's sizing page. Unit: B.
        pub bytes: u64,
        /// By how much deleting was late when it was last seen to; null if nothing was old enough.
        /// Unit: s.
        pub late_seconds: Option<f64>,
    }

    /// How busy one resource was over the measured window.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct ResourceUse {
        /// The resource: a CPU, a thread pool, a database, a disk or a link.
        pub name: String,
        /// The share of its capacity that was in use, 1 meaning always busy. Unit: share.
        pub utilisation: f64,
        /// The mean number of jobs that waited for it, those in service not counted. Unit: jobs.
        pub queue_mean: f64,
        /// The mean time a job waited before its service began. Unit: s.
        pub wait_mean: f64,
    }

    /// What one send port did.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct PortUse {
        /// The send port.
        pub name: String,
        /// Documents it transmitted successfully over the whole run. Unit: documents.
        pub processed: u64,
        /// Its rate of successful transmissions over the measured window. Unit: documents/s.
        pub rate: f64,
        /// How often the wire was tried, failures and retries included. Unit: attempts.
        pub attempts: u64,
        /// How often a message was handed back to be tried again later. Unit: messages.
        pub resubmitted: u64,
        /// Messages it gave up on and put into the suspended queue. Unit: messages.
        pub suspended: u64,
        /// The mean latency of what it transmitted; null when it transmitted nothing. Unit: s.
        pub latency_mean: Option<f64>,
        /// 99 in 100 of its latencies were no slower than this; null when it transmitted nothing.
        /// Unit: s.
        pub latency_p99: Option<f64>,
    }
}

impl PhaseUse {
    /// So many documents a second of the phase.
    pub fn per_second(&self, documents: u64) -> f64 {
        let span = self.to_seconds - self.from_seconds;
        if span > 0.0 { documents as f64 / span } else { 0.0 }
    }
}

impl Latency {
    /// What is said of a window that is too short.
    pub(crate) fn brief(&self) -> Option<String> {
        let told = |times: f64| format!("in a window of only {times:.0} relaxation times");
        self.relaxations.map(told)
    }
}

impl Record {
    /// The worst of the verdicts.
    pub fn verdict(&self) -> Verdict {
        Verdict::overall(self.verdicts.iter().map(|row| row.verdict))
    }

    /// What `floodgate run` ends with: 0 every verdict passes, 1 some fails, 3 some is unknown and
    /// none fails.
    pub fn exit_code(&self) -> u8 {
        self.verdict().exit_code()
    }

    /// The verdicts as a reader wants them: fails, then unknowns, then passes, each in their own
    /// order.
    pub fn verdicts_worst_first(&self) -> Vec<&VerdictRow> {
        let mut rows: Vec<_> = self.verdicts.iter().collect();
        rows.sort_by_key(|row| row.verdict);
        rows
    }

    /// The resources that were in use at all, the busiest first, and how many were not.
    pub fn busiest(&self) -> (Vec<&ResourceUse>, usize) {
        let in_use = |one: &&ResourceUse| {
            [one.utilisation, one.queue_mean, one.wait_mean].iter().any(|own| *own > 0.0)
        };
        let mut busiest: Vec<_> = self.resources.iter().filter(in_use).collect();
        busiest.sort_by(|a, b| b.utilisation.total_cmp(&a.utilisation));
        let idle = self.resources.len() - busiest.len();
        (busiest, idle)
    }

    /// The command that runs this again.
    pub fn reproduce(&self) -> String {
        let asked = if self.asked.is_empty() { &self.scenario } else { &self.asked };
        format!("floodgate run {asked} --seed {}", self.seed)
    }

    /// Every figure of a record with its definition, in the order of the JSON.
    pub fn glossary() -> Vec<Figure> {
        let inner = |path: &str| match path {
            "window" => Window::figures("window."),
            "phases" => PhaseUse::figures("phases[]."),
            "documents" => Documents::figures("documents."),
            "intake" => Intake::figures("intake."),
            "deliveries" => Deliveries::figures("deliveries."),
            "suspensions" => SuspensionUse::figures("suspensions[]."),
            "closures" => ClosureUse::figures("closures[]."),
            "answers" => AnswersUse::figures("answers."),
            "rate" => Rate::figures("rate."),
            "latency_seconds" => Latency::figures("latency_seconds."),
            "spool" => Spool::figures("spool."),
            "tracking" => TrackingUse::figures("tracking."),
            "resources" => ResourceUse::figures("resources[]."),
            "ports" => PortUse::figures("ports[]."),
            "published" => PublishedUse::figures("published[]."),
            "spread" => SpreadUse::figures("spread.")
                .into_iter()
                .chain(FigureSpread::figures("spread.figures[]."))
                .collect(),
            "verdicts" => VerdictRow::figures("verdicts[]."),
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
