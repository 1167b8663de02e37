//! What a client is told of its payment.

use crochet_x402::{Network, Receipt};
use serde_json::json;

use crate::{PAYER, read_header};

#[test]
fn v2_clients_read_the_networks_number_and_v1_clients_its_name() {
    let transaction = format!("0x{}", "12".repeat(32));
    let receipt = Receipt {
        success: true,
        payer: PAYER.to_lowercase(),
        transaction: transaction.clone(),
        network: Network::BASE_SEPOLIA,
        error_reason: None,
    };
    let expected = |network: &str| json!({ "success": true, "payer": PAYER.to_lowercase(), "transaction": transaction, "network": network });
    assert_eq!(read_header(&receipt.v2_header()), expected("eip155:84532"));
    assert_eq!(read_header(&receipt.v1_header()), expected("base-sepolia"));
    assert_eq!(receipt.to_json(), expected("eip155:84532"));
}

#[test]
fn a_receipt_of_a_failure_says_why() {
    let receipt = Receipt {
        success: false,
        payer: String::new(),
        transaction: String::new(),
        network: Network::evm(42161),
        error_reason: Some("authorization_expired".to_owned()),
    };
    let value = read_header(&receipt.v2_header());
    assert_eq!((&value["success"], &value["transaction"]), (&json!(false), &json!("")));
    assert_eq!(value["errorReason"], "authorization_expired");
    assert_eq!(read_header(&receipt.v1_header())["network"], "eip155:42161");
}
