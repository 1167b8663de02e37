//! Further API keys.

use chrono::Datelike;
use crochet_primitives::schema::Moment;
use crochet_primitives::{ApiKeyId, ProfileId, Timestamp, rfc3339_millis, truncate_to_millis};
use crochet_secrets::ApiKey;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Caller, IdentityService};
use crate::api_key::{MAX_API_KEYS, Scope, Scopes, StoredApiKey};
use crate::error::MarketError;
use crate::fields::Problems;
use crate::ports::Issuing;
use crate::schema::ApiKeyName;

/// The body of `POST /api-keys`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey, examples(json!({
    "name": "buyer worker",
    "scopes": ["read", "gateway"],
    "expires_at": "2027-01-01T00:00:00Z"
})))]
pub struct NewApiKeyBody {
    /// 1 to 100 characters.
    #[schema(value_type = ApiKeyName)]
    pub name: String,
    /// Some of the calling key's scopes; all of them unless something else is said.
    #[schema(min_items = 1)]
    pub scopes: Option<Vec<Scope>>,
    /// From when on it is refused: in the future, and no later than the calling key's own end, which is the default.
    #[serde(default, with = "rfc3339_millis::option")]
    #[schema(value_type = Option<Moment>)]
    pub expires_at: Option<Timestamp>,
}

/// A key that was made.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    /// The raw key: shown once, stored nowhere.
    pub api_key: ApiKey,
    /// What is stored of it.
    pub stored: StoredApiKey,
}

impl IdentityService {
    /// The keys of a profile that are not revoked, newest first.
    ///
    /// # Errors
    /// [`MarketError::Storage`].
    pub async fn api_keys(&self, caller: ProfileId) -> Result<Vec<StoredApiKey>, MarketError> {
        Ok(self.store.keys(caller).await?)
    }

    /// Makes a key that can do no more, and lasts no longer, than the one that asks for it.
    ///
    /// # Errors
    /// [`MarketError::Forbidden`] when the calling key lacks `write` or a scope that is asked for;
    /// [`MarketError::Invalid`]; [`MarketError::KeyNoLongerValid`]; [`MarketError::TooManyApiKeys`];
    /// [`MarketError::Storage`].
    pub async fn create_api_key(&self, caller: &Caller, body: &NewApiKeyBody) -> Result<CreatedKey, MarketError> {
        caller.require(Scope::Write)?;
        let now = truncate_to_millis(self.clock.now());
        let mut problems = Problems::default();
        let name = problems.line("name", &body.name, ApiKeyName::LENGTH);
        let scopes = match &body.scopes {
            Some(scopes) => scopes.iter().copied().collect(),
            None => caller.key.scopes,
        };
        if scopes.is_empty() {
            problems.add("scopes", "must name at least one of read, write and gateway");
        }
        let expires_at = body.expires_at.map(truncate_to_millis);
        if expires_at.is_some_and(|at| at <= now) {
            problems.add("expires_at", "must be in the future");
        }
        // Beyond it, RFC 3339 could not say it any more.
        if expires_at.is_some_and(|at| at.year() > 9_999) {
            problems.add("expires_at", "must be before the year 10000");
        }
        if let (Some(asked), Some(own)) = (expires_at, caller.key.expires_at)
            && asked > own
        {
            problems.add("expires_at", "must not be later than that of the calling key");
        }
        problems.finish()?;
        check_subset(scopes, caller)?;

        let expires_at = expires_at.or(caller.key.expires_at);
        let (api_key, stored) = self.new_key(caller.profile.id, name, scopes, now, expires_at);
        match self.store.issue_key(&stored, false, Some(caller.key.id)).await? {
            Issuing::Done => Ok(CreatedKey { api_key, stored }),
            Issuing::MinterInvalid => Err(MarketError::KeyNoLongerValid),
            Issuing::TooMany => Err(MarketError::TooManyApiKeys { limit: MAX_API_KEYS }),
        }
    }

    /// Revokes a key of the caller's profile; the calling key itself may be it.
    ///
    /// # Errors
    /// [`MarketError::Forbidden`] when the calling key lacks `write`; [`MarketError::NotFound`] when the profile has no
    /// such key that is not revoked; [`MarketError::Storage`].
    pub async fn revoke_api_key(&self, caller: &Caller, key: ApiKeyId) -> Result<(), MarketError> {
        caller.require(Scope::Write)?;
        if self.store.revoke_key(caller.profile.id, key).await? {
            Ok(())
        } else {
            Err(MarketError::NotFound { what: "API key" })
        }
    }
}

fn check_subset(scopes: Scopes, caller: &Caller) -> Result<(), MarketError> {
    if caller.key.scopes.covers(scopes) {
        Ok(())
    } else {
        Err(MarketError::Forbidden { detail: "a key can only hand on scopes that it has itself".to_owned() })
    }
}
