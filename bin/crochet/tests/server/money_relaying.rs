//! What the seller is sent, how it knows that it came through the gateway, and its answer, byte for byte.

use std::time::Duration;

use bytes::Bytes;
use crochet::demo::agent::bytes;
use crochet::system::SystemClock;
use crochet_primitives::Clock;
use crochet_signing::{Received as Sealed, SigningSecret, VerifyError, verify};
use http::Method;
use serde_json::{Value, json};

use crate::support::{Behaviour, Market, Received, eventually, seller_bytes};

/// What a seller does with `X-Crochet-Signature`, or with another header that carries one.
fn verified(received: &Received, signature: &str, secret: &str) -> Result<(), VerifyError> {
    let header = |name| received.header(name).unwrap();
    let sealed = Sealed {
        timestamp: header("x-crochet-timestamp"),
        request_id: header("x-crochet-request-id"),
        listing_id: header("x-crochet-listing-id"),
        body_sha256: header("x-crochet-body-sha256"),
        signature: header(signature),
    };
    let secret = SigningSecret::parse(secret.to_owned()).unwrap();
    verify(&secret, &sealed, &received.body, SystemClock::default().now(), Duration::from_secs(300))
}

const SIGNATURE: &str = "x-crochet-signature";
const NEXT: &str = "x-crochet-signature-next";

async fn rotate(market: &Market, overlap_seconds: u32) -> String {
    let path = format!("/listings/{}/endpoint/rotate-secret", market.listing_id());
    let body = bytes(&json!({ "overlap_seconds": overlap_seconds }));
    let rotated = market.provider.send(Method::POST, &path, &[], Some(body)).await.unwrap().expect(200).unwrap();
    rotated.text("/data/signing_secret").unwrap().to_owned()
}

