//! Imports: scenarios and parts of them from other tools' files.

pub mod cli;
mod encoding;
pub mod loadgen;
