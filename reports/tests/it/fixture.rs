//! A run and a search that look like real ones: a little over a tenth of an hour near the limit.

use floodgate_reports::*;
use hdrhistogram::Histogram;

fn run_spread() -> SpreadUse {
    SpreadUse {
        sets: 21,
        otherwise: 1,
        figures: vec![
            FigureSpread::of("rate.processed", "/s", 289.447, [280.1, 289.9].into_iter()),
            FigureSpread::of("latency.p99", "ms", 1142.3, [830.2, 4211.0].into_iter()),
            FigureSpread::of("utilisation of bts1 CPU", "%", 61.2, [58.9].into_iter()),
        ],
    }
}

fn elasticity(knob: &str, value: f64, interval: [f64; 2]) -> Elasticity {
    Elasticity { knob: knob.into(), value, interval: Some(interval), sides: None }
}

fn mst_spread() -> SpreadUse {
    let mst = FigureSpread::of("mst", "/s", 291.37, [280.2, 295.9].into_iter());
    SpreadUse { sets: 21, otherwise: 0, figures: vec![mst] }
}

/// A run with one failed check, sampled every second for twelve minutes.
pub(crate) fn record() -> Record {
    Record {
        schema_version: SCHEMA_VERSION,
        scenario: "file_to_file".into(),
        asked: String::new(),
        about: "Files in, files out, through one MessageBox".into(),
        scenario_hash: "5f0c9a7d3e2b41886a90d1c4b7e35f2290ab6cd81e4f7035".into(),
        scenario_text: SCENARIO.into(),
        seed: 42,
        profile: "reference-2010".into(),
        digest: "9b1e66a0c7f2d4385b8e0a917c64f3d2a1be5087".into(),
        engine_version: "0.1.0".into(),
        virtual_seconds: 720.0,
        wall_seconds: 1.8342,
        window: Window { from_seconds: 120.0, to_seconds: 720.0 },
        documents: Documents {
            received: 208_791,
            processed: 208_402,
            suspended: 12,
            suspended_now: 12,
            routing_failures: 0,
            unfinished: 377,
            given_up: 0,
            repeated: 0,
        },
        intake: Intake { arrived: 208_800, published: 208_791, waiting: 9, ..Intake::default() },
        deliveries: Deliveries {
            owed: 208_791,
            delivered: 208_402,
            suspended: 12,
            waiting: 377,
            ..Deliveries::default()
        },
        suspensions: vec![SuspensionUse {
            at: "Partner".into(),
            reason: "all retries are used".into(),
            code: "0xC0C0167A".into(),
            times: 12,
        }],
        closures: Vec::new(),
        answers: None,
        rate: Rate { offered: 290.0, received: 289.991, processed: 289.447 },
        latency_seconds: Latency {
            count: 173_668,
            mean: Some(0.218_41),
            p50: Some(0.171_2),
            p90: Some(0.412_7),
            p99: Some(1.142_3),
            p999: Some(300.21),
            max: Some(301.904),
            relaxations: None,
        },
        tracking: None,
        spool: Spool {
            mean: 1_843.2,
            max: 4_120.0,
            final_: 2_077.0,
            emptied_seconds: None,
            collected_per_second: 300.0,
        },
        phases: Vec::new(),
        published: Vec::new(),
        resources: resources(),
        ports: ports(),
        spread: Some(run_spread()),
        verdicts: verdicts(),
        not_exercised: vec!["INV-35".into(), "INV-48".into()],
    }
}

fn resources() -> Vec<ResourceUse> {
    let of = |name: &str, utilisation, queue_mean, wait_mean| ResourceUse {
        name: name.into(),
        utilisation,
        queue_mean,
        wait_mean,
    };
    vec![
        of("bts1 CPU", 0.4127, 0.02, 0.000_07),
        of("sql1 CPU", 0.7312, 1.41, 0.001_62),
        of("sql1 log disk", 0.9641, 11.38, 0.0131),
        of("MsgBox locks", 0.8219, 3.9, 0.0044),
        of("Send threads", 0.1188, 0.0, 0.0),
        of("Partner.primary", 0.0, 0.0, 0.0),
    ]
}

