//! Scenarios that are wrong: what is said of them, and that nothing makes the reader panic.

use std::fmt::Write as _;
use std::path::Path;

use floodgate_scenarios::catalogue::CATALOGUE;
use floodgate_scenarios::plan::{Problem, Problems, Profile, Scenario, profile::PROFILES};
use proptest::prelude::*;

pub(crate) const GOOD: &str = r#"about = "x"
[[server]]
name = "bts1"
[[message_box]]
name = "MsgBox"
server = "bts1"
[[host]]
name = "Host"
on = ["bts1"]
[[receive_port]]
name = "In"
[[receive_port.location]]
host = "Host"
adapter = "file"
[[send_port]]
name = "Out"
host = "Host"
filter = 'BTS.ReceivePortName == "In"'
[send_port.primary]
adapter = "file"
[[load]]
to = "In"
rate = { constant = 1 }
count = 1
"#;

pub(crate) fn problems(text: &str, overrides: &[&str]) -> Vec<Problem> {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    let found = match Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &overrides) {
        Ok(scenario) => scenario.warnings,
        Err(problems) => problems.into_vec(),
    };
    // Traps are no mistakes; `traps.rs` sets them.
    found.into_iter().filter(|one| !one.is_advice()).collect()
}

/// Checks what is said of `GOOD` with `from` replaced by `to`: all of it, and in this order.
fn check(from: &str, to: &str, said: &[&str]) {
    assert!(GOOD.contains(from), "{from} is not in the text");
    let found: Vec<String> =
        problems(&GOOD.replacen(from, to, 1), &[]).iter().map(Problem::located).collect();
    let said: Vec<String> = said.iter().map(|said| format!("t.toml:{said}")).collect();
    assert_eq!(found, said, "{from} -> {to}");
}

#[test]
fn the_text_to_be_spoiled_is_right() {
    assert_eq!(problems(GOOD, &[]), []);
}

#[test]
fn values_of_the_wrong_kind() {
    check("about = \"x\"\n", "", &["1:1: 'about' is missing in scenario"]);
    check("\"x\"", "7", &["1:9: 'about': expected a string that is not empty, found 7"]);
    check(
        "about",
        "abuot",
        &["1:1: unknown key 'abuot' in scenario", "1:1: 'about' is missing in scenario"],
    );
    check(
        "name = \"bts1\"",
        "name = \"bts1\"\ncores = 1.5",
        &["4:9: 'cores': expected a whole number from 1 to 1024, found 1.5"],
    );
    check(
        "on = [\"bts1\"]",
        "on = [\"bts1\"]\npoll = 500",
        &["10:8: 'poll': expected a duration with its unit, like \"500 ms\", found 500"],
    );
    check(
        "on = [\"bts1\"]",
        "on = \"bts1\"",
        &["9:6: 'on': expected a list; each of it a string of 1 to 240 characters, found \"bts1\""],
    );
    check(
        "adapter = \"file\"",
        "adapter = { batch = 3 }",
        &["14:11: 'kind' is missing in receive adapter"],
    );
    check(
        "{ constant = 1 }",
        "{ constant = nan }",
        &["23:21: 'constant': expected a number from 0 to 1000000000, found NaN"],
    );
    check(
        "{ constant = 1 }",
        "{ constant = -1 }",
        &["23:21: 'constant': expected a number from 0 to 1000000000, found -1"],
    );
    check("{ constant = 1 }", "{}", &["23:8: this rate says nothing"]);
    check(
        "{ constant = 1 }",
        "{ all_at_once = false }",
        &["23:24: 'all_at_once': expected true, found false"],
    );
    check(
        "{ constant = 1 }",
        "{ steps = [{ at = \"2 s\", rate = 1 }, { at = \"1 s\", rate = 1 }] }",
        &["23:18: the steps are not in order"],
    );
    check(
        "count = 1",
        "count = 99999999999999999999999999999999999999999999",
        &[
            "21:1: this load never ends",
            "24:9: 'count': expected a whole number from 1 to 1000000000000, found 1e44",
        ],
    );
    check("count = 1", "count = 1\nsize = \"10\"", &["25:8: 'size': '10' has no unit"]);
    check(
        "count = 1",
        "count = 1\nmeasure = 2024-01-01",
        &[
            "25:11: 'measure': expected a duration longer than zero with its unit, like \"500 ms\", found the date 2024-01-01",
        ],
    );
}

