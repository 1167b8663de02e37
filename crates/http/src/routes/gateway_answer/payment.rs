//! What several answers say of a payment.

use crochet_pricing::MicroUsd;
use crochet_primitives::{Timestamp, rfc3339_millis};
use crochet_relay::{Record, Terms};
use serde::Serialize;

/// The terms of a call, for whoever pays it.
#[derive(Serialize)]
pub(super) struct PaymentTerms<'a> {
    provider: &'a str,
    scheme: &'a str,
    network: &'a str,
    origin_currency: &'static str,
    origin_chain_id: u64,
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
            instructions: &terms.instructions,
        }
    }
}

/// What was paid, and to whom it went.
#[derive(Serialize)]
pub(super) struct PaymentContext<'a> {
    #[serde(with = "crochet_pricing::wire::text")]
    amount: MicroUsd,
    #[serde(with = "crochet_pricing::wire::text")]
    fee: MicroUsd,
    #[serde(with = "crochet_pricing::wire::text")]
    seller_amount: MicroUsd,
    currency: &'static str,
    #[serde(with = "rfc3339_millis")]
    settled_at: Timestamp,
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
