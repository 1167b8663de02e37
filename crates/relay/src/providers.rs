//! Whom to ask about a payment: the one provider that quotes, or, of a payment that came with its call, the chain.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use crochet_primitives::CallId;

use crate::ports::{HeaderPayments, PaymentProvider};
use crate::terms::{Observation, QuoteAsk, QuoteOutcome, Terms};

/// A [`PaymentProvider`] that quotes through one, and checks each payment where it was made.
#[derive(Clone)]
pub struct Providers {
    /// Who quotes.
    pub by_quote: Arc<dyn PaymentProvider>,
    /// Who knows of payments that came in a header, where those are taken.
    pub by_header: Option<Arc<dyn HeaderPayments>>,
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Providers")
            .field("by_quote", &self.by_quote.name())
            .field("by_header", &self.by_header.is_some())
            .finish()
    }
}

#[async_trait]
impl PaymentProvider for Providers {
    fn name(&self) -> &'static str {
        self.by_quote.name()
    }

    async fn quote(&self, ask: &QuoteAsk) -> QuoteOutcome {
        self.by_quote.quote(ask).await
    }

    async fn check(&self, call: CallId, terms: &Terms) -> Observation {
        match (&terms.claimed, &self.by_header) {
            (None, _) => self.by_quote.check(call, terms).await,
            (Some(_), Some(chain)) => chain.check(terms).await,
            // They were taken once, and are not any more: then nobody can say.
            (Some(_), None) => Observation::Unknown,
        }
    }
}
