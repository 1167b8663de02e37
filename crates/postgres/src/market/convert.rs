//! Between columns and the market's types.

use uuid::Uuid;

use crate::error::DbError;

/// Reads a word of a vocabulary. The migration's CHECK knows the same words, so another one is a newer program's.
pub(crate) fn word<T>(parse: impl Fn(&str) -> Option<T>, text: &str, column: &str, id: Uuid) -> Result<T, DbError> {
    parse(text).ok_or_else(|| misread(column, id))
}

/// Reads a set of words.
pub(crate) fn words<T, S: FromIterator<T>>(
    parse: impl Fn(&str) -> Option<T>,
    texts: &[String],
    column: &str,
    id: Uuid,
) -> Result<S, DbError> {
    texts.iter().map(|text| word(&parse, text, column, id)).collect()
}

/// Between integers of different width and sign.
pub(crate) fn number<A, B: TryFrom<A>>(value: A, column: &str, id: Uuid) -> Result<B, DbError> {
    B::try_from(value).map_err(|_| misread(column, id))
}

/// Names the column and the row, never what is in it.
pub(crate) fn misread(column: &str, id: Uuid) -> DbError {
    DbError::corrupt(format!("{column} of {id}"))
}
