//! `POST /mock-provider/payments/{relay_request_id}/pay`: pays without money. There is no such path in production.

use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use async_trait::async_trait;
use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, StorageError, schema};
use crochet_relay::ports::MockOutcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{part, resource};
use crate::admit;
use crate::code::Code;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::extract::OptionalJson;
use crate::openapi::rules;
use crate::query::Params;

/// A mock payment becomes final after an hour at the latest.
const MAX_SETTLE_AFTER_MS: u64 = 60 * 60 * 1000;

/// What a mock payment looks like now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MockPaymentStatus)]
pub enum MockStatus {
    /// Nothing was paid.
    Waiting,
    /// Under way.
    Pending,
    /// Arrived.
    Success,
    /// Failed.
    Failure,
    /// Given back.
    Refund,
}

/// A mock payment that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockReceipt {
    /// What it looks like now.
    pub status: MockStatus,
    /// `mock_…`.
    pub reference: String,
}

/// Pays at the mock provider. The binary connects it to the provider itself.
#[async_trait]
pub trait MockPay: Send + Sync {
    /// Pays the quote of a call: the outcome shows after `settle_after`, and until then the payment is pending.
    /// `amount` is what arrives; `None` is the price. Answers `None` when there is no quote for the call.
    ///
    /// # Errors
    /// When the storage fails.
    async fn pay(
        &self,
        call: CallId,
        outcome: MockOutcome,
        settle_after: Duration,
        amount: Option<MicroUsd>,
    ) -> Result<Option<MockReceipt>, StorageError>;
}

/// What becomes of the payment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MockPayment)]
pub(crate) struct Request {
    /// How it ends.
    #[serde(default)]
    #[schema(default = "success")]
    outcome: Outcome,
    /// When that shows, in milliseconds from now; until then it is pending.
    #[serde(default)]
    #[schema(default = 0, maximum = 3_600_000)]
    settle_after_ms: u64,
    /// What arrives, in millionths of a US dollar: the price unless said.
    #[serde(default)]
    #[schema(maximum = 9_223_372_036_854_775_807i64)]
    amount_micros: Option<u64>,
}

impl Default for Request {
    fn default() -> Self {
        Self { outcome: Outcome::Success, settle_after_ms: 0, amount_micros: None }
    }
}

/// How a mock payment ends.
#[derive(Deserialize, Clone, Copy, Default, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MockPaymentOutcome)]
pub(crate) enum Outcome {
    /// It arrives.
    #[default]
    Success,
    /// It stays under way.
    Pending,
    /// It fails.
    Failure,
    /// It is given back.
    Refund,
}

/// A mock payment as it is now.
#[derive(Serialize, ToSchema)]
#[schema(as = MockPaymentReceipt)]
pub(crate) struct Paid {
    /// The call that it pays.
    #[schema(value_type = schema::RelayRequestId)]
    relay_request_id: String,
    /// How it stands.
    status: MockStatus,
    /// The mock provider's own name for it.
    #[schema(pattern = "^mock_")]
    provider_reference: String,
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/mock-provider/payments/{relay_request_id}/pay", "POST, OPTIONS")
            .wrap(from_fn(admit::gateway))
            .route(web::post().to(pay)),
    );
}

/// Pay a call without money.
///
/// For development: there is no such path in production. The outcome can be chosen, and when it shows.
#[utoipa::path(
    post,
    path = "/mock-provider/payments/{relay_request_id}/pay",
    tag = "Mock provider",
    operation_id = "payMock",
    params(
        ("relay_request_id" = schema::RelayRequestId, Path, description = "The call, as its 402 names it."),
    ),
    request_body = Option<Request>,
    responses((status = 200, description = "The payment as it is now.", body = Success<Paid>)),
    extensions(("x-rules" = json!(rules::gateway_open(&[Code::BadRequest, Code::NotFound])))),
)]
pub(crate) async fn pay(
    mock: web::Data<dyn MockPay>,
    req: HttpRequest,
    OptionalJson(request): OptionalJson<Request>,
) -> Result<HttpResponse, ApiError> {
    Params::read(&req, &[])?;
    let unknown = || ApiError::not_found("The mock provider has no quote for this relay request.");
    let call = CallId::parse_relay_request_id(part(&req, "relay_request_id")).map_err(|_| unknown())?;
    if request.settle_after_ms > MAX_SETTLE_AFTER_MS {
        return Err(ApiError::bad_request(format!("settle_after_ms is at most {MAX_SETTLE_AFTER_MS}.")));
    }
    // Amounts are kept in 64 bits with a sign.
    let amount = request.amount_micros.map(MicroUsd::from_micros);
    if amount.is_some_and(|amount| amount.to_i64().is_err()) {
        return Err(ApiError::bad_request("amount_micros is too large."));
    }
    let outcome = match request.outcome {
        Outcome::Success => MockOutcome::Success,
        Outcome::Pending => MockOutcome::Pending,
        Outcome::Failure => MockOutcome::Failure,
        Outcome::Refund => MockOutcome::Refund,
    };
    let settle_after = Duration::from_millis(request.settle_after_ms);
    let receipt = mock.pay(call, outcome, settle_after, amount).await?.ok_or_else(unknown)?;
    envelope::ok(Paid {
        relay_request_id: call.relay_request_id(),
        status: receipt.status,
        provider_reference: receipt.reference,
    })
}
