//! What LoadGen does about a send that fails: it tries again, so often and so far apart.

use floodgate_engine::time::{Duration, Instant};

/// `RetryInterval` and `RetryNumber` of a section. The published text has the two numbers and says
/// that they are about failed sends.
///
/// \[M\] A failed send is the same message again, by the same thread, which does nothing else
/// meanwhile; so the other threads of its round wait with it. A message whose last retry failed is
/// given up and the thread takes the next one. What is given up was not sent: `StopMode` `Files`
/// counts what was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Resend {
    /// `RetryInterval`: from a failure to the next try.
    pub interval: Duration,
    /// `RetryNumber`: tries after the first.
    pub number: u32,
}

/// When the destination of a load refuses what is sent, and what its senders do about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusals {
    /// From when to when, on the run's clock.
    pub spans: Vec<(Instant, Instant)>,
    /// How senders try again.
    pub resend: Resend,
}

impl Refusals {
    /// When a send is done whose first try ends at `sent`; each try takes `takes`. The instant of
    /// the last failure, if it is given up.
    pub(super) fn outcome(&self, sent: Instant, takes: Duration) -> Result<Instant, Instant> {
        let mut sent = sent;
        for _ in 0..self.resend.number {
            if !self.refuses(sent) {
                return Ok(sent);
            }
            sent = sent + self.resend.interval + takes;
        }
        if self.refuses(sent) { Err(sent) } else { Ok(sent) }
    }

    fn refuses(&self, at: Instant) -> bool {
        self.spans.iter().any(|(from, to)| (*from..*to).contains(&at))
    }

    /// The same with its spans on another clock.
    pub(super) fn on(self, clock: impl Fn(Instant) -> Instant) -> Self {
        let spans = self.spans.iter().map(|(from, to)| (clock(*from), clock(*to))).collect();
        Self { spans, ..self }
    }
}
