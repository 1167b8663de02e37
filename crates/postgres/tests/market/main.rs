//! What the market's storage promises beyond the contract suites: encryption at rest, safe searches, races, counts.

#[cfg(test)]
#[path = "../support/bridge.rs"]
mod bridge;
#[cfg(test)]
mod cached;
#[cfg(test)]
mod cached_races;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod identities;
#[cfg(test)]
mod listings;
mod payers;
#[cfg(test)]
mod search;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod support;
