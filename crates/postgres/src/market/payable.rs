//! Listings that anybody can find and pay for by a header.

use crochet_pricing::MicroUsd;
use crochet_primitives::Timestamp;
use crochet_relay::ports::{Input, MAX_PAYABLE, Payable, PayablePage, PayableQuery, PayoutWallets};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Json, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use super::convert::misread;
use crate::error::DbError;

/// One round trip and one snapshot: the page, and beside it how many there are. The page is there first, so that only
/// its rows are joined with their long texts; where it is empty, one row says how many there are.
const PAGE: &str = include_str!("payable.sql");

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    total: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    description: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    price_micros: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    evm_address: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    solana_address: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    updated_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Json>)]
    input_schema: Option<Value>,
    #[diesel(sql_type = Nullable<Json>)]
    example_input: Option<Value>,
}

pub(crate) fn page(conn: &mut PgConnection, query: PayableQuery) -> Result<PayablePage, DbError> {
    let rows: Vec<Row> = diesel::sql_query(PAGE)
        .bind::<BigInt, _>(i64::from(query.limit))
        .bind::<BigInt, _>(i64::from(query.offset))
        .bind::<BigInt, _>(i64::from(MAX_PAYABLE))
        .bind::<Bool, _>(query.is_brief)
        .load(conn)?;
    let total = rows.first().map_or(0, |row| u64::try_from(row.total).unwrap_or_default());
    let items: Result<Vec<Option<Payable>>, DbError> = rows.into_iter().map(payable).collect();
    Ok(PayablePage { items: items?.into_iter().flatten().collect(), total })
}

fn payable(row: Row) -> Result<Option<Payable>, DbError> {
    let (Some(id), Some(name), Some(price), Some(updated_at)) = (row.id, row.name, row.price_micros, row.updated_at)
    else {
        return Ok(None);
    };
    Ok(Some(Payable {
        listing: id.into(),
        name,
        description: row.description.unwrap_or_default(),
        price: MicroUsd::from_i64(price).map_err(|_| misread("listings.price_micros", id))?,
        payout_wallets: PayoutWallets { evm: row.evm_address, solana: row.solana_address },
        updated_at,
        input: Input { schema: row.input_schema, example: row.example_input },
    }))
}
