//! URLs that the gateway is to call for a seller: none that is allowed leads anywhere but to the public Internet, by
//! whichever reader.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crochet_forwarder::guard::{Environment, GuardPolicy, MAX_URL_BYTES, check_address, check_url};
use http::Uri;
use url::{Host, Url};

use crate::input::text;

/// A URL; of 4 and of 16 bytes, also the address that they are, in every notation.
pub fn guard_urls(bytes: &[u8]) {
    let text = text(bytes);
    let production =
        GuardPolicy { own_hosts: vec!["gateway.example".to_owned()], ..GuardPolicy::new(Environment::Production) };
    let development = GuardPolicy::new(Environment::Development);
    if let Ok(checked) = check_url(&text, &production) {
        let url = checked.expose();
        is_public(url);
        assert!(text.len() <= MAX_URL_BYTES && url.len() <= MAX_URL_BYTES);
        assert_eq!(check_url(url, &production).unwrap().expose(), url, "what is stored is what is allowed again");
        assert!(!format!("{checked:?}").contains(url));
        // Nothing but loopback is allowed there besides.
        assert!(check_url(url, &development).is_ok());
    } else if let Ok(checked) = check_url(&text, &development) {
        is_loopback_or_ours(checked.expose());
    }
    if let Ok(bits) = <[u8; 4]>::try_from(bytes) {
        every_notation(Ipv4Addr::from(bits), &production);
    }
    if let Ok(bits) = <[u8; 16]>::try_from(bytes) {
        let address = Ipv6Addr::from(bits);
        let is_allowed = check_address(address.into(), &production).is_ok();
        assert!(!is_allowed || is_public_v6(address), "{address}");
        assert_eq!(check_url(&format!("https://[{address}]/"), &production).is_ok(), is_allowed, "{address}");
    }
}

/// What two readers of URLs, and one of hosts, make of it.
fn is_public(text: &str) {
    let url = Url::parse(text).unwrap();
    let uri: Uri = text.parse().unwrap();
    assert_eq!((url.scheme(), uri.scheme_str()), ("https", Some("https")));
    assert!(matches!(url.port(), None | Some(8443)), "{text}");
    assert_eq!(uri.port_u16().unwrap_or(443), url.port_or_known_default().unwrap(), "{text}");
    // The request goes to the host that the one reader sees, and the guard has judged the one that the other sees.
    assert_eq!(uri.host(), url.host_str(), "{text}");
    assert_eq!(uri.path(), url.path(), "{text}");
    assert_eq!(uri.query(), url.query(), "{text}");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{text}");
    assert!(!uri.authority().unwrap().as_str().contains('@'), "{text}");
    assert!(text.is_ascii() && !text.bytes().any(|byte| byte <= b' ' || byte == 0x7f), "{text:?}");
    match url.host().unwrap() {
        Host::Ipv4(address) => assert!(is_public_v4(address), "{text}"),
        Host::Ipv6(address) => assert!(is_public_v6(address), "{text}"),
        Host::Domain(name) => is_public_name(name),
    }
}

fn is_public_name(name: &str) {
    assert!(name.len() <= 253 && name.is_ascii() && name.contains('.') && !name.ends_with('.'), "{name}");
    assert_eq!(name, name.to_lowercase());
    let last = name.rsplit('.').next().unwrap();
    // The rules by which C libraries read numbers would make an address of it.
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(!is_number && inet_aton(name).is_none() && name.parse::<IpAddr>().is_err(), "{name}");
    assert!(!["localhost", "local", "internal", "localdomain"].contains(&last), "{name}");
    assert!(!name.ends_with(".home.arpa") && name != "home.arpa" && name != "gateway.example", "{name}");
}

fn is_loopback_or_ours(text: &str) {
    let url = Url::parse(text).unwrap();
    let is_loopback = match url.host().unwrap() {
        Host::Ipv4(address) => address.octets()[0] == 127,
        Host::Ipv6(address) => address == Ipv6Addr::LOCALHOST,
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
    };
    // The gateway of production is a stranger to the other policy.
    assert!(is_loopback || url.host_str() == Some("gateway.example"), "{text}");
}

/// One address is judged in one way, however it is written.
fn every_notation(address: Ipv4Addr, policy: &GuardPolicy) {
    let is_allowed = check_address(address.into(), policy).is_ok();
    assert!(!is_allowed || is_public_v4(address), "{address}");
    let [a, b, c, d] = address.octets();
    let bits = address.to_bits();
    for host in [
        address.to_string(),
        bits.to_string(),
        format!("{bits:#x}"),
        format!("0{bits:o}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a}.{b}.{}", u16::from_be_bytes([c, d])),
        format!("0X{a:X}.{}.", bits & 0x00ff_ffff),
    ] {
        assert_eq!(inet_aton(host.trim_end_matches('.')), Some(address), "{host}");
        assert_eq!(check_url(&format!("https://{host}/"), policy).is_ok(), is_allowed, "{host}");
    }
    // Carried by an IPv6 address, none is allowed: mapped, compatible, NAT64, 6to4.
    for carrier in [
        format!("::ffff:{address}"),
        format!("::{address}"),
        format!("64:ff9b::{address}"),
        format!("2002:{:x}:{:x}::", bits >> 16, bits & 0xffff),
    ] {
        assert!(check_url(&format!("https://[{carrier}]/"), policy).is_err(), "{carrier}");
    }
}

/// C's `inet_aton`: one to four numbers, decimal, octal or hexadecimal, of which the last fills what is left.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) || *last >= 1 << (8 * (4 - first.len())) {
        return None;
    }
    let head = first.iter().zip([24, 16, 8]).map(|(part, shift)| part << shift).sum::<u64>();
    u32::try_from(head + last).ok().map(Ipv4Addr::from_bits)
}

fn number(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with('+') || lower.starts_with("0x+") {
        return None;
    }
    match lower.strip_prefix("0x") {
        Some("") => Some(0),
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if lower.len() > 1 && lower.starts_with('0') => u64::from_str_radix(&lower, 8).ok(),
        None => lower.parse().ok(),
    }
}

/// By the standard library's names for the ranges, and plain numbers for those that it has none for.
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
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, .., fifth, sixth, _, _] = address.segments();
    !(address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || address.to_ipv4().is_some()
        || (first == 0x2001 && second < 0x200)
        || (first == 0x2001 && second == 0xdb8)
        || first == 0x2002
        || (first == 0x3fff && second < 0x1000)
        || first == 0x64
        // ISATAP: an IPv4 address of anybody's choice behind it.
        || (matches!(fifth, 0 | 0x200) && sixth == 0x5efe)
        || first >> 13 != 1)
}
