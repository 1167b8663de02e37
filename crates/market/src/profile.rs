//! Who acts on the marketplace.

use crochet_primitives::{ProfileId, Timestamp};

use crochet_primitives::names;

/// A profile: reputation, listings, history and score attach to it, however many wallets it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// UUIDv7.
    pub id: ProfileId,
    /// 2 to 50 characters.
    pub display_name: String,
    /// What kind of account it is.
    pub account_type: AccountType,
    /// What it may do.
    pub role: ProfileRole,
    /// Up to 500 characters.
    pub bio: Option<String>,
    /// An http(s) URL.
    pub website: Option<String>,
    /// An http(s) URL.
    pub avatar_url: Option<String>,
    /// Whether the score has earned the checkmark.
    pub is_verified: bool,
    /// 0 to 1000; `None` before it was first computed.
    pub score: Option<u16>,
    /// When it registered.
    pub created_at: Timestamp,
}

names! {
    /// What kind of account a profile is.
    pub enum AccountType {
        /// A program that holds a wallet.
        Agent => "agent",
        /// A person.
        Human => "human",
        /// An agent that a person has claimed.
        HumanClaimedAgent => "human_claimed_agent",
    }
}

names! {
    /// What a profile may do.
    pub enum ProfileRole {
        /// Call listings.
        Buyer => "buyer",
        /// Publish listings.
        Provider => "provider",
        /// Both.
        Both => "both",
    }
}

impl ProfileRole {
    /// Whether it may publish listings.
    #[must_use]
    pub const fn may_publish(self) -> bool {
        matches!(self, Self::Provider | Self::Both)
    }
}

/// What is to change of what a profile says of itself; `None` leaves it, `Some(None)` clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// Its name.
    pub display_name: Option<String>,
    /// Its description.
    pub bio: Option<Option<String>>,
    /// Its website.
    pub website: Option<Option<String>>,
    /// Its picture.
    pub avatar_url: Option<Option<String>>,
    /// What it may do.
    pub role: Option<ProfileRole>,
}

impl ProfileChange {
    /// Makes the change.
    pub fn apply(&self, profile: &mut Profile) {
        if let Some(display_name) = &self.display_name {
            profile.display_name.clone_from(display_name);
        }
        if let Some(bio) = &self.bio {
            profile.bio.clone_from(bio);
        }
        if let Some(website) = &self.website {
            profile.website.clone_from(website);
        }
        if let Some(avatar_url) = &self.avatar_url {
            profile.avatar_url.clone_from(avatar_url);
        }
        profile.role = self.role.unwrap_or(profile.role);
    }
}
