//! Rows of what a retention asks.

use crochet_primitives::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

#[derive(QueryableByName)]
pub(super) struct PartitionRow {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(super) from_id: Option<Uuid>,
    #[diesel(sql_type = SqlUuid)]
    pub(super) to_id: Uuid,
}

#[derive(QueryableByName)]
pub(super) struct ReasonRow {
    #[diesel(sql_type = Text)]
    pub(super) reason: String,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
}

#[derive(QueryableByName)]
pub(super) struct Number {
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
}

#[derive(QueryableByName)]
pub(super) struct RowOf {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
    #[diesel(sql_type = Integer)]
    pub(super) attempt: i32,
    #[diesel(sql_type = Text)]
    pub(super) json: String,
}

#[derive(QueryableByName)]
pub(super) struct DetachedRow {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Binary)]
    pub(super) calls_sha256: Vec<u8>,
    #[diesel(sql_type = Binary)]
    pub(super) attempts_sha256: Vec<u8>,
}

#[derive(QueryableByName)]
pub(super) struct Now {
    #[diesel(sql_type = Timestamptz)]
    pub(super) now: Timestamp,
}

#[derive(QueryableByName)]
pub(super) struct IsDone {
    #[diesel(sql_type = Bool)]
    pub(super) is_done: bool,
}
