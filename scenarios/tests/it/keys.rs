//! Keys that hand a knob of the engine to a scenario: each is seen to do what it says.

use std::path::Path;

use floodgate_scenarios::experiment::run::{Run, run};
use floodgate_scenarios::plan::{Problem, Scenario};

use crate::bad_input::{GOOD, problems};

const HOUR: u64 = 3_600_000_000_000;

/// The scenario, which its expanded form says again.
pub(crate) fn scenario(text: &str) -> Scenario {
    let parse = |text: &str| {
        Scenario::parse("t.toml", text.as_bytes(), Path::new(""), &[])
            .unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
    };
    let scenario = parse(text);
    assert_eq!(parse(&scenario.expanded_toml()), scenario, "{text}");
    scenario
}

pub(crate) fn done(text: &str) -> Run {
    run("t", &scenario(text)).unwrap()
}

/// Documents that the send ports transmitted, in the order of the text.
fn processed(text: &str) -> Vec<u64> {
    let ports = scenario(text).send_ports.len();
    done(text).outcome.meters.ports.iter().take(ports).map(|port| port.processed).collect()
}

pub(crate) fn said(text: &str) -> Vec<String> {
    problems(text, &[]).iter().map(Problem::located).collect()
}

/// `GOOD` with a second send port that has no filter.
fn with_second(port: &str, rest: &str) -> String {
    let second = format!(
        "[[send_port]]\nname = 'Second'\n{port}\n[send_port.primary]\nadapter = 'file'\n{rest}\n[[load]]"
    );
    GOOD.replacen("[[load]]", &second, 1)
}

#[test]
fn what_matches_the_filter_of_a_group_goes_to_every_member() {
    // R-SUB-11, R-SUB-09.
    let group = |state: &str| {
        let filter = "filter = 'BTS.ReceivePortName == \"In\"'";
        let group = format!(
            "[[send_port_group]]\nname = 'Both'\nports = ['Out', 'Second']\nstate = '{state}'\n{filter}"
        );
        with_second("host = 'Host'", &group).replacen(filter, "", 1)
    };
    // The port's own filter goes: what it gets comes by the group.
    assert_eq!(processed(&group("started")), [1, 1]);
    assert_eq!(processed(&group("bound")), [0, 0]);
    let wrong = group("started").replacen("'Second']", "'Secnd']", 1);
    let said = said(&wrong);
    assert!(said.iter().any(|said| said.ends_with("no send port is called 'Secnd'")), "{said:?}");
}

#[test]
fn a_message_waits_for_the_service_window_of_its_transport() {
    // R-SW-01.
    let window = "[send_port.primary]\nwindow = { from = '1 h', until = '2 h' }";
    let run = done(&GOOD.replacen("[send_port.primary]", window, 1).replacen(
        "about",
        "drain = '3 h'\nabout",
        1,
    ));
    let latency = &run.outcome.meters.ports[0].latency;
    assert_eq!(latency.len(), 1);
    assert!(latency.min().abs_diff(HOUR) < HOUR / 100, "{}", latency.min());
    let late = GOOD.replacen("[send_port.primary]", &window.replace("1 h", "25 h"), 1);
    assert!(said(&late)[0].ends_with("a day has 24 hours"), "{:?}", said(&late));
}

#[test]
fn a_location_fetches_nothing_before_its_start_date() {
    // R-LIFE-10.
    let active = |active: &str| {
        let location = "adapter = \"file\"\n[[send_port]]";
        let text = GOOD.replacen("about", "drain = '3 h'\nabout", 1);
        text.replacen(location, &format!("active = {active}\n{location}"), 1)
    };
    let run = done(&active("{ start = '1 h' }"));
    let latency = &run.outcome.meters.ports[0].latency;
    assert!(latency.min() >= HOUR - HOUR / 100 && latency.len() == 1, "{}", latency.min());
    let run = done(&active("{ window = { from = '2 h', until = '3 h' } }"));
    assert!(run.outcome.meters.ports[0].latency.min() >= 2 * HOUR - HOUR / 100);
    let wrong = active("{ start = '1 h', stop = '1 h' }");
    assert!(said(&wrong)[0].ends_with("it stops before it starts"), "{:?}", said(&wrong));
}

#[test]
fn messages_go_to_hosts_that_have_what_they_demand() {
    // R-CTX-08, R-PUB-05.
    let filter = "filter = 'BTS.ReceivePortName == \"In\"'";
    let two = with_second(&format!("host = 'Other'\n{filter}"), "").replacen(
        "[[receive_port]]",
        "[[host]]\nname = 'Other'\non = ['bts1']\n\
         properties = [{ property = 'Plant.Region', value = 'North' }]\n[[receive_port]]",
        1,
    );
    let demands = |demands: &str| {
        let location = "adapter = \"file\"\n[[send_port]]";
        two.replacen(location, &format!("demands = [{demands}]\n{location}"), 1)
    };
    assert_eq!(processed(&two), [1, 1]);
    let north = "{ property = 'Plant.Region', value = 'North' }";
    assert_eq!(processed(&demands(north)), [0, 1]);
    assert_eq!(processed(&demands("{ property = 'Plant.Region' }")), [1, 0]);
}

#[test]
fn an_orchestration_waits_for_the_answer_and_sends_it_on() {
    // R-SR-03.
    let filter = "filter = 'BTS.ReceivePortName == \"In\"'";
    let orchestration = format!(
        "[[orchestration]]\nname = 'Ask'\nhost = 'Host'\n{filter}\nto = 'Out'\n\
         answer = {{ to = 'Second', patience = '1 h' }}"
    );
    let text = with_second("host = 'Host'", &orchestration).replacen(
        &format!("{filter}\n[send_port.primary]"),
        "two_way = { correlated_only = true }\n[send_port.primary]\n\
         reply = { size = '1 KB', document_type = 'Answer' }",
        1,
    );
    assert_eq!(processed(&text), [1, 1]);
    let one_way = text.replacen("two_way = { correlated_only = true }\n", "", 1);
    assert!(said(&one_way).iter().any(|said| said.contains("'answer' needs")), "{one_way}");
}

#[test]
fn starting_a_port_resumes_what_its_stop_suspended_where_the_policy_says_so() {
    // R-CLK-15.
    let acts = |policy: &str| {
        let acts = "[[operate]]\nat = '1 h'\ndo = 'start'\nto = 'Out'\n[[load]]";
        let text = GOOD.replacen("[[load]]", acts, 1);
        let text = text.replacen("filter", "state = 'stopped'\nfilter", 1);
        text.replacen("about", &format!("drain = '3 h'\n{policy}\nabout"), 1)
    };
    assert_eq!(processed(&acts("")), [0]);
    assert_eq!(processed(&acts("policy = { resume_on_start = true }")), [1]);
}

#[test]
fn the_order_of_equals_may_be_drawn() {
    // R-CLK-08: one seed, two orders, and so two digests.
    let text = |policy: &str| {
        let many = GOOD.replacen("count = 1", "count = 200", 1);
        let many = many.replacen("constant = 1 }", "all_at_once = true }", 1);
        many.replacen("about", &format!("{policy}\nabout"), 1)
    };
    let digest = |policy: &str| done(&text(policy)).record.digest;
    assert_eq!(digest(""), digest("policy = { dequeue_order = 'publication' }"));
    assert_ne!(digest(""), digest("policy = { dequeue_order = 'shuffled' }"));
}