async fn free_call(market: &Market) -> Received {
    market.call(None, &b"{\"n\":1}"[..].into()).await.expect(200).unwrap();
    market.seller.received().pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sellers_json_is_relayed_and_replayed_byte_for_byte() {
    let market = Market::open().await;
    let odd: [&'static [u8]; 8] = [
        b" { \"b\" : 1 ,\n\t\"a\":[ ] } ",
        b"{\"z\":1,\"a\":2,\"a\":3}",
        b"123456789012345678901234567890.10",
        b"{\"price\":1.50,\"big\":18446744073709551616,\"small\":-0.0,\"exp\":1E+400}",
        b"\"\\u00e9\\ud83d\\ude00\\/\\u0000 \xc3\xa9\"",
        b"null",
        b"\n\"text\"\r\n",
        b"[[[[]]],{\"\":{}}]",
    ];
    for body in odd {
        market.seller.next(Behaviour::Raw(200, "application/json", body));
        let call = market.paid(&String::from_utf8_lossy(body)).await;
        let first = market.deliver(&call).await;
        assert_eq!(seller_bytes(&first), body);
        let replay = market.deliver(&call).await;
        assert_eq!(seller_bytes(&replay), body);
        let sha256 = crochet_signing::BodyHash::of(body).to_string();
        // Not every reader of JSON takes every number, so the text itself is looked at.
        for (answer, replayed) in [(&first, false), (&replay, true)] {
            let text = String::from_utf8_lossy(&answer.raw);
            assert!(text.contains(&format!("\"response_sha256\":\"{sha256}\"")), "{text}");
            assert!(text.contains(&format!("\"response_bytes\":{}", body.len())), "{text}");
            assert!(text.contains(&format!("\"replayed\":{replayed}")), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_type_that_a_seller_gives_its_json_does_not_matter() {
    let market = Market::open().await;
    for content_type in ["text/plain", "application/problem+json", "application/json; charset=utf-8"] {
        market.seller.next(Behaviour::Raw(201, content_type, b"{\"made\":true}"));
        let call = market.paid(content_type).await;
        let answer = market.deliver(&call).await;
        assert_eq!(
            (answer.at("/data/seller_status"), answer.headers["content-type"].as_bytes()),
            (&json!(201), &b"application/json"[..])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buyers_bytes_reach_the_seller_unchanged_and_sealed() {
    let market = Market::open().await;
    let body = Bytes::from_static(b" {\"b\":1.50 ,\"a\":\"\\u00e9 \xc3\xa9\", \"a\":12345678901234567890123e400}\n");
    let quoted = market.call(None, &body).await.expect(402).unwrap();
    assert_eq!(quoted.at("/data/body_sha256"), crochet_signing::BodyHash::of(&body).to_string().as_str());
    let call = crate::support::Paid {
        relay_id: quoted.text("/data/relay_request_id").unwrap().to_owned(),
        body: body.clone(),
    };
    market.pay(&call, json!({})).await;
    let headers = [
        ("x-crochet-relay-request-id", call.relay_id.as_str()),
        ("x-crochet-payment-scheme", "mock"),
        ("idempotency-key", "not for the seller"),
        ("cookie", "session=1"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-custom", "the buyer's own"),
    ];
    market.call_with(&headers, &body).await.expect(200).unwrap();
    let received = market.seller.received().pop().unwrap();
    assert_eq!(received.body, body);
    assert_eq!(received.header("content-type"), Some("application/json"));
    assert_eq!(received.header("x-crochet-request-id"), Some(call.request_id().as_str()));
    assert_eq!(received.header("x-crochet-listing-id"), Some(market.listing_id()));
    assert_eq!(received.header("x-crochet-buyer-id"), Some(market.buyer.profile_id.as_str()));
    assert_eq!(received.header("x-crochet-attempt"), Some("1"));
    assert_eq!(verified(&received, SIGNATURE, market.signing_secret()), Ok(()));
    assert_eq!(received.header(NEXT), None);
    for kept_back in [
        "authorization",
        "idempotency-key",
        "cookie",
        "x-forwarded-for",
        "x-custom",
        "x-crochet-relay-request-id",
        "x-crochet-payment-scheme",
    ] {
        assert_eq!(received.header(kept_back), None, "{kept_back}");
    }
    let changed = Received { body: Bytes::from_static(b"{}"), ..received };
    assert_eq!(verified(&changed, SIGNATURE, market.signing_secret()), Err(VerifyError::WrongBody));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sellers_own_credential_is_sent_instead_of_the_buyers() {
    let market = Market::open_free().await;
    market
        .set_endpoint(json!({ "upstream_auth_header": { "name": "Authorization", "value": "Bearer upstream" } }))
        .await;
    assert_eq!(free_call(&market).await.header("authorization"), Some("Bearer upstream"));
    market.set_endpoint(json!({ "upstream_auth_header": { "name": "X-Api-Key", "value": "k" } })).await;
    let received = free_call(&market).await;
    assert_eq!((received.header("authorization"), received.header("x-api-key")), (None, Some("k")));
    market.set_endpoint(json!({ "upstream_auth_header": Value::Null })).await;
    assert_eq!(free_call(&market).await.header("x-api-key"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_without_overlap_signs_with_the_new_secret_at_once() {
    let market = Market::open_free().await;
    let new = rotate(&market, 0).await;
    let received = free_call(&market).await;
    assert_eq!(verified(&received, SIGNATURE, &new), Ok(()));
    assert_eq!(verified(&received, SIGNATURE, market.signing_secret()), Err(VerifyError::WrongSignature));
    assert_eq!(received.header(NEXT), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn during_an_overlap_both_secrets_verify_and_afterwards_the_new_one_alone() {
    let market = Market::open_free().await;
    let new = rotate(&market, 3_600).await;
    let received = free_call(&market).await;
    assert_eq!(verified(&received, SIGNATURE, market.signing_secret()), Ok(()));
    assert_eq!(verified(&received, NEXT, &new), Ok(()));
    assert_eq!(verified(&received, NEXT, market.signing_secret()), Err(VerifyError::WrongSignature));

    let newer = rotate(&market, 1).await;
    eventually("the end of the overlap", || async { free_call(&market).await.header(NEXT).is_none() }).await;
    assert_eq!(verified(&free_call(&market).await, SIGNATURE, &newer), Ok(()));
}
