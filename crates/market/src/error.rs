//! Why the market refuses.

use crochet_primitives::StorageError;
use crochet_wallet::Chain;
use thiserror::Error;

use crate::linked_wallet::Capability;
use crate::listing::PricingModel;

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field's path in the JSON, as in `tags[3]`.
    pub field: String,
    /// What is wrong with it, without its value.
    pub message: String,
}

/// Why the market refuses. No variant carries a secret.
#[derive(Debug, Error)]
pub enum MarketError {
    /// Fields that break their bounds; at least one.
    #[error("the request has {} invalid field(s)", .0.len())]
    Invalid(Vec<FieldProblem>),
    /// A pricing model that is known and can no longer be published.
    #[error("listings of the pricing model {} can no longer be published; use free or per_call", model.as_str())]
    PricingModelUnavailable {
        /// The model.
        model: PricingModel,
    },
    /// What was asked for takes an API key.
    #[error("this takes an API key")]
    KeyRequired,
    /// The calling key was revoked, or expired, since the call began.
    #[error("the API key is revoked or expired")]
    KeyNoLongerValid,
    /// The profile has as many valid API keys as it may.
    #[error("the profile has {limit} API keys, and can have no more; revoke one first")]
    TooManyApiKeys {
        /// How many it may have.
        limit: usize,
    },
    /// The challenge is unknown, used, expired, or was issued for something else.
    #[error("the challenge is unknown, used up, expired, or was issued for something else; request a new one")]
    ChallengeExpired,
    /// The proof of work does not meet its difficulty. The challenge is used up.
    #[error("the proof of work is not a solution of its challenge; request a new challenge")]
    ProofOfWorkFailed,
    /// A signature does not prove what it should. The challenge is used up.
    #[error("the signature proves nothing: {detail}")]
    SignatureInvalid {
        /// What is wrong with it.
        detail: String,
    },
    /// As many signatures are being checked as may be at once. The challenge is used up.
    #[error("the service is busy with other signatures; request a new challenge")]
    TooManySignatures,
    /// The caller may not do this.
    #[error("{detail}")]
    Forbidden {
        /// What is missing.
        detail: String,
    },
    /// The listing is somebody else's.
    #[error("only its owner may do this to a listing")]
    NotOwner,
    /// The wallet that signed is none of the profile's.
    #[error("the wallet that signed does not belong to this profile")]
    WalletNotOwn,
    /// The wallet that signed is disabled.
    #[error("the wallet that signed is disabled")]
    WalletDisabled,
    /// The wallet that signed may not do this.
    #[error("the wallet that signed lacks the capability {}", capability.as_str())]
    WalletLacks {
        /// What it would take.
        capability: Capability,
    },
    /// There is none, or the caller may not know that there is.
    #[error("{what} not found")]
    NotFound {
        /// Of what, as in `listing`.
        what: &'static str,
    },
    /// The wallet belongs to a profile already.
    #[error("the wallet belongs to a profile already")]
    WalletTaken,
    /// Others changed it again and again while this was tried.
    #[error("somebody else keeps changing this; try again")]
    ChangedMeanwhile,
    /// Nothing could recover the profile afterwards.
    #[error("the profile needs at least one active wallet with the recovery capability")]
    LastRecoveryWallet,
    /// The listing that was to be suspended is.
    #[error("the listing is suspended already")]
    AlreadySuspended,
    /// Only the operator lifts what the operator suspended.
    #[error("the listing was suspended by the marketplace, which alone can lift that")]
    SuspendedByOperator,
    /// The gateway does not talk to this address.
    #[error("the private endpoint is not allowed: {detail}")]
    EndpointNotAllowed {
        /// Why, without the URL.
        detail: String,
    },
    /// The listing has no private endpoint.
    #[error("the listing has no private endpoint; set private_endpoint_url first")]
    ListingHasNoEndpoint,
    /// Nobody could be paid for calls of the listing.
    #[error(
        "a paid listing that is active takes an active wallet with the capability payout, on a chain that payouts reach: {}",
        chains.iter().map(|chain| chain.as_str()).collect::<Vec<_>>().join(" or ")
    )]
    NoPayoutWallet {
        /// On which chains a wallet would do.
        chains: Vec<Chain>,
    },
    /// The profile has as many unused listing challenges as it may.
    #[error("{limit} listing challenges are open already; use one, or wait until they expire")]
    TooManyOpenChallenges {
        /// How many may be open.
        limit: u32,
    },
    /// Several listing challenges are open and the request does not say which it solves.
    #[error("several listing challenges are open; name the solved one in pow_challenge")]
    SeveralChallengesOpen,
    /// Numbered pages do not go that deep.
    #[error("pages go down to listing number {depth}; follow pagination.next_cursor from there, or narrow the search")]
    PagesEnd {
        /// How deep they go.
        depth: u64,
    },
    /// The storage could not do its work.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
