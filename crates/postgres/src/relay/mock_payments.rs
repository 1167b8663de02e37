//! The mock provider's memory.

use async_trait::async_trait;
use crochet_primitives::{CallId, StorageError, Timestamp};
use crochet_relay::ports::{MockOutcome, MockPayment, MockPayments, MockQuote, Period};
use diesel::prelude::*;
use uuid::Uuid;

use crate::Db;
use crate::convert::{to_amount, to_micros, to_name};
use crate::error::DbError;
use crate::schema::{mock_payments, mock_quotes};

/// [`MockPayments`] on PostgreSQL.
#[derive(Debug, Clone)]
pub struct PgMockPayments {
    db: Db,
}

impl PgMockPayments {
    /// The mock provider's memory in `db`.
    #[must_use]
    pub const fn new(db: Db) -> Self {
        Self { db }
    }
}

fn find_quote(conn: &mut PgConnection, call: CallId) -> Result<Option<MockQuote>, DbError> {
    let row: Option<(i64, String)> = mock_quotes::table
        .find(call.uuid())
        .select((mock_quotes::amount_micros, mock_quotes::recipient))
        .first(conn)
        .optional()?;
    let Some((micros, recipient)) = row else { return Ok(None) };
    let amount = to_amount(micros, "amount_micros")?;
    Ok(Some(MockQuote { call, amount, recipient }))
}

type PaymentRow = (String, Uuid, String, Timestamp, i64);
type Columns = (
    mock_payments::reference,
    mock_payments::call_id,
    mock_payments::outcome,
    mock_payments::settles_at,
    mock_payments::amount_micros,
);
const COLUMNS: Columns = (
    mock_payments::reference,
    mock_payments::call_id,
    mock_payments::outcome,
    mock_payments::settles_at,
    mock_payments::amount_micros,
);

fn payment((reference, call, outcome, settles_at, micros): PaymentRow) -> Result<MockPayment, DbError> {
    Ok(MockPayment {
        reference,
        call: call.into(),
        outcome: to_name(&outcome, MockOutcome::parse, "outcome")?,
        settles_at,
        amount: to_amount(micros, "amount_micros")?,
    })
}

#[async_trait]
impl MockPayments for PgMockPayments {
    async fn keep_quote(&self, quote: &MockQuote) -> Result<MockQuote, StorageError> {
        let quote = quote.clone();
        self.db
            .transaction(move |conn| {
                diesel::insert_into(mock_quotes::table)
                    .values((
                        mock_quotes::call_id.eq(quote.call.uuid()),
                        mock_quotes::amount_micros.eq(to_micros(quote.amount, "amount_micros")?),
                        mock_quotes::recipient.eq(&quote.recipient),
                    ))
                    .on_conflict_do_nothing()
                    .execute(conn)?;
                find_quote(conn, quote.call)?.ok_or(DbError::Raced)
            })
            .await
    }

    async fn quote(&self, call: CallId) -> Result<Option<MockQuote>, StorageError> {
        self.db.read(move |conn| find_quote(conn, call)).await
    }

    async fn keep_payment(&self, payment: &MockPayment) -> Result<(), StorageError> {
        let payment = payment.clone();
        self.db
            .transaction(move |conn| {
                let changeable = (
                    mock_payments::call_id.eq(payment.call.uuid()),
                    mock_payments::outcome.eq(payment.outcome.as_str()),
                    mock_payments::settles_at.eq(payment.settles_at),
                    mock_payments::amount_micros.eq(to_micros(payment.amount, "amount_micros")?),
                );
                diesel::insert_into(mock_payments::table)
                    .values((mock_payments::reference.eq(&payment.reference), changeable))
                    .on_conflict(mock_payments::reference)
                    .do_update()
                    .set(changeable)
                    .execute(conn)?;
                Ok(())
            })
            .await
    }

    async fn payments(&self, call: CallId) -> Result<Vec<MockPayment>, StorageError> {
        self.db
            .read(move |conn| {
                let rows: Vec<PaymentRow> = mock_payments::table
                    .filter(mock_payments::call_id.eq(call.uuid()))
                    .order((mock_payments::created_at, mock_payments::reference))
                    .select(COLUMNS)
                    .load(conn)?;
                rows.into_iter().map(payment).collect()
            })
            .await
    }

    async fn settling(
        &self,
        period: Period,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<MockPayment>, StorageError> {
        let after = after.unwrap_or_default().to_owned();
        self.db
            .read(move |conn| {
                let mut payments =
                    mock_payments::table.filter(mock_payments::reference.gt(&after)).select(COLUMNS).into_boxed();
                if let Some(from) = period.from {
                    payments = payments.filter(mock_payments::settles_at.ge(from));
                }
                if let Some(to) = period.to {
                    payments = payments.filter(mock_payments::settles_at.lt(to));
                }
                let rows: Vec<PaymentRow> = payments.order(mock_payments::reference).limit(limit.into()).load(conn)?;
                rows.into_iter().map(payment).collect()
            })
            .await
    }
}