#[test]
fn names_that_lead_nowhere() {
    check("server = \"bts1\"", "server = \"bts2\"", &["6:10: no server is called 'bts2'"]);
    check("host = \"Host\"", "host = \"Hots\"", &["13:8: no host is called 'Hots'"]);
    check("to = \"In\"", "to = \"Inn\"", &["22:6: no receive port is called 'Inn'"]);
    check(
        "to = \"In\"",
        "to = \"In\"\nlocation = \"In.1\"",
        &["23:12: no location of receive port 'In' is called 'In.1'"],
    );
    check(
        "== \"In\"",
        "== \"Inn\"",
        &["18:10: no receive port is called 'Inn': this never matches"],
    );
    check(
        "[[load]]",
        "forward_to = \"Nowhere\"\n[[load]]",
        &["21:14: no receive port is called 'Nowhere'"],
    );
    check(
        "count = 1",
        "count = 1\n[expect]\nport = [{ name = \"Ou\" }]",
        &["26:18: no send port is called 'Ou'"],
    );
    check(
        "about = \"x\"",
        "about = \"x\"\nprofile = \"fre\"",
        &["2:11: 'profile': no cost profile called 'fre'"],
    );
    let help = problems(&GOOD.replacen("host = \"Host\"", "host = \"Hots\"", 1), &[]);
    assert_eq!(help[0].advice(), Some("did you mean 'Host'? allowed: Host"));
}

#[test]
fn parts_that_do_not_go_together() {
    let twice = "[[server]]\nname = \"bts1\"\n[[host]]";
    check("[[host]]", twice, &["8:8: a server called 'bts1' is declared twice"]);
    check("on = [\"bts1\"]", "on = []", &["9:6: host 'Host' has no server to run on"]);
    check(
        "filter = 'BTS.ReceivePortName == \"In\"'\n",
        "",
        &["15:1: send port 'Out' has no filter: nothing reaches it"],
    );
    check("count = 1\n", "", &["21:1: this load never ends"]);
    check(
        "{ constant = 1 }\ncount = 1",
        "{ all_at_once = true }\nmeasure = \"1 s\"",
        &["23:8: all at once, but how many?"],
    );
    check(
        "{ constant = 1 }\ncount = 1",
        "{ replay = \"none.csv\" }",
        &["23:19: there is no file 'none.csv' to replay"],
    );
    let location = "[[receive_port.location]]\nhost = \"Host\"\nadapter = \"file\"\n";
    check(location, "", &["19:6: receive port 'In' has no location to send to"]);
    check(
        "filter",
        "ordered = true\nbackup = { adapter = \"file\" }\nfilter",
        &["19:10: an ordered port stops sending when it tries its backup, until it is resumed"],
    );
    let fault = "count = 1\n[[fault]]\nat = \"1 s\"\nkind = \"endpoint_down\"\nlasts = \"1 s\"\nendpoint = ";
    check("count = 1", &format!("{fault}\"Out\""), &["29:12: 'Out' is not an endpoint"]);
    check(
        "count = 1",
        &format!("{fault}\"Out.backup\""),
        &["29:12: send port 'Out' has no backup transport"],
    );
}

#[test]
fn poison_that_never_bites() {
    let nobody = "no location of 'In' can fail there";
    let whole = "the interchange is not split, it has no document 2";
    let xml = "pipeline = \"XMLReceive\"";
    for (location, port, poison, said) in [
        ("", "", "stage = \"decode\"", Some(("decode", nobody, "no built-in pipeline"))),
        (xml, "", "stage = \"validate\"", Some(("validate", nobody, "validate = true"))),
        ("validate = true", "", "stage = \"validate\"", None),
        ("", "", "stage = \"disassemble\"", Some(("disassemble", nobody, "XMLReceive"))),
        (xml, "", "stage = \"disassemble\"", None),
        (xml, "", "stage = \"disassemble\", document = 2", None),
        (xml, "", "stage = \"map\"", Some(("map", nobody, "map = true"))),
        ("", "map = true", "stage = \"map\"", None),
        ("", "map = true", "stage = \"map\", document = 2", Some(("map", whole, "document 1"))),
        (xml, "map = true", "stage = \"map\", document = 2", None),
    ] {
        let text = GOOD
            .replacen("name = \"In\"\n", &format!("name = \"In\"\n{port}\n"), 1)
            .replacen("host = \"Host\"\n", &format!("host = \"Host\"\n{location}\n"), 1)
            .replacen(
                "count = 1",
                &format!("documents = 2\ncount = 1\npoison = {{ every = 1, {poison} }}"),
                1,
            );
        let found = problems(&text, &[]);
        let seen: Vec<&str> = found.iter().map(Problem::message).collect();
        let Some((stage, why, help)) = said else {
            assert_eq!(seen, [""; 0], "{location} {port} {poison}");
            continue;
        };
        assert_eq!(seen, [format!("poison in '{stage}' never bites: {why}")], "{poison}");
        assert!(found[0].is_warning() && found[0].advice().unwrap().contains(help), "{found:?}");
        assert_eq!(found[0].line(), Some(28), "{location} {port} {poison}");
    }
}

