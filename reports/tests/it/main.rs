//! What a reader of a run folder may rely on.

mod fixture;
mod page;
mod store;
mod sweep;
mod terminal;
