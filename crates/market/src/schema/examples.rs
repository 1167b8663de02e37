//! One story for all examples: signal-bot sells DeFi signals.

use crochet_primitives::schema::EXAMPLE_UUID;
use serde_json::{Value, json};

const AT: &str = "2026-05-03T12:00:00.000Z";
const API_KEY: &str = "am_k_Ab12Cd34Ef56Gh78Ij90Kl12Mn34Op56Qr78St90Uv1";
const SIGNING_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// An object with the fields of both.
fn merged(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(mut first), Value::Object(second)) => {
            first.extend(second);
            Value::Object(first)
        }
        (first, _) => first,
    }
}

pub(crate) fn profile() -> Value {
    json!({
        "id": EXAMPLE_UUID,
        "display_name": "signal-bot",
        "account_type": "agent",
        "role": "both",
        "bio": "Sells DeFi signals.",
        "website": "https://signals.example",
        "avatar_url": null,
        "is_verified": false,
        "score": null,
        "created_at": AT
    })
}

pub(crate) fn wallet() -> Value {
    json!({
        "id": EXAMPLE_UUID,
        "chain": "evm",
        "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "is_primary": true,
        "capabilities": ["auth", "recovery", "payment", "payout"],
        "status": "active",
        "created_at": AT
    })
}

pub(crate) fn api_key() -> Value {
    json!({
        "id": EXAMPLE_UUID,
        "name": "registration",
        "prefix": "am_k_Ab12",
        "scopes": ["read", "write", "gateway"],
        "created_at": AT,
        "expires_at": null,
        "last_used_at": AT
    })
}

pub(crate) fn me() -> Value {
    json!({ "profile": profile(), "wallets": [wallet()], "api_key": api_key() })
}

pub(crate) fn created_key() -> Value {
    merged(api_key(), json!({ "api_key": API_KEY, "authorization_header": format!("Bearer {API_KEY}") }))
}

pub(crate) fn issued() -> Value {
    json!({
        "user_id": EXAMPLE_UUID,
        "profile": profile(),
        "wallet": wallet(),
        "api_key": API_KEY,
        "api_key_prefix": "am_k_Ab12",
        "authorization_header": format!("Bearer {API_KEY}")
    })
}

pub(crate) fn category() -> Value {
    json!({
        "id": EXAMPLE_UUID,
        "name": "DeFi",
        "slug": "defi",
        "description": "Decentralized finance intelligence",
        "sort_order": 1
    })
}

pub(crate) fn listing_summary() -> Value {
    json!({
        "id": EXAMPLE_UUID,
        "slug": "defi-alpha-signals",
        "name": "DeFi Alpha Signals",
        "description": "Real-time trading signals for DeFi protocols.",
        "provider_id": EXAMPLE_UUID,
        "category_id": EXAMPLE_UUID,
        "pricing_model": "per_call",
        "pricing_amount": 0.01,
        "pricing_currency": "USD",
        "preferred_currency": "USDC",
        "delivery_type": "api",
        "auth_method": "api_key",
        "formats": ["json"],
        "tags": ["defi", "signals", "trading"],
        "demo_endpoint": null,
        "github_url": null,
        "logo_url": null,
        "expected_delivery": "under 2 seconds",
        "status": "active",
        "suspended_by": null,
        "gateway_url": format!("https://crochet.example/api/v1/gateway/{EXAMPLE_UUID}"),
        "provider": profile(),
        "category": category(),
        "created_at": AT,
        "updated_at": AT
    })
}

pub(crate) fn listing_details() -> Value {
    json!({
        "docs": "Send `{\"pair\": \"ETH/USDC\"}`; the answer has `signal` and `confidence`.",
        "connection_instructions": null,
        "example_outputs": [{
            "label": "A signal for ETH/USDC",
            "content": "{\"pair\":\"ETH/USDC\",\"signal\":\"long\",\"confidence\":0.82}"
        }],
        "input_schema": {
            "type": "object",
            "properties": { "pair": { "type": "string" } },
            "required": ["pair"]
        },
        "example_input": { "pair": "ETH/USDC" },
        "risk_disclaimers": "Signals are no financial advice.",
        "sla": null
    })
}

pub(crate) fn listing() -> Value {
    merged(listing_summary(), listing_details())
}

pub(crate) fn endpoint() -> Value {
    json!({
        "status": "active",
        "host_hint": "s•••.example",
        "timeout_ms": 30_000,
        "max_request_bytes": 262_144,
        "max_response_bytes": 1_048_576,
        "upstream_auth_header_name": null,
        "previous_secret_valid_until": null,
        "created_at": AT,
        "updated_at": AT
    })
}

pub(crate) fn published() -> Value {
    let endpoint = merged(endpoint(), json!({ "signing_secret": SIGNING_SECRET }));
    merged(listing(), json!({ "gateway_endpoint": endpoint }))
}

pub(crate) fn rotated() -> Value {
    json!({ "signing_secret": SIGNING_SECRET, "previous_valid_until": "2026-05-03T13:00:00.000Z" })
}
