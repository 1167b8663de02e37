//! What the payment provider answers: terms are those that were asked for, a success is proved or nothing, and nothing of
//! its prose is repeated.

use crochet_payments::reading;
use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, ListingId, WalletId, timestamp_from_millis};
use crochet_relay::ports::Period;
use crochet_relay::{FeeStatus, OriginCurrency, PayerWallet, QuoteAsk, Route, Terms};
use crochet_wallet::{Chain, WalletAddress};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::input::now;

const PAYER: &str = "0x03508bb71268bba25ecacc8f620e01866650532c";
const SELLER: &str = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
const SOLANA_PAYER: &str = "GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB";
const REQUEST: &str = "0xcb422162ba0a775cadcdc7983fc2108e761840446fe3f241fd8f72286fd3b4f8";
const USDC: &str = "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913";

/// An answer in JSON: read as a quote, as a status, as the record of a request, as a list of requests.
pub fn relay_answers(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Value>(bytes) else { return };
    for ask in [ask(OriginCurrency::Usdc, 8453, PAYER), ask(OriginCurrency::Sol, 792_703_809, SOLANA_PAYER)] {
        if let Some(Ok(terms)) = reading::terms(&answer, &ask, now()) {
            are_as_asked(&terms, &ask);
        }
    }
    for reason in reading::reasons(&answer).into_iter().flatten().flatten() {
        assert!((1..=64).contains(&reason.len()) && reason.bytes().all(|byte| byte.is_ascii_graphic()), "{reason:?}");
    }
    let terms = terms();
    for may_be_quoted in [true, false] {
        if let Ok(payment) = reading::arrived(&answer, &terms, may_be_quoted) {
            assert_eq!((payment.reference.as_str(), payment.provider_request_id.as_str()), (REQUEST, REQUEST));
            if terms.is_covered_by(&payment) {
                proves(&answer, payment.base_units);
            }
        }
    }
    for one in reading::reported(&answer, Period::default()) {
        assert!(is_request_id(&one.reference) && one.reference == one.reference.to_lowercase());
        // A stranger's text is no recipient: an address is in its one spelling.
        assert!(one.recipient.is_none_or(|to| WalletAddress::parse(&to).is_ok_and(|read| read.canonical() == to)));
    }
}

fn ask(currency: OriginCurrency, chain_id: u64, payer: &str) -> QuoteAsk {
    let chain = if payer.starts_with("0x") { Chain::Evm } else { Chain::Solana };
    let network = if chain == Chain::Evm { "eip155:8453" } else { "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" };
    QuoteAsk {
        call: CallId::from(Uuid::from_u128(1)),
        listing: ListingId::from(Uuid::from_u128(2)),
        gross: MicroUsd::from_micros(1_000_000),
        fee: MicroUsd::from_micros(49_000),
        seller_share: MicroUsd::from_micros(951_000),
        route: Route {
            currency,
            chain_id,
            network,
            wallet: Some(PayerWallet {
                id: WalletId::from(Uuid::from_u128(3)),
                chain,
                address: payer.to_owned(),
                is_primary: true,
            }),
            chosen_by_buyer: true,
        },
        recipient: SELLER.to_owned(),
        expires_at: timestamp_from_millis(now().timestamp_millis() + 60_000).unwrap(),
    }
}

fn are_as_asked(terms: &Terms, ask: &QuoteAsk) {
    assert_eq!((terms.recipient.as_str(), terms.asset.as_str()), (SELLER, USDC));
    assert_eq!((terms.expected_base_units, terms.expires_at), (951_000, ask.expires_at));
    assert_eq!(terms.origin_chain_id, ask.route.chain_id);
    assert!(is_request_id(&terms.provider_request_id));
    let shown = terms.instructions.to_string();
    assert!(shown.len() <= 64 * 1024 && !shown.contains(r"\u0000") || shown.contains(r"\\u0000"));
    let payer = &ask.route.wallet.as_ref().unwrap().address;
    assert_eq!((&terms.instructions["payer"], &terms.instructions["refund_to"]), (&json!(payer), &json!(payer)));
    for step in terms.instructions["steps"].as_array().unwrap() {
        for item in step["items"].as_array().unwrap() {
            let data = &item["data"];
            match step["kind"].as_str().unwrap() {
                "transaction" if ask.route.chain_id == 8453 => {
                    assert_eq!(whole(&data["chainId"]), Some(8453));
                    let from = data["from"].as_str().unwrap_or_default();
                    assert!(from.is_empty() || from.eq_ignore_ascii_case(payer), "{from}");
                }
                "transaction" => assert!(data["instructions"].as_array().is_some_and(|all| !all.is_empty())),
                kind => assert_eq!(kind, "signature"),
            }
        }
    }
}

fn is_request_id(text: &str) -> bool {
    text.len() == 66 && text.starts_with("0x") && hex::decode(&text[2..]).is_ok()
}

fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn terms() -> Terms {
    Terms {
        provider: "relay".into(),
        provider_request_id: REQUEST.into(),
        scheme: "relay".into(),
        network: "eip155:8453".into(),
        origin_currency: OriginCurrency::Usdc,
        origin_chain_id: 8453,
        instructions: json!({}),
        asset: USDC.into(),
        recipient: SELLER.into(),
        expected_base_units: 951_000,
        fee_status: FeeStatus::Accrued,
        expires_at: now(),
        claimed: None,
    }
}

/// Somewhere in the answer stand the request, the seller and no less than what was asked for.
fn proves(answer: &Value, base_units: u64) {
    let text = answer.to_string().to_lowercase();
    assert!(text.contains(REQUEST) && text.contains(SELLER) && base_units >= 951_000);
    assert!(base_units == u64::MAX || text.contains(&base_units.to_string()));
}
