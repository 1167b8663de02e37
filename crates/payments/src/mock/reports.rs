//! What the mock provider says of a period, whoever remembers it.

use async_trait::async_trait;
use crochet_relay::ports::{MockOutcome, Period, ProviderReports, ReportError, ReportPage, Reported};

use super::{ASSET, MockProvider, NAME};

/// How many payments one part of the report has.
const PAGE: u32 = 100;

#[async_trait]
impl ProviderReports for MockProvider {
    fn provider(&self) -> &'static str {
        NAME
    }

    async fn payments(&self, period: Period, page: Option<&str>) -> Result<ReportPage, ReportError> {
        let found = self.store.settling(period, page, PAGE).await;
        let found = found.map_err(|error| {
            tracing::warn!(%error, "the mock provider's payments cannot be read");
            ReportError { why: "its payments cannot be read".to_owned() }
        })?;
        let is_full = u32::try_from(found.len()).is_ok_and(|len| len >= PAGE);
        let next = found.last().filter(|_| is_full).map(|last| last.reference.clone());
        let now = self.clock.now();
        let arrived =
            found.into_iter().filter(|payment| payment.outcome == MockOutcome::Success && payment.settles_at <= now);
        let reported = |payment: crochet_relay::ports::MockPayment| Reported {
            provider_request_id: payment.call.relay_request_id(),
            reference: payment.reference,
            asset: Some(ASSET.to_owned()),
            recipient: None,
            base_units: Some(payment.amount.micros()),
        };
        Ok(ReportPage { items: arrived.map(reported).collect(), next })
    }
}
