//! More keys that hand a knob of the engine to a scenario, and the properties that a message has of
//! itself.

use floodgate_engine::message::{PropertyId, PropertyTable, Value};
use floodgate_scenarios::setup::setup;
use floodgate_sim::setup::{EndpointSettings, Setup};

use crate::bad_input::{GOOD, problems};
use crate::keys::{done, said, scenario};

const SECOND: u64 = 1_000_000_000;

fn made(text: &str) -> Setup {
    setup(&scenario(text), 0).unwrap()
}

fn location(text: &str) -> String {
    GOOD.replacen("[[send_port]]", &format!("{text}\n[[send_port]]"), 1)
}

#[test]
fn send_adapters_hold_no_more_than_the_high_watermark() {
    // R-DEQ-09: two at a time take five seconds for ten calls of one second, all at once take one.
    let many = GOOD.replacen("count = 1", "count = 10", 1);
    let many = many.replacen("constant = 1 }", "all_at_once = true }", 1);
    let wire = "[send_port.primary]\nwire = '1 s'";
    let many = many.replacen("[send_port.primary]", wire, 1);
    let slow = many.replacen("adapter = \"file\"\n[[load]]", "adapter = 'synthetic'\n[[load]]", 1);
    let host = |text: &str| {
        let text = format!("dequeue_batch = 1\ndequeue_threads = 1\n{text}\n[[receive_port]]");
        slow.replacen("[[receive_port]]", &text, 1)
    };
    let slowest = |text: &str| done(text).outcome.meters.ports[0].latency.max();
    let free = slowest(&host(""));
    let held = slowest(&host("watermarks = { high = 2, low = 1 }"));
    assert!(held >= free + 3 * SECOND, "{free} {held}");
    let wrong = said(&host("watermarks = { high = 2, low = 3 }"));
    assert!(wrong[0].ends_with("the low watermark is above the high one"), "{wrong:?}");
    let most = said(&host("watermarks = { high = 201, low = 3 }"));
    assert!(most[0].contains("from 1 to 200"), "{most:?}");
}

#[test]
fn a_location_says_how_its_messages_fail() {
    // R-RCV-08, R-ORD-15: what an adapter would write before it submits.
    let context = |text: &str| made(&location(text)).topology.receive_locations[0].context.clone();
    for (key, property, value) in [
        ("refuse_failed", PropertyId::ACTION_ON_FAILURE, Value::Int(0)),
        ("non_resumable", PropertyId::SUSPEND_AS_NON_RESUMABLE, Value::Bool(true)),
        ("loop_back", PropertyId::LOOPBACK, Value::Bool(true)),
    ] {
        assert_eq!(context("").read(property), None, "{key}");
        assert_eq!(context(&format!("{key} = false")).read(property), None, "{key}");
        assert_eq!(context(&format!("{key} = true")).read(property), Some(&value), "{key}");
        assert_eq!(context(&format!("{key} = true")).promoted(property), None, "{key}");
    }
}

#[test]
fn a_request_that_loops_back_is_its_own_response() {
    // R-RR-14: nobody else has to answer.
    let asks = |text: &str| {
        let text = location(text).replacen("adapter = \"file\"", "adapter = 'http'", 1);
        let text = text.replacen("about", "drain = '1 h'\nabout", 1);
        text.replacen("[[receive_port.location]]", "two_way = {}\n[[receive_port.location]]", 1)
    };
    let answers = |text: &str| done(text).outcome.meters.answers.responses;
    assert_eq!((answers(&asks("")), answers(&asks("loop_back = true"))), (0, 1));
    let found = said(&location("loop_back = true"));
    assert!(found[0].contains("'loop_back' says nothing: nobody waits"), "{found:?}");
}

