//! What happens without a buyer's retry: late payments are noticed, quotes expire, leases that ended are freed, and
//! what has outlived its time is deleted. Never forwards: bodies are not stored. Safe in every replica at once.

use std::sync::Arc;
use std::time::Duration;

use crochet_primitives::StorageError;

use crate::ports::{CheckClaim, Journal, PaymentProvider, Sweeps};
use crate::record::{Record, State};
use crate::terms::Observation;

/// How long a claimed call is left alone by other sweepers.
const HOLD: Duration = Duration::from_secs(60);
/// How many calls one round looks at.
const BATCH: u32 = 50;

/// The sweeper's use case.
pub struct Sweeper {
    /// Where calls are recorded.
    pub journal: Arc<dyn Journal>,
    /// Which of them are due.
    pub sweeps: Arc<dyn Sweeps>,
    /// Who knows what was paid.
    pub provider: Arc<dyn PaymentProvider>,
    /// The shortest time between two questions to the provider about one call.
    pub check_interval: Duration,
}

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many calls were looked at.
    pub looked_at: u32,
    /// How many of them are in another state now.
    pub moved: u32,
    /// Whether there may be more that are due.
    pub has_more: bool,
}

impl Sweeper {
    /// Looks at the calls that a webhook wants to be looked at, and then at those that are due, one by one. A call that
    /// fails is logged and comes up again later.
    ///
    /// # Errors
    /// When the calls cannot be claimed.
    pub async fn round(&self) -> Result<Swept, StorageError> {
        let wanted = self.sweeps.claim_wanted(BATCH, HOLD).await?;
        // Those that are claimed are not due any more.
        let due = self.sweeps.claim_due(BATCH, HOLD).await?;
        let batch = usize::try_from(BATCH).unwrap_or(usize::MAX);
        let mut swept = Swept { has_more: wanted.len() >= batch || due.len() >= batch, ..Swept::default() };
        let wanted = wanted.into_iter().map(|seen| (seen, true));
        for (seen, is_wanted) in wanted.chain(due.into_iter().map(|seen| (seen, false))) {
            swept.looked_at = swept.looked_at.saturating_add(1);
            let before = seen.record.state;
            match self.look_at(&seen.record, is_wanted).await {
                Ok(Some(state)) if state != before => {
                    swept.moved = swept.moved.saturating_add(1);
                    tracing::info!(call = %seen.record.id.request_id(), from = %before, to = %state, "swept");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(call = %seen.record.id.request_id(), %error, "could not be swept"),
            }
        }
        Ok(swept)
    }

    async fn look_at(&self, record: &Record, is_wanted: bool) -> Result<Option<State>, StorageError> {
        let call = record.id;
        // What somebody else had looked at does not make the own looks rarer.
        if !is_wanted {
            self.sweeps.count_check(call).await?;
        }
        let looked = if is_wanted || asks_provider(record.state) {
            match self.journal.claim_check(call, self.check_interval).await? {
                Some(CheckClaim::Claimed(seen)) => {
                    let observation = match &seen.record.terms {
                        Some(terms) => self.provider.check(call, terms).await,
                        None => Observation::Waiting,
                    };
                    Some((seen.now, observation))
                }
                // A buyer's retry asked a moment ago, which is as good, unless a webhook knows of something newer.
                Some(CheckClaim::TooSoon { .. }) if is_wanted => {
                    self.want_again(record).await?;
                    None
                }
                Some(CheckClaim::TooSoon { .. }) | None => None,
            }
        } else {
            None
        };
        let advanced = match &looked {
            Some((asked_at, observation)) => {
                self.journal.advance_after_check(call, *asked_at, observation, None).await?
            }
            None => self.journal.advance(call, None, None).await?,
        };
        Ok(advanced.map(|advanced| advanced.seen.record.state))
    }

    async fn want_again(&self, record: &Record) -> Result<(), StorageError> {
        if let Some(terms) = &record.terms {
            self.sweeps.check_soon(&terms.provider, &terms.provider_request_id).await?;
        }
        Ok(())
    }
}

/// Whether the provider may have something to say of a call in this state.
const fn asks_provider(state: State) -> bool {
    match state {
        State::Quoted | State::Pending | State::Mispaid | State::Expired | State::PaymentFailed => true,
        // A second payment, or a refund, is to be noticed also where the buyer does not come back.
        State::Settled | State::SellerFailed | State::Delivered => true,
        State::Quoting | State::QuoteRefused | State::Forwarding => false,
    }
}
