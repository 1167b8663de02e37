//! What facilitators say of a payment before it is submitted.

use crochet_relay::{HeaderPayment, Verification};
use crochet_x402::facilitator::{VerifyAnswer, request};
use crochet_x402::{Offer, Version};
use serde_json::Value;
use tokio::time::Instant;

use crate::payments::Facilitators;
use crate::service::Service;

/// What facilitators say is wrong when it is not the payment that is.
const NOT_ABOUT_THE_PAYMENT: [&str; 6] = [
    "unexpected_error",
    "unexpected_verify_error",
    "unsupported_scheme",
    "invalid_network",
    "invalid_scheme",
    "invalid_x402_version",
];

/// Who has found a payment good, and is to submit it.
pub(crate) struct Verified {
    /// The facilitator's URL.
    pub(crate) by: String,
    /// The version that it was asked in.
    pub(crate) version: Version,
}

impl Facilitators {
    /// Asks one facilitator after the other until one has a verdict on the payment; the others are passed over. `body` is
    /// the scheme's payload, and `offer` what was asked for.
    pub(crate) async fn verdict(
        &self,
        services: Vec<&Service>,
        payment: &HeaderPayment,
        body: &Value,
        offer: &Offer,
        deadline: Instant,
    ) -> Result<Verified, Verification> {
        let preferred = match payment.payload.get("x402Version").and_then(Value::as_u64) {
            Some(1) => Version::V1,
            _ => Version::V2,
        };
        let mut retry_after_seconds = None;
        for service in services {
            let until = deadline.min(Instant::now() + self.times.verify_attempt);
            let Some(version) = service.version_for(preferred, offer.asset.network(), until).await else { continue };
            let Some(asked) = request(version, body, offer, &self.resource, &payment.payload) else { continue };
            let Some(answer) = service.verify(&asked, until).await else { continue };
            let Some(said) = answer.value.as_ref().and_then(VerifyAnswer::read) else {
                retry_after_seconds = retry_after_seconds.or(answer.retry_after_seconds);
                tracing::warn!(facilitator = service.url, status = answer.status.as_u16(), "no verdict on a payment");
                continue;
            };
            if said.is_valid {
                return Ok(Verified { by: service.url.clone(), version });
            }
            let reason = said.reason.unwrap_or_else(|| "invalid_payment".to_owned());
            if !NOT_ABOUT_THE_PAYMENT.contains(&reason.as_str()) {
                return Err(Verification::Invalid { reason });
            }
        }
        Err(Verification::Unavailable { retry_after_seconds })
    }
}
