//! Why Redis cannot be used.

use redis::RedisError;

/// Why Redis cannot be used. Shows neither a URL nor a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisProblem {
    /// The URL names no server; what is wrong with it.
    #[error("the URL {0}")]
    Url(&'static str),
    /// No connection, or no answer, in time.
    #[error("it does not answer in time")]
    TooSlow,
    /// It cannot be reached, hung up, or refused.
    #[error("{0}")]
    Failed(#[from] RedisError),
}
