//! What tests about money ask of a market, and what they change in it.

use std::time::Duration;

use bytes::Bytes;
use crochet::demo::agent::bytes;
use crochet::demo::client::{Answer, ApiClient};
use http::Method;
use serde_json::{Value, json};

use super::{Market, Paid, pay};

/// Fails unless this is the error.
#[track_caller]
pub(crate) fn assert_error(answer: &Answer, status: u16, expected: &str) {
    let code = answer.at("/error/code").as_str().unwrap_or_default();
    assert_eq!((answer.status.as_u16(), code), (status, expected), "{}", answer.json);
}

/// The seconds of `Retry-After`, which an error repeats in its recovery and a 202 in its data.
#[track_caller]
pub(crate) fn retry_after(answer: &Answer) -> u64 {
    let header = answer.headers.get("retry-after").expect("a Retry-After").to_str().unwrap();
    let place = if answer.status == 202 { "/data" } else { "/error/recovery" };
    let seconds = header.parse().unwrap();
    assert_eq!(answer.at(&format!("{place}/retry_after_seconds")), &json!(seconds), "{}", answer.json);
    seconds
}

/// The seller's JSON as it stands in the answer, byte for byte.
#[track_caller]
pub(crate) fn seller_bytes(answer: &Answer) -> Bytes {
    const FIELD: &[u8] = b",\"seller_response\":";
    let at = answer.raw.windows(FIELD.len()).position(|window| window == FIELD).expect("a seller_response");
    assert!(answer.raw.ends_with(b"}}"));
    answer.raw.slice(at + FIELD.len()..answer.raw.len() - 2)
}

/// Returns once `holds` is true, and fails when that takes too long.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    for _ in 0..1_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} did not come true")
}

impl Paid {
    /// The id under which seller and history know the call.
    pub(crate) fn request_id(&self) -> String {
        self.relay_id.replace("relay_", "gw_req_")
    }
}

impl Market {
    /// Changes the private endpoint.
    pub(crate) async fn set_endpoint(&self, body: Value) {
        let path = format!("/listings/{}/endpoint", self.listing_id());
        self.provider.send(Method::PUT, &path, &[], Some(bytes(&body))).await.unwrap().expect(200).unwrap();
    }

    /// Changes the listing.
    pub(crate) async fn set_listing(&self, body: Value) {
        let path = format!("/listings/{}", self.listing_id());
        self.provider.send(Method::PATCH, &path, &[], Some(bytes(&body))).await.unwrap().expect(200).unwrap();
    }

    /// Suspends the listing.
    pub(crate) async fn suspend(&self) {
        let path = format!("/listings/{}", self.listing_id());
        let answer = self.provider.send(Method::DELETE, &path, &[], None).await.unwrap().expect(200).unwrap();
        assert_eq!(answer.at("/data/status"), "suspended");
    }

    /// Pays a call in a way that the body describes.
    pub(crate) async fn pay(&self, call: &Paid, body: Value) -> Answer {
        pay(&self.gateway.api, &call.relay_id, body).await.expect(200).unwrap()
    }

    /// Sends a call once more.
    pub(crate) async fn retry(&self, call: &Paid) -> Answer {
        self.call(Some(&call.relay_id), &call.body).await
    }

    /// Sends a call once more to another gateway.
    pub(crate) async fn retry_at(&self, api: &ApiClient, call: &Paid) -> anyhow::Result<Answer> {
        let url = format!("{}/api/v1/gateway/{}", api.base(), self.listing_id());
        let headers = [("x-crochet-relay-request-id", call.relay_id.as_str())];
        self.buyer.send(Method::POST, &url, &headers, Some(call.body.clone())).await
    }

    /// Retries at another gateway until the call is delivered.
    pub(crate) async fn deliver_at(&self, api: &ApiClient, call: &Paid) -> Answer {
        for _ in 0..100 {
            let answer = self.retry_at(api, call).await.unwrap();
            if answer.status != 202 {
                return answer.expect(200).unwrap();
            }
        }
        panic!("{} is still answered with 202", call.relay_id)
    }

    /// Retries until the call is delivered.
    pub(crate) async fn deliver(&self, call: &Paid) -> Answer {
        self.settle(call).await.expect(200).unwrap()
    }

    /// The buyer's history of one call.
    pub(crate) async fn history(&self, call: &Paid) -> Value {
        let path = format!("/gateway-requests/{}", call.relay_id);
        self.buyer.send(Method::GET, &path, &[], None).await.unwrap().expect(200).unwrap().at("/data").clone()
    }

    /// The ledger rows of one call, as (type, direction, micro-dollars), sorted.
    pub(crate) async fn ledger_of(&self, call: &Paid) -> Vec<(String, String, u64)> {
        let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
        let mut rows: Vec<_> = self
            .ledger()
            .await
            .iter()
            .filter(|row| row["relay_request_id"] == call.relay_id.as_str())
            .map(|row| (text(row, "type"), text(row, "direction"), row["amount_micros"].as_u64().unwrap()))
            .collect();
        rows.sort();
        rows
    }

    /// A further key of the buyer, with all scopes.
    pub(crate) async fn further_key(&self, name: &str) -> String {
        let body = json!({ "name": name, "scopes": ["read", "write", "gateway"] });
        let answer = self.buyer.send(Method::POST, "/api-keys", &[], Some(bytes(&body))).await.unwrap();
        answer.expect(201).unwrap().text("/data/api_key").unwrap().to_owned()
    }

    /// Calls the listing with this key of the buyer's.
    pub(crate) async fn call_as(&self, key: &str, relay_id: Option<&str>, body: &Bytes) -> Answer {
        let authorization = format!("Bearer {key}");
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(relay_id.map(|id| ("x-crochet-relay-request-id", id)));
        let path = format!("/gateway/{}", self.listing_id());
        self.gateway.api.send(Method::POST, &path, &headers, Some(body.clone())).await.unwrap()
    }

    /// Everything adds up.
    pub(crate) async fn assert_balanced(&self) {
        let report = self.gateway.audit().await;
        assert!(report.balances(), "{report:?}");
    }
}
