//! What looks into the queues are still to be charged for.
//!
//! A look is priced when it begins, by what there is to find; while it waits for the locks more
//! comes, or others take it. The difference is charged with the next look of the same host
//! instance, so that over time every row taken is paid for once. \[M\]

use floodgate_engine::id::{HostInstanceId, MessageBoxId};

/// Rows found and not yet priced, by MessageBox, then host instance; below zero where more were
/// priced than found. Nothing is kept where rows have no price.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    instances: usize,
    owed: Vec<i64>,
}

impl Looks {
    pub(super) fn new(matters: bool, boxes: usize, instances: usize) -> Self {
        let boxes = if matters { boxes } else { 0 };
        Self { instances, owed: vec![0; boxes * instances] }
    }

    /// A MessageBox was added.
    pub(super) fn add_box(&mut self) {
        if !self.owed.is_empty() {
            self.owed.resize(self.owed.len() + self.instances, 0);
        }
    }

    /// The rows that a look is priced for which begins with `rows` to find.
    #[inline]
    pub(super) fn begins(&mut self, home: MessageBoxId, by: HostInstanceId, rows: u32) -> u32 {
        let at = home.index() * self.instances + by.index();
        let Some(owed) = self.owed.get_mut(at) else { return rows };
        let due = i64::from(rows) + *owed;
        let priced = u32::try_from(due.max(0)).unwrap_or(u32::MAX);
        *owed = due - i64::from(priced);
        priced
    }

    /// A look that began with `rows` to find has found `found`.
    #[inline]
    pub(super) fn ends(&mut self, home: MessageBoxId, by: HostInstanceId, rows: u32, found: usize) {
        let at = home.index() * self.instances + by.index();
        let Some(owed) = self.owed.get_mut(at) else { return };
        *owed += i64::try_from(found).unwrap_or(i64::MAX) - i64::from(rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_found_is_priced_once() {
        let mut looks = Looks::new(true, 1, 2);
        looks.add_box();
        let (home, by, other) = (MessageBoxId(1), HostInstanceId(1), HostInstanceId(0));
        // Two at once see the same five; one takes them, and two that came meanwhile.
        assert_eq!((looks.begins(home, by, 5), looks.begins(home, by, 5)), (5, 5));
        looks.ends(home, by, 5, 7);
        looks.ends(home, by, 5, 0);
        // Ten were priced and seven found: the next two are paid for, and one more.
        assert_eq!(looks.begins(home, by, 2), 0);
        looks.ends(home, by, 2, 2);
        assert_eq!(looks.begins(home, other, 2), 2, "what another host instance found");
        assert_eq!((looks.begins(home, by, 4), looks.begins(home, by, 4)), (3, 4));
    }

    #[test]
    fn nothing_is_kept_where_rows_have_no_price() {
        let mut looks = Looks::new(false, 2, 2);
        looks.ends(MessageBoxId(0), HostInstanceId(0), 0, 9);
        assert_eq!(looks.begins(MessageBoxId(0), HostInstanceId(0), 3), 3);
    }
}
