//! Publishing a listing.

use chrono::TimeDelta;
use crochet_pow::{Difficulty, hint, verify};
use crochet_primitives::{EntropyExt, ListingId, ProfileId, Timestamp, rfc3339_millis, schema};
use crochet_signing::SigningSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::apply::{apply, blank};
use super::body::ListingBody;
use super::price::refuse_unavailable_model;
use super::private_endpoint::PrivateUrl;
use super::slug::{slug, slug_with_suffix};
use super::{ATTEMPTS, CatalogueService, changed_meanwhile};
use crate::endpoint::{EndpointStatus, GatewayEndpoint};
use crate::error::MarketError;
use crate::fields::Problems;
use crate::listing::ListingView;
use crate::ports::{OpenChallenge, Saved, Taken};
use crate::profile::{AccountType, Profile};
use crate::schema::{POW_CHALLENGE, PowAlgorithm, PowChallenge, is_pow_nonce};

/// 32 random bytes in hexadecimal digits.
const CHALLENGE_LEN: usize = 64;

/// What `POST /listings/challenge` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ListingChallenge, examples(json!({
    "challenge": POW_CHALLENGE,
    "difficulty": 5,
    "algorithm": "sha256",
    "hint": "Find a pow_nonce for which SHA-256(challenge + pow_nonce) starts with 5 hex zeros.",
    "expires_in": 300,
    "expires_at": "2026-05-03T12:05:00.000Z"
})))]
pub struct IssuedListingChallenge {
    /// What the nonce is appended to.
    #[schema(value_type = PowChallenge)]
    pub challenge: String,
    /// How many hex zeros the hash must start with.
    #[schema(minimum = 0, maximum = 64)]
    pub difficulty: u8,
    /// Always `sha256`.
    #[schema(value_type = PowAlgorithm)]
    pub algorithm: &'static str,
    /// What to do, in a sentence.
    pub hint: String,
    /// How long it is good, in seconds.
    pub expires_in: u64,
    /// Until when it is good.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    pub expires_at: Timestamp,
}

/// A listing that was written, with its endpoint where that was written too.
#[derive(Debug, Clone)]
pub struct Published {
    /// The listing.
    pub view: ListingView,
    /// Its endpoint, where this request set or changed it.
    pub endpoint: Option<GatewayEndpoint>,
    /// Whether the signing secret was made just now, and has to be shown this once.
    pub is_new_secret: bool,
}

impl CatalogueService {
    /// Issues a proof-of-work challenge for one listing.
    ///
    /// # Errors
    /// [`MarketError::Forbidden`] for who may not publish; [`MarketError::TooManyOpenChallenges`];
    /// [`MarketError::Storage`].
    pub async fn listing_challenge(&self, caller: &Profile) -> Result<IssuedListingChallenge, MarketError> {
        check_may_publish(caller)?;
        let lasts = TimeDelta::from_std(self.config.challenge_ttl).unwrap_or(TimeDelta::MAX);
        let expires_at = self.now().checked_add_signed(lasts).unwrap_or(Timestamp::MAX_UTC);
        let difficulty = self.config.difficulty;
        let challenge = OpenChallenge {
            profile: caller.id,
            challenge: hex::encode(self.entropy.bytes::<32>()),
            difficulty: difficulty.get(),
            expires_at,
        };
        let limit = self.config.max_open_challenges;
        if !self.store.open_challenge(&challenge, limit).await? {
            return Err(MarketError::TooManyOpenChallenges { limit });
        }
        Ok(IssuedListingChallenge {
            challenge: challenge.challenge,
            difficulty: difficulty.get(),
            algorithm: "sha256",
            hint: hint(difficulty),
            expires_in: self.config.challenge_ttl.as_secs(),
            expires_at,
        })
    }

