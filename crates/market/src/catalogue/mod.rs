//! What is offered: listings, their endpoints, and how they are found.

mod apply;
mod body;
mod create;
mod endpoint;
mod new_listing;
mod price;
mod private_endpoint;
mod search;
mod slug;
mod update;

use std::sync::Arc;
use std::time::Duration;

use crochet_pow::Difficulty;
use crochet_primitives::{Clock, Entropy, ProfileId, Timestamp, truncate_to_millis};

pub use body::{EndpointBody, ListingBody, RotateBody, UpstreamAuthHeaderBody};
pub use create::{IssuedListingChallenge, Published};
pub use endpoint::{EndpointForTest, EndpointSet, Rotated};
pub use new_listing::{NewFreeListing, NewListing, NewPaidListing};
pub(crate) use private_endpoint::{MAX_HEADER_NAME, MAX_HEADER_VALUE};
pub use search::{ListingFilters, ListingPage};
pub(crate) use slug::MAX_SLUG;
pub use update::Removed;

use crate::category::Category;
use crate::error::MarketError;
use crate::fields::Problems;
use crate::listing::{Listing, ListingStatus, ListingView};
use crate::payouts::Payouts;
use crate::ports::{Catalogue, EndpointGuard};
use crate::view::{ListingJson, ListingSummaryJson, PublishedJson};

/// How often a change that met another one is tried again.
const ATTEMPTS: usize = 5;
/// Longer than any slug or UUID.
const MAX_ID: usize = 100;

/// What the catalogue needs to know of its surroundings.
#[derive(Debug, Clone)]
pub struct CatalogueConfig {
    /// Where the API is reached from outside, as in `https://getcrochet.ai`.
    pub public_url: String,
    /// How much work a listing asks for.
    pub difficulty: Difficulty,
    /// How long a listing challenge is good.
    pub challenge_ttl: Duration,
    /// How many listing challenges a profile may have open.
    pub max_open_challenges: u32,
    /// Where sellers can be paid.
    pub payouts: Payouts,
}

impl CatalogueConfig {
    /// The defaults: difficulty 5, 300 seconds, five open challenges, payouts anywhere.
    #[must_use]
    pub fn new(public_url: impl Into<String>) -> Self {
        Self {
            public_url: public_url.into(),
            difficulty: Difficulty::LISTING,
            challenge_ttl: Duration::from_secs(300),
            max_open_challenges: 5,
            payouts: Payouts::Anywhere,
        }
    }
}

/// Publishes, changes, finds and removes listings, and keeps their endpoints.
pub struct CatalogueService {
    store: Arc<dyn Catalogue>,
    guard: Arc<dyn EndpointGuard>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    config: CatalogueConfig,
}

impl CatalogueService {
    /// The service over its ports.
    #[must_use]
    pub fn new(
        store: Arc<dyn Catalogue>,
        guard: Arc<dyn EndpointGuard>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        config: CatalogueConfig,
    ) -> Self {
        Self { store, guard, clock, entropy, config }
    }

    /// What it was told of its surroundings.
    #[must_use]
    pub const fn config(&self) -> &CatalogueConfig {
        &self.config
    }

    /// All categories, in their order.
    ///
    /// # Errors
    /// [`MarketError::Storage`].
    pub async fn categories(&self) -> Result<Vec<Category>, MarketError> {
        Ok(self.store.categories().await?)
    }

    /// A listing by UUID or slug. What is not active exists for its owner only.
    ///
    /// # Errors
    /// [`MarketError::NotFound`], [`MarketError::Storage`].
    pub async fn get(&self, id_or_slug: &str, caller: Option<ProfileId>) -> Result<ListingView, MarketError> {
        let view = self.find(id_or_slug).await?;
        let is_visible = view.listing.status == ListingStatus::Active || caller == Some(view.listing.provider);
        if is_visible { Ok(view) } else { Err(not_found()) }
    }

    /// A listing in full, as the API shows it.
    #[must_use]
    pub fn listing_json(&self, view: &ListingView) -> ListingJson {
        ListingJson::new(view, &self.config.public_url)
    }

    /// A listing without its long texts, as lists show it.
    #[must_use]
    pub fn listing_summary_json(&self, view: &ListingView) -> ListingSummaryJson {
        ListingSummaryJson::new(view, &self.config.public_url)
    }

    /// A listing with its endpoint, as creating and changing it answer.
    #[must_use]
    pub fn published_json(&self, published: &Published) -> PublishedJson {
        PublishedJson::new(published, &self.config.public_url)
    }

    async fn find(&self, id_or_slug: &str) -> Result<ListingView, MarketError> {
        // What cannot be an id need not be looked up, and no NUL reaches the database.
        let could_be = |text: &str| {
            (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !could_be(id_or_slug) {
            return Err(not_found());
        }
        self.store.find(id_or_slug).await?.ok_or_else(not_found)
    }

    /// A listing that the caller owns. Somebody else's is forbidden where everybody sees it, else unknown.
    async fn own(&self, id_or_slug: &str, caller: ProfileId) -> Result<ListingView, MarketError> {
        let view = self.get(id_or_slug, Some(caller)).await?;
        if view.listing.provider == caller { Ok(view) } else { Err(MarketError::NotOwner) }
    }

    /// The category that a listing names, which has to exist.
    async fn category(
        &self,
        id: Option<crochet_primitives::CategoryId>,
        problems: &mut Problems,
    ) -> Result<Option<Category>, MarketError> {
        let Some(id) = id else {
            return Ok(None);
        };
        let category = self.store.categories().await?.into_iter().find(|category| category.id == id);
        if category.is_none() {
            problems.add("category_id", "is no category; GET /categories lists them");
        }
        Ok(category)
    }

    /// Refuses a listing that is offered for money where nobody could be paid.
    async fn check_payout(&self, listing: &Listing) -> Result<(), MarketError> {
        if !takes_money(listing) || self.config.payouts == Payouts::Anywhere {
            return Ok(());
        }
        let wallets = self.store.wallets(listing.provider).await?;
        if self.config.payouts.reach(&wallets) {
            return Ok(());
        }
        Err(MarketError::NoPayoutWallet { chains: self.config.payouts.chains().to_vec() })
    }

    fn now(&self) -> Timestamp {
        truncate_to_millis(self.clock.now())
    }
}

/// Whether new calls of a listing are paid for.
fn takes_money(listing: &Listing) -> bool {
    listing.status == ListingStatus::Active && !listing.price.is_free()
}

const fn not_found() -> MarketError {
    MarketError::NotFound { what: "listing" }
}

const fn changed_meanwhile() -> MarketError {
    MarketError::ChangedMeanwhile
}
