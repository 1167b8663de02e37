//! The payload of scheme `exact` on EVM chains: an authorization of EIP-3009, and its signature.

use crochet_primitives::{Timestamp, timestamp_from_millis};
use crochet_wallet::{Chain, WalletAddress};
use serde_json::{Value, json};

use crate::decode::DecodeError;

/// The last second of the year 9999: later ones are written by nobody in RFC 3339.
const LAST_SECOND: u64 = 253_402_300_799;

/// What the payer signed: `TransferWithAuthorization`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Who pays: an EVM address.
    pub from: WalletAddress,
    /// Who is paid: an EVM address.
    pub to: WalletAddress,
    /// How much, in base units.
    pub value: u64,
    /// Good after this second.
    pub valid_after: Timestamp,
    /// Good before this second.
    pub valid_before: Timestamp,
    /// What it can be used once by: `0x` and 64 hexadecimal digits in lower case.
    pub nonce: String,
    /// `0x` and hexadecimal digits in lower case: 65 bytes of a key, or longer ones of a contract.
    pub signature: String,
}

impl Authorization {
    /// Reads the scheme's payload: `{signature, authorization: {…}}`. Addresses, nonce and signature may be in any
    /// letter case, and whole numbers may be JSON numbers.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(payload: &Value) -> Result<Self, DecodeError> {
        let authorization = payload.get("authorization").filter(|value| value.is_object());
        let authorization = authorization.ok_or(DecodeError::NoAuthorization)?;
        Ok(Self {
            from: address(authorization, "from")?,
            to: address(authorization, "to")?,
            value: whole(authorization, "value")?,
            valid_after: second(authorization, "validAfter")?,
            valid_before: second(authorization, "validBefore")?,
            nonce: hexadecimal(authorization, "nonce").filter(|nonce| nonce.len() == 66).ok_or(DecodeError::Nonce)?,
            signature: hexadecimal(payload, "signature").ok_or(DecodeError::Signature)?,
        })
    }

    /// The scheme's payload as every facilitator reads it: decimal strings, addresses with their checksum.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "signature": self.signature,
            "authorization": {
                "from": self.from.to_string(),
                "to": self.to.to_string(),
                "value": self.value.to_string(),
                "validAfter": self.valid_after.timestamp().to_string(),
                "validBefore": self.valid_before.timestamp().to_string(),
                "nonce": self.nonce,
            },
        })
    }
}

/// The EVM address at `field`, in any letter case: a checksum guards against typing errors, and nobody typed this.
pub(crate) fn address(object: &Value, field: &'static str) -> Result<WalletAddress, DecodeError> {
    let text = object.get(field).and_then(Value::as_str).ok_or(DecodeError::Missing(field))?;
    WalletAddress::parse(&text.to_ascii_lowercase())
        .ok()
        .filter(|address| address.chain() == Chain::Evm)
        .ok_or(DecodeError::Address(field))
}

fn whole(object: &Value, field: &'static str) -> Result<u64, DecodeError> {
    match object.get(field) {
        Some(Value::String(digits)) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map_err(|_| DecodeError::OutOfRange(field))
        }
        Some(Value::Number(number)) => match number.as_u64() {
            Some(number) => Ok(number),
            // What is beyond 64 bits has become a float.
            None if number.as_f64().is_some_and(|float| float >= 1.8e19) => Err(DecodeError::OutOfRange(field)),
            None => Err(DecodeError::NotWhole(field)),
        },
        None | Some(Value::Null) => Err(DecodeError::Missing(field)),
        Some(_) => Err(DecodeError::NotWhole(field)),
    }
}

fn second(object: &Value, field: &'static str) -> Result<Timestamp, DecodeError> {
    let seconds = whole(object, field)?;
    let in_range = i64::try_from(seconds).ok().filter(|_| seconds <= LAST_SECOND);
    in_range.and_then(|seconds| timestamp_from_millis(seconds * 1000)).ok_or(DecodeError::OutOfRange(field))
}

/// `0x` and whole bytes of hexadecimal, at least one, in lower case.
fn hexadecimal(object: &Value, field: &str) -> Option<String> {
    let text = object.get(field)?.as_str()?.to_ascii_lowercase();
    let digits = text.strip_prefix("0x")?;
    let is_hex = !digits.is_empty() && digits.len() % 2 == 0 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then_some(text)
}
