//! Finding listings.

use crochet_pricing::{MicroUsd, Price};
use crochet_primitives::ProfileId;

use super::World;
use super::given::{insert, listing, new_slug, published, registered};
use crate::listing::{DeliveryType, Listing, ListingStatus, PricingModel, Sort, SuspendedBy};
use crate::search::{FoundListings, ListingQuery, Window};

pub(super) fn query() -> ListingQuery {
    ListingQuery { limit: 100, ..ListingQuery::default() }
}

fn slugs(found: FoundListings) -> Vec<String> {
    found.items.into_iter().map(|view| view.listing.slug).collect()
}

/// What is found, and how many are said to be.
pub(super) async fn found(world: &impl World, query: &ListingQuery) -> (Vec<String>, u64) {
    let found = world.catalogue().search(query).await.unwrap();
    let total = found.total.unwrap();
    assert!(!total.is_capped);
    (slugs(found), total.count)
}

pub(super) async fn inserted(world: &impl World, seller: ProfileId, change: impl FnOnce(&mut Listing)) -> String {
    let mut listing = listing(seller, &new_slug());
    change(&mut listing);
    insert(world, &listing, None).await;
    listing.slug
}

fn micros(micros: u64) -> Price {
    Price::PerCall(MicroUsd::from_micros(micros))
}

pub async fn everybody_finds_active_listings_only(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let active = inserted(world, seller, |_| {}).await;
    inserted(world, seller, |listing| listing.status = ListingStatus::Draft).await;
    inserted(world, seller, |listing| {
        listing.status = ListingStatus::Suspended;
        listing.suspended_by = Some(SuspendedBy::Owner);
    })
    .await;
    assert_eq!(found(world, &query()).await, (vec![active], 1));
}

pub async fn an_owner_finds_all_of_its_own_and_nothing_else(world: &impl World) {
    let (one, other) = (registered(world).await.profile.id, registered(world).await.profile.id);
    let active = inserted(world, one, |_| {}).await;
    let draft = inserted(world, one, |listing| listing.status = ListingStatus::Draft).await;
    inserted(world, other, |_| {}).await;
    let own = ListingQuery { owner: Some(one), ..query() };
    assert_eq!(found(world, &own).await, (vec![draft, active], 2));
}

pub async fn a_listing_comes_with_its_provider_its_category_and_whether_it_can_be_called(world: &impl World) {
    let seller = registered(world).await.profile;
    let category = world.catalogue().categories().await.unwrap().remove(0);
    let (called, _) = published(world, seller.id).await;
    inserted(world, seller.id, |listing| listing.category = Some(category.id)).await;
    let views = world.catalogue().search(&query()).await.unwrap().items;
    let [bare, full] = views.as_slice() else { panic!("{} found", views.len()) };
    let without_long_texts = Listing {
        docs: None,
        example_outputs: Vec::new(),
        input_schema: None,
        example_input: None,
        sla: None,
        ..called
    };
    assert_eq!(full.listing, without_long_texts);
    assert!(full.has_endpoint && !bare.has_endpoint);
    assert_eq!((full.category.as_ref(), bare.category.as_ref()), (None, Some(&category)));
    assert!([full, bare].iter().all(|view| view.provider == seller));
}

pub async fn a_category_is_named_by_its_id_or_its_slug(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let categories = world.catalogue().categories().await.unwrap();
    let (first, second) = (&categories[0], &categories[1]);
    let slug = inserted(world, seller, |listing| listing.category = Some(first.id)).await;
    inserted(world, seller, |listing| listing.category = Some(second.id)).await;
    inserted(world, seller, |_| {}).await;
    for name in [first.id.to_string(), first.slug.clone()] {
        let query = ListingQuery { category: Some(name), ..query() };
        assert_eq!(found(world, &query).await, (vec![slug.clone()], 1));
    }
    for name in ["no-such-category", "", "\0", "0190a0b0-0000-7000-8000-000000000000"] {
        let query = ListingQuery { category: Some(name.to_owned()), ..query() };
        assert_eq!(found(world, &query).await, (vec![], 0), "{name:?}");
    }
}

