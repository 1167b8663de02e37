//! A buyer that does not give up: it calls, pays what it is asked for, once, and retries until it has its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crochet::demo::agent::{Agent, bytes};
use crochet::demo::client::Answer;
use http::Method;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How long a call may take, with everything that dies meanwhile.
const PATIENCE: Duration = Duration::from_secs(240);

/// However long it is told to wait: what it does meanwhile is asking again.
const LONGEST_PAUSE: Duration = Duration::from_millis(700);

/// A call that was delivered, as its buyer remembers it.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) relay_id: String,
    /// What the seller answered.
    pub(crate) response: Value,
    /// How often a payment was acknowledged that arrives.
    pub(crate) payments: u32,
    /// How often one was sent of which nobody said what became of it.
    pub(crate) unclear_payments: u32,
    /// How often there was no answer, or one that the service is not there.
    pub(crate) broken_off: u32,
}

impl Delivered {
    /// Under which id the seller knows it.
    pub(crate) fn request_id(&self) -> String {
        self.relay_id.replace("relay_", "gw_req_")
    }
}

pub(crate) struct Buyer {
    pub(crate) agent: Arc<Agent>,
    pub(crate) gateways: Arc<[String]>,
    pub(crate) listing: String,
    pub(crate) rng: StdRng,
}

/// How a call stands.
struct Call {
    body: Bytes,
    key: Option<String>,
    relay_id: Option<String>,
    is_paid: bool,
    may_fail_to_pay: bool,
    payments: u32,
    unclear_payments: u32,
    broken_off: u32,
}

impl Buyer {
    /// A call from its first request to its answer.
    pub(crate) async fn call(&mut self, task: &str) -> Delivered {
        let mut call = Call {
            body: bytes(&json!({ "task": task })),
            key: self.rng.random_bool(0.5).then(|| task.to_owned()),
            relay_id: None,
            is_paid: false,
            may_fail_to_pay: true,
            payments: 0,
            unclear_payments: 0,
            broken_off: 0,
        };
        let answer = self.until_delivered(&mut call).await;
        let response = answer.at("/data/seller_response").clone();
        if self.rng.random_bool(0.3) {
            let again = self.until_delivered(&mut call).await;
            assert_eq!(again.at("/data/replayed"), true, "{task}: delivered twice: {}", again.json);
            assert_eq!(again.at("/data/seller_response"), &response, "{task}: another answer");
        }
        Delivered {
            relay_id: answer.text("/data/relay_request_id").unwrap().to_owned(),
            response,
            payments: call.payments,
            unclear_payments: call.unclear_payments,
            broken_off: call.broken_off,
        }
    }

    async fn until_delivered(&mut self, call: &mut Call) -> Answer {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let Some(answer) = self.ask(call).await else {
                call.broken_off += 1;
                sleep(Duration::from_millis(self.rng.random_range(10..80))).await;
                continue;
            };
            match answer.status.as_u16() {
                200 => return answer,
                402 => {
                    assert!(!call.is_paid, "asked to pay again: {}", answer.json);
                    call.relay_id = Some(answer.text("/data/relay_request_id").unwrap().to_owned());
                    // Some ask again before they pay, and have to get the same terms.
                    if self.rng.random_bool(0.8) {
                        self.pay(call).await;
                    }
                }
                202 | 429 | 502 | 503 | 504 => sleep(pause(&answer)).await,
                other => panic!("{other}: {}", answer.json),
            }
        }
        panic!("{:?} was not delivered within {} s", call.relay_id, PATIENCE.as_secs())
    }

    /// Sends the call to one of the gateways.
    async fn ask(&mut self, call: &Call) -> Option<Answer> {
        let url = format!("{}/api/v1/gateway/{}", self.gateway(), self.listing);
        let header = match (&call.relay_id, &call.key) {
            (Some(id), _) => Some(("x-crochet-relay-request-id", id.as_str())),
            (None, Some(key)) => Some(("idempotency-key", key.as_str())),
            (None, None) => None,
        };
        self.agent.send(Method::POST, &url, header.as_slice(), Some(call.body.clone())).await.ok()
    }

    /// Pays the call, in most cases at once and in full; a payment may take a while to arrive, and one may fail.
    async fn pay(&mut self, call: &mut Call) {
        let fails = call.may_fail_to_pay && self.rng.random_bool(0.15);
        let settle_after_ms = if self.rng.random_bool(0.3) { self.rng.random_range(0..1_500) } else { 0 };
        let outcome = if fails { "failure" } else { "success" };
        let body = json!({ "outcome": outcome, "settle_after_ms": settle_after_ms });
        let id = call.relay_id.as_deref().expect("terms have an id");
        let url = format!("{}/api/v1/mock-provider/payments/{id}/pay", self.gateway());
        let answer = self.agent.send(Method::POST, &url, &[], Some(bytes(&body))).await;
        let is_acknowledged = answer.as_ref().is_ok_and(|answer| answer.status == 200);
        match (fails, is_acknowledged) {
            (true, _) => call.may_fail_to_pay = false,
            (false, true) => {
                call.payments += 1;
                call.is_paid = true;
            }
            // The next answer to the call says whether it arrived: it is paid again only when that asks for it.
            (false, false) => call.unclear_payments += 1,
        }
    }

    fn gateway(&mut self) -> String {
        let number = self.rng.random_range(0..self.gateways.len());
        self.gateways[number].clone()
    }
}

fn pause(answer: &Answer) -> Duration {
    let seconds = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(LONGEST_PAUSE, Duration::from_secs).min(LONGEST_PAUSE)
}
