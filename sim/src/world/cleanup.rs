//! The cleanup jobs where their work takes time (R-GC-02).

use floodgate_engine::id::MessageBoxId;

use super::World;

impl World {
    /// What the cleanup job of each MessageBox got through since it last looked. \[M\] It never
    /// does anything else, and its work stands in nobody's way.
    #[cold]
    pub(super) fn collect_in_time(&mut self) -> u64 {
        let mut collected = 0;
        for home in (0..self.message_box.boxes()).map(MessageBoxId::from) {
            let garbage = self.message_box.garbage_of(home);
            let (cached, cold) = self.costs.collects(self.cleanup_every, garbage);
            collected += self.message_box.collect_from(home, cached, cold);
        }
        collected
    }
}
