//! Locks on a buyer, where something is counted over many rows. They end with the transaction.

use crochet_primitives::ProfileId;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use crate::error::DbError;

/// What is counted. One class is never waited for while another is held, so they cannot lock each other out.
#[derive(Clone, Copy)]
pub(super) enum Counted {
    /// The buyer's open quotes.
    Quotes,
    /// The buyer's bytes in the replay vault.
    Vault,
}

/// Waits until nobody else counts the same of this buyer. Two buyers may share a lock: that costs time, no more.
pub(super) fn count_alone(conn: &mut PgConnection, counted: Counted, buyer: ProfileId) -> Result<(), DbError> {
    let class = match counted {
        Counted::Quotes => 1,
        Counted::Vault => 2,
    };
    diesel::sql_query("SELECT pg_advisory_xact_lock($1, hashtext($2))")
        .bind::<Integer, _>(class)
        .bind::<Text, _>(buyer.to_string())
        .execute(conn)?;
    Ok(())
}
