//! The Relay provider against a local server that behaves as Relay's documents say, and misbehaves when told.
#![expect(clippy::unwrap_used, clippy::panic, reason = "this is test code")]

mod bench;
mod checks;
mod faults;
mod quotes;
mod reports;
mod webhooks;
