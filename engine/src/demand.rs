//! Work: what the engine asks of a server's CPU. The driver prices it; the engine only counts.

use std::hint::cold_path;

use crate::batch::Operation;
use crate::config::Topology;
use crate::exchange::{RequestPort, SolicitPort};
use crate::id::ReceiveLocationId;
use crate::map::Map;
use crate::message::{Body, WireMessage};
use crate::message_box::{Exchange, OutboundMessage};
use crate::pipeline::Component;

/// Counts of one piece of work on an engine thread, by what they are charged for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Demand {
    /// Receive side: engine batches that submit.
    pub receive_batches: u32,
    /// Receive side: wire messages.
    pub receive_messages: u32,
    /// Receive side: their bytes.
    pub receive_bytes: u64,
    /// Receive side: the documents in them, as far as one knows before they are read. Nothing is
    /// charged for them as such.
    pub receive_documents: u32,
    /// Documents through an XML disassembler or assembler.
    pub xml_messages: u32,
    /// Their bytes.
    pub xml_bytes: u64,
    /// Documents through a map.
    pub map_messages: u32,
    /// Their bytes.
    pub map_bytes: u64,
    /// Those bytes among them that are buffered on disk while they are mapped (R-LMS-03).
    pub map_buffered_bytes: u64,
    /// Send side: deliveries to an adapter, whether of one message or of a batch.
    pub send_batches: u32,
    /// Send side: messages.
    pub send_messages: u32,
    /// Send side: their bytes.
    pub send_bytes: u64,
    /// Engine batches that only dispose of delivered messages.
    pub completion_batches: u32,
    /// Operations in them.
    pub completion_messages: u32,
}

impl Demand {
    /// The work of one submitted message: pipeline, then map (R-PIPE-11).
    #[inline(always)]
    pub(crate) fn add_wire(
        &mut self,
        topology: &Topology,
        location: Option<ReceiveLocationId>,
        wire: &WireMessage,
    ) {
        let bytes = wire.parts.bytes();
        self.receive_messages += 1;
        self.receive_bytes += bytes;
        let Some(location) = location.map(|id| &topology.receive_locations[id.index()]) else {
            cold_path();
            return;
        };
        let documents = match wire.parts.body() {
            Body::Described { documents, .. } if location.pipeline.disassembles() => *documents,
            Body::Described { .. } => 1,
            Body::Real(_) => {
                cold_path();
                location.pipeline.documents_in(wire)
            }
        };
        self.receive_documents += documents;
        if location.pipeline.disassembles() {
            self.xml_messages += documents;
            self.xml_bytes += bytes;
        }
        let maps = &topology.receive_ports[location.port.index()].maps;
        // What real bytes are is not known before they are read: they count as mapped.
        let real = matches!(wire.parts.body(), Body::Real(_));
        if Map::choose_for(maps, &wire.context).is_some() || (real && !maps.is_empty()) {
            cold_path();
            self.map_messages += documents;
            let each = bytes / u64::from(documents.max(1));
            self.add_mapped(topology, bytes, each);
        }
    }

    /// `bytes` are mapped, in documents of `each`.
    fn add_mapped(&mut self, topology: &Topology, bytes: u64, each: u64) {
        self.map_bytes += bytes;
        if each > topology.large_messages.map_bytes {
            self.map_buffered_bytes += bytes;
        }
    }

    /// The work of an engine batch, message by message.
    pub(crate) fn of_batch(
        topology: &Topology,
        operations: &[Operation],
        locate: impl Fn(&WireMessage) -> Option<ReceiveLocationId>,
    ) -> Self {
        let mut demand = Self::default();
        for operation in operations {
            match operation {
                Operation::Submit(wire) | Operation::SubmitRequest { request: wire, .. } => {
                    demand.receive_batches = 1;
                    demand.add_wire(topology, locate(wire), wire);
                }
                Operation::CancelResponse { .. }
                | Operation::Delete(_)
                | Operation::MoveToNextTransport(_)
                | Operation::MoveToSuspendQueue(_)
                | Operation::Resubmit { .. }
                | Operation::SubmitResponse { .. } => demand.completion_messages += 1,
            }
        }
        demand.completion_batches = u32::from(demand.receive_batches == 0);
        demand
    }

    /// Adds the work of a partner's reply: the way back of its port (R-SR-03).
    pub(crate) fn add_reply(&mut self, port: Option<&SolicitPort>, reply: &WireMessage) {
        let bytes = reply.parts.bytes();
        self.receive_messages += 1;
        self.receive_documents += 1;
        self.receive_bytes += bytes;
        let Some(port) = port else { return };
        if port.pipeline.disassembles() {
            self.xml_messages += 1;
            self.xml_bytes += bytes;
        }
        if !port.maps.is_empty() {
            self.map_messages += 1;
            self.map_bytes += bytes;
        }
    }

    /// Adds the work of an answer to a client: map, then send pipeline (R-RR-04), which may make
    /// another body of a fault (R-ADD-06).
    pub(crate) fn add_answer(&mut self, port: &RequestPort, answer: &mut OutboundMessage) {
        if let (Exchange::Response { fault: true, .. }, Some(bytes)) =
            (answer.exchange, port.fault_bytes)
        {
            answer.bytes = bytes;
        }
        self.send_messages += 1;
        self.send_bytes += answer.bytes;
        if Map::choose_for(&port.maps, &answer.context).is_some() {
            self.map_messages += 1;
            self.map_bytes += answer.bytes;
        }
        if matches!(port.pipeline.assemble, Some(Component::XmlAssembler(_))) {
            self.xml_messages += 1;
            self.xml_bytes += answer.bytes;
        }
    }

    /// Adds the work of a message that is delivered again, where the engine keeps what map and
    /// pipeline made of it the first time (R-CLK-17).
    pub(crate) fn add_again(&mut self, message: &OutboundMessage) {
        self.send_messages += 1;
        self.send_bytes += message.bytes;
    }

    /// Adds the work of one delivered message: map, then send pipeline (R-PIPE-11).
    pub(crate) fn add_outbound(&mut self, topology: &Topology, message: &OutboundMessage) {
        let Some(port) = topology.send_port(message.subscriber) else { return };
        let bytes = message.bytes;
        self.send_messages += 1;
        self.send_bytes += bytes;
        if Map::choose_for(&port.maps, &message.context).is_some() {
            self.map_messages += 1;
            self.add_mapped(topology, bytes, bytes);
        }
        if matches!(port.pipeline.assemble, Some(Component::XmlAssembler(_))) {
            self.xml_messages += 1;
            self.xml_bytes += bytes;
        }
    }
}
