//! Comparing our books with what the providers say, for a period: both ways round.
//!
//! **Invariant:** nothing is changed, unless repairs are asked for; and then only by the same transition that every
//! other look at a provider leads to. A payment that nobody here knows is recorded in either case.

mod difference;

use std::sync::Arc;
use std::time::Duration;

use crochet_primitives::{CallId, Clock, Entropy, EntropyExt, OrphanId, StorageError, Timestamp};

use crate::ports::{
    Books, CheckClaim, Journal, PaymentProvider, Period, ProviderReports, ReconcileStore, ReportError, Reported,
};
use crate::terms::Terms;

pub use difference::{Difference, DifferenceKind};
use difference::{Found, differences};

/// How many calls are read at once.
const BATCH: u32 = 100;
/// The most pages of a provider's report that are read: what is longer is a report that does not end.
const MAX_PAGES: u32 = 2_000;

/// Something that could not be asked, so that nobody knows whether there is a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAsked {
    /// The call; none where a provider's report could not be read.
    pub call: Option<CallId>,
    /// The provider.
    pub provider: String,
    /// Why, where more is known than that there was no answer.
    pub why: String,
}

/// A payment that nobody here knows: made to us, for a quote that there is no record of. Kept for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPayment {
    /// UUIDv7.
    pub id: OrphanId,
    /// The payment provider.
    pub provider: String,
    /// What it reports.
    pub reported: Reported,
    /// When it was noticed.
    pub noticed_at: Timestamp,
}

/// Is told of each thing as it is found.
pub trait Watcher: Send {
    /// One more call was compared.
    fn compared(&mut self, counts: &Counts);
    /// There is a difference.
    fn differs(&mut self, difference: &Difference);
    /// Something could not be asked.
    fn not_asked(&mut self, what: &NotAsked);
}

/// What a reconciliation came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls with terms that were compared.
    pub calls: u64,
    /// Those of them that are settled.
    pub settled: u64,
    /// Payments that providers report of their own accord.
    pub reported: u64,
    /// Payments that nobody here knows, and that were recorded before.
    pub known_orphans: u64,
    /// Differences that still are.
    pub differences: u64,
    /// Differences that are no longer.
    pub repaired: u64,
    /// What could not be asked.
    pub not_asked: u64,
}

/// The use case over its ports.
pub struct Reconciler {
    /// What is to be compared.
    pub store: Arc<dyn ReconcileStore>,
    /// What is recorded of each call.
    pub books: Arc<dyn Books>,
    /// Where repairs are written.
    pub journal: Arc<dyn Journal>,
    /// Who knows what was paid: each payment's own provider.
    pub provider: Arc<dyn PaymentProvider>,
    /// Who reports payments of their own accord.
    pub reports: Vec<Arc<dyn ProviderReports>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for ids.
    pub entropy: Arc<dyn Entropy>,
    /// How long to wait between two questions.
    pub pause: Duration,
    /// Whether differences are repaired where the journal's own rules do so.
    pub repairs: bool,
}

impl Reconciler {
    /// Compares every call with terms that was made or settled in the period, and then what the providers report of it.
    ///
    /// # Errors
    /// When the storage fails. What was found before then was told.
    pub async fn run(&self, period: Period, watcher: &mut dyn Watcher) -> Result<Counts, StorageError> {
        let mut counts = Counts::default();
        let mut after = None;
        loop {
            let calls = self.store.calls_to_compare(period, after, BATCH).await?;
            let Some(last) = calls.last().copied() else { break };
            for call in calls {
                self.compare(call, &mut counts, watcher).await?;
            }
            after = Some(last);
        }
        for report in &self.reports {
            self.read(report.as_ref(), period, &mut counts, watcher).await?;
        }
        Ok(counts)
    }

    async fn compare(&self, call: CallId, counts: &mut Counts, watcher: &mut dyn Watcher) -> Result<(), StorageError> {
        let Some(item) = self.books.history_item(call).await? else { return Ok(()) };
        let Some(terms) = item.record.terms.clone() else { return Ok(()) };
        counts.calls = counts.calls.saturating_add(1);
        counts.settled = counts.settled.saturating_add(u64::from(item.record.settlement.is_some()));
        self.clock.sleep(self.pause).await;
        let observation = self.provider.check(call, &terms).await;
        let mut found = differences(&item, &terms, &observation);
        if self.repairs && found.as_ref().is_ok_and(|found| !found.is_empty()) {
            found = self.repair(call, &terms, found).await?;
        }
        match found {
            Ok(found) => found.iter().for_each(|difference| tell(difference, counts, watcher)),
            Err(why) => {
                let what = NotAsked { call: Some(call), provider: terms.provider, why: why.to_owned() };
                tell_not_asked(&what, counts, watcher);
            }
        }
        watcher.compared(counts);
        Ok(())
    }

