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
    for (n, port) in scenario.send_ports.iter().enumerate() {
        let stages = [
            (OwnStage::PreAssemble, "pre_assemble", STAGE_COMPONENTS_MAX),
            (OwnStage::Assemble, "assemble", 1),
            (OwnStage::Encode, "encode", STAGE_COMPONENTS_MAX),
        ];
        holds(checker, &format!("send_port.{n}.component"), &port.components, &stages);
        if port.pipeline == SendPipeline::PassThruTransmit && !port.demotes.is_empty() {
            let message = "'demotes' stands beside a pipeline that writes nothing";
            let help = "R-PIPE-10: say pipeline = 'XMLTransmit'";
            checker.refuse(&format!("send_port.{n}.demotes"), message.to_owned(), help.to_owned());
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
