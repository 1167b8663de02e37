//! The forms of single values: what OpenAPI says of them, from the same bounds as the checks in [`crate::fields`].
//!
//! The types have no values. They stand in `#[schema(value_type = …)]`.

pub(crate) mod examples;
mod json;
mod lines;
mod numbers;
mod secrets;
mod urls;

pub(crate) use json::{ExampleInput, InputSchema};
pub(crate) use lines::{
    ApiKeyName, ConnectionInstructions, Description, DisplayName, Docs, ExampleContent, ExampleLabel, ExpectedDelivery,
    ListingName, ListingSlug, ProfileText, RiskDisclaimers, ShortText, Sla,
};
pub(crate) use numbers::{
    MaxRequestBytes, MaxResponseBytes, OfferedPricingModel, OverlapSeconds, PowAlgorithm, PriceAmount, PriceCurrency,
    PriceOfCall, SettableStatus, TimeoutMs, Unread,
};
pub(crate) use secrets::{
    ApiKeyPrefix, ApiKeyText, AuthorizationHeader, CHALLENGE_NONCE, ChallengeNonce, HeaderName, HeaderValue,
    POW_CHALLENGE, PowChallenge, PowNonce, SIGNATURE, Signature, SigningSecretText, is_pow_nonce,
};
pub(crate) use urls::{PrivateUrlText, WebUrl, is_private_url, is_web_url};

/// Gives a type without values a name and a schema in OpenAPI.
macro_rules! form {
    ($(#[doc = $doc:literal])+ $name:ident => $schema:expr) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub(crate) enum $name {}

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let described: fn(&str) -> utoipa::openapi::ObjectBuilder = $schema;
                described(concat!($($doc),+).trim()).into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}
use form;
