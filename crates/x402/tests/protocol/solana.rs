//! What is read of a payment on Solana, and what is refused of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crochet_x402::solana::{LandedTransaction, SolanaPayment, token_account};
use crochet_x402::{Asset, DecodeError, Network, Version, decode, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

fn usdc() -> Asset {
    Asset::usdc(Network::SOLANA).unwrap()
}

/// What `@x402/svm` 2.27.0 made of an offer of 10,000 base units of USDC: its payer has the key of 32 sevens, the seller the
/// one of 32 fives.
const CLIENTS: &str = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABR4U2tScCJK5qcK2jO9IYXw5\
    buG6U2irkC3mdKsj7oVZO8Ys7Js4uubX3CSmGBg5cFluAJNba6Y1by6nMzpqgNgAIBBAiKiOPddAnxlf1S2y08ul1yymcJvx2UEhvzdIgBtA9v\
    XOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIsZzAuSRiU10kupr5PkU6k9F+hQuZFhnyRZKJ21d128Hal9zpTlwGXdfmUSr09Ddh631\
    00hOXGj+ZjKAt34bQl+QMGRm/lIRcy/+ytunLDm+e8jOW7xfcSayxDmzpAAAAAxvp6877brTo9ZfNqq8l0MbG75MLS9uDkfKYCA0UvXWEFSlNa\
    mSkhBk0k6HFg2jh8fDW13bySu4HkH6hAQQVEjQbd9uHXZaGT2cvhRs7reawctIXtX1s3kTqM9YV+/wCpCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQ\
    kJCQkJCQkJCQkEBAAFAiBOAAAEAAkDAQAAAAAAAAAHBAIFAwEKDBAnAAAAAAAABgYACWEgcGF5bWVudAA=";
const PAYER: &str = "GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB";
const SELLER: &str = "8SFqwqnq4whPhs8icwHA2hQg3hUoN1qrCLK1SBx3WKwe";

#[test]
fn what_a_client_of_others_signs_is_read_and_nothing_is_wrong_with_it() {
    let payment = SolanaPayment::read(&json!({ "transaction": CLIENTS })).unwrap();
    assert_eq!((payment.payer().canonical().as_str(), payment.base_units()), (PAYER, 10_000));
    assert_eq!(payment.source().canonical(), "7woc3ajaGMMXczFYjxon4aQoHH3j126fMUR9c58eHRsK");
    assert_eq!(payment.destination().canonical(), "CArvLpM8SDb5WgWGvUaUb6Bx1uSWPGHuYynPcT7CnmZJ");
    assert_eq!(payment.fee_payer().unwrap().canonical(), "AKnL4NNf3DGWZJS6cPknBuEGnVsV4A4m5tgebLHaRSZ9");
    assert_eq!(payment.memos().collect::<Vec<_>>(), ["a payment"]);
    assert_eq!(payment.mint(), *usdc().address());
    let seller = SELLER.parse().unwrap();
    assert_eq!(payment.problem(&usdc(), &seller, 10_000), None);
    assert_eq!(payment.problem(&usdc(), &seller, 9_999), Some("invalid_exact_svm_payload_amount_mismatch"));
    assert_eq!(
        payment.problem(&usdc(), &payment.payer(), 10_000),
        Some("invalid_exact_svm_payload_recipient_mismatch")
    );
    let devnet = Asset::usdc(Network::SOLANA_DEVNET).unwrap();
    assert_eq!(payment.problem(&devnet, &seller, 10_000), Some("invalid_exact_svm_payload_mint_mismatch"));
    assert_eq!(payment.to_json()["transaction"], CLIENTS, "the fee payer's signature is still to come");
}

#[test]
fn the_claim_is_what_was_signed_whatever_stands_where_the_signatures_are() {
    let bytes = bytes_of(CLIENTS);
    let mut signed = bytes.clone();
    signed[1..65].fill(7);
    let (one, two) = (read(&bytes).unwrap(), read(&signed).unwrap());
    assert_eq!(one.message_hash(), two.message_hash());
    assert_eq!(two.to_json(), one.to_json());
    let landed = LandedTransaction::read(&text_of(&signed)).unwrap();
    assert_eq!((landed.message_hash, landed.accounts[1]), (one.message_hash(), one.payer()));
    signed[65] ^= 1;
    let forged = read(&signed).unwrap();
    let seller = SELLER.parse().unwrap();
    assert_eq!(forged.problem(&usdc(), &seller, 10_000), Some("invalid_exact_svm_payload_signature_invalid"));
}

#[test]
fn the_token_account_of_a_wallet_is_that_of_other_tools() {
    let account = token_account(&usdc(), &SELLER.parse().unwrap()).unwrap();
    assert_eq!(account.canonical(), "CArvLpM8SDb5WgWGvUaUb6Bx1uSWPGHuYynPcT7CnmZJ");
    assert_eq!(token_account(&usdc(), &"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed".parse().unwrap()), None);
    assert_eq!(token_account(&Asset::usdc(Network::BASE).unwrap(), &SELLER.parse().unwrap()), None);
}

fn bytes_of(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn text_of(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn read(bytes: &[u8]) -> Result<SolanaPayment, DecodeError> {
    SolanaPayment::read(&json!({ "transaction": text_of(bytes) }))
}

#[test]
fn what_is_no_transaction_is_refused_by_name() {
    let payment = |payload: Value| {
        let network = Network::SOLANA.to_string();
        let v2 = json!({ "x402Version": 2, "accepted": { "scheme": "exact", "network": network }, "payload": payload });
        decode(&encode(&v2), &[usdc()]).unwrap_err()
    };
    assert_eq!(payment(json!({})), DecodeError::Missing("transaction"));
    assert_eq!(payment(json!({ "transaction": 1 })), DecodeError::Missing("transaction"));
    for wrong in ["", "AAAA", "not base64", &"A".repeat(1648), &"A".repeat(10_000)] {
        assert_eq!(payment(json!({ "transaction": wrong })), DecodeError::Transaction, "{wrong}");
    }
    // An authorization of an EVM chain is none.
    assert_eq!(payment(json!({ "authorization": {}, "signature": "0x" })), DecodeError::Missing("transaction"));
    let v1 = json!({ "x402Version": 1, "scheme": "exact", "network": "solana", "payload": { "transaction": "AAAA" } });
    assert_eq!(decode(&encode(&v1), &[usdc()]), Err(DecodeError::Transaction));
    assert_eq!(decode(&encode(&v1), &[]), Err(DecodeError::Network));
    assert_eq!(Version::from_number(2), Some(Version::V2));
}

proptest! {
    #[test]
    fn a_bit_that_is_turned_anywhere_in_what_was_signed_is_seen(place in 65..413_usize, bit in 0..8_u8) {
        let mut bytes = bytes_of(CLIENTS);
        prop_assume!(place < bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(payment) = read(&bytes) {
            prop_assert!(payment.problem(&usdc(), &SELLER.parse().unwrap(), 10_000).is_some());
            prop_assert!(LandedTransaction::read(&text_of(&bytes)).is_some());
        }
    }

    #[test]
    fn no_text_panics_the_reader(text in "[A-Za-z0-9+/]{0,400}={0,2}") {
        let _ = SolanaPayment::read(&json!({ "transaction": text }));
        let _ = LandedTransaction::read(&text);
    }
}
