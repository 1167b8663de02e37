//! Bodies in JSON: the buyer's, which is relayed as it came; those of the API, which are read; and the seller's answer.

use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use crochet_http::testing::readers;
use crochet_market::catalogue::{EndpointBody, ListingBody};
use crochet_market::identity::{ChallengeRequest, RecoverBody, RegisterBody};
use crochet_relay::{Arrival, Ending, judge};
use crochet_signing::BodyHash;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// How deep a body may be nested.
const MAX_DEPTH: usize = 64;

/// A body: the status of a seller's answer is made of its length and first byte.
pub fn bodies(bytes: &[u8]) {
    let relayed = readers::raw_body(bytes);
    if let Err(error) = &relayed {
        is_told(error);
    } else {
        is_json(bytes);
        assert!(deepest(bytes) <= MAX_DEPTH);
    }
    let object = readers::body::<Map<String, Value>>(bytes);
    match &object {
        Err(error) => is_told(error),
        Ok(object) => {
            assert!(relayed.is_ok() && !has_duplicate(bytes));
            let printed = serde_json::to_vec(object).unwrap();
            assert!(!printed.windows(6).any(|part| part == br"\u0000") || object_has_backslash(object));
            assert_eq!(&readers::body::<Map<String, Value>>(&printed).unwrap(), object);
            assert_eq!(serde_json::to_vec(object).unwrap(), printed);
        }
    }
    // Half a surrogate is JSON to those who do not read it, and to others none.
    if relayed.is_ok() && serde_json::from_slice::<Keys>(bytes).is_ok() {
        assert_eq!(readers::has_duplicate_key(std::str::from_utf8(bytes).unwrap()), has_duplicate(bytes));
    }
    reads::<ListingBody>(bytes);
    reads::<EndpointBody>(bytes);
    reads::<RegisterBody>(bytes);
    reads::<RecoverBody>(bytes);
    reads::<ChallengeRequest>(bytes);
    is_bound(bytes);
    answer(bytes);
}

/// A backslash in the text itself is written as two, the second of which may stand before `u0000`.
fn object_has_backslash(object: &Map<String, Value>) -> bool {
    fn has(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains('\\'),
            Value::Array(items) => items.iter().any(has),
            Value::Object(object) => object.iter().any(|(key, value)| key.contains('\\') || has(value)),
            _ => false,
        }
    }
    object.iter().any(|(key, value)| key.contains('\\') || has(value))
}

fn reads<T: DeserializeOwned>(bytes: &[u8]) {
    match readers::body::<T>(bytes) {
        // What the type takes is an object, and all that is checked of one holds.
        Ok(_) => assert!(readers::body::<Map<String, Value>>(bytes).is_ok()),
        Err(error) => is_told(&error),
    }
}

/// What a client is told is short and of one line, whatever it sent.
fn is_told(error: &crochet_http::ApiError) {
    let told = error.to_string();
    assert!(told.chars().count() <= 600 && !told.contains(char::is_control), "{told:?}");
    assert_eq!(error.code(), crochet_http::Code::BadRequest);
}

fn is_json(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(serde_json::from_str::<IgnoredAny>(text).is_ok() && !text.starts_with('\u{feff}'));
}

/// Counted over the text, strings left out.
fn deepest(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut is_escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// A hash is of these bytes and of no others.
fn is_bound(bytes: &[u8]) {
    let hash = BodyHash::of(bytes);
    assert_eq!(BodyHash::parse(&hash.to_string()), Ok(hash));
    assert_ne!(BodyHash::of(&[bytes, b" "].concat()), hash);
    if let Some((first, rest)) = bytes.split_first() {
        assert_ne!(BodyHash::of(&[&[first ^ 1], rest].concat()), hash);
    }
}

/// A seller's answer is handled or not by its status and by whether it is one JSON value, and is never changed.
fn answer(bytes: &[u8]) {
    let status =
        u16::try_from(bytes.len() * 7 % 600).unwrap() + u16::from(bytes.first().copied().unwrap_or_default() % 2);
    for status in [200, status] {
        let arrival = Arrival::Answered { status, body: Bytes::copy_from_slice(bytes), latency_ms: 1 };
        let says_done = [2, 4].contains(&(status / 100)) && ![401, 407, 408, 425, 429].contains(&status);
        let is_json = std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        match judge(arrival) {
            Ending::Delivered(response) => {
                assert!(says_done && is_json);
                assert_eq!((response.seller_status, &*response.body), (status, bytes));
                assert_eq!(response.sha256, BodyHash::of(bytes));
            }
            Ending::Failed(failure, _) => {
                assert!(!(says_done && is_json));
                assert_eq!((failure.seller_status, failure.may_have_run), (Some(status), true));
            }
        }
    }
}

/// Whether a JSON text has a key twice in one object: the second opinion on that, by way of the parser.
pub(crate) fn has_duplicate(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Keys>(bytes).is_ok_and(|Keys(has_duplicate)| has_duplicate)
}

struct Keys(bool);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let mut has_duplicate = false;
        while let Some(Keys(found)) = items.next_element()? {
            has_duplicate |= found;
        }
        Ok(has_duplicate)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<bool, A::Error> {
        let (mut keys, mut has_duplicate) = (HashSet::new(), false);
        while let Some((key, Keys(found))) = entries.next_entry::<String, Keys>()? {
            has_duplicate |= found | !keys.insert(key);
        }
        Ok(has_duplicate)
    }
}
