//! Getting a key: the first one, or a fresh one.

use crochet_primitives::{ApiKeyId, EntropyExt, ProfileId, Timestamp, WalletId, truncate_to_millis};
use crochet_secrets::ApiKey;
use crochet_wallet::WalletAddress;
use serde::Deserialize;
use utoipa::ToSchema;

use super::intent::Intent;
use super::profile::{AVATAR_URL, BIO, DISPLAY_NAME, WEBSITE};
use super::wallets::check_wallet;
use super::{IdentityService, SignatureText};
use crate::api_key::{MAX_API_KEYS, Scopes, StoredApiKey};
use crate::error::MarketError;
use crate::fields::Problems;
use crate::linked_wallet::{Capabilities, Capability, LinkedWallet, WalletStatus};
use crate::ports::{Issuing, Registration};
use crate::profile::{AccountType, Profile, ProfileRole};
use crate::schema::{
    CHALLENGE_NONCE, ChallengeNonce, DisplayName, PowNonce, ProfileText, SIGNATURE, Signature, WebUrl,
};

/// The body of `POST /register`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Registration, examples(json!({
    "wallet_address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "signature": SIGNATURE,
    "nonce": CHALLENGE_NONCE,
    "pow_nonce": "48213",
    "display_name": "signal-bot",
    "bio": "Sells DeFi signals."
})))]
pub struct RegisterBody {
    /// The wallet that registers.
    #[schema(value_type = WalletAddress)]
    pub wallet_address: String,
    /// Its signature of the challenge's message.
    #[schema(value_type = Signature)]
    pub signature: SignatureText,
    /// The challenge's nonce.
    #[schema(value_type = ChallengeNonce)]
    pub nonce: String,
    /// The solution of the challenge's work.
    #[schema(value_type = PowNonce)]
    pub pow_nonce: String,
    /// 2 to 50 characters.
    #[schema(value_type = DisplayName)]
    pub display_name: String,
    /// Up to 500 characters.
    #[schema(value_type = Option<ProfileText>)]
    pub bio: Option<String>,
    /// An http(s) URL.
    #[schema(value_type = Option<WebUrl>)]
    pub website: Option<String>,
    /// An http(s) URL.
    #[schema(value_type = Option<WebUrl>)]
    pub avatar_url: Option<String>,
    /// `both` unless something else is said.
    pub role: Option<ProfileRole>,
}

/// The body of `POST /auth/recover`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AccountRecovery, examples(json!({
    "wallet_address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "signature": SIGNATURE,
    "nonce": CHALLENGE_NONCE,
    "pow_nonce": "48213",
    "revoke_existing_keys": true
})))]
pub struct RecoverBody {
    /// A wallet of the profile.
    #[schema(value_type = WalletAddress)]
    pub wallet_address: String,
    /// Its signature of the challenge's message.
    #[schema(value_type = Signature)]
    pub signature: SignatureText,
    /// The challenge's nonce.
    #[schema(value_type = ChallengeNonce)]
    pub nonce: String,
    /// The solution of the challenge's work.
    #[schema(value_type = PowNonce)]
    pub pow_nonce: String,
    /// Whether all other keys of the profile are revoked.
    #[serde(default)]
    #[schema(default = false)]
    pub revoke_existing_keys: bool,
}

/// A key that was handed out, with whose it is.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Whose key it is.
    pub profile: Profile,
    /// The wallet that proved it.
    pub wallet: LinkedWallet,
    /// The raw key: shown once, stored nowhere.
    pub api_key: ApiKey,
    /// What is stored of it.
    pub stored: StoredApiKey,
}

