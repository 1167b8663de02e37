//! A row of `gateway_requests`, as a record and back.

use chrono::{DateTime, Utc};
use crochet_pricing::{BasisPoints, Split};
use crochet_relay::{IdempotencyKey, Record, State};
use crochet_signing::BodyHash;
use diesel::prelude::*;
use diesel::sql_types::{self, BigInt, Binary, Bool, Integer, Jsonb, Nullable, Text, Timestamptz};
use serde_json::Value;
use uuid::Uuid;

use crate::convert::{of_document, text_without_nul, to_amount, to_count, to_document, to_int, to_micros, to_name};
use crate::error::DbError;
use crate::schema::gateway_requests;
use crate::sets::rows;

rows! {
    /// One row. `None` is written as NULL.
    #[derive(Debug, Clone, Queryable, Selectable)]
    #[diesel(table_name = gateway_requests, check_for_backend(diesel::pg::Pg))]
    pub(super) struct RecordRow, many RecordRows in "gateway_requests" {
        id: Uuid => sql_types::Uuid;
        buyer_id: Uuid => sql_types::Uuid,
        seller_id: Uuid => sql_types::Uuid,
        listing_id: Uuid => sql_types::Uuid,
        body_sha256: Vec<u8> => Binary,
        idempotency_key: Option<String> => Nullable<Text>,
        origin: Value => Jsonb,
        gross_micros: Option<i64> => Nullable<BigInt>,
        fee_micros: Option<i64> => Nullable<BigInt>,
        seller_micros: Option<i64> => Nullable<BigInt>,
        fee_basis_points: Option<i32> => Nullable<Integer>,
        state: String => Text,
        quote_fence: i32 => Integer,
        attempt: i32 => Integer,
        lease_until: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        terms: Option<Value> => Nullable<Jsonb>,
        refusal: Option<Value> => Nullable<Jsonb>,
        payment_seen: bool => Bool,
        payment_failure: Option<String> => Nullable<Text>,
        last_checked_at: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        settlement: Option<Value> => Nullable<Jsonb>,
        failures: i32 => Integer,
        retry_not_before: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        last_failure: Option<Value> => Nullable<Jsonb>,
        delivery: Option<Value> => Nullable<Jsonb>,
        superseded_by: Option<Uuid> => Nullable<sql_types::Uuid>,
        next_check_at: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        checks: i32 => Integer,
        created_at: DateTime<Utc> => Timestamptz,
        updated_at: DateTime<Utc> => Timestamptz,
    }
}

impl TryFrom<&Record> for RecordRow {
    type Error = DbError;

    fn try_from(record: &Record) -> Result<Self, DbError> {
        let price = record.price.as_ref();
        let micros = |part: fn(&Split) -> crochet_pricing::MicroUsd, column| {
            price.map(|price| to_micros(part(price), column)).transpose()
        };
        Ok(Self {
            id: record.id.uuid(),
            buyer_id: record.buyer.uuid(),
            seller_id: record.seller.uuid(),
            listing_id: record.listing.uuid(),
            body_sha256: record.body_sha256.as_bytes().to_vec(),
            idempotency_key: record.idempotency_key.as_ref().map(|key| key.as_str().to_owned()),
            origin: to_document(&record.origin, "origin")?,
            gross_micros: micros(|price| price.gross, "gross_micros")?,
            fee_micros: micros(|price| price.fee, "fee_micros")?,
            seller_micros: micros(|price| price.seller_share, "seller_micros")?,
            fee_basis_points: price.map(|price| i32::from(price.rate.get())),
            state: record.state.as_str().to_owned(),
            quote_fence: to_int(record.quote_fence, "quote_fence")?,
            attempt: to_int(record.attempt, "attempt")?,
            lease_until: record.lease_until,
            terms: document(record.terms.as_ref(), "terms")?,
            refusal: document(record.refusal.as_ref(), "refusal")?,
            payment_seen: record.payment_seen,
            payment_failure: record.payment_failure.as_deref().map(text_without_nul),
            last_checked_at: record.last_checked_at,
            settlement: document(record.settlement.as_ref(), "settlement")?,
            failures: to_int(record.failures, "failures")?,
            retry_not_before: record.retry_not_before,
            last_failure: document(record.last_failure.as_ref(), "last_failure")?,
            delivery: document(record.delivery.as_ref(), "delivery")?,
            superseded_by: record.superseded_by.map(crochet_primitives::CallId::uuid),
            next_check_at: record.next_check_at,
            checks: to_int(record.checks, "checks")?,
            created_at: record.created_at,
            updated_at: record.updated_at,
        })
    }
}

impl TryFrom<RecordRow> for Record {
    type Error = DbError;

    fn try_from(row: RecordRow) -> Result<Self, DbError> {
        let price = price(&row)?;
        let body_sha256: [u8; 32] =
            row.body_sha256.try_into().map_err(|_| DbError::corrupt("body_sha256 is not 32 bytes"))?;
        let idempotency_key = row
            .idempotency_key
            .map(|key| IdempotencyKey::parse(&key).map_err(|_| DbError::corrupt("idempotency_key is not a key")))
            .transpose()?;
        Ok(Self {
            id: row.id.into(),
            buyer: row.buyer_id.into(),
            seller: row.seller_id.into(),
            listing: row.listing_id.into(),
            body_sha256: BodyHash::from_bytes(body_sha256),
            idempotency_key,
            origin: of_document(row.origin, "origin")?,
            price,
            state: to_name(&row.state, State::parse, "state")?,
            quote_fence: to_count(row.quote_fence, "quote_fence")?,
            attempt: to_count(row.attempt, "attempt")?,
            lease_until: row.lease_until,
            terms: parsed(row.terms, "terms")?,
            refusal: parsed(row.refusal, "refusal")?,
            payment_seen: row.payment_seen,
            payment_failure: row.payment_failure,
            last_checked_at: row.last_checked_at,
            settlement: parsed(row.settlement, "settlement")?,
            failures: to_count(row.failures, "failures")?,
            retry_not_before: row.retry_not_before,
            last_failure: parsed(row.last_failure, "last_failure")?,
            delivery: parsed(row.delivery, "delivery")?,
            superseded_by: row.superseded_by.map(Into::into),
            next_check_at: row.next_check_at,
            checks: to_count(row.checks, "checks")?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn price(row: &RecordRow) -> Result<Option<Split>, DbError> {
    let (Some(gross), Some(fee), Some(seller), Some(rate)) =
        (row.gross_micros, row.fee_micros, row.seller_micros, row.fee_basis_points)
    else {
        return Ok(None);
    };
    let rate = BasisPoints::new(to_count(rate, "fee_basis_points")?)
        .ok_or_else(|| DbError::corrupt("fee_basis_points is more than all of it"))?;
    Split::restore(
        to_amount(gross, "gross_micros")?,
        to_amount(fee, "fee_micros")?,
        to_amount(seller, "seller_micros")?,
        rate,
    )
    .map(Some)
    .map_err(|_| DbError::corrupt("the price and its parts do not add up"))
}

fn document<T: serde::Serialize>(value: Option<&T>, column: &str) -> Result<Option<Value>, DbError> {
    value.map(|value| to_document(value, column)).transpose()
}

fn parsed<T: serde::de::DeserializeOwned>(document: Option<Value>, column: &str) -> Result<Option<T>, DbError> {
    document.map(|document| of_document(document, column)).transpose()
}
