//! Terms: what Relay is asked for, and what of its answer can be shown to a buyer.

use std::time::Duration;

use crochet_pricing::MARKETPLACE_FEE;
use crochet_primitives::Timestamp;
use crochet_relay::{FeeStatus, QuoteAsk, QuoteOutcome, QuoteRefusal, Terms};
use serde_json::{Map, Value, json};

use super::chains::{self, Payout};
use super::client::{CallError, Kind};
use super::errors::Meaning;
use super::json as read;
use super::reports::referrer;
use super::steps::{self, Origin};
use super::{NAME, RelayProvider};

/// The largest instructions that are stored and shown.
const MAX_INSTRUCTIONS_BYTES: usize = 64 * 1024;
/// When to ask again after Relay failed, in seconds.
const RETRY_SECONDS: u32 = 5;
/// When to ask again where only the operator can mend it.
const OPERATOR_SECONDS: u32 = 60;

impl RelayProvider {
    pub(super) async fn issue_terms(&self, ask: &QuoteAsk) -> QuoteOutcome {
        let request = match QuoteRequest::new(ask, &self.fee_recipient, self.clock.now()) {
            Ok(request) => request,
            Err(outcome) => return outcome,
        };
        let deadline = self.client.deadline(Kind::Quote);
        let answer = match self.client.post_quote("/quote/v2", &request.body(), deadline).await {
            Ok(answer) => answer,
            Err(error) => return refused(ask, error),
        };
        match request.terms(&answer) {
            Ok(terms) => QuoteOutcome::Issued(Box::new(terms)),
            Err(broken) => {
                tracing::warn!(call = %ask.call.request_id(), what = broken.0, "a quote of Relay's cannot be used");
                QuoteOutcome::Unavailable { retry_after_seconds: Some(RETRY_SECONDS) }
            }
        }
    }
}

/// What is wrong with a quote; fixed words, nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken(pub(super) &'static str);

/// One question, with all that its answer is compared to.
pub(super) struct QuoteRequest<'a> {
    ask: &'a QuoteAsk,
    payer: &'a str,
    origin_currency: &'static str,
    payout: Payout,
    fee_recipient: &'a str,
    /// In seconds, from now: Relay counts them from its answer, so its window never ends before the buyer's.
    ttl: i64,
}

impl<'a> QuoteRequest<'a> {
    pub(super) fn new(ask: &'a QuoteAsk, fee_recipient: &'a str, now: Timestamp) -> Result<Self, QuoteOutcome> {
        let no_route =
            |detail: &str| QuoteOutcome::Refused(QuoteRefusal::RouteUnavailable { detail: detail.to_owned() });
        let payout = chains::payout(&ask.recipient)
            .ok_or_else(|| no_route("the seller has no payout wallet that Relay can pay to"))?;
        let wallet = ask.route.wallet.as_ref().ok_or_else(|| {
            QuoteOutcome::Refused(QuoteRefusal::OriginWalletInvalid {
                detail: "paying through Relay needs a linked wallet on the origin chain with the payment capability"
                    .into(),
                needs_solana_wallet: false,
            })
        })?;
        let origin_currency = chains::currency(ask.route.currency, ask.route.chain_id)
            .ok_or_else(|| no_route("this currency does not live on this chain"))?;
        let ttl = (ask.expires_at - now).num_seconds();
        if ttl < 1 {
            return Err(QuoteOutcome::Unavailable { retry_after_seconds: None });
        }
        Ok(Self { ask, payer: &wallet.address, origin_currency, payout, fee_recipient, ttl })
    }

    /// The seller's share has to come out exactly, or everything goes back to the wallet that paid.
    fn body(&self) -> Value {
        json!({
            "user": self.payer,
            "recipient": self.payout.recipient,
            "refundTo": self.payer,
            "originChainId": self.ask.route.chain_id,
            "originCurrency": self.origin_currency,
            "destinationChainId": self.payout.chain_id,
            "destinationCurrency": self.payout.currency,
            "tradeType": "EXACT_OUTPUT",
            "amount": self.expected_base_units().to_string(),
            "appFees": [{ "recipient": self.fee_recipient, "fee": fee_basis_points() }],
            "referrer": referrer(self.fee_recipient),
            "ttl": self.ttl,
        })
    }

    /// USDC has six decimals, as micro-dollars have.
    fn expected_base_units(&self) -> u64 {
        self.ask.seller_share.micros()
    }

    pub(super) fn terms(&self, answer: &Value) -> Result<Terms, Broken> {
        self.agrees(answer)?;
        let origin = Origin { chain_id: self.ask.route.chain_id, payer: self.payer };
        let read = steps::read(answer, &origin)?;
        let instructions = self.instructions(answer, &read);
        if instructions.to_string().len() > MAX_INSTRUCTIONS_BYTES {
            return Err(Broken("its instructions are too long"));
        }
        Ok(Terms {
            provider: NAME.to_owned(),
            provider_request_id: read.request_id,
            scheme: NAME.to_owned(),
            network: self.ask.route.network.to_owned(),
            origin_currency: self.ask.route.currency,
            origin_chain_id: self.ask.route.chain_id,
            instructions,
            asset: self.payout.asset.clone(),
            recipient: self.payout.recipient.clone(),
            expected_base_units: self.expected_base_units(),
            // Relay keeps the fee for its recipient off the chain until that collects it, and counts it on the input:
            // what the ledger calls the fee is nominal until then.
            fee_status: FeeStatus::Accrued,
            expires_at: self.ask.expires_at,
            claimed: None,
        })
    }

