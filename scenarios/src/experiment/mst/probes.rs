//! What a search says of a step of its way, where that is not a run's own evidence.

use floodgate_reports::{MstVerdict, Probe};

use super::capacity::Capacity;

/// The measurement of a capacity as a probe.
pub(super) fn told(capacity: &Capacity) -> Probe {
    let (warm_up, lasts) = capacity.spans;
    let broken = capacity.broken.as_ref().map_or(String::new(), |what| format!("; {what}"));
    Probe {
        rate: capacity.mean.value,
        seconds: (warm_up + lasts).as_secs_f64(),
        seeds: capacity.seeds.clone(),
        verdict: match capacity.broken {
            Some(_) => MstVerdict::Broken,
            None => MstVerdict::Sustainable,
        },
        evidence: format!(
            "backlog held at {}: {:.2}/s ± {:.2}, windows of {:.1} s after {:.1} s{broken}",
            capacity.backlog,
            capacity.mean.value,
            capacity.mean.half,
            lasts.as_secs_f64(),
            warm_up.as_secs_f64()
        ),
    }
}

/// No capacity could be measured, and why.
pub(super) fn unknown(rate: f64, why: &str) -> Probe {
    Probe {
        rate,
        seconds: 0.0,
        seeds: Vec::new(),
        verdict: MstVerdict::Undecided,
        evidence: why.to_owned(),
    }
}
