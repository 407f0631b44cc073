//! What the messages of a load are, where they are not all alike: kinds by weight, sizes by a
//! distribution, or what a recording says of each.
//!
//! Draws are addressed by the load and the index of the arrival, so a kind more elsewhere moves
//! none of them.

use floodgate_engine::hash::{mix, name_key};
use floodgate_engine::message::Body;
use floodgate_engine::time::Duration;

use crate::dist::Dist;
use crate::rng::{Purpose, Rng};

/// How the messages of a load differ; by default they do not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variety {
    /// The kinds; none means that all messages are as the load says.
    pub kinds: Vec<Kind>,
    /// What a recording says of each message in turn; those after the last are as drawn.
    pub recorded: Vec<Recorded>,
}

/// One kind of message.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// Its share among the others; not negative.
    pub weight: f64,
    /// The type a disassembler finds.
    pub document_type: String,
    /// The content, whose size counts when none is drawn.
    pub body: Body,
    /// Bytes of one document.
    pub size: Option<Sizes>,
}

/// Sizes of documents: a distribution of bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes(Dist);

impl Sizes {
    /// Sizes distributed as `dist` says, whose nanoseconds stand for bytes.
    #[must_use]
    pub const fn of(dist: Dist) -> Self {
        Self(dist)
    }

    /// The distribution, with nanoseconds for bytes.
    #[must_use]
    pub const fn dist(&self) -> &Dist {
        &self.0
    }

    /// A number of bytes: one at least.
    fn sample(&self, rng: &Rng, key: u64) -> u64 {
        let bytes = self.0.sample(|draw| rng.uniform(Purpose::Body, key, u64::from(draw)));
        bytes.max(Duration::from_nanos(1)).as_nanos()
    }
}

/// What a recording says of one message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Recorded {
    /// Which of the kinds it is, if the recording says; else it is drawn.
    pub kind: Option<u32>,
    /// How large it is as a whole, if the recording says.
    pub bytes: Option<u64>,
}

/// The choice of kinds and sizes at work.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// Up to and including each kind, as a share of all weights.
    shares: Vec<f64>,
    bodies: Vec<(Body, Option<Sizes>)>,
    recorded: Vec<Recorded>,
    kind_key: u64,
    size_key: u64,
}

impl Choice {
    /// The choice of a load, if it has one; `key` is the load's.
    pub(crate) fn of(variety: &Variety, key: u64) -> Option<Self> {
        let kinds = &variety.kinds;
        if kinds.is_empty() {
            return None;
        }
        let weights = kinds.iter().map(|kind| kind.weight);
        assert!(weights.clone().all(|weight| weight >= 0.0), "a weight is not negative");
        let sum: f64 = weights.clone().sum();
        assert!(sum > 0.0 && sum.is_finite(), "some kind has a weight");
        let mut so_far = 0.0;
        let shares = weights.map(|weight| {
            so_far += weight;
            so_far / sum
        });
        Some(Self {
            shares: shares.collect(),
            bodies: kinds.iter().map(|kind| (kind.body.clone(), kind.size)).collect(),
            recorded: variety.recorded.clone(),
            kind_key: mix(key, name_key("kind")),
            size_key: mix(key, name_key("size")),
        })
    }

