//! `GET /gateway-requests`: the caller's calls, as buyer and as seller, newest first.

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, Cursor, ListingId, ProfileId, Timestamp, rfc3339_millis, schema};
use crochet_relay::ports::{Books, HistoryItem, HistoryQuery, Role};
use crochet_relay::{Attempt, AttemptOutcome, OrphanPayment, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{get, part, resource};
use crate::admit;
use crate::code::Code;
use crate::envelope::{self, List, Success};
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::openapi::vocabulary::{CallRole, CallState};
use crate::openapi::{rules, vocabulary};
use crate::query::Params;

/// A call, as its buyer or its seller sees it. There is one a call, with all its attempts.
#[derive(Serialize, ToSchema)]
#[schema(as = GatewayRequest)]
pub(crate) struct Item {
    /// The call, as its seller knows it.
    #[schema(value_type = schema::GatewayRequestId)]
    id: String,
    /// The call, as it is named in payments; null when it is free.
    #[schema(required, value_type = Option<schema::RelayRequestId>)]
    relay_request_id: Option<String>,
    /// The listing that was called.
    #[schema(value_type = ListingId)]
    listing_id: String,
    /// On which side of it the caller is.
    #[schema(value_type = CallRole)]
    role: &'static str,
    /// Whoever pays.
    #[schema(value_type = ProfileId)]
    buyer_id: String,
    /// Whoever does the work.
    #[schema(value_type = ProfileId)]
    seller_id: String,
    /// Where it stands.
    #[schema(value_type = CallState)]
    status: &'static str,
    /// What the buyer pays; null when it is free.
    #[schema(required, schema_with = vocabulary::usd_or_null)]
    amount: Option<String>,
    /// The marketplace's part of it; null when it is free.
    #[schema(required, schema_with = vocabulary::usd_or_null)]
    fee: Option<String>,
    /// The seller's part of it; null when it is free.
    #[schema(required, schema_with = vocabulary::usd_or_null)]
    seller_amount: Option<String>,
    /// Always USD.
    #[schema(schema_with = vocabulary::currency)]
    currency: &'static str,
    /// SHA-256 of the request's body, as it came.
    #[schema(schema_with = vocabulary::sha256)]
    body_sha256: String,
    /// SHA-256 of the response that was delivered.
    #[schema(required, schema_with = vocabulary::sha256_or_null)]
    response_sha256: Option<String>,
    /// The length of the response that was delivered.
    #[schema(required)]
    response_bytes: Option<u64>,
    /// The status that the seller answered with, of the delivery or else of the last attempt.
    #[schema(required, minimum = 100, maximum = 999)]
    seller_status: Option<u16>,
    /// How long the seller took, in milliseconds.
    #[schema(required)]
    latency_ms: Option<u32>,
    /// Every time that it was forwarded, oldest first.
    attempts: Vec<AttemptItem>,
    /// What settled it; null until then, and when it is free.
    #[schema(required)]
    payment: Option<PaymentItem>,
    /// The call whose terms replace these.
    #[schema(required, value_type = Option<schema::RelayRequestId>)]
    superseded_by: Option<String>,
    /// When it was made.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    created_at: Timestamp,
    /// When it last changed.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    updated_at: Timestamp,
    /// Payments that named this call and bought nothing. Of one call, to its buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    orphan_payments: Option<Vec<OrphanItem>>,
}

/// One time that a call was forwarded.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptItem {
    /// Counts from 1; the seller knows it by `X-Crochet-Attempt`.
    #[schema(minimum = 1)]
    attempt: u32,
    /// When it began.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    started_at: Timestamp,
    /// How it ended; null while it runs.
    #[schema(required, value_type = Option<AttemptOutcome>)]
    outcome: Option<&'static str>,
    /// The status that the seller answered with.
    #[schema(required, minimum = 100, maximum = 999)]
    seller_status: Option<u16>,
    /// How long it took, in milliseconds.
    #[schema(required)]
    latency_ms: Option<u32>,
}

/// What settled a call.
#[derive(Serialize, ToSchema)]
#[schema(as = Settlement)]
pub(crate) struct PaymentItem {
    /// The payment provider.
    #[schema(max_length = 50)]
    provider: String,
    /// The provider's own name for the payment.
    #[schema(max_length = 255)]
    provider_reference: String,
    /// When it was recorded.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    settled_at: Timestamp,
    /// Whether the provider gave it back since.
    refunded: bool,
}

