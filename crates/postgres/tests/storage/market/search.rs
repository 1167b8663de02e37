//! Searching with whatever people type.

use crochet_market::ports::{Catalogue, Identities, Saved};
use crochet_market::search::{MAX_RANKED, Window};
use crochet_market::{ListingQuery, ListingStatus, PricingModel, Sort};
use crochet_pricing::{MicroUsd, Price};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::support::{Market, at};

fn query(text: &str) -> ListingQuery {
    ListingQuery { text: Some(text.to_owned()), sort: Sort::Relevance, limit: 100, ..ListingQuery::default() }
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
    let found = market.catalogue.search(&query(text)).await.unwrap();
    assert_eq!(usize::try_from(found.total.unwrap().count).unwrap(), found.items.len());
    let mut names: Vec<String> = found.items.into_iter().map(|view| view.listing.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_special_to_sql_is_no_more_than_a_border_of_words() {
    let names =
        ["100% sure", "snake_case", "back\\slash", "O'Reilly; DROP TABLE listings", "\"quoted\" $1", "yarn \u{1f9f6}"];
    let market = with_names(&names).await;
    for (text, name) in [
        ("100%", names[0]),
        ("snake_case", names[1]),
        ("back\\slash", names[2]),
        ("O'Reilly; drop", names[3]),
        ("'reilly'", names[3]),
        ("quoted $1", names[4]),
        ("yarn\u{1f9f6}", names[5]),
    ] {
        assert_eq!(found(&market, text).await, [name], "{text}");
    }
    for text in [
        "%",
        "_",
        "\\",
        "'",
        "\"",
        "\u{1f9f6}",
        "%%",
        "\\%",
        "'; --",
        "{}",
        "{a,b}",
        "NULL",
        "%s",
        "\u{0}",
        "b\u{0}c",
        ":*",
        "!",
    ] {
        assert_eq!(found(&market, text).await, [""; 0], "{text:?}");
    }
    assert_eq!(market.number("SELECT count(*) FROM listings"), 6);
}

#[tokio::test]
async fn very_long_texts_are_searched_too() {
    let market = with_names(&["short"]).await;
    let forms = "\u{fdfa}".repeat(200);
    for text in ["x".repeat(1_000_000), "x ".repeat(100_000), "%".repeat(10_000), "\u{1f9f6}".repeat(10_000), forms] {
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
        let query = ListingQuery { category: Some(named.clone()), limit: 10, ..ListingQuery::default() };
        let found = market.catalogue.search(&query).await.unwrap();
        let total = found.total.unwrap().count;
        assert_eq!((found.items.len(), total), (count, count.try_into().unwrap()), "{named}");
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
            let query = ListingQuery { sort, window: Window::Page(page), limit, ..ListingQuery::default() };
            let found = market.catalogue.search(&query).await.unwrap();
            assert_eq!(found.total.unwrap().count, 7);
            found.items.into_iter().map(|view| view.listing).collect::<Vec<_>>()
        };
        let whole = page(1, 100).await;
        let key = |listing: &crochet_market::Listing| match sort {
            Sort::Newest | Sort::Relevance => -listing.created_at.timestamp(),
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
    let all = ListingQuery { limit: 10, ..ListingQuery::default() };
    let count = async |query: &ListingQuery| market.catalogue.search(query).await.unwrap().total.unwrap().count;
    let views = market.catalogue.search(&all).await.unwrap().items;
    assert_eq!((views.len(), views[0].listing.id), (1, active.id));
    let mine = ListingQuery { owner: Some(seller.id), ..all.clone() };
    assert_eq!(count(&mine).await, 3);
    assert_eq!(count(&ListingQuery { owner: Some(market.new_profile().id), ..all.clone() }).await, 0);
    assert_eq!(count(&ListingQuery { pricing_model: Some(PricingModel::Free), ..mine }).await, 0);
    assert_eq!(count(&ListingQuery { pricing_model: Some(PricingModel::Monthly), ..all }).await, 0);
    assert!(market.identities.profile(seller.id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn any_text_in_any_order_is_answered() {
    let market = with_names(&["snow and rain", "信号処理", "yarn"]).await;
    let handle = tokio::runtime::Handle::current();
    let texts = prop_oneof![any::<String>(), "[a-z\"'\\\\:*&|!<>() -]{0,60}", "[\\p{L}\\p{M}\\p{N}\\p{S} ]{0,200}"];
    let sorts = proptest::sample::select(Sort::ALL.to_vec());
    tokio::task::block_in_place(|| {
        let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
        TestRunner::new(config).run(&(texts, sorts), |(text, sort)| {
            let query = ListingQuery { sort, ..query(&text) };
            let found = handle.block_on(market.catalogue.search(&query));
            prop_assert!(found.is_ok(), "{:?}", found.err());
            Ok(())
        })
    })
    .unwrap();
}

/// Listings by the thousand, made by SQL alone: the trigger indexes them all the same.
async fn crowd(count: u32) -> Market {
    let market = Market::new().await;
    let (seller, ..) = market.register().await;
    let (model, _) = market.publish(seller.id, "model").await;
    market.execute(&format!(
        "WITH slugs AS (INSERT INTO listing_slugs (slug, listing_id) SELECT 'crowd-' || n, md5('crowd' || n)::uuid \
         FROM generate_series(1, {count}) n RETURNING slug, listing_id) SELECT FROM slugs"
    ));
    market.execute(&format!(
        "INSERT INTO listings (id, slug, provider_id, name, description, pricing_model, price_micros, preferred_currency, \
         delivery_type, auth_method, formats, example_outputs, tags, status, revision, delivered_30d, created_at, updated_at) \
         SELECT listing_id, slug, '{}', 'Member ' || n, 'One of the crowd, and number ' || n || '.', 'per_call', 1 + n % 7, \
         'USDC', 'api', 'none', '{{}}', '[]', CASE WHEN n % 2 = 0 THEN '{{even}}'::text[] ELSE '{{odd}}' END, 'active', 1, n % 50, now(), now() \
         FROM listing_slugs CROSS JOIN LATERAL (SELECT substr(slug, 7)::integer AS n) numbered WHERE slug LIKE 'crowd-%'",
        model.provider.uuid(),
    ));
    market.execute("ANALYZE listing_search");
    market
}

#[tokio::test]
async fn of_many_matches_the_most_popular_are_ranked_and_the_total_says_so() {
    let market = crowd(1_500).await;
    let all = query("crowd");
    let found = market.catalogue.search(&all).await.unwrap();
    let total = found.total.unwrap();
    assert_eq!((usize::try_from(total.count).unwrap(), total.is_capped), (MAX_RANKED, true));
    // Whatever it is called exactly comes first, however unpopular.
    let named = market.catalogue.search(&query("member 50")).await.unwrap();
    assert_eq!(named.items[0].listing.name, "Member 50");
    let mut ids = Vec::new();
    for page in 1..=11 {
        let found = market.catalogue.search(&ListingQuery { window: Window::Page(page), ..all.clone() }).await.unwrap();
        ids.extend(found.items.into_iter().map(|view| view.listing.id));
    }
    assert_eq!(ids.len(), MAX_RANKED);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), MAX_RANKED);
}

#[tokio::test]
async fn a_crawl_of_many_matches_sees_all_of_them() {
    let market = crowd(1_200).await;
    for sort in [Sort::Newest, Sort::Popular, Sort::PriceLow, Sort::PriceHigh] {
        for (text, tags, count) in
            [(Some("crowd"), vec![], 1_200), (None, vec!["even".to_owned()], 600), (None, vec![], 1_201)]
        {
            let (mut ids, mut window) = (Vec::new(), Window::Page(1));
            loop {
                let text = text.map(str::to_owned);
                let query =
                    ListingQuery { text, tags: tags.clone(), sort, window, limit: 97, ..ListingQuery::default() };
                let found = market.catalogue.search(&query).await.unwrap();
                ids.extend(found.items.iter().map(|view| view.listing.id));
                let Some(next) = found.next else { break };
                window = Window::After(next);
            }
            assert_eq!(ids.len(), count, "{sort:?} {text:?}");
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), count, "{sort:?} {text:?}");
        }
    }
}

#[tokio::test]
async fn counting_deliveries_anew_leaves_the_search_index_as_it_is() {
    let market = crowd(200).await;
    let size = "SELECT pg_relation_size('listing_search_words') + pg_relation_size('listing_search_title')";
    market.execute("UPDATE listings SET delivered_30d = 1024");
    let before = market.number(size);
    for more in 1..=40 {
        let some = format!("slug LIKE '%{}' OR slug = 'model'", more % 10);
        market.execute(&format!("UPDATE listings SET delivered_30d = {} WHERE {some}", 1024 + more));
    }
    assert_eq!(market.number("SELECT min(delivered_30d) FROM listing_search"), 1055);
    assert!(market.number(size) <= before * 5 / 4, "{before} {}", market.number(size));
}
