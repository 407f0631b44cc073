//! An adapter somebody else might write: it sends one message at a time and never blocks.

use floodgate_engine::adapter::{AdapterInput, AsyncAdapter, ErrorSubject, Returned, Transmission};
use floodgate_engine::adapter::{Transport, WireRequest, WireResult};
use floodgate_engine::batch::{Operation, Suspendable};
use floodgate_engine::message_box::OutboundMessage;

/// What becomes of a message; after a refusal the next one is tried (R-FILT-03).
#[derive(Clone, Copy)]
enum Fate {
    Delete,
    Resubmit,
    NextTransport,
    Suspend,
}

/// The adapter, as it is registered.
pub fn courier() -> AsyncAdapter {
    AsyncAdapter::new(serve)
}

async fn serve(transport: Transport) {
    loop {
        match transport.next_input().await {
            AdapterInput::TransmitMessage { call, message } => {
                transport.returned(call, Returned::Pending);
                transport.spawn(carry(transport.clone(), *message));
            }
            AdapterInput::Terminate { call } => transport.terminate(call),
            _ => {}
        }
    }
}

/// Transmits one message and disposes of it.
async fn carry(transport: Transport, message: OutboundMessage) {
    let request = WireRequest::Transmit(Transmission::of(&message));
    let mut fate = match transport.wire(request).await {
        WireResult::Sent => Fate::Delete,
        _ => {
            transport.set_error_info(ErrorSubject::Reference(message.reference), "not delivered");
            if message.retries_left > 0 { Fate::Resubmit } else { Fate::NextTransport }
        }
    };
    loop {
        let Ok(mut batch) = transport.batch() else { return };
        let reference = message.reference;
        batch.add(match fate {
            Fate::Delete => Operation::Delete(reference),
            Fate::Resubmit => {
                Operation::Resubmit { reference, at: transport.now() + message.retry_interval }
            }
            Fate::NextTransport => Operation::MoveToNextTransport(reference),
            Fate::Suspend => Operation::MoveToSuspendQueue(Suspendable::Reference(reference)),
        });
        let Ok(status) = batch.done().await else { return };
        fate = match fate {
            _ if status.overall.is_success() => return,
            Fate::Resubmit => Fate::NextTransport,
            Fate::NextTransport => Fate::Suspend,
            Fate::Delete | Fate::Suspend => return,
        };
    }
}
