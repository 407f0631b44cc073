//! `floodgate sweep`: a what-if table, and its runs dealt out to a job array.
//!
//! Every setting runs with the same seeds, and every draw of a run is keyed by what it is for: the
//! same document has the same fate under each setting, as far as the setting lets it. Differences
//! are taken seed by seed, so that what the draws have in common goes away. A sweep is a plan, one
//! cell for each setting and seed, and rows made of all cells; `plan`, `run-shard` and `merge` are
//! the same three steps on several machines.

mod axis;
mod cell;
pub mod cli;
mod design;
mod index;
mod manifest;
mod paired;
mod rows;
mod shard;

pub use cell::Cell;
pub use design::{Question, Sweep, Vary};
pub use index::{ENVIRONMENT, index_of};
pub use manifest::{MANIFEST_VERSION, Manifest};
pub(super) use paired::Estimate;
pub use rows::rows;
pub use shard::{Shard, merge};
