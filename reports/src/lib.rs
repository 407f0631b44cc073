//! Draws run records. Knows no engine and no simulator: a report needs only its record.

mod alert;
mod fate;
mod figure;
mod html;
mod latency_log;
mod mst;
mod number;
mod published;
mod record;
mod samples;
mod samples_csv;
mod sparkline;
mod spread;
mod store;
mod sweep;
mod sweep_table;
mod table;
mod verdict;

pub use fate::{AnswersUse, ClosureUse, Deliveries, Intake, SuspensionUse};
pub use figure::Figure;
pub use html::{ChartError, PageError, mst_html, run_html, sweep_html};
pub use mst::{CurvePoint, Elasticity, Limit, MstRecord, MstVerdict, Probe};
pub use published::PublishedUse;
pub use record::{
    Documents, Latency, PhaseUse, PortUse, Rate, Record, ResourceUse, SCHEMA_VERSION, Spool,
    TrackingUse, Window,
};
pub use samples::{
    BACKLOG, Better, Column, OFFERED, PROCESSED, Phase, RECEIVED, SPOOL_SIZE, SampleRow, Samples,
    WARM_UP,
};
pub use spread::{FigureSpread, SpreadUse};
pub use store::{
    LATENCY, RECORD, REPORT, SAMPLES, StoreError, read_latencies, read_mst, read_record,
    read_samples, read_sweep, write_mst, write_run, write_sweep,
};
pub use sweep::{SweepAxis, SweepLine, SweepMetric, SweepPublished, SweepRecord, SweepRow, Varied};
pub use sweep_table::sweep_summary;
pub use table::{mst_summary, run_summary};
pub use verdict::{Verdict, VerdictRow};
