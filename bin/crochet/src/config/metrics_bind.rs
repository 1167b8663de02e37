//! Which addresses metrics may be shown on: they have no authentication, and say how much is earned.

use std::net::{IpAddr, SocketAddr};

use super::settings::Environment;

/// Says what is wrong with showing metrics at `address`.
pub(super) fn check(
    address: SocketAddr,
    bind: SocketAddr,
    environment: Environment,
    is_insecure_allowed: bool,
) -> Result<(), String> {
    if address == bind && address.port() != 0 {
        return Err(format!("{address} is where the API listens; metrics need an address of their own"));
    }
    let is_inside = match environment {
        Environment::Development => address.ip().is_loopback(),
        Environment::Production => is_loopback_or_private(address.ip()),
    };
    if is_inside || is_insecure_allowed {
        return Ok(());
    }
    Err(format!(
        "{address} can be reached from outside, and metrics have no authentication: use {}, or --insecure-bind",
        match environment {
            Environment::Development => "a loopback address",
            Environment::Production => "a loopback or private address",
        }
    ))
}

/// Not the unspecified address: it is all of them at once.
fn is_loopback_or_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || is_shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_fine(address: &str, environment: Environment, is_insecure_allowed: bool) -> bool {
        check(address.parse().unwrap(), "127.0.0.1:8080".parse().unwrap(), environment, is_insecure_allowed).is_ok()
    }

    #[test]
    fn metrics_are_not_shown_to_the_world_by_accident() {
        use Environment::{Development, Production};
        for address in ["127.0.0.1:9464", "[::1]:9464", "127.0.0.1:0"] {
            assert!(is_fine(address, Development, false) && is_fine(address, Production, false), "{address}");
        }
        for address in ["10.0.0.7:9464", "192.168.1.2:9464", "100.64.0.1:1", "[fd00::1]:9464", "[::ffff:10.0.0.1]:1"] {
            assert!(!is_fine(address, Development, false) && is_fine(address, Production, false), "{address}");
        }
        for address in ["0.0.0.0:9464", "[::]:9464", "203.0.113.9:9464", "100.128.0.1:1", "[2001:db8::1]:9464"] {
            for environment in [Development, Production] {
                assert!(!is_fine(address, environment, false) && is_fine(address, environment, true), "{address}");
            }
        }
    }

    #[test]
    fn metrics_do_not_share_the_apis_address() {
        assert!(!is_fine("127.0.0.1:8080", Environment::Development, true));
    }
}
