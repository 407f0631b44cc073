//! Experiments: what is done with a scenario.

mod clock;
pub mod drift;
mod fates;
pub mod figures;
mod fuel;
mod held;
pub mod judge;
mod marks;
pub mod mst;
pub mod parallel;
mod progress;
pub mod run;
pub mod saved;
pub mod scale;
pub mod settled;
pub mod spread;
mod story;
pub mod sweep;
mod tracking;
mod window;
