//! Where sellers can be paid.

use crochet_wallet::Chain;

use crate::linked_wallet::{Capability, LinkedWallet, WalletStatus};

/// Where the payment provider can pay a seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payouts {
    /// Anywhere, and a seller without a wallet too: payments are played.
    Anywhere,
    /// At a wallet on one of these chains.
    On(Vec<Chain>),
}

impl Payouts {
    /// Whether a seller with these wallets can be paid: at one that is active, has the capability `payout`, and is on a
    /// chain that is reached.
    #[must_use]
    pub fn reach(&self, wallets: &[LinkedWallet]) -> bool {
        match self {
            Self::Anywhere => true,
            Self::On(chains) => wallets.iter().any(|wallet| {
                wallet.status == WalletStatus::Active
                    && wallet.capabilities.has(Capability::Payout)
                    && chains.contains(&wallet.address.chain())
            }),
        }
    }

    /// The chains of which a wallet has to be; none where any will do.
    #[must_use]
    pub fn chains(&self) -> &[Chain] {
        match self {
            Self::Anywhere => &[],
            Self::On(chains) => chains,
        }
    }
}
