//! What a client can do about an error: a closed vocabulary, so that programs can act on it.

use std::borrow::Cow;

use serde::Serialize;

use crate::code::Code;

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal;)+) => {
        /// The next thing to do. Closed: a client may match on all of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum NextAction {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl NextAction {
            /// All of them, for documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name as it is sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it means, for people: the documentation of the variant.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

actions! {
    /// Pay with the terms in `data.payment`, then send the same body again with `data.retry_headers`.
    CompletePaymentThenRetry => "complete_payment_then_retry";
    /// Send exactly the same request again, ids and keys included, after the wait that is named.
    RetrySameRequest => "retry_same_request";
    /// Wait, then try again.
    RetryLater => "retry_later";
    /// Ask for a new challenge and solve that one.
    RequestNewChallenge => "request_new_challenge";
    /// The wallet has a profile: `POST /auth/recover` gives it a fresh key.
    RecoverExistingWallet => "recover_existing_wallet";
    /// The wallet has no profile: `POST /register` makes one.
    RegisterWallet => "register_wallet";
    /// Link a Solana wallet with `POST /me/wallets`, or ask for another currency.
    LinkSolanaWallet => "link_solana_wallet";
    /// Link a wallet with the capability `payout`, with `POST /me/wallets`: a paid listing needs one to be paid at.
    LinkPayoutWallet => "link_payout_wallet";
    /// Send the call again with `X-Crochet-Origin-Currency: SOL` and a new `Idempotency-Key`.
    RetryWithSolana => "retry_with_solana";
    /// Use a new `Idempotency-Key` for a new call.
    UseNewIdempotencyKey => "use_new_idempotency_key";
    /// Send the body to the listing that the relay request id was made for; leave the id out for a new call.
    UseOriginalRequest => "use_original_request";
    /// Call again with the API key whose prefix is in `error.details`.
    UseOriginalApiKey => "use_original_api_key";
    /// Correct the request; `error.message` and `error.details` say what is wrong.
    FixRequest => "fix_request";
    /// Send `Authorization: Bearer am_k_…` with a key that is valid.
    Authenticate => "authenticate";
    /// Use a key that has the scope which is named, or a profile with the role.
    UseKeyWithScope => "use_key_with_scope";
    /// Call another listing.
    ChooseOtherListing => "choose_other_listing";
    /// Call `POST /gateway/:listingId`, and pay for each call.
    UseDirectGateway => "use_direct_gateway";
    /// Leave the page number out and follow `pagination.next_cursor`.
    FollowCursor => "follow_cursor";
    /// Link another wallet with the capability `recovery` first.
    LinkAnotherWallet => "link_another_wallet";
    /// Pay for calls that are open, or wait until they expire.
    PayOpenCalls => "pay_open_calls";
    /// Read the thing as it is now, and decide again.
    ReadAgain => "read_again";
    /// Tell the operator, with the `X-Request-Id` of the answer.
    ContactOperator => "contact_operator";
}

/// What to do about one error.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// Whether sending a request again can help.
    pub retryable: bool,
    /// The next thing to do.
    pub next_action: NextAction,
    /// The same in a sentence.
    pub summary: Cow<'static, str>,
    /// What to keep for the next request.
    pub preserve: &'static [&'static str],
    /// What not to use again.
    pub discard: &'static [&'static str],
    /// How long to wait first, in seconds.
    pub retry_after_seconds: Option<u32>,
}

/// A recovery as it is sent.
#[derive(Serialize)]
pub(crate) struct SentRecovery<'a> {
    retryable: bool,
    next_action: &'static str,
    summary: &'a str,
    preserve: &'static [&'static str],
    discard: &'static [&'static str],
    retry_after_seconds: Option<u32>,
    docs_url: String,
    reference_url: String,
}

impl Recovery {
    /// To be tried again, by doing this.
    #[must_use]
    pub fn retry(next_action: NextAction, summary: impl Into<Cow<'static, str>>) -> Self {
        Self::build(true, next_action, summary.into())
    }

