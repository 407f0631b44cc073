//! Statuses: of a message, of its kind of operation, and of a batch as a whole.

use std::fmt;

use super::OperationKind;
use crate::config::{Choices, FailedStatus, SuspendedStatus};

/// An HRESULT: `>= 0` is success, `< 0` is failure. Branch on the sign first.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Status(pub i32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Self = Self($code as u32 as i32);)*
        }
        const STATUS_NAMES: &[(Status, &str)] = &[$((Status::$name, $text)),*];
    };
}

// The numbers behind the BTS names come from one community tool (R-STAT-02): kept in one place.
statuses! {
    /// Done.
    OK = 0x0000_0000_u32, "S_OK";
    /// Success; the engine suspended one or more messages and owns the data.
    MESSAGE_SUSPENDED = 0x00C0_0001_u32, "SUSP";
    /// The same for a batch as a whole, where it was chosen so.
    FALSE = 0x0000_0001_u32, "S_FALSE";
    /// Success; a message failed authentication and was handled by the port's setting.
    SECURITY_CHECK_FAILED = 0x00C0_165E_u32, "SECURITY";
    /// Failure without a better name; also the overall status of a failed batch (R-CLK-19).
    FAIL = 0x8000_4005_u32, "E_FAIL";
    /// The context holds something that cannot be stored: an adapter's bug (R-CTX-09).
    NO_INTERFACE = 0x8000_4002_u32, "E_NOINTERFACE";
    /// A bad argument to a call: an adapter's bug.
    INVALID_ARGUMENT = 0x8007_0057_u32, "E_INVALIDARG";
    /// The location is unknown or disabled.
    URL_DISALLOWED = 0xC0C0_164B_u32, "URL_DISALLOWED";
    /// No subscriber matched (R-ROUTE-01).
    NO_SUBSCRIPTION = 0xC0C0_1680_u32, "NOSUB";
    /// The engine is stopping.
    SHUTTING_DOWN = 0xC0C0_163C_u32, "SHUTTING_DOWN";
    /// `MoveToNextTransport` without a backup, or on the backup already (R-RETRY-11).
    NO_BACKUP_TRANSPORT = 0xC0C0_162E_u32, "NO_BACKUP_TRANSPORT";
    /// A response that no correlation token ties to a request (R-SR-07).
    NULL_CORRELATION_TOKEN = 0xC0C0_1662_u32, "NULL_CORRELATION_TOKEN";
    /// The send pipeline, or the map before it, failed.
    SEND_PIPELINE_FAILED = 0xC0C0_1658_u32, "SEND_PIPELINE";
    /// The adapter could not transmit.
    TRANSMIT_FAILED = 0xC0C0_167A_u32, "TRANSMIT";
    /// The transaction it was posted in can only abort (R-FMR-07).
    TRANSACTION_ABORTED = 0x8004_D019_u32, "XACT_E_ABORTED";
    /// The MessageBox could not be written.
    PERSISTENCE_FAILURE = 0xC0C0_1623_u32, "PERSISTENCE_FAILURE";
}

impl Status {
    /// Whether the sign says success.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 >= 0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match STATUS_NAMES.iter().find(|(status, _)| status == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{:#010X}", self.0),
        }
    }
}

/// The outcome of all operations of one kind (R-BC-03).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OperationStatus {
    /// The kind.
    pub kind: OperationKind,
    /// Negative if one of its messages is.
    pub status: Status,
    /// One status per add call of this kind, in their order (R-BC-04, INV-06).
    pub messages: Vec<Status>,
}

/// What `BatchComplete` brings (R-BC-01).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BatchStatus {
    /// The cookie given at `GetBatch` (INV-07).
    pub cookie: u64,
    /// Negative: nothing was applied (R-ATOM-02).
    pub overall: Status,
    /// One entry per distinct kind in the batch: its length is the original's `opCount` (R-BC-02).
    pub operations: Vec<OperationStatus>,
}

impl BatchStatus {
    /// Files per-message statuses under their kinds and derives the rest (INV-04, INV-05).
    #[must_use]
    pub fn assemble(
        cookie: u64,
        statuses: impl IntoIterator<Item = (OperationKind, Status)>,
    ) -> Self {
        let statuses = statuses.into_iter();
        let expected = statuses.size_hint().0;
        let mut operations: Vec<OperationStatus> = Vec::with_capacity(1);
        for (kind, status) in statuses {
            match operations.iter_mut().find(|known| known.kind == kind) {
                // Almost all of almost every batch.
                Some(known) if known.status == status => known.messages.push(status),
                Some(known) => {
                    known.status = worse(known.status, status);
                    known.messages.push(status);
                }
                None => {
                    let mut messages = Vec::with_capacity(expected);
                    messages.push(status);
                    operations.push(OperationStatus { kind, status, messages });
                }
            }
        }
        let worst = operations.iter().fold(Status::OK, |all, kind| worse(all, kind.status));
        let overall = if worst.is_success() { worst } else { Status::FAIL };
        Self { cookie, overall, operations }
    }

