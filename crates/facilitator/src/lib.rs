//! Payments that come in a header: verified and submitted through x402 facilitators, and read from the chain.
//!
//! **Invariant:** whether a payment was made is read from the chain, whatever a facilitator says or does not say; a
//! payment is submitted through the one facilitator that verified it; and a payment is said to have failed only when the
//! chain shows that it cannot happen any more.

mod abi;
mod breaker;
mod budget;
mod chain;
mod config;
mod evidence;
mod health;
mod http;
mod node;
mod payments;
#[cfg(feature = "testing")]
pub mod reading;
mod rpc;
mod service;
mod solana;
#[cfg(feature = "testing")]
pub mod testing;
mod verdict;

pub use budget::VerificationLimits;
pub use config::{FacilitatorConfig, FacilitatorConfigError, FacilitatorEndpoint, FacilitatorTimes, PaidNetwork};
pub use health::Health;
pub use payments::{Facilitators, LONGEST_WINDOW, SHORTEST_WINDOW};
