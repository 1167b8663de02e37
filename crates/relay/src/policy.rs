//! The times and limits by which calls are handled.

use std::time::Duration;

/// All waits and bounds of the call's way. [`Policy::default`] is what `docs/architecture.md` describes.
#[derive(Debug, Clone)]
pub struct Policy {
    /// How long one worker may take to get terms from the provider.
    pub quote_lease: Duration,
    /// How long one worker may take to submit a payment that came with its call.
    pub submission_lease: Duration,
    /// The longest life of a quote.
    pub quote_ttl: Duration,
    /// How long after a quote's end a payment is still waited for before new terms are issued.
    pub late_payment_grace: Duration,
    /// How much longer than the seller's timeout a forwarding lease is.
    pub lease_margin: Duration,
    /// How long before its lease's end a forward is given up.
    pub close_margin: Duration,
    /// The wait before the first free retry; it doubles with each failure.
    pub retry_backoff: Duration,
    /// The longest wait before a free retry.
    pub retry_backoff_max: Duration,
    /// The shortest time between two questions to the provider about one call.
    pub check_interval: Duration,
    /// The sweeper's first wait before it looks at a call again; it doubles.
    pub sweep_backoff: Duration,
    /// The sweeper's longest wait.
    pub sweep_backoff_max: Duration,
    /// For how long the sweeper asks about a call that was never paid.
    pub sweep_horizon: Duration,
    /// How many unpaid calls a buyer may have open.
    pub max_open_quotes: u32,
    /// How long a response stays in the replay vault.
    pub vault_ttl: Duration,
    /// The longest response that goes there, in bytes.
    pub vault_max_response: u64,
    /// How much one buyer may have there, in bytes.
    pub vault_max_buyer: u64,
    /// How long an idempotency key outlives its finished call.
    pub idempotency_ttl: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            quote_lease: Duration::from_secs(30),
            submission_lease: Duration::from_secs(60),
            quote_ttl: Duration::from_secs(15 * 60),
            late_payment_grace: Duration::from_secs(10 * 60),
            lease_margin: Duration::from_secs(15),
            close_margin: Duration::from_secs(5),
            retry_backoff: Duration::from_secs(2),
            retry_backoff_max: Duration::from_secs(3600),
            check_interval: Duration::from_secs(2),
            sweep_backoff: Duration::from_secs(15),
            sweep_backoff_max: Duration::from_secs(24 * 3600),
            sweep_horizon: Duration::from_secs(30 * 24 * 3600),
            max_open_quotes: 100,
            vault_ttl: Duration::from_secs(24 * 3600),
            vault_max_response: 1024 * 1024,
            vault_max_buyer: 256 * 1024 * 1024,
            idempotency_ttl: Duration::from_secs(24 * 3600),
        }
    }
}

/// `first`, doubled `times` times, and never more than `max`.
pub(crate) fn doubling(first: Duration, times: u32, max: Duration) -> Duration {
    2_u32.checked_pow(times).and_then(|factor| first.checked_mul(factor)).map_or(max, |wait| wait.min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound() {
        let wait = |times| doubling(Duration::from_secs(2), times, Duration::from_secs(3600)).as_secs();
        assert_eq!(
            [wait(0), wait(1), wait(2), wait(10), wait(11), wait(500), wait(u32::MAX)],
            [2, 4, 8, 2048, 3600, 3600, 3600]
        );
    }
}
