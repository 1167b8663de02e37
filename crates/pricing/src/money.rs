//! US dollars as integers.

use std::fmt;

use serde_json::value::RawValue;
use thiserror::Error;

/// Micro-dollars in one dollar.
const MICROS_PER_USD: u64 = 1_000_000;

/// An amount of US dollars in whole micro-dollars: 0 to 18,446,744,073,709.551615 USD.
///
/// There is no conversion from or to a float, on purpose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MicroUsd(u64);

/// The rule that a text broke, so that it is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Not the text of a JSON number: empty, spaces, a leading zero as in `01`, a bare `.5` or `5.`, anything else.
    #[error("not a decimal number such as 0.01")]
    NotANumber,
    /// A minus sign, also before a zero.
    #[error("an amount has no sign")]
    Negative,
    /// An exponent, as in `1e-2`.
    #[error("an amount is written without an exponent")]
    Exponent,
    /// More than six digits after the point, zeros included: nothing is ever rounded silently.
    #[error("an amount has at most six decimals")]
    TooManyDecimals,
    /// More than this type, or the database's column, can hold.
    #[error("the amount is too large")]
    TooLarge,
}

impl MicroUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// One US dollar.
    pub const ONE_USD: Self = Self(MICROS_PER_USD);

    /// So many micro-dollars.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The amount in micro-dollars.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whether this is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum; `None` where it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` where it would be negative.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Reads the text of a JSON number, digit by digit and never through a float: digits, then optionally a point and
    /// one to six digits.
    ///
    /// # Errors
    /// The rule that `text` breaks; of several, the first in the order of [`AmountError`].
    pub fn parse_decimal(text: &str) -> Result<Self, AmountError> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let well_formed = is_whole(whole) && fraction.is_none_or(is_digits) && exponent.is_none_or(is_exponent);
        if !well_formed {
            return Err(AmountError::NotANumber);
        }
        if text.starts_with('-') {
            return Err(AmountError::Negative);
        }
        if exponent.is_some() {
            return Err(AmountError::Exponent);
        }
        let fraction = fraction.unwrap_or("0");
        if fraction.len() > 6 {
            return Err(AmountError::TooManyDecimals);
        }
        // Both texts are digits, so the only way to fail from here on is overflow.
        let dollars: u64 = whole.parse().map_err(|_| AmountError::TooLarge)?;
        let micros: u64 = format!("{fraction:0<6}").parse().map_err(|_| AmountError::TooLarge)?;
        dollars
            .checked_mul(MICROS_PER_USD)
            .and_then(|dollars| dollars.checked_add(micros))
            .map(Self)
            .ok_or(AmountError::TooLarge)
    }

    /// The shortest decimal form, as a JSON number: `0.01`, `75`, `0`. Never through a float.
    #[must_use]
    pub fn to_json_number(self) -> Box<RawValue> {
        let text = shortest(&self.to_string());
        #[expect(clippy::expect_used, reason = "digits, a point and digits without trailing zeros are a JSON number")]
        RawValue::from_string(text).expect("a decimal number is JSON")
    }

    /// The amount in micro-dollars as the database holds it.
    ///
    /// # Errors
    /// [`AmountError::TooLarge`] above `i64::MAX` micro-dollars.
    pub fn to_i64(self) -> Result<i64, AmountError> {
        i64::try_from(self.0).map_err(|_| AmountError::TooLarge)
    }

    /// Reads what [`Self::to_i64`] wrote.
    ///
    /// # Errors
    /// [`AmountError::Negative`] below zero.
    pub fn from_i64(micros: i64) -> Result<Self, AmountError> {
        u64::try_from(micros).map(Self).map_err(|_| AmountError::Negative)
    }
}

/// Always six decimals: `0.010000`.
impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / MICROS_PER_USD, self.0 % MICROS_PER_USD)
    }
}

impl fmt::Debug for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MicroUsd({self})")
    }
}

/// A decimal without the zeros that say nothing; `text` has a point.
pub(crate) fn shortest(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_whole(text: &str) -> bool {
    text == "0" || (is_digits(text) && !text.starts_with('0'))
}

fn is_exponent(text: &str) -> bool {
    is_digits(text.strip_prefix(['+', '-']).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_shown_with_six_decimals_and_sent_in_its_shortest_form() {
        for (micros, shown, sent) in [
            (0, "0.000000", "0"),
            (1, "0.000001", "0.000001"),
            (10_000, "0.010000", "0.01"),
            (75_000_000, "75.000000", "75"),
            (100_000_000, "100.000000", "100"),
            (u64::MAX, "18446744073709.551615", "18446744073709.551615"),
        ] {
            let amount = MicroUsd::from_micros(micros);
            assert_eq!(amount.to_string(), shown);
            assert_eq!(amount.to_json_number().get(), sent);
        }
    }

    #[test]
    fn each_broken_rule_is_named() {
        use AmountError::{Exponent, Negative, NotANumber, TooLarge, TooManyDecimals};
        for (text, error) in [
            ("", NotANumber),
            (" 1", NotANumber),
            ("1 ", NotANumber),
            ("01", NotANumber),
            ("+1", NotANumber),
            (".5", NotANumber),
            ("5.", NotANumber),
            ("1.2.3", NotANumber),
            ("1e", NotANumber),
            ("NaN", NotANumber),
            ("0x10", NotANumber),
            ("1,5", NotANumber),
            ("١", NotANumber),
            ("\"1\"", NotANumber),
            ("--1", NotANumber),
            ("-1", Negative),
            ("-0", Negative),
            ("-1e9", Negative),
            ("1e2", Exponent),
            ("1.5E-3", Exponent),
            ("0.0000001", TooManyDecimals),
            ("0.0100000", TooManyDecimals),
            ("18446744073709.551616", TooLarge),
            ("99999999999999999999999999", TooLarge),
        ] {
            assert_eq!(MicroUsd::parse_decimal(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_largest_amount_is_read_but_does_not_fit_the_database() {
        let largest = MicroUsd::parse_decimal("18446744073709.551615").unwrap();
        assert_eq!(largest, MicroUsd::from_micros(u64::MAX));
        assert_eq!(largest.to_i64(), Err(AmountError::TooLarge));
        assert_eq!(MicroUsd::from_i64(-1), Err(AmountError::Negative));
    }

    proptest! {
        #[test]
        fn every_amount_is_read_back_from_both_of_its_texts(micros: u64) {
            let amount = MicroUsd::from_micros(micros);
            prop_assert_eq!(MicroUsd::parse_decimal(&amount.to_string()), Ok(amount));
            prop_assert_eq!(MicroUsd::parse_decimal(amount.to_json_number().get()), Ok(amount));
        }

        #[test]
        fn no_text_panics_the_parser(text in "\\PC*") {
            let _ = MicroUsd::parse_decimal(&text);
        }

        #[test]
        fn what_is_read_is_a_json_number(text in "[-+0-9.eE]{0,24}") {
            if MicroUsd::parse_decimal(&text).is_ok() {
                prop_assert!(serde_json::from_str::<serde_json::Number>(&text).is_ok());
            }
        }

        #[test]
        fn sums_and_differences_undo_each_other(a: u64, b: u64) {
            let (a, b) = (MicroUsd::from_micros(a), MicroUsd::from_micros(b));
            if let Some(sum) = a.checked_add(b) {
                prop_assert_eq!(sum.checked_sub(b), Some(a));
            }
        }

        #[test]
        fn the_database_gives_back_what_it_was_given(micros in 0..=i64::MAX) {
            prop_assert_eq!(MicroUsd::from_i64(micros).unwrap().to_i64(), Ok(micros));
        }
    }
}
