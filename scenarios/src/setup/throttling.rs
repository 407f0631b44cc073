//! Host throttling: from the words of a scenario to the engine's settings.

use floodgate_engine::throttle::{Direction, Memory, Override, Severities, ThrottleSettings};

use crate::plan::throttling::{Said, Throttling};

pub(super) fn throttle_settings(said: &Throttling) -> ThrottleSettings {
    let direction = |word: Said| Direction {
        samples: said.samples,
        window: said.window,
        overdrive: said.overdrive,
        delay_max: said.delay_max,
        said: match word {
            Said::Always => Override::Always,
            Said::Automatic => Override::Automatic,
            Said::Never => Override::Never,
        },
    };
    let publishing = direction(said.publishing);
    ThrottleSettings {
        publishing,
        delivery: Direction {
            samples: said.delivery_samples.unwrap_or(publishing.samples),
            window: said.delivery_window.unwrap_or(publishing.window),
            overdrive: said.delivery_overdrive.unwrap_or(publishing.overdrive),
            delay_max: said.delivery_delay_max.unwrap_or(publishing.delay_max),
            ..direction(said.delivery)
        },
        messages: said.messages.into(),
        spool_factor: said.spool_factor.into(),
        tracking_factor: said.tracking_factor.into(),
        in_process: said.in_process.into(),
        threads: said.threads.into(),
        sessions: said.sessions.into(),
        process_memory: process_threshold(said),
        system_memory: said.system_memory.into(),
        memory: said.memory.as_ref().map(|own| Memory {
            base: own.base,
            per_message: own.per_message,
            factor: (own.factor * 100.0).round() as u32,
            garbage: own.garbage,
            caches: own.caches,
        }),
        batch_memory: said.batch_memory,
        gc_trigger: said.gc_trigger,
        severities: Severities {
            database: said.severity_database,
            in_process: said.severity_in_process,
            said: said.severity_override,
            memory: said.severity_memory,
        },
        tick: said.tick,
    }
}

/// The threshold of a process in MB: up to 100 it is a share of what the process can have.
fn process_threshold(said: &Throttling) -> u64 {
    let threshold = u64::from(said.process_memory);
    if threshold > 100 { threshold } else { said.virtual_memory / 100 * threshold / 1_000_000 }
}