fn ports() -> Vec<PortUse> {
    vec![
        PortUse {
            name: "Partner".into(),
            processed: 208_402,
            rate: 289.447,
            attempts: 208_620,
            resubmitted: 206,
            suspended: 12,
            latency_mean: Some(0.218_41),
            latency_p99: Some(1.142_3),
        },
        PortUse {
            name: "Archive".into(),
            processed: 0,
            rate: 0.0,
            attempts: 0,
            resubmitted: 0,
            suspended: 0,
            latency_mean: None,
            latency_p99: None,
        },
    ]
}

fn verdicts() -> Vec<VerdictRow> {
    let row = |name: &str, verdict, detail: &str| VerdictRow {
        name: name.into(),
        verdict,
        detail: detail.into(),
    };
    vec![
        row("INV-17", Verdict::Pass, "208,791 received = 208,402 + 12 + 377"),
        row("INV-02", Verdict::Pass, "10,440 batches, each all or nothing"),
        row("expect.processed", Verdict::Pass, "208,402, expected at least 200,000"),
        row("expect.sustainable", Verdict::Unknown, "backlog drifts by 0.4 ± 0.6 documents/s"),
        row("expect.suspended", Verdict::Fail, "12 suspended, at most 0 allowed"),
    ]
}

/// The scenario as the record keeps it.
const SCENARIO: &str = r#"about = "Files in, files out, through one MessageBox"
profile = "reference-2010"
seed = 42

[[server]]
name = "bts1"
cores = 16

[[send_port]]
name = "Partner"
filter = 'BTS.ReceivePortName == "Orders"'
retry = { count = 3, interval = "5 min" }
"#;

/// A repeatable wobble between −1 and 1.
fn wobble(n: u64) -> f64 {
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(n | 1);
    (mixed >> 40) as f64 / (1_u64 << 23) as f64 - 1.0
}

/// The time series of a run of `rows` seconds.
pub(crate) fn samples(rows: u64) -> Samples {
    let column =
        |name: &str, unit: &str, better| Column { name: name.into(), unit: unit.into(), better };
    let row = |n: u64| {
        let ramp = (n as f64 / 20.0).min(1.0);
        let outage = if (300..390).contains(&n) { 0.45 } else { 1.0 };
        let backlog = match n {
            0..300 => 300.0 + 60.0 * wobble(n + 3),
            300..390 => 300.0 + (n - 300) as f64 * 42.0 + 60.0 * wobble(n + 3),
            _ => (4_080.0 - (n - 390) as f64 * 11.0).max(340.0) + 60.0 * wobble(n + 3),
        };
        let catching_up = if (390..700).contains(&n) { 11.0 } else { 0.0 };
        SampleRow {
            at_seconds: (n + 1) as f64,
            values: vec![
                290.0,
                ramp * (290.0 + 9.0 * wobble(n)),
                ramp * outage * (290.0 + catching_up + 14.0 * wobble(n + 1)),
                backlog * 1.4 + 200.0,
                backlog,
                41.0 + 6.0 * wobble(n + 7),
                if (300..390).contains(&n) { f64::NAN } else { 0.2 + 0.05 * wobble(n + 9) },
            ],
        }
    };
    let end = rows as f64;
    Samples {
        interval_seconds: 1.0,
        asked_seconds: None,
        columns: vec![
            column(OFFERED, "documents/s", Better::Neither),
            column(RECEIVED, "documents/s", Better::Higher),
            column(PROCESSED, "documents/s", Better::Higher),
            column(SPOOL_SIZE, "rows", Better::Lower),
            column(BACKLOG, "documents", Better::Lower),
            column("bts1 CPU", "%", Better::Neither),
            column("Outbound latency", "s", Better::Lower),
        ],
        rows: (0..rows).map(row).collect(),
        phases: vec![
            Phase {
                name: "warm-up".into(),
                measured: None,
                from_seconds: 0.0,
                to_seconds: end / 6.0,
            },
            Phase {
                name: "measure".into(),
                measured: None,
                from_seconds: end / 6.0,
                to_seconds: end,
            },
        ],
    }
}

