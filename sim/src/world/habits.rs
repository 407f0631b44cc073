//! What adapters with habits keep in the context of messages, looked at from outside.

use floodgate_engine::adapter::Transmission;
use floodgate_engine::config::{Habits, Topology};
use floodgate_engine::message::Value;
use floodgate_engine::message_box::OutboundMessage;

use super::World;

impl World {
    /// Tries on the same transport beyond the configured ones, as the message says (R-ADD-07).
    #[cold]
    pub(super) fn tried_more(&self, transmission: &Transmission) -> u32 {
        let mut habits = self.topology.habits.iter();
        // All that count do so in the same properties.
        let Some(more) = habits.find_map(|(_, own)| own.more_tries) else { return 0 };
        let property = more.counts[usize::from(transmission.on_backup)];
        match self.message_box.kept_of(transmission.reference, property) {
            Some(Value::Int(tried)) => u32::try_from(*tried).unwrap_or_default(),
            Some(Value::Bool(_) | Value::Object | Value::Text(_)) | None => 0,
        }
    }
}

/// A call of `TransmitMessage` as a line of a story.
pub(super) fn tell_transmit(topology: &Topology, node: &str, message: &OutboundMessage) -> String {
    let (document, retries) = (message.document, message.retries_left);
    let to = super::dynamic::tell_location(message);
    let kept = tell_kept(topology, message);
    format!("E>A  {node} TransmitMessage({document}) RetryCount {retries}{to}{kept}")
}

/// What a story tells of a message that an adapter gave back: the properties that it asked to be
/// kept, as they are there at this try (R-CTX-10).
fn tell_kept(topology: &Topology, message: &OutboundMessage) -> String {
    let Some(Habits { more_tries, updates, .. }) = topology.habits(message.adapter) else {
        return String::new();
    };
    let own = updates.iter().map(|one| format!("{}.{}", one.namespace, one.name));
    let own = own.filter_map(|name| topology.properties.find(&name));
    let counts = more_tries.iter().flat_map(|more| more.counts);
    let found = own.chain(counts).filter_map(|property| {
        let value = match message.context.read(property)? {
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Object => "an object".to_owned(),
            Value::Text(value) => value.to_string(),
        };
        Some(format!(" {}={value}", topology.properties.name(property)))
    });
    found.collect()
}
