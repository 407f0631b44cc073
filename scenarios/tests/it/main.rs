//! One binary for all integration tests of this crate.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod bad_dynamic;
mod bad_input;
mod bad_operate;
mod bad_ports;
mod bad_properties;
mod broken;
mod choices;
mod cli;
mod collected;
mod dehydration;
mod endless;
mod ends;
mod faults;
mod habits;
mod keys;
mod labs;
mod loadgen;
mod loads;
mod memory;
mod more_keys;
mod mst;
mod mst_alike;
mod mst_as_written;
mod mst_elasticities;
mod mst_goals;
mod mst_users;
mod mst_verdicts;
mod operating;
mod plan;
mod published;
mod scale_out;
mod sharding;
mod silent;
mod solicits;
mod spread;
mod sweep;
mod theory;
mod tidy;
mod tracking;
mod traps;
mod values;
mod waiting;
