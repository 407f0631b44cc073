//! What work costs: the unit prices of a profile, applied to what the engine counted.
//!
//! The engine counts messages, batches, rows and bytes ([`Demand`], [`Footprint`]); only here do
//! they become time. Prices are causes (CPU per row, time under a lock), never answers: nothing
//! here is a rate.

use floodgate_engine::demand::Demand;
use floodgate_engine::message_box::Footprint;
use floodgate_engine::time::Duration;

/// Unit prices. Everything defaults to nothing, which is the profile `free`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Costs {
    /// CPU of the BizTalk server, per engine batch that submits.
    pub receive_batch: Duration,
    /// CPU of the BizTalk server, per submitted message.
    pub receive_message: Duration,
    /// CPU of the BizTalk server, per 1,024 bytes submitted.
    pub receive_kb: Duration,
    /// CPU per document through an XML disassembler or assembler.
    pub xml_message: Duration,
    /// CPU per 1,024 bytes through one.
    pub xml_kb: Duration,
    /// CPU per document through a map.
    pub map_message: Duration,
    /// CPU per 1,024 bytes through one.
    pub map_kb: Duration,
    /// CPU per delivery to a send adapter, whatever its size.
    pub send_batch: Duration,
    /// CPU per message delivered.
    pub send_message: Duration,
    /// CPU per 1,024 bytes delivered.
    pub send_kb: Duration,
    /// CPU per engine batch that disposes of delivered messages.
    pub completion_batch: Duration,
    /// CPU per message in it.
    pub completion_message: Duration,
    /// CPU of the SQL server, per transaction.
    pub sql_transaction: Duration,
    /// CPU of the SQL server, per row.
    pub sql_row: Duration,
    /// CPU of the SQL server, per 1,024 bytes of bodies.
    pub sql_kb: Duration,
    /// Time under the MessageBox's locks and log, one transaction at a time, per transaction.
    pub lock_transaction: Duration,
    /// The same, per row.
    pub lock_row: Duration,
    /// The same, per 1,024 bytes of bodies.
    pub lock_kb: Duration,
}

fn per_kb(price: Duration, bytes: u64) -> Duration {
    let nanos = u128::from(price.as_nanos()) * u128::from(bytes) / 1024;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn each(price: Duration, count: u32) -> Duration {
    price.times(u64::from(count))
}

impl Costs {
    /// CPU time of the BizTalk server for a piece of engine work.
    #[must_use]
    pub fn work(&self, demand: &Demand) -> Duration {
        each(self.receive_batch, demand.receive_batches)
            + each(self.receive_message, demand.receive_messages)
            + per_kb(self.receive_kb, demand.receive_bytes)
            + each(self.xml_message, demand.xml_messages)
            + per_kb(self.xml_kb, demand.xml_bytes)
            + each(self.map_message, demand.map_messages)
            + per_kb(self.map_kb, demand.map_bytes)
            + each(self.send_batch, demand.send_batches)
            + each(self.send_message, demand.send_messages)
            + per_kb(self.send_kb, demand.send_bytes)
            + each(self.completion_batch, demand.completion_batches)
            + each(self.completion_message, demand.completion_messages)
    }

    /// CPU time of the SQL server for one transaction.
    #[must_use]
    pub fn sql(&self, footprint: Footprint) -> Duration {
        self.sql_transaction
            + each(self.sql_row, footprint.rows)
            + per_kb(self.sql_kb, footprint.bytes)
    }

    /// Time under the MessageBox's locks and log for one transaction.
    #[must_use]
    pub fn lock(&self, footprint: Footprint) -> Duration {
        self.lock_transaction
            + each(self.lock_row, footprint.rows)
            + per_kb(self.lock_kb, footprint.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_paid_per_unit_and_bytes_in_shares_of_a_kilobyte() {
        let us = Duration::from_micros;
        let costs = Costs {
            sql_transaction: us(100),
            sql_row: us(10),
            sql_kb: us(4),
            lock_row: us(1),
            send_batch: us(50),
            send_message: us(7),
            ..Costs::default()
        };
        let footprint = Footprint { rows: 3, bytes: 512, ..Footprint::default() };
        assert_eq!((costs.sql(footprint), costs.lock(footprint)), (us(132), us(3)));
        let demand =
            Demand { send_batches: 1, send_messages: 5, send_bytes: 9000, ..Demand::default() };
        assert_eq!(costs.work(&demand), us(85));
    }
}