    /// The kind and the content of arrival `index`.
    pub(crate) fn pick(&self, rng: &Rng, index: u64) -> (usize, Body) {
        let recorded = usize::try_from(index).ok().and_then(|index| self.recorded.get(index));
        let kind = match recorded.and_then(|recorded| recorded.kind) {
            Some(kind) => kind as usize,
            None if self.shares.len() == 1 => 0,
            None => {
                let drawn = rng.uniform(Purpose::Body, self.kind_key, index);
                let last = self.shares.len() - 1;
                self.shares.partition_point(|share| *share <= drawn).min(last)
            }
        };
        let (body, size) = &self.bodies[kind];
        let Body::Described { documents, .. } = *body else { return (kind, body.clone()) };
        let drawn = || {
            let bytes = size.as_ref()?.sample(rng, mix(self.size_key, index));
            Some(bytes.saturating_mul(u64::from(documents)))
        };
        let body = match recorded.and_then(|recorded| recorded.bytes).or_else(drawn) {
            None => body.clone(),
            Some(bytes) => {
                Body::Described { bytes: u32::try_from(bytes).unwrap_or(u32::MAX), documents }
            }
        };
        (kind, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(weight: f64, bytes: u32, size: Option<(u64, u64)>) -> Kind {
        let uniform = |(low, high)| {
            let (low, high) = (Duration::from_nanos(low), Duration::from_nanos(high));
            Sizes::of(Dist::Uniform { low, high })
        };
        Kind {
            weight,
            document_type: String::new(),
            body: Body::Described { bytes, documents: 1 },
            size: size.map(uniform),
        }
    }

    fn picks(variety: &Variety, count: u64) -> Vec<(usize, u64)> {
        let choice = Choice::of(variety, 7).expect("there are kinds");
        let rng = Rng::new(1, 0);
        let one = |index| {
            let (kind, body) = choice.pick(&rng, index);
            (kind, body.bytes())
        };
        (0..count).map(one).collect()
    }

    /// The published mix: 75 % of 2 to 10 KB, 10 % and 15 % of 1 KB.
    fn baskets() -> Variety {
        let kinds = vec![kind(75.0, 0, Some((2_048, 10_240))), kind(10.0, 1_024, None)];
        let third = kind(15.0, 1_024, None);
        Variety { kinds: kinds.into_iter().chain([third]).collect(), recorded: Vec::new() }
    }

    #[test]
    fn kinds_come_by_weight_and_sizes_by_their_distribution() {
        const COUNT: u64 = 40_000;
        let all = picks(&baskets(), COUNT);
        for (kind, share) in [0.75, 0.10, 0.15].into_iter().enumerate() {
            let found = all.iter().filter(|pick| pick.0 == kind).count() as f64 / COUNT as f64;
            let sigma = libm::sqrt(share * (1.0 - share) / COUNT as f64);
            assert!((found - share).abs() < 4.0 * sigma, "{kind}: {found}");
        }
        let baskets: Vec<u64> = all.iter().filter(|pick| pick.0 == 0).map(|pick| pick.1).collect();
        assert!(baskets.iter().all(|bytes| (2_048..=10_240).contains(bytes)));
        let mean = baskets.iter().sum::<u64>() as f64 / baskets.len() as f64;
        assert!((mean / 6_144.0 - 1.0).abs() < 0.01, "{mean}");
        assert!(all.iter().all(|pick| pick.0 == 0 || pick.1 == 1_024));
    }

    #[test]
    fn a_draw_is_that_of_its_arrival_whatever_the_others_are() {
        let some = picks(&baskets(), 100);
        let mut later = baskets();
        later.recorded = vec![Recorded { kind: Some(1), bytes: Some(5) }; 10];
        let recorded = picks(&later, 100);
        assert!(recorded[..10].iter().all(|pick| *pick == (1, 5)));
        assert_eq!(recorded[10..], some[10..]);
    }

    #[test]
    fn every_load_draws_for_itself() {
        let rng = Rng::new(1, 0);
        let all = |key| {
            let choice = Choice::of(&baskets(), key).expect("there are kinds");
            (0..200).map(|index| choice.pick(&rng, index)).collect::<Vec<_>>()
        };
        let kinds = |picks: &[(usize, Body)]| picks.iter().map(|pick| pick.0).collect::<Vec<_>>();
        assert_eq!(all(7), all(7));
        assert_ne!(kinds(&all(7)), kinds(&all(8)));
    }

    #[test]
    fn a_kind_without_weight_never_comes() {
        let variety = Variety {
            kinds: vec![kind(0.0, 1, None), kind(1.0, 2, None), kind(0.0, 3, None)],
            recorded: Vec::new(),
        };
        assert!(picks(&variety, 1_000).iter().all(|pick| *pick == (1, 2)));
    }
}
