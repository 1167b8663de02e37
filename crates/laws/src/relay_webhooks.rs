//! Webhooks of the payment provider: taken are those that it signed lately and that name a request.

use chrono::TimeDelta;
use crochet_payments::{WebhookError, verify_webhook};
use crochet_primitives::timestamp_from_millis;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use serde_json::Value;
use sha2::Sha256;

use crate::input::{lines, now, text};

const KEY: &str = "a-key-of-tests";

/// Three lines: the timestamp's header, the signature's, and the body. As they came, and signed.
pub fn relay_webhooks(bytes: &[u8]) {
    let text = text(bytes);
    let [timestamp, signature, body] = lines(&text);
    assert_eq!(verify(timestamp, signature, body), expected(timestamp, signature, body));
    let signed = sign(timestamp, body);
    let verdict = verify(timestamp, &signed, body);
    assert_eq!(verdict, expected(timestamp, &signed, body));
    assert_eq!(verify(timestamp, &signed.to_uppercase(), body), verdict);
    if let Ok(id) = verdict {
        assert!((1..=66).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(verify(timestamp, &signed, &format!("{body} ")), Err(WebhookError::Unsigned));
        assert_eq!(verify(timestamp, &signed[..62], body), Err(WebhookError::Unsigned), "a truncated one is none");
    }
}

fn verify(timestamp: &str, signature: &str, body: &str) -> Result<String, WebhookError> {
    let key = SecretString::from(KEY);
    verify_webhook(&key, timestamp, signature, body.as_bytes(), now()).map(|event| event.request_id)
}

fn sign(timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn expected(timestamp: &str, signature: &str, body: &str) -> Result<String, WebhookError> {
    let is_digits = !timestamp.is_empty() && timestamp.chars().all(|c| c.is_ascii_digit());
    // Up to here seconds, from here on milliseconds.
    let millis = timestamp
        .parse::<i128>()
        .ok()
        .filter(|_| is_digits)
        .map(|number| if number < 100_000_000_000 { number * 1000 } else { number });
    let at = millis.and_then(|millis| timestamp_from_millis(i64::try_from(millis).ok()?));
    let is_fresh = at.is_some_and(|at| (now() - at).abs() <= TimeDelta::seconds(300));
    if signature.to_lowercase() != sign(timestamp, body) || !is_fresh {
        return Err(WebhookError::Unsigned);
    }
    let event: Value = serde_json::from_str(body).map_err(|_| WebhookError::NotAboutARequest)?;
    let id = event["data"]["requestId"].as_str().unwrap_or_default();
    let is_id = (1..=66).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric());
    is_id.then(|| id.to_owned()).ok_or(WebhookError::NotAboutARequest)
}
