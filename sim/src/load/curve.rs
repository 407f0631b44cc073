//! Rates that change while they last: a straight slope, and half a wave.
//!
//! Arrivals are where the integral of the rate reaches given sums, so a curve is its integral and
//! the inverse of it: closed for a slope, by a safeguarded Newton iteration for a wave. Nothing is
//! thinned out: as many draws as arrivals.

use std::f64::consts::PI;

/// How a rate goes from one value to another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// At a constant slope.
    Slope,
    /// As half a period of a cosine: flat at both ends.
    Wave,
}

/// A rate that goes from `from` to `to` arrivals per second in so many seconds; the first part of
/// it may be left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Curve {
    pub(super) form: Form,
    pub(super) from: f64,
    pub(super) to: f64,
    /// Length of the whole, in seconds.
    pub(super) seconds: f64,
    /// Seconds of it that are over when the segment begins.
    pub(super) skipped: f64,
}

impl Curve {
    /// Arrivals due in all that is not left out.
    pub(super) fn total(&self) -> f64 {
        self.whole(self.seconds) - self.whole(self.skipped)
    }

    /// The seconds, after what is left out, until `mass` arrivals are due.
    pub(super) fn seconds_to(&self, mass: f64) -> f64 {
        let mass = mass + self.whole(self.skipped);
        let seconds = match self.form {
            Form::Slope => self.up_the_slope(mass),
            Form::Wave => self.along_the_wave(mass),
        };
        (seconds.min(self.seconds) - self.skipped).max(0.0)
    }

    /// The integral of the rate over the first `seconds` of the whole.
    fn whole(&self, seconds: f64) -> f64 {
        let x = seconds / self.seconds;
        let share = match self.form {
            Form::Slope => x * x / 2.0,
            Form::Wave => (x - libm::sin(PI * x) / PI) / 2.0,
        };
        self.seconds * (self.from * x + (self.to - self.from) * share)
    }

    fn rate(&self, seconds: f64) -> f64 {
        let share = (1.0 - libm::cos(PI * seconds / self.seconds)) / 2.0;
        self.from + (self.to - self.from) * share
    }

    /// The root of a quadratic, in the form that does not cancel.
    fn up_the_slope(&self, mass: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds;
        let root = libm::sqrt((self.from * self.from + 2.0 * slope * mass).max(0.0));
        if mass > 0.0 { 2.0 * mass / (self.from + root) } else { 0.0 }
    }

    /// Newton's steps, and the middle of the bracket where one would leave it: the rate may be
    /// zero at an end.
    fn along_the_wave(&self, mass: f64) -> f64 {
        /// More halvings than an `f64` has bits.
        const STEPS_MAX: u32 = 80;
        let (mut low, mut high) = (0.0, self.seconds);
        let mut at = self.seconds * (mass / self.whole(self.seconds)).clamp(0.0, 1.0);
        for _ in 0..STEPS_MAX {
            let over = self.whole(at) - mass;
            if over > 0.0 {
                high = at;
            } else {
                low = at;
            }
            let newton = at - over / self.rate(at);
            let next =
                if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
            let moved = (next - at).abs();
            at = next;
            if moved <= self.seconds * 1e-15 {
                break;
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves() -> Vec<Curve> {
        let ends = [(0.0, 80.0), (80.0, 0.0), (3.0, 40.0), (50.0, 49.0)];
        let cut = [0.0, 1_000.0, 14_399.0];
        let mut all = Vec::new();
        for form in [Form::Slope, Form::Wave] {
            for (from, to) in ends {
                let of = |skipped| Curve { form, from, to, seconds: 14_400.0, skipped };
                all.extend(cut.map(of));
            }
        }
        all
    }

    #[test]
    fn the_inverse_undoes_the_integral() {
        for curve in curves() {
            let left = curve.seconds - curve.skipped;
            for n in 0..=1_000 {
                let seconds = left * f64::from(n) / 1_000.0;
                let mass = curve.whole(curve.skipped + seconds) - curve.whole(curve.skipped);
                let found = curve.seconds_to(mass);
                let again = curve.whole(curve.skipped + found) - curve.whole(curve.skipped);
                // At an end where the rate is zero many instants have the same mass to the last
                // bit: the mass must agree there, and the instant elsewhere.
                assert!((again - mass).abs() <= 1e-8, "{curve:?}: {mass} {again}");
                if curve.rate(curve.skipped + seconds) > 1.0 && curve.form == Form::Wave {
                    assert!((found - seconds).abs() < 1e-7, "{curve:?}: {seconds} {found}");
                }
            }
        }
    }

    #[test]
    fn the_integral_is_the_area_under_the_rate() {
        // Both forms have the mean of their ends.
        for curve in curves().iter().filter(|curve| curve.skipped <= 0.0) {
            let area = f64::midpoint(curve.from, curve.to) * curve.seconds;
            assert!((curve.total() / area - 1.0).abs() < 1e-12, "{curve:?}");
        }
        // A wave has a quarter of its height's excess in the first half less than a slope.
        let wave = Curve { form: Form::Wave, from: 0.0, to: 1.0, seconds: 2.0, skipped: 0.0 };
        assert!((wave.whole(1.0) - (0.5 - 1.0 / PI)).abs() < 1e-12);
        let slope = Curve { form: Form::Slope, ..wave };
        assert!((slope.whole(1.0) - 0.25).abs() < 1e-12);
    }
}
