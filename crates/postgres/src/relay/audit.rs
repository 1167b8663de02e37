//! Re-adding the books, and checking that nobody can rewrite them.

use crochet_relay::{AuditReport, Finding};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::error::DbError;

/// How many findings of one check are reported: who has more has the first, and a reason to look.
const FINDINGS: i64 = 100;

/// Each answers one row of text for each thing that does not add up; none when all is well.
const CHECKS: [(&str, &str); 15] = [
    ("not_three_entries", include_str!("audit/not_three_entries.sql")),
    ("does_not_add_up", include_str!("audit/does_not_add_up.sql")),
    ("wrong_direction", include_str!("audit/wrong_direction.sql")),
    ("entries_disagree", include_str!("audit/entries_disagree.sql")),
    ("entry_without_call", include_str!("audit/entry_without_call.sql")),
    ("exported_calls_differ", include_str!("audit/exported_calls_differ.sql")),
    ("settlement_without_call", include_str!("audit/settlement_without_call.sql")),
    ("call_without_entries", include_str!("audit/call_without_entries.sql")),
    ("forwarded_unpaid", include_str!("audit/forwarded_unpaid.sql")),
    ("refund_not_adjusted", include_str!("audit/refund_not_adjusted.sql")),
    ("reference_settled_twice", include_str!("audit/reference_settled_twice.sql")),
    ("reference_not_consumed", include_str!("audit/reference_not_consumed.sql")),
    ("reference_bought_nothing", include_str!("audit/reference_bought_nothing.sql")),
    ("trigger_missing", include_str!("audit/trigger_missing.sql")),
    ("grants_differ", include_str!("audit/grants_differ.sql")),
];

#[derive(QueryableByName)]
struct Detail {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Sums of `bigint`s are of a type without bounds, so they come as text.
#[derive(QueryableByName)]
struct Totals {
    #[diesel(sql_type = BigInt)]
    settlements: i64,
    #[diesel(sql_type = BigInt)]
    entries: i64,
    #[diesel(sql_type = BigInt)]
    calls: i64,
    #[diesel(sql_type = BigInt)]
    orphans: i64,
    #[diesel(sql_type = BigInt)]
    unknown_payments: i64,
    #[diesel(sql_type = Text)]
    gross: String,
    #[diesel(sql_type = Text)]
    fee: String,
    #[diesel(sql_type = Text)]
    seller: String,
}

/// Every check, on one view of the database.
pub(super) fn audit(conn: &mut PgConnection) -> Result<AuditReport, DbError> {
    let totals: Totals = diesel::sql_query(include_str!("audit/totals.sql")).get_result(conn)?;
    let count = |count: i64| u64::try_from(count).unwrap_or_default();
    let sum = |text: &str| text.parse().map_err(|_| DbError::corrupt("a sum of the ledger is beyond all bounds"));
    let mut findings = Vec::new();
    for (check, query) in CHECKS {
        let query = query.trim_end().trim_end_matches(';');
        let details: Vec<Detail> =
            diesel::sql_query(format!("SELECT detail FROM ({query}) finding ORDER BY detail LIMIT {FINDINGS}"))
                .load(conn)?;
        findings.extend(details.into_iter().map(|Detail { detail }| Finding { check, detail }));
    }
    Ok(AuditReport {
        settlements: count(totals.settlements),
        entries: count(totals.entries),
        calls: count(totals.calls),
        orphans: count(totals.orphans),
        unknown_payments: count(totals.unknown_payments),
        gross_micros: sum(&totals.gross)?,
        fee_micros: sum(&totals.fee)?,
        seller_micros: sum(&totals.seller)?,
        findings,
    })
}
