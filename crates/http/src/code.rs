//! The error codes of the API, and the status that each is sent with.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal, $status:ident;)+) => {
        /// What went wrong, for programs. A code is never renamed and never changes its status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every code, for documentation and exhaustive tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as it is sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The status that it is sent with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// What it means, for people: the documentation of the variant.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

codes! {
    /// The request is not well formed, or a value in it breaks a rule.
    BadRequest => "BAD_REQUEST", BAD_REQUEST;
    /// The challenge is unknown, was used before, or has expired.
    ChallengeExpired => "CHALLENGE_EXPIRED", BAD_REQUEST;
    /// A known pricing model that cannot be published.
    PricingModelUnavailable => "PRICING_MODEL_UNAVAILABLE", BAD_REQUEST;
    /// The page lies too deep for page numbers; follow `next_cursor`.
    UseCursor => "USE_CURSOR", BAD_REQUEST;
    /// The API key is missing, malformed, unknown, revoked or expired; or a signature is wrong.
    Unauthorized => "UNAUTHORIZED", UNAUTHORIZED;
    /// The call is to be paid with the terms in `data`.
    PaymentRequired => "PAYMENT_REQUIRED", PAYMENT_REQUIRED;
    /// What was paid is short, or of the wrong asset or recipient; `data` has new terms.
    PaymentMismatch => "PAYMENT_MISMATCH", PAYMENT_REQUIRED;
    /// The payment failed or was given back; `data` has new terms.
    PaymentFailed => "PAYMENT_FAILED", PAYMENT_REQUIRED;
    /// Nothing was paid in time; `data` has new terms.
    QuoteExpired => "QUOTE_EXPIRED", PAYMENT_REQUIRED;
    /// The caller is known, and may not do this.
    Forbidden => "FORBIDDEN", FORBIDDEN;
    /// The proof of work is not one for this challenge.
    CaptchaFailed => "CAPTCHA_FAILED", FORBIDDEN;
    /// There is no such thing, or it is not yours.
    NotFound => "NOT_FOUND", NOT_FOUND;
    /// The path exists, and this method does not; `Allow` lists those that do.
    MethodNotAllowed => "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED;
    /// The `Accept` header excludes JSON, and JSON is all there is.
    NotAcceptable => "NOT_ACCEPTABLE", NOT_ACCEPTABLE;
    /// The request's body did not arrive in time.
    RequestTimeout => "REQUEST_TIMEOUT", REQUEST_TIMEOUT;
    /// It conflicts with what is there.
    Conflict => "CONFLICT", CONFLICT;
    /// The relay request id was made for another listing or body.
    RelayRequestMismatch => "RELAY_REQUEST_MISMATCH", CONFLICT;
    /// The idempotency key was used for another body, other origin headers, or another call.
    IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED", CONFLICT;
    /// The call was delivered, and its response is not, or no longer, to be had with this key.
    ResponseNoLongerAvailable => "RESPONSE_NO_LONGER_AVAILABLE", CONFLICT;
    /// The listing takes no calls now.
    ListingUnavailable => "LISTING_UNAVAILABLE", CONFLICT;
    /// A free listing that is not called through the gateway.
    ListingHasNoEndpoint => "LISTING_HAS_NO_ENDPOINT", CONFLICT;
    /// Nothing could recover the profile afterwards.
    LastRecoveryWallet => "LAST_RECOVERY_WALLET", CONFLICT;
    /// Retired: calls are paid one by one through the gateway.
    Gone => "GONE", GONE;
    /// The body is longer than is taken.
    PayloadTooLarge => "PAYLOAD_TOO_LARGE", PAYLOAD_TOO_LARGE;
    /// The body is not plain JSON by its headers.
    UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE;
    /// The price is below what the payment route takes.
    PaymentRouteMinimumNotMet => "PAYMENT_ROUTE_MINIMUM_NOT_MET", UNPROCESSABLE_ENTITY;
    /// There is no such payment route.
    PaymentRouteUnavailable => "PAYMENT_ROUTE_UNAVAILABLE", UNPROCESSABLE_ENTITY;
    /// The origin wallet is not the caller's, not active, may not pay, or is missing.
    OriginWalletInvalid => "ORIGIN_WALLET_INVALID", UNPROCESSABLE_ENTITY;
    /// The private endpoint is at an address that the gateway may not talk to.
    EndpointNotAllowed => "ENDPOINT_NOT_ALLOWED", UNPROCESSABLE_ENTITY;
    /// Too many requests; `Retry-After` says when to go on.
    RateLimited => "RATE_LIMITED", TOO_MANY_REQUESTS;
    /// Too many unpaid calls are open; pay some, or let them expire.
    TooManyOpenQuotes => "TOO_MANY_OPEN_QUOTES", TOO_MANY_REQUESTS;
    /// A fault of the server; `X-Request-Id` finds it in its log.
    InternalError => "INTERNAL_ERROR", INTERNAL_SERVER_ERROR;
    /// The seller answered with a status that says it did not do the work.
    SellerError => "SELLER_ERROR", BAD_GATEWAY;
    /// The seller answered something that is not JSON.
    SellerInvalidResponse => "SELLER_INVALID_RESPONSE", BAD_GATEWAY;
    /// The seller answered more than its listing allows.
    SellerResponseTooLarge => "SELLER_RESPONSE_TOO_LARGE", BAD_GATEWAY;
    /// The seller could not be reached, or the connection broke.
    SellerUnreachable => "SELLER_UNREACHABLE", BAD_GATEWAY;
    /// The seller did not answer in time.
    SellerTimeout => "SELLER_TIMEOUT", GATEWAY_TIMEOUT;
    /// The server cannot do its work now; nothing is lost.
    ServiceUnavailable => "SERVICE_UNAVAILABLE", SERVICE_UNAVAILABLE;
    /// The payment provider gave no terms.
    PaymentProviderUnavailable => "PAYMENT_PROVIDER_UNAVAILABLE", SERVICE_UNAVAILABLE;
}

impl Code {
    /// Reads a code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_back_and_says_what_it_means() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(code.meaning().len() > 10 && code.status().as_u16() >= 400, "{code:?}");
        }
        assert_eq!(Code::parse("OOPS"), None);
    }
}
