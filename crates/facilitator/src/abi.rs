//! The few words of the EVM's ABI that are needed, and JSON-RPC's spelling of numbers and logs. Nothing here panics.

use crochet_wallet::WalletAddress;
use serde_json::Value;

/// keccak256 of `authorizationState(address,bytes32)`, the first four bytes.
pub(crate) const AUTHORIZATION_STATE: &str = "e94a0102";
/// keccak256 of `AuthorizationUsed(address,bytes32)`.
pub(crate) const AUTHORIZATION_USED: &str = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";
/// keccak256 of `AuthorizationCanceled(address,bytes32)`.
pub(crate) const AUTHORIZATION_CANCELED: &str = "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81";
/// keccak256 of `Transfer(address,address,uint256)`.
pub(crate) const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// An EVM address as a topic: 32 bytes of lower-case hexadecimal with `0x`.
pub(crate) fn topic(address: &WalletAddress) -> String {
    format!("0x{}", word(address))
}

/// An EVM address as a word of call data.
pub(crate) fn word(address: &WalletAddress) -> String {
    format!("{:0>64}", hex::encode(address.as_bytes()))
}

/// The call data of `authorizationState`.
pub(crate) fn authorization_state(payer: &WalletAddress, nonce: &str) -> String {
    format!("0x{AUTHORIZATION_STATE}{}{}", word(payer), nonce.trim_start_matches("0x"))
}

/// A quantity: `0x1b4`.
pub(crate) fn quantity(value: &Value) -> Option<u64> {
    hexadecimal(value.as_str()?.strip_prefix("0x")?)
}

/// Digits alone: the standard library takes a sign as well.
fn hexadecimal(digits: &str) -> Option<u64> {
    if digits.starts_with('+') { None } else { u64::from_str_radix(digits, 16).ok() }
}

/// A number as JSON-RPC wants it.
pub(crate) fn to_quantity(number: u64) -> String {
    format!("{number:#x}")
}

/// One word of data as a number; `None` beyond 64 bits.
pub(crate) fn number(data: &str) -> Option<u64> {
    let digits = data.strip_prefix("0x").filter(|digits| digits.len() == 64 && digits.is_ascii())?;
    let (high, low) = digits.split_at(48);
    if high.bytes().any(|digit| digit != b'0') {
        return None;
    }
    hexadecimal(low)
}

/// One word of data as a truth value.
pub(crate) fn truth(value: &Value) -> Option<bool> {
    match number(value.as_str()?)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// What a contract has logged; everything in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) address: String,
    pub(crate) topics: Vec<String>,
    pub(crate) data: String,
    pub(crate) index: u64,
    pub(crate) block: u64,
    pub(crate) transaction: String,
}

impl Log {
    /// Reads one; `None` where it is none, is pending, or was taken back by a reorganisation.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        if value.get("removed").and_then(Value::as_bool) == Some(true) {
            return None;
        }
        let text = |key: &str| Some(value.get(key)?.as_str()?.to_ascii_lowercase());
        let topics = value.get("topics")?.as_array()?.iter();
        Some(Self {
            address: text("address")?,
            topics: topics.map(|topic| topic.as_str().map(str::to_ascii_lowercase)).collect::<Option<_>>()?,
            data: text("data")?,
            index: quantity(value.get("logIndex")?)?,
            block: quantity(value.get("blockNumber")?)?,
            transaction: text("transactionHash")?,
        })
    }

    /// Whether it has exactly these topics.
    pub(crate) fn is(&self, topics: [&str; 3]) -> bool {
        self.topics == topics
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use sha3::{Digest, Keccak256};

    use super::*;

    #[test]
    fn the_constants_are_the_hashes_of_what_they_name() {
        let hash = |text: &str| hex::encode(Keccak256::digest(text));
        assert_eq!(AUTHORIZATION_STATE, &hash("authorizationState(address,bytes32)")[..8]);
        assert_eq!(AUTHORIZATION_USED[2..], hash("AuthorizationUsed(address,bytes32)"));
        assert_eq!(AUTHORIZATION_CANCELED[2..], hash("AuthorizationCanceled(address,bytes32)"));
        assert_eq!(TRANSFER[2..], hash("Transfer(address,address,uint256)"));
    }

    #[test]
    fn a_word_beyond_64_bits_is_no_number() {
        assert_eq!(number(&format!("0x{:064x}", u64::MAX)), Some(u64::MAX));
        assert_eq!(number(&format!("0x{:064x}", u128::from(u64::MAX) + 1)), None);
        assert_eq!(truth(&json!(format!("0x{:064x}", 2))), None);
        assert_eq!(truth(&json!("0x")), None);
    }

    #[test]
    fn a_number_has_no_sign() {
        assert_eq!(quantity(&json!("0x1b4")), Some(436));
        for text in ["0x+1b4", "0x-1", "+0x1", "0x"] {
            assert_eq!(quantity(&json!(text)), None, "{text}");
        }
        assert_eq!(number(&format!("0x{}+{:015x}", "0".repeat(48), 7)), None);
    }

    proptest! {
        #[test]
        fn no_text_panics_the_readers(text in "(0x)?\\PC{0,70}", n: u64) {
            let _ = (number(&text), truth(&json!(text)), quantity(&json!(text)));
            let _ = Log::read(&json!({ "address": text, "topics": [text], "data": text, "logIndex": text }));
            prop_assert_eq!(quantity(&json!(to_quantity(n))), Some(n));
        }
    }
}
