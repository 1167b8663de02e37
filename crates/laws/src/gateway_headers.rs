//! The headers of a call: what each says, or that it cannot be read, and nothing in between.

use crochet_http::testing::readers;
use crochet_primitives::timestamp_from_millis;
use crochet_relay::IdempotencyKey;
use crochet_x402::TermsKey;

use crate::input::{now, text};
use crate::payment_headers::assets;

/// Lines of `name: value`, in whatever order, as often as they come.
pub fn gateway_headers(bytes: &[u8]) {
    let text = text(bytes);
    let headers: Vec<(&str, &str)> = text
        .lines()
        .take(40)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim()))
        .collect();
    let x402 = crochet_http::X402::new(assets(), TermsKey::new([5; 32]));
    let Some(read) = readers::call_headers(&headers, &x402) else { return };
    let of = |name: &str| -> Vec<&str> {
        headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value).collect()
    };
    if let Ok(read) = read {
        assert!(of("x-crochet-signature").is_empty(), "a loop");
        let key = of("idempotency-key");
        assert_eq!(read.idempotency_key.as_ref().map(IdempotencyKey::as_str), key.first().copied());
        let id = of("x-crochet-relay-request-id");
        assert_eq!(read.relay_request.map(|call| call.relay_request_id()), id.first().map(|id| id.to_lowercase()));
        let chain = of("x-crochet-origin-chain-id");
        assert_eq!(read.origin.chain_id, chain.first().map(|chain| chain.parse().unwrap()));
        for name in ["idempotency-key", "x-crochet-relay-request-id", "x-crochet-origin-wallet-id"] {
            assert!(of(name).len() <= 1, "{name} came twice");
        }
    }
    let sent = [of("payment-signature"), of("x-payment")].concat();
    match readers::header_payment(&headers, &x402, now()) {
        Some(Ok((payment, key))) => {
            assert_eq!(sent.len(), 1);
            assert!(payment.reference().is_ascii() && payment.reference().starts_with(&payment.asset));
            assert_eq!(payment.promised, None, "nobody else can sign terms");
            assert!(payment.valid_before <= timestamp_from_millis(253_402_300_799_000).unwrap());
            // Never a key that a buyer could have sent for another call: it is a hash of its own kind.
            assert!(key.is_none_or(|key| key.as_str().len() == "payment-identifier:".len() + 64));
        }
        Some(Err(error)) => assert!(error.to_string().chars().count() <= 600),
        None => {}
    }
}
