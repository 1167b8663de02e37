//! What a profile says of itself.

use std::ops::RangeInclusive;

use crochet_primitives::ProfileId;
use serde::Deserialize;

use super::IdentityService;
use crate::error::MarketError;
use crate::fields::{Problems, nullable};
use crate::profile::{Profile, ProfileRole};

pub(super) const NAME_LENGTH: RangeInclusive<usize> = 2..=50;
pub(super) const MAX_BIO: usize = 500;
pub(super) const DISPLAY_NAME: &str = "display_name";
pub(super) const BIO: &str = "bio";
pub(super) const WEBSITE: &str = "website";
pub(super) const AVATAR_URL: &str = "avatar_url";

/// The body of `PATCH /me`: what is absent stays, null clears what can be cleared.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfilePatch {
    /// 2 to 50 characters.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Up to 500 characters.
    #[serde(default, deserialize_with = "nullable")]
    pub bio: Option<Option<String>>,
    /// An http(s) URL.
    #[serde(default, deserialize_with = "nullable")]
    pub website: Option<Option<String>>,
    /// An http(s) URL.
    #[serde(default, deserialize_with = "nullable")]
    pub avatar_url: Option<Option<String>>,
    /// What it wants to do from now on.
    #[serde(default)]
    pub role: Option<ProfileRole>,
}

impl IdentityService {
    /// A profile.
    ///
    /// # Errors
    /// [`MarketError::NotFound`], [`MarketError::Storage`].
    pub async fn profile(&self, id: ProfileId) -> Result<Profile, MarketError> {
        let profile = self.store.profile(id).await?;
        profile.ok_or(MarketError::NotFound { what: "profile" })
    }

    /// Changes what a profile says of itself.
    ///
    /// # Errors
    /// [`MarketError::Invalid`], [`MarketError::NotFound`], [`MarketError::Storage`].
    pub async fn update_profile(&self, caller: ProfileId, patch: &ProfilePatch) -> Result<Profile, MarketError> {
        let mut profile = self.profile(caller).await?;
        let mut problems = Problems::default();
        if let Some(name) = &patch.display_name {
            profile.display_name = problems.line(DISPLAY_NAME, name, NAME_LENGTH);
        }
        if let Some(bio) = &patch.bio {
            profile.bio = problems.optional_text(BIO, bio.as_deref(), MAX_BIO);
        }
        if let Some(website) = &patch.website {
            profile.website = problems.web_url(WEBSITE, website.as_deref());
        }
        if let Some(avatar_url) = &patch.avatar_url {
            profile.avatar_url = problems.web_url(AVATAR_URL, avatar_url.as_deref());
        }
        profile.role = patch.role.unwrap_or(profile.role);
        problems.finish()?;
        if self.store.update_profile(&profile).await? {
            Ok(profile)
        } else {
            Err(MarketError::NotFound { what: "profile" })
        }
    }
}
