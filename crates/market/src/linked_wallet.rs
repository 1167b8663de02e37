//! The wallets of a profile.

use crochet_primitives::{ProfileId, Timestamp, WalletId};
use crochet_wallet::WalletAddress;

use crochet_primitives::names;

/// A wallet that its profile has proved to own. An address belongs to one profile at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedWallet {
    /// UUIDv7.
    pub id: WalletId,
    /// Whose it is.
    pub profile: ProfileId,
    /// Its address; the chain is the address's.
    pub address: WalletAddress,
    /// The profile's first choice. One wallet per profile and chain at most.
    pub is_primary: bool,
    /// What it may be used for.
    pub capabilities: Capabilities,
    /// Whether it may be used.
    pub status: WalletStatus,
    /// When it was linked.
    pub created_at: Timestamp,
}

names! {
    /// What a wallet may be used for.
    pub enum Capability {
        /// Proving who one is, for instance when linking a further wallet.
        Auth => "auth",
        /// Getting a fresh API key.
        Recovery => "recovery",
        /// Paying for calls.
        Payment => "payment",
        /// Receiving what sellers earn.
        Payout => "payout",
    }
}

/// A set of capabilities, in a fixed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(u8);

impl Capabilities {
    /// All of them: what a wallet is linked with unless something else is asked for.
    #[must_use]
    pub fn all() -> Self {
        Self::from_iter(Self::ORDER)
    }

    const ORDER: [Capability; 4] = [Capability::Auth, Capability::Recovery, Capability::Payment, Capability::Payout];

    /// Whether it has this one.
    #[must_use]
    pub fn has(self, capability: Capability) -> bool {
        self.0 & Self::bit(capability) != 0
    }

    /// Those that it has.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Self::ORDER.into_iter().filter(move |capability| self.has(*capability))
    }

    const fn bit(capability: Capability) -> u8 {
        match capability {
            Capability::Auth => 1,
            Capability::Recovery => 2,
            Capability::Payment => 4,
            Capability::Payout => 8,
        }
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().fold(0, |set, capability| set | Self::bit(capability)))
    }
}

names! {
    /// Whether a wallet may be used.
    pub enum WalletStatus {
        /// It may.
        Active => "active",
        /// It may not, until it is activated again.
        Disabled => "disabled",
    }
}

impl LinkedWallet {
    /// Whether a profile could be recovered through it.
    #[must_use]
    pub fn can_recover(&self) -> bool {
        self.status == WalletStatus::Active && self.capabilities.has(Capability::Recovery)
    }
}

/// What is to change about a wallet; `None` leaves it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WalletPatch {
    /// Make it, or no longer make it, the first choice of its chain.
    pub is_primary: Option<bool>,
    /// Replace its capabilities.
    pub capabilities: Option<Capabilities>,
    /// Switch it on or off.
    pub status: Option<WalletStatus>,
}

/// Applies a patch to one of a profile's wallets; `None` when nothing could recover the profile afterwards.
///
/// A wallet that becomes primary takes that from the others of its chain.
#[must_use]
pub fn apply_wallet_patch(wallets: &[LinkedWallet], id: WalletId, patch: WalletPatch) -> Option<Vec<LinkedWallet>> {
    let chain = wallets.iter().find(|wallet| wallet.id == id).map(|wallet| wallet.address.chain());
    let patched: Vec<LinkedWallet> = wallets
        .iter()
        .cloned()
        .map(|mut wallet| {
            if wallet.id == id {
                wallet.is_primary = patch.is_primary.unwrap_or(wallet.is_primary);
                wallet.capabilities = patch.capabilities.unwrap_or(wallet.capabilities);
                wallet.status = patch.status.unwrap_or(wallet.status);
            } else if patch.is_primary == Some(true) && Some(wallet.address.chain()) == chain {
                wallet.is_primary = false;
            }
            wallet
        })
        .collect();
    patched.iter().any(LinkedWallet::can_recover).then_some(patched)
}
