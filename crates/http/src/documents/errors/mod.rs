//! A page for each error code: when it happens, what to do, and what the answer looks like.

mod calls;
mod identity;
mod listings;
mod payments;
mod requests;
mod sellers;
mod service;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::pretty::pretty;
use crate::code::Code;
use crate::error::{ApiError, Failure};
use crate::openapi::vocabulary::ErrorCode;
use crate::recovery::Recovery;

/// What is known of a code, beside its status and its meaning.
pub(super) struct Page {
    /// Every situation in which it is answered.
    causes: &'static [&'static str],
    /// What to do, in order.
    steps: &'static [&'static str],
    /// Which fields of the answer to look at, and what they say.
    fields: &'static [(&'static str, &'static str)],
    related: &'static [Code],
    example: Example,
}

/// One answer as it is sent. `details` and `data` are JSON, or empty where the answer has none; `PUBLIC_URL` in them
/// stands for the URL that the gateway is reached under.
struct Example {
    request: &'static str,
    message: &'static str,
    details: &'static str,
    data: &'static str,
    retry_after: Option<u32>,
    recovery: Option<Recovery>,
}

impl Example {
    const fn new(request: &'static str, message: &'static str) -> Self {
        Self { request, message, details: "", data: "", retry_after: None, recovery: None }
    }

    const fn details(mut self, json: &'static str) -> Self {
        self.details = json;
        self
    }

    const fn data(mut self, json: &'static str) -> Self {
        self.data = json;
        self
    }

    const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = Some(recovery);
        self
    }

    /// The error itself, built as the routes build theirs.
    fn error(&self, code: Code, public_url: &str) -> ApiError {
        let raw = |json: &str| RawValue::from_string(json.replace("PUBLIC_URL", public_url)).ok();
        let mut error = ApiError::new(code, self.message);
        if let Some(recovery) = &self.recovery {
            error = error.recovery(recovery.clone());
        }
        if let Some(details) = raw(self.details) {
            error = error.details(&details);
        }
        if let Some(data) = raw(self.data) {
            error = error.data(&data);
        }
        match self.retry_after {
            Some(seconds) => error.retry_after(seconds),
            None => error,
        }
    }
}

/// The page of a code: one for each, or this does not compile.
fn page(code: Code) -> Page {
    match code {
        Code::BadRequest => requests::bad_request(),
        Code::UseCursor => requests::use_cursor(),
        Code::NotFound => requests::not_found(),
        Code::MethodNotAllowed => requests::method_not_allowed(),
        Code::NotAcceptable => requests::not_acceptable(),
        Code::RequestTimeout => requests::request_timeout(),
        Code::PayloadTooLarge => requests::payload_too_large(),
        Code::UnsupportedMediaType => requests::unsupported_media_type(),
        Code::Gone => requests::gone(),
        Code::ChallengeExpired => identity::challenge_expired(),
        Code::Unauthorized => identity::unauthorized(),
        Code::Forbidden => identity::forbidden(),
        Code::CaptchaFailed => identity::captcha_failed(),
        Code::LastRecoveryWallet => identity::last_recovery_wallet(),
        Code::Conflict => identity::conflict(),
        Code::PricingModelUnavailable => listings::pricing_model_unavailable(),
        Code::EndpointNotAllowed => listings::endpoint_not_allowed(),
        Code::ListingUnavailable => listings::listing_unavailable(),
        Code::ListingHasNoEndpoint => listings::listing_has_no_endpoint(),
        Code::PaymentRequired => payments::payment_required(),
        Code::PaymentMismatch => payments::payment_mismatch(),
        Code::PaymentFailed => payments::payment_failed(),
        Code::QuoteExpired => payments::quote_expired(),
        Code::PaymentRouteMinimumNotMet => payments::payment_route_minimum_not_met(),
        Code::PaymentRouteUnavailable => payments::payment_route_unavailable(),
        Code::OriginWalletInvalid => payments::origin_wallet_invalid(),
        Code::PaymentProviderUnavailable => payments::payment_provider_unavailable(),
        Code::RelayRequestMismatch => calls::relay_request_mismatch(),
        Code::IdempotencyKeyReused => calls::idempotency_key_reused(),
        Code::ResponseNoLongerAvailable => calls::response_no_longer_available(),
        Code::TooManyOpenQuotes => calls::too_many_open_quotes(),
        Code::SellerError => sellers::seller_error(),
        Code::SellerInvalidResponse => sellers::seller_invalid_response(),
        Code::SellerResponseTooLarge => sellers::seller_response_too_large(),
        Code::SellerUnreachable => sellers::seller_unreachable(),
        Code::SellerTimeout => sellers::seller_timeout(),
        Code::RateLimited => service::rate_limited(),
        Code::InternalError => service::internal_error(),
        Code::ServiceUnavailable => service::service_unavailable(),
    }
}

