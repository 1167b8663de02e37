//! The gateway's own request headers.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use crochet_primitives::{CallId, WalletId};
use crochet_relay::{CHAINS, IdempotencyKey, Origin, OriginCurrency};
use crochet_x402::{EXACT, Network};

use crate::code::Code;
use crate::error::ApiError;
use crate::x402::X402;

/// On requests that the gateway sent itself.
static SIGNATURE: HeaderName = HeaderName::from_static(crochet_signing::headers::SIGNATURE);

/// A header, as it is written and as it is looked up: names are not read anew for every request.
struct Field {
    shown: &'static str,
    name: HeaderName,
}

impl Field {
    const fn new(shown: &'static str, name: &'static str) -> Self {
        Self { shown, name: HeaderName::from_static(name) }
    }
}

static RELAY_REQUEST: Field = Field::new("X-Crochet-Relay-Request-Id", "x-crochet-relay-request-id");
static IDEMPOTENCY_KEY: Field = Field::new("Idempotency-Key", "idempotency-key");
static ORIGIN_WALLET: Field = Field::new("X-Crochet-Origin-Wallet-Id", "x-crochet-origin-wallet-id");
static ORIGIN_CHAIN: Field = Field::new("X-Crochet-Origin-Chain-Id", "x-crochet-origin-chain-id");
static ORIGIN_CURRENCY: Field = Field::new("X-Crochet-Origin-Currency", "x-crochet-origin-currency");
static PAYMENT_SCHEME: Field = Field::new("X-Crochet-Payment-Scheme", "x-crochet-payment-scheme");
static PAYMENT_NETWORK: Field = Field::new("X-Crochet-Payment-Network", "x-crochet-payment-network");

/// What the headers of a gateway call say.
#[derive(Debug)]
pub(crate) struct CallHeaders {
    pub(crate) relay_request: Option<CallId>,
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    pub(crate) origin: Origin,
    /// `X-Crochet-Payment-Scheme`.
    pub(crate) scheme: Option<Scheme>,
    /// `X-Crochet-Payment-Network`.
    pub(crate) network: Option<WantedNetwork>,
}

/// A network that payments are made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedNetwork {
    /// CAIP-2.
    pub(crate) name: String,
    /// Whether it was called by its name of x402 v1: then terms are wanted in that version alone.
    pub(crate) is_v1: bool,
}

/// How a call is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// By terms of the payment provider.
    Native,
    /// By a header: x402.
    Exact,
}

/// Reads them all; `provider` is the name of the one payment provider that gives terms, `x402` is there where payments by
/// header are taken.
pub(crate) fn read(req: &HttpRequest, provider: &str, x402: Option<&X402>) -> Result<CallHeaders, ApiError> {
    if req.headers().contains_key(&SIGNATURE) {
        let message = "This request carries X-Crochet-Signature: it was sent by a gateway, and is not forwarded again.";
        return Err(ApiError::bad_request(message));
    }
    let relay_request = parsed(req, &RELAY_REQUEST, "relay_<uuid>", |text| CallId::parse_relay_request_id(text).ok())?;
    let idempotency_key =
        parsed(req, &IDEMPOTENCY_KEY, "1 to 255 printable ASCII characters", |text| IdempotencyKey::parse(text).ok())?;
    let wallet_id = parsed(req, &ORIGIN_WALLET, "a UUID", |text| WalletId::parse(text).ok())?;
    let chain_id = parsed(req, &ORIGIN_CHAIN, "a whole number", |text| {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    })?;
    let currency = match single(req, &ORIGIN_CURRENCY)? {
        None => None,
        Some(text) => Some(OriginCurrency::parse(text).ok_or_else(|| {
            no_route("X-Crochet-Origin-Currency is one of USDC, ETH and SOL.", &["USDC", "ETH", "SOL"])
        })?),
    };
    let scheme = scheme(req, provider, x402)?;
    let network = network(req, scheme, x402)?;
    Ok(CallHeaders {
        relay_request,
        idempotency_key,
        origin: Origin { wallet_id, currency, chain_id },
        scheme,
        network,
    })
}

/// The scheme of the 402's `retry_headers`, or the one that is wanted.
fn scheme(req: &HttpRequest, provider: &str, x402: Option<&X402>) -> Result<Option<Scheme>, ApiError> {
    match single(req, &PAYMENT_SCHEME)? {
        None => Ok(None),
        Some(scheme) if scheme.eq_ignore_ascii_case(provider) => Ok(Some(Scheme::Native)),
        Some(scheme) if x402.is_some() && scheme.eq_ignore_ascii_case(EXACT) => Ok(Some(Scheme::Exact)),
        Some(_) if x402.is_some() => {
            let message = format!("The payment schemes here are {provider} and {EXACT}.");
            Err(no_route(message, &[provider, EXACT]))
        }
        Some(_) => Err(no_route(format!("The payment scheme here is {provider}."), &[provider])),
    }
}

/// The network of the 402's `retry_headers`, or the one that is wanted: one that payments are made on.
fn network(req: &HttpRequest, scheme: Option<Scheme>, x402: Option<&X402>) -> Result<Option<WantedNetwork>, ApiError> {
    let Some(network) = single(req, &PAYMENT_NETWORK)? else { return Ok(None) };
    let by_v1_name = Network::from_v1_name(network).filter(|_| scheme != Some(Scheme::Native));
    let is_taken =
        |network: &Network| x402.is_some_and(|x402| x402.assets.iter().any(|asset| asset.network() == *network));
    if let Some(network) = by_v1_name.filter(is_taken) {
        return Ok(Some(WantedNetwork { name: network.to_string(), is_v1: true }));
    }
    let native = CHAINS.iter().map(|(_, network)| (*network).to_owned()).filter(|_| scheme != Some(Scheme::Exact));
    let by_header = x402.map(|x402| x402.assets.iter().map(|asset| asset.network().to_string())).into_iter().flatten();
    let by_header = by_header.filter(|_| scheme != Some(Scheme::Native));
    let known: Vec<String> = native.chain(by_header).collect();
    if known.iter().any(|known| known == network) {
        return Ok(Some(WantedNetwork { name: network.to_owned(), is_v1: false }));
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    Err(no_route("X-Crochet-Payment-Network is not a network that payments come from.", &known))
}

fn no_route(message: impl Into<std::borrow::Cow<'static, str>>, known: &[&str]) -> ApiError {
    ApiError::new(Code::PaymentRouteUnavailable, message).details(&serde_json::json!({ "accepted": known }))
}

fn parsed<T>(
    req: &HttpRequest,
    field: &'static Field,
    form: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    let name = field.shown;
    single(req, field)?
        .map(|text| {
            parse(text).ok_or_else(|| {
                ApiError::bad_request(format!("{name} is {form}.")).details(&serde_json::json!({ "header": name }))
            })
        })
        .transpose()
}

/// A header that may come once.
fn single<'a>(req: &'a HttpRequest, field: &'static Field) -> Result<Option<&'a str>, ApiError> {
    let mut values = req.headers().get_all(&field.name);
    let Some(value) = values.next() else { return Ok(None) };
    let name = field.shown;
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text.trim())),
        _ => Err(ApiError::bad_request(format!("{name} comes once, in ASCII."))
            .details(&serde_json::json!({ "header": name }))),
    }
}
