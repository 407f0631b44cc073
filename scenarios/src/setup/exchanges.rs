//! Two-way exchanges, as the engine and the simulator know them.

use floodgate_engine::config::{AdapterKind, RequestSettings};
use floodgate_engine::exchange::{LateResponses, RequestPort, ResponseSettings, SolicitPort};
use floodgate_engine::id::{ReceivePortId, SendPortId};
use floodgate_engine::pipeline::{ReceivePipeline, SendPipeline};
use floodgate_sim::setup::{EndpointSettings, Reply, ResponseOrder};

use super::Names;
use super::convert::dist;
use super::pipelines::{maps, receive_components, send_components};
use crate::plan;
use crate::plan::exchange::{Answers, Late, Response, Solicits};
use crate::plan::receive::{ReceiveAdapter, ReceiveKind, ReceiveLocation};

/// The adapter that clients wait at.
pub(super) fn request_kind(own: &ReceiveAdapter) -> AdapterKind {
    let settings = RequestSettings { batch_messages: own.batch, ..RequestSettings::default() };
    let Some(clients) = &own.clients else { return AdapterKind::Request(settings) };
    AdapterKind::Request(RequestSettings {
        concurrent: clients.at_once,
        threads_per_cpu: clients.threads_per_cpu,
        timeout: clients.timeout,
        first_only: clients.first_only,
        blocking: clients.blocking,
        suspend_failed: clients.suspend_failed,
        cancel_after: clients.cancel_after,
        ..settings
    })
}

/// What is in front of a location: a store, or clients.
pub(super) fn source(location: &ReceiveLocation) -> EndpointSettings {
    let wire = dist(&location.wire);
    match location.adapter.kind {
        ReceiveKind::Http => {
            let clients = location.adapter.clients.as_ref();
            let patience = clients.and_then(|clients| clients.patience);
            EndpointSettings::Clients { wire, patience }
        }
        ReceiveKind::File | ReceiveKind::Push | ReceiveKind::Queue => {
            EndpointSettings::Source { wire }
        }
    }
}

/// What a partner sends back.
pub(super) fn reply(own: &plan::exchange::Reply) -> Reply {
    Reply {
        bytes: u32::try_from(own.size).unwrap_or(u32::MAX),
        document_type: own.document_type.clone(),
        defect: None,
    }
}

/// What a response may overtake.
pub(super) fn response_order(own: Response) -> ResponseOrder {
    match own {
        Response::AfterComplete => ResponseOrder::AfterComplete,
        Response::BeforeComplete => ResponseOrder::BeforeComplete,
        Response::BeforeReturn => ResponseOrder::BeforeReturn,
        Response::Drawn => ResponseOrder::Drawn,
    }
}

/// What runs on the way back to a client, faults included (R-RR-04, R-ADD-06).
fn response_pipeline(own: &Answers) -> SendPipeline {
    let mut pipeline = match own.pipeline {
        plan::send::SendPipeline::PassThruTransmit => SendPipeline::pass_through(),
        plan::send::SendPipeline::XmlTransmit => SendPipeline::xml(),
    };
    send_components(&mut pipeline, &own.components);
    pipeline
}

/// What runs on the way back from a partner (R-SR-03).
fn reply_pipeline(own: &Solicits) -> ReceivePipeline {
    let mut pipeline = match own.pipeline {
        plan::receive::ReceivePipeline::PassThruReceive => ReceivePipeline::pass_through(),
        plan::receive::ReceivePipeline::XmlReceive => ReceivePipeline::xml(),
    };
    receive_components(&mut pipeline, &own.components);
    pipeline
}

impl Names<'_> {
    pub(super) fn exchanges(&mut self) {
        let exchanges = &mut self.topology.exchanges;
        for (n, port) in self.scenario.receive_ports.iter().enumerate() {
            let Some(own) = &port.two_way else { continue };
            exchanges.request_ports.push(RequestPort {
                port: ReceivePortId::from(n),
                pipeline: response_pipeline(own),
                maps: maps(&own.maps, own.map),
                fault_bytes: own.fault_size,
            });
        }
        for (n, port) in self.scenario.send_ports.iter().enumerate() {
            let id = SendPortId::from(n);
            if let Some(own) = &port.two_way {
                exchanges.solicit_ports.push(SolicitPort {
                    port: id,
                    pipeline: reply_pipeline(own),
                    maps: maps(&own.maps, own.map),
                    correlated_only: own.correlated_only,
                });
            }
            if port.notify_delivery {
                exchanges.notify_delivery.push(id);
            }
        }
        let host = |host: &plan::host::Host| ResponseSettings {
            timeout: host.response_timeout,
            timeout_isolated: host.response_timeout_isolated,
            isolated: host.isolated,
            allow_multiple: host.allow_multiple,
        };
        exchanges.hosts = self.scenario.hosts.iter().map(host).collect();
        exchanges.late = match self.scenario.schedule.late {
            Late::Refuse => LateResponses::Refuse,
            Late::Suspend => LateResponses::Suspend,
        };
    }
}
