//! Small pieces that connect one room's port to another room's adapter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crochet_facilitator::Facilitators;
use crochet_forwarder::guard::{GuardPolicy, check_url};
use crochet_http::{Condition, MockPay, MockReceipt, MockStatus, Readiness, ReadinessReport};
use crochet_market::Payouts;
use crochet_market::ports::EndpointGuard;
use crochet_payments::{MockPayError, MockProvider, PayRequest, PaymentStatus, RelayProvider};
use crochet_postgres::Db;
use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, StorageError};
use crochet_relay::ports::{MockOutcome, PaymentProvider, ProviderReports, Webhooks};
use secrecy::SecretString;

use super::alone::Alone;

/// The forwarder's guard, for URLs that are about to be stored. It is asked again at every call.
pub(super) struct UrlGuard(pub(super) GuardPolicy);

impl EndpointGuard for UrlGuard {
    fn check(&self, url: &str) -> Result<(), String> {
        check_url(url, &self.0).map(|_| ()).map_err(|refusal| refusal.to_string())
    }
}

/// The one provider that this gateway is paid through.
pub(super) enum Payments {
    Mock(Arc<MockProvider>),
    Relay(Arc<RelayProvider>),
}

impl Payments {
    pub(super) fn provider(&self) -> Arc<dyn PaymentProvider> {
        match self {
            Self::Mock(mock) => mock.clone(),
            Self::Relay(relay) => relay.clone(),
        }
    }

    /// The same for the sweeper, which comes after the buyers.
    pub(super) fn unhurried(&self) -> Arc<dyn PaymentProvider> {
        match self {
            Self::Mock(mock) => mock.clone(),
            Self::Relay(relay) => Arc::new(relay.clone().unhurried()),
        }
    }

    /// Who can tell Relay's webhooks from others; nobody, where buyers do not pay through it.
    pub(super) fn relay_webhooks(&self) -> Option<Arc<dyn Webhooks>> {
        match self {
            Self::Mock(_) => None,
            Self::Relay(relay) => Some(relay.clone()),
        }
    }

    /// Who says of its own accord what was paid through it.
    pub(super) fn reports(&self) -> Arc<dyn ProviderReports> {
        match self {
            Self::Mock(mock) => mock.clone(),
            Self::Relay(relay) => Arc::new(relay.clone().unhurried()),
        }
    }

    /// Where sellers can be paid.
    pub(super) fn payouts(&self) -> Payouts {
        match self {
            Self::Mock(_) => Payouts::Anywhere,
            Self::Relay(_) => Payouts::On(RelayProvider::PAYOUT_CHAINS.to_vec()),
        }
    }

    /// Where mock payments are made: nowhere, where money is real.
    pub(super) fn till(&self) -> Option<Arc<dyn MockPay>> {
        match self {
            Self::Mock(mock) => Some(Arc::new(Till(mock.clone()))),
            Self::Relay(_) => None,
        }
    }

    /// The mock provider keeps its memory in the database; Relay is judged by how it answers payments.
    fn condition(&self, database: Condition) -> Condition {
        match self {
            Self::Mock(_) => database,
            Self::Relay(relay) if relay.is_answering() => Condition::Ok,
            Self::Relay(_) => Condition::Failing,
        }
    }
}

/// The mock provider's till.
struct Till(Arc<MockProvider>);

#[async_trait]
impl MockPay for Till {
    async fn pay(
        &self,
        call: CallId,
        outcome: MockOutcome,
        settle_after: Duration,
        amount: Option<MicroUsd>,
    ) -> Result<Option<MockReceipt>, StorageError> {
        let settle_after_ms = u64::try_from(settle_after.as_millis()).unwrap_or(u64::MAX);
        let receipt = match self.0.pay(call, PayRequest { outcome, settle_after_ms, amount }).await {
            Ok(receipt) => receipt,
            Err(MockPayError::UnknownCall) => return Ok(None),
            Err(MockPayError::Storage(error)) => return Err(error),
            // The route has checked both bounds.
            Err(error @ (MockPayError::SettlesTooLate | MockPayError::AmountTooLarge)) => {
                return Err(StorageError::Corrupt(error.to_string()));
            }
        };
        let status = match receipt.status {
            PaymentStatus::Waiting => MockStatus::Waiting,
            PaymentStatus::Pending => MockStatus::Pending,
            PaymentStatus::Success => MockStatus::Success,
            PaymentStatus::Failure => MockStatus::Failure,
            PaymentStatus::Refund => MockStatus::Refund,
        };
        Ok(Some(MockReceipt { status, reference: receipt.provider_reference }))
    }
}

/// Looks at the database and its schema.
pub(super) struct Probe {
    pub(super) db: Db,
    pub(super) direct_url: SecretString,
    pub(super) payments: Payments,
    /// Who takes payments by x402.
    pub(super) facilitators: Option<Arc<Facilitators>>,
    /// A schema never goes back while the program runs, so once is enough.
    pub(super) schema_is_current: AtomicBool,
    /// So that a database that hangs is asked by one probe, not by each.
    pub(super) alone: Alone,
}

/// How long a probe waits for the one before it, and for its own ping.
const PING: Duration = Duration::from_secs(2);

/// How long a look at the schema may take.
const SCHEMA_LOOK: Duration = Duration::from_secs(3);

#[async_trait]
impl Readiness for Probe {
    async fn look(&self) -> ReadinessReport {
        let database = if self.database_answers().await { Condition::Ok } else { Condition::Failing };
        let migrations = if self.schema_is_current.load(Ordering::Relaxed) {
            Condition::Ok
        } else if database == Condition::Ok {
            self.look_at_the_schema().await
        } else {
            Condition::Unknown
        };
        ReadinessReport {
            database,
            migrations,
            provider: self.payments.provider().name().to_owned(),
            provider_condition: self.payments.condition(database),
            x402: self
                .facilitators
                .as_ref()
                .map(|facilitators| if facilitators.health().is_ready() { Condition::Ok } else { Condition::Failing }),
        }
    }
}

impl Probe {
    /// A full pool whose work goes on is busy, and does answer; one in which nothing ends does not.
    async fn database_answers(&self) -> bool {
        let (db, before) = (self.db.clone(), self.db.finished());
        match self.alone.run(PING, async move { db.ping().await }).await {
            Some(Ok(())) => true,
            Some(Err(StorageError::Busy)) => self.db.finished() != before,
            Some(Err(_)) | None => false,
        }
    }

    async fn look_at_the_schema(&self) -> Condition {
        let url = self.direct_url.clone();
        let look = tokio::task::spawn_blocking(move || crochet_postgres::pending(&url));
        match tokio::time::timeout(SCHEMA_LOOK, look).await {
            Ok(Ok(Ok(pending))) if pending.is_empty() => {
                self.schema_is_current.store(true, Ordering::Relaxed);
                Condition::Ok
            }
            Ok(Ok(Ok(_))) => Condition::Failing,
            Ok(Ok(Err(_)) | Err(_)) | Err(_) => Condition::Unknown,
        }
    }
}
