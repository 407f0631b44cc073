//! Chance, as an argument: every draw is addressed by what it is for, never by when it happens.
//!
//! A draw is a pure function of (seed, replication, purpose, entity, index). Nothing is advanced,
//! so a draw added somewhere moves no draw elsewhere, two configurations under one seed meet the
//! same luck, and runs may be sharded in any way without changing a bit. The function is
//! Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11), one block
//! for each draw.

/// What a draw decides. The discriminants are part of every golden digest: never renumber.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u16)]
pub enum Purpose {
    /// The gap before an arrival; entity: the load, index: which arrival.
    Arrival = 1,
    /// The size, type and content of a message's body.
    Body = 2,
    /// Whether an attempt fails.
    Failure = 3,
    /// When a fault drawn from the seed strikes, and for how long.
    Fault = 4,
    /// Globally unique identifiers, derived on demand.
    Guid = 5,
    /// How a thing in flight ends when its host instance crashes: done or not done.
    InFlight = 6,
    /// Where in its interval a poller starts.
    Phase = 7,
    /// Which of several permitted orders of calls a run takes.
    Schedule = 8,
    /// How long a virtual user thinks.
    Think = 9,
    /// The tie key that orders events of one instant when other schedules are explored.
    Tie = 10,
    /// How long a transaction takes.
    Transaction = 11,
    /// How long the partner's end takes.
    Wire = 12,
    /// How long a stage of CPU work takes.
    Work = 13,
}

/// The chance of one replication of one seed. It holds a key and no state: copy it freely.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Rng {
    key: [u32; 2],
}

impl Rng {
    /// The chance of replication `replication` under `seed`.
    #[must_use]
    pub const fn new(seed: u64, replication: u32) -> Self {
        let key = joined(seed, replication as u64);
        Self { key: [key as u32, (key >> 32) as u32] }
    }

    /// 64 uniform bits for draw `index` of `entity` for `purpose`.
    #[inline]
    #[must_use]
    pub fn draw(&self, purpose: Purpose, entity: u64, index: u64) -> u64 {
        // The purpose goes into the key, so that entity and index keep 64 bits each.
        let key = [self.key[0] ^ u32::from(purpose as u16), self.key[1]];
        let counter = [index as u32, (index >> 32) as u32, entity as u32, (entity >> 32) as u32];
        let block = philox4x32(counter, key);
        u64::from(block[0]) | u64::from(block[1]) << 32
    }

    /// A uniform number strictly between 0 and 1: the midpoint of one of 2^52 equal cells.
    #[inline]
    #[must_use]
    pub fn uniform(&self, purpose: Purpose, entity: u64, index: u64) -> f64 {
        midpoint(self.draw(purpose, entity, index))
    }
}

/// The middle of the cell to which the highest 52 bits belong. Middles, because an inverse
/// distribution function is infinite at 0 or at 1.
#[inline]
fn midpoint(bits: u64) -> f64 {
    const CELL: f64 = 1.0 / (1_u64 << 52) as f64;
    ((bits >> 12) as f64 + 0.5) * CELL
}

/// Seed and replication made one key. For either fixed, no two results are equal, which the
/// engine's cheaper hash does not promise.
const fn joined(a: u64, b: u64) -> u64 {
    avalanche(avalanche(a.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ b)
}

/// The finaliser of `SplitMix64`: a bijection in which every input bit moves every output bit.
#[inline]
const fn avalanche(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One block of Philox4x32-10, as Random123 defines it.
#[inline(always)]
fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
        }
        let left = u64::from(counter[0]) * 0xd251_1f53;
        let right = u64::from(counter[2]) * 0xcd9e_8d57;
        counter = [
            (right >> 32) as u32 ^ counter[1] ^ key[0],
            right as u32,
            (left >> 32) as u32 ^ counter[3] ^ key[1],
            left as u32,
        ];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `kat_vectors` of Random123, the lines `philox4x32 10`.
    #[test]
    fn philox_gives_the_known_answers() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([!0; 4], [!0; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, block) in cases {
            assert_eq!(philox4x32(counter, key), block);
        }
    }

    #[test]
    fn keys_and_draws_are_pinned() {
        assert_eq!(joined(0, 0), 0x4821_8226_ff3c_d4bf);
        assert_eq!(joined(1, 2), 0x081a_5c13_7785_6b73);
        assert_eq!(Rng::new(0, 0).draw(Purpose::Arrival, 0, 0), 0x77e9_f962_19db_0470);
        assert_eq!(
            Rng::new(42, 7).draw(Purpose::Work, 0x7628_2d9d_d73f_74b8, 1 << 40),
            0xf8da_99f1_6075_a023
        );
    }

    #[test]
    fn discriminants_are_pinned() {
        use Purpose::{
            Arrival, Body, Failure, Fault, Guid, InFlight, Phase, Schedule, Think, Tie,
            Transaction, Wire, Work,
        };
        let all = [
            Arrival,
            Body,
            Failure,
            Fault,
            Guid,
            InFlight,
            Phase,
            Schedule,
            Think,
            Tie,
            Transaction,
            Wire,
            Work,
        ];
        for (expected, purpose) in (1..).zip(all) {
            assert_eq!(purpose as u16, expected, "{purpose:?}");
        }
    }

    #[test]
    fn every_part_of_the_address_matters() {
        let rng = Rng::new(1, 0);
        let draws = [
            rng.draw(Purpose::Work, 3, 5),
            rng.draw(Purpose::Wire, 3, 5),
            rng.draw(Purpose::Work, 5, 3),
            rng.draw(Purpose::Work, 3 | 1 << 40, 5),
            rng.draw(Purpose::Work, 3, 5 | 1 << 40),
            Rng::new(2, 0).draw(Purpose::Work, 3, 5),
            Rng::new(1, 1).draw(Purpose::Work, 3, 5),
            Rng::new(0, 1).draw(Purpose::Work, 3, 5),
        ];
        for (i, a) in draws.iter().enumerate() {
            assert!(draws[..i].iter().all(|b| a != b), "draw {i} repeats an earlier one");
        }
        assert_ne!(joined(1, 2), joined(2, 1));
    }

    #[test]
    fn uniforms_lie_inside_and_fill_their_deciles_evenly() {
        assert_eq!(midpoint(0).to_bits(), libm::ldexp(1.0, -53).to_bits());
        assert_eq!(midpoint(!0).to_bits(), (1.0 - libm::ldexp(1.0, -53)).to_bits());
        let rng = Rng::new(9, 0);
        let mut deciles = [0_u32; 10];
        for index in 0..100_000 {
            let u = rng.uniform(Purpose::Failure, 1, index);
            assert!(0.0 < u && u < 1.0);
            deciles[(u * 10.0) as usize] += 1;
        }
        // The standard deviation of a decile's count is 95.
        for count in deciles {
            assert!(count.abs_diff(10_000) < 400, "{deciles:?}");
        }
    }
}