impl IdentityService {
    /// Makes a profile with its first wallet and key.
    ///
    /// Checks the fields (which uses nothing up), then the nonce (which uses it up), the work, the signature, and
    /// last whether the wallet is free.
    ///
    /// # Errors
    /// [`MarketError::Invalid`], [`MarketError::ChallengeExpired`], [`MarketError::ProofOfWorkFailed`],
    /// [`MarketError::SignatureInvalid`], [`MarketError::TooManySignatures`], [`MarketError::WalletTaken`],
    /// [`MarketError::Storage`].
    pub async fn register(&self, body: &RegisterBody) -> Result<Issued, MarketError> {
        let now = truncate_to_millis(self.clock.now());
        let mut problems = Problems::default();
        let address = problems.wallet("wallet_address", &body.wallet_address);
        let profile = Profile {
            id: ProfileId::new(now, self.entropy.bytes()),
            display_name: problems.line(DISPLAY_NAME, &body.display_name, DisplayName::LENGTH),
            account_type: AccountType::Agent,
            role: body.role.unwrap_or(ProfileRole::Both),
            bio: problems.optional_text(BIO, body.bio.as_deref(), ProfileText::LENGTH),
            website: problems.web_url(WEBSITE, body.website.as_deref()),
            avatar_url: problems.web_url(AVATAR_URL, body.avatar_url.as_deref()),
            is_verified: false,
            score: None,
            created_at: now,
        };
        problems.finish()?;
        let Some(address) = address else {
            return Err(Problems::one("wallet_address", "is required"));
        };

        let consumed = self.consume(address, &body.nonce, &[Intent::Register]).await?;
        consumed.worked_for(&body.pow_nonce)?;
        self.check_signature(consumed, &body.signature).await?;

        let wallet = LinkedWallet {
            id: WalletId::new(now, self.entropy.bytes()),
            profile: profile.id,
            address,
            is_primary: true,
            capabilities: Capabilities::all(),
            status: WalletStatus::Active,
            created_at: now,
        };
        let (api_key, stored) = self.new_key(profile.id, "registration".to_owned(), Scopes::all(), now, None);
        match self.store.register(&profile, &wallet, &stored).await? {
            Registration::Done => Ok(Issued { profile, wallet, api_key, stored }),
            Registration::WalletTaken => Err(MarketError::WalletTaken),
        }
    }

    /// Issues a fresh key to whoever holds a recovery wallet of a profile.
    ///
    /// # Errors
    /// The same as [`Self::register`], but [`MarketError::NotFound`] when no profile owns the wallet, and
    /// [`MarketError::WalletDisabled`] or [`MarketError::WalletLacks`] when it may not recover it, and [`MarketError::TooManyApiKeys`] when it has as
    /// many as it may and `revoke_existing_keys` is not set.
    pub async fn recover(&self, body: &RecoverBody) -> Result<Issued, MarketError> {
        let now = truncate_to_millis(self.clock.now());
        let mut problems = Problems::default();
        let address = problems.wallet("wallet_address", &body.wallet_address);
        problems.finish()?;
        let Some(address) = address else {
            return Err(Problems::one("wallet_address", "is required"));
        };

        let consumed = self.consume(address, &body.nonce, &[Intent::Recover]).await?;
        consumed.worked_for(&body.pow_nonce)?;
        self.check_signature(consumed, &body.signature).await?;

        let owner = self.store.owner(&address).await?;
        let (profile, wallet) = owner.ok_or(MarketError::NotFound { what: "profile" })?;
        check_wallet(&wallet, Capability::Recovery)?;
        let (api_key, stored) = self.new_key(profile.id, "recovery".to_owned(), Scopes::all(), now, None);
        match self.store.issue_key(&stored, body.revoke_existing_keys, None).await? {
            Issuing::Done => Ok(Issued { profile, wallet, api_key, stored }),
            // No key mints this one: the wallet does.
            Issuing::MinterInvalid => Err(MarketError::KeyNoLongerValid),
            Issuing::TooMany => Err(MarketError::TooManyApiKeys { limit: MAX_API_KEYS }),
        }
    }

    pub(super) fn new_key(
        &self,
        profile: ProfileId,
        name: String,
        scopes: Scopes,
        now: Timestamp,
        expires_at: Option<Timestamp>,
    ) -> (ApiKey, StoredApiKey) {
        let api_key = ApiKey::generate(self.entropy.bytes());
        let stored = StoredApiKey {
            id: ApiKeyId::new(now, self.entropy.bytes()),
            profile,
            name,
            prefix: api_key.prefix(),
            hash: api_key.hash(),
            scopes,
            created_at: now,
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        (api_key, stored)
    }
}
