//! What a notification is about.

use crochet_primitives::{ListingId, ProfileId};
use crochet_secrets::ApiKeyHash;

/// What changed, so far as gateways keep it in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// An API key.
    Key(ApiKeyHash),
    /// A profile.
    Profile(ProfileId),
    /// A listing, or its endpoint.
    Listing(ListingId),
    /// Where a seller is paid.
    Seller(ProfileId),
    /// Nobody knows what.
    Everything,
}

impl Change {
    /// Reads a notification's payload, as the triggers write it. One that cannot be read is of a newer gateway's making,
    /// or of nobody's: then nothing that is kept is sure.
    pub(crate) fn parse(payload: &str) -> Self {
        let read = payload.split_once(' ').and_then(|(about, id)| match about {
            "key" => hash(id).map(Self::Key),
            "profile" => ProfileId::parse(id).ok().map(Self::Profile),
            "listing" => ListingId::parse(id).ok().map(Self::Listing),
            "seller" => ProfileId::parse(id).ok().map(Self::Seller),
            _ => None,
        });
        read.unwrap_or(Self::Everything)
    }
}

fn hash(hex: &str) -> Option<ApiKeyHash> {
    let mut bytes = [0; 32];
    if hex.len() != 2 * bytes.len() || !hex.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(ApiKeyHash::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_payload_names_what_changed() {
        let id = "019dedb5-ae00-7000-8000-000000000001";
        let hash = ApiKeyHash::from_bytes([0xa1; 32]);
        assert_eq!(Change::parse(&format!("key {}", "a1".repeat(32))), Change::Key(hash));
        assert_eq!(Change::parse(&format!("profile {id}")), Change::Profile(ProfileId::parse(id).unwrap()));
        assert_eq!(Change::parse(&format!("listing {id}")), Change::Listing(ListingId::parse(id).unwrap()));
        assert_eq!(Change::parse(&format!("seller {id}")), Change::Seller(ProfileId::parse(id).unwrap()));
    }

    #[test]
    fn what_cannot_be_read_is_about_everything() {
        let short = format!("key {}", "a1".repeat(31));
        let wrong = format!("key {}", "+1".repeat(32));
        for payload in ["", "all", "key", "key zz", &short, "listing 7", "moon 019dedb5-ae00-7000-8000-000000000001"] {
            assert_eq!(Change::parse(payload), Change::Everything, "{payload:?}");
        }
        // Whatever it is read as, nothing panics.
        let _ = Change::parse(&wrong);
    }

    proptest! {
        #[test]
        fn no_payload_panics(payload in "\\PC*") {
            let _ = Change::parse(&payload);
            let _ = Change::parse(&format!("key {payload}"));
        }
    }
}
