//! The gateway's own request headers.

use actix_web::HttpRequest;
use crochet_primitives::{CallId, WalletId};
use crochet_relay::{CHAINS, IdempotencyKey, Origin, OriginCurrency};

use crate::code::Code;
use crate::error::ApiError;

/// On requests that the gateway sent itself.
const SIGNATURE: &str = crochet_signing::headers::SIGNATURE;

/// What the headers of a gateway call say.
#[derive(Debug)]
pub(crate) struct CallHeaders {
    pub(crate) relay_request: Option<CallId>,
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    pub(crate) origin: Origin,
}

/// Reads them all; `provider` is the name of the one payment provider there is.
pub(crate) fn read(req: &HttpRequest, provider: &str) -> Result<CallHeaders, ApiError> {
    if req.headers().contains_key(SIGNATURE) {
        let message = "This request carries X-Crochet-Signature: it was sent by a gateway, and is not forwarded again.";
        return Err(ApiError::bad_request(message));
    }
    let relay_request =
        parsed(req, "X-Crochet-Relay-Request-Id", "relay_<uuid>", |text| CallId::parse_relay_request_id(text).ok())?;
    let idempotency_key =
        parsed(req, "Idempotency-Key", "1 to 255 printable ASCII characters", |text| IdempotencyKey::parse(text).ok())?;
    let wallet_id = parsed(req, "X-Crochet-Origin-Wallet-Id", "a UUID", |text| WalletId::parse(text).ok())?;
    let chain_id = parsed(req, "X-Crochet-Origin-Chain-Id", "a whole number", |text| {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    })?;
    let currency = match single(req, "X-Crochet-Origin-Currency")? {
        None => None,
        Some(text) => Some(OriginCurrency::parse(text).ok_or_else(|| {
            no_route("X-Crochet-Origin-Currency is one of USDC, ETH and SOL.", &["USDC", "ETH", "SOL"])
        })?),
    };
    check_scheme(req, provider)?;
    check_network(req)?;
    Ok(CallHeaders { relay_request, idempotency_key, origin: Origin { wallet_id, currency, chain_id } })
}

/// The scheme of the 402's `retry_headers`: there is one.
fn check_scheme(req: &HttpRequest, provider: &str) -> Result<(), ApiError> {
    match single(req, "X-Crochet-Payment-Scheme")? {
        Some(scheme) if !scheme.eq_ignore_ascii_case(provider) => {
            Err(no_route(format!("The payment scheme here is {provider}."), &[provider]))
        }
        _ => Ok(()),
    }
}

/// The network of the 402's `retry_headers`: one that payments come from, or the mock's own.
fn check_network(req: &HttpRequest) -> Result<(), ApiError> {
    let known: Vec<&str> = CHAINS.iter().map(|(_, network)| *network).collect();
    match single(req, "X-Crochet-Payment-Network")? {
        Some(network) if !known.contains(&network) => {
            Err(no_route("X-Crochet-Payment-Network is not a network that payments come from.", &known))
        }
        _ => Ok(()),
    }
}

fn no_route(message: impl Into<std::borrow::Cow<'static, str>>, known: &[&str]) -> ApiError {
    ApiError::new(Code::PaymentRouteUnavailable, message).details(&serde_json::json!({ "accepted": known }))
}

fn parsed<T>(
    req: &HttpRequest,
    name: &'static str,
    form: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    single(req, name)?
        .map(|text| {
            parse(text).ok_or_else(|| {
                ApiError::bad_request(format!("{name} is {form}.")).details(&serde_json::json!({ "header": name }))
            })
        })
        .transpose()
}

/// A header that may come once.
fn single<'a>(req: &'a HttpRequest, name: &'static str) -> Result<Option<&'a str>, ApiError> {
    let mut values = req.headers().get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text.trim())),
        _ => Err(ApiError::bad_request(format!("{name} comes once, in ASCII."))
            .details(&serde_json::json!({ "header": name }))),
    }
}
