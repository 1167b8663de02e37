use crochet_market::MarketError;
use crochet_market::catalogue::ListingFilters;
use crochet_primitives::Total;

use crate::support::{Bench, assert_refused, id};

#[tokio::test]
async fn drafts_exist_for_their_owner_only() {
    let bench = Bench::new();
    let (seller, other) = (bench.seller().await, bench.seller().await);
    let draft = bench.create(&seller, r#"{"status":"draft"}"#).await.unwrap();
    for name in [id(&draft), draft.view.listing.slug.clone()] {
        for stranger in [None, Some(other.id)] {
            assert_refused!(bench.service.get(&name, stranger).await, MarketError::NotFound { what: "listing" });
        }
        assert_eq!(bench.service.get(&name, Some(seller.id)).await.unwrap().listing, draft.view.listing);
    }
}

#[tokio::test]
async fn what_cannot_be_a_name_is_not_found() {
    let bench = Bench::new();
    for name in ["", " ", "a/b", "\0", "ü", "..", "'", &"a".repeat(101)] {
        assert_refused!(bench.service.get(name, None).await, MarketError::NotFound { what: "listing" });
    }
}

#[tokio::test]
async fn a_search_answers_a_page_and_how_many_there_are() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    for _ in 0..5 {
        bench.free(&seller).await;
    }
    bench.create(&seller, r#"{"status":"draft"}"#).await.unwrap();
    let filters = ListingFilters { page: Some("2".into()), limit: Some("2".into()), ..ListingFilters::default() };
    let page = bench.service.search(&filters, None).await.unwrap();
    let total = |count| Some(Total { count, is_capped: false });
    assert_eq!((page.items.len(), page.page, page.limit, page.total), (2, Some(2), 2, total(5)));
    let next = ListingFilters { cursor: page.next.map(|cursor| cursor.to_string()), page: None, ..filters };
    let rest = bench.service.search(&next, None).await.unwrap();
    assert_eq!((rest.items.len(), rest.page, rest.total, rest.next), (1, None, None, None));
    let mine = ListingFilters { mine: Some("true".into()), ..ListingFilters::default() };
    assert_eq!(bench.service.search(&mine, Some(seller.id)).await.unwrap().total, total(6));
    assert_eq!(bench.service.search(&mine, Some(bench.seller().await.id)).await.unwrap().total, total(0));
    assert_refused!(bench.service.search(&mine, None).await, MarketError::KeyRequired);
}

#[tokio::test]
async fn lists_leave_the_long_texts_out() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let published = bench.create(&seller, r#"{"docs":"Docs.","expected_delivery":"now"}"#).await.unwrap();
    let summary = serde_json::to_value(bench.service.listing_summary_json(&published.view)).unwrap();
    let full = serde_json::to_value(bench.service.listing_json(&published.view)).unwrap();
    assert!(summary.get("docs").is_none());
    assert_eq!((&full["docs"], &full["expected_delivery"]), (&"Docs.".into(), &"now".into()));
    assert_eq!(summary["pricing_amount"], full["pricing_amount"]);
}
