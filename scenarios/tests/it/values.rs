//! Values that a scenario leaves to the product, each against a literal.

use floodgate_scenarios::catalogue::Source;

#[test]
fn a_send_port_has_the_defaults_of_the_product() {
    // X-06, R-BSND-07: the file adapter has a batch of its own.
    let smoke = Source::find("smoke").unwrap().read(&[]).unwrap();
    let port = &smoke.send_ports[0];
    assert_eq!((port.priority, port.primary.adapter.batch), (7, 20));
}
