//! The program as its users run it: commands, exit codes, signals, and what it writes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

#[path = "../support/listening.rs"]
mod listening;
#[path = "../support/spellings.rs"]
mod spellings;
mod support;

mod books;
mod canaries;
mod configuration;
mod help;
mod limits;
mod logs;
mod rekey;
mod retention;
mod serving;
