//! Which host instances have a transaction at which MessageBox: the more at once, the more each
//! transaction costs there.

use floodgate_engine::id::{HostInstanceId, MessageBoxId};

/// Transactions of every host instance at every MessageBox. Nothing is counted where nothing
/// depends on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Presence {
    instances: usize,
    /// By MessageBox, then host instance.
    transactions: Vec<u32>,
    /// Host instances with a transaction, by MessageBox.
    present: Vec<u32>,
}

impl Presence {
    pub(super) fn new(matters: bool, boxes: usize, instances: usize) -> Self {
        let boxes = if matters { boxes } else { 0 };
        Self { instances, transactions: vec![0; boxes * instances], present: vec![0; boxes] }
    }

    /// A MessageBox was added.
    pub(super) fn add_box(&mut self) {
        if !self.present.is_empty() {
            self.transactions.resize(self.transactions.len() + self.instances, 0);
            self.present.push(0);
        }
    }

    #[inline]
    pub(super) fn comes(&mut self, home: MessageBoxId, instance: HostInstanceId) {
        let Some(present) = self.present.get_mut(home.index()) else { return };
        let own = &mut self.transactions[home.index() * self.instances + instance.index()];
        *present += u32::from(*own == 0);
        *own += 1;
    }

    #[inline(always)]
    pub(super) fn goes(&mut self, home: MessageBoxId, instance: HostInstanceId) {
        let Some(present) = self.present.get_mut(home.index()) else { return };
        let own = &mut self.transactions[home.index() * self.instances + instance.index()];
        *own -= 1;
        *present -= u32::from(*own == 0);
    }

    /// Host instances beside one that is there itself.
    #[inline]
    pub(super) fn others(&self, home: MessageBoxId) -> u32 {
        self.present.get(home.index()).map_or(0, |present| present.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_counts_once_however_many_transactions_it_has() {
        let mut presence = Presence::new(true, 1, 3);
        presence.add_box();
        let (home, other) = (MessageBoxId(0), MessageBoxId(1));
        for instance in [0, 0, 2] {
            presence.comes(home, HostInstanceId(instance));
        }
        presence.comes(other, HostInstanceId(1));
        assert_eq!((presence.others(home), presence.others(other)), (1, 0));
        presence.goes(home, HostInstanceId(0));
        assert_eq!(presence.others(home), 1);
        presence.goes(home, HostInstanceId(0));
        assert_eq!(presence.others(home), 0);
    }

    #[test]
    fn nothing_is_counted_where_nothing_depends_on_it() {
        let mut presence = Presence::new(false, 2, 3);
        presence.comes(MessageBoxId(1), HostInstanceId(0));
        presence.comes(MessageBoxId(1), HostInstanceId(1));
        assert_eq!(presence.others(MessageBoxId(1)), 0);
    }
}
