//! Integration tests of the simulator, in one binary.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks only at the events that concern it"
)]

mod accounts;
mod answers;
mod atomicity;
mod choices;
mod collection;
mod conservation;
mod controllers;
mod counters;
mod crash;
mod determinism;
mod endpoint_keys;
mod exchanges;
mod exhaustive;
mod failed_routing;
mod fixture;
mod found;
mod golden;
mod golden_life;
mod golden_orchestration;
mod golden_orphans;
mod golden_ports;
mod golden_receive;
mod golden_send;
mod golden_transacted_requests;
mod golden_transactions;
mod golden_two_way;
mod host_counters;
mod idle;
mod instances;
mod interchanges;
mod isolated;
mod liars;
mod loads;
mod message_boxes;
mod metamorphic;
mod mixed;
mod ordered;
mod ordered_dynamic;
mod ordered_ends;
mod pinned;
mod pipelines_both_ways;
mod ports;
mod quota;
mod remarks;
mod resources;
mod retry;
mod smoke;
mod state_machine;
mod throttle;
mod tracking;
mod transactional;
mod transactions;
mod values;
