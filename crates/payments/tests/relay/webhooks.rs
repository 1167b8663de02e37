//! Whose webhooks are taken.

use crochet_payments::testing::{SignedWebhook, signed, webhook};
use crochet_payments::{RelayProvider, WEBHOOK_TOLERANCE};
use crochet_relay::ports::{WebhookRefused, Webhooks};

use crate::bench::bench;
use crochet_payments::testing::NOW;

fn verify(provider: &RelayProvider, sent: &SignedWebhook) -> Result<String, WebhookRefused> {
    let header = |name: &str| match name {
        "x-signature-timestamp" => Some(sent.timestamp.clone()),
        "x-signature-sha256" => Some(sent.signature.clone()),
        _ => None,
    };
    provider.verify(&header, &sent.body)
}

#[tokio::test]
async fn a_webhook_with_the_signature_of_our_key_names_its_request() {
    let bench = bench().await;
    let now = i64::try_from(NOW).unwrap();
    let sent = webhook("0x01", "success", now);
    assert_eq!(verify(&bench.provider, &sent).as_deref(), Ok("0x01"));
    assert_eq!(bench.provider.provider(), "relay");
    let without = bench.provider.verify(&|_| None, &sent.body);
    assert_eq!(without, Err(WebhookRefused::Unsigned));
    let other = signed("another-key", &now.to_string(), sent.body.clone());
    assert_eq!(verify(&bench.provider, &other), Err(WebhookRefused::Unsigned));
    let about_nothing = signed(crochet_payments::testing::KEY, &now.to_string(), b"{}".to_vec());
    assert_eq!(verify(&bench.provider, &about_nothing), Err(WebhookRefused::NotAboutAQuote));
    bench.clock.advance(WEBHOOK_TOLERANCE * 2);
    assert_eq!(verify(&bench.provider, &sent), Err(WebhookRefused::Unsigned));
}
