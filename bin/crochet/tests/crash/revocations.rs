//! Keys that are made and revoked while gateways die: what one of them revokes, the others refuse within a second.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crochet::demo::agent::bytes;
use crochet::demo::client::{Answer, ApiClient};
use futures::future::join_all;
use http::Method;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;
use tokio::time::{Instant, sleep};

/// What is promised.
const WITHIN: Duration = Duration::from_secs(1);
/// How long a gateway that is dead is asked again.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was seen of them.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    /// How many keys were revoked, and that acknowledged.
    pub(crate) keys: usize,
    /// How many times a gateway that was there all the time refused one.
    pub(crate) refusals: usize,
    /// The longest time after the acknowledgement until such a gateway's refusal had arrived.
    pub(crate) longest: Duration,
    /// The longest time after it at which a key was still taken.
    pub(crate) last_taken: Duration,
    /// How many times a gateway was dead meanwhile, and refused the key when it was back.
    pub(crate) after_death: usize,
}

impl fmt::Display for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} keys revoked, refused by gateways that were there {} times, the latest {} ms after the revocation was \
             acknowledged, and {} times by gateways that had been dead; the latest that one was taken is {} ms after",
            self.keys,
            self.refusals,
            self.longest.as_millis(),
            self.after_death,
            self.last_taken.as_millis()
        )
    }
}

/// Makes and revokes one key after the other, until it is over.
pub(crate) async fn watch(
    key: String,
    gateways: Arc<[String]>,
    mut rng: StdRng,
    is_over: Arc<AtomicBool>,
) -> Revocations {
    let api = ApiClient::new(&gateways[0]).unwrap();
    let mut seen = Revocations::default();
    while !is_over.load(Ordering::SeqCst) {
        sleep(Duration::from_millis(rng.random_range(50..300))).await;
        let at = &gateways[rng.random_range(0..gateways.len())];
        let wanted = bytes(&json!({ "name": "short-lived", "scopes": ["read"] }));
        let made = send(&api, Method::POST, at, "/api-keys", &key, Some(wanted)).await;
        let Some(made) = made.filter(|made| made.status == 201) else { continue };
        let (short_lived, id) = (made.text("/data/api_key").unwrap(), made.text("/data/id").unwrap());
        // All of them have seen it before it is revoked, as far as they are there.
        join_all(gateways.iter().map(|gateway| send(&api, Method::GET, gateway, "/me", short_lived, None))).await;
        let revoked = send(&api, Method::DELETE, at, &format!("/api-keys/{id}"), &key, None).await;
        if revoked.is_none_or(|revoked| revoked.status != 200) {
            continue;
        }
        let acknowledged = Instant::now();
        seen.keys += 1;
        for refused in join_all(gateways.iter().map(|gateway| refuses(&api, gateway, short_lived, acknowledged))).await
        {
            seen.last_taken = seen.last_taken.max(refused.last_taken);
            if refused.was_there {
                seen.refusals += 1;
                seen.longest = seen.longest.max(refused.after);
            } else {
                seen.after_death += 1;
            }
        }
    }
    seen
}

struct Refused {
    after: Duration,
    last_taken: Duration,
    was_there: bool,
}

/// Asks until the key is refused. No request is taken that was sent a second after the revocation.
async fn refuses(api: &ApiClient, gateway: &str, key: &str, acknowledged: Instant) -> Refused {
    let mut refused = Refused { after: Duration::ZERO, last_taken: Duration::ZERO, was_there: true };
    while acknowledged.elapsed() < PATIENCE {
        let sent = acknowledged.elapsed();
        match send(api, Method::GET, gateway, "/me", key, None).await.map(|answer| answer.status.as_u16()) {
            Some(401) => {
                refused.after = acknowledged.elapsed();
                assert!(!refused.was_there || sent < WITHIN, "refused {} ms after", refused.after.as_millis());
                return refused;
            }
            Some(200) => {
                refused.last_taken = sent;
                assert!(sent < WITHIN, "a revoked key is taken after {} ms", sent.as_millis());
            }
            _ => {
                refused.was_there = false;
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    panic!("{gateway} was not there for {} s", PATIENCE.as_secs())
}

async fn send(
    api: &ApiClient,
    method: Method,
    gateway: &str,
    path: &str,
    key: &str,
    body: Option<bytes::Bytes>,
) -> Option<Answer> {
    let authorization = format!("Bearer {key}");
    let headers = [("authorization", authorization.as_str())];
    api.send(method, &format!("{gateway}/api/v1{path}"), &headers, body).await.ok()
}
