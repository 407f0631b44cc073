//! The messaging engine: **it decides, a driver carries.**
//!
//! A set of small, pure state machines. They are told what happened and answer with what they
//! want done; they own no clock, no thread, no socket, no random number and no file. What the
//! engine can want is one of a few errands: a MessageBox transaction, work on a CPU, a word with
//! the partner's end, to be woken. The simulator carries them in virtual time.
//!
//! Start at [`host::HostInstance`], which runs batches and deliveries, and
//! [`message_box::MessageBox`], which defines what a transaction means. `ARCHITECTURE.md` tells
//! the journey of one message through them.
//!
//! An outcome is a value: a refused transmission, a missing subscription, a suspension are
//! variants, and nothing here has an error type. A broken invariant panics.

pub mod adapter;
pub mod batch;
pub mod config;
pub mod conformance;
mod defect;
pub mod demand;
pub mod dynamic;
mod error_report;
pub mod exchange;
pub mod hash;
pub mod host;
pub mod id;
mod interchange;
pub mod map;
pub mod message;
pub mod message_box;
pub mod orchestration;
pub mod pipeline;
pub mod properties_to_update;
pub mod retry;
pub mod sabotage;
pub mod schedule;
pub mod subscription;
pub mod suspend;
pub mod throttle;
pub mod time;
pub mod transport_proxy;
