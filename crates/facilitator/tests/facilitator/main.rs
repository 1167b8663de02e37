//! Payments through facilitators that check and through facilitators that lie, on a chain that decides.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod checks;
mod configuration;
mod faults;
mod hostile;
mod solana;
mod submissions;
mod support;
mod verifications;
