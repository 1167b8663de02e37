//! The configuration file.

use std::path::Path;

use anyhow::{Context, anyhow};

use super::Settings;

/// Reads the file at `path`.
///
/// # Errors
/// When it cannot be read, or is not valid: then with the place, and without anything that is written there.
pub fn read_file(path: &Path) -> anyhow::Result<Settings> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("the configuration file {shown} cannot be read"))?;
    parse(&text).map_err(|(place, problem)| anyhow!("the configuration file {shown} is not valid{place}: {problem}"))
}

/// What toml itself displays holds the whole line: it may be the one with the keys.
fn parse(text: &str) -> Result<Settings, (String, String)> {
    let problem = |error: &toml::de::Error, said: String| (place(text, error), said);
    // What is said of syntax is made of fixed words. What is said of values may hold the value.
    text.parse::<toml::Table>().map_err(|error| problem(&error, error.message().to_owned()))?;
    toml::from_str(text).map_err(|error| problem(&error, without_value(error.message())))
}

fn place(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(String::new, |before| {
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
        format!(" at line {line}, column {column}")
    })
}

/// Keeps of a message the name of an unknown setting, or what was expected.
fn without_value(message: &str) -> String {
    if message.starts_with("unknown field") {
        return message.split(", expected").next().unwrap_or_default().to_owned();
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("the value is not {}", expected.trim_start_matches("a ")),
        None => "the value cannot be used; `crochet --help` says what it looks like".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_named_as_the_options_are() {
        let text = "bind = \"127.0.0.1:9\"\nrate_limits = \"off\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n";
        assert_eq!(parse(text).unwrap().bind.unwrap().port(), 9);
    }

    #[test]
    fn an_unknown_setting_is_refused_by_name_and_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("crochet.toml");
        std::fs::write(&file, "public_url = \"https://a.example\"\nbinde = \"c2VjcmV0\"\n").unwrap();
        let said = format!("{:#}", read_file(&file).unwrap_err());
        for part in ["crochet.toml", "line 2", "binde"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(!said.contains("c2VjcmV0"), "{said}");
    }

    #[test]
    fn a_broken_file_says_where_and_shows_nothing_of_what_is_written_there() {
        for text in [
            "master_keys = \"a:c2VjcmV0",
            "master_keys = a:c2VjcmV0",
            "master_keys: c2VjcmV0",
            "c2VjcmV0",
            "master_keys = [\"c2VjcmV0\"]",
            "workers = \"c2VjcmV0\"",
            "env = \"c2VjcmV0\"",
            "bind = \"c2VjcmV0\"",
            "trusted_proxies = [\"c2VjcmV0\"]",
            "env = \"c2VjcmV0, expected c2VjcmV0\"",
            "[database_url]\nc2VjcmV0 = \"c2VjcmV0\"",
            "master_keys = \"c2VjcmV0\"\nmaster_keys = \"c2VjcmV0\"",
        ] {
            let (place, said) = parse(&format!("# é\n{text}")).unwrap_err();
            assert!(place.starts_with(" at line "), "{text}: {place}");
            assert!(!said.contains("c2VjcmV0"), "{text}: {said}");
        }
    }
}
