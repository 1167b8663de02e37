//! Profiles, keys, listings, endpoints and categories: the ports of `crochet_market` on PostgreSQL.
//!
//! **Invariant:** what an endpoint holds as secrets is ciphertext in every column, and opens only in the row and column
//! that it was made for.

mod api_keys;
mod catalogue;
mod categories;
pub(crate) mod challenges;
mod convert;
pub(crate) mod endpoints;
mod identities;
pub(crate) mod inputs;
pub(crate) mod listings;
pub(crate) mod payable;
mod payers;
#[cfg(test)]
mod plans;
mod popularity;
mod profiles;
mod rekey;
pub(crate) mod schema;
mod sealing;
mod search;
mod views;
mod wallets;
mod writes;

pub use catalogue::PgCatalogue;
pub use identities::PgIdentities;
pub use payers::PgPayers;
pub use rekey::{KeySurvey, Rekeyed, Unopened};
