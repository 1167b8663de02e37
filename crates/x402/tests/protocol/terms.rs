//! Signed terms.

use std::time::Duration;

use crochet_pricing::MicroUsd;
use crochet_primitives::{ListingId, Timestamp, timestamp_from_millis};
use crochet_x402::{SignedOffer, SignedTerms, TermsKey, decode, extensions, secret_sha256};
use proptest::prelude::*;
use serde_json::json;

use crate::{SELLER, assets, header, v2};

fn now() -> Timestamp {
    timestamp_from_millis(1_777_809_600_000).unwrap()
}

fn signed() -> SignedTerms {
    SignedTerms {
        listing: ListingId::new(now(), [7; 10]),
        gross: MicroUsd::from_micros(10_000),
        offers: vec![SignedOffer { asset: assets()[0].caip19(), pay_to: SELLER.to_lowercase(), base_units: 10_000 }],
        expires_at: now() + Duration::from_secs(300),
        random: [9; 16],
    }
}

#[test]
fn terms_come_back_with_the_payment_and_are_known_again() {
    let key = TermsKey::new([1; 32]);
    let token = key.sign(&signed());
    let mut payment = v2();
    payment["extensions"] = json!({ "crochet": extensions::crochet(&token, "2026-05-03T12:05:00.000Z"), "other": {} });
    let read = decode(&header(&payment), &assets()).unwrap();
    assert_eq!(key.verify(&read.terms.unwrap(), now()), Some(signed()));
}

#[test]
fn terms_hold_until_they_expire_and_are_known_after_that() {
    let key = TermsKey::new([1; 32]);
    let (token, end) = (key.sign(&signed()), signed().expires_at);
    assert_eq!(key.verify(&token, end - Duration::from_millis(1)), Some(signed()));
    assert_eq!(key.verify(&token, end), None);
    assert_eq!(key.open(&token), Some(signed()));
}

#[test]
fn terms_of_another_key_are_nothing() {
    let token = TermsKey::new([1; 32]).sign(&signed());
    assert_eq!(TermsKey::new([2; 32]).open(&token), None);
    for text in ["", "t1.", "t1..", "t1.e30.", &token[..token.len() - 1], &format!("{token}="), &token[3..]] {
        assert_eq!(TermsKey::new([1; 32]).open(text), None, "{text}");
    }
}

#[test]
fn terms_of_a_former_key_hold_while_that_key_is_known() {
    let token = TermsKey::new([1; 32]).sign(&signed());
    let rotated = TermsKey::new([2; 32]).recognising([[1; 32]]);
    assert_eq!(rotated.verify(&token, now()), Some(signed()));
    assert_eq!(rotated.verify(&token, signed().expires_at), None);
    assert_eq!(TermsKey::new([1; 32]).open(&rotated.sign(&signed())), None);
}

#[test]
fn each_token_is_a_secret_of_its_own() {
    let key = TermsKey::new([1; 32]);
    let (one, two) = (key.sign(&signed()), key.sign(&SignedTerms { random: [8; 16], ..signed() }));
    assert_ne!(secret_sha256(&one), secret_sha256(&two));
    assert!(one.len() < 700, "{}", one.len());
    assert_eq!(format!("{key:?}"), "TermsKey");
}

proptest! {
    #[test]
    fn a_token_with_anything_changed_is_nothing(place in 0_usize..400, letter in "[A-Za-z0-9_.-]") {
        let key = TermsKey::new([1; 32]);
        let token = key.sign(&signed());
        let place = place % token.len();
        let mut other = token.clone();
        other.replace_range(place..=place, &letter);
        prop_assert_eq!(key.open(&other).is_some(), other == token);
    }

    #[test]
    fn no_text_panics_the_key(text in "(t1\\.)?\\PC{0,60}") {
        let _ = TermsKey::new([1; 32]).verify(&text, now());
    }
}
