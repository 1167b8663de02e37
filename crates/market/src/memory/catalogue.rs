//! Listings, endpoints and categories in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use crochet_primitives::{CategoryId, Clock, ListingId, ProfileId, StorageError};

use super::search::find;
use super::{MemoryIdentities, lock, yield_once};
use crate::category::Category;
use crate::endpoint::{EndpointStatus, GatewayEndpoint};
use crate::linked_wallet::LinkedWallet;
use crate::listing::{Listing, ListingStatus, ListingView, SuspendedBy};
use crate::ports::{Catalogue, Identities, OpenChallenge, Removal, Saved, Taken};
use crate::search::{FoundListings, ListingQuery};

/// [`Catalogue`] in memory, with three categories; its clock is the one that it is given.
pub struct MemoryCatalogue {
    clock: Arc<dyn Clock>,
    identities: Arc<MemoryIdentities>,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    listings: BTreeMap<ListingId, Stored>,
    endpoints: HashMap<ListingId, GatewayEndpoint>,
    /// Every slug that was ever used.
    slugs: HashSet<String>,
    challenges: Vec<OpenChallenge>,
}

/// A listing, and what its calls left behind.
pub(super) struct Stored {
    pub(super) listing: Listing,
    is_deleted: bool,
    was_called: bool,
    pub(super) delivered: u64,
}

impl MemoryCatalogue {
    /// Empty, with the profiles of `identities`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, identities: Arc<MemoryIdentities>) -> Self {
        Self { clock, identities, tables: Mutex::default() }
    }

    /// Says that the gateway was called for a listing, and whether that was delivered.
    pub fn record_call(&self, listing: ListingId, is_delivered: bool) {
        if let Some(stored) = lock(&self.tables).listings.get_mut(&listing) {
            stored.was_called = true;
            stored.delivered += u64::from(is_delivered);
        }
    }

    fn view(&self, tables: &Tables, listing: &Listing) -> Result<ListingView, StorageError> {
        let provider = self.identities.find_profile(listing.provider);
        let endpoint = tables.endpoints.get(&listing.id);
        Ok(ListingView {
            provider: provider.ok_or_else(|| StorageError::Corrupt("a listing has no provider".to_owned()))?,
            category: categories().into_iter().find(|category| Some(category.id) == listing.category),
            has_endpoint: endpoint.is_some_and(|endpoint| endpoint.status == EndpointStatus::Active),
            listing: listing.clone(),
        })
    }
}

impl fmt::Debug for MemoryCatalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryCatalogue")
    }
}

impl Tables {
    fn listing(&mut self, id: ListingId) -> Option<&mut Stored> {
        self.listings.get_mut(&id).filter(|stored| !stored.is_deleted)
    }

    fn is_next(&self, endpoint: &GatewayEndpoint) -> bool {
        let stored = self.endpoints.get(&endpoint.listing).map_or(0, |stored| stored.revision);
        stored.checked_add(1) == Some(endpoint.revision)
    }
}

#[async_trait]
impl Catalogue for MemoryCatalogue {
    async fn categories(&self) -> Result<Vec<Category>, StorageError> {
        yield_once().await;
        Ok(categories())
    }

    async fn open_challenge(&self, challenge: &OpenChallenge, max_open: u32) -> Result<bool, StorageError> {
        yield_once().await;
        let now = self.clock.now();
        let mut tables = lock(&self.tables);
        tables.challenges.retain(|open| now < open.expires_at);
        let own = tables.challenges.iter().filter(|open| open.profile == challenge.profile).count();
        if own >= usize::try_from(max_open).unwrap_or(usize::MAX) {
            return Ok(false);
        }
        tables.challenges.push(challenge.clone());
        Ok(true)
    }

    async fn take_challenge(&self, profile: ProfileId, named: Option<&str>) -> Result<Taken, StorageError> {
        yield_once().await;
        let now = self.clock.now();
        let mut tables = lock(&self.tables);
        let is_meant = |open: &OpenChallenge| {
            open.profile == profile && now < open.expires_at && named.is_none_or(|named| named == open.challenge)
        };
        let mut meant = tables.challenges.iter().enumerate().filter(|(_, open)| is_meant(open));
        match (meant.next().map(|(index, _)| index), meant.next()) {
            (None, _) => Ok(Taken::None),
            (Some(_), Some(_)) => Ok(Taken::Several),
            (Some(index), None) => Ok(Taken::Taken(tables.challenges.remove(index))),
        }
    }

