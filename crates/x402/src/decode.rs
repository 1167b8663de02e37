//! What a payment header says.

use crochet_primitives::Timestamp;
use crochet_wallet::WalletAddress;
use serde_json::Value;
use thiserror::Error;

use crate::asset::{Asset, caip19};
use crate::network::Network;
use crate::payload::{Authorization, address};
use crate::solana::SolanaPayment;
use crate::{EXACT, Version, base64, extensions, json};

/// The longest header that is read.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;

/// A payment as its header has it, in the one spelling of everything. Nothing of it is proved.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedPayment {
    /// Which version the client speaks: a receipt is written in the same.
    pub version: Version,
    /// `exact`.
    pub scheme: String,
    /// Where.
    pub network: Network,
    /// In what: CAIP-19, an EVM address in lower case.
    pub asset: String,
    /// Who pays.
    pub payer: WalletAddress,
    /// Who is paid, canonical: on EVM chains a wallet, on Solana a token account.
    pub recipient: String,
    /// How much, in base units.
    pub base_units: u64,
    /// What the authorization can be used once by, in lower-case hexadecimal with `0x`: on EVM chains its nonce, on
    /// Solana the hash of what was signed.
    pub nonce: String,
    /// Good after this second.
    pub valid_after: Timestamp,
    /// Good before this second. On Solana the chain alone knows how long: for about a minute.
    pub valid_before: Option<Timestamp>,
    /// The token that [`extensions::crochet`] offered, where the client has sent it back; ask
    /// [`TermsKey::verify`](crate::TermsKey::verify) whether it is ours.
    pub terms: Option<String>,
    /// What the client calls this payment: the extension `payment-identifier`.
    pub payment_identifier: Option<String>,
    /// The whole payment as it was sent.
    pub payload: Value,
}

