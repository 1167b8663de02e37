//! What the market's storage promises beyond the contract suites: encryption at rest, safe searches, races, counts.

mod cached;
mod cached_races;
mod directory;
mod identities;
mod listings;
mod payers;
mod search;
mod secrecy;
mod support;
