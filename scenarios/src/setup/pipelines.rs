//! Pipelines and maps as the engine has them.

use std::sync::Arc;

use floodgate_engine::config::Authentication;
use floodgate_engine::map::Map;
use floodgate_engine::message::{Body, PropertyTable};
use floodgate_engine::pipeline::{
    Act, Component, Custom, Demotion, Promotion, ReceivePipeline, SendPipeline, When, XmlAssembler,
    XmlDisassembler, XmlValidator,
};

use crate::plan;
use crate::plan::component::{Does, OwnComponent, OwnStage};

pub(super) fn receive_pipeline(
    location: &plan::receive::ReceiveLocation,
    properties: &mut PropertyTable,
) -> ReceivePipeline {
    let promotes = location.promotes.iter().map(|own| Promotion {
        element: Arc::from(own.element.as_str()),
        property: properties.intern(&own.property),
        described: own.described.as_deref().map(Promotion::value),
    });
    let mut pipeline = match location.pipeline {
        plan::receive::ReceivePipeline::PassThruReceive => ReceivePipeline::pass_through(),
        plan::receive::ReceivePipeline::XmlReceive => ReceivePipeline {
            disassemble: vec![Component::XmlDisassembler(XmlDisassembler {
                envelope: location.envelope.as_deref().map(Arc::from),
                promotes: promotes.collect(),
                recoverable: location.recoverable,
                ..XmlDisassembler::default()
            })],
            ..ReceivePipeline::xml()
        },
    };
    if location.validate {
        let recoverable = location.recoverable;
        let validator = XmlValidator { recoverable, requires: None };
        pipeline.validate.push(Component::XmlValidator(validator));
    }
    receive_components(&mut pipeline, &location.components);
    pipeline
}

pub(super) fn send_pipeline(
    port: &plan::send::SendPort,
    properties: &mut PropertyTable,
) -> SendPipeline {
    let demotes = port.demotes.iter().map(|own| Demotion {
        property: properties.intern(&own.property),
        element: Arc::from(own.element.as_str()),
    });
    let assembler = XmlAssembler { demotes: demotes.collect() };
    let mut pipeline = match port.pipeline {
        plan::send::SendPipeline::PassThruTransmit => SendPipeline::pass_through(),
        plan::send::SendPipeline::XmlTransmit => {
            let assemble = Some(Component::XmlAssembler(assembler));
            SendPipeline { assemble, ..SendPipeline::xml() }
        }
    };
    send_components(&mut pipeline, &port.components);
    pipeline
}

/// Puts components of one's own into their stages of a receive pipeline.
pub(super) fn receive_components(pipeline: &mut ReceivePipeline, components: &[OwnComponent]) {
    for component in components {
        match component.stage {
            OwnStage::Decode => pipeline.decode.push(own(component)),
            OwnStage::ResolveParty => pipeline.resolve_party.push(own(component)),
            OwnStage::Validate => pipeline.validate.push(own(component)),
            OwnStage::Assemble | OwnStage::Encode | OwnStage::PreAssemble => {}
        }
    }
}

/// The same for a send pipeline.
pub(super) fn send_components(pipeline: &mut SendPipeline, components: &[OwnComponent]) {
    for component in components {
        match component.stage {
            OwnStage::Assemble => pipeline.assemble = Some(own(component)),
            OwnStage::Encode => pipeline.encode.push(own(component)),
            OwnStage::PreAssemble => pipeline.pre_assemble.push(own(component)),
            OwnStage::Decode | OwnStage::ResolveParty | OwnStage::Validate => {}
        }
    }
}

fn own(component: &OwnComponent) -> Component {
    let when = match (component.document, component.every) {
        (Some(document), _) => When::Document(document),
        (None, Some(every)) => When::Every(every),
        (None, None) if component.faults => When::Faults,
        (None, None) => When::Always,
    };
    let bytes = u32::try_from(component.size.unwrap_or(0)).unwrap_or(u32::MAX);
    let act = match component.does {
        Does::Consume => Act::Consume,
        Does::Fail => Act::Fail,
        Does::Rewrite => Act::Rewrite(Body::Described { bytes, documents: 1 }),
        Does::Suspend => Act::Suspend,
    };
    Component::Custom(Custom { name: Arc::from("own"), when, acts: vec![act] })
}

/// Maps by type, and the one for everything else.
pub(super) fn maps(own: &[plan::component::Map], any: bool) -> Vec<Map> {
    let map = |map: &plan::component::Map| Map {
        name: map.to.clone().unwrap_or_default(),
        from: map.from.as_deref().map(Arc::from),
        to: map.to.as_deref().map(Arc::from),
        size_per_mille: map.size_per_mille,
    };
    own.iter().map(map).chain(any.then(Map::any)).collect()
}

pub(super) fn authentication(setting: plan::receive::Authentication) -> Authentication {
    match setting {
        plan::receive::Authentication::Drop => Authentication::Drop,
        plan::receive::Authentication::Keep => Authentication::Keep,
        plan::receive::Authentication::None => Authentication::None,
    }
}