/// A payment that arrived and bought nothing. It is kept for ever, and the operator sees it too.
#[derive(Serialize, ToSchema)]
#[schema(as = OrphanPayment)]
pub(crate) struct OrphanItem {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// Why it bought nothing.
    #[schema(value_type = crochet_relay::OrphanReason)]
    reason: &'static str,
    /// The payment provider.
    #[schema(max_length = 50)]
    provider: String,
    /// The provider's own name for the payment.
    #[schema(max_length = 255)]
    provider_reference: String,
    /// What arrived: the asset, as the provider names it.
    asset: String,
    /// At whom.
    recipient: String,
    /// How much, in the asset's base units.
    #[schema(pattern = "^[0-9]+$")]
    base_units: String,
    /// When it was noticed.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    noticed_at: Timestamp,
}

impl From<&Attempt> for AttemptItem {
    fn from(attempt: &Attempt) -> Self {
        Self {
            attempt: attempt.attempt,
            started_at: attempt.started_at,
            outcome: attempt.outcome.map(AttemptOutcome::as_str),
            seller_status: attempt.seller_status,
            latency_ms: attempt.latency_ms,
        }
    }
}

impl From<&OrphanPayment> for OrphanItem {
    fn from(orphan: &OrphanPayment) -> Self {
        Self {
            id: orphan.id.to_string(),
            reason: orphan.reason.as_str(),
            provider: orphan.provider.clone(),
            provider_reference: orphan.payment.reference.clone(),
            asset: orphan.payment.asset.clone(),
            recipient: orphan.payment.recipient.clone(),
            // As text: a JSON number of this size is not read exactly everywhere.
            base_units: orphan.payment.base_units.to_string(),
            noticed_at: orphan.noticed_at,
        }
    }
}

fn show(item: &HistoryItem, role: Role) -> Item {
    let record = &item.record;
    let amount = |part: fn(&crochet_pricing::Split) -> MicroUsd| record.price.as_ref().map(|p| part(p).to_string());
    let last = item.attempts.last();
    Item {
        id: record.id.request_id(),
        relay_request_id: record.price.map(|_| record.id.relay_request_id()),
        listing_id: record.listing.to_string(),
        role: match role {
            Role::Buyer => "buyer",
            Role::Seller => "seller",
        },
        buyer_id: record.buyer.to_string(),
        seller_id: record.seller.to_string(),
        status: record.state.as_str(),
        amount: amount(|price| price.gross),
        fee: amount(|price| price.fee),
        seller_amount: amount(|price| price.seller_share),
        currency: "USD",
        body_sha256: record.body_sha256.to_string(),
        response_sha256: record.delivery.as_ref().map(|delivery| delivery.response_sha256.clone()),
        response_bytes: record.delivery.as_ref().map(|delivery| delivery.response_bytes),
        seller_status: match &record.delivery {
            Some(delivery) => Some(delivery.seller_status),
            None => last.and_then(|attempt| attempt.seller_status),
        },
        latency_ms: match &record.delivery {
            Some(delivery) => Some(delivery.latency_ms),
            None => last.and_then(|attempt| attempt.latency_ms),
        },
        attempts: item.attempts.iter().map(AttemptItem::from).collect(),
        payment: record.settlement.as_ref().map(|settlement| PaymentItem {
            provider: record.terms.as_ref().map(|terms| terms.provider.clone()).unwrap_or_default(),
            provider_reference: settlement.reference.clone(),
            settled_at: settlement.settled_at,
            refunded: settlement.refunded,
        }),
        superseded_by: record.superseded_by.map(CallId::relay_request_id),
        created_at: record.created_at,
        updated_at: record.updated_at,
        orphan_payments: None,
    }
}

/// Whoever is both is shown the call as its buyer, unless it asked for the other side.
fn role_in(item: &HistoryItem, me: ProfileId, asked: Option<Role>) -> Option<Role> {
    let is_buyer = item.record.buyer == me;
    let is_seller = item.record.seller == me;
    match asked {
        Some(Role::Seller) if is_seller => Some(Role::Seller),
        _ if is_buyer => Some(Role::Buyer),
        _ if is_seller => Some(Role::Seller),
        _ => None,
    }
}

