//! One facilitator.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crochet_primitives::Clock;
use crochet_x402::facilitator::Supported;
use crochet_x402::{Network, Version};
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use crate::breaker::Breaker;
use crate::http::{Answer, Http, NoAnswer};

/// For how long what it supports is remembered.
const SUPPORTED_FOR: Duration = Duration::from_secs(600);
/// For how long it is remembered that it does not say what it supports.
const UNSAID_FOR: Duration = Duration::from_secs(60);

/// What it said that it supports, `None` where it said nothing that can be read; and until when that is believed.
type Memory = Option<(Option<Supported>, Duration)>;

pub(crate) struct Service {
    http: Http,
    pub(crate) url: String,
    authorization: Option<HeaderValue>,
    breaker: Breaker,
    clock: Arc<dyn Clock>,
    supported: Mutex<Memory>,
}

impl Service {
    pub(crate) fn new(http: Http, url: String, authorization: Option<HeaderValue>, clock: Arc<dyn Clock>) -> Self {
        let breaker = Breaker::new(&url, Arc::clone(&clock));
        Self { http, url, authorization, breaker, clock, supported: Mutex::default() }
    }

    /// Whether it has answered lately, as far as anybody has asked.
    pub(crate) fn is_answering(&self) -> bool {
        self.breaker.is_closed()
    }

    /// In which version it takes payments on `network`: the preferred one where it can. `None` where it does not, or
    /// does not answer. One that answers, and does not say what it supports, is believed to support everything.
    pub(crate) async fn version_for(&self, preferred: Version, network: Network, deadline: Instant) -> Option<Version> {
        let other = if preferred == Version::V1 { Version::V2 } else { Version::V1 };
        let supported = self.supported(deadline).await?;
        let can = |version: &Version| supported.as_ref().is_none_or(|supported| supported.takes(*version, network));
        [preferred, other].into_iter().find(can)
    }

    async fn supported(&self, deadline: Instant) -> Option<Option<Supported>> {
        let now = self.clock.monotonic();
        let remembered = self.memory().clone();
        if let Some((supported, until)) = &remembered
            && now < *until
        {
            return Some(supported.clone());
        }
        let Some(answer) = self.get_supported(deadline).await else {
            // What it could do before, it can most likely still do; whether it answers is seen when it is asked.
            return remembered.map(|(supported, _)| supported);
        };
        let supported = answer.value.as_ref().and_then(Supported::read);
        let length = if supported.is_some() { SUPPORTED_FOR } else { UNSAID_FOR };
        *self.memory() = Some((supported.clone(), now.saturating_add(length)));
        Some(supported)
    }

    async fn get_supported(&self, deadline: Instant) -> Option<Answer> {
        let permit = self.breaker.permit()?;
        let answer = self.http.get(&format!("{}/supported", self.url), self.authorization.as_ref(), deadline).await;
        permit.tell(answer.as_ref().is_ok_and(has_answered));
        answer.ok().filter(has_answered)
    }

    /// `POST /verify`; `None` without an answer of its own.
    pub(crate) async fn verify(&self, body: &Value, deadline: Instant) -> Option<Answer> {
        let permit = self.breaker.permit()?;
        let answer = self.post("/verify", body, deadline).await;
        permit.tell(answer.as_ref().is_ok_and(has_answered));
        answer.ok()
    }

    /// `POST /settle`, also where it has not answered lately: nobody else may be asked. Sent again where there was no
    /// connection to send it by.
    pub(crate) async fn settle(&self, body: &Value, deadline: Instant) -> Option<Answer> {
        let permit = self.breaker.permit();
        let mut answer = self.post("/settle", body, deadline).await;
        if answer.as_ref().err() == Some(&NoAnswer::NotSent) {
            answer = self.post("/settle", body, deadline).await;
        }
        if let Some(permit) = permit {
            permit.tell(answer.as_ref().is_ok_and(has_answered));
        }
        answer.ok()
    }

    async fn post(&self, path: &str, body: &Value, deadline: Instant) -> Result<Answer, NoAnswer> {
        self.http.post(&format!("{}{path}", self.url), self.authorization.as_ref(), body, deadline).await
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.supported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it was the facilitator that answered. A bare 500 can be about the payment, which a stranger wrote, so it must
/// not cut off everybody.
fn has_answered(answer: &Answer) -> bool {
    !matches!(answer.status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
        || answer.value.is_some()
}
