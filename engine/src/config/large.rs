//! From which size on messages are handled otherwise.

/// The three sizes from which messages are handled otherwise (X-11: independent of each other).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LargeMessages {
    /// Bytes at which a publishing batch is written in parts, under a distributed transaction: it
    /// stays one atomic whole (R-LMS-01).
    pub batch_bytes: u64,
    /// Bytes of a fragment: larger bodies are stored as several (R-LMS-02).
    pub fragment_bytes: u64,
    /// Bytes above which a message is buffered on disk while it is mapped (R-LMS-03).
    pub map_bytes: u64,
}

impl Default for LargeMessages {
    fn default() -> Self {
        Self { batch_bytes: 1_000_000, fragment_bytes: 102_400, map_bytes: 1 << 20 }
    }
}

impl LargeMessages {
    /// Fragments of a body: none while it fits into its row (R-LMS-02).
    #[must_use]
    pub fn fragments(&self, bytes: u64) -> u32 {
        if bytes <= self.fragment_bytes || self.fragment_bytes == 0 {
            return 0;
        }
        u32::try_from(bytes.div_ceil(self.fragment_bytes)).unwrap_or(u32::MAX)
    }

    /// Times a batch of so many bytes is written in parts (R-LMS-01).
    #[must_use]
    pub fn flushes(&self, bytes: u64) -> u32 {
        let flushes = bytes.checked_div(self.batch_bytes).unwrap_or(0);
        u32::try_from(flushes).unwrap_or(u32::MAX)
    }
}
