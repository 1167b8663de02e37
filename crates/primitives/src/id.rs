//! One type per kind of id, all UUIDv7: sorted by when they were made, made without asking a database.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::Timestamp;
use crate::schema::uuid;

/// Text that is no id of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a valid id")]
pub struct ParseIdError;

macro_rules! id {
    ($(#[doc = $doc:literal])* $name:ident) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read(deserializer).map(Self)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                uuid(concat!($($doc),*))
            }
        }

        impl ToSchema for $name {}

        impl $name {
            /// A UUIDv7 made of a moment and ten random bytes.
            #[must_use]
            pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
                Self(uuid_v7(at, random))
            }

            /// Reads a hyphenated UUID of any case.
            ///
            /// # Errors
            /// When `text` is anything else.
            pub fn parse(text: &str) -> Result<Self, ParseIdError> {
                parse_uuid(text).map(Self)
            }

            /// The id as a plain UUID, for storage.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

id!(
    /// An agent, or later a person.
    ProfileId
);
id!(
    /// A linked wallet.
    WalletId
);
id!(
    /// An API key's public identity; the key itself is a secret.
    ApiKeyId
);
id!(
    /// A marketplace category.
    CategoryId
);
id!(
    /// What a seller offers.
    ListingId
);
id!(
    /// The three ledger entries of one settlement share it.
    SettlementId
);
id!(
    /// One row of the ledger.
    LedgerEntryId
);
id!(
    /// A payment that could not be matched to an open call.
    OrphanId
);
id!(
    /// One gateway call, free or paid. It leaves the system under two names: [`CallId::request_id`] for everybody,
    /// and [`CallId::relay_request_id`] where there is something to pay.
    CallId
);

impl CallId {
    /// `gw_req_<uuid>`: the id that sellers see and history lists. The same for all attempts of one call.
    #[must_use]
    pub fn request_id(self) -> String {
        format!("gw_req_{}", self.0)
    }

    /// `relay_<uuid>`: the id that a buyer pays for and retries with.
    #[must_use]
    pub fn relay_request_id(self) -> String {
        format!("relay_{}", self.0)
    }

    /// Reads `gw_req_<uuid>`.
    ///
    /// # Errors
    /// When `text` is anything else.
    pub fn parse_request_id(text: &str) -> Result<Self, ParseIdError> {
        text.strip_prefix("gw_req_").ok_or(ParseIdError).and_then(Self::parse)
    }

    /// Reads `relay_<uuid>`.
    ///
    /// # Errors
    /// When `text` is anything else.
    pub fn parse_relay_request_id(text: &str) -> Result<Self, ParseIdError> {
        text.strip_prefix("relay_").ok_or(ParseIdError).and_then(Self::parse)
    }
}

/// RFC 9562, section 5.7. A moment before 1970 counts as 1970.
fn uuid_v7(at: Timestamp, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Only the 36-character hyphenated form: a slug can never be mistaken for an id, nor the other way round.
fn parse_uuid(text: &str) -> Result<Uuid, ParseIdError> {
    if text.len() != 36 {
        return Err(ParseIdError);
    }
    Uuid::try_parse(text).map_err(|_| ParseIdError)
}

/// In JSON the hyphenated form alone as well, so that the schema and the reader say the same.
fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    parse_uuid(&text).map_err(|_| de::Error::invalid_value(de::Unexpected::Str(&text), &"a hyphenated UUID"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp_from_millis;

    #[test]
    fn an_id_made_later_sorts_after_one_made_earlier() {
        let early = CallId::new(timestamp_from_millis(1).unwrap(), [255; 10]);
        let late = CallId::new(timestamp_from_millis(2).unwrap(), [0; 10]);
        assert!(early < late);
    }

    #[test]
    fn a_call_is_read_back_from_both_of_its_names() {
        let id = CallId::new(timestamp_from_millis(1_777_809_600_000).unwrap(), [3; 10]);
        assert_eq!(CallId::parse_request_id(&id.request_id()), Ok(id));
        assert_eq!(CallId::parse_relay_request_id(&id.relay_request_id()), Ok(id));
        assert_eq!(CallId::parse_request_id(&id.relay_request_id()), Err(ParseIdError));
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        for text in ["", "x", "urn:uuid:0190a0b0-0000-7000-8000-000000000000", "0190a0b0000070008000000000000000"] {
            assert_eq!(ListingId::parse(text), Err(ParseIdError), "{text}");
        }
    }

    #[test]
    fn an_id_is_a_version_7_uuid() {
        let id = ProfileId::new(timestamp_from_millis(1_777_809_600_000).unwrap(), [9; 10]);
        assert_eq!(id.uuid().get_version_num(), 7);
    }
}
