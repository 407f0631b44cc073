//! Mixing of 64-bit words: cheap, stable on every platform, never seeded.
//!
//! Used for the MessageBox's multiset hash of rows (INV-02) and for keys of chance. Not for
//! anything an adversary may choose.

/// Folds `b` into `a`: a multiplication to 128 bits whose halves are joined.
#[must_use]
#[inline]
pub const fn mix(a: u64, b: u64) -> u64 {
    let product = (a ^ 0x9E37_79B9_7F4A_7C15) as u128 * (b ^ 0xD1B5_4A32_D192_ED03) as u128;
    (product as u64) ^ ((product >> 64) as u64) ^ a.rotate_left(29)
}

/// A 64-bit hash of a name (FNV-1a, then mixed), for keys that must not depend on an ordinal.
#[must_use]
pub const fn name_key(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01B3);
        at += 1;
    }
    mix(hash, bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_so_that_no_digest_moves_unseen() {
        assert_eq!(mix(1, 2), 0xC8B7_F534_590F_4C6E);
        assert_eq!(name_key("Orders"), 0x9B81_C609_B5CE_50D7);
        assert_ne!(mix(1, 2), mix(2, 1));
        assert_ne!(name_key("Orders"), name_key("orders"));
    }
}
