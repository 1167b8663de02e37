//! Amounts of money: a text is an amount, and that one, or none.

use crochet_pricing::{AmountError, BasisPoints, MARKETPLACE_FEE, MicroUsd, Price, split};
use crochet_x402::{Asset, Network};
use serde_json::value::RawValue;

use crate::input::text;

/// Decimal amounts, their fees, and their base units in assets of any number of decimals.
pub fn amounts(bytes: &[u8]) {
    let text = text(bytes);
    let read = MicroUsd::parse_decimal(&text);
    assert_eq!(read.ok().map(MicroUsd::micros), second_opinion(&text), "{text:?}");
    match read {
        Err(AmountError::NotANumber) => assert!(!is_json_number(&text), "{text:?}"),
        Ok(_) | Err(_) => assert!(is_json_number(&text), "{text:?}"),
    }
    let Ok(amount) = read else { return };
    let sent = amount.to_json_number();
    assert_eq!(MicroUsd::parse_decimal(&amount.to_string()), Ok(amount));
    assert_eq!(MicroUsd::parse_decimal(sent.get()), Ok(amount));
    let no_longer = text.trim_start_matches('0').len() + 1;
    assert!(sent.get().len() <= no_longer, "{text:?} became {sent}");
    assert_eq!(amount.to_i64().ok(), i64::try_from(amount.micros()).ok());
    if let Ok(column) = amount.to_i64() {
        assert_eq!(MicroUsd::from_i64(column), Ok(amount));
    }
    is_split_without_a_rest(amount);
    is_exact_in_base_units(amount);
    if let Ok(price) = Price::per_call(amount) {
        assert!(!amount.is_zero() && amount <= Price::MAX_PER_CALL && price.amount() == amount);
    }
}

/// Whether serde_json takes it for a number, and for nothing more.
fn is_json_number(text: &str) -> bool {
    let is_value = serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| raw.get().len() == text.len());
    is_value && text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// The same number by way of one integer: the point moves to the end.
fn second_opinion(text: &str) -> Option<u64> {
    if !is_json_number(text) || text.contains(['-', 'e', 'E']) {
        return None;
    }
    let decimals = text.find('.').map_or(0, |point| text.len() - point - 1);
    let zeros = 6_usize.checked_sub(decimals)?;
    let digits: String = text.chars().filter(char::is_ascii_digit).chain("0".repeat(zeros).chars()).collect();
    let digits = digits.trim_start_matches('0');
    match digits.len() {
        0 => Some(0),
        1..=20 => digits.parse::<u128>().ok()?.try_into().ok(),
        _ => None,
    }
}

fn is_split_without_a_rest(gross: MicroUsd) {
    for rate in [MARKETPLACE_FEE, BasisPoints::new(0).unwrap(), BasisPoints::new(10_000).unwrap()] {
        let parts = split(gross, rate);
        assert_eq!(parts.fee.checked_add(parts.seller_share), Some(gross));
        let exact = u128::from(gross.micros()) * u128::from(rate.get());
        assert_eq!(u128::from(parts.fee.micros()), exact / 10_000);
    }
}

fn is_exact_in_base_units(amount: MicroUsd) {
    for decimals in [0, 2, 5, 6, 7, 18, 36] {
        let asset =
            Asset::new(Network::BASE, "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913", "T", decimals, "T", "1").unwrap();
        let Some(units) = asset.base_units(amount) else { continue };
        // units / 10^decimals = micros / 10^6, multiplied out; above 19 decimals only zero fits.
        if decimals < 20 {
            let (left, right) = (u128::from(units) * 10_u128.pow(6), u128::from(amount.micros()));
            assert_eq!(left, right * 10_u128.pow(decimals.into()));
        } else {
            assert_eq!(units == 0, amount.is_zero());
        }
    }
}
