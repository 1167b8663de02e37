//! An audit finds whatever somebody with all rights did to the books.

use crochet_relay::Observation;
use crochet_relay::ports::{Books, Journal};

use crate::support::{LEASE, Store, paid};

async fn store() -> Store {
    let store = Store::new().await;
    store.settled("one").await;
    let two = store.settled("two").await;
    store.journal.advance(two, Some(&paid(two, "three")), None).await.unwrap();
    store
}

/// What the audit says after `tampering`, by someone who can switch the triggers off and on again.
async fn found_after(tampering: &str) -> Vec<&'static str> {
    let store = store().await;
    assert!(store.books.audit().await.unwrap().balances());
    let switch = |how: &str| {
        ["ledger_entries", "consumed_references", "orphan_payments"].map(|table| {
            ["append_only_rows", "append_only_table"]
                .map(|trigger| format!("ALTER TABLE {table} {how} TRIGGER {trigger};"))
                .concat()
        })
    };
    let [off, on] = [switch("DISABLE").concat(), switch("ENABLE ALWAYS").concat()];
    store.as_owner(&format!("{off} {tampering}; {on}")).unwrap();
    let mut checks: Vec<_> = store.books.audit().await.unwrap().findings.iter().map(|finding| finding.check).collect();
    checks.dedup();
    checks
}

#[tokio::test]
async fn books_that_were_left_alone_balance() {
    let store = store().await;
    let call = store.settled("four").await;
    let refunded = Observation::Refunded { references: vec!["four".into()], reason: "given back".into() };
    store.journal.advance(call, Some(&refunded), None).await.unwrap();
    let report = store.books.audit().await.unwrap();
    assert!(report.balances(), "{:?}", report.findings);
    assert_eq!((report.settlements, report.entries, report.calls, report.orphans), (3, 12, 3, 1));
    assert_eq!((report.gross_micros, report.fee_micros, report.seller_micros), (2_000_000, 98_000, 1_902_000));
}

#[tokio::test]
async fn a_call_that_is_paid_again_after_a_refund_has_two_settlements_and_balances() {
    let store = Store::new().await;
    let call = store.settled("first").await;
    let refunded = Observation::Refunded { references: vec!["first".into()], reason: "given back".into() };
    store.journal.advance(call, Some(&refunded), None).await.unwrap();
    store.journal.advance(call, Some(&paid(call, "second")), Some(LEASE)).await.unwrap();
    let report = store.books.audit().await.unwrap();
    assert!(report.balances(), "{:?}", report.findings);
    assert_eq!((report.settlements, report.entries, report.gross_micros), (2, 9, 1_000_000));
}

#[tokio::test]
async fn an_amount_that_was_changed_is_found() {
    let found = found_after(
        "UPDATE ledger_entries SET amount_micros = amount_micros + 1 \
         WHERE entry_type = 'seller_credit' AND provider_reference = 'one'",
    )
    .await;
    assert_eq!(found, ["does_not_add_up", "call_without_entries"]);
}

#[tokio::test]
async fn all_amounts_changed_so_that_they_still_add_up_are_found() {
    let found =
        found_after("UPDATE ledger_entries SET amount_micros = amount_micros * 2 WHERE provider_reference = 'one'")
            .await;
    assert_eq!(found, ["call_without_entries"]);
}

#[tokio::test]
async fn an_entry_that_was_removed_is_found() {
    let found =
        found_after("DELETE FROM ledger_entries WHERE entry_type = 'marketplace_fee' AND provider_reference = 'one'")
            .await;
    assert_eq!(found, ["not_three_entries", "does_not_add_up", "call_without_entries"]);
}

#[tokio::test]
async fn a_settlement_that_was_removed_is_found() {
    let found = found_after("DELETE FROM ledger_entries WHERE provider_reference = 'one'").await;
    assert_eq!(found, ["call_without_entries", "reference_bought_nothing"]);
}

#[tokio::test]
async fn money_credited_to_another_seller_is_found() {
    let found = found_after(
        "UPDATE ledger_entries SET profile_id = gen_random_uuid() \
         WHERE entry_type = 'seller_credit' AND provider_reference = 'one'",
    )
    .await;
    assert_eq!(found, ["entries_disagree", "call_without_entries"]);
}

