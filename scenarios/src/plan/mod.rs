//! The plan: a scenario file read into types, checked, and written out again.
//!
//! Every kind of table is one file that has its type, its rows ([`row::Shape`]) and its binding.
//! A new key is a field, a row and one line of the binding; errors, defaults, the expanded form,
//! overrides and the schema follow from the row.

pub mod also_fits;
pub mod choices;
pub mod component;
pub mod content;
pub mod cost;
pub mod curve;
pub mod dehydration;
pub mod distribution;
pub mod dynamic;
pub mod exchange;
pub mod expect;
pub mod fault;
pub mod figure;
pub mod filter;
pub mod goal;
pub mod group;
pub mod habits;
pub mod host;
pub mod life;
pub mod load;
pub mod lots;
pub mod mix;
pub mod operate;
pub mod phase;
pub mod policy;
pub mod problem;
pub mod profile;
pub mod property;
pub mod published;
pub mod quantity;
pub mod rate;
pub mod receive;
pub mod row;
pub mod scenario;
pub mod schema;
pub mod send;
pub mod send_adapter;
pub mod server;
pub mod size;
pub mod users;

pub mod along;
mod bind;
mod check;
mod expanded;
mod nearest;
mod node;
pub mod orchestration;
mod overrides;
mod read;
mod report;
pub mod tail;
pub mod throttling;
pub mod tracking;
pub mod transactions;
mod value;
pub mod when;
mod word;

pub(crate) use expanded::{fingerprint, load_toml};
pub(crate) use nearest::suggestion;
pub(crate) use node::Place;
pub(crate) use report::Report;

pub use problem::{Problem, Problems};
pub use profile::Profile;
pub use scenario::Scenario;
