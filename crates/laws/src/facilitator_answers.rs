//! What facilitators answer and what nodes of chains show: words are words, numbers are exact, and what cannot be read
//! says nothing.

use crochet_facilitator::reading;
use crochet_wallet::{Chain, WalletAddress};
use crochet_x402::facilitator::{SettleAnswer, Supported, VerifyAnswer};
use crochet_x402::{Network, Version};
use serde_json::Value;

/// An answer in JSON.
pub fn facilitator_answers(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Value>(bytes) else { return };
    facilitators(&answer);
    nodes(&answer);
    for part in parts(&answer).take(16) {
        nodes(part);
    }
}

/// Its own parts, where they are objects or texts of their own: receipts hold logs, logs hold words.
fn parts(answer: &Value) -> impl Iterator<Item = &Value> {
    let list = answer.as_array().into_iter().flatten();
    let named = answer.as_object().into_iter().flat_map(|object| object.values());
    list.chain(named).flat_map(|part| std::iter::once(part).chain(part.as_array().into_iter().flatten()))
}

fn facilitators(answer: &Value) {
    let is_word = |word: &String| {
        (1..=80).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    if let Some(said) = VerifyAnswer::read(answer) {
        assert!(said.reason.as_ref().is_none_or(is_word));
        assert!(answer["isValid"] == said.is_valid || answer["is_valid"] == said.is_valid);
    }
    if let Some(said) = SettleAnswer::read(answer) {
        assert!(said.reason.as_ref().is_none_or(is_word) && answer["success"] == said.success);
        assert!(said.transaction.as_ref().is_none_or(|text| is_transaction(text)));
        assert!(!(said.success && said.is_pending()));
    }
    let Some(supported) = Supported::read(answer) else { return };
    for network in [Network::BASE, Network::BASE_SEPOLIA, Network::SOLANA, Network::SOLANA_DEVNET] {
        let takes = [Version::V1, Version::V2].into_iter().any(|version| supported.takes(version, network));
        if let Some(payer) = supported.fee_payer(network) {
            assert!(takes && payer.chain() == Chain::Solana && supported.has_fee_payer(network, &payer));
        }
        assert!(!supported.has_fee_payer(network, &WalletAddress::from_evm_bytes([1; 20])));
    }
}

fn is_transaction(text: &str) -> bool {
    let is_hash = text.strip_prefix("0x").is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    is_hash || bs58::decode(text).into_vec().is_ok_and(|bytes| bytes.len() == 64)
}

fn nodes(value: &Value) {
    if let Some(number) = reading::quantity(value) {
        let text = value.as_str().unwrap();
        let digits = text.strip_prefix("0x").unwrap().trim_start_matches('0').to_lowercase();
        assert_eq!(digits, if number == 0 { String::new() } else { format!("{number:x}") }, "{text}");
    }
    let word = value.as_str().and_then(reading::number);
    if let Some(number) = word {
        assert!(value.as_str().unwrap().eq_ignore_ascii_case(&format!("0x{number:064x}")));
    }
    assert_eq!(
        reading::truth(value),
        match word {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        }
    );
    if let Some(log) = reading::log(value) {
        assert!(value["removed"] != true);
        assert!(log.texts.iter().all(|text| !text.bytes().any(|byte| byte.is_ascii_uppercase())));
        assert_eq!(log.texts.len(), 3 + value["topics"].as_array().unwrap().len());
        assert_eq!(
            Some((log.index, log.block)),
            reading::quantity(&value["logIndex"]).zip(reading::quantity(&value["blockNumber"]))
        );
    }
    let account = WalletAddress::parse("CArvLpM8SDb5WgWGvUaUb6Bx1uSWPGHuYynPcT7CnmZJ").unwrap();
    let mint = WalletAddress::parse("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v").unwrap();
    if let Some(Some(landed)) = reading::landed(value, &account, &mint) {
        assert_eq!(landed.message_hash.len(), 66);
        assert_eq!(value["slot"], landed.slot);
        assert_eq!(landed.is_failed, !value["meta"]["err"].is_null());
        if let Some(arrived) = landed.arrived {
            let text = value["meta"]["postTokenBalances"].to_string();
            assert!(arrived == 0 || text.bytes().any(|byte| byte.is_ascii_digit()));
        }
    }
}