    /// Not to be tried again as it is.
    #[must_use]
    pub fn change(next_action: NextAction, summary: impl Into<Cow<'static, str>>) -> Self {
        Self::build(false, next_action, summary.into())
    }

    const fn build(retryable: bool, next_action: NextAction, summary: Cow<'static, str>) -> Self {
        Self { retryable, next_action, summary, preserve: &[], discard: &[], retry_after_seconds: None }
    }

    /// What to keep for the next request.
    #[must_use]
    pub const fn preserve(mut self, what: &'static [&'static str]) -> Self {
        self.preserve = what;
        self
    }

    /// What not to use again.
    #[must_use]
    pub const fn discard(mut self, what: &'static [&'static str]) -> Self {
        self.discard = what;
        self
    }

    /// With its links, ready to be sent.
    pub(crate) fn sent(&self, code: Code, public_url: &str) -> SentRecovery<'_> {
        SentRecovery {
            retryable: self.retryable,
            next_action: self.next_action.as_str(),
            summary: &self.summary,
            preserve: self.preserve,
            discard: self.discard,
            retry_after_seconds: self.retry_after_seconds,
            docs_url: format!("{public_url}/docs/errors/{}", code.as_str()),
            reference_url: format!("{public_url}/docs/errors"),
        }
    }
}

