//! The mock provider's memory.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use crochet_primitives::{CallId, StorageError, Timestamp};
use crochet_relay::ports::{MockOutcome, MockPayment, MockPayments, MockQuote, Period};
use diesel::prelude::*;
use diesel::sql_types::{self, BigInt, Text, Timestamptz};
use uuid::Uuid;

use crate::Db;
use crate::convert::{to_amount, to_micros, to_name};
use crate::error::DbError;
use crate::group::{AllAtOnce, Group};
use crate::schema::{mock_payments, mock_quotes};
use crate::sets::{InsertNew, Upsert, rows};

/// [`MockPayments`] on PostgreSQL. What several want at the same time is done by one statement.
#[derive(Debug, Clone)]
pub struct PgMockPayments {
    db: Db,
    quotes: Group<Quotes>,
    kept_quotes: Group<KeptQuotes>,
    payments: Group<Payments>,
    kept_payments: Group<KeptPayments>,
}

impl PgMockPayments {
    /// The mock provider's memory in `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            quotes: Group::new(db.clone(), Quotes),
            kept_quotes: Group::new(db.clone(), KeptQuotes),
            payments: Group::new(db.clone(), Payments),
            kept_payments: Group::new(db.clone(), KeptPayments),
            db,
        }
    }
}

rows! {
    #[derive(Debug)]
    struct QuoteRow, many QuoteRows in "mock_quotes" {
        call_id: Uuid => sql_types::Uuid;
        amount_micros: i64 => BigInt,
        recipient: String => Text,
    }
}

rows! {
    #[derive(Debug)]
    struct KeptPaymentRow, many KeptPaymentRows in "mock_payments" {
        reference: String => Text;
        call_id: Uuid => sql_types::Uuid,
        outcome: String => Text,
        settles_at: Timestamp => Timestamptz,
        amount_micros: i64 => BigInt,
    }
}

type Found = HashMap<CallId, MockQuote>;

fn find_quotes(conn: &mut PgConnection, calls: &[CallId]) -> Result<Found, DbError> {
    let calls: Vec<Uuid> = calls.iter().map(|call| call.uuid()).collect();
    let rows: Vec<(Uuid, i64, String)> = mock_quotes::table
        .filter(mock_quotes::call_id.eq_any(calls))
        .select((mock_quotes::call_id, mock_quotes::amount_micros, mock_quotes::recipient))
        .load(conn)?;
    let quote = |(call, micros, recipient): (Uuid, i64, String)| {
        let quote = MockQuote { call: call.into(), amount: to_amount(micros, "amount_micros")?, recipient };
        Ok((quote.call, quote))
    };
    rows.into_iter().map(quote).collect()
}

/// Quotes that are looked up.
#[derive(Debug, Clone)]
struct Quotes;

impl AllAtOnce for Quotes {
    type What = CallId;
    type Answer = Option<MockQuote>;
    const IS_TRANSACTION: bool = false;

    fn all(&self, conn: &mut PgConnection, calls: &[CallId]) -> Result<Vec<Option<MockQuote>>, DbError> {
        let found = find_quotes(conn, calls)?;
        Ok(calls.iter().map(|call| found.get(call).cloned()).collect())
    }
}

/// Quotes that are kept: of two for a call, the first.
#[derive(Debug, Clone)]
struct KeptQuotes;

impl AllAtOnce for KeptQuotes {
    type What = MockQuote;
    type Answer = MockQuote;
    const IS_TRANSACTION: bool = true;

    fn is_apart(one: &MockQuote, other: &MockQuote) -> bool {
        one.call != other.call
    }

    fn all(&self, conn: &mut PgConnection, quotes: &[MockQuote]) -> Result<Vec<MockQuote>, DbError> {
        let mut rows = QuoteRows::default();
        let mut sorted: Vec<&MockQuote> = quotes.iter().collect();
        sorted.sort_by_key(|quote| quote.call);
        for quote in sorted {
            let amount_micros = to_micros(quote.amount, "amount_micros")?;
            rows.push(QuoteRow { call_id: quote.call.uuid(), amount_micros, recipient: quote.recipient.clone() });
        }
        let fresh: Vec<Uuid> = InsertNew::<_, sql_types::Uuid, 1>::of(rows).get_results(conn)?;
        let fresh: HashSet<CallId> = fresh.into_iter().map(CallId::from).collect();
        let kept: Vec<CallId> = quotes.iter().map(|quote| quote.call).filter(|call| !fresh.contains(call)).collect();
        let kept = if kept.is_empty() { Found::new() } else { find_quotes(conn, &kept)? };
        let stands = |quote: &MockQuote| match fresh.contains(&quote.call) {
            true => Ok(quote.clone()),
            false => kept.get(&quote.call).cloned().ok_or(DbError::Raced),
        };
        quotes.iter().map(stands).collect()
    }
}

/// Payments of calls.
#[derive(Debug, Clone)]
struct Payments;

impl AllAtOnce for Payments {
    type What = CallId;
    type Answer = Vec<MockPayment>;
    const IS_TRANSACTION: bool = false;

    fn all(&self, conn: &mut PgConnection, calls: &[CallId]) -> Result<Vec<Vec<MockPayment>>, DbError> {
        let ids: Vec<Uuid> = calls.iter().map(|call| call.uuid()).collect();
        let rows: Vec<PaymentRow> = mock_payments::table
            .filter(mock_payments::call_id.eq_any(ids))
            .order((mock_payments::created_at, mock_payments::reference))
            .select(COLUMNS)
            .load(conn)?;
        let mut of: HashMap<CallId, Vec<MockPayment>> = HashMap::new();
        for row in rows {
            let payment = payment(row)?;
            of.entry(payment.call).or_default().push(payment);
        }
        Ok(calls.iter().map(|call| of.get(call).cloned().unwrap_or_default()).collect())
    }
}

/// Payments that are kept, each in the place of the one with its reference.
#[derive(Debug, Clone)]
struct KeptPayments;

impl AllAtOnce for KeptPayments {
    type What = MockPayment;
    type Answer = ();
    const IS_TRANSACTION: bool = true;

    fn is_apart(one: &MockPayment, other: &MockPayment) -> bool {
        one.reference != other.reference
    }

    fn all(&self, conn: &mut PgConnection, payments: &[MockPayment]) -> Result<Vec<()>, DbError> {
        let mut rows = KeptPaymentRows::default();
        let mut sorted: Vec<&MockPayment> = payments.iter().collect();
        sorted.sort_by(|one, other| one.reference.cmp(&other.reference));
        for payment in sorted {
            rows.push(KeptPaymentRow {
                reference: payment.reference.clone(),
                call_id: payment.call.uuid(),
                outcome: payment.outcome.as_str().to_owned(),
                settles_at: payment.settles_at,
                amount_micros: to_micros(payment.amount, "amount_micros")?,
            });
        }
        Upsert(rows).execute(conn)?;
        Ok(vec![(); payments.len()])
    }
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
        self.kept_quotes.submit(quote.clone()).await
    }

    async fn quote(&self, call: CallId) -> Result<Option<MockQuote>, StorageError> {
        self.quotes.submit(call).await
    }

    async fn keep_payment(&self, payment: &MockPayment) -> Result<(), StorageError> {
        self.kept_payments.submit(payment.clone()).await
    }

    async fn payments(&self, call: CallId) -> Result<Vec<MockPayment>, StorageError> {
        self.payments.submit(call).await
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