    /// Publishes a listing. Everything that can be wrong with the body is looked at before its challenge is used up.
    ///
    /// # Errors
    /// [`MarketError::Forbidden`] for who may not publish; [`MarketError::PricingModelUnavailable`];
    /// [`MarketError::Invalid`]; [`MarketError::EndpointNotAllowed`]; [`MarketError::NoPayoutWallet`]; [`MarketError::ChallengeExpired`];
    /// [`MarketError::SeveralChallengesOpen`]; [`MarketError::ProofOfWorkFailed`]; [`MarketError::Storage`].
    pub async fn create(&self, caller: &Profile, body: &ListingBody) -> Result<Published, MarketError> {
        check_may_publish(caller)?;
        refuse_unavailable_model(body)?;
        let now = self.now();
        let mut problems = Problems::default();
        let mut listing = blank(ListingId::new(now, self.entropy.bytes()), caller.id, now);
        for (field, is_given) in [
            ("pow_nonce", body.pow_nonce.is_some()),
            ("name", body.name.is_some()),
            ("description", body.description.is_some()),
        ] {
            if !is_given {
                problems.add(field, "is required");
            }
        }
        apply(body, &mut listing, &mut problems);
        let url = PrivateUrl::read(body.private_endpoint_url.as_ref(), &mut problems);
        if body.private_endpoint_url.is_none() && !listing.price.is_free() {
            problems.add("private_endpoint_url", "is required for per_call");
        }
        let category = self.category(listing.category, &mut problems).await?;
        problems.finish()?;
        if let Some(url) = &url {
            url.check(&*self.guard)?;
        }
        self.check_payout(&listing).await?;
        self.spend_challenge(caller.id, body).await?;

        let endpoint = url.map(|url| url.endpoint(listing.id, self.new_secret(), now));
        listing.slug = slug(&listing.name);
        for _ in 0..ATTEMPTS {
            match self.store.insert(&listing, endpoint.as_ref()).await? {
                Saved::Done => {
                    let view = ListingView {
                        listing,
                        provider: caller.clone(),
                        category,
                        has_endpoint: endpoint.as_ref().is_some_and(is_active),
                    };
                    return Ok(Published { view, is_new_secret: endpoint.is_some(), endpoint });
                }
                Saved::SlugTaken => listing.slug = slug_with_suffix(&listing.name, self.entropy.bytes()),
                Saved::Stale => return Err(changed_meanwhile()),
            }
        }
        Err(changed_meanwhile())
    }

    /// Whatever the work is worth, the challenge is used up.
    async fn spend_challenge(&self, caller: ProfileId, body: &ListingBody) -> Result<(), MarketError> {
        let named = body.pow_challenge.as_deref();
        // What this service never issued need not be looked up, and no NUL reaches the database.
        if named.is_some_and(|named| named.len() != CHALLENGE_LEN || !named.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Err(MarketError::ChallengeExpired);
        }
        let taken = match self.store.take_challenge(caller, named).await? {
            Taken::Taken(challenge) => challenge,
            Taken::None => return Err(MarketError::ChallengeExpired),
            Taken::Several => return Err(MarketError::SeveralChallengesOpen),
        };
        if self.clock.now() >= taken.expires_at {
            return Err(MarketError::ChallengeExpired);
        }
        let pow_nonce = body.pow_nonce.as_deref().unwrap_or_default();
        let is_solved = is_pow_nonce(pow_nonce)
            && Difficulty::new(taken.difficulty)
                .is_some_and(|difficulty| verify(&taken.challenge, pow_nonce, difficulty));
        if is_solved { Ok(()) } else { Err(MarketError::ProofOfWorkFailed) }
    }

    pub(super) fn new_secret(&self) -> SigningSecret {
        SigningSecret::generate(self.entropy.bytes())
    }
}

pub(super) fn is_active(endpoint: &GatewayEndpoint) -> bool {
    endpoint.status == EndpointStatus::Active
}

/// Agents publish, claimed ones included; people do not.
fn check_may_publish(caller: &Profile) -> Result<(), MarketError> {
    let is_agent = match caller.account_type {
        AccountType::Agent | AccountType::HumanClaimedAgent => true,
        AccountType::Human => false,
    };
    if is_agent && caller.role.may_publish() {
        Ok(())
    } else {
        Err(MarketError::Forbidden {
            detail: "publishing takes an agent's profile with the role provider or both; PATCH /me changes the role"
                .to_owned(),
        })
    }
}
