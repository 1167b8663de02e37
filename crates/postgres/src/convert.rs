//! Between our types and the columns': every conversion that can fail says which column it was.

use crochet_pricing::MicroUsd;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::DbError;

/// A count, for a column.
pub(crate) fn to_int(count: u32, column: &str) -> Result<i32, DbError> {
    i32::try_from(count).map_err(|_| DbError::corrupt(format!("{column} is too large to be stored")))
}

/// A column, as a count.
pub(crate) fn to_count<T: TryFrom<i64>>(stored: impl Into<i64>, column: &str) -> Result<T, DbError> {
    T::try_from(stored.into()).map_err(|_| DbError::corrupt(format!("{column} is out of range")))
}

/// An amount, for a column of micro-dollars.
pub(crate) fn to_micros(amount: MicroUsd, column: &str) -> Result<i64, DbError> {
    amount.to_i64().map_err(|_| DbError::corrupt(format!("{column} is too large to be stored")))
}

/// A column of micro-dollars, as an amount.
pub(crate) fn to_amount(micros: i64, column: &str) -> Result<MicroUsd, DbError> {
    MicroUsd::from_i64(micros).map_err(|_| DbError::corrupt(format!("{column} is negative")))
}

/// A name from a closed list.
pub(crate) fn to_name<T>(text: &str, parse: impl Fn(&str) -> Option<T>, column: &str) -> Result<T, DbError> {
    parse(text).ok_or_else(|| DbError::corrupt(format!("{column} has an unknown name")))
}

/// A value, as a JSON document for a column.
pub(crate) fn to_document<T: Serialize>(value: &T, column: &str) -> Result<Value, DbError> {
    serde_json::to_value(value)
        .map(without_nul)
        .map_err(|_| DbError::corrupt(format!("{column} cannot be written as JSON")))
}

/// A JSON document of a column, as a value.
pub(crate) fn of_document<T: DeserializeOwned>(document: Value, column: &str) -> Result<T, DbError> {
    serde_json::from_value(document).map_err(|_| DbError::corrupt(format!("{column} holds an unexpected document")))
}

/// PostgreSQL stores no NUL, in text or in JSON, and what comes from a provider may have one.
pub(crate) fn text_without_nul(text: &str) -> String {
    text.replace('\0', "")
}

fn without_nul(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('\0') => Value::String(text_without_nul(&text)),
        Value::Array(items) => items.into_iter().map(without_nul).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (text_without_nul(&name), without_nul(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_stored_without_nul() {
        let document = to_document(&json!({"a\0": ["x\0y", 1, null]}), "terms").unwrap();
        assert_eq!(document, json!({"a": ["xy", 1, null]}));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_columns_name() {
        assert_eq!(to_int(u32::MAX, "checks").unwrap_err().to_string(), "checks is too large to be stored");
        assert_eq!(to_count::<u16>(70_000, "seller_status").unwrap_err().to_string(), "seller_status is out of range");
        assert!(to_amount(-1, "gross_micros").is_err());
    }
}
