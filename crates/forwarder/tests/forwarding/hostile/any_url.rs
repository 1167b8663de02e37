//! No URL at all, whatever DNS says, leads to a connection to an address that is not public.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crochet_forwarder::guard::Environment;
use crochet_relay::ports::Upstream;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::special::{LOOPBACK, SPECIAL};
use super::stage::Stage;
use crate::call::dispatch;

const CASES: u32 = 20_000;

/// An opinion of its own on what is public, by the standard library and RFC 6890; the guard's table is not asked.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let carries_ipv4 = address.to_ipv4().is_some()
        || segments[..2] == [0x64, 0xff9b]
        || segments[0] == 0x2002
        || segments[..2] == [0x2001, 0]
        || (segments[5] == 0x5efe && segments[4] & 0xfcff == 0);
    let is_special = address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || segments[..2] == [0x2001, 0xdb8];
    !carries_ipv4 && !is_special && (0x2000..0x4000).contains(&segments[0])
}

fn special() -> impl Strategy<Value = IpAddr> {
    let known: Vec<_> = SPECIAL.iter().map(|(_, address)| *address).chain(LOOPBACK.iter().copied()).collect();
    select(known).prop_map(|address| address.parse().unwrap())
}

/// Special ones, their neighbours, and any.
fn address() -> impl Strategy<Value = IpAddr> {
    let near = (special(), any::<u8>()).prop_map(|(address, by)| match address {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits().wrapping_add(u32::from(by)))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits().wrapping_add(u128::from(by)))),
    });
    let global = any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits >> 3 | 1 << 125)));
    let any_v4 = any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)));
    prop_oneof![special(), near, global, any_v4]
}

/// How an address may be written where a host stands.
fn literal() -> impl Strategy<Value = String> {
    (address(), 0..9u8).prop_map(|(address, notation)| match address {
        IpAddr::V6(v6) => format!("[{v6}]"),
        IpAddr::V4(v4) => {
            let ([a, b, c, d], bits) = (v4.octets(), v4.to_bits());
            match notation {
                0 => bits.to_string(),
                1 => format!("{bits:#x}"),
                2 => format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
                3 => format!("{a}.{b}.{}", u32::from(c) * 256 + u32::from(d)),
                4 => format!("{a}.{}", bits & 0x00ff_ffff),
                5 => format!("[::ffff:{v4}]"),
                6 => v4.to_string().replace('.', "\u{3002}"),
                7 => v4.to_string().chars().map(in_full_width).collect(),
                _ => v4.to_string(),
            }
        }
    })
}

fn in_full_width(c: char) -> char {
    c.to_digit(10).and_then(|digit| char::from_u32(0xff10 + digit)).unwrap_or(c)
}

fn host() -> impl Strategy<Value = String> {
    let name = select(vec![
        "seller.example",
        "b\u{fc}cher.example",
        "xn--bcher-kva.example",
        "localhost",
        "seller.localhost",
        "metadata.google.internal",
        "printer.local",
        "seller",
        "%73eller.example",
        "10.0.0.1.seller.example",
    ]);
    let name = name.prop_map(str::to_owned);
    let hosts = prop_oneof![4 => name, 4 => literal(), 1 => "\\PC{0,20}"];
    let end = prop_oneof![6 => Just(""), 1 => select(vec![".", "..", "\u{3002}", "%2e", "\t", "\\", "%00"])];
    (hosts, end).prop_map(|(host, end)| host + end)
}

/// A URL, or what somebody may take for one.
fn url() -> impl Strategy<Value = String> {
    let scheme =
        prop_oneof![8 => Just("https"), 1 => Just("http"), 1 => select(vec!["HTTPS", "ftp", "", "file", "ht\ttps"])];
    let slashes = prop_oneof![9 => Just("://"), 1 => select(vec![":", ":/", ":///", ":\\\\", ":/\\", "//"])];
    let user = option::weighted(0.1, select(vec!["user@", ":@", "seller.example@", "a:b@", "@", "a@b@"]));
    let odd_port = select(vec![":443", ":8443", ":0443", ":", ":80", ":0", ":22", ":65536", ":-1"]);
    let port = prop_oneof![3 => Just(""), 1 => odd_port];
    let odd_path = select(vec!["", "/a?b=c", "?x", "#y", "\\@10.0.0.1/", "/@10.0.0.1/"]).prop_map(str::to_owned);
    let path = prop_oneof![2 => Just("/".to_owned()), 1 => odd_path, 1 => "/\\PC{0,10}"];
    let built = (scheme, slashes, user, host(), port, path).prop_map(|(scheme, slashes, user, host, port, path)| {
        format!("{scheme}{slashes}{}{host}{port}{path}", user.unwrap_or_default())
    });
    prop_oneof![9 => built, 1 => "\\PC{0,40}"]
}

/// What DNS answers at one asking.
fn dns_answer() -> impl Strategy<Value = Option<Vec<IpAddr>>> {
    let public =
        select(vec!["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"]).prop_map(|text| text.parse().unwrap());
    let any = vec(prop_oneof![address(), public.clone()], 0..4);
    option::weighted(0.95, prop_oneof![any, vec(public, 1..3)])
}

#[test]
fn no_url_and_no_answer_of_dns_lead_to_an_address_that_is_not_public() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (connected, refused) = (Cell::new(0_usize), Cell::new(0_usize));
    for environment in [Environment::Production, Environment::Development] {
        let stage = Stage::empty(environment);
        let mut runner = TestRunner::new(Config { cases: CASES / 2, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&(url(), vec(dns_answer(), 1..3)), |(url, dns)| {
            stage.dns.script(dns);
            for _ in 0..2 {
                let arrival = runtime.block_on(stage.forwarder.forward(dispatch(&url)));
                let dialled = stage.dialled();
                for address in &dialled {
                    let address: std::net::SocketAddr = address.parse().unwrap();
                    let is_exempt = environment == Environment::Development && address.ip().is_loopback();
                    prop_assert!(is_public(address.ip()) || is_exempt, "{url:?} led to {address}: {arrival:?}");
                    prop_assert!(is_exempt || [443, 8443].contains(&address.port()), "{url:?} led to {address}");
                }
                let count = if dialled.is_empty() { &refused } else { &connected };
                count.set(count.get() + 1);
            }
            Ok(())
        });
        outcome.unwrap();
    }
    // It shows nothing unless both happen.
    assert!(
        connected.get() > 1_000 && refused.get() > 10_000,
        "{} connected, {} refused",
        connected.get(),
        refused.get()
    );
}
