//! What a facilitator is asked, and how its answers are read: every field may be missing, null, or spelled otherwise.

use crochet_wallet::{Chain, WalletAddress};
use serde_json::{Map, Value, json};

use crate::network::Network;
use crate::required::{Offer, Resource, v1_requirements, v2_requirements};
use crate::{EXACT, Version, extensions};

const LONGEST_WORD: usize = 80;

/// The body of `POST /verify` and of `POST /settle`. It is made anew from what was decoded, so that a facilitator reads
/// what we have read: of the client's own text go along the resource and the extensions, without what is secret between
/// payer and gateway. `payment` is the scheme's own part: see [`Authorization::to_json`](crate::Authorization::to_json).
///
/// `None` where v1 cannot say it.
#[must_use]
pub fn request(
    version: Version,
    payment: &Value,
    offer: &Offer,
    resource: &Resource,
    client_payload: &Value,
) -> Option<Value> {
    let (requirements, mut payload) = match version {
        Version::V2 => {
            let requirements = v2_requirements(offer);
            (requirements.clone(), json!({ "x402Version": 2, "accepted": requirements }))
        }
        Version::V1 => {
            let network = offer.asset.network().v1_name()?;
            let payload = json!({ "x402Version": 1, "scheme": EXACT, "network": network });
            (v1_requirements(offer, resource)?, payload)
        }
    };
    payload["payload"] = payment.clone();
    if version == Version::V2 {
        if let Some(resource) = client_payload.get("resource").filter(|resource| resource.is_object()) {
            payload["resource"] = resource.clone();
        }
        let others: Map<String, Value> = client_payload
            .get("extensions")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(key, _)| *key != extensions::CROCHET && *key != extensions::PAYMENT_IDENTIFIER)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !others.is_empty() {
            payload["extensions"] = others.into();
        }
    }
    Some(json!({
        "x402Version": version.number(),
        "paymentPayload": payload,
        "paymentRequirements": requirements,
    }))
}

/// What a facilitator says of a payment that was not submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyAnswer {
    /// Whether it would submit it.
    pub is_valid: bool,
    /// Why not, as one word.
    pub reason: Option<String>,
}

impl VerifyAnswer {
    /// Reads it, whatever the status; `None` where it says nothing of the kind.
    #[must_use]
    pub fn read(answer: &Value) -> Option<Self> {
        let is_valid = at(answer, &["isValid", "is_valid"])?.as_bool()?;
        Some(Self { is_valid, reason: at(answer, &["invalidReason", "invalid_reason"]).and_then(word) })
    }
}

/// What a facilitator says of a payment that it was to submit. None of it is proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettleAnswer {
    /// Whether it says that the payment was made.
    pub success: bool,
    /// Why not, as one word.
    pub reason: Option<String>,
    /// The transaction that it names: `0x` and 64 hexadecimal digits in lower case, or on Solana the base58 of 64 bytes.
    pub transaction: Option<String>,
}

impl SettleAnswer {
    /// Reads it, whatever the status; `None` where it says nothing of the kind.
    #[must_use]
    pub fn read(answer: &Value) -> Option<Self> {
        let success = at(answer, &["success"])?.as_bool()?;
        let reason = at(answer, &["errorReason", "error_reason", "error"]).and_then(word);
        let transaction = at(answer, &["transaction", "txHash", "tx_hash"]).and_then(Value::as_str);
        Some(Self { success, reason, transaction: transaction.and_then(transaction_hash) })
    }

    /// Whether it says that the payment was submitted and nothing is known of it yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.success && self.reason.as_deref() == Some("settlement_pending")
    }
}

/// What a facilitator can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supported {
    kinds: Vec<(u64, String, Option<WalletAddress>)>,
    /// By network or namespace: who signs what it submits.
    signers: Vec<(String, WalletAddress)>,
}

impl Supported {
    /// Reads the answer to `GET /supported`; kinds that cannot be read are left out. `None` where it is none.
    #[must_use]
    pub fn read(answer: &Value) -> Option<Self> {
        let kinds = answer.get("kinds")?.as_array()?.iter().filter_map(|kind| {
            let version = at(kind, &["x402Version", "x402_version"])?.as_u64()?;
            let network = at(kind, &["network"])?.as_str()?.to_owned();
            let extra = kind.get("extra").and_then(|extra| at(extra, &["feePayer", "fee_payer"]));
            (at(kind, &["scheme"])?.as_str()? == EXACT).then_some((version, network, extra.and_then(on_solana)))
        });
        let named = answer.get("signers").and_then(Value::as_object).into_iter().flatten();
        let signers = named.flat_map(|(network, signers)| {
            let signers = signers.as_array().into_iter().flatten().filter_map(on_solana);
            signers.map(|signer| (network.clone(), signer))
        });
        Some(Self { kinds: kinds.collect(), signers: signers.collect() })
    }

    /// Whether it takes payments by scheme `exact` on this network, in this version.
    #[must_use]
    pub fn takes(&self, version: Version, network: Network) -> bool {
        self.of(network).any(|(number, _)| number == version)
    }

    /// Who pays a network's fees for what it submits there: on Solana.
    #[must_use]
    pub fn fee_payer(&self, network: Network) -> Option<WalletAddress> {
        // What it says for v2 comes first.
        self.of(network)
            .filter_map(|(version, fee_payer)| Some((version, fee_payer?)))
            .max_by_key(|(version, _)| *version)
            .map(|(_, fee_payer)| fee_payer)
    }

    /// Whether it says that this wallet pays a network's fees: it may have several.
    #[must_use]
    pub fn has_fee_payer(&self, network: Network, wallet: &WalletAddress) -> bool {
        self.of(network).any(|(_, fee_payer)| fee_payer.as_ref() == Some(wallet))
            || self.signers.iter().any(|(listed, signer)| signer == wallet && is_of(listed, network))
    }

    fn of(&self, network: Network) -> impl Iterator<Item = (Version, Option<WalletAddress>)> {
        self.kinds.iter().filter_map(move |(number, listed, fee_payer)| {
            let version = Version::from_number(*number)?;
            let is_named = version == Version::V1 && Some(listed.as_str()) == network.v1_name();
            (is_named || is_of(listed, network)).then_some((version, *fee_payer))
        })
    }
}

/// Whether this is a network's CAIP-2 name, or stands for all of its namespace.
fn is_of(listed: &str, network: Network) -> bool {
    let caip2 = network.to_string();
    listed == caip2
        || listed.strip_suffix(":*").is_some_and(|listed| caip2.split_once(':').is_some_and(|(own, _)| own == listed))
}

fn on_solana(value: &Value) -> Option<WalletAddress> {
    WalletAddress::parse(value.as_str()?).ok().filter(|wallet| wallet.chain() == Chain::Solana)
}

/// The first of these keys that says something.
fn at<'a>(object: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().filter_map(|key| object.get(key)).find(|value| !value.is_null())
}

/// A reason as one word of the protocol; prose is not repeated.
fn word(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty())?;
    let is_word = text.len() <= LONGEST_WORD
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    Some(if is_word { text.to_owned() } else { "other".to_owned() })
}

/// A transaction's hash in its one spelling, or on Solana its first signature.
fn transaction_hash(text: &str) -> Option<String> {
    if (64..=88).contains(&text.len()) && bs58::decode(text).into_vec().is_ok_and(|bytes| bytes.len() == 64) {
        return Some(text.to_owned());
    }
    let text = text.to_ascii_lowercase();
    let digits = text.strip_prefix("0x")?;
    (digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text)
}
