//! How a buyer's requests get to a gateway, and what it notices of the gateways on the way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crochet::demo::client::{Answer, ApiClient};
use http::Method;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::sleep;

use crate::proxy::SERVED_BY;

/// However long a buyer is told to wait: what it does meanwhile is asking again.
const LONGEST_PAUSE: Duration = Duration::from_millis(700);

/// To gateways, through a proxy or to any of them by itself.
#[derive(Clone)]
pub(crate) struct Road {
    http: ApiClient,
    gateways: Arc<[String]>,
    proxy: Option<String>,
    authorization: Option<String>,
}

/// What a buyer notices of the gateways while it makes one call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noticed {
    /// How often there was no answer, or one that the service is not there.
    pub(crate) broken_off: u32,
    /// Which of them broke off a request that they had.
    pub(crate) cut_at: BTreeSet<usize>,
    /// Which of them gave the last answer.
    pub(crate) answered_by: Option<usize>,
}

impl Road {
    pub(crate) fn new(gateways: Arc<[String]>, proxy: Option<String>, key: Option<&str>) -> Self {
        let http = ApiClient::new(&gateways[0]).unwrap();
        Self { http, gateways, proxy, authorization: key.map(|key| format!("Bearer {key}")) }
    }

    /// Posts to one of the gateways; `None` where that gave no answer, after a moment.
    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Bytes>,
        rng: &mut StdRng,
        noticed: &mut Noticed,
    ) -> Option<Answer> {
        let number = rng.random_range(0..self.gateways.len());
        let base = self.proxy.as_ref().unwrap_or(&self.gateways[number]);
        let mut all: Vec<_> = self.authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        all.extend_from_slice(headers);
        let answer = self.http.send(Method::POST, &format!("{base}/api/v1{path}"), &all, body).await.ok();
        let named = answer.as_ref().and_then(|answer| answer.headers.get(SERVED_BY)?.to_str().ok()?.parse().ok());
        let by = if self.proxy.is_some() { named } else { Some(number) };
        // Every answer of a gateway is JSON; what is not comes from the proxy.
        if let Some(answer) = answer.filter(|answer| !answer.json.is_null()) {
            noticed.answered_by = by;
            return Some(answer);
        }
        noticed.broken_off += 1;
        noticed.cut_at.extend(by);
        sleep(Duration::from_millis(rng.random_range(10..80))).await;
        None
    }
}

/// How long an answer says to wait, within reason.
pub(crate) fn pause(answer: &Answer) -> Duration {
    let seconds = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(LONGEST_PAUSE, Duration::from_secs).min(LONGEST_PAUSE)
}