impl Code {
    /// What to do about it where nothing more exact is known.
    #[must_use]
    pub fn recovery(self) -> Recovery {
        use NextAction as Next;
        match self {
            Self::BadRequest => {
                Recovery::change(Next::FixRequest, "Correct the request as the message says, then send it again.")
            }
            Self::MethodNotAllowed => {
                Recovery::change(Next::FixRequest, "Use one of the methods in the Allow header, which details repeats.")
            }
            Self::NotAcceptable => {
                Recovery::change(Next::FixRequest, "Send Accept: application/json, or leave the header out.")
            }
            Self::UnsupportedMediaType => Recovery::change(
                Next::FixRequest,
                "Send JSON as it is: Content-Type: application/json, and no Content-Encoding.",
            ),
            Self::ChallengeExpired | Self::CaptchaFailed => Recovery::retry(
                Next::RequestNewChallenge,
                "A challenge is used up by any attempt that names it. Ask for a new one, solve it, and try again.",
            )
            .discard(&["nonce", "pow_nonce", "signature"]),
            Self::PricingModelUnavailable => Recovery::change(
                Next::FixRequest,
                "Publish with pricing_model free or per_call; per_call listings are paid for call by call.",
            ),
            Self::UseCursor => Recovery::change(Next::FollowCursor, "Follow pagination.next_cursor instead of pages."),
            Self::Unauthorized => Recovery::change(
                Next::Authenticate,
                "Send Authorization: Bearer am_k_…; POST /auth/recover issues a fresh key for a registered wallet.",
            )
            .preserve(&["request_body", "idempotency_key"]),
            Self::PaymentRequired | Self::PaymentMismatch | Self::PaymentFailed | Self::QuoteExpired => {
                Recovery::retry(
                    Next::CompletePaymentThenRetry,
                    "Pay with the terms in data.payment, then send the same body again with data.retry_headers.",
                )
                .preserve(&["relay_request_id", "request_body"])
            }
            Self::Forbidden => Recovery::change(
                Next::UseKeyWithScope,
                "This key or profile may not do that. Use one that may; GET /me shows scopes and role.",
            ),
            Self::NotFound => {
                Recovery::change(Next::FixRequest, "Check the path and the id; /llms.txt leads to every path there is.")
            }
            Self::RequestTimeout => {
                Recovery::retry(Next::RetrySameRequest, "Send the same request again, its whole body without a pause.")
                    .preserve(&["relay_request_id", "idempotency_key", "request_body"])
            }
            Self::Conflict => Recovery::change(Next::ReadAgain, "Read what is there now, and decide again."),
            Self::RelayRequestMismatch => Recovery::change(
                Next::UseOriginalRequest,
                "A relay request id pays for one listing and one body. Send those, or leave the id out for a new call.",
            )
            .preserve(&["relay_request_id"]),
            Self::IdempotencyKeyReused => {
                Recovery::change(Next::UseNewIdempotencyKey, "Use a new Idempotency-Key for a new call.")
                    .preserve(&["request_body"])
                    .discard(&["idempotency_key"])
            }
            Self::ResponseNoLongerAvailable => Recovery::change(
                Next::UseOriginalApiKey,
                "The call was delivered and is not run again. Its response can be had for 24 hours, by the key that paid.",
            ),
            Self::ListingUnavailable => {
                Recovery::change(Next::ChooseOtherListing, "This listing takes no calls now. Choose another one.")
            }
            Self::ListingHasNoEndpoint => Recovery::change(
                Next::ChooseOtherListing,
                "This free listing is not called through the gateway; see its connection_instructions.",
            ),
            Self::LastRecoveryWallet => Recovery::change(
                Next::LinkAnotherWallet,
                "Link another wallet that can recover the profile, then try again.",
            ),
            Self::Gone => Recovery::change(
                Next::UseDirectGateway,
                "There are no subscriptions, deposits or balances. Call POST /gateway/:listingId and pay for that call.",
            ),
            Self::PayloadTooLarge => Recovery::change(Next::FixRequest, "Send less; details.limit_bytes is the limit."),
            Self::PaymentRouteMinimumNotMet => Recovery::retry(
                Next::RetryWithSolana,
                "Send the call again with X-Crochet-Origin-Currency: SOL and a new Idempotency-Key.",
            )
            .preserve(&["request_body"])
            .discard(&["relay_request_id", "idempotency_key"]),
            Self::PaymentRouteUnavailable | Self::OriginWalletInvalid => Recovery::change(
                Next::FixRequest,
                "Change the X-Crochet-Origin-… or X-Crochet-Payment-… headers as the message says; use a new \
                 Idempotency-Key.",
            )
            .preserve(&["request_body"])
            .discard(&["relay_request_id", "idempotency_key"]),
            Self::EndpointNotAllowed => Recovery::change(
                Next::FixRequest,
                "Use a public HTTPS endpoint on an allowed port, by its name or a public address.",
            ),
            Self::RateLimited => {
                Recovery::retry(Next::RetryLater, "Wait for the seconds in Retry-After, then send the same request.")
                    .preserve(&["relay_request_id", "idempotency_key", "request_body"])
            }
            Self::TooManyOpenQuotes => Recovery::retry(
                Next::PayOpenCalls,
                "Pay for calls that are open, or wait until they expire; GET /gateway-requests?status=quoted lists them.",
            )
            .preserve(&["idempotency_key", "request_body"]),
            Self::InternalError => Recovery::change(
                Next::ContactOperator,
                "A fault of the server. A gateway call that was paid is kept: it may be sent again as it was.",
            )
            .preserve(&["x_request_id", "relay_request_id", "idempotency_key", "request_body"]),
            Self::SellerError
            | Self::SellerInvalidResponse
            | Self::SellerResponseTooLarge
            | Self::SellerUnreachable
            | Self::SellerTimeout => Recovery::retry(
                Next::RetrySameRequest,
                "The seller did not handle the call. Send the same request again after the wait.",
            )
            .preserve(&["relay_request_id", "idempotency_key", "request_body"]),
            Self::ServiceUnavailable | Self::PaymentProviderUnavailable => Recovery::retry(
                Next::RetrySameRequest,
                "Nothing is lost. Send the same request again, with its ids and keys, after the wait.",
            )
            .preserve(&["relay_request_id", "idempotency_key", "request_body"]),
        }
    }
}
