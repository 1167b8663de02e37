//! Profiles, keys, listings, endpoints and categories.
mod api_key;
pub mod catalogue;
mod category;
#[cfg(feature = "testing")]
pub mod contract;
mod endpoint;
mod error;
mod fields;
pub mod identity;
mod linked_wallet;
mod listing;
#[cfg(feature = "testing")]
pub mod memory;
mod names;
pub mod ports;
mod profile;
pub mod view;

pub use api_key::{Scope, Scopes, StoredApiKey};
pub use category::Category;
pub use endpoint::{EndpointStatus, GatewayEndpoint, PreviousSecret, UpstreamAuthHeader};
pub use error::{FieldProblem, MarketError};
pub use linked_wallet::{Capabilities, Capability, LinkedWallet, WalletPatch, WalletStatus, apply_wallet_patch};
pub use listing::{
    AuthMethod, DeliveryType, ExampleOutput, Listing, ListingQuery, ListingStatus, ListingView, PayoutCurrency,
    PricingModel, Sort, SuspendedBy,
};
pub use profile::{AccountType, Profile, ProfileRole};
