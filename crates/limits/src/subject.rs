//! Who is counted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crochet_primitives::ProfileId;

/// Who is counted. [`Display`](fmt::Display) gives a name of its own to each, which tells nothing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A profile, whichever of its keys it uses.
    Profile(ProfileId),
    /// An address; of an IPv6 one the first 64 bits. Made by [`Subject::address`].
    Address(IpAddr),
    /// All addresses that an implementation has no room to tell apart.
    Others,
}

impl Subject {
    /// One client without a key: an IPv4 address, or the /64 that an IPv6 client chooses its addresses from.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 => v4,
        })
    }
}

/// `profile:UUID`, `address:ADDRESS` or `others`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(profile) => write!(f, "profile:{profile}"),
            Self::Address(address) => write!(f, "address:{address}"),
            Self::Others => f.write_str("others"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_named_by_its_id() {
        let profile = ProfileId::new(crochet_primitives::Timestamp::UNIX_EPOCH, [0; 10]);
        assert_eq!(Subject::Profile(profile).to_string(), "profile:00000000-0000-7000-8000-000000000000");
    }

    fn named(address: &str) -> String {
        Subject::address(address.parse().unwrap()).to_string()
    }

    #[test]
    fn an_ipv6_client_is_its_64_and_an_ipv4_client_its_address() {
        assert_eq!(named("2001:db8:1:2:3:4:5:6"), "address:2001:db8:1:2::");
        assert_eq!(named("203.0.113.9"), "address:203.0.113.9");
        assert_eq!(named("::ffff:203.0.113.9"), "address:203.0.113.9");
    }
}
