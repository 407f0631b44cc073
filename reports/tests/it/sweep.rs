//! A sweep in a terminal and in its folder.

use std::collections::BTreeMap;

use floodgate_reports::*;

use crate::page::check_self_contained;

fn metric(name: &str, unit: &str, difference: Option<(f64, bool)>) -> SweepMetric {
    SweepMetric {
        name: name.into(),
        unit: unit.into(),
        estimate: Some(0.0432),
        interval: Some([0.0421, 0.0443]),
        difference: difference.map(|(mean, _)| mean),
        difference_interval: difference.map(|(mean, _)| [mean - 0.01, mean + 0.01]),
        distinguishable: difference.is_some_and(|(_, told)| told),
        spread: None,
        difference_spread: None,
        values: vec![Some(0.0421), Some(0.0443)],
    }
}

fn row(value: &str, difference: Option<(f64, bool)>, verdict: Verdict) -> SweepRow {
    let metrics =
        vec![metric("latency_mean", "s", difference), metric("backlog_mean", "documents", None)];
    let main = &metrics[0];
    let limit = |resource: &str| Limit {
        resource: resource.into(),
        explanation: "busy 96.4 % of the time, 11.4 waiting on average".into(),
        utilisation: None,
        bound: None,
        at_least: false,
    };
    SweepRow {
        settings: BTreeMap::from([("host.Send.poll".to_owned(), value.to_owned())]),
        estimate: main.estimate,
        interval: main.interval,
        difference: main.difference,
        difference_interval: main.difference_interval,
        distinguishable: main.distinguishable,
        limit: difference.map(|_| limit("MsgBox locks")),
        verdict,
        failed: if verdict == Verdict::Pass {
            vec![]
        } else {
            vec!["INV-17 fail with seed 43".into()]
        },
        otherwise: 0,
        metrics,
    }
}

fn sweep() -> SweepRecord {
    SweepRecord {
        schema_version: SCHEMA_VERSION,
        scenario: "file_to_file".into(),
        scenario_hash: "5f0c9a7d3e2b41886a90d1c4b7e35f22".into(),
        seed: 42,
        seeds: 2,
        engine_version: "0.1.0".into(),
        metric: "latency_mean".into(),
        confidence: 0.95,
        vary: vec![Varied {
            key: "host.Send.poll".into(),
            values: ["50ms", "55ms", "500ms"].map(str::to_owned).to_vec(),
        }],
        axis: None,
        published: vec![],
        sets: 0,
        rows: vec![
            row("50ms", None, Verdict::Pass),
            row("55ms", Some((-0.0002, false)), Verdict::Pass),
            row("500ms", Some((0.505, true)), Verdict::Fail),
        ],
    }
}

#[test]
fn a_sweep_in_a_terminal() {
    insta::assert_snapshot!(sweep_summary(&sweep()));
}

#[test]
fn a_sweep_comes_back_from_its_folder() {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sweep");
    write_sweep(&dir, &sweep()).unwrap();
    assert_eq!(read_sweep(&dir).unwrap(), sweep());
}

#[test]
fn a_sweep_leaves_a_page_that_reads_by_itself() {
    let html = sweep_html(&sweep()).unwrap();
    check_self_contained(&html);
    assert_eq!(html.matches("<svg").count(), 2, "a chart a metric");
    insta::assert_snapshot!(words(&html));
}

#[test]
fn a_sweep_over_prices_says_how_far_values_and_differences_move() {
    let mut record = SweepRecord { sets: 21, ..sweep() };
    record.rows[0].metrics[0].spread = Some([0.0400, 0.0510]);
    // Told apart at the profile's prices, and the other way at others.
    record.rows[2].metrics[0].difference_spread = Some([-0.1, 0.61]);
    record.rows[2].otherwise = 3;
    let (table, page) = (sweep_summary(&record), words(&sweep_html(&record).unwrap()));
    for text in [table, page] {
        for said in [
            "21 other sets of prices",
            "Over prices",
            "40.0 to 51.0 ms",
            "-10.00 to +61.00 %",
            "distinguishable, the other way at other prices",
            "another verdict with 3 of the other sets",
        ] {
            assert!(text.contains(said), "{said} in {text}");
        }
    }
}

/// The same sweep with numbers on its axis and something published of its first metric.
fn along(name: &str, lines: Vec<SweepLine>) -> SweepRecord {
    let at = |name: &str, unit: &str, at: [f64; 3]| SweepAxis {
        name: name.into(),
        unit: unit.into(),
        at: at.to_vec(),
    };
    SweepRecord {
        axis: Some(at("host.Send.poll", "s", [0.05, 0.055, 0.5])),
        published: vec![SweepPublished {
            metric: name.into(),
            value: 0.03,
            source: "somebody's laboratory".into(),
            axis: Some(at("looks per second", "", [20.0, 18.0, 2.0])),
            lines,
        }],
        ..sweep()
    }
}

#[test]
fn a_sweep_along_numbers_is_drawn_over_them_beside_what_is_published() {
    let line = |name: &str, at, slope| SweepLine { name: name.into(), at, slope };
    let lines = vec![line("theory <low>", 0.01, 0.001), line("far above", 3.0, 0.0)];
    let html = sweep_html(&along("latency_mean", lines)).unwrap();
    check_self_contained(&html);
    let text = words(&html);
    for said in [
        "time, by looks per second",
        "mean in its interval",
        "published, 30.0 ms",
        "theory &#60;low&#62;",
        "Published: somebody&#39;s laboratory",
        "documents, by host.Send.poll",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
    let charts: Vec<&str> = html.split("<svg").collect();
    let strokes = |at: usize, colour: &str| charts[at].matches(colour).count();
    // Three settings have a bar between two strokes each.
    assert_eq!(strokes(1, "stroke=\"#0072B2\""), 9);
    // A line that would lie above the chart is left out of it.
    assert_eq!(strokes(1, "stroke=\"#D55E00\"") + strokes(1, "stroke=\"#444444\""), 2);
    assert_eq!(strokes(1, "stroke=\"#009E73\""), 0);
    assert_eq!(strokes(2, "stroke=\"#D55E00\""), 0, "nothing is published of the backlog");
}

#[test]
fn a_sweep_comes_back_from_its_page() {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sweep_page");
    write_sweep(&dir, &sweep()).unwrap();
    assert_eq!(read_sweep(&dir.join(REPORT)).unwrap(), sweep());
}

/// What a page says before its glossary, without drawings and markup: a line a cell.
fn words(html: &str) -> String {
    let body = html.split_once("<main>").expect("a body").1;
    let body = body.split_once("What each figure means").expect("a glossary").0;
    let mut text = String::new();
    for (at, drawn) in body.split("<svg").enumerate() {
        let seen = if at == 0 { drawn } else { drawn.split_once("</svg>").expect("an end").1 };
        for part in seen.split('<').map(|part| part.split_once('>').map_or(part, |cut| cut.1)) {
            let part = part.trim();
            if !part.is_empty() {
                text.push_str(part);
                text.push('\n');
            }
        }
    }
    text
}

#[test]
fn the_worst_row_is_the_exit_code() {
    let mut record = sweep();
    assert_eq!(record.exit_code(), 1);
    record.rows[2].verdict = Verdict::Unknown;
    assert_eq!(record.exit_code(), 3);
    record.rows.pop();
    assert_eq!(record.exit_code(), 0);
}
