//! Who takes part in the marketplace, and what is offered there: profiles, wallets, API keys, listings, private
//! endpoints and categories.
//!
//! [`identity::IdentityService`] and [`catalogue::CatalogueService`] are the use cases, over the ports in [`ports`]; the
//! bodies they take are what the API reads, and [`view`] is what it answers.
//!
//! **Invariant:** a challenge is good for one purpose, one wallet and one attempt; a key hands on no more than it has;
//! no profile is left without a wallet to recover it; a paid listing always has an endpoint; a private URL, a header's
//! value, a signing secret or a raw key is in no `Debug` output and in no error.
//!
//! ```
//! use std::ops::ControlFlow;
//! use std::sync::Arc;
//!
//! use crochet_market::identity::{ChallengeRequest, IdentityConfig, IdentityService, RegisterBody};
//! use crochet_market::memory::MemoryIdentities;
//! use crochet_pow::{ChallengeSealer, Difficulty, solve};
//! use crochet_primitives::testing::{ManualClock, SeededEntropy};
//! use crochet_wallet::EvmSigner;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = Arc::new(ManualClock::default());
//! let identities = IdentityService::new(
//!     Arc::new(MemoryIdentities::new(clock.clone())),
//!     clock,
//!     Arc::new(SeededEntropy::new(1)),
//!     ChallengeSealer::new([7; 32]),
//!     IdentityConfig::new("crochet.example", "https://crochet.example"),
//! );
//!
//! // An agent asks for a challenge, signs its message and does its work.
//! let wallet = EvmSigner::from_bytes([1; 32])?;
//! let request = ChallengeRequest { wallet_address: wallet.address().to_string(), ..ChallengeRequest::default() };
//! let challenge = identities.challenge(&request, None).await?;
//! let difficulty = Difficulty::new(challenge.pow.difficulty).ok_or("no such difficulty")?;
//! let work = solve(&challenge.pow.challenge, difficulty, |_| ControlFlow::Continue(())).ok_or("stopped")?;
//!
//! let issued = identities
//!     .register(&RegisterBody {
//!         wallet_address: wallet.address().to_string(),
//!         signature: wallet.sign(&challenge.message).into(),
//!         nonce: challenge.nonce,
//!         pow_nonce: work.pow_nonce,
//!         display_name: "signal-bot".to_owned(),
//!         ..RegisterBody::default()
//!     })
//!     .await?;
//!
//! // From now on its key says who it is.
//! let caller = identities.authenticate(&issued.api_key).await?.ok_or("nobody")?;
//! assert_eq!(caller.profile.display_name, "signal-bot");
//! # Ok(())
//! # }
//! ```

mod api_key;
pub mod catalogue;
mod category;
#[cfg(feature = "testing")]
pub mod contract;
mod endpoint;
mod error;
mod fields;
pub mod identity;
mod input;
mod linked_wallet;
mod listing;
#[cfg(feature = "testing")]
pub mod memory;
mod payouts;
pub mod ports;
mod profile;
mod schema;
pub mod search;
pub mod view;

pub use api_key::{MAX_API_KEYS, Scope, Scopes, StoredApiKey};
pub use category::Category;
pub use endpoint::{EndpointStatus, GatewayEndpoint, PreviousSecret, UpstreamAuthHeader};
pub use error::{FieldProblem, MarketError};
pub use linked_wallet::{Capabilities, Capability, LinkedWallet, WalletPatch, WalletStatus, apply_wallet_patch};
pub use listing::{
    AuthMethod, DeliveryType, ExampleOutput, Listing, ListingStatus, ListingView, PayoutCurrency, PricingModel, Sort,
    SuspendedBy,
};
pub use payouts::Payouts;
pub use profile::{AccountType, Profile, ProfileChange, ProfileRole};
pub use search::ListingQuery;
