//! What several answers say of a payment.

use std::sync::LazyLock;

use crochet_pricing::MicroUsd;
use crochet_primitives::{Timestamp, rfc3339_millis, schema};
use crochet_relay::{Record, Terms};
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi::vocabulary;

/// The terms of a call, for whoever pays it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentTerms<'a> {
    /// The payment provider.
    #[schema(max_length = 50)]
    provider: &'a str,
    /// How it is paid.
    #[schema(max_length = 50)]
    scheme: &'a str,
    /// The network that it is paid from, in CAIP-2.
    #[schema(pattern = "^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$")]
    network: &'a str,
    /// What it is paid in.
    #[schema(value_type = vocabulary::OriginCurrency)]
    origin_currency: &'static str,
    /// The chain that it is paid from, by the payment provider's number.
    origin_chain_id: u64,
    /// What to do, in the payment provider's own form.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    instructions: &'a serde_json::Value,
}

impl<'a> From<&'a Terms> for PaymentTerms<'a> {
    fn from(terms: &'a Terms) -> Self {
        Self {
            provider: &terms.provider,
            scheme: &terms.scheme,
            network: &terms.network,
            origin_currency: terms.origin_currency.as_str(),
            origin_chain_id: terms.origin_chain_id,
            // Of a payment that came with its call there is nothing to do, and where it is looked for is the operator's.
            instructions: if terms.claimed.is_some() { nothing() } else { &terms.instructions },
        }
    }
}

fn nothing() -> &'static serde_json::Value {
    static NOTHING: LazyLock<serde_json::Value> = LazyLock::new(|| serde_json::json!({}));
    &NOTHING
}

/// What was paid, and to whom it went.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentContext<'a> {
    /// What the buyer paid.
    #[serde(with = "crochet_pricing::wire::text")]
    #[schema(schema_with = vocabulary::usd)]
    amount: MicroUsd,
    /// The marketplace's part of it.
    #[serde(with = "crochet_pricing::wire::text")]
    #[schema(schema_with = vocabulary::usd)]
    fee: MicroUsd,
    /// The seller's part of it.
    #[serde(with = "crochet_pricing::wire::text")]
    #[schema(schema_with = vocabulary::usd)]
    seller_amount: MicroUsd,
    /// Always USD.
    #[schema(schema_with = vocabulary::currency)]
    currency: &'static str,
    /// When it was recorded.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    settled_at: Timestamp,
    /// The payment provider's own name for the payment.
    #[schema(max_length = 255)]
    provider_reference: &'a str,
}

pub(super) fn payment_context(record: &Record) -> Option<PaymentContext<'_>> {
    let (price, settlement) = (record.price?, record.settlement.as_ref()?);
    Some(PaymentContext {
        amount: price.gross,
        fee: price.fee,
        seller_amount: price.seller_share,
        currency: "USD",
        settled_at: settlement.settled_at,
        provider_reference: &settlement.reference,
    })
}

/// Only what is paid is named by a relay request id.
pub(super) fn relay_request_id(record: &Record) -> Option<String> {
    record.price.map(|_| record.id.relay_request_id())
}
