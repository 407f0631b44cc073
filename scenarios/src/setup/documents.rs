//! How many documents an interchange of a load becomes where it arrives.
//!
//! A pipeline without a disassembler takes an interchange as one document, whatever is in it
//! (R-PIPE-10). Rates are documents per second, so they count what can arrive, as the run does.

use floodgate_engine::message::{Body, Context, Parts, PropertyTable, WireMessage};
use floodgate_engine::time::Instant;

use super::content::{described, real};
use super::pipelines::receive_pipeline;
use crate::plan::Scenario;
use crate::plan::load::Load;
use crate::plan::receive::ReceiveLocation;

/// The documents of an interchange of a load, over its kinds and over the locations that it goes
/// to in turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arriving {
    /// In the mean.
    pub mean: f64,
    /// At most.
    pub most: u32,
}

impl Arriving {
    /// Of `load`, as the locations of its receive port count them.
    #[must_use]
    pub fn of(scenario: &Scenario, load: &Load) -> Self {
        let locations = scenario.receive_port(&load.to).map_or(&[][..], |port| &port.locations);
        let is_asked =
            |at: &&ReceiveLocation| load.location.as_ref().is_none_or(|name| at.name == *name);
        let (mut sum, mut weights, mut most) = (0.0, 0.0, 1);
        for location in locations.iter().filter(is_asked) {
            let pipeline = receive_pipeline(location, &mut PropertyTable::default());
            for kind in load.kinds() {
                let body = real(load).unwrap_or_else(|| described(kind.size, kind.documents));
                let documents = pipeline.documents_in(&message(body)).max(1);
                sum += kind.weight * f64::from(documents);
                weights += kind.weight;
                most = most.max(documents);
            }
        }
        Self { mean: if weights > 0.0 { sum / weights } else { f64::from(most) }, most }
    }
}

/// A message with this content and nothing else.
fn message(body: Body) -> WireMessage {
    WireMessage {
        number: 1,
        lineage: 1,
        arrived: Instant::ZERO,
        context: Context::default(),
        parts: Parts::of(body),
        defect: None,
        seekable: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const TEXT: &str = r#"
about = "x"
server = [{ name = "a" }]
message_box = [{ name = "M", server = "a" }]
host = [{ name = "H", on = ["a"] }]
[[receive_port]]
name = "In"
location = [
  { adapter = "push", host = "H" },
  { adapter = "push", host = "H", name = "Xml", pipeline = "XMLReceive" },
]
[[load]]
to = "In"
documents = 9
rate = { constant = 1 }
count = 1
"#;

    fn arriving(changes: &[&str]) -> (f64, u32) {
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let scenario = Scenario::parse("x.toml", TEXT.as_bytes(), Path::new(""), &changes);
        let scenario = scenario.expect("it is right");
        let Arriving { mean, most } = Arriving::of(&scenario, &scenario.loads[0]);
        (mean, most)
    }

    #[test]
    fn an_interchange_is_as_many_documents_as_its_location_makes_of_it() {
        // R-PIPE-10: nothing but a disassembler splits.
        assert_eq!(arriving(&["load.0.location=In.0"]), (1.0, 1));
        assert_eq!(arriving(&["load.0.location=Xml"]), (9.0, 9));
        assert_eq!(arriving(&[]), (5.0, 9), "both in turn");
        let mix = "load.0.mix=[{ weight = 3, documents = 1 }, { weight = 1 }]";
        assert_eq!(arriving(&["load.0.location=Xml", mix]), (3.0, 9));
        let real = [
            "load.0.location=Xml",
            "load.0.body=<e><d/><d/><d/></e>",
            "receive_port.In.location.1.envelope=e",
        ];
        assert_eq!(arriving(&real), (3.0, 3));
    }
}
