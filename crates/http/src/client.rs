//! Who is on the other side of a connection, for rate limits.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Longer chains than this are not of any real proxy.
const MAX_HOPS: usize = 32;

/// The address that counts as the client's.
///
/// Only behind a trusted proxy does `X-Forwarded-For` count, and it is read from its end: the first address that is
/// no trusted proxy's is the client's. What stands before that was written by the client itself.
pub(crate) fn client_address(peer: Option<SocketAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut address = canonical(peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip()));
    if trusted.is_empty() {
        return address;
    }
    let forwarded: Vec<&str> =
        headers.get_all(&FORWARDED_FOR).filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(',')).collect();
    for hop in forwarded.iter().rev().take(MAX_HOPS) {
        if !trusted.iter().any(|net| net.contains(&address)) {
            break;
        }
        let Some(before) = parse_hop(hop.trim()) else { break };
        address = canonical(before);
    }
    address
}

fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// `1.2.3.4`, `1.2.3.4:5678`, `::1`, `[::1]:5678`.
fn parse_hop(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR.clone(), HeaderValue::from_str(value).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        client_address(Some(peer.parse().unwrap()), &headers, &trusted).to_string()
    }

    #[test]
    fn what_an_untrusted_peer_claims_does_not_count() {
        assert_eq!(client("203.0.113.9:1", &["10.0.0.1"], &[]), "203.0.113.9");
        assert_eq!(client("203.0.113.9:1", &["10.0.0.1"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn behind_trusted_proxies_the_last_untrusted_address_is_the_client() {
        let trusted = ["10.0.0.0/8", "::ffff:0:0/96"];
        assert_eq!(client("10.0.0.1:1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"], &trusted), "203.0.113.9");
        assert_eq!(client("10.0.0.1:1", &["1.1.1.1", "203.0.113.9:4711"], &trusted), "203.0.113.9");
        assert_eq!(client("10.0.0.1:1", &["nonsense"], &trusted), "10.0.0.1");
        assert_eq!(client("10.0.0.1:1", &["[2001:db8::1]"], &trusted), "2001:db8::1");
        assert_eq!(client("[::ffff:10.0.0.1]:1", &["203.0.113.9"], &trusted), "203.0.113.9");
    }
}
