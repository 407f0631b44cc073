//! Receiving: what becomes of one submitted message (R-RCV-01, and the table of 3.3).

use std::hint::cold_path;
use std::sync::Arc;

use super::HostInstance;
use crate::adapter::ErrorSubject;
use crate::batch::Status;
use crate::config::Authentication;
use crate::message::{Context, DefectKind, PropertyId, Value, WireMessage};
use crate::message_box::{Action, Part, PreparedBatch, Reason, Remark, Rest};
use crate::pipeline::{Outcome, ReceivePipeline, Reception};

impl HostInstance {
    /// One submitted message: location, pipeline, map (R-RCV-01).
    #[inline(always)]
    pub(super) fn receive(&mut self, mut wire: WireMessage, batch: &mut PreparedBatch) -> Action {
        let Some(location) = self.locations.find(&self.topology, &wire) else {
            return Action::Refuse(Status::URL_DISALLOWED);
        };
        let location = &self.topology.receive_locations[location.index()];
        let port = &self.topology.receive_ports[location.port.index()];
        if wire.context.template() == 0 {
            cold_path();
            // R-CTX-09: what cannot be stored is refused before anything is made of it.
            if !wire.context.is_storable() {
                return Action::Refuse(Status::NO_INTERFACE);
            }
            let adapter = &self.topology.adapters[location.adapter.index()].name;
            stamp(&mut wire.context, (&port.name, &location.name, adapter));
        }
        let first = batch.documents.len();
        match location.pipeline.execute(&port.maps, &wire, &mut batch.documents) {
            Outcome::Done(reception) => match authenticate(&wire, port.authentication) {
                Authentication::None => {
                    received(&location.pipeline, &wire, reception, first, batch)
                }
                Authentication::Drop => {
                    cold_path();
                    batch.documents.truncate(first);
                    {
                        let pipeline = &location.pipeline;
                        part(pipeline, &wire, first, 0, Reception::default(), Some(Rest::Dropped))
                    }
                }
                Authentication::Keep => {
                    cold_path();
                    batch.documents.truncate(first);
                    suspend_failed(wire, Reason::Authentication)
                }
            },
            Outcome::Suspended(handed) => {
                cold_path();
                suspend_failed(*handed, Reason::Pipeline)
            }
            Outcome::Failed(failure) if failure.status == Status::NO_INTERFACE => {
                cold_path();
                Action::Refuse(failure.status)
            }
            Outcome::Failed(failure) => {
                cold_path();
                let routes = port.route_failed;
                let report = location.pipeline.report(failure, &port.name, &location.name);
                let number = ErrorSubject::Wire(wire.number);
                let action = thrown(suspend_failed(wire, failure.reason()), routes);
                if matches!(action, Action::SuspendWire { .. }) {
                    // R-PIPE-13: the report stays with what is suspended.
                    batch.remarks.push((number, Remark::Error(Arc::from(report))));
                }
                action
            }
        }
    }
}

/// What the port does with a message: nothing in particular, unless its sender cannot be
/// authenticated and the port asks (R-RCV-06).
fn authenticate(wire: &WireMessage, setting: Authentication) -> Authentication {
    let forged = wire.defect.is_some_and(|defect| defect.kind == DefectKind::Forged);
    if forged { setting } else { Authentication::None }
}

/// The message went through its pipeline.
#[inline(always)]
pub(super) fn received(
    pipeline: &ReceivePipeline,
    wire: &WireMessage,
    reception: Reception,
    first: usize,
    batch: &mut PreparedBatch,
) -> Action {
    let count = batch.documents.len() - first;
    if !reception.failed.is_empty() && must_not_suspend(wire) {
        batch.documents.truncate(first);
        return Action::Refuse(Status::FAIL);
    }
    match (reception.failed.is_empty(), reception.consumed) {
        (true, false) if count == 0 => Action::Empty(wire.number),
        (true, false) => Action::Publish { first: as_u32(first), count: as_u32(count) },
        (_, consumed) => {
            let rest = consumed.then_some(Rest::Consumed);
            part(pipeline, wire, first, count, reception, rest)
        }
    }
}

fn part(
    pipeline: &ReceivePipeline,
    wire: &WireMessage,
    first: usize,
    count: usize,
    reception: Reception,
    rest: Option<Rest>,
) -> Action {
    Action::PublishPart(Box::new(Part {
        first: as_u32(first),
        count: as_u32(count),
        failed: reception.failed,
        wire: wire.number,
        held: pipeline.documents_in(wire),
        rest,
    }))
}

/// The adapter asked the engine not to suspend (`ActionOnFailure` 0).
fn must_not_suspend(wire: &WireMessage) -> bool {
    wire.context.read(PropertyId::ACTION_ON_FAILURE) == Some(&Value::Int(0))
}

/// The engine suspends the message itself, unless it was told not to or cannot rewind the stream
/// (the table of 3.3; R-RCV-08, R-MSG-07).
fn suspend_failed(wire: WireMessage, reason: Reason) -> Action {
    if must_not_suspend(&wire) || !wire.seekable {
        return Action::Refuse(Status::FAIL);
    }
    suspend_whole(wire, reason, Status::MESSAGE_SUSPENDED)
}

/// A pipeline that threw at a port that routes failed messages ends the transaction that the
/// message was submitted in, if there is one (R-FMR-07). \[M\] a map that fails does not: the
/// product says it of pipelines.
fn thrown(mut action: Action, routes: bool) -> Action {
    if let Action::SuspendWire { reason: Reason::Pipeline, thrown, .. } = &mut action {
        *thrown = routes;
    }
    action
}

/// Suspends a message as it is; the adapter sees `status`. What cannot be stored cannot be
/// suspended either (R-CTX-09).
pub(super) fn suspend_whole(wire: WireMessage, reason: Reason, status: Status) -> Action {
    if wire.context.template() == 0 && !wire.context.is_storable() {
        return Action::Refuse(Status::NO_INTERFACE);
    }
    let resumable = !wire.context.is_set(PropertyId::SUSPEND_AS_NON_RESUMABLE);
    Action::SuspendWire { wire: Box::new(wire), resumable, reason, status, thrown: false }
}

/// The engine's own properties on a message that an adapter built from nothing; those of a
/// template have them already.
fn stamp(context: &mut Context, (port, location, adapter): (&str, &str, &str)) {
    if context.read(PropertyId::RECEIVE_PORT_NAME).is_none() {
        for (property, value) in [
            (PropertyId::INBOUND_TRANSPORT_TYPE, adapter),
            (PropertyId::RECEIVE_PORT_ID, port),
            (PropertyId::RECEIVE_PORT_NAME, port),
        ] {
            let promoted = context.promote(property, Some(Value::text(value)));
            assert!(promoted.is_ok(), "names of ports and adapters are short enough to promote");
        }
        context.write(PropertyId::RECEIVE_LOCATION_NAME, Some(Value::text(location)));
    }
}

pub(super) fn as_u32(count: usize) -> u32 {
    u32::try_from(count).expect("a batch has fewer than 2^32 documents")
}
