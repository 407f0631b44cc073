//! Ports whose settings contradict each other: what is said, whether it is an error, and by which
//! rule.

use crate::bad_input::{GOOD, problems};

#[test]
fn an_ordered_port_that_retries_without_a_wait_is_warned_of() {
    // R-ORD-16: accepted, and not valid; what is not ordered, or never retries, may do so.
    let retry = |settings: &str| format!("retry = {{ {settings} }}\n[[load]]");
    let port = |ordered: &str, settings: &str| {
        let text = GOOD.replacen("filter", &format!("{ordered}\nfilter"), 1);
        text.replacen("[[load]]", &retry(settings), 1)
    };
    let found = problems(&port("ordered = true", "interval = '0 s'"), &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0].located(),
        "t.toml:22:22: a retry interval of zero is not valid with ordered delivery"
    );
    assert!(found[0].is_warning() && found[0].advice().unwrap().contains("R-ORD-16"));
    for (ordered, settings) in [
        ("ordered = false", "interval = '0 s'"),
        ("ordered = true", "interval = '1 min'"),
        ("ordered = true", "count = 0, interval = '0 s'"),
    ] {
        assert_eq!(problems(&port(ordered, settings), &[]), [], "{ordered} {settings}");
    }
}
