//! Reading JSON of a stranger: every field may be missing, or of another type than it should be. Nothing here panics,
//! and nothing goes through a float.

use serde_json::Value;

/// The value at the end of a path of object keys. `null` is absence.
pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    let found = path.iter().try_fold(value, |value, key| value.get(key))?;
    (!found.is_null()).then_some(found)
}

/// A text that says something.
pub(super) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str().filter(|text| !text.is_empty())
}

/// A whole number of base units, written as a number or as a string of digits.
pub(super) fn units(value: &Value) -> Option<u128> {
    match value {
        // A number beyond u64 has become a float when it was parsed; its digits are lost, so it says nothing.
        Value::Number(number) => number.as_u64().map(u128::from),
        Value::String(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok()
        }
        _ => None,
    }
}

/// The same, at the end of a path.
pub(super) fn units_at(value: &Value, path: &[&str]) -> Option<u128> {
    at(value, path).and_then(units)
}

/// A number that is no amount: of a chain, of decimals, of seconds.
pub(super) fn whole(value: &Value, path: &[&str]) -> Option<u64> {
    units_at(value, path)?.try_into().ok()
}

/// The elements of a list; none where there is no list.
pub(super) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Relay's id of a request: `0x` and 64 hexadecimal digits.
pub(super) fn is_request_id(text: &str) -> bool {
    text.strip_prefix("0x")
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A reason in Relay's own code word, such as `DOUBLE_SPEND`; `N/A` is none, and prose is not repeated.
pub(super) fn reason(value: &Value, key: &str) -> Option<String> {
    let word = text(value, &[key]).filter(|word| *word != "N/A")?;
    let is_code =
        word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    Some(if is_code { word.to_owned() } else { "OTHER".to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_digits_or_whole_numbers_and_nothing_else() {
        for (value, expected) in [
            (json!("951000"), Some(951_000)),
            (json!(951_000), Some(951_000)),
            (json!("340282366920938463463374607431768211455"), Some(u128::MAX)),
            (json!("340282366920938463463374607431768211456"), None),
            (json!(1.0), None),
            (json!(-1), None),
            (json!("-1"), None),
            (json!("+1"), None),
            (json!("1e3"), None),
            (json!(""), None),
            (json!(null), None),
            (serde_json::from_str("100000000000000000000").unwrap(), None),
        ] {
            assert_eq!(units(&value), expected, "{value}");
        }
    }

    #[test]
    fn prose_of_the_provider_is_not_repeated() {
        assert_eq!(reason(&json!({"failReason": "DOUBLE_SPEND"}), "failReason").as_deref(), Some("DOUBLE_SPEND"));
        assert_eq!(reason(&json!({"failReason": "N/A"}), "failReason"), None);
        assert_eq!(reason(&json!({"failReason": "see http://10.0.0.1/"}), "failReason").as_deref(), Some("OTHER"));
    }
}
