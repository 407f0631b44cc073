//! Costs: what each unit of work costs. The profile gives them, a scenario may override them.

use std::collections::BTreeMap;

use floodgate_engine::time::Duration;

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// How a coefficient is known.
    pub enum Provenance {
        /// Fitted to published measurements.
        Fitted = "fitted",
        /// Measured by the live driver.
        Measured = "measured",
        /// A plausible guess, to be fitted.
        #[default]
        Prior = "prior",
        /// So by definition.
        Stipulated = "stipulated",
    }
}

/// One coefficient of a profile with its provenance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coefficient {
    /// The cost of one unit.
    pub value: Duration,
    /// Where the number comes from.
    pub source: String,
    /// How it is known.
    pub kind: Provenance,
}

static COEFFICIENT: Shape = Shape::of(
    "coefficient",
    "one coefficient with its provenance",
    &[
        Row::required("value", Kind::Duration, "the cost of one unit"),
        Row::required("source", Kind::Prose, "where the number comes from"),
        Row::default("kind", Kind::Word(Provenance::WORDS), "'prior'", "how it is known"),
    ],
);

impl Bind for Coefficient {
    const SHAPE: &'static Shape = &COEFFICIENT;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("value", &mut self.value);
        b.key("source", &mut self.source);
        b.key("kind", &mut self.kind);
    }
}

/// Declares every coefficient once: its field, its rows and its bindings.
macro_rules! coefficients {
    ($( $name:ident: $meaning:literal, )+) => {
        /// What each unit of work costs.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Costs { $( #[doc = $meaning] pub $name: Duration, )+ }

        impl Costs {
            /// The names of all coefficients.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// The coefficient called `name`.
            #[must_use]
            pub fn get(&self, name: &str) -> Option<Duration> {
                match name { $( stringify!($name) => Some(self.$name), )+ _ => None }
            }

            /// Makes `value` the coefficient called `name`, if there is one.
            pub fn set(&mut self, name: &str, value: Duration) {
                match name { $( stringify!($name) => self.$name = value, )+ _ => {} }
            }
        }

        /// `[cost]` of a scenario: bare durations, the profile's where absent.
        pub(crate) static COST: Shape = Shape::of(
            "cost",
            "what each unit of work costs, instead of what the profile says",
            &[$( Row::profile(stringify!($name), Kind::Duration, $meaning), )+],
        );

        impl Bind for Costs {
            const SHAPE: &'static Shape = &COST;

            fn bind(&mut self, b: &mut Binder<'_>) {
                $( b.key(stringify!($name), &mut self.$name); )+
            }
        }

        /// `[cost]` of a profile: a table with provenance per coefficient, zero where absent.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct Priced {
            pub(crate) costs: Costs,
            pub(crate) coefficients: BTreeMap<&'static str, Coefficient>,
        }

        pub(crate) static PRICED: Shape = Shape::of(
            "cost",
            "what each unit of work costs, each with its provenance",
            &[$( Row::optional(
                stringify!($name), Kind::Table(&COEFFICIENT), "it costs nothing", $meaning,
            ), )+],
        );

        impl Bind for Priced {
            const SHAPE: &'static Shape = &PRICED;

            fn bind(&mut self, b: &mut Binder<'_>) {
                $(
                    let mut coefficient = self.coefficients.get(stringify!($name)).cloned();
                    b.key(stringify!($name), &mut coefficient);
                    if let Some(coefficient) = coefficient {
                        self.costs.$name = coefficient.value;
                        self.coefficients.insert(stringify!($name), coefficient);
                    }
                )+
            }
        }
    };
}

coefficients! {
    receive_batch: "CPU of the BizTalk server, per received batch",
    receive_message: "CPU of the BizTalk server, per received message",
    receive_kb: "CPU of the BizTalk server, per received KB",
    xml_message: "CPU of the BizTalk server, per document through an XML pipeline",
    xml_kb: "CPU of the BizTalk server, per KB through an XML pipeline",
    map_message: "CPU of the BizTalk server, per mapped document",
    map_kb: "CPU of the BizTalk server, per mapped KB",
    map_file_kb: "CPU of the BizTalk server, per KB of a message mapped through a file (R-LMS-03)",
    send_batch: "CPU of the BizTalk server, per batch handed to a send adapter",
    send_message: "CPU of the BizTalk server, per document handed to a send adapter",
    send_kb: "CPU of the BizTalk server, per KB handed to a send adapter",
    completion_batch: "CPU of the BizTalk server, per batch of finished messages",
    completion_message: "CPU of the BizTalk server, per finished message",
    sql_transaction: "CPU of the SQL server, per transaction",
    sql_row: "CPU of the SQL server, per row written or deleted",
    sql_kb: "CPU of the SQL server, per KB written",
    idle_look: "CPU of the SQL server, per idle look of a host instance and service class",
    lock_transaction: "serial time under the MessageBox's locks, per transaction",
    lock_row: "serial time under the MessageBox's locks, per row",
    lock_kb: "serial time under the MessageBox's locks, per KB",
    sql_instance: "CPU of the SQL server, per transaction and further host instance at work there",
    lock_instance: "time under the locks, per transaction and further host instance at work there",
    instance_overlap: "what a further host instance does not add, per second that the one before it adds",
    enlist_cpu: "CPU of the BizTalk server, per database in a distributed transaction",
    enlist_sql: "CPU of the SQL server, per MessageBox in a distributed transaction",
    enlist_lock: "time under the locks, per MessageBox in a distributed transaction",
    route_cpu: "CPU of the BizTalk server, per document that the master routes to another MessageBox",
    route_document: "CPU of the master's server, per document routed to one of several MessageBoxes",
    link_transaction: "time of the network link of a MessageBox's server, per transaction",
    link_row: "time of the network link of a MessageBox's server, per row",
    link_kb: "time of the network link of a MessageBox's server, per KB",
    log_transaction: "time of the MessageBox's log disk, per transaction",
    log_row: "time of the MessageBox's log disk, per row",
    log_kb: "time of the MessageBox's log disk, per KB",
    data_transaction: "time of the MessageBox's data disk, per transaction",
    data_row: "time of the MessageBox's data disk, per row",
    data_kb: "time of the MessageBox's data disk, per KB",
    data_cold_row: "time of the MessageBox's data disk, per message that has left the cache",
    collect_sql_row: "CPU of the SQL server, per row that a MessageBox's cleanup job removes",
    collect_row: "time of the cleanup job besides, per such row",
    collect_cold_row: "time of the cleanup job besides, per such row that has left the cache",
    track_work_row: "CPU of a tracking host's server, per row of tracking data that it moves",
    track_sql_row: "CPU of the tracking database's server, per row written or deleted there",
    track_data_row: "time of the tracking database's data disk, per row written or deleted",
    track_data_cold_row: "time of that disk, per row whose pages are not in memory",
    track_data_body: "time of that disk, per message in full written or deleted",
    track_data_kb: "time of that disk, per KB of messages in full",
    runtime_pause: "pause of a BizTalk server's runtime, per second of work of a core",
    forced_collection: "pause of each core of a BizTalk server, per collection that throttling forces",
}
