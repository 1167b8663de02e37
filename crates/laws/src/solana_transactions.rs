//! Transactions of Solana: nobody reads another one out of the same bytes, and what nothing is wrong with pays what was
//! asked for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crochet_wallet::WalletAddress;
use crochet_x402::solana::{LandedTransaction, SolanaPayment, token_account};
use crochet_x402::{Asset, DecodeError, Network};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::input::text;

const SELLER: &str = "8SFqwqnq4whPhs8icwHA2hQg3hUoN1qrCLK1SBx3WKwe";

/// The bytes of a transaction; and its base64, where they are text.
pub fn solana_transactions(bytes: &[u8]) {
    transaction(bytes);
    let text = text(bytes);
    if let Ok(bytes) = STANDARD.decode(text.trim_end()) {
        transaction(&bytes);
    } else {
        assert_eq!(LandedTransaction::read(text.trim_end().trim_end_matches('=')).is_some(), decodes_unpadded(&text));
    }
}

/// Padding is not asked for.
fn decodes_unpadded(text: &str) -> bool {
    let text = text.trim_end().trim_end_matches('=');
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    let bytes = STANDARD.decode(format!("{text}{padding}"));
    bytes.is_ok_and(|bytes| LandedTransaction::read(&STANDARD.encode(bytes)).is_some())
}

fn transaction(bytes: &[u8]) {
    let text = STANDARD.encode(bytes);
    let landed = LandedTransaction::read(&text);
    let payment = SolanaPayment::read(&json!({ "transaction": text }));
    let Some(landed) = landed else {
        assert_eq!(payment, Err(DecodeError::Transaction));
        return;
    };
    assert!(bytes.len() <= 1232);
    // What is signed follows the signatures, whose number is a byte as long as they fit.
    let signatures = usize::from(bytes[0]);
    let signed = &bytes[1 + 64 * signatures..];
    assert_eq!(landed.message_hash, format!("0x{}", hex::encode(Sha256::digest(signed))));
    for other in [[bytes, &[0]].concat(), bytes[..bytes.len() - 1].to_vec()] {
        assert_eq!(
            LandedTransaction::read(&STANDARD.encode(other)),
            None,
            "nothing comes after it, and nothing is missing"
        );
    }
    let Ok(payment) = payment else { return };
    assert_eq!(payment.message_hash(), landed.message_hash);
    assert_eq!(payment.fee_payer(), landed.accounts.first().copied());
    for account in [payment.payer(), payment.mint(), payment.source(), payment.destination()] {
        assert!(landed.accounts.contains(&account));
    }
    let kept = SolanaPayment::read(&payment.to_json()).unwrap();
    assert_eq!((kept.message_hash(), kept.to_json()), (payment.message_hash(), payment.to_json()));
    assert_eq!(kept.memos().collect::<Vec<_>>(), payment.memos().collect::<Vec<_>>());
    is_judged(&payment, signed, bytes);
}

fn is_judged(payment: &SolanaPayment, signed: &[u8], bytes: &[u8]) {
    let seller: WalletAddress = SELLER.parse().unwrap();
    for asset in [Network::SOLANA, Network::SOLANA_DEVNET].into_iter().filter_map(Asset::usdc) {
        let units = payment.base_units();
        if payment.problem(&asset, &seller, units).is_some() {
            continue;
        }
        assert_eq!((payment.mint(), Some(payment.destination())), (*asset.address(), token_account(&asset, &seller)));
        assert_ne!(payment.source(), payment.destination());
        assert_ne!(payment.fee_payer(), Some(payment.payer()));
        assert!(payment.problem(&asset, &seller, units ^ 1).is_some());
        assert!(payment.problem(&asset, &payment.payer(), units).is_some());
        // The second signature is the payer's, over exactly this.
        let signature = bs58::encode(&bytes[1 + 64..1 + 2 * 64]).into_string();
        assert_eq!(crochet_wallet::verify_ownership_of_bytes(&payment.payer(), signed, &signature), Ok(()));
    }
}
