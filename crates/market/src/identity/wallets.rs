//! Further wallets of a profile.

use crochet_primitives::{EntropyExt, ProfileId, WalletId, truncate_to_millis};
use crochet_wallet::{Chain, WalletAddress};
use serde::Deserialize;
use utoipa::ToSchema;

use super::intent::Intent;
use super::{IdentityService, SignatureText};
use crate::error::MarketError;
use crate::fields::{Problems, given};
use crate::linked_wallet::{Capabilities, Capability, LinkedWallet, WalletPatch, WalletStatus};
use crate::ports::{Linking, WalletChange};
use crate::schema::{CHALLENGE_NONCE, ChallengeNonce, SIGNATURE, Signature};

/// Proof of a wallet that the profile has: an active one with the `auth` capability.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WalletProof, examples(json!({
    "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "nonce": CHALLENGE_NONCE,
    "signature": SIGNATURE
})))]
pub struct ExistingWalletProof {
    /// The wallet.
    #[schema(value_type = WalletAddress)]
    pub address: String,
    /// The nonce of a `link_wallet` challenge for it.
    #[schema(value_type = ChallengeNonce)]
    pub nonce: String,
    /// Its signature of that challenge's message.
    #[schema(value_type = Signature)]
    pub signature: SignatureText,
}

/// Proof of the wallet that is to be linked.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "nonce": CHALLENGE_NONCE, "signature": SIGNATURE })))]
pub struct NewWalletProof {
    /// The nonce of a `link_wallet` challenge for it.
    #[schema(value_type = ChallengeNonce)]
    pub nonce: String,
    /// Its signature of that challenge's message.
    #[schema(value_type = Signature)]
    pub signature: SignatureText,
}

/// The body of `POST /me/wallets`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WalletLink, examples(json!({
    "wallet_address": "2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8",
    "chain": "solana",
    "existing_wallet": {
        "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "nonce": CHALLENGE_NONCE,
        "signature": SIGNATURE
    },
    "new_wallet": { "nonce": CHALLENGE_NONCE, "signature": SIGNATURE },
    "capabilities": ["payment", "payout"]
})))]
pub struct LinkWalletBody {
    /// The wallet to link.
    #[schema(value_type = WalletAddress)]
    pub wallet_address: String,
    /// May be said; the address tells.
    pub chain: Option<Chain>,
    /// A wallet of the profile allows it.
    pub existing_wallet: ExistingWalletProof,
    /// The wallet itself agrees.
    pub new_wallet: NewWalletProof,
    /// All of them unless something else is said.
    #[schema(min_items = 1)]
    pub capabilities: Option<Vec<Capability>>,
}

/// The body of `PATCH /me/wallets/:id`: what is absent stays, and one thing has to change.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WalletChange, min_properties = 2, examples(json!({
    "wallet_proof": {
        "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "nonce": CHALLENGE_NONCE,
        "signature": SIGNATURE
    },
    "is_primary": true
})))]
pub struct UpdateWalletBody {
    /// A wallet of the profile allows it; it may be the one that is changed.
    pub wallet_proof: ExistingWalletProof,
    /// Make it, or no longer make it, the first choice of its chain.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool)]
    pub is_primary: Option<bool>,
    /// Replace its capabilities.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<Capability>, min_items = 1)]
    pub capabilities: Option<Vec<Capability>>,
    /// Switch it on or off.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = WalletStatus)]
    pub status: Option<WalletStatus>,
}

impl IdentityService {
    /// The wallets of a profile, oldest first.
    ///
    /// # Errors
    /// [`MarketError::Storage`].
    pub async fn wallets(&self, caller: ProfileId) -> Result<Vec<LinkedWallet>, MarketError> {
        Ok(self.store.wallets(caller).await?)
    }

    /// One wallet of a profile.
    ///
    /// # Errors
    /// [`MarketError::NotFound`], [`MarketError::Storage`].
    pub async fn wallet(&self, caller: ProfileId, id: WalletId) -> Result<LinkedWallet, MarketError> {
        let mut wallets = self.store.wallets(caller).await?.into_iter();
        let wallet = wallets.find(|wallet| wallet.id == id);
        wallet.ok_or(MarketError::NotFound { what: "wallet" })
    }

