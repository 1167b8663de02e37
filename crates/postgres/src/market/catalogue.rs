//! Listings, their endpoints and categories on PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use crochet_market::ports::{Catalogue, OpenChallenge, Removal, Saved, Taken};
use crochet_market::search::FoundListings;
use crochet_market::{Category, GatewayEndpoint, LinkedWallet, Listing, ListingQuery, ListingView};
use crochet_primitives::{Entropy, ListingId, ProfileId, StorageError};
use crochet_secrets::MasterKeys;

use super::challenges::{self, ChallengeRow};
use super::endpoints::{self, EndpointRow};
use super::inputs::InputRow;
use super::listings::ListingRow;
use super::sealing::Sealing;
use super::{categories, popularity, search, views, wallets, writes};
use crate::error::DbError;
use crate::invalidation::Change;
use crate::{Db, Invalidations};

/// [`Catalogue`] on PostgreSQL; what endpoints hold as secrets is AES-256-GCM at rest, bound to its listing and column.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct PgCatalogue {
    pub(super) db: Db,
    pub(super) sealing: Sealing,
    told: Option<Arc<Invalidations>>,
}

impl PgCatalogue {
    /// On this database. `keys` encrypts and decrypts endpoints, with nonces drawn from `entropy`.
    #[must_use]
    pub fn new(db: Db, keys: Arc<MasterKeys>, entropy: Arc<dyn Entropy>) -> Self {
        Self { db, sealing: Sealing::new(keys, entropy), told: None }
    }

    /// The same; who keeps listings in this process is told of its changes at once, and not only by the database.
    #[must_use]
    pub fn telling(self, invalidations: &Arc<Invalidations>) -> Self {
        Self { told: Some(Arc::clone(invalidations)), ..self }
    }

    /// Counts what [`crochet_market::Sort::Popular`] sorts by: of the calls made in the last 30 days, to the hour, those
    /// that were delivered. Calls of the last hours are counted each time, earlier ones once a day; a round takes some
    /// seconds at most, and the next one goes on. Answers how often a listing changed. To be called now and then, by any
    /// replica: while one counts, the others leave it to that one and answer 0.
    ///
    /// # Errors
    /// Like any use of the database; what was counted before then stands.
    pub async fn refresh_popularity(&self) -> Result<u64, StorageError> {
        popularity::refresh(&self.db).await
    }
}

#[async_trait]
impl Catalogue for PgCatalogue {
    async fn categories(&self) -> Result<Vec<Category>, StorageError> {
        self.db.read(|conn| Ok(categories::all(conn)?)).await
    }

    async fn open_challenge(&self, challenge: &OpenChallenge, max_open: u32) -> Result<bool, StorageError> {
        let row = ChallengeRow::from(challenge);
        self.db.transaction(move |conn| challenges::open(conn, &row, i64::from(max_open))).await
    }

    async fn take_challenge(&self, profile: ProfileId, named: Option<&str>) -> Result<Taken, StorageError> {
        if named.is_some_and(has_nul) {
            return Ok(Taken::None);
        }
        let named = named.map(str::to_owned);
        self.db.transaction(move |conn| challenges::take(conn, profile.uuid(), named.as_deref())).await
    }

    async fn insert(&self, listing: &Listing, endpoint: Option<&GatewayEndpoint>) -> Result<Saved, StorageError> {
        let (input, listing, endpoint) =
            (InputRow::from(listing), ListingRow::try_from(listing)?, self.seal(endpoint)?);
        // Nobody keeps what is not there yet.
        self.db.transaction(move |conn| writes::insert(conn, &listing, &input, endpoint.as_ref())).await
    }

    async fn find(&self, id_or_slug: &str) -> Result<Option<ListingView>, StorageError> {
        if has_nul(id_or_slug) {
            return Ok(None);
        }
        let id_or_slug = id_or_slug.to_owned();
        self.db.read(move |conn| views::find(conn, &id_or_slug)).await
    }

    async fn search(&self, query: &ListingQuery) -> Result<FoundListings, StorageError> {
        let query = query.clone();
        self.db.transaction(move |conn| search::search(conn, &query)).await
    }

    async fn save(&self, listing: &Listing, endpoint: Option<&GatewayEndpoint>) -> Result<Saved, StorageError> {
        let id = listing.id;
        let (input, listing, endpoint) =
            (InputRow::from(listing), ListingRow::try_from(listing)?, self.seal(endpoint)?);
        let saved = self.db.transaction(move |conn| writes::save(conn, &listing, &input, endpoint.as_ref())).await;
        self.tell(id);
        saved
    }

    async fn remove(&self, listing: ListingId, owner: ProfileId) -> Result<Removal, StorageError> {
        let removed = self.db.transaction(move |conn| writes::remove(conn, listing.uuid(), owner.uuid())).await;
        self.tell(listing);
        removed
    }

    async fn wallets(&self, profile: ProfileId) -> Result<Vec<LinkedWallet>, StorageError> {
        self.db.read(move |conn| wallets::of_profile(conn, profile.uuid())).await
    }

    async fn endpoint(&self, listing: ListingId) -> Result<Option<GatewayEndpoint>, StorageError> {
        let row = self.db.read(move |conn| Ok(endpoints::find(conn, listing.uuid())?)).await?;
        Ok(row.map(|row| row.open(self.sealing.keys())).transpose()?)
    }

    async fn save_endpoint(&self, endpoint: &GatewayEndpoint) -> Result<Saved, StorageError> {
        let row = EndpointRow::seal(endpoint, &self.sealing)?;
        let saved = self.db.transaction(move |conn| writes::save_endpoint(conn, &row)).await;
        self.tell(endpoint.listing);
        saved
    }
}

impl PgCatalogue {
    /// Also where nobody knows whether it was changed.
    fn tell(&self, listing: ListingId) {
        if let Some(told) = &self.told {
            told.tell(&Change::Listing(listing));
        }
    }

    fn seal(&self, endpoint: Option<&GatewayEndpoint>) -> Result<Option<EndpointRow>, DbError> {
        endpoint.map(|endpoint| EndpointRow::seal(endpoint, &self.sealing)).transpose()
    }
}

fn has_nul(text: &str) -> bool {
    text.contains('\0')
}
