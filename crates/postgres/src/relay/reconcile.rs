//! What a reconciliation needs of the storage.

use async_trait::async_trait;
use crochet_primitives::{CallId, StorageError, Timestamp};
use crochet_relay::UnknownPayment;
use crochet_relay::ports::{Period, ReconcileStore};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::books::PgBooks;
use super::references;
use crate::convert::to_document;
use crate::schema::unknown_payments;

/// Both ways are read along ids; a call that was made and settled in the period is there once.
const CALLS: &str = "
(SELECT id FROM gateway_requests
  WHERE terms IS NOT NULL AND ($1::uuid IS NULL OR id > $1)
    AND ($2::timestamptz IS NULL OR created_at >= $2) AND ($3::timestamptz IS NULL OR created_at < $3)
  ORDER BY id LIMIT $4)
UNION
(SELECT DISTINCT call_id FROM ledger_entries
  WHERE entry_type = 'gateway_payment' AND ($1::uuid IS NULL OR call_id > $1)
    AND ($2::timestamptz IS NULL OR created_at >= $2) AND ($3::timestamptz IS NULL OR created_at < $3)
  ORDER BY call_id LIMIT $4)
ORDER BY id LIMIT $4";

/// Along the index of provider requests.
const QUOTED: &str =
    "SELECT id FROM gateway_requests WHERE provider = $1 AND provider_request_id = $2 ORDER BY id LIMIT 1";

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

#[async_trait]
impl ReconcileStore for PgBooks {
    async fn calls_to_compare(
        &self,
        period: Period,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<Vec<CallId>, StorageError> {
        self.report(move |conn| {
            let rows: Vec<IdRow> = diesel::sql_query(CALLS)
                .bind::<Nullable<SqlUuid>, _>(after.map(CallId::uuid))
                .bind::<Nullable<Timestamptz>, Option<Timestamp>>(period.from)
                .bind::<Nullable<Timestamptz>, Option<Timestamp>>(period.to)
                .bind::<BigInt, _>(i64::from(limit))
                .load(conn)?;
            Ok(rows.into_iter().map(|row| row.id.into()).collect())
        })
        .await
    }

    async fn call_of_quote(&self, provider: &str, provider_request_id: &str) -> Result<Option<CallId>, StorageError> {
        // No text column holds a NUL, and PostgreSQL refuses to compare with one.
        if provider_request_id.contains('\0') {
            return Ok(None);
        }
        let (provider, id) = (provider.to_owned(), provider_request_id.to_owned());
        self.report(move |conn| {
            let call: Option<IdRow> = diesel::sql_query(QUOTED)
                .bind::<Text, _>(&provider)
                .bind::<Text, _>(&id)
                .get_result(conn)
                .optional()?;
            Ok(call.map(|row| row.id.into()))
        })
        .await
    }

    async fn keep_unknown(&self, payment: &UnknownPayment) -> Result<bool, StorageError> {
        let payment = payment.clone();
        self.write(move |conn| {
            // Taken for a call that was exported since: it is in the books.
            if references::owner(conn, &payment.provider, &payment.reported.reference)?.is_some() {
                return Ok(false);
            }
            let kept = diesel::insert_into(unknown_payments::table)
                .values((
                    unknown_payments::id.eq(payment.id.uuid()),
                    unknown_payments::provider.eq(&payment.provider),
                    unknown_payments::reference.eq(&payment.reported.reference),
                    unknown_payments::payment.eq(to_document(&payment.reported, "payment")?),
                    unknown_payments::reason.eq("unknown_call"),
                    unknown_payments::noticed_at.eq(payment.noticed_at),
                ))
                .on_conflict_do_nothing()
                .execute(conn)?;
            Ok(kept == 1)
        })
        .await
    }
}