#[test]
fn poison_bites_where_the_load_goes() {
    let second = "adapter = \"file\"\n[[receive_port.location]]\nname = \"Xml\"\nhost = \"Host\"\nadapter = \"file\"\npipeline = \"XMLReceive\"";
    let text = GOOD.replacen("adapter = \"file\"", second, 1);
    let poisoned = |more: &str| {
        let poison = format!("count = 1\npoison = {{ every = 1 }}\n{more}");
        problems(&text.replacen("count = 1", &poison, 1), &[]).len()
    };
    assert_eq!(poisoned(""), 0, "one of the locations can fail");
    assert_eq!(poisoned("location = \"Xml\""), 0);
    assert_eq!(poisoned("location = \"In.0\""), 1);
}

#[test]
fn interchanges_larger_than_can_be_counted() {
    check("count = 1", "count = 1\nsize = \"4294967295 B\"", &[]);
    check(
        "count = 1",
        "count = 1\nsize = \"4 GB\"",
        &["25:8: a document of 4 GB is too large: at most 4294967295 B"],
    );
    check("count = 1", "count = 1\nsize = \"1 GB\"\ndocuments = 3", &[]);
    check(
        "count = 1",
        "count = 1\nsize = \"1 GB\"\ndocuments = 4",
        &["26:13: an interchange of 4 documents of 1 GB is too large: at most 4294967295 B"],
    );
    check(
        "count = 1",
        "count = 1\ndocuments = 1_000_000",
        &["25:13: an interchange of 1000000 documents of 10 KB is too large: at most 4294967295 B"],
    );
}

#[test]
fn more_samples_than_anyone_can_use() {
    let sampled = |interval: &str, load: &str| {
        let text = GOOD.replacen("count = 1", load, 1);
        let text =
            text.replacen("about = \"x\"", &format!("about = \"x\"\nsample = \"{interval}\""), 1);
        let found = problems(&text, &[]);
        found.iter().map(|p| (p.located(), p.advice().unwrap_or("").to_owned())).collect::<Vec<_>>()
    };
    let lasts = "start = \"1 s\"\nwarm_up = \"1 s\"\nmeasure = \"8 s\"";
    assert_eq!(sampled("10 us", lasts), []);
    assert_eq!(
        sampled("5 us", lasts),
        [(
            "t.toml:2:10: a sample every 5 us makes 2000000 samples while the loads last: at most 1000000".to_owned(),
            "take a 'sample' of \"10 us\" or more".to_owned()
        )]
    );
    assert_eq!(sampled("5 us", "count = 1\nmeasure = \"1 day\""), [], "it may end at once");
}

#[test]
fn documents_that_go_round_for_ever() {
    check(
        "[[load]]",
        "forward_to = \"In\"\n[[load]]",
        &["21:14: documents go round for ever: In → send port 'Out' → In"],
    );
    let stage = "forward_to = \"Stage\"\n[[receive_port]]\nname = \"Stage\"\nlocation = [{ host = \"Host\", adapter = \"push\" }]\n[[send_port]]\nname = \"Back\"\nhost = \"Host\"\nfilter = 'BTS.ReceivePortName == \"Stage\"'\nprimary = { adapter = \"http\", forward_to = \"In\" }\n[[load]]";
    check(
        "[[load]]",
        stage,
        &[
            "29:44: documents go round for ever: In → send port 'Out' → Stage → send port 'Back' → In",
        ],
    );
    check("[[load]]", &stage.replace("\"http\", forward_to = \"In\"", "\"http\""), &[]);
    let may = problems(
        &GOOD
            .replace("BTS.ReceivePortName == \"In\"", "BTS.InboundTransportLocation exists")
            .replacen("[[load]]", "forward_to = \"In\"\n[[load]]", 1),
        &[],
    );
    assert!(may[0].is_warning() && may[0].message().starts_with("documents may go round"));
}

