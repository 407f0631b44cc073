//! What services leave behind for those who ask later what happened (R-GC-05).

use crate::id::{OrchestrationId, ReceivePortId, SendPortId};

/// A service that can be tracked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tracked {
    /// An orchestration.
    Orchestration(OrchestrationId),
    /// The pipelines of a receive port's locations.
    ReceivePort(ReceivePortId),
    /// The pipeline of a send port.
    SendPort(SendPortId),
}

/// What is tracked of a service.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Track {
    /// Its beginning and end, and that a message came and that one went.
    pub events: bool,
    /// The message as it came, in full.
    pub before: bool,
    /// The message as it went, in full.
    pub after: bool,
    /// Promoted properties that are kept of the message it makes; only with events.
    pub properties: u32,
    /// Bytes of the value of one.
    pub property_bytes: u32,
}

/// Tracking data by what it is made of: what the tables of the tracking database hold.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Holdings {
    /// Services that ran: pipelines and orchestrations.
    pub services: u64,
    /// Messages that came or went.
    pub events: u64,
    /// Properties.
    pub properties: u64,
    /// Bytes of their values.
    pub property_bytes: u64,
    /// Messages in full.
    pub bodies: u64,
    /// Their bytes.
    pub body_bytes: u64,
}

impl Holdings {
    /// Bytes in the tables, as the product's sizing page reckons them: 150 a service, 230 an
    /// event, 52 and its value a property, and bodies as they are.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.data_bytes() + self.body_bytes
    }

    /// The same without the bodies.
    #[must_use]
    pub const fn data_bytes(&self) -> u64 {
        self.services * 150 + self.events * 230 + self.properties * 52 + self.property_bytes
    }

    /// Rows in the tables: one for each of all these.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.services + self.events + self.properties + self.bodies
    }

    /// Adds more.
    pub const fn add(&mut self, more: &Self) {
        self.services += more.services;
        self.events += more.events;
        self.properties += more.properties;
        self.property_bytes += more.property_bytes;
        self.bodies += more.bodies;
        self.body_bytes += more.body_bytes;
    }

    /// Takes away what is part of it.
    pub const fn take(&mut self, part: &Self) {
        self.services -= part.services;
        self.events -= part.events;
        self.properties -= part.properties;
        self.property_bytes -= part.property_bytes;
        self.bodies -= part.bodies;
        self.body_bytes -= part.body_bytes;
    }
}

impl Track {
    /// What a service leaves of itself, and of one message that came and one that went.
    pub(crate) fn ended(self) -> Holdings {
        if !self.events {
            return Holdings::default();
        }
        Holdings { services: 1, events: 2, ..self.of_properties() }
    }

    /// What it leaves of a further message that goes, where one that came becomes many.
    pub(crate) fn further(self) -> Holdings {
        if !self.events {
            return Holdings::default();
        }
        Holdings { events: 1, ..self.of_properties() }
    }

    /// What it leaves when it has begun and does not end.
    pub(crate) fn begun(self) -> Holdings {
        let once = u64::from(self.events);
        Holdings { services: once, events: once, ..Holdings::default() }
    }

    fn of_properties(self) -> Holdings {
        let properties = u64::from(self.properties);
        let property_bytes = properties * u64::from(self.property_bytes);
        Holdings { properties, property_bytes, ..Holdings::default() }
    }

    /// Bodies of one message.
    pub(crate) fn bodies(self) -> u32 {
        u32::from(self.before) + u32::from(self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Megabytes of so many messages, each seen by so many services.
    fn megabytes(messages: u64, services: u64, track: Track) -> f64 {
        let bytes = messages * services * track.ended().bytes();
        bytes as f64 / 1_048_576.0
    }

    #[test]
    fn the_sizes_are_those_of_the_published_examples() {
        // R-GC-05. 3.5 million messages a year: two services are messaging, three with an
        // orchestration between.
        let events = Track { events: true, ..Track::default() };
        let property = Track { properties: 1, property_bytes: 10, ..events };
        let near = |found: f64, published: f64| assert!((found - published).abs() < 0.5, "{found}");
        near(megabytes(3_500_000, 3, events), 6108.0);
        near(megabytes(3_500_000, 3, property), 6729.0);
        near(megabytes(3_500_000, 2, property), 4486.0);
        let body = Holdings { bodies: 4, body_bytes: 4 * 5 * 1024, ..Holdings::default() };
        let bodies = 3_500_000.0 * body.bytes() as f64 / 1_048_576.0;
        assert!((bodies - 68_359.375).abs() < 1e-6, "{bodies}");
    }

    #[test]
    fn without_events_nothing_but_bodies_is_left() {
        let silent = Track { before: true, properties: 5, ..Track::default() };
        assert_eq!((silent.ended(), silent.begun()), Default::default());
        assert_eq!((silent.further(), silent.bodies()), (Holdings::default(), 1));
    }
}
