//! What adapters remarked on messages they were handed: properties to keep, texts of failures.
//!
//! Almost no message has a remark, so they stand beside the references and not in them.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};

use super::{Effect, MessageBox, Place, Reference};
use crate::adapter::ErrorSubject;
use crate::hash::mix;
use crate::id::ReferenceId;
use crate::message::{Context, PropertyId, Value};

/// A remark that comes with a batch, and is kept if the batch is applied.
#[derive(Clone, Debug)]
pub enum Remark {
    /// `SetErrorInfo` (R-MSG-09).
    Error(Arc<str>),
    /// `PropertiesToUpdate` (R-CTX-10).
    Properties(Vec<(PropertyId, Value)>),
}

/// What an entry of the event log is about (R-MSG-09).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LogEntry {
    /// A message moved to its backup transport.
    Moved,
    /// A message will be tried again.
    Retried,
    /// A message was suspended.
    Suspended,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    properties: Vec<(PropertyId, Value)>,
    error: Option<Arc<str>>,
}

impl Kept {
    /// This row's share of the state hash; a text of a failure is no state.
    fn hash(&self, sequence: u64) -> u64 {
        if self.properties.is_empty() {
            return 0;
        }
        let mut hasher = FxHasher::default();
        self.properties.hash(&mut hasher);
        mix(sequence, hasher.finish())
    }
}

/// All remarks, by the publication order of their reference.
#[derive(Clone, Debug, Default)]
pub(super) struct Remarks {
    kept: FxHashMap<u64, Kept>,
}

impl MessageBox {
    /// Keeps what a batch about to be applied remarks on delivered messages.
    pub(super) fn keep_remarks(&mut self, remarks: Vec<(ErrorSubject, Remark)>) {
        for (of, remark) in remarks {
            let ErrorSubject::Reference(id) = of else { continue };
            let Some(reference) = self.references.get(id.0) else { continue };
            let (sequence, place) = (reference.sequence, self.place(id, reference));
            let kept = self.remarks.kept.entry(sequence).or_default();
            match remark {
                Remark::Error(text) => kept.error = Some(text),
                Remark::Properties(properties) => {
                    self.state_hash = self.state_hash.wrapping_sub(kept.hash(sequence));
                    for (property, value) in properties {
                        kept.properties.retain(|(known, _)| *known != property);
                        kept.properties.push((property, value));
                    }
                    self.state_hash = self.state_hash.wrapping_add(kept.hash(sequence));
                    let retries_left = self.kept_retries(sequence);
                    self.effects.push(Effect::PropertiesUpdated { at: place, retries_left });
                }
            }
        }
    }

    /// The `RetryCount` that an adapter asked to be kept, which spares the message a retry
    /// (R-RETRY-09).
    fn kept_retries(&self, sequence: u64) -> Option<u16> {
        let kept = self.remarks.kept.get(&sequence)?;
        let count = kept.properties.iter().find(|(id, _)| *id == PropertyId::RETRY_COUNT)?;
        match count.1 {
            Value::Int(count) => u16::try_from(count).ok(),
            Value::Bool(_) | Value::Object | Value::Text(_) => None,
        }
    }

    /// Takes the kept `RetryCount`: it holds for one resubmit.
    pub(super) fn take_kept_retries(&mut self, id: ReferenceId) -> Option<u16> {
        if self.remarks.kept.is_empty() {
            return None;
        }
        let sequence = self.references.get(id.0)?.sequence;
        let retries = self.kept_retries(sequence)?;
        let kept = self.remarks.kept.get_mut(&sequence)?;
        self.state_hash = self.state_hash.wrapping_sub(kept.hash(sequence));
        kept.properties.retain(|(property, _)| *property != PropertyId::RETRY_COUNT);
        self.state_hash = self.state_hash.wrapping_add(kept.hash(sequence));
        Some(retries)
    }

    /// The context of a message as its subscriber sees it: as stored, and what an adapter asked to
    /// be updated since (R-CTX-10).
    #[inline(never)]
    pub(super) fn context_for(&self, reference: &Reference) -> Context {
        let mut context = self.row(reference).document.context.clone();
        if let Some(kept) = self.remarks.kept.get(&reference.sequence) {
            for (property, value) in &kept.properties {
                context.write(*property, Some(value.clone()));
            }
        }
        context
    }

    /// Writes what happened to a message into the event log, if there is a text to write
    /// (R-MSG-09). The text stays with a suspended message only.
    pub(super) fn log(&mut self, at: Place, entry: LogEntry) {
        if self.remarks.kept.is_empty() {
            return;
        }
        let Some(kept) = self.remarks.kept.get_mut(&at.sequence) else { return };
        if kept.error.is_none() {
            return;
        }
        if entry != LogEntry::Suspended {
            kept.error = None;
        }
        self.effects.push(Effect::Logged { at, entry });
    }

    /// A reference left: nobody will ask for its remarks.
    #[inline(never)]
    pub(super) fn forget_remarks(&mut self, sequence: u64) {
        if let Some(kept) = self.remarks.kept.remove(&sequence) {
            self.state_hash = self.state_hash.wrapping_sub(kept.hash(sequence));
        }
    }

    pub(super) fn has_remarks(&self) -> bool {
        !self.remarks.kept.is_empty()
    }

    /// What an adapter asked to be kept as this property of a message (R-CTX-10).
    #[must_use]
    pub fn kept_of(&self, reference: ReferenceId, property: PropertyId) -> Option<&Value> {
        let sequence = self.references.get(reference.0)?.sequence;
        let kept = self.remarks.kept.get(&sequence)?.properties.iter();
        kept.rev().find(|(known, _)| *known == property).map(|(_, value)| value)
    }

    /// The text that an adapter set on a message before it was suspended (R-MSG-09).
    #[must_use]
    pub fn error_of(&self, reference: ReferenceId) -> Option<&str> {
        let sequence = self.references.get(reference.0)?.sequence;
        self.remarks.kept.get(&sequence)?.error.as_deref()
    }
}

/// The texts set on wire messages that a batch suspends (R-MSG-09), by number.
pub(super) fn wire_errors(remarks: &[(ErrorSubject, Remark)]) -> Vec<(u64, Arc<str>)> {
    let wire = |(of, remark): &(ErrorSubject, Remark)| match (of, remark) {
        (ErrorSubject::Wire(number), Remark::Error(text)) => Some((*number, Arc::clone(text))),
        (ErrorSubject::Wire(_), Remark::Properties(_)) | (ErrorSubject::Reference(_), _) => None,
    };
    remarks.iter().filter_map(wire).collect()
}
