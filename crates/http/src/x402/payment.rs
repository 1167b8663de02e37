//! The header that a payment comes in.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use chrono::TimeDelta;
use crochet_primitives::Timestamp;
use crochet_relay::{HeaderPayment, IdempotencyKey, Promised};
use crochet_secrets::VaultSecret;
use crochet_x402::{DecodedPayment, PAYMENT_SIGNATURE, X_PAYMENT, decode, secret_sha256};
use serde_json::json;

use super::X402;
use crate::error::ApiError;

static V2: HeaderName = HeaderName::from_static(PAYMENT_SIGNATURE);
static V1: HeaderName = HeaderName::from_static(X_PAYMENT);

/// For about how long a payment on Solana can be made: 150 blocks. What is decided by is the chain's own count of them.
const BLOCKHASH_LIFETIME: TimeDelta = TimeDelta::seconds(90);

/// A payment, and what came with it for the call.
pub(crate) struct ReadPayment {
    pub(crate) payment: HeaderPayment,
    pub(crate) decoded: DecodedPayment,
    /// The payment's own identifier, as an idempotency key.
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    /// The same, as what opens the response later.
    pub(crate) vault: Option<VaultSecret>,
}

/// Whether a request brings a payment.
pub(crate) fn came_with(req: &HttpRequest) -> bool {
    req.headers().contains_key(&V2) || req.headers().contains_key(&V1)
}

/// Reads the payment of a request.
pub(crate) fn read(x402: &X402, req: &HttpRequest, now: Timestamp) -> Result<ReadPayment, ApiError> {
    let mut values = req.headers().get_all(&V2).chain(req.headers().get_all(&V1));
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(refused("A payment comes in one header, PAYMENT-SIGNATURE or X-PAYMENT, once.".to_owned()));
    };
    let text = value.to_str().map_err(|_| refused("The payment header is not ASCII.".to_owned()))?;
    let decoded = decode(text, &x402.assets).map_err(|error| refused(error.to_string()))?;
    let token = decoded.terms.as_deref();
    let terms = token.and_then(|token| x402.terms_key.verify(token, now));
    let promised = terms.map(|terms| Promised { listing: terms.listing, gross: terms.gross });
    let payment = HeaderPayment {
        scheme: decoded.scheme.clone(),
        network: decoded.network.to_string(),
        asset: decoded.asset.clone(),
        payer: decoded.payer,
        recipient: decoded.recipient.clone(),
        base_units: decoded.base_units,
        nonce: decoded.nonce.clone(),
        valid_after: decoded.valid_after,
        valid_before: decoded.valid_before.unwrap_or(now + BLOCKHASH_LIFETIME),
        promised,
        // Terms that have ended, or whose key was rotated, promise nothing any more. They are what the payer alone has of
        // this payment all the same: a retry brings them again.
        secret_sha256: token.map(secret_sha256),
        payload: decoded.payload.clone(),
    };
    let identifier = decoded.payment_identifier.as_deref();
    let idempotency_key = identifier.and_then(|id| {
        // The identifier itself opens the response: it is kept nowhere.
        let name = secret_sha256(&format!("crochet payment-identifier\0{id}"));
        IdempotencyKey::parse(&format!("payment-identifier:{}", hex::encode(name))).ok()
    });
    let vault = identifier.map(VaultSecret::of_payment_identifier);
    Ok(ReadPayment { payment, decoded, idempotency_key, vault })
}

fn refused(message: String) -> ApiError {
    ApiError::bad_request(message).details(&json!({ "header": "PAYMENT-SIGNATURE" }))
}
