//! What the API shows: the JSON of profiles, wallets, keys, listings and endpoints.

mod endpoint;
mod listing;
mod profile;

pub use endpoint::{EndpointJson, RotatedJson};
pub use listing::{CategoryJson, ListingDetailsJson, ListingJson, ListingSummaryJson, PublishedJson, RemovedJson};
pub use profile::{ApiKeyJson, CreatedKeyJson, IssuedJson, MeJson, ProfileJson, WalletJson};