    /// The overall status by these choices: both change its name and never its sign (X-01,
    /// R-CLK-19, R-STAT-01).
    #[cold]
    pub(crate) fn rename_overall(&mut self, choices: Choices) {
        let named = match self.overall {
            Status::MESSAGE_SUSPENDED if choices.suspended_status == SuspendedStatus::SFalse => {
                Some(Status::FALSE)
            }
            Status::FAIL if choices.failed_status == FailedStatus::FirstFailure => {
                let messages = self.operations.iter().flat_map(|operation| &operation.messages);
                messages.copied().find(|status| !status.is_success())
            }
            _ => None,
        };
        self.overall = named.unwrap_or(self.overall);
    }

    /// Whether a database was away, so that no operation is to blame (R-SHUT-07, R-MMB-06).
    #[must_use]
    pub fn could_not_store(&self) -> bool {
        self.overall == Status::PERSISTENCE_FAILURE
    }

    /// Whether some message has exactly this status.
    #[must_use]
    pub fn any(&self, status: Status) -> bool {
        self.operations.iter().any(|operation| operation.messages.contains(&status))
    }

    /// The entry of a kind; the order of entries is not documented, so look them up.
    #[must_use]
    pub fn of(&self, kind: OperationKind) -> Option<&OperationStatus> {
        self.operations.iter().find(|operation| operation.kind == kind)
    }
}

/// A failure beats a suspension beats success.
const fn worse(a: Status, b: Status) -> Status {
    if !a.is_success() || b.0 == 0 {
        a
    } else if !b.is_success() || a.0 == 0 {
        b
    } else {
        a
    }
}

impl fmt::Display for BatchStatus {
    /// `S_OK, 1, [{Submit,S_OK,3,[S_OK,S_OK,S_OK]}]`, as the golden sequences print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, [", self.overall, self.operations.len())?;
        for (at, operation) in self.operations.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let messages: Vec<String> = operation.messages.iter().map(Status::to_string).collect();
            let (kind, status, count) = (operation.kind, operation.status, messages.len());
            write!(f, "{comma}{{{kind:?},{status},{count},[{}]}}", messages.join(","))?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OperationKind::{Delete, Submit};

    #[test]
    fn op_count_is_the_number_of_kinds_and_one_failure_fails_the_batch() {
        // R-BC-01…04, R-ATOM-02, R-CLK-19, INV-04, INV-05, INV-06.
        let status = BatchStatus::assemble(
            7,
            [(Submit, Status::OK), (Delete, Status::OK), (Submit, Status::NO_SUBSCRIPTION)],
        );
        assert_eq!(
            status.to_string(),
            "E_FAIL, 2, [{Submit,NOSUB,2,[S_OK,NOSUB]},{Delete,S_OK,1,[S_OK]}]"
        );
        assert_eq!(status.cookie, 7);
    }

    #[test]
    fn a_suspended_message_is_still_success() {
        // R-ATOM-03, R-BC-05, X-01.
        let status =
            BatchStatus::assemble(1, [(Submit, Status::OK), (Submit, Status::MESSAGE_SUSPENDED)]);
        assert_eq!(status.overall, Status::MESSAGE_SUSPENDED);
        assert!(status.overall.is_success());
    }

    #[test]
    fn a_status_is_found_and_the_worst_one_wins() {
        // R-ATOM-02, R-ATOM-03: a failure beats a suspension beats success, in any order.
        let (ok, suspended, failed) = (Status::OK, Status::MESSAGE_SUSPENDED, Status::FAIL);
        for (one, other, worst) in [
            (ok, ok, ok),
            (ok, suspended, suspended),
            (suspended, ok, suspended),
            (suspended, failed, failed),
            (failed, suspended, failed),
            (failed, ok, failed),
            (suspended, Status::SECURITY_CHECK_FAILED, suspended),
        ] {
            assert_eq!(worse(one, other), worst, "{one} and {other}");
        }
        let status = BatchStatus::assemble(1, [(Submit, ok), (Submit, suspended)]);
        assert!(status.any(suspended) && status.any(ok) && !status.any(failed));
    }

    #[test]
    fn signs_tell_success_from_failure() {
        for (status, name) in STATUS_NAMES {
            let success = matches!(*name, "S_OK" | "S_FALSE" | "SUSP" | "SECURITY");
            assert_eq!(status.is_success(), success, "{name}");
        }
    }
}