/// The query parameters of the list.
const FILTERS: [&str; 10] =
    ["role", "status", "listing_id", "buyer_id", "superseded", "created_from", "created_to", "page", "limit", "cursor"];

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/gateway-requests", "GET, HEAD, OPTIONS").wrap(from_fn(admit::standard)).route(get().to(list)),
        )
        .service(
            resource("/gateway-requests/{id}", "GET, HEAD, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(get().to(detail)),
        );
}

/// List the caller's calls.
///
/// Newest first: what the caller bought and what it sold, until `role` says which. Follow `pagination.next_cursor`
/// through a long history.
#[utoipa::path(
    get,
    path = "/gateway-requests",
    tag = "Calls and money",
    operation_id = "listGatewayRequests",
    params(
        ("role" = Option<CallRole>, Query, description = "Calls on this side alone."),
        (
            "status" = Option<Vec<CallState>>, Query, style = Form, explode = false, min_items = 1, max_items = 11,
            description = "Calls in this state alone, or in one of several: `status=settled,seller_failed`."
        ),
        ("listing_id" = Option<ListingId>, Query, description = "Calls of this listing alone."),
        ("buyer_id" = Option<ProfileId>, Query, description = "Calls by this buyer alone: for sellers."),
        (
            "superseded" = Option<bool>, Query,
            description = "Whether another call's terms have taken a call's place: `false` leaves such calls out, \
                `true` lists them alone."
        ),
        (
            "created_from" = Option<String>, Query, format = DateTime,
            description = "Calls recorded at this moment or after it."
        ),
        (
            "created_to" = Option<String>, Query, format = DateTime,
            description = "Calls recorded before this moment: it is not in the period itself."
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
    responses((status = 200, description = "A page of calls.", body = List<Item>)),
    extensions(("x-rules" = json!(rules::read(&[Code::BadRequest, Code::UseCursor])))),
)]
pub(crate) async fn list(
    Authenticated(caller): Authenticated,
    books: web::Data<dyn Books>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let params = Params::read(&req, &FILTERS)?;
    let page = params.page()?;
    let role = params.name("role", Role::parse, Role::NAMES)?;
    let query = HistoryQuery {
        role,
        states: params.names("status", State::parse, State::NAMES)?,
        listing: params.id("listing_id", ListingId::parse)?,
        buyer: params.id("buyer_id", ProfileId::parse)?,
        superseded: params.flag("superseded")?,
        created: params.period()?,
        ..HistoryQuery::of(caller.profile_id(), page)
    };
    let me = caller.profile_id();
    envelope::page(page, &books.history(&query).await?, |item| {
        show(item, role_in(item, me, role).unwrap_or(Role::Buyer))
    })
}

/// Read one call.
///
/// By its `gw_req_…` or its `relay_…` id. Its buyer is also shown payments that named it and bought nothing.
#[utoipa::path(
    get,
    path = "/gateway-requests/{id}",
    tag = "Calls and money",
    operation_id = "getGatewayRequest",
    params(("id" = String, Path, description = "The call, by either of its ids.")),
    responses((status = 200, description = "The call.", body = Success<Item>)),
    extensions(("x-rules" = json!(rules::read(&[Code::BadRequest, Code::NotFound])))),
)]
pub(crate) async fn detail(
    Authenticated(caller): Authenticated,
    books: web::Data<dyn Books>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let unknown = || ApiError::not_found("There is no such gateway request of yours.");
    let id = part(&req, "id");
    let call = CallId::parse_request_id(id).or_else(|_| CallId::parse_relay_request_id(id)).map_err(|_| unknown())?;
    Params::read(&req, &[])?;
    let item = books.history_item(call).await?.ok_or_else(unknown)?;
    let role = role_in(&item, caller.profile_id(), None).ok_or_else(unknown)?;
    let mut shown = show(&item, role);
    if role == Role::Buyer {
        shown.orphan_payments = Some(item.orphans.iter().map(OrphanItem::from).collect());
    }
    envelope::ok(shown)
}
