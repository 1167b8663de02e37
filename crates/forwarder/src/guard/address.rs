//! Which IP addresses are on the public Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::{GuardPolicy, GuardRefusal};

/// The IPv4 ranges that are not for the public, after IANA's special-purpose address registry.
const NOT_PUBLIC_V4: &[Ipv4Net] = &[
    v4([0, 0, 0, 0], 8),       // "this network"
    v4([10, 0, 0, 0], 8),      // private
    v4([100, 64, 0, 0], 10),   // carrier-grade NAT
    v4([127, 0, 0, 0], 8),     // loopback
    v4([169, 254, 0, 0], 16),  // link-local, with the clouds' metadata services
    v4([172, 16, 0, 0], 12),   // private
    v4([192, 0, 0, 0], 24),    // protocol assignments
    v4([192, 0, 2, 0], 24),    // documentation
    v4([192, 88, 99, 0], 24),  // 6to4 relays
    v4([192, 168, 0, 0], 16),  // private
    v4([198, 18, 0, 0], 15),   // benchmarking
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24),  // documentation
    v4([224, 0, 0, 0], 4),     // multicast
    v4([240, 0, 0, 0], 4),     // reserved, and broadcast
];

/// All that is assigned for global unicast. What lies outside needs no entry of its own: loopback, mapped and
/// compatible IPv4, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), unique local, link-local, site-local, multicast.
const GLOBAL_UNICAST_V6: Ipv6Net = v6([0x2000, 0, 0, 0], 3);

/// What is not for the public inside of it.
const NOT_PUBLIC_V6: &[Ipv6Net] = &[
    v6([0x2001, 0, 0, 0], 23),     // protocol assignments: Teredo, benchmarking, ORCHID
    v6([0x2001, 0xdb8, 0, 0], 32), // documentation
    v6([0x2002, 0, 0, 0], 16),     // 6to4: carries an IPv4 address of anybody's choice
    v6([0x3fff, 0, 0, 0], 20),     // documentation
];

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(first: [u16; 4], prefix: u8) -> Ipv6Net {
    let [a, b, c, d] = first;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), prefix)
}

/// Whether the gateway may connect to an address. In development loopback is exempt.
///
/// An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4, Teredo, ISATAP) is refused whatever it carries. A
/// translator with a prefix of its network's own is known to that network alone.
///
/// # Errors
/// [`GuardRefusal::Address`] when it is not on the public Internet.
pub fn check_address(address: IpAddr, policy: &GuardPolicy) -> Result<(), GuardRefusal> {
    if is_public(address) || policy.exempts(address) { Ok(()) } else { Err(GuardRefusal::Address) }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_UNICAST_V6.contains(&address)
                && !NOT_PUBLIC_V6.iter().any(|range| range.contains(&address))
                && !is_isatap(address)
        }
    }
}

/// ISATAP (RFC 5214) tunnels to the IPv4 address in the last half, under whatever prefix.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [.., flags, kind, _, _] = address.segments();
    flags & !0x0300 == 0 && kind == 0x5efe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::guard::Environment;

    fn is_allowed(address: IpAddr, environment: Environment) -> bool {
        check_address(address, &GuardPolicy::new(environment)).is_ok()
    }

    #[test]
    fn addresses_on_the_public_internet_are_allowed() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450:4001:80b::200e",
            "2001:200::1",
        ] {
            let address = address.parse().unwrap();
            assert!(is_allowed(address, Environment::Production), "{address}");
            assert!(is_allowed(address, Environment::Development), "{address}");
        }
    }

    #[test]
    fn addresses_that_are_not_for_the_public_are_refused_in_every_environment() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:808:808::1",
            "2606:4700::5efe:a00:1",
            "2606:4700::200:5efe:808:808",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            let address = address.parse().unwrap();
            assert!(!is_allowed(address, Environment::Production), "{address}");
            assert!(!is_allowed(address, Environment::Development), "{address}");
        }
    }

    #[test]
    fn only_development_allows_loopback() {
        for address in ["127.0.0.1", "127.255.255.254", "::1"] {
            let address = address.parse().unwrap();
            assert!(!is_allowed(address, Environment::Production), "{address}");
            assert!(is_allowed(address, Environment::Development), "{address}");
        }
    }

    proptest! {
        // The standard library's own idea of these ranges, which the table above does not use.
        #[test]
        fn no_allowed_ipv4_address_is_special(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            if is_allowed(address.into(), Environment::Production) {
                prop_assert!(
                    !(address.is_private() || address.is_loopback() || address.is_link_local()
                        || address.is_broadcast() || address.is_documentation() || address.is_multicast()
                        || address.is_unspecified()),
                    "{address}"
                );
            }
        }

        #[test]
        fn no_allowed_ipv6_address_is_special_or_carries_an_ipv4_address(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            if is_allowed(address.into(), Environment::Production) {
                prop_assert!(
                    !(address.is_loopback() || address.is_unspecified() || address.is_multicast()
                        || address.is_unique_local() || address.is_unicast_link_local()
                        || address.to_ipv4().is_some()),
                    "{address}"
                );
            }
        }
    }
}
