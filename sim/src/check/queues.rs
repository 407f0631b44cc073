//! Checks on the work queues: INV-28.
//!
//! Its account holds only what is surely eligible: not what waits for an instant or behind the
//! head of an ordered port.

use floodgate_engine::config::Topology;
use floodgate_engine::message_box::Place;

use super::{Checks, Docket, Rule};

/// Eligible references of a host in a MessageBox, by priority.
type Eligible = [u32; 11];

#[derive(Clone, Debug)]
pub(super) struct Queues {
    hosts: usize,
    eligible: Vec<Eligible>,
    /// By send port: its priority; nothing for one that is ordered.
    priorities: Vec<Option<u8>>,
    /// Where all have one priority nothing of a smaller number can wait.
    differ: bool,
}

impl Queues {
    pub(super) fn new(topology: &Topology) -> Self {
        let priority = |port: &floodgate_engine::config::SendPort| {
            port.ordered.is_none().then_some(port.priority)
        };
        let priorities: Vec<Option<u8>> = topology.send_ports.iter().map(priority).collect();
        let mut known = priorities.iter().flatten();
        let first = known.next();
        Self {
            hosts: topology.hosts.len(),
            eligible: vec![Eligible::default(); topology.hosts.len() * topology.box_count()],
            differ: known.any(|other| Some(other) != first),
            priorities,
        }
    }

    fn queue(&mut self, at: &Place) -> &mut Eligible {
        let place = at.home.index() * self.hosts + at.host.index();
        if self.eligible.len() <= place {
            self.eligible.resize(place + 1, Eligible::default());
        }
        &mut self.eligible[place]
    }

    fn priority(&self, at: &Place) -> Option<usize> {
        (*self.priorities.get(at.subscriber.index())?).map(usize::from)
    }

    /// What is eligible of the priority that `at` has, unless its port is ordered.
    fn line(&mut self, at: &Place) -> Option<&mut u32> {
        let priority = self.priority(at)?;
        Some(&mut self.queue(at)[priority])
    }

    /// A reference is taken: nothing of a smaller number waits (INV-28).
    #[inline]
    pub(super) fn taken(&mut self, docket: &mut Docket, at: &Place) {
        if self.differ {
            self.judge_taken(docket, at);
        }
    }

    fn judge_taken(&mut self, docket: &mut Docket, at: &Place) {
        let Some(priority) = self.priority(at) else { return };
        let before = self.queue(at)[..priority].iter().sum::<u32>();
        docket.judge(Rule::PriorityFirst, before == 0, || {
            format!("{} of {} was taken before {before} of smaller number", at.document, at.host)
        });
    }
}

impl Checks {
    /// A reference may be taken from now on.
    #[inline]
    pub(super) fn enters(&mut self, at: &Place) {
        if self.queues.differ {
            self.counts_in(at);
        }
    }

    fn counts_in(&mut self, at: &Place) {
        let known = self.references.eligible(at);
        if let Some(line) = self.queues.line(at)
            && let Some(known) = known
        {
            *known = true;
            *line += 1;
        }
    }

    /// A reference may not be taken any more, if it might until now.
    #[inline]
    pub(super) fn leaves(&mut self, at: &Place) {
        if self.queues.differ {
            self.counts_out(at);
        }
    }

    #[cold]
    fn counts_out(&mut self, at: &Place) {
        if self.references.eligible(at).is_some_and(std::mem::take)
            && let Some(line) = self.queues.line(at)
        {
            *line -= 1;
        }
    }
}
