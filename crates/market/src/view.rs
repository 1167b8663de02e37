//! What the API shows: the JSON of profiles, wallets, keys, listings and endpoints.

use crochet_primitives::{ApiKeyId, CategoryId, ListingId, ProfileId, Timestamp, WalletId, rfc3339_millis};
use crochet_secrets::ApiKey;
use crochet_signing::SigningSecret;
use crochet_wallet::Chain;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::api_key::{Scope, StoredApiKey};
use crate::catalogue::{EndpointSet, Published, Removed, Rotated};
use crate::category::Category;
use crate::endpoint::{EndpointStatus, GatewayEndpoint};
use crate::identity::{CreatedKey, Issued};
use crate::linked_wallet::{Capability, LinkedWallet, WalletStatus};
use crate::listing::{
    AuthMethod, DeliveryType, ExampleOutput, ListingStatus, ListingView, PayoutCurrency, PricingModel, SuspendedBy,
};
use crate::profile::{AccountType, Profile, ProfileRole};

/// A profile, for everybody.
#[derive(Debug, Clone, Serialize)]
pub struct ProfileJson {
    /// Its id.
    pub id: ProfileId,
    /// Its name.
    pub display_name: String,
    /// What kind of account it is.
    pub account_type: AccountType,
    /// What it may do.
    pub role: ProfileRole,
    /// What it says of itself.
    pub bio: Option<String>,
    /// Its website.
    pub website: Option<String>,
    /// Its picture.
    pub avatar_url: Option<String>,
    /// Whether it has the checkmark.
    pub is_verified: bool,
    /// 0 to 1000.
    pub score: Option<u16>,
    /// When it registered.
    #[serde(with = "rfc3339_millis")]
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
#[derive(Debug, Clone, Serialize)]
pub struct WalletJson {
    /// Its id.
    pub id: WalletId,
    /// The chain that it lives on.
    pub chain: Chain,
    /// Its address: EVM with its checksum, Solana in base58.
    pub address: String,
    /// Whether it is the first choice of its chain.
    pub is_primary: bool,
    /// What it may be used for.
    pub capabilities: Vec<Capability>,
    /// Whether it may be used.
    pub status: WalletStatus,
    /// When it was linked.
    #[serde(with = "rfc3339_millis")]
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
#[derive(Debug, Clone, Serialize)]
pub struct ApiKeyJson {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name.
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was issued.
    #[serde(with = "rfc3339_millis")]
    pub created_at: Timestamp,
    /// From when on it is refused.
    #[serde(with = "rfc3339_millis::option")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, within a minute.
    #[serde(with = "rfc3339_millis::option")]
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

/// A key that was made, with the raw key: shown once.
#[derive(Debug, Clone, Serialize)]
pub struct CreatedKeyJson {
    /// What is known of it.
    #[serde(flatten)]
    pub key: ApiKeyJson,
    /// The raw key.
    #[serde(serialize_with = "raw_key")]
    pub api_key: ApiKey,
    /// The value of the `Authorization` header.
    #[serde(serialize_with = "bearer")]
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
#[derive(Debug, Clone, Serialize)]
pub struct IssuedJson {
    /// Whose key it is.
    pub user_id: ProfileId,
    /// The profile.
    pub profile: ProfileJson,
    /// The wallet that proved it.
    pub wallet: WalletJson,
    /// The raw key.
    #[serde(serialize_with = "raw_key")]
    pub api_key: ApiKey,
    /// Its first characters.
    pub api_key_prefix: String,
    /// The value of the `Authorization` header.
    #[serde(serialize_with = "bearer")]
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

/// A category.
#[derive(Debug, Clone, Serialize)]
pub struct CategoryJson {
    /// Its id.
    pub id: CategoryId,
    /// For people.
    pub name: String,
    /// For URLs.
    pub slug: String,
    /// One sentence.
    pub description: String,
    /// Where it stands in lists.
    pub sort_order: i32,
}

impl From<&Category> for CategoryJson {
    fn from(category: &Category) -> Self {
        Self {
            id: category.id,
            name: category.name.clone(),
            slug: category.slug.clone(),
            description: category.description.clone(),
            sort_order: category.sort_order,
        }
    }
}

/// A listing with what is shown beside it.
#[derive(Debug, Clone, Serialize)]
pub struct ListingJson {
    /// Its id.
    pub id: ListingId,
    /// Its name in URLs.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it offers.
    pub description: String,
    /// Whose it is.
    pub provider_id: ProfileId,
    /// Where it is sorted in.
    pub category_id: Option<CategoryId>,
    /// How it is priced.
    pub pricing_model: PricingModel,
    /// The price of a call in US dollars: a JSON number.
    pub pricing_amount: Box<RawValue>,
    /// Always `USD`.
    pub pricing_currency: &'static str,
    /// What the seller wants to be paid in.
    pub preferred_currency: PayoutCurrency,
    /// How it is delivered.
    pub delivery_type: DeliveryType,
    /// How the seller's own API authenticates.
    pub auth_method: AuthMethod,
    /// Output formats.
    pub formats: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// A demonstration.
    pub demo_endpoint: Option<String>,
    /// Its source code.
    pub github_url: Option<String>,
    /// Its picture.
    pub logo_url: Option<String>,
    /// How long it takes.
    pub expected_delivery: Option<String>,
    /// Whether it can be found and called.
    pub status: ListingStatus,
    /// Who suspended it.
    pub suspended_by: Option<SuspendedBy>,
    /// Where it is called; null when the gateway cannot call it.
    pub gateway_url: Option<String>,
    /// The long texts; lists leave them out.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub details: Option<ListingDetailsJson>,
    /// Whose it is.
    pub provider: ProfileJson,
    /// Where it is sorted in.
    pub category: Option<CategoryJson>,
    /// When it was created.
    #[serde(with = "rfc3339_millis")]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(with = "rfc3339_millis")]
    pub updated_at: Timestamp,
}

/// The long texts of a listing.
#[derive(Debug, Clone, Serialize)]
pub struct ListingDetailsJson {
    /// Documentation.
    pub docs: Option<String>,
    /// How to use it.
    pub connection_instructions: Option<String>,
    /// What it answers.
    pub example_outputs: Vec<ExampleOutput>,
    /// What can go wrong.
    pub risk_disclaimers: Option<String>,
    /// What is promised.
    pub sla: Option<String>,
}

impl ListingJson {
    /// Without the long texts.
    #[must_use]
    pub fn summary(view: &ListingView, public_url: &str) -> Self {
        let listing = &view.listing;
        let gateway_url = || format!("{}/api/v1/gateway/{}", public_url.trim_end_matches('/'), listing.id);
        Self {
            id: listing.id,
            slug: listing.slug.clone(),
            name: listing.name.clone(),
            description: listing.description.clone(),
            provider_id: listing.provider,
            category_id: listing.category,
            pricing_model: listing.pricing_model(),
            pricing_amount: listing.pricing_amount().to_json_number(),
            pricing_currency: "USD",
            preferred_currency: listing.preferred_currency,
            delivery_type: listing.delivery_type,
            auth_method: listing.auth_method,
            formats: listing.formats.clone(),
            tags: listing.tags.clone(),
            demo_endpoint: listing.demo_endpoint.clone(),
            github_url: listing.github_url.clone(),
            logo_url: listing.logo_url.clone(),
            expected_delivery: listing.expected_delivery.clone(),
            status: listing.status,
            suspended_by: listing.suspended_by,
            gateway_url: view.has_endpoint.then(gateway_url),
            details: None,
            provider: ProfileJson::from(&view.provider),
            category: view.category.as_ref().map(CategoryJson::from),
            created_at: listing.created_at,
            updated_at: listing.updated_at,
        }
    }

