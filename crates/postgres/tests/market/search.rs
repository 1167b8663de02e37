//! Searching with whatever people type.

use crochet_market::ports::{Catalogue, Identities, Saved};
use crochet_market::{ListingQuery, ListingStatus, PricingModel, Sort};
use crochet_pricing::{MicroUsd, Price};

use crate::support::{Market, at};

fn query(text: &str) -> ListingQuery {
    ListingQuery { text: Some(text.to_owned()), page: 1, limit: 100, ..ListingQuery::default() }
}

/// A market with listings of these names.
async fn with_names(names: &[&str]) -> Market {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    for (number, name) in names.iter().enumerate() {
        let mut listing = market.new_listing(seller.id, &format!("listing-{number}"));
        listing.name = (*name).to_owned();
        assert_eq!(market.catalogue.insert(&listing, None).await.unwrap(), Saved::Done);
    }
    market
}

async fn found(market: &Market, text: &str) -> Vec<String> {
    let (views, total) = market.catalogue.search(&query(text)).await.unwrap();
    assert_eq!(usize::try_from(total).unwrap(), views.len());
    let mut names: Vec<String> = views.into_iter().map(|view| view.listing.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn every_word_must_be_found_somewhere_in_whatever_case() {
    let market = with_names(&["DeFi Alpha Signals", "DeFi Yields", "Ünïcode Straße"]).await;
    assert_eq!(found(&market, "defi").await, ["DeFi Alpha Signals", "DeFi Yields"]);
    assert_eq!(found(&market, "  SIGNALS  defi ").await, ["DeFi Alpha Signals"]);
    assert_eq!(found(&market, "defi nothing").await, [""; 0]);
    assert_eq!(found(&market, "üNÏCODE").await, ["Ünïcode Straße"]);
    assert_eq!(found(&market, "yields demo answers").await, ["DeFi Yields"]);
    assert_eq!(found(&market, " ").await.len(), 3);
    // Not across the border of name and description.
    assert_eq!(found(&market, "YieldsAnswers").await, [""; 0]);
}

#[tokio::test]
async fn what_is_special_to_sql_is_taken_literally() {
    let names =
        ["100% sure", "snake_case", "back\\slash", "O'Reilly; DROP TABLE listings", "\"quoted\" $1", "yarn \u{1f9f6}"];
    let market = with_names(&names).await;
    for (text, name) in [
        ("%", names[0]),
        ("0%", names[0]),
        ("_", names[1]),
        ("e_c", names[1]),
        ("\\", names[2]),
        ("k\\s", names[2]),
        ("'", names[3]),
        ("O'Reilly;", names[3]),
        ("\"", names[4]),
        ("$1", names[4]),
        ("\u{1f9f6}", names[5]),
    ] {
        assert_eq!(found(&market, text).await, [name], "{text}");
    }
    for text in ["%%", "__", "\\%", "\\\\", "'; --", "{}", "{a,b}", "NULL", "%s", "\u{0}", "a\u{0}b"] {
        assert_eq!(found(&market, text).await, [""; 0], "{text:?}");
    }
    assert_eq!(market.number("SELECT count(*) FROM listings"), 6);
}

#[tokio::test]
async fn very_long_texts_are_searched_too() {
    let market = with_names(&["short"]).await;
    for text in ["x".repeat(1_000_000), "x ".repeat(100_000), "%".repeat(10_000), "\u{1f9f6}".repeat(10_000)] {
        assert_eq!(found(&market, &text).await, [""; 0]);
    }
    assert_eq!(found(&market, &"short ".repeat(10_000)).await, ["short"]);
}

#[tokio::test]
async fn a_category_is_named_by_slug_or_id_and_an_unknown_one_is_empty() {
    let market = with_names(&["none"]).await;
    let (seller, ..) = market.register().await;
    let category = market.catalogue.categories().await.unwrap().swap_remove(0);
    let mut listing = market.new_listing(seller.id, "sorted");
    listing.category = Some(category.id);
    assert_eq!(market.catalogue.insert(&listing, None).await.unwrap(), Saved::Done);
    for (named, count) in [
        (category.slug.clone(), 1),
        (category.id.to_string(), 1),
        (category.id.to_string().to_uppercase(), 1),
        ("unknown".to_owned(), 0),
        (seller.id.to_string(), 0),
        ("'%\\\0".to_owned(), 0),
        (String::new(), 0),
    ] {
        let query = ListingQuery { category: Some(named.clone()), page: 1, limit: 10, ..ListingQuery::default() };
        let (views, total) = market.catalogue.search(&query).await.unwrap();
        assert_eq!((views.len(), total), (count, count.try_into().unwrap()), "{named}");
    }
}

#[tokio::test]
async fn each_order_is_total_and_pages_share_nothing() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    for (number, micros) in [3, 1, 0, 1, 2, 0, 3].into_iter().enumerate() {
        let mut listing = market.new_listing(seller.id, &format!("listing-{number}"));
        listing.created_at = at(i64::try_from(number / 2).unwrap());
        listing.price = if micros == 0 { Price::Free } else { Price::per_call(MicroUsd::from_micros(micros)).unwrap() };
        assert_eq!(market.catalogue.insert(&listing, None).await.unwrap(), Saved::Done);
    }
    for sort in [Sort::Newest, Sort::Popular, Sort::PriceLow, Sort::PriceHigh] {
        let page = async |page, limit| {
            let query = ListingQuery { sort, page, limit, ..ListingQuery::default() };
            let (views, total) = market.catalogue.search(&query).await.unwrap();
            assert_eq!(total, 7);
            views.into_iter().map(|view| view.listing).collect::<Vec<_>>()
        };
        let whole = page(1, 100).await;
        let key = |listing: &crochet_market::Listing| match sort {
            Sort::Newest => -listing.created_at.timestamp(),
            Sort::Popular => 0,
            Sort::PriceLow => listing.pricing_amount().to_i64().unwrap(),
            Sort::PriceHigh => -listing.pricing_amount().to_i64().unwrap(),
        };
        assert!(whole.is_sorted_by_key(|listing| (key(listing), std::cmp::Reverse(listing.id))), "{sort:?}");
        let mut pages = Vec::new();
        for number in 1..=4 {
            pages.extend(page(number, 2).await);
        }
        assert_eq!(pages, whole, "{sort:?}");
        assert!(page(u32::MAX, 100).await.is_empty());
    }
}

#[tokio::test]
async fn drafts_and_suspended_listings_are_their_owners_alone() {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (active, _) = market.publish(seller.id, "active").await;
    let mut draft = market.new_listing(seller.id, "draft");
    draft.status = ListingStatus::Draft;
    market.catalogue.insert(&draft, None).await.unwrap();
    let (suspended, _) = market.publish(seller.id, "suspended").await;
    market.catalogue.remove(suspended.id, seller.id).await.unwrap();
    let all = ListingQuery { page: 1, limit: 10, ..ListingQuery::default() };
    let (views, total) = market.catalogue.search(&all).await.unwrap();
    assert_eq!((views.len(), total, views[0].listing.id), (1, 1, active.id));
    let mine = ListingQuery { owner: Some(seller.id), ..all.clone() };
    assert_eq!(market.catalogue.search(&mine).await.unwrap().1, 3);
    let somebody = ListingQuery { owner: Some(market.new_profile().id), ..all.clone() };
    assert_eq!(market.catalogue.search(&somebody).await.unwrap().1, 0);
    let free = ListingQuery { pricing_model: Some(PricingModel::Free), ..mine };
    assert_eq!(market.catalogue.search(&free).await.unwrap().1, 0);
    let retired = ListingQuery { pricing_model: Some(PricingModel::Monthly), ..all };
    assert_eq!(market.catalogue.search(&retired).await.unwrap().1, 0);
    assert!(market.identities.profile(seller.id).await.unwrap().is_some());
}
