//! Names the experiments and runs them.
//!
//! [`plan`] turns a scenario file into types, [`catalogue`] has the scenarios of the program,
//! [`import`] reads other tools' files, [`cli`] is the command line.

pub mod catalogue;
pub mod cli;
pub mod experiment;
pub mod import;
pub mod plan;
pub mod setup;
