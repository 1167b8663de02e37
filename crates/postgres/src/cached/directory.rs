//! Offers, with their endpoints decrypted, kept in memory.

use std::fmt;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use crochet_primitives::{ListingId, ProfileId, StorageError};
use crochet_relay::PayerWallet;
use crochet_relay::ports::{Directory, Input, Offer, PayablePage, PayableQuery};
use secrecy::ExposeSecret;

use super::kept::{Generation, Kept};
use super::{CacheCounts, Counts};
use crate::directory::{FoundOffer, PgDirectory};
use crate::invalidation::freshness::Moment;
use crate::invalidation::{Change, Invalidations, Keeper};

/// How much offers may take, in bytes, and how many that is about.
const MOST_OFFERS: (u16, u64) = (16_384, 16 << 20);

/// How many slugs are kept, each of up to 200 bytes, and of how many sellers it is known that they are paid elsewhere.
const MOST_NAMES: u16 = 16_384;

/// [`Directory`] that answers [`Directory::offer`] from memory where it can, and asks [`PgDirectory`] for everything
/// else. Only what can be called is kept: of drafts, of what is suspended and of what is not there, the database is
/// asked, so that what is published can be called at once, everywhere.
///
/// Kept are the endpoints' secrets as well, as the types that cannot print and are wiped when they go.
pub struct CachedDirectory {
    inner: PgDirectory,
    invalidations: Arc<Invalidations>,
    kept: Arc<KeptOffers>,
}

struct KeptOffers {
    offers: Kept<ListingId, Arc<KeptOffer>, Bytes>,
    /// A slug is one listing's for ever; whether it is still called so, the offer says.
    names: Kept<String, ListingId>,
    /// An offer is good as long as its seller's stamp is the one that it was made with: of many offers of one seller,
    /// all are taken back at once.
    stamps: Kept<ProfileId, Arc<Stamp>>,
    counts: Counts,
}

/// That a seller's payout wallets are those that they were.
#[derive(Debug)]
struct Stamp;

struct KeptOffer {
    offer: Arc<Offer>,
    slug: String,
    good_until: Moment,
    stamp: Arc<Stamp>,
}

/// About how much memory an offer takes.
#[derive(Clone)]
struct Bytes;

impl quick_cache::Weighter<ListingId, Arc<KeptOffer>> for Bytes {
    fn weight(&self, _: &ListingId, kept: &Arc<KeptOffer>) -> u64 {
        let offer = &kept.offer;
        let payout = [&offer.payout_address, &offer.payout_wallets.evm, &offer.payout_wallets.solana];
        let payout: usize = payout.into_iter().flatten().map(String::len).sum();
        let endpoint = offer.endpoint.as_ref().map_or(0, |endpoint| {
            let auth = endpoint.upstream_auth.as_ref();
            let auth = auth.map_or(0, |auth| auth.name.len() + auth.value.expose_secret().len());
            endpoint.url.expose_secret().len() + auth + 512
        });
        u64::try_from(offer.name.len() + kept.slug.len() + payout + endpoint + 512).unwrap_or(u64::MAX)
    }
}

/// What was known when a look-up began.
struct Began {
    offers: Generation,
    names: Generation,
    stamps: Generation,
}

impl CachedDirectory {
    /// In front of `inner`, and told of changes by `invalidations`.
    #[must_use]
    pub fn new(inner: PgDirectory, invalidations: &Arc<Invalidations>) -> Self {
        let kept = Arc::new(KeptOffers {
            offers: Kept::weighed(MOST_OFFERS.0, MOST_OFFERS.1, Bytes),
            names: Kept::of(MOST_NAMES),
            stamps: Kept::of(MOST_NAMES),
            counts: Counts::default(),
        });
        let keeper: Weak<KeptOffers> = Arc::downgrade(&kept);
        invalidations.add(keeper);
        Self { inner, invalidations: Arc::clone(invalidations), kept }
    }

    /// How look-ups went.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        self.kept.counts.read(self.kept.offers.len())
    }
}

impl KeptOffers {
    fn get(&self, id_or_slug: &str, now: Moment) -> Option<Arc<Offer>> {
        let kept = match ListingId::parse(id_or_slug) {
            Ok(id) => self.offers.get(&id)?,
            Err(_) => {
                let id = self.names.get(id_or_slug)?;
                self.offers.get(&id).filter(|kept| kept.slug == id_or_slug)?
            }
        };
        let stamp = self.stamps.get(&kept.offer.seller)?;
        (now < kept.good_until && Arc::ptr_eq(&stamp, &kept.stamp)).then(|| Arc::clone(&kept.offer))
    }

    fn began(&self) -> Began {
        Began { offers: self.offers.generation(), names: self.names.generation(), stamps: self.stamps.generation() }
    }

    fn keep(&self, began: &Began, found: &FoundOffer) {
        let offer = &found.offer;
        if !offer.is_available || offer.endpoint.is_none() {
            return;
        }
        let Some(stamp) = self.stamps.get_or_keep(began.stamps, offer.seller, || Arc::new(Stamp)) else { return };
        let kept = KeptOffer {
            offer: Arc::clone(offer),
            slug: found.slug.clone(),
            good_until: found.changes_at.map_or(Moment::NEVER, Moment::from),
            stamp,
        };
        self.names.keep(began.names, found.slug.clone(), offer.listing);
        self.offers.keep(began.offers, offer.listing, Arc::new(kept));
    }
}

impl Keeper for KeptOffers {
    fn forget(&self, change: &Change) {
        match change {
            Change::Listing(id) => self.offers.forget(id),
            Change::Seller(id) => self.stamps.forget(id),
            Change::Key(_) | Change::Profile(_) => {}
            Change::Everything => {
                self.offers.forget_all();
                self.names.forget_all();
                self.stamps.forget_all();
            }
        }
    }
}

#[async_trait]
impl Directory for CachedDirectory {
    async fn offer(&self, id_or_slug: &str) -> Result<Option<Arc<Offer>>, StorageError> {
        let Some(now) = self.invalidations.now() else {
            self.kept.counts.bypassed();
            return self.inner.offer(id_or_slug).await;
        };
        if let Some(offer) = self.kept.get(id_or_slug, now) {
            self.kept.counts.hit();
            return Ok(Some(offer));
        }
        self.kept.counts.missed();
        let began = self.kept.began();
        let Some(found) = self.inner.look_up(id_or_slug).await? else { return Ok(None) };
        self.kept.keep(&began, &found);
        Ok(Some(found.offer))
    }

    async fn input(&self, listing: ListingId) -> Result<Input, StorageError> {
        self.inner.input(listing).await
    }

    async fn payable(&self, query: PayableQuery) -> Result<PayablePage, StorageError> {
        self.inner.payable(query).await
    }

    async fn payment_wallets(&self, profile: ProfileId) -> Result<Vec<PayerWallet>, StorageError> {
        self.inner.payment_wallets(profile).await
    }
}

impl fmt::Debug for CachedDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedDirectory").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
