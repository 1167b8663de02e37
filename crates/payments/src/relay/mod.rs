//! Relay (relay.link): buyers pay from their own chain in their own currency, sellers receive USDC.
//!
//! What always holds: a status alone settles nothing. `success` counts once Relay's own record of the request says
//! what arrived, where, and for whom; until that can be read the payment is under way. Nothing that Relay says is
//! shown to anybody unchecked, and its answers are never logged.

mod arrived;
mod breaker;
mod budget;
mod chains;
mod client;
mod config;
mod errors;
mod json;
mod quote;
mod status;
mod steps;
mod webhook;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use crochet_primitives::{CallId, Clock, Entropy};
use crochet_relay::ports::PaymentProvider;
use crochet_relay::{Observation, QuoteAsk, QuoteOutcome, Terms};

use client::Client;
pub use config::{RelayConfig, RelayConfigError, RelayTimes};
pub use webhook::{WEBHOOK_TOLERANCE, WebhookError, WebhookEvent, verify_webhook};

/// What terms and ledger call it.
const NAME: &str = "relay";

/// Relay as a payment provider.
pub struct RelayProvider {
    client: Client,
    fee_recipient: String,
    clock: Arc<dyn Clock>,
}

impl RelayProvider {
    /// A provider that talks to `config.url`. The jitter of its retries is drawn from `entropy`; `clock` says how long
    /// quotes have left, and waits between retries.
    ///
    /// # Errors
    /// What of the configuration cannot be used.
    pub fn new(
        config: RelayConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, RelayConfigError> {
        let fee_recipient = config.checked_fee_recipient()?;
        let client = Client::new(config, Arc::clone(&clock), entropy)?;
        Ok(Self { client, fee_recipient, clock })
    }

    /// Whether Relay answers, as far as payments have shown: false from the moment at which it is left alone for not
    /// answering until it answers again. Asks nobody.
    #[must_use]
    pub fn is_answering(&self) -> bool {
        self.client.is_answering()
    }
}

impl fmt::Debug for RelayProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayProvider").field("fee_recipient", &self.fee_recipient).finish_non_exhaustive()
    }
}

#[async_trait]
impl PaymentProvider for RelayProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn quote(&self, ask: &QuoteAsk) -> QuoteOutcome {
        self.issue_terms(ask).await
    }

    async fn check(&self, call: CallId, terms: &Terms) -> Observation {
        self.look(call, terms).await
    }
}
