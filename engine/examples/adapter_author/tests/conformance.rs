//! `cargo test` lists one test for each clause that follows from the claim.

use adapter_author::courier;
use floodgate_engine::conformance;

conformance!(courier(), sends(asynchronous));
