//! What may change in a MessageBox, for an explorer that tells worlds apart by it.

use std::fmt::{self, Debug};

use super::MessageBox;

impl MessageBox {
    /// All that may change while it is at work; neither what it was built with nor what is only
    /// remembered, as which route a document takes.
    ///
    /// Every field is named, so that a new one has to be judged.
    pub fn account(&self) -> impl Debug + '_ {
        let Self {
            spools,
            references,
            hosts: _,
            queues,
            own_queues,
            instances,
            publishing,
            master_stands_in,
            turn,
            offline,
            host_of: _,
            host_properties: _,
            subscribers,
            kinds: _,
            // By the states of ports and groups.
            subscriptions: _,
            addresses,
            enlistable,
            policy: _,
            choices: _,
            remarks,
            convoys,
            windows: _,
            suspended,
            staging,
            failed_routing,
            tracking,
            large_messages: _,
            counts,
            // By the references.
            locked_at: _,
            suspended_at,
            next_sequence,
            // A sum of what is here.
            state_hash: _,
            effects,
            ready,
            // Of one commit.
            routes: _,
            acknowledgements,
            made,
            first_response_subscriber: _,
            correlated,
            spare: _,
            #[cfg(feature = "sabotage")]
                sabotage: _,
        } = self;
        let subscribers: Vec<_> =
            subscribers.iter().map(|own| (own.state, &own.ordered, own.home)).collect();
        let subscribers = (subscribers, enlistable.group_states());
        fmt::from_fn(move |f| {
            f.debug_struct("MessageBox")
                .field("spools", spools)
                .field("references", references)
                .field("queues", queues)
                .field("own_queues", own_queues)
                .field("instances", instances)
                .field("publishing", &(publishing, master_stands_in, turn, offline))
                .field("subscribers", &subscribers)
                .field("addresses", addresses)
                .field("remarks", remarks)
                .field("convoys", convoys)
                .field("suspended", &(suspended, suspended_at))
                .field("staging", staging)
                .field("failed_routing", failed_routing)
                .field("tracking", tracking)
                .field("counts", counts)
                .field("next_sequence", next_sequence)
                .field("between", &(effects, ready, correlated))
                .field("acknowledgements", acknowledgements)
                .field("made", made)
                .finish()
        })
    }
}
