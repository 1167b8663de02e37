//! What holds of every header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crochet_x402::decode;
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::{assets, exact, header, v1, v2};

/// The same value, with the keys of its objects turned round and round, and space between everything.
fn rewritten(value: &Value, turn: usize, space: &str) -> String {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<String> = object
                .iter()
                .map(|(key, value)| {
                    format!("{space}{}{space}:{}", Value::from(key.as_str()), rewritten(value, turn, space))
                })
                .collect();
            if !entries.is_empty() {
                let turn = turn % entries.len();
                entries.rotate_left(turn);
            }
            format!("{space}{{{}}}{space}", entries.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| rewritten(item, turn, space)).collect();
            format!("[{}]{space}", items.join(","))
        }
        other => format!("{space}{other}"),
    }
}

/// Every letter of hexadecimal is in the case that the next of `cases` says.
fn recased(text: &str, cases: &[bool]) -> String {
    let (prefix, digits) = text.split_at(2);
    let turned = digits.chars().zip(cases.iter().cycle());
    let turned = turned.map(|(digit, up)| if *up { digit.to_ascii_uppercase() } else { digit.to_ascii_lowercase() });
    prefix.chars().chain(turned).collect()
}

fn scrambled(value: &Value) -> impl Strategy<Value = Value> + use<> {
    let paths: Vec<String> = pointers(value, "");
    let value = value.clone();
    (proptest::sample::select(paths), proptest::collection::vec(any::<u8>(), 0..80), 0..6_u8).prop_map(
        move |(path, bytes, kind)| {
            let mut value = value.clone();
            let other = match kind {
                0 => Value::Null,
                1 => Value::from(bytes.len()),
                2 => Value::from(String::from_utf8_lossy(&bytes).into_owned()),
                3 => Value::from(format!("0x{}", bytes.iter().map(|byte| format!("{byte:x}")).collect::<String>())),
                4 => Value::Object(Map::new()),
                _ => Value::from(bytes),
            };
            if let Some(place) = value.pointer_mut(&path) {
                *place = other;
            }
            value
        },
    )
}

fn pointers(value: &Value, path: &str) -> Vec<String> {
    let mut all = vec![path.to_owned()];
    for (key, value) in value.as_object().into_iter().flatten() {
        all.extend(pointers(value, &format!("{path}/{key}")));
    }
    all
}

proptest! {
    #[test]
    fn no_header_panics_the_decoder(text in "\\PC{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&text, &assets());
        let _ = decode(&STANDARD.encode(bytes), &assets());
    }

    #[test]
    fn no_field_of_whatever_kind_panics_it(two in scrambled(&v2()), one in scrambled(&v1())) {
        let _ = decode(&header(&two), &assets());
        let _ = decode(&header(&one), &assets());
    }

    #[test]
    fn letter_case_key_order_and_space_do_not_make_another_payment(
        turn in 0_usize..7, space in "[ \t\r\n]{0,3}", cases in proptest::collection::vec(any::<bool>(), 1..90),
    ) {
        let expected = decode(&header(&v2()), &assets()).unwrap();
        let mut other = v2();
        for pointer in ["/accepted/asset", "/payload/authorization/from", "/payload/authorization/nonce", "/payload/signature"] {
            let text = recased(other.pointer(pointer).unwrap().as_str().unwrap(), &cases);
            *other.pointer_mut(pointer).unwrap() = text.into();
        }
        let read = decode(&STANDARD.encode(rewritten(&other, turn, &space)), &assets()).unwrap();
        prop_assert_eq!((read.asset, read.payer, read.nonce), (expected.asset, expected.payer, expected.nonce));
        prop_assert_eq!((read.recipient, read.base_units), (expected.recipient, expected.base_units));
    }

    #[test]
    fn another_nonce_payer_or_asset_is_another_payment(place in 2_usize..42, digit in "[0-9a-f]") {
        let claim = |value: &Value| {
            let read = decode(&header(value), &assets()).unwrap();
            (read.asset, read.payer.canonical(), read.nonce)
        };
        for pointer in ["/accepted/asset", "/payload/authorization/from", "/payload/authorization/nonce"] {
            let mut other = v2();
            let mut text = other.pointer(pointer).unwrap().as_str().unwrap().to_lowercase();
            let is_same = text[place..=place] == digit;
            text.replace_range(place..=place, &digit);
            *other.pointer_mut(pointer).unwrap() = text.into();
            prop_assert_eq!(claim(&other) == claim(&v2()), is_same);
        }
    }

    #[test]
    fn what_is_read_of_the_schemes_payload_is_written_back(value: u64, before in 0_u64..253_402_300_800) {
        let mut payload = exact();
        payload["authorization"]["value"] = value.to_string().into();
        payload["authorization"]["validBefore"] = before.to_string().into();
        let read = crochet_x402::Authorization::read(&payload).unwrap();
        prop_assert_eq!(read.to_json(), payload);
    }
}
