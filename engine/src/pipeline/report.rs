//! What the engine says of a pipeline that failed (R-PIPE-13).

use super::{Component, Failure, ReceivePipeline, SendPipeline, Stage};

impl ReceivePipeline {
    /// The text of a failure here, on the way in by `location` of `port` (R-PIPE-13).
    #[must_use]
    pub fn report(&self, failure: Failure, port: &str, location: &str) -> String {
        let source = source(&self.stages(), failure);
        let place = format!("receive port \"{port}\", location \"{location}\"");
        text("receive", &self.name, source, &place, failure)
    }
}

impl SendPipeline {
    /// The text of a failure here, on the way out by `port` to `location` (R-PIPE-13).
    #[must_use]
    pub fn report(&self, failure: Failure, port: &str, location: &str) -> String {
        let source = source(&self.stages(), failure);
        let place = format!("send port \"{port}\", location \"{location}\"");
        text("send", &self.name, source, &place, failure)
    }
}

fn source<'a>(stages: &[(Stage, &'a [Component])], failure: Failure) -> &'a str {
    let stage = stages.iter().find(|(stage, _)| *stage == failure.stage);
    let component = stage.and_then(|(_, components)| components.get(failure.component));
    component.map_or("map", Component::name)
}

fn text(side: &str, pipeline: &str, source: &str, place: &str, failure: Failure) -> String {
    let Failure { stage, document, status, .. } = failure;
    format!(
        "failure executing the {side} pipeline: \"{pipeline}\", source \"{source}\", {place}, \
         reason: document {document} failed at {stage:?} with {status}"
    )
}
