//! Distributions of spans, sampled by inverting their distribution function.
//!
//! A sample is a monotone function of its uniforms (so common and antithetic uniforms work as they
//! should), computed with `libm` alone, so that the same bits come out on every platform. Golden
//! vectors pin them.

use floodgate_engine::time::Duration;

/// How long something takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dist {
    /// Always the same span.
    Constant(Duration),
    /// The sum of `shape` equal exponential phases.
    Erlang {
        /// Of the whole sum.
        mean: Duration,
        /// How many phases; at least one.
        shape: u32,
    },
    /// No memory: how long it has taken says nothing about how long it will.
    Exponential {
        /// Also the standard deviation.
        mean: Duration,
    },
    /// The logarithm is normal: many short spans and a few very long ones.
    Lognormal {
        /// Of the spans themselves, not of their logarithms.
        mean: Duration,
        /// Squared coefficient of variation, variance / mean^2; not negative.
        scv: f64,
    },
    /// A power law: the share of spans above x falls as x^-shape. No variance up to a shape of 2.
    Pareto {
        /// Of the spans.
        mean: Duration,
        /// Above 1, or there would be no mean.
        shape: f64,
    },
    /// Every span between two limits is as likely.
    Uniform {
        /// The shortest.
        low: Duration,
        /// The longest; not below `low`.
        high: Duration,
    },
}

impl Dist {
    /// The expected span, to the nanosecond below.
    #[must_use]
    pub fn mean(&self) -> Duration {
        match *self {
            Self::Constant(span) => span,
            Self::Erlang { mean, .. }
            | Self::Exponential { mean }
            | Self::Lognormal { mean, .. }
            | Self::Pareto { mean, .. } => mean,
            Self::Uniform { low, high } => low + Duration::from_nanos((high - low).as_nanos() / 2),
        }
    }

    /// The squared coefficient of variation, variance / mean^2; 0 when the mean is zero, infinite
    /// when there is no variance.
    #[must_use]
    pub fn scv(&self) -> f64 {
        if self.mean().is_zero() {
            return 0.0;
        }
        match *self {
            Self::Constant(_) => 0.0,
            Self::Erlang { shape, .. } => 1.0 / f64::from(shape),
            Self::Exponential { .. } => 1.0,
            Self::Lognormal { scv, .. } => scv,
            Self::Pareto { shape, .. } if shape > 2.0 => 1.0 / (shape * (shape - 2.0)),
            Self::Pareto { .. } => f64::INFINITY,
            Self::Uniform { low, high } => {
                let (low, high) = (low.as_nanos() as f64, high.as_nanos() as f64);
                let ratio = (high - low) / (high + low);
                ratio * ratio / 3.0
            }
        }
    }

    /// Whether every sample is zero, so that no event is needed to wait for it.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        match *self {
            Self::Uniform { low, high } => low.is_zero() && high.is_zero(),
            Self::Constant(_)
            | Self::Erlang { .. }
            | Self::Exponential { .. }
            | Self::Lognormal { .. }
            | Self::Pareto { .. } => self.mean().is_zero(),
        }
    }

    /// One span; `uniform(k)` is the k-th uniform number, inside (0, 1), of this draw.
    ///
    /// Uses no uniform for a constant, `shape` for Erlang and one for each of the others.
    #[inline(always)]
    #[must_use]
    pub fn sample(&self, mut uniform: impl FnMut(u32) -> f64) -> Duration {
        match *self {
            Self::Constant(span) => span,
            Self::Erlang { mean, shape } => erlang(mean, shape, uniform),
            Self::Exponential { mean } => scaled(mean, unit_exponential(uniform(0))),
            Self::Lognormal { mean, scv } => {
                let variance = libm::log1p(scv);
                let normal = inverse_normal(uniform(0));
                scaled(mean, libm::exp(libm::sqrt(variance) * normal - variance / 2.0))
            }
            Self::Pareto { mean, shape } => {
                let above_least = libm::exp(unit_exponential(uniform(0)) / shape);
                scaled(mean, (shape - 1.0) / shape * above_least)
            }
            Self::Uniform { low, high } => low + scaled(high - low, uniform(0)),
        }
    }
}

