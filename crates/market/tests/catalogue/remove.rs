use crochet_market::MarketError;
use crochet_market::catalogue::Removed;
use crochet_market::view::RemovedJson;

use crate::support::{Bench, assert_refused, id};

#[tokio::test]
async fn a_draft_is_deleted() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let (draft, called) = (
        bench.create(&seller, r#"{"status":"draft"}"#).await.unwrap(),
        bench.create(&seller, r#"{"status":"draft"}"#).await.unwrap(),
    );
    bench.store.record_call(called.view.listing.id, false);
    for listing in [draft, called] {
        assert_eq!(bench.service.remove(seller.id, &id(&listing)).await.unwrap(), Removed::Deleted);
        let again = bench.service.remove(seller.id, &id(&listing)).await;
        assert_refused!(again, MarketError::NotFound { what: "listing" });
    }
}

#[tokio::test]
async fn an_active_listing_is_suspended_once() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let active = bench.free(&seller).await;
    assert_eq!(bench.service.remove(seller.id, &active.view.listing.slug).await.unwrap(), Removed::Suspended);
    assert_refused!(bench.service.remove(seller.id, &id(&active)).await, MarketError::AlreadySuspended);
    assert_refused!(bench.service.get(&id(&active), None).await, MarketError::NotFound { .. });
    bench.service.get(&id(&active), Some(seller.id)).await.unwrap();
}

#[tokio::test]
async fn only_the_owner_removes_a_listing() {
    let bench = Bench::new();
    let (seller, other) = (bench.seller().await, bench.seller().await);
    let active = bench.free(&seller).await;
    assert_refused!(bench.service.remove(other.id, &id(&active)).await, MarketError::NotOwner);
    bench.service.get(&id(&active), None).await.unwrap();
}

#[test]
fn a_removal_says_what_became_of_it() {
    let json = |removed| serde_json::to_string(&RemovedJson::from(removed)).unwrap();
    assert_eq!(json(Removed::Deleted), r#"{"deleted":true}"#);
    assert_eq!(json(Removed::Suspended), r#"{"deleted":false,"status":"suspended"}"#);
}
