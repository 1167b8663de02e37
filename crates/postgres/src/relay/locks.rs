//! Locks on buyers, where something is counted over many rows. They end with the transaction.

use crochet_primitives::ProfileId;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};

use crate::error::DbError;

/// The locks in the order of their numbers: two transactions never wait for each other.
const COUNT_ALONE: &str = "
SELECT pg_advisory_xact_lock(1, number)
  FROM (SELECT DISTINCT hashtext(buyer) AS number FROM unnest($1) AS buyer ORDER BY number) AS numbers";

/// Waits until nobody else counts the open quotes of these buyers. Two buyers may share a lock: that costs time, no more.
pub(super) fn count_alone(conn: &mut PgConnection, buyers: impl Iterator<Item = ProfileId>) -> Result<(), DbError> {
    let buyers: Vec<String> = buyers.map(|buyer| buyer.to_string()).collect();
    if !buyers.is_empty() {
        diesel::sql_query(COUNT_ALONE).bind::<Array<Text>, _>(buyers).execute(conn)?;
    }
    Ok(())
}
