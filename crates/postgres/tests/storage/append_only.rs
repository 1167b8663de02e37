//! What is in the books stays in the books, whoever asks.

use diesel::result::{DatabaseErrorKind, Error};

use crate::support::Store;

const APPEND_ONLY: [&str; 3] = ["ledger_entries", "consumed_references", "orphan_payments"];

fn changes(table: &str) -> [String; 3] {
    let column = if table == "consumed_references" { "reference" } else { "id" };
    [format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}"), format!("TRUNCATE {table}")]
}

/// One row in each of the three: a settlement, and a second payment for it.
async fn written() -> Store {
    let store = Store::new().await;
    let call = store.settled("first").await;
    let second = crate::support::paid(call, "second");
    crochet_relay::ports::Journal::advance(&store.journal, call, Some(&second), None).await.unwrap();
    store
}

#[tokio::test]
async fn the_application_has_no_right_to_change_what_was_written() {
    let store = written().await;
    for statement in APPEND_ONLY.iter().flat_map(|table| changes(table)) {
        let error = store.as_application(&statement).unwrap_err();
        assert!(error.to_string().starts_with("permission denied"), "{statement}: {error}");
    }
}

#[tokio::test]
async fn the_owner_is_refused_by_the_tables_themselves() {
    let store = written().await;
    for statement in APPEND_ONLY.iter().flat_map(|table| changes(table)) {
        let error = store.as_owner(&statement).unwrap_err();
        let is_refused = matches!(error, Error::DatabaseError(DatabaseErrorKind::RestrictViolation, _));
        assert!(is_refused, "{statement}: {error}");
    }
}

#[tokio::test]
async fn a_session_in_replica_mode_is_refused_as_well() {
    let store = written().await;
    for statement in APPEND_ONLY.iter().flat_map(|table| changes(table)) {
        assert!(store.as_owner(&format!("SET session_replication_role = replica; {statement}")).is_err());
    }
}

#[tokio::test]
async fn the_application_may_not_drop_the_guard() {
    let store = written().await;
    for statement in [
        "ALTER TABLE ledger_entries DISABLE TRIGGER ALL",
        "DROP TRIGGER append_only_rows ON ledger_entries",
        "DROP TABLE ledger_entries",
        "CREATE OR REPLACE FUNCTION crochet_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "DELETE FROM gateway_requests",
        "UPDATE idempotency_keys SET call_id = call_id",
    ] {
        assert!(store.as_application(statement).is_err(), "{statement}");
    }
}

#[tokio::test]
async fn the_tables_refuse_what_must_never_be() {
    let store = Store::new().await;
    let quoted = store.quoted().await;
    store.settled("paid").await;
    let free = "gross_micros = NULL, fee_micros = NULL, seller_micros = NULL, fee_basis_points = NULL";
    let free_with_terms = format!("state = 'seller_failed', {free}");
    let settled_on_nothing = "settlement = '{\"id\": null, \"reference\": \"r\", \"refunded\": false}'";
    for (statement, constraint) in [
        ("body_sha256 = '\\x00'", "body_sha256_check"),
        ("idempotency_key = ''", "idempotency_key_check"),
        ("fee_basis_points = 10001", "fee_basis_points_check"),
        ("quote_fence = -1", "quote_fence_check"),
        ("attempt = -1", "attempt_check"),
        ("failures = -1", "failures_check"),
        ("checks = -1", "checks_check"),
        ("fee_micros = -1, seller_micros = gross_micros + 1", "price_adds_up"),
        ("state = 'forwarding', lease_until = now(), attempt = 0", "forward_is_counted"),
        ("state = 'quote_refused'", "refusal_is_named"),
        ("refusal = '{}'", "refusal_is_named"),
        ("state = 'delivered', settlement = NULL", "no_unpaid_forward"),
        (free, "free_is_never_paid"),
        (&free_with_terms, "free_is_never_paid"),
        (settled_on_nothing, "settled_on_terms"),
        ("state = 'forwarding', lease_until = now(), attempt = 1", "no_unpaid_forward"),
        ("state = 'settled'", "no_unpaid_forward"),
        ("state = 'paid'", "known_state"),
        ("fee_micros = fee_micros + 1", "price_adds_up"),
        ("fee_micros = NULL", "price_is_whole"),
        ("terms = NULL", "terms_were_issued"),
        ("state = 'quoting', lease_until = NULL", "worker_has_lease"),
        ("delivery = '{}'", "delivery_is_final"),
        ("superseded_by = id", "successor_is_another"),
    ] {
        let error = store
            .as_owner(&format!("UPDATE gateway_requests SET {statement} WHERE id = '{}'", quoted.uuid()))
            .unwrap_err();
        let Error::DatabaseError(DatabaseErrorKind::CheckViolation, info) = &error else {
            panic!("{statement}: {error}")
        };
        let refused_by = info.constraint_name().unwrap();
        assert_eq!(refused_by, format!("gateway_requests_{constraint}"), "{statement}");
    }
}
