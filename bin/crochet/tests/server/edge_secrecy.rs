//! What is at rest: nothing that anybody could use or read, in any table, after a whole story.

use serde_json::json;

use crate::spellings::Written;
use crate::support::{Account, Behaviour, Market, TestGateway};

const REQUEST: &str = "request-body-canary-4711";
const RESPONSE: &str = "response-body-canary-0815";
const FAILURE: &str = "failed-response-canary-2342";
const HEADER: &str = "upstream-header-canary-1337";
/// Part of the test seller's path.
const PRIVATE_PATH: &str = "private-canary-endpoint";

/// Every row of every table, as text.
fn dump(gateway: &TestGateway) -> Written {
    let tables = gateway.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1");
    assert!(tables.lines().count() > 15, "{tables}");
    let rows = |table: &str| gateway.sql(&format!("SELECT '{table}', t::text FROM {table} t"));
    Written::new(&tables.lines().map(rows).collect::<Vec<_>>().join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_table_holds_a_key_a_secret_a_private_url_or_a_body() {
    let market = Market::open().await;
    let endpoint = format!("/listings/{}/endpoint", market.listing_id());
    let header = json!({ "upstream_auth_header": { "name": "X-Token", "value": HEADER } });
    let put = bytes::Bytes::from(header.to_string());
    market.provider.send(http::Method::PUT, &endpoint, &[], Some(put)).await.unwrap().expect(200).unwrap();
    let rotate = format!("{endpoint}/rotate-secret");
    let body = bytes::Bytes::from_static(b"{\"overlap_seconds\":600}");
    let rotated =
        market.provider.send(http::Method::POST, &rotate, &[], Some(body)).await.unwrap().expect(200).unwrap();
    let rotated = rotated.text("/data/signing_secret").unwrap().to_owned();

    // An agent whose keys are known here plays the buyer.
    let agent = Account::register(&market.gateway.api, "agent").await;
    let second = agent.with_scopes(&["read"]).await;
    let path = format!("/gateway/{}", market.listing_id());
    let task = json!({ "task": REQUEST });
    for (behaviour, status) in [
        (Behaviour::Json(200, "{\"answer\":\"response-body-canary-0815\"}"), 200),
        (Behaviour::Json(500, "{\"answer\":\"failed-response-canary-2342\"}"), 502),
        (Behaviour::Raw(200, "text/html", b"<p>failed-response-canary-2342"), 502),
    ] {
        let required = agent.post(&path, &task).await;
        let relay_id = required.json()["data"]["relay_request_id"].as_str().unwrap().to_owned();
        crate::support::pay(&market.gateway.api, &relay_id, json!({})).await.expect(200).unwrap();
        market.seller.next(behaviour);
        loop {
            let request = agent.request("POST", &path).json(task.to_string());
            let answer = request.header("X-Crochet-Relay-Request-Id", &relay_id).send().await;
            if answer.status != 202 {
                assert_eq!(answer.status, status, "{}", answer.text());
                break;
            }
        }
    }
    let keyed = agent.request("POST", &path).json(json!({ "task": REQUEST, "n": 2 }).to_string());
    assert_eq!(keyed.header("Idempotency-Key", "k-1").send().await.status, 402);

    let dump = dump(&market.gateway);
    for shown in ["gateway_requests|", "ledger_entries|", "response_vault|", "api_keys|", "listing_gateway_endpoints|"]
    {
        assert!(dump.find(shown).is_some(), "nothing was written to {shown}: this test looks at nothing");
    }
    for secret in [
        REQUEST,
        RESPONSE,
        FAILURE,
        HEADER,
        PRIVATE_PATH,
        market.seller.url(),
        market.signing_secret(),
        &market.signing_secret()["whsec_".len()..],
        &rotated,
        &agent.key,
        &agent.key["am_k_".len()..],
        &second,
    ] {
        assert_eq!(dump.find(secret), None);
    }
    let keys = std::fs::read_to_string(market.gateway.config.data_dir.join("master-keys")).unwrap();
    let master = keys.trim().rsplit(':').next().unwrap();
    assert_eq!(dump.find(master), None);
    assert!(dump.find(&agent.id).is_some(), "the search finds what is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_development_gateway_are_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let gateway = TestGateway::start().await;
    let file = gateway.config.data_dir.join("master-keys");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_to_a_buyer_shows_where_the_seller_is_or_what_it_failed_with() {
    let market = Market::open().await;
    let mut seen = Vec::new();
    let call = market.quoted("secret").await;
    for path in [format!("/listings/{}", market.listing_id()), "/listings".to_owned(), "/gateway-requests".to_owned()] {
        seen.push(market.buyer.send(http::Method::GET, &path, &[], None).await.unwrap());
    }
    crate::support::pay(&market.gateway.api, &call.relay_id, json!({})).await.expect(200).unwrap();
    market.seller.next(Behaviour::Json(500, "{\"trace\":\"failed-response-canary-2342\"}"));
    let failed = market.settle(&call).await;
    assert_eq!(failed.status, 502);
    seen.push(failed);
    let port = market.seller.url().split(':').nth(2).unwrap().split('/').next().unwrap();
    for answer in seen {
        let text = String::from_utf8_lossy(&answer.raw).into_owned() + &format!("{:?}", answer.headers);
        for secret in [PRIVATE_PATH, FAILURE, "whsec_", &format!(":{port}")] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}
