//! `POST /gateway/{listing}`: the product.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use crochet_primitives::{ProfileId, WalletId, schema};
use crochet_relay::{Buyer, CallRequest, Gateway, GatewayError, PaidRequest, Reply};
use crochet_secrets::VaultSecret;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::gateway_answer::{Accepted, DeliveredResponse, answer};
use super::gateway_headers::{self, Scheme};
use super::{part, resource};
use crate::admit::{self, Admission};
use crate::client::client_address;
use crate::code::Code;
use crate::edge::Edge;
use crate::envelope::Success;
use crate::error::ApiError;
use crate::extract::{MaybeGatewayCaller, RawJson};
use crate::in_flight::InFlight;
use crate::observer::Observer;
use crate::openapi::rules;
use crate::openapi::vocabulary::OriginCurrency;
use crate::x402::{self, Paid, Wanted, X402};

/// How long the buyer of a call that a stop cut off waits, in seconds: another gateway is there sooner or later.
const STOPPED_WAIT: u32 = 5;

/// Runs gateway calls in tasks of their own, so that a client that hangs up cannot cut one in half.
pub(crate) struct CallRunner {
    pub(crate) gateway: Arc<Gateway>,
    /// How many may run at once.
    pub(crate) in_flight: InFlight,
    /// What is waited for before the server stops. Closed, it takes no more.
    pub(crate) tasks: TaskTracker,
    /// Who is told how calls end.
    pub(crate) observer: Arc<dyn Observer>,
}

/// A call on its way. Boxed where it is made: it is kilobytes long, and whoever it is handed to would copy it.
type Call = Pin<Box<dyn Future<Output = Result<Reply, GatewayError>> + Send>>;

impl CallRunner {
    /// Runs one call to its end, whether or not anybody waits for it.
    async fn run(&self, request: CallRequest) -> Result<Reply, ApiError> {
        let gateway = Arc::clone(&self.gateway);
        self.to_its_end(request.buyer.profile, Box::pin(async move { gateway.call(&request).await })).await
    }

    /// The same of one that brought its payment.
    async fn run_paid(&self, caller: ProfileId, request: PaidRequest) -> Result<Reply, ApiError> {
        let gateway = Arc::clone(&self.gateway);
        self.to_its_end(caller, Box::pin(async move { gateway.call_paid_by_header(&request).await })).await
    }

    async fn to_its_end(&self, caller: ProfileId, call: Call) -> Result<Reply, ApiError> {
        // Before anything is asked of the storage, and held to the end, whoever still waits for it.
        let place = self.in_flight.take(caller)?;
        let observer = Arc::clone(&self.observer);
        let call = async move {
            let _place = place;
            let reply = call.await;
            observer.replied(reply.as_ref().ok());
            reply
        };
        // Counted from here on: whoever waits for the calls either waits for this one or has closed before.
        let call = self.tasks.track_future(call.instrument(tracing::Span::current()));
        if self.tasks.is_closed() {
            return Err(stopped("no more calls are taken"));
        }
        // On the thread that serves the connection: a call is waiting, not computing, and each change of threads
        // costs more than all that is computed for it.
        match tokio::spawn(call).await {
            Ok(reply) => reply.map_err(ApiError::from),
            // The thread's runtime goes down with calls that outlived the bound of a stop.
            Err(error) if error.is_cancelled() => Err(stopped(error)),
            Err(error) => Err(ApiError::internal("a gateway call did not come to its end", error)),
        }
    }
}

fn stopped(why: impl fmt::Display) -> ApiError {
    let message = "The service stops. Send the same request again: what was paid stays paid.";
    ApiError::new(Code::ServiceUnavailable, message).retry_after(STOPPED_WAIT).cause(why.to_string())
}

