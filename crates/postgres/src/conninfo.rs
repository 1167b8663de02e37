//! Connection strings: what they say where they say nothing, and how to keep them out of messages.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// `url` with our bounds on connecting and on broken networks. What it says itself wins: libpq takes the last of two.
pub(crate) fn with_bounds(url: &SecretString, connect_timeout: Duration, application: &str) -> SecretString {
    let seconds = connect_timeout.as_secs().max(2).to_string();
    let defaults = [
        ("connect_timeout", seconds.as_str()),
        ("keepalives", "1"),
        ("keepalives_idle", "10"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "10000"),
        ("application_name", application),
    ];
    let pairs = |joint: &str| defaults.map(|(key, value)| format!("{key}={value}")).join(joint);
    let url = url.expose_secret();
    if !is_uri(url) {
        return format!("{} {url}", pairs(" ")).into();
    }
    match url.split_once('?') {
        Some((front, query)) => format!("{front}?{}&{query}", pairs("&")).into(),
        None => format!("{url}?{}", pairs("&")).into(),
    }
}

fn is_uri(url: &str) -> bool {
    url.starts_with("postgresql://") || url.starts_with("postgres://")
}

/// `message`, unless it repeats a part of the connection string's password, as libpq's messages do when a password is
/// not encoded as it should be.
pub(crate) fn redacted(message: &str, url: &SecretString) -> String {
    let url = url.expose_secret();
    let userinfo = url
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'))
        .and_then(|(userinfo, _)| userinfo.split_once(':'));
    let of_userinfo = userinfo.map_or("", |(_, password)| password);
    // In a query, or in `key=value` pairs: where a password ends there depends on quotes, so all of the rest is one.
    let of_pairs = url.split_once("password=").map_or("", |(_, rest)| rest);
    let is_joint = |letter: char| !letter.is_alphanumeric();
    let mut words = of_userinfo.split(is_joint).chain(of_pairs.split(is_joint));
    if words.any(|word| word.len() >= 3 && message.contains(word)) {
        "(not shown: it repeats a part of the connection string)".to_owned()
    } else {
        message.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(url: &str) -> String {
        with_bounds(&url.into(), Duration::from_secs(2), "crochet").expose_secret().to_owned()
    }

    #[test]
    fn bounds_are_added_in_front_of_what_the_string_says_itself() {
        assert!(bounded("postgresql://a:b@h/db").starts_with("postgresql://a:b@h/db?connect_timeout=2&keepalives=1&"));
        assert!(bounded("postgres://h/db?connect_timeout=9").ends_with("application_name=crochet&connect_timeout=9"));
        assert!(bounded("host=h connect_timeout=9").ends_with("application_name=crochet host=h connect_timeout=9"));
    }

    #[test]
    fn a_message_that_repeats_a_part_of_the_password_is_not_shown() {
        let url = "postgresql://app:s3cr%40et/word@db.internal/crochet".into();
        let is_shown = |message: &str, url: &SecretString| redacted(message, url) == message;
        assert!(!is_shown(r#"could not translate host name "et/word@db.internal""#, &url));
        assert!(is_shown("connection to server at db.internal refused", &url));
        assert!(!is_shown(r#"missing "=" after "hunter2""#, &"host=x password='a hunter2'".into()));
        assert!(!is_shown(r#"invalid option "hunter2""#, &"postgresql://h/db?password=hunter2".into()));
    }
}
