//! A buyer that pays by x402: it asks for terms, signs, and sends the same request until it has its answer.

use std::sync::Arc;

use base64::Engine;
use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use crochet::demo::agent::bytes;
use crochet::demo::client::Answer;
use crochet_facilitator::testing::{TestChain, TestPayer};
use crochet_x402::{Authorization, encode};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::buyer::PATIENCE;
use crate::delivered::{Delivered, Kind};
use crate::road::{Noticed, Road, pause};

/// An authorization outlives every campaign, so that nothing but the chain can say what became of it.
const GOOD_FOR: TimeDelta = TimeDelta::minutes(55);

pub(crate) struct HeaderBuyer {
    pub(crate) road: Road,
    pub(crate) listing: String,
    pub(crate) reader: usize,
    pub(crate) payer: Arc<TestPayer>,
    pub(crate) chain: TestChain,
    /// Whether it calls with an API key of its own; else its wallet is all that it has.
    pub(crate) has_key: bool,
    /// How likely somebody who has seen its payment submits it, where nobody else does.
    pub(crate) chance_of_help: f64,
    pub(crate) rng: StdRng,
}

struct Call {
    body: Bytes,
    authorization: Authorization,
    /// What goes into `PAYMENT-SIGNATURE`.
    payment: String,
    may_be_helped: bool,
    noticed: Noticed,
}

impl HeaderBuyer {
    /// A call from its terms to its answer.
    pub(crate) async fn call(&mut self, task: &str) -> Delivered {
        let body = bytes(&json!({ "task": task }));
        let mut noticed = Noticed::default();
        let terms = self.terms(&body, &mut noticed).await;
        let (amount, to) = (&terms["accepts"][0]["amount"], &terms["accepts"][0]["payTo"]);
        let value = amount.as_str().unwrap().parse().unwrap();
        let to = to.as_str().unwrap().parse().unwrap();
        let authorization = self.payer.authorize(&self.chain.asset(), &to, value, Utc::now() + GOOD_FOR);
        let mut payment = TestPayer::v2(&terms, &authorization);
        if !self.has_key {
            // What opens its response again.
            payment["extensions"]["payment-identifier"]["info"]["id"] = json!(format!("{task:->24}").replace(' ', "-"));
        }
        let may_be_helped = self.rng.random_bool(self.chance_of_help);
        let mut call = Call { body, authorization, payment: encode(&payment), may_be_helped, noticed };
        let answer = self.until_delivered(&mut call).await;
        let delivered = Delivered::from(Kind::ByHeader, self.reader, answer.at("/data"), call.noticed.clone());
        if self.rng.random_bool(0.3) {
            let again = self.until_delivered(&mut call).await;
            assert_eq!(again.at("/data/replayed"), true, "{task}: delivered twice: {}", again.json);
            assert_eq!(again.at("/data/seller_response"), &delivered.response, "{task}: another answer");
        }
        delivered
    }

    /// What a 402 asks for. It costs the gateway nothing, and may be asked for as often as it takes.
    async fn terms(&mut self, body: &Bytes, noticed: &mut Noticed) -> Value {
        let began = Instant::now();
        let headers: &[_] = if self.has_key { &[("x-crochet-payment-scheme", "exact")] } else { &[] };
        let path = format!("/gateway/{}", self.listing);
        while began.elapsed() < PATIENCE {
            let Some(answer) = self.road.post(&path, headers, Some(body.clone()), &mut self.rng, noticed).await else {
                continue;
            };
            match answer.status.as_u16() {
                402 => return required(&answer),
                429 | 502..=504 => sleep(pause(&answer)).await,
                other => panic!("{other}: {}", answer.json),
            }
        }
        panic!("no terms within {} s", PATIENCE.as_secs())
    }

    async fn until_delivered(&mut self, call: &mut Call) -> Answer {
        let began = Instant::now();
        let path = format!("/gateway/{}", self.listing);
        let mut waits = 0;
        while began.elapsed() < PATIENCE {
            let headers = [("payment-signature", call.payment.as_str())];
            let body = Some(call.body.clone());
            let Some(answer) = self.road.post(&path, &headers, body, &mut self.rng, &mut call.noticed).await else {
                continue;
            };
            match answer.status.as_u16() {
                200 => return answer,
                // It is good for longer than this takes, so whether it was made is open until it was.
                402 => panic!("asked to pay again: {}", answer.json),
                202 => {
                    waits += 1;
                    // Its claim is committed, and whoever has died since may not have submitted it: anybody may.
                    if call.may_be_helped && waits > 5 && answer.at("/data/status") == "pending" {
                        let _ = self.chain.submit(&call.authorization);
                        call.may_be_helped = false;
                    }
                    sleep(pause(&answer)).await;
                }
                429 | 502..=504 => sleep(pause(&answer)).await,
                other => panic!("{other}: {}", answer.json),
            }
        }
        panic!("{:?} was not delivered within {} s", call.authorization.nonce, PATIENCE.as_secs())
    }
}

/// What `PAYMENT-REQUIRED` says.
fn required(answer: &Answer) -> Value {
    let value = answer.headers.get("payment-required").unwrap_or_else(|| panic!("no terms: {}", answer.json));
    serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(value.as_bytes()).unwrap()).unwrap()
}
