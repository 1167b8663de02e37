//! `crochet reconcile` of calls that were paid through Relay: each call is looked up, and Relay's list is read.

use crochet_payments::testing::{Fault, Held};
use serde_json::json;

use crate::support::Paid;
use crate::support::reconcile::reconcile;
use crate::support::relay::{RelayMarket, SHARE};

/// A market with one call that was paid and delivered.
async fn delivered() -> (RelayMarket, Paid) {
    let world = RelayMarket::open().await;
    let (call, _) = world.quoted("reconciled").await;
    world.arrives(SHARE);
    world.market.deliver(&call).await;
    (world, call)
}

/// Puts another payment with our fee beside the one that there is: as if its quote had been lost with a database.
fn holds_another(world: &RelayMarket, change: impl FnOnce(&mut Held)) -> String {
    let ours = world.relay.ids().pop().unwrap();
    let mut held = world.relay.held(&ours);
    change(&mut held);
    let id = format!("0x{:064x}", 0xdead_u32);
    world.relay.holds(&id, held);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_and_delivered_agrees_with_relay() {
    let (world, _) = delivered().await;
    let summary = reconcile(&world.market.gateway, &["--json"]).await.expect(0).summary();
    let expected = json!({
        "type": "summary", "calls": 1, "settled": 1, "reported": 1, "known_orphans": 0, "differences": 0,
        "repaired": 0, "not_asked": 0,
    });
    assert_eq!(summary, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_nobody_here_knows_is_recorded_once_however_often_it_is_reported() {
    let (world, _) = delivered().await;
    let id = holds_another(&world, |_| {});
    let lines = reconcile(&world.market.gateway, &["--json"]).await.expect(1).lines();
    let [difference, summary] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&difference["kind"], &difference["relay_request_id"]), (&json!("unknown_payment"), &json!(null)));
    assert_eq!((&difference["provider_reference"], &difference["here"]), (&json!(id), &json!("no such quote")));
    assert!(difference["there"].as_str().unwrap().contains(SHARE), "{difference}");
    assert_eq!((&summary["reported"], &summary["differences"]), (&json!(2), &json!(1)));

    let rows = "SELECT count(*) || ' ' || min(reference) || ' ' || min(reason) FROM unknown_payments";
    assert_eq!(world.market.gateway.sql(rows), format!("1 {id} unknown_call"));
    for _ in 0..2 {
        let summary = reconcile(&world.market.gateway, &["--json"]).await.expect(0).summary();
        assert_eq!((&summary["known_orphans"], &summary["differences"]), (&json!(1), &json!(0)));
    }
    assert_eq!(world.market.gateway.sql(rows), format!("1 {id} unknown_call"));
    world.market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_or_was_not_paid_is_no_difference() {
    for change in [
        (|held| held.referrer = json!("somebody")) as fn(&mut Held),
        |held| held.status = json!({ "status": "refund" }),
        |held| held.created_at = json!("2026-04-30T23:59:59.000Z"),
    ] {
        let (world, _) = delivered().await;
        holds_another(&world, change);
        reconcile(&world.market.gateway, &[]).await.expect(0);
        assert_eq!(world.market.gateway.sql("SELECT count(*) FROM unknown_payments"), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_that_relay_says_was_not_paid_is_printed_and_one_that_was_given_back_is_repaired() {
    let (world, call) = delivered().await;
    world.status_is("waiting");
    for more in [&[][..], &["--repair"]] {
        let bad = reconcile(&world.market.gateway, more).await.expect(1);
        assert!(bad.stdout.contains(&format!("DIFFERS  settled_not_paid {}", call.relay_id)), "{bad:?}");
        assert_eq!(world.market.ledger().await.len(), 3, "only a person can say who is right");
    }

    world.status_is("refund");
    let bad = reconcile(&world.market.gateway, &[]).await.expect(1);
    assert!(bad.stdout.contains("DIFFERS  settled_and_refunded"), "{bad:?}");
    assert_eq!(world.market.ledger().await.len(), 3);
    let repaired = reconcile(&world.market.gateway, &["--repair", "--json"]).await.expect(0).lines();
    assert_eq!((&repaired[0]["kind"], &repaired[0]["repaired"]), (&json!("settled_and_refunded"), &json!(true)));
    assert_eq!(world.market.ledger().await.len(), 6);
    reconcile(&world.market.gateway, &[]).await.expect(0);
    world.market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_arrived_unnoticed_is_settled_by_a_repair_and_delivered_to_its_buyer() {
    let world = RelayMarket::open().await;
    let (call, _) = world.quoted("unnoticed").await;
    reconcile(&world.market.gateway, &[]).await.expect(0);
    world.arrives(SHARE);
    let bad = reconcile(&world.market.gateway, &[]).await.expect(1);
    assert!(bad.stdout.contains(&format!("DIFFERS  paid_not_settled {}", call.relay_id)), "{bad:?}");
    assert_eq!(world.market.ledger().await.len(), 0);
    reconcile(&world.market.gateway, &["--repair"]).await.expect(0);
    assert_eq!(world.market.ledger().await.len(), 3);
    world.market.deliver(&call).await;
    assert_eq!(world.market.seller.runs(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_does_not_answer_or_refuses_its_list_was_not_asked() {
    let (world, _) = delivered().await;
    // It knows the request no longer, and says so as it says that it fails.
    let ours = world.relay.ids().pop().unwrap();
    let held = world.relay.held(&ours);
    world.relay.forgets();
    let lines = reconcile(&world.market.gateway, &["--json"]).await.expect(2).lines();
    assert_eq!((&lines[0]["type"], &lines[0]["provider"]), (&json!("not_asked"), &json!("relay")));
    world.relay.holds(&ours, held);
    reconcile(&world.market.gateway, &[]).await.expect(0);

    // The status and the record of the one call are answered, the list is not.
    world.relay.refuses_lists(true);
    let bad = reconcile(&world.market.gateway, &[]).await.expect(2);
    assert!(bad.stdout.contains("NOT ASKED its report relay: it refuses to list requests"), "{bad:?}");
    world.relay.refuses_lists(false);

    // Nothing at all is answered.
    world.relay.will(std::iter::repeat_n(Fault::HangsUp, 40));
    let bad = reconcile(&world.market.gateway, &[]).await.expect(2);
    assert!(bad.stdout.contains("Not everything could be asked."), "{bad:?}");
}