    /// Looks again by the rules by which every look is applied, and says what is left.
    async fn repair(&self, call: CallId, terms: &Terms, found: Found) -> Result<Found, StorageError> {
        let Some(CheckClaim::Claimed(seen)) = self.journal.claim_check(call, Duration::ZERO).await? else {
            return Ok(found);
        };
        self.clock.sleep(self.pause).await;
        let observation = self.provider.check(call, terms).await;
        self.journal.advance_after_check(call, seen.now, &observation, None).await?;
        let Some(item) = self.books.history_item(call).await? else { return Ok(found) };
        let left = differences(&item, terms, &observation);
        Ok(found.and_then(|found| {
            let left = left?;
            let is_left = |difference: &Difference| {
                left.iter().any(|other| other.kind == difference.kind && other.reference == difference.reference)
            };
            let new = left.iter().filter(|left| !found.iter().any(|known| known.reference == left.reference));
            let mut all: Vec<Difference> = new.cloned().collect();
            all.extend(found.iter().map(|one| Difference { is_repaired: !is_left(one), ..one.clone() }));
            Ok(all)
        }))
    }

    async fn read(
        &self,
        report: &dyn ProviderReports,
        period: Period,
        counts: &mut Counts,
        watcher: &mut dyn Watcher,
    ) -> Result<(), StorageError> {
        let mut page = None;
        for _ in 0..MAX_PAGES {
            self.clock.sleep(self.pause).await;
            let (items, next) = match report.payments(period, page.as_deref()).await {
                Ok(found) => (found.items, found.next),
                Err(ReportError { why }) => {
                    let what = NotAsked { call: None, provider: report.provider().to_owned(), why };
                    tell_not_asked(&what, counts, watcher);
                    return Ok(());
                }
            };
            for reported in items {
                counts.reported = counts.reported.saturating_add(1);
                self.place(report.provider(), reported, period, counts, watcher).await?;
            }
            match next {
                Some(next) => page = Some(next),
                None => return Ok(()),
            }
        }
        let why = format!("its report goes on after {MAX_PAGES} pages: ask for a shorter period");
        tell_not_asked(&NotAsked { call: None, provider: report.provider().to_owned(), why }, counts, watcher);
        Ok(())
    }

    /// Finds the call that a reported payment is for, and records the payment where there is none.
    async fn place(
        &self,
        provider: &str,
        reported: Reported,
        period: Period,
        counts: &mut Counts,
        watcher: &mut dyn Watcher,
    ) -> Result<(), StorageError> {
        if let Some(call) = self.store.call_of_quote(provider, &reported.provider_request_id).await? {
            let Some(item) = self.books.history_item(call).await? else { return Ok(()) };
            let settlement = item.record.settlement.as_ref();
            let is_known = settlement.is_some_and(|settlement| settlement.reference == reported.reference)
                || item.orphans.iter().any(|orphan| orphan.payment.reference == reported.reference);
            // What was made in the period was compared.
            if !is_known && !period.contains(item.record.created_at) {
                self.compare(call, counts, watcher).await?;
            }
            return Ok(());
        }
        let noticed_at = self.clock.now();
        let difference = Difference {
            kind: DifferenceKind::UnknownPayment,
            call: None,
            provider: provider.to_owned(),
            reference: reported.reference.clone(),
            here: "no such quote".to_owned(),
            there: reported.to_string(),
            is_repaired: false,
        };
        let id = OrphanId::new(noticed_at, self.entropy.bytes());
        let payment = UnknownPayment { id, provider: provider.to_owned(), reported, noticed_at };
        if self.store.keep_unknown(&payment).await? {
            tell(&difference, counts, watcher);
        } else {
            counts.known_orphans = counts.known_orphans.saturating_add(1);
        }
        Ok(())
    }
}

fn tell(difference: &Difference, counts: &mut Counts, watcher: &mut dyn Watcher) {
    let count = if difference.is_repaired { &mut counts.repaired } else { &mut counts.differences };
    *count = count.saturating_add(1);
    watcher.differs(difference);
}

fn tell_not_asked(what: &NotAsked, counts: &mut Counts, watcher: &mut dyn Watcher) {
    counts.not_asked = counts.not_asked.saturating_add(1);
    watcher.not_asked(what);
}