#[test]
fn mistakes_of_an_override_are_shown_in_it() {
    for (set, said) in [
        ("host.Hst.poll=1s", "--set host.Hst.poll:1:6: no host is called 'Hst'"),
        ("host.Host.pol=1s", "--set host.Host.pol:1:11: unknown key 'pol' in host"),
        (
            "host.Host.poll=1",
            "--set host.Host.poll:1:16: 'poll': expected a duration with its unit, like \"500 ms\", found 1",
        ),
        ("load.7.count=1", "--set load.7.count:1:6: no load is called '7'"),
        (
            "load.In.0.count=x",
            "--set load.In.0.count:1:17: 'count': expected a whole number from 1 to 1000000000000, found \"x\"",
        ),
        ("seed.x=1", "--set seed.x:1:6: 'seed' has no key 'x'"),
        ("seed", "--set seed:1:1: an override without a value"),
        ("load.0.rate={ constant", "--set load.0.rate:1:13: not TOML: "),
        (
            "send_port.Out.filter=BTS.X = 1",
            "--set send_port.Out.filter:1:28: 'filter': expected an operator, found '='",
        ),
        ("", "--set :1:1: an override without a value"),
        ("=", "--set :1:1: unknown key '' in scenario"),
        (
            "host=1",
            "--set host:1:6: 'host': expected a list of tables, a host; every server named runs one instance of it, found 1",
        ),
    ] {
        let found = problems(GOOD, &[set]);
        let located = found.iter().map(Problem::located).find(|found| found.starts_with("--set"));
        let located = located.unwrap_or_default();
        assert!(located.starts_with(said), "{set}: {located}");
    }
}

