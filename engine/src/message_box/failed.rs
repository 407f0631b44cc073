//! What becomes of documents that are not published: suspended one by one, or error messages.

use super::exchange::is_two_way;
use super::{Effect, MessageBox, Part, Reason, Rest};
use crate::batch::Status;
use crate::error_report::{FailedMessage, Place};
use crate::id::ReferenceId;
use crate::message::{Document, DocumentName, PropertyId, WireMessage};
use crate::pipeline::{FailedDocument, Form};
use crate::sabotage::Sabotage;
use crate::suspend::SuspendedForm;
use crate::time::Instant;

impl Part {
    /// Documents that are neither published nor suspended.
    fn passed(&self) -> u32 {
        let failed = u32::try_from(self.failed.len()).unwrap_or(u32::MAX);
        self.held.max(1).saturating_sub(self.count).saturating_sub(failed)
    }

    /// The status of the message, given that of its good documents: one for the whole of it.
    pub(super) const fn status(&self, published: Status) -> Status {
        match self.rest {
            _ if !published.is_success() => published,
            Some(Rest::Dropped) => Status::SECURITY_CHECK_FAILED,
            Some(Rest::Consumed) | None if self.failed.is_empty() => published,
            Some(Rest::Consumed) | None => Status::MESSAGE_SUSPENDED,
        }
    }
}

impl MessageBox {
    /// What is left of a message after its good documents were published (R-RIP-03, R-RCV-03).
    #[inline(never)]
    pub(super) fn end_part(&mut self, now: Instant, part: Part) {
        let forgets = self.is_sabotaged(Sabotage::ForgetBadDocuments);
        let documents = part.passed();
        let failed = part.failed.into_iter().filter(|_| !forgets);
        for FailedDocument { document, reason, form } in failed {
            // R-RR-09: nothing of a two-way exchange is resumed, its bad documents included.
            let resumable = !document.context.is_set(PropertyId::SUSPEND_AS_NON_RESUMABLE)
                && (!is_two_way(&document.context)
                    || self.is_sabotaged(Sabotage::SuspendTwoWayResumable));
            let name = document.name;
            let form = match form {
                Form::Handed => {
                    SuspendedForm::Handed { document: name, wire: Box::new(handed(document)) }
                }
                Form::PostPipeline => SuspendedForm::Document(Box::new(document)),
            };
            self.keep_suspended(now, form, name, resumable, reason);
        }
        if let Some(rest) = part.rest {
            self.effects.push(Effect::Passed { wire: part.wire, rest, documents });
        }
    }

    /// Publishes an error message in place of suspending a message that no reference holds, if
    /// its port routes and somebody subscribes (R-FMR-06).
    pub(super) fn route_message(
        &mut self,
        now: Instant,
        form: &SuspendedForm,
        name: DocumentName,
        reason: Reason,
    ) -> bool {
        let failed = match form {
            SuspendedForm::Document(document) => FailedMessage::document(document),
            SuspendedForm::Handed { wire, .. } | SuspendedForm::Wire(wire) => {
                FailedMessage::wire(wire, name)
            }
        };
        let Some(place) = self.failed_routing.inbound(&failed) else { return false };
        let report = self.report_of(name, reason);
        let error = self.failed_routing.message(now, &failed, &place, reason, report);
        let document = name;
        self.publish_error(now, error, |error| Effect::RoutedMessage { document, error, reason })
    }

    /// The same for a delivered message: its reference is finished.
    pub(super) fn route_reference(
        &mut self,
        now: Instant,
        id: ReferenceId,
        reason: Reason,
    ) -> bool {
        let Some(reference) = self.references.get(id.0) else { return false };
        let document = &self.row(reference).document;
        let (port, sent_to) = (reference.subscriber.index(), || self.sent_to(reference));
        let place = self.failed_routing.outbound(port, document.name, sent_to);
        let Some(place) = place else { return false };
        let at = self.place(id, reference);
        let error = self.outbound_error(now, document, &place, reason);
        let routed =
            self.publish_error(now, error, |error| Effect::RoutedReference { at, error, reason });
        if routed {
            // R-FMR-09: what is owed to others stays owed.
            self.owe_nack(id, &at, reason);
            self.leave_ordered(at);
            self.remove(id);
        }
        routed
    }

    fn outbound_error(
        &self,
        now: Instant,
        document: &Document,
        place: &Place,
        reason: Reason,
    ) -> Document {
        let failed = FailedMessage::document(document);
        self.failed_routing.message(now, &failed, place, reason, None)
    }

    fn publish_error(
        &mut self,
        now: Instant,
        error: Document,
        effect: impl FnOnce(DocumentName) -> Effect,
    ) -> bool {
        let Some(route) = self.route_own(&error) else { return false };
        self.failed_routing.published();
        self.effects.push(effect(error.name));
        self.publish(now, error, route);
        true
    }

    /// The routing failure report that goes with a failure (R-FMR-08): of the document itself, or
    /// of its wire message, which the adapter suspends after the report was made (R-RCV-11).
    fn report_of(&self, name: DocumentName, reason: Reason) -> Option<DocumentName> {
        let may_have = matches!(reason, Reason::Adapter | Reason::Routing);
        let of_it = |report: &DocumentName| {
            report.wire == name.wire && (name.sequence == 0 || *report == name)
        };
        let mut reports = self.suspended.reports.iter().rev().map(|report| report.document);
        if may_have { reports.find(of_it) } else { None }
    }
}

/// A document in the hands of a component, as a message that enters the pipeline anew (R-RCV-09).
pub(super) fn handed(document: Document) -> WireMessage {
    WireMessage {
        number: document.name.wire,
        lineage: document.lineage,
        arrived: document.arrived,
        context: document.context,
        parts: document.parts,
        defect: None,
        seekable: true,
    }
}
