//! What every implementation of the storage ports has to keep, one rule a function.
//!
//! An implementation makes a [`World`] of itself, and says `crochet_market::identities_contract!(my_world().await)`
//! and `crochet_market::catalogue_contract!(my_world().await)` in a test file: each rule becomes one test, in a world
//! of its own.
#![expect(missing_docs, reason = "the name of a rule is its sentence; a second one above it would say the same")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "this is test code, which adapters' tests call")]

pub mod changing;
pub mod endpoints;
mod given;
pub mod keys;
mod list;
pub mod listing_challenges;
pub mod publishing;
pub mod registering;
pub mod removing;
pub mod searching;
pub mod wallets;
pub mod words;
mod world;

pub use world::{MemoryWorld, World};
