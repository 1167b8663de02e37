//! `GET /x402/payments/{id}`: how a call stands that was paid by a header. For payers without an account: whoever was told
//! the call's id may ask, and learns nothing that is not on the chain but how the call ended.

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, ListingId, schema};
use crochet_relay::ports::Books;
use crochet_relay::{Record, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{get, part, resource};
use crate::admit;
use crate::code::Code;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::openapi::vocabulary::CallState;
use crate::openapi::{rules, vocabulary};
use crate::query::Params;
use crate::recovery::NextAction;

/// A call that was paid by a header.
#[derive(Serialize, ToSchema)]
#[schema(as = HeaderPayment)]
pub(crate) struct HeaderPaymentStatus<'a> {
    /// Where the call stands.
    #[schema(value_type = CallState)]
    status: &'static str,
    /// The call, as it is named in payments.
    #[schema(value_type = schema::RelayRequestId)]
    relay_request_id: String,
    /// The listing that was called.
    #[schema(value_type = ListingId)]
    listing_id: String,
    /// The price.
    #[serde(with = "crochet_pricing::wire::text")]
    #[schema(schema_with = vocabulary::usd)]
    amount: MicroUsd,
    /// Where it is paid, in CAIP-2.
    #[schema(pattern = "^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$")]
    network: &'a str,
    /// The wallet that pays.
    #[schema(max_length = 44)]
    payer: &'a str,
    /// Whether the chain shows the payment.
    paid: bool,
    /// The transaction that made it; null until it is known.
    #[schema(required, max_length = 128)]
    transaction: Option<&'a str>,
    /// What the payer does next; null when there is nothing left to do.
    #[schema(required, value_type = Option<NextAction>)]
    next_action: Option<&'static str>,
}

/// Where a payer without an account asks how its call stands.
pub(crate) fn path(call: CallId) -> String {
    format!("{}/x402/payments/{}", super::API, call.relay_request_id())
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/x402/payments/{id}", "GET, HEAD, OPTIONS").wrap(from_fn(admit::standard)).route(get().to(show)),
    );
}

/// Show how a payment by x402 stands.
///
/// For payers that were answered 202: while `next_action` is `retry_same_request`, the same request with the same payment
/// header goes on with the call, and nothing is to be paid again.
#[utoipa::path(
    get,
    path = "/x402/payments/{id}",
    tag = "Gateway",
    operation_id = "getHeaderPayment",
    params(("id" = schema::RelayRequestId, Path, description = "`data.relay_request_id` of the 202.")),
    responses((status = 200, description = "How it stands.", body = Success<HeaderPaymentStatus<'_>>)),
    extensions(("x-rules" = json!(rules::public(&[Code::BadRequest, Code::NotFound])))),
)]
pub(crate) async fn show(books: web::Data<dyn Books>, req: HttpRequest) -> Result<HttpResponse, ApiError> {
    let unknown = || ApiError::not_found("There is no such payment.");
    let call = CallId::parse_relay_request_id(part(&req, "id")).map_err(|_| unknown())?;
    Params::read(&req, &[])?;
    let item = books.history_item(call).await?.ok_or_else(unknown)?;
    let status = status(&item.record).ok_or_else(unknown)?;
    envelope::ok(status)
}

fn status(record: &Record) -> Option<HeaderPaymentStatus<'_>> {
    let terms = record.terms.as_ref()?;
    let claimed = terms.claimed.as_ref()?;
    let settlement = record.settlement.as_ref().filter(|settlement| !settlement.refunded);
    let next_action = match record.state {
        State::Delivered => None,
        State::Mispaid | State::Expired | State::PaymentFailed | State::QuoteRefused => {
            Some(NextAction::CompletePaymentThenRetry)
        }
        _ => Some(NextAction::RetrySameRequest),
    };
    Some(HeaderPaymentStatus {
        status: record.state.as_str(),
        relay_request_id: record.id.relay_request_id(),
        listing_id: record.listing.to_string(),
        amount: record.price?.gross,
        network: &terms.network,
        payer: &claimed.payer,
        paid: settlement.is_some(),
        transaction: settlement.and_then(|settlement| settlement.transaction.as_deref()),
        next_action: next_action.map(NextAction::as_str),
    })
}
