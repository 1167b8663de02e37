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
#[cfg(feature = "testing")]
pub mod reading;
mod reports;
mod status;
mod steps;
mod webhook;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use crochet_primitives::{CallId, Clock, Entropy};
use crochet_relay::ports::{PaymentProvider, WebhookRefused, Webhooks};
use crochet_relay::{Observation, QuoteAsk, QuoteOutcome, Terms};
use crochet_wallet::Chain;

use client::{Client, Kind};
pub use config::{RelayConfig, RelayConfigError, RelayTimes};
use secrecy::SecretString;
use webhook::{WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};
pub use webhook::{WEBHOOK_TOLERANCE, WebhookError, WebhookEvent, verify_webhook};

/// What terms and ledger call it.
const NAME: &str = "relay";

/// Relay as a payment provider.
pub struct RelayProvider {
    client: Client,
    fee_recipient: String,
    /// What webhooks are signed with, too.
    api_key: SecretString,
    clock: Arc<dyn Clock>,
}

impl RelayProvider {
    /// The chains on which sellers are paid: Solana, and Base for every EVM address.
    pub const PAYOUT_CHAINS: [Chain; 2] = [Chain::Evm, Chain::Solana];

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
        let api_key = config.api_key.clone();
        let client = Client::new(config, Arc::clone(&clock), entropy)?;
        Ok(Self { client, fee_recipient, api_key, clock })
    }

    /// The same Relay, asked only when nobody who waits for an answer wants to ask: for the sweeper.
    #[must_use]
    pub fn unhurried(self: Arc<Self>) -> UnhurriedRelay {
        UnhurriedRelay(self)
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
        self.look(call, terms, Kind::Read).await
    }
}

/// Relay as the sweeper asks it: with at most half of the budget for reads, and after the buyers. It shares everything
/// else with the provider that it was made of.
#[derive(Debug)]
pub struct UnhurriedRelay(Arc<RelayProvider>);

#[async_trait]
impl PaymentProvider for UnhurriedRelay {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn quote(&self, ask: &QuoteAsk) -> QuoteOutcome {
        self.0.quote(ask).await
    }

    async fn check(&self, call: CallId, terms: &Terms) -> Observation {
        self.0.look(call, terms, Kind::Sweep).await
    }
}

impl Webhooks for RelayProvider {
    fn provider(&self) -> &'static str {
        NAME
    }

    fn verify(&self, header: &dyn Fn(&str) -> Option<String>, body: &[u8]) -> Result<String, WebhookRefused> {
        let (Some(timestamp), Some(signature)) = (header(WEBHOOK_TIMESTAMP), header(WEBHOOK_SIGNATURE)) else {
            return Err(WebhookRefused::Unsigned);
        };
        match verify_webhook(&self.api_key, &timestamp, &signature, body, self.clock.now()) {
            Ok(event) => Ok(event.request_id),
            Err(WebhookError::Unsigned) => Err(WebhookRefused::Unsigned),
            Err(WebhookError::NotAboutARequest) => Err(WebhookRefused::NotAboutAQuote),
        }
    }
}
