//! Every route, and what no answer of any of them holds.

use serde_json::json;

use super::{Account, Market, RawAnswer, RawRequest};

/// What a route does with a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    /// Read into a type with these fields.
    Typed(&'static [&'static str]),
    /// The same, and may be left out.
    Optional(&'static [&'static str]),
    /// Passed on as it is.
    Raw,
}

#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) needs_key: bool,
    pub(crate) body: Body,
}

const fn open(method: &'static str, path: &'static str, body: Body) -> Route {
    Route { method, path, needs_key: false, body }
}

const fn keyed(method: &'static str, path: &'static str, body: Body) -> Route {
    Route { method, path, needs_key: true, body }
}

const LISTING: &[&str] = &[
    "name",
    "description",
    "category_id",
    "pricing_model",
    "pricing_amount",
    "pricing_currency",
    "preferred_currency",
    "delivery_type",
    "auth_method",
    "formats",
    "docs",
    "connection_instructions",
    "example_outputs",
    "input_schema",
    "example_input",
    "demo_endpoint",
    "github_url",
    "logo_url",
    "expected_delivery",
    "risk_disclaimers",
    "sla",
    "tags",
    "status",
    "private_endpoint_url",
    "pow_nonce",
    "pow_challenge",
];
const ENDPOINT: &[&str] = &[
    "private_endpoint_url",
    "upstream_auth_header",
    "timeout_ms",
    "max_request_bytes",
    "max_response_bytes",
    "status",
];

/// Every route, on a listing and a wallet of the caller's own where it names one.
pub(crate) const ROUTES: &[Route] = &[
    open("GET", "/health", Body::None),
    open("GET", "/ready", Body::None),
    open("GET", "/categories", Body::None),
    open("GET", "/listings", Body::None),
    open("GET", "/listings/{listing}", Body::None),
    open("POST", "/auth/challenge", Body::Typed(&["wallet_address", "purpose", "profile_id", "new_wallet_address"])),
    open(
        "POST",
        "/register",
        Body::Typed(&["wallet_address", "signature", "nonce", "pow_nonce", "display_name", "bio", "website", "role"]),
    ),
    open(
        "POST",
        "/auth/recover",
        Body::Typed(&["wallet_address", "signature", "nonce", "pow_nonce", "revoke_existing_keys"]),
    ),
    keyed("GET", "/me", Body::None),
    keyed("PATCH", "/me", Body::Typed(&["display_name", "bio", "website", "avatar_url", "role"])),
    keyed("GET", "/me/wallets", Body::None),
    keyed(
        "POST",
        "/me/wallets",
        Body::Typed(&["wallet_address", "chain", "existing_wallet", "new_wallet", "capabilities"]),
    ),
    keyed("GET", "/me/wallets/{wallet}", Body::None),
    keyed("PATCH", "/me/wallets/{wallet}", Body::Typed(&["wallet_proof", "is_primary", "capabilities", "status"])),
    keyed("GET", "/api-keys", Body::None),
    keyed("POST", "/api-keys", Body::Typed(&["name", "scopes", "expires_at"])),
    keyed("DELETE", "/api-keys/{nothing}", Body::None),
    keyed("POST", "/listings/challenge", Body::None),
    keyed("POST", "/listings", Body::Typed(LISTING)),
    keyed("PATCH", "/listings/{listing}", Body::Typed(LISTING)),
    keyed("GET", "/listings/{listing}/endpoint", Body::None),
    keyed("PUT", "/listings/{listing}/endpoint", Body::Typed(ENDPOINT)),
    keyed("POST", "/listings/{listing}/endpoint/test", Body::Optional(&["payload"])),
    keyed("POST", "/listings/{listing}/endpoint/rotate-secret", Body::Optional(&["overlap_seconds"])),
    keyed("POST", "/gateway/{listing}", Body::Raw),
    keyed("GET", "/gateway-requests", Body::None),
    keyed("GET", "/gateway-requests/{nothing}", Body::None),
    keyed("GET", "/ledger", Body::None),
    open(
        "POST",
        "/mock-provider/payments/{call}/pay",
        Body::Optional(&["outcome", "settle_after_ms", "amount_micros"]),
    ),
];

/// What an answer never holds: SQL, our crates and tables, paths of the source, names of types.
const INTERNAL: &[&str] = &[
    "select ",
    "insert ",
    "update ",
    "relation \"",
    "violates",
    "constraint",
    "sqlstate",
    "postgres",
    "diesel",
    "r2d2",
    "libpq",
    "crochet_",
    "crochet-",
    "::",
    ".rs",
    "/src/",
    "/home/",
    "/tmp/",
    "/work",
    "panicked",
    "unwrap",
    "backtrace",
    "expected struct",
    "expected tuple",
    "expected enum",
    "struct ",
    "tuple ",
    "newtype",
    "actix",
    "hyper",
    "tokio",
    "serde",
    "private-canary",
    "whsec_",
];

/// A gateway with a listing, a call, and an agent that is wrong about things.
pub(crate) struct Server {
    pub(crate) market: Market,
    pub(crate) agent: Account,
    pub(crate) wallet: String,
    pub(crate) call: String,
}

impl Server {
    pub(crate) async fn open() -> Self {
        let market = Market::open().await;
        let agent = Account::register(&market.gateway.api, "agent").await;
        let wallet = agent.get("/me/wallets").await.data(200)[0]["id"].as_str().unwrap().to_owned();
        let call = market.quoted("wrong input").await.relay_id;
        Self { market, agent, wallet, call }
    }

    /// Where the listing is one of the caller's own, that one is made here.
    pub(crate) async fn own_listing(&self) -> String {
        let listing = json!({
            "name": "Own",
            "description": "One of the caller's own.",
            "private_endpoint_url": self.market.seller.url(),
        });
        self.agent.list(listing).await.data(201)["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, route: &Route, listing: &str) -> String {
        route
            .path
            .replace("{listing}", listing)
            .replace("{wallet}", &self.wallet)
            .replace("{call}", &self.call)
            .replace("{nothing}", "0190a0b0-0000-7000-8000-000000000000")
    }

    /// A request to a route, with a key where it needs one.
    pub(crate) fn to(&self, route: &Route, listing: &str) -> RawRequest {
        let request = RawRequest::new(&self.market.gateway.api, route.method, &self.path(route, listing));
        if route.needs_key { request.bearer(&self.agent.key) } else { request }
    }
}

pub(crate) fn shows_nothing_internal(answer: &RawAnswer, what: &str) {
    let text = answer.text().to_lowercase();
    for word in INTERNAL {
        assert!(!text.contains(word), "{what}: {word:?} is in {text}");
    }
}

/// An answer to input that may be wrong: no fault, and where it is refused, refused in the form of all errors.
pub(crate) fn is_no_fault(answer: &RawAnswer, what: &str) {
    assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.text());
    if answer.status >= 400 && answer.status != 402 {
        answer.error();
        shows_nothing_internal(answer, what);
    }
}