#[test]
fn what_is_no_toml_and_what_is_no_text() {
    let found = problems("about = \n[[server]\n", &[]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((found[0].line(), found[1].line()), (Some(1), Some(2)));
    let bytes = b"about = \"x\"\n# \xff\n";
    let problems = Scenario::parse("t.toml", bytes, Path::new(""), &[]).unwrap_err();
    assert_eq!(problems.problems()[0].located(), "t.toml:2:3: the file is not UTF-8");
    let deep = format!("about = {}", "[".repeat(100_000));
    assert!(!self::problems(&deep, &[]).is_empty());
    for deep in [format!("a{} = 1", ".a".repeat(100_000)), format!("[a{}]", ".a".repeat(100_000))] {
        assert!(!self::problems(&deep, &[]).is_empty());
    }
    let log = "12:00:01 something happened\n".repeat(100_000);
    assert_eq!(self::problems(&log, &[]).len(), 101);
}

#[test]
fn profiles_are_read_as_strictly() {
    let text = "about = \"x\"\n[cost.sql_rwo]\nvalue = \"1 us\"\nsource = \"s\"\n[cost.sql_kb]\nvalue = 1\n";
    let problems = Profile::parse("p", "p.toml", text.as_bytes()).unwrap_err();
    let said: Vec<String> = problems.problems().iter().map(Problem::located).collect();
    assert_eq!(
        said,
        [
            "p.toml:2:7: unknown key 'sql_rwo' in cost",
            "p.toml:5:1: 'source' is missing in coefficient",
            "p.toml:6:9: 'value': expected a duration with its unit, like \"500 ms\", found 1",
        ]
    );
}

/// Prints everything there is to print of the problems.
fn print(problems: &Problems) {
    for problem in problems.problems() {
        let mut text = String::new();
        miette::GraphicalReportHandler::new().render_report(&mut text, problem).unwrap();
        write!(text, "{}", problem.located()).unwrap();
        assert!(problem.file().is_none() || problem.line().is_some());
    }
}

/// One change of a text's bytes.
#[derive(Clone, Debug)]
enum Change {
    Cut(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Repeat(prop::sample::Index, usize),
    Set(prop::sample::Index, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    let snippets = prop::sample::select(vec![
        "\"",
        "'''",
        "[[",
        "]]",
        "=",
        ".",
        "\n",
        "é",
        "\u{0}",
        "{",
        "}",
        "-1",
        "1e309",
        "inf",
        "[a.b]",
        "\\u0041",
        "\"0 s\"",
        "[]",
        "{}",
        "true",
        "1979-05-27",
        "\r",
        "\u{feff}",
        "#",
        "\"\"\"",
        "99999999999999999999",
        "0x",
        "name = 1",
        "[[load]]",
    ]);
    prop_oneof![
        (at(), 1_usize..30).prop_map(|(at, length)| Change::Cut(at, length)),
        (at(), snippets).prop_map(|(at, text)| Change::Insert(at, text.as_bytes().to_vec())),
        (at(), prop::collection::vec(any::<u8>(), 1..4)).prop_map(|(at, b)| Change::Insert(at, b)),
        (at(), 1_usize..80).prop_map(|(at, length)| Change::Repeat(at, length)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
    ]
}

fn changed(text: &str, changes: &[Change]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for change in changes.iter().filter(|_| !text.is_empty()) {
        let place = |at: &prop::sample::Index| at.index(bytes.len().max(1)).min(bytes.len());
        match change {
            Change::Cut(at, length) => {
                let at = place(at);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Change::Insert(at, new) => {
                let at = place(at);
                bytes.splice(at..at, new.iter().copied());
            }
            Change::Repeat(at, length) => {
                let at = place(at);
                let again = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
            Change::Set(at, byte) => {
                let at = place(at);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let everything = [("", include_str!("everything.toml"))];
        let texts: Vec<_> = CATALOGUE.iter().chain(&everything).collect();
        let bytes = changed(which.get(&texts).1, &changes);
        match Scenario::parse("t.toml", &bytes, Path::new(""), &[]) {
            Ok(scenario) => {
                let expanded = scenario.expanded_toml();
                let again = Scenario::parse("t.toml", expanded.as_bytes(), Path::new(""), &[]);
                prop_assert_eq!(again.map_err(|p| p.into_vec()), Ok(scenario));
            }
            Err(problems) => print(&problems),
        }
    }

    #[test]
    fn no_bytes_make_the_profile_reader_panic(
        changes in prop::collection::vec(change(), 1..4),
    ) {
        if let Err(problems) = Profile::parse("p", "p.toml", &changed(PROFILES[1].1, &changes)) {
            print(&problems);
        }
    }

    #[test]
    fn no_override_makes_the_reader_panic(key in "[a-zA-Z0-9_.\\-é ]{0,30}", value in ".{0,20}") {
        let overrides = [format!("{key}={value}"), format!("load.0.{key}={value}"), key];
        if let Err(problems) = Scenario::parse("t.toml", GOOD.as_bytes(), Path::new(""), &overrides) {
            print(&problems);
        }
    }
}

#[test]
fn names_too_long_to_promote() {
    let long = "x".repeat(300);
    for (key, places) in [("load.0.document_type", 1), ("receive_port.In.name", 1)] {
        let found: Vec<String> =
            problems(GOOD, &[&format!("{key}={long}")]).iter().map(Problem::located).collect();
        let refused = found.iter().filter(|said| said.contains("1 to 240 characters")).count();
        assert_eq!(refused, places, "{key}: {found:?}");
    }
}

#[test]
fn transactions_that_the_product_forbids() {
    // R-TXN-08, R-TXN-13, R-TXN-17, R-ORD-17: `from` is in the last adapter of `GOOD` or the first.
    let sends = |to: &str| GOOD.replacen("[send_port.primary]\nadapter = \"file\"", to, 1);
    let send = |settings: &str| {
        sends(&format!("[send_port.primary]\nadapter = {{ transactional = true, {settings} }}"))
    };
    let receive = |settings: &str| {
        let adapter = format!("adapter = {{ transactional = true, {settings} }}\n[[send_port]]");
        GOOD.replacen("adapter = \"file\"\n[[send_port]]", &adapter, 1)
    };
    let cases = [
        (send("kind = 'file'"), "'file' adapters are not transactional"),
        (send("kind = 'synthetic', blocking = true"), "does not block"),
        (send("kind = 'synthetic'"), "a transactional adapter takes batches"),
        (receive("kind = 'push'"), "'push' adapters are not transactional"),
        (receive("kind = 'queue', on_poison = 'stop'"), "would be overtaken by other batches"),
        (
            receive("kind = 'queue', on_poison = 'suspend_on_next_read', remember = '1 ms'"),
            "would be forgotten before it is read again",
        ),
    ];
    for (text, said) in cases {
        let found: Vec<String> = problems(&text, &[]).iter().map(Problem::located).collect();
        assert!(matches!(&found[..], [one] if one.contains(said)), "{said}: {found:?}");
    }
    let good = send("kind = 'synthetic', batched = true, begins = 'in_begin_batch'");
    assert_eq!(problems(&good, &[]), []);
    assert_eq!(problems(&receive("kind = 'queue', on_poison = 'stop', batches = 1"), &[]), []);
}
