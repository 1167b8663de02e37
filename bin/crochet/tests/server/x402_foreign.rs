//! x402 clients that were written elsewhere, unmodified. They are built apart from this workspace, since they bring
//! hundreds of crates with them: `just foreign-client`, which the checks before a landing run, too.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::x402::{PRICE, X402Market};

/// The payer's private key, which the client signs with: the one of the market's payer.
const KEY: &str = "0x0707070707070707070707070707070707070707070707070707070707070707";

/// Status, receipt, body.
async fn paid_by_client(version: &str, url: &str) -> (String, Value, Value) {
    use base64::Engine;
    #[expect(clippy::disallowed_methods, reason = "whoever builds the client says where it is")]
    let program =
        std::env::var_os("CROCHET_FOREIGN_CLIENT").expect("CROCHET_FOREIGN_CLIENT names the client's program");
    let client = Command::new(program)
        .args([version, KEY, url, r#"{"task":"foreign"}"#])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), client).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let mut lines = text.splitn(3, '\n');
    let (status, receipt, body) = (lines.next().unwrap(), lines.next().unwrap(), lines.next().unwrap());
    let receipt = base64::engine::general_purpose::STANDARD.decode(receipt).unwrap();
    (status.to_owned(), serde_json::from_slice(&receipt).unwrap(), serde_json::from_str(body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a client that is built apart: just foreign-client"]
async fn a_foreign_client_of_v2_pays_unmodified() {
    let world = X402Market::open().await;
    let url = format!("{}/api/v1/gateway/{}", world.market.gateway.api.base(), world.market.listing_id());
    let (status, receipt, body) = paid_by_client("v2", &url).await;
    assert_eq!(
        (status.as_str(), &receipt["success"], &receipt["network"]),
        ("200", &json!(true), &json!("eip155:84532"))
    );
    assert_eq!(body["data"]["status"], "delivered");
    assert_eq!((world.paid(), world.market.seller.runs(), world.booked().1.as_str()), (PRICE, 1, "3"));
    assert_eq!(receipt["transaction"], json!(world.chain.transfers().last().unwrap().transaction));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a client that is built apart: just foreign-client"]
async fn a_foreign_client_of_v1_pays_unmodified() {
    let world = X402Market::open().await;
    let url = format!("{}/api/v1/gateway/{}", world.market.gateway.api.base(), world.market.listing_id());
    let (status, receipt, body) = paid_by_client("v1", &url).await;
    assert_eq!(
        (status.as_str(), &receipt["success"], &receipt["network"]),
        ("200", &json!(true), &json!("base-sepolia"))
    );
    assert_eq!(body["data"]["status"], "delivered");
    assert_eq!((world.paid(), world.market.seller.runs(), world.booked().1.as_str()), (PRICE, 1, "3"));
}
