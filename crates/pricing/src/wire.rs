//! How amounts cross JSON: `#[serde(with = "crochet_pricing::wire::number")]` and its neighbours.
//!
//! None of them goes through a float. A type that carries [`number`] must be read and written by `serde_json` itself,
//! not through `flatten`, an untagged enum or `serde_json::Value`: those would turn the number into a float first.

/// A JSON number in its shortest decimal form: `0.01`.
pub mod number {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
    use serde_json::value::RawValue;

    use crate::MicroUsd;

    /// Writes the number.
    ///
    /// # Errors
    /// Only the serializer's own.
    pub fn serialize<S: Serializer>(amount: &MicroUsd, serializer: S) -> Result<S::Ok, S::Error> {
        amount.to_json_number().serialize(serializer)
    }

    /// Reads the number's own text.
    ///
    /// # Errors
    /// The rule of [`crate::AmountError`] that the text breaks.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MicroUsd, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        MicroUsd::parse_decimal(raw.get()).map_err(de::Error::custom)
    }
}

/// A JSON string with six decimals: `"0.010000"`.
pub mod text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::MicroUsd;

    /// Writes the text.
    ///
    /// # Errors
    /// Only the serializer's own.
    pub fn serialize<S: Serializer>(amount: &MicroUsd, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(amount)
    }

    /// Reads the text.
    ///
    /// # Errors
    /// The rule of [`crate::AmountError`] that the text breaks.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MicroUsd, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        MicroUsd::parse_decimal(&text).map_err(de::Error::custom)
    }
}

/// A JSON integer of micro-dollars: `10000`.
pub mod micros {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::MicroUsd;

    /// Writes the integer.
    ///
    /// # Errors
    /// Only the serializer's own.
    pub fn serialize<S: Serializer>(amount: &MicroUsd, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(amount.micros())
    }

    /// Reads the integer.
    ///
    /// # Errors
    /// When it is no integer of 64 bits without a sign.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MicroUsd, D::Error> {
        u64::deserialize(deserializer).map(MicroUsd::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::MicroUsd;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Priced {
        #[serde(with = "super::number")]
        number: MicroUsd,
        #[serde(with = "super::text")]
        text: MicroUsd,
        #[serde(with = "super::micros")]
        micros: MicroUsd,
    }

    #[test]
    fn an_amount_crosses_json_in_three_forms() {
        let cent = MicroUsd::from_micros(10_000);
        let priced = Priced { number: cent, text: cent, micros: cent };
        let json = r#"{"number":0.01,"text":"0.010000","micros":10000}"#;
        assert_eq!(serde_json::to_string(&priced).unwrap(), json);
        assert_eq!(serde_json::from_str::<Priced>(json).unwrap(), priced);
    }

    #[test]
    fn a_number_that_a_float_cannot_hold_is_read_exactly() {
        let json = r#"{"number":9007199254.740993,"text":"0","micros":0}"#;
        assert_eq!(serde_json::from_str::<Priced>(json).unwrap().number.micros(), 9_007_199_254_740_993);
    }

    #[test]
    fn a_number_in_quotes_or_with_an_exponent_is_refused() {
        for json in [r#"{"number":"1","text":"0","micros":0}"#, r#"{"number":1e0,"text":"0","micros":0}"#] {
            assert!(serde_json::from_str::<Priced>(json).is_err(), "{json}");
        }
    }
}
