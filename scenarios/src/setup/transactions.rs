//! Transactional adapters and their coordinator, as the engine and the simulator know them.

use floodgate_engine::config::{
    AdapterKind, OnPoison, TransactionBegins, TransactionalReceiveSettings,
    TransactionalSendSettings,
};
use floodgate_sim::setup::{Coordination, Failure, Resolution};

use super::convert::{failure, receive_adapter, send_adapter};
use super::exchanges::request_kind;
use crate::plan::receive::{ReceiveAdapter, ReceiveKind};
use crate::plan::send_adapter::SendAdapter;
use crate::plan::transactions::{self, Begins, Transactions};

pub(super) fn receive_kind(own: &ReceiveAdapter) -> AdapterKind {
    if own.kind == ReceiveKind::Http {
        return request_kind(own);
    }
    if !own.transactional {
        return AdapterKind::Receive(receive_adapter(own));
    }
    AdapterKind::TransactionalReceive(TransactionalReceiveSettings {
        batch_messages: own.batch,
        batch_bytes: own.batch_bytes.unwrap_or(u64::MAX),
        poll: own.poll.filter(|_| !own.notify),
        transactions: own.batches,
        on_poison: match own.on_poison {
            transactions::OnPoison::Stop => OnPoison::Stop,
            transactions::OnPoison::Suspend => OnPoison::SuspendInTransaction { resumable: true },
            transactions::OnPoison::SuspendNonResumable => {
                OnPoison::SuspendInTransaction { resumable: false }
            }
            transactions::OnPoison::SuspendOnNextRead => {
                OnPoison::SuspendOnNextRead { remember: own.remember }
            }
        },
        single_for: own.single_for,
        pause: own.pause,
    })
}

pub(super) fn send_kind(own: &SendAdapter) -> AdapterKind {
    if !own.transactional {
        return AdapterKind::Send(send_adapter(own));
    }
    AdapterKind::TransactionalSend(TransactionalSendSettings {
        batch: own.batch,
        workers: own.workers,
        begins: match own.begins {
            Begins::AtTransmit => TransactionBegins::AtTransmit,
            Begins::InBeginBatch => TransactionBegins::InBeginBatch,
        },
    })
}

pub(super) fn coordination(own: &Transactions) -> Coordination {
    Coordination {
        prepare: own.prepare,
        commit: own.commit,
        timeout: own.timeout,
        refusals: own.refuse.as_ref().map_or(Failure::Never, failure),
        doubts: own.doubt.as_ref().map_or(Failure::Never, failure),
        doubt_lasts: own.doubt_lasts,
        doubt_ends: match own.doubt_ends {
            transactions::Resolution::Abort => Resolution::Abort,
            transactions::Resolution::Commit => Resolution::Commit,
        },
    }
}
