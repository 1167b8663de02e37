//! What Diesel and r2d2 say, as what a port says: no row data, no connection string.

use crochet_primitives::StorageError;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use thiserror::Error;

/// Why work on a connection was given up. The transaction around it, if any, is rolled back.
#[derive(Debug, Error)]
pub(crate) enum DbError {
    /// Diesel said so.
    #[error(transparent)]
    Diesel(#[from] DieselError),
    /// Another transaction was quicker in a way that no lock could prevent. Running again sees what it did.
    #[error("another transaction was quicker")]
    Raced,
    /// A row that this program did not write, or a value that no column can hold.
    #[error("{0}")]
    Corrupt(String),
}

impl DbError {
    /// For values that do not fit: names the place, never the value.
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }

    /// Whether the same transaction, run again, may well succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Diesel(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
            // Diesel shows neither SQLSTATE 40P01 nor a kind for it, so a server whose messages are in another
            // language is not recognised: its callers are told that the database is unavailable.
            Self::Diesel(DieselError::DatabaseError(DatabaseErrorKind::Unknown, info)) => {
                info.message() == "deadlock detected"
            }
            Self::Diesel(DieselError::RollbackErrorOnCommit { commit_error, .. }) => {
                matches!(**commit_error, DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _))
            }
            Self::Raced => true,
            Self::Diesel(_) | Self::Corrupt(_) => false,
        }
    }
}

/// One line that says what kind of thing went wrong, and where.
fn summary(error: &DieselError) -> String {
    match error {
        DieselError::DatabaseError(kind, info) => {
            let place = info.constraint_name().or_else(|| info.table_name());
            match place {
                Some(place) => format!("{kind:?} at {place}"),
                None => format!("{kind:?}"),
            }
        }
        DieselError::RollbackErrorOnCommit { commit_error, .. } => format!("commit: {}", summary(commit_error)),
        DieselError::NotFound => "a row that has to exist is missing".to_owned(),
        DieselError::DeserializationError(_) => "a column does not hold what it should".to_owned(),
        DieselError::SerializationError(_) => "a value does not fit its column".to_owned(),
        DieselError::QueryBuilderError(_) => "a query could not be built".to_owned(),
        _ => "the transaction is broken".to_owned(),
    }
}

impl From<DbError> for StorageError {
    fn from(error: DbError) -> Self {
        let error = match error {
            DbError::Corrupt(what) => return Self::Corrupt(what),
            DbError::Raced => return Self::Unavailable("other transactions were quicker, again and again".to_owned()),
            DbError::Diesel(error) => error,
        };
        let said = summary(&error);
        tracing::debug!(error = said, "a database statement failed");
        match &error {
            DieselError::DatabaseError(
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::ExclusionViolation
                | DatabaseErrorKind::RestrictViolation,
                _,
            )
            | DieselError::NotFound
            | DieselError::DeserializationError(_)
            | DieselError::SerializationError(_)
            | DieselError::QueryBuilderError(_) => Self::Corrupt(said),
            _ => Self::Unavailable(said),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: DatabaseErrorKind) -> StorageError {
        DbError::from(DieselError::DatabaseError(kind, Box::new("Key (x)=(secret) exists".to_owned()))).into()
    }

    #[test]
    fn what_a_constraint_refuses_needs_an_operator_and_what_the_network_does_a_retry() {
        assert!(matches!(refused(DatabaseErrorKind::CheckViolation), StorageError::Corrupt(_)));
        assert!(matches!(refused(DatabaseErrorKind::ClosedConnection), StorageError::Unavailable(_)));
        assert!(matches!(refused(DatabaseErrorKind::Unknown), StorageError::Unavailable(_)));
    }

    #[test]
    fn no_row_data_is_in_an_error() {
        assert!(!refused(DatabaseErrorKind::UniqueViolation).to_string().contains("secret"));
    }
}
