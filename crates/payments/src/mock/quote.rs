//! Terms.

use crochet_pricing::MicroUsd;
use crochet_relay::ports::MockQuote;
use crochet_relay::{FeeStatus, QuoteAsk, QuoteOutcome, QuoteRefusal, SOLANA, Terms};

use super::{ASSET, MockProvider, NAME};

/// What a route from an EVM chain takes at least, where the buyer chose its currency: 0.10 USD. It stands for the
/// flat costs of real ones.
pub const ROUTE_MINIMUM: MicroUsd = MicroUsd::from_micros(100_000);

/// When to ask again after the store failed, in seconds.
const RETRY_SECONDS: u32 = 1;

impl MockProvider {
    pub(super) async fn issue_terms(&self, ask: &QuoteAsk) -> QuoteOutcome {
        // Solana takes any price; so does a default, which is chosen so that everything can be tried.
        if ask.route.chosen_by_buyer && ask.route.chain_id != SOLANA && ask.gross < ROUTE_MINIMUM {
            return QuoteOutcome::Refused(QuoteRefusal::RouteMinimumNotMet { minimum: ROUTE_MINIMUM });
        }
        let quote = MockQuote { call: ask.call, amount: ask.gross, recipient: ask.recipient.clone() };
        match self.store.keep_quote(&quote).await {
            Ok(kept) => QuoteOutcome::Issued(Box::new(self.terms(ask, kept))),
            Err(error) => {
                tracing::warn!(call = %ask.call.request_id(), %error, "a mock quote cannot be kept");
                QuoteOutcome::Unavailable { retry_after_seconds: Some(RETRY_SECONDS) }
            }
        }
    }

    /// Of a call that was quoted before, the first amount and recipient stand.
    fn terms(&self, ask: &QuoteAsk, quote: MockQuote) -> Terms {
        let id = ask.call.relay_request_id();
        let pay_url = format!("{}/api/v1/mock-provider/payments/{id}/pay", self.public_url);
        Terms {
            provider: NAME.to_owned(),
            provider_request_id: id,
            scheme: NAME.to_owned(),
            network: ask.route.network.to_owned(),
            origin_currency: ask.route.currency,
            origin_chain_id: ask.route.chain_id,
            instructions: serde_json::json!({ "pay_url": pay_url, "method": "POST" }),
            asset: ASSET.to_owned(),
            recipient: quote.recipient,
            expected_base_units: quote.amount.micros(),
            fee_status: FeeStatus::Accrued,
            expires_at: ask.expires_at,
            claimed: None,
        }
    }
}
