//! What the market needs of its storage. `features = ["testing"]` has in-memory implementations.

use async_trait::async_trait;
use crochet_primitives::{ApiKeyId, ListingId, ProfileId, StorageError, Timestamp, WalletId};
use crochet_secrets::ApiKeyHash;
use crochet_wallet::WalletAddress;

use crate::api_key::StoredApiKey;
use crate::category::Category;
use crate::endpoint::GatewayEndpoint;
use crate::linked_wallet::{LinkedWallet, WalletPatch};
use crate::listing::{Listing, ListingView};
use crate::profile::{Profile, ProfileChange};
use crate::search::{FoundListings, ListingQuery};

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Profile, wallet and key were recorded.
    Done,
    /// The wallet belongs to a profile already; nothing was recorded.
    WalletTaken,
}

/// What became of issuing a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuing {
    /// The key was recorded.
    Done,
    /// The key that was to mint it is revoked or has expired; nothing was recorded.
    MinterInvalid,
    /// The profile has [`crate::MAX_API_KEYS`] valid keys; nothing was recorded.
    TooMany,
}

/// What became of linking a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linking {
    /// The wallet was recorded.
    Done,
    /// The wallet belongs to a profile already, this one included; nothing was recorded.
    WalletTaken,
}

/// What became of changing a wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalletChange {
    /// This is what it is now.
    Done(LinkedWallet),
    /// The profile has no such wallet.
    NotFound,
    /// Nothing could recover the profile afterwards; nothing was changed.
    LastRecoveryWallet,
}

/// Profiles, their wallets and their keys. One method is one transaction.
#[async_trait]
pub trait Identities: Send + Sync {
    /// Marks a challenge as used. True exactly once for each id, whoever races; the mark may be forgotten an
    /// hour after `expires_at`, and no sooner: clocks differ.
    async fn consume_challenge(&self, id: [u8; 32], expires_at: Timestamp) -> Result<bool, StorageError>;

    /// Records a profile with its first wallet and key, all or nothing.
    async fn register(
        &self,
        profile: &Profile,
        wallet: &LinkedWallet,
        key: &StoredApiKey,
    ) -> Result<Registration, StorageError>;

    /// The profile that owns a wallet, with that wallet, whatever its status.
    async fn owner(&self, address: &WalletAddress) -> Result<Option<(Profile, LinkedWallet)>, StorageError>;

    /// Records a key, under a lock on its profile. With `revoke_others` all other keys of its profile are revoked in
    /// the same transaction. A key that is minted by another is recorded only while that one is a valid key of the same
    /// profile: nothing that a revoked key minted outlives it unseen.
    async fn issue_key(
        &self,
        key: &StoredApiKey,
        revoke_others: bool,
        minted_by: Option<ApiKeyId>,
    ) -> Result<Issuing, StorageError>;

    /// The key with this hash and its profile, unless it is revoked or has expired.
    async fn authenticate(&self, hash: &ApiKeyHash) -> Result<Option<(StoredApiKey, Profile)>, StorageError>;

    /// The keys of a profile that are not revoked, newest first.
    async fn keys(&self, profile: ProfileId) -> Result<Vec<StoredApiKey>, StorageError>;

    /// Revokes a key, under a lock on its profile; false when the profile has no such key that is not revoked.
    async fn revoke_key(&self, profile: ProfileId, key: ApiKeyId) -> Result<bool, StorageError>;

    /// A profile.
    async fn profile(&self, id: ProfileId) -> Result<Option<Profile>, StorageError>;

    /// Changes what a profile says of itself, and nothing that `change` does not name: two changes at once both stay.
    /// Answers what it is now; `None` when there is no such profile.
    async fn update_profile(&self, id: ProfileId, change: &ProfileChange) -> Result<Option<Profile>, StorageError>;

    /// The wallets of a profile, oldest first.
    async fn wallets(&self, profile: ProfileId) -> Result<Vec<LinkedWallet>, StorageError>;

    /// Records a further wallet. Where it is primary, the others of its chain cease to be.
    async fn link_wallet(&self, wallet: &LinkedWallet) -> Result<Linking, StorageError>;

