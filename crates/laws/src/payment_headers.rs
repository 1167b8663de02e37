//! Payments that come in a header of x402, v2 and v1: two headers that mean one payment claim the same, and a key that
//! comes twice is read by nobody.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crochet_primitives::timestamp_from_millis;
use crochet_wallet::WalletAddress;
use crochet_x402::{
    Asset, Authorization, DecodedPayment, MAX_HEADER_BYTES, Network, SignedBy, TermsKey, decode, encode, find_asset,
};
use serde_json::Value;

use crate::bodies::has_duplicate;
use crate::input::{now, text};

/// What payments are taken in.
pub(crate) fn assets() -> Vec<Asset> {
    [Network::BASE, Network::BASE_SEPOLIA, Network::SOLANA, Network::SOLANA_DEVNET]
        .into_iter()
        .filter_map(Asset::usdc)
        .collect()
}

/// The value of `PAYMENT-SIGNATURE` or `X-PAYMENT`: as it is, and as the base64 of JSON.
pub fn payment_headers(bytes: &[u8]) {
    let assets = assets();
    let text = text(bytes);
    if let Ok(payment) = decode(&text, &assets) {
        assert!(text.len() <= MAX_HEADER_BYTES);
        is_in_one_spelling(&payment, &assets);
        let padded = format!("\t {text} ");
        assert!(padded.len() > MAX_HEADER_BYTES || decode(&padded, &assets).as_ref() == Ok(&payment));
    }
    let header = STANDARD.encode(bytes);
    if let Ok(payment) = decode(&header, &assets) {
        is_in_one_spelling(&payment, &assets);
        assert_eq!(decode(header.trim_end_matches('='), &assets).as_ref(), Ok(&payment));
        assert!(!has_duplicate(bytes), "a key comes twice");
    }
    let key = TermsKey::new([5; 32]);
    assert_eq!(key.open(&text), None, "nobody else can sign terms");
    if let Ok(payload) = serde_json::from_slice::<Value>(bytes) {
        authorization(&payload);
        payload.get("payload").into_iter().for_each(authorization);
    }
}

fn is_in_one_spelling(payment: &DecodedPayment, assets: &[Asset]) {
    assert_eq!(payment.scheme, "exact");
    let nonce = payment.nonce.strip_prefix("0x").unwrap();
    assert!(nonce.len() == 64 && nonce.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{nonce}");
    for address in [&payment.recipient, payment.asset.rsplit_once(':').unwrap().1] {
        let read = WalletAddress::parse(address).unwrap();
        assert_eq!((&read.canonical(), read.chain()), (&address.to_owned(), payment.payer.chain()));
    }
    assert!(payment.asset.starts_with(&format!("{}/", payment.network)));
    if let Some(known) = find_asset(assets, &payment.asset) {
        assert_eq!(known.network(), payment.network);
    }
    assert_eq!(payment.network.is_solana(), payment.valid_before.is_none());
    let earliest = timestamp_from_millis(0).unwrap();
    let latest = timestamp_from_millis(253_402_300_799_000).unwrap();
    for moment in [Some(payment.valid_after), payment.valid_before].into_iter().flatten() {
        assert!((earliest..=latest).contains(&moment));
    }
    assert!(payment.terms.as_ref().is_none_or(|terms| (1..=2048).contains(&terms.len())));
    assert!(payment.payment_identifier.as_ref().is_none_or(|id| (16..=128).contains(&id.len()) && id.is_ascii()));
    assert_eq!(payment.terms.as_deref().and_then(|terms| TermsKey::new([5; 32]).verify(terms, now())), None);

    // What was read of it, written anew, is the same payment.
    let again = encode(&payment.payload);
    assert!(again.len() > MAX_HEADER_BYTES || decode(&again, assets).as_ref() == Ok(payment));
    if let Some(inner) = payment.payload.get("payload").filter(|_| !payment.network.is_solana()) {
        let read = Authorization::read(inner).unwrap();
        assert_eq!((read.value, &read.nonce, read.from), (payment.base_units, &payment.nonce, payment.payer));
        let mut written = payment.payload.clone();
        written["payload"] = read.to_json();
        let written = encode(&written);
        if let Ok(same) = decode(&written, assets) {
            assert_eq!(DecodedPayment { payload: payment.payload.clone(), ..same }, *payment);
        } else {
            assert!(written.len() > MAX_HEADER_BYTES);
        }
    }
}

/// An authorization of EIP-3009 and its signature.
fn authorization(payload: &Value) {
    let Ok(read) = Authorization::read(payload) else { return };
    let written = read.to_json();
    let again = Authorization::read(&written).unwrap();
    assert_eq!(again, read);
    assert_eq!(again.to_json(), written);
    let usdc = Asset::usdc(Network::BASE).unwrap();
    assert!(read.signing_hash(&usdc).is_some());
    if read.signed_by(&usdc) == SignedBy::Payer {
        let other = Authorization { value: read.value ^ 1, ..read.clone() };
        assert_ne!(other.signed_by(&usdc), SignedBy::Payer);
        let elsewhere = Asset::usdc(Network::BASE_SEPOLIA).unwrap();
        assert_ne!(read.signed_by(&elsewhere), SignedBy::Payer);
    }
}
