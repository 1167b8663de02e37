//! A payment provider for development and tests. It behaves like one, payments that are late, short, refunded or
//! made twice included, and its memory is behind a port: it survives a crash, and every replica sees it.

mod pay;
mod quote;
mod reports;
mod watch;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use crochet_primitives::{CallId, Clock, Entropy};
use crochet_relay::ports::{MockPayments, PaymentProvider};
use crochet_relay::{Observation, QuoteAsk, QuoteOutcome, Terms};

pub use pay::{MAX_SETTLE_AFTER, MockPayError, PayReceipt, PayRequest, PaymentStatus};
pub use quote::ROUTE_MINIMUM;

/// What terms and ledger call it.
const NAME: &str = "mock";
/// What arrives: dollars in the seller's asset, one base unit a micro-dollar.
const ASSET: &str = "usdc";

/// The mock provider.
pub struct MockProvider {
    store: Arc<dyn MockPayments>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    public_url: String,
}

impl MockProvider {
    /// A provider that keeps its payments in `store`, and is paid under `public_url` (with or without a slash at its
    /// end). References are drawn from `entropy`.
    #[must_use]
    pub fn new(
        store: Arc<dyn MockPayments>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        mut public_url: String,
    ) -> Self {
        public_url.truncate(public_url.trim_end_matches('/').len());
        Self { store, clock, entropy, public_url }
    }
}

impl fmt::Debug for MockProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockProvider").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

#[async_trait]
impl PaymentProvider for MockProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn quote(&self, ask: &QuoteAsk) -> QuoteOutcome {
        self.issue_terms(ask).await
    }

    async fn check(&self, call: CallId, terms: &Terms) -> Observation {
        match self.look(call, terms).await {
            Ok(observation) => observation,
            Err(error) => {
                tracing::warn!(call = %call.request_id(), %error, "the mock provider's payments cannot be read");
                Observation::Unknown
            }
        }
    }
}
