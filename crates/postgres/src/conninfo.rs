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

/// `message` without any word of the connection string that may be part of its credentials.
pub(crate) fn redacted(message: &str, url: &SecretString) -> String {
    let url = url.expose_secret();
    let secret = if is_uri(url) {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.rsplit_once('@').map_or("", |(userinfo, _)| userinfo)
    } else {
        url
    };
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let is_joint = |letter: char| !letter.is_alphanumeric();
    secret
        .split(is_joint)
        .chain(query.split(is_joint))
        .filter(|word| word.len() >= 3)
        .fold(message.to_owned(), |message, word| message.replace(word, "***"))
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
    fn no_word_of_the_credentials_is_left_in_a_message() {
        let url = "postgresql://app:s3cr%40et/word@db.internal/crochet".into();
        let message = r#"could not translate host name "et/word@db.internal", password s3cr"#;
        assert_eq!(redacted(message, &url), r#"could not translate host name "et/***@db.internal", password ***"#);
        assert_eq!(redacted("bad password=hunter2", &"password=hunter2 host=x".into()), "bad ***=***");
    }
}
