//! What the binary would connect the server to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crochet_http::{Condition, MockPay, MockReceipt, MockStatus, Readiness, ReadinessReport};
use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, StorageError};
use crochet_relay::memory::{MemoryJournal, ScriptedUpstream};
use crochet_relay::ports::{Journal, MockOutcome, Upstream, WebhookRefused, Webhooks};
use crochet_relay::{Arrival, Dispatch};

/// Finds everything in order, or the migrations failing.
pub(crate) struct Probe {
    pub(crate) is_ready: bool,
    pub(crate) looks: Arc<AtomicU32>,
}

#[async_trait]
impl Readiness for Probe {
    async fn look(&self) -> ReadinessReport {
        self.looks.fetch_add(1, Ordering::SeqCst);
        ReadinessReport {
            database: Condition::Ok,
            migrations: if self.is_ready { Condition::Ok } else { Condition::Failing },
            provider: "mock".to_owned(),
            provider_condition: Condition::Unknown,
            x402: None,
        }
    }
}

/// Takes webhooks whose signature is their length, at the hour.
pub(crate) struct Sealed;

impl Webhooks for Sealed {
    fn provider(&self) -> &'static str {
        "mock"
    }

    fn verify(&self, header: &dyn Fn(&str) -> Option<String>, body: &[u8]) -> Result<String, WebhookRefused> {
        let is_signed = header("x-signature-sha256") == Some(body.len().to_string())
            && header("x-signature-timestamp").as_deref() == Some("12:00");
        if !is_signed {
            return Err(WebhookRefused::Unsigned);
        }
        let event: serde_json::Value = serde_json::from_slice(body).map_err(|_| WebhookRefused::NotAboutAQuote)?;
        event["data"]["requestId"].as_str().map(str::to_owned).ok_or(WebhookRefused::NotAboutAQuote)
    }
}

/// Takes payments for calls that are recorded; panics when a test asks it to.
pub(crate) struct Till {
    pub(crate) journal: Arc<MemoryJournal>,
}

pub(crate) const PANIC_AFTER_MS: u64 = 666;

#[async_trait]
impl MockPay for Till {
    async fn pay(
        &self,
        call: CallId,
        outcome: MockOutcome,
        settle_after: Duration,
        amount: Option<MicroUsd>,
    ) -> Result<Option<MockReceipt>, StorageError> {
        assert_ne!(settle_after, Duration::from_millis(PANIC_AFTER_MS), "a test asked for this panic");
        if self.journal.find(call).await?.is_none() {
            return Ok(None);
        }
        let status = match outcome {
            _ if !settle_after.is_zero() => MockStatus::Pending,
            MockOutcome::Success => MockStatus::Success,
            MockOutcome::Pending => MockStatus::Pending,
            MockOutcome::Failure => MockStatus::Failure,
            MockOutcome::Refund => MockStatus::Refund,
        };
        Ok(Some(MockReceipt { status, reference: format!("mock_{}", amount.unwrap_or_default().micros()) }))
    }
}

/// A body with this makes the way to the seller panic.
pub(crate) const PANIC_BODY: &str = "{\"please\":\"panic\"}";

/// A scripted seller, the way to whom is a bug where the body asks for one.
pub(crate) struct PanickingSeller {
    pub(crate) seller: Arc<ScriptedUpstream>,
}

#[async_trait]
impl Upstream for PanickingSeller {
    async fn forward(&self, dispatch: Dispatch) -> Arrival {
        assert_ne!(dispatch.body.as_ref(), PANIC_BODY.as_bytes(), "a test asked for this panic");
        self.seller.forward(dispatch).await
    }
}
