//! The messaging engine: it decides, a driver carries.
pub mod time;