/// An exponential variate of mean 1, from a uniform inside (0, 1).
///
/// Increasing in `u` would need log(1 - u), which is inexact near 0; decreasing serves as well.
#[inline]
#[must_use]
pub fn unit_exponential(u: f64) -> f64 {
    -libm::log(u)
}

/// `mean * factor` to the nearest nanosecond.
#[inline]
fn scaled(mean: Duration, factor: f64) -> Duration {
    // The cast saturates: a sample longer than 584 years becomes `Duration::MAX`.
    Duration::from_nanos((mean.as_nanos() as f64 * factor + 0.5) as u64)
}

fn erlang(mean: Duration, shape: u32, mut uniform: impl FnMut(u32) -> f64) -> Duration {
    assert!(shape > 0, "an Erlang distribution has at least one phase");
    // One logarithm serves sixteen phases: 16 uniforms of at least 2^-53 cannot underflow.
    const PHASES_PER_LOG: u32 = 16;
    let (mut sum, mut product) = (0.0, 1.0);
    for phase in 0..shape {
        product *= uniform(phase);
        if phase % PHASES_PER_LOG == PHASES_PER_LOG - 1 {
            sum += unit_exponential(product);
            product = 1.0;
        }
    }
    sum += unit_exponential(product);
    scaled(mean, sum / f64::from(shape))
}

/// The quantile of the standard normal distribution: Wichura, "Algorithm AS 241", routine PPND16,
/// Applied Statistics 37 (1988); about one part in 10^16.
#[must_use]
pub fn inverse_normal(u: f64) -> f64 {
    let centred = u - 0.5;
    if centred.abs() <= 0.425 {
        let r = 0.180_625 - centred * centred;
        return centred * ratio(&CENTRE, r);
    }
    let tail = if centred < 0.0 { u } else { 1.0 - u };
    let r = libm::sqrt(-libm::log(tail));
    let quantile = if r <= 5.0 { ratio(&MIDDLE, r - 1.6) } else { ratio(&FAR, r - 5.0) };
    if centred < 0.0 { -quantile } else { quantile }
}

/// Numerator and denominator, the constant term first.
type Rational = [[f64; 8]; 2];

fn ratio(rational: &Rational, x: f64) -> f64 {
    let [above, below] = rational;
    let polynomial = |terms: &[f64; 8]| terms.iter().rev().fold(0.0, |sum, term| sum * x + term);
    polynomial(above) / polynomial(below)
}

/// For |u - 1/2| <= 0.425.
#[expect(clippy::excessive_precision, reason = "the digits as published")]
const CENTRE: Rational = [
    [
        3.387_132_872_796_366_608_0,
        133.141_667_891_784_377_45,
        1_971.590_950_306_551_442_7,
        13_731.693_765_509_461_125,
        45_921.953_931_549_871_457,
        67_265.770_927_008_700_853,
        33_430.575_583_588_128_105,
        2_509.080_928_730_122_672_7,
    ],
    [
        1.0,
        42.313_330_701_600_911_252,
        687.187_007_492_057_908_30,
        5_394.196_021_424_751_107_7,
        21_213.794_301_586_595_867,
        39_307.895_800_092_710_610,
        28_729.085_735_721_942_674,
        5_226.495_278_852_854_561_0,
    ],
];

/// For a tail probability down to e^-25.
#[expect(clippy::excessive_precision, reason = "the digits as published")]
const MIDDLE: Rational = [
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_90,
        5.769_497_221_460_691_405_50,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        2.417_807_251_774_506_117_70e-1,
        2.272_384_498_926_918_458_33e-2,
        7.745_450_142_783_414_076_40e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_40,
        6.897_673_349_851_000_045_50e-1,
        1.481_039_764_274_800_745_90e-1,
        1.519_866_656_361_645_719_66e-2,
        5.475_938_084_995_344_946_00e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
];

