//! Profiles, keys, listings, endpoints and categories.
mod api_key;
mod category;
mod endpoint;
mod linked_wallet;
mod listing;
mod names;
pub mod ports;
mod profile;

pub use api_key::{Scope, Scopes, StoredApiKey};
pub use category::Category;
pub use endpoint::{EndpointStatus, GatewayEndpoint, PreviousSecret, UpstreamAuthHeader};
pub use linked_wallet::{Capabilities, Capability, LinkedWallet, WalletPatch, WalletStatus, apply_wallet_patch};
pub use listing::{
    AuthMethod, DeliveryType, ExampleOutput, Listing, ListingQuery, ListingStatus, ListingView, PayoutCurrency,
    PricingModel, Sort, SuspendedBy,
};
pub use profile::{AccountType, Profile, ProfileRole};
