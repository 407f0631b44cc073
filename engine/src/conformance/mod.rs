//! The adapter author's kit: what any adapter must do, one clause a test.
//!
//! [`conformance!`](crate::conformance!) turns an adapter and its claims into tests. Each clause
//! runs the adapter in small trials, smallest first, against a scripted engine and a scripted
//! partner in virtual time. A broken clause names its rule, what it demands and what the adapter
//! did, with the story of the smallest trial that shows it. What an adapter tells the engine is
//! held against what the wire told the adapter. A clause whose trials never come to what it judges
//! fails too; where the claims leave that open it says so on standard error (`occasion.rs`).
//!
//! ```
//! use floodgate_engine::adapter::Sender;
//! use floodgate_engine::config::SendSettings;
//! use floodgate_engine::conformance::{Claims, Sends, broken};
//!
//! // A blocking sender returns `true` or throws; here is what the kit says when it claims more.
//! # use floodgate_engine::time::Duration;
//! let settings = SendSettings {
//!     blocking: true,
//!     batched: false,
//!     batch: 1,
//!     fixed_batch: false,
//!     workers: 1,
//!     completion_batch: 1,
//!     completion_wait: Duration::ZERO,
//!     resolves: false,
//! };
//! let claims = Sends { asynchronous: true, ..Sends::NONE };
//! let claims = Claims { sends: Some(claims), receives: None };
//! let clause = "r_adpt_16_returns_from_callbacks_at_once";
//! let broken = broken(clause, || Sender::new(settings), claims).expect("it blocks");
//! assert_eq!(broken.clause.rule, "R-ADPT-16");
//! assert!(broken.why.contains("TransmitMessage returned only after 10 ms"));
//! ```

mod attempts;
mod claims;
mod clause;
mod delivery;
mod kit;
mod occasion;
mod partner;
mod receiving;
mod rig;
mod script;
mod sending;
mod story;
mod transacting;

pub use claims::{Claims, Receives, Sends};
pub use clause::{Broken, CLAUSES, Clause, Judgement};
pub use clause::{broken, judge, judgement, not_claimed, write_not_claimed};
