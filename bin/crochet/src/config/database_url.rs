//! What a database URL has to be, beyond what libpq finds out by itself.

use std::net::IpAddr;

use url::{Host, Url, form_urlencoded};

use super::settings::Environment;

/// Without TLS compiled in, libpq's default silently goes without: production must not find out afterwards.
pub(super) fn check(text: &str, environment: Environment, has_tls: bool) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL: postgresql://user:password@host:5432/database")?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err("PostgreSQL is the one database: the URL begins with postgresql://");
    }
    let mode = url.query_pairs().find(|(name, _)| name == "sslmode").map(|(_, value)| value.into_owned());
    if environment == Environment::Production && !has_tls && !is_local(&url) && mode.as_deref() != Some("disable") {
        return Err("the database is on another machine, and TLS is not compiled in: build with --features tls, or \
                    write sslmode=disable where the network is safe");
    }
    Ok(())
}

/// Whether every place that libpq would connect to is on this machine: a socket's folder, or loopback. libpq takes
/// hosts from the query too, which go before those of the authority, and several of them, with commas between.
fn is_local(url: &Url) -> bool {
    let asked = |parameter: &'static str| {
        url.query_pairs().filter(move |(name, _)| name == parameter).map(|(_, value)| value.into_owned())
    };
    // A service names its host in a file, and libpq knows no fragments.
    if asked("service").next().is_some() || url.fragment().is_some() {
        return false;
    }
    // One of them that is elsewhere is enough, whichever one libpq prefers.
    let mut given: Vec<String> = asked("host").chain(asked("hostaddr")).collect();
    given.extend(url.host().map(|host| match host {
        Host::Domain(name) => form_urlencoded::parse(format!("host={name}").as_bytes()).map(|(_, name)| name).collect(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }));
    given.iter().flat_map(|hosts| hosts.split(',')).all(is_local_host)
}

/// One host as libpq reads it: nothing or a folder means a socket, as does an abstract one's `@`.
fn is_local_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host.is_empty()
        || host == "localhost"
        || host.starts_with(['/', '@'])
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_refuses_a_database_elsewhere_without_tls_unless_that_is_written_out() {
        let url = |text: &str| check(text, Environment::Production, false).is_ok();
        assert!(!url("postgresql://app@db.example/crochet"));
        assert!(!url("postgresql://app@db.example/crochet?sslmode=require"));
        assert!(url("postgresql://app@db.example/crochet?sslmode=disable"));
        assert!(url("postgresql://app@127.0.0.1/crochet"));
        assert!(url("postgresql://app@%2Ftmp%2Fsocket/crochet"));
        for elsewhere in [
            "postgresql:///crochet?host=db.internal",
            "postgresql:///crochet?hostaddr=10.0.0.7",
            "postgresql://localhost/crochet?host=db.internal",
            "postgresql:///crochet?host=localhost&hostaddr=10.0.0.7",
            "postgresql:///crochet?host=/tmp,db.internal",
            "postgresql:///crochet?host=127.0.0.1%2Cdb.internal",
            "postgresql:///crochet?ho%73t=db.internal",
            "postgresql:///crochet?host=db.internal&host=localhost",
            "postgresql://%2Ftmp%2Cdb.internal/crochet",
            "postgresql:///crochet?service=elsewhere",
            "postgresql:///crochet#?host=db.internal",
        ] {
            assert!(!url(elsewhere), "{elsewhere}");
        }
        for here in [
            "postgresql:///crochet",
            "postgresql:///crochet?host=/var/run/postgresql",
            "postgresql:///crochet?host=%2Ftmp,@abstract,localhost,::1,127.0.0.1",
            "postgresql:///crochet?hostaddr=127.0.0.2",
            "postgresql://app@LOCALHOST/crochet",
            "postgresql://app@[::1]/crochet",
        ] {
            assert!(url(here), "{here}");
        }
        assert!(!url("mysql://app@localhost/crochet"));
        assert!(!url("not a url"));
    }
}
