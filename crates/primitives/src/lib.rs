//! What every room of the house shares: typed ids, timestamps, the two ports through which time and randomness come in,
//! and the one by which long computations go elsewhere.
//!
//! **Invariant:** nothing here reads a clock, draws randomness or starts a thread by itself. [`Clock`] and [`Entropy`] are
//! implemented once, at the edge (`bin/crochet`); `features = ["testing"]` has deterministic ones.
//!
//! ```
//! use crochet_primitives::{ListingId, timestamp_from_millis};
//!
//! let made_at = timestamp_from_millis(1_777_809_600_000).unwrap();
//! let id = ListingId::new(made_at, [7; 10]);
//! assert_eq!(ListingId::parse(&id.to_string()).unwrap(), id);
//! ```

#[doc(hidden)]
#[path = "names.rs"]
pub mod __names;
mod clock;
mod computing;
mod entropy;
mod id;
mod page;
pub mod schema;
mod storage;
#[cfg(feature = "testing")]
pub mod testing;

pub use clock::{
    Clock, Timestamp, format_timestamp, parse_timestamp, rfc3339_millis, timestamp_from_millis, truncate_to_millis,
};
pub use computing::{Computing, InPlace, TooMuchToCompute};
pub use entropy::{Entropy, EntropyExt};
pub use id::{
    ApiKeyId, CallId, CategoryId, LedgerEntryId, ListingId, OrphanId, ParseIdError, ProfileId, SettlementId, WalletId,
};
pub use page::{Cursor, CursorError, Page, PageRequest, Total};
pub use storage::StorageError;
