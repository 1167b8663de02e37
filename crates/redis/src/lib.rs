//! Rate limits that several gateways share, through Redis or Valkey.
//!
//! One script counts one request in one round trip, by the clock of the server, so replicas agree whatever their own
//! clocks say. What is kept is one number a caller and class, which goes away by itself once it means nothing.
//!
//! **Invariant:** a request waits for Redis at most [`SharedLimitsConfig::response_timeout`], and not at all while Redis
//! is known to be gone: then this process's own limits hold, as they do at any time. No URL, and so no password, is in
//! an error or a log line, and no key of a caller is in a key of the store.

mod config;
mod error;
mod link;
mod script;
mod shared;
#[cfg(feature = "testing")]
pub mod testing;

pub use config::{DEFAULT_PREFIX, SharedLimitsConfig, check_prefix, check_url};
pub use error::RedisProblem;
pub use shared::{SharedLimits, probe};
