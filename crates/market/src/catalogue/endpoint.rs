//! A listing's private endpoint, for its owner.

use chrono::TimeDelta;
use crochet_primitives::{ProfileId, Timestamp};
use crochet_signing::SigningSecret;

use super::body::{EndpointBody, RotateBody};
use super::private_endpoint::{EndpointChanges, PrivateUrl};
use super::{ATTEMPTS, CatalogueService, changed_meanwhile};
use crate::endpoint::{GatewayEndpoint, PreviousSecret};
use crate::error::MarketError;
use crate::fields::Problems;
use crate::listing::Listing;
use crate::ports::Saved;
use crate::schema::OverlapSeconds;

/// An endpoint that was set.
#[derive(Debug, Clone)]
pub struct EndpointSet {
    /// The endpoint as it is now.
    pub endpoint: GatewayEndpoint,
    /// Whether its signing secret was made just now, and has to be shown this once.
    pub is_new_secret: bool,
}

/// A secret that was rotated.
#[derive(Debug, Clone)]
pub struct Rotated {
    /// The new secret: shown this once.
    pub signing_secret: SigningSecret,
    /// Until when the secret before it goes on signing; `None` without an overlap.
    pub previous_valid_until: Option<Timestamp>,
}

/// What a test request is made of.
#[derive(Debug, Clone)]
pub struct EndpointForTest {
    /// The listing.
    pub listing: Listing,
    /// Its endpoint, also when it is disabled.
    pub endpoint: GatewayEndpoint,
}

impl CatalogueService {
    /// The endpoint of one of the caller's listings.
    ///
    /// # Errors
    /// [`MarketError::NotFound`], also when there is no endpoint; [`MarketError::NotOwner`]; [`MarketError::Storage`].
    pub async fn endpoint(&self, caller: ProfileId, id_or_slug: &str) -> Result<GatewayEndpoint, MarketError> {
        let view = self.own(id_or_slug, caller).await?;
        let endpoint = self.store.endpoint(view.listing.id).await?;
        endpoint.ok_or(MarketError::NotFound { what: "endpoint" })
    }

    /// Sets the first endpoint of a listing, or changes what the body mentions.
    ///
    /// # Errors
    /// [`MarketError::NotFound`]; [`MarketError::NotOwner`]; [`MarketError::Invalid`];
    /// [`MarketError::EndpointNotAllowed`]; [`MarketError::ChangedMeanwhile`] when others keep changing it;
    /// [`MarketError::Storage`].
    pub async fn put_endpoint(
        &self,
        caller: ProfileId,
        id_or_slug: &str,
        body: &EndpointBody,
    ) -> Result<EndpointSet, MarketError> {
        let view = self.own(id_or_slug, caller).await?;
        let listing = view.listing.id;
        for _ in 0..ATTEMPTS {
            let stored = self.store.endpoint(listing).await?;
            let mut problems = Problems::default();
            let url = PrivateUrl::read(body.private_endpoint_url.as_ref(), &mut problems);
            let changes = EndpointChanges::read(body, &mut problems);
            if stored.is_none() && body.private_endpoint_url.is_none() {
                problems.add("private_endpoint_url", "is required: the listing has no endpoint yet");
            }
            problems.finish()?;
            if let Some(url) = &url {
                url.check(&*self.guard)?;
            }
            let now = self.now();
            let is_new_secret = stored.is_none();
            let mut endpoint = match (stored, url) {
                (Some(mut endpoint), url) => {
                    if let Some(url) = url {
                        url.apply(&mut endpoint);
                    }
                    endpoint.revision = endpoint.revision.saturating_add(1);
                    endpoint.updated_at = now;
                    endpoint
                }
                (None, Some(url)) => url.endpoint(listing, self.new_secret(), now),
                (None, None) => return Err(MarketError::ListingHasNoEndpoint),
            };
            changes.apply(&mut endpoint);
            if self.store.save_endpoint(&endpoint).await? == Saved::Done {
                return Ok(EndpointSet { endpoint, is_new_secret });
            }
        }
        Err(changed_meanwhile())
    }

    /// Makes a new signing secret. Without an overlap it signs at once; with one, the secret that signs now goes on
    /// until the overlap ends, and the new one signs beside it. A rotation within an overlap drops the secret that
    /// was waiting.
    ///
    /// # Errors
    /// [`MarketError::NotFound`]; [`MarketError::NotOwner`]; [`MarketError::Invalid`] for an overlap beyond a day;
    /// [`MarketError::ListingHasNoEndpoint`]; [`MarketError::ChangedMeanwhile`] when others keep changing it;
    /// [`MarketError::Storage`].
    pub async fn rotate_secret(
        &self,
        caller: ProfileId,
        id_or_slug: &str,
        body: RotateBody,
    ) -> Result<Rotated, MarketError> {
        let view = self.own(id_or_slug, caller).await?;
        let overlap = body.overlap_seconds.unwrap_or_default();
        if !OverlapSeconds::BOUNDS.contains(&overlap) {
            return Err(Problems::one("overlap_seconds", format!("must be 0 to {}", OverlapSeconds::BOUNDS.end())));
        }
        for _ in 0..ATTEMPTS {
            let stored = self.store.endpoint(view.listing.id).await?;
            let mut endpoint = stored.ok_or(MarketError::ListingHasNoEndpoint)?;
            let now = self.now();
            endpoint.previous_secret = (overlap > 0).then(|| PreviousSecret {
                secret: endpoint.signing_secrets(now).current,
                valid_until: now.checked_add_signed(TimeDelta::seconds(overlap.into())).unwrap_or(Timestamp::MAX_UTC),
            });
            endpoint.signing_secret = self.new_secret();
            endpoint.revision = endpoint.revision.saturating_add(1);
            endpoint.updated_at = now;
            if self.store.save_endpoint(&endpoint).await? == Saved::Done {
                return Ok(Rotated {
                    previous_valid_until: endpoint.previous_secret.map(|previous| previous.valid_until),
                    signing_secret: endpoint.signing_secret,
                });
            }
        }
        Err(changed_meanwhile())
    }

    /// What a signed test request to one of the caller's endpoints is made of.
    ///
    /// # Errors
    /// [`MarketError::NotFound`]; [`MarketError::NotOwner`]; [`MarketError::ListingHasNoEndpoint`];
    /// [`MarketError::Storage`].
    pub async fn endpoint_for_test(&self, caller: ProfileId, id_or_slug: &str) -> Result<EndpointForTest, MarketError> {
        let view = self.own(id_or_slug, caller).await?;
        let endpoint = self.store.endpoint(view.listing.id).await?;
        Ok(EndpointForTest { endpoint: endpoint.ok_or(MarketError::ListingHasNoEndpoint)?, listing: view.listing })
    }
}
