//! The gateway's use case over ports in memory: what a buyer is told, what reaches the seller, and what is written.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod by_header;
mod chains;
mod failing;
mod free;
mod keys;
mod late;
mod listings;
mod paying;
mod reconciling;
mod support;