    /// Whatever the answer says of what was asked for has to be what was asked for.
    fn agrees(&self, answer: &Value) -> Result<(), Broken> {
        let chain = self.payout.chain_id;
        let recipient = read::text(answer, &["details", "recipient"]);
        if recipient.is_some_and(|text| chains::canonical(chain, text).as_ref() != Some(&self.payout.recipient)) {
            return Err(Broken("it pays somebody else"));
        }
        let Some(out) = read::at(answer, &["details", "currencyOut"]) else { return Ok(()) };
        if read::whole(out, &["currency", "chainId"]).is_some_and(|id| id != chain) {
            return Err(Broken("it pays on another chain"));
        }
        let address = read::text(out, &["currency", "address"]);
        if address.is_some_and(|text| chains::asset(chain, text).as_ref() != Some(&self.payout.asset)) {
            return Err(Broken("it pays in another currency"));
        }
        for key in ["amount", "minimumAmount"] {
            let Some(amount) = read::at(out, &[key]) else { continue };
            if read::units(amount).is_none_or(|amount| amount < u128::from(self.expected_base_units())) {
                return Err(Broken("it pays too little"));
            }
        }
        Ok(())
    }

    fn instructions(&self, answer: &Value, read: &steps::Steps) -> Value {
        let mut shown = Map::new();
        shown.insert("kind".to_owned(), "relay_steps".into());
        shown.insert("request_id".to_owned(), read.request_id.clone().into());
        shown.insert("payer".to_owned(), self.payer.into());
        shown.insert("refund_to".to_owned(), self.payer.into());
        shown.insert("origin_chain_id".to_owned(), self.ask.route.chain_id.into());
        shown.insert("origin_currency_address".to_owned(), self.origin_currency.into());
        if let Some(pay) = read::at(answer, &["details", "currencyIn"]).and_then(amount_shown) {
            shown.insert("pay".to_owned(), pay);
        }
        let fees: Map<String, Value> = ["gas", "relayer", "relayerGas", "relayerService", "app", "subsidized"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), amount_shown(read::at(answer, &["fees", name])?)?)))
            .collect();
        shown.insert("fees".to_owned(), fees.into());
        // Nominal: what is really collected is known when Relay pays it out.
        shown.insert("app_fee_basis_points".to_owned(), fee_basis_points().into());
        if let Some(seconds) = read::whole(answer, &["details", "timeEstimate"]) {
            shown.insert("time_estimate_seconds".to_owned(), seconds.into());
        }
        shown.insert("steps".to_owned(), read.steps.clone());
        shown.into()
    }
}

fn fee_basis_points() -> String {
    MARKETPLACE_FEE.get().to_string()
}

/// An amount for the buyer's eyes, with nothing in it but digits and names. `relayerService` may be negative.
fn amount_shown(value: &Value) -> Option<Value> {
    let amount = read::text(value, &["amount"]).filter(|text| is_decimal(text))?;
    let mut shown = Map::new();
    shown.insert("amount".to_owned(), amount.into());
    for (from, to) in [("amountFormatted", "amount_formatted"), ("amountUsd", "amount_usd")] {
        if let Some(text) = read::text(value, &[from]).filter(|text| is_decimal(text)) {
            shown.insert(to.to_owned(), text.into());
        }
    }
    let symbol = read::text(value, &["currency", "symbol"])
        .filter(|text| text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_graphic()));
    if let Some(symbol) = symbol {
        shown.insert("symbol".to_owned(), symbol.into());
    }
    if let Some(decimals) = read::whole(value, &["currency", "decimals"]).filter(|decimals| *decimals <= 77) {
        shown.insert("decimals".to_owned(), decimals.into());
    }
    Some(shown.into())
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && text.len() <= 80 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// What a failed call means for the buyer.
fn refused(ask: &QuoteAsk, error: CallError) -> QuoteOutcome {
    let call = ask.call.request_id();
    let unavailable = |seconds| QuoteOutcome::Unavailable { retry_after_seconds: Some(seconds) };
    match error {
        CallError::NotNow { retry_after } => {
            tracing::warn!(%call, "Relay is not asked for a quote now");
            unavailable(whole_seconds(retry_after))
        }
        CallError::NoAnswer => {
            tracing::warn!(%call, "Relay gave no quote that can be read");
            unavailable(RETRY_SECONDS)
        }
        CallError::Refused { status, code } => {
            let meaning = code.map(|code| code.meaning(ask.gross));
            match meaning {
                Some(Meaning::Refused(refusal)) => {
                    tracing::debug!(%call, status, ?code, "Relay has no quote");
                    QuoteOutcome::Refused(refusal)
                }
                Some(Meaning::Operator) => {
                    tracing::error!(%call, status, ?code, "Relay refuses our API key: check CROCHET_RELAY_API_KEY");
                    unavailable(OPERATOR_SECONDS)
                }
                Some(Meaning::Retry) => {
                    tracing::warn!(%call, status, ?code, "Relay has no quote for the moment");
                    unavailable(RETRY_SECONDS)
                }
                None => {
                    let is_key = matches!(status, 401 | 403);
                    tracing::warn!(%call, status, is_key, "Relay refused a quote without a code that is known");
                    unavailable(if is_key { OPERATOR_SECONDS } else { RETRY_SECONDS })
                }
            }
        }
    }
}

/// Rounded up, and at least one.
fn whole_seconds(wait: Duration) -> u32 {
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
