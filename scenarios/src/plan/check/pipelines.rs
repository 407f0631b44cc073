//! Pipelines that hold more than a stage may (R-PIPE-05), or that have no component for what is
//! asked of them (R-PIPE-10).

use floodgate_engine::pipeline::STAGE_COMPONENTS_MAX;

use super::Checker;
use crate::plan::component::{OwnComponent, OwnStage};
use crate::plan::receive::ReceivePipeline;
use crate::plan::send::SendPipeline;

pub(super) fn check(checker: &mut Checker<'_>) {
    let scenario = checker.scenario;
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        for (k, location) in port.locations.iter().enumerate() {
            let resolves = location.pipeline == ReceivePipeline::XmlReceive;
            let stages = [
                (OwnStage::Decode, "decode", STAGE_COMPONENTS_MAX),
                // The standard components stand there too.
                (
                    OwnStage::Validate,
                    "validate",
                    STAGE_COMPONENTS_MAX - usize::from(location.validate),
                ),
                (
                    OwnStage::ResolveParty,
                    "resolve_party",
                    STAGE_COMPONENTS_MAX - usize::from(resolves),
                ),
            ];
            let path = format!("receive_port.{n}.location.{k}.component");
            holds(checker, &path, &location.components, &stages);
            if !resolves && !location.promotes.is_empty() {
                let path = format!("receive_port.{n}.location.{k}.promotes");
                let message = "'promotes' stands beside a pipeline that promotes nothing";
                let help = "R-PIPE-10: say pipeline = 'XMLReceive'";
                checker.refuse(&path, message.to_owned(), help.to_owned());
            }
        }
    }
    for (n, port) in scenario.receive_ports.iter().enumerate() {
        let Some(own) = &port.two_way else { continue };
        holds(checker, &format!("receive_port.{n}.two_way.component"), &own.components, &SENDING);
        belong(checker, &format!("receive_port.{n}.two_way.component"), &own.components, true);
    }
    for (n, port) in scenario.send_ports.iter().enumerate() {
        let stages = SENDING;
        if let Some(own) = &port.two_way {
            let path = format!("send_port.{n}.two_way.component");
            let resolves = own.pipeline == ReceivePipeline::XmlReceive;
            let party = STAGE_COMPONENTS_MAX - usize::from(resolves);
            let stages = [
                (OwnStage::Decode, "decode", STAGE_COMPONENTS_MAX),
                (OwnStage::Validate, "validate", STAGE_COMPONENTS_MAX),
                (OwnStage::ResolveParty, "resolve_party", party),
            ];
            holds(checker, &path, &own.components, &stages);
            belong(checker, &path, &own.components, false);
        }
        holds(checker, &format!("send_port.{n}.component"), &port.components, &stages);
        if port.pipeline == SendPipeline::PassThruTransmit && !port.demotes.is_empty() {
            let message = "'demotes' stands beside a pipeline that writes nothing";
            let help = "R-PIPE-10: say pipeline = 'XMLTransmit'";
            checker.refuse(&format!("send_port.{n}.demotes"), message.to_owned(), help.to_owned());
        }
    }
}

/// The stages of a send pipeline, and how many components of one's own each has room for.
const SENDING: [(OwnStage, &str, usize); 3] = [
    (OwnStage::PreAssemble, "pre_assemble", STAGE_COMPONENTS_MAX),
    (OwnStage::Assemble, "assemble", 1),
    (OwnStage::Encode, "encode", STAGE_COMPONENTS_MAX),
];

/// A stage that the pipeline of a way back has not would be passed over in silence.
fn belong(checker: &mut Checker<'_>, path: &str, components: &[OwnComponent], sends: bool) {
    for (n, own) in components.iter().enumerate() {
        let of_sending = SENDING.iter().any(|(stage, ..)| *stage == own.stage);
        if of_sending != sends {
            let message = format!("'{}' is no stage of this pipeline", own.stage.word());
            let help = if sends {
                "R-RR-04: responses go through a send pipeline: pre_assemble, assemble, encode"
            } else {
                "R-SR-03: replies go through a receive pipeline: decode, validate, resolve_party"
            };
            checker.refuse(&format!("{path}.{n}.stage"), message, help);
        }
    }
}

fn holds(
    checker: &mut Checker<'_>,
    path: &str,
    components: &[OwnComponent],
    stages: &[(OwnStage, &str, usize)],
) {
    for (stage, name, most) in stages {
        let count = components.iter().filter(|own| own.stage == *stage).count();
        if count > *most {
            let message = format!(
                "stage '{name}' has {count} components of one's own; there is room for {most} (R-PIPE-05)"
            );
            checker.refuse(path, message, "leave some out");
        }
    }
}