#[test]
fn credentials_are_part_of_an_endpoint_that_says_so() {
    // R-ADD-04.
    let errand = |text: &str| {
        let primary = format!("[send_port.primary]\nerrand = {{ {text} }}");
        GOOD.replacen("[send_port.primary]", &primary, 1)
    };
    let credentials = |text: &str| {
        let setup = made(&errand(text));
        let found = setup.endpoints.iter().find_map(|endpoint| match endpoint {
            EndpointSettings::Sink(sink) => Some(sink.errand.credentials),
            EndpointSettings::Clients { .. } | EndpointSettings::Source { .. } => None,
        });
        found.unwrap().map(|property| setup.topology.properties.name(property).to_owned())
    };
    assert_eq!(credentials(""), None);
    let ticket = "credentials = 'BTS.SSOTicket'";
    assert_eq!(credentials(ticket).as_deref(), Some("BTS.SSOTicket"));
    let found = said(&errand(ticket));
    assert!(found[0].contains("no message has 'BTS.SSOTicket'"), "{found:?}");
}

#[test]
fn what_is_received_has_the_properties_of_the_product() {
    // R-CTX-01, R-CTX-02, R-SUB-04, R-MSG-10: by name, whether a filter sees it on a message that
    // was received and split, and whether another condition on it is refused.
    let text = location("pipeline = 'XMLReceive'\nsuspend_on_routing_failure = true");
    let asking = |filter: &str| text.replacen("BTS.ReceivePortName == \"In\"", filter, 1);
    for (condition, holds) in [
        ("BTS.InboundTransportLocation == \"In.0\"", true),
        ("BTS.InboundTransportType == \"FILE\"", true),
        ("BTS.ReceivePortID == \"In\"", true),
        ("BTS.ReceivePortName == \"In\"", true),
        ("BTS.InterchangeSequenceNumber == 1", true),
        ("BTS.MessageType == \"Document\"", true),
        ("BTS.SuspendMessageOnRoutingFailure == true", true),
        ("BTS.ReceiveLocationName exists", false),
        ("BTS.InterchangeID exists", false),
        ("BTS.MessageID exists", false),
        ("BTS.OutboundTransportLocation exists", false),
        ("BTS.OutboundTransportType exists", false),
        ("BTS.IsDynamicSend exists", false),
        ("BTS.SPID exists", false),
        ("BTS.SPName exists", false),
        ("BTS.SPGroupID exists", false),
        ("BTS.SPTransportID exists", false),
        ("BTS.SPTransportBackupID exists", false),
        ("BTS.RetryCount exists", false),
        ("BTS.RetryInterval exists", false),
        ("BTS.IsSolicitResponse exists", false),
        ("BTS.IsRequestResponse exists", false),
        ("BTS.EpmRRCorrelationToken exists", false),
        ("BTS.RouteDirectToTP exists", false),
        ("BTS.CorrelationToken exists", false),
        ("BTS.Loopback exists", false),
        ("BTS.ActionOnFailure exists", false),
        ("BTS.SuspendAsNonResumable exists", false),
        ("BTS.SuspendMessageOnMappingFailure exists", false),
        ("BTS.MessageDestination exists", false),
        ("BTS.PropertiesToUpdate exists", false),
        ("BTS.SourcePartyID exists", false),
        ("BTS.WindowsUser exists", false),
        ("BTS.SignatureCertificate exists", false),
        ("BTS.SSOTicket exists", false),
        ("BTS.EncryptionCert exists", false),
    ] {
        let found = problems(&asking(condition), &[]);
        assert_eq!(found.is_empty(), holds, "{condition}: {found:?}");
        assert!(found.iter().all(|one| one.is_warning()), "{condition}: {found:?}");
        let processed = done(&asking(condition)).outcome.meters.ports[0].processed;
        assert_eq!(processed, u64::from(holds), "{condition}");
    }
    let acks = ["Type", "ID", "OwnerID", "FailureCode", "FailureCategory", "Description"];
    let acks = acks.into_iter().chain(["SendPortID", "SendPortName", "ReceivePortID"]);
    let acks = acks.chain(["OutboundTransportLocation", "InboundTransportLocation"]);
    for name in acks.chain(["ReceivePortName"]) {
        assert!(PropertyTable::system().contains(&&*format!("BTS.Ack{name}")), "{name}");
    }
    assert!(said(&asking("BTS.AckFailureCategory == 0")).is_empty(), "it is a whole number");
}
