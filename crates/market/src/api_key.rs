//! API keys: what is kept of them, and what they may do.

use crochet_primitives::{ApiKeyId, ProfileId, Timestamp};
use crochet_secrets::ApiKeyHash;

use crochet_primitives::names;

/// A profile has at most so many keys that are neither revoked nor expired.
pub const MAX_API_KEYS: usize = 25;

/// An API key as it is kept: never the key itself.
#[derive(Debug, Clone)]
pub struct StoredApiKey {
    /// UUIDv7.
    pub id: ApiKeyId,
    /// Whose it is.
    pub profile: ProfileId,
    /// 1 to 100 characters.
    pub name: String,
    /// `am_k_Ab12`: the first characters, safe to show.
    pub prefix: String,
    /// SHA-256 of the key.
    pub hash: ApiKeyHash,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was issued.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Since when it is refused.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, within a minute.
    pub last_used_at: Option<Timestamp>,
}

names! {
    /// What a key may do.
    pub enum Scope {
        /// Read its profile's data.
        Read => "read",
        /// Change its profile's data, listings and keys.
        Write => "write",
        /// Call the gateway.
        Gateway => "gateway",
    }
}

/// A set of scopes, in a fixed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    const ORDER: [Scope; 3] = [Scope::Read, Scope::Write, Scope::Gateway];

    /// All of them: what registration and recovery hand out.
    #[must_use]
    pub fn all() -> Self {
        Self::from_iter(Self::ORDER)
    }

    /// Whether it has this one.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & Self::bit(scope) != 0
    }

    /// Whether it has all of `others`.
    #[must_use]
    pub const fn covers(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that it has.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Self::ORDER.into_iter().filter(move |scope| self.has(*scope))
    }

    const fn bit(scope: Scope) -> u8 {
        match scope {
            Scope::Read => 1,
            Scope::Write => 2,
            Scope::Gateway => 4,
        }
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | Self::bit(scope)))
    }
}