#[tokio::test]
async fn a_direction_that_was_turned_is_found() {
    let found = found_after(
        "ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_original_direction; \
         UPDATE ledger_entries SET direction = 'credit' WHERE entry_type = 'marketplace_fee' AND provider_reference = 'one'",
    )
    .await;
    assert_eq!(found, ["wrong_direction"]);
}

#[tokio::test]
async fn a_settlement_that_was_made_up_is_found() {
    let found = found_after(
        "INSERT INTO ledger_entries SELECT gen_random_uuid(), '00000000-0000-7000-8000-000000000000', entry_type, adjusts, \
         direction, profile_id, call_id, listing_id, amount_micros, currency, fee_status, fee_collected_micros, provider, \
         'invented', created_at FROM ledger_entries WHERE provider_reference = 'one'",
    )
    .await;
    assert_eq!(found, ["settlement_without_call", "reference_not_consumed"]);
}

#[tokio::test]
async fn entries_of_a_call_that_is_gone_are_found() {
    let found = found_after("DELETE FROM gateway_requests WHERE settlement_reference = 'one'").await;
    assert_eq!(found, ["entry_without_call"]);
}

#[tokio::test]
async fn a_call_that_was_made_to_look_unpaid_is_found() {
    let found = found_after(
        "ALTER TABLE gateway_requests DROP CONSTRAINT gateway_requests_is_sound; \
         UPDATE gateway_requests SET settlement = NULL WHERE settlement_reference = 'one'",
    )
    .await;
    assert_eq!(found, ["settlement_without_call", "forwarded_unpaid"]);
}

#[tokio::test]
async fn a_refund_that_is_not_booked_is_found() {
    let found = found_after(
        "UPDATE gateway_requests SET settlement = jsonb_set(settlement, '{refunded}', 'true') WHERE settlement_reference = 'one'",
    )
    .await;
    assert_eq!(found, ["refund_not_adjusted"]);
}

#[tokio::test]
async fn a_reference_that_can_be_used_again_is_found() {
    assert_eq!(
        found_after("DELETE FROM consumed_references WHERE reference = 'one'").await,
        ["reference_not_consumed"]
    );
}

#[tokio::test]
async fn a_payment_settled_twice_is_found() {
    let found = found_after(
        "DROP INDEX ledger_entries_one_payment_per_reference; \
         UPDATE ledger_entries SET provider_reference = 'one' WHERE provider_reference = 'two'",
    )
    .await;
    assert_eq!(
        found,
        ["call_without_entries", "reference_settled_twice", "reference_not_consumed", "reference_bought_nothing"]
    );
}

#[tokio::test]
async fn an_orphan_that_was_removed_is_found() {
    assert_eq!(found_after("DELETE FROM orphan_payments").await, ["reference_bought_nothing"]);
}

#[tokio::test]
async fn a_guard_that_was_switched_off_is_found() {
    for tampering in [
        "ALTER TABLE ledger_entries DISABLE TRIGGER append_only_rows",
        "ALTER TABLE ledger_entries ENABLE TRIGGER append_only_rows",
        "DROP TRIGGER append_only_table ON orphan_payments",
        "DROP TRIGGER append_only_rows ON ledger_entries; CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE \
         ON ledger_entries FOR EACH ROW WHEN (false) EXECUTE FUNCTION crochet_refuse_change(); \
         ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER append_only_rows",
    ] {
        let store = store().await;
        store.as_owner(tampering).unwrap();
        let report = store.books.audit().await.unwrap();
        let checks: Vec<_> = report.findings.iter().map(|finding| finding.check).collect();
        assert_eq!(checks, ["trigger_missing"], "{tampering}");
    }
}

#[tokio::test]
async fn a_right_too_many_or_too_few_is_found() {
    for tampering in [
        "GRANT UPDATE ON ledger_entries TO crochet_app",
        "GRANT DELETE ON ledger_entries TO PUBLIC",
        "GRANT TRUNCATE ON orphan_payments TO crochet_app",
        "GRANT UPDATE (amount_micros) ON ledger_entries TO crochet_app",
        "REVOKE INSERT ON ledger_entries FROM crochet_app",
    ] {
        let store = store().await;
        store.as_owner(tampering).unwrap();
        let report = store.books.audit().await.unwrap();
        assert!(report.findings.iter().all(|finding| finding.check == "grants_differ"), "{tampering}");
        assert!(!report.balances(), "{tampering}");
    }
}
