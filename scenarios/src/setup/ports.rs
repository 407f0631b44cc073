//! Receive ports, send ports and their transports.

use floodgate_engine::config::{OnFailure, ReceiveLocation, ReceivePort, SendPort, Transport};
use floodgate_engine::id::{ReceiveLocationId, SendPortId};
use floodgate_engine::message::{Context, PropertyId, Value};
use floodgate_engine::pipeline::Promotion;
use floodgate_engine::retry::RetryPolicy;
use floodgate_engine::time::Duration;
use floodgate_sim::setup::{EndpointSettings, Errand, Failure, QuotaSettings, SinkSettings};

use super::Names;
use super::convert::{dist, failure, filter, port_state, send_name};
use super::exchanges::{reply, source};
use super::pipelines::{authentication, maps, receive_pipeline, send_pipeline};
use super::transactions::receive_kind;
use crate::plan;
use crate::plan::when::Active;

impl Names<'_> {
    pub(super) fn receive_ports(&mut self) {
        for port in &self.scenario.receive_ports {
            self.topology.receive_ports.push(ReceivePort {
                name: port.name.clone(),
                maps: maps(&port.maps, port.map),
                authentication: authentication(port.authentication),
                route_failed: port.route_failed,
            });
            let port_id = self.port(&port.name);
            for location in &port.locations {
                let name = location.adapter.kind.type_name();
                let adapter = self.adapter(name, receive_kind(&location.adapter));
                let source = source(location);
                let endpoint = self.endpoint(format!("{}.source", location.name), source);
                let mut context = Context::default();
                if location.suspend_on_routing_failure {
                    let promoted = context.promote(
                        PropertyId::SUSPEND_MESSAGE_ON_ROUTING_FAILURE,
                        Some(Value::Bool(true)),
                    );
                    assert!(promoted.is_ok(), "only texts can be too long");
                }
                if location.suspend_on_mapping_failure {
                    context.write(
                        PropertyId::SUSPEND_MESSAGE_ON_MAPPING_FAILURE,
                        Some(Value::Bool(true)),
                    );
                }
                for (is_set, property, value) in [
                    (location.refuse_failed, PropertyId::ACTION_ON_FAILURE, Value::Int(0)),
                    (
                        location.non_resumable,
                        PropertyId::SUSPEND_AS_NON_RESUMABLE,
                        Value::Bool(true),
                    ),
                    (location.loop_back, PropertyId::LOOPBACK, Value::Bool(true)),
                ] {
                    context.write(property, is_set.then_some(value));
                }
                for own in &location.demands {
                    let property = self.topology.properties.intern(&own.property);
                    context.add_predicate(property, own.value.as_deref().map(Promotion::value));
                }
                let host = self.host(&location.host);
                if location.active != Active::default() {
                    let id = ReceiveLocationId::from(self.topology.receive_locations.len());
                    self.schedule(id, &location.active);
                }
                self.topology.receive_locations.push(ReceiveLocation {
                    name: location.name.clone(),
                    port: port_id,
                    host,
                    adapter,
                    pipeline: receive_pipeline(location, &mut self.topology.properties),
                    endpoint,
                    enabled: true,
                    context,
                });
            }
        }
    }

    pub(super) fn send_ports(&mut self) {
        for port in &self.scenario.send_ports {
            let primary = self.transport(&format!("{}.primary", port.name), &port.primary);
            let backup = (port.backup.as_ref())
                .map(|backup| self.transport(&format!("{}.backup", port.name), backup));
            let filter = port.filter.as_ref().map(|own| filter(own, &mut self.topology.properties));
            let on_failure =
                if port.stop_on_failure { OnFailure::Stop } else { OnFailure::Continue };
            self.topology.send_ports.push(SendPort {
                name: port.name.clone(),
                filter,
                ordered: port.ordered.then_some(on_failure),
                priority: u8::try_from(port.priority).expect("priorities are at most 10"),
                pipeline: send_pipeline(port, &mut self.topology.properties),
                maps: maps(&port.maps, port.map),
                route_failed: port.route_failed,
                state: port_state(port.state),
                two_way: port.two_way.is_some(),
                primary,
                backup,
            });
            self.windows(SendPortId::from(self.topology.send_ports.len() - 1), port);
        }
    }

    fn transport(&mut self, name: &str, transport: &plan::send::Transport) -> Transport {
        let adapter_name = send_name(&transport.adapter);
        let adapter = self.sender(adapter_name, &transport.adapter);
        let forward_to = transport.forward_to.as_ref().map(|port| self.locations(port)[0]);
        let sink = SinkSettings {
            wire: dist(&transport.wire),
            limit: transport.limit,
            quota: transport.quota.map(|quota| QuotaSettings {
                every: Duration::from_secs_f64(1.0 / quota.rate),
                burst: quota.burst,
            }),
            failure: transport.fail.as_ref().map_or(Failure::Never, failure),
            fail_takes: transport.fail_takes,
            errand: Errand {
                takes: dist(&transport.errand.takes),
                failure: transport.errand.fail.as_ref().map_or(Failure::Never, failure),
                credentials: (transport.errand.credentials.as_ref())
                    .map(|property| self.topology.properties.intern(property)),
            },
            forward_to,
            reply: transport.reply.as_ref().map(reply),
        };
        let endpoint = self.endpoint(name.to_owned(), EndpointSettings::Sink(sink));
        let retry =
            RetryPolicy { count: transport.retry.count, interval: transport.retry.interval };
        Transport { adapter, host: self.host(&transport.host), endpoint, retry }
    }
}
