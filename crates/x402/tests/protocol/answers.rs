//! What facilitators are asked, and what they answer.

use crochet_x402::facilitator::{SettleAnswer, Supported, VerifyAnswer, request};
use crochet_x402::{Authorization, Network, Version};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{assets, exact, offer, required, resource, v1, v2};

fn asked(version: Version, payment: &Value) -> Value {
    let authorization = Authorization::read(&payment["payload"]).unwrap();
    request(version, &authorization.to_json(), &offer(assets().remove(1)), &resource(), payment).unwrap()
}

#[test]
fn a_facilitator_of_v2_is_asked_for_exactly_what_was_offered() {
    let body = asked(Version::V2, &v2());
    assert_eq!(body["x402Version"], 2);
    assert_eq!(body["paymentRequirements"], required().v2()["accepts"][1]);
    assert_eq!(body["paymentPayload"], v2());
}

#[test]
fn a_facilitator_of_v1_is_asked_by_name() {
    let body = asked(Version::V1, &v1());
    assert_eq!(body["x402Version"], 1);
    assert_eq!(body["paymentRequirements"], required().v1().unwrap()["accepts"][1]);
    assert_eq!(body["paymentPayload"], v1());
    // The payer signs the same in both.
    assert_eq!(asked(Version::V1, &v2())["paymentPayload"], v1());
}

#[test]
fn what_a_client_says_that_it_accepted_is_not_believed() {
    let mut payment = v2();
    payment["accepted"]["amount"] = "1".into();
    payment["accepted"]["extra"] = json!({ "name": "Another", "version": "9" });
    payment["payload"]["authorization"]["value"] = json!(10_000);
    let body = asked(Version::V2, &payment);
    assert_eq!(body["paymentPayload"]["accepted"], body["paymentRequirements"]);
    assert_eq!(body["paymentPayload"]["payload"], exact());
}

#[test]
fn a_facilitator_does_not_see_what_is_secret_between_payer_and_gateway() {
    let mut payment = v2();
    payment["extensions"] = json!({ "crochet": { "info": { "terms": "t1.secret" } }, "bazaar": { "info": {} } });
    let body = asked(Version::V2, &payment);
    assert_eq!(body["paymentPayload"]["extensions"], json!({ "bazaar": { "info": {} } }));
    assert!(!body.to_string().contains("secret"));
    payment["extensions"] = json!({ "crochet": {} });
    assert_eq!(asked(Version::V2, &payment)["paymentPayload"].get("extensions"), None);
}

#[test]
fn a_verdict_is_read_in_either_spelling() {
    let read = |value: Value| VerifyAnswer::read(&value).map(|answer| (answer.is_valid, answer.reason));
    assert_eq!(read(json!({ "isValid": true, "invalidReason": null, "payer": null })), Some((true, None)));
    let funds = Some((false, Some("insufficient_funds".to_owned())));
    assert_eq!(read(json!({ "isValid": false, "invalidReason": "insufficient_funds" })), funds);
    assert_eq!(read(json!({ "is_valid": false, "invalid_reason": "insufficient_funds" })), funds);
    let prose = json!({ "isValid": false, "invalidReason": "see http://10.0.0.1/ for more" });
    assert_eq!(read(prose), Some((false, Some("other".to_owned()))));
    for nothing in [json!({}), json!({ "isValid": "true" }), json!([]), json!(null)] {
        assert_eq!(read(nothing), None);
    }
}

#[test]
fn a_settlement_is_read_whatever_is_null_and_pending_is_no_failure() {
    let hash = format!("0x{}", "AB".repeat(32));
    let read = |value: Value| SettleAnswer::read(&value).unwrap();
    let yes = read(json!({ "success": true, "errorReason": null, "transaction": hash, "network": "base" }));
    assert_eq!(yes.transaction, Some(hash.to_lowercase()));
    assert!(yes.success && !yes.is_pending());
    for transaction in [json!(""), json!(null), json!("0x1234"), json!(7)] {
        assert_eq!(read(json!({ "success": true, "transaction": transaction })).transaction, None);
    }
    for key in ["errorReason", "error_reason"] {
        let pending = read(json!({ "success": false, key: "settlement_pending", "transaction": "" }));
        assert!(pending.is_pending());
    }
    assert!(!read(json!({ "success": false, "errorReason": "insufficient_funds" })).is_pending());
    assert_eq!(SettleAnswer::read(&json!({ "error": "Bad Gateway" })), None);
}

#[test]
fn what_is_supported_may_be_a_whole_namespace() {
    let kinds = |kinds: Value| Supported::read(&json!({ "kinds": kinds })).unwrap();
    let all = kinds(json!([{ "x402Version": 2, "scheme": "exact", "network": "eip155:*" }, "nonsense", {}]));
    assert!(all.takes(Version::V2, Network::BASE) && !all.takes(Version::V2, Network::SOLANA));
    assert!(!all.takes(Version::V1, Network::BASE));
    let one = kinds(json!([
        { "x402Version": 1, "scheme": "exact", "network": "base" },
        { "x402Version": 2, "scheme": "upto", "network": "eip155:8453" },
    ]));
    assert!(one.takes(Version::V1, Network::BASE) && !one.takes(Version::V1, Network::BASE_SEPOLIA));
    assert!(!one.takes(Version::V2, Network::BASE));
    assert_eq!(Supported::read(&json!({ "kinds": null })), None);
}

proptest! {
    #[test]
    fn no_answer_panics_a_reader(
        key in "success|isValid|kinds|transaction|errorReason", text in "\\PC{0,90}", number: u64, flag: bool,
    ) {
        for value in [json!(text), json!(number), json!(flag), json!([text, { "network": number }]), json!({ "a": text })] {
            let answer = json!({ key.as_str(): value, "success": flag });
            let _ = (VerifyAnswer::read(&answer), SettleAnswer::read(&answer), Supported::read(&answer));
        }
    }
}