    /// With the long texts.
    #[must_use]
    pub fn full(view: &ListingView, public_url: &str) -> Self {
        let listing = &view.listing;
        Self {
            details: Some(ListingDetailsJson {
                docs: listing.docs.clone(),
                connection_instructions: listing.connection_instructions.clone(),
                example_outputs: listing.example_outputs.clone(),
                risk_disclaimers: listing.risk_disclaimers.clone(),
                sla: listing.sla.clone(),
            }),
            ..Self::summary(view, public_url)
        }
    }
}

/// A listing that was written, with its endpoint where that was written too.
#[derive(Debug, Clone, Serialize)]
pub struct PublishedJson {
    /// The listing.
    #[serde(flatten)]
    pub listing: ListingJson,
    /// Its endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_endpoint: Option<EndpointJson>,
}

impl PublishedJson {
    /// What creating and changing a listing answer.
    #[must_use]
    pub fn new(published: &Published, public_url: &str) -> Self {
        let endpoint = |endpoint| EndpointJson::new(endpoint, published.is_new_secret);
        Self {
            listing: ListingJson::full(&published.view, public_url),
            gateway_endpoint: published.endpoint.as_ref().map(endpoint),
        }
    }
}

/// What may be shown of an endpoint, to its owner: never its URL or its header's value.
#[derive(Debug, Clone, Serialize)]
pub struct EndpointJson {
    /// Whether calls are forwarded.
    pub status: EndpointStatus,
    /// `s•••.example`.
    pub host_hint: String,
    /// How long the seller may take, in milliseconds.
    pub timeout_ms: u32,
    /// The longest request body, in bytes.
    pub max_request_bytes: u32,
    /// The longest response body, in bytes.
    pub max_response_bytes: u32,
    /// The name of the header that authenticates at the seller.
    pub upstream_auth_header_name: Option<String>,
    /// Until when the secret before the newest goes on signing.
    #[serde(with = "rfc3339_millis::option")]
    pub previous_secret_valid_until: Option<Timestamp>,
    /// The signing secret, the one time that it is shown.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "raw_secret")]
    pub signing_secret: Option<SigningSecret>,
    /// When it was set up.
    #[serde(with = "rfc3339_millis")]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(with = "rfc3339_millis")]
    pub updated_at: Timestamp,
}

impl EndpointJson {
    /// With or without the signing secret.
    #[must_use]
    pub fn new(endpoint: &GatewayEndpoint, shows_secret: bool) -> Self {
        Self {
            status: endpoint.status,
            host_hint: endpoint.host_hint.clone(),
            timeout_ms: endpoint.timeout_ms,
            max_request_bytes: endpoint.max_request_bytes,
            max_response_bytes: endpoint.max_response_bytes,
            upstream_auth_header_name: endpoint.upstream_auth_header.as_ref().map(|header| header.name.clone()),
            previous_secret_valid_until: endpoint.previous_secret.as_ref().map(|previous| previous.valid_until),
            signing_secret: shows_secret.then(|| endpoint.signing_secret.clone()),
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

impl From<&EndpointSet> for EndpointJson {
    fn from(set: &EndpointSet) -> Self {
        Self::new(&set.endpoint, set.is_new_secret)
    }
}

/// A rotated secret: shown once.
#[derive(Debug, Clone, Serialize)]
pub struct RotatedJson {
    /// The new secret.
    #[serde(serialize_with = "raw_one_secret")]
    pub signing_secret: SigningSecret,
    /// Until when the secret before it goes on signing.
    #[serde(skip_serializing_if = "Option::is_none", with = "rfc3339_millis::option")]
    pub previous_valid_until: Option<Timestamp>,
}

impl From<&Rotated> for RotatedJson {
    fn from(rotated: &Rotated) -> Self {
        Self { signing_secret: rotated.signing_secret.clone(), previous_valid_until: rotated.previous_valid_until }
    }
}

/// What became of a listing that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemovedJson {
    /// Whether it is gone.
    pub deleted: bool,
    /// What it is otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ListingStatus>,
}

impl From<Removed> for RemovedJson {
    fn from(removed: Removed) -> Self {
        match removed {
            Removed::Deleted => Self { deleted: true, status: None },
            Removed::Suspended => Self { deleted: false, status: Some(ListingStatus::Suspended) },
        }
    }
}

fn raw_key<S: Serializer>(key: &ApiKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.expose())
}

fn bearer<S: Serializer>(key: &ApiKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("Bearer {}", key.expose()))
}

fn raw_one_secret<S: Serializer>(secret: &SigningSecret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

fn raw_secret<S: Serializer>(secret: &Option<SigningSecret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => raw_one_secret(secret, serializer),
        None => serializer.serialize_none(),
    }
}
