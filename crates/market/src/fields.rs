//! Checking the fields of a request: all of them, so that a caller learns of every problem at once.

use std::fmt;
use std::ops::RangeInclusive;

use crochet_wallet::WalletAddress;
use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::error::{FieldProblem, MarketError};
use crate::schema::is_web_url;

/// The longest URL, in bytes.
pub(crate) const MAX_URL: usize = 2048;

/// What was found to be wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<FieldProblem>);

impl Problems {
    pub(crate) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldProblem { field: field.into(), message: message.into() });
    }

    /// The one problem that there is.
    pub(crate) fn one(field: impl Into<String>, message: impl Into<String>) -> MarketError {
        MarketError::Invalid(vec![FieldProblem { field: field.into(), message: message.into() }])
    }

    pub(crate) fn finish(self) -> Result<(), MarketError> {
        if self.0.is_empty() { Ok(()) } else { Err(MarketError::Invalid(self.0)) }
    }

    /// One line of so many characters, trimmed.
    pub(crate) fn line(&mut self, field: &str, text: &str, bounds: RangeInclusive<usize>) -> String {
        self.length(field, text, &bounds);
        if text.chars().any(disturbs_a_line) {
            self.add(field, "must not contain line breaks or other control characters");
        }
        text.trim().to_owned()
    }

    /// Text of so many characters, trimmed; line breaks and tabs are welcome.
    pub(crate) fn text(&mut self, field: &str, text: &str, bounds: RangeInclusive<usize>) -> String {
        self.length(field, text, &bounds);
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            self.add(field, "must not contain control characters other than line breaks and tabs");
        }
        text.trim().to_owned()
    }

    /// Text that may be left out: nothing but white space counts as none.
    pub(crate) fn optional_text(
        &mut self,
        field: &str,
        text: Option<&str>,
        bounds: RangeInclusive<usize>,
    ) -> Option<String> {
        Some(self.text(field, text?, bounds)).filter(|text| !text.is_empty())
    }

    /// A URL for people: http or https, with a host and without credentials.
    pub(crate) fn web_url(&mut self, field: &str, text: Option<&str>) -> Option<String> {
        let text = text?;
        if text.len() > MAX_URL {
            self.add(field, format!("must be at most {MAX_URL} bytes long"));
        } else if !is_web_url(text) || Url::parse(text).is_err() {
            self.add(field, "must be an http or https URL without credentials, in ASCII; null says that there is none");
        }
        Some(text.to_owned())
    }

    /// A wallet's address, of either chain.
    pub(crate) fn wallet(&mut self, field: &str, text: &str) -> Option<WalletAddress> {
        match WalletAddress::parse(text) {
            Ok(address) => Some(address),
            Err(error) => {
                self.add(field, format!("must be an address: {error}"));
                None
            }
        }
    }

    /// The longest with, the shortest without the white space around it: what a schema can say.
    fn length(&mut self, field: &str, text: &str, bounds: &RangeInclusive<usize>) {
        if text.chars().count() > *bounds.end() || text.trim().chars().count() < *bounds.start() {
            let (min, max) = (bounds.start(), bounds.end());
            self.add(field, format!("must be {min} to {max} characters long"));
        }
    }
}

/// Control characters, line and paragraph separators, and those that turn the direction of what follows, with which a
/// name can be made to look like another.
fn disturbs_a_line(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `#[serde(default, deserialize_with = "nullable")]`: absent is `None`, null is `Some(None)`.
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// `#[serde(default, deserialize_with = "given")]`: null is no value here.
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// `#[serde(default, deserialize_with = "whole")]`: an integer, which in JSON may also be written `30000.0` or `3e4`.
pub(crate) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    struct Whole;

    impl Visitor<'_> for Whole {
        type Value = u32;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a whole number of 32 bits")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u32, E> {
            u32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<u32, E> {
            u32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<u32, E> {
            let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
            // Whole and within bounds, so that its shortest text is the integer's; there is no cast that cannot lie.
            let read = is_whole.then(|| format!("{:.0}", number.abs()).parse().ok()).flatten();
            read.ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
        }
    }

    struct Read(u32);

    impl<'de> Deserialize<'de> for Read {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_u32(Whole).map(Self)
        }
    }

    Ok(Option::<Read>::deserialize(deserializer)?.map(|read| read.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(check: impl FnOnce(&mut Problems)) -> usize {
        let mut problems = Problems::default();
        check(&mut problems);
        problems.0.len()
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!(problems(|p| assert_eq!(p.line("name", " äöü ", 2..=5), "äöü")), 0);
        assert_eq!(problems(|p| drop(p.line("name", " äöü ", 2..=4))), 1);
        assert_eq!(problems(|p| drop(p.line("name", "äöüß", 2..=3))), 1);
        assert_eq!(problems(|p| drop(p.line("name", " a ", 2..=3))), 1);
    }

    #[test]
    fn a_line_has_no_control_characters_and_turns_no_direction() {
        for text in ["a\nb", "a\0b", "ab\n", "a\u{2028}b", "a\u{202e}b"] {
            assert_eq!(problems(|p| drop(p.line("name", text, 1..=9))), 1, "{text:?}");
        }
        assert_eq!(problems(|p| drop(p.text("bio", "a\r\n\tb", 1..=9))), 0);
        assert_eq!(problems(|p| drop(p.text("bio", "a\0b", 1..=9))), 1);
    }

    #[test]
    fn a_web_url_is_http_or_https_without_credentials() {
        for text in ["https://a.example/x?y#z", "http://localhost:3000"] {
            assert_eq!(problems(|p| drop(p.web_url("website", Some(text)))), 0, "{text}");
        }
        let long = format!("https://a.example/{}", "x".repeat(MAX_URL));
        for text in ["ftp://a.example", "javascript:alert(1)", "a.example", "https://u:p@a.example", &long] {
            assert_eq!(problems(|p| drop(p.web_url("website", Some(text)))), 1, "{text}");
        }
        for text in ["", " ", "https://a.example/ ", "https://ä.example", "https://a.example/{b}", "HTTPS://a.example"]
        {
            assert_eq!(problems(|p| drop(p.web_url("website", Some(text)))), 1, "{text}");
        }
        assert_eq!(problems(|p| assert_eq!(p.web_url("website", None), None)), 0);
    }
}