/// By whom calls without a key are counted: their address, of IPv6 the part that a network is given. Who pays is not proved
/// before the payment is verified, so counting by the payer would let anybody take another's places.
pub(crate) fn stand_in(req: &HttpRequest) -> ProfileId {
    let proxies = req.app_data::<web::Data<Admission>>().map(|admission| admission.trusted_proxies.as_slice());
    let octets = match client_address(req.peer_addr(), req.headers(), proxies.unwrap_or_default()) {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().into_iter().take(8).collect(),
    };
    let mut bytes = [0; 10];
    for (byte, octet) in bytes.iter_mut().zip(octets) {
        *byte = octet;
    }
    ProfileId::new(crochet_primitives::Timestamp::UNIX_EPOCH, bytes)
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
///
/// Where x402 is taken, a paid listing can be called without an API key: the 402 is then one of that protocol, v2 in
/// `PAYMENT-REQUIRED` and v1 in the body, and the same request with `PAYMENT-SIGNATURE` (v1: `X-PAYMENT`) pays and calls
/// at once. The wallet that pays is the caller. Sent again, the same header is the same payment and the same call. A
/// payment whose outcome is not known yet is answered 202, and must not be made again.
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
            description = "How to pay: `exact` asks for terms by x402, the payment provider's own name for its terms, as \
                in `data.retry_headers`."
        ),
        (
            "X-Crochet-Payment-Network" = Option<String>, Header, pattern = "^([-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}|[-a-z0-9]{1,32})$",
            description = "The network to pay on, in CAIP-2; as in `data.retry_headers`. By a name of x402 v1, as `base`, terms \
                come in that version alone."
        ),
        (
            "PAYMENT-SIGNATURE" = Option<String>, Header, max_length = 16384,
            description = "A payment by x402 v2: standard base64 of JSON."
        ),
        (
            "X-PAYMENT" = Option<String>, Header, max_length = 16384,
            description = "A payment by x402 v1: standard base64 of JSON. One of the two, not both."
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
    ]).paid_by_header()))),
)]
pub(crate) async fn call(
    MaybeGatewayCaller(caller): MaybeGatewayCaller,
    runner: web::Data<CallRunner>,
    edge: web::Data<Edge>,
    req: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    if req.uri().query().is_some() {
        return Err(ApiError::bad_request("A gateway call has no query string: everything goes into the body."));
    }
    let x402 = req.app_data::<web::Data<X402>>().map(|data| data.as_ref());
    let headers = gateway_headers::read(&req, runner.gateway.provider.name(), x402)?;
    let listing = part(&req, "listing").to_owned();
    let buyer =
        caller.map(|caller| Buyer { profile: caller.profile_id(), vault: Some(VaultSecret::of_api_key(&caller.key)) });
    let mut payload = payload.into_inner();
    if x402.is_none() && x402::came_with(&req) {
        return Err(x402::not_taken());
    }
    let is_known = match (x402, &buyer, &headers.idempotency_key) {
        (_, Some(_), _) if headers.relay_request.is_some() => true,
        (Some(_), Some(buyer), Some(key)) if headers.scheme == Some(Scheme::Exact) => {
            runner.gateway.has_call(buyer.profile, &listing, key).await?
        }
        _ => false,
    };
    let (buyer, body) = match (x402, buyer) {
        (Some(x402), buyer) if x402::came_with(&req) => {
            let read = x402::read(x402, &req, edge.clock.now())?;
            let RawJson(body) = RawJson::from_request(&req, &mut payload).await?;
            let request = PaidRequest {
                buyer: buyer.clone(),
                vault: read.vault,
                listing: listing.clone(),
                body: body.clone(),
                relay_request: headers.relay_request,
                idempotency_key: headers.idempotency_key.clone().or(read.idempotency_key),
                payment: read.payment,
            };
            let caller = buyer.as_ref().map_or_else(|| stand_in(&req), |buyer| buyer.profile);
            let reply = runner.run_paid(caller, request).await?;
            if matches!(reply, Reply::NotPaid { record: None, .. }) {
                admit::count_refused_payment(&req);
            }
            match (reply, buyer) {
                // The listing costs nothing, and the payment was left alone.
                (Reply::PaymentNotTaken, Some(buyer)) => (buyer, body),
                (reply, buyer) => {
                    let paid = Paid::of(&reply);
                    let answer = match reply {
                        Reply::NotPaid { reason, .. } => {
                            let wanted = Wanted { network: None, has_key: buyer.is_some(), why: &reason };
                            x402::challenge(x402, &runner.gateway, &edge.public_url, &listing, wanted).await
                        }
                        reply => answer(reply),
                    };
                    return x402::with_receipt(answer, &paid, &read.decoded);
                }
            }
        }
        // Before the body is read: who looks for what can be paid sends none.
        // Not where a call is named that there is: it may be paid for.
        (Some(x402), buyer) if buyer.is_none() || headers.scheme == Some(Scheme::Exact) && !is_known => {
            let network = headers.network.as_ref();
            let wanted = Wanted { network, has_key: buyer.is_some(), why: "Payment is required." };
            return x402::challenge(x402, &runner.gateway, &edge.public_url, &listing, wanted).await;
        }
        (_, None) => return Err(ApiError::new(Code::Unauthorized, "An API key is needed for this.")),
        (_, Some(buyer)) => {
            let RawJson(body) = RawJson::from_request(&req, &mut payload).await?;
            (buyer, body)
        }
    };
    let request = CallRequest {
        buyer,
        listing: listing.clone(),
        body,
        relay_request: headers.relay_request,
        idempotency_key: headers.idempotency_key,
        origin: headers.origin,
        payment: None,
    };
    match (runner.run(request).await?, x402) {
        // It was paid by a header once, and that payment can never be made any more.
        (Reply::NotPaid { reason, .. }, Some(x402)) => {
            let wanted = Wanted { network: None, has_key: true, why: &reason };
            x402::challenge(x402, &runner.gateway, &edge.public_url, &listing, wanted).await
        }
        (reply, _) => answer(reply),
    }
}
