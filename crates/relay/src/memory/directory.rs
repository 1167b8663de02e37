//! Listings and wallets, as a test sets them.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use crochet_primitives::{ProfileId, StorageError};

use super::faults::Faults;
use super::lock;
use crate::ports::{Directory, Offer};
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

    /// Says which wallets of a profile may pay.
    pub fn set_wallets(&self, profile: ProfileId, wallets: Vec<PayerWallet>) {
        lock(&self.tables).wallets.insert(profile, wallets);
    }
}

#[async_trait]
impl Directory for MemoryDirectory {
    async fn offer(&self, id_or_slug: &str) -> Result<Option<Offer>, StorageError> {
        self.faults.around(|| {
            let tables = lock(&self.tables);
            let by_id = || tables.offers.values().find(|offer| offer.listing.to_string() == id_or_slug);
            Ok(tables.offers.get(id_or_slug).or_else(by_id).cloned())
        })
    }

    async fn payment_wallets(&self, profile: ProfileId) -> Result<Vec<PayerWallet>, StorageError> {
        self.faults.around(|| Ok(lock(&self.tables).wallets.get(&profile).cloned().unwrap_or_default()))
    }
}