/// For the tail beyond.
#[expect(clippy::excessive_precision, reason = "the digits as published")]
const FAR: Rational = [
    [
        6.657_904_643_501_103_777_20,
        5.463_784_911_164_114_369_90,
        1.784_826_539_917_291_335_80,
        2.965_605_718_285_048_912_30e-1,
        2.653_218_952_657_612_309_30e-2,
        1.242_660_947_388_078_438_60e-3,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        5.998_322_065_558_879_376_90e-1,
        1.369_298_809_227_358_053_10e-1,
        1.487_536_129_085_061_485_25e-2,
        7.868_691_311_456_132_591_00e-4,
        1.846_318_317_510_054_681_80e-5,
        1.421_511_758_316_445_888_70e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Rng};

    const SECOND: Duration = Duration::from_secs(1);

    fn every_kind() -> [Dist; 7] {
        [
            Dist::Constant(SECOND),
            Dist::Erlang { mean: SECOND, shape: 4 },
            Dist::Erlang { mean: SECOND, shape: 100 },
            Dist::Exponential { mean: SECOND },
            Dist::Lognormal { mean: SECOND, scv: 0.25 },
            Dist::Lognormal { mean: SECOND, scv: 4.0 },
            Dist::Uniform { low: Duration::from_millis(500), high: Duration::from_millis(1_500) },
        ]
    }

    #[test]
    fn samples_are_pinned_to_the_nanosecond() {
        let rng = Rng::new(42, 0);
        let samples = every_kind().map(|dist| {
            [0, 1, 2].map(|entity| {
                let uniform = |k| rng.uniform(Purpose::Work, entity, u64::from(k));
                dist.sample(uniform).as_nanos()
            })
        });
        let golden: [[u64; 3]; 7] = [
            [1_000_000_000, 1_000_000_000, 1_000_000_000],
            [1_558_228_481, 615_128_919, 1_011_410_186],
            [978_251_831, 1_080_686_686, 1_054_392_258],
            [5_635_025, 727_323_984, 208_867_872],
            [2_962_422_120, 876_805_684, 1_357_644_626],
            [11_150_964_100, 423_942_371, 1_371_703_284],
            [1_494_380_822, 983_200_313, 1_311_502_451],
        ];
        assert_eq!(samples, golden, "{samples:?}");
    }

    #[test]
    fn moments_are_as_stated() {
        const DRAWS: u32 = 100_000;
        let rng = Rng::new(7, 0);
        for dist in every_kind() {
            let (mut sum, mut squares) = (0.0, 0.0);
            for draw in 0..DRAWS {
                let uniform = |k| rng.uniform(Purpose::Work, u64::from(draw), u64::from(k));
                let secs = dist.sample(uniform).as_secs_f64();
                sum += secs;
                squares += secs * secs;
            }
            let mean = sum / f64::from(DRAWS);
            let scv = squares / f64::from(DRAWS) / (mean * mean) - 1.0;
            let sigma = libm::sqrt(dist.scv() / f64::from(DRAWS));
            assert!((mean - 1.0).abs() <= 4.0 * sigma + 1e-9, "{dist:?}: mean {mean}");
            // The lognormal of scv 4 has a fourth moment that makes its scv a noisy estimate.
            assert!((scv - dist.scv()).abs() <= 0.15 * dist.scv() + 1e-9, "{dist:?}: scv {scv}");
        }
    }

    #[test]
    fn normal_quantiles_have_their_published_values() {
        let cases = [
            (0.5, 0.0),
            (0.25, -0.674_489_750_196_081_7),
            (0.975, 1.959_963_984_540_054),
            (0.001, -3.090_232_306_167_813_5),
            (1e-20, -9.262_340_089_798_408),
        ];
        for (u, quantile) in cases {
            let found = inverse_normal(u);
            assert!((found - quantile).abs() <= 1e-15 * quantile.abs(), "{u}: {found}");
        }
    }

    #[test]
    fn a_uniform_that_is_nearly_0_or_1_gives_a_finite_span() {
        for dist in every_kind() {
            for u in [f64::EPSILON / 4.0, 1.0 - f64::EPSILON / 2.0] {
                let span = dist.sample(|_| u);
                assert!(span < Duration::from_secs(1_000_000), "{dist:?} of {u}: {span}");
            }
        }
    }

    #[test]
    fn zero_is_recognised() {
        assert!(Dist::Constant(Duration::ZERO).is_zero());
        assert!(Dist::Exponential { mean: Duration::ZERO }.is_zero());
        let one = Duration::from_nanos(1);
        assert!(!Dist::Uniform { low: Duration::ZERO, high: one }.is_zero());
        assert!(every_kind().iter().all(|dist| !dist.is_zero()));
    }
}
