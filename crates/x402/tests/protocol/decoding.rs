//! Payment headers, good and bad.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use crochet_primitives::timestamp_from_millis;
use crochet_x402::{DecodeError, MAX_HEADER_BYTES, Version, decode};
use serde_json::{Value, json};

use crate::{NONCE, PAYER, SELLER, assets, header, v1, v2};

fn refusal(value: &Value) -> DecodeError {
    decode(&header(value), &assets()).unwrap_err()
}

#[test]
fn a_payment_of_v2_is_read_into_the_one_spelling_of_everything() {
    let payment = decode(&header(&v2()), &assets()).unwrap();
    assert_eq!(payment.version, Version::V2);
    assert_eq!(payment.scheme, "exact");
    assert_eq!(payment.network.to_string(), "eip155:84532");
    assert_eq!(payment.asset, "eip155:84532/erc20:0x036cbd53842c5426634e7929541ec2318f3dcf7e");
    assert_eq!(payment.payer.canonical(), PAYER.to_lowercase());
    assert_eq!(payment.recipient, SELLER.to_lowercase());
    assert_eq!((payment.base_units, payment.nonce.as_str()), (10_000, NONCE));
    assert_eq!(payment.valid_after, timestamp_from_millis(0).unwrap());
    assert_eq!(payment.valid_before, timestamp_from_millis(1_777_809_660_000));
    assert_eq!((payment.terms, payment.payment_identifier), (None, None));
    assert_eq!(payment.payload, v2());
}

#[test]
fn a_payment_of_v1_is_in_the_asset_that_is_taken_on_its_network() {
    let (one, two) = (decode(&header(&v1()), &assets()).unwrap(), decode(&header(&v2()), &assets()).unwrap());
    assert_eq!(one.version, Version::V1);
    assert_eq!((one.network, one.asset, one.payer, one.nonce), (two.network, two.asset, two.payer, two.nonce));

    let mut elsewhere = v1();
    for network in ["solana", "avalanche", "eip155:84532", "Base"] {
        elsewhere["network"] = network.into();
        assert_eq!(refusal(&elsewhere), DecodeError::Network, "{network}");
    }
    assert_eq!(decode(&header(&v1()), &[]).unwrap_err(), DecodeError::Network);
}

#[test]
fn padding_may_be_missing_and_the_alphabet_may_not_be_that_of_urls() {
    // Three bytes of one bit pattern make both characters in which the alphabets differ.
    let mut value = v2();
    value["resource"]["description"] = "ÿ~ÿ~ÿ~ÿ?ÿ?ÿ?ÿ?".into();
    let text = value.to_string();
    let expected = decode(&STANDARD.encode(&text), &assets()).unwrap();
    assert_eq!(decode(&STANDARD_NO_PAD.encode(&text), &assets()).unwrap(), expected);
    assert_eq!(decode(&format!(" {}\t", STANDARD.encode(&text)), &assets()).unwrap(), expected);
    let other = URL_SAFE.encode(&text);
    assert!(other.contains(['-', '_']));
    assert_eq!(decode(&other, &assets()), Err(DecodeError::Base64Url));
    assert_eq!(decode("{\"x402Version\":2}", &assets()), Err(DecodeError::NotBase64));
}

#[test]
fn a_header_is_bounded() {
    assert_eq!(decode(&"A".repeat(MAX_HEADER_BYTES + 1), &assets()), Err(DecodeError::TooLong));
    assert!(matches!(decode(&"A".repeat(MAX_HEADER_BYTES), &assets()), Err(DecodeError::Json(_))));
}

#[test]
fn a_payment_that_says_something_twice_is_refused() {
    let twice = v2().to_string().replacen("\"value\":", "\"value\":\"1\",\"value\":", 1);
    let error = decode(&STANDARD.encode(twice), &assets()).unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
    for text in ["", "[]", "null", "\"text\"", "{", "{}{}"] {
        assert!(matches!(decode(&STANDARD.encode(text), &assets()), Err(DecodeError::Json(_))), "{text}");
    }
}

