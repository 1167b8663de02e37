//! A market whose buyers pay through Relay, which is a local one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crochet::config::{Config, PaymentProviderName, Settings};
use crochet::demo::client::ApiClient;
use crochet_payments::RelayTimes;
use crochet_payments::testing::{KEY, Relay, SignedWebhook, webhook};
use serde_json::{Value, json};

use super::{Market, Paid, RawAnswer, RawRequest, TestGateway};

/// What a seller receives of a dollar, in USDC's base units.
pub(crate) const SHARE: &str = "951000";

/// A market with a listing at one dollar, and its Relay.
pub(crate) struct RelayMarket {
    pub(crate) market: Market,
    pub(crate) relay: Relay,
}

/// Through this Relay, asked as often as somebody wants to know.
pub(crate) fn through(settings: &mut Settings, relay: &Relay) {
    settings.payment_provider = Some(PaymentProviderName::Relay);
    settings.relay_url = Some(relay.url.clone());
    settings.relay_api_key = Some(KEY.to_owned());
    settings.relay_fee_recipient = Some("0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB".to_owned());
    settings.check_interval_millis = Some(0);
    // The sweeper looks once, when there is nothing to see.
    settings.sweep_interval_millis = Some(3_600_000);
}

/// Too short to wait for, and long enough for a machine that is busy.
pub(crate) fn impatient(config: &mut Config) {
    let (altogether, attempt) = (Duration::from_secs(3), Duration::from_secs(2));
    if let Some(relay) = &mut config.relay {
        relay.times =
            RelayTimes { quote: altogether, quote_attempt: attempt, check: altogether, check_attempt: attempt };
    }
}

/// Now, in milliseconds.
pub(crate) fn now() -> u64 {
    // The gateway's own clock: what Relay says of time is compared with it.
    #[expect(clippy::disallowed_methods, reason = "a test that plays another machine has that machine's clock")]
    let now = SystemTime::now();
    u64::try_from(now.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Sends a webhook as Relay would.
pub(crate) async fn send_webhook(api: &ApiClient, sent: &SignedWebhook) -> RawAnswer {
    RawRequest::new(api, "POST", "/webhooks/relay")
        .header("X-Signature-Timestamp", &sent.timestamp)
        .header("X-Signature-SHA256", &sent.signature)
        .json(sent.body.clone())
        .send()
        .await
}

impl RelayMarket {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}, |_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings), adapt: impl FnOnce(&mut Config)) -> Self {
        let relay = Relay::start().await;
        let settings = |settings: &mut Settings| {
            through(settings, &relay);
            change(settings);
        };
        let gateway = TestGateway::adapted(settings, adapt).await;
        let listing = json!({ "pricing_model": "per_call", "pricing_amount": 1 });
        Self { market: Market::with(gateway, listing).await, relay }
    }

    /// The only payment is reported so, as of now.
    pub(crate) fn status_is(&self, status: &str) {
        self.relay.status_is(status, now());
    }

    /// The only payment is reported as a success, with so much having arrived.
    pub(crate) fn arrives(&self, base_units: &str) {
        self.relay.arrived(base_units);
        self.status_is("success");
    }

    /// A call that is quoted, with its terms.
    pub(crate) async fn quoted(&self, task: &str) -> (Paid, Value) {
        let body = crochet::demo::agent::bytes(&json!({ "task": task }));
        let answer = self.market.call(None, &body).await.expect(402).unwrap();
        let relay_id = answer.text("/data/relay_request_id").unwrap().to_owned();
        (Paid { relay_id, body }, answer.at("/data/payment").clone())
    }

    /// Relay says by a webhook that the only payment is now so.
    pub(crate) async fn webhook(&self, status: &str) -> RawAnswer {
        let id = self.relay.ids().into_iter().next().unwrap();
        let sent = webhook(&id, status, i64::try_from(now()).unwrap());
        send_webhook(&self.market.gateway.api, &sent).await
    }
}
