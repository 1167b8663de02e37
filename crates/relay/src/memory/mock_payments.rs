//! The mock provider's memory.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use crochet_primitives::{CallId, StorageError};

use super::faults::Faults;
use super::lock;
use crate::ports::{MockPayment, MockPayments, MockQuote, Period};

/// [`MockPayments`] behind one lock.
#[derive(Debug, Default)]
pub struct MemoryMockPayments {
    faults: Faults,
    tables: Mutex<(HashMap<CallId, MockQuote>, Vec<MockPayment>)>,
}

impl MemoryMockPayments {
    /// Which of its next operations fail.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

#[async_trait]
impl MockPayments for MemoryMockPayments {
    async fn keep_quote(&self, quote: &MockQuote) -> Result<MockQuote, StorageError> {
        self.faults.around(|| Ok(lock(&self.tables).0.entry(quote.call).or_insert_with(|| quote.clone()).clone()))
    }

    async fn quote(&self, call: CallId) -> Result<Option<MockQuote>, StorageError> {
        self.faults.around(|| Ok(lock(&self.tables).0.get(&call).cloned()))
    }

    async fn keep_payment(&self, payment: &MockPayment) -> Result<(), StorageError> {
        self.faults.around(|| {
            let payments = &mut lock(&self.tables).1;
            match payments.iter_mut().find(|known| known.reference == payment.reference) {
                Some(known) => *known = payment.clone(),
                None => payments.push(payment.clone()),
            }
            Ok(())
        })
    }

    async fn payments(&self, call: CallId) -> Result<Vec<MockPayment>, StorageError> {
        self.faults.around(|| {
            let tables = lock(&self.tables);
            Ok(tables.1.iter().filter(|payment| payment.call == call).cloned().collect())
        })
    }

    async fn settling(
        &self,
        period: Period,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<MockPayment>, StorageError> {
        self.faults.around(|| {
            let tables = lock(&self.tables);
            let is_meant = |payment: &&MockPayment| {
                period.contains(payment.settles_at) && after.is_none_or(|after| after < payment.reference.as_str())
            };
            let mut found: Vec<MockPayment> = tables.1.iter().filter(is_meant).cloned().collect();
            found.sort_by(|one, other| one.reference.cmp(&other.reference));
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(found)
        })
    }
}
