//! Changing a listing, and taking it from the marketplace.

use crochet_primitives::ProfileId;

use super::apply::{apply, lifts_operators_suspension};
use super::body::ListingBody;
use super::create::{Published, is_active};
use super::price::refuse_unavailable_model;
use super::private_endpoint::PrivateUrl;
use super::{ATTEMPTS, CatalogueService, changed_meanwhile, not_found, takes_money};
use crate::endpoint::GatewayEndpoint;
use crate::error::MarketError;
use crate::fields::Problems;
use crate::listing::ListingView;
use crate::ports::{Removal, Saved};

/// What `DELETE /listings/:id` came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// The draft is gone.
    Deleted,
    /// The listing was active, and is suspended now.
    Suspended,
}

impl CatalogueService {
    /// Changes what the body mentions, based on what is stored now.
    ///
    /// # Errors
    /// [`MarketError::NotFound`]; [`MarketError::NotOwner`] for who does not own it;
    /// [`MarketError::PricingModelUnavailable`]; [`MarketError::SuspendedByOperator`]; [`MarketError::Invalid`];
    /// [`MarketError::EndpointNotAllowed`]; [`MarketError::NoPayoutWallet`]; [`MarketError::ChangedMeanwhile`] when others keep changing it;
    /// [`MarketError::Storage`].
    pub async fn update(
        &self,
        caller: ProfileId,
        id_or_slug: &str,
        body: &ListingBody,
    ) -> Result<Published, MarketError> {
        for _ in 0..ATTEMPTS {
            let view = self.own(id_or_slug, caller).await?;
            refuse_unavailable_model(body)?;
            if let Some(published) = self.try_update(view, body).await? {
                return Ok(published);
            }
        }
        Err(changed_meanwhile())
    }

    /// `None` when somebody else was faster.
    async fn try_update(&self, mut view: ListingView, body: &ListingBody) -> Result<Option<Published>, MarketError> {
        if lifts_operators_suspension(body, &view.listing) {
            return Err(MarketError::SuspendedByOperator);
        }
        let now = self.now();
        let listing = &mut view.listing;
        let took_money = takes_money(listing);
        let mut problems = Problems::default();
        apply(body, listing, &mut problems);
        let url = PrivateUrl::read(body.private_endpoint_url.as_ref(), &mut problems);
        if body.category_id.is_some() {
            view.category = self.category(listing.category, &mut problems).await?;
        }
        let stored =
            if url.is_some() || !listing.price.is_free() { self.store.endpoint(listing.id).await? } else { None };
        if !listing.price.is_free() && stored.is_none() && body.private_endpoint_url.is_none() {
            problems.add("private_endpoint_url", "is required for per_call: the listing has no endpoint yet");
        }
        problems.finish()?;
        if let Some(url) = &url {
            url.check(&*self.guard)?;
        }
        // One that is offered already goes on being changed: its calls are refused while nobody could be paid.
        if !took_money {
            self.check_payout(listing).await?;
        }

        listing.revision = listing.revision.saturating_add(1);
        listing.updated_at = now;
        let is_new_secret = url.is_some() && stored.is_none();
        let endpoint: Option<GatewayEndpoint> = url.map(|url| match stored {
            None => url.endpoint(listing.id, self.new_secret(), now),
            Some(mut endpoint) => {
                url.apply(&mut endpoint);
                endpoint.revision = endpoint.revision.saturating_add(1);
                endpoint.updated_at = now;
                endpoint
            }
        });
        match self.store.save(listing, endpoint.as_ref()).await? {
            Saved::Done => {
                view.has_endpoint = endpoint.as_ref().map_or(view.has_endpoint, is_active);
                Ok(Some(Published { view, endpoint, is_new_secret }))
            }
            // A change never touches the slug.
            Saved::Stale | Saved::SlugTaken => Ok(None),
        }
    }

    /// Deletes a draft, suspends an active listing.
    ///
    /// # Errors
    /// [`MarketError::NotFound`]; [`MarketError::NotOwner`] for who does not own it; [`MarketError::AlreadySuspended`];
    /// [`MarketError::Storage`].
    pub async fn remove(&self, caller: ProfileId, id_or_slug: &str) -> Result<Removed, MarketError> {
        let view = self.own(id_or_slug, caller).await?;
        match self.store.remove(view.listing.id, caller).await? {
            Removal::Deleted | Removal::SoftDeleted => Ok(Removed::Deleted),
            Removal::Suspended => Ok(Removed::Suspended),
            Removal::AlreadySuspended => Err(MarketError::AlreadySuspended),
            Removal::NotFound => Err(not_found()),
        }
    }
}
