//! No provider is waited for without a bound, whatever it promises.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::CallId;
use crochet_relay::ports::PaymentProvider;
use crochet_relay::{Observation, QuoteAsk, QuoteOutcome, Terms};
use tokio::time::timeout;

/// How long a provider may take over a quote.
pub const QUOTE_LIMIT: Duration = Duration::from_secs(20);
/// How long a provider may take to say what has become of one.
pub const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// A provider that answers in time: what the one inside of it has not answered within the port's limits is
/// [`QuoteOutcome::Unavailable`] or [`Observation::Unknown`], and its work on that is dropped.
pub struct TimeLimited {
    /// Who is asked.
    pub inner: Arc<dyn PaymentProvider>,
}

impl fmt::Debug for TimeLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeLimited").field("inner", &self.inner.name()).finish()
    }
}

#[async_trait]
impl PaymentProvider for TimeLimited {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn quote(&self, ask: &QuoteAsk) -> QuoteOutcome {
        timeout(QUOTE_LIMIT, self.inner.quote(ask)).await.unwrap_or_else(|_| {
            tracing::warn!(call = %ask.call.request_id(), provider = self.name(), "no quote came in time");
            QuoteOutcome::Unavailable { retry_after_seconds: None }
        })
    }

    async fn check(&self, call: CallId, terms: &Terms) -> Observation {
        timeout(CHECK_LIMIT, self.inner.check(call, terms)).await.unwrap_or_else(|_| {
            tracing::warn!(call = %call.request_id(), provider = self.name(), "no word on a payment came in time");
            Observation::Unknown
        })
    }
}
