//! A buyer that does not give up: it calls, pays what it is asked for, once, and retries until it has its answer.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use crochet::demo::agent::bytes;
use crochet::demo::client::Answer;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::delivered::{Delivered, Kind, Payments};
use crate::road::{Noticed, Road, pause};

/// How long a call may take, with everything that dies meanwhile.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// How a buyer goes about one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Pays as soon as it is asked to.
    Prompt,
    /// Lets the first terms end, and pays when it is given others: those, or the ones that have ended.
    Dawdles,
    /// Has its payment given back by the provider, and pays once more if it is asked to.
    TakesBack,
    /// Its first payment fails.
    Fails,
}

pub(crate) struct Buyer {
    pub(crate) road: Road,
    pub(crate) listing: String,
    pub(crate) reader: usize,
    /// How it goes about its first call; later ones are drawn.
    pub(crate) first: Option<Habit>,
    /// Whether it may have a payment given back of what it was delivered.
    pub(crate) takes_back_late: bool,
    pub(crate) rng: StdRng,
}

/// How a call stands.
struct Call {
    body: Bytes,
    key: Option<String>,
    /// A key that comes with the retries only.
    late_key: Option<String>,
    habit: Habit,
    relay_id: Option<String>,
    /// The call that was paid, from the acknowledgement on, until its payment is given back.
    paid: Option<String>,
    payments: BTreeMap<String, Payments>,
    expired: u32,
    noticed: Noticed,
}

impl Buyer {
    /// A call from its first request to its answer.
    pub(crate) async fn call(&mut self, task: &str) -> Delivered {
        let key = self.rng.random_bool(0.5).then(|| task.to_owned());
        let mut call = Call {
            body: bytes(&json!({ "task": task })),
            late_key: (key.is_none() && self.rng.random_bool(0.5)).then(|| format!("late {task}")),
            key,
            habit: self.first.take().unwrap_or_else(|| self.habit()),
            relay_id: None,
            paid: None,
            payments: BTreeMap::new(),
            expired: 0,
            noticed: Noticed::default(),
        };
        let answer = self.until_delivered(&mut call).await;
        let mut delivered = Delivered::from(Kind::Quoted, self.reader, answer.at("/data"), call.noticed.clone());
        if self.rng.random_bool(0.3) {
            let again = self.until_delivered(&mut call).await;
            assert_eq!(again.at("/data/replayed"), true, "{task}: delivered twice: {}", again.json);
            assert_eq!(again.at("/data/seller_response"), &delivered.response, "{task}: another answer");
        }
        if call.habit == Habit::TakesBack && self.takes_back_late {
            self.take_back(&mut call).await;
        }
        delivered.payments = call.payments;
        delivered.expired = call.expired;
        delivered
    }

    fn habit(&mut self) -> Habit {
        match self.rng.random_range(0..100) {
            0..4 => Habit::Dawdles,
            4..14 => Habit::TakesBack,
            14..27 => Habit::Fails,
            _ => Habit::Prompt,
        }
    }

    async fn until_delivered(&mut self, call: &mut Call) -> Answer {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let answer = self.ask(call).await;
            let status = answer.as_ref().map_or(0, |answer| answer.status.as_u16());
            // What it asked for may have been settled and not delivered, or be under way with whoever has died.
            if status != 200 && call.habit == Habit::TakesBack && self.rng.random_bool(0.5) {
                self.take_back(call).await;
            }
            match (status, answer) {
                (200, Some(answer)) => return answer,
                (402, Some(answer)) => self.asked_to_pay(call, &answer).await,
                (202 | 429 | 502..=504, Some(answer)) => sleep(pause(&answer)).await,
                (other, Some(answer)) => panic!("{other}: {}", answer.json),
                (_, None) => {}
            }
        }
        panic!("{:?} was not delivered within {} s", call.relay_id, PATIENCE.as_secs())
    }

    async fn asked_to_pay(&mut self, call: &mut Call, answer: &Answer) {
        assert!(call.paid.is_none(), "asked to pay again: {}", answer.json);
        let id = answer.text("/data/relay_request_id").unwrap().to_owned();
        let ended = call.relay_id.replace(id.clone()).filter(|known| *known != id);
        if ended.is_some() && answer.at("/error/code") == "QUOTE_EXPIRED" {
            call.expired += 1;
        }
        match (call.habit, ended) {
            (Habit::Dawdles, None) => sleep(pause(answer)).await,
            (Habit::Dawdles, Some(ended)) => {
                call.habit = Habit::Prompt;
                let paid = if self.rng.random_bool(0.5) { ended } else { id };
                self.pay(call, paid).await;
            }
            // Some ask again before they pay, and have to get the same terms.
            _ if self.rng.random_bool(0.2) => {}
            _ => self.pay(call, id).await,
        }
    }

    /// Sends the call to one of the gateways.
    async fn ask(&mut self, call: &mut Call) -> Option<Answer> {
        let mut headers = Vec::new();
        match (&call.relay_id, &call.key, &call.late_key) {
            (Some(id), _, late) => {
                headers.push(("x-crochet-relay-request-id", id.as_str()));
                headers.extend(late.as_ref().map(|key| ("idempotency-key", key.as_str())));
            }
            (None, Some(key), _) => headers.push(("idempotency-key", key.as_str())),
            (None, None, _) => {}
        }
        let path = format!("/gateway/{}", self.listing);
        self.road.post(&path, &headers, Some(call.body.clone()), &mut self.rng, &mut call.noticed).await
    }

    /// Pays a call, in most cases at once; a payment may take a while to arrive, and one may fail.
    async fn pay(&mut self, call: &mut Call, id: String) {
        let fails = call.habit == Habit::Fails;
        let settle_after_ms = if self.rng.random_bool(0.3) { self.rng.random_range(0..1_500) } else { 0 };
        let is_acknowledged =
            self.at_the_till(call, &id, if fails { "failure" } else { "success" }, settle_after_ms).await;
        let paid = call.payments.entry(id.clone()).or_default();
        match (fails, is_acknowledged) {
            (true, _) => call.habit = Habit::Prompt,
            (false, true) => {
                paid.acknowledged += 1;
                call.paid = Some(id);
            }
            // The next answer to the call says whether it arrived: it is paid again only when that asks for it.
            (false, false) => paid.unclear += 1,
        }
    }

    /// Has the payment given back; what was made afterwards is another one.
    async fn take_back(&mut self, call: &mut Call) {
        let Some(id) = call.paid.take() else { return };
        call.habit = Habit::Prompt;
        let is_acknowledged = self.at_the_till(call, &id, "refund", 0).await;
        let paid = call.payments.entry(id).or_default();
        if is_acknowledged { paid.given_back += 1 } else { paid.unclear_refunds += 1 }
    }

    async fn at_the_till(&mut self, call: &mut Call, id: &str, outcome: &str, settle_after_ms: u64) -> bool {
        let body = bytes(&json!({ "outcome": outcome, "settle_after_ms": settle_after_ms }));
        let path = format!("/mock-provider/payments/{id}/pay");
        let answer = self.road.post(&path, &[], Some(body), &mut self.rng, &mut call.noticed).await;
        answer.is_some_and(|answer| answer.status == 200)
    }
}
