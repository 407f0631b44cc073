//! Experiments: what is done with a scenario.

pub mod judge;
pub mod run;
