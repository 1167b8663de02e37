//! Terms that cost no row: the gateway signs them, the client brings them back, and whoever has none pays the price of
//! the moment.

use std::fmt;

use ::base64::Engine;
use ::base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crochet_pricing::MicroUsd;
use crochet_primitives::{ListingId, Timestamp, rfc3339_millis};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const DOMAIN: &[u8] = b"crochet x402 terms 1\0";
const PREFIX: &str = "t1.";
const LONGEST: usize = 2048;

/// What the gateway has promised, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedTerms {
    /// For what.
    #[serde(rename = "l")]
    pub listing: ListingId,
    /// The price of one call.
    #[serde(rename = "g", with = "crochet_pricing::wire::micros")]
    pub gross: MicroUsd,
    /// How it may be paid.
    #[serde(rename = "o")]
    pub offers: Vec<SignedOffer>,
    /// From this moment on it is not promised any more.
    #[serde(rename = "e", with = "rfc3339_millis")]
    pub expires_at: Timestamp,
    /// Makes each one a secret of its own between payer and gateway.
    #[serde(rename = "r")]
    pub random: [u8; 16],
}

/// One way to pay that was promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOffer {
    /// In what: CAIP-19.
    #[serde(rename = "a")]
    pub asset: String,
    /// To whom: canonical.
    #[serde(rename = "p")]
    pub pay_to: String,
    /// How much, in base units.
    #[serde(rename = "u")]
    pub base_units: u64,
}

/// The key that terms are signed with: 32 secret random bytes, used for nothing else. While keys are rotated it knows
/// other ones, which sign nothing.
pub struct TermsKey {
    key: SecretBox<[u8; 32]>,
    others: Vec<SecretBox<[u8; 32]>>,
}

impl TermsKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: SecretBox::new(Box::new(key)), others: Vec::new() }
    }

    /// The same, which recognises what one of `others` has signed as its own.
    #[must_use]
    pub fn recognising(self, others: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self { others: others.into_iter().map(|key| SecretBox::new(Box::new(key))).collect(), ..self }
    }

    /// The terms as a token: printable ASCII without spaces.
    #[must_use]
    pub fn sign(&self, terms: &SignedTerms) -> String {
        // Nothing in it can fail to be JSON; were it so, nobody could verify the token.
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(terms).unwrap_or_default());
        let tag = URL_SAFE_NO_PAD.encode(mac(&self.key, &body).finalize().into_bytes());
        format!("{PREFIX}{body}.{tag}")
    }

    /// The terms of a token that this key has signed, while they hold.
    #[must_use]
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<SignedTerms> {
        self.open(token).filter(|terms| now < terms.expires_at)
    }

    /// The terms of a token that this key has signed, whether they hold or not. A comparison takes the same time
    /// whatever was signed.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<SignedTerms> {
        if token.len() > LONGEST {
            return None;
        }
        let (body, tag) = token.strip_prefix(PREFIX)?.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let mut keys = std::iter::once(&self.key).chain(&self.others);
        if !keys.any(|key| mac(key, body).verify_slice(&tag).is_ok()) {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
    }
}

fn mac(key: &SecretBox<[u8; 32]>, body: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC pads a key that is shorter than its block")]
    let mac: Hmac<Sha256> = Hmac::new_from_slice(key.expose_secret()).expect("HMAC takes a key of any length");
    mac.chain_update(DOMAIN).chain_update(body)
}

impl fmt::Debug for TermsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TermsKey")
    }
}

/// What of a token is kept with the call that it paid for: its SHA-256.
#[must_use]
pub fn secret_sha256(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
