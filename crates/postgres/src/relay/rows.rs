//! The rows beside a call: ledger entries, orphans and attempts.

use chrono::{DateTime, Utc};
use crochet_primitives::CallId;
use crochet_relay::{
    Attempt, AttemptOutcome, Direction, EntryType, FeeStatus, LedgerEntry, OrphanPayment, OrphanReason,
};
use diesel::prelude::*;
use diesel::sql_types::{self, BigInt, Integer, Nullable, Text, Timestamptz};
use serde_json::Value;
use uuid::Uuid;

use crate::convert::{of_document, to_amount, to_count, to_document, to_int, to_micros, to_name};
use crate::error::DbError;
use crate::schema::{gateway_attempts, ledger_entries, orphan_payments};
use crate::sets::rows;

/// What `currency` always is.
const CURRENCY: &str = "USD";

rows! {
    #[derive(Debug, Queryable, Selectable)]
    #[diesel(table_name = ledger_entries, check_for_backend(diesel::pg::Pg))]
    pub(super) struct EntryRow, many EntryRows in "ledger_entries" {
        id: Uuid => sql_types::Uuid;
        settlement_id: Uuid => sql_types::Uuid,
        entry_type: String => Text,
        adjusts: Option<String> => Nullable<Text>,
        direction: String => Text,
        profile_id: Uuid => sql_types::Uuid,
        call_id: Uuid => sql_types::Uuid,
        listing_id: Uuid => sql_types::Uuid,
        amount_micros: i64 => BigInt,
        currency: String => Text,
        fee_status: String => Text,
        fee_collected_micros: Option<i64> => Nullable<BigInt>,
        provider: String => Text,
        provider_reference: String => Text,
        created_at: DateTime<Utc> => Timestamptz,
    }
}

impl TryFrom<&LedgerEntry> for EntryRow {
    type Error = DbError;

    fn try_from(entry: &LedgerEntry) -> Result<Self, DbError> {
        Ok(Self {
            id: entry.id.uuid(),
            settlement_id: entry.settlement_id.uuid(),
            entry_type: entry.entry_type.as_str().to_owned(),
            adjusts: entry.adjusts.map(|adjusts| adjusts.as_str().to_owned()),
            direction: entry.direction.as_str().to_owned(),
            profile_id: entry.profile.uuid(),
            call_id: entry.call.uuid(),
            listing_id: entry.listing.uuid(),
            amount_micros: to_micros(entry.amount, "amount_micros")?,
            currency: entry.currency.to_owned(),
            fee_status: entry.fee_status.as_str().to_owned(),
            fee_collected_micros: entry.fee_collected.map(|fee| to_micros(fee, "fee_collected_micros")).transpose()?,
            provider: entry.provider.clone(),
            provider_reference: entry.provider_reference.clone(),
            created_at: entry.created_at,
        })
    }
}

impl TryFrom<EntryRow> for LedgerEntry {
    type Error = DbError;

    fn try_from(row: EntryRow) -> Result<Self, DbError> {
        if row.currency != CURRENCY {
            return Err(DbError::corrupt("currency is not USD"));
        }
        Ok(Self {
            id: row.id.into(),
            settlement_id: row.settlement_id.into(),
            entry_type: to_name(&row.entry_type, EntryType::parse, "entry_type")?,
            adjusts: row.adjusts.map(|adjusts| to_name(&adjusts, EntryType::parse, "adjusts")).transpose()?,
            direction: to_name(&row.direction, Direction::parse, "direction")?,
            profile: row.profile_id.into(),
            call: row.call_id.into(),
            listing: row.listing_id.into(),
            amount: to_amount(row.amount_micros, "amount_micros")?,
            currency: CURRENCY,
            fee_status: to_name(&row.fee_status, FeeStatus::parse, "fee_status")?,
            fee_collected: row
                .fee_collected_micros
                .map(|micros| to_amount(micros, "fee_collected_micros"))
                .transpose()?,
            provider: row.provider,
            provider_reference: row.provider_reference,
            created_at: row.created_at,
        })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = orphan_payments, check_for_backend(diesel::pg::Pg))]
pub(super) struct OrphanRow {
    id: Uuid,
    pub(super) call_id: Uuid,
    buyer_id: Uuid,
    provider: String,
    reference: String,
    payment: Value,
    reason: String,
    noticed_at: DateTime<Utc>,
}

impl TryFrom<&OrphanPayment> for OrphanRow {
    type Error = DbError;

    fn try_from(orphan: &OrphanPayment) -> Result<Self, DbError> {
        Ok(Self {
            id: orphan.id.uuid(),
            call_id: orphan.call.uuid(),
            buyer_id: orphan.buyer.uuid(),
            provider: orphan.provider.clone(),
            reference: orphan.payment.reference.clone(),
            payment: to_document(&orphan.payment, "payment")?,
            reason: orphan.reason.as_str().to_owned(),
            noticed_at: orphan.noticed_at,
        })
    }
}

impl TryFrom<OrphanRow> for OrphanPayment {
    type Error = DbError;

    fn try_from(row: OrphanRow) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id.into(),
            call: row.call_id.into(),
            buyer: row.buyer_id.into(),
            provider: row.provider,
            payment: of_document(row.payment, "payment")?,
            reason: to_name(&row.reason, OrphanReason::parse, "reason")?,
            noticed_at: row.noticed_at,
        })
    }
}

rows! {
    #[derive(Debug, Queryable, Selectable)]
    #[diesel(table_name = gateway_attempts, check_for_backend(diesel::pg::Pg))]
    pub(super) struct AttemptRow, many AttemptRows in "gateway_attempts" {
        call_id: Uuid => sql_types::Uuid, attempt: i32 => Integer;
        started_at: DateTime<Utc> => Timestamptz,
        outcome: Option<String> => Nullable<Text>,
        seller_status: Option<i32> => Nullable<Integer>,
        latency_ms: Option<i64> => Nullable<BigInt>,
    }
}

rows! {
    /// How an attempt ended. What was delivered stays delivered.
    #[derive(Debug)]
    pub(super) struct EndRow, many EndRows in "gateway_attempts" where "kept.outcome IS DISTINCT FROM 'delivered'" {
        call_id: Uuid => sql_types::Uuid, attempt: i32 => Integer;
        outcome: String => Text,
        seller_status: Option<i32> => Nullable<Integer>,
        latency_ms: Option<i64> => Nullable<BigInt>,
    }
}

impl AttemptRow {
    /// A forward that begins.
    pub(super) fn started(call: CallId, attempt: u32, at: DateTime<Utc>) -> Result<Self, DbError> {
        Ok(Self {
            call_id: call.uuid(),
            attempt: to_int(attempt, "attempt")?,
            started_at: at,
            outcome: None,
            seller_status: None,
            latency_ms: None,
        })
    }

    /// The same forward, ended.
    pub(super) fn ended(self, end: EndRow) -> Self {
        Self { outcome: Some(end.outcome), seller_status: end.seller_status, latency_ms: end.latency_ms, ..self }
    }
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = DbError;

    fn try_from(row: AttemptRow) -> Result<Self, DbError> {
        Ok(Self {
            attempt: to_count(row.attempt, "attempt")?,
            started_at: row.started_at,
            outcome: row.outcome.map(|outcome| to_name(&outcome, AttemptOutcome::parse, "outcome")).transpose()?,
            seller_status: row.seller_status.map(|status| to_count(status, "seller_status")).transpose()?,
            latency_ms: row.latency_ms.map(|latency| to_count(latency, "latency_ms")).transpose()?,
        })
    }
}
