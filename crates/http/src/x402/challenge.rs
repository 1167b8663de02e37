//! 402 for whoever pays by a header. It costs no row: the terms are signed, and come back with the payment.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::TimeDelta;
use crochet_primitives::{Clock, Entropy, EntropyExt, ListingId, format_timestamp};
use crochet_relay::ports::Input;
use crochet_relay::{Gateway, HeaderOffer, HeaderTerms};
use crochet_wallet::WalletAddress;
use crochet_x402::{PAYMENT_REQUIRED, PaymentRequired, Resource, SignedOffer, SignedTerms, extensions, find_asset};

use super::X402;
use crate::code::Code;
use crate::error::ApiError;
use crate::recovery::{NextAction, Recovery};
use crate::routes::API;
use crate::routes::gateway_headers::WantedNetwork;

/// What the caller wants of the offer.
pub(crate) struct Wanted<'a> {
    /// `X-Crochet-Payment-Network`: there alone.
    pub(crate) network: Option<&'a WantedNetwork>,
    /// Whether it came with a key: then it could pay in another way.
    pub(crate) has_key: bool,
    /// Why there is a 402: a sentence, or one word of the protocol.
    pub(crate) why: &'a str,
}

/// The 402 of a listing; or why there is none.
pub(crate) async fn challenge(
    x402: &X402,
    gateway: &Gateway,
    public_url: &str,
    listing: &str,
    wanted: Wanted<'_>,
) -> Result<HttpResponse, ApiError> {
    let (offer, gross, ways, input) = match gateway.header_terms(listing).await? {
        HeaderTerms::NotFound => return Err(listing_not_found()),
        HeaderTerms::Unavailable => {
            return Err(ApiError::new(Code::ListingUnavailable, "This listing takes no calls now.").retry_after(60));
        }
        HeaderTerms::NotOffered if wanted.has_key => return Err(not_offered(x402)),
        HeaderTerms::NotOffered => {
            return Err(ApiError::new(
                Code::Unauthorized,
                "An API key is needed for this: the listing is free, or is not paid by x402.",
            ));
        }
        HeaderTerms::Offered { offer, gross, ways, input } => (offer, gross, ways, input),
    };
    let ways: Vec<HeaderOffer> =
        ways.into_iter().filter(|way| wanted.network.is_none_or(|network| network.name == way.network)).collect();
    let offers: Vec<_> = ways.iter().filter_map(|way| in_its_words(x402, way)).collect();
    if offers.is_empty() {
        return Err(not_offered(x402));
    }
    let expires_at = expiry(gateway.clock.as_ref(), x402);
    let token = x402.terms_key.sign(&SignedTerms {
        listing: offer.listing,
        gross,
        offers: ways.iter().map(promised).collect(),
        expires_at,
        random: random(gateway.entropy.as_ref()),
    });
    let resource = Resource::new(&resource_url(public_url, offer.listing), &offer.name);
    let mut required = PaymentRequired::new(&resource, &offers, wanted.why)
        .with_extension(extensions::CROCHET, extensions::crochet(&token, &format_timestamp(expires_at)))
        .with_extension(extensions::PAYMENT_IDENTIFIER, extensions::payment_identifier());
    if !input.is_empty() {
        required = required.with_extension(extensions::BAZAAR, bazaar(&input));
    }
    // v1 clients read the body alone, v2 clients the header first.
    let body = required.v1().unwrap_or_else(|| required.v2());
    if wanted.network.is_some_and(|network| network.is_v1) {
        return Ok(required_payment().json(body));
    }
    let header = HeaderValue::from_str(&required.header())
        .map_err(|error| ApiError::internal("an offer could not be written", error))?;
    Ok(required_payment().insert_header((HeaderName::from_static(PAYMENT_REQUIRED), header)).json(body))
}

fn required_payment() -> HttpResponseBuilder {
    let mut response = HttpResponse::build(StatusCode::PAYMENT_REQUIRED);
    response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    response
}

/// The one URL of what is paid for, whatever name it was called by.
pub(super) fn resource_url(public_url: &str, listing: ListingId) -> String {
    format!("{public_url}{API}/gateway/{listing}")
}

/// What the seller says of the request, in the protocol's words.
pub(super) fn bazaar(input: &Input) -> serde_json::Value {
    extensions::bazaar(input.schema.as_ref(), input.example.as_ref(), None)
}

pub(super) fn in_its_words(x402: &X402, way: &HeaderOffer) -> Option<crochet_x402::Offer> {
    Some(crochet_x402::Offer {
        asset: find_asset(&x402.assets, &way.asset)?.clone(),
        pay_to: WalletAddress::parse(&way.recipient).ok()?,
        fee_payer: way.fee_payer.as_deref().and_then(|address| WalletAddress::parse(address).ok()),
        base_units: way.base_units,
        max_timeout_seconds: x402.max_timeout_seconds,
    })
}

fn promised(way: &HeaderOffer) -> SignedOffer {
    SignedOffer { asset: way.asset.clone(), pay_to: way.recipient.clone(), base_units: way.base_units }
}

fn expiry(clock: &dyn Clock, x402: &X402) -> crochet_primitives::Timestamp {
    let ttl = TimeDelta::from_std(x402.terms_ttl).unwrap_or(TimeDelta::zero());
    clock.now().checked_add_signed(ttl).unwrap_or_else(|| clock.now())
}

fn random(entropy: &dyn Entropy) -> [u8; 16] {
    entropy.bytes()
}

/// The listing is paid in another way than the caller wants.
fn not_offered(x402: &X402) -> ApiError {
    let networks: Vec<String> = x402.assets.iter().map(|asset| asset.network().to_string()).collect();
    let message = "This listing is not paid by x402, or not on that network.";
    ApiError::new(Code::PaymentRouteUnavailable, message)
        .details(&serde_json::json!({ "accepted": networks }))
        .recovery(
            Recovery::change(
                NextAction::FixRequest,
                "Leave out X-Crochet-Payment-Scheme and X-Crochet-Payment-Network: the 402 then says how it is paid.",
            )
            .preserve(&["request_body"]),
        )
}

/// A payment came, and payments by x402 are not taken here, or not any more: it was not touched. Never a 402 and never
/// other terms, since it may be the payment of a call that is under way.
pub(crate) fn not_taken() -> ApiError {
    let message = "Payments by x402 are not taken here now. The payment was not touched.";
    ApiError::new(Code::PaymentRouteUnavailable, message).recovery(
        Recovery::change(
            NextAction::RetryLater,
            "Where this payment was answered 202 before, send the same request again later. Else leave the payment out.",
        )
        .preserve(&["request_body"]),
    )
}

/// The same as for every caller.
pub(crate) fn listing_not_found() -> ApiError {
    ApiError::not_found("Listing not found.").recovery(Recovery::change(
        NextAction::ChooseOtherListing,
        "Check the listing's id or slug; GET /listings lists those that can be called.",
    ))
}
