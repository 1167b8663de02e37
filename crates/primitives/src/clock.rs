//! Time, as an argument.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Datelike, SecondsFormat, SubsecRound, Utc};

/// A moment in UTC. Everything that leaves the system carries milliseconds: see [`format_timestamp`].
pub type Timestamp = DateTime<Utc>;

/// Where time comes from, and how to wait.
///
/// Pure code takes a [`Timestamp`] argument where one is enough, and this port where a use case has to read the time
/// more than once.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The wall clock. May jump; never used to measure how long something took.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary origin. MUST never go backwards.
    fn monotonic(&self) -> Duration;

    /// Returns after `duration`, at the earliest.
    async fn sleep(&self, duration: Duration);
}

/// Milliseconds since 1970-01-01T00:00:00Z as a timestamp; `None` beyond chrono's range.
#[must_use]
pub fn timestamp_from_millis(millis: i64) -> Option<Timestamp> {
    DateTime::from_timestamp_millis(millis)
}

/// Drops what is finer than a millisecond, so that what is stored is what was said.
#[must_use]
pub fn truncate_to_millis(timestamp: Timestamp) -> Timestamp {
    timestamp.trunc_subsecs(3)
}

/// RFC 3339, UTC, three decimals, `Z`: `2026-05-03T12:00:00.000Z`.
#[must_use]
pub fn format_timestamp(timestamp: Timestamp) -> String {
    timestamp.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What [`parse_timestamp`] takes, as a pattern: it is for days that exist that it takes more than a pattern.
pub(crate) const RFC3339: &str = concat!(
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
    r"[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?",
    "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
);

/// Reads RFC 3339 with any offset, into UTC; `None` when the text is none. As its grammar is written: no space for the
/// `T`, no sign but ASCII's, and no leap seconds, which nothing here could count. Nor a moment that its offset puts beyond
/// the years 0 to 9999 in UTC: it could not be written any more.
///
/// ```
/// use crochet_primitives::{format_timestamp, parse_timestamp};
///
/// let read = parse_timestamp("2026-05-03T14:00:00+02:00");
/// assert_eq!(read.map(format_timestamp).as_deref(), Some("2026-05-03T12:00:00.000Z"));
/// assert_eq!(parse_timestamp("2026-05-03"), None);
/// ```
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let separator = text.as_bytes().get(10)?;
    let is_plain = text.is_ascii() && separator.eq_ignore_ascii_case(&b'T') && text.get(17..19)? != "60";
    let read = if is_plain { DateTime::parse_from_rfc3339(text).ok()? } else { return None };
    Some(read.to_utc()).filter(|at| (0..=9999).contains(&at.year()))
}

/// `#[serde(with = "rfc3339_millis")]`: a [`Timestamp`] as [`format_timestamp`] writes it.
pub mod rfc3339_millis {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::Timestamp;

    /// Writes the timestamp with three decimals.
    ///
    /// # Errors
    /// Only the serializer's own.
    pub fn serialize<S: Serializer>(timestamp: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&super::format_timestamp(*timestamp))
    }

    /// Reads any RFC 3339 timestamp.
    ///
    /// # Errors
    /// When the text is no RFC 3339 timestamp.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        super::parse_timestamp(&text)
            .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &"an RFC 3339 timestamp"))
    }

    /// The same for an `Option`.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serializer};

        use super::super::{Timestamp, format_timestamp};

        /// Writes the timestamp, or null.
        ///
        /// # Errors
        /// Only the serializer's own.
        pub fn serialize<S: Serializer>(timestamp: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
            match timestamp {
                Some(timestamp) => serializer.collect_str(&format_timestamp(*timestamp)),
                None => serializer.serialize_none(),
            }
        }

        /// Reads an RFC 3339 timestamp, or null.
        ///
        /// # Errors
        /// When the text is no RFC 3339 timestamp.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
            struct Read(Timestamp);

            impl<'de> Deserialize<'de> for Read {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    super::deserialize(deserializer).map(Self)
                }
            }

            Ok(Option::<Read>::deserialize(deserializer)?.map(|read| read.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_written_with_three_decimals_and_a_z() {
        let at = timestamp_from_millis(1_777_809_600_000).unwrap();
        assert_eq!(format_timestamp(at), "2026-05-03T12:00:00.000Z");
    }

    #[test]
    fn a_timestamp_is_read_as_rfc_3339_writes_it_and_in_no_other_way() {
        let at = timestamp_from_millis(1_777_809_600_000).unwrap();
        for text in ["2026-05-03T12:00:00Z", "2026-05-03t12:00:00.000z", "2026-05-03T14:30:00.0+02:30"] {
            assert_eq!(parse_timestamp(text), Some(at), "{text}");
        }
        for text in [
            "",
            "2026-05-03",
            "2026-05-03 12:00:00Z",
            "2026-05-03T12:00:00",
            "2026-05-03T12:00:60Z",
            "2026-02-30T12:00:00Z",
            "+12026-05-03T12:00:00Z",
            "2026-05-03T12:00:00\u{2212}02:00",
            "2026-05-03T12:00:00+0200",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_finer_than_a_millisecond_is_dropped() {
        let fine = DateTime::from_timestamp(1, 123_456_789).unwrap();
        assert_eq!(truncate_to_millis(fine), timestamp_from_millis(1_123).unwrap());
    }
}
