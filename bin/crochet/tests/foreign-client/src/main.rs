//! Pays for one call with x402 clients that were written elsewhere, unmodified:
//!
//!     foreign-x402-client v1|v2 PRIVATE_KEY URL BODY
//!
//! Prints the status, the receipt header or `-`, and the body, each on a line of its own.

use std::error::Error;
use std::sync::Arc;

use alloy_signer_local::PrivateKeySigner;
use x402_chain_eip155::{V1Eip155ExactClient, V2Eip155ExactClient};
use x402_reqwest::{ReqwestWithPayments, ReqwestWithPaymentsBuild, X402Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [version, key, url, body] = args.as_slice() else {
        return Err("usage: foreign-x402-client v1|v2 PRIVATE_KEY URL BODY".into());
    };
    let signer: Arc<PrivateKeySigner> = Arc::new(key.parse()?);
    let client = match version.as_str() {
        "v1" => X402Client::new().register(V1Eip155ExactClient::new(signer)),
        "v2" => X402Client::new().register(V2Eip155ExactClient::new(signer)),
        other => return Err(format!("there is no version {other}").into()),
    };
    // A client of both versions takes v2 where both are offered; who speaks v1 alone names its network so.
    let mut headers = reqwest::header::HeaderMap::new();
    if version == "v1" {
        headers.insert("x-crochet-payment-network", "base-sepolia".parse()?);
    }
    let http = reqwest::Client::builder().no_proxy().default_headers(headers).build()?;
    let client = http.with_payments(client).build();
    let answer = client.post(url).header("content-type", "application/json").body(body.clone()).send().await?;
    let receipt = ["payment-response", "x-payment-response"].into_iter().find_map(|name| answer.headers().get(name));
    let receipt = receipt.map(|value| value.to_str().map(str::to_owned)).transpose()?;
    println!("{}\n{}\n{}", answer.status().as_u16(), receipt.as_deref().unwrap_or("-"), answer.text().await?);
    Ok(())
}