#[test]
fn whole_numbers_may_be_json_numbers_and_nothing_is_rounded() {
    let with = |field: &str, value: Value| {
        let mut payment = v2();
        payment["payload"]["authorization"][field] = value;
        payment
    };
    for value in [json!("10000"), json!(10_000), json!("00010000")] {
        assert_eq!(decode(&header(&with("value", value)), &assets()).unwrap().base_units, 10_000);
    }
    let largest = decode(&header(&with("value", json!("18446744073709551615"))), &assets()).unwrap();
    assert_eq!(largest.base_units, u64::MAX);
    let beyond: Value = serde_json::from_str("18446744073709551616").unwrap();
    for value in [json!("18446744073709551616"), json!("9".repeat(78)), beyond] {
        assert_eq!(refusal(&with("value", value)), DecodeError::OutOfRange("value"));
    }
    for value in [json!("1e4"), json!("0x2710"), json!("-1"), json!("+1"), json!(""), json!(-1), json!(1.5), json!([])]
    {
        assert_eq!(refusal(&with("value", value)), DecodeError::NotWhole("value"));
    }
    assert_eq!(refusal(&with("value", Value::Null)), DecodeError::Missing("value"));
    for seconds in ["253402300800", "18446744073709551615", "18446744073709551616"] {
        assert_eq!(refusal(&with("validBefore", seconds.into())), DecodeError::OutOfRange("validBefore"));
    }
    assert!(decode(&header(&with("validBefore", "253402300799".into())), &assets()).is_ok());
}

#[test]
fn what_is_wrong_with_a_payment_is_named() {
    let cases: [(&str, Value, DecodeError); 17] = [
        ("/x402Version", json!(3), DecodeError::Version),
        ("/x402Version", json!("2"), DecodeError::Version),
        ("/accepted", json!([]), DecodeError::Missing("accepted")),
        ("/accepted/scheme", json!("upto"), DecodeError::Scheme),
        ("/accepted/scheme", json!(1), DecodeError::Missing("scheme")),
        ("/accepted/network", json!("base"), DecodeError::Network),
        ("/accepted/network", json!("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"), DecodeError::Missing("transaction")),
        ("/accepted/network", json!("solana:x"), DecodeError::Network),
        ("/accepted/asset", json!("0x1"), DecodeError::Address("asset")),
        ("/payload", json!("text"), DecodeError::Missing("payload")),
        ("/payload", json!({ "transaction": "AAAA" }), DecodeError::NoAuthorization),
        (
            "/payload/authorization/from",
            json!("2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8"),
            DecodeError::Address("from"),
        ),
        ("/payload/authorization/to", json!(null), DecodeError::Missing("to")),
        ("/payload/authorization/nonce", json!(&NONCE[..64]), DecodeError::Nonce),
        ("/payload/authorization/nonce", json!(&NONCE[2..]), DecodeError::Nonce),
        ("/payload/signature", json!("0x1"), DecodeError::Signature),
        ("/payload/signature", json!("0x"), DecodeError::Signature),
    ];
    for (pointer, value, expected) in cases {
        let mut payment = v2();
        *payment.pointer_mut(pointer).unwrap() = value;
        assert_eq!(refusal(&payment), expected, "{pointer}");
    }
}

#[test]
fn a_mixed_case_address_needs_no_checksum() {
    let mut payment = v2();
    payment["payload"]["authorization"]["from"] = PAYER.to_uppercase().into();
    payment["accepted"]["asset"] = "0x036cBD53842c5426634e7929541eC2318f3dcF7E".into();
    let read = decode(&header(&payment), &assets()).unwrap();
    assert_eq!(read.payer.canonical(), PAYER.to_lowercase());
    assert_eq!(read.asset, assets()[1].caip19());
}

#[test]
fn a_payment_may_have_a_name_of_its_own() {
    let named = |id: Value| {
        let mut payment = v2();
        payment["extensions"] = json!({ "payment-identifier": { "info": { "required": false, "id": id } } });
        decode(&header(&payment), &assets()).map(|payment| payment.payment_identifier)
    };
    assert_eq!(named(json!("pay_7d5d747be160e280")), Ok(Some("pay_7d5d747be160e280".to_owned())));
    assert_eq!(named(json!("a".repeat(128))), Ok(Some("a".repeat(128))));
    assert_eq!(named(Value::Null), Ok(None));
    for id in [json!("a".repeat(15)), json!("a".repeat(129)), json!("pay 7d5d747be160e280"), json!(1)] {
        assert_eq!(named(id), Err(DecodeError::PaymentIdentifier));
    }
}

#[test]
fn errors_are_sentences() {
    for error in [DecodeError::TooLong, DecodeError::Missing("nonce"), DecodeError::Json("at line 1".to_owned())] {
        let text = error.to_string();
        assert!(text.starts_with("The ") && text.ends_with('.'), "{text}");
    }
}