    /// Changes a wallet as [`crate::apply_wallet_patch`] decides, under a lock on the profile: two changes at once
    /// cannot leave it without a recovery wallet.
    async fn update_wallet(
        &self,
        profile: ProfileId,
        wallet: WalletId,
        patch: WalletPatch,
    ) -> Result<WalletChange, StorageError>;
}

/// A listing challenge that was asked for and not used yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenChallenge {
    /// Who asked.
    pub profile: ProfileId,
    /// What is to be hashed.
    pub challenge: String,
    /// Leading hexadecimal zeros.
    pub difficulty: u8,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

/// What became of taking an open listing challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is used up now.
    Taken(OpenChallenge),
    /// There is none, or not the one that was named.
    None,
    /// Several are open and none was named; nothing was used up.
    Several,
}

/// What became of a write that names the revision it is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It was written.
    Done,
    /// Somebody else changed it in between, or it is gone: read again.
    Stale,
    /// The slug was used before, by whomever.
    SlugTaken,
}

/// What became of taking a listing from the marketplace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is out of the catalogue for good: a draft that nobody was seen to have called. It is kept all the same, since
    /// a call of it may be on its way.
    Deleted,
    /// It is out of the catalogue for good, and kept because calls point at it.
    SoftDeleted,
    /// It is suspended by its owner now.
    Suspended,
    /// It was suspended before.
    AlreadySuspended,
    /// There is no such listing of this owner.
    NotFound,
}

/// Listings, their endpoints, and categories. One method is one transaction. What [`GatewayEndpoint`] holds as
/// secrets MUST be encrypted at rest.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// All categories, in their order.
    async fn categories(&self) -> Result<Vec<Category>, StorageError>;

    /// Records a listing challenge; false when the profile has `max_open` that have not expired.
    async fn open_challenge(&self, challenge: &OpenChallenge, max_open: u32) -> Result<bool, StorageError>;

    /// Uses up the profile's one open listing challenge, or the one that is named. Each is taken exactly once,
    /// whoever races.
    async fn take_challenge(&self, profile: ProfileId, named: Option<&str>) -> Result<Taken, StorageError>;

    /// Records a new listing, and its endpoint where it has one.
    async fn insert(&self, listing: &Listing, endpoint: Option<&GatewayEndpoint>) -> Result<Saved, StorageError>;

    /// A listing by UUID or slug, whatever its status, unless it was deleted.
    async fn find(&self, id_or_slug: &str) -> Result<Option<ListingView>, StorageError>;

    /// Active listings, or all of one owner, without their long texts. The order is total: of equals in relevance the
    /// more popular comes first, and of equals in everything the one with the greater id. A crawl by cursors sees every
    /// listing that was there when it began, and stays in place, exactly once, whatever is published meanwhile. What a
    /// text may cost is bounded: see [`crate::search::MAX_RANKED`].
    async fn search(&self, query: &ListingQuery) -> Result<FoundListings, StorageError>;

    /// Replaces a listing, and sets its endpoint where one is given, when `listing.revision` (and the endpoint's) is
    /// the stored one plus one.
    async fn save(&self, listing: &Listing, endpoint: Option<&GatewayEndpoint>) -> Result<Saved, StorageError>;

    /// Deletes a draft, suspends an active listing. MUST keep the endpoint of what is deleted: a call that raced with
    /// this may be paid for.
    async fn remove(&self, listing: ListingId, owner: ProfileId) -> Result<Removal, StorageError>;

    /// The wallets of a profile, of which a seller is paid at one.
    async fn wallets(&self, profile: ProfileId) -> Result<Vec<LinkedWallet>, StorageError>;

    /// The endpoint of a listing, decrypted.
    async fn endpoint(&self, listing: ListingId) -> Result<Option<GatewayEndpoint>, StorageError>;

    /// Replaces an endpoint, or sets the first (`revision` 1), when `endpoint.revision` is the stored one plus one.
    async fn save_endpoint(&self, endpoint: &GatewayEndpoint) -> Result<Saved, StorageError>;
}

/// Which addresses the gateway may talk to.
pub trait EndpointGuard: Send + Sync {
    /// Checks a private URL before it is stored.
    ///
    /// # Errors
    /// Why it is not allowed, for its owner's eyes, without the URL.
    fn check(&self, url: &str) -> Result<(), String>;
}
