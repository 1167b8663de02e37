//! The mock provider's own memory.

use async_trait::async_trait;
use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, StorageError, Timestamp};

use crate::lists::Period;

/// A payment at the mock provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockPayment {
    /// `mock_…`.
    pub reference: String,
    /// The call that is paid.
    pub call: CallId,
    /// What becomes of it.
    pub outcome: MockOutcome,
    /// From when on the outcome shows; until then it is pending.
    pub settles_at: Timestamp,
    /// What arrives.
    pub amount: MicroUsd,
}

crochet_primitives::names! {
    /// What becomes of a mock payment.
    pub enum MockOutcome {
        /// It arrives.
        Success => "success",
        /// It stays under way.
        Pending => "pending",
        /// It fails.
        Failure => "failure",
        /// It is given back.
        Refund => "refund",
    }
}

/// A quote at the mock provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockQuote {
    /// The call.
    pub call: CallId,
    /// What is to arrive.
    pub amount: MicroUsd,
    /// Who is to receive it.
    pub recipient: String,
}

/// The mock provider's own memory: it survives a crash, and all replicas see it.
#[async_trait]
pub trait MockPayments: Send + Sync {
    /// Keeps a quote; asked again for the same call, keeps the first.
    async fn keep_quote(&self, quote: &MockQuote) -> Result<MockQuote, StorageError>;

    /// The quote of a call.
    async fn quote(&self, call: CallId) -> Result<Option<MockQuote>, StorageError>;

    /// Keeps a payment, or replaces the one with the same reference.
    async fn keep_payment(&self, payment: &MockPayment) -> Result<(), StorageError>;

    /// The payments for a call, oldest first.
    async fn payments(&self, call: CallId) -> Result<Vec<MockPayment>, StorageError>;

    /// The payments that settle in a period, by their references, those after `after`, `limit` at most.
    async fn settling(&self, period: Period, after: Option<&str>, limit: u32)
    -> Result<Vec<MockPayment>, StorageError>;
}
