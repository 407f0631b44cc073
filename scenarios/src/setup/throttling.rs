//! Host throttling: from the words of a scenario to the engine's settings.

use floodgate_engine::throttle::{Direction, Override, Severities, ThrottleSettings};

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
    ThrottleSettings {
        publishing: direction(said.publishing),
        delivery: direction(said.delivery),
        messages: said.messages.into(),
        spool_factor: said.spool_factor.into(),
        tracking_factor: said.tracking_factor.into(),
        in_process: said.in_process.into(),
        threads: said.threads.into(),
        sessions: said.sessions.into(),
        severities: Severities {
            database: said.severity_database,
            in_process: said.severity_in_process,
            said: said.severity_override,
            ..Severities::default()
        },
        tick: said.tick,
        ..ThrottleSettings::default()
    }
}
