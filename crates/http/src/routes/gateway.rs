//! `POST /gateway/{listing}`: the product.

use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_primitives::{WalletId, schema};
use crochet_relay::{Buyer, CallRequest, Gateway, GatewayError, Reply};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::gateway_answer::{Accepted, DeliveredResponse, answer};
use super::{gateway_headers, part, resource};
use crate::admit;
use crate::code::Code;
use crate::envelope::Success;
use crate::error::ApiError;
use crate::extract::{GatewayCaller, RawJson};
use crate::in_flight::InFlight;
use crate::observer::Observer;
use crate::openapi::rules;
use crate::openapi::vocabulary::OriginCurrency;

/// Runs gateway calls in tasks of their own, so that a client that hangs up cannot cut one in half.
pub(crate) struct CallRunner {
    pub(crate) gateway: Arc<Gateway>,
    /// How many may run at once.
    pub(crate) in_flight: InFlight,
    /// Where the calls run: not on the thread that serves the connection.
    pub(crate) runtime: Handle,
    /// What is waited for when the server stops.
    pub(crate) tasks: TaskTracker,
    /// Who is told how calls end.
    pub(crate) observer: Arc<dyn Observer>,
}

impl CallRunner {
    /// Runs one call to its end, whether or not anybody waits for it.
    async fn run(&self, request: CallRequest) -> Result<Reply, ApiError> {
        // Before anything is asked of the storage, and held to the end, whoever still waits for it.
        let place = self.in_flight.take(request.buyer.profile)?;
        let gateway = Arc::clone(&self.gateway);
        let observer = Arc::clone(&self.observer);
        let call = async move {
            let _place = place;
            let reply = gateway.call(&request).await;
            observer.replied(reply.as_ref().ok());
            reply
        };
        let call = call.instrument(tracing::Span::current());
        match self.tasks.spawn_on(call, &self.runtime).await {
            Ok(reply) => reply.map_err(ApiError::from),
            Err(error) => Err(ApiError::internal("a gateway call did not come to its end", error)),
        }
    }
}

impl From<GatewayError> for ApiError {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Storage(error) => error.into(),
            GatewayError::Inconsistent { .. } => Self::internal("a gateway call is not as it can be", error),
        }
    }
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/gateway/{listing}", "POST, OPTIONS").wrap(from_fn(admit::gateway)).route(web::post().to(call)),
    );
}

/// Call a listing.
///
/// The body is any JSON, up to what the listing takes, and reaches the seller byte for byte. A free listing answers at
/// once. A paid one answers 402 with the terms of this very call in `data`; pay, then send the same body again with
/// `data.retry_headers`. While the payment is not final, or the call is at the seller, the answer is 202: wait for
/// `Retry-After`, and do not pay again. 502 and 504 may be retried free of charge: the call stays paid.
///
/// With an `Idempotency-Key` of its own a call can be sent again after any fault, and is made once. There is no query
/// string. A request that carries `X-Crochet-Signature` was sent by a gateway, and is refused.
#[utoipa::path(
    post,
    path = "/gateway/{listing}",
    tag = "Gateway",
    operation_id = "callListing",
    params(
        ("listing" = String, Path, description = "The listing's id or slug."),
        (
            "Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]{1,255}$",
            description = "A name of your own for this call, per listing: printable ASCII. The same key, body and \
                origin headers give the same call, however often they are sent; others are answered \
                `IDEMPOTENCY_KEY_REUSED`. It alone is enough to retry after payment."
        ),
        (
            "X-Crochet-Relay-Request-Id" = Option<schema::RelayRequestId>, Header,
            description = "The call to go on with, from `data.retry_headers` of its 402. Left out for a new call."
        ),
        (
            "X-Crochet-Payment-Scheme" = Option<String>, Header, max_length = 50,
            description = "From `data.retry_headers`: the scheme that it was paid by."
        ),
        (
            "X-Crochet-Payment-Network" = Option<String>, Header, pattern = "^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$",
            description = "From `data.retry_headers`: the network that it was paid from, in CAIP-2."
        ),
        (
            "X-Crochet-Origin-Wallet-Id" = Option<WalletId>, Header,
            description = "The wallet to pay with: one of the caller's own, active, with the capability `payment`."
        ),
        (
            "X-Crochet-Origin-Currency" = Option<OriginCurrency>, Header,
            description = "What to pay in. SOL takes any price; the others have a minimum."
        ),
        (
            "X-Crochet-Origin-Chain-Id" = Option<u64>, Header,
            description = "The chain to pay from, by the payment provider's number: 8453 is Base, 792703809 is Solana."
        ),
    ),
    request_body(
        content = serde_json::Value,
        description = "Any JSON, for the seller.",
        content_type = "application/json"
    ),
    responses(
        (
            status = 200,
            description = "The seller handled it: its JSON is in `data.seller_response`, byte for byte.",
            body = Success<DeliveredResponse>
        ),
        (
            status = 202,
            description = "Something is under way. Send the same request again after the wait, and do not pay again.",
            body = Success<Accepted>
        ),
    ),
    extensions(("x-rules" = json!(rules::gateway(&[
        Code::PaymentRequired, Code::PaymentMismatch, Code::PaymentFailed, Code::QuoteExpired, Code::NotFound,
        Code::RelayRequestMismatch, Code::IdempotencyKeyReused, Code::ResponseNoLongerAvailable,
        Code::ListingUnavailable, Code::ListingHasNoEndpoint, Code::PaymentRouteMinimumNotMet,
        Code::PaymentRouteUnavailable, Code::OriginWalletInvalid, Code::TooManyOpenQuotes, Code::SellerError,
        Code::SellerInvalidResponse, Code::SellerResponseTooLarge, Code::SellerUnreachable, Code::SellerTimeout,
        Code::PaymentProviderUnavailable,
    ])))),
)]
pub(crate) async fn call(
    GatewayCaller(caller): GatewayCaller,
    runner: web::Data<CallRunner>,
    req: HttpRequest,
    RawJson(body): RawJson,
) -> Result<HttpResponse, ApiError> {
    if req.uri().query().is_some() {
        return Err(ApiError::bad_request("A gateway call has no query string: everything goes into the body."));
    }
    let headers = gateway_headers::read(&req, runner.gateway.provider.name())?;
    let request = CallRequest {
        buyer: Buyer { profile: caller.profile_id(), key_id: caller.caller.key.id, key: caller.key.clone() },
        listing: part(&req, "listing").to_owned(),
        body,
        relay_request: headers.relay_request,
        idempotency_key: headers.idempotency_key,
        origin: headers.origin,
    };
    answer(runner.run(request).await?)
}
