//! Values at the edges of what is taken, good and bad.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Objects whose fields are each absent or one of these values.
pub(crate) fn objects(fields: Vec<(&'static str, Vec<Value>)>) -> impl Strategy<Value = Value> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, values)| {
            prop::option::weighted(0.6, prop::sample::select(values)).prop_map(move |value| (name, value))
        })
        .collect();
    fields.prop_map(|fields| {
        let said = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(said.collect::<Map<_, _>>())
    })
}

/// Texts at the edges of `min` and `max`, good and bad.
pub(crate) fn texts(min: usize, max: usize) -> Vec<Value> {
    let mut texts = vec![json!(null), json!(7), json!([]), json!({}), json!(""), json!(" "), json!("\u{a0}\u{3000}")];
    for length in [min.saturating_sub(1), min, min + 1, max, max + 1] {
        texts.push(json!("ä".repeat(length)));
        texts.push(json!("😀".repeat(length)));
        texts.push(json!(format!(" {}", "a".repeat(length.saturating_sub(1)))));
        texts.push(json!(format!("{}\t", "a".repeat(length.saturating_sub(1)))));
        texts.push(json!(format!("{}\u{2003}", "a".repeat(length.saturating_sub(1)))));
    }
    for odd in ["\n", "\r", "\0", "\u{7f}", "\u{85}", "\u{2028}", "\u{202e}", "\u{2067}", "\u{feff}", "\u{200b}"] {
        texts.push(json!(format!("{}{odd}b", "a".repeat(min))));
        texts.push(json!(format!("{odd}{}", "a".repeat(min))));
        texts.push(json!(format!("{}{odd}", "a".repeat(min))));
    }
    texts
}

pub(crate) fn urls() -> Vec<Value> {
    let long = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18));
    [
        "https://a.example",
        "http://localhost:3000/x?y=%20&z#top",
        "https://A-b_c.Example/",
        "https://192.0.2.7:65535/x",
        "https://192.0.2.256",
        "https://1.2.3",
        "https://a.1",
        "https://a..b",
        "https://[2001:db8::1]/x",
        "https://a.example:65536",
        "https://a.example:0",
        "https://a.example:",
        "https://u:p@a.example",
        "https://a.example/ä",
        "https://ä.example",
        "https://a.example/%2",
        "https://a.example/{x}",
        "https://a.example/a b",
        " https://a.example",
        "https://a.example\n",
        "https://",
        "HTTPS://a.example",
        "ftp://a.example",
        "//a.example",
        "a.example",
        "",
        " ",
    ]
    .into_iter()
    .map(Value::from)
    .chain([json!(null), json!(1), json!(long(2_048)), json!(long(2_049))])
    .collect()
}

pub(crate) fn words(good: &[&str]) -> Vec<Value> {
    let mut words: Vec<Value> = good.iter().map(|word| json!(word)).collect();
    words.extend([
        json!(null),
        json!("other"),
        json!(good[0].to_uppercase() + "x"),
        json!(1),
        json!({ good[0]: null }),
    ]);
    words
}

pub(crate) fn whole(min: u32, max: u32) -> Vec<Value> {
    let max = u64::from(max);
    vec![
        json!(null),
        json!(min),
        json!(f64::from(min)),
        json!(f64::from(min) + 0.5),
        json!(i64::from(min) - 1),
        json!(max),
        json!(max + 1),
        json!(-1),
        json!(1e30),
        json!("1"),
        json!(true),
    ]
}

pub(crate) fn lists(item: &str) -> Vec<Value> {
    [0, 1, 20, 21]
        .map(|length| json!((0..length).map(|n| format!("{item}{n}")).collect::<Vec<_>>()))
        .into_iter()
        .chain([json!(null), json!("a"), json!([1]), json!([""]), json!([null]), json!(["a", "a", " a "])])
        .chain([json!(["x".repeat(50)]), json!(["x".repeat(51)]), json!(["a\nb"])])
        .collect()
}

pub(crate) fn examples() -> Vec<Value> {
    let one = json!({ "label": "l", "content": "c\n" });
    vec![
        json!(null),
        json!([]),
        json!(vec![one.clone(); 20]),
        json!(vec![one; 21]),
        json!([{ "label": "l" }]),
        json!([{ "label": "l", "content": "c", "more": 1 }]),
        json!([{ "label": "", "content": "c" }]),
        json!([{ "label": "l".repeat(101), "content": "c" }]),
        json!([{ "label": "l", "content": "c".repeat(10_001) }]),
        json!([{ "label": "l\n", "content": "c" }]),
        json!([{ "label": null, "content": "c" }]),
    ]
}

