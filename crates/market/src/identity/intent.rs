//! What exactly a signature means.

use crochet_primitives::ProfileId;
use crochet_wallet::WalletAddress;

/// What a wallet agrees to by signing. Both the seal and the signed text depend on all of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Intent {
    Register,
    Recover,
    /// The signing wallet joins the profile; the other one allows it.
    Link(ProfileId, Option<WalletAddress>),
    /// The signing wallet allows the other one to join its profile.
    AllowLink(ProfileId, WalletAddress),
    /// The signing wallet allows a change to another wallet of its profile, or to itself.
    AllowChange(ProfileId, WalletAddress),
    /// The signing wallet allows one change to the wallets of its profile, whichever.
    AllowAny(ProfileId),
    Claim(ProfileId),
}

impl Intent {
    pub(super) const fn profile(self) -> Option<ProfileId> {
        match self {
            Self::Register | Self::Recover => None,
            Self::Link(profile, _)
            | Self::AllowLink(profile, _)
            | Self::AllowChange(profile, _)
            | Self::AllowAny(profile)
            | Self::Claim(profile) => Some(profile),
        }
    }

    /// What the seal covers. None of the parts can contain a line break, so their places are unambiguous.
    pub(super) fn context(self, wallet: &WalletAddress) -> Vec<u8> {
        let (kind, other) = match self {
            Self::Register => ("register", None),
            Self::Recover => ("recover", None),
            Self::Link(_, existing) => ("link", existing),
            Self::AllowLink(_, new) => ("allow-link", Some(new)),
            Self::AllowChange(_, target) => ("allow-change", Some(target)),
            Self::AllowAny(_) => ("allow-any", None),
            Self::Claim(_) => ("claim", None),
        };
        let profile = self.profile().map(|profile| profile.to_string()).unwrap_or_default();
        let other = other.map(|other| other.canonical()).unwrap_or_default();
        format!("{kind}\n{}\n{}\n{profile}\n{other}", wallet.chain(), wallet.canonical()).into_bytes()
    }

    /// What signing means, in one line of ASCII.
    pub(super) fn statement(self, wallet: &WalletAddress, service: &str) -> String {
        match self {
            Self::Register => format!("Register this wallet with {service}. This costs nothing."),
            Self::Recover => {
                format!("Issue a new {service} API key for the profile of this wallet. This costs nothing.")
            }
            Self::Link(profile, None) => format!("Link wallet {wallet} to {service} profile {profile}."),
            Self::Link(profile, Some(existing)) => {
                format!("Link wallet {wallet} to {service} profile {profile}, as its wallet {existing} allows.")
            }
            Self::AllowLink(profile, new) => {
                format!(
                    "Allow wallet {new} to be linked to {service} profile {profile}, whose wallet {wallet} signs this."
                )
            }
            Self::AllowChange(profile, target) => {
                format!(
                    "Allow a change to wallet {target} of {service} profile {profile}, whose wallet {wallet} signs this."
                )
            }
            Self::AllowAny(profile) => {
                format!(
                    "Allow one change to the wallets of {service} profile {profile}, whose wallet {wallet} signs this."
                )
            }
            Self::Claim(profile) => {
                format!("Claim the {service} agent profile {profile}, to which this wallet belongs.")
            }
        }
    }
}
