//! Addresses that are not for the public, by what makes them so.

use std::net::IpAddr;

pub(super) const SPECIAL: &[(&str, &str)] = &[
    ("this network", "0.0.0.0"),
    ("this network", "0.1.2.3"),
    ("private", "10.0.0.1"),
    ("private", "172.16.0.1"),
    ("private", "172.31.255.255"),
    ("private", "192.168.0.1"),
    ("carrier-grade NAT", "100.64.0.1"),
    ("carrier-grade NAT", "100.127.255.255"),
    ("a cloud's metadata", "169.254.169.254"),
    ("a cloud's metadata", "169.254.170.2"),
    ("a cloud's metadata", "100.100.100.200"),
    ("a cloud's metadata", "192.0.0.192"),
    ("a cloud's metadata", "fd00:ec2::254"),
    ("protocol assignments", "192.0.0.170"),
    ("documentation", "192.0.2.1"),
    ("documentation", "198.51.100.1"),
    ("documentation", "203.0.113.1"),
    ("6to4 relays", "192.88.99.1"),
    ("benchmarking", "198.18.0.1"),
    ("benchmarking", "198.19.255.255"),
    ("multicast", "224.0.0.1"),
    ("multicast", "239.255.255.255"),
    ("reserved", "240.0.0.1"),
    ("reserved", "255.255.255.254"),
    ("broadcast", "255.255.255.255"),
    ("unspecified", "::"),
    ("IPv4-mapped", "::ffff:10.0.0.1"),
    ("IPv4-mapped, of a public address", "::ffff:93.184.216.34"),
    ("IPv4-compatible", "::10.0.0.1"),
    ("IPv4-translated", "::ffff:0:10.0.0.1"),
    ("NAT64", "64:ff9b::10.0.0.1"),
    ("NAT64, of a public address", "64:ff9b::93.184.216.34"),
    ("NAT64 of a local network", "64:ff9b:1::10.0.0.1"),
    ("6to4", "2002:a00:1::"),
    ("6to4 of a cloud's metadata", "2002:a9fe:a9fe::1"),
    ("Teredo", "2001:0:4136:e378:8000:63bf:f5ff:fffe"),
    ("ISATAP, link-local", "fe80::5efe:10.0.0.1"),
    ("ISATAP, under a public prefix", "2606:4700::5efe:10.0.0.1"),
    ("ISATAP, under a public prefix, globally unique", "2606:4700::200:5efe:10.0.0.1"),
    ("discard", "100::1"),
    ("ORCHID", "2001:20::1"),
    ("documentation", "2001:db8::1"),
    ("documentation", "3fff::1"),
    ("segment routing", "5f00::1"),
    ("unique local", "fc00::1"),
    ("unique local", "fd12:3456:789a::1"),
    ("link-local", "fe80::1"),
    ("site-local", "fec0::1"),
    ("multicast", "ff02::1"),
    ("multicast", "ff0e::1"),
];

/// The same in production alone: development exempts loopback.
pub(super) const LOOPBACK: &[&str] = &["127.0.0.1", "127.255.255.254", "::1"];

pub(super) fn parse(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}
