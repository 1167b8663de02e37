//! `crochet reconcile` of calls that were paid by x402: their provider is the chain.

use crochet_facilitator::testing::{SettleFault, TestPayer};
use crochet_x402::encode;
use serde_json::json;

use crate::support::reconcile::reconcile;
use crate::support::x402::{PRICE, X402Market, body};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_and_delivered_agrees_with_the_chain() {
    let world = X402Market::open().await;
    for task in ["one", "two"] {
        world.pay(&world.payment().await, &body(task)).await.expect(200).unwrap();
    }
    let text = reconcile(&world.market.gateway, &[]).await.expect(0);
    assert!(text.stdout.contains("The books and the providers agree."), "{text:?}");
    let summary = reconcile(&world.market.gateway, &["--json"]).await.expect(0).summary();
    let expected = json!({
        "type": "summary", "calls": 2, "settled": 2, "reported": 0, "known_orphans": 0, "differences": 0,
        "repaired": 0, "not_asked": 0,
    });
    assert_eq!(summary, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_moved_unnoticed_differs_until_it_is_repaired_and_then_buys_its_call() {
    let world = X402Market::open().await;
    let terms = world.terms().await;
    let authorization = world.authorize(&terms);
    let payment = encode(&TestPayer::v2(&terms, &authorization));
    world.facilitator.will_settle([SettleFault::HangUp]);
    assert_eq!(world.pay(&payment, &body("unnoticed")).await.status, 202);
    reconcile(&world.market.gateway, &[]).await.expect(0);

    world.chain.submit(&authorization).1.unwrap();
    let bad = reconcile(&world.market.gateway, &["--json"]).await.expect(1);
    let lines = bad.lines();
    let [difference, summary] = lines.as_slice() else { panic!("{bad:?}") };
    let told = |key: &str| difference[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (told("type"), told("kind"), told("provider")),
        ("difference".into(), "paid_not_settled".into(), "x402".into())
    );
    assert!(
        told("relay_request_id").starts_with("relay_") && told("provider_reference").contains(&authorization.nonce)
    );
    assert_eq!((told("here"), &difference["repaired"]), ("pending".to_owned(), &json!(false)));
    assert!(told("there").starts_with(&format!("arrived {PRICE} of eip155:84532/erc20:")), "{difference}");
    assert_eq!((&summary["differences"], &summary["repaired"]), (&json!(1), &json!(0)));
    assert_eq!(world.booked().1, "0", "looking changes nothing");

    let repaired = reconcile(&world.market.gateway, &["--repair"]).await.expect(0);
    assert!(repaired.stdout.contains("REPAIRED paid_not_settled relay_"), "{repaired:?}");
    assert_eq!(world.booked(), (PRICE.to_string(), "3".to_owned()));
    reconcile(&world.market.gateway, &[]).await.expect(0);
    assert_eq!(world.settle(&payment, &body("unnoticed")).await.status, 200);
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_that_the_chain_does_not_know_is_printed_and_not_repaired() {
    let world = X402Market::open().await;
    world.pay(&world.payment().await, &body("forgotten")).await.expect(200).unwrap();
    // The chain drops the block, and the authorization expires before anybody makes the transfer again.
    world.chain.forget_transfers();
    for more in [&[][..], &["--repair"]] {
        let bad = reconcile(&world.market.gateway, more).await.expect(1);
        assert!(bad.stdout.contains("DIFFERS  settled_not_paid relay_"), "{bad:?}");
        assert!(
            bad.stdout.contains("here:  settled 10000") && bad.stdout.contains("there: nothing arrived"),
            "{bad:?}"
        );
        assert!(bad.stdout.contains("do NOT agree"), "{bad:?}");
    }
    assert_eq!(world.booked().1, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_node_cannot_be_read_nothing_is_said_to_differ() {
    let world = X402Market::open().await;
    world.pay(&world.payment().await, &body("unread")).await.expect(200).unwrap();
    world.chain.go_down(true);
    let text = reconcile(&world.market.gateway, &[]).await.expect(2);
    assert!(text.stdout.contains("NOT ASKED relay_") && text.stdout.contains("Not everything could be asked."));
    let lines = reconcile(&world.market.gateway, &["--json"]).await.expect(2).lines();
    assert_eq!((&lines[0]["type"], &lines[0]["provider"]), (&json!("not_asked"), &json!("x402")));
    assert_eq!((&lines[1]["not_asked"], &lines[1]["differences"]), (&json!(1), &json!(0)));
    world.chain.go_down(false);
    reconcile(&world.market.gateway, &[]).await.expect(0);
}
