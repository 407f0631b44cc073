//! Dehydration: from the words of a scenario to the engine's settings.

use floodgate_engine::throttle::{DehydrationSettings, Measure, Memory};

use crate::plan::dehydration::{Defaults, Dehydration};

/// Bytes of a megabyte, as counters print it.
const MB: u64 = 1_000_000;

/// The settings of a host whose process takes `memory`.
pub(super) fn dehydration(said: &Dehydration, memory: Option<Memory>) -> DehydrationSettings {
    let (process, machine) = (said.virtual_memory / MB, said.physical_memory / MB);
    let set = match said.defaults {
        Defaults::Dashboard => DehydrationSettings::dashboard(process, machine),
        Defaults::File => DehydrationSettings::file(),
    };
    let measure = |own: &Option<crate::plan::dehydration::Measure>, whole, set: Option<Measure>| {
        let Some(own) = own else { return set };
        let (optimal, max) = (u64::from(own.optimal), u64::from(own.max));
        match max {
            0 => None,
            1..=100 => Some(Measure::shares(whole, optimal, max)),
            _ => Some(Measure { optimal, max }),
        }
    };
    DehydrationSettings {
        min: said.min,
        max: said.max,
        constant: said.constant,
        virtual_bytes: measure(&said.virtual_bytes, process, set.virtual_bytes),
        private: measure(&said.private_bytes, process, set.private),
        physical: measure(&said.physical, machine, set.physical),
        memory,
        cycle: said.cycle,
    }
}
