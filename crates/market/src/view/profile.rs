//! Profiles, their wallets and their keys.

use crochet_primitives::{ApiKeyId, ProfileId, Timestamp, WalletId, rfc3339_millis, schema};
use crochet_secrets::ApiKey;
use crochet_wallet::{Chain, WalletAddress};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::api_key::{Scope, StoredApiKey};
use crate::identity::{Caller, CreatedKey, Issued};
use crate::linked_wallet::{Capability, LinkedWallet, WalletStatus};
use crate::profile::{AccountType, Profile, ProfileRole};
use crate::schema::{
    ApiKeyName, ApiKeyPrefix, ApiKeyText, AuthorizationHeader, DisplayName, ProfileText, WebUrl, examples,
};

/// A profile, for everybody.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Profile, examples(json!(examples::profile())))]
pub struct ProfileJson {
    /// Its id.
    pub id: ProfileId,
    /// Its name.
    #[schema(value_type = DisplayName)]
    pub display_name: String,
    /// What kind of account it is.
    pub account_type: AccountType,
    /// What it may do.
    pub role: ProfileRole,
    /// What it says of itself.
    #[schema(value_type = Option<ProfileText>, required)]
    pub bio: Option<String>,
    /// Its website.
    #[schema(value_type = Option<WebUrl>, required)]
    pub website: Option<String>,
    /// Its picture.
    #[schema(value_type = Option<WebUrl>, required)]
    pub avatar_url: Option<String>,
    /// Whether it has the checkmark.
    pub is_verified: bool,
    /// 0 to 1000.
    #[schema(minimum = 0, maximum = 1000, required)]
    pub score: Option<u16>,
    /// When it registered.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
}

impl From<&Profile> for ProfileJson {
    fn from(profile: &Profile) -> Self {
        Self {
            id: profile.id,
            display_name: profile.display_name.clone(),
            account_type: profile.account_type,
            role: profile.role,
            bio: profile.bio.clone(),
            website: profile.website.clone(),
            avatar_url: profile.avatar_url.clone(),
            is_verified: profile.is_verified,
            score: profile.score,
            created_at: profile.created_at,
        }
    }
}

/// A wallet, for its profile.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Wallet, examples(json!(examples::wallet())))]
pub struct WalletJson {
    /// Its id.
    pub id: WalletId,
    /// The chain that it lives on.
    pub chain: Chain,
    /// Its address: EVM with its checksum, Solana in base58.
    #[schema(value_type = WalletAddress)]
    pub address: String,
    /// Whether it is the first choice of its chain.
    pub is_primary: bool,
    /// What it may be used for.
    pub capabilities: Vec<Capability>,
    /// Whether it may be used.
    pub status: WalletStatus,
    /// When it was linked.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
}

impl From<&LinkedWallet> for WalletJson {
    fn from(wallet: &LinkedWallet) -> Self {
        Self {
            id: wallet.id,
            chain: wallet.address.chain(),
            address: wallet.address.to_string(),
            is_primary: wallet.is_primary,
            capabilities: wallet.capabilities.iter().collect(),
            status: wallet.status,
            created_at: wallet.created_at,
        }
    }
}

/// What is known of an API key, for its profile. Never the key.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ApiKey, examples(json!(examples::api_key())))]
pub struct ApiKeyJson {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name.
    #[schema(value_type = ApiKeyName)]
    pub name: String,
    /// Its first characters.
    #[schema(value_type = ApiKeyPrefix)]
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was issued.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
    /// From when on it is refused.
    #[serde(with = "rfc3339_millis::option")]
    #[schema(value_type = Option<schema::Timestamp>, required)]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, within a minute.
    #[serde(with = "rfc3339_millis::option")]
    #[schema(value_type = Option<schema::Timestamp>, required)]
    pub last_used_at: Option<Timestamp>,
}

impl From<&StoredApiKey> for ApiKeyJson {
    fn from(key: &StoredApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            scopes: key.scopes.iter().collect(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
        }
    }
}

/// What `GET /me` answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Me, examples(json!(examples::me())))]
pub struct MeJson {
    /// The caller.
    pub profile: ProfileJson,
    /// Its wallets, oldest first.
    pub wallets: Vec<WalletJson>,
    /// The key that it called with.
    pub api_key: ApiKeyJson,
}

impl MeJson {
    /// The caller with its wallets.
    #[must_use]
    pub fn new(caller: &Caller, wallets: &[LinkedWallet]) -> Self {
        Self {
            profile: ProfileJson::from(&caller.profile),
            wallets: wallets.iter().map(WalletJson::from).collect(),
            api_key: ApiKeyJson::from(&caller.key),
        }
    }
}

/// A key that was made, with the raw key: shown once.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CreatedApiKey, examples(json!(examples::created_key())))]
pub struct CreatedKeyJson {
    /// What is known of it.
    #[serde(flatten)]
    pub key: ApiKeyJson,
    /// The raw key.
    #[serde(serialize_with = "raw_key")]
    #[schema(value_type = ApiKeyText)]
    pub api_key: ApiKey,
    /// The value of the `Authorization` header.
    #[serde(serialize_with = "bearer")]
    #[schema(value_type = AuthorizationHeader)]
    pub authorization_header: ApiKey,
}

impl From<&CreatedKey> for CreatedKeyJson {
    fn from(created: &CreatedKey) -> Self {
        Self {
            key: ApiKeyJson::from(&created.stored),
            api_key: created.api_key.clone(),
            authorization_header: created.api_key.clone(),
        }
    }
}

/// What registering and recovering answer, with the raw key: shown once.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = IssuedApiKey, examples(json!(examples::issued())))]
pub struct IssuedJson {
    /// Whose key it is.
    pub user_id: ProfileId,
    /// The profile.
    pub profile: ProfileJson,
    /// The wallet that proved it.
    pub wallet: WalletJson,
    /// The raw key.
    #[serde(serialize_with = "raw_key")]
    #[schema(value_type = ApiKeyText)]
    pub api_key: ApiKey,
    /// Its first characters.
    #[schema(value_type = ApiKeyPrefix)]
    pub api_key_prefix: String,
    /// The value of the `Authorization` header.
    #[serde(serialize_with = "bearer")]
    #[schema(value_type = AuthorizationHeader)]
    pub authorization_header: ApiKey,
}

impl From<&Issued> for IssuedJson {
    fn from(issued: &Issued) -> Self {
        Self {
            user_id: issued.profile.id,
            profile: ProfileJson::from(&issued.profile),
            wallet: WalletJson::from(&issued.wallet),
            api_key: issued.api_key.clone(),
            api_key_prefix: issued.stored.prefix.clone(),
            authorization_header: issued.api_key.clone(),
        }
    }
}

fn raw_key<S: Serializer>(key: &ApiKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.expose())
}

fn bearer<S: Serializer>(key: &ApiKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("Bearer {}", key.expose()))
}
