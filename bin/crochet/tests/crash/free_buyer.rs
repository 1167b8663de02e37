//! A buyer of what costs nothing. With an idempotency key it has one call, however often it asks; without one every
//! request is a call of its own, and one that was cut off is nobody's any more.

use bytes::Bytes;
use crochet::demo::agent::bytes;
use crochet::demo::client::Answer;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::buyer::PATIENCE;
use crate::delivered::{Delivered, Kind};
use crate::road::{Noticed, Road, pause};

pub(crate) struct FreeBuyer {
    pub(crate) road: Road,
    pub(crate) listing: String,
    pub(crate) reader: usize,
    pub(crate) rng: StdRng,
}

impl FreeBuyer {
    pub(crate) async fn call(&mut self, task: &str) -> Delivered {
        let body = bytes(&json!({ "task": task }));
        let key = self.rng.random_bool(0.7).then(|| task.to_owned());
        let mut noticed = Noticed::default();
        let answer = self.until_delivered(&body, key.as_deref(), &mut noticed).await;
        let kind = if key.is_some() { Kind::FreeWithKey } else { Kind::Free };
        let delivered = Delivered::from(kind, self.reader, answer.at("/data"), noticed.clone());
        if key.is_some() && self.rng.random_bool(0.3) {
            let again = self.until_delivered(&body, key.as_deref(), &mut noticed).await;
            assert_eq!(again.at("/data/replayed"), true, "{task}: delivered twice: {}", again.json);
            assert_eq!(again.at("/data/response_sha256"), delivered.response_sha256.as_str(), "{task}: another answer");
            assert_eq!(again.at("/data/seller_response"), &Value::Null, "{task}: nothing of it is kept but the hash");
        }
        delivered
    }

    async fn until_delivered(&mut self, body: &Bytes, key: Option<&str>, noticed: &mut Noticed) -> Answer {
        let began = Instant::now();
        let path = format!("/gateway/{}", self.listing);
        while began.elapsed() < PATIENCE {
            let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
            let Some(answer) = self.road.post(&path, &headers, Some(body.clone()), &mut self.rng, noticed).await else {
                continue;
            };
            match answer.status.as_u16() {
                200 => return answer,
                202 if key.is_none() => panic!("nobody has a call to wait for: {}", answer.json),
                202 | 429 | 502..=504 => sleep(pause(&answer)).await,
                other => panic!("{other}: {}", answer.json),
            }
        }
        panic!("a free call was not delivered within {} s", PATIENCE.as_secs())
    }
}
