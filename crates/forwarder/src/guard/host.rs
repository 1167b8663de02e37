//! Which host names may be a seller's.

use url::Host;

use super::GuardRefusal;

/// The longest name that DNS can hold, without its last point.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Names that are only ever looked up inside somebody's network.
const LOCAL_SUFFIXES: &[&str] = &["local", "internal", "localdomain", "home.arpa"];

/// What kind of name it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// `localhost`, or a name under it.
    Localhost,
    /// A name that may be public; its addresses are yet to be checked.
    Public,
}

/// Judges a name that `url` has put into lower case and ASCII, without its last point.
pub(super) fn judge_name(name: &str) -> Result<NameKind, GuardRefusal> {
    if name.is_empty() || name.len() > MAX_NAME || !name.split('.').all(is_label) {
        return Err(GuardRefusal::HostName);
    }
    if is_under(name, "localhost") {
        return Ok(NameKind::Localhost);
    }
    if LOCAL_SUFFIXES.iter().any(|suffix| is_under(name, suffix)) {
        return Err(GuardRefusal::LocalName);
    }
    if name.contains('.') { Ok(NameKind::Public) } else { Err(GuardRefusal::SingleLabel) }
}

/// Underscores are in use, though no host name should have one.
fn is_label(label: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(is_allowed)
}

fn is_under(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether `own`, a host or `host:port`, names this host and port. Without a port it names every port.
pub(super) fn is_own(own: &str, host: &Host<&str>, port: u16) -> bool {
    let (own_host, own_port) = match own.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => match digits.parse::<u16>() {
            Ok(port) => (name, Some(port)),
            Err(_) => (own, None),
        },
        _ => (own, None),
    };
    let Ok(own_host) = Host::parse(own_host.strip_suffix('.').unwrap_or(own_host)) else {
        return false;
    };
    let is_same_host = match (&own_host, host) {
        (Host::Domain(own), Host::Domain(name)) => own == name,
        (Host::Ipv4(own), Host::Ipv4(address)) => own == address,
        (Host::Ipv6(own), Host::Ipv6(address)) => own == address,
        _ => false,
    };
    // On one machine `localhost`, 127.0.0.1 and ::1 are as a rule the same server.
    let is_same_machine = own_port.is_some() && is_loopback(&own_host) && is_loopback(host);
    (is_same_host || is_same_machine) && own_port.is_none_or(|own| own == port)
}

/// Whether a host is this machine by its name or its number.
pub(super) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => is_under(name.as_ref(), "localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_names_may_be_sellers() {
        for name in ["seller.example", "a.b.c.d", "xn--bcher-kva.example", "my_host.example", "internal.example"] {
            assert_eq!(judge_name(name), Ok(NameKind::Public), "{name}");
        }
    }

    #[test]
    fn names_of_internal_networks_are_refused() {
        for name in ["local", "printer.local", "internal", "metadata.google.internal", "a.home.arpa", "x.localdomain"] {
            assert_eq!(judge_name(name), Err(GuardRefusal::LocalName), "{name}");
        }
        for name in ["seller", "intranet", "mylocal"] {
            assert_eq!(judge_name(name), Err(GuardRefusal::SingleLabel), "{name}");
        }
    }

    #[test]
    fn names_that_dns_cannot_hold_are_refused() {
        let (long_label, long_name) = (format!("{}.example", "a".repeat(64)), "a.".repeat(126) + "ab");
        assert_eq!(long_name.len(), 254);
        for name in
            ["", ".", "a..b", ".example", "seller.example.", "sel ler.example", "a!b.example", &long_label, &long_name]
        {
            assert_eq!(judge_name(name), Err(GuardRefusal::HostName), "{name}");
        }
    }

    #[test]
    fn an_own_host_without_a_port_is_meant_with_every_port() {
        for (own, is_meant) in [
            ("gateway.example", true),
            ("Gateway.Example.", true),
            ("gateway.example:8443", true),
            ("gateway.example:443", false),
            ("example", false),
            ("not.gateway.example", false),
            ("", false),
        ] {
            assert_eq!(is_own(own, &Host::Domain("gateway.example"), 8443), is_meant, "{own}");
        }
        assert!(is_own("[2606:4700::1]", &Host::Ipv6("2606:4700::1".parse().unwrap()), 443));
        assert!(is_own("[2606:4700::1]:443", &Host::Ipv6("2606:4700::1".parse().unwrap()), 443));
        assert!(!is_own("[2606:4700::1]:8443", &Host::Ipv6("2606:4700::1".parse().unwrap()), 443));
    }

    #[test]
    fn one_port_of_loopback_is_one_server_by_whatever_name() {
        let own = "127.0.0.1:8080";
        assert!(is_own(own, &Host::Domain("localhost"), 8080));
        assert!(is_own(own, &Host::Ipv6("::1".parse().unwrap()), 8080));
        assert!(!is_own(own, &Host::Domain("localhost"), 9000));
        assert!(!is_own(own, &Host::Domain("seller.example"), 8080));
    }
}
