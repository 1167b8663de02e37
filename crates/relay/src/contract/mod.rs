//! What every implementation of the storage ports has to keep, one rule a function.
//!
//! An implementation makes a [`World`] of itself, with the policy that [`policy`] gives, and says
//! `crochet_relay::journal_contract!(my_world().await)` in a test file: each rule becomes one test, in a world of its
//! own. Moments are compared with a second's tolerance, because a database's clock does not stand still.
#![expect(missing_docs, reason = "the name of a rule is its sentence; a second one above it would say the same")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "this is test code, which adapters' tests call")]

pub mod admission;
pub mod books;
pub mod closing;
pub mod coming_paid;
pub mod forwarding;
mod given;
mod list;
pub mod lists;
pub mod mock_payments;
pub mod observing;
pub mod paying;
pub mod quoting;
pub mod superseding;
pub mod sweeping;
pub mod together;
pub mod vault;
mod world;

pub use world::{MemoryWorld, World, policy};
