//! Shared limits on a real server, which every test has to itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod arithmetic;
mod contract;
mod keys;
mod outages;
mod support;
