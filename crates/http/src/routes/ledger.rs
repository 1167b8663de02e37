//! `GET /ledger`: the caller's entries, newest first.

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_pricing::MicroUsd;
use crochet_primitives::{
    CallId, Cursor, ListingId, ParseIdError, ProfileId, SettlementId, Timestamp, rfc3339_millis, schema,
};
use crochet_relay::ports::{Books, LedgerQuery};
use crochet_relay::{Direction, EntryType, LedgerEntry};
use serde::Serialize;
use utoipa::ToSchema;

use super::{get, resource};
use crate::admit;
use crate::code::Code;
use crate::envelope::{self, List};
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::openapi::vocabulary::{LedgerDirection, LedgerEntryType};
use crate::openapi::{rules, vocabulary};
use crate::query::Params;

/// One entry of the ledger. Entries are never changed or deleted; corrections are new ones of the type `adjustment`.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerEntry)]
pub(crate) struct Entry {
    /// The entry's id.
    #[schema(format = "uuid")]
    id: String,
    /// The settlement that it belongs to: one payment, one gateway_payment, one marketplace_fee and one seller_credit.
    #[schema(value_type = SettlementId)]
    settlement_id: String,
    /// What it records.
    #[serde(rename = "type")]
    #[schema(value_type = LedgerEntryType)]
    entry_type: &'static str,
    /// What an adjustment corrects; null for everything else.
    #[schema(schema_with = vocabulary::adjusts)]
    adjusts: Option<&'static str>,
    /// Whether it is taken from the profile or given to it.
    #[schema(value_type = LedgerDirection)]
    direction: &'static str,
    /// Whose entry it is.
    #[schema(value_type = ProfileId)]
    profile_id: String,
    /// The call that was paid.
    #[schema(value_type = schema::RelayRequestId)]
    relay_request_id: String,
    /// The listing that was called.
    #[schema(value_type = ListingId)]
    listing_id: String,
    /// In US dollars, with six decimals.
    #[serde(with = "crochet_pricing::wire::text")]
    #[schema(schema_with = vocabulary::usd)]
    amount: MicroUsd,
    /// The same in millionths of a US dollar.
    #[serde(rename = "amount_micros", with = "crochet_pricing::wire::micros")]
    #[schema(schema_with = vocabulary::usd_micros)]
    micros: MicroUsd,
    /// Always USD.
    #[schema(schema_with = vocabulary::currency)]
    currency: &'static str,
    /// Whether the marketplace fee was taken at its source or is owed.
    #[schema(value_type = crochet_relay::FeeStatus)]
    fee_status: &'static str,
    /// The payment provider.
    #[schema(max_length = 50)]
    provider: String,
    /// The provider's own name for the payment.
    #[schema(max_length = 255)]
    provider_reference: String,
    /// When it was written.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
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

/// The query parameters of the list.
const FILTERS: [&str; 10] = [
    "type",
    "direction",
    "listing_id",
    "relay_request_id",
    "settlement_id",
    "created_from",
    "created_to",
    "page",
    "limit",
    "cursor",
];

/// Sellers know a call by its other name.
fn call_id(text: &str) -> Result<CallId, ParseIdError> {
    CallId::parse_relay_request_id(text).or_else(|_| CallId::parse_request_id(text))
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(resource("/ledger", "GET, HEAD, OPTIONS").wrap(from_fn(admit::standard)).route(get().to(list)));
}

/// List the caller's ledger entries.
///
/// Newest first. A buyer sees its `gateway_payment` entries, a seller its `marketplace_fee` and `seller_credit`
/// entries, and both their `adjustment` entries. For each settlement the gross amount is the fee plus the seller's
/// credit.
#[utoipa::path(
    get,
    path = "/ledger",
    tag = "Calls and money",
    operation_id = "listLedgerEntries",
    params(
        (
            "type" = Option<Vec<LedgerEntryType>>, Query, style = Form, explode = false, min_items = 1, max_items = 4,
            description = "Entries of this type alone, or of one of several: `type=marketplace_fee,seller_credit`."
        ),
        ("direction" = Option<LedgerDirection>, Query, description = "Entries in this direction alone."),
        ("listing_id" = Option<ListingId>, Query, description = "Entries of calls of this listing alone."),
        (
            "relay_request_id" = Option<String>, Query, max_length = 43,
            description = "Entries of this call alone, by its `relay_…` or its `gw_req_…` id."
        ),
        ("settlement_id" = Option<SettlementId>, Query, description = "Entries of this settlement alone."),
        (
            "created_from" = Option<String>, Query, format = DateTime,
            description = "Entries written at this moment or after it."
        ),
        (
            "created_to" = Option<String>, Query, format = DateTime,
            description = "Entries written before this moment: it is not in the period itself."
        ),
        (
            "page" = Option<u32>, Query, minimum = 1,
            description = "Which page, from 1. Pages go down to the 10,000th item: page × limit is at most that. Not \
                together with `cursor`."
        ),
        (
            "limit" = Option<u32>, Query, minimum = 1, maximum = 100,
            description = "How many items a page has at most; 20 unless said."
        ),
        (
            "cursor" = Option<Cursor>, Query,
            description = "`pagination.next_cursor` of the answer before: goes on where that one ended, however deep. \
                Not together with `page`."
        ),
    ),
    responses((status = 200, description = "A page of entries.", body = List<Entry>)),
    extensions(("x-rules" = json!(rules::read(&[Code::BadRequest, Code::UseCursor])))),
)]
pub(crate) async fn list(
    Authenticated(caller): Authenticated,
    books: web::Data<dyn Books>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let params = Params::read(&req, &FILTERS)?;
    let page = params.page()?;
    let query = LedgerQuery {
        types: params.names("type", EntryType::parse, EntryType::NAMES)?,
        direction: params.name("direction", Direction::parse, Direction::NAMES)?,
        listing: params.id("listing_id", ListingId::parse)?,
        call: params.id("relay_request_id", call_id)?,
        settlement: params.id("settlement_id", SettlementId::parse)?,
        created: params.period()?,
        ..LedgerQuery::of(caller.profile_id(), page)
    };
    envelope::page(page, &books.ledger(&query).await?, |entry| Entry::from(entry))
}
