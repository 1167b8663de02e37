//! The x402 protocol, as clients and facilitators of both versions speak it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod answers;
mod decoding;
mod offers;
mod properties;
mod receipts;
mod signatures;
mod solana;
mod terms;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crochet_x402::{Asset, Network, Offer, PaymentRequired, Resource};
use serde_json::{Value, json};

const PAYER: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const SELLER: &str = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359";
const NONCE: &str = "0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480";

fn assets() -> Vec<Asset> {
    [Network::BASE, Network::BASE_SEPOLIA].into_iter().filter_map(Asset::usdc).collect()
}

fn resource() -> Resource {
    Resource::new("https://gateway.example/api/v1/gateway/weather", "Weather by the hour")
}

fn offer(asset: Asset) -> Offer {
    Offer { asset, pay_to: SELLER.parse().unwrap(), fee_payer: None, base_units: 10_000, max_timeout_seconds: 60 }
}

fn required() -> PaymentRequired {
    let offers: Vec<Offer> = assets().into_iter().map(offer).collect();
    PaymentRequired::new(&resource(), &offers, "Payment is required.")
}

/// What a payer sends as the scheme's payload.
fn exact() -> Value {
    json!({
        "signature": format!("0x{}1b", "ab".repeat(64)),
        "authorization": {
            "from": PAYER,
            "to": SELLER,
            "value": "10000",
            "validAfter": "0",
            "validBefore": "1777809660",
            "nonce": NONCE,
        },
    })
}

fn v2() -> Value {
    let required = required().v2();
    json!({
        "x402Version": 2,
        "resource": required["resource"],
        "accepted": required["accepts"][1],
        "payload": exact(),
    })
}

fn v1() -> Value {
    json!({ "x402Version": 1, "scheme": "exact", "network": "base-sepolia", "payload": exact() })
}

fn header(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

fn read_header(header: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(header).unwrap()).unwrap()
}
