//! What is asked of a search, and what of it unless somebody says otherwise.

/// Width of the interval, relative to the throughput, unless said otherwise.
pub const PRECISION: f64 = 0.01;
/// Seconds of the capacity that wait after an overload, unless said otherwise: five minutes.
pub const RECOVERY_SECONDS: f64 = 300.0;
/// Virtual seconds of one probe, unless said otherwise.
pub const SECONDS_MAX: f64 = 4.0 * 3600.0;
/// Steps of all worlds of a search, unless said otherwise: some minutes of one core.
pub const STEPS_MAX: u64 = 2_000_000_000;
/// The same of one that finds elasticities, which take several times as long.
pub const STEPS_EXPLAINED: u64 = 20_000_000_000;

/// What is asked of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// Width of the interval, relative to the throughput.
    pub precision: f64,
    /// Virtual seconds of one probe.
    pub seconds_max: f64,
    /// The same of a run of the scenario as it is written, if somebody says it: it lasts for as
    /// long as is written otherwise.
    pub written_max: Option<f64>,
    /// Seconds of the capacity that must wait before the plant has to show that it comes back;
    /// with nothing, it need not.
    pub recovery: f64,
    /// Steps of all its worlds together, after which it is over whatever is known then.
    pub steps_max: u64,
    /// Threads that work at it; the answer does not depend on them.
    pub threads: usize,
    /// Whether elasticities are wanted, which take several times as long.
    pub explain: bool,
    /// Whether the capacity is wanted with all other prices that fit as well.
    pub spread: bool,
    /// Whether the load is to be a multiple of the whole scenario as it is written, although it
    /// could be a rate that goes on for ever.
    pub as_written: bool,
}

impl Ask {
    /// What is asked unless somebody says otherwise.
    pub const DEFAULT: Self = Self {
        precision: PRECISION,
        seconds_max: SECONDS_MAX,
        written_max: None,
        recovery: RECOVERY_SECONDS,
        steps_max: STEPS_MAX,
        threads: 1,
        explain: false,
        spread: false,
        as_written: false,
    };

    /// The same with probes of so many virtual seconds at most, if somebody says so.
    #[must_use]
    pub fn lasting(self, seconds: Option<f64>) -> Self {
        Self { seconds_max: seconds.unwrap_or(self.seconds_max), written_max: seconds, ..self }
    }
}
