//! `/.well-known/x402` and `/discovery/resources`: what can be called and paid for without an account. There only where
//! x402 is taken. Their shapes are that protocol's, not ours; their errors are ours.

use actix_web::http::header::ContentType;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_relay::ports::{MAX_PAYABLE, PayableQuery};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::gateway::CallRunner;
use super::{get, resource};
use crate::admit;
use crate::code::Code;
use crate::edge::Edge;
use crate::error::ApiError;
use crate::openapi::rules;
use crate::query::Params;
use crate::x402::{self, X402};

/// How many resources a page has at most; who asks for more gets so many.
const MAX_LIMIT: u32 = 100;
const DEFAULT_LIMIT: u32 = 20;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/.well-known/x402", "GET, HEAD, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(get().to(well_known)),
        )
        .service(
            resource("/discovery/resources", "GET, HEAD, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(get().to(resources)),
        );
}

/// What can be paid for here, in short.
#[derive(Serialize, ToSchema)]
#[schema(as = X402Manifest)]
pub(crate) struct Manifest {
    /// The version of this form.
    #[schema(minimum = 1, maximum = 1)]
    version: u8,
    /// Where the newest listings are called and paid: up to 500.
    resources: Vec<String>,
}

/// A page of what can be paid for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = X402Resources)]
pub(crate) struct Resources {
    /// The version of x402.
    #[schema(minimum = 2, maximum = 2)]
    x402_version: u8,
    /// The resources of this page, the newest first.
    #[schema(value_type = Vec<X402Resource>)]
    items: Vec<Value>,
    /// Which part it is.
    pagination: Part,
}

/// Which part of the resources this is.
#[derive(Serialize, ToSchema)]
#[schema(as = X402Pagination)]
pub(crate) struct Part {
    /// How many a page has at most.
    #[schema(minimum = 1, maximum = 100)]
    limit: u32,
    /// How many come before it.
    #[schema(maximum = 10_000)]
    offset: u32,
    /// How many there are, counted up to 10,000.
    #[schema(maximum = 10_000)]
    total: u64,
}

/// A listing that can be called and paid for without an account.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it says what the protocol's JSON looks like")]
pub(crate) struct X402Resource {
    /// Where it is called and paid.
    #[schema(format = "uri")]
    resource: String,
    /// Always `http`.
    r#type: String,
    /// The version of x402.
    #[serde(rename = "x402Version")]
    x402_version: u8,
    /// The ways to pay, as in `PAYMENT-REQUIRED`.
    accepts: Vec<Value>,
    /// When it last changed.
    #[serde(rename = "lastUpdated")]
    #[schema(format = "date-time")]
    last_updated: String,
    /// `name` and `description`.
    metadata: Value,
    /// `bazaar`: what to send, where the seller says it.
    #[schema(required = false)]
    extensions: Option<Value>,
}

/// List what x402 can pay for, in short.
///
/// The URLs of the newest 500 listings that can be called and paid without an account. `GET /discovery/resources` has
/// all of them, with prices.
#[utoipa::path(
    get,
    path = "/.well-known/x402",
    tag = "Discovery",
    operation_id = "getX402Manifest",
    responses((status = 200, description = "The URLs.", body = Manifest)),
    extensions(("x-rules" = json!(rules::public(&[Code::BadRequest]).cached()))),
)]
pub(crate) async fn well_known(
    runner: web::Data<CallRunner>,
    edge: web::Data<Edge>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    Params::read(&req, &[])?;
    let query = PayableQuery { limit: x402::WELL_KNOWN, offset: 0, is_brief: true };
    let found = runner.gateway.discover(query).await?;
    let resources = found.items.iter().map(|(payable, _)| x402::url(&edge.public_url, payable)).collect();
    answer(&Manifest { version: 1, resources })
}

/// List what x402 can pay for.
///
/// Listings that are active, paid by the call, and whose seller can be paid so; the newest first, in the form of x402
/// v2. `accepts` is advice: the 402 of a call is what counts. Where the seller gives them, `extensions.bazaar` has a
/// schema and an example of what to send.
#[utoipa::path(
    get,
    path = "/discovery/resources",
    tag = "Discovery",
    operation_id = "listX402Resources",
    params(
        ("type" = Option<String>, Query, max_length = 20, description = "Of what type: there is only `http`."),
        (
            "limit" = Option<u32>, Query, minimum = 1,
            description = "How many items a page has at most; 20 unless said. More than 100 is read as 100."
        ),
        (
            "offset" = Option<u32>, Query, maximum = 10_000,
            description = "After how many items the page begins; 0 unless said."
        ),
    ),
    responses((status = 200, description = "A page of resources.", body = Resources)),
    extensions(("x-rules" = json!(rules::public(&[Code::BadRequest]).cached()))),
)]
pub(crate) async fn resources(
    runner: web::Data<CallRunner>,
    x402: web::Data<X402>,
    edge: web::Data<Edge>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let params = Params::read(&req, &["type", "limit", "offset"])?;
    let limit = params.number("limit", DEFAULT_LIMIT, 1..=u32::MAX)?.min(MAX_LIMIT);
    let offset = params.number("offset", 0, 0..=MAX_PAYABLE)?;
    if params.get("type").is_some_and(|kind| kind != "http") {
        return answer(&Resources { x402_version: 2, items: Vec::new(), pagination: Part { limit, offset, total: 0 } });
    }
    let found = runner.gateway.discover(PayableQuery { limit, offset, is_brief: false }).await?;
    let shown = found.items.iter().filter_map(|(payable, ways)| x402::resource(&x402, &edge.public_url, payable, ways));
    let items = shown.collect();
    answer(&Resources { x402_version: 2, items, pagination: Part { limit, offset, total: found.total } })
}

/// As the protocol has it: without the envelope.
fn answer(body: &impl Serialize) -> Result<HttpResponse, ApiError> {
    let text = serde_json::to_vec(body).map_err(|error| ApiError::internal("an answer could not be written", error))?;
    Ok(HttpResponse::Ok().insert_header(ContentType::json()).body(text))
}