pub async fn listings_are_filtered_by_their_pricing_model(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let paid = inserted(world, seller, |_| {}).await;
    let free = inserted(world, seller, |listing| listing.price = Price::Free).await;
    for (model, expected) in [
        (PricingModel::PerCall, vec![paid]),
        (PricingModel::Free, vec![free]),
        (PricingModel::Monthly, vec![]),
        (PricingModel::UsageTiered, vec![]),
    ] {
        let query = ListingQuery { pricing_model: Some(model), ..query() };
        assert_eq!(found(world, &query).await.0, expected, "{model:?}");
    }
}

pub async fn listings_are_filtered_by_tags_delivery_provider_and_price(world: &impl World) {
    let (one, other) = (registered(world).await.profile.id, registered(world).await.profile.id);
    let fast = inserted(world, one, |listing| {
        listing.tags = vec!["DeFi".to_owned(), "a b".to_owned()];
        listing.delivery_type = DeliveryType::Streaming;
        listing.price = micros(1);
    })
    .await;
    let slow = inserted(world, other, |listing| {
        listing.tags = vec!["defi".to_owned(), "zürich".to_owned()];
        listing.price = micros(300_000);
    })
    .await;
    let both = vec![slow.clone(), fast.clone()];
    let tags = |tags: &[&str]| ListingQuery { tags: tags.iter().map(|&tag| tag.to_owned()).collect(), ..query() };
    let price = |min: Option<u64>, max: Option<u64>| ListingQuery {
        min_price: min.map(MicroUsd::from_micros),
        max_price: max.map(MicroUsd::from_micros),
        ..query()
    };
    for (wanted, expected) in [
        (tags(&["defi"]), both.clone()),
        (tags(&["DEFI", "a b"]), vec![fast.clone()]),
        (tags(&["ZÜRICH"]), vec![slow.clone()]),
        (tags(&["def"]), vec![]),
        (tags(&["a"]), vec![]),
        (tags(&["'", "\0", "{}"]), vec![]),
        (ListingQuery { delivery_type: Some(DeliveryType::Streaming), ..query() }, vec![fast.clone()]),
        (ListingQuery { delivery_type: Some(DeliveryType::File), ..query() }, vec![]),
        (ListingQuery { provider: Some(other), ..query() }, vec![slow.clone()]),
        (price(Some(1), Some(1)), vec![fast.clone()]),
        (price(Some(2), None), vec![slow.clone()]),
        (price(None, Some(299_999)), vec![fast.clone()]),
        (price(None, Some(300_000)), both.clone()),
        (price(Some(u64::MAX), None), vec![]),
    ] {
        let count = u64::try_from(expected.len()).unwrap();
        assert_eq!(found(world, &wanted).await, (expected.clone(), count), "{wanted:?}");
        // With words, in any order, the filters hold as well.
        for sort in Sort::ALL {
            let with_words = ListingQuery { text: Some("says told".to_owned()), sort, ..wanted.clone() };
            let (mut slugs, total) = found(world, &with_words).await;
            slugs.sort();
            let mut expected = expected.clone();
            expected.sort();
            assert_eq!((slugs, total), (expected, count), "{with_words:?}");
        }
    }
}

pub async fn an_owner_asks_for_drafts_alone(world: &impl World) {
    let seller = registered(world).await.profile.id;
    inserted(world, seller, |_| {}).await;
    let draft = inserted(world, seller, |listing| listing.status = ListingStatus::Draft).await;
    let drafts = ListingQuery { owner: Some(seller), status: Some(ListingStatus::Draft), ..query() };
    assert_eq!(found(world, &drafts).await, (vec![draft.clone()], 1));
    let with_words = ListingQuery { text: Some("told".to_owned()), sort: Sort::Relevance, ..drafts };
    assert_eq!(found(world, &with_words).await, (vec![draft], 1));
}

