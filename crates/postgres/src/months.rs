//! History in months: the partitions of the months to come, and whether any call is without one.
//!
//! docs/adr/0034 says why months, and what holds them together. The database's functions that are asked here are in
//! `migrations/*_partitions`.

use crochet_primitives::StorageError;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Timestamptz};
use secrecy::SecretString;

use crate::Db;
use crate::migrations::{MigrateError, open};

/// Up to how many calls without a month are counted, and moved while the gateway runs.
const FEW: i64 = 10_000;

/// As the owner, and whatever there is to be moved.
const MAKE_ALL: &str = "SELECT crochet_make_months(clock_timestamp(), NULL) AS made";

/// As the application.
const MAKE: &str = "SELECT crochet_months_ahead($1) AS made";

/// Behind the last month. What is there is found, and moved when its month is made; by then it is in the way.
const WITHOUT_MONTH: &str = "
SELECT count(*) AS calls FROM (
    SELECT FROM gateway_requests WHERE id >= (SELECT from_id FROM history_partitions WHERE to_id IS NULL) LIMIT $1
) few";

/// Whether there are partitions for this month and the next two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Months {
    /// There were, or another replica is making them.
    Enough,
    /// So many had to be made.
    Made(u32),
    /// More than 10,000 calls are from a month that has no partition. They are served from the partition behind the last
    /// month until `crochet migrate` moves them.
    Crowded,
}

#[derive(QueryableByName)]
struct Made {
    #[diesel(sql_type = Nullable<Integer>)]
    made: Option<i32>,
}

#[derive(QueryableByName)]
struct Calls {
    #[diesel(sql_type = BigInt)]
    calls: i64,
}

impl From<Made> for Months {
    fn from(Made { made }: Made) -> Self {
        match made.map(u32::try_from) {
            None => Self::Crowded,
            Some(Ok(made)) if made > 0 => Self::Made(made),
            Some(_) => Self::Enough,
        }
    }
}

impl Db {
    /// Makes the partitions of this month and the next two, where they are missing. Holds calls off for some
    /// milliseconds when there is one to be made, after half a second's wait at most.
    ///
    /// # Errors
    /// [`StorageError`], like any other use of the database; also where somebody reads history for longer than that, an
    /// audit for instance. Trying again later is enough.
    pub async fn make_months(&self) -> Result<Months, StorageError> {
        let clock = self.clock().clone();
        self.transaction(move |conn| {
            let now = clock.read(conn)?;
            let made: Made = diesel::sql_query(MAKE).bind::<Timestamptz, _>(now).get_result(conn)?;
            Ok(made.into())
        })
        .await
    }

    /// How many calls are from after the last month that has a partition; counted up to 10,000.
    ///
    /// # Errors
    /// [`StorageError`], like any other use of the database.
    pub async fn calls_without_month(&self) -> Result<u64, StorageError> {
        self.run(|conn| {
            let Calls { calls } = diesel::sql_query(WITHOUT_MONTH).bind::<BigInt, _>(FEW).get_result(conn)?;
            Ok(u64::try_from(calls).unwrap_or_default())
        })
        .await
    }
}

/// Like [`Db::make_months`] as the owner of the tables, and moves however many calls there are: they may hold others
/// off for as long as that takes. Blocks: call it from a thread that may.
///
/// # Errors
/// See [`MigrateError`].
pub fn make_months(url: &SecretString) -> Result<Months, MigrateError> {
    let mut conn = open(url)?;
    let made: Made = diesel::sql_query(MAKE_ALL)
        .get_result(&mut conn)
        .map_err(|error| MigrateError::Failed(crate::conninfo::redacted(&error.to_string(), url)))?;
    Ok(made.into())
}