    /// Links a wallet, which agrees, as one of the profile's wallets allows.
    ///
    /// # Errors
    /// [`MarketError::Invalid`]; [`MarketError::ChallengeExpired`], [`MarketError::SignatureInvalid`] or
    /// [`MarketError::TooManySignatures`] for either proof; [`MarketError::WalletNotOwn`], [`MarketError::WalletDisabled`] or [`MarketError::WalletLacks`] when the
    /// existing wallet may not allow it; [`MarketError::WalletTaken`]; [`MarketError::Storage`].
    pub async fn link_wallet(&self, caller: ProfileId, body: &LinkWalletBody) -> Result<LinkedWallet, MarketError> {
        let mut problems = Problems::default();
        let new = problems.wallet("wallet_address", &body.wallet_address);
        let existing = problems.wallet("existing_wallet.address", &body.existing_wallet.address);
        if let (Some(new), Some(chain)) = (new, body.chain)
            && new.chain() != chain
        {
            problems.add("chain", format!("the address is one of {}", new.chain()));
        }
        if new.is_some() && new == existing {
            problems.add("existing_wallet.address", "must be another wallet than the one to link");
        }
        let capabilities = read_capabilities(body.capabilities.as_deref(), &mut problems);
        problems.finish()?;
        let (Some(new), Some(existing)) = (new, existing) else {
            return Err(Problems::one("wallet_address", "is required"));
        };

        // A wallet that is linked already was given the texts of a change: both count here, so that the answer is that it
        // is taken.
        let allowed = [Intent::AllowLink(caller, new), Intent::AllowAny(caller), Intent::AllowChange(caller, new)];
        let agreed = [Intent::Link(caller, Some(existing)), Intent::Link(caller, None), Intent::AllowAny(caller)];
        // Both, before either result counts: an attempt uses up every challenge that it names.
        let allowed = self.consume(existing, &body.existing_wallet.nonce, &allowed).await;
        let agreed = self.consume(new, &body.new_wallet.nonce, &agreed).await;
        self.check_signature(allowed?, &body.existing_wallet.signature).await?;
        self.check_signature(agreed?, &body.new_wallet.signature).await?;

        let wallets = self.store.wallets(caller).await?;
        check_may_allow(&wallets, existing)?;
        let now = truncate_to_millis(self.clock.now());
        let has_primary = wallets.iter().any(|wallet| wallet.is_primary && wallet.address.chain() == new.chain());
        let wallet = LinkedWallet {
            id: WalletId::new(now, self.entropy.bytes()),
            profile: caller,
            address: new,
            is_primary: !has_primary,
            capabilities: capabilities.unwrap_or_else(Capabilities::all),
            status: WalletStatus::Active,
            created_at: now,
        };
        match self.store.link_wallet(&wallet).await? {
            Linking::Done => Ok(wallet),
            Linking::WalletTaken => Err(MarketError::WalletTaken),
        }
    }

    /// Changes a wallet, as one of the profile's wallets allows.
    ///
    /// # Errors
    /// [`MarketError::Invalid`], also when nothing is to change; [`MarketError::NotFound`];
    /// [`MarketError::ChallengeExpired`]; [`MarketError::SignatureInvalid`]; [`MarketError::TooManySignatures`];
    /// [`MarketError::WalletNotOwn`],
    /// [`MarketError::WalletDisabled`] or [`MarketError::WalletLacks`] when the signing wallet may not allow it; [`MarketError::LastRecoveryWallet`]; [`MarketError::Storage`].
    pub async fn update_wallet(
        &self,
        caller: ProfileId,
        id: WalletId,
        body: &UpdateWalletBody,
    ) -> Result<LinkedWallet, MarketError> {
        let mut problems = Problems::default();
        let signer = problems.wallet("wallet_proof.address", &body.wallet_proof.address);
        let patch = WalletPatch {
            is_primary: body.is_primary,
            capabilities: read_capabilities(body.capabilities.as_deref(), &mut problems),
            status: body.status,
        };
        if body.capabilities.is_none() && patch == WalletPatch::default() {
            problems.add("is_primary", "one of is_primary, capabilities and status is required");
        }
        problems.finish()?;
        let Some(signer) = signer else {
            return Err(Problems::one("wallet_proof.address", "is required"));
        };
        // Which wallet it is decides what must have been signed. Only the caller's own are looked at.
        let wallets = self.store.wallets(caller).await?;
        let target = wallets.iter().find(|wallet| wallet.id == id);
        let named = target.map(|wallet| Intent::AllowChange(caller, wallet.address));
        let allowed: Vec<Intent> = named.into_iter().chain([Intent::AllowAny(caller)]).collect();
        let consumed = self.consume(signer, &body.wallet_proof.nonce, &allowed).await?;
        self.check_signature(consumed, &body.wallet_proof.signature).await?;
        check_may_allow(&wallets, signer)?;

        match self.store.update_wallet(caller, id, patch).await? {
            WalletChange::Done(wallet) => Ok(wallet),
            WalletChange::NotFound => Err(MarketError::NotFound { what: "wallet" }),
            WalletChange::LastRecoveryWallet => Err(MarketError::LastRecoveryWallet),
        }
    }
}

fn read_capabilities(capabilities: Option<&[Capability]>, problems: &mut Problems) -> Option<Capabilities> {
    let capabilities = capabilities?;
    if capabilities.is_empty() {
        problems.add("capabilities", "must name at least one of auth, recovery, payment and payout");
    }
    Some(capabilities.iter().copied().collect())
}

fn check_may_allow(wallets: &[LinkedWallet], signer: WalletAddress) -> Result<(), MarketError> {
    let wallet = wallets.iter().find(|wallet| wallet.address == signer).ok_or(MarketError::WalletNotOwn)?;
    check_wallet(wallet, Capability::Auth)
}

/// Whether a signature of this wallet counts for that.
pub(super) fn check_wallet(wallet: &LinkedWallet, capability: Capability) -> Result<(), MarketError> {
    match wallet.status {
        WalletStatus::Disabled => Err(MarketError::WalletDisabled),
        WalletStatus::Active if wallet.capabilities.has(capability) => Ok(()),
        WalletStatus::Active => Err(MarketError::WalletLacks { capability }),
    }
}
