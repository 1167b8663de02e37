//! What the journal does for many calls at once.
//!
//! A group takes what is usual. Whatever is not (a key or an id that is taken, a limit that is reached, a call that there
//! is not, a statement that fails) is left out, and its caller does it alone, by the code that answers for every case.

mod ended;
mod found;
mod moves;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::DbError;

pub(super) use ended::{EndedCall, EndedCalls};
pub(super) use found::FoundCalls;
pub(super) use moves::{Context, Move, Moved, Moves};

/// Whether an error says nothing about the statement that it came with: then it is everybody's.
fn is_of_connection(error: &DbError) -> bool {
    matches!(
        error,
        DbError::Diesel(
            DieselError::DatabaseError(
                DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::UnableToSendCommand
                    | DatabaseErrorKind::ReadOnlyTransaction,
                _
            ) | DieselError::BrokenTransactionManager
                | DieselError::NotInTransaction
        )
    )
}