fn input_schemas() -> Vec<Value> {
    vec![
        json!(null),
        json!({}),
        json!([]),
        json!("object"),
        json!(true),
        json!({ "type": 5 }),
        json!({ "properties": ["a"] }),
        json!({ "required": "a" }),
        json!({ "required": [1] }),
        json!({ "description": 1 }),
        json!({ "$ref": "https://schemas.example/a.json" }),
        json!({ "properties": { "id": true }, "x-more": 1 }),
    ]
}

/// What a listing may have beside what it must have. Mostly good, so that what is wrong is looked at by itself.
pub(crate) fn listing_fields() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("category_id", mostly(&json!(null), &[json!("defi"), json!(1), json!("0190a0b0000070008000000000000000")])),
        ("pricing_currency", mostly(&json!("USD"), &words(&["USD"]))),
        ("preferred_currency", mostly(&json!("SOL"), &words(&["USDC", "ETH", "SOL"]))),
        ("delivery_type", mostly(&json!("api"), &words(&["api", "file"]))),
        ("auth_method", mostly(&json!("none"), &words(&["api_key", "none"]))),
        ("formats", mostly(&json!(["json"]), &lists("f"))),
        ("docs", mostly(&json!("Docs."), &texts(0, 50_000))),
        ("connection_instructions", mostly(&json!("Call."), &texts(0, 10_000))),
        ("example_outputs", mostly(&json!([]), &examples())),
        ("input_schema", mostly(&json!({ "type": "object", "$ref": "#/$defs/a" }), &input_schemas())),
        (
            "example_input",
            mostly(&json!({ "pair": "ETH/USDC" }), &[json!(null), json!(1.5), json!(""), json!([]), json!(false)]),
        ),
        ("demo_endpoint", mostly(&json!("https://a.example"), &urls())),
        ("github_url", mostly(&json!("https://a.example"), &urls())),
        ("logo_url", mostly(&json!(null), &urls())),
        ("expected_delivery", mostly(&json!("soon"), &texts(0, 100))),
        ("risk_disclaimers", mostly(&json!("None."), &texts(0, 5_000))),
        ("sla", mostly(&json!("None."), &texts(0, 5_000))),
        ("tags", mostly(&json!(["defi"]), &lists("t"))),
        ("status", mostly(&json!("draft"), &words(&["draft", "active", "suspended"]))),
    ]
}

/// Twelve times out of thirteen the good one.
pub(crate) fn mostly(good: &Value, others: &[Value]) -> Vec<Value> {
    let mut values = others.to_vec();
    values.extend(std::iter::repeat_n(good.clone(), others.len() * 12));
    values
}

pub(crate) const EVM: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
pub(crate) const SOLANA: &str = "2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8";

pub(crate) fn wallets() -> Vec<Value> {
    let good = [json!(EVM), json!(EVM.to_lowercase()), json!(SOLANA)];
    let bad = [json!(null), json!(""), json!("0x12"), json!(format!(" {EVM}")), json!(format!("{EVM}0")), json!(1)];
    [good.as_slice(), &good, &good, &good, &bad].concat()
}

pub(crate) fn nonces() -> Vec<Value> {
    vec![json!("5a".repeat(45))]
}

pub(crate) fn signatures() -> Vec<Value> {
    vec![json!("0x12"), json!("AAAA"), json!("1/+=")]
}

pub(crate) fn proofs() -> Vec<Value> {
    let proof = |address: &str| json!({ "address": address, "nonce": nonces()[0], "signature": "0x12" });
    vec![
        proof(EVM),
        proof(SOLANA),
        proof("x"),
        json!(null),
        json!({}),
        json!({ "address": EVM, "nonce": nonces()[0], "signature": "0x12", "more": 1 }),
    ]
}

/// An object with the fields of both.
pub(crate) fn merged(first: Value, second: Value) -> Value {
    let mut first = first;
    first.as_object_mut().unwrap().extend(second.as_object().unwrap().clone());
    first
}
