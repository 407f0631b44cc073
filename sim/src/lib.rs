//! Carries the engine in virtual time.
//!
//! [`setup::Setup`] says what exists, [`world::World`] lets it happen, [`outcome::Outcome`] says
//! what came of it. Chance is an argument ([`rng`]), time is an argument, and nothing here reads a
//! clock: equal setups give equal digests, on every platform.

pub mod check;
pub mod cost;
mod counter;
pub mod dist;
mod endpoint;
pub mod fate;
pub mod load;
pub mod meter;
pub mod outcome;
pub mod probe;
pub mod queue;
pub mod resource;
pub mod rng;
pub mod setup;
pub mod trace;
pub mod world;
