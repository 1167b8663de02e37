//! Listings and wallets, as a test sets them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::DateTime;
use crochet_pricing::Price;
use crochet_primitives::{ListingId, ProfileId, StorageError};

use super::faults::Faults;
use super::lock;
use crate::ports::{Directory, Input, MAX_PAYABLE, Offer, Payable, PayablePage, PayableQuery, PayoutWallets};
use crate::terms::PayerWallet;

/// [`Directory`] over what a test puts there.
#[derive(Debug, Default)]
pub struct MemoryDirectory {
    faults: Faults,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    /// By slug.
    offers: HashMap<String, Offer>,
    inputs: HashMap<ListingId, Input>,
    wallets: HashMap<ProfileId, Vec<PayerWallet>>,
}

impl MemoryDirectory {
    /// Which of its next operations fail.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Puts a listing there, or replaces the one with this slug.
    pub fn set_offer(&self, slug: &str, offer: Offer) {
        lock(&self.tables).offers.insert(slug.to_owned(), offer);
    }

    /// Changes a listing that is there.
    pub fn change_offer(&self, slug: &str, change: impl FnOnce(&mut Offer)) {
        if let Some(offer) = lock(&self.tables).offers.get_mut(slug) {
            change(offer);
        }
    }

    /// Says what a listing takes.
    pub fn set_input(&self, listing: ListingId, input: Input) {
        lock(&self.tables).inputs.insert(listing, input);
    }

    /// Says which wallets of a profile may pay.
    pub fn set_wallets(&self, profile: ProfileId, wallets: Vec<PayerWallet>) {
        lock(&self.tables).wallets.insert(profile, wallets);
    }
}

impl Tables {
    /// Of the moments of a listing only that of its id is known here.
    fn payable(&self, offer: &Offer, is_brief: bool) -> Option<Payable> {
        let Price::PerCall(price) = offer.price else { return None };
        if !offer.is_available || offer.endpoint.is_none() || offer.payout_wallets == PayoutWallets::default() {
            return None;
        }
        let input = self.inputs.get(&offer.listing).filter(|_| !is_brief).cloned().unwrap_or_default();
        Some(Payable {
            listing: offer.listing,
            name: offer.name.clone(),
            description: String::new(),
            price,
            payout_wallets: offer.payout_wallets.clone(),
            updated_at: DateTime::UNIX_EPOCH,
            input,
        })
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[async_trait]
impl Directory for MemoryDirectory {
    async fn offer(&self, id_or_slug: &str) -> Result<Option<Arc<Offer>>, StorageError> {
        self.faults.around(|| {
            let tables = lock(&self.tables);
            let by_id = || tables.offers.values().find(|offer| offer.listing.to_string() == id_or_slug);
            Ok(tables.offers.get(id_or_slug).or_else(by_id).cloned().map(Arc::new))
        })
    }

    async fn input(&self, listing: ListingId) -> Result<Input, StorageError> {
        self.faults.around(|| Ok(lock(&self.tables).inputs.get(&listing).cloned().unwrap_or_default()))
    }

    async fn payable(&self, query: PayableQuery) -> Result<PayablePage, StorageError> {
        self.faults.around(|| {
            let tables = lock(&self.tables);
            let mut all: Vec<Payable> =
                tables.offers.values().filter_map(|offer| tables.payable(offer, query.is_brief)).collect();
            all.sort_by_key(|payable| Reverse(payable.listing));
            let total = u64::try_from(all.len()).unwrap_or(u64::MAX).min(MAX_PAYABLE.into());
            let (limit, offset) = (count(query.limit), count(query.offset));
            Ok(PayablePage { items: all.into_iter().skip(offset).take(limit).collect(), total })
        })
    }

    async fn payment_wallets(&self, profile: ProfileId) -> Result<Vec<PayerWallet>, StorageError> {
        self.faults.around(|| Ok(lock(&self.tables).wallets.get(&profile).cloned().unwrap_or_default()))
    }
}
