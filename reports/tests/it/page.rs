//! The pages: they fetch nothing, say what every figure means, and draw whatever they are given.

use floodgate_reports::*;
use hdrhistogram::Histogram;

use crate::fixture;

/// The largest page anybody is asked to open.
const BYTES_MAX: usize = 1_000_000;

fn page() -> String {
    run_html(&fixture::record(), &fixture::samples(720), &fixture::latencies()).expect("a page")
}

fn empty() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are allowed")
}

/// A crude reading of HTML: every element is closed, in order.
fn check_well_formed(html: &str) {
    let void = ["!DOCTYPE", "meta"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some((_, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        rest = after;
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or_default();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed.trim()), "near {:?}", &after[..after.len().min(80)]);
        } else if !void.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

pub(crate) fn check_self_contained(html: &str) {
    for fetch in ["http://", "https://", "src=", "href=", "url(", "@import", "<link", "<iframe"] {
        assert!(!html.contains(fetch), "{fetch} would fetch");
    }
    assert_eq!(html.matches("<script").count(), 1, "one island and no JavaScript");
    assert!(html.contains("<script type=\"application/json\" id=\"record\">"));
    assert!(html.len() < BYTES_MAX, "{} bytes", html.len());
    check_well_formed(html);
}

#[test]
fn a_page_needs_nothing_but_itself() {
    check_self_contained(&page());
    check_self_contained(&mst_html(&fixture::mst()).unwrap());
}

#[test]
fn a_page_says_where_a_limit_is_known_only_from_below() {
    let mut mst = fixture::mst();
    assert!(mst_html(&mst).unwrap().contains("(full at 1,280/s at least)"));
    mst.next_limit.as_mut().unwrap().at_least = false;
    assert!(mst_html(&mst).unwrap().contains("(full at 1,280/s)"));
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    assert!(page() == page());
    assert!(mst_html(&fixture::mst()).unwrap() == mst_html(&fixture::mst()).unwrap());
}

#[test]
fn a_hundred_thousand_samples_stay_below_a_megabyte() {
    let mut samples = fixture::samples(100_000);
    for n in 0..100 {
        let column = Column {
            name: format!("Host Queue - Length ({n})"),
            unit: "messages".into(),
            better: Better::Lower,
        };
        samples.columns.push(column);
        for row in &mut samples.rows {
            row.values.push(row.values[1]);
        }
    }
    check_self_contained(&run_html(&fixture::record(), &samples, &fixture::latencies()).unwrap());
}

#[test]
fn every_figure_is_explained() {
    let check = |html: &str, glossary: Vec<Figure>| {
        for figure in glossary {
            assert!(!figure.definition.is_empty() && figure.definition.ends_with('.'));
            let cell = format!("<code>{}</code>", figure.path);
            assert!(html.contains(&cell), "{} is missing", figure.path);
        }
    };
    check(&page(), Record::glossary());
    check(&mst_html(&fixture::mst()).unwrap(), MstRecord::glossary());
}

#[test]
fn the_glossary_names_every_field_of_the_json() {
    fn paths(at: &str, value: &serde_json::Value, into: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (name, inner) in fields {
                    let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                    into.push(path.clone());
                    paths(&path, inner, into);
                }
            }
            serde_json::Value::Array(items) => {
                for item in items {
                    paths(&format!("{at}[]"), item, into);
                }
            }
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
    let check = |json: serde_json::Value, glossary: Vec<Figure>| {
        let mut found = Vec::new();
        paths("", &json, &mut found);
        let known: Vec<_> = glossary.into_iter().map(|figure| figure.path).collect();
        for path in found {
            let known = known.contains(&path) || path.starts_with("next_limit.");
            assert!(known, "{path} has no definition");
        }
    };
    check(serde_json::to_value(fixture::record()).unwrap(), Record::glossary());
    check(serde_json::to_value(fixture::mst()).unwrap(), MstRecord::glossary());
}

#[test]
fn numbers_have_units() {
    for figure in Record::glossary().iter().chain(&MstRecord::glossary()) {
        let seconds = figure.path.ends_with("_seconds") && figure.path != "latency_seconds";
        assert!(!seconds || figure.unit == "s", "{figure:?}");
    }
    let spool = Record::glossary().into_iter().find(|figure| figure.path == "spool.final");
    assert_eq!(spool.unwrap().unit, "rows");
}

#[test]
fn no_text_breaks_out_of_the_page() {
    const ATTACK: &str = "</script></pre><b onclick='x()'>&amp;\"<!--";
    let mut record = fixture::record();
    for text in [&mut record.scenario, &mut record.about, &mut record.scenario_text] {
        *text = ATTACK.into();
    }
    record.verdicts[0].detail = ATTACK.into();
    record.resources[0].name = ATTACK.into();
    record.ports[0].name = ATTACK.into();
    let mut samples = fixture::samples(10);
    samples.columns[5].name = ATTACK.into();
    samples.columns[5].unit = ATTACK.into();
    let html = run_html(&record, &samples, &empty()).unwrap();
    assert!(!html.contains("<b onclick"));
    assert!(!html.contains("<!--"));
    check_self_contained(&html);

    let mut mst = fixture::mst();
    mst.goal = ATTACK.into();
    mst.probes[0].evidence = ATTACK.into();
    let html = mst_html(&mst).unwrap();
    assert!(!html.contains("<b onclick"));
    check_self_contained(&html);
}

#[test]
fn short_runs_draw() {
    for rows in [0, 1, 2, 3] {
        let html = run_html(&fixture::record(), &fixture::samples(rows), &empty()).unwrap();
        check_self_contained(&html);
        assert!(!html.contains("NaN") && !html.contains("inf"), "{rows} rows");
    }
    let mut one = empty();
    one.record(1_000_000).unwrap();
    let html = run_html(&fixture::record(), &Samples::default(), &one).unwrap();
    check_self_contained(&html);
    assert!(html.contains("No samples were taken"));
}

#[test]
fn a_run_of_nothing_is_a_page() {
    let mut record = fixture::record();
    record.virtual_seconds = 0.0;
    record.verdicts.clear();
    record.resources.clear();
    record.ports.clear();
    record.latency_seconds = Latency {
        count: 0,
        mean: None,
        p50: None,
        p90: None,
        p99: None,
        p999: None,
        max: None,
        relaxations: None,
    };
    let html = run_html(&record, &Samples::default(), &empty()).unwrap();
    check_self_contained(&html);
    assert!(html.contains("Nothing was checked"));

    let mut mst = fixture::mst();
    mst.verdict = MstVerdict::Undecided;
    (mst.mst, mst.interval, mst.capacity, mst.limit) = (None, None, None, None);
    mst.probes.clear();
    let html = mst_html(&mst).unwrap();
    check_self_contained(&html);
    assert!(html.contains("No load was tried"));
}

#[test]
fn fails_come_first() {
    let html = page();
    let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(at("12 suspended, at most 0") < at("backlog drifts"));
    assert!(at("backlog drifts") < at("each all or nothing"));
    assert!(html.contains("floodgate run file_to_file --seed 42"));
}
