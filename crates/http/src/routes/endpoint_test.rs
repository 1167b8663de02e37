//! `POST /listings/{id}/endpoint/test`: a signed request to one's own endpoint. It is no call: nothing is recorded.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use crochet_market::GatewayEndpoint;
use crochet_market::catalogue::CatalogueService;
use crochet_primitives::{CallId, Clock, Entropy, EntropyExt, Timestamp, schema};
use crochet_relay::ports::Upstream;
use crochet_relay::{Dispatch, Ending, Endpoint, FailureKind, UpstreamAuth, judge};
use crochet_signing::{BodyHash, headers, seal};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::part;
use crate::code::Code;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::extract::{Authenticated, OptionalJson};
use crate::openapi::rules;
use crate::openapi::vocabulary::ErrorCode;

/// What a seller gets when the test names no payload.
const PAYLOAD: &[u8] = br#"{"crochet_test":true}"#;
/// The headers that a seller's code can look for.
const ALWAYS_THERE: [&str; 7] = [
    headers::REQUEST_ID,
    headers::LISTING_ID,
    headers::BUYER_ID,
    headers::TIMESTAMP,
    headers::BODY_SHA256,
    headers::SIGNATURE,
    headers::ATTEMPT,
];

/// What to send.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndpointTest)]
pub(crate) struct Request {
    /// A JSON object, sent as it is written; `{"crochet_test":true}` unless said.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>)]
    payload: Option<Box<RawValue>>,
}

/// How the endpoint answered.
#[derive(Serialize, ToSchema)]
#[schema(as = EndpointTestResult)]
pub(crate) struct Tested {
    /// Whether a call that is answered so would be delivered.
    ok: bool,
    /// The id that the endpoint was given. It names no call.
    #[schema(value_type = schema::GatewayRequestId)]
    request_id: String,
    /// The status that it answered with; null when there was none.
    #[schema(required, minimum = 100, maximum = 999)]
    seller_status: Option<u16>,
    /// How long it took, in milliseconds.
    latency_ms: u32,
    /// The headers that it can verify the request by.
    signature_headers: Vec<&'static str>,
    /// Why it would not be delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Problem, required = false)]
    error: Option<Problem>,
}

/// Why an answer would not be delivered.
#[derive(Serialize, ToSchema)]
#[schema(as = EndpointProblem)]
pub(crate) struct Problem {
    /// What a buyer would be answered.
    #[schema(value_type = ErrorCode)]
    code: &'static str,
    /// The same in a sentence.
    message: &'static str,
}

/// Test a private endpoint.
///
/// Sends one signed request to it, as a call would be sent. It is no call: nothing is recorded, and nobody pays.
#[utoipa::path(
    post,
    path = "/listings/{id}/endpoint/test",
    tag = "Endpoints",
    operation_id = "testEndpoint",
    params(
        ("id" = String, Path, description = "The listing's id or slug."),
    ),
    request_body = Option<Request>,
    responses((status = 200, description = "How it answered; `ok` says whether that is well.", body = Success<Tested>)),
    extensions(("x-rules" = json!(rules::write(&[
        Code::NotFound, Code::Conflict, Code::ListingHasNoEndpoint, Code::EndpointNotAllowed,
    ])))),
)]
pub(crate) async fn test(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    upstream: web::Data<dyn Upstream>,
    clock: web::Data<dyn Clock>,
    entropy: web::Data<dyn Entropy>,
    req: HttpRequest,
    OptionalJson(request): OptionalJson<Request>,
) -> Result<HttpResponse, ApiError> {
    let subject = catalogue.endpoint_for_test(seller.profile_id(), part(&req, "id")).await?;
    let body = match request.payload {
        None => Bytes::from_static(PAYLOAD),
        Some(payload) if payload.get().starts_with('{') => Bytes::from(payload.get().to_owned()),
        Some(_) => return Err(ApiError::bad_request("payload is a JSON object.")),
    };
    let limit = subject.endpoint.max_request_bytes;
    if u64::try_from(body.len()).unwrap_or(u64::MAX) > u64::from(limit) {
        return Err(ApiError::new(Code::PayloadTooLarge, format!("This listing takes bodies of up to {limit} bytes."))
            .details(&serde_json::json!({ "limit_bytes": limit })));
    }
    let now = clock.now();
    let request_id = CallId::new(now, entropy.bytes()).request_id();
    let endpoint = Arc::new(for_relay(&subject.endpoint, now));
    let listing = subject.listing.id.to_string();
    let seal = seal(&endpoint.signing_secrets, now, &request_id, &listing, BodyHash::of(&body));
    let mut signature_headers = ALWAYS_THERE.to_vec();
    signature_headers.extend(seal.next_signature.as_ref().map(|_| headers::SIGNATURE_NEXT));
    let budget = endpoint.timeout;
    let dispatch = Dispatch { endpoint, seal, buyer: seller.profile_id(), attempt: 1, body, budget };
    envelope::ok(report(judge(upstream.forward(dispatch).await), request_id, signature_headers))
}

fn report(ending: Ending, request_id: String, signature_headers: Vec<&'static str>) -> Tested {
    match ending {
        Ending::Delivered(response) => Tested {
            ok: true,
            request_id,
            seller_status: Some(response.seller_status),
            latency_ms: response.latency_ms,
            signature_headers,
            error: None,
        },
        Ending::Failed(failure, _) => Tested {
            ok: false,
            request_id,
            seller_status: failure.seller_status,
            latency_ms: failure.latency_ms,
            signature_headers,
            error: Some(problem(failure.kind)),
        },
    }
}

fn problem(kind: FailureKind) -> Problem {
    let (code, message) = match kind {
        FailureKind::Error => {
            (Code::SellerError, "It answered a status by which a server says it did not do the work.")
        }
        FailureKind::InvalidResponse => (Code::SellerInvalidResponse, "It answered something that is not JSON."),
        FailureKind::ResponseTooLarge => (Code::SellerResponseTooLarge, "It answered more than max_response_bytes."),
        FailureKind::Unreachable => {
            (Code::SellerUnreachable, "It could not be reached, or the address is not allowed.")
        }
        FailureKind::Timeout => (Code::SellerTimeout, "It did not answer within timeout_ms."),
        FailureKind::Interrupted => (Code::SellerUnreachable, "The gateway stopped before there was an answer."),
    };
    Problem { code: code.as_str(), message }
}

/// The endpoint as the way to sellers takes it.
fn for_relay(endpoint: &GatewayEndpoint, now: Timestamp) -> Endpoint {
    Endpoint {
        url: endpoint.url.clone(),
        upstream_auth: endpoint
            .upstream_auth_header
            .as_ref()
            .map(|header| UpstreamAuth { name: header.name.clone(), value: header.value.clone() }),
        signing_secrets: endpoint.signing_secrets(now),
        timeout: endpoint.timeout(),
        max_request_bytes: endpoint.max_request_bytes.into(),
        max_response_bytes: endpoint.max_response_bytes.into(),
    }
}
