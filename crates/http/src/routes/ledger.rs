//! `GET /ledger`: the caller's entries, newest first.

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_pricing::MicroUsd;
use crochet_primitives::{Timestamp, rfc3339_millis};
use crochet_relay::ports::{Books, LedgerQuery};
use crochet_relay::{EntryType, LedgerEntry};
use serde::Serialize;

use super::{get, resource};
use crate::admit;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::query::Params;

#[derive(Serialize)]
struct Entry {
    id: String,
    settlement_id: String,
    #[serde(rename = "type")]
    entry_type: &'static str,
    /// What an adjustment corrects.
    adjusts: Option<&'static str>,
    direction: &'static str,
    profile_id: String,
    relay_request_id: String,
    listing_id: String,
    #[serde(with = "crochet_pricing::wire::text")]
    amount: MicroUsd,
    #[serde(rename = "amount_micros", with = "crochet_pricing::wire::micros")]
    micros: MicroUsd,
    currency: &'static str,
    fee_status: &'static str,
    provider: String,
    provider_reference: String,
    #[serde(with = "rfc3339_millis")]
    created_at: Timestamp,
}

impl From<&LedgerEntry> for Entry {
    fn from(entry: &LedgerEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            settlement_id: entry.settlement_id.to_string(),
            entry_type: entry.entry_type.as_str(),
            adjusts: entry.adjusts.map(EntryType::as_str),
            direction: entry.direction.as_str(),
            profile_id: entry.profile.to_string(),
            relay_request_id: entry.call.relay_request_id(),
            listing_id: entry.listing.to_string(),
            amount: entry.amount,
            micros: entry.amount,
            currency: entry.currency,
            fee_status: entry.fee_status.as_str(),
            provider: entry.provider.clone(),
            provider_reference: entry.provider_reference.clone(),
            created_at: entry.created_at,
        }
    }
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(resource("/ledger", "GET, HEAD, OPTIONS").wrap(from_fn(admit::standard)).route(get().to(list)));
}

async fn list(
    Authenticated(caller): Authenticated,
    books: web::Data<dyn Books>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let params = Params::read(&req, &["type", "page", "limit", "cursor"])?;
    let page = params.page()?;
    let types = params.choice("type", EntryType::parse)?.into_iter().collect();
    let query = LedgerQuery { types, ..LedgerQuery::of(caller.profile_id(), page) };
    envelope::page(page, &books.ledger(&query).await?, |entry| Entry::from(entry))
}