/// Why a payment header cannot be read; each a sentence for the client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Longer than [`MAX_HEADER_BYTES`].
    #[error("The payment header is longer than 16384 bytes.")]
    TooLong,
    /// The alphabet of base64url.
    #[error("The payment header is base64url; it has to be standard base64, with + and /.")]
    Base64Url,
    /// No base64.
    #[error("The payment header is not base64.")]
    NotBase64,
    /// No JSON, or a key twice.
    #[error("The payment header's base64 is not one JSON object: {0}.")]
    Json(String),
    /// No `x402Version`, or another one than 1 and 2.
    #[error("The payment's `x402Version` has to be 1 or 2.")]
    Version,
    /// This is missing, or not of the type that it has to be.
    #[error("The payment's `{0}` is missing, or is of another type than it has to be.")]
    Missing(&'static str),
    /// A scheme that is not spoken here.
    #[error("The payment's scheme has to be `exact`.")]
    Scheme,
    /// A network that payments are not taken on.
    #[error("The payment's network is not one of those that the 402 offered.")]
    Network,
    /// On Solana, no transaction.
    #[error("The payment's `transaction` is not the base64 of one Solana transaction, legacy or version 0.")]
    Transaction,
    /// On Solana, a transaction that pays nobody.
    #[error("The payment's `transaction` has no TransferChecked of a token program, signed by one wallet.")]
    NoTransfer,
    /// Of `exact`, another way than EIP-3009.
    #[error("The payment has no `authorization`: on EVM chains it has to be made by EIP-3009.")]
    NoAuthorization,
    /// No EVM address.
    #[error("The payment's `{0}` is not an EVM address.")]
    Address(&'static str),
    /// No whole number.
    #[error("The payment's `{0}` has to be a whole number, written as a string of decimal digits.")]
    NotWhole(&'static str),
    /// Larger than anything that can be meant.
    #[error("The payment's `{0}` is out of range.")]
    OutOfRange(&'static str),
    /// No nonce.
    #[error("The payment's `nonce` has to be 0x and 64 hexadecimal digits.")]
    Nonce,
    /// No signature.
    #[error("The payment's `signature` has to be 0x and hexadecimal digits.")]
    Signature,
    /// Too short, too long, or with other characters.
    #[error("The payment's `payment-identifier` has to be 16 to 128 letters, digits, hyphens or underscores.")]
    PaymentIdentifier,
}

/// Reads the value of `PAYMENT-SIGNATURE` or `X-PAYMENT`. What it contains says which version it is, whichever header
/// it came in.
///
/// v1 does not name the asset: on EVM chains it is the first of `assets` on the payment's network.
///
/// # Errors
/// What is wrong with it.
pub fn decode(header: &str, assets: &[Asset]) -> Result<DecodedPayment, DecodeError> {
    if header.len() > MAX_HEADER_BYTES {
        return Err(DecodeError::TooLong);
    }
    let header = header.trim_matches([' ', '\t']);
    if header.contains(['-', '_']) {
        return Err(DecodeError::Base64Url);
    }
    let bytes = base64::decode(header).ok_or(DecodeError::NotBase64)?;
    let payload = json::parse(&bytes).map_err(DecodeError::Json)?;
    if !payload.is_object() {
        return Err(DecodeError::Json("it is something else".to_owned()));
    }
    let version = payload.get("x402Version").and_then(Value::as_u64).and_then(Version::from_number);
    let version = version.ok_or(DecodeError::Version)?;
    let (network, asset) = match version {
        Version::V2 => {
            let accepted = payload.get("accepted").filter(|accepted| accepted.is_object());
            let accepted = accepted.ok_or(DecodeError::Missing("accepted"))?;
            check_scheme(accepted)?;
            let network = Network::parse(text(accepted, "network")?).map_err(|_| DecodeError::Network)?;
            // On Solana the transaction itself says what it moves.
            let is_named = !network.is_solana();
            (network, is_named.then(|| address(accepted, "asset")).transpose()?.map(|asset| caip19(network, &asset)))
        }
        Version::V1 => {
            check_scheme(&payload)?;
            let network = Network::from_v1_name(text(&payload, "network")?).ok_or(DecodeError::Network)?;
            let asset = assets.iter().find(|asset| asset.network() == network).ok_or(DecodeError::Network)?;
            (network, Some(asset.caip19()))
        }
    };
    let inner = payload.get("payload").filter(|inner| inner.is_object()).ok_or(DecodeError::Missing("payload"))?;
    let terms = extensions::read_crochet(&payload);
    let payment_identifier = extensions::read_payment_identifier(&payload)?;
    let Some(asset) = asset.filter(|_| !network.is_solana()) else {
        let payment = SolanaPayment::read(inner)?;
        return Ok(DecodedPayment {
            version,
            scheme: EXACT.to_owned(),
            network,
            asset: caip19(network, &payment.mint()),
            payer: payment.payer(),
            recipient: payment.destination().canonical(),
            base_units: payment.base_units(),
            nonce: payment.message_hash(),
            valid_after: Timestamp::default(),
            valid_before: None,
            terms,
            payment_identifier,
            payload,
        });
    };
    let authorization = Authorization::read(inner)?;
    Ok(DecodedPayment {
        version,
        scheme: EXACT.to_owned(),
        network,
        asset,
        payer: authorization.from,
        recipient: authorization.to.canonical(),
        base_units: authorization.value,
        nonce: authorization.nonce,
        valid_after: authorization.valid_after,
        valid_before: Some(authorization.valid_before),
        terms,
        payment_identifier,
        payload,
    })
}

/// A payment as the value of `PAYMENT-SIGNATURE` or `X-PAYMENT`: what clients do.
#[must_use]
pub fn encode(payment: &Value) -> String {
    base64::encode(payment.to_string())
}

fn check_scheme(object: &Value) -> Result<(), DecodeError> {
    if text(object, "scheme")? == EXACT { Ok(()) } else { Err(DecodeError::Scheme) }
}

fn text<'a>(object: &'a Value, field: &'static str) -> Result<&'a str, DecodeError> {
    object.get(field).and_then(Value::as_str).ok_or(DecodeError::Missing(field))
}
