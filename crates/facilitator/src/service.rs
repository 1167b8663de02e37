//! One facilitator.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crochet_primitives::Clock;
use crochet_wallet::WalletAddress;
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

/// For how long it is not asked again for an offer's sake, where it has not answered.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How many of its fee payers are remembered.
const FEE_PAYERS: usize = 16;

/// What it said that it supports, `None` where it said nothing that can be read; and until when that is believed.
type Memory = Option<(Option<Supported>, Duration)>;

pub(crate) struct Service {
    http: Http,
    pub(crate) url: String,
    authorization: Option<HeaderValue>,
    breaker: Breaker,
    clock: Arc<dyn Clock>,
    supported: Mutex<Memory>,
    /// Lets one ask what is supported, and the others wait for it.
    asking: tokio::sync::Mutex<()>,
    /// Until when it is not asked again in vain, by the monotonic clock.
    unanswered_until: Mutex<Option<Duration>>,
    /// Who it said pays the fees, lately, the newest last: a facilitator may have several, and name one of them.
    fee_payers: Mutex<Vec<(Network, WalletAddress)>>,
}

impl Service {
    pub(crate) fn new(http: Http, url: String, authorization: Option<HeaderValue>, clock: Arc<dyn Clock>) -> Self {
        let breaker = Breaker::new(&url, Arc::clone(&clock));
        Self {
            http,
            url,
            authorization,
            breaker,
            clock,
            supported: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            unanswered_until: Mutex::default(),
            fee_payers: Mutex::default(),
        }
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

    /// Who pays a network's fees for what it submits; `None` where it does not say so, or does not answer.
    pub(crate) async fn fee_payer(&self, network: Network, deadline: Instant) -> Option<WalletAddress> {
        let fee_payer = self.supported_by_one(deadline).await??.fee_payer(network)?;
        let mut fee_payers = lock(&self.fee_payers);
        let named = (network, fee_payer);
        if !fee_payers.contains(&named) {
            fee_payers.push(named);
            let surplus = fee_payers.len().saturating_sub(FEE_PAYERS);
            fee_payers.drain(..surplus);
        }
        Some(fee_payer)
    }

    /// Whether this wallet is one of its fee payers; `None` where nobody can say.
    pub(crate) async fn has_fee_payer(
        &self,
        network: Network,
        wallet: &WalletAddress,
        deadline: Instant,
    ) -> Option<bool> {
        if lock(&self.fee_payers).contains(&(network, *wallet)) {
            return Some(true);
        }
        let supported = self.supported_by_one(deadline).await?;
        Some(supported.is_some_and(|supported| supported.has_fee_payer(network, wallet)))
    }

    /// As [`supported`](Self::supported), for offers, which strangers ask for: one question at a time, and none for a
    /// moment after one that was not answered.
    async fn supported_by_one(&self, deadline: Instant) -> Option<Option<Supported>> {
        let _turn = tokio::time::timeout_at(deadline, self.asking.lock()).await.ok()?;
        let now = self.clock.monotonic();
        if lock(&self.unanswered_until).is_some_and(|until| now < until) {
            return self.memory().clone().map(|(supported, _)| supported);
        }
        let supported = self.supported(deadline).await;
        let is_old = self.memory().as_ref().is_none_or(|(_, until)| now >= *until);
        *lock(&self.unanswered_until) = is_old.then(|| now.saturating_add(ASKED_AGAIN_AFTER));
        supported
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
        lock(&self.supported)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether it was the facilitator that answered. A bare 500 can be about the payment, which a stranger wrote, so it must
/// not cut off everybody.
fn has_answered(answer: &Answer) -> bool {
    !matches!(answer.status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
        || answer.value.is_some()
}