pub async fn listings_are_sorted_as_asked(world: &impl World) {
    let (seller, buyer) = (registered(world).await.profile.id, registered(world).await.profile.id);
    let middle = inserted(world, seller, |listing| listing.price = micros(20_000)).await;
    let dear = inserted(world, seller, |listing| listing.price = micros(30_000)).await;
    let cheap = inserted(world, seller, |listing| listing.price = Price::Free).await;
    let middle_id = world.catalogue().find(&middle).await.unwrap().unwrap().listing.id;
    let dear_id = world.catalogue().find(&dear).await.unwrap().unwrap().listing.id;
    for _ in 0..2 {
        world.record_call(middle_id, buyer, true).await;
    }
    world.record_call(dear_id, buyer, true).await;
    for _ in 0..3 {
        world.record_call(dear_id, buyer, false).await;
    }
    for (sort, expected) in [
        (Sort::Newest, [&cheap, &dear, &middle]),
        (Sort::PriceLow, [&cheap, &middle, &dear]),
        (Sort::PriceHigh, [&dear, &middle, &cheap]),
        (Sort::Popular, [&middle, &dear, &cheap]),
    ] {
        let query = ListingQuery { sort, ..query() };
        assert_eq!(found(world, &query).await.0.iter().collect::<Vec<_>>(), expected, "{sort:?}");
    }
}

pub async fn pages_follow_on_one_another_and_end(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let mut all = Vec::new();
    for _ in 0..5 {
        // One price, so that only the tie-break keeps pages apart.
        all.insert(0, inserted(world, seller, |listing| listing.price = Price::Free).await);
    }
    for sort in [Sort::Newest, Sort::Popular, Sort::PriceLow, Sort::PriceHigh] {
        let mut seen = Vec::new();
        for (page, length) in [(1, 2), (2, 2), (3, 1), (4, 0), (u32::MAX, 0)] {
            let window = Window::Page(page);
            let (slugs, total) = found(world, &ListingQuery { sort, window, limit: 2, ..query() }).await;
            assert_eq!((slugs.len(), total), (length, 5), "{sort:?} {page}");
            seen.extend(slugs);
        }
        assert_eq!(seen, all, "{sort:?}");
    }
}

pub async fn a_crawl_by_cursors_sees_each_listing_once_whatever_is_published_meanwhile(world: &impl World) {
    let seller = registered(world).await.profile.id;
    // A few prices for many listings, so that the id has to tell them apart.
    let price = |number: u64| if number.is_multiple_of(3) { Price::Free } else { micros(number % 3) };
    let mut there = Vec::new();
    for number in 0..7 {
        there.push(inserted(world, seller, |listing| listing.price = price(number)).await);
    }
    there.sort();
    for text in [None, Some("told".to_owned()), Some("tolld".to_owned())] {
        for sort in [Sort::Newest, Sort::Popular, Sort::PriceLow, Sort::PriceHigh] {
            let (mut seen, mut window, mut pages) = (Vec::new(), Window::Page(1), 0);
            loop {
                let query = ListingQuery { text: text.clone(), sort, window, limit: 2, ..query() };
                let found = world.catalogue().search(&query).await.unwrap();
                assert_eq!(found.total.is_some(), pages == 0);
                let next = found.next;
                seen.extend(slugs(found));
                let Some(next) = next else { break };
                window = Window::After(next);
                pages += 1;
                if pages <= 3 {
                    inserted(world, seller, |listing| listing.price = price(pages)).await;
                }
                assert!(pages < 100, "the crawl does not end");
            }
            let mut each = seen.clone();
            each.sort();
            each.dedup();
            assert_eq!(each.len(), seen.len(), "{text:?} {sort:?}");
            assert!(there.iter().all(|slug| each.contains(slug)), "{text:?} {sort:?}");
        }
    }
}

pub async fn the_order_of_relevance_has_pages_and_no_cursors(world: &impl World) {
    let seller = registered(world).await.profile.id;
    for _ in 0..5 {
        inserted(world, seller, |_| {}).await;
    }
    let page = async |page, limit| {
        let query = ListingQuery {
            text: Some("told".to_owned()),
            sort: Sort::Relevance,
            window: Window::Page(page),
            limit,
            ..query()
        };
        let found = world.catalogue().search(&query).await.unwrap();
        assert_eq!((found.next, found.total.map(|total| total.count)), (None, Some(5)));
        slugs(found)
    };
    let whole = page(1, 100).await;
    let mut pages = page(1, 2).await;
    pages.extend(page(2, 2).await);
    pages.extend(page(3, 2).await);
    assert_eq!((pages, page(4, 2).await.len(), page(u32::MAX, 100).await.len()), (whole, 0, 0));
}