/// Latencies in nanoseconds: a body around 170 ms, and a tail one retry away.
pub(crate) fn latencies() -> Histogram<u64> {
    let mut latencies = Histogram::new(3).expect("three digits are allowed");
    for n in 1..=173_668_u64 {
        let body = 60_000_000.0 - 90_000_000.0 * libm::log(n as f64 / 173_669.0);
        let tail = if n % 900 == 0 { 300_000_000_000.0 } else { 0.0 };
        latencies.record((body + tail) as u64).expect("a histogram that grows");
    }
    latencies
}

fn limit(resource: &str, explanation: &str) -> Limit {
    Limit {
        resource: resource.into(),
        explanation: explanation.into(),
        utilisation: Some(0.97),
        bound: Some(455.0),
        at_least: false,
    }
}

fn at_least(bound: f64, of: Limit) -> Limit {
    Limit { bound: Some(bound), at_least: true, ..of }
}

/// A search that found its answer.
pub(crate) fn mst() -> MstRecord {
    let probe = |rate, verdict, evidence: &str| Probe {
        rate,
        seconds: 600.0,
        seeds: (1..=16).collect(),
        verdict,
        evidence: evidence.into(),
    };
    use MstVerdict::{Sustainable, Undecided, Unsustainable};
    MstRecord {
        schema_version: SCHEMA_VERSION,
        scenario: "file_to_file".into(),
        asked: String::new(),
        scenario_hash: "5f0c9a7d3e2b41886a90d1c4b7e35f2290ab6cd81e4f7035".into(),
        seed: 42,
        engine_version: "0.1.0".into(),
        mst: Some(291.37),
        interval: Some([289.92, 292.81]),
        confidence: Some(0.95),
        goal: "late over 2 s at most 1 %".into(),
        capacity: Some(297.64),
        recover: Some(288.1),
        recover_interval: Some([286.9, 289.3]),
        users: None,
        users_interval: None,
        scale: None,
        scale_interval: None,
        scale_documents: None,
        scale_seconds: None,
        verdict: Sustainable,
        limit: Some(limit(
            "sql1 log disk",
            "Each document costs 3.36 ms of the log disk, which is 98 % busy at this load.",
        )),
        next_limit: Some(at_least(
            1276.5,
            limit("MsgBox locks", "Lock waits would hold at about 340 documents/s."),
        )),
        spread: Some(mst_spread()),
        elasticities_of: Some("the load that just meets the goal".into()),
        elasticities: vec![
            elasticity("server.sql1.log_disk.speed", 0.93, [0.91, 0.95]),
            Elasticity {
                sides: Some([-0.97, -0.03]),
                ..elasticity("cost.lock_row", -0.45, [-1.02, 0.06])
            },
            elasticity("host.Send.poll", -0.03, [-0.08, 0.02]),
        ],
        curve: vec![
            CurvePoint { backlog: 1, rate: 31.2 },
            CurvePoint { backlog: 8, rate: 188.6 },
            CurvePoint { backlog: 64, rate: 402.9 },
            CurvePoint { backlog: 512, rate: 441.8 },
            CurvePoint { backlog: 4096, rate: 442.3 },
        ],
        probes: vec![
            probe(150.0, Sustainable, "drift −0.01 ± 0.05 documents/s, late 0.00 %"),
            probe(225.0, Sustainable, "drift 0.02 ± 0.06 documents/s, late 0.00 %"),
            probe(262.5, Sustainable, "drift 0.01 ± 0.09 documents/s, late 0.02 %"),
            probe(300.0, Unsustainable, "drift 4.81 ± 0.31 documents/s"),
            probe(281.3, Sustainable, "late 0.21 ± 0.04 %"),
            probe(290.6, Undecided, "late 0.93 ± 0.12 %, limit 1 %"),
            probe(295.0, Unsustainable, "late 2.31 ± 0.30 %"),
            probe(288.4, Sustainable, "confirmed from empty: late 0.71 ± 0.06 %"),
            probe(294.3, Unsustainable, "confirmed: late 1.92 ± 0.11 %"),
        ],
        documents_simulated: 31_204_880,
        wall_seconds: 214.7,
    }
}
