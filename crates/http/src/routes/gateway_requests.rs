//! `GET /gateway-requests`: the caller's calls, as buyer and as seller, newest first.

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, ListingId, ProfileId, Timestamp, rfc3339_millis};
use crochet_relay::ports::{Books, HistoryItem, HistoryQuery, Role};
use crochet_relay::{Attempt, AttemptOutcome, OrphanPayment, State};
use serde::Serialize;

use super::{get, part, resource};
use crate::admit;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::query::{Params, invalid};

#[derive(Serialize)]
struct Item {
    id: String,
    relay_request_id: Option<String>,
    listing_id: String,
    role: &'static str,
    buyer_id: String,
    seller_id: String,
    status: &'static str,
    amount: Option<String>,
    fee: Option<String>,
    seller_amount: Option<String>,
    currency: &'static str,
    body_sha256: String,
    response_sha256: Option<String>,
    response_bytes: Option<u64>,
    seller_status: Option<u16>,
    latency_ms: Option<u32>,
    attempts: Vec<AttemptItem>,
    payment: Option<PaymentItem>,
    superseded_by: Option<String>,
    #[serde(with = "rfc3339_millis")]
    created_at: Timestamp,
    #[serde(with = "rfc3339_millis")]
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    orphan_payments: Option<Vec<OrphanItem>>,
}

#[derive(Serialize)]
struct AttemptItem {
    attempt: u32,
    #[serde(with = "rfc3339_millis")]
    started_at: Timestamp,
    outcome: Option<&'static str>,
    seller_status: Option<u16>,
    latency_ms: Option<u32>,
}

#[derive(Serialize)]
struct PaymentItem {
    provider: String,
    provider_reference: String,
    #[serde(with = "rfc3339_millis")]
    settled_at: Timestamp,
    refunded: bool,
}

#[derive(Serialize)]
struct OrphanItem {
    id: String,
    reason: &'static str,
    provider: String,
    provider_reference: String,
    asset: String,
    recipient: String,
    base_units: String,
    #[serde(with = "rfc3339_millis")]
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

async fn list(
    Authenticated(caller): Authenticated,
    books: web::Data<dyn Books>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let params = Params::read(&req, &["role", "status", "listing_id", "page", "limit", "cursor"])?;
    let page = params.page()?;
    let role = params.choice("role", |text| match text {
        "buyer" => Some(Role::Buyer),
        "seller" => Some(Role::Seller),
        _ => None,
    })?;
    let listing = params.get("listing_id").map(ListingId::parse).transpose();
    let query = HistoryQuery {
        role,
        states: params.choice("status", State::parse)?.into_iter().collect(),
        listing: listing.map_err(|_| invalid("listing_id", "is not a UUID"))?,
        ..HistoryQuery::of(caller.profile_id(), page)
    };
    let me = caller.profile_id();
    envelope::page(page, &books.history(&query).await?, |item| {
        show(item, role_in(item, me, role).unwrap_or(Role::Buyer))
    })
}

async fn detail(
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