    async fn insert(&self, listing: &Listing, endpoint: Option<&GatewayEndpoint>) -> Result<Saved, StorageError> {
        yield_once().await;
        let mut tables = lock(&self.tables);
        if !tables.slugs.insert(listing.slug.clone()) {
            return Ok(Saved::SlugTaken);
        }
        let stored = Stored { listing: listing.clone(), is_deleted: false, was_called: false, delivered: 0 };
        tables.listings.insert(listing.id, stored);
        if let Some(endpoint) = endpoint {
            tables.endpoints.insert(listing.id, endpoint.clone());
        }
        Ok(Saved::Done)
    }

    async fn find(&self, id_or_slug: &str) -> Result<Option<ListingView>, StorageError> {
        yield_once().await;
        let id = ListingId::parse(id_or_slug).ok();
        let tables = lock(&self.tables);
        let is_meant = |stored: &&Stored| match id {
            Some(id) => stored.listing.id == id,
            None => stored.listing.slug == id_or_slug,
        };
        let found = tables.listings.values().filter(|stored| !stored.is_deleted).find(is_meant);
        found.map(|stored| self.view(&tables, &stored.listing)).transpose()
    }

    async fn search(&self, query: &ListingQuery) -> Result<FoundListings, StorageError> {
        yield_once().await;
        let tables = lock(&self.tables);
        let all: Vec<&Stored> = tables.listings.values().filter(|stored| !stored.is_deleted).collect();
        let part = find(&all, query, &categories());
        let views: Result<Vec<_>, _> = part.items.iter().map(|stored| self.view(&tables, &stored.listing)).collect();
        let items = views?.into_iter().map(ListingView::without_long_texts).collect();
        Ok(FoundListings { items, total: part.total, next: part.next })
    }

    async fn save(&self, listing: &Listing, endpoint: Option<&GatewayEndpoint>) -> Result<Saved, StorageError> {
        yield_once().await;
        let mut tables = lock(&self.tables);
        let Some(stored) = tables.listing(listing.id).map(|stored| stored.listing.clone()) else {
            return Ok(Saved::Stale);
        };
        let is_next = stored.revision.checked_add(1) == Some(listing.revision);
        if !is_next || endpoint.is_some_and(|endpoint| !tables.is_next(endpoint)) {
            return Ok(Saved::Stale);
        }
        if stored.slug != listing.slug && !tables.slugs.insert(listing.slug.clone()) {
            return Ok(Saved::SlugTaken);
        }
        if let Some(stored) = tables.listing(listing.id) {
            stored.listing = listing.clone();
        }
        if let Some(endpoint) = endpoint {
            tables.endpoints.insert(listing.id, endpoint.clone());
        }
        Ok(Saved::Done)
    }

    async fn remove(&self, listing: ListingId, owner: ProfileId) -> Result<Removal, StorageError> {
        yield_once().await;
        let now = self.clock.now();
        let mut tables = lock(&self.tables);
        let Some(stored) = tables.listing(listing).filter(|stored| stored.listing.provider == owner) else {
            return Ok(Removal::NotFound);
        };
        match stored.listing.status {
            ListingStatus::Suspended => Ok(Removal::AlreadySuspended),
            ListingStatus::Active => {
                stored.listing.revision = stored.listing.revision.saturating_add(1);
                stored.listing.updated_at = now;
                stored.listing.status = ListingStatus::Suspended;
                stored.listing.suspended_by = Some(SuspendedBy::Owner);
                Ok(Removal::Suspended)
            }
            ListingStatus::Draft => {
                stored.is_deleted = true;
                Ok(if stored.was_called { Removal::SoftDeleted } else { Removal::Deleted })
            }
        }
    }

    async fn wallets(&self, profile: ProfileId) -> Result<Vec<LinkedWallet>, StorageError> {
        self.identities.wallets(profile).await
    }

    async fn endpoint(&self, listing: ListingId) -> Result<Option<GatewayEndpoint>, StorageError> {
        yield_once().await;
        Ok(lock(&self.tables).endpoints.get(&listing).cloned())
    }

    async fn save_endpoint(&self, endpoint: &GatewayEndpoint) -> Result<Saved, StorageError> {
        yield_once().await;
        let mut tables = lock(&self.tables);
        if tables.listing(endpoint.listing).is_none() || !tables.is_next(endpoint) {
            return Ok(Saved::Stale);
        }
        tables.endpoints.insert(endpoint.listing, endpoint.clone());
        Ok(Saved::Done)
    }
}

fn categories() -> Vec<Category> {
    [("DeFi", "defi"), ("Market Data", "market-data"), ("Other", "other")]
        .into_iter()
        .zip(1..)
        .map(|((name, slug), number)| Category {
            id: CategoryId::new(chrono::DateTime::UNIX_EPOCH, [number; 10]),
            name: name.to_owned(),
            slug: slug.to_owned(),
            description: format!("{name}."),
            sort_order: i32::from(number),
        })
        .collect()
}