/// The page of an error code: when it is answered, and what to do about it.
// As it is sent, and as the templates read it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorPage {
    /// The code.
    #[schema(value_type = ErrorCode)]
    pub(super) code: &'static str,
    /// The status that it is sent with.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// That status in words.
    reason: &'static str,
    /// What the code means.
    meaning: &'static str,
    /// What to do where nothing more exact is known; an answer may be more exact.
    #[schema(value_type = crate::openapi::SentRecovery)]
    recovery: Box<RawValue>,
    /// Every situation in which it is answered.
    #[schema(value_type = Vec<String>)]
    causes: &'static [&'static str],
    /// What to do, in order.
    #[schema(value_type = Vec<String>)]
    steps: &'static [&'static str],
    /// Which fields of the answer to look at.
    fields: Vec<Field>,
    /// One such answer.
    example: ShownExample,
    /// Codes that are easily taken for this one, or come next.
    related: Vec<Related>,
}

/// A field of an answer to look at.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrorPageField)]
struct Field {
    /// Where it is.
    field: &'static str,
    /// What it says.
    meaning: &'static str,
}

/// One answer, as it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrorPageExample)]
struct ShownExample {
    /// What was asked.
    request: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Its `Retry-After`.
    #[schema(required)]
    retry_after: Option<u32>,
    /// Its body.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    body: Box<RawValue>,
}

/// Another code.
#[derive(Serialize, ToSchema)]
#[schema(as = RelatedCode)]
struct Related {
    /// The code.
    #[schema(value_type = ErrorCode)]
    code: &'static str,
    /// Its page.
    #[schema(format = "uri")]
    docs_url: String,
}

impl ErrorPage {
    /// # Errors
    /// When an example is not JSON: a fault of this program, which a test finds.
    pub(super) fn of(code: Code, public_url: &str) -> Result<Self, serde_json::Error> {
        let Page { causes, steps, fields, related, example } = page(code);
        for json in [example.details, example.data].into_iter().filter(|json| !json.is_empty()) {
            serde_json::from_str::<serde::de::IgnoredAny>(json)?;
        }
        let error = example.error(code, public_url);
        let body = serde_json::value::to_raw_value(&Failure::of(&error, public_url))?;
        Ok(Self {
            code: code.as_str(),
            status: code.status().as_u16(),
            reason: code.status().canonical_reason().unwrap_or_default(),
            meaning: code.meaning(),
            recovery: serde_json::value::to_raw_value(&code.recovery().sent(code, public_url))?,
            causes,
            steps,
            fields: fields.iter().map(|(field, meaning)| Field { field, meaning }).collect(),
            example: ShownExample {
                request: example.request,
                status: code.status().as_u16(),
                retry_after: example.retry_after,
                body,
            },
            related: related
                .iter()
                .map(|code| Related {
                    code: code.as_str(),
                    docs_url: format!("{public_url}/docs/errors/{}", code.as_str()),
                })
                .collect(),
        })
    }

    /// The same for the template, with the example's body as people read JSON.
    pub(super) fn for_people(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut page = serde_json::to_value(self)?;
        page["example"]["body"] = pretty(self.example.body.get()).into();
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;

    use super::*;

    #[test]
    fn every_code_has_a_page_with_causes_steps_and_an_example_that_is_json() {
        for code in Code::ALL {
            let page = ErrorPage::of(*code, "https://crochet.test").unwrap();
            assert!(!page.causes.is_empty() && !page.steps.is_empty(), "{code:?}");
            assert!(page.related.iter().all(|related| related.code != code.as_str()), "{code:?} is related to itself");
            let body: serde_json::Value = serde_json::from_str(page.example.body.get()).unwrap();
            assert_eq!(body["error"]["code"], code.as_str());
            assert!(!page.example.body.get().contains("PUBLIC_URL"), "{code:?}");
        }
    }

    #[test]
    fn an_example_of_an_answer_to_wait_after_says_how_long() {
        for code in Code::ALL {
            let waits = matches!(code.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
                || code.as_str().starts_with("SELLER_");
            assert_eq!(
                page(*code).example.retry_after.is_some(),
                waits || *code == Code::ListingUnavailable,
                "{code:?}"
            );
        }
    }
}
