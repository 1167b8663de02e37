//! What a profile says of itself.

use crochet_primitives::ProfileId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::IdentityService;
use crate::error::MarketError;
use crate::fields::{Problems, nullable};
use crate::profile::{Profile, ProfileChange, ProfileRole};
use crate::schema::{DisplayName, ProfileText, WebUrl};

pub(super) const DISPLAY_NAME: &str = "display_name";
pub(super) const BIO: &str = "bio";
pub(super) const WEBSITE: &str = "website";
pub(super) const AVATAR_URL: &str = "avatar_url";

/// The body of `PATCH /me`: what is absent stays, null clears what can be cleared.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProfileChange, examples(json!({ "bio": "Sells DeFi signals.", "website": "https://signals.example" })))]
pub struct ProfilePatch {
    /// 2 to 50 characters.
    #[schema(value_type = Option<DisplayName>)]
    pub display_name: Option<String>,
    /// Up to 500 characters.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ProfileText>)]
    pub bio: Option<Option<String>>,
    /// An http(s) URL.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<WebUrl>)]
    pub website: Option<Option<String>>,
    /// An http(s) URL.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<WebUrl>)]
    pub avatar_url: Option<Option<String>>,
    /// What it wants to do from now on.
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
        let mut problems = Problems::default();
        let change = ProfileChange {
            display_name: patch
                .display_name
                .as_ref()
                .map(|name| problems.line(DISPLAY_NAME, name, DisplayName::LENGTH)),
            bio: patch.bio.as_ref().map(|bio| problems.optional_text(BIO, bio.as_deref(), ProfileText::LENGTH)),
            website: patch.website.as_ref().map(|website| problems.web_url(WEBSITE, website.as_deref())),
            avatar_url: patch.avatar_url.as_ref().map(|url| problems.web_url(AVATAR_URL, url.as_deref())),
            role: patch.role,
        };
        problems.finish()?;
        let profile = self.store.update_profile(caller, &change).await?;
        profile.ok_or(MarketError::NotFound { what: "profile" })
    }
}
